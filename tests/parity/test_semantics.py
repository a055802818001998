"""What tensors, shapes, dtypes and devices say of themselves, as in torch: one small program per point."""

import copy
import io
import math
import pickle

import numpy as np


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


def tried(*calls):
    """What each call returns, or the type of its error."""
    found = []
    for call in calls:
        try:
            found.append(call())
        except Exception as error:
            found.append(type(error).__mro__[-4 if isinstance(error, NotImplementedError) else -3].__name__)
    return found


def sizes(torch):
    s = torch.zeros(2, 3, 4).shape
    return [
        repr(s),
        s.numel(),
        s[0],
        s[-1],
        s[1:],
        s == (2, 3, 4),
        s + (5,),  # noqa: RUF005
        len(s),
        list(s),
        tuple(s),
        s.index(3),
        s.count(2),
        isinstance(s, tuple),
        hash(s) == hash((2, 3, 4)),
        type(s[1:]).__name__,
        type(s + (5,)).__name__,  # noqa: RUF005
        2 * s,
        repr(torch.Size([1])),
    ]


def size_of_nothing(torch):
    return (
        repr(torch.Size([])),
        torch.Size().numel(),
        torch.tensor(1.0).shape == torch.Size([]),
        torch.Size((2, 3)).numel(),
    )


def size_words(torch):
    x = torch.zeros(2, 3)
    return (
        x.size(),
        x.size(-1),
        x.size(0),
        x.dim(),
        x.ndim,
        x.numel(),
        x.nelement(),
        torch.numel(x),
        x.ndimension(),
        x.itemsize,
    )


def size_out_of_range(torch):
    return tried(lambda: torch.zeros(2).size(1), lambda: torch.zeros(2).size(-2), lambda: torch.tensor(1.0).size(0))


def limits_of_floats(torch):
    return [
        [i.eps, i.max, i.min, i.tiny, i.bits, i.dtype, i.smallest_normal, i.resolution]
        for i in map(torch.finfo, (torch.float32, torch.float64, torch.float16))
    ] + [repr(torch.finfo(torch.float32)), torch.finfo().bits]


def limits_of_integers(torch):
    return [
        [i.max, i.min, i.bits, i.dtype]
        for i in map(torch.iinfo, (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64))
    ] + [repr(torch.iinfo(torch.int8))]


def limits_of_the_wrong_kind(torch):
    return tried(lambda: torch.finfo(torch.int32), lambda: torch.iinfo(torch.float32))


def names_of_dtypes(torch):
    return [
        str(getattr(torch, name)) for name in ("float double half long int short bool uint8 int8 complex64").split()
    ]


def traits_of_dtypes(torch):
    kinds = [
        torch.float32,
        torch.float64,
        torch.float16,
        torch.int64,
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.complex64,
    ]
    return [(d.is_floating_point, d.is_complex, d.is_signed, d.itemsize) for d in kinds]


def dtypes_are_one(torch):
    return (
        torch.float is torch.float32,
        pickle.loads(pickle.dumps(torch.int8)) is torch.int8,
        copy.deepcopy(torch.bool) is torch.bool,
    )


def promoted(torch):
    kinds = [
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.float32,
        torch.float64,
        torch.complex64,
    ]
    return [str(torch.promote_types(a, b)) for a in kinds for b in kinds]


def castable(torch):
    kinds = [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.float64, torch.complex64]
    return [torch.can_cast(a, b) for a in kinds for b in kinds]


def result_types(torch):
    x, i, s = torch.ones(2), torch.ones(2, dtype=torch.int32), torch.tensor(1.0, dtype=torch.float64)
    return [str(torch.result_type(a, b)) for a in (x, i, s, 1, 2.5, True) for b in (x, i, s, 1, 2.5, True)]


def questions(torch):
    x, i = torch.ones(2), torch.ones(2, dtype=torch.int64)
    return [
        torch.is_floating_point(x),
        torch.is_floating_point(i),
        x.is_floating_point(),
        torch.is_complex(x),
        x.is_complex(),
        torch.is_tensor(x),
        torch.is_tensor(1),
        torch.is_nonzero(torch.tensor(2)),
        x.is_signed(),
        torch.is_tensor(np.ones(1)),
    ]


def devices(torch):
    d = torch.device("cpu")
    x = torch.zeros(2)
    return [
        repr(d),
        str(d),
        d.type,
        d.index,
        d == x.device,
        x.to(d) is x,
        x.cpu() is x,
        x.is_cuda,
        str(x.device),
        torch.zeros(2, device="cpu"),
        torch.ones(1, device=d),
        x.to(device="cpu", dtype=torch.float64),
        hash(d) == hash(x.device),
    ]


def no_gpu(torch):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return str(device), torch.cuda.device_count(), torch.cuda.is_available()


def a_device_that_is_not_there(torch):
    return tried(lambda: torch.device("nowhere"), lambda: torch.device(""))


def threads(torch):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    now = torch.get_num_threads()
    torch.set_num_threads(before)
    return now, isinstance(before, int), tried(lambda: torch.set_num_threads(0), lambda: torch.set_num_threads(1.5))


def the_version(torch):
    return isinstance(torch.__version__, str), len(torch.__version__.split(".")) >= 3


def old_constructors(torch):
    return [
        torch.FloatTensor([1, 2]),
        torch.LongTensor([1, 2]),
        torch.IntTensor([1]),
        torch.DoubleTensor([0.5]),
        torch.ByteTensor([1]),
        torch.BoolTensor([True, False]),
        torch.HalfTensor([0.5]),
        torch.Tensor([1, 2]),
        torch.Tensor(2, 3).shape,
        torch.FloatTensor(2, 3).shape,
        torch.LongTensor(2).dtype,
        torch.Tensor().shape,
        torch.Tensor([[1.0], [2.0]]),
        torch.FloatTensor().shape,
    ]


def types_by_name(torch):
    kinds = [torch.float32, torch.int64, torch.bool, torch.float64, torch.uint8, torch.int32]
    x = torch.ones(2)
    return [torch.ones(1, dtype=d).type() for d in kinds], x.type(torch.int64), x.type("torch.DoubleTensor")


def instances(torch):
    x = torch.ones(2)
    return isinstance(x, torch.Tensor), isinstance(x, torch.FloatTensor), isinstance(x, torch.LongTensor)


def pickled(torch):
    x = torch.arange(6.0).reshape(2, 3)
    tensors = [x, x.T, x[1], leaf(torch, 1.0), torch.tensor(2), torch.zeros(0, 3), torch.tensor([True])]
    return [pickle.loads(pickle.dumps(t)) for t in tensors]


def pickled_inside(torch):
    d = pickle.loads(pickle.dumps({"a": torch.ones(2), "b": [torch.tensor(1)]}))
    return d, d["a"].is_leaf


def pickled_result(torch):
    y = pickle.loads(pickle.dumps((leaf(torch) * 2).detach()))
    return y, y.requires_grad


def copied(torch):
    x = torch.arange(4.0)
    y, z = copy.copy(x), copy.deepcopy(x)
    x[0] = 9
    return y, z


def deepcopied_together(torch):
    x = torch.ones(2)
    d = copy.deepcopy({"a": x, "b": x})
    d["a"][0] = 5
    return d["b"], d["a"] is d["b"], x


def deepcopied_with_grad(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    y.grad[0] = 7
    return y.requires_grad, y.is_leaf, y.grad, x.grad


def deepcopied_views(torch):
    x = torch.arange(4.0)
    views = copy.deepcopy([x, x[1:]])
    views[0][1] = 9
    return views[1]


def formats(torch):
    x = torch.tensor(2.5)
    return [
        f"{x}",
        f"{x:.3f}",
        f"{x:8.2f}|",
        "%.2f" % x,  # noqa: UP031
        "{}".format(x),  # noqa: UP032
        f"{torch.tensor(3):d}",
        f"{torch.ones(2)}",
        str(x),
        repr(x),
        f"{torch.tensor(True)}",
        f"{x.item():.1f}",
        f"{torch.tensor(7):5}|",
    ]


def formats_refused(torch):
    return tried(lambda: f"{torch.ones(2):.2f}", lambda: "%d" % torch.ones(2))  # noqa: UP031


def numbers(torch):
    x = torch.tensor(2.7)
    return [
        int(x),
        float(x),
        bool(x),
        round(x.item(), 1),
        x.item(),
        math.sqrt(torch.tensor(4.0)),
        int(torch.tensor([[3]])),
        complex(x),
        range(5)[torch.tensor(2)],
        [1, 2, 3][torch.tensor(0)],
        bool(torch.tensor([0])),
        bool(torch.tensor(0.0)),
        2 in torch.arange(3),
    ]


def numbers_refused(torch):
    two = torch.ones(2)
    return tried(
        lambda: int(two),
        lambda: float(two),
        lambda: bool(two),
        lambda: two.item(),
        lambda: [1, 2][torch.tensor(1.0)],
        lambda: bool(torch.zeros(0)),
        lambda: int(torch.zeros(0)),
        lambda: len(torch.tensor(1)),
        lambda: list(torch.tensor(1)),
        lambda: torch.zeros(0).item(),
        lambda: range(3)[two],
        lambda: torch.tensor(1.5).__index__(),
    )


def iterated(torch):
    x = torch.arange(6.0).reshape(2, 3)
    a, b = x
    return (
        a,
        b,
        [row.sum() for row in x],
        len(x),
        list(torch.zeros(0, 2)),
        [v.item() for v in torch.arange(3)],
        max(torch.arange(3)),
    )


def iterated_with_gradients(torch):
    x = leaf(torch, 1.0, 2.0)
    a, b = x
    (a * b).backward()
    return x.grad, a.requires_grad


def contained(torch):
    x = torch.arange(4.0)
    return 2 in x, 7.0 in x, torch.tensor(1.0) in x


def hashes(torch):
    x, y = torch.ones(1), torch.ones(1)
    return len({x, y, x}), hash(x) == hash(x), {x: 1}[x], x == y


def compared_with_none(torch):
    x = torch.ones(2)
    return x is None, (x == None) is False, (x != None) is True  # noqa: E711


def attributes(torch):
    x = torch.ones(2)
    x.note = "mine"
    return x.note, hasattr(x, "nothing_like_it"), tried(lambda: x.nothing_like_it)


def leaves_and_results(torch):
    x = leaf(torch)
    y = x * 2
    return [
        x.is_leaf,
        y.is_leaf,
        x.grad_fn,
        y.requires_grad,
        x.detach().requires_grad,
        x.requires_grad_(False) is x,
        x.requires_grad,
    ]


def requires_grad_of_integers(torch):
    return tried(
        lambda: torch.tensor([1]).requires_grad_(),
        lambda: torch.ones(2, dtype=torch.int64, requires_grad=True),
        lambda: torch.tensor([True]).requires_grad_(),
        lambda: torch.tensor([1]).requires_grad_(False),
    )


def requires_grad_set_to_none(torch):
    return tried(
        lambda: torch.ones(1).requires_grad_(True).requires_grad, lambda: (leaf(torch) * 2).requires_grad_(False)
    )


def default_dtypes(torch):
    try:
        torch.set_default_dtype(torch.float64)
        return [
            torch.tensor(1.5),
            torch.ones(1),
            torch.arange(3) / 2,
            torch.tensor([1]),
            torch.full((1,), 2.0),
            torch.tensor(1j),
            torch.eye(1),
            torch.linspace(0, 1, 2),
            repr(torch.tensor([1.0])),
            torch.zeros(1).sin() + 1,
            torch.arange(2.0),
        ]
    finally:
        torch.set_default_dtype(torch.float32)


def printed_dtypes(torch):
    kinds = [
        torch.float16,
        torch.float32,
        torch.float64,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.uint8,
        torch.bool,
        torch.complex64,
        torch.complex128,
    ]
    return (
        [repr(torch.ones(2, dtype=d)) for d in kinds]
        + [repr(torch.zeros((), dtype=d)) for d in kinds]
        + [repr(torch.zeros(0, dtype=d)) for d in kinds]
    )


def printed_summaries(torch):
    return [
        repr(torch.arange(2000)),
        repr(torch.arange(2000.0)),
        repr(torch.zeros(40, 40)),
        repr(torch.zeros(2, 1001)),
        repr(torch.ones(1001, 1, 2)),
    ]


def printed_values(torch):
    values = [
        [1e10, 1.0],
        [1e-8, 1.0],
        [math.nan, math.inf, -1.5],
        [1000000.0],
        [123456.78],
        [0.1, 0.22, 0.333],
        [-0.0, 0.0],
        [1e-20],
    ]
    return [repr(torch.tensor(v)) for v in values] + [
        repr(torch.tensor([1 + 2j, -0.5j])),
        repr(torch.tensor([10, -200])),
    ]


def printed_with_gradients(torch):
    x = leaf(torch, 1.0, 2.0)
    with torch.no_grad():
        z = x * 2
    return [repr(v) for v in (x, x * 2, (x * 2).sum(), z, x.detach(), x[0], x.double(), x.exp().view(2, 1))]


def numpy_sharing(torch):
    x = torch.zeros(3)
    a = x.numpy()
    a[0] = 5
    x[1] = 7
    y = torch.from_numpy(np.arange(3.0))
    return x, a.tolist(), y, str(a.dtype), np.asarray(x).tolist(), np.array(x).sum().item(), float(np.float32(x[0]))


def numpy_refused(torch):
    x = leaf(torch, 1.0)
    return tried(
        lambda: x.numpy(), lambda: np.asarray(x), lambda: x.detach().numpy().tolist(), lambda: torch.from_numpy([1.0])
    )


def numpy_and_tensors(torch):
    x, a = torch.ones(2), np.array([1.0, 2.0], dtype="float32")
    return [
        x + torch.from_numpy(a),
        torch.tensor(a) * 2,
        torch.as_tensor(a) is not None,
        torch.tensor(np.float64(2.5)),
        torch.tensor(np.arange(3, dtype="uint8")),
        (x * np.float32(2)),
        torch.from_numpy(a[::1]).sum(),
    ]


def strides(torch):
    x = torch.zeros(2, 3, 4)
    return [
        x.stride(),
        x.stride(1),
        x.permute(2, 0, 1).stride(),
        x[:, ::2].stride(),
        x.is_contiguous(),
        x.T.is_contiguous() if False else x.transpose(0, 1).is_contiguous(),
        x.transpose(0, 1).contiguous().stride(),
        x[0].storage_offset(),
        x[1].storage_offset(),
    ]


def the_same_memory(torch):
    x = torch.zeros(2, 3)
    return (
        x.data_ptr() == x.view(6).data_ptr(),
        x.data_ptr() == x.clone().data_ptr(),
        x.data_ptr() == x.detach().data_ptr(),
    )


def huge_rank(torch):
    x = torch.ones([1] * 20)
    return x.dim(), (x * 2).sum(), x.squeeze().dim()


def empty_tensors(torch):
    x = torch.zeros(0, 3)
    return [
        x.sum(),
        x.sum(0),
        x.numel(),
        (x * 2).shape,
        x.tolist(),
        torch.tensor([]).dtype,
        x.mean(0),
        torch.cat([x, x]).shape,
        torch.zeros(0).prod() if hasattr(x, "prod") else None,
    ]


def gradients_through_empty(torch):
    x = torch.zeros(0, requires_grad=True)
    (x * 2).sum().backward()
    return x.grad


def grad_of_detached_memory(torch):
    x = leaf(torch, 1.0, 2.0)
    d = x.detach()
    d.mul_(10)
    return x, d.requires_grad, x._version, d._version


def tensors_with_dtype_arguments(torch):
    return [
        torch.arange(3, dtype=torch.float64),
        torch.zeros(2, dtype=int),
        torch.ones(1, dtype=bool),
        torch.tensor([1.9], dtype=torch.int32),
        torch.tensor(5, dtype=torch.bool),
        torch.full((1,), 1, dtype=torch.float16),
        torch.zeros_like(torch.ones(2), dtype=torch.int8),
    ]


def saved_in_memory(torch):
    buffer = io.BytesIO()
    pickle.dump([torch.ones(2), torch.tensor(3)], buffer)
    return pickle.loads(buffer.getvalue())


def constants(torch):
    return torch.pi, torch.e, torch.inf, math.isnan(torch.nan)
