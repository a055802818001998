"""The words that fill a tensor with random numbers: ``normal_``, ``uniform_``, ``bernoulli_``; a mixin."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from chainrule.generator import Generator, default_generator
from chainrule.modes import current, drawn

Args = tuple[Any, ...]


def in_memory_order(like: Any, shape: tuple[int, ...], make: Callable[..., Any],
                    args: Callable[[tuple[int, ...]], Args]) -> Any:
    """What ``make(*args(shape))`` draws, in the order in which the elements of the tensor ``like`` lie in memory."""
    trace = current.get().trace
    strides = like._own().strides if trace is None else trace.strides(like)
    order = sorted(range(len(shape)), key=lambda axis: -strides[axis])
    laid = tuple(shape[axis] for axis in order)
    found = like._wrap(drawn(make, args(laid), laid, like.np_dtype))
    return found if order == sorted(order) else found.permute(tuple(map(order.index, range(len(shape)))))


class Random:
    """Every word draws what PyTorch draws on the CPU, from ``generator`` or the default one."""

    shape: Any
    np_dtype: Any
    _data: Any
    _wrap: Callable[..., Any]
    _write: Callable[..., Self]

    def _drawn(self, name: str, generator: Generator | None, *args: Any, kinds: str = "f",
               options: Args = ()) -> Self:
        draw = getattr(generator or default_generator, name.strip("_"))
        if self.np_dtype.kind not in kinds:
            raise NotImplementedError(f"{name}: not implemented for {self.np_dtype}; draw floats and convert them")
        return self._fill_by(draw, lambda laid: (laid, *args, self.np_dtype, *options))

    def _fill_by(self, make: Callable[..., Any], args: Callable[[tuple[int, ...]], Args]) -> Self:
        return self._write(in_memory_order(self, tuple(self.shape), make, args))

    def normal_(self, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Self:
        """Normal numbers around ``mean``.

        >>> import chainrule as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.empty(3).normal_(0, 2)
        tensor([ 3.0820, -0.5869, -4.3576])
        """
        flags = getattr(self._data, "flags", None)
        return self._drawn("normal_", generator, mean, std, options=(flags is None or flags.c_contiguous,))

    def uniform_(self, a: float = 0, b: float = 1, *, generator: Generator | None = None) -> Self:
        """Uniform numbers in [a, b)."""
        return self._drawn("uniform_", generator, a, b)

    def exponential_(self, lambd: float = 1, *, generator: Generator | None = None) -> Self:
        """Exponential numbers with mean 1 / lambd."""
        return self._drawn("exponential_", generator, lambd)

    def log_normal_(self, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Self:
        """exp of normal numbers."""
        return self._drawn("log_normal_", generator, mean, std)

    def cauchy_(self, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Self:
        """Cauchy numbers around ``median``, half of them within ``sigma``."""
        return self._drawn("cauchy_", generator, median, sigma)

    def geometric_(self, p: float, *, generator: Generator | None = None) -> Self:
        """How many trials a first success takes, each with probability ``p``."""
        return self._drawn("geometric_", generator, p, kinds="fiu")

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Self:
        """1 with probability ``p``, a number or a tensor of the same shape, else 0."""
        source, dtype = generator or default_generator, self.np_dtype
        if isinstance(p, (int, float)):
            return self._fill_by(source.bernoulli, lambda laid: (p, laid, dtype))
        shape = tuple(self.shape)
        chance = np.broadcast_to(p.detach().numpy(), shape)
        return self._write(self._wrap(drawn(source.bernoulli, (chance, shape, dtype), shape, dtype)))

    def random_(self, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None) -> Self:
        """Whole numbers from ``from_`` (0) up to, not including, ``to``; without bounds all that the dtype counts."""
        dtype, source = self.np_dtype, generator or default_generator
        if from_ is None:
            return self._fill_by(source.whole, lambda laid: (laid, dtype))
        low, high = (0, from_) if to is None else (from_, to)
        return self._fill_by(source.randint, lambda laid: (low, high, laid, dtype))
