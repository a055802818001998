"""Exponentials, logarithms, trigonometric and hyperbolic functions, and the error function."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.op import elementwise
from chainrule.ops.sampling import binary, misfits, unary

LN2, LN10 = math.log(2), math.log(10)


def sigmoid_of(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# erf on |x| <= NEAR as x · R(x²), and beyond as 1 - exp(-x²) · R(|x|), with the rational functions R of least error
# from W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969). From FAR on erf
# is 1 to the last bit of a double, so that Cody's third interval is not needed. Highest powers come first.
NEAR, FAR = 0.46875, 6.0
SMALL = ((1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
          3.20937758913846947e3),
         (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3))
LARGE = ((2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
          2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
          1.23033935479799725e3),
         (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
          3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3))


def ratio(x: Any, polynomials: Sequence[Sequence[float]]) -> Any:
    """One polynomial of x over another."""
    over, under = polynomials
    top, bottom = over[0], under[0]
    for a, b in zip(over[1:], under[1:], strict=True):
        top, bottom = top * x + a, bottom * x + b
    return top / bottom


def over_square(over: Any, x: Any, y: Any) -> Any:
    """``over`` / (x² + y²), 0 at the origin."""
    square = x * x + y * y
    return (over / square).masked_fill(square == 0, 0)


def erf_of(x: Any) -> Any:
    """erf of an array, within 2 units in the last place."""
    if x.dtype.itemsize == 2:
        return erf_of(x.astype("float32")).astype(x.dtype)
    size = np.minimum(np.abs(x), FAR)
    far = np.copysign(1 - np.exp(-size * size) * ratio(size, LARGE), x)
    return np.where(np.abs(x) <= NEAR, x * ratio(x * x, SMALL), far)


def erf_scalar(x: Any) -> Any:
    """The same for one element of a fused loop."""
    size = x.abs().minimum(FAR)
    far = 1 - (-size * size).exp() * ratio(size, LARGE)
    return (x * ratio(x * x, SMALL)).where(size <= NEAR, (-far).where(x < 0, far))


exp = elementwise("exp", np.exp, d=(lambda out: out,), samples=unary)
exp2 = elementwise("exp2", np.exp2, d=(lambda g, out: g * out * LN2,), samples=unary, scalar=lambda x: 2**x)
expm1 = elementwise("expm1", np.expm1, d=(lambda out: out + 1,), samples=unary)
log = elementwise("log", np.log, d=(lambda g, x: g / x,), samples=lambda: unary(0.2, 3.0))
log1p = elementwise("log1p", np.log1p, d=(lambda g, x: g / (x + 1),), samples=lambda: unary(-0.8, 3.0))
log2 = elementwise("log2", np.log2, d=(lambda g, x: g / (x * LN2),), samples=lambda: unary(0.2, 3.0))
log10 = elementwise("log10", np.log10, d=(lambda g, x: g / (x * LN10),), samples=lambda: unary(0.2, 3.0))
sqrt = elementwise("sqrt", np.sqrt, d=(lambda g, out: g / (2 * out),), samples=lambda: unary(0.2, 3.0))
sin = elementwise("sin", np.sin, d=(lambda x: x.cos(),), samples=unary)
cos = elementwise("cos", np.cos, d=(lambda x: -x.sin(),), samples=unary)
tan = elementwise("tan", np.tan, d=(lambda out: 1 + out * out,), samples=lambda: unary(-1.2, 1.2))
asin = elementwise("asin", np.arcsin, d=(lambda g, x: g / (1 - x * x).sqrt(),), samples=lambda: unary(-0.9, 0.9))
acos = elementwise("acos", np.arccos, d=(lambda g, x: -g / (1 - x * x).sqrt(),), samples=lambda: unary(-0.9, 0.9))
atan = elementwise("atan", np.arctan, d=(lambda g, x: g / (1 + x * x),), samples=unary)
atan2 = elementwise("atan2", np.arctan2, samples=binary, refuses=misfits, scalar=lambda x, y: x.atan2(y),
                    d=(lambda g, x, y: g * over_square(y, x, y), lambda g, x, y: g * over_square(-x, x, y)))
sinh = elementwise("sinh", np.sinh, d=(lambda x: x.cosh(),), samples=unary)
cosh = elementwise("cosh", np.cosh, d=(lambda x: x.sinh(),), samples=unary)
tanh = elementwise("tanh", np.tanh, d=(lambda out: 1 - out * out,), samples=unary)
asinh = elementwise("asinh", np.arcsinh, d=(lambda g, x: g / (1 + x * x).sqrt(),), samples=unary)
acosh = elementwise("acosh", np.arccosh, d=(lambda g, x: g / (x * x - 1).sqrt(),), samples=lambda: unary(1.2, 3.0))
atanh = elementwise("atanh", np.arctanh, d=(lambda g, x: g / (1 - x * x),), samples=lambda: unary(-0.9, 0.9))
sigmoid = elementwise("sigmoid", sigmoid_of, d=(lambda out: out * (1 - out),), samples=unary,
                      scalar=lambda x: 1 / (1 + (-x).exp()))
erf = elementwise("erf", erf_of, d=(lambda x: 2 / math.sqrt(math.pi) * (-x * x).exp(),), samples=unary,
                  scalar=lambda x: x.widened(erf_scalar))
