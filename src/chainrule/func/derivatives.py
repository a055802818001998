"""Derivatives of functions, by composition: gradients, products with Jacobians, Jacobians and Hessians.

``grad`` is a vjp with 1; ``jvp`` is the transpose of the transpose: the reverse pass is linear in the cotangent, so
pulling through it again gives the product with the tangent. Source: R. Frostig et al., "Decomposing reverse-mode
automatic differentiation" (2021), read in the other direction. Arguments and results may be trees of tensors.
"""

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from chainrule import trees
from chainrule.autograd import grad as autograd_grad
from chainrule.creation import zeros_like
from chainrule.joining import stack
from chainrule.modes import Switch, current
from chainrule.spec import shown
from chainrule.tensors import Tensor

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


def _fresh(tensor: Any) -> Any:
    """A new place on the tape with the same value; what was connected stays connected, so that orders nest."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        return tensor
    return tensor.clone() if tensor.requires_grad else tensor.detach().requires_grad_()


class _Call:
    """A function called on fresh inputs, and what can be asked of it then."""

    def __init__(self, function: Function, primals: Any, has_aux: bool = False):
        with Switch(grad=True):
            fresh = trees.mapped(_fresh, primals)
            self.out = function(*fresh)
        self.aux: Any = None
        if has_aux:
            if not isinstance(self.out, tuple) or len(self.out) != 2:
                raise RuntimeError("has_aux=True: expected the function to return a pair (output, aux), got "
                                   f"{type(self.out).__name__}")
            self.out, self.aux = self.out
        self.inputs: list[Tensor] = trees.leaves(fresh)
        self.outs: list[Tensor] = trees.leaves(self.out)
        self.own = self.private(self.inputs)
        for out in self.outs:
            if not isinstance(out, Tensor):
                raise RuntimeError(f"expected the function to return tensors, got {type(out).__name__}; other results "
                                   f"go out beside them with has_aux=True")

    def private(self, leaves: Sequence[Any]) -> set[Any]:
        """Marks leaves as this call's own: nobody asks for their gradients once it is over."""
        for leaf in leaves:
            if isinstance(leaf, Tensor):
                vars(leaf)["of_call"] = weakref.ref(self)
        return {leaf for leaf in leaves if isinstance(leaf, Tensor)}

    def pulled(self, cotangents: Sequence[Any]) -> list[Tensor]:
        """The gradients by the inputs, zero where the outputs do not depend on one."""
        return pulled(self.outs, self.inputs, cotangents)

    def settled(self, tree: Any) -> Any:
        """The tree without history, unless it depends on more than the fresh inputs and that is being recorded."""
        return trees.mapped(self._settled, tree)

    def _settled(self, tensor: Any) -> Any:
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            return tensor
        seen, stack_ = {tensor._edge()}, [tensor._edge()]
        while stack_ and current.get().grad:
            node = stack_.pop()
            if not node.serial and node not in self.own and _lives(node):
                return tensor
            fresh = {e for e in node.edges if e is not None} - seen
            seen |= fresh
            stack_ += fresh
        return tensor.detach()


def _lives(leaf: Any) -> bool:
    """Is this a leaf of the user's, or of a call that still runs around this one?"""
    call = vars(leaf).get("of_call")
    return call is None or call() is not None


def pulled(outs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Any]) -> list[Tensor]:
    """The gradients of several outputs, recorded themselves, zero where nothing arrives."""
    live = [k for k, out in enumerate(outs) if out.requires_grad]
    able = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    if not live or not able:
        return [zeros_like(x) for x in inputs]
    with Switch(grad=True):
        found = autograd_grad([outs[k] for k in live], able, [cotangents[k] for k in live], create_graph=True,
                              materialize_grads=True)  # fmt: skip
    by_input = {id(x): g for x, g in zip(able, found)}
    return [by_input[id(x)] if id(x) in by_input else zeros_like(x) for x in inputs]


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """``function(*primals)`` and the map g ↦ gᵀJ; with ``has_aux``, what the function returns beside its value too.

    >>> import chainrule as torch
    >>> out, pull = torch.func.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]))
    >>> pull(torch.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    call = _Call(function, primals, has_aux)

    def pull(*cotangents: Any) -> Any:
        given = trees.leaves(cotangents)
        if len(given) != len(call.outs) or any(g.shape != out.shape for g, out in zip(given, call.outs)):
            raise RuntimeError(f"vjp: expected a cotangent for each output, of shapes "
                               f"{', '.join(shown(o.shape) for o in call.outs)}, got "
                               f"{', '.join(shown(g.shape) for g in given)}")
        found = call.pulled(given)
        return trees.filled(primals, map(call.settled, found))

    out = call.settled(call.out)
    return (out, pull, call.settled(call.aux)) if has_aux else (out, pull)


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The gradient of a scalar function, as a function; it nests.

    >>> import chainrule as torch
    >>> torch.func.grad(torch.func.grad(lambda x: x**3))(torch.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The gradient of a scalar function and its value, in one pass; with ``has_aux``, (gradient, (value, aux)).

    >>> import chainrule as torch
    >>> torch.func.grad_and_value(lambda p, x: p["w"] * x)({"w": torch.tensor(2.0)}, 3.0)
    ({'w': tensor(3.)}, tensor(6.))
    """

    @functools.wraps(function)
    def both(*args: Any, **kwargs: Any) -> Any:
        of_chosen, primals = _chosen(function, args, kwargs, argnums)
        call = _Call(of_chosen, primals, has_aux)
        out = call.out
        if not isinstance(out, Tensor) or out.ndim:
            raise RuntimeError("grad: expected the function to return a scalar tensor, got "
                               f"{f'shape {shown(out.shape)}' if isinstance(out, Tensor) else type(out).__name__}; "
                               "use jacrev, or reduce it with .sum()")
        found = trees.filled(primals, map(call.settled, call.pulled([None])))
        value = call.settled(out)
        return found if isinstance(argnums, tuple) else found[0], (value, call.settled(call.aux)) if has_aux else value

    return both


def _chosen(function: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums) -> Any:
    """``function`` as one of the arguments to differentiate by, and those arguments. Raises RuntimeError."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise RuntimeError(f"got argnum={number}, but only {len(args)} positional inputs")

    def of_chosen(*chosen: Any) -> Any:
        full = list(args)
        for number, value in zip(numbers, chosen):
            full[number] = value
        return function(*full, **kwargs)

    return of_chosen, tuple(args[k] for k in numbers)


def jvp(function: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """``function(*primals)`` and J t, the derivative along the tangents.

    >>> import chainrule as torch
    >>> torch.func.jvp(lambda x: x.sin(), (torch.tensor(0.0),), (torch.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    call = _Call(function, tuple(primals), has_aux)
    along = trees.leaves(tuple(tangents))
    if len(along) != len(call.inputs) or any(t.shape != x.shape for t, x in zip(along, call.inputs)):
        raise RuntimeError("jvp: expected a tangent for each primal, of its shape: primals have shapes "
                           f"{', '.join(shown(x.shape) for x in call.inputs)}, tangents "
                           f"{', '.join(shown(t.shape) for t in along)}")
    pushed = _push(call)(along)
    out = call.settled(call.out), trees.filled(call.out, map(call.settled, pushed))
    return (*out, call.settled(call.aux)) if has_aux else out


def _push(call: _Call) -> Callable[[Sequence[Tensor]], list[Tensor]]:
    """The map from tangents of the inputs to those of the outputs, by the transpose of the reverse pass."""
    with Switch(grad=True):
        dummies = [zeros_like(out).requires_grad_() for out in call.outs]
        call.own |= call.private(dummies)
        transposed = call.pulled(dummies)

    def push(tangents: Sequence[Tensor]) -> list[Tensor]:
        return pulled(transposed, dummies, tangents)

    return push


def units(like: Tensor) -> list[Tensor]:
    """The tensors of one shape that are 1 in one place and 0 elsewhere."""
    count = like.numel()
    found = []
    for k in range(count):
        unit = like.detach().new_zeros((count,))
        unit[k] = 1
        found.append(unit.reshape(tuple(like.shape)))
    return found


def jacrev(
    function: Function, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """The Jacobian by reverse mode, one pull per output element: shape out.shape + in.shape (numerator layout)."""

    @functools.wraps(function)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        of_chosen, primals = _chosen(function, args, kwargs, argnums)
        call = _Call(of_chosen, primals, has_aux)
        blocks = []
        for k, out in enumerate(call.outs):
            rows = [call.pulled([unit if i == k else zeros_like(o) for i, o in enumerate(call.outs)])
                    for unit in units(out)]  # fmt: skip
            block = [_side_by_side(list(r), out.shape, x.shape, out) for r, x in
                     zip(zip(*rows) if rows else [()] * len(call.inputs), call.inputs)]  # fmt: skip
            found = trees.filled(primals, map(call.settled, block))
            blocks.append(found if isinstance(argnums, tuple) else found[0])
        result = trees.filled(call.out, blocks)
        return (result, call.settled(call.aux)) if has_aux else result

    return jacobian


def jacfwd(function: Function, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error") -> Function:
    """The Jacobian by forward mode, one push per input element: shape out.shape + in.shape."""

    @functools.wraps(function)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        of_chosen, primals = _chosen(function, args, kwargs, argnums)
        call = _Call(of_chosen, primals, has_aux)
        push = _push(call)
        columns = [[push([unit if i == k else zeros_like(x) for i, x in enumerate(call.inputs)]) for unit in units(x)]
                   for k, x in enumerate(call.inputs)]  # fmt: skip
        blocks = []
        for j, out in enumerate(call.outs):
            block = []
            for x, pushes in zip(call.inputs, columns):
                side = _side_by_side([c[j] for c in pushes], x.shape, out.shape, out)
                axes = range(x.ndim + out.ndim)
                block.append(call.settled(side.permute((*axes[x.ndim :], *axes[: x.ndim]))))
            found = trees.filled(primals, block)
            blocks.append(found if isinstance(argnums, tuple) else found[0])
        result = trees.filled(call.out, blocks)
        return (result, call.settled(call.aux)) if has_aux else result

    return jacobian


def _side_by_side(tensors: Sequence[Tensor], outer: Sequence[int], inner: Sequence[int], like: Tensor) -> Tensor:
    """Tensors of shape ``inner``, one for each place in ``outer``."""
    shape = (*outer, *inner)
    return stack(tensors).reshape(shape) if tensors else like.detach().new_zeros(shape)


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """The second derivatives of a scalar function: shape in.shape + in.shape.

    >>> import chainrule as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(function, argnums), argnums)
