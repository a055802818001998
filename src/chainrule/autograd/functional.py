"""Jacobians, Hessians and products with them, of functions of one tensor or a tuple of tensors.

The products with a tangent (``jvp``, ``hvp``) pull twice: the reverse pass is linear in the cotangent.
"""

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.creation import zeros_like
from chainrule.errors import GraphError
from chainrule.graph_words import backpropagate
from chainrule.modes import Switch
from chainrule.spec import shown
from chainrule.tensors import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


class _Call:
    """A function called on inputs of its own, and the gradients of what it gave."""

    def __init__(self, name: str, function: Function, inputs: Any, create_graph: bool, strict: bool):
        self.name, self.create_graph, self.strict = name, create_graph, strict
        self.one_input = isinstance(inputs, Tensor)
        given = (inputs,) if self.one_input else tuple(inputs)
        for k, x in enumerate(given):
            if not isinstance(x, Tensor):
                raise TypeError(f"{name}: the inputs must be a Tensor or a tuple of Tensors, but number {k} is of type "
                                f"{type(x).__name__}")
        with Switch(grad=True):
            self.inputs = [x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
                           for x in given]  # fmt: skip
            result = function(*self.inputs)
        self.one_output = isinstance(result, Tensor)
        self.outputs: list[Any] = [result] if self.one_output else list(result)
        for k, out in enumerate(self.outputs):
            if not isinstance(out, Tensor):
                raise TypeError(f"{name}: the function must return a Tensor or a tuple of Tensors, but output number "
                                f"{k} is of type {type(out).__name__}")
            if strict and not out.requires_grad:
                raise RuntimeError(f"{name}: output {k} of the user-provided function does not require gradients: it "
                                   f"must be computed from the inputs when running in strict mode")

    def pulled(self, cotangents: Sequence[Any], recorded: bool = False) -> list[Any]:
        """The gradients by the inputs; zeros where nothing arrives."""
        return self._gradients(self.outputs, self.inputs, cotangents, recorded or self.create_graph)

    def pushed(self, tangents: Sequence[Any]) -> list[Any]:
        """The derivatives of the outputs along the tangents."""
        with Switch(grad=True):
            dummies = [zeros_like(out).requires_grad_() for out in self.outputs]
            transposed = self.pulled(dummies, recorded=True)
        return self._gradients(transposed, dummies, tangents, self.create_graph)

    def _gradients(
        self, outs: Sequence[Any], wanted: Sequence[Any], starts: Sequence[Any], recorded: bool
    ) -> list[Any]:
        live = [k for k, out in enumerate(outs) if out.requires_grad]
        found: list[Any] = [None] * len(wanted)
        if live:
            found = backpropagate([outs[k] for k in live], [starts[k] for k in live], wanted, True, recorded)
        if self.strict and any(g is None for g in found):
            raise RuntimeError(f"{self.name}: the output of the user-provided function is independent of input "
                               f"{found.index(None)}. This is not allowed in strict mode.")
        return [zeros_like(x) if g is None else g for x, g in zip(wanted, found)]

    def result(self) -> Any:
        """The function's value as the caller gets it."""
        outs = tuple(out if self.create_graph else out.detach() for out in self.outputs)
        return outs[0] if self.one_output else outs

    def scalar(self) -> None:
        """Raises RuntimeError unless the function gave one number."""
        if not self.one_output or self.outputs[0].numel() != 1:
            shapes = ", ".join(shown(out.shape) for out in self.outputs)
            raise RuntimeError(f"{self.name}: the Tensor returned by the function given to it should contain a single "
                               f"element, got {shapes}")


def _vectors(name: str, v: Any, like: Sequence[Any], what: str) -> list[Any]:
    """What a product is taken with; 1 for a single number. Raises RuntimeError for another shape."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise GraphError(f"{name}: the vector v can only be None if {what} is a single Tensor with a single "
                             f"element")
        return [zeros_like(like[0]) + 1]
    given = [v] if isinstance(v, Tensor) else list(v)
    if len(given) != len(like) or any(g.shape != x.shape for g, x in zip(given, like)):
        raise RuntimeError(f"{name}: v has invalid size: {what} has shapes {', '.join(shown(x.shape) for x in like)}, "
                           f"v has {', '.join(shown(g.shape) for g in given)}")
    return given


def _shaped(found: Sequence[Any], alone: bool, keep: bool) -> Any:
    settled = tuple(g if keep else g.detach() for g in found)
    return settled[0] if alone else settled


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)`` and vᵀJ.

    >>> import chainrule as torch
    >>> torch.autograd.functional.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call("vjp", func, inputs, create_graph, strict)
    found = call.pulled(_vectors("vjp", v, call.outputs, "the output"))
    return call.result(), _shaped(found, call.one_input, create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)`` and J v."""
    call = _Call("jvp", func, inputs, create_graph, strict)
    found = call.pushed(_vectors("jvp", v, call.inputs, "the input"))
    return call.result(), _shaped(found, call.one_output, create_graph)


def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian, of shape out.shape + in.shape, row by row; for several outputs and inputs a tuple of tuples.

    >>> import chainrule as torch
    >>> torch.autograd.functional.jacobian(lambda x: x.flip(0) * x[0], torch.tensor([2.0, 3.0]))
    tensor([[3., 2.],
            [4., 0.]])
    """
    call = _Call("jacobian", func, inputs, create_graph, strict)
    blocks = []
    for k, out in enumerate(call.outputs):
        rows: list[list[Any]] = [[] for _ in call.inputs]
        for place in range(out.numel()):
            unit = out.detach().new_zeros((out.numel(),))
            unit[place] = 1
            starts = [unit.reshape(tuple(out.shape)) if i == k else zeros_like(o) for i, o in enumerate(call.outputs)]
            for row, g in zip(rows, call.pulled(starts)):
                row.append(g)
        block = [_stacked(row, (*out.shape, *x.shape), x) for row, x in zip(rows, call.inputs)]
        blocks.append(_shaped(block, call.one_input, create_graph))
    return blocks[0] if call.one_output else tuple(blocks)


def _stacked(rows: Sequence[Any], shape: Sequence[int], like: Any) -> Any:
    if not rows:
        return like.detach().new_zeros(tuple(shape))
    first, *others = [row.unsqueeze(0) for row in rows]
    return first.cat(*others).reshape(tuple(shape))


def _gradient(name: str, func: Function, strict: bool) -> tuple[Function, list[Any]]:
    """The gradient of a scalar function as a function on the tape; and a place for the values it passed by."""
    values: list[Any] = []

    def gradient(*inputs: Any) -> Any:
        call = _Call(name, func, inputs, True, strict)
        call.scalar()
        values.append(call.outputs[0])
        return tuple(call.pulled([zeros_like(call.outputs[0]) + 1]))

    return gradient, values


def hessian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a scalar function: in.shape + in.shape; a tuple of tuples for several inputs."""
    gradient, _ = _gradient("hessian", func, strict)
    found = jacobian(gradient, inputs, create_graph, strict)
    return found[0] if isinstance(inputs, Tensor) else found


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a scalar function and vᵀH."""
    gradient, values = _gradient("vhp", func, strict)
    call = _Call("vhp", gradient, inputs, create_graph, strict)
    found = call.pulled(_vectors("vhp", v, call.inputs, "the input"))
    return values[0] if create_graph else values[0].detach(), _shaped(found, call.one_input, create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a scalar function and H v."""
    gradient, values = _gradient("hvp", func, strict)
    call = _Call("hvp", gradient, inputs, create_graph, strict)
    found = call.pushed(_vectors("hvp", v, call.inputs, "the input"))
    return values[0] if create_graph else values[0].detach(), _shaped(found, call.one_input, create_graph)
