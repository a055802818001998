"""Words for the rules of linear algebra: an op's parts put together and taken apart. Users spell these in linalg."""

from typing import Any, Self

from chainrule.ops import decompositions, linear_algebra
from chainrule.spec import Size
from chainrule.vocabulary.shapes import Shapes


class Decompositions(Shapes):
    """Words that PyTorch has otherwise, in ``torch.linalg`` and with results in parts."""

    __slots__ = ()

    def solve(self, y: Any) -> Self:
        """X in self @ X = y, for matrices; the batches are equal."""
        return self._binary(linear_algebra.solve, y)

    def solve_triangular(self, y: Any, upper: bool, whole: bool = False) -> Self:
        """X in self @ X = y, where of self a triangle is read; the gradient is that by the triangle or by the whole."""
        return self._apply(linear_algebra.solve_triangular, (self, y), upper=upper, whole=whole)

    def triangle(self, upper: bool) -> Self:
        """``triu`` or ``tril``."""
        x: Any = self
        return x.triu() if upper else x.tril()  # type: ignore[no-any-return]

    def unit_triangle(self, upper: bool) -> Self:
        """``triangle`` with ones on the diagonal."""
        x: Any = self
        return (x.triu(1) if upper else x.tril(-1)) + x.identity()  # type: ignore[no-any-return]

    def identity(self) -> Self:
        """The identity matrices in the shape of self, which are square."""
        x: Any = self
        return x.new_full(x.shape, 1).tril().triu()  # type: ignore[no-any-return]

    def inv(self) -> Self:
        """The inverse matrix."""
        return self._unary(linear_algebra.inv)

    def pinv(self, rtol: float | None = None, atol: float = 0.0, hermitian: bool = False) -> Self:
        """The pseudo-inverse; singular values up to max(atol, rtol · the largest) count as 0."""
        return self._unary(linear_algebra.pinv, rtol=rtol, atol=atol, hermitian=hermitian)

    def cofactors(self) -> Self:
        """The matrix of cofactors, det(self) · self⁻ᵀ where there is an inverse: the gradient of the determinant."""
        return self._unary(linear_algebra.cofactors)

    def slogdet_parts(self) -> Self:
        """The sign of the determinant, and the logarithm of its size."""
        return self._unary(linear_algebra.slogdet)

    def eigh_parts(self, upper: bool = False) -> Self:
        """In row k the k-th eigenvalue of a symmetric matrix, from the least on, and its eigenvector."""
        return self._unary(decompositions.eigh, upper=upper)

    def eigh_split(self) -> tuple[Any, Any]:
        """Eigenvalues, and eigenvectors as columns, out of ``eigh_parts``."""
        x: Any = self
        return x.select(-1, 0), x.narrow(-1, 1, x.shape[-2]).mT

    def eigvalsh(self, upper: bool = False) -> Self:
        """The eigenvalues of a symmetric matrix, from the least on."""
        return self._unary(decompositions.eigvalsh, upper=upper)

    def eigh_scaled(self, values: Any, upper: bool = False) -> Self:
        """V · diag(values) · Vᵀ with the eigenvectors of self: self, with other eigenvalues."""
        _, v = self.eigh_parts(upper).eigh_split()
        return (v * values.unsqueeze(-2)) @ v.mT  # type: ignore[no-any-return]

    def qr_parts(self, complete: bool = False) -> Self:
        """Qᵀ, and to the right of it R; Q has as many columns as the lesser size of self, or ``complete`` as rows."""
        return self._unary(decompositions.qr, complete=complete)

    def qr_split(self, rows: Size) -> tuple[Any, Any]:
        """Q and R out of ``qr_parts`` of a matrix with so many rows."""
        x: Any = self
        return x.narrow(-1, 0, rows).mT, x.narrow(-1, rows, x.shape[-1] - rows)

    def svd_parts(self) -> Self:
        """In row k the k-th left singular vector, singular value and right singular vector."""
        return self._unary(decompositions.svd)

    def svd_split(self, shape: tuple[Size, ...]) -> tuple[Any, Any, Any]:
        """U, S and V out of ``svd_parts`` of a matrix of this shape."""
        x: Any = self
        rows: Any = shape[-2]
        columns = shape[-1]
        return x.narrow(-1, 0, rows).mT, x.select(-1, rows), x.narrow(-1, rows + 1, columns).mT

    def completed(self) -> Self:
        """Orthonormal columns and as many more as make a square; these are constants."""
        x: Any = self
        rows, columns = x.shape[-2:]
        if rows == columns:
            return self
        q, _ = x.detach().qr_parts(True).qr_split(rows)
        return x.cat(q.narrow(-1, columns, rows - columns), dim=-1)  # type: ignore[no-any-return]

    def svdvals(self) -> Self:
        """The singular values, from the largest on."""
        return self._unary(decompositions.svdvals)

    def svd_scaled(self, values: Any) -> Self:
        """U · diag(values) · Vᵀ with the singular vectors of self: self, with other singular values."""
        u, _, v = self.svd_parts().svd_split(self.shape)
        return (u * values.unsqueeze(-2)) @ v.mT  # type: ignore[no-any-return]
