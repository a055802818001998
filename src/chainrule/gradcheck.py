"""A function's gradients beside central differences, which share nothing with the rules."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import GradcheckError
from chainrule.graph_words import backpropagate
from chainrule.modes import Switch
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap

F64 = np.dtype("float64")


def gradcheck(
    function: Callable[..., Any], inputs: Any, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Does backward through ``function`` at ``inputs`` give what (f(x + eps) − f(x − eps)) / 2 eps gives?

    Every element of every input that requires grad is checked against every element of every output; they may differ
    by ``atol + rtol · |central difference|``. Warns when such an input is not float64: rounding, divided by ``eps``,
    is then larger than what is measured. Raises ValueError when no input requires grad, and GradcheckError (a
    RuntimeError) naming the worst element; with ``raise_exception=False`` it returns False in its place.

    >>> import chainrule as torch
    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(lambda x: (x * x).sum(), [x])
    True
    """
    given: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    asked = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    if not asked:
        raise ValueError("gradcheck: expects at least one input tensor to require gradient, and none of the "
                         f"{len(given)} does; make one with torch.tensor(..., dtype=torch.float64, requires_grad=True)")
    for k in asked:
        if given[k].np_dtype != F64:
            warnings.warn(f"gradcheck: input {k} requires gradient and is {given[k].dtype}, not double precision: a "
                          f"step of {eps:g} is lost in its rounding, so the check will likely fail; pass x.double()",
                          UserWarning, stacklevel=2)
    try:
        for k in asked:
            _compare(function, given, k, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    function: Callable[..., Any], inputs: Any, grad_outputs: Any = None, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, raise_exception: bool = True,
) -> bool:
    """:func:`gradcheck` of the gradients of ``function``, so of its second derivatives.

    ``grad_outputs`` is what arrives at the outputs; left out, it is random numbers, the same on every call. The
    gradients are checked with respect to the inputs and to it.
    """
    given: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outs = _outputs(function, given)
    if grad_outputs is None:
        random = np.random.default_rng(0)
        starts = [wrap(np.asarray(random.uniform(0.5, 1.5, out.shape), out.np_dtype)) for out in outs]
    else:
        starts = [g.detach() for g in ([grad_outputs] if isinstance(grad_outputs, Tensor) else grad_outputs)]
    starts = [g.clone().requires_grad_() for g in starts]
    asked = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]

    def gradients(*both: Any) -> Any:
        own = both[: len(given)]
        outputs, wanted = _outputs(function, own), [own[k] for k in asked]
        found = backpropagate(outputs, both[len(given) :], wanted, True, True)
        return tuple(g for g in found if g is not None)

    gradients.__name__ = f"the gradient of {_name(function)}"
    return gradcheck(gradients, (*given, *starts), eps, atol, rtol, raise_exception)


def central_differences(function: Callable[[Any], Any], x: Any, eps: float = 1e-6) -> Any:
    """(f(x + h) − f(x − h)) / 2h for every element of the array ``x``: shape x.shape + f(x).shape.

    >>> import numpy as np
    >>> from chainrule.gradcheck import central_differences
    >>> central_differences(lambda x: (x**2).sum(), np.array([1.0, 3.0])).round(6).tolist()
    [2.0, 6.0]
    """

    def slope(place: tuple[int, ...]) -> Any:
        up, down = np.array(x), np.array(x)
        up[place] += eps
        down[place] -= eps
        return (function(up) - function(down)) / (2 * eps)

    slopes = [slope(place) for place in np.ndindex(np.shape(x))]
    return np.stack(slopes).reshape((*np.shape(x), *np.shape(slopes[0]))) if slopes else np.zeros((0,))


def _outputs(function: Callable[..., Any], given: Sequence[Any]) -> list[Any]:
    """The outputs with a gradient, as PyTorch takes them; all floating ones where none has."""
    with Switch(grad=True):
        out = function(*given)
    outs = [o for o in ([out] if isinstance(out, Tensor) else out) if isinstance(o, Tensor) and o.is_floating_point()]
    return [o for o in outs if o.requires_grad] or outs


def _compare(function: Callable[..., Any], given: Sequence[Any], k: int, eps: float, atol: float, rtol: float) -> None:
    outs = _outputs(function, given)

    def values(moved: Any) -> Any:
        point = wrap(moved).requires_grad_()
        outputs = _outputs(function, (*given[:k], point, *given[k + 1 :]))
        return np.concatenate([np.zeros(0), *(np.ravel(o.detach().numpy()) for o in outputs)])

    expected = central_differences(values, given[k].detach().numpy(), eps)
    rows = [_row(out, place, given[k]) for out in outs for place in np.ndindex(tuple(out.shape))]
    if not expected.size or not rows:
        return
    got = np.moveaxis(np.stack(rows), 0, -1)
    allowed = atol + rtol * np.abs(expected)
    wrong = ~(np.abs(got - expected) <= allowed) & ~(got == expected) & ~(np.isnan(got) & np.isnan(expected))
    if not wrong.any():
        return
    excess = np.nan_to_num(np.abs(got - expected) / allowed, nan=np.inf)
    worst = np.unravel_index(np.argmax(np.where(wrong, excess, -1)), got.shape)
    places = [(number, place) for number, out in enumerate(outs) for place in np.ndindex(tuple(out.shape))]
    number, place = places[int(worst[-1])]
    raise GradcheckError(MISMATCH.format(
        name=_name(function), out=number, input=k, o=f"output {number}{_at(place)}", i=f"input {k}{_at(worst[:-1])}",
        got=got[worst], expected=expected[worst], eps=eps, allowed=allowed[worst], atol=atol, rtol=rtol,
        count=int(wrong.sum()), total=wrong.size, shape=shown(given[k].shape),
    ))  # fmt: skip


def _row(out: Any, place: tuple[int, ...], x: Any) -> Any:
    """The gradient of one output element by backward."""
    if not out.requires_grad:
        return np.zeros(x.shape)
    unit = np.zeros(tuple(out.shape), out.np_dtype)
    unit[place] = 1
    (found,) = backpropagate([out], [wrap(unit)], [x], True, False)
    return np.zeros(x.shape) if found is None else np.asarray(found.detach().numpy(), F64)


def _at(place: Sequence[Any]) -> str:
    return f"[{', '.join(str(int(p)) for p in place)}]" if len(place) else ""


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


MISMATCH = (
    "gradcheck: Jacobian mismatch for output {out} with respect to input {input} of {name}: d {o} / d {i} is "
    "{got:.10g} by backward and {expected:.10g} by the central difference with step {eps:g}; they may differ by "
    "{allowed:.3g} (atol {atol:g}, rtol {rtol:g}), and {count} of the {total} pairs for this input of shape {shape} do "
    "by more. Likely causes: a wrong derivative in an op of your own, a value that left the graph (detach(), .data, "
    ".item()), or a kink within the step"
)
