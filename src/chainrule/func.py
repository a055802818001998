"""Functions of functions: gradients, products with Jacobians, Jacobians and Hessians by composition.

``grad`` is a vjp with 1; ``jvp`` is built from each op's own forward form (an elementwise op multiplies by its
local derivative, a linear op is applied to the tangent) by the transpose of the transpose: the reverse pass is
linear in the cotangent, so pulling through it again gives the product with the tangent. Source: R. Frostig et al.,
"Decomposing reverse-mode automatic differentiation" (2021), read in the other direction.
"""

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.autograd import grad as autograd_grad
from chainrule.creation import zeros_like
from chainrule.modes import Switch
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap

Function = Callable[..., Any]


def _fresh(tensor: Tensor) -> Tensor:
    """A new place on the tape with the same value, still connected, so that orders nest."""
    return tensor.clone() if tensor.requires_grad else wrap(tensor._data).requires_grad_()


def _called(function: Function, inputs: Sequence[Tensor]) -> tuple[list[Tensor], Any]:
    with Switch(grad=True):
        fresh = [_fresh(x) for x in inputs]
        return fresh, function(*fresh)


def _pulled(out: Tensor, inputs: Sequence[Tensor], g: Tensor | None) -> tuple[Tensor, ...]:
    """The gradients of ``out``, zero where it does not depend on an input."""
    if not out.requires_grad:
        return tuple(zeros_like(x) for x in inputs)
    with Switch(grad=True):
        return autograd_grad(out, inputs, g, create_graph=True, allow_unused=True, materialize_grads=True)


def vjp(function: Function, *primals: Tensor) -> tuple[Any, Callable[[Tensor], tuple[Tensor, ...]]]:
    """``function(*primals)`` and the map g ↦ gᵀJ.

    >>> import chainrule as torch
    >>> out, pull = torch.func.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]))
    >>> pull(torch.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    inputs, out = _called(function, primals)

    def pull(g: Tensor) -> tuple[Tensor, ...]:
        return tuple(_settled(x, primals) for x in _pulled(out, inputs, g))

    return _settled(out, primals), pull


def _settled(tensor: Any, primals: Sequence[Tensor]) -> Any:
    """Without history, unless an outer derivative is being taken."""
    return tensor if any(p.requires_grad for p in primals) else tensor.detach()


def grad(function: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The gradient of a scalar function, as a function; it nests.

    >>> import chainrule as torch
    >>> torch.func.grad(torch.func.grad(lambda x: x**3))(torch.tensor(2.0))
    tensor(12.)
    """

    def gradient(*args: Any) -> Any:
        return grad_and_value(function, argnums)(*args)[0]

    return gradient


def grad_and_value(function: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The gradient of a scalar function and its value, in one pass."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums

    def both(*args: Any) -> Any:
        def of_chosen(*chosen: Tensor) -> Any:
            full = list(args)
            for number, value in zip(numbers, chosen):
                full[number] = value
            return function(*full)

        primals = [args[k] for k in numbers]
        inputs, out = _called(of_chosen, primals)
        if out.ndim:
            raise RuntimeError(f"grad: expected the function to return a scalar tensor, got shape {shown(out.shape)}; "
                               "use jacrev, or reduce it with .sum()")
        found = tuple(_settled(g, primals) for g in _pulled(out, inputs, None))
        return found[0] if isinstance(argnums, int) else found, _settled(out, primals)

    return both


def jvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Any, Any]:
    """``function(*primals)`` and J t, the derivative along the tangents.

    >>> import chainrule as torch
    >>> torch.func.jvp(lambda x: x.sin(), (torch.tensor(0.0),), (torch.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    inputs, out = _called(function, primals)
    with Switch(grad=True):
        dummy = zeros_like(out).requires_grad_()
        along = [(g * t).sum() for g, t in zip(_pulled(out, inputs, dummy), tangents, strict=True)]
        total = sum(along[1:], along[0])
        (pushed,) = _pulled(total, [dummy], None)
    return _settled(out, primals), _settled(pushed, [*primals, *tangents])


def _rows(shape: Sequence[int], like: Tensor) -> list[Tensor]:
    """The unit tensors of a shape."""
    count = shape_size(shape)
    rows = []
    for k in range(count):
        unit = like.detach().new_zeros((count,))
        unit[k] = 1
        rows.append(unit.reshape(tuple(shape)))
    return rows


def shape_size(shape: Sequence[int]) -> int:
    """How many elements."""
    count = 1
    for size in shape:
        count *= size
    return count


def stacked(tensors: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
    """Tensors of one shape laid side by side, in a tensor of ``shape``."""
    first = tensors[0]
    flat = first.new_zeros((len(tensors), *first.shape))
    for k, tensor in enumerate(tensors):
        flat[k] = tensor
    return flat.reshape(tuple(shape))


def jacrev(function: Function, argnums: int = 0) -> Function:
    """The Jacobian by reverse mode, one pull per output: shape out.shape + in.shape (numerator layout)."""

    def jacobian(*args: Any) -> Tensor:
        def of_one(x: Tensor) -> Any:
            return function(*args[:argnums], x, *args[argnums + 1 :])

        primal = args[argnums]
        (x,), out = _called(of_one, [primal])
        rows = [_pulled(out, [x], unit)[0] for unit in _rows(out.shape, out)]
        if not rows:
            return primal.new_zeros((*out.shape, *primal.shape))  # type: ignore[no-any-return]
        return _settled(stacked(rows, (*out.shape, *primal.shape)), [primal])  # type: ignore[no-any-return]

    return jacobian


def jacfwd(function: Function, argnums: int = 0) -> Function:
    """The Jacobian by forward mode, one push per input: shape out.shape + in.shape."""

    def jacobian(*args: Any) -> Tensor:
        def of_one(x: Tensor) -> Any:
            return function(*args[:argnums], x, *args[argnums + 1 :])

        primal = args[argnums]
        columns = [jvp(of_one, (primal,), (unit,))[1] for unit in _rows(primal.shape, primal)]
        out = columns[0]
        side = stacked([c.reshape((-1,)) for c in columns], (len(columns), out.numel()))
        return side.T.reshape((*out.shape, *primal.shape))

    return jacobian


def hessian(function: Function, argnums: int = 0) -> Function:
    """The second derivatives of a scalar function: shape in.shape + in.shape.

    >>> import chainrule as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(grad(function, argnums), argnums)
