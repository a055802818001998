"""Checks for ops, ours and users': every reading of one record on each of its samples.

A reading is a function of a record and a sample; it raises AssertionError where the record disagrees with itself or
with central differences. ``check_op`` runs them all and reports everything that is wrong at once.

>>> from chainrule.ops import ALL
>>> from chainrule.testing import check_op
>>> check_op(ALL["tanh"])
"""

from collections.abc import Callable, Iterator, Sequence
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from chainrule.autograd import grad
from chainrule.func import jvp
from chainrule.gradcheck import central_differences, gradcheck, gradgradcheck
from chainrule.ir import Builder, Graph, Value, check, run
from chainrule.modes import quietly
from chainrule.op import FACETS, Elementwise, Linear, Op, Piecewise, Refusal, Rule, Sample
from chainrule.spec import Spec
from chainrule.symbol import emit
from chainrule.tensors import Tensor, wrap

__all__ = ["READINGS", "check_op", "check_record", "check_refusal", "complaints", "gradcheck", "gradgradcheck"]

F32, F64 = np.dtype("float32"), np.dtype("float64")
STEP = 1e-6


def check_op(op: Op) -> None:
    """Every reading of ``op`` on all its samples, and its refusals. Raises AssertionError with all complaints."""
    if found := list(complaints(op)):
        raise AssertionError(f"check_op({op.name}): {len(found)} complaints\n  " + "\n  ".join(found))


def complaints(op: Op) -> Iterator[str]:
    """What is wrong with ``op``, found one by one."""

    def told(where: str, checked: Callable[..., None], *args: Any) -> Iterator[str]:
        try:
            checked(op, *args)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"raises {type(error).__name__}: "
            yield f"{op.name}, {where}: {kind}{error}"

    yield from told("record", check_record)
    for number, sample in enumerate(op.samples()):
        for name, reading in READINGS.items():
            yield from told(f"sample {number} {described(sample)}, {name}", reading, sample)
    for number, refusal in enumerate(op.refuses()):
        yield from told(f"refusal {number} {described(refusal)}", check_refusal, refusal)


def described(sample: Sample | Refusal) -> str:
    """``(2x3, 2.0; dim=(0,))``: shapes, numbers and parameters."""
    shown = ["x".join(map(str, x.shape)) or "0d" if isinstance(x, np.ndarray) else str(x)
             for x in map(_operand, sample.inputs)]
    params = ", ".join(f"{key}={value}" for key, value in sample.params.items())
    return f"({', '.join(shown)}{'; ' if params else ''}{params})"


# -- the record itself -----------------------------------------------------------------------------------------------


def check_record(op: Op) -> None:
    """One kind, one derivative facet of it with a rule per input, rules that name only what there is, and samples."""
    assert list(op.samples()), "there are no samples; write some, or nothing of this op is tested"
    held = [facet for facet in FACETS.values() if hasattr(op, facet)]
    own = [facet for kind, facet in FACETS.items() if type(op) is kind]
    assert held == own, f"a {type(op).__name__} holds the derivative facets {held}, its kind has {own}"
    if own and not isinstance(op, Linear):
        assert len(getattr(op, own[0])) == len(op.inputs), f"{own[0]} must have one entry per input {op.inputs}"
    params = {name for sample in op.samples() for name in sample.params}
    for i, name in enumerate(op.inputs):
        for rule in op.rules(i):
            unknown = set(rule.names) - {"g", "out", *op.inputs, *params}
            assert not unknown, f"the rule for {name} asks for {sorted(unknown)}; there are g, out, inputs, parameters"
            assert not (used := sorted(numpy_in(rule))), (
                f"the rule for {name} uses NumPy ({', '.join(used)}); write it in words of the vocabulary, or it can be "
                "neither differentiated again, nor traced, nor printed"
            )


def numpy_in(rule: Rule) -> set[str]:
    """The names in a rule that mean NumPy or something of it."""
    found: set[str] = set()
    codes: list[CodeType] = [rule.function.__code__]
    outside = {**rule.function.__globals__, **_closure(rule.function)}
    while codes:
        code = codes.pop()
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
        found |= {n for n in (*code.co_names, *code.co_freevars) if _is_numpy(outside.get(n))}
    return found


def _closure(function: Callable[..., Any]) -> dict[str, Any]:
    code: CodeType = function.__code__
    cells = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(code.co_freevars, cells)}


def _is_numpy(thing: Any) -> bool:
    home = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None) or ""
    return isinstance(thing, np.ufunc) or str(home).split(".")[0] == "numpy"


# -- the readings ----------------------------------------------------------------------------------------------------


def spec(op: Op, sample: Sample) -> None:
    """The shape rule says what the op returns, on tensors of either floating dtype and for the compiler."""
    for dtype in (F64, F32):
        inputs = _arrays(sample, dtype)
        out = applied(op, [_tensor(x) for x in inputs], sample.params)
        told = op.spec(*[Spec(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in inputs], **sample.params)
        assert told == Spec(tuple(out.shape), out.np_dtype), f"spec says {told}, the result is {_told(out)}"


def finite(op: Op, sample: Sample) -> None:
    """The result at a sample is made of numbers, and the inputs are as they were."""
    inputs = _arrays(sample)
    out = _forward(op, inputs, sample.params)
    assert np.isfinite(out).all(), f"the forward gives {out}; samples must lie where the op is defined"
    for before, after in zip(_arrays(sample), inputs, strict=True):
        assert np.array_equal(before, after), "the forward changed its input"


def memory(op: Op, sample: Sample) -> None:
    """A view shares its first input's memory; any other result has its own."""
    inputs = _arrays(sample)
    out = _forward(op, inputs, sample.params)
    shared = [isinstance(x, np.ndarray) and np.may_share_memory(out, x) for x in inputs]
    if op.view:
        assert shared[0] or not out.size, "declared a view, the result does not share the first input's memory"
    else:
        assert not any(shared), "not declared a view, the result shares memory with an input"


def index(op: Op, sample: Sample) -> None:
    """The index map, where there is one, says which element of the input an element of the output is."""
    if op.index is None:
        return
    x = _arrays(sample)[0]
    out = _forward(op, [x], sample.params)
    for place in np.ndindex(out.shape):
        source = op.index(place, Spec(x.shape, x.dtype), **sample.params)
        assert out[place] == x[source], f"index says that element {place} is input element {source}"


def traced(op: Op, sample: Sample) -> None:
    """The op as a graph, interpreted, gives what it gives on tensors."""
    inputs = _arrays(sample)
    builder = Builder()
    values = [builder.input("x", Spec(x.shape, x.dtype)) if isinstance(x, np.ndarray) else x for x in inputs]
    out = emit(builder, op, values, sample.params)
    graph = check(Graph(tuple(v for v in values if isinstance(v, Value)), (out,)))
    (got,) = quietly(run, graph, [x for x in inputs if isinstance(x, np.ndarray)])
    expected = applied(op, [_tensor(x) for x in inputs], sample.params)
    assert (got.shape, got.dtype) == (tuple(expected.shape), expected.np_dtype), f"{got.dtype}{got.shape} when traced"
    _same("traced", got, _array(expected))


def reverse(op: Op, sample: Sample) -> None:
    """The gradient of g · out by the rules, against central differences, for each input by itself."""
    inputs = _arrays(sample)
    start = _random(op, sample)
    if start is None:
        return
    for k in _moving(inputs):
        def value(x: Any, k: int = k) -> Any:
            return np.sum(start * _forward(op, [*inputs[:k], x, *inputs[k + 1 :]], sample.params))

        leaves = [_tensor(x, needed=i == k) for i, x in enumerate(inputs)]
        (got,) = _gradients(op, leaves, sample.params, start, [leaves[k]], create_graph=True)
        expected = central_differences(value, inputs[k], STEP).reshape(inputs[k].shape)
        _close(f"d {op.input_name(k)} by the reverse rule", _array(got), expected)


def forward(op: Op, sample: Sample) -> None:
    """The derivative along a direction in forward mode, in each form that there is, against a central difference."""
    inputs = _arrays(sample)
    if _random(op, sample) is None or not (moving := _moving(inputs)):
        return
    tangents = [np.asarray(_numbers(inputs[k].shape, 7 + k)) for k in moving]

    def function(*xs: Tensor) -> Any:
        return applied(op, _placed([_tensor(x) for x in inputs], moving, xs), sample.params)

    expected = _along(lambda xs: _forward(op, _placed(inputs, moving, xs), sample.params),
                      [inputs[k] for k in moving], tangents)
    primals, along = [wrap(np.array(inputs[k])) for k in moving], [wrap(t) for t in tangents]
    out, got = jvp(function, primals, along)
    _close("jvp", _array(got), expected)
    known = op.known(_placed([_tensor(x) for x in inputs], moving, primals), sample.params, out)
    shape = tuple(out.shape)
    if isinstance(op, Linear):
        _close("a linear op applied to the tangent", _array(function(*along)) if len(moving) == len(inputs) else expected,
               expected)
    elif isinstance(op, (Elementwise, Piecewise)):
        parts = [op.reverse(k, t.expand(shape), known) for k, t in zip(moving, along) if op.differentiable(k)]
        _close("the sum of tangent times derivative", _array(sum(parts)), expected)
    if isinstance(op, Elementwise):
        parts = [t.expand(shape) * op.local(k, known) for k, t in zip(moving, along)]
        _close("the sum of tangent times local derivative", _array(sum(parts)), expected)


def second(op: Op, sample: Sample) -> None:
    """The derivative of the gradient along a direction, against central differences of the gradient."""
    inputs, start = _arrays(sample), _random(op, sample)
    if start is None or not (moving := _moving(inputs)):
        return
    weights = [wrap(_numbers(inputs[k].shape, 11 + k)) for k in moving]

    def slope(points: Sequence[Any]) -> tuple[Any, list[Tensor]]:
        leaves = [_tensor(x, needed=True) for x in points]
        full = _placed([_tensor(x) for x in inputs], moving, leaves)
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
    inputs, start = _arrays(sample), _random(op, sample)
    if start is None or not (moving := _moving(inputs)):
        return
    for asked in ([k] for k in moving) if len(moving) == 1 else (*([k] for k in moving), moving):
        for inner in (False, True):
            expected: Sequence[Tensor] = ()
            for create_graph in (True, False, False, False):  # a plan is made the second time and used from then on
                leaves = [_tensor(x, needed=k in asked) for k, x in enumerate(inputs)]
                used = [x * 1.0 if inner and k in asked else x for k, x in enumerate(leaves)]
                found = _gradients(op, used, sample.params, start, [leaves[k] for k in asked], create_graph)
                expected = expected or found
                for k, a, b in zip(asked, found, expected):
                    _same(f"d {op.input_name(k)} on the fast path", _array(a), _array(b))


def single(op: Op, sample: Sample) -> None:
    """In float32 the gradients are float32 too, on both paths, and near those in float64."""
    start = _random(op, sample)
    if start is None or not (moving := _moving(_arrays(sample))):
        return
    found: dict[np.dtype[Any], Sequence[Tensor]] = {}
    for dtype, create_graph in ((F64, True), (F32, True), (F32, False), (F32, False)):
        leaves = [_tensor(x, needed=True) for x in _arrays(sample, dtype)]
        wanted = [leaves[k] for k in moving]
        found = {dtype: _gradients(op, leaves, sample.params, start.astype(dtype), wanted, create_graph), **found}
        for k, a, b in zip(moving, found[dtype], found[F64]):
            assert a.np_dtype == dtype, f"d {op.input_name(k)} of a {dtype} input is {a.np_dtype}"
            assert np.allclose(_array(a), _array(b), rtol=1e-4, atol=1e-5), f"d {op.input_name(k)} in {dtype}: {a}, {b}"


READINGS: dict[str, Callable[[Op, Sample], None]] = {
    reading.__name__: reading
    for reading in (spec, finite, memory, index, traced, reverse, forward, second, fast, single)
}


def check_refusal(op: Op, refusal: Refusal) -> None:
    """Bad inputs raise what the record says, in its words, on tensors; and the shape rule refuses them as well."""
    inputs = _arrays(refusal)
    try:
        out = applied(op, [_tensor(x) for x in inputs], refusal.params)
    except refusal.error as error:
        assert refusal.says in str(error), f"the message {str(error)!r} does not say {refusal.says!r}"
        assert str(error).startswith(op.name), f"the message {str(error)!r} does not start with the op"
    else:
        raise AssertionError(f"gives {_told(out)}, and should raise {refusal.error.__name__}")
    try:
        told = op.spec(*[Spec(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in inputs], **refusal.params)
    except refusal.error:
        return
    raise AssertionError(f"refused on tensors, but the shape rule gives {told}: a compiled step would accept it")


# -- inputs and comparisons ------------------------------------------------------------------------------------------


def applied(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
    """The op the way its words apply it."""
    first: Tensor = next(x for x in inputs if isinstance(x, Tensor))
    if len(inputs) == 1:
        return first._unary(op, **params)
    if len(inputs) == 2 and not params:
        return first._binary(op, inputs[1]) if inputs[0] is first else first._reflected(op, inputs[0])
    return first._apply(op, inputs, **params)


def _operand(x: Any) -> Any:
    """A Python number stays one; anything else is an array."""
    return x if isinstance(x, (bool, int, float)) else np.array(x)


def _arrays(sample: Sample | Refusal, dtype: np.dtype[Any] = F64) -> list[Any]:
    """Fresh inputs, the floating ones in ``dtype``."""
    fresh = [_operand(x) for x in sample.inputs]
    return [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in fresh]


def _tensor(x: Any, needed: bool = False) -> Any:
    if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
        return x
    return wrap(np.array(x)).requires_grad_(needed and x.dtype.kind == "f")


def _moving(inputs: Sequence[Any]) -> list[int]:
    """Which inputs are floating arrays, and can be varied."""
    return [k for k, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def _placed(inputs: Sequence[Any], places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    full = list(inputs)
    for place, value in zip(places, values):
        full[place] = value
    return full


def _forward(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    return np.asarray(quietly(_called, op.forward, inputs, params))


def _called(function: Callable[..., Any], inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    return function(*inputs, **params)


def _numbers(shape: Sequence[int], seed: int) -> Any:
    """Random numbers between 0.5 and 1.5: none is 0, so every element counts."""
    return np.asarray(np.random.default_rng(seed).uniform(0.5, 1.5, tuple(shape)))


def _random(op: Op, sample: Sample) -> Any:
    """A random cotangent for the output, or None where the output carries none."""
    out = _forward(op, _arrays(sample), sample.params)
    return _numbers(out.shape, 5) if out.dtype.kind == "f" else None


def _gradients(
    op: Op, inputs: Sequence[Any], params: dict[str, Any], start: Any, wanted: Sequence[Tensor],
    create_graph: bool = False,
) -> Sequence[Tensor]:
    out = applied(op, inputs, params)
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


def _told(tensor: Tensor) -> Spec:
    return Spec(tuple(tensor.shape), tensor.np_dtype)


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
