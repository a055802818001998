"""Functions of one's own, as in torch: one small program per point."""


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


def exp_of(torch, *_):
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    return Exp


def scaled_of(torch, *_):
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor, flag=True):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None, None

    return Scaled


def pair_of(torch, **options):
    class Pair(torch.autograd.Function):
        seen = []  # noqa: RUF012

        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            ctx.set_materialize_grads(options.get("materialize", True))
            return x * y, x + y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            Pair.seen.append(
                (None if g is None else g.tolist(), None if h is None else h.tolist(), ctx.needs_input_grad)
            )
            g = 0 if g is None else g
            h = 0 if h is None else h
            return g * y + h, g * x + h

    return Pair


def simple(torch):
    x = leaf(torch, 0.0, 1.0)
    y = exp_of(torch).apply(x)
    y.sum().backward()
    return y, x.grad, y.is_leaf, y.grad_fn.name(), type(y.grad_fn).__name__[-8:] != "", y.requires_grad


def twice_and_three_times(torch):
    x = leaf(torch, 0.0, 1.0)
    y = exp_of(torch).apply(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad((g * g).sum(), x, create_graph=True)
    return g, h, torch.autograd.grad(h.sum(), x)


def in_a_chain(torch):
    x = leaf(torch, 0.0, 1.0)
    exp = exp_of(torch).apply
    exp(exp(x) * 0.5).sum().backward()
    return x.grad


def with_other_arguments(torch):
    x = leaf(torch)
    scaled = scaled_of(torch).apply
    y = scaled(x, 3.0) + scaled(x, 2, False)
    y.backward()
    return y, x.grad


def without_anything_that_requires_grad(torch):
    y = exp_of(torch).apply(torch.tensor(1.0))
    return y, y.requires_grad, y.grad_fn is None


def under_no_grad(torch):
    with torch.no_grad():
        y = exp_of(torch).apply(leaf(torch))
    return y, y.requires_grad


def backward_twice(torch):
    y = exp_of(torch).apply(leaf(torch))
    y.backward()
    y.backward()


def backward_twice_where_nothing_was_saved(torch):
    x = leaf(torch)
    y = scaled_of(torch).apply(x, 2.0)
    y.backward()
    y.backward()
    return x.grad


def backward_twice_with_retain_graph(torch):
    x = leaf(torch)
    y = exp_of(torch).apply(x)
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def two_outputs(torch):
    x, y, pair = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), pair_of(torch)
    a, b = pair.apply(x, y)
    (a * 2 + b).sum().backward()
    return x.grad, y.grad, pair.seen, a.grad_fn is b.grad_fn, a.output_nr, b.output_nr


def one_of_two_outputs(torch):
    x, y, pair = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), pair_of(torch)
    _, b = pair.apply(x, y)
    b.sum().backward()
    return x.grad, y.grad, pair.seen


def one_of_two_outputs_without_zeros(torch):
    x, y, pair = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), pair_of(torch, materialize=False)
    a, _ = pair.apply(x, y)
    a.sum().backward()
    return x.grad, y.grad, pair.seen


def an_output_used_twice(torch):
    x, y, pair = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), pair_of(torch)
    a, b = pair.apply(x, y)
    (a * a + a * b).sum().backward()
    return x.grad, y.grad, len(pair.seen)


def two_outputs_twice(torch):
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    a, b = pair_of(torch).apply(x, y)
    g = torch.autograd.grad((a * b).sum(), [x, y], create_graph=True)
    return g, torch.autograd.grad(g[0].sum(), [x, y])


def a_gradient_by_an_output(torch):
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    a, b = pair_of(torch).apply(x, y)
    return torch.autograd.grad((a * b).sum(), [a, b, x])


def a_hook_on_an_output(torch):
    x, y = leaf(torch), leaf(torch)
    a, b = pair_of(torch).apply(x, y)
    a.register_hook(lambda g: g * 10)
    b.retain_grad()
    (a + b).backward()
    return x.grad, y.grad, b.grad


def hooks_on_its_node(torch):
    x, y, seen = leaf(torch), leaf(torch), []
    a, b = pair_of(torch).apply(x, y)
    a.grad_fn.register_prehook(lambda outer: seen.append([float(g) for g in outer]) or (outer[0] * 2, outer[1]))
    a.grad_fn.register_hook(lambda inner, outer: seen.append([float(g) for g in inner]))
    (a + b * 5).backward()
    return seen, x.grad


def next_functions(torch):
    x, y = leaf(torch), leaf(torch)
    _, b = pair_of(torch).apply(x * 2, y)
    c = b * 2
    (node, number), *_ = c.grad_fn.next_functions
    return node.name(), number, [f.name() for f, _ in node.next_functions]


def needs_input_grad(torch):
    x, y, pair = leaf(torch), torch.tensor(2.0), pair_of(torch)
    a, b = pair.apply(x, y)
    (a + b).backward()
    return pair.seen, x.grad, y.grad


def setup_context(torch):
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x, y):
            return x * y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs, output)

        @staticmethod
        def backward(ctx, g):
            x, y, out = ctx.saved_tensors
            return g * y, g * x + 0 * out

    x, y = leaf(torch), leaf(torch, 2.0)
    z = Product.apply(x, y)
    (g,) = torch.autograd.grad(z.sum(), x, create_graph=True)
    g.sum().backward()
    return z, g, y.grad


def a_non_differentiable_output(torch):
    class Sorted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            values, where = x * 2, x + 1
            ctx.mark_non_differentiable(where)
            return values, where

        @staticmethod
        def backward(ctx, g, unused):
            return g * 2 + unused

    x = leaf(torch, 3.0, 1.0)
    values, where = Sorted.apply(x)
    values.sum().backward()
    return values.requires_grad, where.requires_grad, where.grad_fn is None, x.grad


def an_integer_output(torch):
    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.long(), x * 2

        @staticmethod
        def backward(ctx, g, h):
            return h * 2

    x = leaf(torch, 3.0, 1.0)
    whole, twice = Rounded.apply(x)
    twice.sum().backward()
    return whole, whole.requires_grad, x.grad


def an_output_that_is_no_tensor(torch):
    class Noted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, "note", None

        @staticmethod
        def backward(ctx, g, *others):
            assert others == (None, None)
            return g * 2

    x = leaf(torch)
    y, note, nothing = Noted.apply(x)
    y.backward()
    return y, note, nothing, x.grad


def a_dirty_input(torch):
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    z = Doubled.apply(y)
    (z * y).sum().backward()
    return z is y, y.requires_grad, y.grad_fn.name(), x.grad, y._version


def a_dirty_leaf(torch):
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    Doubled.apply(leaf(torch, 1.0))


def an_input_returned_as_it_is(torch):
    class Reversed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return -g

    x = leaf(torch)
    y = Reversed.apply(x)
    (y * 2).backward()
    return y is x, x.is_leaf, y.is_leaf, x.grad


def a_view_returned(torch):
    class Reversed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return -g

    x = leaf(torch, 1.0, 2.0)
    Reversed.apply(x * 2).sum().backward()
    return x.grad


def too_few_gradients(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g

    Wrong.apply(leaf(torch), leaf(torch)).backward()


def more_gradients_than_arguments(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g, None, None

    x = leaf(torch)
    Wrong.apply(x).backward()
    return x.grad


def gradients_for_what_needs_none(torch):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, y = leaf(torch), torch.tensor(1.0)
    Both.apply(x, y).backward()
    return x.grad, y.grad


def a_gradient_for_a_number(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g, g

    Wrong.apply(leaf(torch), 2.0).backward()


def a_gradient_of_another_shape(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g[:1].reshape(1, 1, 1)[0, 0].repeat(3)

    Wrong.apply(leaf(torch, 1.0, 2.0)).sum().backward()


def a_gradient_that_is_summed(torch):
    class Spread(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, y = leaf(torch, 1.0), leaf(torch, 1.0, 2.0, 3.0)
    Spread.apply(x, y).sum().backward()
    return x.grad, y.grad


def a_gradient_of_another_dtype(torch):
    class Cast(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.double()

    x = leaf(torch)
    Cast.apply(x).backward()
    return x.grad


def none_for_a_gradient(torch):
    class Stop(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return None

    x = leaf(torch)
    (Stop.apply(x * 1) + x).backward()
    return x.grad


def no_backward(torch):
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    Half.apply(leaf(torch)).backward()


def a_saved_input_that_is_overwritten(torch):
    x, y = leaf(torch, 1.0) * 1, leaf(torch, 1.0)
    a, _ = pair_of(torch).apply(x, y)
    x.mul_(2)
    a.sum().backward()


def a_saved_output_that_is_overwritten(torch):
    y = exp_of(torch).apply(leaf(torch, 1.0))
    y.mul_(2)
    y.sum().backward()


def saving_what_is_no_tensor(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, 3)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g

    Wrong.apply(leaf(torch))


def saving_none(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, None)
            return x * x

        @staticmethod
        def backward(ctx, g):
            x, nothing = ctx.saved_tensors
            assert nothing is None
            return 2 * x * g

    x = leaf(torch)
    Square.apply(x).backward()
    return x.grad


def once_differentiable(torch):
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            assert not torch.is_grad_enabled()
            return 2 * ctx.saved_tensors[0] * g

    x = leaf(torch)
    Once.apply(x).backward()
    first = x.grad.clone()
    (g,) = torch.autograd.grad(Once.apply(x), x, create_graph=True)
    try:
        torch.autograd.grad(g, x)
    except RuntimeError:
        return first, g, g.requires_grad, "refused"
    return None


def modes_inside(torch):
    seen = []

    class Modes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append((torch.is_grad_enabled(), (x * 2).requires_grad))
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append((torch.is_grad_enabled(), g.requires_grad))
            return g * 2

    x = leaf(torch)
    Modes.apply(x).backward()
    torch.autograd.grad(Modes.apply(x), x, create_graph=True)
    return seen


def grad_inside_forward(torch):
    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            with torch.enable_grad():
                y = x.detach().requires_grad_()
                (slope,) = torch.autograd.grad(y**3, y)
            ctx.slope = slope
            return x**3

        @staticmethod
        def backward(ctx, g):
            return g * ctx.slope

    x = leaf(torch)
    Inner.apply(x).backward()
    return x.grad


def the_straight_through_estimator(torch):
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sign()

        @staticmethod
        def backward(ctx, g):
            return g

    x = leaf(torch, -1.5, 0.5)
    (Sign.apply(x) * torch.tensor([2.0, 3.0])).sum().backward()
    return x.grad


def the_checks(torch):
    x = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
    exp = exp_of(torch).apply
    return torch.autograd.gradcheck(exp, (x,)), torch.autograd.gradgradcheck(exp, (x,))


def a_wrong_backward_is_found(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2.1

    x = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(Wrong.apply, (x,), raise_exception=False)


def a_result_under_another_name(torch):
    return torch.autograd.Function is torch.autograd.function.Function, issubclass(
        exp_of(torch), torch.autograd.Function
    )
