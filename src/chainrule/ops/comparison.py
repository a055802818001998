"""Comparisons, bits and selection."""

import operator
from typing import Any

import numpy as np

from chainrule.errors import DtypeError
from chainrule.op import Refusal, Sample, discrete, piecewise, same_spec
from chainrule.ops.sampling import array, binary, misfits
from chainrule.spec import Spec, broadcast


def whole_numbers() -> list[Sample]:
    """Integers and bools in broadcasting shapes, and a number on either side."""
    x, y = (np.random.default_rng(seed).integers(0, 7, shape) for seed, shape in enumerate(((2, 3), (3,))))
    return [Sample((x, y)), Sample((x > 3, y > 3)), Sample((x, 3)), Sample((2, y.astype("int8"))), Sample((x[:0], y))]


def shifts() -> list[Sample]:
    """The same without bools, which have no bits to shift."""
    return [s for s in whole_numbers() if np.result_type(s.inputs[0]).kind != "b"]


def fractions() -> list[Refusal]:
    """What ops on bits refuse, besides shapes."""
    return [Refusal((array(3), array(3)), RuntimeError, "float64"), Refusal(misfits()[0].inputs, RuntimeError, "")]


def bits_spec(*inputs: Any) -> Spec:
    """As for arithmetic; a number with a fraction has no bits."""
    out = same_spec(*inputs)
    if out.dtype.kind not in "iub":
        raise DtypeError(f"the dtype is {out.dtype}, and only whole numbers and bools have bits; for a condition "
                         "compare first (x > 0)")
    return out


gt = discrete("gt", operator.gt, 2, infix=">", promotes="common", samples=binary, refuses=misfits)
ge = discrete("ge", operator.ge, 2, infix=">=", promotes="common", samples=binary, refuses=misfits)
lt = discrete("lt", operator.lt, 2, infix="<", promotes="common", samples=binary, refuses=misfits)
le = discrete("le", operator.le, 2, infix="<=", promotes="common", samples=binary, refuses=misfits)
eq = discrete("eq", operator.eq, 2, infix="==", promotes="common", samples=binary, refuses=misfits)
ne = discrete("ne", operator.ne, 2, infix="!=", promotes="common", samples=binary, refuses=misfits)

bitwise_not = discrete("bitwise_not", np.invert, spec=bits_spec, promotes="common", scalar=operator.invert,
                       samples=lambda: [Sample((s.inputs[0],)) for s in whole_numbers()[:3]],
                       refuses=lambda: [Refusal((array(3),), RuntimeError, "float64")])
bitwise_and = discrete("bitwise_and", np.bitwise_and, 2, spec=bits_spec, promotes="common", samples=whole_numbers,
                       scalar=lambda x, y: x & y, refuses=fractions)
bitwise_or = discrete("bitwise_or", np.bitwise_or, 2, spec=bits_spec, promotes="common", samples=whole_numbers,
                      scalar=lambda x, y: x | y, refuses=fractions)
bitwise_xor = discrete("bitwise_xor", np.bitwise_xor, 2, spec=bits_spec, promotes="common", samples=whole_numbers,
                       scalar=lambda x, y: x ^ y, refuses=fractions)
bitwise_left_shift = discrete("bitwise_left_shift", np.left_shift, 2, spec=bits_spec, promotes="common",
                              samples=shifts, scalar=lambda x, y: x << y, refuses=fractions)
bitwise_right_shift = discrete("bitwise_right_shift", np.right_shift, 2, spec=bits_spec, promotes="common",
                               samples=shifts, scalar=lambda x, y: x >> y, refuses=fractions)

where = piecewise("where", np.where, ([], [(lambda condition: condition, 1)],
                                      [(lambda condition: condition, 0), (None, 1)]),
                  inputs=("condition", "x", "y"), promotes="common", first=1,
                  scalar=lambda condition, x, y: x.where(condition, y),
                  spec=lambda c, x, y: Spec(broadcast(*(v.shape for v in (c, x, y) if hasattr(v, "shape"))),
                                            (x if hasattr(x, "dtype") else y).dtype),
                  samples=lambda: [Sample((s.inputs[0] > 0, *s.inputs)) for s in binary()[:-1]])
