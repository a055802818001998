"""A tensor's memory: who shares it, how often it was written, and PyTorch's semantics of writing in place.

A mixin of ``Tensor``. A view has a base, which is never itself a view, and the chain of view ops that leads to it.
Writing a view writes the base's memory; on the tape the base becomes ``assign(base, value, chain)``, and the view is
taken from it again when it is next used.
"""

import operator
from collections.abc import Callable
from sys import _getframe
from types import CodeType
from typing import Any, Self

import numpy as np

from chainrule.errors import DtypeError, GraphError, LeafError, ShapeError
from chainrule.graph_words import Graph
from chainrule.in_place import InPlace
from chainrule.modes import Modes, current
from chainrule.op import Op
from chainrule.source import Place, at, inside, place_of, user_place
from chainrule.spec import shown

F32, F64 = np.dtype("float32"), np.dtype("float64")
mode_now = current.get
FAST_NUMBERS = {float, int}
IN_PLACE: dict[Any, Callable[[Any, Any], Any]] = {
    operator.add: operator.iadd, operator.sub: operator.isub, operator.mul: operator.imul,
    operator.truediv: operator.itruediv,
}  # fmt: skip


class Storage:
    """What tensors that share memory have in common: how often it was written, and where last."""

    version = 0
    keeper: Any = None
    """The node that saved this memory as its output."""
    code: CodeType | None = None
    instruction = 0

    def wrote(self) -> None:
        self.version += 1
        frame: Any = _getframe(3)  # the caller of the word that wrote
        while frame is not None:
            code = frame.f_code
            if not inside[code.co_filename]:
                self.code, self.instruction = code, frame.f_lasti
                break
            frame = frame.f_back
        if self.keeper is not None:
            self.keeper.overwritten(self)
            self.keeper = None

    def place(self) -> Place | None:
        return place_of(self.code, self.instruction)


class Memory(InPlace, Graph):
    """Sharing, viewing and writing."""

    _storage: Storage | None = None
    _chain: tuple[Any, ...] = ()
    _seen = 0
    _wrap: Callable[..., Any]
    _full: Callable[..., Any]

    def _own(self) -> Any:
        """The data as an array (a 0-d result is a NumPy scalar until something shares or writes it)."""
        if isinstance(self._data, np.generic):
            data, node = np.asarray(self._data), self._node
            if node is not None and node.out is self._data:
                node.out = data
            self._data = data
        return self._data

    def _shared(self) -> Storage:
        self._own()
        if self._storage is None:
            self._storage = Storage()
            if self._node is not None and self._node.out is self._data:
                self._storage.keeper = self._node
        return self._storage

    def _see(self, source: Any, op: Op, params: dict[str, Any]) -> None:
        """Make self a view of ``source`` if it shares its memory."""
        data, whole = self._data, source._data
        if (type(data) is not np.ndarray or data.base is whole or data.base is whole.base is not None
                or np.may_share_memory(data, whole)):  # fmt: skip
            self._storage = source._storage or source._shared()
            self._base = source if source._base is None else source._base
            self._chain = (*source._chain, (op, tuple(sorted(params.items()))))
            self._seen = self._storage.version

    def _refresh(self) -> None:
        """A view whose base was written since: its history is that of the base as it is now."""
        base, storage = self._base, self._storage
        if base is not None and storage is not None and storage.version != self._seen:
            self._seen = storage.version
            if base._edge() is not None and mode_now().grad:
                self._node = base.through(self._chain)._node
                if self._node is not None:
                    self._node.public = ""  # nobody called it: it is named after its op

    def _write(self, value: Any) -> Self:
        """Let self hold ``value`` from now on, in the same memory; the tape follows."""
        mode = mode_now()
        if mode.trace is not None and self._base is not None:
            mode.trace.settle(self._storage)
        root = self._base if self._base is not None else self
        if mode.grad and root._requires_grad and root._node is None:
            what = "a leaf Variable" if root is self else "a view of a leaf Variable"
            raise LeafError(LEAF_WRITE.format(what, shown(self.shape), at(user_place())))
        if value.shape != self.shape:
            raise ShapeError(f"in-place: output with shape {shown(self.shape)} doesn't match the broadcast shape "
                             f"{shown(value.shape)}{at(user_place())}; write x = x + y instead")  # fmt: skip
        if "biufc".index(value.np_dtype.kind) > "biufc".index(self.np_dtype.kind):
            raise DtypeError(f"in-place: result type {value.dtype} can't be cast to the desired output type "
                             f"{self.dtype}{at(user_place())}; convert the tensor first (x = x.float())")  # fmt: skip
        node = value._node
        if node is not None and node.saved and node.saved[0] is self:  # it needs what self was, so it gets a copy
            before = np.array(self._data) if mode.trace is None else mode.trace.payload(self)
            node.saved = (self._wrap(before, self._node), *node.saved[1:])
        if mode.trace is not None:
            mode.trace.write(self, value)
        elif not self._own().flags.writeable:
            raise GraphError("in-place: unsupported operation: more than one element of the written-to tensor, of "
                             f"shape {shown(self.shape)}, refers to a single memory location (as after expand()) or "
                             f"its memory is read-only{at(user_place())}; clone() it before writing")
        elif value._data is not self._data:
            np.copyto(self._own(), value._data, casting="unsafe")
        self._wrote(value, mode)
        return self

    def _wrote(self, value: Any, mode: Modes) -> None:
        storage = self._shared()
        storage.wrote()
        if not mode.grad:
            return
        base = self._base
        if mode.trace is not None:
            mode.trace.keep(self if base is None else base)
        if base is None:
            kept = value._edge() is None and self._edge() is not None  # a constant was written: the gradient is 0
            self._node = self.assign(value.cast(self.np_dtype), ())._node if kept else value._node
        elif value._edge() is not None or base._edge() is not None:
            base._node = base.assign(value.cast(base.np_dtype), self._chain)._node
            self._refresh()

    def _unrecorded(self) -> bool:
        """May a write go straight to memory? No mode reads it otherwise and no node has to be made."""
        mode = mode_now()
        return mode.fast and (
            not mode.grad or (self._base is None and self._node is None and not self._requires_grad))

    def _in_place(self, op: Op, other: Any, result: Callable[[], Any]) -> Self:
        """self = op(self, other) in self's memory: directly where nothing is recorded, else through the result."""
        if (write := IN_PLACE.get(op.forward)) is not None and self._unrecorded():
            data = self._data
            b = other
            if type(other) in FAST_NUMBERS:
                direct = data.dtype.kind == "f"
            elif isinstance(other, Memory):
                b = other._data
                direct = (d := data.dtype) is b.dtype and (d is F32 or d is F64) and (
                    not mode_now().grad or other._edge() is None)
            else:
                direct = False
            if direct:
                try:
                    write(data if type(data) is np.ndarray else self._own(), b)
                except ValueError:
                    return self._write(result())
                except RuntimeWarning:
                    pass  # NumPy warns after it has written
                (self._storage or self._shared()).wrote()
                return self
        return self._write(result())

    def _fill(self, number: Any) -> Self:
        """Every element = number."""
        if self._unrecorded():
            data = self._data
            try:
                (data if type(data) is np.ndarray else self._own()).fill(number)
            except ValueError:
                pass  # read-only: the long way says so
            else:
                (self._storage or self._shared()).wrote()
                return self
        return self._write(self._full(self.shape, number))


LEAF_WRITE = (
    "in-place: {0} that requires grad is being used in an in-place operation: its shape is {1}{2}. A leaf's value "
    "is what gradients are taken with respect to; update it inside 'with torch.no_grad():', or write to a copy"
)
