"""The numeric check of a derived formula: its code against reverse mode and central differences, in float64."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.autograd import grad
from chainrule.derive.sizes import Declared
from chainrule.errors import FormulaError
from chainrule.formula import Formula
from chainrule.tensors import Tensor, wrap

POINTS = SIZES = 3
STEP = 1e-4
REVERSE_BOUND, CENTRAL_BOUND = 1e-9, 1e-6
TRIES = 50


@dataclass(frozen=True)
class Checked:
    """The largest relative errors of a formula at ``points`` random points, at each of ``sizes`` sizes."""

    reverse: float
    central: float
    points: int = POINTS
    sizes: int = SIZES


def checked(
    formula: Formula, wrt: str, declared: Mapping[str, Declared], code: str, jacobian: bool, transpose: bool
) -> Checked:
    """Compare ``code`` with the derivative, or its transpose. Raises FormulaError where they differ."""
    compiled = compile(code, "<chainrule derived>", "eval")
    worst = [0.0, 0.0]
    rng = np.random.default_rng(0)
    for size in assignments(declared):
        for values in points(formula, declared, size, rng):
            found = np.asarray(eval(compiled, {"np": np, "__builtins__": {}, **size, **values}), np.float64)
            expected = reverse_mode(formula, wrt, values, jacobian), differences(formula, wrt, values, jacobian)
            for k, right in enumerate(expected):
                worst[k] = max(worst[k], error(found, right.T if transpose else right))
    if not (worst[0] <= REVERSE_BOUND and worst[1] <= CENTRAL_BOUND):
        raise FormulaError(f"derive: the formula found for {formula.text} failed its check and is withheld: it differs "
                           f"from reverse mode by {worst[0]:.1e}, from central differences by {worst[1]:.1e}. Please "
                           "report this; explain() and backward() give the gradient at a point")  # fmt: skip
    return Checked(worst[0], worst[1])


def assignments(declared: Mapping[str, Declared]) -> Iterator[dict[str, int]]:
    """Numbers for the sizes, all different."""
    names = sorted({size for each in declared.values() for size in each.shape})
    pool = range(2, 2 + max(4, len(names)))
    for turn in range(SIZES):
        yield {name: pool[(k + turn) % len(pool)] for k, name in enumerate(names)}


def points(formula: Formula, declared: Mapping[str, Declared], size: Mapping[str, int], rng: Any) -> Iterator[Any]:
    """Random values for the names, where the formula is finite."""
    found = 0
    for _ in range(TRIES):
        values = {name: sample(each, size, rng) for name, each in declared.items()}
        if np.isfinite(run(formula, values)).all():
            yield values
            found += 1
            if found == POINTS:
                return
    raise FormulaError(f"derive: {formula.text} is not finite at random points, so its derivative cannot be checked")


def sample(declared: Declared, size: Mapping[str, int], rng: Any) -> Any:
    value = rng.standard_normal([size[s] for s in declared.shape])
    return np.asarray((value + value.T) / 2 if declared.symmetric else value)


def run(formula: Formula, values: Mapping[str, Any]) -> Any:
    result = formula.evaluate({name: wrap(value) for name, value in values.items()})
    return np.asarray(result._data if isinstance(result, Tensor) else result, np.float64)


def reverse_mode(formula: Formula, wrt: str, values: Mapping[str, Any], jacobian: bool) -> Any:
    """The derivative by chainrule's own backpropagation: one column per output."""
    leaf = wrap(values[wrt].copy()).requires_grad_()
    out = formula.evaluate({**{name: wrap(value) for name, value in values.items()}, wrt: leaf})
    if not jacobian:
        return grad(out, leaf)[0]._data
    starts = np.eye(out.numel()).reshape(-1, *out.shape)
    return np.stack([grad(out, leaf, wrap(start), retain_graph=True)[0]._data for start in starts], -1)


def differences(formula: Formula, wrt: str, values: Mapping[str, Any], jacobian: bool) -> Any:
    """The derivative by central differences of fourth order."""

    def slope(entry: int, step: float) -> Any:
        ends = []
        for by in (step, -step):
            value = values[wrt].copy()
            value.reshape(-1)[entry] += by
            ends.append(run(formula, {**values, wrt: value}))
        return (ends[0] - ends[1]) / (2 * step)

    parts = [(4 * slope(k, STEP) - slope(k, 2 * STEP)) / 3 for k in range(values[wrt].size)]
    shape: Sequence[int] = (*values[wrt].shape, *(parts[0].shape if jacobian else ()))
    return np.stack(parts).reshape(shape)


def error(found: Any, expected: Any) -> float:
    """Relative to the largest entry; entries themselves may be near 0. NaN is as wrong as can be."""
    if found.shape != expected.shape:
        return float("inf")
    worst = float(np.max(np.abs(found - expected)) / max(1.0, float(np.max(np.abs(expected)))))
    return worst if worst == worst else float("inf")


