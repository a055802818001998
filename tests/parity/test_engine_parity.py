"""Leaves, gradients, hooks, modes, views and in-place writes, as in torch: one small program per point."""

import copy
import pickle

import pytest

PROGRAMS = []


def program(function):
    PROGRAMS.append(function)
    return function


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda function: function.__name__)
def test_same_under_both(both, function):
    both(function)


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


# -- leaves and accumulation -----------------------------------------------------------------------------------------


@program
def a_fresh_leaf(torch):
    x = leaf(torch)
    return x, x.is_leaf, x.grad, x.grad_fn, x.requires_grad


@program
def gradients_accumulate(torch):
    x = leaf(torch, 1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    return x.grad


@program
def gradients_accumulate_in_place(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    return first, first is x.grad


@program
def both_edges_of_a_square(torch):
    x = leaf(torch)
    y = x * x
    y.backward()
    return x.grad, len(y.grad_fn.next_functions)


@program
def a_diamond(torch):
    x = leaf(torch)
    a = x * 2
    (a.sin() * a.cos() + a).backward()
    return x.grad


@program
def a_shared_node(torch):
    x = leaf(torch, 1.0, 2.0)
    shared = x.exp()
    (shared.sum() + (shared * shared).sum() + shared[0]).backward()
    return x.grad


@program
def the_gradient_of_a_sum_has_its_own_memory(torch):
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 1.0, 2.0)
    (x + y).sum().backward()
    x.grad[0] = 7
    return x.grad, y.grad


@program
def the_gradient_given_is_not_kept(torch):
    x, g = leaf(torch, 1.0, 2.0), torch.tensor([1.0, 10.0])
    (x + 0).backward(g)
    (x * 1).backward(g)
    x.grad += 1
    return x.grad, g


@program
def a_leaf_is_its_own_root(torch):
    x = leaf(torch)
    x.backward()
    x.backward(torch.tensor(5.0))
    return x.grad


@program
def the_gradient_has_the_dtype_of_the_leaf(torch):
    x, w = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    (x * w).sum().backward()
    return x.grad, w.grad


@program
def broadcasting_is_summed(torch):
    x, y, z = torch.ones(2, 1, requires_grad=True), torch.ones(3, requires_grad=True), leaf(torch)
    (x * y * z).sum().backward()
    return x.grad, y.grad, z.grad


@program
def requires_grad_of_results(torch):
    x, c = leaf(torch), torch.tensor(1.0)
    return (x * c).requires_grad, (c * c).requires_grad, (x > 1).requires_grad, x.long().requires_grad, x.sign().requires_grad


@program
def is_leaf_of_results(torch):
    x, c = leaf(torch), torch.tensor(1.0)
    return (x * c).is_leaf, (c * c).is_leaf, x.detach().is_leaf, (x > 1).is_leaf, x.clone().is_leaf


@program
def turning_off_a_leaf(torch):
    x = leaf(torch)
    x.requires_grad = False
    return (x * 2).requires_grad


@program
def turning_off_a_result(torch):
    y = leaf(torch) * 2
    y.requires_grad = False


@program
def turning_on_a_result_again(torch):
    y = leaf(torch) * 2
    y.requires_grad_()
    return y.requires_grad, y.is_leaf


@program
def integers_cannot_require_grad(torch):
    torch.tensor([1, 2], requires_grad=True)


@program
def integers_cannot_be_made_to(torch):
    torch.tensor([1, 2]).requires_grad_()


@program
def grad_of_a_result_is_none(torch):
    y = leaf(torch) * 2
    y.backward()
    return y.grad


@program
def grad_set_by_hand(torch):
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.tensor([5.0, 6.0])
    x.sum().backward()
    return x.grad


@program
def grad_of_another_shape(torch):
    leaf(torch, 1.0, 2.0).grad = torch.tensor([5.0])


@program
def grad_of_another_dtype(torch):
    leaf(torch, 1.0, 2.0).grad = torch.tensor([5.0, 6.0], dtype=torch.float64)


@program
def grad_that_is_no_tensor(torch):
    leaf(torch, 1.0).grad = 3


# -- backward --------------------------------------------------------------------------------------------------------


@program
def backward_of_a_vector(torch):
    (leaf(torch, 1.0, 2.0) * 2).backward()


@program
def backward_of_one_element(torch):
    x = leaf(torch, 3.0)
    (x * x).backward()
    return x.grad


@program
def backward_without_a_graph(torch):
    torch.tensor(1.0).backward()


@program
def backward_with_a_gradient(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).backward(torch.tensor([1.0, 10.0]))
    return x.grad


@program
def backward_with_a_gradient_of_another_shape(torch):
    (leaf(torch, 1.0, 2.0) * 2).backward(torch.tensor([1.0]))


@program
def backward_twice(torch):
    x = leaf(torch)
    y = x * x
    y.backward()
    y.backward()


@program
def backward_twice_where_nothing_was_saved(torch):
    x = leaf(torch)
    y = x + 1
    y.backward()
    y.backward()
    return x.grad


@program
def backward_twice_with_retain_graph(torch):
    x = leaf(torch)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@program
def two_losses_share_a_part(torch):
    x = leaf(torch)
    h = x.exp()
    (h * 2).backward()
    (h * 3).backward()


@program
def backward_to_some_inputs(torch):
    x, y = leaf(torch), leaf(torch)
    (x * y).backward(inputs=[x])
    return x.grad, y.grad


@program
def backward_to_an_inner_tensor(torch):
    x = leaf(torch)
    h = x * 2
    (h * h).backward(inputs=[h])
    return h.grad, x.grad


@program
def backward_keeping_the_graph_of_the_gradient(torch):
    x = leaf(torch)
    (x**3).backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.backward()
    return g, x.grad


@program
def backward_of_two_tensors(torch):
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.backward([x.sum(), (x * x)], [None, torch.ones(2)])
    return x.grad


# -- autograd.grad ---------------------------------------------------------------------------------------------------


@program
def grad_leaves_grad_alone(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * x, x), x.grad


@program
def grad_of_several(torch):
    x, y = leaf(torch), leaf(torch)
    return torch.autograd.grad(x * x * y, (x, y))


@program
def grad_of_an_unused_input(torch):
    torch.autograd.grad(leaf(torch) * 2, [leaf(torch)])


@program
def grad_of_an_unused_input_allowed(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * 2, [x, leaf(torch)], allow_unused=True)


@program
def grad_of_an_unused_input_made_zero(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * 2, [x, leaf(torch, 1.0, 2.0)], allow_unused=True, materialize_grads=True)


@program
def grad_of_an_input_that_needs_none(torch):
    x = leaf(torch)
    torch.autograd.grad(x * 2, [torch.tensor(1.0)], allow_unused=True)


@program
def grad_with_respect_to_an_inner_tensor(torch):
    x = leaf(torch)
    h = x * 2
    return torch.autograd.grad(h * h * x, [h, x])


@program
def grad_with_respect_to_the_output(torch):
    x = leaf(torch)
    y = x * 2
    return torch.autograd.grad(y, [y, x])


@program
def grad_of_a_vector_needs_grad_outputs(torch):
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.grad(x * 2, x)


@program
def grad_outputs(torch):
    x = leaf(torch, 1.0, 2.0)
    return torch.autograd.grad([x * x, x * 3], x, [torch.tensor([1.0, 10.0]), torch.tensor([1.0, 1.0])])


@program
def the_same_input_twice(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * x, [x, x])


@program
def third_derivative(torch):
    x = leaf(torch)
    g = x**5
    for _ in range(3):
        (g,) = torch.autograd.grad(g, x, create_graph=True)
    return g


@program
def no_graph_of_the_gradient_without_create_graph(torch):
    x = leaf(torch)
    (g,) = torch.autograd.grad(x**3, x)
    return g.requires_grad, g.grad_fn


@program
def a_gradient_penalty(torch):
    w = leaf(torch, 0.5, -1.0)
    x = leaf(torch, 1.0, 2.0)
    y = (w * x).tanh().sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (y + (g * g).sum()).backward()
    return w.grad, x.grad


# -- hooks and retain_grad -------------------------------------------------------------------------------------------


@program
def a_hook_sees_and_replaces(torch):
    x, seen = leaf(torch), []
    x.register_hook(seen.append)
    x.register_hook(lambda g: g * 10)
    (x * x).backward()
    return seen, x.grad


@program
def a_hook_on_an_inner_tensor(torch):
    x, seen = leaf(torch), []
    h = x * 2
    h.register_hook(lambda g: seen.append(g) or g + 1)
    (h * h).backward()
    return seen, x.grad


@program
def a_hook_sees_the_sum(torch):
    x, seen = leaf(torch), []
    h = x * 2
    h.register_hook(seen.append)
    (h * h + h).backward()
    return seen


@program
def a_removed_hook(torch):
    x, seen = leaf(torch), []
    handle = x.register_hook(seen.append)
    handle.remove()
    handle.remove()
    (x * x).backward()
    return seen


@program
def a_hook_where_no_gradient_goes(torch):
    torch.tensor(1.0).register_hook(print)


@program
def retained_gradients(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    h.retain_grad()
    (h * h).backward(retain_graph=True)
    (h * h).backward()
    return h.grad, x.grad, h.retains_grad, x.retains_grad


@program
def retain_grad_where_no_gradient_goes(torch):
    torch.tensor(1.0).retain_grad()


@program
def retain_grad_on_a_leaf(torch):
    x = leaf(torch)
    x.retain_grad()
    (x * x).backward()
    return x.grad


@program
def a_retained_gradient_comes_after_the_hooks(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    (h * h).backward()
    return h.grad, x.grad


# -- modes, detach, data ---------------------------------------------------------------------------------------------


@program
def no_grad(torch):
    x = leaf(torch)
    with torch.no_grad():
        y = x * 2
        with torch.enable_grad():
            z = x * 3
    return y.requires_grad, z.requires_grad, torch.is_grad_enabled()


@program
def no_grad_as_decorator(torch):
    @torch.no_grad()
    def f(x):
        return x * 2

    return f(leaf(torch)).requires_grad, f.__name__


@program
def no_grad_without_parentheses(torch):
    @torch.no_grad
    def f(x):
        return x * 2

    return f(leaf(torch)).requires_grad


@program
def no_grad_ends_with_an_exception(torch):
    try:
        with torch.no_grad():
            raise KeyError
    except KeyError:
        return torch.is_grad_enabled()


@program
def set_grad_enabled(torch):
    x = leaf(torch)
    with torch.set_grad_enabled(False):
        y = x * 2
    torch.set_grad_enabled(False)
    z = x * 2
    torch.set_grad_enabled(True)
    return y.requires_grad, z.requires_grad, (x * 2).requires_grad


@program
def inference_mode_like_updates(torch):
    w = leaf(torch, 1.0, 2.0)
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    return w, w.is_leaf, w.grad


@program
def update_through_data(torch):
    w = leaf(torch, 1.0, 2.0)
    (w * w).sum().backward()
    w.data -= 0.1 * w.grad.data
    w.data.add_(1)
    w.grad.data.zero_()
    return w, w.grad


@program
def data_is_replaced(torch):
    w = leaf(torch, 1.0, 2.0)
    w.data = torch.tensor([5.0, 6.0, 7.0])
    (w * w).sum().backward()
    return w, w.grad


@program
def detach_shares_memory(torch):
    x = leaf(torch, 1.0, 2.0)
    d = x.detach()
    d[0] = 9
    return x, d


@program
def detached_parts_are_constants(torch):
    x = leaf(torch)
    (x * x.detach()).backward()
    return x.grad


@program
def detach_in_place(torch):
    x = leaf(torch)
    y = (x * 2).detach_()
    return y.requires_grad, y.is_leaf


@program
def deepcopy_of_a_leaf(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    y.data[0] = 9
    return x, y, y.grad, y.is_leaf


@program
def deepcopy_of_a_result(torch):
    copy.deepcopy(leaf(torch) * 2)


@program
def pickle_of_a_leaf(torch):
    y = pickle.loads(pickle.dumps(leaf(torch, 1.0, 2.0)))
    return y, y.is_leaf


# -- in-place and views ----------------------------------------------------------------------------------------------


@program
def in_place_on_a_leaf(torch):
    x = leaf(torch)
    x += 1


@program
def in_place_on_a_view_of_a_leaf(torch):
    x = leaf(torch, 1.0, 2.0)
    x[0] = 5


@program
def in_place_on_a_result(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y += x
    y *= x
    y.sum().backward()
    return y, x.grad


@program
def in_place_on_what_was_saved(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y * y
    y += 1
    z.sum().backward()


@program
def in_place_on_what_was_not_saved(torch):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    h = x * w
    h += 1
    h.relu_()
    h.sum().backward()
    return x.grad, w.grad


@program
def in_place_on_a_saved_output(torch):
    y = leaf(torch, 1.0, 2.0).exp()
    y += 1
    y.sum().backward()


@program
def in_place_on_a_view_of_what_was_saved(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y * y
    y[0] = 7
    z.sum().backward()


@program
def in_place_on_a_constant_that_was_saved(torch):
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0])
    y = x * c
    c.zero_()
    y.sum().backward()


@program
def in_place_through_data_is_not_seen(torch):
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0])
    y = x * c
    c.data.zero_()
    y.sum().backward()
    return x.grad


@program
def in_place_through_detach_is_seen(torch):
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0])
    y = x * c
    c.detach().zero_()
    y.sum().backward()


@program
def a_constant_begins_to_need_a_gradient(torch):
    x, out = leaf(torch, 1.0, 2.0), torch.zeros(2)
    out += x * x
    out.sum().backward()
    return out.requires_grad, out.is_leaf, x.grad


@program
def a_row_is_written(torch):
    x, out = leaf(torch, 1.0, 2.0), torch.zeros(2, 2)
    out[0] = x * x
    out[1, 1] = x[0]
    (out * out).sum().backward()
    return out, x.grad


@program
def a_write_cuts_the_gradient(torch):
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * 2
    y[1] = 5
    y.sum().backward()
    return x.grad


@program
def a_view_sees_a_write_to_its_base(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    v = y.view(2, 2)
    y *= 3
    (v[0] * v[1]).sum().backward()
    return v, x.grad


@program
def the_base_sees_a_write_to_its_view(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    v = y.view(2, 2)
    v *= 3
    v[0] += x[:2]
    (y * y).sum().backward()
    return y, x.grad


@program
def a_view_sees_a_write_to_another_view(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    a, b = y.view(2, 2), y[1:3]
    a.mul_(2)
    b.add_(x[0])
    (a * a).sum().backward()
    return a, b, x.grad


@program
def a_chain_of_views_is_written(torch):
    x = leaf(torch, *map(float, range(12)))
    y = (x * 1).reshape(3, 4)
    part = y.t()[1:3].transpose(0, 1)[0]
    part *= x[1]
    (y * y).sum().backward()
    return y, x.grad


@program
def a_transposed_view_is_written(torch):
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 2
    y.T[1] = x.sum(0)[:2] * 3
    (y * torch.arange(6.0).view(2, 3)).sum().backward()
    return y, x.grad


@program
def an_expanded_view_has_one_gradient(torch):
    x = leaf(torch, 1.0)
    y = x.expand(3, 1)
    (y * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    return x.grad


@program
def views_of_leaves_carry_gradients(torch):
    x = torch.ones(2, 3, requires_grad=True)
    (x[0] * 2 + x.T[:, 1] * 3 + x.reshape(6)[1:4]).sum().backward()
    return x.grad


@program
def in_place_shapes(torch):
    x = torch.ones(3)
    x += torch.ones(2, 3)


@program
def in_place_dtypes(torch):
    x = torch.tensor([1, 2])
    x += 0.5


@program
def in_place_keeps_its_dtype(torch):
    x, y = torch.ones(2), torch.ones(2, dtype=torch.float64)
    z = x
    x += y
    return x, z is x


@program
def in_place_with_itself(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    y *= y
    y.sum().backward()


@program
def in_place_add_itself(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    y += y
    y.sum().backward()
    return x.grad


@program
def copy_and_fill(torch):
    x = leaf(torch, 1.0, 2.0)
    y = torch.zeros(2, 2)
    y.copy_(x)
    y[0].fill_(5.0)
    y.sum().backward()
    return y, x.grad


@program
def versions(torch):
    x = torch.zeros(3)
    first = x._version
    x += 1
    x[0] = 2
    x.zero_()
    return first, x._version, x.view(3, 1)._version, x.detach()._version


@program
def a_leaf_updated_between_forward_and_backward(torch):
    w = leaf(torch, 1.0, 2.0)
    loss = (w * w).sum()
    with torch.no_grad():
        w -= 0.1
    loss.backward()


@program
def grad_fn_names(torch):
    x, w = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    results = [x + 1, x - 1, 1 - x, x * w, x / w, x**2, -x, x.abs(), x.exp(), x.log(), x.sqrt(), x.sin(), x.cos(), x.tanh(),
               x.sigmoid(), x.relu(), x.sum(), x.mean(), x @ w, x.T, x.t(), x.reshape(4), x.view(4), x.clone(), x[0],
               torch.maximum(x, w), torch.where(x > 0, x, w), x.unsqueeze(0), x.expand(3, 2, 2), x.permute(1, 0), x.sum(1)]
    return [r.grad_fn.name() for r in results]


@program
def next_functions(torch):
    x = leaf(torch)
    y = (x * 2) * x
    (first, second) = y.grad_fn.next_functions
    return first[0].name(), second[0].name(), second[0].variable is x, first[1]
