"""A record as text for a terminal: the graph left to right, the gradients right to left, and what to do with them."""

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.messages import say
from chainrule.see import paths
from chainrule.see.drawing import described, draw, line_text
from chainrule.see.names import symbol
from chainrule.see.record import CONSTANT, Edge, Node, Record, Summary, Value, show

NARROWEST, WIDEST = 60, 120
STEPS, LEAVES = 24, 24  # of more, the first are shown, and how many there are
FEW = 8  # paths up to which each is written out in letters
HOPS = 12  # edges of a path; of a longer one, both ends are shown
PLAINLY = 5  # edges of a path up to which factors 1 are written
PLAIN = str.maketrans({"─": "-", "┐": "+", "┘": "+", "├": "+", "┤": "+", "┼": "+", "│": "|", "→": ">", "←": "<-",
                       "·": "*", "−": "-", "—": "-", "…": "...", "Σ": "sum", "α": "a", "∇": "grad "})  # fmt: skip
BOLD, GREEN, RED, END = "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: the width in columns, only ASCII or not, colours or not."""

    width: int = 80
    ascii: bool = False
    color: bool = False

    @staticmethod
    def of(width: int | None, ascii: bool | None, color: bool) -> "Style":
        """What is not given, as standard output has it."""
        if width is None:
            width = shutil.get_terminal_size((80, 24)).columns
        if ascii is None:
            ascii = not encodable("─┐→·−")
        return Style(min(max(width, NARROWEST), WIDEST), ascii, color)


def encodable(characters: str) -> bool:
    """Can standard output show these?"""
    try:
        characters.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def colorful() -> bool:
    """Is standard output a terminal that may have colours?"""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns(text: str) -> int:
    """How many columns a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))


def pad(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def text(record: Record, lang: str, notes: Sequence[str] = (), style: Style | None = None) -> str:
    """The whole explanation.

    >>> from chainrule.see.record import Edge, Node, Record
    >>> x, y = Node(0, "x", "x", "", 5.0, 2.0, (), True), Node(1, "y", "2 * x", "mul", 10.0, 1.0, (), False)
    >>> print(text(Record("y = 2 * x", (x, y), (Edge(0, 1, 0, 2.0, "2"),), (0,), 1), "en"))
    y = 2 * x = 10
    <BLANKLINE>
    values, left to right; on each line the local derivative
      x = 5 ─── 2 ──── y = 2*x = 10
    <BLANKLINE>
    ...
    """
    return "\n".join(line.rstrip() for line in _Text(record, lang, style or Style()).whole(notes))


class _Text:
    def __init__(self, record: Record, lang: str, style: Style):
        self.record, self.lang, self.style = record, lang, style
        self.node = {node.id: node for node in record.nodes}
        self.output = self.node[record.output]
        leaves = set(record.leaves)
        self.leaves = [n for n in record.nodes if n.id in leaves and n.op != CONSTANT]
        self.scalar = all(e.derivative is None or isinstance(e.derivative, int | float) for e in record.edges) and all(
            isinstance(n.value, int | float | None) for n in record.nodes)  # fmt: skip

    def whole(self, notes: Sequence[str]) -> list[str]:
        lines: list[str] = []
        for part in ([self.heading()], self.graph(), self.backward(), self.advice()):
            lines += [*(self.bold(self.fit(line)) for line in part[:1]), *part[1:], ""] if part else []
        remarks = [*notes]
        if any(n.value is None for n in self.record.nodes):
            remarks.append(say("missing", self.lang))
        larger = [n for n in self.leaves if n.shape and not isinstance(n.value, int | float)]
        if larger:
            at = (0,) * len(larger[0].shape)
            remarks.append(say("element", self.lang, f=self.output.name, x=larger[0].name, at=at))
        for remark in remarks:
            lines += [*wrapped(remark, self.style.width), ""]
        while lines and not lines[-1]:
            lines.pop()
        return [line.translate(PLAIN) for line in lines] if self.style.ascii else lines

    # -- the parts -----------------------------------------------------------------------------------------------

    def heading(self) -> str:
        value = f" = {show(self.output.value)}"
        left = self.record.title + value
        if self.record.title == self.d(self.output, self.leaves[0]):
            left = f"{self.record.title} = {show(self.leaves[0].grad)}        {self.output.name}{value}"
        elif columns(left) > self.style.width:
            left = described(self.output)
        source = self.output.source
        place = f"{source[0].replace(os.sep, '/').rpartition('/')[2]}:{source[1]}" if source else ""
        gap = self.style.width - columns(left) - columns(place)
        return f"{left}{' ' * gap}{place}" if place and gap >= 4 else self.fit(left)

    def graph(self) -> list[str]:
        drawing = draw(self.record, self.style.width - 2, columns) if self.scalar else []
        if drawing:
            return [say("forward", self.lang), *("  " + line for line in drawing)]
        into: dict[int, list[Edge]] = {}
        for edge in self.record.edges:
            if self.node[edge.source].op != CONSTANT:
                into.setdefault(edge.target, []).append(edge)
        steps = [n for n in self.record.nodes if not n.leaf]
        rows = [(described(n), [f"{self.d(n, self.node[e.source])} = {line_text(e)}" for e in into.get(n.id, ())])
                for n in steps[:STEPS]]  # fmt: skip
        left = max(map(columns, (step for step, _ in rows)), default=0)
        beside = left + 5 + max([columns(d) for _, ds in rows for d in ds], default=0) <= self.style.width
        lines = [say("steps", self.lang), *(self.fit(f"  {described(n)}") for n in self.leaves[:LEAVES])]
        for step, derivatives in rows:
            if beside:
                firsts = [step, *[""] * len(derivatives)]
                lines += [f"  {pad(first, left)}   {d}" for first, d in zip(firsts, derivatives or [""])]
            else:
                lines += [self.fit(f"  {step}"), *(self.fit(f"      {d}") for d in derivatives)]
        if len(steps) > STEPS:
            lines.append("  " + say("more", self.lang, n=f"{len(steps) - STEPS:,}"))
        if not self.scalar:
            lines.append("  " + say("arrives", self.lang))
        return lines

    def backward(self) -> list[str]:
        title = say("backward", self.lang)
        if not self.scalar:
            return [title, *(line for n in self.leaves[:LEAVES] for line in self.tensor(n)), *self.rest()]
        rows = [[self.d(self.output, self.output), "= 1", "", ""]]
        inner = [n for n in reversed(self.record.nodes) if not n.leaf and n.id != self.output.id]
        if len(inner) <= STEPS:
            rows += [[self.d(self.output, n), self.consumers(n), "", ""] for n in inner]
        long: list[str] = []
        for n in self.leaves[:LEAVES]:
            found = paths.paths(self.record, n.id)
            if found.count == 1 and len(found.paths[0].edges) <= HOPS:
                rows.append([self.d(self.output, n), f"= {self.product(found.paths[0])}", self.way(found.paths[0]),
                             measured(n.difference)])
            else:
                long += ["", *self.several(n, found)]
        return [*self.table(rows, title), *long, *self.rest()]

    def several(self, n: Node, found: paths.Sum) -> list[str]:
        """A leaf with many paths, or one long one."""
        d = self.d(self.output, n)
        difference = f"   {say('difference', self.lang)} {measured(n.difference)}" if n.difference is not None else ""
        if not found.paths:
            crossing = paths.cut(self.record, n.id)
            lines = [f"  {d} = {show(found.total)}"]
            at = self.node[crossing.after].name
            lines += wrapped(say("cut", self.lang, n=f"{found.count:,}", at=at, terms=len(crossing.terms)),
                             self.style.width - 4, "    ")  # fmt: skip
            for term in crossing.terms:
                source, target = self.node[term.edge.source], self.node[term.edge.target]
                letters = [self.d(self.output, target), self.d(target, source), self.d(source, n)]
                numbers = [factor(show(x)) for x in (term.adjoint, term.edge.derivative, term.tangent)]
                lines += wrapped(f"{'·'.join(letters)} = {'·'.join(numbers)} = {show(term.product)}",
                                 self.style.width - 6, "      ")  # fmt: skip
            return [*lines, f"      {say('sum', self.lang)} = {show(crossing.total)}{difference}"]
        count = f"   {say('paths', self.lang, n=len(found.paths))}" if len(found.paths) > 1 else ""
        lines = [self.fit(f"  {d} = {show(found.total)}{count or difference}")]
        brief = len(found.paths) > FEW
        both = [(f"{show(path.product):>12}" if brief else self.product(path), self.way(path)) for path in found.paths]
        widest = max(columns(formula) for formula, _ in both)
        for formula, way in both:
            if widest + max(columns(way) for _, way in both) + 9 <= self.style.width:
                lines.append(f"      {pad(formula, widest)}   {way}")
            else:
                lines += [self.fit(f"      {way}"), *wrapped(formula, self.style.width - 8, "        ")]
        if len(found.paths) > 1:
            lines.append(f"      {say('sum', self.lang)} = {show(found.total)}{difference}")
        return lines

    def tensor(self, n: Node) -> list[str]:
        """The gradient by a tensor, and how far it is from the central differences."""
        line, check = f"  {self.d(self.output, n)} = {show(n.grad)}", measured(n.difference)
        if n.difference is not None and n.grad is not None and not check:
            off = max((abs(a - b) for a, b in zip(flat(n.grad), flat(n.difference))), default=0.0)
            check = say("agrees", self.lang, off=f"{off:.0e}")
        check = f"   {say('difference', self.lang)} {check}" if check else ""
        both = columns(line + check) <= self.style.width
        return [self.fit(line + check)] if both or not check else [self.fit(line), f"   {check}"]

    def rest(self) -> list[str]:
        more = len(self.leaves) - LEAVES
        return ["  " + say("more", self.lang, n=f"{more:,}")] if more > 0 else []

    def advice(self) -> list[str]:
        """Which way each number goes."""
        sentences = []
        for n in self.leaves[:LEAVES]:
            if isinstance(n.grad, int | float):
                key = "shrinks" if n.grad > 0 else "grows" if n.grad < 0 else "rests" if n.grad == 0 else "undefined"
                said = say(key, self.lang, d=self.d(self.output, n), g=show(n.grad), x=n.name)
                sentences.append("  " + self.color(said, RED if key == "shrinks" else GREEN if key == "grows" else ""))
        x = self.leaves[0].name if len(self.leaves) == 1 else "w"
        return [say("smaller", self.lang, f=self.output.name, x=x), *sentences] if sentences else []

    # -- their pieces --------------------------------------------------------------------------------------------

    def d(self, of: Node, by: Node) -> str:
        return f"d{symbol(of.name)}/d{symbol(by.name)}"

    def consumers(self, n: Node) -> str:
        """The node rule: the sum over what reads ``n`` of (what arrived there) · (local derivative)."""
        out = [e for e in self.record.edges if e.source == n.id]
        letters = " + ".join(f"{self.d(self.output, self.node[e.target])}·{factor(e.rule)}" for e in out)
        numbers = " + ".join(f"{factor(show(self.node[e.target].grad))}·{factor(show(e.derivative))}" for e in out)
        return f"= {letters} = {numbers} = {show(n.grad)}" if len(out) < 4 else f"= {show(n.grad)}"

    def product(self, path: paths.Path) -> str:
        """The derivatives along a path, from the output back: in letters, in numbers, and their product."""
        back = [e for e in path.edges[::-1] if len(path.edges) <= PLAINLY or e.rule != "1"]
        letters = "·".join(factor(e.rule) for e in back)
        numbers = "·".join(factor(show(e.derivative)) for e in back)
        parts = [letters, numbers, show(path.product)] if len(back) <= HOPS else [show(path.product)]
        return " = ".join(part for i, part in enumerate(parts) if part and part not in parts[:i]) or "1"

    def way(self, path: paths.Path) -> str:
        names = [n.name for n in path.nodes(self.record)]
        return " → ".join(names if len(names) <= HOPS + 1 else [*names[:3], "…", *names[-3:]])

    def table(self, rows: list[list[str]], title: str) -> list[str]:
        """Gradient, product, path and check in columns; where that is too wide, the last two below the others."""
        path, difference = say("path", self.lang), say("difference", self.lang)
        widths = [max(map(columns, column)) for column in zip(*rows, ["", "", path, difference])]
        left = 2 + widths[0] + 1 + widths[1]
        if left + 3 + widths[2] + 3 + widths[3] <= self.style.width:
            head = [title] if not any(row[2] for row in rows) else (
                [f"{pad(title, left)}   {pad(path, widths[2])}   {difference}"] if columns(title) <= left else
                [title, f"{' ' * left}   {pad(path, widths[2])}   {difference}"])  # fmt: skip
            return [*head, *("   ".join((f"  {pad(d, widths[0])} {pad(value, widths[1])}", pad(way, widths[2]), check))
                             for d, value, way, check in rows)]  # fmt: skip
        lines = [title]
        for d, value, way, check in rows:
            lines += wrapped(f"{pad(d, widths[0])} {value}", self.style.width - 2, "  ")
            if way:
                lines.append(self.fit(f"      {way}" + (f"   {difference} {check}" if check else "")))
        return lines

    def fit(self, line: str) -> str:
        """The line, cut where it is wider than the terminal."""
        if columns(line) <= self.style.width:
            return line
        while columns(line) >= self.style.width:
            line = line[:-1]
        return line + "…"

    def bold(self, line: str) -> str:
        return self.color(line, BOLD)

    def color(self, line: str, code: str) -> str:
        return f"{code}{line}{END}" if self.style.color and code else line


def factor(words: str) -> str:
    """As it stands in a product: a sum, a selection or a negative number in parentheses."""
    plain = re.fullmatch(r"[\w.]+(e-?\d+)?(\[[^]]*\])*|\w+\([^()]*\)", words)
    return words if plain else f"({words})"


def measured(difference: Value | None) -> str:
    """A central difference, with the digits that tell it from the gradient; of a large tensor the range."""
    if isinstance(difference, Summary):
        return show(difference)
    return f"{difference:#.8g}" if isinstance(difference, int | float) else ""


def flat(value: Value) -> list[float]:
    if isinstance(value, int | float):
        return [value]
    return [x for item in value for x in flat(item)] if isinstance(value, list | tuple) else []


def wrapped(sentence: str, width: int, indent: str = "") -> list[str]:
    """Lines of a width, broken at spaces, after the factors of a product and between Chinese characters."""
    lines, line = [], ""
    for word in re.findall(r"[^\s·\u2e80-\uffef]+·?\s*|[·\u2e80-\uffef]\s*", sentence):
        if line and columns(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [indent + each for each in [*lines, line.rstrip()] if each]
