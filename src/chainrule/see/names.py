"""What the user calls things: variables of the frame that asks, targets of assignments, operands in the source.

A tape node knows the stretch of source that made it. That stretch is an expression of the parsed file: what it is
assigned to names the result, and its operands name the inputs. Where the stretch is a call, several nodes may have
been made by it (``x.mean()`` is a sum and a division); then only the last of them is the call's result.
"""

import ast
import linecache
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import FrameType
from typing import Any

from chainrule.see.quantities import Quantity
from chainrule.source import Place
from chainrule.tape import Node
from chainrule.tensors import Tensor

LONGEST = 24  # characters of an expression that stands for a tensor without gradient
Span = tuple[int, int, int, int]
Users = dict[Quantity, list[tuple[Quantity, int]]]


class Names:
    """Names for the quantities of one graph: the given ones first, then those of the frame, then the source's."""

    def __init__(self, frame: FrameType | None, given: Mapping[str, Tensor] | None = None):
        self.variables: dict[str, Any] = {} if frame is None else {**frame.f_globals, **frame.f_locals}
        self.source = frame is not None
        self.bound: dict[Any, str] = {}
        local = {} if frame is None else frame.f_locals
        for name, tensor in [*(given or {}).items(), *_tensors(local)]:
            self.bound.setdefault(tensor if tensor._node is None else tensor._node, name)

    def find(self, node: Node, k: int) -> Tensor | None:
        """The variable that the source names as operand ``k``, if it is a tensor that fits."""
        operand = self.operand(node, k)
        value = self.variables.get(operand.id) if isinstance(operand, ast.Name) else None
        return value if isinstance(value, Tensor) and value._data.shape == node.shapes[k] else None

    def operand(self, node: Node, k: int) -> ast.expr | None:
        """The expression of operand ``k`` in the source."""
        operands = _operands(self._expression(node), len(node.edges))
        return operands[k] if k < len(operands) else None

    def assign(self, quantities: Sequence[Quantity]) -> None:
        """Give every tensor a name of its own; numbers have none."""
        tensors = [q for q in quantities if not q.number]
        taken: set[str] = set()
        users: Users = {q: [] for q in quantities}
        for q in quantities:
            for i, arg in enumerate(q.args):
                users[arg].append((q, i))
        for q in tensors:
            self._claim(q, self.bound.get(q.node or q.given, ""), taken)
        for q in tensors:
            self._claim(q, self._target(q, users) or self._as_operand(q, users), taken)
        if not quantities[-1].name:
            self._claim(quantities[-1], next(name for name in ("J", "L", "out") if name not in taken), taken)
        for q in tensors:
            q.invented = not q.name
            self._claim(q, _fresh("v" if q.wanted else "k", taken), taken)

    def _claim(self, q: Quantity, name: str, taken: set[str]) -> None:
        if q.name or not name:
            return
        q.name = name if name not in taken else _fresh(name + "_", taken)
        taken.add(q.name)

    def _target(self, q: Quantity, users: Users) -> str:
        """What the source assigns the result to."""
        expression = self._expression(q.node)
        if isinstance(expression, ast.Call) and any(_same_place(q, user) for user, _ in users[q]):
            return ""
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
        for user, i in users[q] if q.node is None else ():
            near = [*user.args, *(other for other, _ in users[user])]
            if isinstance(self._expression(user.node), ast.Call) and any(_same_place(user, other) for other in near):
                continue
            operand = self.operand(user.node, i) if user.node else None
            text = ast.unparse(operand) if operand else ""
            if operand and (_dotted(operand) or (not q.wanted and len(text) <= LONGEST)):
                return text
        return ""

    def _expression(self, node: Node | None) -> Any:
        place = node.place if node is not None and self.source else None
        return None if place is None else _find(place)


def symbol(name: str) -> str:
    """A name as it stands in a formula: an expression in parentheses.

    >>> from chainrule.see.names import symbol
    >>> symbol("W[0, 1]"), symbol("x > 0")
    ('W[0, 1]', '(x > 0)')
    """
    return name if re.fullmatch(r"[^\W\d][\w.]*(\[[^]]*\])*", name) else f"({name})"


def _fresh(base: str, taken: set[str]) -> str:
    number = 1
    while f"{base}{number}" in taken:
        number += 1
    return f"{base}{number}"


def _same_place(a: Quantity, b: Quantity) -> bool:
    return (a.node is not None and b.node is not None and a.node.code is b.node.code
            and a.node.instruction == b.node.instruction)  # fmt: skip


def _tensors(variables: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of variables, of lists, tuples and dicts in variables, and of modules."""
    inside: list[tuple[str, Any]] = []
    for name, value in list(variables.items()):
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, list | tuple):
            inside += [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            inside += [(f"{name}[{key!r}]", item) for key, item in value.items()]
        elif hasattr(type(value), "named_parameters"):
            inside += [(f"{name}.{path}", item) for path, item in value.named_parameters()]
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


def _operands(expression: Any, n: int) -> list[ast.expr]:
    """What an expression that applies an op of ``n`` inputs applies it to."""
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
        method = isinstance(expression.func, ast.Attribute) and len(expression.args) < n
        return [expression.func.value, *expression.args] if method else expression.args  # type: ignore[attr-defined]
    return []


def _dotted(expression: ast.AST) -> bool:
    """Is it a name, an attribute or an element by constant index of one?"""
    while isinstance(expression, ast.Attribute | ast.Subscript):
        if isinstance(expression, ast.Subscript) and not isinstance(expression.slice, ast.Constant):
            return False
        expression = expression.value
    return isinstance(expression, ast.Name)
