"""Functions named after people and places: the error function's relatives, gamma's, and sums of exponentials."""

import math
from typing import Any

import numpy as np

from chainrule.op import Sample, discrete, elementwise, general
from chainrule.ops.arithmetic import log_of
from chainrule.ops.comparison import bits_spec, fractions, whole_numbers
from chainrule.ops.elementary import LARGE, NEAR, erf_of, erf_scalar, ratio
from chainrule.ops.sampling import array, binary, misfits, unary
from chainrule.spec import Spec

ROOT_PI = math.sqrt(math.pi)
# Beyond 4 erfc is exp(-x²) / x · (1 / √π - R(1 / x²) / x²), R from Cody as cited in ops/elementary.py.
TAIL = ((1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
         1.60837851487422766e-2, 6.58749161529837803e-4),
        (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
         2.33520497626869185e-3))
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
FAR = 12.0
"""From here on the asymptotic series of the polygamma functions is exact to the last bits."""


def in_double(function: Any) -> Any:
    """A function of float64 arrays, for the other floating dtypes too."""
    return lambda x, **params: function(x.astype("float64"), **params).astype(x.dtype)


def erfc_of(x: Any) -> Any:
    """1 − erf x, also where that is tiny."""
    size = np.clip(np.abs(x), NEAR, 30)
    square = 1 / np.maximum(size, 1) ** 2
    tail = (1 / ROOT_PI - square * ratio(square, TAIL)) / size
    head = np.trunc(size * 16) / 16  # exp(-x²) in two steps, since x² loses digits that count
    small = np.exp(-head * head) * np.exp((head - size) * (head + size)) * np.where(size > 4, tail, ratio(size, LARGE))
    return np.where(np.abs(x) < NEAR, 1 - erf_of(x), np.where(x < 0, 2 - small, small))


def erfc_scalar(x: Any) -> Any:
    """The same for one element of a fused loop."""
    size = x.abs().maximum(NEAR).minimum(30)
    square = 1 / size.maximum(1) ** 2
    tail = (1 / ROOT_PI - square * ratio(square, TAIL)) / size
    head = (size * 16).trunc() / 16
    small = (-head * head).exp() * ((head - size) * (head + size)).exp() * tail.where(size > 4, ratio(size, LARGE))
    return (1 - erf_scalar(x)).where(x.abs() < NEAR, (2 - small).where(x < 0, small))


def erfinv_of(y: Any) -> Any:
    """The x whose erf is y: S. Winitzki's first guess, then Halley's method."""
    logs = np.log1p(-y * y)
    middle = 2 / (math.pi * 0.147) + logs / 2
    x = np.copysign(np.sqrt(np.sqrt(middle**2 - logs / 0.147) - middle), y)
    for _ in range(3):
        away = np.where(y < 0, erfc_of(-x) - (1 + y), (1 - y) - erfc_of(x))
        slope = away / (2 / ROOT_PI * np.exp(-x * x))
        x = x - slope / (1 + x * slope)
    return np.where(np.abs(y) < 1, x, np.where(np.abs(y) == 1, y * np.inf, np.nan))


def erfinv_scalar(y: Any) -> Any:
    """The same for one element of a fused loop: of its size, and then the sign."""
    size = y.abs()
    logs = (-size * size).log1p()
    middle = 2 / (math.pi * 0.147) + logs / 2
    x = ((middle * middle - logs / 0.147).sqrt() - middle).sqrt()
    for _ in range(3):
        slope = ((1 - size) - erfc_scalar(x)) / (2 / ROOT_PI * (-x * x).exp())
        x = x - slope / (1 + x * slope)
    return (-x).where(y < 0, x).where(size < 1, y / (1 - size))


def lgamma_of(x: Any) -> Any:
    """log |Γ(x)|, ∞ at the poles."""
    whole = (x <= 0) & (x == np.floor(x)) | np.isinf(x)
    inside = np.where(whole, 1.0, x)
    found = np.fromiter(map(math.lgamma, inside.ravel().tolist()), np.float64, x.size).reshape(x.shape)
    return np.where(whole, np.inf, found)


def polygamma_of(x: Any, n: int) -> Any:
    """The (n + 1)-th derivative of log Γ: by the recurrence up to where its asymptotic series holds.

    Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 6.3.18, 6.4.6, 6.4.7, 6.4.11.
    """
    if (x < 0).any():  # by reflection
        value, turn = polygamma_of(np.where(x < 0, 1 - x, x), n), np.where(x < 0, x - np.floor(x), 0.5)
        mirrored = (-1.0) ** n * value - math.pi ** (n + 1) * cot_derivative(1 / np.tan(math.pi * turn), n)
        return np.where(x < 0, np.where(turn == 0, pole(n), mirrored), value)
    sign, total, z = (-1.0) ** (n + 1) * math.factorial(n), np.zeros_like(x), x.copy()
    while (low := z < FAR).any() and np.isfinite(total).any():
        total = np.where(low, total + z ** -(n + 1.0), total)
        z = np.where(low, z + 1, z)
    if n == 0:
        series = np.log(z) - 0.5 / z - sum(b / (2 * k * z ** (2.0 * k)) for k, b in enumerate(BERNOULLI, 1))
        return series - np.where(total == 0, 0, total)
    terms = sum(b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) * z ** -(2.0 * k + n)
                for k, b in enumerate(BERNOULLI, 1))
    series = math.factorial(n - 1) * z ** -float(n) + math.factorial(n) / 2 * z ** -(n + 1.0) + terms
    return -(-1.0) ** n * series + sign * total


def polygamma_scalar(x: Any, n: int) -> Any:
    """The same for one element of a fused loop, the recurrence written out."""
    turn = x - x.floor()
    z = (1 - x).where(x < 0, x)
    total = x * 0
    for _ in range(int(FAR)):
        low = z < FAR
        total = (total + z ** -(n + 1.0)).where(low, total)
        z = (z + 1).where(low, z)
    inverse = 1 / (z * z)
    if n == 0:
        series = z.log() - 0.5 / z - polynomial(inverse, [b / (2 * k) for k, b in enumerate(BERNOULLI, 1)]) * inverse
        value = series - total
    else:
        factors = [b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) for k, b in enumerate(BERNOULLI, 1)]
        terms = math.factorial(n - 1) + math.factorial(n) / 2 / z + polynomial(inverse, factors) * inverse
        value = (-1.0) ** (n + 1) * (terms * z ** -float(n) + math.factorial(n) * total)
    mirrored = (-1.0) ** n * value - math.pi ** (n + 1) * cot_derivative(1 / (turn * math.pi).tan(), n)
    return (turn * 0 + pole(n)).where(turn == 0, mirrored).where(x < 0, value)


def pole(n: int) -> float:
    """The value at the whole numbers below 0."""
    return -((-1.0) ** n) * math.inf if n else math.nan


def cot_derivative(c: Any, n: int) -> Any:
    """dⁿ cot(u) / duⁿ as the polynomial in c = cot(u) that it is, since dc/du = -(1 + c²)."""
    q = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        q = q.deriv() * np.polynomial.Polynomial([-1.0, 0.0, -1.0])
    return polynomial(c, q.coef.tolist())


def polynomial(x: Any, coefficients: list[float]) -> Any:
    """Σ coefficients[k] · xᵏ by Horner's rule."""
    total = x * 0 + coefficients[-1]
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def xlogy_of(x: Any, y: Any) -> Any:
    """x log y, 0 where x is 0 and y no NaN."""
    logs = np.log(y) if hasattr(y, "dtype") else float(np.log(y))
    return np.where((x == 0) & (y == y), 0 * x, x * logs)


def probabilities() -> list[Sample]:
    return unary(-0.9, 0.9)


erfc = elementwise("erfc", in_double(erfc_of), d=(lambda g, x: -2 / ROOT_PI * (-x * x).exp() * g,), samples=unary,
                   scalar=lambda x: x.in_double(erfc_scalar))
erfinv = elementwise("erfinv", in_double(erfinv_of), d=(lambda g, out: g * (ROOT_PI / 2 * (out * out).exp()),),
                     samples=probabilities, scalar=lambda x: x.in_double(erfinv_scalar))
lgamma = elementwise("lgamma", in_double(lgamma_of), d=(lambda g, x: g * x.digamma(),),
                     scalar=lambda x: x.in_double(lambda wide: wide.lgamma()), samples=lambda: unary(0.3, 6.0))
polygamma = general("polygamma", in_double(polygamma_of), vjp=(lambda g, x, n: g * x.polygamma(n + 1),),
                    spec=lambda x, n: Spec(x.shape, x.dtype), promotes="float",
                    scalar=lambda x, n: x.in_double(lambda wide: polygamma_scalar(wide, n)),
                    samples=lambda: [Sample((array(*shape, low=0.3, high=6.0),), {"n": n})
                                     for shape in ((), (3,), (0,)) for n in (0, 1, 2)])

logaddexp = elementwise("logaddexp", np.logaddexp, samples=binary, refuses=misfits,
                        d=(lambda x, y: (x - y).sigmoid(), lambda x, y: (y - x).sigmoid()),
                        scalar=lambda x, y: x.maximum(y) + (1 + (-(x - y).abs()).exp()).log())
hypot = elementwise("hypot", np.hypot, d=(lambda g, x, out: g * (x / out), lambda g, y, out: g * (y / out)),
                    samples=binary, refuses=misfits, scalar=lambda x, y: x.hypot(y))
copysign = elementwise("copysign", np.copysign, d=(lambda x, out: (out / x).masked_fill(x == 0, 0), 0), samples=binary,
                       refuses=misfits, scalar=lambda x, y: (-x.abs()).where((y < 0) | (1 / y < 0), x.abs()))
logit = elementwise("logit", lambda x: np.log(x / (1 - x)), samples=lambda: unary(0.2, 0.8),
                    d=(lambda g, x: (g / (x * (1 - x))).masked_fill((x < 0) | (x > 1), math.nan),),
                    scalar=lambda x: (x / (1 - x)).log())
xlogy = elementwise("xlogy", xlogy_of, samples=lambda: binary(0.3, 2.0), refuses=misfits,
                    d=(lambda g, x, y, out: (g * log_of(y, out)).masked_fill((x == 0) & (y <= 0), 0),
                       lambda g, x, y: g * x / y),
                    scalar=lambda x, y: (x * y.log()).where((x != 0) | (y != y), x.abs()))
signbit = discrete("signbit", np.signbit, promotes="common", samples=unary,
                   scalar=lambda x: (x < 0) | (1 / x < 0))
gcd = discrete("gcd", np.gcd, 2, spec=bits_spec, promotes="common", samples=lambda: whole_numbers()[::2],
               scalar=lambda x, y: x.gcd(y), refuses=fractions)
lcm = discrete("lcm", np.lcm, 2, spec=bits_spec, promotes="common", samples=lambda: whole_numbers()[::2],
               scalar=lambda x, y: x.abs()._of("quotient", x.gcd(y)) * y.abs(), refuses=fractions)
