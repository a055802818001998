"""The logarithm, sine and cosine of float32, to the bit those of PyTorch's vector code for normal numbers.

They are the polynomials of S. L. Moshier's Cephes library (logf, sinf, cosf), with a fused multiply-add wherever a
product is added to something, as compilers contract it for processors with AVX2. NumPy has no such operation; float64
holds the product of two float32 exactly, so that adding and rounding there comes to the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.generator.rounding import SINGLE, Array

F = SINGLE.type
ROOT_HALF = F(0.707106781186547524)
LOG = [F(c) for c in (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                      -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)]
LN2_HIGH, LN2_LOW = F(0.693359375), F(-2.12194440e-4)  # ln 2 in two parts, the first of few bits
QUARTER = [F(c) for c in (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)]  # −π/4 in three
SINE = [F(c) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
COSINE = [F(c) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)]
OVER_QUARTER = F(1.27323954473516)  # 4 / π


def fused(x: Any, y: Any, z: Any) -> Array:
    """x · y + z, rounded once."""
    out = np.multiply(x, y, dtype=np.float64)
    out += z
    rounded: Array = out.astype(SINGLE)
    return rounded


def polynomial(x: Array, coefficients: Sequence[Any]) -> Array:
    """By Horner's rule, the highest power first."""
    total: Array = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = fused(total, x, c)
    return total


def log(x: Array) -> Array:
    """log of positive normal numbers: the mantissa m in [√½, √2) by a polynomial of m − 1, the exponent times ln 2."""
    bits = x.view(np.int32)
    exponent = ((bits >> 23) - 126).astype(SINGLE)
    mantissa = ((bits & 0x7FFFFF) | 0x3F000000).view(SINGLE)
    small = mantissa < ROOT_HALF
    exponent -= small
    m = mantissa - 1 + np.where(small, mantissa, F(0))
    square = m * m
    y = fused(polynomial(m, LOG) * m, square, exponent * LN2_LOW)
    return fused(exponent, LN2_HIGH, m + fused(-square, F(0.5), y))


def sine_and_cosine(x: Array) -> tuple[Array, Array]:
    """sin and cos of angles that are not negative: of what is left beside a multiple of π/2, signs by quadrant."""
    octant = ((x * OVER_QUARTER).astype(np.int32) + 1) & ~1
    turns = octant.astype(SINGLE)
    for part in QUARTER:
        x = fused(turns, part, x)
    square = x * x
    cosine = fused(polynomial(square, COSINE) * square, square, -(square * F(0.5))) + F(1)
    sine = fused(polynomial(square, SINE) * square, x, x)
    swapped = (octant & 2) != 0
    return (np.where(swapped, cosine, sine) * np.where(octant & 4, F(-1), F(1)),
            np.where(swapped, sine, cosine) * np.where((octant - 2) & 4, F(1), F(-1)))
