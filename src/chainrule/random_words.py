"""The words that fill a tensor with random numbers: ``normal_``, ``uniform_``, ``bernoulli_``; a mixin."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from chainrule.generator import Generator, default_generator
from chainrule.modes import drawn


class Random:
    """Every word draws what PyTorch draws on the CPU, from ``generator`` or the default one."""

    shape: Any
    np_dtype: Any
    _wrap: Callable[..., Any]
    _write: Callable[..., Self]

    def _drawn(self, name: str, generator: Generator | None, *args: Any) -> Self:
        draw = getattr(generator or default_generator, name.strip("_"))
        if self.np_dtype.kind != "f":
            raise NotImplementedError(f"{name}: not implemented for {self.np_dtype}; draw floats and convert them")
        shape, dtype = tuple(self.shape), self.np_dtype
        return self._write(self._wrap(drawn(draw, (shape, *args, dtype), shape, dtype)))

    def normal_(self, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Self:
        """Normal numbers around ``mean``.

        >>> import chainrule as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.empty(3).normal_(0, 2)
        tensor([ 3.0820, -0.5869, -4.3576])
        """
        return self._drawn("normal_", generator, mean, std)

    def uniform_(self, a: float = 0, b: float = 1, *, generator: Generator | None = None) -> Self:
        """Uniform numbers in [a, b)."""
        return self._drawn("uniform_", generator, a, b)

    def exponential_(self, lambd: float = 1, *, generator: Generator | None = None) -> Self:
        """Exponential numbers with mean 1 / lambd."""
        return self._drawn("exponential_", generator, lambd)

    def log_normal_(self, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Self:
        """exp of normal numbers."""
        return self._drawn("log_normal_", generator, mean, std)

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Self:
        """1 with probability ``p``, a number or a tensor of the same shape, else 0."""
        shape, dtype, source = tuple(self.shape), self.np_dtype, generator or default_generator
        chance = p if isinstance(p, (int, float)) else np.broadcast_to(p.detach().numpy(), shape)
        return self._write(self._wrap(drawn(source.bernoulli, (chance, shape, dtype), shape, dtype)))

    def random_(self, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None) -> Self:
        """Whole numbers from ``from_`` (0) up to, not including, ``to``; without bounds all that the dtype counts."""
        shape, dtype, source = tuple(self.shape), self.np_dtype, generator or default_generator
        low: Any = 0 if to is None else from_
        high: Any = from_ if to is None else to
        make, bounds = (source.whole, ()) if from_ is None else (source.randint, (low, high))
        return self._write(self._wrap(drawn(make, (*bounds, shape, dtype), shape, dtype)))
