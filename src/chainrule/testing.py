"""Checks for ops, ours and users': every reading of one record on each of its samples.

A reading is a function of a record and a sample; it raises AssertionError where the record disagrees with itself or
with central differences. ``check_op`` runs them all and reports everything that is wrong at once.

>>> from chainrule.ops import ALL
>>> from chainrule.testing import check_op
>>> check_op(ALL["tanh"])
"""

from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from chainrule.gradcheck import gradcheck, gradgradcheck
from chainrule.op import FACETS, Linear, Op, Refusal, Rule, Sample
from chainrule.readings import READINGS, applied, arrays, operand, spec_of, specs, tensor

__all__ = ["READINGS", "check_op", "check_record", "check_refusal", "complaints", "gradcheck", "gradgradcheck"]


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
             for x in map(operand, sample.inputs)]
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
            unknown = set(rule.names) - {"g", "out", "i", *map(op.input_name, range(len(op.inputs))), *params}
            assert not unknown, f"the rule for {name} asks for {sorted(unknown)}; there are g, out, inputs, parameters"
            assert not (used := sorted(numpy_in(rule))), (
                f"the rule for {name} uses NumPy ({', '.join(used)}); write it in words of the vocabulary, or it can "
                "be neither differentiated again, nor traced, nor printed"
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


def check_refusal(op: Op, refusal: Refusal) -> None:
    """Bad inputs raise what the record says, in its words, on tensors; and the shape rule refuses them as well."""
    inputs = arrays(refusal)
    told = ""
    try:
        out = applied(op, [tensor(x) for x in inputs], refusal.params)
    except refusal.error as error:
        told = str(error)
    else:
        raise AssertionError(f"gives {spec_of(out)}, and should raise {refusal.error.__name__}")
    assert refusal.says in told, f"the message {told!r} does not say {refusal.says!r}"
    assert told.startswith(op.name), f"the message {told!r} does not start with the op"
    try:
        spec = op.spec(*specs(inputs), **refusal.params)
    except refusal.error:
        return
    raise AssertionError(f"refused on tensors, but the shape rule gives {spec}: a compiled step would accept it")
