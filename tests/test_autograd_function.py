"""Functions of one's own. What equals torch is in tests/parity/test_function.py."""

import gc
import weakref

import pytest

import chainrule as torch
from chainrule.autograd.function import once_differentiable


def leaf(*values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


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


class Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x + y

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y + h, g * x + h


def test_derivatives_of_all_orders():
    x = leaf(0.0, 1.0)
    y = Exp.apply(x)
    for _ in range(4):
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert g.tolist() == x.exp().tolist()
        y = g


def test_checks():
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([0.3, 0.7], [1.1, 0.4]))
    assert torch.autograd.gradcheck(Exp.apply, (x,))
    assert torch.autograd.gradgradcheck(Exp.apply, (x,))
    assert torch.autograd.gradcheck(Pair.apply, (x, y))
    assert torch.autograd.gradgradcheck(Pair.apply, (x, y))


@pytest.mark.parametrize(
    "function", [lambda x: Exp.apply(x) * 2, lambda x: Pair.apply(x, x * 2)[0] + Pair.apply(x, x)[1]]
)
def test_in_a_compiled_step(function):
    def step(x):
        loss = function(x).sum()
        loss.backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
        x.grad = None
        return loss

    ours, compiled, fast = leaf(0.5, 1.0), leaf(0.5, 1.0), torch.compile(step)
    for _ in range(3):
        assert fast(compiled).item() == pytest.approx(step(ours).item(), rel=1e-6)
    assert compiled.tolist() == pytest.approx(ours.tolist(), rel=1e-6)


def test_the_gradient_of_a_leaf_has_its_own_memory():
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, y = leaf(1.0), leaf(1.0)
    Same.apply(x, y).sum().backward()
    x.grad[0] = 7
    assert y.grad.item() == 1


def test_memory_is_freed_without_the_collector():
    gc.disable()
    try:
        y = Exp.apply(leaf(1.0))
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_the_place_of_apply():
    y = Exp.apply(leaf())  # here
    assert "# here" in y.grad_fn.place.text


def test_a_write_to_what_was_saved_is_found():
    y = Exp.apply(leaf(1.0))
    y.mul_(2)
    with pytest.raises(RuntimeError, match=r"ExpBackward saved a tensor of shape \[1\] at version 0.*now at version 1"):
        y.sum().backward()


def test_messages():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        Wrong.apply(leaf(), leaf()).backward()


def test_once_differentiable():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return g * 2

    x = leaf()
    h = x * x
    (g,) = torch.autograd.grad(Once.apply(h) * h, x, create_graph=True)
    assert g.item() == 216  # d 2x⁴ / dx at 3
    with pytest.raises(RuntimeError, match="differentiate twice"):
        torch.autograd.grad(g, x)


def test_many_outputs_and_deep_chains():
    x = leaf(1.0)
    a, b = x, x
    for _ in range(2000):
        a, b = Pair.apply(a, b * 0)
        a = a + b
    a.sum().backward()
    assert x.grad.item() == 1


def test_explain_says_that_it_has_no_rule():
    with pytest.raises(RuntimeError, match=r"explain: ExpBackward is an autograd.Function"):
        torch.explain(Exp.apply(leaf()) * 2)
