"""Systems of linear equations, inverses and what is made of them."""

from typing import Any

from chainrule import return_types
from chainrule.errors import ShapeError
from chainrule.linalg.matrices import checked, matrix_rank, pair
from chainrule.source import at, user_place
from chainrule.spec import numel, shown
from chainrule.tensors import Tensor


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X in A @ X = B, or with ``left=False`` in X @ A = B; of a vector B, or a batch of them, the vector x.

    Raises LinAlgError where A is singular.

    >>> import chainrule as torch
    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([0.5000, 0.2500])
    """
    checked("solve", A, B)
    vectors = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    if vectors and not left:
        raise ShapeError(f"solve: Incompatible shapes of A and B for the equation XA = B ({shown(A.shape)} and "
                         f"{shown(B.shape)}){at(user_place())}; with left=False B must be a matrix")
    right: Any = B.unsqueeze(-1) if vectors else B
    first, right = pair(A, right) if left else pair(A.mT, right.mT)
    out = first.solve(right)
    return out.squeeze(-1) if vectors else out if left else out.mT  # type: ignore[no-any-return]


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X in A @ X = B, or with ``left=False`` in X @ A = B, where the ``upper`` or the lower triangle of A is read.

    A 0 on the diagonal gives inf or NaN; ``unitriangular`` reads ones there.
    """
    checked("solve_triangular", A, B)
    side: Any = A.unit_triangle(upper) if unitriangular else A
    if left:
        side, right = pair(side, B)
        return side.solve_triangular(right, upper)  # type: ignore[no-any-return]
    side, right = pair(side.mT, B.mT)
    return side.solve_triangular(right, not upper).mT  # type: ignore[no-any-return]


def inv(A: Tensor) -> Tensor:
    """The inverse matrix. Raises LinAlgError for a singular one."""
    return A.inverse()


def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The pseudo-inverse, by singular values; those up to max(atol, rtol · the largest) count as 0.

    By default ``rtol`` is max(m, n) ε, or 0 where ``atol`` is given. Of a ``hermitian`` matrix the lower triangle is
    read.
    """
    relative = rcond if rtol is None else rtol
    return A.pinv(None if relative is None else float(relative), 0.0 if atol is None else float(atol), hermitian)


def lstsq(A: Tensor, B: Tensor, rcond: Any = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values): X with the least ‖A X − B‖, and of these the least.

    The drivers of LAPACK differ in what else they tell: ``"gelsy"``, the default, the rank; ``"gelss"`` and
    ``"gelsd"`` the singular values and the squared residuals too, the latter where A is of full rank and tall;
    ``"gels"`` only the residuals. What is not told is an empty tensor.
    """
    driver = driver or "gelsy"
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), not {driver!r}"
                           f"{at(user_place())}")
    checked("lstsq", A, B)
    vectors = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    right: Any = B.unsqueeze(-1) if vectors else B
    if A.shape[-2] != right.shape[-2]:
        raise ShapeError(f"lstsq: input.size(-2) should match other.size(-2), the shapes are {shown(A.shape)} and "
                         f"{shown(B.shape)}{at(user_place())}")
    first, right = pair(A, right)
    solution = first.pinv(None if rcond is None else float(rcond)) @ right
    nothing = solution.reshape((-1,)).narrow(0, 0, 0)
    rank = matrix_rank(A, rtol=rcond) if driver != "gels" else nothing.long()
    values = (A.svdvals() if driver in ("gelsd", "gelss") else nothing).detach()
    tall = A.shape[-2] > A.shape[-1] and driver != "gelsy"
    told = tall and (driver == "gels" or bool((rank == A.shape[-1]).all()))
    residuals = (first @ solution - right).square().sum(-2) if told else nothing
    return return_types.linalg_lstsq(solution.squeeze(-1) if vectors else solution, residuals, rank, values)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a map from its axes from ``ind`` on to those before."""
    before, after = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    size: Any = numel(before)
    if ind <= 0 or size != numel(after):
        raise ShapeError(f"tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == "
                         f"prod(self.shape[:ind]), but got {numel(after)} != {size}; ind is {ind}{at(user_place())}")
    found: Tensor = A.reshape((size, size)).inverse().reshape((*after, *before))
    return found


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X in tensordot(A, X, X.ndim) = B; ``dims`` of A are first moved to its end."""
    moved = A if dims is None else A.movedim(dims, list(range(A.ndim - len(dims), A.ndim)))
    shape, size = tuple(moved.shape[B.ndim :]), numel(B.shape)
    if numel(shape) != size:
        raise ShapeError(f"tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                         f"prod(self.shape[:other.ndim]), but got {numel(shape)} != {size}{at(user_place())}")
    return solve(moved.reshape((size, size)), B.reshape((-1,))).reshape(shape)
