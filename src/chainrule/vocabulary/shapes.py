"""Moves, views, selections and placements."""

from collections.abc import Sequence
from typing import Any, Self

from chainrule.errors import ShapeError
from chainrule.ops import comparison
from chainrule.ops import shape as shape_ops
from chainrule.spec import Size, bool_, numel, shown
from chainrule.vocabulary.carrier import Carrier, axis_of


def sizes_of(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes given one by one, or as one sequence."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


class Shapes(Carrier):
    """Words that move values without computing."""

    __slots__ = ()

    def reshape(self, *sizes: Any, shape: Any = ()) -> Self:
        """The same elements in another shape; one size may be −1."""
        shape = sizes_of(sizes or (shape,))
        if -1 in shape:
            rest = numel(s for s in shape if s != -1)
            count = numel(self.shape)
            if not rest or count % rest or shape.count(-1) > 1:  # type: ignore[operator]
                raise ShapeError(f"reshape: shape '{shown(shape)}' is invalid for input of size {count}; "
                                 "only one size may be -1, and the others must divide the size")
            shape = tuple(count // rest if s == -1 else s for s in shape)  # type: ignore[operator]
        return self._unary(shape_ops.reshape, shape=shape)

    def view_as(self, other: Any) -> Self:
        """self in the shape of ``other``."""
        return self.reshape(other.shape)

    reshape_as = view_as

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self:
        """The axes from ``start_dim`` to ``end_dim`` as one."""
        start, end = axis_of(start_dim, self.ndim), axis_of(end_dim, self.ndim)
        if self.ndim and start == end:
            return self
        return self.reshape((*self.shape[:start], numel(self.shape[start : end + 1]), *self.shape[end + 1 :]))

    def ravel(self) -> Self:
        """All elements in a row."""
        return self.reshape((-1,))

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Self:
        """One axis as several of the given sizes, of which one may be −1."""
        axis = axis_of(dim, self.ndim)
        given, size = [int(s) for s in sizes], self.shape[axis]
        known = numel(s for s in given if s != -1)
        if known != size if -1 not in given else given.count(-1) > 1 or not known or size % known:  # type: ignore[operator]
            raise RuntimeError(f"unflatten: Provided sizes {given} don't multiply up to the size of dim {dim} ({size}) "
                               "in the input tensor")
        inner = [size // known if s == -1 else s for s in given]  # type: ignore[operator]
        return self.reshape((*self.shape[:axis], *inner, *self.shape[axis + 1 :]))

    def permute(self, *axes: Any, dims: Any = ()) -> Self:
        """The axes in another order."""
        order = tuple(axis_of(d, self.ndim) for d in sizes_of(axes or (dims,)))
        if sorted(order) != list(range(self.ndim)):
            raise ShapeError(f"permute: {order} does not name each of the {self.ndim} axes of {shown(self.shape)} once")
        return self._unary(shape_ops.permute, dims=order)

    def transpose(self, dim0: int, dim1: int) -> Self:
        """Two axes exchanged."""
        a, b = axis_of(dim0, self.ndim), axis_of(dim1, self.ndim)
        swapped = {a: b, b: a}
        return self.permute(tuple(swapped.get(axis, axis) for axis in range(self.ndim)))

    swapaxes = swapdims = transpose

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Self:
        """The axes ``source`` moved to ``destination``; the others keep their order."""
        pairs = [[axis_of(d, self.ndim) for d in ((x,) if isinstance(x, int) else x)] for x in (source, destination)]
        if len(pairs[0]) != len(pairs[1]) or any(len(set(p)) < len(p) for p in pairs):
            raise RuntimeError(f"movedim: source {source} and destination {destination} must name as many dims, each "
                               "once")
        moved = dict(zip(pairs[1], pairs[0], strict=True))
        rest = iter([d for d in range(self.ndim) if d not in pairs[0]])
        return self.permute(tuple(moved[d] if d in moved else next(rest) for d in range(self.ndim)))

    moveaxis = movedim

    @property
    def T(self) -> Self:
        """The axes in reverse order."""
        return self.permute(tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Self:
        """The last two axes exchanged."""
        if self.ndim == 1:
            raise ShapeError("mT: tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor")
        return self.transpose(-2, -1) if self.ndim else self

    def t(self) -> Self:
        """The transpose of a matrix; a vector is itself."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self.permute(tuple(reversed(range(self.ndim))))

    def squeeze(self, dim: int | Sequence[int] | None = None) -> Self:
        """Axes of size 1 dropped: all, or those of ``dim`` that are."""
        dims = range(self.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
        gone = [axis_of(d, self.ndim) for d in dims]
        if len(set(gone)) < len(gone):
            raise RuntimeError(f"squeeze: a dim appears multiple times in the list of dims {dim}")
        return self.reshape(tuple(s for axis, s in enumerate(self.shape) if axis not in gone or s != 1))

    def unsqueeze(self, dim: int) -> Self:
        """A new axis of size 1 at ``dim``."""
        at = axis_of(dim, self.ndim + 1)
        return self.reshape((*self.shape[:at], 1, *self.shape[at:]))

    def expand(self, *sizes: Any, size: Any = ()) -> Self:
        """Axes of size 1 repeated to ``sizes``; −1 keeps a size."""
        shape = sizes_of(sizes or (size,))
        own: tuple[Any, ...] = (1,) * (len(shape) - self.ndim) + tuple(self.shape)
        shape = tuple(o if s == -1 else s for s, o in zip(shape, own[len(own) - len(shape) :], strict=True))
        if len(own) > len(shape) or any(o not in (1, s) for s, o in zip(shape, own, strict=True)):
            raise ShapeError(f"expand: {shown(self.shape)} cannot become {shown(shape)}; only sizes 1 can grow, and "
                             "new axes come first")
        return self._unary(shape_ops.expand, shape=shape)

    def broadcast_to(self, size: Sequence[Any]) -> Self:
        """``expand`` to ``size``."""
        return self.expand(tuple(size))

    def expand_as(self, other: Any) -> Self:
        """self expanded to the shape of ``other``."""
        return self.expand(other.shape)

    def sum_to_size(self, *sizes: Any) -> Self:
        """The sum over the axes that broadcasting from ``sizes`` has grown: the adjoint of expand."""
        shape = sizes_of(sizes)
        if shape == self.shape:
            return self
        extra = self.ndim - len(shape)
        grown = tuple(a for a, s in enumerate(self.shape) if a < extra or (shape[a - extra] == 1 and s != 1))
        out: Any = self.sum(grown, keepdim=extra == 0)  # type: ignore[attr-defined]
        return out.reshape(shape)  # type: ignore[no-any-return]

    def new_zeros(self, *sizes: Any) -> Self:
        """Zeros of this dtype."""
        return self.new_full(sizes_of(sizes), 0)

    def new_full(self, size: Sequence[Size], fill_value: Any) -> Self:
        """A tensor of this dtype, every element ``fill_value``."""
        return self._full(tuple(size), fill_value)

    def fill(self, value: Any) -> Self:
        """``value``, a number or a 0-d tensor, everywhere; the gradient with respect to self is 0."""
        return self._apply(comparison.where, (self.new_full((), 1).cast(bool_.numpy), value, self))  # type: ignore[attr-defined]
