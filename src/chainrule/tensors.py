"""The tensor: an array and how it came about.

Ops are applied in three ways of rising cost and generality: ``_unary`` and ``_binary`` go straight to NumPy where
dtypes agree and no mode is active; ``_apply`` promotes, checks, traces; both leave the same node on the tape.
"""

import operator
from collections.abc import Callable, Sequence
from sys import _getframe
from typing import Any

import numpy as np

from chainrule.conversions import Conversions
from chainrule.errors import ChainruleError, DtypeError, ShapeError
from chainrule.hooks import Watched
from chainrule.memory import F32, F64, FAST_NUMBERS, Memory
from chainrule.modes import current, quietly
from chainrule.number import Number
from chainrule.op import ABSENT, INNER, LEAF, NUMBER, Op
from chainrule.random_words import Random
from chainrule.selection import Selection
from chainrule.source import at, user_place
from chainrule.spec import default, promote
from chainrule.tape import Node

mode_now = current.get
new = object.__new__
ONE_TENSOR, TWO_TENSORS, NOWHERE = (None,), (None, None), (None, ABSENT)
INNER_ONE, LEAF_ONE, INNER_NUMBER, LEAF_NUMBER = (INNER,), (LEAF,), (INNER, NUMBER), (LEAF, NUMBER)
NUMBERS = {float, int, bool, complex}


class Tensor(Memory, Conversions, Selection, Random):
    """An array that knows how it was computed. Fields are class defaults until they differ."""

    serial = 0  # the engine's word for a leaf
    edges: Sequence[Any] = ()
    hooks: list[Callable[[Any], Any]] | None = None
    _data: Any
    _requires_grad = False
    _node: Node | None = None
    _grad: "Tensor | None" = None
    _base: "Tensor | None" = None
    _wrap: Callable[..., "Tensor"]

    def __init__(self, *data: Any):
        """PyTorch's old constructor: sizes give uninitialised memory, a sequence gives its values."""
        sizes = data and all(isinstance(d, int) for d in data)
        self._data = np.zeros(data, default.dtype) if sizes else np.array(data[0] if data else (), default.dtype)
        trace = mode_now().trace
        if trace is not None:
            trace.constant(self)

    def send(self, g: Any) -> Sequence[Any]:
        """The engine's word for accumulating into ``.grad``."""
        if not isinstance(g, Tensor):
            have = self._grad
            if have is None:
                self._grad = wrap(g)
            elif have._node is not None:
                self._grad = wrap(quietly(operator.add, have._data, g))
            else:
                try:
                    have._data += g  # an array in place; a NumPy scalar, which nothing shares, anew
                except RuntimeWarning:  # NumPy warns after it has written
                    if type(have._data) is not np.ndarray:
                        have._data = quietly(operator.add, have._data, g)
                (have._storage or have._shared()).version += 1
        else:
            have = self.grad
            if have is None or mode_now().grad:
                self.grad = g.clone() if have is None else have + g
            else:
                have += g
        return ()

    def _output_of(self, node: Node) -> "Tensor":
        """The output of a node that kept its value, as a tensor on the tape."""
        return wrap(node.out, node)

    # -- applying ops --------------------------------------------------------------------------------------------

    def _unary(self, op: Op, **params: Any) -> "Tensor":
        mode = mode_now()
        a = self._data
        if not mode.fast or ((d := a.dtype) is not F32 and d is not F64) or not op.recorded:
            return self._apply(op, (self,), **params)
        if self._base is not None:
            self._refresh()
        if op.view:
            a = self._own()
        out = new(Tensor)
        try:
            out._data = op.forward(a, **params)
        except (ValueError, TypeError, RuntimeWarning, ChainruleError):
            return self._apply(op, (self,), **params)
        if op.view:
            out._see(self, op, params)
        if mode.grad:
            if self._node is not None:
                key = op, INNER_ONE, (a.shape,), d, ONE_TENSOR, (*params.items(),)
                out._node = Node(key, (self._node,), (self,), out._data)
            elif self._requires_grad:
                key = op, LEAF_ONE, (a.shape,), d, ONE_TENSOR, (*params.items(),)
                out._node = Node(key, (self,), (self,), out._data)
        return out

    def _binary(self, op: Op, other: Any) -> "Tensor":
        mode = mode_now()
        key: tuple[Any, ...]
        a = self._data
        if not mode.fast or ((d := a.dtype) is not F32 and d is not F64):
            return self._apply(op, (self, other)) if is_operand(other) else stranger(op, other)
        if self._base is not None:
            self._refresh()
        if type(other) in FAST_NUMBERS:
            out = new(Tensor)
            try:
                out._data = op.forward(a, other)
            except (TypeError, RuntimeWarning):
                return self._apply(op, (self, other))
            if mode.grad and op.recorded:
                if self._node is not None:
                    key = op, INNER_NUMBER, (a.shape, None), d, (None, other or (other, str(other))), ()
                    out._node = Node(key, (self._node, None), (self, other), out._data)
                elif self._requires_grad:
                    key = op, LEAF_NUMBER, (a.shape, None), d, (None, other or (other, str(other))), ()
                    out._node = Node(key, (self, None), (self, other), out._data)
            return out
        if not isinstance(other, Tensor) or (b := other._data).dtype is not d:
            return self._apply(op, (self, other)) if is_operand(other) else stranger(op, other)
        if other._base is not None:
            other._refresh()
        out = new(Tensor)
        try:
            out._data = op.forward(a, b)
        except (ValueError, TypeError, RuntimeWarning, ChainruleError):
            return self._apply(op, (self, other))
        if mode.grad and op.recorded:
            e1, m1 = (self._node, INNER) if self._node is not None else (self, LEAF) if self._requires_grad else NOWHERE
            e2, m2 = (other._node, INNER) if other._node is not None else (
                other, LEAF) if other._requires_grad else NOWHERE
            if m1 or m2:
                key = op, (m1, m2), (a.shape, b.shape), d, TWO_TENSORS, ()
                out._node = Node(key, (e1, e2), (self, other), out._data)
        return out

    def _word(self, op: Op, other: Any) -> "Tensor":
        out: Any = self._binary(op, other)
        return self._apply(op, (self, other)) if out is NotImplemented else out

    def _reflected(self, op: Op, number: Any) -> "Tensor":
        mode = mode_now()
        a = self._data
        if type(number) not in FAST_NUMBERS or not mode.fast or ((d := a.dtype) is not F32 and d is not F64):
            return self._apply(op, (number, self)) if is_operand(number) else stranger(op, number)
        if self._base is not None:
            self._refresh()
        out = new(Tensor)
        try:
            out._data = op.forward(number, a)
        except (ValueError, TypeError, RuntimeWarning):
            return self._apply(op, (number, self))
        if mode.grad and (self._node is not None or self._requires_grad):
            edge, m = (self._node, INNER) if self._node is not None else (self, LEAF)
            key = op, (NUMBER, m), (None, a.shape), d, (number or (number, str(number)), None), ()
            out._node = Node(key, (None, edge), (number, self), out._data)
        return out

    def _apply(self, op: Op, inputs: Sequence[Any], **params: Any) -> "Tensor":
        """``op`` on tensors and numbers, whatever the modes and dtypes."""
        mode = mode_now()
        operands = [x if isinstance(x, Tensor) or type(x) in NUMBERS else as_operand(op, x, inputs) for x in inputs]
        if op.refuses_kinds:
            _check_kinds(op, operands)
        if op.promotes and not _agree(operands[op.first :]):
            if op.promotes != "checked":
                _promote(op, operands)
            elif not mode.double:  # which reads float32 as float64 below
                _check(op, operands, params)
        tensors = [x for x in operands if isinstance(x, Tensor)]
        for x in tensors:
            if x._base is not None:
                x._refresh()
        if op.view:
            tensors[0]._own()
        out = new(Tensor)
        try:
            if mode.trace is not None:
                out._data = mode.trace.emit(op, tuple(operands), params)
            else:
                arrays = [x._data if isinstance(x, Tensor) else x for x in operands]
                if mode.double:
                    arrays = [a.astype(F64) if getattr(a, "dtype", None) == F32 else a for a in arrays]
                    params = {"dtype": F64} if params.get("dtype") is F32 else params
                forward = op.along if mode.double else op.forward
                try:
                    out._data = forward(*arrays, **params)
                except RuntimeWarning:
                    out._data = quietly(forward, *arrays, **params)
        except (ValueError, TypeError, ChainruleError) as error:
            raise _misuse(op, operands, params, error) from None
        if op.view:
            out._see(tensors[0], op, params)
            if mode.trace is not None:
                mode.trace.viewed(out)
        if mode.grad and out._data.dtype.kind == "f":
            edges = tuple([x._edge() if isinstance(x, Tensor) else None for x in operands])
            mask = tuple([(ABSENT if isinstance(x, Tensor) else NUMBER) if e is None else INNER if e.serial else LEAF
                          for x, e in zip(operands, edges)])
            if any(mask) and op.saves[mask] is not None:
                shapes = tuple([x._data.shape if isinstance(x, Tensor) else None for x in operands])
                dtypes = tuple([x._data.dtype if isinstance(x, Tensor) else None for x in operands])
                numbers = tuple([None if isinstance(x, Tensor) else x or (x, str(x)) for x in operands])
                key = op, mask, shapes, dtypes, numbers, tuple(params.items())
                out._node = Node(key, edges, tuple(operands), out._data)
        return out

    def _edge(self) -> Any:
        """Where a gradient with respect to this tensor goes: its node, itself if it is a leaf, or nowhere."""
        return self._node or (self if self._requires_grad and self._data.dtype.kind == "f" else None)

    def _full(self, shape: tuple[Any, ...], number: Any) -> "Tensor":
        out = wrap(np.full(shape, number, self.np_dtype))
        trace = mode_now().trace
        if trace is not None:
            trace.constant(out)
        return out


def wrap(data: Any, node: Node | None = None) -> Tensor:
    """A tensor around an array, a NumPy scalar or a traced value."""
    out = new(Tensor)
    out._data = data
    if node is not None:
        out._node = node
    return out


Watched.wrap = Tensor._wrap = staticmethod(wrap)


def is_operand(x: Any) -> bool:
    return isinstance(x, (Tensor, int, float, complex, np.generic, np.ndarray))


def stranger(op: Op, x: Any) -> Any:
    """What an operator answers to something that is no operand, for Python to ask the other side; a word raises."""
    return NotImplemented if _getframe(2).f_code.co_name.startswith("__") else as_operand(op, x)


def as_operand(op: Op, x: Any, others: Sequence[Any] = ()) -> Any:
    """A tensor or number from whatever stands for one. Raises TypeError."""
    if type(x) is Number:  # an input of the step that is traced, of the dtype that a float would be read in
        meeting = promote([1.0, *(t._data for t in others[op.first :] if isinstance(t, Tensor))])
        return wrap(x.trace.number(x.name, meeting))
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return wrap(x)
    if isinstance(x, (int, float, complex)):
        return x
    raise TypeError(f"{op.name}(): an operand must be Tensor or Number, not {type(x).__name__}: {x!r}"
                    f"{at(user_place())}")


def _agree(operands: list[Any]) -> bool:
    """Are these all tensors of one floating dtype, so that there is nothing to promote?"""
    first = getattr(operands[0], "_data", None)
    d = None if first is None else first.dtype
    return (d is F32 or d is F64) and all(
        [isinstance(x, Tensor) and x._data.dtype is d for x in operands])  # noqa: C419 - quicker than a generator


def _check_kinds(op: Op, operands: Sequence[Any]) -> None:
    for x in operands:
        kind = x._data.dtype.kind if isinstance(x, Tensor) else "b" if type(x) is bool else ""
        if kind and kind in op.refuses_kinds:
            raise DtypeError(f"{op.name}: not implemented for {x.dtype if kind != 'b' else 'bool'}{at(user_place())}; "
                             + ("use ~ to invert a mask, or convert it: x.int()" if kind == "b" else
                                "convert it: x.float()"))


def _promote(op: Op, operands: list[Any]) -> None:
    """Cast the operands to the dtype that they meet in."""
    common = promote([x._data if isinstance(x, Tensor) else x for x in operands[op.first :]])
    if op.promotes == "float" and common.kind not in "fc":
        common = default.dtype
    for k in range(op.first, len(operands)):
        if isinstance(operands[k], Tensor):
            if operands[k]._data.dtype != common:
                operands[k] = operands[k].cast(common)
        elif common.kind in "iu":
            operands[k] = np.asarray(operands[k]).astype(common).item()  # −3 is 253 among bytes
    if not any(isinstance(x, Tensor) for x in operands[op.first :]):
        operands[op.first] = wrap(np.asarray(operands[op.first], common))


def _check(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> None:
    try:
        op.spec(*[x._data if isinstance(x, Tensor) else x for x in operands], **params)
    except ChainruleError as error:
        raise type(error)(f"{op.name}: {error}{at(user_place())}") from None


def _misuse(op: Op, operands: Sequence[Any], params: dict[str, Any], error: Exception) -> Exception:
    """What to tell the user when an op cannot be applied: the shape rule's own words, if it refuses too."""
    try:
        op.spec(*[x._data if isinstance(x, Tensor) else x for x in operands], **params)
    except ChainruleError as told:
        error = told
    usual = DtypeError if isinstance(error, TypeError) else ShapeError
    kind = type(error) if isinstance(error, ChainruleError) else usual
    return kind(f"{op.name}: {error}{at(user_place())}")
