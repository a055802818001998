"""What is checked of a draw, and arithmetic rounded as PyTorch's build rounds it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def each(function: Callable[[float], float], x: Array) -> Array:
    """A function of `math`'s, element by element. NumPy's own differ from the C library's in the last bit, some 1 in 20
    numbers on some processors."""
    return np.fromiter(map(function, x.ravel().tolist()), DOUBLE, x.size).reshape(x.shape)


def numel(verb: str, shape: Shape) -> int:
    if shape and min(shape) < 0:
        raise RuntimeError(f"{verb}: shape {shape} has a negative size; every size must be 0 or more")
    return math.prod(shape)


def floating(verb: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64, np.float16):
        raise NotImplementedError(f"{verb}: {kind} is not supported; use float16, float32 or float64")
    return kind


def accumulator(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype PyTorch computes `kind` in."""
    return np.dtype(np.float64 if kind == np.float64 else np.float32)


def rounded(values: Array, kind: np.dtype[Any]) -> Array:
    # From float64, float16 by way of float32 is not always the nearest, but it is PyTorch's.
    return values.astype(accumulator(kind), copy=False).astype(kind, copy=False)


def two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """Return a + b rounded, and what the rounding lost (Knuth, TAOCP vol. 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def odd_sum(a: Array, b: Array | float) -> Array:
    """Return a + b, where inexact rounded to the neighbour whose last bit is 1, so that rounding again is safe."""
    total, lost = two_sum(a, b)
    bits = total.view(np.int64)
    step = np.where((lost > 0) == (total > 0), 1, -1)
    odd: Array = bits + step * ((lost != 0) & (bits & 1 == 0))
    return odd.view(np.float64)


def fma(x: Array, scale: float, shift: float) -> Array:
    """Return x · scale + shift rounded once (Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008).

    So do PyTorch's builds for processors with a fused multiply-add; NumPy has none. `scale` and `shift` are rounded to
    the dtype of `x`, float32 or float64, first.
    """
    scale, shift = float(x.dtype.type(scale)), float(x.dtype.type(shift))
    mantissa, exponent = math.frexp(scale)
    if shift == 0 or mantissa in (0, 0.5) or not math.isfinite(scale + shift):  # nothing to add, or an exact product
        return x * scale + shift
    if x.dtype == np.float32:
        return odd_sum(x.astype(np.float64) * scale, shift).astype(np.float32)
    scale_head = math.ldexp(math.floor(mantissa * 2**26), exponent - 26)
    scale_tail = scale - scale_head
    spread = x * (2.0**27 + 1)
    head = spread - (spread - x)
    tail = x - head
    product = x * scale
    lost = tail * scale_tail - (((product - head * scale_head) - tail * scale_head) - head * scale_tail)
    low, low_rest = two_sum(lost, shift)
    high, high_rest = two_sum(product, low)
    return high + odd_sum(low_rest, high_rest)
