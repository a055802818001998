"""What the words need of the class that carries them."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from chainrule.errors import ShapeError
from chainrule.op import Op
from chainrule.source import at, user_place
from chainrule.spec import Size

EVERY = tuple(tuple(range(ndim)) for ndim in range(8))
Dims = int | Sequence[int] | None


def axis_of(dim: int, ndim: int) -> int:
    """The axis that ``dim`` counts, from the end when negative. Raises IndexError."""
    reach = max(ndim, 1)
    if not -reach <= dim < reach:
        raise IndexError(f"dim: Dimension out of range (expected to be in range of [{-reach}, {reach - 1}], but got "
                         f"{dim}){at(user_place())}")
    return dim % reach


class Carrier:
    """Something that has a shape and a dtype and that ops apply to."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[Size, ...]:
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def np_dtype(self) -> np.dtype[Any]:
        """The dtype as NumPy names it."""
        raise NotImplementedError

    def clone(self) -> Self:
        """A copy that gradients pass through."""
        raise NotImplementedError

    def detach(self) -> Self:
        """The same values without history."""
        raise NotImplementedError

    def _dims(self, dim: Dims) -> tuple[int, ...]:
        """Which axes ``dim`` means: None and () are all of them. Raises IndexError and ShapeError."""
        ndim = self.ndim
        if dim is None or (not isinstance(dim, int) and not len(dim)):
            return EVERY[ndim] if ndim < len(EVERY) else tuple(range(ndim))
        axes = [axis_of(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
        if len(set(axes)) < len(axes):
            raise ShapeError(f"dim: {max(axes, key=axes.count)} appears multiple times in the list of dims {dim}; name "
                             "each once")
        return tuple(sorted(axes)) if ndim else ()

    def _unary(self, op: Op, **params: Any) -> Self:
        return self._apply(op, (self,), **params)

    def _binary(self, op: Op, other: Any) -> Self:
        return self._apply(op, (self, other))

    def _word(self, op: Op, other: Any) -> Self:
        """``_binary`` for a word, which unlike an operator leaves nothing to the other operand."""
        return self._binary(op, other)

    def _reflected(self, op: Op, other: Any) -> Self:
        return self._apply(op, (other, self))

    def _apply(self, op: Op, inputs: Sequence[Any], **params: Any) -> Self:
        raise NotImplementedError

    def _full(self, shape: tuple[Size, ...], number: Any) -> Self:
        """A constant of this dtype."""
        raise NotImplementedError
