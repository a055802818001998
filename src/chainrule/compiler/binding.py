"""A compiled step on the very arrays that it runs on."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import groupby
from struct import Struct
from sys import getrefcount
from time import perf_counter
from typing import Any

import numpy as np

from chainrule import trees
from chainrule.compiler.kernel import address, overlap
from chainrule.errors import TraceError
from chainrule.source import at, user_place
from chainrule.tensors import Tensor, wrap

PATIENCE = 0.1
"""Seconds after which a native call that runs many steps returns, so that Python can be interrupted."""
MISS = object()
"""What ``call`` and ``fits`` return when something is not as it was traced."""
UNLIKE = (AttributeError, LookupError, RuntimeError, ValueError)
"""What a check raises that finds something of another kind than was traced."""
Args = tuple[Any, ...]


class Binding:
    """What :class:`Variant` makes for its arrays. ``call(args)`` checks that all is as it was traced, and runs."""

    def __init__(self, variant: Any, args: Args):
        self.variant = variant
        tensors = list(variant.tensors(args))
        self.numbers = np.zeros(len(variant.numbers))
        arrays: list[Any] = [*map(_contiguous, tensors), *(self.numbers[k, ...] for k in range(len(self.numbers)))]
        written = {*variant.writes.values()}
        _refuse_overlap(arrays, written)
        arrays += [buffer[0, ...] for buffer in variant.draws.buffers]
        spans = sorted((address(arrays[k]), arrays[k].nbytes) for k in written if arrays[k].nbytes)
        self.starts, self.ends = [start for start, _ in spans], [start + size for start, size in spans]
        self.storages = [tensors[k]._shared() for k in variant.writes.values()]
        self.outputs: list[Any] = [None if k in variant.writes else np.empty(v.shape, v.dtype)
                        for k, v in enumerate(variant.graph.outputs)]  # fmt: skip
        self.bound = variant.kernel.bind(arrays, self.outputs)
        self.pace = PATIENCE
        """Seconds that a step took last, among many."""
        self.call, self.fits = self._compiled()

    # -- one step -------------------------------------------------------------------------------------------------

    def _compiled(self) -> tuple[Callable[[Args], Any], Callable[[Args], Any]]:
        """``call`` and ``fits`` as Python written for this variant."""
        variant = self.variant
        known = {
            **variant.holders, "MISS": MISS, "UNLIKE": UNLIKE, "wrap": wrap, "count": getrefcount,
            "run": self.bound.run, "now": self.bound.arrays, "adopt": self.adopt, "draw": variant.draws.fill,
            "numbers": self.numbers, "pack": Struct(f"{len(self.numbers)}d").pack_into,
            "outs": self.outputs, "renew": self.renew,
            "rebuilt": lambda args: self._rebuilt(args, self.outputs, _taken),
        }  # fmt: skip
        same = []
        for k, source in enumerate(variant.sources):
            known[f"a{k}"] = self.bound.arrays[k]
            same.append(f"({source}._data is now[{k}] or adopt({k}, {source}))" if variant.free(k)
                        else f"{source}._data is a{k}")  # fmt: skip
        lines = []
        checks = [("", text) for text in (*variant.guards, *same)]
        for computed, group in groupby([*checks, *variant.lines], lambda line: bool(line[0])):
            if computed:
                lines += [f"{name} = {text}" for name, text in group]
            else:
                lines += [f"if not ({' and '.join(text for _, text in group)}):", "    return MISS"]
        lines = ["try:", *(f"    {line}" for line in lines), "except UNLIKE:", "    return MISS"]
        if variant.numbers:
            lines.append(f"pack(numbers, 0, {', '.join(variant.numbers)})")
        run = ["draw(1)"] * bool(variant.draws.most) + ["run()"]
        # A gradient is handed out in the buffer that it was computed in. Where somebody still has the one of the step
        # before, which shows in the references to that buffer, this step gets another buffer.
        for place, k in variant.fresh.items():
            run.append(f"{place}._grad = {None if k is None else f'wrap(outs[{k}])'}")
            if k is not None:
                run = [f"{place}._grad = None", f"if count(outs[{k}]) > held: renew({k})", *run]
                known["held"] = eval(f"count(outs[{k}])", known)
        for k, storage in enumerate(self.storages):
            known[f"s{k}"] = storage
            run.append(f"s{k}.version += 1")
        single = variant.leaves[0][1] if variant.leaves and variant.result is variant.leaves[0][0] else None
        if isinstance(single, int) and not variant.graph.outputs[single].shape:
            known["out"] = self.outputs[single]
            run.append("return wrap(out[()])")  # what most steps return: a loss
        else:
            run.append("return rebuilt(args)")
        for name, body in (("call", [*lines, *run]), ("fits", lines)):
            exec("\n    ".join([f"def {name}(args):", *body]), known)
        return known["call"], known["fits"]

    def adopt(self, k: int, tensor: Any) -> bool:
        """Let the array of an argument that is only read take the place of the one before, if it is of its kind."""
        value = self.variant.graph.inputs[k]
        if not isinstance(tensor, Tensor) or tensor._data.shape != value.shape or tensor._data.dtype != value.dtype:
            return False
        array = _contiguous(tensor)
        start = address(array)
        before = bisect_left(self.starts, start + array.nbytes) - 1
        if before >= 0 and self.ends[before] > start and array.nbytes:
            return False
        self.bound.point(k, array, start)
        return True

    def renew(self, k: int) -> None:
        """Let output k have a buffer of its own."""
        self.outputs[k] = np.empty_like(self.outputs[k])
        self.bound.point(len(self.bound.kernel.inputs) + k, self.outputs[k])

    def _rebuilt(self, args: Args, outputs: Any, taken: Callable[[Any], Any]) -> Any:
        variant = self.variant
        found = {tensor: wrap(taken(outputs[where])) if isinstance(where, int) else variant.at(where, args)
                 for tensor, where in variant.leaves}  # fmt: skip
        return trees.mapped(lambda leaf: found[leaf] if isinstance(leaf, Tensor) else leaf, variant.result)

    # -- many steps -----------------------------------------------------------------------------------------------

    def many(self, n: int, args: Args, batches: Args = ()) -> Any:
        """n steps, and their results stacked. ``args`` are those of the first step; ``batches`` those of all, stacked.

        The steps run in pieces. After an interrupt a whole number of them has been done, and the rest not begun.
        """
        variant = self.variant
        before = len(variant.graph.inputs)
        stacks = {k: np.ascontiguousarray(variant.at(source, batches)._own())
                  for k, source in enumerate(variant.sources if batches else ())
                  if variant.free(k) and source.startswith("args")}  # fmt: skip
        if stacks:
            _refuse_overlap([*self.bound.arrays[:before], *stacks.values()], {*variant.writes.values()})
        outputs = {k: np.empty((n, *out.shape), out.dtype) for k, out in enumerate(self.outputs)
                   if out is not None and k not in variant.fresh.values()}  # fmt: skip
        first = before - len(variant.draws.buffers)
        stacks |= {before + k: stack for k, stack in outputs.items()}
        slopes = {k: np.empty_like(self.outputs[k]) for k in variant.fresh.values() if k is not None}
        once = {before + k: slope for k, slope in slopes.items()}
        done, mark = 0, None
        try:
            while done < n:
                count = min(n - done, max(1, int(PATIENCE / self.pace)), variant.draws.most or n)
                parts = {k: stack[done : done + count] for k, stack in stacks.items()}
                start = perf_counter()
                mark = variant.draws.mark()
                drawn = dict(enumerate(variant.draws.fill(count), first))
                bound = self.bound.many(count, {**once, **parts, **drawn})
                run = bound.run
                # Once begun, native code runs to its end; Python looks for interrupts after it, and not in this line.
                done, mark = done + count, None
                run()
                self.pace = max(perf_counter() - start, 1e-9) / count
        finally:
            if mark:
                variant.draws.back(mark)
            if done:
                for storage in self.storages:
                    storage.version += 1
                for place, k in variant.fresh.items():
                    variant.at(place, args)._grad = None if k is None else wrap(slopes[k])
        return self._rebuilt(batches or args, outputs, lambda stack: stack)


def _taken(buffer: Any) -> Any:
    """The content of an output buffer, which the next call will overwrite."""
    return buffer.copy() if buffer.ndim else buffer[()]


def _contiguous(tensor: Tensor) -> Any:
    array = tensor._own()
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        raise TraceError(f"compile: a tensor of shape {list(tensor.shape)} that the step reads is not "
                         f"{'aligned' if flags.c_contiguous else 'contiguous'} in memory{at(user_place())}; pass "
                         "x.contiguous(), or x.clone()")
    return array


def _refuse_overlap(arrays: Sequence[Any], written: set[int]) -> None:
    if overlap(arrays, written):
        raise TraceError("compile: two tensors that the step uses share memory without being views of each "
                         f"other, and one is written{at(user_place())}; clone() one of them")
