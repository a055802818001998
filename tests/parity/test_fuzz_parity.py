"""The random programs of tests/test_fuzz.py under torch: the same values, dtypes, gradients and refusals."""

import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from programs import programs

import chainrule

OTHERWISE = "modified by an inplace operation", "is the output of a function that returns multiple views"
"""What is refused because of what a rule has saved: a composed word saves other things than one kernel of PyTorch's."""
BOUNDS = {"float32": 1e-5, "float64": 1e-12}


def outcome(program, module):
    """What every tensor and every gradient is; or the exception."""
    leaves = program.tensors(module)
    try:
        tensors = program.function(module)(*leaves)
        ends = [t for t in tensors[len(leaves):] if t.requires_grad]
        rng = np.random.default_rng(7)
        starts = [module.tensor(rng.uniform(0.5, 1.5, tuple(t.shape))).to(t.dtype) for t in ends]
        module.autograd.backward(ends, starts) if ends else None
    except Exception as error:
        return error
    return [*tensors, *(leaf.grad for leaf in leaves)]


def compared(program):
    theirs, ours = outcome(program, torch), outcome(program, chainrule)
    if any(isinstance(found, Exception) and word in str(found) for found in (ours, theirs) for word in OTHERWISE):
        return "saves otherwise"
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), f"torch raises {theirs!r}, here {ours!r}"
        return "raises"
    if isinstance(ours, Exception):
        raise ours
    sizes = [t.detach().abs().double() for t in theirs if t is not None]
    size = max([1.0, *(s[s.isfinite()].max().item() for s in sizes if s.isfinite().any())])
    if any(s.isnan().any() for s in sizes):  # which kernels of PyTorch let a NaN through to a gradient differs
        ours, theirs = ours[: -len(program.leaves)], theirs[: -len(program.leaves)]
    bound = max(BOUNDS.get(str(t.dtype).split(".")[1], 0) for t in theirs if t is not None)
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert (a is None) == (b is None), f"number {k}: {a}, torch: {b}"
        if b is not None:
            told = [(str(t.dtype).split(".")[1], tuple(t.shape), t.requires_grad) for t in (a, b)]
            assert told[0] == told[1], f"number {k}: here {told[0]}, torch {told[1]}"
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=bound, atol=bound * size,
                                       err_msg=f"number {k}")  # fmt: skip
    return "runs"


@pytest.mark.parametrize("chunk", range(3))
def test_random_programs(chunk):
    tally = Counter()

    @seed(chunk)
    @settings(max_examples=50, suppress_health_check=list(HealthCheck))
    @given(programs())
    def check(program):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tally[compared(program)] += 1

    check()
    assert tally["runs"] > tally["raises"], tally
    assert tally["saves otherwise"] <= 5, tally
