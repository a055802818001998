"""Random programs: what runs eagerly, on tensors, interpreted and natively gives the same values and gradients.

300 programs; the environment variable CHAINRULE_FUZZ sets another number (`make nightly`: 5,000).
"""

import os
import warnings
from collections import Counter
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from programs import programs

import chainrule as torch
from chainrule.compiler.loops import Nest
from chainrule.compiler.scalar import HEAVY, OPERATIONS
from chainrule.errors import TraceError
from chainrule.op import Op

COUNT, CHUNKS = int(os.environ.get("CHAINRULE_FUZZ", "300")), 6
NATIVE = find_spec("llvmlite") is not None
FEW = 40  # elements that may be interpreted
BOUNDS = {"float32": 1e-5, "float64": 1e-12}


def gradients(tensors, leaves, cotangents, **how):
    """Of all results that depend on a leaf, by the leaves that ask for one."""
    ends = [t for t in tensors[len(leaves):] if t.requires_grad]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    if not ends:
        return [None] * len(wanted)
    return list(torch.autograd.grad(ends, wanted, cotangents, allow_unused=True, **how))


def cotangents_of(tensors, leaves):
    """A number per element, unlike its neighbours."""
    rng = np.random.default_rng(7)
    ends = [t for t in tensors[len(leaves):] if t.requires_grad]
    dtypes = [str(t.dtype).split(".")[1] for t in ends]
    return [torch.tensor(rng.uniform(0.5, 1.5, tuple(t.shape)).astype(d)) for t, d in zip(ends, dtypes)]


def seen(tensors):
    return [None if t is None else np.array(t.detach().numpy()) for t in tensors]


def eagerly(program, **how):
    """Values and gradients; or the exception."""
    try:
        leaves = program.tensors(torch)
        tensors = program.function(torch)(*leaves)
        return seen([*tensors, *gradients(tensors, leaves, cotangents_of(tensors, leaves), **how)])
    except Exception as error:
        return error


def compiled(program, native):
    """The same by one call of a compiled step, and the step."""
    leaves = program.tensors(torch)
    function = program.function(torch)
    cotangents = cotangents_of(function(*program.tensors(torch)), leaves)

    def step(*given):
        leaves, cotangents = given[: len(program.leaves)], given[len(program.leaves):]
        tensors = function(*leaves)
        return [None if t is None else t.clone() for t in (*tensors, *gradients(tensors, leaves, cotangents))]

    run = torch.compile(step, native=native)
    return seen(run(*leaves, *cotangents)), run


def exact(step):
    """Whether a compiled step computes everything as NumPy does: no sums, no series."""
    (variant,) = step.variants
    return all(isinstance(s, Nest) and not any(store.fold for store in s.stores)
               and not any(n.op in OPERATIONS and OPERATIONS[n.op][1] >= HEAVY for n in s.nodes)
               for s in variant.kernel.program.steps) and not any(reduces(v) for v in variant.graph.values)  # fmt: skip


def reduces(value):
    """Whether it may be added up in another order than NumPy's, written out or not."""
    return isinstance(value.op, Op) and value.op.reduces


def same(got, want, to_the_bit, how):
    """Equal, or within the bound of the dtype relative to the largest number in the program."""
    assert len(got) == len(want)
    dtypes = {str(w.dtype) for w in want if w is not None and w.dtype.kind == "f"}
    bound = max((BOUNDS[d] for d in dtypes), default=0)
    size = max((np.abs(w[np.isfinite(w)]).max(initial=1) for w in want if w is not None), default=1)
    for k, (g, w) in enumerate(zip(got, want)):
        assert (g is None) == (w is None), f"{how}, number {k}: {g} for {w}"
        if w is None:
            continue
        assert (g.shape, g.dtype) == (w.shape, w.dtype), f"{how}, number {k}: {g.shape} {g.dtype}, {w.shape} {w.dtype}"
        if to_the_bit or w.dtype.kind != "f":
            np.testing.assert_array_equal(g, w, f"{how}, number {k}")
        else:
            np.testing.assert_allclose(g, w, rtol=bound, atol=bound * size, err_msg=f"{how}, number {k}")


def readings_agree(program):
    """Checks all readings of a program; yields what became of it."""
    want = eagerly(program)
    for how in ({}, {}, {"create_graph": True}):
        got = eagerly(program, **how)
        if isinstance(want, Exception):
            assert type(got) is type(want), f"{how}: {got!r} where it was {want!r} at first"
        elif isinstance(got, Exception):
            raise got
        else:
            same(got, want, True, f"eagerly {how}")
    if isinstance(want, Exception):
        yield "raises"
        return
    yield "runs"
    small = sum(w.size for w in want if w is not None) <= FEW
    for native in [False] * small + [True] * NATIVE:
        try:
            got, step = compiled(program, native)
        except TraceError as error:
            yield "refused: " + str(error)[:60]
            return
        same(got, want, exact(step), "native" if native else "interpreted")
        yield "native" if native else "interpreted"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_readings_agree(chunk):
    tally = Counter()

    @seed(chunk)
    @settings(max_examples=COUNT // CHUNKS, suppress_health_check=list(HealthCheck))
    @given(programs())
    def check(program):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tally.update(readings_agree(program))

    check()
    assert tally["runs"] > tally["raises"], tally
    assert not NATIVE or tally["native"] > tally["runs"] / 2, tally
