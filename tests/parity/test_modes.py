"""Gradient modes, autograd.grad, checkpointing and threads, as in torch: one small program per point."""

import threading


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


def no_grad_on_a_generator(torch):
    seen = []

    @torch.no_grad()
    def steps():
        for _ in range(2):
            seen.append(torch.is_grad_enabled())
            yield torch.is_grad_enabled()

    for _ in steps():
        seen.append(torch.is_grad_enabled())  # noqa: PERF401
    return seen


def sending_into_a_generator(torch):
    @torch.no_grad()
    def steps():
        try:
            got = yield 1
            got = yield (got, torch.is_grad_enabled())
        except KeyError:
            yield "thrown", torch.is_grad_enabled()
        return "end"

    def outer():
        return (yield from steps())

    it = steps()
    found = [next(it), it.send(5), it.throw(KeyError()), torch.is_grad_enabled()]
    other = outer()
    next(other)
    other.send(1)
    try:
        next(other)
    except StopIteration as stop:
        found.append(stop.value)
    return found


def closing_a_generator(torch):
    seen = []

    @torch.no_grad()
    def steps():
        try:
            yield 1
        finally:
            seen.append(torch.is_grad_enabled())

    it = steps()
    next(it)
    it.close()
    return seen, torch.is_grad_enabled()


def enable_inside_no_grad(torch):
    x = leaf(torch)
    with torch.no_grad():
        a = x * 2
        with torch.enable_grad():
            b = x * 2
        c = x * 2
    return [y.requires_grad for y in (a, b, c, x * 2)]


def enable_as_decorator(torch):
    @torch.enable_grad()
    def f(x):
        return x * 2

    with torch.no_grad():
        return f(leaf(torch)).requires_grad


def set_grad_as_function(torch):
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    inside = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return before, inside, torch.is_grad_enabled()


def set_grad_as_decorator(torch):
    @torch.set_grad_enabled(False)
    def f(x):
        return torch.is_grad_enabled(), (x * 2).requires_grad

    return torch.is_grad_enabled(), f(leaf(torch)), torch.is_grad_enabled()


def set_grad_as_context(torch):
    with torch.set_grad_enabled(False):
        inner = torch.is_grad_enabled()
        with torch.set_grad_enabled(True):
            innermost = torch.is_grad_enabled()
    return inner, innermost, torch.is_grad_enabled()


def one_mode_entered_twice(torch):
    mode, seen = torch.no_grad(), []
    with mode:
        seen.append(torch.is_grad_enabled())
    with mode:
        seen.append(torch.is_grad_enabled())
    return seen, torch.is_grad_enabled()


def inference(torch):
    x = leaf(torch)
    with torch.inference_mode():
        y = x * 2
        inside = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    return y.requires_grad, inside, torch.is_inference_mode_enabled(), torch.is_grad_enabled()


def inference_as_decorator(torch):
    @torch.inference_mode()
    def f(x):
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    @torch.inference_mode
    def g(x):
        return torch.is_grad_enabled()

    return f(1), g(1)


def inference_off_inside(torch):
    with torch.inference_mode(), torch.inference_mode(False):
        return torch.is_inference_mode_enabled(), torch.is_grad_enabled()


def no_grad_keeps_requires_grad_of_leaves(torch):
    with torch.no_grad():
        x = torch.ones(2, requires_grad=True)
        y = torch.zeros(2).requires_grad_()
    return x.requires_grad, y.requires_grad, x.is_leaf


def names_of_decorated_functions(torch):
    @torch.no_grad()
    def name_of_mine(x):
        """Text."""

    return name_of_mine.__name__, name_of_mine.__doc__


def a_new_thread_records(torch):
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    return seen


def backward_in_threads(torch):
    leaves = [leaf(torch, float(k), 2.0) for k in range(8)]

    def work(x):
        for _ in range(5):
            (x.exp() * x).sum().backward()

    threads = [threading.Thread(target=work, args=(x,)) for x in leaves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [x.grad for x in leaves]


# -- autograd.grad and autograd.backward ------------------------------------------------------------------------------


def grad_of_several_outputs(torch):
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0)
    return torch.autograd.grad([(x * y).sum(), y * 5], [x, y])


def grad_with_starts(torch):
    x = leaf(torch, 1.0, 2.0)
    return torch.autograd.grad(x * x, x, torch.tensor([1.0, 10.0])), torch.autograd.grad(
        [x * 2, x.sum()], x, [torch.ones(2), None]
    )


def grad_unused(torch):
    x, y = leaf(torch), leaf(torch)
    return torch.autograd.grad(x * 2, [x, y], allow_unused=True)


def grad_unused_refused(torch):
    x, y = leaf(torch), leaf(torch)
    torch.autograd.grad(x * 2, [x, y])


def grad_materialized(torch):
    x, y = leaf(torch), leaf(torch, 1.0, 2.0)
    return torch.autograd.grad(x * 2, [x, y], materialize_grads=True)


def grad_materialized_and_not_allowed(torch):
    x = leaf(torch)
    torch.autograd.grad(x * 2, [x], materialize_grads=True, allow_unused=False)


def grad_by_what_needs_none(torch):
    torch.autograd.grad(leaf(torch) * 2, torch.tensor(1.0))


def grad_of_what_needs_none(torch):
    torch.autograd.grad(torch.tensor(1.0), leaf(torch))


def grad_by_an_inner_tensor(torch):
    x = leaf(torch)
    h = x * 2
    return torch.autograd.grad(h * h, h), x.grad


def grad_by_itself(torch):
    x = leaf(torch)
    y = x * 2
    return torch.autograd.grad(y, y), torch.autograd.grad(x, x)


def grad_by_the_same_twice(torch):
    x = leaf(torch)
    return torch.autograd.grad(x * x, [x, x])


def grad_leaves_no_gradient(torch):
    x = leaf(torch)
    torch.autograd.grad(x * x, x)
    return x.grad


def grad_frees_the_graph(torch):
    x = leaf(torch)
    y = x * x
    torch.autograd.grad(y, x)
    torch.autograd.grad(y, x)


def grad_retains_with_create_graph(torch):
    x = leaf(torch)
    y = x * x
    torch.autograd.grad(y, x, create_graph=True)
    return torch.autograd.grad(y, x)


def create_graph_without_retain(torch):
    x = leaf(torch)
    y = x * x * x
    (g,) = torch.autograd.grad(y, x, create_graph=True, retain_graph=True)
    return g.requires_grad, g.grad_fn is not None, torch.autograd.grad(g, x)


def fourth_derivative(torch):
    x, found = leaf(torch), []
    y = x**5
    for _ in range(4):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        found.append(y)
    return found


def grad_with_complexly_shared_parts(torch):
    x = leaf(torch, 0.3, 0.7)
    a = x.sin()
    b = a * x
    c = (a + b).exp()
    return torch.autograd.grad((a * b * c).sum(), [x, a, b, c])


def grad_with_batched_start_of_wrong_length(torch):
    x = leaf(torch)
    torch.autograd.grad([x * 2, x * 3], x, [torch.tensor(1.0)])


def no_inputs(torch):
    torch.autograd.grad(leaf(torch) * 2, [])


def backward_of_several(torch):
    x = leaf(torch)
    torch.autograd.backward([x * 2, x * 3])
    return x.grad


def backward_of_several_with_starts(torch):
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.backward([x * 2, x.sum()], [torch.tensor([1.0, 10.0]), None])
    return x.grad


def backward_into_some_leaves(torch):
    x, y = leaf(torch), leaf(torch)
    (x * y).backward(inputs=[x])
    torch.autograd.backward(x * y * 2, inputs=y)
    return x.grad, y.grad


def backward_into_an_inner_tensor(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    (h * h).backward(inputs=[h])
    return h.grad, x.grad


def backward_into_nothing(torch):
    (leaf(torch) * 2).backward(inputs=[])


def backward_with_create_graph(torch):
    x = leaf(torch)
    (x**3).backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.backward()
    return g, x.grad


def a_variable(torch):
    x = torch.autograd.Variable(torch.ones(2))
    return x, isinstance(x, torch.autograd.Variable), isinstance(torch.ones(1), torch.autograd.Variable)


def a_variable_that_requires_grad(torch):
    x = torch.autograd.Variable(torch.ones(2), requires_grad=True)
    (x * 2).sum().backward()
    return x.grad, x.is_leaf


def a_long_chain(torch):
    x = leaf(torch)
    y = x
    for _ in range(20000):
        y = y + 1
    y.backward()
    return x.grad, y


# -- checkpoint -------------------------------------------------------------------------------------------------------


def check(torch, *_):
    return __import__(torch.__name__ + ".utils.checkpoint", fromlist=["checkpoint"]).checkpoint


def checkpointed(torch):
    x, w, calls = leaf(torch, 0.5, 1.0), leaf(torch, 0.5), []

    def part(x):
        calls.append(torch.is_grad_enabled())
        return (x * w) ** 3 * x

    y = check(torch)(part, x * 2, use_reentrant=False)
    before = len(calls)
    y.sum().backward()
    return y, x.grad, w.grad, before, calls


def checkpointed_twice(torch):
    x = leaf(torch, 0.5, 1.0)
    y = check(torch)(lambda x: x.exp().sin(), x, use_reentrant=False)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


def checkpointed_inside(torch):
    x, inner, calls = leaf(torch, 0.1, 0.2), check(torch), []

    def part(x):
        calls.append(1)
        return inner(lambda y: y**3 * y, x * 2, use_reentrant=False) ** 2

    inner(part, x, use_reentrant=False).sum().backward()
    return x.grad


def checkpointed_with_several(torch):
    x = leaf(torch, 0.5, 1.0)
    a, b = check(torch)(lambda x, k=1: (x.exp() * k, x.sin()), x * 1, k=3, use_reentrant=False)
    (a * b).sum().backward()
    return x.grad, a, b


def checkpointed_with_random_numbers(torch):
    torch.manual_seed(3)
    x = leaf(torch, 0.5, 1.0)
    y = check(torch)(lambda x: (x * torch.rand(2)).exp(), x, use_reentrant=False)
    y.sum().backward()
    return y, x.grad, torch.rand(2)


def checkpointed_under_no_grad(torch):
    with torch.no_grad():
        return check(torch)(lambda x: x.exp(), leaf(torch), use_reentrant=False).requires_grad
