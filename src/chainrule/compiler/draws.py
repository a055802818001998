"""The random numbers of a compiled step, drawn before it runs."""

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.kernel import address
from chainrule.compiler.mersenne import Draw, filler
from chainrule.generator import Generator
from chainrule.ir import Value

AHEAD = 1 << 19
"""Into so many bytes, random numbers are drawn at once for as many steps as find room: the second cache holds them."""


class Draws:
    """Buffers for what each step draws, in the order in which it asks: eager code would draw the same.

    Native code draws uniform numbers and Bernoulli's (dropout). In a step that draws others, Python draws all.
    """

    def __init__(self, draws: Sequence[tuple[Callable[..., Any], tuple[Any, ...], Value]], native: bool):
        self.makers: list[tuple[Any, tuple[Any, ...]]] = [(make, args) for make, args, _ in draws]
        self.generators: list[Any] = list({id(g): g for g in (make.__self__ for make, _ in self.makers)}.values())
        size = sum(math.prod(value.shape) * value.dtype.itemsize for *_, value in draws)
        self.most = max(1, AHEAD // max(size, 1)) if draws else 0
        """For how many steps there is room; 0 where nothing is drawn."""
        self.buffers = [np.empty((self.most, *value.shape), value.dtype) for *_, value in draws]
        known = [_native(make, args, buffer) for (make, args), buffer in zip(self.makers, self.buffers)]
        self.table: Any = None
        if native and draws and len(self.generators) == 1 and None not in known:
            self.state = self.generators[0].lent()
            entries = [entry for draw in known if draw for entry in draw]
            self.table = np.array([address(self.state), len(known), *entries], np.uint64)

    def fill(self, count: int) -> list[Any]:
        """The buffers of the next ``count`` steps, one entry for each."""
        if self.table is not None:
            state = self.generators[0].lent()
            if state is not self.state:
                self.state, self.table[0] = state, address(state)
            filler()[0](ctypes.c_void_p(address(self.table)), ctypes.c_int64(count))
        elif self.makers:
            for t in range(count):
                for (make, args), buffer in zip(self.makers, self.buffers):
                    buffer[t] = make(*args)
        return [buffer[:count] for buffer in self.buffers]

    def mark(self) -> list[Any]:
        """Where the streams are; for ``back``."""
        return [generator.mark() for generator in self.generators]

    def back(self, marks: Sequence[Any]) -> None:
        """Continue from there: what was drawn since has not been used."""
        for generator, mark in zip(self.generators, marks):
            generator.back(mark)


def _native(make: Callable[..., Any], args: tuple[Any, ...], buffer: Any) -> Draw | None:
    """What native code has to fill a buffer with; None if it does not know how."""
    of, double = getattr(make, "__func__", None), buffer.dtype == np.float64
    count, stride = buffer[0].size, buffer[0].nbytes
    if not (double or buffer.dtype == np.float32):
        return None
    if of is Generator.rand:
        return Draw(int(double), address(buffer), count, stride, 0)
    if of is Generator.bernoulli and isinstance(args[0], (int, float)) and 0 <= args[0] <= 1:
        return Draw(2 + double, address(buffer), count, stride, math.ceil(args[0] * 2**53))
    return None
