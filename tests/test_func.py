"""torch.func, autograd.functional, checkpointing, threads, modes. What equals torch is in tests/parity."""

import threading

import pytest

import chainrule as torch
from chainrule import trees
from chainrule.utils.checkpoint import checkpoint, checkpoint_sequential


def vector():
    return torch.tensor([0.5, 1.0, 1.5])


def test_trees():
    tree = {"a": (1, [2, None]), "b": 3}
    assert trees.leaves(tree) == [1, 2, 3]
    assert trees.filled(tree, "xyz") == {"a": ("x", ["y", None]), "b": "z"}
    assert trees.spread(({"a": 0, "b": None}, 1), (tree, [5, 6])) == [0, 0, None, 1, 1]
    with pytest.raises(ValueError, match="prefix"):
        trees.spread((0, 1), (5,))


def test_orders_nest_through_closures():
    def outer(x):
        return x * torch.func.grad(lambda y: x * y * y)(torch.tensor(3.0))

    found = torch.func.grad(outer)(torch.tensor(2.0))
    assert found.item() == 24
    assert not found.requires_grad


def test_forward_and_reverse_jacobians_agree():
    def f(x):
        return {"a": (x.flip(0) * x).sin(), "b": x.sum() ** 2}

    reverse, forward = torch.func.jacrev(f)(vector()), torch.func.jacfwd(f)(vector())
    for key in "ab":
        assert reverse[key].flatten().tolist() == pytest.approx(forward[key].flatten().tolist(), rel=1e-5)


def test_jacobian_of_nothing():
    empty = torch.zeros(0)
    assert tuple(torch.func.jacrev(lambda x: x * 2)(empty).shape) == (0, 0)
    assert tuple(torch.autograd.functional.jacobian(lambda x: x * 2, empty).shape) == (0, 0)


def test_a_vector_function_has_no_gradient():
    with pytest.raises(RuntimeError, match=r"scalar.*\[3\].*jacrev"):
        torch.func.grad(lambda x: x * 2)(vector())


def test_functional_call():
    class Module:
        def __init__(self):
            self._parameters, self._buffers, self._modules = {"w": torch.ones(1)}, {}, {}

        def __call__(self, x):
            return self._parameters["w"] * x

    module = Module()
    w = torch.tensor([3.0])
    assert torch.func.functional_call(module, {"w": w}, torch.tensor([2.0])).item() == 6
    slope = torch.func.grad(lambda p: torch.func.functional_call(module, p, (torch.tensor([2.0]),)).sum())({"w": w})
    assert slope["w"].item() == 2
    assert module._parameters["w"].item() == 1
    with pytest.raises(RuntimeError, match="strict"):
        torch.func.functional_call(module, {"v": w}, torch.tensor([2.0]), strict=True)


def test_products_with_hessians():
    x, v = vector(), torch.tensor([1.0, 0.0, 2.0])
    hessian = torch.autograd.functional.hessian(lambda x: (x**3).sum() * x[0], x)
    for product in (torch.autograd.functional.hvp, torch.autograd.functional.vhp):
        value, found = product(lambda x: (x**3).sum() * x[0], x, v)
        assert value.item() == pytest.approx(2.25)
        assert found.tolist() == pytest.approx((hessian @ v).tolist())


def test_a_checkpoint_drops_and_computes_again():
    x, calls = torch.tensor([0.1, 0.2], requires_grad=True), []

    def part(x):
        calls.append(1)
        return x.exp().sin()

    y = checkpoint(part, x * 2, use_reentrant=False)
    assert y.grad_fn.saved is None
    assert y.grad_fn.out is None
    y.sum().backward()
    assert len(calls) == 2
    expected = torch.tensor([0.1, 0.2], requires_grad=True)
    (expected * 2).exp().sin().sum().backward()
    assert x.grad.tolist() == expected.grad.tolist()


def test_a_checkpoint_of_a_function_of_ones_own():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

    x = torch.tensor(2.0, requires_grad=True)
    y = checkpoint(lambda x: Cube.apply(x * 1) * 2, x, use_reentrant=False)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert (g.item(), torch.autograd.grad(g, x)[0].item()) == (24, 24)


def test_a_checkpoint_that_does_something_else():
    ops = iter([torch.exp, torch.sin])
    y = checkpoint(lambda x: next(ops)(x), torch.tensor(1.0, requires_grad=True), use_reentrant=False)
    with pytest.raises(RuntimeError, match="same both times"):
        y.backward()


def test_a_checkpoint_with_random_numbers_and_in_parts():
    torch.manual_seed(0)
    x = torch.ones(4, requires_grad=True)
    y = checkpoint_sequential([lambda x: x * torch.rand(4), lambda x: x * x], 2, x, use_reentrant=False)
    after = torch.rand(2).tolist()
    y.sum().backward()
    torch.manual_seed(0)
    drawn = torch.rand(4)
    assert x.grad.tolist() == pytest.approx((2 * drawn * drawn).tolist())
    assert torch.rand(2).tolist() == after


def test_a_checkpoint_in_a_compiled_step():
    step = torch.compile(lambda x: checkpoint(lambda x: x.exp() * 2, x, use_reentrant=False).sum())
    assert step(torch.zeros(3)).item() == 6


def test_threads_record_by_themselves():
    leaves = [torch.tensor([float(k), 1.0], requires_grad=True) for k in range(6)]

    def work(x):
        for _ in range(20):
            (x.exp() * x).sum().backward()

    with torch.no_grad():
        threads = [threading.Thread(target=work, args=(x,)) for x in leaves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for x in leaves:
        expected = 20 * (x.exp() * (x + 1)).detach()
        assert x.grad.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_a_mode_holds_between_the_yields_of_a_generator():
    seen = []

    @torch.no_grad()
    def steps():
        try:
            got = yield torch.is_grad_enabled()
            seen.append(got)
            yield torch.is_grad_enabled()
        except KeyError:
            seen.append("thrown")
            yield torch.is_grad_enabled()
        finally:
            seen.append(torch.is_grad_enabled())

    it = steps()
    assert (next(it), torch.is_grad_enabled(), it.send("sent"), it.throw(KeyError())) == (False, True, False, False)
    it.close()
    assert seen == ["sent", "thrown", False]
    assert torch.is_grad_enabled()


def test_inference_mode():
    with torch.inference_mode():
        y = torch.ones(2, requires_grad=True) * 2
        assert torch.is_inference_mode_enabled()
        with torch.inference_mode(False):
            assert torch.is_grad_enabled()
    assert not y.requires_grad
