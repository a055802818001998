"""Tracing: a function of tensors is run once on symbolic payloads, and what it did is left behind as a graph.

The tape and ``backward()`` run as always; only the arithmetic is written down instead of done. While a function is
traced, the trace holds an *overlay*: memory -> symbolic value, tensor -> gradient. Tensors from outside are read
through it and never changed; what was read becomes an input, what was written an output into the same memory.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError
from chainrule.ir import Builder, Value, walk
from chainrule.memory import Storage
from chainrule.modes import Switch, quietly
from chainrule.op import Op, spec_of
from chainrule.ops.shape import assign, cast, expand
from chainrule.source import at, user_place
from chainrule.spec import Spec
from chainrule.symbol import emit
from chainrule.tensors import Tensor, wrap

HOST = (
    "compile: {0} needs a value, and while a step is traced there are none yet{1}. Return the tensor from the step and "
    "look at it outside, or leave this line out of the compiled step"
)


class Tracer:
    """One trace. Use :func:`trace`."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.inputs: dict[Storage, tuple[Tensor, Value]] = {}
        self.current: dict[Storage, Value] = {}
        self.written: dict[Storage, None] = {}
        self.constants: set[Storage] = set()
        self.gradients: dict[Tensor, Tensor | None] = {}
        self.read_gradients: dict[Tensor, bool] = {}
        self.touched: dict[Tensor, Any] = {}
        self.draws: list[tuple[Callable[[], Any], Value]] = []
        self.shadows: dict[Value, Any] = {}

    # -- what ``modes.Trace`` asks ---------------------------------------------------------------------------------

    def payload(self, tensor: Tensor) -> Value:
        """The symbolic value that a tensor has by now."""
        root = tensor if tensor._base is None else tensor._base
        value = self._of_root(root)
        for op, params in tensor._chain:
            value = self.builder.apply(op, (value,), dict(params))
        return value

    def _of_root(self, root: Tensor) -> Value:
        if isinstance(root._data, Value) and root._storage is None:
            return root._data
        storage = root._shared()
        if storage not in self.current:
            if isinstance(root._data, Value):
                self.current[storage] = root._data
            elif (number := self._uniform(root)) is not None:
                self.current[storage] = number
            else:
                value = self.builder.input(f"x{len(self.inputs)}", spec_of(root._own()))
                self.inputs[storage] = root, value
                self.current[storage] = value
        return self.current[storage]

    def _uniform(self, root: Tensor) -> Value | None:
        """A tensor made inside the trace, every element the same: a constant of the graph."""
        array = root._data
        if root._storage not in self.constants or not array.size or (array != array.flat[0]).any():
            return None
        value = self.builder.const(array.flat[0].item(), array.dtype)
        return emit(self.builder, expand, (value,), {"shape": array.shape}) if array.shape else value

    def constant(self, tensor: Tensor) -> None:
        """A tensor that the traced function has made from numbers."""
        self.constants.add(tensor._shared())

    def emit(self, op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Value:
        """The value of ``op`` on tensors and numbers."""
        values = [self.payload(x) if isinstance(x, Tensor) else x for x in operands]
        return emit(self.builder, op, values, params)

    def write(self, tensor: Tensor, value: Tensor) -> None:
        """Let ``tensor`` hold ``value`` from now on, whoever shares its memory."""
        root = tensor if tensor._base is None else tensor._base
        before = self._of_root(root)
        new = self._cast(self.payload(value), before.dtype)
        if tensor._chain:
            new = emit(self.builder, assign, (before, new), {"chain": tensor._chain})
        self._put(root, new)

    def _put(self, root: Tensor, value: Value) -> None:
        storage = root._shared()
        self.current[storage] = value
        self.written[storage] = None

    def _cast(self, value: Value, dtype: np.dtype[Any]) -> Value:
        return value if value.dtype == dtype else self.builder.apply(cast, (value,), {"dtype": dtype})

    def get(self, tensor: Tensor, field: str) -> Any:
        """``tensor.grad`` as the traced function sees it."""
        if tensor not in self.gradients:
            self.read_gradients.setdefault(tensor, tensor._grad is None)
            return tensor._grad
        return self.gradients[tensor]

    def set(self, tensor: Tensor, field: str, value: Any) -> None:
        """``tensor.grad = value`` or ``tensor.data = value``."""
        if field == "grad":
            self.gradients[tensor] = value
            return
        self._of_root(tensor)
        new = self.payload(value)
        if new.shape != self._of_root(tensor).shape or new.dtype != tensor.np_dtype:
            raise TraceError(f"compile: .data is given another shape or dtype, {new.spec} for {tensor.np_dtype}"
                             f"{list(tensor.shape)}{at(user_place())}; a compiled step writes into the same memory")
        self._put(tensor, new)

    def alias(self, tensor: Tensor) -> Tensor:
        """The same memory without history."""
        self.payload(tensor)
        out = wrap(tensor._data)
        out._storage, out._chain = tensor._shared(), tensor._chain
        out._base = None if tensor._base is None else self.alias(tensor._base)
        return out

    def draw(self, make: Callable[[], Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Value:
        """An input that every run fills with what ``make`` draws, in the order of the trace. Nothing is drawn now."""
        value = self.builder.input(f"drawn{len(self.draws)}", Spec(shape, dtype))
        self.draws.append((make, value))
        return value

    def strides(self, tensor: Tensor) -> tuple[int, ...]:
        """How the tensor's elements would lie in memory: its ops are run once, on zeros."""
        value = self.payload(tensor)
        for v in walk([value]):
            if v not in self.shadows:
                args = [self.shadows[a] for a in v.args]
                self.shadows[v] = (np.zeros(v.shape, v.dtype) if isinstance(v.op, str)
                                   else np.asarray(quietly(v.op.forward, *args, **v.params)))
        found: tuple[int, ...] = self.shadows[value].strides
        return found

    def keep(self, tensor: Tensor) -> None:
        """Remember a tensor's node before the traced function replaces it."""
        if not isinstance(tensor._data, Value):
            self.touched.setdefault(tensor, tensor._node)

    def refuse(self, tensor: Tensor | None, what: str) -> Any:
        """A value is asked for: only a constant made inside the trace has one."""
        if tensor is not None and tensor._storage in self.constants and tensor._storage not in self.written:
            return tensor._data
        raise TraceError(HOST.format(what, at(user_place())))

    # -- afterwards ------------------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Leave tensors from outside as they were."""
        for tensor, node in self.touched.items():
            tensor._node = node


def trace(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, Tracer]:
    """What ``function`` returns when it is run on symbolic payloads, and the trace.

    Close the trace's builder when its values have been read; then what has escaped from the trace says so when used.
    """
    tracer = Tracer()
    try:
        with Switch(trace=tracer):
            return function(*args, **kwargs), tracer
    except BaseException:
        tracer.builder.close()
        raise
    finally:
        tracer.restore()
