"""Leaves, accumulation, backward and autograd.grad, as in torch: one small program per point."""


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


# -- leaves and accumulation ------------------------------------------------------------------------------------------


def a_fresh_leaf(torch):
    x = leaf(torch)
    return x, x.is_leaf, x.grad, x.grad_fn, x.requires_grad


def gradients_accumulate(torch):
    x = leaf(torch, 1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    return x.grad


def gradients_accumulate_in_place(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    return first, first is x.grad


def both_edges_of_a_square(torch):
    x = leaf(torch)
    y = x * x
    y.backward()
    return x.grad, len(y.grad_fn.next_functions)


def a_diamond(torch):
    x = leaf(torch)
    a = x * 2
    (a.sin() * a.cos() + a).backward()
    return x.grad


def a_shared_node(torch):
    x = leaf(torch, 1.0, 2.0)
    shared = x.exp()
    (shared.sum() + (shared * shared).sum() + shared[0]).backward()
    return x.grad


def the_gradient_of_a_sum_has_its_own_memory(torch):
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 1.0, 2.0)
    (x + y).sum().backward()
    x.grad[0] = 7
    return x.grad, y.grad


def the_gradient_given_is_not_kept(torch):
    x, g = leaf(torch, 1.0, 2.0), torch.tensor([1.0, 10.0])
    (x + 0).backward(g)
    (x * 1).backward(g)
    x.grad += 1
    return x.grad, g


def a_leaf_is_its_own_root(torch):
    x = leaf(torch)
    x.backward()
    x.backward(torch.tensor(5.0))
    return x.grad


def the_gradient_has_the_dtype_of_the_leaf(torch):
    x, w = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    (x * w).sum().backward()
    return x.grad, w.grad


def broadcasting_is_summed(torch):
    x, y, z = torch.ones(2, 1, requires_grad=True), torch.ones(3, requires_grad=True), leaf(torch)
    (x * y * z).sum().backward()
    return x.grad, y.grad, z.grad


def requires_grad_of_results(torch):
    x, c = leaf(torch), torch.tensor(1.0)
    return [y.requires_grad for y in (x * c, c * c, x > 1, x.long(), x.sign())]


def is_leaf_of_results(torch):
    x, c = leaf(torch), torch.tensor(1.0)
    return (x * c).is_leaf, (c * c).is_leaf, x.detach().is_leaf, (x > 1).is_leaf, x.clone().is_leaf


def turning_off_a_leaf(torch):
    x = leaf(torch)
    x.requires_grad = False
    return (x * 2).requires_grad


def turning_off_a_result(torch):
    y = leaf(torch) * 2
    y.requires_grad = False


def turning_on_a_result_again(torch):
    y = leaf(torch) * 2
    y.requires_grad_()
    return y.requires_grad, y.is_leaf


def integers_cannot_require_grad(torch):
    torch.tensor([1, 2], requires_grad=True)


def integers_cannot_be_made_to(torch):
    torch.tensor([1, 2]).requires_grad_()


def grad_of_a_result_is_none(torch):
    y = leaf(torch) * 2
    y.backward()
    return y.grad


def grad_set_by_hand(torch):
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.tensor([5.0, 6.0])
    x.sum().backward()
    return x.grad


def grad_of_another_shape(torch):
    leaf(torch, 1.0, 2.0).grad = torch.tensor([5.0])


def grad_of_another_dtype(torch):
    leaf(torch, 1.0, 2.0).grad = torch.tensor([5.0, 6.0], dtype=torch.float64)


def grad_that_is_no_tensor(torch):
    leaf(torch, 1.0).grad = 3


# -- backward ---------------------------------------------------------------------------------------------------------


def backward_of_a_vector(torch):
    (leaf(torch, 1.0, 2.0) * 2).backward()


def backward_of_one_element(torch):
    x = leaf(torch, 3.0)
    (x * x).backward()
    return x.grad


def backward_without_a_graph(torch):
    torch.tensor(1.0).backward()


def backward_with_a_gradient(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).backward(torch.tensor([1.0, 10.0]))
    return x.grad


def backward_with_a_gradient_of_another_shape(torch):
    (leaf(torch, 1.0, 2.0) * 2).backward(torch.tensor([1.0]))


def backward_twice(torch):
    x = leaf(torch)
    y = x * x
    y.backward()
    y.backward()


def backward_twice_where_nothing_was_saved(torch):
    x = leaf(torch)
    y = x + 1
    y.backward()
    y.backward()
    return x.grad


def backward_twice_with_retain_graph(torch):
    x = leaf(torch)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def two_losses_share_a_part(torch):
    x = leaf(torch)
    h = x.exp()
    (h * 2).backward()
    (h * 3).backward()


def backward_to_some_inputs(torch):
    x, y = leaf(torch), leaf(torch)
    (x * y).backward(inputs=[x])
    return x.grad, y.grad


def backward_to_an_inner_tensor(torch):
    x = leaf(torch)
    h = x * 2
    (h * h).backward(inputs=[h])
    return h.grad, x.grad


def backward_keeping_the_graph_of_the_gradient(torch):
    x = leaf(torch)
    (x**3).backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.backward()
    return g, x.grad


def backward_of_two_tensors(torch):
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.backward([x.sum(), (x * x)], [None, torch.ones(2)])
    return x.grad


# -- autograd.grad ----------------------------------------------------------------------------------------------------


def grad_leaves_grad_alone(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * x, x), x.grad


def grad_of_several(torch):
    x, y = leaf(torch), leaf(torch)
    return torch.autograd.grad(x * x * y, (x, y))


def grad_of_an_unused_input(torch):
    torch.autograd.grad(leaf(torch) * 2, [leaf(torch)])


def grad_of_an_unused_input_allowed(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * 2, [x, leaf(torch)], allow_unused=True)


def grad_of_an_unused_input_made_zero(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * 2, [x, leaf(torch, 1.0, 2.0)], allow_unused=True, materialize_grads=True)


def grad_of_an_input_that_needs_none(torch):
    x = leaf(torch)
    torch.autograd.grad(x * 2, [torch.tensor(1.0)], allow_unused=True)


def grad_with_respect_to_an_inner_tensor(torch):
    x = leaf(torch)
    h = x * 2
    return torch.autograd.grad(h * h * x, [h, x])


def grad_with_respect_to_the_output(torch):
    x = leaf(torch)
    y = x * 2
    return torch.autograd.grad(y, [y, x])


def grad_of_a_vector_needs_grad_outputs(torch):
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.grad(x * 2, x)


def grad_outputs(torch):
    x = leaf(torch, 1.0, 2.0)
    return torch.autograd.grad([x * x, x * 3], x, [torch.tensor([1.0, 10.0]), torch.tensor([1.0, 1.0])])


def the_same_input_twice(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * x, [x, x])


def third_derivative(torch):
    x = leaf(torch)
    g = x**5
    for _ in range(3):
        (g,) = torch.autograd.grad(g, x, create_graph=True)
    return g


def no_graph_of_the_gradient_without_create_graph(torch):
    x = leaf(torch)
    (g,) = torch.autograd.grad(x**3, x)
    return g.requires_grad, g.grad_fn


def a_gradient_penalty(torch):
    w = leaf(torch, 0.5, -1.0)
    x = leaf(torch, 1.0, 2.0)
    y = (w * x).tanh().sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (y + (g * g).sum()).backward()
    return w.grad, x.grad


def a_vector_leaf_is_its_own_root(torch):
    x, g = leaf(torch, 1.0, 2.0), torch.tensor([5.0, 6.0])
    x.backward(g)
    x.grad += 1
    return x.grad, g


def a_gradient_of_another_dtype_is_cast(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).backward(torch.tensor([1, 2]))


def a_gradient_that_requires_grad(torch):
    x, g = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    (x * x).backward(g)
    return x.grad, g.grad


def grad_outputs_that_require_grad(torch):
    x, g = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    (d,) = torch.autograd.grad(x * x, x, g, create_graph=True)
    return d, torch.autograd.grad(d.sum(), [x, g])


def too_few_grad_outputs(torch):
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.grad([x * 2, x * 3], x, [torch.ones(2)])


def backward_from_an_unused_part(torch):
    x = leaf(torch)
    y = x * x
    (y * 2).backward()
    return x.grad, y.requires_grad


def a_scalar_of_shape_one_by_one(torch):
    x = torch.ones(1, 1, requires_grad=True)
    (x * 3).backward()
    return x.grad


def an_empty_tensor(torch):
    x = torch.zeros(0, 3, requires_grad=True)
    (x * 2).sum().backward()
    return x.grad


def a_long_sum_of_products(torch):
    x = torch.linspace(0, 1, 40).requires_grad_()
    loss = ((x * 3 + 0.8 - x.sin()) ** 2).mean()
    loss.backward()
    return loss, x.grad


def matrices(torch):
    a, b = torch.arange(6.0).reshape(2, 3).requires_grad_(), torch.arange(12.0).reshape(3, 4).requires_grad_()
    (a @ b).tanh().sum().backward()
    return a.grad, b.grad


def matrices_and_vectors(torch):
    a, v = torch.arange(6.0).reshape(2, 3).requires_grad_(), torch.arange(3.0).requires_grad_()
    u = torch.ones(2, requires_grad=True)
    (a @ v).sum().backward()
    (u @ a).sum().backward()
    (v @ v).backward()
    return a.grad, v.grad, u.grad


def batched_matrices(torch):
    a, b = torch.ones(4, 1, 2, 3, requires_grad=True), torch.arange(30.0).reshape(5, 3, 2).requires_grad_()
    (a @ b).sin().sum().backward()
    return a.grad, b.grad


def where_and_masks(torch):
    x, y = leaf(torch, -1.0, 0.0, 2.0), leaf(torch, 5.0, 6.0, 7.0)
    (torch.where(x > 0, x * y, y) + x.masked_fill(x < 0, 3.0)).sum().backward()
    return x.grad, y.grad


def kinks(torch):
    x, zero = leaf(torch, -1.0, 0.0, 1.0), torch.zeros(3, requires_grad=True)
    y = x.relu() + x.abs() + torch.maximum(x, zero) + 2 * torch.minimum(x, zero) + x.clamp(-1.0, 0.0) + x.sign()
    y.sum().backward()
    return x.grad, zero.grad


def powers(torch):
    x = leaf(torch, 0.0, 1.0, 2.0)
    y = leaf(torch, 0.0, 2.0, 3.0)
    (x**2 + x**3 + x**0 + x**1 + x**y + 2**x + 0.0**x).sum().backward()
    return x.grad, y.grad


def edges_of_the_domain(torch):
    x = leaf(torch, 0.0, -1.0, 1e30)
    (x.sqrt() + x.log() + 1 / x + x.exp()).sum().backward()
    return x.grad


def infinities_do_not_pass_a_mask(torch):
    x = leaf(torch, 0.0, 4.0)
    torch.where(x > 1, x.sqrt(), x).sum().backward()
    return x.grad


def float16_and_float64(torch):
    x = torch.tensor([1.0, 2.0], dtype=torch.float16, requires_grad=True)
    y = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    (x * x).sum().backward()
    (y.exp() / 3).sum().backward()
    return x.grad, y.grad


def casts_carry_gradients(torch):
    x = leaf(torch, 1.0, 2.0)
    (x.double() * 2).float().sum().backward()
    return x.grad, x.double().requires_grad
