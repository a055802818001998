"""Decompositions of matrices, and their exponential.

A decomposition has several parts and an op has one output, so the parts lie side by side in it.
"""

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np

from chainrule.errors import GraphError
from chainrule.op import Sample, general
from chainrule.ops.matrices import (
    LOWER,
    REAL,
    SQUARE,
    definite,
    diagonal_of,
    indefinite,
    matrices,
    matrix,
    not_square,
    ratio,
    refused,
    refusing,
    single,
    square,
    squares,
    squares_spec,
    symmetric,
    symmetrics,
    unfinished,
)  # fmt: skip
from chainrule.ops.sampling import array
from chainrule.spec import Spec


def cholesky_rule(g: Any, out: Any) -> Any:
    """Source: I. Murray, "Differentiation of the Cholesky decomposition" (2016), eq. 10."""
    inner = (out.mT @ g).tril()
    half = out.mT.solve_triangular((inner + inner.tril(-1).mT) / 2, True)
    return out.mT.solve_triangular(half.mT, True)


def svd_of(x: Any) -> Any:
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return np.concatenate((u.swapaxes(-1, -2), s[..., None], vt), -1)


def svd_spec(x: Any) -> Spec:
    *batch, rows, columns = matrix(x).shape
    return Spec((*batch, min(rows, columns), rows + 1 + columns), x.dtype)


def svdvals_spec(x: Any) -> Spec:
    return Spec((*matrix(x).shape[:-2], min(x.shape[-2:])), x.dtype)


def svd_into(call: Any, out: Any, x: Any) -> None:
    rows = x.shape[-2]
    call("svd_s", x, out[..., :rows].mT, out[..., rows], out[..., rows + 1 :])


def svd_rule(g: Any, x: Any, out: Any) -> Any:
    """The cotangent of a matrix from those of U, S and V.

    Source: J. Townsend, "Differentiating the singular value decomposition" (2016). Two equal singular values leave
    their vectors undetermined, and give inf or NaN where these are asked for.
    """
    u, s, v = out.svd_split(x.shape)
    gu, gs, gv = g.svd_split(x.shape)
    row, column = s.unsqueeze(-2), s.unsqueeze(-1)
    same = diagonal_of(s)
    apart = (row * row - column * column).masked_fill(same, 1)
    turn_u, turn_v = u.mT @ gu, v.mT @ gv
    inner = ratio(turn_u - turn_u.mT, apart) * row + column * ratio(turn_v - turn_v.mT, apart)
    inner = inner + gs.unsqueeze(-1).where(same, 0)
    whole = u @ inner @ v.mT
    if x.shape[-2] > s.shape[-1]:
        whole = whole + ratio(gu - u @ turn_u, row) @ v.mT
    if x.shape[-1] > s.shape[-1]:
        whole = whole + u @ ratio(gv - v @ turn_v, row).mT
    return whole


def eigh_of(x: Any, upper: bool) -> Any:
    values, vectors = np.linalg.eigh(x, "U" if upper else "L")
    return np.concatenate((values[..., None], vectors.swapaxes(-1, -2)), -1)


def eigh_spec(x: Any, upper: bool) -> Spec:
    *batch, size, _ = square(x).shape
    return Spec((*batch, size, size + 1), x.dtype)


def values_spec(x: Any, upper: bool) -> Spec:
    return Spec(square(x).shape[:-1], x.dtype)


def eigh_rule(g: Any, out: Any) -> Any:
    """Of equal eigenvalues the vectors are undetermined: inf or NaN where these are asked for."""
    (values, vectors), (by_values, by_vectors) = out.eigh_split(), g.eigh_split()
    same = diagonal_of(values)
    apart = (values.unsqueeze(-2) - values.unsqueeze(-1)).masked_fill(same, 1)
    inner = by_values.unsqueeze(-1).where(same, ratio(vectors.mT @ by_vectors, apart))
    return symmetric(vectors @ inner @ vectors.mT)


def qr_of(x: Any, complete: bool) -> Any:
    q, r = np.linalg.qr(x, "complete" if complete else "reduced")
    return np.concatenate((q.swapaxes(-1, -2), r), -1)


def qr_spec(x: Any, complete: bool) -> Spec:
    *batch, rows, columns = matrix(x).shape
    return Spec((*batch, rows if complete else min(rows, columns), rows + columns), x.dtype)


def qr_into(call: Any, out: Any, x: Any, complete: bool) -> None:
    """Householder's reflections in double precision, which is all that NumPy has; Q is multiplied out of them."""
    rows = len(x)
    raw, tau, q = (call.scratch(*shape, dtype=np.float64) for shape in (x.shape, (min(x.shape),), (rows, len(out))))
    call.copy(x, raw)
    call("qr_r_raw", raw, tau, inside=(raw,))
    call("qr_complete" if len(out) > x.shape[1] else "qr_reduced", raw, tau, q)
    call.copy(q, out[:, :rows].T)
    call.copy(raw[: len(out)], out[:, rows:], upper=True)


def qr_rule(g: Any, x: Any, out: Any) -> Any:
    """Of a wide matrix the first columns decide Q; the others are Q times theirs of R.

    Source: M. Seeger, A. Hetzel, Z. Dai, E. Meissner and N. D. Lawrence, "Auto-differentiating linear algebra" (2017);
    for wide matrices J.-G. Liu, "Linear algebra autodiff (complex valued)" (2019).
    """
    rows, rest = x.shape[-2], x.shape[-1] - x.shape[-2]
    if out.shape[-2] > x.shape[-1]:
        raise GraphError("qr: the QR decomposition is not differentiable when mode='complete' and nrows > ncols: the "
                         f"last columns of Q, here {-rest}, are any that make it orthogonal; use mode='reduced'")
    (q, r), (gq, gr) = out.qr_split(rows), g.qr_split(rows)
    more = gr.narrow(-1, rows, rest) if rest > 0 else None
    if more is not None:
        r, gr = r.narrow(-1, 0, rows), gr.narrow(-1, 0, rows)
        gq = gq + x.narrow(-1, rows, rest) @ more.mT
    inner = (r @ gr.mT - gq.mT @ q).tril()
    first = r.solve_triangular((gq + q @ (inner + inner.tril(-1).mT)).mT, True).mT
    return first if more is None else first.cat(q @ more, dim=-1)


PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
        670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)
PADE_REACHES = 5.371920351148152
SQUARINGS = 16


def exponential(x: Any, one: Any, solve: Callable[[Any, Any], Any]) -> Any:
    """The Padé approximant [13/13] of exp, of matrices with a 1-norm up to ``PADE_REACHES``."""
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    c = PADE
    odd = x @ (x6 @ (c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * one)
    even = x6 @ (c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * one
    return solve(even - odd, even + odd)


def matrix_exp_of(x: Any) -> Any:
    """Scaled down by 2ᵏ, and squared k times.

    Source: N. J. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005).
    """
    norm = np.abs(x).sum(-2).max(-1, initial=0)
    times = np.ceil(np.log2(np.maximum(norm / PADE_REACHES, 1)))[..., None, None]
    times = np.where(np.isfinite(times), times, 0)
    out = exponential(x * np.exp2(-times).astype(x.dtype), np.eye(x.shape[-1], dtype=x.dtype), np.linalg.solve)
    for k in range(int(times.max(initial=0))):
        out = np.where(k < times, out @ out, out)
    return out


def matrix_exp_in_words(x: Any) -> Any:
    """As many squarings are written down as a norm of 5 · 2¹⁶ takes; beyond, the result is NaN."""
    norm = x.abs().sum(-2).amax(-1) if x.shape[-1] else x.new_zeros(x.shape[:-2])
    times = single((norm / PADE_REACHES).maximum(1).log2().ceil())
    out = exponential(x * (-times).exp2(), x.identity(), lambda a, b: a.solve(b))
    for k in range(SQUARINGS):
        out = (out @ out).where(times > k, out)
    return out.masked_fill(times > SQUARINGS, nan)


def matrix_exp_rule(g: Any, x: Any) -> Any:
    """Source: R. Mathias, "A chain rule for matrix functions and applications" (1996)."""
    size = x.shape[-1]
    twice = x.mT.cat(g, dim=-1).cat(x.new_zeros(x.shape).cat(x.mT, dim=-1), dim=-2)
    return twice.matrix_exp().narrow(-2, 0, size).narrow(-1, size, size)


cholesky = general("cholesky", refusing(np.linalg.cholesky, squares_spec, indefinite), (cholesky_rule,),
                   samples=definite, within=symmetric, public="linalg_cholesky_ex", **SQUARE,
                   library=lambda call, out, x: call("cholesky_lo", x, out))
eigh = general("eigh_parts", refusing(eigh_of, eigh_spec, unfinished), (eigh_rule,), spec=eigh_spec, samples=symmetrics,
               within=symmetric, refuses=lambda: not_square(**LOWER),
               library=lambda call, out, x, upper: call(
                   f"eigh_{'up' if upper else 'lo'}", x, out[..., 0], out[..., 1:].mT), **REAL)
eigvalsh = general("eigvalsh", refusing(
    lambda x, upper: np.linalg.eigvalsh(x, "U" if upper else "L"), values_spec, unfinished),
                   (lambda g, x, upper: x.eigh_scaled(g, upper),), samples=symmetrics, within=symmetric,
                   spec=values_spec, refuses=lambda: not_square(**LOWER), public="linalg_eigh",
                   library=lambda call, out, x, upper: call(f"eigvalsh_{'up' if upper else 'lo'}", x, out), **REAL)
qr = general("qr_parts", qr_of, (qr_rule,), spec=qr_spec, refuses=lambda: refused(complete=False), **REAL,
             library=qr_into,
             samples=lambda: [Sample(s.inputs, {"complete": s.inputs[0].shape == (2, 3)}) for s in matrices()])
svd = general("svd_parts", refusing(svd_of, svd_spec, unfinished), (svd_rule,), spec=svd_spec, samples=matrices,
              refuses=refused, library=svd_into, **REAL)
svdvals = general("svdvals", refusing(lambda x: np.linalg.svd(x, compute_uv=False), svdvals_spec, unfinished),
                  (lambda g, x: x.svd_scaled(g),), samples=matrices, refuses=refused,
                  spec=svdvals_spec, library=lambda call, out, x: call("svd", x, out), public="linalg_svd", **REAL)
matrix_exp = general("matrix_exp", matrix_exp_of, (matrix_exp_rule,), public="linalg_matrix_exp",
                     expands=matrix_exp_in_words, **SQUARE, samples=lambda: [
                         *squares(), Sample((array(2, 3, 3) * np.array([2.0, 0.2])[:, None, None],))])
