"""Systems of linear equations, inverses and determinants of matrices.

Where no other source is named, the rules are those of M. Giles, "Collected matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.op import Sample, general
from chainrule.ops.matrices import (
    LOWER,
    REAL,
    SQUARE,
    UPPER,
    diagonal_of,
    matrices,
    matrix,
    no_system,
    not_square,
    numbers_spec,
    refused,
    refusing,
    single,
    singular,
    square,
    squares,
    squares_spec,
    symmetric,
    system_spec,
    systems,
    unfinished,
)  # fmt: skip
from chainrule.ops.sampling import array
from chainrule.spec import Spec


def triangular_of(x: Any, y: Any, upper: bool, whole: bool) -> Any:
    system_spec(x, y)
    return by_blocks(x, y, upper, triangle_of, lambda *parts: np.concatenate(parts, -2))


def triangle_of(x: Any, y: Any, upper: bool) -> Any:
    """NumPy has no solver for triangles; LU of one is that triangle, or its rows exchanged."""
    x = np.triu(x) if upper else np.tril(x)
    try:
        return np.linalg.solve(x, y)
    except np.linalg.LinAlgError:  # a 0 on the diagonal: inf and NaN where the substitution meets it, as in BLAS
        out = np.zeros_like(y)
        for k in range(x.shape[-1])[:: -1 if upper else 1]:
            out[..., k, :] = (y[..., k, :] - (x[..., k, None, :] @ out)[..., 0, :]) / x[..., k, k, None]
        return out


def triangular_in_words(x: Any, y: Any, upper: bool, whole: bool) -> Any:
    return by_blocks(x, y, upper, lambda a, b, up: a.triangle(up).solve(b), lambda a, b: a.cat(b, dim=-2))


BLOCK = 64
"""Up to this size a triangle is solved as it is."""


def by_blocks(x: Any, y: Any, upper: bool, solve: Callable[..., Any], join: Callable[[Any, Any], Any]) -> Any:
    """The half that stands alone first; of the other's right side is taken what it adds there."""
    half = x.shape[-1] // 2
    if half * 2 <= BLOCK:
        return solve(x, y, upper)
    ends = slice(None, half), slice(half, None)
    alone, other = reversed(ends) if upper else ends
    found = by_blocks(x[..., alone, alone], y[..., alone, :], upper, solve, join)
    rest = y[..., other, :] - x[..., other, alone] @ found
    last = by_blocks(x[..., other, other], rest, upper, solve, join)
    return join(last, found) if upper else join(found, last)


def side_of(x: Any, upper: bool, whole: bool) -> Any:
    """The triangle that is read, where the gradient is that by all of the matrix."""
    if not whole:
        return x
    return (np.triu if upper else np.tril)(x) if isinstance(x, np.ndarray) else x.triangle(upper)


def triangular_rule(g: Any, x: Any, out: Any, upper: bool, whole: bool) -> Any:
    part = -(x.mT.solve_triangular(g, not upper, whole) @ out.mT)
    return part if whole else part.triangle(upper)


NEAR = 1e-3
"""Below this part of the whole a singular value counts as near 0."""


def cofactors_of(x: Any) -> Any:
    """det · x⁻ᵀ, by singular values, so that it holds for singular matrices as well."""
    u, s, vt = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    turn = np.linalg.det(u) * np.linalg.det(vt)
    return (u * (turn[..., None] * others)[..., None, :]) @ vt


def cofactors_in_words(x: Any) -> Any:
    u, s, v = x.svd_parts().svd_split(x.shape)
    others = s.unsqueeze(-2).expand(x.shape).masked_fill(diagonal_of(s), 1).prod(-1)
    return (u * ((u.det() * v.det()).unsqueeze(-1) * others).unsqueeze(-2)) @ v.mT


def cofactors_rule(g: Any, x: Any, out: Any) -> Any:
    """By the inverse where the matrix is far from singular, else between the bases U and V.

    There the matrix is diagonal: cofactor ii moves with every other element jj, cofactor ij with element ji, both times
    the product of the singular values but i and j. The derivative of that in turn needs singular values that differ.
    """
    u, s, v = x.svd_parts().svd_split(x.shape)
    same = diagonal_of(s)
    pairs = s.unsqueeze(-2).expand(x.shape).masked_fill(same, 1).others((len(x.shape) - 1,)).masked_fill(same, 0)
    h = u.mT @ g @ v
    inner = (pairs @ h.diagonal(0, -2, -1).unsqueeze(-1)).where(same, -(pairs * h).mT)
    turned = single(u.det() * v.det()) * (u @ inner @ v.mT)
    far = single((s > NEAR * s.norm(2, -1, True)).all(-1))
    by_inverse = (single((g * out).sum((-2, -1))) * out - out @ g.mT @ out) / single(x.det()).where(far, 1)
    return by_inverse.where(far, turned)


def pinv_spec(x: Any, **params: Any) -> Spec:
    *batch, rows, columns = matrix(x).shape
    return Spec((*batch, columns, rows), x.dtype)


def pinv_of(x: Any, rtol: float | None, atol: float, hermitian: bool) -> Any:
    x = np.tril(x) + np.tril(x, -1).mT if hermitian else x
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    least = np.maximum(atol, relative(x, rtol, atol) * s.max(-1, keepdims=True, initial=0))
    inverse = np.divide(1, s, out=np.zeros_like(s), where=s > least)
    return (vt.swapaxes(-1, -2) * inverse[..., None, :]) @ u.swapaxes(-1, -2)


def pinv_in_words(x: Any, rtol: float | None, atol: float, hermitian: bool) -> Any:
    x = x.tril() + x.tril(-1).mT if hermitian else x
    if not min(x.shape[-2:]):
        return x.mT
    u, s, v = x.svd_parts().svd_split(x.shape)
    least = (s.amax(-1, True) * relative(x, rtol, atol)).maximum(s.new_full((), atol))
    inverse = s.reciprocal().where(s > least, 0)
    return (v * inverse.unsqueeze(-2)) @ u.mT


def relative(x: Any, rtol: float | None, atol: float) -> float:
    """PyTorch's tolerance for a rank: a few units in the last place, unless one is given."""
    if rtol is None:
        return float(max(x.shape[-2:]) * np.finfo(getattr(x, "np_dtype", x.dtype)).eps) if atol == 0 else 0.0
    return rtol


def pinv_rule(g: Any, x: Any, out: Any) -> Any:
    """Where the rank does not change. Of a Hermitian matrix one triangle is read; the gradient is that by the whole.

    Source: G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems
    whose variables separate" (1973), eq. 4.12.
    """
    t = g.mT
    return ((t - x @ (out @ t)) @ out @ out.mT + out.mT @ out @ (t - (t @ out) @ x)) - out.mT @ g @ out.mT


solve = general("solve", refusing(np.linalg.solve, system_spec, singular),
                (lambda g, x, out: -(x.mT.solve(g) @ out.mT), lambda g, x: x.mT.solve(g)),
                inputs=("x", "y"), spec=system_spec, samples=systems, refuses=no_system,
                library=lambda call, out, x, y: call("solve", x, y, out), public="linalg_solve_ex", **REAL)
solve_triangular = general(
    "solve_triangular", triangular_of,
    (triangular_rule, lambda g, x, upper, whole: x.mT.solve_triangular(g, not upper, whole)),
    inputs=("x", "y"), spec=system_spec, expands=triangular_in_words, within=side_of, public="linalg_solve_triangular",
    samples=lambda: [s for side in (LOWER, UPPER) for whole in (False, True) for s in systems(**side, whole=whole)],
    refuses=lambda: no_system(**LOWER, whole=False), **REAL)
inv = general("inv", refusing(np.linalg.inv, squares_spec, singular), (lambda g, out: -(out.mT @ g @ out.mT),),
              samples=squares, library=lambda call, out, x: call("inv", x, out), public="linalg_inv_ex", **SQUARE)
pinv = general("pinv", refusing(pinv_of, pinv_spec, unfinished), (pinv_rule,), spec=pinv_spec,
               within=lambda x, rtol, atol, hermitian: symmetric(x) if hermitian else x, samples=lambda: [
                   Sample(s.inputs, {"rtol": None, "atol": 0.0, "hermitian": hermitian})
                   for hermitian, some in ((False, matrices()), (True, squares())) for s in some],
               refuses=lambda: refused(rtol=None, atol=0.0, hermitian=False), expands=pinv_in_words,
               public="linalg_pinv", **REAL)
det = general("det", np.linalg.det, (lambda g, x: single(g) * x.cofactors(),), spec=numbers_spec,
              samples=squares, refuses=not_square, public="linalg_det", **REAL,
              library=lambda call, out, x: call("det", x, out))
cofactors = general("cofactors", refusing(cofactors_of, squares_spec, unfinished), (cofactors_rule,),
                    expands=cofactors_in_words, **SQUARE,
                    samples=lambda: [*squares(), Sample((array(3, 2) @ array(2, 3),))])
slogdet = general("slogdet_parts", lambda x: np.stack(np.linalg.slogdet(x), -1),
                  (lambda g, x: single(g.select(-1, 1)) * x.inv().mT,),
                  spec=lambda x: Spec((*square(x).shape[:-2], 2), x.dtype), samples=squares, refuses=not_square,
                  library=lambda call, out, x: call("slogdet", x, out[..., 0], out[..., 1]), **REAL)
