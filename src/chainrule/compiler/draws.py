"""The random numbers of a compiled step, drawn before it runs."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from chainrule.ir import Value

AHEAD = 1 << 20
"""Of so many bytes, random numbers are drawn at once for as many steps as that gives."""


class Draws:
    """Buffers for what each step draws, in the order in which it asks: eager code would draw the same."""

    def __init__(self, draws: Sequence[tuple[Callable[[], Any], Value]]):
        self.makers = [make for make, _ in draws]
        size = sum(prod(value.shape) * value.dtype.itemsize for _, value in draws)
        self.most = max(1, AHEAD // size) if size else 0
        """For how many steps there is room; 0 where nothing is drawn."""
        self.buffers = [np.empty((self.most, *value.shape), value.dtype) for _, value in draws]

    def fill(self, count: int) -> list[Any]:
        """The buffers of the next ``count`` steps, one entry for each."""
        for t in range(count):
            for make, buffer in zip(self.makers, self.buffers):
                buffer[t] = make()
        return [buffer[:count] for buffer in self.buffers]
