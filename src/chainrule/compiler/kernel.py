"""From a graph to something to call."""

import ctypes
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from chainrule.compiler import blas, calls
from chainrule.compiler.expansion import expanded
from chainrule.compiler.interpret import interpret
from chainrule.compiler.llvm import module
from chainrule.compiler.loops import Program
from chainrule.compiler.lower import lower
from chainrule.compiler.native import Native, host
from chainrule.compiler.native import native as machine_code
from chainrule.compiler.plan import plan
from chainrule.ir import Graph
from chainrule.spec import Spec

Array = np.ndarray[Any, Any]


def build(graph: Graph, writes: Mapping[int, int] | None = None, native: bool = True) -> "Kernel":
    """A kernel that computes the graph: machine code, or with ``native=False`` interpreted loops.

    ``writes`` says which outputs are written into which inputs in place: {output: input}. Raises ValueError for a
    pair that differs in shape or dtype, TraceError for what has no lowering, MissingExtra without llvmlite.

    >>> from chainrule.spec import Spec
    >>> from chainrule.symbol import graph_of, symbols
    >>> (x,) = symbols(x=Spec((5,), np.dtype("float64")))
    >>> kernel = build(graph_of([x], [(x * x).sum()]), native=False)
    >>> kernel.call([np.array([1.0, 2.0, 3.0, 4.0, 5.0])])
    [array(55.)]
    >>> print(kernel)
    input in0: float64[5]
    output out0: float64[1]
    for i0 in 5 vector:
      %1 = mul float64(in0[i0], in0[i0])
      out0[0] add= %1
    """
    writes = dict(writes or {})
    for j, i in writes.items():
        if graph.outputs[j].spec != graph.inputs[i].spec:
            raise ValueError(f"build: output {j} is {graph.outputs[j].spec}, it cannot be written into input {i}, "
                             f"which is {graph.inputs[i].spec}")  # fmt: skip
    if len(set(writes.values())) < len(writes):
        raise ValueError(f"build: two outputs are written into one input: {writes}")
    graph = expanded(graph)
    program = plan(lower(graph, writes, blas.gemm() is not None), writes)
    code = machine_code(module(program, host().register)) if native else None
    return Kernel(graph, program, writes, code)


class Kernel:
    """A compiled graph. ``str`` of it is its loop IR.

    Arrays are C-contiguous and have the shapes and dtypes of the graph's inputs. An input that is written in place
    must share no memory with another array.
    """

    def __init__(self, graph: Graph, program: Program, writes: Mapping[int, int], native: Native | None):
        self.inputs = [v.spec for v in graph.inputs]
        self.outputs = [v.spec for v in graph.outputs]
        self.program = program
        self.writes = writes
        self.native = native

    def __str__(self) -> str:
        return str(self.program)

    def call(self, arrays: Sequence[Array]) -> list[Array]:
        """The outputs for these inputs; those written in place are the input arrays themselves."""
        outputs = self.empty(arrays)
        self.bind(arrays, outputs)()
        return outputs

    def repeat(self, times: int, arrays: Sequence[Array], last: Collection[int] = ()) -> list[Array]:
        """The outputs of ``times`` runs, stacked; what is written in place carries over from run to run.

        Of the outputs in ``last`` only the last run's are kept.
        """
        outputs = [out if j in self.writes or j in last else np.empty((times, *out.shape), out.dtype)
                   for j, out in enumerate(self.empty(arrays))]  # fmt: skip
        self.bind(arrays, outputs, times)()
        return outputs

    def empty(self, arrays: Sequence[Array]) -> list[Array]:
        """An array for each output: the input that it is written into, or a new one."""
        return [arrays[self.writes[j]] if j in self.writes else np.empty(spec.shape, spec.dtype)
                for j, spec in enumerate(self.outputs)]  # fmt: skip

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array | None], times: int = 1) -> "Bound":
        """To be called without arguments: runs on these very arrays, ``times`` times in one native call.

        An array with one more axis in front holds at its place what each run reads, or takes each run's result; one
        without is the same for all runs, or takes the last run's. What stands in ``outputs`` for an output that is
        written in place is ignored.
        """
        stacked = self._check(inputs, times)
        own = [inputs[self.writes[j]] if j in self.writes else out for j, out in enumerate(outputs)]
        stacked += [_stacks(j, out, spec, times) for j, (out, spec) in enumerate(zip(own, self.outputs, strict=True))]
        return Bound(self, [*inputs, *own], stacked, times)

    def _check(self, arrays: Sequence[Array], times: int) -> list[bool]:
        """Which inputs hold one array for each run."""
        if len(arrays) != len(self.inputs):
            raise ValueError(f"call: the kernel takes {len(self.inputs)} arrays, got {len(arrays)}")
        stacked, written = [], {*self.writes.values()}
        for k, (array, spec) in enumerate(zip(arrays, self.inputs)):
            each = k not in written and array.shape == (times, *spec.shape)
            if (array.shape != spec.shape and not each) or array.dtype != spec.dtype:
                raise ValueError(f"call: input {k} is {Spec(array.shape, array.dtype)}, the kernel takes {spec}")
            if not (array.flags.c_contiguous and array.flags.aligned):
                raise ValueError(f"call: input {k} is not contiguous in memory; pass a copy of it")
            if k in written and not array.flags.writeable:
                raise ValueError(f"call: input {k} is written in place, and the array is read-only; pass a copy of it")
            stacked.append(each)
        if (found := overlap(arrays, written)) is not None:
            i, k = found
            raise ValueError(f"call: inputs {i} and {k} share memory, and input {i} is written in place")
        return stacked


class Bound:
    """A kernel on the arrays that it runs on; ``run()`` or a call runs it."""

    def __init__(self, kernel: Kernel, arrays: list[Any], stacked: list[bool], times: int):
        self.kernel = kernel
        self.arrays = arrays
        self.stacked = stacked
        if kernel.native is not None:
            self.arena = np.empty(kernel.program.arena_size, np.uint8)
            buffers = (*kernel.program.inputs, *kernel.program.outputs)
            steps = [buffer.nbytes * each for buffer, each in zip(buffers, stacked)]
            places = [address(a) for a in (*arrays, self.arena)]
            loops = [calls.address(*loop) for loop in calls.loops(kernel.program.steps)]
            self.table = np.array([*places, *(blas.gemm() or (0, 0)), *steps, *loops], np.uint64)
        self._start(times)

    def _start(self, times: int) -> None:
        native = self.kernel.native
        self.run: Callable[[], None] = partial(self._interpret, times) if native is None else partial(
            native.run, ctypes.c_void_p(address(self.table)), ctypes.c_int64(times))

    def __call__(self) -> None:
        self.run()

    def many(self, times: int, others: Mapping[int, Array]) -> "Bound":
        """The same ``times`` times, on other arrays, numbered as by ``point``; those with one more axis are stacked."""
        new = copy(self)
        new.arrays, new.stacked = [*self.arrays], [*self.stacked]
        if self.kernel.native is not None:
            new.table = self.table.copy()
        for k, array in others.items():
            new.stacked[k] = array.ndim > self.arrays[k].ndim
            new.point(k, array)
            if new.stacked[k] and self.kernel.native is not None:
                new.table[len(self.arrays) + 3 + k] = array.nbytes // times
        new._start(times)
        return new

    def point(self, k: int, array: Array, place: int | None = None) -> None:
        """Let array ``k``, counted through the inputs and on through the outputs, be another like the one it is."""
        self.arrays[k] = array
        if self.kernel.native is not None:
            self.table[k] = address(array) if place is None else place

    def _interpret(self, times: int) -> None:
        count = len(self.kernel.inputs)
        for t in range(times):
            arrays = [a[t, ...] if each else a for a, each in zip(self.arrays, self.stacked)]
            interpret(self.kernel.program, arrays[:count], arrays[count:])


def address(array: Array) -> int:
    """Where an array begins in memory."""
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


def overlap(arrays: Sequence[Array], written: Collection[int]) -> tuple[int, int] | None:
    """The numbers of two contiguous arrays that share memory, the first among those ``written``; or None."""
    spans = sorted((address(a), address(a) + a.nbytes, k) for k, a in enumerate(arrays) if a.nbytes)
    reaching = [(0, -1), (0, -1)]  # how far the spans so far reach, of all and of those written, and which
    for start, end, k in spans:
        for reach, other in reaching if k in written else reaching[1:]:
            if start < reach:
                return (k, other) if k in written else (other, k)
        reaching[0] = max(reaching[0], (end, k))
        if k in written:
            reaching[1] = max(reaching[1], (end, k))
    return None


def _stacks(j: int, out: Array | None, spec: Spec, times: int) -> bool:
    """Whether an output array takes the results of all runs. Raises ValueError if it takes neither all nor one."""
    found = None if out is None else Spec(out.shape, out.dtype)
    if out is None or not out.flags.c_contiguous or found not in (spec, Spec((times, *spec.shape), spec.dtype)):
        raise ValueError(f"bind: output {j} needs a contiguous array for {spec}, got {found}")
    return out.ndim > spec.ndim
