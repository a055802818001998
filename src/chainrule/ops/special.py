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
    if n < 2 and (x < 0).any():  # by reflection
        turn = math.pi * x
        other = np.where(x < 0, 1 - x, x)
        value = polygamma_of(other, n)
        held = np.where(x < 0, turn, 1.0)
        mirrored = value - math.pi / np.tan(held) if n == 0 else (math.pi / np.sin(held)) ** 2 - value
        return np.where(x < 0, np.where(x == np.floor(x), np.nan if n == 0 else np.inf, mirrored), value)
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


def xlogy_of(x: Any, y: Any) -> Any:
    """x log y, 0 where x is 0 and y no NaN."""
    logs = np.log(y) if hasattr(y, "dtype") else float(np.log(y))
    return np.where((x == 0) & (y == y), 0 * x, x * logs)


def probabilities() -> list[Sample]:
    return unary(-0.9, 0.9)


erfc = elementwise("erfc", in_double(erfc_of), d=(lambda g, x: -2 / ROOT_PI * (-x * x).exp() * g,), samples=unary,
                   scalar=lambda x: 1 - x.widened(erf_scalar))
erfinv = elementwise("erfinv", in_double(erfinv_of), d=(lambda g, out: g * (ROOT_PI / 2 * (out * out).exp()),),
                     samples=probabilities, scalar=None)
lgamma = elementwise("lgamma", in_double(lgamma_of), d=(lambda g, x: g * x.digamma(),), scalar=None,
                     samples=lambda: unary(0.3, 6.0))
polygamma = general("polygamma", in_double(polygamma_of), vjp=(lambda g, x, n: g * x.polygamma(n + 1),),
                    spec=lambda x, n: Spec(x.shape, x.dtype), promotes="float",
                    samples=lambda: [Sample((array(*shape, low=0.3, high=6.0),), {"n": n})
                                     for shape in ((), (3,), (0,)) for n in (0, 1, 2)])

logaddexp = elementwise("logaddexp", np.logaddexp, samples=binary, refuses=misfits,
                        d=(lambda x, y: (x - y).sigmoid(), lambda x, y: (y - x).sigmoid()),
                        scalar=lambda x, y: x.maximum(y) + (1 + (-(x - y).abs()).exp()).log())
hypot = elementwise("hypot", np.hypot, d=(lambda g, x, out: g * (x / out), lambda g, y, out: g * (y / out)),
                    samples=binary, refuses=misfits, scalar=None)
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
gcd = discrete("gcd", np.gcd, 2, spec=bits_spec, promotes="common", samples=lambda: whole_numbers()[::2], scalar=None,
               refuses=fractions)
lcm = discrete("lcm", np.lcm, 2, spec=bits_spec, promotes="common", samples=lambda: whole_numbers()[::2], scalar=None,
               refuses=fractions)
