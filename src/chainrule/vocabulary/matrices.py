"""Determinants, inverses and decompositions of matrices, by the names that tensors have for them."""

from typing import Any, Self

from chainrule import return_types
from chainrule.errors import ShapeError
from chainrule.ops import decompositions, linear_algebra
from chainrule.ops.matrices import square
from chainrule.spec import broadcast, shown
from chainrule.vocabulary.carrier import Carrier, axis_of


class Matrices(Carrier):
    """Words that take self as a batch of matrices: the last two axes."""

    __slots__ = ()

    def det(self) -> Self:
        """The determinant; of a singular matrix its gradient is the matrix of cofactors, as of any other.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]]).det()
        tensor(-2.)
        """
        return self._unary(linear_algebra.det)

    def slogdet(self) -> Any:
        """(sign, logabsdet): the sign of the determinant, and the logarithm of its size."""
        x: Any = self
        parts = x.slogdet_parts()
        return return_types.slogdet(parts.select(-1, 0), parts.select(-1, 1))

    def logdet(self) -> Self:
        """The logarithm of the determinant: −∞ for 0, NaN for a negative one."""
        sign, size = self.slogdet()
        return size.masked_fill(sign < 0, float("nan"))  # type: ignore[no-any-return]

    def inverse(self) -> Self:
        """The inverse matrix. Raises LinAlgError for a singular one."""
        return self._unary(linear_algebra.inv)

    def pinverse(self, rcond: float = 1e-15) -> Self:
        """The pseudo-inverse; singular values up to ``rcond`` times the largest count as 0."""
        return self._unary(linear_algebra.pinv, rtol=rcond, atol=0.0, hermitian=False)

    def cholesky(self, upper: bool = False) -> Self:
        """L, lower triangular, in self = L @ L.mT; ``upper`` gives its transpose.

        Raises LinAlgError for a matrix that is not positive-definite. Only the lower triangle is read.
        """
        out: Any = self._unary(decompositions.cholesky)
        return out.mT if upper else out  # type: ignore[no-any-return]

    def cholesky_solve(self, input2: Any, upper: bool = False) -> Self:
        """X in A @ X = self, where ``input2`` is the factor of A that ``cholesky`` gives."""
        x: Any = self
        if x.ndim < 2 or input2.ndim < 2 or input2.shape[-2] != input2.shape[-1] or x.shape[-2] != input2.shape[-1]:
            raise ShapeError(f"cholesky_solve: Incompatible matrix sizes for cholesky_solve: A has the shape "
                             f"{shown(input2.shape)}, b {shown(x.shape)}")
        batch = broadcast(x.shape[:-2], input2.shape[:-2])
        factor = (input2.mT if upper else input2).expand((*batch, *input2.shape[-2:]))
        half = factor.solve_triangular(x.expand((*batch, *x.shape[-2:])), False, whole=True)
        return factor.mT.solve_triangular(half, True, whole=True)  # type: ignore[no-any-return]

    def cholesky_inverse(self, upper: bool = False) -> Self:
        """The inverse of A, where self is the factor of A that ``cholesky`` gives."""
        x: Any = square(self)
        factor = x.mT if upper else x
        half = factor.solve_triangular(factor.identity(), False, whole=True)
        return half.mT @ half  # type: ignore[no-any-return]

    def triangular_solve(self, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
        """(solution, cloned_coefficient): X in A @ X = self, where of A a triangle is read, and A."""
        x: Any = self
        batch = broadcast(x.shape[:-2], A.shape[:-2])
        whole = A.expand((*batch, *A.shape[-2:]))
        side = whole.unit_triangle(upper) if unitriangular else whole
        side, upper = (side.triangle(upper).mT, not upper) if transpose else (side, upper)
        found = side.solve_triangular(x.expand((*batch, *x.shape[-2:])), upper)
        return return_types.triangular_solve(found, whole.clone())

    def qr(self, some: bool = True) -> Any:
        """(Q, R): orthonormal columns times an upper triangle; of ``some`` columns, or of as many as rows."""
        x: Any = self
        return return_types.qr(*x.qr_parts(not some).qr_split(x.shape[-2]))

    def svd(self, some: bool = True, compute_uv: bool = True) -> Any:
        """(U, S, V): self = U @ diag(S) @ V.mT, the largest singular value first; all of U and V, or ``some``."""
        x: Any = self
        if not compute_uv:
            sizes = [(*x.shape[:-2], n, n) for n in x.shape[-2:]]
            return return_types.svd(x.new_zeros(sizes[0]), x.svdvals(), x.new_zeros(sizes[1]))
        u, s, v = x.svd_parts().svd_split(x.shape)
        return return_types.svd(*((u, s, v) if some else (u.completed(), s, v.completed())))

    def matrix_power(self, n: int) -> Self:
        """self @ self @ ..., ``n`` times; the inverse for a negative ``n``.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 1.0], [0.0, 1.0]]).matrix_power(5)
        tensor([[1., 5.],
                [0., 1.]])
        """
        if type(n) is not int:
            raise TypeError(f"matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
        square(self)
        x: Any = self if n >= 0 else self._unary(linear_algebra.inv)
        out, n = None, abs(n)
        while n:
            if n & 1:
                out = x if out is None else out @ x
            n >>= 1
            x = x @ x if n else x
        if out is None:
            return x.fill(0) + x.identity()  # type: ignore[no-any-return]
        return out.clone() if out is self else out

    def matrix_exp(self) -> Self:
        """exp(self) = 1 + self + self²/2 + self³/6 + ..., of square matrices."""
        return self._unary(decompositions.matrix_exp)

    def cross(self, other: Any, dim: int | None = None) -> Self:
        """The vector product along ``dim``, of size 3; by default the first axis of that size."""
        x: Any = self
        if x.ndim != other.ndim:
            raise ShapeError(f"cross: inputs must have the same number of dimensions, got {shown(x.shape)} and "
                             f"{shown(other.shape)}")
        if dim is None:
            dim = next((k for k, size in enumerate(x.shape) if size == 3), -1)
        axis = axis_of(dim, x.ndim)
        if x.shape[axis] != 3 or other.shape[axis] != 3:
            raise ShapeError(f"cross: inputs dimension {dim} must have length 3. Got {x.shape[axis]} and "
                             f"{other.shape[axis]}")
        return (x.roll(-1, axis) * other.roll(-2, axis)) - (x.roll(-2, axis) * other.roll(-1, axis))  # type: ignore[no-any-return]

    @property
    def mH(self) -> Self:
        """``mT``: numbers are real."""
        return self.mT  # type: ignore[attr-defined,no-any-return]
