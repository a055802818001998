"""Sums, means, norms and products of matrices."""

from collections.abc import Sequence
from typing import Any, Self

from chainrule.errors import ShapeError
from chainrule.ops import arithmetic, reduction
from chainrule.spec import shown
from chainrule.vocabulary.carrier import Carrier
from chainrule.vocabulary.shapes import axis_of

Dims = int | Sequence[int] | None


class Reductions(Carrier):
    """Words that fold elements together."""

    __slots__ = ()

    def _dims(self, dim: Dims) -> tuple[int, ...]:
        """Which axes ``dim`` means: None and () are all of them."""
        if dim is None or dim == ():
            return tuple(range(self.ndim))
        given = (dim,) if isinstance(dim, int) else tuple(dim)
        dims = tuple(sorted(axis_of(d, self.ndim) for d in given))
        if len(set(dims)) < len(dims):
            raise ShapeError(f"sum: a dim appears multiple times in the list of dims {given}")
        return dims if self.ndim else ()

    def sum(self, dim: Dims = None, keepdim: bool = False) -> Self:
        """The sum over ``dim``, or of all elements.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
        tensor([4., 6.])
        """
        return self._unary(reduction.sum, dim=self._dims(dim), keepdim=keepdim)

    def mean(self, dim: Dims = None, keepdim: bool = False) -> Self:
        """The arithmetic mean over ``dim``, or of all elements."""
        return self._unary(reduction.mean, dim=self._dims(dim), keepdim=keepdim)

    def norm(self, dim: Dims = None, keepdim: bool = False) -> Self:
        """The Euclidean norm √Σx²."""
        squares: Any = self._binary(arithmetic.mul, self)
        return squares.sum(dim, keepdim).sqrt()  # type: ignore[no-any-return]

    def __matmul__(self, other: Any) -> Self:
        return self.matmul(other)

    def matmul(self, other: Any) -> Self:
        """The matrix product; a 1-d operand is a row on the left, a column on the right, and its axis is dropped.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]]) @ torch.tensor([1.0, 1.0])
        tensor([3., 7.])
        """
        if not hasattr(other, "ndim"):
            raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}; for a number "
                            "times a tensor use *")
        if not self.ndim or not other.ndim:
            raise ShapeError(f"matmul: both operands need at least 1 dimension, got {shown(self.shape)} and "
                             f"{shown(other.shape)}; for a number times a tensor use *")
        left: Any = self if self.ndim > 1 else self.reshape((1, self.shape[0]))  # type: ignore[attr-defined]
        right: Any = other if other.ndim > 1 else other.reshape((other.shape[0], 1))
        out: Any = left._binary(reduction.matmul, right)
        if self.ndim > 1 and other.ndim > 1:
            return out  # type: ignore[no-any-return]
        rows = out.shape[-2:-1] if self.ndim > 1 else ()
        columns = out.shape[-1:] if other.ndim > 1 else ()
        return out.reshape((*out.shape[:-2], *rows, *columns))  # type: ignore[no-any-return]

    def dot(self, other: Any) -> Self:
        """The inner product of two 1-d tensors."""
        return self._product("dot", other, 1, 1)

    def mm(self, other: Any) -> Self:
        """The product of two matrices."""
        return self._product("mm", other, 2, 2)

    def mv(self, other: Any) -> Self:
        """The product of a matrix and a vector."""
        return self._product("mv", other, 2, 1)

    def _product(self, word: str, other: Any, *ndims: int) -> Self:
        if (self.ndim, other.ndim) != ndims:
            raise ShapeError(f"{word}: the operands must have {ndims[0]} and {ndims[1]} dimensions, got "
                             f"{shown(self.shape)} and {shown(other.shape)}; @ takes any")
        return self.matmul(other)
