"""The logarithm, sine and cosine of float32, to the bit those of PyTorch's vector code for normal numbers.

They are the polynomials of S. L. Moshier's Cephes library (logf, sinf, cosf), with a fused multiply-add wherever a
product is added to something, as compilers contract it for processors with AVX2. NumPy has no such operation. But the
product of two float32 is a float64 exactly, so all values here are float64 that float32 can hold, and what float32
would round is computed in float64 and rounded to float32.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.generator.rounding import DOUBLE, SINGLE, Array

Numbers = Sequence[float]
ROOT_HALF, OVER_QUARTER, LN2_HIGH, LN2_LOW = (  # ln 2 in two parts, the first of few bits; and 4 / π
    float(SINGLE.type(c)) for c in (0.707106781186547524, 1.27323954473516, 0.693359375, -2.12194440e-4))
LOG, QUARTER, SINE, COSINE = ([float(SINGLE.type(c)) for c in numbers] for numbers in (
    (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
     2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8),  # −π/4 in three parts
    (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1),
    (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)))


def rounded(x: Any) -> Array:
    """The nearest float32, as float64."""
    near: Array = x.astype(SINGLE).astype(DOUBLE)
    return near


def polynomial(x: Array, coefficients: Numbers) -> Array:
    """By Horner's rule, the highest power first."""
    total: Any = coefficients[0]
    for c in coefficients[1:]:
        total = rounded(total * x + c)
    return total  # type: ignore[no-any-return]


def log(x: Array) -> Array:
    """log of positive normal numbers: the mantissa m in [√½, √2) by a polynomial of m − 1, the exponent times ln 2."""
    bits = x.astype(SINGLE).view(np.int32)
    exponent = ((bits >> 23) - 126).astype(DOUBLE)
    mantissa = ((bits & 0x7FFFFF) | 0x3F000000).view(SINGLE).astype(DOUBLE)
    small = mantissa < ROOT_HALF
    exponent -= small
    m = rounded(mantissa - 1 + np.where(small, mantissa, 0))
    square = rounded(m * m)
    y = rounded(rounded(polynomial(m, LOG) * m) * square + rounded(exponent * LN2_LOW))
    return rounded(exponent * LN2_HIGH + rounded(m + rounded(square * -0.5 + y)))


def sine_and_cosine(x: Array) -> tuple[Array, Array]:
    """sin and cos of angles that are not negative: of what is left beside a multiple of π/2, signs by quadrant."""
    octant = (rounded(x * OVER_QUARTER).astype(np.int32) + 1) & ~1
    turns = octant.astype(DOUBLE)
    for part in QUARTER:
        x = rounded(turns * part + x)
    square = rounded(x * x)
    cosine = rounded(rounded(rounded(polynomial(square, COSINE) * square) * square - square * 0.5) + 1)
    sine = rounded(rounded(polynomial(square, SINE) * square) * x + x)
    swapped = (octant & 2) != 0
    return (np.where(swapped, cosine, sine) * np.where(octant & 4, -1.0, 1.0),
            np.where(swapped, sine, cosine) * np.where((octant - 2) & 4, 1.0, -1.0))
