"""The words that write in place: ``add_``, ``zero_``, ``copy_``, ``x += y``.

Most are made from the word without the underscore: the result is computed, then written into the same memory.
"""

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from chainrule.errors import LeafError, ShapeError
from chainrule.modes import current
from chainrule.ops import ALL, arithmetic
from chainrule.source import at, user_place
from chainrule.vocabulary import Vocabulary
from chainrule.vocabulary.arithmetic import Arithmetic
from chainrule.vocabulary.comparisons import Comparisons
from chainrule.vocabulary.elementary import Elementary
from chainrule.vocabulary.moves import Moves
from chainrule.vocabulary.ordering import Ordering
from chainrule.vocabulary.products import Products
from chainrule.vocabulary.shapes import Shapes
from chainrule.vocabulary.special import Special
from chainrule.vocabulary.writes import Writes


class InPlace(Vocabulary):
    """A mixin of ``Tensor``, which gives it ``_write`` and ``_in_place``."""

    _wrap: Callable[..., Any]
    _base: Any
    _write: Callable[..., Self]
    _fill: Callable[[Any], Self]
    _in_place: Callable[..., Self]
    _unrecorded: Callable[[], bool]

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

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Self:
        """self /= other."""
        if rounding_mode is not None:
            return self._write(self.div(other, rounding_mode=rounding_mode))
        return self._in_place(arithmetic.div, other, lambda: self / other)

    def copy_(self, source: Any) -> Self:
        """self = source, element by element, broadcast and cast."""
        value = source if isinstance(source, Vocabulary) else self._wrap(np.asarray(source, self.np_dtype))
        value = value.cast(self.np_dtype).expand(self.shape)
        return self._write(value if self._base is not None else value.clone())  # whose history becomes self's

    def fill_(self, value: Any) -> Self:
        """Every element = value."""
        return self.copy_(value) if isinstance(value, Vocabulary) else self._fill(value)

    def fill_diagonal_(self, fill_value: Any) -> Self:
        """Every element of a matrix's diagonal = fill_value."""
        if self.ndim != 2:
            raise ShapeError(f"fill_diagonal_: expected a matrix, got {self.ndim} dimensions")
        self.diagonal().fill_(fill_value)
        return self

    def zero_(self) -> Self:
        """Every element = 0."""
        return self._fill(0)


def _writing(name: str) -> Callable[..., Any]:
    one_op = name in ALL

    def word(self: Any, *args: Any, **params: Any) -> Any:
        # What the ops within a composite save of self must outlive the write.
        source = self if one_op or self._unrecorded() else self.clone()
        return self._write(getattr(source, name)(*args, **params))

    word.__name__ = name + "_"
    word.__qualname__ = f"Tensor.{name}_"
    word.__doc__ = f"self = self.{name}(...), in the same memory."
    return word


def _turning(name: str) -> Callable[..., Any]:
    def word(self: Any, *args: Any) -> Any:
        if self.requires_grad and self.is_leaf and current.get().grad:
            raise LeafError(f"{name}_: a view of a leaf Variable that requires grad is being used in an in-place "
                            f"operation{at(user_place())}; write y = x.{name}(...)")
        before = object.__new__(type(self))  # what self was: self becomes a view of it
        before.__dict__.update(self.__dict__)
        self.__dict__ |= getattr(before, name)(*args).__dict__
        return self

    word.__name__ = name + "_"
    word.__qualname__ = f"Tensor.{name}_"
    word.__doc__ = f"self = self.{name}(...): the same memory in another shape."
    return word


ONLY_NEW = {"where", "cast", "clone", "rsub", "positive", "diagonal_scatter", "select_scatter", "slice_scatter",
            "signbit", "fmax", "fmin"}


def _words_in_place() -> Iterator[str]:
    """The words whose result has the shape of self, and which PyTorch writes in place."""
    for kind in (Arithmetic, Elementary, Comparisons, Writes, Special):
        yield from (name for name, word in vars(kind).items() if callable(word) and not name.startswith(("_", "is")))
    for further in (Products, Ordering, Moves):
        yield from (name for name in vars(further) if name.startswith(("add", "badd", "cum", "tri")))


for _name in _words_in_place():
    if _name not in ONLY_NEW and not hasattr(InPlace, _name + "_"):
        setattr(InPlace, _name + "_", _writing(_name))
for _name in vars(Shapes):
    if _name.endswith("squeeze") or _name.startswith(("t", "swap")):
        setattr(InPlace, _name + "_", _turning(_name))
