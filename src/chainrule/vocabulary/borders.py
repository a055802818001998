"""Windows that slide over a tensor, and borders around it."""

from collections.abc import Sequence
from typing import Any, Self

from chainrule.ops import shape as shape_ops
from chainrule.spec import shown
from chainrule.vocabulary.carrier import axis_of
from chainrule.vocabulary.moves import Moves


class Borders(Moves):
    """Words that read a tensor window by window, or beyond its edges."""

    __slots__ = ()

    def unfold(self, dimension: int, size: int, step: int) -> Self:
        """The windows of ``size`` elements that start every ``step`` elements of an axis; a view."""
        if not self.ndim:
            return self.reshape((1,))[: size or 0]
        return self.windows((axis_of(dimension, self.ndim),), (size,), (step,), (1,))

    def pad(self, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Self:
        """self with borders: ``pad`` gives their widths before and after, for the last axis first.

        ``mode`` says what they hold: ``"constant"`` is ``value``, ``"reflect"`` the elements mirrored at the edge,
        ``"replicate"`` the edge, ``"circular"`` the elements of the other end. A negative width cuts off.

        >>> import chainrule as torch
        >>> torch.arange(3).pad((2, 1), "reflect")
        tensor([2, 1, 0, 1, 2, 1])
        """
        if len(pad) % 2 or len(pad) > 2 * self.ndim:
            raise RuntimeError("pad: Padding length should be an even number, and less than or equal to two times the "
                               f"input dimension, got pad={tuple(pad)} for {shown(self.shape)}")
        widths = {self.ndim - 1 - k: (pad[2 * k], pad[2 * k + 1]) for k in range(len(pad) // 2)}
        grown = {d: (max(before, 0), max(after, 0)) for d, (before, after) in widths.items()}
        cut = {d: (max(-before, 0), max(-after, 0)) for d, (before, after) in widths.items()}
        out = self._cut(cut) if mode == "circular" else self
        if mode == "constant":
            sizes: list[Any] = [(s, *grown.get(d, (0, 0))) for d, s in enumerate(self.shape)]
            key = tuple((before, before + s, 1) for s, before, _ in sizes)
            shape = tuple(map(sum, sizes))
            out = self.new_full(shape, value or 0).assign(self, ((shape_ops.slice_, (("key", key),)),))
        else:
            for d, (before, after) in grown.items():
                out = out._bordered(d, before, after, mode)
        out = out if mode == "circular" else out._cut(cut)
        return out.clone() if out is self else out

    def _cut(self, cut: dict[int, tuple[int, int]]) -> Self:
        """self without so many elements before and after, per axis."""
        out = self
        for d, (before, after) in cut.items():
            if before or after:
                size: Any = out.shape[d]
                if before + after > size:
                    raise RuntimeError(f"pad: The input size {size}, plus negative padding {-before} and {-after}, "
                                       f"resulted in a negative output size, at dimension {d} of {shown(self.shape)}")
                out = out.narrow(d, before, size - before - after)
        return out

    def _bordered(self, dim: int, before: int, after: int, mode: str) -> Self:
        """self with borders made of its own elements on both ends of an axis."""
        size: Any = self.shape[dim]
        widest = {"reflect": size - 1, "circular": size, "replicate": before + after}
        if mode not in widest:
            raise NotImplementedError(f"pad: unrecognised padding mode {mode!r}; there are constant, "
                                      f"{', '.join(widest)}")
        if max(before, after) > widest[mode]:
            raise RuntimeError("pad: Padding size should be less than the corresponding input dimension, but got: "
                               f"padding ({before}, {after}) at dimension {dim} of input {shown(self.shape)}")
        if mode == "reflect":
            left, right = self.narrow(dim, 1, before).flip(dim), self.narrow(dim, size - 1 - after, after).flip(dim)
        elif mode == "circular":
            left, right = self.narrow(dim, size - before, before), self.narrow(dim, 0, after)
        else:
            shapes = ((*self.shape[:dim], n, *self.shape[dim + 1 :]) for n in (before, after))
            left, right = (self.narrow(dim, at, 1).expand(s) for at, s in zip((0, size - 1), shapes))
        parts = [part for part, n in ((left, before), (self, 1), (right, after)) if n]
        return parts[0].cat(*parts[1:], dim=dim) if len(parts) > 1 else self
