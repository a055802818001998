"""Hooks, modes, detached and copied tensors, as in torch: one small program per point."""

import copy
import pickle


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


# -- hooks and retain_grad --------------------------------------------------------------------------------------------


def a_hook_sees_and_replaces(torch):
    x, seen = leaf(torch), []
    x.register_hook(seen.append)
    x.register_hook(lambda g: g * 10)
    (x * x).backward()
    return seen, x.grad


def a_hook_on_an_inner_tensor(torch):
    x, seen = leaf(torch), []
    h = x * 2
    h.register_hook(lambda g: seen.append(g) or g + 1)
    (h * h).backward()
    return seen, x.grad


def a_hook_sees_the_sum(torch):
    x, seen = leaf(torch), []
    h = x * 2
    h.register_hook(seen.append)
    (h * h + h).backward()
    return seen


def a_removed_hook(torch):
    x, seen = leaf(torch), []
    handle = x.register_hook(seen.append)
    handle.remove()
    handle.remove()
    (x * x).backward()
    return seen


def a_hook_where_no_gradient_goes(torch):
    torch.tensor(1.0).register_hook(print)


def retained_gradients(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    h.retain_grad()
    (h * h).backward(retain_graph=True)
    (h * h).backward()
    return h.grad, x.grad, h.retains_grad, x.retains_grad


def retain_grad_where_no_gradient_goes(torch):
    torch.tensor(1.0).retain_grad()


def retain_grad_on_a_leaf(torch):
    x = leaf(torch)
    x.retain_grad()
    (x * x).backward()
    return x.grad


def a_retained_gradient_comes_after_the_hooks(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    (h * h).backward()
    return h.grad, x.grad


# -- modes, detach, data ----------------------------------------------------------------------------------------------


def no_grad(torch):
    x = leaf(torch)
    with torch.no_grad():
        y = x * 2
        with torch.enable_grad():
            z = x * 3
    return y.requires_grad, z.requires_grad, torch.is_grad_enabled()


def no_grad_as_decorator(torch):
    @torch.no_grad()
    def f(x):
        return x * 2

    return f(leaf(torch)).requires_grad, f.__name__


def no_grad_without_parentheses(torch):
    @torch.no_grad
    def f(x):
        return x * 2

    return f(leaf(torch)).requires_grad


def no_grad_ends_with_an_exception(torch):
    try:
        with torch.no_grad():
            raise KeyError
    except KeyError:
        return torch.is_grad_enabled()


def set_grad_enabled(torch):
    x = leaf(torch)
    with torch.set_grad_enabled(False):
        y = x * 2
    torch.set_grad_enabled(False)
    z = x * 2
    torch.set_grad_enabled(True)
    return y.requires_grad, z.requires_grad, (x * 2).requires_grad


def inference_mode_like_updates(torch):
    w = leaf(torch, 1.0, 2.0)
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    return w, w.is_leaf, w.grad


def update_through_data(torch):
    w = leaf(torch, 1.0, 2.0)
    (w * w).sum().backward()
    w.data -= 0.1 * w.grad.data
    w.data.add_(1)
    w.grad.data.zero_()
    return w, w.grad


def data_is_replaced(torch):
    w = leaf(torch, 1.0, 2.0)
    w.data = torch.tensor([5.0, 6.0, 7.0])
    (w * w).sum().backward()
    return w, w.grad


def detach_shares_memory(torch):
    x = leaf(torch, 1.0, 2.0)
    d = x.detach()
    d[0] = 9
    return x, d


def detached_parts_are_constants(torch):
    x = leaf(torch)
    (x * x.detach()).backward()
    return x.grad


def detach_in_place(torch):
    x = leaf(torch)
    y = (x * 2).detach_()
    return y.requires_grad, y.is_leaf


def deepcopy_of_a_leaf(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    y.data[0] = 9
    return x, y, y.grad, y.is_leaf


def deepcopy_of_a_result(torch):
    copy.deepcopy(leaf(torch) * 2)


def pickle_of_a_leaf(torch):
    y = pickle.loads(pickle.dumps(leaf(torch, 1.0, 2.0)))
    return y, y.is_leaf


# -- the graph itself ----------------------------------------------------------------------------------------------


def grad_fn_names(torch):
    x, w = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    results = [x + 1, x - 1, x * w, x / w, x**2, -x, x.abs(), x.exp(), x.log(), x.sqrt(), x.sin(), x.cos(), x.tanh(),
               x.sigmoid(), x.relu(), x.sum(), x.mean(), x.view(4), torch.maximum(x, w), torch.where(x > 0, x, w),
               x.unsqueeze(0), x.expand(3, 2, 2), x.permute(1, 0), torch.exp(x), torch.add(x, w), x.t()]
    return [r.grad_fn.name() for r in results]


def next_functions(torch):
    x = leaf(torch)
    y = (x * 2) * x
    (first, second) = y.grad_fn.next_functions
    return first[0].name(), second[0].name(), second[0].variable is x, first[1]


def names_of_views_and_casts(torch):
    x = torch.ones(2, 3, requires_grad=True)
    results = [
        x[0], x[:, 0], x[1:], x[0, 1:], x[None], x[..., None], x.select(0, 1), x.narrow(0, 0, 1), x.double(),
        x.to(torch.float64), x.clone(), x.T, x.mT, x.transpose(0, 1), x.permute(1, 0), x.reshape(6), x.flatten(),
        x.view(3, 2), x.unsqueeze(0), x.expand(4, 2, 3), x.chunk(2)[0], x.split(1)[0], torch.stack([x, x]),
        torch.cat([x, x]), x[torch.tensor([0])], x @ x.T,
    ]  # fmt: skip
    return [result.grad_fn.name() for result in results]
