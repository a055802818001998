"""Decompositions of matrices. The matrices are the last two axes; what stands before is a batch of them.

A decomposition has several parts and an op has one output, so the parts lie side by side in it.
"""

from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.op import Refusal, Sample, general
from chainrule.ops.sampling import array
from chainrule.spec import Spec, shown


def svd_of(x: Any) -> Any:
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return np.concatenate((u.swapaxes(-1, -2), s[..., None], vt), -1)


def svd_spec(x: Any) -> Spec:
    *batch, rows, columns = matrix(x).shape
    return Spec((*batch, min(rows, columns), rows + 1 + columns), x.dtype)


def svd_rule(g: Any, x: Any, out: Any) -> Any:
    """The cotangent of a matrix from those of U, S and V.

    Source: J. Townsend, "Differentiating the singular value decomposition" (2016). Two equal singular values leave
    their vectors undetermined, and give NaN.
    """
    u, s, v = out.svd_split(x.shape)
    gu, gs, gv = g.svd_split(x.shape)
    row, column = s.unsqueeze(-2), s.unsqueeze(-1)
    same = s.new_full((s.shape[-1],) * 2, 1).tril(0).triu(0) != 0
    apart = (row * row - column * column).masked_fill(same, 1)
    turn_u, turn_v = u.mT @ gu, v.mT @ gv
    inner = (turn_u - turn_u.mT) / apart * row + column * ((turn_v - turn_v.mT) / apart)
    inner = inner + gs.unsqueeze(-1).where(same, 0)
    whole = u @ inner @ v.mT
    if x.shape[-2] > s.shape[-1]:
        whole = whole + ((gu - u @ turn_u) / row) @ v.mT
    if x.shape[-1] > s.shape[-1]:
        whole = whole + (u / row) @ (gv - v @ turn_v).mT
    return whole


def matrix(x: Any) -> Any:
    if len(x.shape) < 2:
        raise ShapeError(f"the input must have at least 2 dimensions, its shape is {shown(x.shape)}")
    return x


def matrices() -> list[Sample]:
    return [Sample((array(*shape),)) for shape in ((2, 2), (3, 2), (2, 3), (2, 3, 3), (0, 2, 2))]


NO_MATRIX = (Refusal((array(3),), RuntimeError, "[3]"),)

svd = general("svd_parts", svd_of, (svd_rule,), spec=svd_spec, promotes="float", refuses_kinds="biu", samples=matrices,
              refuses=lambda: NO_MATRIX)
svdvals = general("svdvals", lambda x: np.linalg.svd(x, compute_uv=False), (lambda g, x: x.svd_scaled(g),),
                  spec=lambda x: Spec((*matrix(x).shape[:-2], min(x.shape[-2:])), x.dtype), promotes="float",
                  refuses_kinds="biu", samples=matrices, refuses=lambda: NO_MATRIX)
