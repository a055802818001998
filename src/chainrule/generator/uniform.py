"""Draws that turn one uniform number into one value."""

import math

import numpy as np
import numpy.typing as npt

from chainrule.generator.engine import Engine
from chainrule.generator.rounding import DOUBLE, Array, Shape, accumulator, each, floating, fma, numel, rounded


class Uniform(Engine):
    """Uniform numbers, and what inverting a distribution function makes of them."""

    def rand(self, shape: Shape, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, uniform in [0, 1): 24 random bits a value in float32, 53 in float64."""
        kind = floating("rand", dtype)
        if kind == np.float16:
            return self.uniform(shape, 0.0, 1.0, kind)
        return self._unit(numel("rand", shape), kind).reshape(shape)

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, uniform in [low, high).

        Raises RuntimeError if low > high, or if a bound or high − low is beyond the numbers of `dtype`.

        >>> from chainrule.generator import Generator
        >>> Generator(0).uniform((3,), -1, 1)
        array([-0.00748682,  0.5364436 , -0.82304513], dtype=float32)
        """
        kind = floating("uniform", dtype)
        wide = accumulator(kind)
        if not low <= high:
            raise RuntimeError(f"uniform: low {low} must not be above high {high}; values are drawn from [low, high)")
        with np.errstate(over="ignore", invalid="ignore"):
            start, width = wide.type(low), wide.type(high) - wide.type(low)
            first, last = kind.type(low), kind.type(high)
            if not np.isfinite(last - first):
                raise RuntimeError(f"uniform: [{low}, {high}) is wider than {kind} can hold; choose closer bounds")
        units = self._unit(numel("uniform", shape), wide)
        values = rounded(fma(units, width, start), kind)
        values[values == last] = first  # where rounding reached the excluded bound
        return values.reshape(shape)

    def exponential(self, shape: Shape, lambd: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, exponential with mean 1/lambd. Raises RuntimeError unless lambd > 0."""
        kind = floating("exponential", dtype)
        if not lambd > 0:
            raise RuntimeError(f"exponential: the rate lambd must be above 0, got {lambd}; for mean m pass 1/m")
        units = self._unit(numel("exponential", shape), np.dtype(np.float64))
        logs = each(math.log1p, -units) if kind == DOUBLE else np.log1p(-units)
        return rounded(logs * (-1.0 / lambd), kind).reshape(shape)

    def bernoulli(self, p: float | Array, shape: Shape, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape` that is 1 with probability `p`, else 0; `p` is one number or an array of `shape`.

        Raises RuntimeError if a probability is outside [0, 1].

        >>> from chainrule.generator import Generator
        >>> Generator(0).bernoulli(0.5, (4,), np.bool_)
        array([False, False,  True, False])
        """
        wide = accumulator(floating("bernoulli", p.dtype)) if isinstance(p, np.ndarray) else np.dtype(np.float64)
        chance = np.asarray(p, wide)
        wrong = chance[~((chance >= 0) & (chance <= 1))]
        if wrong.size:
            raise RuntimeError(f"bernoulli: p must be in [0, 1], got {wrong[0]}; of logits, take the sigmoid first")
        if chance.shape not in ((), shape):
            raise RuntimeError(f"bernoulli: p of shape {chance.shape} is not of shape {shape}; expand p first")
        hits = self._unit(numel("bernoulli", shape), wide) < chance.reshape(-1)
        return hits.astype(dtype).reshape(shape)

    def geometric(self, shape: Shape, p: float, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape` of how many trials a first success takes, each with probability `p`.

        Raises RuntimeError unless 0 < p < 1.
        """
        if not 0 < p < 1:
            raise RuntimeError(f"geometric: expects p to be in (0, 1), but got p={p}")
        units = self._unit(numel("geometric", shape), DOUBLE)
        return np.ceil(each(_log, units) / math.log(1 - p)).astype(dtype).reshape(shape)

    def cauchy(self, shape: Shape, median: float = 0.0, sigma: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, Cauchy around `median`. Raises RuntimeError unless sigma > 0."""
        kind = floating("cauchy", dtype)
        if not sigma > 0:
            raise RuntimeError(f"cauchy: expects sigma > 0.0, but found sigma={sigma}")
        units = self._unit(numel("cauchy", shape), DOUBLE)
        return rounded(fma(each(math.tan, math.pi * (units - 0.5)), sigma, median), kind).reshape(shape)


def _log(u: float) -> float:
    return math.log(u) if u else -math.inf
