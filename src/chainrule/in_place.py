"""The words that write in place: ``add_``, ``zero_``, ``copy_``, ``x[key] = value``, ``x += y``.

Most are made from the word without the underscore: the result is computed, then written into the same memory.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from chainrule.op import Discrete, Op
from chainrule.ops import ALL, arithmetic
from chainrule.vocabulary import Vocabulary


class InPlace(Vocabulary):
    """A mixin of ``Tensor``, which gives it ``_write`` and ``_in_place``."""

    _wrap: Callable[..., Any]
    _write: Callable[..., Self]
    _fill: Callable[[Any], Self]
    _in_place: Callable[..., Self]

    def __iadd__(self, other: Any) -> Self: return self._in_place(arithmetic.add, other, lambda: self + other)
    def __isub__(self, other: Any) -> Self: return self._in_place(arithmetic.sub, other, lambda: self - other)
    def __imul__(self, other: Any) -> Self: return self._in_place(arithmetic.mul, other, lambda: self * other)
    def __itruediv__(self, other: Any) -> Self: return self._in_place(arithmetic.div, other, lambda: self / other)
    def __ipow__(self, other: Any) -> Self: return self._write(self**other)

    def add_(self, other: Any, *, alpha: Any = 1) -> Self:
        """self += alpha · other."""
        scaled = other if alpha == 1 else other * alpha
        return self._in_place(arithmetic.add, scaled, lambda: self + scaled)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Self:
        """self -= alpha · other."""
        scaled = other if alpha == 1 else other * alpha
        return self._in_place(arithmetic.sub, scaled, lambda: self - scaled)

    def mul_(self, other: Any) -> Self:
        """self *= other."""
        return self._in_place(arithmetic.mul, other, lambda: self * other)

    def div_(self, other: Any) -> Self:
        """self /= other."""
        return self._in_place(arithmetic.div, other, lambda: self / other)

    def copy_(self, source: Any) -> Self:
        """self = source, element by element, broadcast and cast."""
        value = source if isinstance(source, Vocabulary) else self._wrap(np.asarray(source, self.np_dtype))
        return self._write(value.cast(self.np_dtype).expand(self.shape).clone())

    def fill_(self, value: Any) -> Self:
        """Every element = value."""
        return self.copy_(value) if isinstance(value, Vocabulary) else self._fill(value)

    def zero_(self) -> Self:
        """Every element = 0."""
        return self._fill(0)

    def clamp_(self, min: Any = None, max: Any = None) -> Self:
        """self = self.clamp(min, max)."""
        return self._write(self.clamp(min, max))

    def __setitem__(self, key: Any, value: Any) -> None:
        part: Any = self[key]
        part.copy_(value)


def _writing(op: Op) -> Callable[..., Any]:
    def word(self: Any, *others: Any) -> Any:
        return self._write(getattr(self, op.name)(*others))

    word.__name__ = op.name + "_"
    word.__qualname__ = f"Tensor.{op.name}_"
    word.__doc__ = f"self = self.{op.name}(...), in the same memory."
    return word


for _op in ALL.values():
    if _op.scalar is not None and not isinstance(_op, Discrete) and not hasattr(InPlace, _op.name + "_"):
        setattr(InPlace, _op.name + "_", _writing(_op))
