"""Tracing: a function of tensors is run once on symbolic payloads, and what it did is left behind as a graph.

The tape and ``backward()`` run as always; only the arithmetic is written down instead of done. While a function is
traced, the trace holds an *overlay*: memory -> symbolic value, tensor -> gradient. Tensors from outside are read
through it and never changed; what was read becomes an input, what was written an output into the same memory.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import LinAlgError, TraceError
from chainrule.ir import ESCAPED, Builder, Value, walk
from chainrule.memory import Storage
from chainrule.modes import Switch, current, quietly
from chainrule.number import Options
from chainrule.op import Op, spec_of
from chainrule.ops.shape import assign, cast, expand, reshape
from chainrule.source import at, user_place
from chainrule.spec import Spec
from chainrule.symbol import emit
from chainrule.tensors import Tensor, wrap

HOST = (
    "compile: {0} needs a value, and while a step is traced there are none yet{1}. Return the tensor from the step and "
    "look at it outside, choose by it with torch.where, or leave this line out of the compiled step"
)
SIZES = (
    "compile: {0} has as many elements as the values decide, and a compiled step has fixed sizes{1}. Keep the size: "
    "torch.where(mask, x, 0) or x * mask for x[mask]; or do it outside the compiled step and pass the result in"
)


class Tracer:
    """One trace. Use :func:`trace`."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.first = self.builder.input("none", Spec((), np.dtype(bool))).serial
        """Values with smaller numbers are of traces that are over."""
        self.inputs: dict[Storage, tuple[Tensor, Value]] = {}
        self.current: dict[Storage, Value] = {}
        self.written: dict[Storage, int] = {}
        """And the version before."""
        self.constants: set[Storage] = set()
        self.own: set[Tensor] = set()
        """Tensors made inside that are not values: constants, and aliases of what is outside. Each call has others."""
        self.gradients: dict[Tensor, Tensor | None] = {}
        self.read_gradients: dict[Tensor, bool] = {}
        self.recorded: dict[Tensor, None] = {}
        """Tensors whose ``requires_grad`` may have mattered."""
        self.touched: dict[Tensor, Any] = {}
        self.draws: list[tuple[Callable[..., Any], tuple[Any, ...], Value]] = []
        self.numbers: dict[str, Value] = {}
        self.lines: dict[str, str] = {}
        """What a run does before all else, in order: text of an expression -> its name, or "" where it must hold."""
        self.held: dict[int, tuple[str, Any]] = {}
        self.ways: list[tuple[str, Tensor]] = []
        """Expressions for tensors that are found through what is held."""
        self.undo: list[Callable[[], Any]] = []
        self.shadows: dict[Value, Any] = {}
        self.reshaped: list[Tensor] = []
        """Views of which ``reshape`` may have had to make a copy."""

    # -- what ``modes.Trace`` asks ---------------------------------------------------------------------------------

    def payload(self, tensor: Tensor) -> Value:
        """The symbolic value that a tensor has by now."""
        root = tensor if tensor._base is None else tensor._base
        value = self._of_root(root)
        if current.get().grad:
            self.recorded[root] = None
        for op, params in tensor._chain:
            value = self.builder.apply(op, (value,), dict(params))
        return value

    def _of_root(self, root: Tensor) -> Value:
        if isinstance(root._data, Value):
            if root._data.serial < self.first:
                raise TraceError(f"{ESCAPED}{at(user_place())}")
            if root._storage is None:
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
        self.own.add(tensor)

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
        self.settle(storage)
        self.current[storage] = value
        self.written.setdefault(storage, storage.version)

    def _cast(self, value: Value, dtype: np.dtype[Any]) -> Value:
        return value if value.dtype == dtype else self.builder.apply(cast, (value,), {"dtype": dtype})

    def get(self, tensor: Tensor, field: str) -> Any:
        """``tensor.grad`` as the traced function sees it."""
        if tensor not in self.gradients and tensor not in self.own:
            self.read_gradients.setdefault(tensor, tensor._grad is None)
            return tensor._grad
        return self.gradients.get(tensor)

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
        self.own.add(out)
        out._storage, out._chain = tensor._shared(), tensor._chain
        out._base = None if tensor._base is None else self.alias(tensor._base)
        return out

    def draw(self, make: Callable[..., Any], args: tuple[Any, ...], shape: tuple[int, ...], dtype: Any) -> Value:
        """An input that every run fills with what ``make(*args)`` draws, in the order of the trace; not drawn now."""
        value = self.builder.input(f"drawn{len(self.draws)}", Spec(shape, np.dtype(dtype)))
        self.draws.append((make, args, value))
        return value

    def strides(self, tensor: Tensor) -> tuple[int, ...]:
        """How the tensor's elements would lie in memory: its ops are run once, on zeros."""
        found: tuple[int, ...] = self._lay(self.payload(tensor)).strides
        return found

    def _lay(self, value: Value) -> Any:
        for v in walk([value]):
            if v not in self.shadows:
                self.shadows[v] = self._shadow(v)
        return self.shadows[value]

    def _shadow(self, value: Value) -> Any:
        """An array that lies in memory as the value will."""
        if isinstance(value.op, str):
            return np.zeros(value.shape, value.dtype)
        try:
            return np.asarray(quietly(value.op.forward, *[self.shadows[a] for a in value.args], **value.params))
        except LinAlgError:  # of zeros there is no solution, and what there would be is contiguous
            return np.zeros(value.shape, value.dtype)

    def viewed(self, tensor: Tensor) -> None:
        """A view has been made."""
        computed = tensor._base is not None and isinstance(tensor._base._data, Value)
        if (computed or len(tensor._chain) > 1) and any(op is reshape for op, _ in tensor._chain):
            self.reshaped.append(tensor)

    def settle(self, storage: Storage) -> None:
        """Memory is about to be written: what only looks like a view of it, being a copy, keeps what it has."""
        for view in [t for t in self.reshaped if t._storage is storage]:
            root: Any = view._base
            array = start = self._lay(root._data) if isinstance(root._data, Value) else root._own()
            for op, params in view._chain:
                array = quietly(op.forward, array, **dict(params))
            if not np.may_share_memory(array, start):
                view._data, view._storage, view._base, view._chain = self.payload(view), None, None, ()
                self.reshaped = [t for t in self.reshaped if t is not view]

    def keep(self, tensor: Tensor) -> None:
        """Remember a tensor's node before the traced function replaces it."""
        if not isinstance(tensor._data, Value):
            self.touched.setdefault(tensor, tensor._node)

    def refuse(self, tensor: Tensor | None, what: str, sizes: bool = False) -> Any:
        """A value is asked for: only a constant made inside the trace has one."""
        if tensor is not None and tensor._storage in self.constants and tensor._storage not in self.written:
            return tensor._data
        raise TraceError((SIZES if sizes else HOST).format(what, at(user_place())))

    # -- numbers that are read anew by every run -------------------------------------------------------------------

    def define(self, text: str) -> str:
        """A name for an expression of Python."""
        return self.lines.setdefault(text, f"n{len(self.lines)}")

    def require(self, text: str) -> None:
        """The trace is for runs in which this expression is true."""
        self.lines.setdefault(text, "")

    def hold(self, thing: Any) -> str:
        """A name for an object in expressions."""
        return self.held.setdefault(id(thing), (f"h{len(self.held)}", thing))[0]

    def number(self, name: str, dtype: np.dtype[Any]) -> Value:
        """The number of that name, rounded to a dtype as NumPy rounds Python's."""
        if name not in self.numbers:
            self.numbers[name] = self.builder.input(name, Spec((), np.dtype("float64")))
        return self._cast(self.numbers[name], dtype)

    def options(self, optimizer: Any) -> list[Options]:
        """The groups of an optimizer, whose numbers may change from run to run."""
        name, groups = self.hold(optimizer), [Options(self, group) for group in optimizer.param_groups]
        self.require(f"{name}.state is {self.hold(optimizer.state)}")
        self.require(f"len({name}.param_groups) == {len(groups)}")
        for k, group in enumerate(groups):
            self.require(f"{name}.param_groups[{k}] is {group.name}")
            self.require(f"len({group.name}['params']) == {len(group.group['params'])}")
            self.ways += [(f"{group.name}['params'][{j}]", p) for j, p in enumerate(group.group["params"])]
        return groups

    def later(self, undo: Callable[[], Any]) -> None:
        """Call ``undo`` if the function that is traced raises."""
        self.undo.append(undo)

    # -- afterwards ------------------------------------------------------------------------------------------------

    def take_back(self) -> None:
        """The function has raised: what it left outside goes."""
        for storage, version in self.written.items():
            storage.version = version
        for undo in self.undo:
            undo()

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
        tracer.take_back()
        raise
    finally:
        tracer.restore()
