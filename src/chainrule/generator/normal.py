"""Normal draws: pairs by Box and Muller below 16 values, blocks of 16 from there on."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.generator import single
from chainrule.generator.rounding import DOUBLE, SINGLE, Array, Shape, accumulator, each, floating, fma, numel, rounded
from chainrule.generator.uniform import Uniform

_BLOCK = 1 << 14
"""So many numbers are made at a time: what they pass through stays in the cache."""


class Normal(Uniform):
    """Normal numbers, and exponentials of them."""

    def randn(self, shape: Shape, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, standard normal.

        >>> from chainrule.generator import Generator
        >>> Generator(0).randn((3,))
        array([ 1.5409961, -0.2934289, -2.1787894], dtype=float32)
        """
        return self._normal("randn", shape, 0.0, 1.0, dtype)

    def normal(self, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: npt.DTypeLike = np.float32,
               blocks: bool = True) -> Array:
        """Return an array of `shape`, normal around `mean`; in pairs whatever its size without `blocks`.

        Raises RuntimeError if std is negative.
        """
        if not std >= 0:
            raise RuntimeError(f"normal: std {std} must be 0 or more; of a logarithm, pass exp(log_std)")
        return self._normal("normal", shape, mean, std, dtype, blocks)

    def log_normal(self, shape: Shape, mean: float = 1.0, std: float = 2.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape` of exponentials of normals, which PyTorch always draws in pairs."""
        kind = floating("log_normal", dtype)
        normals = self._normal_pairs(numel("log_normal", shape))
        return rounded(each(math.exp, fma(normals, std, mean)), kind).reshape(shape)

    def _normal(self, verb: str, shape: Shape, mean: float, std: float, dtype: npt.DTypeLike,
                blocks: bool = True) -> Array:
        n, kind = numel(verb, shape), floating(verb, dtype)
        values: Array = self._normal_pairs(n) if n < 16 or not blocks else self._normal_blocks(n, kind)
        return rounded(fma(values, std, mean), kind).reshape(shape)

    def _normal_pairs(self, n: int) -> npt.NDArray[np.float64]:
        """Return n standard normals; of an odd number, the second of the last pair waits for the next call."""
        values = [] if self._next_normal is None else [self._next_normal]
        uniforms = self._unit((n - len(values) + 1) // 2 * 2, DOUBLE).tolist()
        for u, v in zip(uniforms[0::2], uniforms[1::2], strict=True):
            radius, theta = math.sqrt(-2.0 * math.log1p(-v)), math.tau * u
            values += radius * math.cos(theta), radius * math.sin(theta)
        self._next_normal = values[n] if len(values) > n else None
        return np.array(values[:n], DOUBLE)

    def _normal_blocks(self, n: int, kind: np.dtype[Any]) -> Array:
        """Return n >= 16 standard normals, in blocks of 16; where a block is incomplete, the last 16 are drawn anew."""
        rest = n % 16
        whole = n - rest
        unused = 0 if kind == np.float16 else rest  # PyTorch draws these and overwrites them, but not in float16
        uniforms = self._unit(whole + unused + (16 if rest else 0), accumulator(kind))
        values = np.empty(n, uniforms.dtype)
        values[:whole] = _box_muller(uniforms[:whole])
        if rest:
            values[-16:] = _box_muller(uniforms[-16:])
        return values


def _box_muller(uniforms: Array) -> Array:
    """Turn each 16 uniforms into 16 normals: 8 radii, then 8 angles, become 8 cosine, then 8 sine parts."""
    if uniforms.size > _BLOCK:
        return np.concatenate([_box_muller(uniforms[k : k + _BLOCK]) for k in range(0, uniforms.size, _BLOCK)])
    pairs = uniforms.reshape(-1, 2, 8)
    rest, turn = 1 - pairs[:, 0], pairs[:, 1]
    if uniforms.dtype == DOUBLE:
        radius, theta = np.sqrt(-2.0 * each(math.log, rest)), math.tau * turn
        sine, cosine = each(math.sin, theta), each(math.cos, theta)
    else:
        radius = single.rounded(np.sqrt(-2 * single.log(rest)))
        sine, cosine = single.sine_and_cosine((SINGLE.type(math.tau) * turn).astype(DOUBLE))
    values: Array = np.stack((radius * cosine, radius * sine), axis=1).astype(uniforms.dtype).reshape(-1)
    return values
