"""What the words need of the class that carries them."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from chainrule.op import Op
from chainrule.spec import Size


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
