"""A small graph of scalars drawn with characters: leaves left, the output right, the local derivative on every line."""

from collections.abc import Callable, Sequence

from chainrule.see.record import CONSTANT, Edge, Node, Record, show

MOST = 24  # nodes; a larger graph is a table
Block = tuple[list[str], int]
"""Lines of one width, and the line at whose right end the block's node stands."""


def draw(record: Record, width: int, measure: Callable[[str], int]) -> list[str]:
    """The lines of the drawing; none when it is too wide, or the graph too large for one.

    Formulas are left out, the output's first, where the drawing fits only without. A node that is used again is drawn
    once, and stands as its name in brackets where else it is used.
    """
    if len(record.nodes) > MOST:
        return []
    every = {node.id for node in record.nodes}
    for dashes, formulas in ((3, every), (1, every), (1, every - {record.output}), (1, set[int]())):
        lines, _ = _Drawing(record, dashes, formulas, measure).block(record.output)
        if max(map(measure, lines)) <= width:
            return lines
    return []


class _Drawing:
    def __init__(self, record: Record, dashes: int, formulas: set[int], measure: Callable[[str], int]):
        self.node = {node.id: node for node in record.nodes}
        self.into: dict[int, list[Edge]] = {}
        for edge in record.edges:
            if self.node[edge.source].op != CONSTANT:
                self.into.setdefault(edge.target, []).append(edge)
        self.dashes, self.formulas, self.measure = dashes, formulas, measure
        self.drawn: set[int] = set()

    def block(self, i: int) -> Block:
        """A node and, left of it, all that it comes from. As deep as the graph, which is small."""
        node, edges = self.node[i], self.into.get(i, [])
        if edges and i in self.drawn:
            return [f"({node.name})"], 0
        self.drawn.add(i)
        label = described(node) if i in self.formulas else f"{node.name} = {show(node.value)}"
        if not edges:
            return [label], 0
        lines, rows = self.stacked([(self.block(edge.source), line_text(edge)) for edge in edges])
        middle = rows[len(rows) // 2] if len(rows) % 2 else (rows[len(rows) // 2 - 1] + rows[len(rows) // 2]) // 2
        joined = [line + joint(r, rows, middle) + (f"─ {label}" if r == middle else " " * (2 + self.measure(label)))
                  for r, line in enumerate(lines)]  # fmt: skip
        return joined, middle

    def stacked(self, parts: Sequence[tuple[Block, str]]) -> tuple[list[str], list[int]]:
        """Blocks above each other, each with its line to the right, all as wide as the widest; the lines' rows."""
        least = 3 + 2 * self.dashes
        widest = max(max(map(self.measure, block)) + self.measure(text) + least for (block, _), text in parts)
        lines: list[str] = []
        rows = []
        for (block, root), text in parts:
            if lines:
                lines.append(" " * widest)
            rows.append(len(lines) + root)
            for r, line in enumerate(block):
                space = widest - self.measure(line)
                if r == root:
                    start = space - self.measure(text) - self.dashes - 3
                    lines.append(f"{line} {'─' * start} {text} {'─' * self.dashes}")
                else:
                    lines.append(line + " " * space)
        return lines, rows


def joint(r: int, rows: Sequence[int], middle: int) -> str:
    """The character where lines meet."""
    if len(rows) == 1:
        return ""
    if r == rows[0]:
        return "┐"
    if r == rows[-1]:
        return "┘"
    if not rows[0] < r < rows[-1]:
        return " "
    return ("┼" if r == middle else "┤") if r in rows else "├" if r == middle else "│"


def described(node: Node) -> str:
    """``u = a + v = 11``."""
    formula = "" if node.leaf or node.text == node.name else f" = {node.text.replace(' * ', '*')}"
    return f"{node.name}{formula} = {show(node.value)}"


def line_text(edge: Edge) -> str:
    """``c = 2``, or the number alone where the rule says no more, or the rule alone where there is no number."""
    number = "" if edge.derivative is None else show(edge.derivative)
    return " = ".join(part for part in (("" if edge.rule == number else edge.rule), number) if part)
