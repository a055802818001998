"""The tape read as quantities: every tensor and number that takes part in J, its value, and the gradient of J by it.

A tape keeps what the rules need and no more, and nothing after backward. So values are had again by running the
recorded ops from the leaves, every float read as float64: then a central difference by the same way means something.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import GraphError
from chainrule.modes import Switch, quietly
from chainrule.source import Place, at, user_place
from chainrule.spec import Spec, shown
from chainrule.tape import Node
from chainrule.tensors import Tensor, wrap

F64 = np.dtype("float64")
STEP = 1e-6  # of central differences
Find = Callable[[Node, int], Any]


@dataclass(eq=False, slots=True)
class Quantity:
    """A tensor or a number: computed by ``node`` from ``args``, or given.

    ``given`` is a leaf, a tensor without gradient or a number; None where the tape did not keep it. ``value`` and
    ``grad`` are arrays; None where they are not known.
    """

    shape: tuple[int, ...] = ()
    node: Node | None = None
    args: tuple["Quantity", ...] = ()
    given: Any = None
    wanted: bool = True
    """Does a gradient go here? Not to a number, nor to a tensor that does not require grad."""
    name: str = ""
    invented: bool = False
    """Is the name ours, not the user's?"""
    place: Place | None = None
    head: "Quantity | None" = None
    """The quantity whose elements these are in another shape, if the user has not asked for that shape."""
    seen: tuple[int, ...] | None = None
    """The shape in which the user knows the elements, where it is another."""
    value: Any = None
    grad: Any = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def number(self) -> bool:
        """Is it a number in the program's text, not a tensor?"""
        return self.given is not None and not isinstance(self.given, Tensor)

    def passes(self) -> Iterator[int]:
        """The inputs to which this one passes a gradient."""
        if self.node is not None:
            yield from (i for i, arg in enumerate(self.args) if arg.wanted and self.node.op.differentiable(i))


def read(output: Tensor, find: Find) -> list[Quantity]:
    """The quantities that ``output`` was computed from, each after its arguments, ``output`` last.

    ``find(node, k)`` may say which tensor without gradient was operand ``k``, where the tape did not keep it.
    """
    output._refresh()
    if output._edge() is None:
        raise GraphError(f"explain: nothing that this tensor of shape {shown(output.shape)} was computed from requires "
                         f"grad{at(user_place())}; set requires_grad=True on what the gradient is taken by")
    found: dict[Any, Quantity] = {}
    for node in _nodes(output._node):
        kept = dict(zip(node.saved_inputs(), node.saved or ()))
        args = []
        for k, edge in enumerate(node.edges):
            given = edge if edge is not None else kept.get(k, node.numbers[k])
            if given is None:
                given = find(node, k)
            key = given if isinstance(given, Tensor | Node) else (node, k)
            arg = found.setdefault(key, Quantity(given=given, wanted=edge is not None))
            arg.shape = node.shapes[k] or ()
            args.append(arg)
        found[node] = Quantity(node=node, args=tuple(args))
    last = found[output._edge()] = found.get(output._edge(), Quantity(given=output))
    last.shape = output._data.shape
    return list(found.values())


def _nodes(last: Node | None) -> list[Node]:
    """The nodes behind ``last``, in the order in which they were made."""
    seen = {last} if last is not None else set()
    stack = list(seen)
    while stack:
        fresh = [e for e in stack.pop().edges if e is not None and e.serial and e not in seen]
        seen.update(fresh)
        stack.extend(fresh)
    for node in seen:
        if not isinstance(node, Node):
            raise GraphError(f"explain: {node.name()} is an autograd.Function: its backward is a program, and there is "
                             f"no rule to show{at(node.place)}; explain what is computed from its detached output")
    return sorted(seen, key=lambda node: node.serial)


def replay(
    quantities: Sequence[Quantity], instead: Mapping[Quantity, Any] | None = None, double: bool = True
) -> dict[Quantity, Any]:
    """The value of each quantity, by running the ops again; None where an operand is not known.

    ``instead`` puts other values in the place of some.
    """
    values: dict[Quantity, Any] = dict(instead or {})
    for q in quantities:
        if q in values:
            continue
        if q.node is None:
            array = q.given._data if isinstance(q.given, Tensor) else q.given
            values[q] = _double(array) if double else array
            continue
        inputs = [values[arg] for arg in q.args]
        params = {key: F64 if double and isinstance(p, np.dtype) and p.kind == "f" else p
                  for key, p in q.node.params.items()}
        known = all(x is not None for x in inputs)
        forward = q.node.op.along if double else q.node.op.forward
        values[q] = quietly(forward, *inputs, **params) if known else None
    return values


def _double(array: Any) -> Any:
    is_array = isinstance(array, np.ndarray | np.generic)
    return array.astype(F64) if is_array and array.dtype.kind == "f" else array


def as_recorded(quantities: Sequence[Quantity], output: Tensor) -> bool:
    """Does running the ops again give the value that ``output`` has? True where it cannot be told."""
    was = np.asarray(output._data)
    near = 8 * float(np.finfo(was.dtype).eps)
    for double in (True, False):
        again = replay(quantities, double=double)[quantities[-1]]
        if again is None or np.allclose(again, was, rtol=near, atol=0, equal_nan=True):
            return True
    return False


def evaluate(quantities: Sequence[Quantity], output: Tensor) -> None:
    """Fill in values and gradients. Raises GraphError where a rule needs a value that is gone."""
    kept: dict[Quantity, Any] = {}
    for q in quantities:
        if q.node is not None:
            kept[q] = q.node.out if q.node.out is not None else kept.get(q)
            for k, tensor in zip(q.node.saved_inputs(), q.node.saved or ()):
                kept[q.args[k]] = tensor._data
    kept[quantities[-1]] = output._data
    values = replay(quantities)
    values = replay(quantities, {q: _double(x) for q, x in kept.items() if values[q] is None and x is not None})
    for q, value in values.items():
        q.value = value
    quantities[-1].grad = np.ones(quantities[-1].shape)
    with Switch(grad=False):
        for q in reversed(quantities):
            if q.node is None or q.grad is None:
                continue
            known, g = knowledge(q), wrap(q.grad)
            for i in q.passes():
                part, arg = pulled(q, i, g, known)._data, q.args[i]
                arg.grad = part if arg.grad is None else arg.grad + part


def is_literal(q: Quantity) -> bool:
    """Is it one number that no gradient goes to, as good as a number in the program's text?"""
    value = q.value
    return not q.wanted and q.size == 1 and value is not None and np.asarray(value).dtype != bool


def knowledge(q: Quantity) -> dict[str, Any]:
    """What the rules of a quantity may name, as float64 tensors. Raises GraphError where some of it is gone."""
    assert q.node is not None
    op = q.node.op
    inputs = [arg.given if arg.number else Spec(arg.shape, F64) if not op.by_value(i) else
              None if arg.value is None else wrap(arg.value) for i, arg in enumerate(q.args)]  # fmt: skip
    known = op.known(inputs, q.node.params, None if q.value is None else wrap(q.value))
    for i in q.passes():
        for name in (name for rule in op.rules(i) for name in rule.names):
            if name in known and (known[name] is None or (isinstance(known[name], tuple) and None in known[name])):
                raise GraphError(GONE.format(op.name, name, at(q.node.place)))
    return known


def pulled(q: Quantity, i: int, g: Any, known: Mapping[str, Any]) -> Any:
    """The cotangent of argument ``i`` from the cotangent ``g`` of ``q``, by the op's rule."""
    assert q.node is not None
    return q.node.op.reverse(i, g, known).sum_to_size(q.args[i].shape)


def central(quantities: Sequence[Quantity], q: Quantity, k: int = 0) -> float | None:
    """(J(x + h) − J(x − h)) / 2h for element ``k`` of a quantity; None where J cannot be computed again."""
    ends = []
    for step in (STEP, -STEP):
        moved = np.array(q.value, F64).reshape(-1)
        moved[k] += step
        value = replay(quantities, {q: moved.reshape(q.shape)})[quantities[-1]]
        if value is None:
            return None
        ends.append((float(np.reshape(value, ())), moved[k]))
    (high, up), (low, down) = ends
    return float(quietly(np.divide, high - low, up - down))


GONE = (
    "explain: {0} needs its {1}, and that is gone{2}: backward() has freed it, and it cannot be computed again from "
    "what is left. Call explain before backward(), or backward(retain_graph=True)"
)
CHANGED = (
    "explain: computed again, this tensor has another value: something that it was computed from has been overwritten "
    "since, a parameter by an optimizer's step perhaps{0}. Call explain before the update"
)
