"""A small graph of scalars drawn with characters: leaves left, the output right, the local derivative on every line."""

from collections.abc import Callable, Sequence

from chainrule.see.record import CONSTANT, Edge, Node, Record, show

MOST = 24  # nodes; a larger graph is a table
Block = tuple[list[str], int]
"""Lines of one width, and the line at whose right end the block's node stands."""


def draw(record: Record, width: int, measure: Callable[[str], int]) -> list[str]:
    """The lines of the drawing; none when it is too wide, or the graph too large for one.

    A node that is used again is drawn once, and stands as its name in brackets where else it is used.
    """
    if len(record.nodes) > MOST:
        return []
    lines, _ = _Drawing(record, measure).block(record.output)
    return lines if max(map(measure, lines)) <= width else []


class _Drawing:
    def __init__(self, record: Record, measure: Callable[[str], int]):
        self.node = {node.id: node for node in record.nodes}
        self.into: dict[int, list[Edge]] = {}
        for edge in record.edges:
            if self.node[edge.source].op != CONSTANT:
                self.into.setdefault(edge.target, []).append(edge)
        self.measure = measure
        self.drawn: set[int] = set()

    def block(self, i: int) -> Block:
        """A node and, left of it, all that it comes from. As deep as the graph, which is small."""
        node, edges = self.node[i], self.into.get(i, [])
        if edges and i in self.drawn:
            return [f"({node.name})"], 0
        self.drawn.add(i)
        if not edges:
            return [described(node)], 0
        lines, rows = self.stacked([(self.block(edge.source), f"{line_text(edge)}") for edge in edges])
        middle = rows[0] if len(rows) == 1 else rows[len(rows) // 2] if len(rows) % 2 else (rows[0] + rows[-1]) // 2
        label = described(node)
        joined = [line + joint(r, rows, middle) + (f"─ {label}" if r == middle else " " * (2 + self.measure(label)))
                  for r, line in enumerate(lines)]  # fmt: skip
        return joined, middle

    def stacked(self, parts: Sequence[tuple[Block, str]]) -> tuple[list[str], list[int]]:
        """Blocks above each other, each with its line to the right, all as wide as the widest; the lines' rows."""
        widest = max(max(map(self.measure, block)) + self.measure(text) + 7 for (block, _), text in parts)
        lines: list[str] = []
        rows = []
        for (block, root), text in parts:
            if lines:
                lines.append(" " * widest)
            rows.append(len(lines) + root)
            for r, line in enumerate(block):
                space = widest - self.measure(line)
                if r == root:
                    lines.append(f"{line} {'─' * (space - self.measure(text) - 4)} {text} ─")
                else:
                    lines.append(line + " " * space)
        return lines, rows


def joint(r: int, rows: Sequence[int], middle: int) -> str:
    """The character where lines meet."""
    if len(rows) == 1:
        return "─" if r == middle else " "
    if r == rows[0]:
        return "┐"
    if r == rows[-1]:
        return "┘"
    if not rows[0] < r < rows[-1]:
        return " "
    return ("┼" if r == middle else "┤") if r in rows else "├" if r == middle else "│"


def described(node: Node) -> str:
    """``u = a + v = 11``."""
    formula = "" if node.leaf or node.text == node.name else f" = {node.text}"
    return f"{node.name}{formula} = {show(node.value)}"


def line_text(edge: Edge) -> str:
    """``c = 2``, or the number alone where the rule says no more, or the rule alone where there is no number."""
    number = "" if edge.derivative is None else show(edge.derivative)
    return " = ".join(part for part in (("" if edge.rule == number else edge.rule), number) if part)
