"""What users do every day, in small programs: printing, copying, views, hooks, transforms, NumPy, mistakes."""

import copy
import math
import pickle

import numpy as np


def test_same_as_torch(both, program):
    both(program)


def leaf(torch, *values):
    return torch.tensor(list(values), requires_grad=True)


def said(*calls):
    """The type of each error, and the first words of its message."""
    found = []
    for call in calls:
        try:
            found.append(repr(call()))
        except Exception as error:
            kinds = [k.__name__ for k in (IndexError, TypeError, ValueError, AttributeError, RuntimeError)
                     if isinstance(error, k)]  # fmt: skip
            found.append(kinds[:1])
    return found


# -- printing --------------------------------------------------------------------------------------------------------


def printed_large_and_small(torch):
    x = torch.tensor([1e-5, 1.0, 12345.678, -3.0])
    return [repr(v) for v in (x, x * 1e4, x[:2], x / 1e6, torch.tensor([1e30, 1e-30]), torch.tensor([0.1 + 0.2]))]


def printed_whole_floats(torch):
    return [repr(torch.tensor(v)) for v in ([1.0, 2.0], [1e6, 2.0], [1e9, 1.0], [100000.0], [-1.0, 1e5])]


def printed_summaries_of_many_axes(torch):
    x = torch.arange(10000)
    return [repr(x), repr(x.reshape(100, 100)), repr(x.reshape(10, 10, 100)), repr(x.double().reshape(100, 100) / 7)]


def printed_bools_and_bytes(torch):
    return [repr(torch.tensor([[True], [False]])), repr(torch.tensor([255, 0], dtype=torch.uint8)),
            repr(torch.tensor([], dtype=torch.bool)), repr(torch.zeros(2, 0, 3)),
            repr(torch.zeros(0, dtype=torch.int32))]


def printed_nan_and_inf(torch):
    values = [[math.nan, 1.0], [math.inf, 1.5], [-math.inf, math.nan], [math.nan, 1e10], [math.inf, 1e-9]]
    return [repr(torch.tensor(v)) for v in values] + [repr(torch.tensor(v, dtype=torch.float64)) for v in values]


def printed_halves(torch):
    return [repr(torch.tensor([0.1, 2.0, 1000.0]).half()), repr(torch.tensor(0.5).half()), str(torch.ones(2).half())]


def printed_parameters(torch):
    p = torch.nn.Parameter(torch.tensor([[1.0, 2.0]]))
    return [repr(p), str(p), repr(torch.nn.Parameter(torch.ones(1), requires_grad=False)), repr(p.data), repr(p * 2)]


def printed_modules(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 3)
            self.rest = nn.ModuleList([nn.ReLU(), nn.Sequential(nn.Linear(3, 1), nn.Dropout(0.1))])
            self.table = nn.ModuleDict({"a": nn.Identity()})

        def extra_repr(self):
            return "mine"

    return repr(Net()), repr(nn.Sequential()), repr(nn.Sequential(nn.ReLU())), str(nn.ParameterList([torch.ones(2)]))


def printed_optimizers(torch):
    w = [leaf(torch, 1.0)]
    return [repr(torch.optim.SGD(w, lr=0.1, momentum=0.9)), repr(torch.optim.Adam([{"params": w, "lr": 0.5}], lr=0.1))]


def printed_with_options(torch):
    x = torch.tensor([1.23456789, 1000.0])
    try:
        torch.set_printoptions(precision=2)
        a = repr(x)
        torch.set_printoptions(sci_mode=True)
        b = repr(x)
        torch.set_printoptions(profile="short")
        c = repr(torch.arange(2000.0) / 3)
        torch.set_printoptions(threshold=5, edgeitems=1)
        return a, b, c, repr(torch.arange(10))
    finally:
        torch.set_printoptions(profile="default", sci_mode=None)


def printed_results_of_two(torch):
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
    return [repr(v) for v in (x.max(1), x.sort(0), x.topk(1), x.kthvalue(1), x.mode(), x.cummax(0), torch.aminmax(x))]


# -- copies and state ------------------------------------------------------------------------------------------------


def copied_modules(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    twin = copy.deepcopy(net)
    with torch.no_grad():
        net[0].weight.zero_()
    weight = twin[0].weight
    return dict(twin.state_dict()), weight is net[0].weight, weight.requires_grad, weight.is_leaf


def pickled_modules(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()).eval()
    again = pickle.loads(pickle.dumps(net))
    return repr(again), dict(again.state_dict()), again.training, [p.requires_grad for p in again.parameters()]


def copied_optimizers(torch):
    w = leaf(torch, 1.0, 2.0)
    adam = torch.optim.Adam([w], lr=0.1)
    (w * w).sum().backward()
    adam.step()
    state = copy.deepcopy(adam.state_dict())
    adam.step()
    moved = w.detach().clone()
    other = torch.optim.Adam([w], lr=0.3)
    other.load_state_dict(state)
    other.step()
    return moved, w, other.param_groups[0]["lr"], sorted(state), sorted(state["state"][0])


def state_dicts_that_do_not_fit(torch):
    nn = torch.nn
    net = nn.Linear(2, 3)
    state = net.state_dict()
    short = {"weight": state["weight"]}
    return said(lambda: net.load_state_dict(short), lambda: nn.Linear(3, 3).load_state_dict(state),
                lambda: net.load_state_dict({**state, "more": state["bias"]}),
                lambda: net.load_state_dict(short, strict=False), lambda: net.load_state_dict(state))  # fmt: skip


def state_of_nested_modules(torch):
    nn = torch.nn
    net = nn.Sequential(nn.Sequential(nn.Linear(1, 1)), nn.BatchNorm1d(1))
    net.register_buffer("mine", torch.ones(2))
    net.register_buffer("hidden", torch.ones(1), persistent=False)
    return list(net.state_dict()), [n for n, _ in net.named_parameters()], [n for n, _ in net.named_buffers()]


def copied_parameters(torch):
    p = torch.nn.Parameter(torch.ones(2))
    (p * 3).sum().backward()
    q = copy.deepcopy(p)
    return type(q).__name__, q.requires_grad, q.grad, q is p, type(pickle.loads(pickle.dumps(p))).__name__


def deepcopy_of_a_result(torch):
    y = leaf(torch, 1.0) * 2
    return said(lambda: copy.deepcopy(y), lambda: copy.deepcopy(y.detach()), lambda: pickle.dumps(y.detach()) and None)


def schedulers_resume(torch):
    w = leaf(torch, 1.0)
    sgd = torch.optim.SGD([w], lr=1.0)
    steps = torch.optim.lr_scheduler.StepLR(sgd, 2, 0.5)
    rates = []
    for _ in range(3):
        sgd.step()
        steps.step()
        rates.append(steps.get_last_lr())
    again = torch.optim.lr_scheduler.StepLR(torch.optim.SGD([w], lr=1.0), 2, 0.5)
    again.load_state_dict(steps.state_dict())
    return rates, again.last_epoch, again.get_last_lr()


# -- writes to views -------------------------------------------------------------------------------------------------


def written_through_a_chain(torch):
    x = torch.zeros(3, 4, requires_grad=True)
    y = x * 1
    y.t()[1:3].mul_(2).add_(1)
    y[0, 0] = 5
    y.sum().backward()
    return y, x.grad


def written_by_a_mask(torch):
    x = leaf(torch, 1.0, -2.0, 3.0)
    y = x * 2
    y[y < 0] = 7.0
    y[y > 5] *= 10
    (y * y).sum().backward()
    return y, x.grad


def written_every_other(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    y[::2] = y[1::2].clone()
    y[1:].mul_(3)
    y.sum().backward()
    return y, x.grad


def put_with_repeats(torch):
    x = torch.zeros(4)
    i = torch.tensor([1, 1, 3])
    v = leaf(torch, 1.0, 2.0, 3.0)
    y = x.index_put((i,), v, accumulate=True)
    (y * torch.arange(4.0)).sum().backward()
    x.index_put_((i,), torch.ones(3), accumulate=True)
    return y, v.grad, x, x.index_add(0, i, torch.ones(3)), x.scatter_add(0, i, torch.ones(3))


def a_view_outlives_its_base(torch):
    x = leaf(torch, 1.0, 2.0)
    v = (x * 3)[1:]
    v.mul_(2)
    v.sum().backward()
    return v, x.grad, v._base is not None


def versions_of_views(torch):
    x = torch.zeros(4)
    v = x[1:]
    before = x._version, v._version
    v.add_(1)
    x.detach().add_(1)
    return before, x._version, v._version, x


def views_of_leaves_refuse(torch):
    x = leaf(torch, 1.0, 2.0)
    return said(lambda: x.add_(1), lambda: x[0:1].add_(1), lambda: x.view(2, 1).mul_(2), lambda: x.expand(2, 2).add_(1))


def expanded_memory_refuses(torch):
    x = torch.zeros(1, 3).expand(2, 3)
    return said(lambda: x.add_(1), lambda: x.mul_(2)), x.is_contiguous(), x.stride()


def unbound_and_chunked(torch):
    x = leaf(torch, 1.0, 2.0, 3.0)
    a, b, c = x.unbind()
    p, q = (x * 2).chunk(2)
    (a * b + c + p.sum() * q.sum()).backward()
    return x.grad, p, q


def filled_and_zeroed(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.zero_()
    y.add_(x)
    y.fill_(3.0)
    z = y + x
    z.sum().backward()
    return y, z, x.grad


def copied_into(torch):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 5.0, 6.0)
    y = torch.zeros(2, 2)
    y[0].copy_(x * w)
    y[:, 1].copy_(torch.tensor(9.0))
    y.sum().backward()
    return y, x.grad, w.grad, y.requires_grad


# -- hooks, functions, modes -----------------------------------------------------------------------------------------


def order_of_hooks(torch):
    order = []
    x = leaf(torch, 1.0)
    y = x * 2
    y.register_hook(lambda g: order.append("y1"))
    y.register_hook(lambda g: order.append("y2") or g * 10)
    x.register_hook(lambda g: order.append(f"x {g.item()}"))
    x.register_post_accumulate_grad_hook(lambda t: order.append(f"post {t.grad.item()}"))
    y.grad_fn.register_prehook(lambda gs: order.append("pre"))
    y.grad_fn.register_hook(lambda gi, go: order.append("node"))
    y.backward()
    return order, x.grad


def order_of_module_hooks(torch):
    order = []
    net = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU())
    with torch.no_grad():
        net[0].weight.fill_(2.0)
    net.register_forward_pre_hook(lambda m, args: order.append("pre"))
    net[0].register_forward_hook(lambda m, args, out: order.append("linear") or out * 3)
    net.register_full_backward_hook(lambda m, gi, go: order.append(f"back {go[0].item()}"))
    x = torch.ones(1, 1, requires_grad=True)
    net(x).sum().backward()
    return order, x.grad


def removed_hooks(torch):
    x = leaf(torch, 1.0)
    handle = x.register_hook(lambda g: g * 100)
    (x * 2).sum().backward()
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    return x.grad


def functions_that_return_their_input(torch):
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = leaf(torch, 1.0)
    y = Same.apply(x)
    y.backward()
    return y is x, y.requires_grad, x.grad, y.grad_fn.name().startswith("Same")


def functions_of_several(torch):
    class Pair(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y, scale):
            ctx.save_for_backward(x, y)
            ctx.scale = scale
            ctx.mark_non_differentiable(marked := (x > y))
            return x * y * scale, x + y, marked

        @staticmethod
        def backward(ctx, ga, gb, gc):
            x, y = ctx.saved_tensors
            return ga * y * ctx.scale + gb, ga * x * ctx.scale + gb, None

    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    a, b, c = Pair.apply(x, y, 10.0)
    (a.sum() + b.sum()).backward()
    return a, b, c, x.grad, y.grad, c.requires_grad


def functions_with_wrong_backwards(torch):
    def of(result):
        class Wrong(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return result(g)

        return lambda: Wrong.apply(leaf(torch, 1.0, 2.0)).sum().backward()

    return said(of(lambda g: (g, g)), of(lambda g: g[:1]), of(lambda g: None), of(lambda g: g.unsqueeze(0)))


def checkpointed(torch):
    from_utils = torch.utils.checkpoint
    calls = []

    def block(x):
        calls.append(1)
        return (x.sin() * x).exp()

    x, y = leaf(torch, 0.5, 1.0), leaf(torch, 0.5, 1.0)
    out = from_utils.checkpoint(block, x, use_reentrant=False)
    out.sum().backward()
    block(y).sum().backward()
    return out, x.grad, y.grad, len(calls)


def anomalies_named(torch):
    x = leaf(torch, -1.0)
    with torch.autograd.set_detect_anomaly(True):
        return said(lambda: x.sqrt().sum().backward(), lambda: (x * 2).sum().backward()), torch.is_anomaly_enabled()


def graphs_walked_twice(torch):
    x = leaf(torch, 2.0)
    y = (x * x).exp()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad, said(lambda: y.backward(), lambda: torch.autograd.grad(y, x))


def grad_modes_nested(torch):
    x = leaf(torch, 1.0)
    seen = []
    with torch.no_grad():
        seen.append((x * 2).requires_grad)
        with torch.enable_grad():
            seen.append((x * 2).requires_grad)
        with torch.set_grad_enabled(False):
            seen.append(torch.is_grad_enabled())

    @torch.no_grad()
    def inside():
        return (x * 2).requires_grad

    with torch.inference_mode():
        seen.append((x * 2).requires_grad)
    return seen, inside(), torch.is_grad_enabled()


# -- transforms ------------------------------------------------------------------------------------------------------


def vmap_of_grad(torch):
    f = torch.func
    w, xs = torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    return f.vmap(f.grad(lambda w, x: (w * x).sum().sin()), in_dims=(None, 0))(w, xs)


def jacobians_both_ways(torch):
    f, x = torch.func, torch.tensor([0.5, 1.5])

    def g(x):
        return torch.stack([x[0] * x[1], x.sin().sum(), x[0].exp()])

    return f.jacrev(g)(x), f.jacfwd(g)(x), f.jacrev(f.jacfwd(g))(x), f.hessian(lambda x: g(x).sum())(x)


def vmap_in_and_out(torch):
    f = torch.func.vmap
    a, b = torch.arange(6.0).reshape(2, 3), torch.arange(6.0).reshape(3, 2)
    return (f(lambda x, y: x * y, in_dims=(1, 0))(a, b), f(lambda x: x * 2, in_dims=1, out_dims=1)(a),
            f(lambda x: (x, x.sum()), out_dims=(1, 0))(a), f(f(lambda x: x + 1))(a),
            f(lambda d: d["x"] * d["y"], in_dims=({"x": 0, "y": None},))({"x": a, "y": torch.ones(3)}))  # fmt: skip


def value_and_aux(torch):
    f, x = torch.func, torch.tensor([1.0, 2.0])
    return (f.grad_and_value(lambda x: (x * x).sum())(x), f.grad(lambda x: ((x**3).sum(), x * 2), has_aux=True)(x),
            f.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x + 1), f.vjp(lambda x: x * 3, x)[1](torch.ones(2)),
            f.jvp(lambda x: x.sin(), (x,), (torch.ones(2),)))  # fmt: skip


def transforms_refuse(torch):
    f = torch.func
    return said(lambda: f.grad(lambda x: x * 2)(torch.ones(2)), lambda: f.vmap(lambda x: x)(torch.tensor(1.0)),
                lambda: f.vmap(lambda x, y: x + y)(torch.ones(2), torch.ones(3)))  # fmt: skip


def functional_calls(torch):
    net = torch.nn.Linear(2, 1)
    new = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    x = torch.tensor([[1.0, 2.0]])
    gradient = torch.func.grad(lambda p: torch.func.functional_call(net, p, (x,)).sum())(new)
    return torch.func.functional_call(net, new, (x,)), gradient


# -- numbers, dtypes, NumPy ------------------------------------------------------------------------------------------


def promoted_with_scalars(torch):
    i, f, d, b = torch.tensor([1]), torch.tensor([1.0]), torch.tensor(2.0, dtype=torch.float64), torch.tensor([True])
    h, u = torch.ones(1).half(), torch.tensor([200], dtype=torch.uint8)
    return [v.dtype for v in (i + 1, i + 1.5, i * True, f * d, i * d, b + 1, b * 2.0, i / 2, u + 1, u * 1.5, h * f,
                              h * d, h * 2.5, u + i, d * i, b + b, f**2, i**2, 2**i, 2.0**i, i // 2, i % 2.5)]


def bytes_that_wrap(torch):
    u = torch.tensor([250, 3], dtype=torch.uint8)
    return u + 10, u - 4, u * 2, -u, u // 2, torch.tensor([127], dtype=torch.int8) + 1


def numpy_scalars(torch):
    x = torch.tensor([1.0, 2.0])
    return [x * np.float32(2), x + np.float64(1), np.float64(2) * 3, x[np.int64(1)], torch.full((2,), np.float32(3)),
            torch.tensor(np.int32(4)), x.reshape(np.int64(2), 1), x.sum(np.int64(0).item())]  # fmt: skip


def numpy_shares_both_ways(torch):
    a = np.arange(4.0, dtype="float32")
    x = torch.from_numpy(a)
    x[0] = 9
    a[1] = 8
    y = torch.as_tensor(a)
    y[2] = 7
    z = torch.tensor(a)
    z[3] = 0
    return x, a, x.numpy()[::2].copy(), x.t().numpy().flags["OWNDATA"], x.double().numpy().dtype == np.float64


def numpy_functions_on_tensors(torch):
    x = torch.tensor([[1.0, 4.0], [9.0, 16.0]])
    return (np.sqrt(x), np.asarray(x).sum(), np.array(x, dtype="int32"), np.mean(x.numpy()), np.concatenate([x, x]),
            isinstance(np.sqrt(x), torch.Tensor), np.allclose(x, x.numpy()), x.__array__().dtype.name)  # fmt: skip


def numpy_and_gradients(torch):
    x = leaf(torch, 1.0)
    return said(lambda: x.numpy(), lambda: np.array(x), lambda: x.detach().numpy(), lambda: np.sqrt(x))


def numpy_kinds(torch):
    kinds = "float16 float32 float64 int8 int16 int32 int64 uint8 bool".split()
    arrays = [np.ones(2, kind) for kind in kinds]
    return [torch.from_numpy(a).dtype for a in arrays], said(lambda: torch.from_numpy(np.array(["a"])),
                                                            lambda: torch.from_numpy([1]))  # fmt: skip


def negative_strides(torch):
    return said(lambda: torch.from_numpy(np.arange(3)[::-1]), lambda: torch.tensor(np.arange(3)[::-1].copy()))


# -- mistakes --------------------------------------------------------------------------------------------------------


def shapes_that_do_not_fit(torch):
    a, b = torch.ones(2, 3), torch.ones(4)
    return said(lambda: a + b, lambda: a @ a, lambda: a.view(5), lambda: torch.cat([a, b]), lambda: torch.stack([a, b]),
                lambda: a.reshape(-1, -1), lambda: a.expand(3, 3), lambda: a.squeeze(5), lambda: a[3], lambda: a[:, 5],
                lambda: a[0, 0, 0], lambda: a.permute(0), lambda: a.sum(3), lambda: a.split(0))  # fmt: skip


def types_that_do_not_fit(torch):
    x = torch.ones(2)
    return said(lambda: x + "a", lambda: torch.tensor("a"), lambda: torch.zeros("a"), lambda: x.to("nowhere"),
                lambda: torch.tensor([[1], [1, 2]]), lambda: x[1.0], lambda: x["a"], lambda: torch.exp(1),
                lambda: torch.cat(x), lambda: x.sum("a"), lambda: torch.tensor([None]), lambda: x @ 2)  # fmt: skip


def backward_refused(torch):
    x = leaf(torch, 1.0, 2.0)
    return said(lambda: (x * 2).backward(), lambda: torch.ones(1).backward(), lambda: x.detach().sum().backward(),
                lambda: (x * 2).backward(torch.ones(3)), lambda: torch.autograd.grad(x.sum(), torch.ones(2)),
                lambda: torch.autograd.grad(x.sum(), leaf(torch, 1.0)))  # fmt: skip


def module_mistakes(torch):
    nn = torch.nn

    class Forgot(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    class NoForward(nn.Module):
        pass

    return said(lambda: Forgot(), lambda: NoForward()(1), lambda: nn.Linear(2, 2)(torch.ones(3)), lambda: nn.Linear(2),
                lambda: nn.Linear(1, 1).missing, lambda: nn.Sequential(1), lambda: nn.ModuleList([1]),
                lambda: nn.CrossEntropyLoss()(torch.ones(2, 3), torch.tensor([0, 5])),
                lambda: nn.Module().register_parameter("a", torch.ones(1)))  # fmt: skip


def optimizer_mistakes(torch):
    w = leaf(torch, 1.0)
    return said(lambda: torch.optim.SGD([], lr=0.1), lambda: torch.optim.SGD([w], lr=-1.0),
                lambda: torch.optim.Adam([w], betas=(2.0, 0.9)), lambda: torch.optim.SGD([w * 2], lr=0.1),
                lambda: torch.optim.SGD(w, lr=0.1), lambda: torch.optim.SGD([1], lr=0.1))  # fmt: skip


# -- what nn.utils and data offer ------------------------------------------------------------------------------------


def clipped(torch):
    x, y = leaf(torch, 3.0, 4.0), leaf(torch, 12.0)
    (x * x / 2).sum().backward()
    (y * y / 2).sum().backward()
    total = torch.nn.utils.clip_grad_norm_([x, y], 1.0)
    norms = x.grad.clone(), y.grad.clone()
    torch.nn.utils.clip_grad_value_([x, y], 0.5)
    return total, norms, x.grad, y.grad, torch.nn.utils.clip_grad_norm_([x], 1.0, norm_type=math.inf)


def vectors_of_parameters(torch):
    net = torch.nn.Linear(2, 1)
    vector = torch.nn.utils.parameters_to_vector(net.parameters())
    torch.nn.utils.vector_to_parameters(torch.tensor([1.0, 2.0, 3.0]), net.parameters())
    return vector.shape, vector.requires_grad, dict(net.state_dict())


def padded_sequences(torch):
    rows = [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0]), torch.tensor([5.0, 6.0])]
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(rows), pad(rows, batch_first=True, padding_value=-1.0)


def packed_sequences(torch):
    rnn = torch.nn.utils.rnn
    x = torch.arange(12.0).reshape(3, 4)[..., None].requires_grad_()
    packed = rnn.pack_padded_sequence(x, [2, 4, 3], batch_first=True, enforce_sorted=False)
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True, padding_value=-1.0)
    (padded * padded).sum().backward()
    again = rnn.pad_packed_sequence(rnn.pack_sequence([torch.ones(2), torch.zeros(1)]), total_length=3)
    return (packed.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices, padded, lengths, x.grad,
            again[0], again[1], said(lambda: rnn.pack_padded_sequence(x, [1, 2, 3, 4])),
            rnn.unpad_sequence(torch.arange(6).reshape(3, 2), torch.tensor([1, 3])))  # fmt: skip


def lists_of_parameters(torch):
    nn = torch.nn
    return (repr(nn.ParameterList([torch.ones(2), torch.ones(1, 3)])), repr(nn.ParameterList()),
            repr(nn.ParameterDict({"a": torch.ones(2)})))  # fmt: skip


def collated(torch):
    collate = torch.utils.data.default_collate
    return (collate([1, 2]), collate([1.5, 2.5]), collate([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
            collate([(torch.ones(2), 1), (torch.zeros(2), 0)]), collate([np.ones(2), np.zeros(2)]),
            said(lambda: collate([object()]), lambda: collate([torch.ones(2), torch.ones(3)])))  # fmt: skip


def sampled(torch):
    data = torch.utils.data
    return (list(data.SequentialSampler(range(3))), list(data.BatchSampler(data.SequentialSampler(range(5)), 2, False)),
            list(data.BatchSampler(range(5), 2, True)), len(data.DataLoader(range(5), 2)),
            len(data.DataLoader(range(5), 2, drop_last=True)), list(data.DataLoader(range(5), 2)))  # fmt: skip


def datasets_joined(torch):
    data = torch.utils.data
    pairs = data.TensorDataset(torch.arange(3), torch.arange(3) * 2)
    both = data.ConcatDataset([pairs, pairs])
    part = data.Subset(both, [0, 5])
    refused = said(lambda: data.TensorDataset(torch.ones(2), torch.ones(3)))
    return pairs[1], len(both), both[4], len(part), part[1], refused


# -- what older programs and programs for other hardware say ---------------------------------------------------------


def said_for_other_hardware(torch):
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return (device, torch.accelerator.is_available(), torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision())  # fmt: skip


def gradients_by_the_old_argument(torch):
    x = leaf(torch, 1.0, 2.0)
    (g,) = torch.autograd.grad(outputs=x**3, inputs=x, grad_outputs=torch.ones(2), create_graph=True, only_inputs=True)
    return g, torch.autograd.grad(g.sum(), x, None, None, False, True, True)[0]


def a_diagonal_filled(torch):
    wide, x = torch.zeros(2, 3), torch.ones(3, 3, requires_grad=True)
    y = x * 2
    (y.fill_diagonal_(5.0) ** 2).sum().backward()
    return wide.fill_diagonal_(1), y, x.grad, wide


def functions_at_the_top(torch):
    x, y = torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)
    return (torch.cosine_similarity(x, y), torch.pairwise_distance(x, y), torch.layer_norm(x, (3,)), torch.selu(x),
            torch.conv1d(x[None], torch.ones(1, 2, 2)), torch.prelu(x, torch.tensor([0.5])))  # fmt: skip
