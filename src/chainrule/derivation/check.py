"""The numeric check of a derived formula: its code against reverse mode and central differences, in float64."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import CodeType
from typing import Any

import numpy as np

from chainrule.autograd import grad
from chainrule.derivation.sizes import Declared
from chainrule.errors import FormulaError
from chainrule.formula import Formula
from chainrule.modes import quietly
from chainrule.tensors import Tensor, wrap

POINTS = SIZES = 3
STEP = 1e-4
REVERSE_BOUND, CENTRAL_BOUND = 1e-9, 1e-6
AGREE = 1e-4
TRIES = 100
Values = Mapping[str, Any]


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
        samples = ({name: sample(each, size, rng) for name, each in declared.items()} for _ in range(TRIES))
        for values, central in islice(smooth(formula, wrt, samples, jacobian), POINTS):
            found = result(compiled, {"np": np, "__builtins__": {}, **size, **values})
            for k, right in enumerate((reverse_mode(formula, wrt, values, jacobian), central)):
                worst[k] = max(worst[k], error(found, right.T if transpose else right))
    if not (worst[0] <= REVERSE_BOUND and worst[1] <= CENTRAL_BOUND):
        raise FormulaError(f"derive: the formula found for {formula.text} failed its check and is withheld: it differs "
                           f"from reverse mode by {worst[0]:.1e}, from central differences by {worst[1]:.1e}. Please "
                           "report this; explain() and backward() give the gradient at a point")  # fmt: skip
    return Checked(worst[0], worst[1])


def result(compiled: CodeType, scope: dict[str, Any]) -> Any:
    """What derived code gives; NaN if it does not even run."""
    try:
        return quietly(lambda: np.asarray(eval(compiled, scope), np.float64))
    except (ArithmeticError, NameError, TypeError, ValueError):
        return np.asarray(np.nan)


def assignments(declared: Mapping[str, Declared]) -> Iterator[dict[str, int]]:
    """Numbers for the sizes, all different."""
    names = sorted({size for each in declared.values() for size in each.shape})
    pool = range(2, 2 + max(4, len(names)))
    for turn in range(SIZES):
        yield {name: pool[(k + turn) % len(pool)] for k, name in enumerate(names)}


def smooth(formula: Formula, wrt: str, samples: Iterable[Values], jacobian: bool) -> Iterator[tuple[Values, Any]]:
    """The samples at which the central differences of two steps agree, and the differences. Raises FormulaError.

    Close to a pole they tell nothing. Which samples are left out depends on the formula given, not on the one found.
    """
    for values in samples:
        coarse, fine = (differences(formula, wrt, values, step, jacobian) for step in (2 * STEP, STEP))
        if error(fine, coarse) <= AGREE:
            yield values, (4 * fine - coarse) / 3
    raise FormulaError(f"derive: {formula.text} is not finite and smooth at random points, so its derivative cannot be "
                       "checked")  # fmt: skip


def sample(declared: Declared, size: Mapping[str, int], rng: Any) -> Any:
    value = rng.standard_normal([size[s] for s in declared.shape])
    return np.asarray((value + value.T) / 2 if declared.symmetric else value)


def run(formula: Formula, values: Values) -> Any:
    result = formula.evaluate({name: wrap(value) for name, value in values.items()})
    return np.asarray(result._data if isinstance(result, Tensor) else result, np.float64)


def reverse_mode(formula: Formula, wrt: str, values: Values, jacobian: bool) -> Any:
    """The derivative by chainrule's own backpropagation: one column per output."""
    leaf = wrap(values[wrt].copy()).requires_grad_()
    out = formula.evaluate({**{name: wrap(value) for name, value in values.items()}, wrt: leaf})
    if not jacobian:
        return grad(out, leaf)[0]._data
    starts = np.eye(out.numel()).reshape(-1, *out.shape)
    return np.stack([grad(out, leaf, wrap(start), retain_graph=True)[0]._data for start in starts], -1)


def differences(formula: Formula, wrt: str, values: Values, step: float, jacobian: bool) -> Any:
    """The derivative by central differences."""

    def moved(entry: int, by: float) -> Any:
        value = values[wrt].copy()
        value.reshape(-1)[entry] += by
        return run(formula, {**values, wrt: value})

    parts = [(moved(k, step) - moved(k, -step)) / (2 * step) for k in range(values[wrt].size)]
    shape: Sequence[int] = (*values[wrt].shape, *(parts[0].shape if jacobian else ()))
    return np.stack(parts).reshape(shape)


def error(found: Any, expected: Any) -> float:
    """Relative to the largest entry; entries themselves may be near 0. NaN is as wrong as can be."""
    if found.shape != expected.shape:
        return float("inf")
    worst = float(np.max(np.abs(found - expected)) / max(1.0, float(np.max(np.abs(expected)))))
    return worst if worst == worst else float("inf")


