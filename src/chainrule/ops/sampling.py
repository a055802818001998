"""Sample inputs: small float64 arrays, the same on every call, away from kinks unless asked for."""

from typing import Any

import numpy as np

from chainrule.op import Refusal, Sample

SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (0,), (2, 1, 3))
PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 2)),
    ((0, 3), (1, 3)),
)


def array(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Any:
    """Uniform numbers, at least 0.05 away from 0."""
    values = np.random.default_rng([seed, *shape]).uniform(low, high, shape)
    return np.where(np.abs(values) < 0.05, 0.05, values)


def unary(low: float = -2.0, high: float = 2.0) -> list[Sample]:
    return [Sample((array(*shape, low=low, high=high),)) for shape in SHAPES]


def binary(low: float = -2.0, high: float = 2.0) -> list[Sample]:
    """Pairs of broadcasting shapes, and a number on either side."""
    pairs = [Sample((array(*a, low=low, high=high), array(*b, low=low, high=high, seed=1))) for a, b in PAIRS]
    return [*pairs, Sample((array(2, 3, low=low, high=high), 2.0)), Sample((1.5, array(3, low=low, high=high)))]


def misfits() -> list[Refusal]:
    """What every broadcasting op of two inputs refuses."""
    return [Refusal((array(3), array(4)), RuntimeError, "do not fit"),
            Refusal((array(2, 3), array(3, 2)), RuntimeError, "[2, 3] and [3, 2]")]
