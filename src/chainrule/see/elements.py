"""One element of a tensor, followed to the output: the graph of scalars on its paths.

Each op is expanded by its kind and its own rules, never by its name. An op that works element by element sends
element k to the elements that broadcasting lays over it. Of any other op the rule that pulls cotangents back is linear
in them, so its own transpose, had by pulling through it, pushes the unit tensor at k forward: that column of the
Jacobian says where element k goes, and with which derivative. An op that only moves values makes no new scalars.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.autograd import grad
from chainrule.modes import Switch
from chainrule.op import Elementwise, General, Linear, Piecewise
from chainrule.see.local import Operand, Written, operand
from chainrule.see.names import symbol
from chainrule.see.quantities import F64, Quantity, knowledge, pulled
from chainrule.see.record import show
from chainrule.spec import Spec
from chainrule.tensors import Tensor, wrap

WRITTEN = 2_000  # scalars and lines that are written out as formulas; of more, the numbers do
Column = Callable[[int], Iterator[tuple[int, float]]]


@dataclass(eq=False, slots=True)
class Scalar:
    """Element ``k`` of a quantity; the same value may be an element of other quantities too."""

    of: Quantity
    k: int
    name: str
    invented: bool


@dataclass(eq=False, slots=True)
class Line:
    """``source`` is element ``k`` of argument ``arg`` of ``target``; the derivative as a number and as text."""

    source: Scalar
    target: Scalar
    arg: int
    k: int
    derivative: float
    rule: str = ""


class Paths:
    """The scalars on the paths from element ``k`` of ``start`` to the output, each after those it comes from."""

    def __init__(self, quantities: Sequence[Quantity], start: Quantity, k: int):
        self.start = Scalar(start, k, element_name(start, k), start.invented)
        self.reached: dict[Quantity, dict[int, Scalar]] = {start: {k: self.start}}
        self.scalars, self.lines = [self.start], list[Line]()
        for q in quantities:
            for i in q.passes():
                if q.args[i] in self.reached:
                    self._through(q, i)
        ends = self.reached.get(quantities[-1])
        self.scalars, self.lines = leading_to(ends[0], self.scalars, self.lines) if ends else ([], [])
        if ends and ends[0] is not self.start:
            ends[0].name = quantities[-1].name
        for number, line in enumerate(self.lines):
            line.rule = self._rule(line) if number < WRITTEN else show(line.derivative)

    def _through(self, q: Quantity, i: int) -> None:
        assert q.node is not None
        here, push = self.reached.setdefault(q, {}), column(q, i)
        for k, source in self.reached[q.args[i]].items():
            for j, number in push(k):
                if q.node.op.index is not None:
                    here[j] = source
                    if source.invented and not q.invented:
                        source.name, source.invented = element_name(q, j), False
                    continue
                if j not in here:
                    here[j] = Scalar(q, j, element_name(q, j), q.invented)
                    self.scalars.append(here[j])
                self.lines.append(Line(source, here[j], i, k, number))

    def name(self, q: Quantity, k: int) -> str:
        """What element ``k`` is called: as on the paths, else as where it was moved from."""
        while k not in self.reached.get(q, {}) and q.invented and q.node is not None and q.node.op.index is not None:
            arg, place = q.args[0], np.unravel_index(k, q.shape)
            index = q.node.op.index(place, Spec(arg.shape, F64), **q.node.params)
            q, k = arg, int(np.ravel_multi_index(index, arg.shape)) if arg.shape else 0
        scalar = self.reached.get(q, {}).get(k)
        return element_name(q, k) if scalar is None else scalar.name

    def written(self, scalar: Scalar) -> Written:
        """An element of an op that works element by element, in the names of the elements that it comes from."""
        q = scalar.of
        assert q.node is not None

        def at(arg: Quantity) -> Operand:
            k = int(positions(arg, q)[scalar.k])
            return self.name(arg, k), (), item(arg.value, k)

        operands = [at(arg) if operand(arg)[0] else operand(arg) for arg in q.args]
        return Written(q.node.op, q.node.params, operands, (scalar.name, (), item(q.value, scalar.k)))

    def _rule(self, line: Line) -> str:
        op = line.target.of.node and line.target.of.node.op
        if isinstance(op, Elementwise | Piecewise):
            return self.written(line.target).derivative(line.arg)
        one = factor(line.target.of, line.arg, line.target.k, line.k) if isinstance(op, General) else None
        return self.name(*one) if one else show(line.derivative)


def leading_to(output: Scalar, scalars: Sequence[Scalar], lines: Sequence[Line]) -> tuple[list[Scalar], list[Line]]:
    """What lies on a way to the output, which comes last."""
    into: dict[Scalar, list[Line]] = {s: [] for s in scalars}
    for line in lines:
        into[line.target].append(line)
    leading, stack = {output}, [output]
    while stack:
        for line in into[stack.pop()]:
            if line.source not in leading:
                leading.add(line.source)
                stack.append(line.source)
    return [s for s in scalars if s in leading], [line for line in lines if line.target in leading]


def column(q: Quantity, i: int) -> Column:
    """Where an element of argument ``i`` goes: from its position to the (position, derivative) of elements of ``q``."""
    assert q.node is not None
    arg, known = q.args[i], knowledge(q)
    if isinstance(q.node.op, Elementwise | Piecewise):
        with Switch(grad=False):
            local = q.node.op.reverse(i, wrap(np.ones(q.shape)), known)._data
        local = np.broadcast_to(local, q.shape).reshape(-1)
        under = positions(arg, q)
        return lambda k: ((int(j), float(local[j])) for j in np.flatnonzero(under == k))
    number = pushing(q, i, known)
    there = number if isinstance(q.node.op, Linear) else pushing(q, i, generic(known))

    def goes(k: int) -> Iterator[tuple[int, float]]:
        numbers = number(k)
        return ((int(j), float(numbers[j])) for j in np.flatnonzero(there(k)))

    return goes


def pushing(q: Quantity, i: int, known: Mapping[str, Any]) -> Callable[[int], Any]:
    """The columns of the Jacobian by argument ``i``: the reverse rule, transposed."""
    arg = q.args[i]
    with Switch(grad=True):
        g = wrap(np.zeros(q.shape)).requires_grad_()
        part = pulled(q, i, g, known)

        def push(k: int) -> Any:
            (found,) = grad(part, g, wrap(unit(arg.shape, k)), retain_graph=True, allow_unused=True)
            return np.zeros(q.size) if found is None else found._data.reshape(-1)

        return push if part.requires_grad else lambda k: np.zeros(q.size)


def generic(known: Mapping[str, Any]) -> dict[str, Any]:
    """Other values of the same shapes: where a derivative is 0 here too, there is no way through."""
    random = np.random.default_rng(0)
    return {name: wrap(random.uniform(0.5, 1.5, x.shape)) if isinstance(x, Tensor) else x for name, x in known.items()}


def factor(q: Quantity, i: int, j: int, k: int) -> tuple[Quantity, int] | None:
    """The element of an argument that ∂q[j]/∂arg[k] is; None where it is more than that.

    The rule itself tells: its derivative by its operands is 1 at that element and 0 elsewhere.
    """
    assert q.node is not None
    with Switch(grad=True):
        known = {name: x.detach().requires_grad_() if isinstance(x, Tensor) else x for name, x in knowledge(q).items()}
        part = pulled(q, i, wrap(unit(q.shape, j)), known).reshape(-1)[k]
        if not part.requires_grad:
            return None
        operands = [(arg, known[name]) for name, arg in zip((*q.node.op.inputs, "out"), (*q.args, q))
                    if isinstance(known[name], Tensor)]  # fmt: skip
        slopes = grad(part, [x for _, x in operands], allow_unused=True)
    found = [(arg, int(m), slope._data.reshape(-1)[m]) for (arg, _), slope in zip(operands, slopes) if slope is not None
             for m in np.flatnonzero(slope._data)]  # fmt: skip
    return found[0][:2] if len(found) == 1 and found[0][2] == 1 else None


def positions(arg: Quantity, q: Quantity) -> Any:
    """Which element of an argument lies under each element of ``q``."""
    return np.broadcast_to(np.arange(arg.size).reshape(arg.shape), q.shape).reshape(-1)


def item(array: Any, k: int) -> Any:
    """Element ``k`` of an array; None where the tape did not keep it."""
    return None if array is None else np.reshape(array, -1)[k]


def unit(shape: Sequence[int], k: int) -> Any:
    """Zeros of a shape, and 1 at element ``k``."""
    flat = np.zeros(int(np.prod(shape, dtype=int)), F64)
    flat[k] = 1
    return flat.reshape(shape)


def element_name(q: Quantity, k: int) -> str:
    """``W[0, 1]``; the name alone where there is one element."""
    if q.size == 1:
        return q.name
    shape = q.shape if q.seen is None else q.seen
    return f"{symbol(q.name)}[{', '.join(str(int(n)) for n in np.unravel_index(k, shape))}]"
