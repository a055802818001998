"""Differentiable functions of the user's own: ``forward`` and ``backward`` as a class, in PyTorch's protocol.

``apply`` runs ``forward`` unrecorded and puts one node on the tape. Each output that carries a gradient ends in an
:class:`Output` of that node, so that the engine needs to know nothing of nodes with several outputs: what arrives at an
output goes on as :class:`~chainrule.hooks.Cotangents`, which add up at the node.
"""

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.creation import zeros
from chainrule.errors import GraphError, LeafError, VersionError
from chainrule.hooks import Cotangents, Watched
from chainrule.memory import LEAF_WRITE
from chainrule.modes import Switch, current
from chainrule.source import Place, at, place_of, user_frame, user_place
from chainrule.spec import dtype, shown
from chainrule.tape import next_serial, shown_edge
from chainrule.tensors import Tensor

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves behind for ``backward``: the first argument of both. Any attribute may be set on it."""

    needs_input_grad: tuple[bool, ...] = ()
    """Per argument of ``forward``: is its gradient asked for?"""

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True
        self._saved: list[Any] | None = []
        self._outputs: list[Any] = []
        self._name = ""

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs, outputs or other tensors for ``backward``; a later write to one of them is an error there."""
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *tensors: Tensor) -> None:
        """These inputs were written in place; they must be outputs too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """These outputs carry no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Where nothing has arrived at an output: does ``backward`` get zeros (the default) or None?"""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` was given. Raises RuntimeError once freed, or when it was overwritten since."""
        if self._saved is None:
            raise GraphError(f"backward: the saved tensors of {self._name} were already freed. Trying to backward "
                             f"through the graph a second time: pass retain_graph=True the first time")
        for tensor, _, version in self._saved:
            if tensor is not None and tensor._version != version:
                raise VersionError(
                    "backward: one of the variables needed for gradient computation has been modified by an inplace "
                    f"operation: {self._name} saved a tensor of shape {shown(tensor.shape)} at version {version}; it "
                    f"was overwritten{at(tensor._storage.place())} and is now at version {tensor._version}. Write to "
                    f"a copy")
        return tuple(tensor if output is None else self._again(tensor, output) for tensor, output, _ in self._saved)

    def _again(self, tensor: Any, output: Any) -> Any:
        """A saved output, on the tape. It was kept without its place there, lest node and tensor keep each other."""
        end, node, number = output
        again = tensor.detach()
        again._node = end() or Output(node(), number)
        return again

    def _keep(self, outputs: Sequence[Any]) -> None:
        """Save what was asked for, now that the outputs are on the tape."""
        ends: dict[int, Any] = {}
        for tensor in outputs:
            if isinstance(tensor, Tensor) and isinstance(tensor._node, Output):
                node, number = tensor._node.end()
                ends[id(tensor)] = weakref.ref(tensor._node), weakref.ref(node), number
        self._saved = []
        for tensor in self._to_save:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError("save_for_backward: can only save tensors, not "
                                f"{type(tensor).__name__}{at(user_place())}; set it as an attribute: ctx.value = value")
            end = ends.get(id(tensor))
            version = 0 if tensor is None else tensor._version
            self._saved.append((tensor if end is None else tensor.detach(), end, version))  # type: ignore[union-attr]
        self._to_save = self._dirty = self._constant = ()


class FunctionNode(Watched):
    """One application of a :class:`Function` on the tape."""

    out = None

    def __init__(self, function: "type[Function]", ctx: FunctionCtx, args: Sequence[Any]):
        self.function, self.ctx = function, ctx
        self.edges = tuple(x._edge() if isinstance(x, Tensor) else None for x in args)
        self.inputs = tuple((tuple(x.shape), x.dtype) if isinstance(x, Tensor) else None for x in args)
        self.outputs: list[tuple[tuple[int, ...], dtype] | None] = []
        self.serial = next_serial()
        self.hooks: list[Any] = []
        frame = user_frame(3)
        self.code = frame.f_code if frame else None
        self.instruction = frame.f_lasti if frame else 0
        ctx._name = self.name()

    @property
    def saved(self) -> Any:
        """What ``backward`` needs; the engine sets None to free it."""
        return self.ctx._saved

    @saved.setter
    def saved(self, value: Any) -> None:
        if value is not None or self.ctx._saved:
            self.ctx._saved = value

    def name(self) -> str:
        """``SquareBackward`` of ``class Square(Function)``."""
        return self.function.__name__ + "Backward"

    def __repr__(self) -> str:
        return f"<chainrule.autograd.function.{self.name()} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["ctx"], name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Per argument the node it came from and the number of its output."""
        return tuple(map(shown_edge, self.edges))

    @property
    def place(self) -> Place | None:
        """The user's line that called ``apply``."""
        return place_of(self.code, self.instruction)

    def take_over(self, other: "FunctionNode", on_the_tape: Callable[[Any], Any]) -> None:
        """Save what ``other``, of the same function, has saved."""
        self.saved = [
            (None if t is None else on_the_tape(t), end and (lambda: None, weakref.ref(self), end[2]), version)
            for t, end, version in other.saved or ()
        ]

    def send(self, g: Cotangents) -> Sequence[Any]:
        """The user's ``backward``, on tensors."""
        arrays = not any(isinstance(part, Tensor) for part in g.parts)
        grads = [self._arrived(part, spec) for part, spec in zip(g.parts, self.outputs)]
        with Switch(grad=current.get().grad and not arrays):
            found = self.function.backward(self.ctx, *grads)
            parts = self._checked(found if isinstance(found, tuple) else (found,))
        if not arrays:
            return parts
        return [None if p is None else p._data if edge is not None and edge.serial else p.clone()._data
                for p, edge in zip(parts, self.edges)]

    def _arrived(self, part: Any, spec: Any) -> Any:
        if part is None:
            return zeros(spec[0], dtype=spec[1]) if spec is not None and self.ctx._materialize else None
        return part if isinstance(part, Tensor) else self.wrap(part)

    def _checked(self, found: tuple[Any, ...]) -> list[Any]:
        """One gradient per argument, in its shape and dtype. Raises RuntimeError."""
        name, count = self.name(), len(self.inputs)
        if any(g is not None for g in found[count:]) or len(found) < count:
            raise RuntimeError(f"backward: function {name} returned an incorrect number of gradients (expected "
                               f"{count}, got {len(found)}){at(self.place)}; give one, or None, for each argument of "
                               f"forward")
        parts: list[Any] = []
        for k, (g, spec, edge) in enumerate(zip(found, self.inputs, self.edges)):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"backward: {name} returned a {type(g).__name__} at position {k}, not a Tensor or None")
            if g is not None and spec is None:
                raise RuntimeError(f"backward: function {name} returned a gradient different from None at position "
                                   f"{k + 1}, but the corresponding forward input was not a Variable{at(self.place)}")
            if g is None or edge is None or spec is None:
                parts.append(None)
                continue
            shape, kind = spec
            if tuple(g.shape) != shape:
                fits = all(n in (1, m) for n, m in zip(shape[::-1], tuple(g.shape)[::-1]))
                if g.ndim < len(shape) or not fits:
                    raise RuntimeError(
                        f"backward: Function {name} returned an invalid gradient at index {k} - got {shown(g.shape)} "
                        f"but expected shape compatible with {shown(shape)}{at(self.place)}")
                g = g.sum_to_size(shape)
            parts.append(g.cast(kind.numpy))
        return parts


class Output:
    """Where one output of a function joins its node."""

    saved: Any = None
    out: Any = None

    def __init__(self, node: FunctionNode, number: int):
        self.edges = (node,)
        self.number = number
        self.serial = next_serial()
        self.hooks: list[Any] = []

    def send(self, g: Any) -> Sequence[Any]:
        """What has arrived, as the cotangents of all outputs."""
        (node,) = self.edges
        return (Cotangents([g if k == self.number else None for k in range(len(node.outputs))]),)

    def run(self, g: Any, release: bool) -> tuple[Sequence[Any], Sequence[Any]]:
        """``send``, and nothing to release."""
        return self.edges, self.send(g)

    def take_over(self, other: "Output", on_the_tape: Callable[[Any], Any]) -> None:
        """An output saves nothing."""

    def end(self) -> tuple[FunctionNode, int]:
        """The node and the number of this output, as users see it."""
        return self.edges[0], self.number

    @property
    def place(self) -> Place | None:
        """The user's line that called ``apply``."""
        return self.edges[0].place

    def name(self) -> str:
        """The node's."""
        return self.edges[0].name()


class Function:
    """The base of differentiable functions of one's own.

    ``forward(ctx, *args)`` computes, ``backward(ctx, *grads)`` gives one gradient per argument, None where there is
    none. With ``setup_context(ctx, inputs, output)``, ``forward`` takes the arguments alone.

    >>> import chainrule as torch
    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * g
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The function's value; a tensor or a tuple."""
        raise NotImplementedError("Function: you must implement the forward function for custom autograd.Function")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what ``backward`` needs, apart from the computation."""
        raise NotImplementedError("Function: setup_context is not implemented")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments, from those of the outputs."""
        raise NotImplementedError("Function: you must implement backward for your custom autograd.Function to use it "
                                  "with backward()")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run ``forward`` and record it."""
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(x, Tensor) and bool(x.requires_grad) for x in args)
        before = {id(x): x._data for x in args if isinstance(x, Tensor)}
        with Switch(grad=False):
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        if not (current.get().grad and any(ctx.needs_input_grad)):
            return result
        node = FunctionNode(cls, ctx, args)
        given = result if isinstance(result, tuple) else (result,)
        made = tuple(_recorded(node, k, out, before) for k, out in enumerate(given))
        same = {id(old): new for old, new in zip(given, made)}
        ctx._to_save = tuple(same.get(id(t), t) if id(t) not in before else t for t in ctx._to_save)
        ctx._keep(made)
        return made if isinstance(result, tuple) else made[0]


def _recorded(node: FunctionNode, number: int, out: Any, inputs: dict[int, Any]) -> Any:
    """The output as users get it: on the tape if it carries a gradient."""
    ctx = node.ctx
    carries = isinstance(out, Tensor) and out.is_floating_point() and all(out is not t for t in ctx._constant)
    node.outputs.append((tuple(out.shape), out.dtype) if isinstance(out, Tensor) else None)
    if isinstance(out, Tensor) and any(out is t for t in ctx._dirty):
        if out._requires_grad and out._node is None:
            raise LeafError(LEAF_WRITE.format("a leaf Variable", shown(out.shape), at(user_place())))
        value = node.wrap(out._data, Output(node, number))
        out._wrote(value, current.get())
        return out
    if isinstance(out, Tensor) and (id(out) in inputs or out._base is not None or out.requires_grad):
        out = out.detach()
    if carries:
        out._node = Output(node, number)
    return out


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` that is not itself differentiable: a second derivative through it is an error."""

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with Switch(grad=False):
            found = backward(ctx, *grads)
        recorded = [g for g in grads if isinstance(g, Tensor) and g.requires_grad]
        if not (current.get().grad and recorded):
            return found
        parts = found if isinstance(found, tuple) else (found,)
        parts = tuple(_Refused.apply(p, *recorded) if isinstance(p, Tensor) else p for p in parts)
        return parts if isinstance(found, tuple) else parts[0]

    return once


class _Refused(Function):
    """The identity, whose derivative by what it came from is an error."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *recorded: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("backward: trying to differentiate twice a function that was marked with "
                           "@once_differentiable; take that away if its backward is made of differentiable ops")
