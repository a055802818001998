"""The readings of an op record, each checked on a sample: functions that raise AssertionError and say why.

A finite difference, or another reading of the same record, is the judge; ``testing.py`` runs them all.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import expr
from chainrule.autograd import grad
from chainrule.formula import Formula
from chainrule.func import jvp
from chainrule.gradcheck import central_differences
from chainrule.ir import Builder, Graph, Value, check, run, walk
from chainrule.modes import quietly
from chainrule.op import Elementwise, Linear, Op, Piecewise, Refusal, Sample
from chainrule.ops import ALL
from chainrule.ops.indexing import index_add, index_put
from chainrule.ops.shape import assign
from chainrule.spec import Spec
from chainrule.symbol import Symbol, emit
from chainrule.tensors import Tensor, wrap
from chainrule.vocabulary import Vocabulary

F32, F64 = np.dtype("float32"), np.dtype("float64")
STEP = 1e-6
WRITES = (assign, index_put, index_add)


def spec(op: Op, sample: Sample) -> None:
    """The shape rule says what the op returns, on tensors of either floating dtype and for the compiler."""
    for dtype in (F64, F32):
        inputs = arrays(sample, dtype)
        out = applied(op, [tensor(x) for x in inputs], sample.params)
        told = op.spec(*specs(inputs), **sample.params)
        assert told == spec_of(out), f"spec says {told}, the result is {spec_of(out)}"


def finite(op: Op, sample: Sample) -> None:
    """The result at a sample is made of numbers, and the inputs are as they were."""
    inputs = arrays(sample)
    out = _forward(op, inputs, sample.params)
    assert np.isfinite(out).all(), f"the forward gives {out}; samples must lie where the op is defined"
    for before, after in zip(arrays(sample), inputs, strict=True):
        assert np.array_equal(before, after), "the forward changed its input"


def memory(op: Op, sample: Sample) -> None:
    """A view shares its first input's memory; any other result has its own."""
    inputs = arrays(sample)
    out = _forward(op, inputs, sample.params)
    shared = [isinstance(x, np.ndarray) and np.may_share_memory(out, x) for x in inputs]
    if op.view:
        assert shared[0] or not out.size, "declared a view, the result does not share the first input's memory"
    else:
        assert not any(shared), "not declared a view, the result shares memory with an input"


def index(op: Op, sample: Sample) -> None:
    """The maps, where there are some, say which element of the input an element of the output is, or that it is 0."""
    inputs = arrays(sample)
    x, out, known = inputs[0], _forward(op, inputs, sample.params), specs(inputs)

    def read(k: int, place: tuple[int, ...]) -> int:
        at = place[len(place) - inputs[k].ndim :]
        return int(inputs[k][tuple(0 if size == 1 else i for i, size in zip(at, inputs[k].shape))])

    for place in np.ndindex(out.shape) if op.index or op.places or op.keeps else ():
        source: Any = place
        if op.index:
            source = op.index(place, *known, **sample.params)
        elif op.places:
            source = op.places(place, read, *known, **sample.params)
        kept = op.keeps is None or op.keeps(place, *known, **sample.params) >= 0
        assert out[place] == (x[source] if kept else 0), f"element {place} is said to be input element {source}"


def traced(op: Op, sample: Sample) -> None:
    """The op as a graph, interpreted, gives what it gives on tensors."""
    inputs = arrays(sample)
    builder = Builder()
    values = [builder.input("x", Spec(x.shape, x.dtype)) if isinstance(x, np.ndarray) else x for x in inputs]
    out = emit(builder, op, values, sample.params)
    graph = check(Graph(tuple(v for v in values if isinstance(v, Value)), (out,)))
    (got,) = quietly(run, graph, [x for x in inputs if isinstance(x, np.ndarray)])
    expected = applied(op, [tensor(x) for x in inputs], sample.params)
    assert (got.shape, got.dtype) == (tuple(expected.shape), expected.np_dtype), f"{got.dtype}{got.shape} when traced"
    _same("traced", got, _array(expected))


def reverse(op: Op, sample: Sample) -> None:
    """The gradient of g · out by the rules, against central differences, for each input by itself."""
    inputs = arrays(sample)
    start = _random(op, sample)
    if start is None:
        return
    for k in _moving(inputs):
        def value(x: Any, k: int = k) -> Any:
            return np.sum(start * _forward(op, [*inputs[:k], x, *inputs[k + 1 :]], sample.params))

        leaves = [tensor(x, needed=i == k) for i, x in enumerate(inputs)]
        (got,) = _gradients(op, leaves, sample.params, start, [leaves[k]], create_graph=True)
        expected = central_differences(value, inputs[k], STEP).reshape(inputs[k].shape)
        _close(f"d {op.input_name(k)} by the reverse rule", _array(got), expected)


def forward(op: Op, sample: Sample) -> None:
    """The derivative along a direction in forward mode, in each form that there is, against a central difference."""
    inputs = arrays(sample)
    if _random(op, sample) is None or not (moving := _moving(inputs)):
        return
    tangents = [np.asarray(_numbers(inputs[k].shape, 7 + k)) for k in moving]

    def function(*xs: Tensor) -> Any:
        return applied(op, op.led(_placed([tensor(x) for x in inputs], moving, xs), sample.params), sample.params)

    expected = _along(lambda xs: _forward(op, _placed(inputs, moving, xs), sample.params),
                      [inputs[k] for k in moving], tangents)
    primals, along = [wrap(np.array(inputs[k])) for k in moving], [wrap(t) for t in tangents]
    out, got = jvp(function, primals, along)
    _close("jvp", _array(got), expected)
    known = _known(op, _placed([tensor(x) for x in inputs], moving, primals), sample.params, out)
    shape = tuple(out.shape)
    if isinstance(op, Linear) and len(moving) == sum(map(op.differentiable, range(len(inputs)))):
        _close("a linear op applied to the tangent", _array(function(*along)), expected)
    elif isinstance(op, (Elementwise, Piecewise)):
        parts = [op.reverse(k, t.expand(shape), known) for k, t in zip(moving, along) if op.differentiable(k)]
        _close("the sum of tangent times derivative", _array(sum(parts)), expected)
    if isinstance(op, Elementwise):
        parts = [t.expand(shape) * op.local(k, known) for k, t in zip(moving, along)]
        _close("the sum of tangent times local derivative", _array(sum(parts)), expected)


def second(op: Op, sample: Sample) -> None:
    """The derivative of the gradient along a direction, against central differences of the gradient."""
    inputs, start = arrays(sample), _random(op, sample)
    if start is None or not (moving := _moving(inputs)):
        return
    weights = [wrap(_numbers(inputs[k].shape, 11 + k)) for k in moving]

    def slope(points: Sequence[Any]) -> tuple[Any, list[Tensor]]:
        leaves = [tensor(x, needed=True) for x in points]
        full = _placed([tensor(x) for x in inputs], moving, leaves)
        found = _gradients(op, full, sample.params, start, leaves, create_graph=True)
        return sum((w * g).sum() for w, g in zip(weights, found)), leaves

    points, tangents = [inputs[k] for k in moving], [_numbers(inputs[k].shape, 13 + k) for k in moving]
    expected = _along(lambda xs: _array(slope(xs)[0]), points, tangents)
    total, leaves = slope(points)
    found = grad(total, leaves, allow_unused=True, materialize_grads=True) if total.requires_grad else ()
    got = sum(np.sum(t * _array(g)) for t, g in zip(tangents, found)) + np.float64(0)
    _close("the derivative of the gradient along a direction", got, expected)


def fast(op: Op, sample: Sample) -> None:
    """The rules written out as NumPy give the gradients of the rules on tensors, whichever inputs ask for one."""
    inputs, start = arrays(sample), _random(op, sample)
    if start is None or not (moving := _moving(inputs)):
        return
    for asked in ([k] for k in moving) if len(moving) == 1 else (*([k] for k in moving), moving):
        for inner in (False, True):
            expected: Sequence[Tensor] = ()
            for create_graph in (True, False, False, False):  # a plan is made the second time and used from then on
                leaves = [tensor(x, needed=k in asked) for k, x in enumerate(inputs)]
                used = [x * 1.0 if inner and k in asked else x for k, x in enumerate(leaves)]
                found = _gradients(op, used, sample.params, start, [leaves[k] for k in asked], create_graph)
                expected = expected or found
                for k, a, b in zip(asked, found, expected):
                    _same(f"d {op.input_name(k)} on the fast path", _array(a), _array(b))
                if not create_graph and not inner:
                    own, others = list(map(_array, found)), [_array(x) for x in leaves if isinstance(x, Tensor)]
                    shared = [np.may_share_memory(a, b) for k, a in enumerate(own) for b in (start, *own[:k], *others)]
                    assert not any(shared), "the gradient of a leaf shares memory with another tensor"


def single(op: Op, sample: Sample) -> None:
    """In float32 the gradients are float32 too, on both paths, and near those in float64."""
    start = _random(op, sample)
    if start is None or not (moving := _moving(arrays(sample))):
        return
    found: dict[np.dtype[Any], Sequence[Tensor]] = {}
    for dtype, create_graph in ((F64, True), (F32, True), (F32, False), (F32, False)):
        leaves = [tensor(x, needed=True) for x in arrays(sample, dtype)]
        wanted = [leaves[k] for k in moving]
        found = {dtype: _gradients(op, leaves, sample.params, start.astype(dtype), wanted, create_graph), **found}
        for k, a, b in zip(moving, found[dtype], found[F64]):
            assert a.np_dtype == dtype, f"d {op.input_name(k)} of a {dtype} input is {a.np_dtype}"
            assert np.allclose(_array(a), _array(b), rtol=1e-4, atol=1e-5), f"d {op.input_name(k)} in {dtype}: {a}, {b}"


def text(op: Op, sample: Sample) -> None:
    """The op and its rules, printed, evaluate to what they are. A write to a part has no formula."""
    inputs, start = arrays(sample), _random(op, sample)
    builder, tensors = Builder(), [tensor(x) for x in inputs]
    names = {op.input_name(k) + (str(k) if k >= len(op.inputs) else ""): x for k, x in enumerate(tensors)}
    symbols = [Symbol(builder, builder.input(name, Spec(x.shape, x.dtype))) if isinstance(x, np.ndarray) else x
               for name, x in zip(names, inputs, strict=True)]
    result = emit(builder, op, [x.value if isinstance(x, Symbol) else x for x in symbols], sample.params)
    out = applied(op, tensors, sample.params)
    if op.infix or ALL.get(op.name) is op:
        _reads(result, names, out)
    if start is None:
        return
    g, known = wrap(start), _known(op, tensors, sample.params, out)
    symbol, output = (Symbol(builder, builder.input(name, result.spec)) for name in ("g", "out"))
    traced = _known(op, symbols, sample.params, output)
    for k in (k for k in _moving(inputs) if op.differentiable(k)):
        _reads(op.reverse(k, symbol, traced).value, {**names, "g": g, "out": out}, op.reverse(k, g, known))


def _reads(value: Value, names: dict[str, Any], expected: Tensor) -> None:
    if any(v.op in WRITES for v in walk([value])):
        return
    written = expr.text(value)
    got = Formula(written).evaluate(names)
    got, wanted = _array(got) if isinstance(got, Tensor) else got, _array(expected)
    assert np.allclose(got, wanted, rtol=1e-12, atol=1e-12, equal_nan=True), f"{written} is {got}, and not {wanted}"


READINGS: dict[str, Callable[[Op, Sample], None]] = {
    reading.__name__: reading
    for reading in (spec, finite, memory, index, traced, reverse, forward, second, fast, single, text)
}


# -- inputs and comparisons ------------------------------------------------------------------------------------------


def applied(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
    """The op the way its words apply it."""
    first: Tensor = next(x for x in inputs if isinstance(x, Tensor))
    if len(inputs) == 1:
        return first._unary(op, **params)
    if len(inputs) == 2 and not params:
        return first._binary(op, inputs[1]) if inputs[0] is first else first._reflected(op, inputs[0])
    return first._apply(op, inputs, **params)


def operand(x: Any) -> Any:
    """A Python number stays one; anything else is an array."""
    return x if isinstance(x, (bool, int, float)) else np.array(x)


def arrays(sample: Sample | Refusal, dtype: np.dtype[Any] = F64) -> list[Any]:
    """Fresh inputs, the floating ones in ``dtype``."""
    fresh = [operand(x) for x in sample.inputs]
    return [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in fresh]


def tensor(x: Any, needed: bool = False) -> Any:
    """An array as a new leaf; a number as it is."""
    if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
        return x
    return wrap(np.array(x)).requires_grad_(needed and x.dtype.kind == "f")


def _moving(inputs: Sequence[Any]) -> list[int]:
    """Which inputs are floating arrays, and can be varied."""
    return [k for k, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def _known(op: Op, inputs: Sequence[Any], params: dict[str, Any], out: Any) -> dict[str, Any]:
    """What the rules may name; those of a linear op get specs."""
    given = [x if op.by_value(k) or not isinstance(x, Vocabulary) else spec_of(x) for k, x in enumerate(inputs)]
    return op.known(given, params, out)


def _placed(inputs: Sequence[Any], places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    full = list(inputs)
    for place, value in zip(places, values):
        full[place] = value
    return full


def _forward(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    return np.asarray(quietly(op.along, *inputs, **params))


def _numbers(shape: Sequence[int], seed: int) -> Any:
    """Random numbers between 0.5 and 1.5: none is 0, so every element counts."""
    return np.asarray(np.random.default_rng(seed).uniform(0.5, 1.5, tuple(shape)))


def _random(op: Op, sample: Sample) -> Any:
    """A random cotangent for the output, or None where the output carries none."""
    out = _forward(op, arrays(sample), sample.params)
    return _numbers(out.shape, 5) if out.dtype.kind == "f" else None


def _gradients(
    op: Op, inputs: Sequence[Any], params: dict[str, Any], start: Any, wanted: Sequence[Tensor],
    create_graph: bool = False,
) -> Sequence[Tensor]:
    out = applied(op, op.led(inputs, params), params)
    if not out.requires_grad:
        return [x.new_zeros(tuple(x.shape)) for x in wanted]
    return grad(out, wanted, wrap(start), create_graph=create_graph, allow_unused=True, materialize_grads=True)


def _along(function: Callable[[Sequence[Any]], Any], points: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The central difference of ``function`` along the tangents."""
    return central_differences(
        lambda s: np.asarray(function([x + s * t for x, t in zip(points, tangents)])), np.zeros(()), STEP
    )


def _array(tensor: Tensor) -> Any:
    return np.asarray(tensor.detach().numpy())


def spec_of(carrier: Vocabulary) -> Spec:
    """Shape and dtype of a tensor or symbol."""
    return Spec(tuple(carrier.shape), carrier.np_dtype)


def specs(inputs: Sequence[Any]) -> list[Any]:
    """What a shape rule gets of arrays and numbers."""
    return [Spec(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in inputs]


def _close(what: str, got: Any, expected: Any) -> None:
    assert got.shape == expected.shape, f"{what} has shape {got.shape}, expected {expected.shape}"
    wrong = ~np.isclose(got, expected, rtol=1e-6, atol=1e-7)
    if wrong.any():
        place = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise AssertionError(f"{what}: element {list(place)} is {got[place]:.10g}, the central difference gives "
                             f"{expected[place]:.10g}; {int(wrong.sum())} of {wrong.size} elements are wrong")


def _same(what: str, got: Any, expected: Any) -> None:
    if not np.array_equal(got, expected, equal_nan=True):
        raise AssertionError(f"{what} gives {got}, on tensors it is {expected}")
