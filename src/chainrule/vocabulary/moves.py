"""Joining, cutting, turning, repeating; diagonals and triangles."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

from chainrule.ops import moves
from chainrule.spec import shown
from chainrule.vocabulary.carrier import Carrier, axis_of
from chainrule.vocabulary.indexing import Indexing
from chainrule.vocabulary.shapes import sizes_of


class Moves(Indexing):
    """Words that move values further: composed of those that this builds on, and a few ops."""

    __slots__ = ()

    # -- joining and cutting -------------------------------------------------------------------------------------

    def cat(self, *others: Any, dim: int = 0) -> Self:
        """self and the others, one after the other along ``dim``."""
        return self._apply(moves.cat, (self, *others), dim=axis_of(dim, self.ndim))

    def split(self, split_size_or_sections: Any, dim: int = 0) -> tuple[Self, ...]:
        """Parts of a size, the last one perhaps smaller, or of the given sizes, along ``dim``; views.

        >>> import chainrule as torch
        >>> torch.arange(5).split(2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
        """
        if not self.ndim:
            raise RuntimeError("split expects at least a 1-dimensional tensor")
        axis, given = axis_of(dim, self.ndim), split_size_or_sections
        size: Any = self.shape[axis]
        if isinstance(given, int):
            if given < 0 or (not given and size):
                raise RuntimeError(f"split: expects split_size be positive, but got split_size={given} for size {size}")
            sizes = [min(given, size - k) for k in range(0, size, given)] if size else [0]
        else:
            sizes = [int(s) for s in given]
            if sum(sizes) != size or min(sizes, default=0) < 0:
                raise RuntimeError(f"split: expects split_sizes to sum exactly to {size} (input tensor's size at "
                                   f"dimension {axis}), but got split_sizes={sizes}")
        return tuple(self.narrow(axis, sum(sizes[:k]), s) for k, s in enumerate(sizes))

    def split_with_sizes(self, split_sizes: Sequence[int], dim: int = 0) -> tuple[Self, ...]:
        """Parts of the given sizes along ``dim``."""
        return self.split(tuple(split_sizes), dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Self, ...]:
        """At most ``chunks`` parts of equal size, the last one perhaps smaller."""
        if not self.ndim:
            raise RuntimeError("chunk expects at least a 1-dimensional tensor")
        if chunks < 1:
            raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
        size: Any = self.shape[axis_of(dim, self.ndim)]
        return self.split(-(-size // chunks), dim) if size else self.split([0] * chunks, dim)

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Self, ...]:
        """So many parts as equal as can be, or parts that begin at the given positions."""
        axis, given = axis_of(dim, self.ndim), indices_or_sections
        size: Any = self.shape[axis]
        if isinstance(given, Carrier):
            given = given.tolist()  # type: ignore[attr-defined]
        if isinstance(given, int):
            if given < 1:
                raise RuntimeError(f"tensor_split: number of sections must be larger than 0, got {given}")
            bounds = [k * (size // given) + min(k, size % given) for k in range(given + 1)]
        else:
            bounds = [0, *(slice(k).indices(size)[1] for k in given), size]
        return tuple(self.narrow(axis, a, max(b - a, 0)) for a, b in pairwise(bounds))

    def hsplit(self, indices_or_sections: Any) -> tuple[Self, ...]:
        """``tensor_split`` along the second axis; along the first of a vector."""
        return self.tensor_split(indices_or_sections, min(1, self.ndim - 1))

    def vsplit(self, indices_or_sections: Any) -> tuple[Self, ...]:
        """``tensor_split`` along the first axis."""
        return self.tensor_split(indices_or_sections, 0)

    def dsplit(self, indices_or_sections: Any) -> tuple[Self, ...]:
        """``tensor_split`` along the third axis."""
        return self.tensor_split(indices_or_sections, 2)

    def unbind(self, dim: int = 0) -> tuple[Self, ...]:
        """The slices along ``dim``, without that axis; views."""
        if not self.ndim:
            raise IndexError("unbind: Dimension specified as 0 but tensor has no dimensions")
        axis: int = axis_of(dim, self.ndim)
        size: Any = self.shape[axis]
        return tuple(self.select(axis, k) for k in range(size))

    # -- turning and repeating -----------------------------------------------------------------------------------

    def flip(self, *axes: Any, dims: Any = ()) -> Self:
        """The order along each of ``dims`` reversed, in a copy.

        >>> import chainrule as torch
        >>> torch.arange(3).flip(0)
        tensor([2, 1, 0])
        """
        given = tuple(axis_of(d, self.ndim) for d in sizes_of(axes or (dims,)))
        if len(set(given)) < len(given):
            raise RuntimeError(f"flip: a dim appears multiple times in the list of dims {given}")
        return self._unary(moves.flip, dims=given if self.ndim else ())

    def fliplr(self) -> Self:
        """The second axis reversed."""
        return self.flip(1)

    def flipud(self) -> Self:
        """The first axis reversed."""
        return self.flip(0)

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Self:
        """A quarter turn from the first of ``dims`` towards the second, ``k`` times."""
        a, b = dims
        if self.ndim < 2 or axis_of(a, self.ndim) == axis_of(b, self.ndim):
            raise RuntimeError("rot90: expected rotation dims to be different, and total dims >= 2, got dims "
                               f"{a} and {b} of {shown(self.shape)}")
        turned = (self.clone, lambda: self.transpose(a, b).flip(a), lambda: self.flip(a, b),
                  lambda: self.transpose(a, b).flip(b))  # fmt: skip
        return turned[k % 4]()

    def roll(self, shifts: Any, dims: Any = None) -> Self:
        """Elements moved on by ``shifts`` along ``dims``; those that leave at the end come in at the beginning."""
        shifts, dims = ((x,) if isinstance(x, int) else x for x in (shifts, () if dims is None else dims))
        if not shifts:
            raise RuntimeError("roll: `shifts` required")
        if not dims and len(shifts) == 1:
            flat: Any = self.reshape((-1,))
            return flat.roll(shifts, (0,)).reshape(self.shape)  # type: ignore[no-any-return]
        if len(shifts) != len(dims):
            raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
        if not self.ndim:
            raise IndexError("roll: Dimension specified as 0 but tensor has no dimensions")
        out: Any = self
        for shift, dim in zip(shifts, dims):
            axis = axis_of(dim, self.ndim)
            size: Any = self.shape[axis]
            if shift % (size or 1):
                left, right = out.split((size - shift % size, shift % size), axis)
                out = right.cat(left, dim=axis)
        return out.clone() if out is self else out

    def repeat(self, *sizes: Any) -> Self:
        """Copies laid side by side, so many along each axis; new axes come first.

        >>> import chainrule as torch
        >>> torch.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
        """
        times = sizes_of(sizes)
        if len(times) < self.ndim:
            raise RuntimeError("repeat: Number of dimensions of repeat dims can not be smaller than number of "
                               f"dimensions of tensor: {shown(times)} for {shown(self.shape)}")
        own = (1,) * (len(times) - self.ndim) + tuple(self.shape)
        apart = self.reshape([n for size in own for n in (1, size)])
        full = apart.expand([n for t, size in zip(times, own) for n in (t, size)])
        if all(1 in pair for pair in zip(times, own)):  # or the last reshape would be a view too
            full = full.clone()
        return full.reshape([t * size for t, size in zip(times, own)])

    def tile(self, *times: Any, dims: Any = ()) -> Self:
        """``repeat``, where missing numbers in front are 1."""
        times = sizes_of(times or (dims,))
        return self.repeat((1,) * (self.ndim - len(times)) + tuple(times))

    def repeat_interleave(self, repeats: int, dim: int | None = None, *, output_size: int | None = None) -> Self:
        """Each element ``repeats`` times in a row along ``dim``; without it, of all elements in a row."""
        if dim is None:
            return self.reshape((-1,)).repeat_interleave(repeats, 0)
        axis = axis_of(dim, self.ndim)
        shape = self.shape if self.ndim else (1,)
        before, after = shape[: axis + 1], shape[axis + 1 :]
        many = self.reshape((*before, 1, *after)).expand((*before, repeats, *after))
        if 1 in (repeats, before[-1]):
            many = many.clone()
        return many.reshape((*before[:-1], before[-1] * repeats, *after))

    # -- diagonals and triangles ---------------------------------------------------------------------------------

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Self:
        """The elements whose place along ``dim2`` is ``offset`` past that along ``dim1``, as a last axis; a view."""
        a, b = axis_of(dim1, self.ndim), axis_of(dim2, self.ndim)
        if a == b:
            raise RuntimeError(f"diagonal: dimensions cannot be identical {dim1}, {dim2}")
        return self._unary(moves.diagonal, offset=offset, dim1=a, dim2=b)

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Self:
        """Zeros with the last axis of self on a diagonal of the new axes ``dim1`` and ``dim2``."""
        a, b = axis_of(dim1, self.ndim + 1), axis_of(dim2, self.ndim + 1)
        if a == b:
            raise RuntimeError(f"diag_embed: dimensions cannot be identical {dim1}, {dim2}")
        size: Any = self.shape[-1]
        rest = iter(self.shape[:-1])
        shape = tuple(size + abs(offset) if d in (a, b) else next(rest) for d in range(self.ndim + 1))
        if a > b:
            offset = -offset
        return self.new_zeros(shape).with_diagonal(self, offset, min(a, b), max(a, b))

    def diag(self, diagonal: int = 0) -> Self:
        """The diagonal of a matrix, or the matrix that has a vector on its diagonal."""
        if self.ndim not in (1, 2):
            raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {self.ndim}D")
        return self.diag_embed(diagonal) if self.ndim == 1 else self.diagonal(diagonal).clone()

    def diagflat(self, offset: int = 0) -> Self:
        """The matrix that has all elements of self on its diagonal."""
        return self.reshape((-1,)).diag_embed(offset)

    def tril(self, diagonal: int = 0) -> Self:
        """The elements at and below a diagonal of the last two axes, zeros above."""
        return self._triangle(moves.tril, diagonal)

    def triu(self, diagonal: int = 0) -> Self:
        """The elements at and above a diagonal of the last two axes, zeros below."""
        return self._triangle(moves.triu, diagonal)

    def _triangle(self, op: Any, diagonal: int) -> Self:
        if self.ndim < 2:
            raise RuntimeError(f"{op.name}: input tensor must have at least 2 dimensions, got {shown(self.shape)}")
        return self._apply(op, (self,), diagonal=diagonal)
