"""From a graph to something to call."""

import ctypes
from collections.abc import Callable, Collection, Mapping, Sequence
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
    >>> (x,) = symbols(x=Spec((3,), np.dtype("float64")))
    >>> kernel = build(graph_of([x], [(x * x).sum()]), native=False)
    >>> kernel.call([np.array([1.0, 2.0, 3.0])])
    [array(14.)]
    >>> print(kernel)
    input in0: float64[3]
    output out0: float64[1]
    for i0 in 3 vector:
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

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array | None], times: int = 1) -> Callable[[], None]:
        """A function without arguments that runs on these very arrays, ``times`` times in one native call.

        An output array with one more axis in front takes each run's result at its place, one without the last run's.
        What stands in ``outputs`` for an output that is written in place is ignored.
        """
        self._check(inputs)
        own = [inputs[self.writes[j]] if j in self.writes else out for j, out in enumerate(outputs)]
        stacks = [_stacks(j, out, spec, times) for j, (out, spec) in enumerate(zip(own, self.outputs, strict=True))]
        if self.native is None:
            return partial(self._interpret, inputs, own, stacks, times)
        arena = np.empty(self.program.arena_size, np.uint8)
        arrays = [a for a in (*inputs, *own, arena) if a is not None]
        steps = [out.nbytes * stacked for out, stacked in zip(self.program.outputs, stacks)]
        loops = [calls.address(*loop) for loop in calls.loops(self.program.steps)]
        table = np.array([*(a.ctypes.data for a in arrays), *(blas.gemm() or (0, 0)), *steps, *loops], np.uint64)
        run = partial(self.native.run, ctypes.c_void_p(table.ctypes.data), ctypes.c_int64(times))
        run.keeps = (self, table, arrays)  # type: ignore[attr-defined]
        return run

    def _interpret(self, inputs: Sequence[Array], outputs: Sequence[Any], stacks: Sequence[bool], times: int) -> None:
        for t in range(times):
            interpret(self.program, inputs, [out[t, ...] if s else out for out, s in zip(outputs, stacks)])

    def _check(self, arrays: Sequence[Array]) -> None:
        if len(arrays) != len(self.inputs):
            raise ValueError(f"call: the kernel takes {len(self.inputs)} arrays, got {len(arrays)}")
        for k, (array, spec) in enumerate(zip(arrays, self.inputs)):
            if array.shape != spec.shape or array.dtype != spec.dtype:
                raise ValueError(f"call: input {k} is {Spec(array.shape, array.dtype)}, the kernel takes {spec}")
            if not (array.flags.c_contiguous and array.flags.aligned):
                raise ValueError(f"call: input {k} is not contiguous in memory; pass a copy of it")
        for i in self.writes.values():
            if not arrays[i].flags.writeable:
                raise ValueError(f"call: input {i} is written in place, and the array is read-only; pass a copy of it")
            for k, array in enumerate(arrays):
                if k != i and np.may_share_memory(array, arrays[i]):
                    raise ValueError(f"call: inputs {i} and {k} share memory, and input {i} is written in place")


def _stacks(j: int, out: Array | None, spec: Spec, times: int) -> bool:
    """Whether an output array takes the results of all runs. Raises ValueError if it takes neither all nor one."""
    found = None if out is None else Spec(out.shape, out.dtype)
    if out is None or not out.flags.c_contiguous or found not in (spec, Spec((times, *spec.shape), spec.dtype)):
        raise ValueError(f"bind: output {j} needs a contiguous array for {spec}, got {found}")
    return out.ndim > spec.ndim
