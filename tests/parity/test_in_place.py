"""Writes in place, views and versions, as in torch: one small program per point."""


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


def in_place_on_a_leaf(torch):
    x = leaf(torch)
    x += 1


def in_place_on_a_view_of_a_leaf(torch):
    x = leaf(torch, 1.0, 2.0)
    x[0] = 5


def in_place_on_a_result(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y += x
    y *= x
    y.sum().backward()
    return y, x.grad


def in_place_on_what_was_saved(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y * y
    y += 1
    z.sum().backward()


def in_place_on_what_was_not_saved(torch):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    h = x * w
    h += 1
    h.relu_()
    h.sum().backward()
    return x.grad, w.grad


def in_place_on_a_saved_output(torch):
    y = leaf(torch, 1.0, 2.0).exp()
    y += 1
    y.sum().backward()


def in_place_on_a_view_of_what_was_saved(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y * y
    y[0] = 7
    z.sum().backward()


def in_place_on_a_constant_that_was_saved(torch):
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0])
    y = x * c
    c.zero_()
    y.sum().backward()


def in_place_through_data_is_not_seen(torch):
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0])
    y = x * c
    c.data.zero_()
    y.sum().backward()
    return x.grad


def in_place_through_detach_is_seen(torch):
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0])
    y = x * c
    c.detach().zero_()
    y.sum().backward()


def a_constant_begins_to_need_a_gradient(torch):
    x, out = leaf(torch, 1.0, 2.0), torch.zeros(2)
    out += x * x
    out.sum().backward()
    return out.requires_grad, out.is_leaf, x.grad


def a_row_is_written(torch):
    x, out = leaf(torch, 1.0, 2.0), torch.zeros(2, 2)
    out[0] = x * x
    out[1, 1] = x[0]
    (out * out).sum().backward()
    return out, x.grad


def a_write_cuts_the_gradient(torch):
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * 2
    y[1] = 5
    y.sum().backward()
    return x.grad


def a_view_sees_a_write_to_its_base(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    v = y.view(2, 2)
    y *= 3
    (v[0] * v[1]).sum().backward()
    return v, x.grad


def the_base_sees_a_write_to_its_view(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    v = y.view(2, 2)
    v *= 3
    v[0] += x[:2]
    (y * y).sum().backward()
    return y, x.grad


def a_view_sees_a_write_to_another_view(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = x * 1
    a, b = y.view(2, 2), y[1:3]
    a.mul_(2)
    b.add_(x[0])
    (a * a).sum().backward()
    return a, b, x.grad


def a_chain_of_views_is_written(torch):
    x = leaf(torch, *map(float, range(12)))
    y = (x * 1).reshape(3, 4)
    part = y.t()[1:3].transpose(0, 1)[0]
    part *= x[1]
    (y * y).sum().backward()
    return y, x.grad


def a_transposed_view_is_written(torch):
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 2
    y.T[1] = x.sum(0)[:2] * 3
    (y * torch.arange(6.0).view(2, 3)).sum().backward()
    return y, x.grad


def an_expanded_view_has_one_gradient(torch):
    x = leaf(torch, 1.0)
    y = x.expand(3, 1)
    (y * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    return x.grad


def views_of_leaves_carry_gradients(torch):
    x = torch.ones(2, 3, requires_grad=True)
    (x[0] * 2 + x.T[:, 1] * 3 + x.reshape(6)[1:4]).sum().backward()
    return x.grad


def in_place_shapes(torch):
    x = torch.ones(3)
    x += torch.ones(2, 3)


def in_place_dtypes(torch):
    x = torch.tensor([1, 2])
    x += 0.5


def in_place_keeps_its_dtype(torch):
    x, y = torch.ones(2), torch.ones(2, dtype=torch.float64)
    z = x
    x += y
    return x, z is x


def in_place_with_itself(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    y *= y
    y.sum().backward()


def in_place_add_itself(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    y += y
    y.sum().backward()
    return x.grad


def copy_and_fill(torch):
    x = leaf(torch, 1.0, 2.0)
    y = torch.zeros(2, 2)
    y.copy_(x)
    y[0].fill_(5.0)
    y.sum().backward()
    return y, x.grad


def versions(torch):
    x = torch.zeros(3)
    first = x._version
    x += 1
    x[0] = 2
    x.zero_()
    return first, x._version, x.view(3, 1)._version, x.detach()._version


def a_leaf_updated_between_forward_and_backward(torch):
    w = leaf(torch, 1.0, 2.0)
    loss = (w * w).sum()
    with torch.no_grad():
        w -= 0.1
    loss.backward()


def a_view_is_the_root_after_a_write_to_its_base(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    v = y[0]
    y *= 3
    v.backward()
    return x.grad


def a_view_of_a_constant_that_begins_to_need_a_gradient(torch):
    x, out = leaf(torch, 1.0, 2.0), torch.zeros(2)
    v = out[0]
    before = v.requires_grad, v.is_leaf
    out += x
    after = v.requires_grad, v.is_leaf
    v.backward()
    return before, after, x.grad


def zeroed_results_keep_their_graph(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.zero_()
    z = x * 2
    z.fill_(3.0)
    (y + z).sum().backward()
    return y.requires_grad, z, x.grad


def zeroed_under_no_grad(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    with torch.no_grad():
        y.zero_()
    y.sum().backward()
    return y, x.grad


def an_output_saved_as_output_and_overwritten_through_a_view(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x.exp()
    y[0] = 5
    y.sum().backward()


def an_output_saved_as_output_and_overwritten_through_detach(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x.exp()
    y.detach().zero_()
    y.sum().backward()


def an_output_saved_as_output_and_overwritten_through_data(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x.exp()
    y.data.zero_()
    y.sum().backward()
    return x.grad


def an_output_not_needed_and_overwritten(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x.sin()
    y += 1
    y.sum().backward()
    return x.grad


def writes_with_every_operator(torch):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = x * 1
    y += w
    y -= 2 * x
    y *= w
    y /= w * w
    y **= 2
    y.sum().backward()
    return y, x.grad, w.grad


def words_with_an_underscore(torch):
    x = leaf(torch, 0.5, 2.0)
    y = x * 1
    y.add_(x, alpha=2).sub_(0.5).mul_(x).div_(2.0).abs_().log_().neg_().clamp_(min=0.6).sin_().cos_()
    y.sum().backward()
    return y, x.grad


def a_number_is_written_to_part(torch):
    x = leaf(torch, *map(float, range(6)))
    y = (x * x).reshape(2, 3)
    y[:, 1] = 7.0
    y[0] += 1
    y[-1, ::2] *= 2
    y.sum().backward()
    return y, x.grad


def an_integer_tensor_is_written(torch):
    x = torch.arange(6).reshape(2, 3)
    x[0] = 7
    x[:, 1] += 2
    x[1, 2] = 3.9
    return x


def an_index_out_of_range_is_written(torch):
    torch.zeros(3)[5] = 1


def a_row_of_another_length_is_written(torch):
    torch.zeros(2, 3)[0] = torch.zeros(2)


def a_dtype_is_cast_on_writing(torch):
    x = torch.zeros(2, dtype=torch.int64)
    x[0] = torch.tensor(2.7)
    x.copy_(torch.tensor([1.9, -1.9]))
    return x


def an_expanded_tensor_is_written(torch):
    x = torch.zeros(1).expand(3)
    x += 1


def a_view_of_a_leaf_under_no_grad(torch):
    w = leaf(torch, 1.0, 2.0)
    v = w[0]
    with torch.no_grad():
        w += 1
        v *= 10
    (w * w).sum().backward()
    return w, v, v.requires_grad, w.grad


def an_optimizer_step_keeps_views_right(torch):
    w = torch.ones(2, 2, requires_grad=True)
    row = w[0]
    (row * row).sum().backward()
    with torch.no_grad():
        w -= w.grad
    w.grad = None
    (row + 2).pow(2).sum().backward()
    return row, w.grad


def the_gradient_is_a_tensor_like_any_other(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    x.grad.mul_(2)
    x.grad[0] = 100
    g = x.grad
    x.grad = None
    (x * x).sum().backward()
    return g, x.grad, g.requires_grad, g.is_leaf


def a_gradient_saved_and_then_accumulated(torch):
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    y = x.grad * x
    (x * x).sum().backward()
    y.sum().backward()
