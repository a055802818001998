"""Products of matrices and vectors."""

from collections.abc import Sequence
from typing import Any, Self

from chainrule.errors import ShapeError
from chainrule.ops import reduction
from chainrule.spec import numel, shown
from chainrule.vocabulary.carrier import Carrier, axis_of

Number = int | float | bool


def given_a_tensor(word: str, other: Any) -> None:
    """Raise TypeError for a number in the place of a tensor."""
    if not isinstance(other, Carrier):
        raise TypeError(f"{word}(): argument 'other' must be Tensor, not {type(other).__name__}; for a number times a "
                        "tensor use *")


class Products(Carrier):
    """Words made of the product of matrices."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Self:
        return self.matmul(other)

    def __rmatmul__(self, other: Any) -> Self:
        return other.matmul(self)  # type: ignore[no-any-return]

    def matmul(self, other: Any) -> Self:
        """The matrix product; a 1-d operand is a row on the left, a column on the right, and its axis is dropped.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]]) @ torch.tensor([1.0, 1.0])
        tensor([3., 7.])
        """
        given_a_tensor("matmul", other)
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

    def _product(self, word: str, other: Any, ndim: int, other_ndim: int) -> Self:
        """The product of operands of just so many dimensions."""
        given_a_tensor(word, other)
        if self.ndim != ndim or other.ndim != other_ndim:
            raise ShapeError(f"{word}: the operands must be {ndim}-d and {other_ndim}-d, got {shown(self.shape)} and "
                             f"{shown(other.shape)}; use @, which takes all of them")
        return self.matmul(other)

    def dot(self, other: Any) -> Self:
        """The inner product of two 1-d tensors."""
        return self._product("dot", other, 1, 1)

    def mm(self, mat2: Any) -> Self:
        """The product of two matrices."""
        return self._product("mm", mat2, 2, 2)

    def mv(self, vec: Any) -> Self:
        """The product of a matrix and a vector."""
        return self._product("mv", vec, 2, 1)

    def bmm(self, mat2: Any) -> Self:
        """The products of two batches of matrices."""
        if self.ndim == mat2.ndim == 3 and self.shape[0] != mat2.shape[0]:
            raise ShapeError(f"bmm: the batches have {self.shape[0]} and {mat2.shape[0]} matrices; they must be equal, "
                             "or use @, which broadcasts")
        return self._product("bmm", mat2, 3, 3)

    def outer(self, vec2: Any) -> Self:
        """All products of an element of self and one of ``vec2``."""
        if self.ndim != 1 or vec2.ndim != 1:
            raise ShapeError(f"outer: both operands must be 1-d, got {shown(self.shape)} and {shown(vec2.shape)}")
        return self.reshape((self.shape[0], 1)) * vec2  # type: ignore[attr-defined,no-any-return]

    ger = outer

    def addmm(self, mat1: Any, mat2: Any, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """beta · self + alpha · mat1 @ mat2; with ``beta`` 0 self does not count, not even NaN."""
        return self._plus(mat1.mm(mat2), beta, alpha)

    def addmv(self, mat: Any, vec: Any, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """beta · self + alpha · mat @ vec."""
        return self._plus(mat.mv(vec), beta, alpha)

    def baddbmm(self, batch1: Any, batch2: Any, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """beta · self + alpha · batch1 @ batch2, for a batch of matrices."""
        return self._plus(batch1.bmm(batch2), beta, alpha)

    def addbmm(self, batch1: Any, batch2: Any, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """beta · self + alpha · Σ batch1 @ batch2 over the batch."""
        return self._plus(batch1.bmm(batch2).sum(0), beta, alpha)

    def addr(self, vec1: Any, vec2: Any, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """beta · self + alpha · outer(vec1, vec2)."""
        return self._plus(vec1.outer(vec2), beta, alpha)

    def _plus(self, product: Any, beta: Number, alpha: Number) -> Self:
        x: Any = self
        scaled = product if alpha == 1 else product * alpha
        if beta == 0:
            return scaled  # type: ignore[no-any-return]
        return (x if beta == 1 else x * beta) + scaled  # type: ignore[no-any-return]

    def inner(self, other: Any) -> Self:
        """The inner products along the last axes of both; with a number, products."""
        x: Any = self
        if not self.ndim or not other.ndim:
            return x * other  # type: ignore[no-any-return]
        return self.tensordot(other, dims=([-1], [-1]))

    def tensordot(self, other: Any, dims: int | Sequence[Sequence[int]] = 2) -> Self:
        """The product summed over the last ``dims`` axes of self and the first of ``other``, or over the pairs given.

        >>> import chainrule as torch
        >>> torch.ones(2, 3).tensordot(torch.ones(3, 4), dims=1).shape
        torch.Size([2, 4])
        """
        x: Any = self
        if isinstance(dims, int):
            pairs: Any = (range(x.ndim - dims, x.ndim), range(dims))
        else:
            pairs = dims
        gone, other_gone = ([axis_of(d, v.ndim) for d in ds] for ds, v in zip(pairs, (x, other)))
        met = [(x.shape[a], other.shape[b]) for a, b in zip(gone, other_gone)]
        if len(gone) != len(other_gone) or any(m != n and 1 not in (m, n) for m, n in met):
            raise ShapeError(f"tensordot: the shapes {shown(x.shape)} and {shown(other.shape)} do not match along the "
                             f"dimensions {gone} and {other_gone} to be summed over")
        for a, b in zip(gone, other_gone):  # a size 1 meets any other
            if x.shape[a] != other.shape[b]:
                x, other = (x.sum(a, keepdim=True), other.sum(b, keepdim=True))
        kept = [d for d in range(x.ndim) if d not in gone]
        other_kept = [d for d in range(other.ndim) if d not in other_gone]
        inner = numel(x.shape[d] for d in gone)
        left = x.permute((*kept, *gone)).reshape((numel(x.shape[d] for d in kept), inner))
        right = other.permute((*other_gone, *other_kept)).reshape((inner, numel(other.shape[d] for d in other_kept)))
        shape = (*(x.shape[d] for d in kept), *(other.shape[d] for d in other_kept))
        return left.matmul(right).reshape(shape)  # type: ignore[no-any-return]
