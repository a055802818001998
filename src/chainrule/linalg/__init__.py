"""``torch.linalg``: equations, determinants, decompositions and norms, of matrices in the last two axes."""

from chainrule.linalg.matrices import (
    LinAlgError,
    cholesky,
    cross,
    det,
    diagonal,
    eigh,
    eigvalsh,
    matmul,
    matrix_exp,
    matrix_power,
    matrix_rank,
    multi_dot,
    qr,
    slogdet,
    svd,
    svdvals,
    vander,
    vecdot,
)  # fmt: skip
from chainrule.linalg.norms import cond, matrix_norm, norm, vector_norm
from chainrule.linalg.solving import inv, lstsq, pinv, solve, solve_triangular, tensorinv, tensorsolve

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip
