"""A user's formula, read with ``ast`` and evaluated over whatever has the vocabulary. Nothing is executed.

A formula has numbers, names, ``+ - * / ** @``, comparisons, parentheses, ``.T``, subscripts and functions. There is
no list of functions: elementwise ones are op records, called with the record's inputs in order, and any other is a
word of the vocabulary, called with its first argument in front: ``sum(x, dim=0)`` and ``x.sum(dim=0)`` are one.
"""

import ast
import difflib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import FormulaError
from chainrule.modes import quietly
from chainrule.op import INFIX, Discrete, Elementwise, Op, Piecewise
from chainrule.ops import ALL
from chainrule.spec import DTYPES
from chainrule.vocabulary import Vocabulary

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}
SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.MatMult: "@", ast.Gt: ">",
    ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
PREFIX: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
}  # fmt: skip
OPERATORS = {**INFIX, "@": operator.matmul}
RECORDS = {op.infix: op for op in ALL.values() if op.infix}
PROPERTIES = ("T", "mT")
SPELLINGS = {"^": "**", "×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "²": "**2", "³": "**3", "ᵀ": ".T",
             "≤": "<=", "≥": ">=", "≠": "!=", "√": "sqrt(...)", "；": ",", "，": ",", "（": "(", "）": ")"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a formula: its text, and where it stands, in characters from 0; ``end`` is one past the last."""

    text: str
    start: int
    end: int


DEEP = "formula: it is nested too deeply; give names to parts of it and evaluate those first"
Observer = Callable[[Part, Any], None]


class Formula:
    """A formula: its ``text``, the ``names`` of its variables in order of appearance, and its value.

    Raises FormulaError, with a caret under the place, for what is not a formula and for functions there are not.

    >>> from chainrule.formula import Formula
    >>> formula = Formula("3*(a + b*c)")
    >>> formula.names, formula.evaluate({"a": 5, "b": 3, "c": 2})
    (('a', 'b', 'c'), 33.0)
    """

    def __init__(self, text: str):
        self.text = " ".join(text.split())
        self._bytes = self.text.encode()
        if not self.text:
            raise FormulaError("formula: the text is empty; write one such as 3*(a + b*c)")
        for place, letter in enumerate(self.text):
            if letter in SPELLINGS:
                self._refuse(f"{letter!r} is not read here; write {SPELLINGS[letter]}", place)
        names: dict[str, None] = {}
        try:
            self._tree = ast.parse(self.text, mode="eval").body
            self._check(self._tree, names)
        except FormulaError:
            raise
        except SyntaxError as error:
            if not error.offset or error.offset > len(self.text):
                self._refuse("it ends too early: an operand is missing", len(self.text))
            hint = " (a product needs its *)" if error.msg.startswith("invalid") else ""
            self._refuse(f"it cannot be read from here on: {error.msg}{hint}", error.offset - 1)
        except (RecursionError, MemoryError):
            raise FormulaError(DEEP) from None
        except ValueError as error:
            raise FormulaError(f"formula: {error}") from None
        self.names = tuple(names)

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    def evaluate(self, values: Mapping[str, Any], observe: Observer | None = None) -> Any:
        """The formula's value where each name has the value given: a number, a tensor, a symbol.

        ``observe`` is called with each operation, in the order in which they are done, as its part of the text and
        what came out. Numbers among themselves are reckoned in float64. Raises FormulaError.

        >>> import chainrule as torch
        >>> from chainrule.formula import Formula
        >>> x = torch.tensor([1.0, 2.0])
        >>> Formula("sum(x * x)").evaluate({"x": x}, lambda part, value: print(part.text, "is", value))
        x * x is tensor([1., 4.])
        sum(x * x) is tensor(5.)
        tensor(5.)
        """
        for name in self.names:
            if name not in values:
                self.refuse(f"{name} has no value; there are values for {', '.join(values) or 'no name'}", name)
            if not isinstance(values[name], (Vocabulary, int, float)):
                kind = type(values[name]).__name__
                self.refuse(f"the value of {name} is a {kind}; give a number or a tensor", name)
        try:
            return self._value(self._tree, values, observe or (lambda part, value: None))
        except RecursionError:
            raise FormulaError(DEEP) from None

    def refuse(self, what: str, name: str) -> NoReturn:
        """Raise FormulaError with carets under the first appearance of a variable."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node.id == name:
                self._refuse_at(what, node)
        raise FormulaError(f"formula: {what}")

    # -- places --------------------------------------------------------------------------------------------------

    def part(self, node: ast.expr) -> Part:
        """The part of the text that a node of the tree stands for."""
        start = len(self._bytes[: node.col_offset].decode())
        end = len(self._bytes[: node.end_col_offset].decode())
        return Part(self.text[start:end], start, end)

    def _refuse_at(self, what: str, node: ast.expr) -> NoReturn:
        raise FormulaError(f"formula: {what}\n{self.marked(self.part(node))}")

    def _refuse(self, what: str, at: int) -> NoReturn:
        raise FormulaError(f"formula: {what}\n{self.marked(Part('', at, at + 1))}")

    def marked(self, part: Part) -> str:
        """The text with carets below a part; of a long text what stands around it."""
        first = max(0, part.start - 60) if len(self.text) > 100 else 0
        end = min(part.end, first + 100)
        return f"    {self.text[first : first + 100]}\n    {' ' * (part.start - first)}{'^' * (end - part.start)}"

    # -- what a formula may have ---------------------------------------------------------------------------------

    def _check(self, node: ast.expr, names: dict[str, None]) -> None:
        """Refuse what is no formula; collect the variables."""
        match node:
            case ast.Name(id=name):
                if name not in CONSTANTS and name not in DTYPES:
                    names[name] = None
            case ast.BinOp(op=op) if type(op) not in SIGNS:
                self._refuse_at("this operator is not read here; there are + - * / ** and @", node)
            case ast.UnaryOp(op=op) if type(op) not in PREFIX:
                self._refuse_at("'not' is not read here; write ~ for it", node)
            case ast.Compare(ops=[op, *more]) if more or type(op) not in SIGNS:
                self._refuse_at("comparisons are > >= < <= == and !=, one at a time", node)
            case ast.Constant(value=value) if not isinstance(value, (int, float, type(None), type(...))):
                self._refuse_at(f"{value!r} is not a real number", node)
            case ast.Attribute(attr=name) if name not in PROPERTIES:
                self._refuse_at(f".{name} is not read here; there are .T and .mT, and functions: {name}(...)", node)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                if not is_function(name):
                    self._refuse_at(f"there is no function {name!r}{suggestion(name)}", node.func)
                if any(k.arg is None for k in node.keywords):
                    self._refuse_at("** before an argument is not read here; write the arguments out", node)
            case ast.Call():
                self._refuse_at("a number or a result has no arguments; to multiply, write * between", node)
            case (ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Constant() | ast.Attribute() | ast.Subscript()
                  | ast.Slice() | ast.Tuple()):  # fmt: skip
                pass
            case _:
                self._refuse_at("this is not part of a formula; there are numbers, names, + - * / ** @, comparisons, "
                                ".T and functions", node)  # fmt: skip
        for child in operands(node):
            self._check(child, names)

    # -- evaluation ----------------------------------------------------------------------------------------------

    def _value(self, node: ast.expr, values: Mapping[str, Any], observe: Observer) -> Any:
        given = [self._value(child, values, observe) for child in operands(node)]
        match node:
            case ast.Name(id=name):
                return values[name] if name in values else CONSTANTS.get(name) or DTYPES[name].numpy
            case ast.Constant(value=value):
                return value
            case ast.Tuple():
                return tuple(given)
            case ast.Slice():
                bounds = iter(given)
                return slice(*[part and next(bounds) for part in (node.lower, node.upper, node.step)])
        try:
            result = self._applied(node, given, values)
        except (FormulaError, RecursionError):
            raise
        except (ArithmeticError, AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise FormulaError(f"{error}\n{self.marked(self.part(node))}") from error
        if isinstance(result, Vocabulary) and not any(result is value for value in given):
            observe(self.part(node), result)
        return result

    def _applied(self, node: ast.expr, given: list[Any], values: Mapping[str, Any]) -> Any:
        """One operation on the values of its operands."""
        match node:
            case ast.BinOp(op=op) | ast.Compare(ops=[op]):
                sign = SIGNS[type(op)]
                if sign == "@" and not all(isinstance(value, Vocabulary) for value in given):
                    raise TypeError("@: multiplies vectors and matrices; for a number times a tensor write *")
                if any(isinstance(value, Vocabulary) for value in given):
                    return OPERATORS[sign](*given)
                return on_numbers(RECORDS[sign], given)
            case ast.UnaryOp(op=op):
                return PREFIX[type(op)](*given)
            case ast.Attribute(attr=name):
                return getattr(as_carrier(name, given[0], values), name)
            case ast.Subscript():
                return as_carrier("[]", given[0], values)[given[1]]
            case ast.Call(func=func):
                name = func.id if isinstance(func, ast.Name) else func.attr  # type: ignore[attr-defined]
                named = {str(k.arg): value for k, value in zip(node.keywords, given[len(given) - len(node.keywords) :])}
                args = given[: len(given) - len(named)]
                if name in ALL and isinstance(func, ast.Name) and by_record(ALL[name]):
                    return elementwise(ALL[name], args, named)
                if not args:
                    raise TypeError(f"{name}: needs an argument; write {name}(x)")
                return getattr(as_carrier(name, args[0], values), name)(*args[1:], **named)
        raise AssertionError(node)


def by_record(op: Op) -> bool:
    """Is the op elementwise, and so called with its inputs in order?"""
    return isinstance(op, (Elementwise, Piecewise)) or (isinstance(op, Discrete) and op.scalar is not None)


def operands(node: ast.expr) -> list[ast.expr]:
    """The expressions that a node of a formula's tree computes with, in order."""
    if isinstance(node, ast.Call):
        first = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return [*first, *node.args, *(k.value for k in node.keywords)]
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def is_function(name: str) -> bool:
    """Can ``name`` be called in a formula?"""
    return not name.startswith("_") and (name in ALL or callable(getattr(Vocabulary, name, None)))


def suggestion(name: str) -> str:
    """``; did you mean 'sin'?``, or how to multiply."""
    words = [word for word in {*ALL, *dir(Vocabulary)} if is_function(word)]
    close = difflib.get_close_matches(name, sorted(words), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; to multiply, write {name} * (...)"


def elementwise(op: Op, args: list[Any], named: Mapping[str, Any]) -> Any:
    """An elementwise op's record on its inputs in order."""
    if named or len(args) != len(op.inputs):
        raise TypeError(f"{op.name}: takes {len(op.inputs)} argument{'s' * (len(op.inputs) > 1)} "
                        f"({', '.join(op.inputs)}), {len(args) + len(named)} given")  # fmt: skip
    carrier = next((value for value in args if isinstance(value, Vocabulary)), None)
    return on_numbers(op, args) if carrier is None else carrier._apply(op, args)


def on_numbers(op: Op, numbers: list[Any]) -> Any:
    """An elementwise op on numbers alone, in float64: 1 / 0 is inf, as for tensors."""
    return quietly(op.forward, *map(np.float64, numbers)).item()


def as_carrier(word: str, value: Any, values: Mapping[str, Any]) -> Any:
    """The value, or the constant that a number stands for next to the formula's tensors."""
    if isinstance(value, Vocabulary):
        return value
    other = next((v for v in values.values() if isinstance(v, Vocabulary)), None)
    if other is None:
        raise TypeError(f"{word}: needs a tensor, got the number {value}")
    return other._full((), value)
