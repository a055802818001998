"""Values of the IR written as expressions: as text that evaluates to the same number, and as LaTeX.

What an op looks like comes from its record: its ``infix`` sign, or its name called as a function. A few moves have
signs of their own (``.T``, ``[1:3]``), and what only a machine needs is hidden: casts that lose nothing, and the
reshapes by which a vector takes part in a product of matrices. Sharing is not shown: a value used twice is written
twice, unless ``names`` has a name for it.
"""

import inspect
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from chainrule.ir import INPUT, Value, walk
from chainrule.op import Op
from chainrule.ops import arithmetic, comparison, indexing, reduction, shape
from chainrule.spec import RANK, Dim
from chainrule.vocabulary import Vocabulary

COMPARE, ADD, MULTIPLY, SIGN, POWER, ATOM = range(1, 7)  # how tightly an expression holds together
BINDS = {"+": ADD, "-": ADD, "*": MULTIPLY, "/": MULTIPLY, "@": MULTIPLY, "**": POWER}
PREFIX = {arithmetic.neg: "-", comparison.bitwise_not: "~"}
PUTS = {indexing.index_put: "set", indexing.index_add: "add"}
LATEX_SIGNS = {">=": r"\ge", "<=": r"\le", "==": "=", "!=": r"\ne", "~": r"\neg "}
LATEX_COMMANDS = frozenset("arccos arcsin arctan cos cosh det exp log max min sin sinh tan tanh".split())
Piece = tuple[str, int]
"""An expression, and how tightly it holds together."""


def text(value: Value, names: Mapping[Value, str] | None = None) -> str:
    """The value as an expression that :class:`~chainrule.formula.Formula` evaluates to the same number.

    Inputs have their own names; ``names`` overrides them, and may name inner values too.

    >>> from chainrule.expr import text
    >>> from chainrule.spec import Spec, float64
    >>> from chainrule.symbol import symbols
    >>> a, b, c = symbols(**{name: Spec((), float64.numpy) for name in "abc"})
    >>> text((3 * (a + b * c)).value), text((3 * (a + b * c)).value, {(b * c).value: "v"})
    ('3 * (a + b * c)', '3 * (a + v)')
    """
    return _Text(names or {}).of(value)


def spelled(value: Value) -> int:
    """How many ops the text of a value writes out: what is used twice counts twice, as it is written twice.

    >>> from chainrule.expr import spelled
    >>> from chainrule.spec import Spec, float64
    >>> from chainrule.symbol import symbols
    >>> (x,) = symbols(x=Spec((), float64.numpy))
    >>> spelled((x * x).value), spelled(((x * x) * (x * x)).value)
    (1, 3)
    """
    count: dict[Value, int] = {}
    for v in walk([value]):
        count[v] = sum([count[a] for a in v.args], int(isinstance(v.op, Op)))
    return count[value]


def latex(value: Value, names: Mapping[Value, str] | None = None) -> str:
    r"""The value in LaTeX's mathematics. ``names`` are names still, not LaTeX: ``w1`` becomes ``w_{1}``.

    >>> from chainrule.expr import latex
    >>> from chainrule.spec import Spec, float64
    >>> from chainrule.symbol import symbols
    >>> x, alpha = symbols(x=Spec((), float64.numpy), alpha=Spec((), float64.numpy))
    >>> print(latex((alpha * x.sin() ** 2 / 3).value))
    \frac{\alpha \sin\left(x\right)^{2}}{3}
    """
    return _Latex(names or {}).of(value)


class _Text:
    """Writes values, arguments first and without recursion, so that depth does not matter."""

    def __init__(self, names: Mapping[Value, str]):
        self.done: dict[Value, Piece] = {value: (self.name(name), ATOM) for value, name in names.items()}

    def of(self, value: Value) -> str:
        stack = [value]
        while stack:
            top = stack[-1]
            waiting = [] if top in self.done else [a for a in top.args if a not in self.done]
            if waiting:
                stack.extend(waiting)
                continue
            if top not in self.done:
                self.done[top] = self.write(top)
            stack.pop()
        return self.done[value][0]

    def write(self, value: Value) -> Piece:
        op, args, params = value.op, [self.done[a] for a in value.args], value.params
        if not isinstance(op, Op):
            return (self.name(params["name"]), ATOM) if op == INPUT else self.const(value)
        if op.infix:
            return self.infix(op.infix, args[0], args[1])
        if op in PREFIX:
            return self.prefix(PREFIX[op], args[0])
        if op is shape.cast and loses_nothing(value.args[0].dtype, params["dtype"]):
            return args[0]
        if op is shape.reshape and (product := self.product(value)):
            return product
        if op is reduction.sum and not params["dim"] and value.args[0].shape:
            return args[0]  # over no axis at all
        return self.move(op, args, params) or self.call(op.name, *self.given(value, args))

    def move(self, op: Op, args: Sequence[Piece], params: Mapping[str, Any]) -> Piece | None:
        """What has a sign of its own: views, reads at positions, and writes to such parts."""
        if op is shape.permute and params["dims"] == tuple(reversed(range(len(params["dims"])))):
            return self.transposed(args[0]), ATOM
        if op is shape.slice_:
            return f"{hold(args[0], ATOM)}[{', '.join(map(key_text, params['key'])) or '...'}]", ATOM
        if op is shape.assign:
            at: Piece = f"{hold(args[0], ATOM)}.at", ATOM
            for view, given in params["chain"]:
                at = self.move(view, [at], dict(given)) or self.call(view.name, [at], [str(p) for _, p in given])
            return f"{at[0]}.set({args[1][0]})", ATOM
        if op in PUTS:
            keys = positions_text([a for a, _ in args[2:]], params["dims"])
            return f"{hold(args[0], ATOM)}.at[{keys}].{PUTS[op]}({args[1][0]})", ATOM
        if op is indexing.index:
            return f"{hold(args[0], ATOM)}[{positions_text([a for a, _ in args[1:]], params['dims'])}]", ATOM
        return None

    def product(self, value: Value) -> Piece | None:
        """``A @ x`` for the product of matrices that it stands for, where ``x`` is a vector made a matrix and back."""
        matmul = value.args[0]
        if matmul.op is not reduction.matmul:
            return None
        left, right = matmul.args
        row, column = (a.op is shape.reshape and a.args[0].ndim == 1 for a in (left, right))
        row, column = row and left.shape[0] == 1, column and right.shape[1] == 1
        kept = matmul.shape[:-2] + (() if row else matmul.shape[-2:-1]) + (() if column else matmul.shape[-1:])
        if not (row or column) or kept != value.shape:
            return None
        return self.infix("@", self.done[left.args[0] if row else left], self.done[right.args[0] if column else right])

    def given(self, value: Value, args: Sequence[Piece]) -> tuple[list[Piece], list[str]]:
        """Inputs and parameters as the vocabulary's word for the op takes them; what it has by default is left out."""
        assert isinstance(value.op, Op)
        several = value.op.inputs[-1].startswith("*")
        word, asked, given = parameters(value.op.name, by_name=several), dict[str, Piece](), list[str]()
        for key, param in value.params.items():
            shown = [str(p) for p in param] if isinstance(param, tuple) else [str(param)]
            whole = f"({', '.join(shown)}{',' * (len(shown) == 1)})" if isinstance(param, tuple) else shown[0]
            if key not in word:
                given += shown
            elif word[key] is inspect.Parameter.empty:
                asked[key] = whole, ATOM
            elif param != word[key] and not (param == every_axis(value) and not value.params.get("keepdim", True)):
                given.append(f"{key}={shown[0] if len(shown) == 1 else whole}")
        inputs = dict(zip(value.op.inputs[1:], args[1:], strict=False))
        if inputs and inputs.keys() <= word.keys():  # they stand where the word has them: gather(x, dim, index)
            asked, args = {**inputs, **asked}, args[:1]
        return [*args, *(asked[name] for name in word if name in asked)], given

    # -- how things are spelled ----------------------------------------------------------------------------------

    def name(self, name: str) -> str:
        return name

    def const(self, value: Value) -> Piece:
        number = value.const
        if isinstance(number, Dim):
            factors = [(self.name(f), ATOM) for f in number.split("*")]
            piece = factors[0]
            for factor in factors[1:]:
                piece = self.infix("*", piece, factor)
            return piece
        shown = str(value.dtype.type(number)).removesuffix(".0")  # the shortest that this dtype reads as the same
        return shown, SIGN if shown.startswith("-") else ATOM

    def prefix(self, sign: str, piece: Piece) -> Piece:
        return sign + hold(piece, MULTIPLY), min(piece[1], SIGN)

    def infix(self, sign: str, left: Piece, right: Piece) -> Piece:
        binds = BINDS.get(sign, COMPARE)
        if sign == "**":
            return f"{hold(left, ATOM)} ** {hold(right, SIGN)}", binds
        return f"{hold(left, binds + (binds == COMPARE))} {sign} {hold(right, binds + 1)}", binds

    def transposed(self, piece: Piece) -> str:
        return hold(piece, ATOM) + ".T"

    def call(self, name: str, args: Sequence[Piece], given: Sequence[str]) -> Piece:
        return f"{name}({', '.join([*(a[0] for a in args), *given])})", ATOM


class _Latex(_Text):
    """The same in LaTeX: fractions, exponents and products without a sign."""

    def name(self, name: str) -> str:
        return latex_name(name)

    def prefix(self, sign: str, piece: Piece) -> Piece:
        return LATEX_SIGNS.get(sign, sign) + _round(piece, MULTIPLY), min(piece[1], SIGN)

    def infix(self, sign: str, left: Piece, right: Piece) -> Piece:
        binds = BINDS.get(sign, COMPARE)
        if sign == "/":
            return rf"\frac{{{left[0]}}}{{{right[0]}}}", MULTIPLY
        if sign == "**" or (sign == "*" and left == right):
            return f"{_round(left, ATOM)}^{{{right[0] if sign == '**' else 2}}}", POWER
        a, b = _round(left, binds + (binds == COMPARE)), _round(right, binds + (sign == "-" or binds == COMPARE))
        if binds == MULTIPLY:
            return f"{a} " + (r"\cdot " if b[0].isdigit() or b[0] == "-" else "") + b, binds
        return f"{a} {LATEX_SIGNS.get(sign, sign)} {b}", binds

    def transposed(self, piece: Piece) -> str:
        return _round(piece, ATOM) + r"^{\top}"

    def call(self, name: str, args: Sequence[Piece], given: Sequence[str]) -> Piece:
        inside = ", ".join([*(a[0] for a in args), *given])
        if name == "sqrt":
            return rf"\sqrt{{{inside}}}", ATOM
        if name == "abs":
            return rf"\left|{inside}\right|", ATOM
        command = f"\\{name}" if name in LATEX_COMMANDS else rf"\operatorname{{{latex_text(name)}}}"
        return rf"{command}\left({inside}\right)", ATOM


def hold(piece: Piece, binds: int) -> str:
    """The expression, in parentheses if it holds together less tightly than ``binds``."""
    return piece[0] if piece[1] >= binds else f"({piece[0]})"


def _round(piece: Piece, binds: int) -> str:
    return piece[0] if piece[1] >= binds else rf"\left({piece[0]}\right)"


def latex_name(name: str) -> str:
    r"""A variable's name in LaTeX: ``alpha`` and ``α`` are ``\alpha``, ``w1`` and ``w_1`` have a subscript.

    >>> from chainrule.expr import latex_name
    >>> latex_name("theta_0"), latex_name("W2"), latex_name("loss")
    ('\\theta_{0}', 'W_{2}', '\\mathrm{loss}')
    """
    match = re.fullmatch(r"(.+?)(?:_+(\w+)|(\d+))?", name)
    base, word, digits = match.groups() if match else (name, None, None)
    if word and not word.isdigit() and len(word) > 1:
        word = rf"\mathrm{{{latex_text(word)}}}"
    greek = greek_name(base)
    shown = f"\\{greek}" if greek else base if len(base) == 1 else rf"\mathrm{{{latex_text(base)}}}"
    return f"{shown}_{{{word or digits}}}" if word or digits else shown


def latex_text(name: str) -> str:
    return name.replace("_", r"\_")


def greek_name(name: str) -> str:
    """``alpha`` for ``alpha`` and ``α``, ``Sigma`` for ``Sigma`` and ``Σ``; "" for a name that is not Greek."""
    letter = name
    if len(name) > 1:
        try:
            size = "CAPITAL" if name[0].isupper() else "SMALL"
            letter = unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
        except KeyError:
            return ""
    words = unicodedata.name(letter, "").replace("LAMDA", "LAMBDA").split()
    if words[:1] != ["GREEK"] or words[2:3] != ["LETTER"] or len(words) != 4:
        return ""
    return words[3].capitalize() if words[1] == "CAPITAL" else words[3].lower()


def loses_nothing(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Does promotion cast from ``source`` to ``target`` unasked?"""
    return RANK[target.kind] > RANK[source.kind] or np.can_cast(source, target)


REQUIRED, BY_NAME = object(), object()
"""In place of a default: an argument that must be given, by position or by name."""


@cache
def parameters(word: str, by_name: bool = False) -> dict[str, Any]:
    """The parameters of a word of the vocabulary, with their defaults; those only ``by_name`` too."""
    method = getattr(Vocabulary, word, None)
    named = list(inspect.signature(method).parameters.values())[1:] if callable(method) else []
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, *((inspect.Parameter.KEYWORD_ONLY,) if by_name else ()))
    return {p.name: p.default for p in named if p.kind in kinds}


def every_axis(value: Value) -> tuple[int, ...]:
    return tuple(range(value.args[0].ndim))


def positions_text(positions: Sequence[str], dims: Sequence[int]) -> str:
    """The key that reads the axes ``dims`` at ``positions``: ``:, i``."""
    at = dict(zip(dims, positions))
    return ", ".join(at.get(d, ":") for d in range(dims[-1] + 1))


def key_text(key: Any) -> str:
    """One key of a slice: ``2``, ``1:4``, ``::2``, ``None``."""
    if not isinstance(key, tuple):
        return str(key)
    start, stop, step = key
    return f"{start or ''}:{stop}" + (f":{step}" if step != 1 else "")
