"""What the user calls things: variables of the frame that asks, targets of assignments, operands in the source.

A tape node knows the stretch of source that made it. That stretch is an expression of the parsed file: what it is
assigned to names the result, and its operands name the inputs. Where the stretch is a call, several nodes may have
been made by it (``x.mean()`` is a sum and a division); then only the last of them is the call's result.
"""

import ast
import linecache
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import FrameType
from typing import Any

from chainrule.see.folding import Users, fold, readers, same_place, users_of
from chainrule.see.quantities import Quantity, is_literal
from chainrule.source import Place
from chainrule.tape import Node
from chainrule.tensors import Tensor, wrap

LONGEST = 24  # characters of an expression that stands for a tensor without gradient
Span = tuple[int, int, int, int]


class Names:
    """Names for the quantities of one graph: the given ones first, then those of the frame, then the source's."""

    def __init__(self, frame: FrameType | None, given: Mapping[str, Tensor] | None = None):
        self.variables: dict[str, Any] = {} if frame is None else {**frame.f_globals, **frame.f_locals}
        self.source = frame is not None
        self.bound: dict[Any, str] = {}
        self.found: dict[Any, Tensor] = {}
        local = {} if frame is None else frame.f_locals
        for name, tensor in [*(given or {}).items(), *_tensors(local)]:
            self.bound.setdefault(tensor if tensor._node is None else tensor._node, name)

    def find(self, node: Node, k: int) -> Tensor | None:
        """The variable that the source names as operand ``k``, if it is a tensor that fits: as the op has seen it."""
        operand, shape = self.operand(node, k), node.shapes[k]
        name = operand.id if isinstance(operand, ast.Name) else ""
        value = self.variables.get(name)
        if not isinstance(value, Tensor) or value._data.size != math.prod(shape):
            return None
        if value._data.shape == shape and value._data.dtype == node.dtypes[k]:
            return value
        key = (value, shape, node.dtypes[k])
        if key not in self.found:
            self.found[key] = wrap(value._data.astype(node.dtypes[k]).reshape(shape))
            self.bound.setdefault(self.found[key], self.bound.get(value, name))
        return self.found[key]

    def operand(self, node: Node, k: int) -> ast.expr | None:
        """The expression of operand ``k`` in the source."""
        operands = self._operands(node)
        return operands[k] if k < len(operands) else None

    def _operands(self, node: Any) -> list[ast.expr]:
        return _operands(self._expression(node), len(node.edges), node.op.first)

    def assign(self, quantities: Sequence[Quantity]) -> None:
        """Give every tensor a name of its own; numbers have none."""
        tensors = [q for q in quantities if not q.number]
        taken = Taken()
        users = users_of(quantities)
        fold(quantities, users)
        for q in tensors:
            self._claim(q, self.bound.get(q.node or q.given, ""), taken)
        for q in tensors:
            self._claim(q, self._target(q, users) or self._as_operand(q, users), taken)
        last = quantities[-1]
        if not last.name:
            self._claim(last, next((name for name in ("J", "L", "out") if name not in taken), ""), taken)
        for q in reversed(tensors):
            if q.head is not None and not q.head.name:
                q.head.name = q.name
        for q in tensors:
            q.invented = not q.name if q.head is None else q.head.invented
            if q.head is not None:
                q.name = q.head.name
            if not q.name:
                self._claim(q, taken.fresh("v" if q.wanted else "k"), taken)
            q.place = q.node.place if q.node is not None and self.source else None
            known = self.variables.get(q.name, getattr(q.given, "_base", None))  # the variable may be out of reach
            if not q.wanted and isinstance(known, Tensor) and known._data.size == q.size:
                q.seen = known._data.shape

    def sorted(self, quantities: Sequence[Quantity]) -> list[Quantity]:
        """The leaves first, in the order in which the user's variables came to be; then the others as they are."""
        order = {key: i for i, key in enumerate(self.bound)}
        leaves = [q for q in quantities if q.node is None and q.wanted]
        leaves.sort(key=lambda q: order.get(q.given, len(order)))
        first = set(leaves)
        return leaves + [q for q in quantities if q not in first]

    def _claim(self, q: Quantity, name: str, taken: "Taken") -> None:
        if q.name or not name:
            return
        q.name = name if name not in taken else taken.fresh(name + "_")
        taken.add(q.name)

    def _target(self, q: Quantity, users: Users) -> str:
        """What the source assigns the result to."""
        expression = self._expression(q.node)
        same = [user.node.op for user, _ in users[q] if same_place(q, user) and user.node is not None]
        if q.node is not None and any(op is not q.node.op or isinstance(expression, ast.Call) for op in same):
            return ""  # only a step on the way to what the expression gives; else a loop has come here again
        parent = getattr(expression, "parent", None)
        if isinstance(expression, ast.AugAssign):
            target: Any = expression.target
        elif isinstance(parent, ast.Assign):
            target = parent.targets[0]
        elif isinstance(parent, ast.AnnAssign | ast.NamedExpr):
            target = parent.target
        else:
            return ""
        return ast.unparse(target) if _dotted(target) else ""

    def _as_operand(self, q: Quantity, users: Users) -> str:
        """How the source writes a given tensor where it is used: ``self.weight``, or a short expression of data."""
        for user, i in readers(q, users) if q.node is None else ():
            near = [*user.args, *(other for other, _ in users[user])]
            expression = self._expression(user.node)
            if isinstance(expression, ast.Call) and any(same_place(user, other) for other in near):
                continue
            if isinstance(expression, ast.Call) and q.wanted and len(self._operands(user.node)) < len(user.args):
                continue  # a module, which has parameters of its own
            operand = self.operand(user.node, i) if user.node else None
            text = ast.unparse(operand) if operand else ""
            spelled = not q.wanted and not is_literal(q) and len(text) <= LONGEST
            if operand and (_dotted(operand) or spelled):
                return text
        return ""

    def _expression(self, node: Node | None) -> Any:
        place = node.place if node is not None and self.source else None
        return None if place is None else _find(place)


def symbol(name: str) -> str:
    """A name as it stands in a formula: an expression in parentheses.

    >>> from chainrule.see.names import symbol
    >>> symbol("W[0, 1]"), symbol("x > 0"), symbol("(x - y)[0]")
    ('W[0, 1]', '(x > 0)', '(x - y)[0]')
    """
    return name if re.fullmatch(r"([^\W\d]\w*|\([^()]*\)\[[^]]*\])(\.\w+|\[[^]]*\])*", name) else f"({name})"


class Taken(set[str]):
    """The names that are in use."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def fresh(self, base: str) -> str:
        """``base`` with the next number that makes it new."""
        number = self.last.get(base, 0) + 1
        while f"{base}{number}" in self:
            number += 1
        self.last[base] = number
        return f"{base}{number}"


def _tensors(variables: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of variables, of lists, tuples and dicts in variables, and of modules."""
    inside: list[tuple[str, Any]] = []
    for name, value in list(variables.items()):
        if not name.isidentifier() or name.startswith("_"):  # pytest's and IPython's own
            continue
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, list | tuple):
            inside += [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            inside += [(f"{name}[{key!r}]", item) for key, item in value.items()]
        elif hasattr(type(value), "named_parameters"):
            inside += [(re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", f"{name}.{path}"), item)  # parts by number
                       for path, item in value.named_parameters()]
    yield from ((name, item) for name, item in inside if isinstance(item, Tensor))


# -- the parsed source -----------------------------------------------------------------------------------------------


def _find(place: Place) -> Any:
    """The expression at a place; of a chain of methods over several lines, the call that ends there."""
    spans = _spans("".join(linecache.getlines(place.file)))
    span = (place.line, place.column, place.end_line, place.end_column)
    return spans.get(span) or spans.get((0, 0, *span[2:]))


@lru_cache(maxsize=64)
def _spans(source: str) -> dict[Span, Any]:
    """The expressions of a file by where they stand, each with its parent; calls also by where they end."""
    found: dict[Span, Any] = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return found
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            child.parent = parent  # type: ignore[attr-defined]
            if isinstance(child, ast.expr | ast.AugAssign):
                end = (child.end_lineno or 0, child.end_col_offset or 0)
                found[(child.lineno, child.col_offset, *end)] = child
                if isinstance(child, ast.Call):
                    found.setdefault((0, 0, *end), child)
    return found


def _operands(expression: Any, n: int, first: int) -> list[ast.expr]:
    """What an expression that applies an op of ``n`` inputs applies it to; as a method, to its input 0 if it can be."""
    if isinstance(expression, ast.BinOp):
        return [expression.left, expression.right]
    if isinstance(expression, ast.AugAssign):
        return [expression.target, expression.value]
    if isinstance(expression, ast.Compare):
        return [expression.left, *expression.comparators]
    if isinstance(expression, ast.UnaryOp):
        return [expression.operand]
    if isinstance(expression, ast.Subscript | ast.Attribute):
        return [expression.value]
    if isinstance(expression, ast.Call):
        called = expression.func
        if isinstance(called, ast.Attribute) and len(expression.args) < n and hasattr(Tensor, called.attr):
            return [] if first else [called.value, *expression.args]
        return expression.args
    return []


def _dotted(expression: ast.AST) -> bool:
    """Is it a name, an attribute or an element by constant index of one?"""
    while isinstance(expression, ast.Attribute | ast.Subscript):
        if isinstance(expression, ast.Subscript) and not isinstance(expression.slice, ast.Constant):
            return False
        expression = expression.value
    return isinstance(expression, ast.Name)
