"""Determinants, decompositions and products of matrices."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from chainrule import return_types
from chainrule.errors import DtypeError, LinAlgError, ShapeError
from chainrule.ops.linear_algebra import relative
from chainrule.source import at, user_place
from chainrule.spec import broadcast, shown
from chainrule.tensors import Tensor
from chainrule.vocabulary.carrier import axis_of

__all__ = ["LinAlgError"]


def checked(word: str, *matrices: Tensor) -> None:
    """Refuse vectors in the place of A, and dtypes that differ. Raises TypeError, ShapeError and DtypeError."""
    first = matrices[0]
    for name, x in zip("AB", matrices):
        if not isinstance(x, Tensor):
            raise TypeError(f"linalg_{word}(): argument '{name}' must be Tensor, not {type(x).__name__}"
                            f"{at(user_place())}")
    if first.ndim < 2:
        raise ShapeError(f"{word}: The input tensor A must have at least 2 dimensions, its shape is "
                         f"{shown(first.shape)}{at(user_place())}")
    for other in matrices:
        if other.np_dtype != first.np_dtype:
            raise DtypeError(f"{word}: Expected A and B to have the same dtype, but found A of type {first.dtype} and "
                             f"B of type {other.dtype} instead{at(user_place())}; convert one of them")


def pair(A: Any, B: Any) -> tuple[Any, Any]:
    """Two batches of matrices, broadcast to be equal."""
    if A.shape[:-2] == B.shape[:-2]:
        return A, B
    batch = broadcast(tuple(A.shape[:-2]), tuple(B.shape[:-2]))
    return A.expand((*batch, *A.shape[-2:])), B.expand((*batch, *B.shape[-2:]))


def det(A: Tensor) -> Tensor:
    """The determinant."""
    return A.det()


def slogdet(A: Tensor) -> Any:
    """(sign, logabsdet): the sign of the determinant, and the logarithm of its size."""
    return return_types.linalg_slogdet(*A.slogdet())


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L, lower triangular, in A = L @ L.mT; ``upper`` gives its transpose.

    Raises LinAlgError for a matrix that is not positive-definite. Only the lower triangle is read.

    >>> import chainrule as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return A.cholesky(upper)


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """(eigenvalues, eigenvectors) of a symmetric matrix, from the least eigenvalue on; the vectors are columns.

    Only the triangle that ``UPLO`` names is read. The gradient by the vectors needs eigenvalues that differ.

    >>> import chainrule as torch
    >>> torch.linalg.eigh(torch.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return return_types.linalg_eigh(*A.eigh_parts(_upper(UPLO)).eigh_split())


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of a symmetric matrix, from the least on."""
    return A.eigvalsh(_upper(UPLO))


def _upper(UPLO: str) -> bool:
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"eigh: Expected UPLO argument to be 'L' or 'U', but got {UPLO}{at(user_place())}")
    return UPLO in "Uu"


def qr(A: Tensor, mode: str = "reduced") -> Any:
    """(Q, R): orthonormal columns times an upper triangle.

    ``"reduced"`` gives as many columns of Q as the lesser size of A, ``"complete"`` as many as rows, ``"r"`` none.
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           f"'complete'{at(user_place())}")
    q, r = A.qr(mode != "complete")
    return return_types.linalg_qr(A.new_zeros((0,)) if mode == "r" else q, r)


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """(U, S, Vh): A = U @ diag(S) @ Vh, the singular values from the largest on.

    With ``full_matrices`` U and Vh are square; the columns that make them so are constants for the gradient.
    """
    _no_driver("svd", driver)
    u, s, v = A.svd(not full_matrices)
    return return_types.linalg_svd(u, s, v.mT)


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, from the largest on."""
    _no_driver("svdvals", driver)
    return A.svdvals()


def _no_driver(word: str, driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(f"{word}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
                           f"{at(user_place())}")


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values are above max(atol, rtol · the largest); ``tol`` is another name of ``atol``."""
    x: Any = A.detach()
    s = x.eigvalsh().abs() if hermitian else x.svdvals()
    atol = tol if atol is None else atol
    floor = 0.0 if atol is None else atol
    share = relative(x._data, None, 0.0 if atol is None else 1.0) if rtol is None else rtol
    if not s.shape[-1]:
        return s.sum(-1).long()  # type: ignore[no-any-return]
    least = s.amax(-1, keepdim=True) * _column(share, x)
    return (s > least.maximum(_column(floor, x) + least * 0)).sum(-1)  # type: ignore[no-any-return]


def _column(tolerance: Any, like: Any) -> Any:
    """A tolerance, a number or one for each matrix, to compare singular values with."""
    return tolerance.unsqueeze(-1) if isinstance(tolerance, Tensor) else like.new_full((1,), float(tolerance))


def matrix_power(A: Tensor, n: int) -> Tensor:
    """A @ A @ ..., ``n`` times; the inverse for a negative ``n``."""
    return A.matrix_power(n)


def matrix_exp(A: Tensor) -> Tensor:
    """exp(A) = 1 + A + A²/2 + A³/6 + ..., of square matrices."""
    return A.matrix_exp()


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of matrices, in the order that takes the fewest multiplications; the ends may be vectors."""
    found: list[Any] = list(tensors)
    if len(found) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(found)}{at(user_place())}")
    for k, x in enumerate(found):
        if x.ndim not in ((1, 2) if k in (0, len(found) - 1) else (2,)):
            where = "the first tensor" if k == 0 else "the last tensor" if k == len(found) - 1 else f"tensor {k}"
            raise RuntimeError(f"multi_dot(): {where} must be 1D or 2D but got {x.ndim}D{at(user_place())}")
    row, column = found[0].ndim == 1, found[-1].ndim == 1
    found[0] = found[0].unsqueeze(0) if row else found[0]
    found[-1] = found[-1].unsqueeze(1) if column else found[-1]
    for k, (x, y) in enumerate(pairwise(found)):
        if x.shape[1] != y.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {k} and {k + 1} with shapes {shown(x.shape)} and "
                               f"{shown(y.shape)} cannot be multiplied{at(user_place())}")
    sizes = [found[0].shape[0], *(x.shape[1] for x in found)]

    @cache
    def best(a: int, b: int) -> tuple[int, int]:
        """The least cost of the product from a up to b, and where its last multiplication splits it."""
        return min(((best(a, k)[0] + best(k, b)[0] + sizes[a] * sizes[k] * sizes[b], k) for k in range(a + 1, b)),
                   default=(0, a))  # fmt: skip

    def product(a: int, b: int) -> Any:
        split = best(a, b)[1]
        return found[a] if b == a + 1 else product(a, split) @ product(split, b)

    out = product(0, len(found))
    return out.reshape(([] if row else [sizes[0]]) + ([] if column else [sizes[-1]]))  # type: ignore[no-any-return]


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The product of matrices: ``torch.matmul``."""
    return input @ other


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along ``dim``, of size 3."""
    return input.cross(other, dim)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The inner products along ``dim``."""
    axis_of(dim, min(x.ndim, y.ndim))
    if x.shape[dim] != y.shape[dim]:
        raise ShapeError(f"vecdot: inconsistent tensor size, expected tensor {shown(x.shape)} and src {shown(y.shape)} "
                         f"to have the same number of elements along dim {dim}{at(user_place())}")
    return (x * y).sum(dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as a last axis; a view."""
    return A.diagonal(offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers 0 to N − 1 of each element, along a new last axis."""
    x = x if x.ndim else x.unsqueeze(0)
    count = x.shape[-1] if N is None else N
    if count <= 1 and N is not None:
        raise RuntimeError(f"vander: N must be greater than 1, got {N}{at(user_place())}")
    column = x.unsqueeze(-1)
    ones = column.new_full(column.shape, 1)
    return ones.cat(column.expand((*x.shape, count - 1)), dim=-1).cumprod(-1)
