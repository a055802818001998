"""From graph to native code: what the loops mean and what the machine computes, against the graph run with NumPy."""

from importlib.util import find_spec
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ir, ops
from chainrule.compiler import build
from chainrule.compiler import native as native_module
from chainrule.compiler.index import Axis, Index, flat, variable
from chainrule.compiler.llvm import module
from chainrule.compiler.loops import Nest, Program, Sort, Store, check
from chainrule.compiler.scalar import HEAVY, OPERATIONS, Buffer, Pool, Scalar
from chainrule.errors import MissingExtra, TraceError
from chainrule.op import Discrete, Elementwise, Op, Piecewise, Sample, discrete
from chainrule.spec import Spec
from chainrule.symbol import Symbol, emit, graph_of

pytestmark = pytest.mark.skipif(find_spec("llvmlite") is None, reason="needs the extra chainrule[compile]")
F32, F64 = np.dtype("float32"), np.dtype("float64")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The disk cache of these tests."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "chainrule"


def traced(function, arrays):
    """The graph of a function of symbols."""
    builder = ir.Builder()
    inputs = [Symbol(builder, builder.input(f"x{k}", Spec(a.shape, a.dtype))) for k, a in enumerate(arrays)]
    outputs = function(*inputs)
    return graph_of(inputs, outputs if isinstance(outputs, (list, tuple)) else [outputs])


def exact(kernel, graph):
    """Whether every step is computed as NumPy computes it, to the bit."""
    sums = any(isinstance(v.op, Op) and v.op.reduces for v in graph.values)
    return not sums and all(
        isinstance(step, Nest)
        and not any(s.fold for s in step.stores)
        and not any(n.op in OPERATIONS and OPERATIONS[n.op][1] >= HEAVY for n in step.nodes)
        for step in kernel.program.steps
    )


def agree(got, want, is_exact, ulps=8):
    """Equal, NaN and infinities included; or close, where rounding may differ."""
    want = np.asarray(want)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    if is_exact or want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(want[want == 0]))
    else:
        eps, size = np.finfo(want.dtype).eps, np.abs(want[np.isfinite(want)]).max(initial=1)
        np.testing.assert_allclose(got, want, rtol=ulps * eps, atol=16 * eps * size)


def both_ways(graph, arrays, writes=None, ulps=8):
    """Interpreted = native = run with NumPy."""
    with np.errstate(all="ignore"):
        want = ir.run(graph, arrays)
    for native in (False, True):
        kernel = build(graph, writes, native)
        mine = [a.copy() for a in arrays]
        got = kernel.call(mine)
        for k, (g, w) in enumerate(zip(got, want, strict=True)):
            agree(g, w, exact(kernel, graph), ulps)
            assert g is mine[writes[k]] if writes and k in writes else all(g is not m for m in mine)
        for k, (m, a) in enumerate(zip(mine, arrays)):
            if k not in (writes or {}).values():
                np.testing.assert_array_equal(m, a)
    return kernel


def array(*shape, dtype=F64, seed=0):
    return np.random.default_rng([seed, *shape]).uniform(-2, 2, shape).astype(dtype)


# every op


def graph_of_sample(op, sample, dtype):
    """The op on a sample as a graph, and the arrays it reads."""
    builder, arrays, args, values = ir.Builder(), [], [], []
    for x in sample.inputs:
        if isinstance(x, (np.ndarray, np.generic)):
            x = np.ascontiguousarray(x.astype(dtype) if x.dtype.kind == "f" else x).reshape(np.shape(x))
            arrays.append(x)
            values.append(builder.input(f"x{len(values)}", Spec(x.shape, x.dtype)))
            x = values[-1]
        args.append(x)
    return ir.Graph(tuple(values), (emit(builder, op, args, sample.params),)), arrays


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("op", ops.ALL.values(), ids=repr)
def test_every_op_on_its_samples(op, dtype):
    for sample in op.samples():
        both_ways(*graph_of_sample(op, sample, dtype))


def test_an_op_without_loops_is_refused_by_name():
    strange = discrete("strange", np.unique, samples=lambda: [Sample((array(3),))], promotes="", scalar=None)
    graph, _ = graph_of_sample(strange, next(iter(strange.samples())), F64)
    with pytest.raises(TraceError, match="the op strange has no lowering"):
        build(graph, native=False)


ELEMENTARY = {"exp": (-800, 800), "expm1": (-800, 800), "log": (0, 1e9), "log1p": (-1, 1e9), "log2": (0, 1e9),
              "log10": (0, 1e9), "sin": (-2e6, 2e6), "cos": (-2e6, 2e6), "tan": (-2e6, 2e6), "asin": (-1, 1),
              "acos": (-1, 1), "atan": (-9, 9), "sinh": (-800, 800), "cosh": (-800, 800), "tanh": (-25, 25),
              "asinh": (-1e9, 1e9), "acosh": (1, 1e9), "atanh": (-1, 1)}  # fmt: skip
NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
         "atanh": "arctanh"}  # fmt: skip
EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e6, 1.1e6, 88.72, 88.73, -87.4, -104.1, 709.7, 709.8, -745.2,
         9.02, 19.1, np.pi, np.pi / 2, 0.5]  # fmt: skip


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_within_4_ulp_everywhere(name, dtype):
    rng = np.random.default_rng(0)
    whole = np.dtype(f"i{dtype.itemsize}")
    limits = np.iinfo(whole)
    any_bits = rng.integers(limits.min, limits.max, 5000, whole, endpoint=True).view(dtype)
    tiny = [np.finfo(dtype).tiny / 8, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max]
    near = np.concatenate([rng.uniform(*ELEMENTARY[name], 5000), rng.uniform(-3, 3, 5000), 1 + rng.normal(0, 1e-3, 999),
                           np.arange(-999, 999) * np.pi / 2, rng.normal(0, 1e-3, 999), EDGES, tiny])  # fmt: skip
    x = np.concatenate([any_bits, near.astype(dtype)])
    (got,) = build(traced(lambda s: getattr(s, name)(), [x])).call([x])
    with np.errstate(all="ignore"):
        true = getattr(np, NUMPY.get(name, name))(x.astype(np.longdouble))
        want = true.astype(dtype)
        off = np.abs(got - true) / np.spacing(np.abs(want)).astype(np.longdouble)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    assert np.all(same | (off <= 4)), x[~(same | (off <= 4))]
    assert np.all((np.signbit(got) == np.signbit(want)) | np.isnan(want))


# dtypes


DTYPES = [np.dtype(n) for n in "float64 float32 float16 int64 int32 int16 int8 uint8 bool".split()]


@pytest.mark.parametrize("of", DTYPES, ids=str)
def test_casts_to_every_dtype(of):
    x = np.array([0, 1, 2, 100, 3, 7, 0, 5, 90, 1, 11], of)
    x = x if of.kind != "f" else np.concatenate([x, -x, [1.0009766, 1e-7, 65519.9, 1e5, np.nan]]) / np.array(3, of)
    x = np.concatenate([x, -x]) if of.kind == "i" else x
    both_ways(traced(lambda s: [s.cast(to) for to in DTYPES if to != of], [x.astype(of)]), [x.astype(of)])


@pytest.mark.parametrize("dtype", DTYPES[:-1], ids=str)
def test_arithmetic_of_every_dtype(dtype):
    x, y = (np.array([3, 0, 7, 100, 50, 2, 9], dtype) - dtype.type(2 * (dtype.kind != "u")) for _ in range(2))
    y = y[::-1].copy()
    both_ways(traced(lambda a, b: [a + b, a - b, a * b, -a, a.abs(), a.sign(), a.maximum(b), a.minimum(b), a < b,
                                   a == b, ~(a >= b), a.relu(), a.where(a > 1, b), a**2, a / b, a.sqrt(), a.sum(),
                                   a.floor(), a.round(), a.remainder(b + 20), a.fmod(b + 20), a // (b + 20), -a // 3,
                                   a.remainder(-2) if dtype.kind != "u" else a, a.erf(), a.log1p(), a.prod(), a.amax()],
                     [x, y]), [x, y], ulps=16)  # fmt: skip


def test_bools():
    x, y = np.array([True, True, False, False, True]), np.array([True, False, True, False, True])
    both_ways(traced(lambda a, b: [a + b, a * b, a == b, a != b, a < b, ~a, a.maximum(b), a.sum(), a.where(b, ~a),
                                   a.amax(), a.amin(), (a & b).amax(), (~a & b & a).amax()],
                     [x, y]), [x, y])  # fmt: skip


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.kind in "iu"], ids=str)
def test_bits_of_every_dtype(dtype):
    x = np.array([0, 1, 2, 100, 127, 3, -1, -128, -7], "int64").astype(dtype)
    y = np.array([0, 7, 8, 1, 31, 64, 2, 1, -1], "int64").astype(dtype)
    both_ways(traced(lambda a, b: [a & b, a | b, a ^ b, ~a, a << b, a >> b], [x, y]), [x, y])
    y, least = np.where(y == 0, dtype.type(5), y), np.full(9, np.iinfo(dtype).min, dtype)
    quotients = traced(lambda a, b, c: [a.fmod(b), a % b, a // b, c % b, c // b], [x, y, least])
    both_ways(quotients, [x, y, least])
    for out in build(quotients).call([x, y - y, least]):  # what eager refuses must not end the process
        assert not out.any()


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_folds_and_choices_of_few(dtype):
    """What is written out instead of a loop, next to the same over more elements."""

    def few(a):
        windows = a.relu().windows((1,), (2,), (2,), (1,))
        best = windows.argmax(2, keepdim=True)
        back = windows.new_zeros(windows.shape).scatter_add(2, best, windows.sum(2, keepdim=True).exp())
        near = windows.overlap_add((a.shape[0], a.shape[1] // 2 + 1), (1,), (1,), (1,))
        return [windows.amax(2), windows.sum(2), windows.gather(2, best), best, back, windows.scatter(2, best, 0.5),
                back.overlap_add(a.shape, (1,), (2,), (1,)), near,
                (a * a).gather(1, a.argmin(1, keepdim=True)), (a * a).gather(0, a.argmin(0, keepdim=True)),
                (a * 2).gather(0, a.argsort(0)), a.windows((0, 1), (2, 2), (1, 1), (1, 1)).prod((2, 3))]  # fmt: skip

    for shape in ((3, 8), (4, 40), (20, 20)):
        x = rows_of(dtype, *shape)
        both_ways(traced(few, [x]), [x], ulps=200)


@pytest.mark.parametrize("native", [False, True], ids=["interpreted", "native"])
def test_places_outside_read_nan_and_spoil_no_other(native):
    x, k = array(4, 3), np.array([[0], [3], [-4], [2]])

    def at_places(a, i):
        added = a.new_zeros(4, 3).scatter_add(1, i, i * a[:, :1])
        return [a.gather(1, i), (a + 1).gather(1, i), a.scatter(1, i, 0.5), added]

    read, computed, written, added = build(traced(at_places, [x, k]), native=native).call([x, k])
    for part in (read, computed):
        assert np.isnan(part[:, 0]).tolist() == [False, True, True, False]
    for part in (written, added):
        assert np.isnan(part).tolist() == [[False] * 3, [False, False, True], [True, False, False], [False] * 3]


def rows_of(dtype, *shape):
    """Numbers with ties and, where there are some, NaN, infinities and both zeros."""
    x = np.random.default_rng(shape).integers(0 if dtype.kind in "ub" else -9, 9, shape).astype(dtype)
    if dtype.kind == "f":
        odd = np.random.default_rng(1).choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 0.3], shape)
        x = np.where(np.random.default_rng(2).integers(0, 3, shape) == 0, odd, x).astype(dtype)
    return x


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (40,), (1000,), (3, 7), (7, 3), (33, 20), (2, 5, 3), (2, 33, 4)])
def test_order_of_every_dtype(dtype, shape):
    x = rows_of(dtype, *shape)

    def ordered(a):
        return [out for d in range(a.ndim) for out in (
            a.argmax(d), a.argmin(d, keepdim=True), a.argsort(d), a.argsort(d, descending=True), a.cumsum(d),
            a.sort(d).values, (a + a).argmax(d), (a * a).mT.argmin(0) if a.ndim > 1 else a)]  # fmt: skip

    both_ways(traced(ordered, [x]), [x])


def test_long_rows_are_sorted():
    x = rows_of(F32, 3, 5000).reshape(3, 5000) + array(3, 5000, dtype=F32)
    x[1] = np.arange(5000)
    x[2] = x[1, ::-1]
    both_ways(traced(lambda a: [a.argsort(1), a.argsort(1, descending=True), a.argsort(0)], [x]), [x])


def test_what_is_ordered_in_place():
    x = array(4, 6)
    x[2, 3] = np.nan
    for writes in ({0: 0}, {1: 0}, {2: 0}):
        both_ways(traced(lambda a: [a.cumsum(1), a.sort(0).values, a.cumsum(0).cumsum(1), a.argsort(0)], [x]), [x],
                  writes)  # fmt: skip
    n = np.array([3, 1, 2])
    both_ways(traced(lambda a: [a.argsort(0), (a + 1).argsort(0)], [n]), [n], {0: 0})
    both_ways(traced(lambda a: [a + 1, (a + 1).argsort(0)], [n]), [n], {0: 0})


def test_powers():
    x = np.array([0.0, -0.0, 1.5, -2.0, np.inf, np.nan, 9.0])
    n = np.array([3, -2, 5, 1, 0], np.int64)
    with np.errstate(all="ignore"):
        both_ways(traced(lambda a: [a**0.5, a**2, a**3, a**1, a**-1, a**2.5, 2**a, a**a], [x]), [x])
    both_ways(traced(lambda a: [a ** a.abs(), a**5, a**0], [n]), [n])


def test_special_values_pass_as_ieee_says():
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, 5e-324, 1.0], F64)
    grid, other = np.repeat(x, len(x)), np.tile(x, len(x))
    both_ways(traced(lambda a, b: [a + b, a - b, a * b, a / b, a.maximum(b), a.minimum(b), a < b, a <= b, a == b,
                                   a != b, a.sign(), a.abs(), a.relu(), -a, a.sqrt(), a.where(a == b, b), a.cast(F32),
                                   a.floor(), a.ceil(), a.trunc(), a.round(), a.fmod(b), a % b, a // b, a.clamp_min(b)],
                     [grid, other]), [grid, other])  # fmt: skip


def test_complex_numbers_are_refused():
    x = np.zeros(3, "complex64")
    with pytest.raises(TraceError, match="complex64"):
        build(traced(lambda a: a + a, [x]), native=False)


# fusion


FUSED = {
    "chain": (lambda x, y: ((x * 2 + 1).sin() / (x * x + 1)).relu(), [(7, 5), (5,)]),
    "diamond": (lambda x, y: [(e := x.exp()) * e + e, e - y], [(7, 5), (5,)]),
    "sums over different axes": (lambda x, y: [x.sum(0), x.sum(1), x.sum(), (x * y).sum((0, 1), keepdim=True)],
                                 [(7, 5), (5,)]),
    "sum and what it came from": (lambda x, y: [(d := x - y), (d * d).sum(0), d.sum(1)], [(40, 33), (33,)]),
    "normalised rows": (lambda x, y: (e := (x - y).exp()) / e.sum(1, keepdim=True), [(7, 50), (50,)]),
    "of a sum": (lambda x, y: (x.sum(0) * y).sum() + x, [(7, 5), (5,)]),
    "views": (lambda x, y: [x[1:5:2].T + y[:, None].expand(5, 2), x.reshape(5, 7) * 2, x.T.reshape(7, 5) + x,
                            x.reshape(35)[3:13].reshape(2, 5) - y], [(7, 5), (5,)]),
    "a reshape that splits": (lambda x, y: x.T.reshape(35)[1:] + x.reshape(35)[:-1], [(7, 5), (5,)]),
    "reshape of 4-d": (lambda x, y: x.permute(0, 2, 1, 3).reshape(4, 30).sum(0) + y.reshape(30),
                       [(2, 5, 2, 6), (5, 6)]),
    "matmul, bias, tanh": (lambda x, w, b: [h := (x @ w + b).tanh(), (1 - h * h).sum(0)], [(6, 5), (5, 3), (3,)]),
    "products by BLAS": (lambda x, w: [x @ w, w.T @ x.T, (x @ w)[1:, ::2] @ w[:10, 3:], x.T @ (x + 1)],
                         [(40, 30), (30, 20)]),
    "batched products by BLAS": (lambda x, w: [x @ w, (x.mT @ x)[1], x @ w.expand(4, 20, 30)], [(4, 30, 20), (20, 30)]),
    "batched on both sides": (lambda x, y: x @ y, [(3, 1, 30, 20), (2, 20, 30)]),
    "column and row": (lambda x, y: [x @ y, y @ x], [(30, 1), (1, 30)]),
    "sizes 1 and 0": (lambda x, y: [x.sum(0), x.sum(1), x + y, (x.T @ x).sum(), y.sum()], [(0, 3), (1,)]),
    "numbers": (lambda x, y: [x * 2 + y, (x + y).sum(), x.expand(3, 2), x.reshape(1, 1) @ y.reshape(1, 1)], [(), ()]),
    "outputs that are inputs": (lambda x, y: [x, y, x, x + 0, x.new_zeros(2, 3), x.T], [(3, 2), (2,)]),
    "one value twice": (lambda x, y: [(s := x + y), s, s.sum(), s.sum()], [(3, 2), (2,)]),
    "long chain": (lambda x, y: _repeated(x, y, 150), [(11,), (11,)]),
    "assigned part": (lambda x, y: [a := x.assign(y, _chain(((1, 2, 1), (0, 5, 1)))), a * 2, a.sum(0), x],
                      [(3, 5), (5,)]),
    "assigned twice": (lambda x, y: x.assign(y * 2, _chain((1, (0, 5, 1)))).assign(x[0], _chain((2, (0, 5, 1)))),
                       [(3, 5), (5,)]),
}  # fmt: skip


def _repeated(x, y, times):
    for _ in range(times):
        x = (x * y + x).sin()
    return x


def _chain(key):
    return ((ops.ALL["slice"], (("key", key),)),)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", FUSED)
def test_fused_graphs(name, dtype):
    function, shapes = FUSED[name]
    arrays = [array(*shape, dtype=dtype, seed=k) for k, shape in enumerate(shapes)]
    both_ways(traced(function, arrays), arrays, ulps=2000 if name == "long chain" else 200)


def test_forward_and_backward_of_a_regression_are_two_nests():
    arrays = [array(50), array(50), array(1), array(1)]

    def step(x, y, w, b):
        e = w * x + b - y
        g = 2 * e / 50
        return [(e**2).mean(), w - 0.1 * (g * x).sum_to_size((1,)), b - 0.1 * g.sum_to_size((1,))]

    kernel = both_ways(traced(step, arrays), arrays, {1: 2, 2: 3})
    sums, update = kernel.program.steps
    assert [s.fold for s in sums.stores] == ["add"] * 3
    assert len(update.stores) == 3
    assert "for i0 in 50 vector:" in str(kernel)


def _nested_sums(a, times):
    x = a
    for _ in range(times):
        x = x.exp().sum(0) + a
    return x


def test_equal_nests_are_compiled_once():
    x = array(8, 8)
    program = build(traced(lambda a: _nested_sums(a, 4), [x]), native=False).program
    assert len(program.steps) == 5
    assert module(program, 32).count("define internal void") == 3


def test_nests_and_products_on_parts_of_an_array_are_compiled_once():
    x, w = array(6, 30, 30), array(30, 30)

    def unrolled(a, b):
        h = a[0]
        for k in range(1, 6):
            h = (h @ b * 0.01 + a[k]).tanh()
        return h

    program = both_ways(traced(unrolled, [x, w]), [x, w], ulps=200).program
    assert len(program.steps) == 10
    assert module(program, 32).count("define internal void") == 2


def test_memory_of_temporaries_is_shared():
    x = array(30, 30)
    program = build(traced(lambda a: (((a @ a) @ a) @ a) @ a, [x]), native=False).program
    assert len(program.arena) == 3
    assert program.arena_size < 3 * x.nbytes


# in place


def test_swap_of_two_inputs():
    x, y = array(9), array(9, seed=1)
    both_ways(traced(lambda a, b: [b, a], [x, y]), [x, y], {0: 0, 1: 1})
    both_ways(traced(lambda a, b: [a, b], [x, y]), [x, y], {0: 1, 1: 0})


IN_PLACE = {
    "update": lambda w, g: [w - 0.1 * g, (w * g).sum()],
    "shifted": lambda w, g: [w.assign(w[:-1], ((ops.ALL["slice"], (("key", ((1, 6, 1), (0, 6, 1))),)),)), g],
    "transposed": lambda w, g: [w.T, w + g],
    "read later": lambda w, g: [w * 2, (w + 1).sum(0) @ g],
    "read by BLAS later": lambda w, g: [(w + g).sum() + w, w @ w @ g],
    "sum of itself": lambda w, g: [w / w.sum(), w.sum(1)],
    "product of itself": lambda w, g: [w @ g, w],
    "part": lambda w, g: [w.assign(g[0], ((ops.ALL["slice"], (("key", (2, (0, 6, 1))),)),)), w.sum()],
    "unchanged": lambda w, g: [w, w + g],
    "constant": lambda w, g: [w.new_zeros(6, 6), w.T @ g],
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_outputs_in_place_of_inputs(name):
    arrays = [array(6, 6), array(6, 6, seed=1)]
    both_ways(traced(IN_PLACE[name], arrays), arrays, {0: 0}, ulps=200)


def test_a_part_is_assigned_without_a_copy():
    x, y = array(1000), array(1)
    kernel = build(traced(lambda a, b: a.assign(b, _chain(((5, 6, 1),))), [x, y]), {0: 0}, native=False)
    assert [step.axes for step in kernel.program.steps] == [()]


@pytest.mark.parametrize("native", [False, True], ids=["interpreted", "native"])
def test_repeat_carries_over_and_stacks(native):
    x, w = array(5), array(5, seed=1)
    graph = traced(lambda a, b: [b - 0.1 * a, (a * b).sum(), a + b], [x, w])
    kernel, mine = build(graph, {0: 1}, native), w.copy()
    new, sums, vectors = kernel.repeat(4, [x, mine])
    assert new is mine
    assert kernel.repeat(3, [x, w.copy()], last=[2])[2].tolist() == vectors[2].tolist()
    for t in range(4):
        w_next, one, vector = ir.run(graph, [x, w])
        np.testing.assert_allclose(sums[t], one, rtol=1e-14)
        np.testing.assert_array_equal(vectors[t], vector)
        w = w_next
    np.testing.assert_array_equal(mine, w)


def test_bound_kernel_runs_on_the_same_arrays():
    x, out = array(5), np.empty(5)
    run = build(traced(lambda a: a * 2, [x])).bind([x], [out])
    for _ in range(2):
        x += 1
        run()
        np.testing.assert_array_equal(out, x * 2)


@pytest.mark.parametrize(("arrays", "says"), [
    ([array(3)], "takes 2 arrays"),
    ([array(3), array(4)], r"input 1 is float64\[4\], the kernel takes float64\[3\]"),
    ([array(3), array(3, dtype=F32)], "float32"),
    ([array(3), array(6)[::2]], "not contiguous"),
    ([*[array(3)] * 2], "share memory"),
])  # fmt: skip
def test_arrays_that_do_not_fit(arrays, says):
    a, b = array(3), array(3)
    if says == "share memory":
        arrays = [a, a]
    with pytest.raises(ValueError, match=says):
        build(traced(lambda x, y: [x + y], [a, b]), {0: 0}, native=False).call(arrays)


def test_output_arrays_that_do_not_fit():
    x = array(3)
    kernel = build(traced(lambda a: [a + 1], [x]), native=False)
    for out in (np.empty(4), np.empty(3, F32), np.empty(6)[::2], None):
        with pytest.raises(ValueError, match=r"output 0 needs a contiguous array for float64\[3\]"):
            kernel.bind([x], [out])


def test_read_only_arrays_are_read_and_not_written():
    x = array(3)
    x.flags.writeable = False
    graph = traced(lambda a: [a + 1], [x])
    np.testing.assert_array_equal(build(graph).call([x])[0], x + 1)
    with pytest.raises(ValueError, match="read-only"):
        build(graph, {0: 0}).call([x])


@pytest.mark.parametrize(("writes", "says"), [({0: 1}, "cannot be written"), ({0: 0, 1: 0}, "two outputs")])
def test_writes_that_cannot_be(writes, says):
    x, y = array(3), array(4)
    with pytest.raises(ValueError, match=says):
        build(traced(lambda a, b: [a * 2, a + 1], [x, y]), writes, native=False)


# the cache on disk


def _objects(folder):
    return sorted(folder.glob("*.o"))


def test_object_code_is_kept_and_found(cache, monkeypatch):
    x = array(3, seed=17)
    graph = traced(lambda a: a * 17.25, [x])
    before = _objects(cache)
    build(graph)
    (new,) = set(_objects(cache)) - set(before)
    native_module._loaded.clear()
    monkeypatch.setattr(native_module.Host, "compile", lambda self, text: pytest.fail("compiled again"))
    np.testing.assert_array_equal(build(graph).call([x])[0], x * 17.25)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    for damaged in (b"", new.read_bytes()[:-1], b"x" * 100):
        new.write_bytes(damaged)
        native_module._loaded.clear()
        np.testing.assert_array_equal(build(graph).call([x])[0], x * 17.25)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    x = array(3)
    np.testing.assert_array_equal(build(traced(lambda a: a * 18.25, [x])).call([x])[0], x * 18.25)


def test_without_llvmlite_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "llvmlite", None)
    monkeypatch.setattr(native_module, "host", native_module.Host)
    with pytest.raises(MissingExtra, match=r"chainrule\[compile\]"):
        native_module.native("")


# the loop IR itself


def test_index_expressions_resolve_divisions():
    i, j, k = (variable(Axis(n, size)) for n, size in enumerate((4, 3, 12)))
    assert (3 * i + j) // 3 == i
    assert (3 * i + j) % 3 == j
    assert flat((i, j), (4, 3)) == 3 * i + j
    assert str(2 + k // 5) == "((i2) // 5) + 2"
    assert (k // 3).replace({Axis(2, 12): 3 * i + j}) == i
    for at in range(12):
        assert (7 + 2 * k // 5 % 3).at({Axis(2, 12): at}) == 7 + 2 * at // 5 % 3


@pytest.mark.parametrize(("make", "says"), [
    (lambda p, a, b, i: Store(b, i + 1, p.load(a, i)), "reaches 1 to 4"),
    (lambda p, a, b, i: Store(b, i * 0, p.load(a, i)), "more than once"),
    (lambda p, a, b, i: Store(b, i, p.load(a, i).cast(F32)), "cannot hold"),
    (lambda p, a, b, i: Store(b, i, p.load(b, i)), "before it is written"),
    (lambda p, a, b, i: Store(a, i, p.load(a, 3 + i * -1)), "another iteration"),
    (lambda p, a, b, i: Store(b, i, p.node("fly", (p.load(a, i),), F64)), "no operation"),
    (lambda p, a, b, i: Store(b, i, p.load(a, variable(Axis(9, 2)))), "no loop"),
    (lambda p, a, b, i: Store(Buffer("c", 4, F64), i, p.load(a, i)), "nowhere declared"),
])  # fmt: skip
def test_the_checker_refuses(make, says):
    a, b, axis = Buffer("a", 4, F64), Buffer("b", 4, F64), Axis(0, 4)
    nest = Nest((axis,), (make(Pool(), a, b, -1 * variable(axis) * -1),))
    with pytest.raises(ValueError, match=says):
        check(Program((a,), (b,), (nest,)))


WHOLE = np.dtype("int64")


@pytest.mark.parametrize(("keys", "places", "spare", "says"), [
    (Buffer("k", 6, F32), Buffer("p", 5, WHOLE), Buffer("s", 8, WHOLE), "do not fit"),
    (Buffer("k", 6, F32), Buffer("p", 6, WHOLE), Buffer("s", 7, WHOLE), "do not fit"),
    (Buffer("k", 6, F64), Buffer("p", 6, WHOLE), Buffer("s", 8, WHOLE), "do not fit"),
    (Buffer("k", 6, F32), Buffer("p", 6, F64), Buffer("s", 8, WHOLE), "places are int64, not float64"),
])  # fmt: skip
def test_the_checker_refuses_what_does_not_sort(keys, places, spare, says):
    def program(out, room):
        return Program((keys,), (out,), (Sort(2, 3, True, out, keys, room),), {room: 0})

    with pytest.raises(ValueError, match=says):
        check(program(places, spare))
    fine = check(program(Buffer("p", 6, WHOLE), Buffer("s", 16, WHOLE)))
    assert str(fine).endswith("p = places of k, descending, in 2 rows of 3")


def test_rounds_in_order_see_what_earlier_ones_stored():
    a, axis = Buffer("a", 5, F64), Axis(0, 4)
    pool, i = Pool(), Index({axis: 1})

    def nest(behind, **how):
        return Nest((axis,), (Store(a, i + 1, pool.load(a, i + behind) * 2),), **how)

    def program(step):
        return check(Program((a,), (a,), (step,)))

    assert "for i0 in 4 in order:" in str(program(nest(0, ordered=(axis,))))
    for wrong in (nest(0), nest(0, ordered=(axis,), vector=axis), nest(-1, ordered=(axis,))):
        with pytest.raises(ValueError, match=r"another iteration|no vector|reaches"):
            program(wrong)


def test_the_text_of_a_nest():
    a, axis = Buffer("a", 4, F32), Axis(0, 4)
    x = Pool().load(a, variable(axis))
    assert isinstance(x, Scalar)
    nest = Nest((axis,), (Store(Buffer("s", 1, F32), variable(Axis(1, 1)), x.exp() * 2, "add"),), axis)
    assert str(nest) == (
        "for i0 in 4 vector:\n  %1 = exp float32(a[i0])\n  %3 = mul float32(%1, 2.0)\n  s[0] add= %3"
    )


# random programs

UNARY = [op for op in ops.ALL.values() if isinstance(op, (Elementwise, Piecewise)) and len(op.inputs) == 1
         and op.scalar]
BINARY = [op for op in ops.ALL.values() if isinstance(op, (Elementwise, Piecewise)) and len(op.inputs) == 2
          and op.scalar]
COMPARE = [op for op in ops.ALL.values() if isinstance(op, Discrete) and op.infix]
SPECIAL = [0.0, -0.0, 1.0, -1.5, 2.0, 0.25, np.inf, -np.inf, np.nan, 1e-30, 7.0, -3.0]
SHAPES = [(), (4,), (3, 4), (3, 1), (2, 3, 4), (12,), (1, 4), (17, 3), (0, 4), (2, 40), (50,), (35, 1), (33, 2, 2)]


def _smooth(op):
    """Whether errors of an input stay about as large in the output."""
    return op.name in ("sin", "cos", "tanh", "neg", "sigmoid", "relu", "add", "sub", "maximum", "minimum")


def _bitwise(op):
    """Whether the result is the same bits everywhere."""
    nodes = [n for n in _scalar_nodes(op) if n.args]
    return all(OPERATIONS[n.op][1] < HEAVY for n in nodes)


def _scalar_nodes(op):
    pool = Pool()
    op.scalar(*[pool.load(Buffer(str(k), 1, F64), variable(Axis(0, 1))) for k in range(len(op.inputs))])
    return list(pool.made.values())


@st.composite
def programs(draw, exact_only):
    dtype = draw(st.sampled_from([F32, F64]))
    fits = _bitwise if exact_only else _smooth
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    seed = draw(st.integers(0, 99))
    arrays = [array(*s, dtype=dtype, seed=seed + k) for k, s in enumerate(shapes)]
    if exact_only:
        arrays = [np.random.default_rng(seed + k).choice(SPECIAL, s).astype(dtype) for k, s in enumerate(shapes)]
    builder = ir.Builder()
    inputs = [Symbol(builder, builder.input(f"x{k}", Spec(a.shape, a.dtype))) for k, a in enumerate(arrays)]
    values = list(inputs)
    for _ in range(draw(st.integers(1, 12))):
        x = draw(st.sampled_from(values))
        kind = draw(st.sampled_from("unary binary where reshape permute slice expand sum matmul assign".split()))
        if kind == "unary":
            values.append(x._unary(draw(st.sampled_from([op for op in UNARY if fits(op)]))))
        elif kind in ("binary", "where", "matmul"):
            others = [v for v in values if _broadcast(v, x)] + [0.5]
            y = draw(st.sampled_from(others))
            if kind == "binary" or not isinstance(y, Symbol):
                values.append(x._binary(draw(st.sampled_from([op for op in BINARY if fits(op)])), y))
            elif kind == "where":
                values.append(x.where(x._binary(draw(st.sampled_from(COMPARE)), y), y))
            elif not exact_only and x.ndim >= 2:
                values.append(x @ (x.mT * 0.1))
        elif kind == "reshape":
            values.append(x.reshape(draw(st.sampled_from(_shapes_of(prod(x.shape))))))
        elif kind == "permute":
            values.append(x.permute(draw(st.permutations(range(x.ndim)))))
        elif kind == "slice" and x.ndim:
            values.append(x[draw(_keys(x.shape))])
        elif kind == "expand":
            values.append(x.reshape(1, *x.shape).expand(draw(st.integers(1, 3)), *x.shape))
        elif kind == "sum" and not exact_only and x.ndim:
            values.append(x.mean(draw(st.integers(0, x.ndim - 1)), keepdim=draw(st.booleans())) if prod(x.shape) else x)
        elif kind == "assign" and x.ndim and x.shape[0]:
            part = draw(st.sampled_from([v for v in values if _broadcast(v, x) and v.ndim < x.ndim] or [x[0]]))
            at = draw(st.integers(0, x.shape[0] - 1))
            values.append(x.assign(part, _chain((at, *((0, n, 1) for n in x.shape[1:])))) if _fits(part, x) else x)
    outputs = draw(st.lists(st.sampled_from(values), min_size=1, max_size=4))
    places = {v.value.spec: k for k, v in enumerate(inputs)}
    writes = {}
    for j, out in enumerate(outputs):
        i = places.get(out.value.spec)
        if i is not None and i not in writes.values() and draw(st.booleans()):
            writes[j] = i
    return graph_of(inputs, outputs), arrays, writes


def _broadcast(x, y):
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return True


def _fits(part, x):
    return np.broadcast_shapes(part.shape, x.shape[1:]) == x.shape[1:]


def _shapes_of(size):
    return [(size,), *((n, size // n) for n in range(1, 13) if size % n == 0),
            *((2, 1, n, size // 2 // n) for n in range(1, 5) if size and size % (2 * n) == 0)]  # fmt: skip


@st.composite
def _keys(draw, shape):
    key = []
    for size in shape:
        start, step = draw(st.integers(0, max(0, size - 1))), draw(st.integers(1, 2))
        key.append(draw(st.sampled_from([start if size else slice(None), slice(start, None, step), slice(None)])))
        key += draw(st.sampled_from([[], [], [None]]))
    return tuple(key)


@settings(max_examples=120, derandomize=True, deadline=None, database=None)
@given(programs(exact_only=True))
def test_random_programs_of_exact_ops(program):
    both_ways(program[0], program[1], program[2])


@settings(max_examples=80, derandomize=True, deadline=None, database=None)
@given(programs(exact_only=False))
def test_random_programs_with_sums(program):
    both_ways(program[0], program[1], program[2], ulps=300)
