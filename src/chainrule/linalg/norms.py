"""Norms of vectors and of matrices."""

import math
from typing import Any

from chainrule.errors import DtypeError, ShapeError
from chainrule.source import at, user_place
from chainrule.spec import as_dtype, numel, shown
from chainrule.tensors import Tensor
from chainrule.vocabulary.carrier import axis_of


def vector_norm(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(Σ|x|ᵖ)^(1/p) with p = ``ord``, over all elements or along ``dim``."""
    if not isinstance(ord, (int, float)):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' must be Number, not {type(ord).__name__}")
    found = _cast("vector_norm", x, dtype)
    if not all(found.shape[d] for d in found._dims(dim)) and (ord < 0 or math.isinf(ord)):
        raise RuntimeError(f"vector_norm: linalg.vector_norm cannot compute the {ord} norm on an empty tensor because "
                           f"the operation does not have an identity; the shape is {shown(x.shape)}{at(user_place())}")
    return found.norm(ord, dim, keepdim)


def matrix_norm(A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *,
                dtype: Any = None) -> Tensor:  # fmt: skip
    """A norm of matrices, which are two axes of A.

    ``"fro"`` is that of all elements, ``"nuc"`` the sum of the singular values, 2 and −2 the largest and the least of
    them, 1 and −1 the largest and the least sum of a column's sizes, ∞ and −∞ of a row's.
    """
    x: Any = _cast("matrix_norm", A, dtype)
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"matrix_norm: dim must be a 2-tuple. Got {dim}{at(user_place())}")
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm: The input tensor A must have at least 2 dimensions, its shape is "
                         f"{shown(x.shape)}{at(user_place())}")
    row, column = (axis_of(d, x.ndim) for d in dim)
    if row == column:
        raise RuntimeError(f"matrix_norm: dims must be different. Got {tuple(dim)}{at(user_place())}")
    if ord == "fro":
        return x.norm(2, (row, column), keepdim)  # type: ignore[no-any-return]
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"matrix_norm: Order {ord} not supported.{at(user_place())}")
    moved = x.movedim((row, column), (-2, -1))
    if ord == "nuc":
        out = moved.svdvals().sum(-1)
    else:
        sizes = moved.svdvals() if abs(ord) == 2 else moved.abs().sum(-2 if abs(ord) == 1 else -1)
        if ord > 0 and not sizes.shape[-1]:
            out = sizes.sum(-1)
        else:
            out = sizes.amax(-1) if ord > 0 else sizes.amin(-1)
    return out.reshape([1 if d in (row, column) else s for d, s in enumerate(x.shape)]) if keepdim else out  # type: ignore[no-any-return]


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``vector_norm``, or with two dims or with an ``ord`` for a matrix ``matrix_norm``; by default of all elements."""
    if isinstance(dim, int):
        dim = (dim,)
    if isinstance(ord, str):
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim[0] if len(dim) == 1 else dim, keepdim, dtype=dtype)
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError(f"norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
                           f"{at(user_place())}")
    if dim is not None and len(dim) not in (1, 2):
        raise RuntimeError(f"norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}{at(user_place())}")
    if (A.ndim if dim is None else len(dim)) == 2:
        return matrix_norm(A, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number ‖A‖ · ‖A⁻¹‖ in the norm ``p`` of matrices, by default the 2-norm; ∞ for a singular one."""
    if p not in (None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"cond: linalg.cond got an invalid norm type: {p}{at(user_place())}")
    if p in (None, 2, -2):
        values: Any = A.svdvals()
        if not values.shape[-1]:
            return values.sum(-1)  # type: ignore[no-any-return]
        first, last = values.select(-1, 0), values.select(-1, -1)
        return last / first if p == -2 else first / last  # type: ignore[no-any-return]
    singular: Any = A.detach().det() == 0
    safe: Any = A.where(~singular.unsqueeze(-1).unsqueeze(-1), A.identity())
    out: Any = matrix_norm(safe, p) * matrix_norm(safe.inverse(), p)
    return out.masked_fill(singular, math.inf) if numel(A.shape) else out  # type: ignore[no-any-return]


def _cast(word: str, x: Tensor, dtype: Any) -> Tensor:
    out = x if dtype is None else x.cast(as_dtype(dtype).numpy)
    if out.np_dtype.kind not in "fc":
        raise DtypeError(f"{word}: Expected a floating point or complex tensor as input. Got {x.dtype}"
                         f"{at(user_place())}; write x.float()")
    return out
