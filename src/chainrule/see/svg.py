"""A record as a standalone SVG: the graph as in a textbook, values on the boxes, local derivatives on the arrows."""

from __future__ import annotations

from chainrule.see import paint
from chainrule.see.layout import MARGIN, Box, Size, layout
from chainrule.see.paint import SMALL, TEXT, TITLE
from chainrule.see.record import ABSENT, CONSTANT, Edge, Node, Record, show

WORDS = {
    "en": {
        "forward": "forward: values",
        "backward": "backward: gradients",
        "value": "value",
        "grad": "grad",
        "absent": "not computed yet",
        "leaf": "leaf",
        "op": "operation",
        "output": "output",
        CONSTANT: "constant",
        "chip": "drawn elsewhere",
        "uses": "used {n} times",
        "edge": "local derivative",
        "law": "grad of a box = sum over the arrows that leave it: local derivative × grad where the arrow ends",
        "summary": "Computation graph, {nodes} nodes, {edges} edges.",
    },
    "zh": {
        "forward": "前向：求值",
        "backward": "反向：求梯度",
        "value": "值",
        "grad": "梯度",
        "absent": "尚未计算",
        "leaf": "叶子",
        "op": "运算",
        "output": "输出",
        CONSTANT: "常数",
        "chip": "画在别处",
        "uses": "用了 {n} 次",
        "edge": "局部导数",
        "law": "方框的梯度 = 对它发出的每个箭头求和：局部导数 × 箭头终点的梯度",
        "summary": "计算图，{nodes} 个节点，{edges} 条边。",
    },
}
_PAD, _HEAD, _ROW, _FOOT, _LINE, _RING = 10.0, 26.0, 20.0, 3.0, 16.0, 3.0
_NARROWEST_BOX, _NARROWEST_PAGE = 76.0, 680.0
_ROUND = {"leaf": 13.0, CONSTANT: 13.0, "op": 4.0, "output": 4.0}
_LONGEST_HEAD, _LONGEST_RULE, _ONE_LINE = 40, 30, 16  # characters, before text is shortened or broken
_DESCRIBED = 60  # nodes up to which the description names every number


def svg(record: Record, lang: str = "en") -> str:
    """Draw a record: inputs left, output right, on each box its value and gradient, on each arrow "rule = number".

    A gradient that is None appears as a dash. `lang` is "en" or "zh". The text is a whole file: no script, font or
    address from elsewhere; light or dark as the reader prefers.

    >>> from chainrule.see.record import Node, Record
    >>> drawing = svg(Record("w", (Node(0, "w", "w", "", 0.5, None, (), True),), (), (0,), 0))
    >>> drawing[:4], "not computed yet" in drawing
    ('<svg', True)
    """
    return _Drawing(record, WORDS[lang]).page()


class _Drawing:
    def __init__(self, record: Record, words: dict[str, str]) -> None:
        self.record, self.words = record, words
        self.index = {node.id: i for i, node in enumerate(record.nodes)}
        self.ends = [(self.index[edge.source], self.index[edge.target]) for edge in record.edges]
        self.uses = [0] * len(record.nodes)
        for source, _ in self.ends:
            self.uses[source] += 1
        self.labels = [self._label(edge) for edge in record.edges]
        self.layout = layout(
            [self._size(node) for node in record.nodes],
            self.ends,
            [_label_size(lines) for lines in self.labels],
            [(paint.width(self._chip(i), TEXT) + 2 * _PAD, _HEAD) for i in range(len(record.nodes))],
        )

    def page(self) -> str:
        words, graph = self.words, self.layout
        width = max(graph.width, _NARROWEST_PAGE)
        left, right = MARGIN, width - MARGIN
        title = paint.clean(self.record.title) or "chainrule"
        legend, legend_height = self._legend(right - left)
        top = MARGIN + TITLE + 2 * _LINE
        bottom = top + graph.height
        parts = [
            paint.text(left, MARGIN + TITLE, paint.clip_to(title, right - left, TITLE), "title"),
            paint.text(left, top - 4, words["forward"], "quiet"),
            paint.arrow([(left + paint.width(words["forward"], SMALL) + 10, top - 8), (right, top - 8)]),
            paint.at((width - graph.width) / 2, top, [*self._edges(), *self._chips(), *self._nodes()]),
            paint.text(right, bottom + 12, words["backward"], "quiet end"),
            paint.group(
                [paint.arrow([(right - paint.width(words["backward"], SMALL) - 10, bottom + 8), (left, bottom + 8)])],
                "back",
            ),
            paint.at(left, bottom + 2 * _LINE, legend),
        ]
        return paint.page(width, bottom + 2 * _LINE + legend_height + MARGIN, title, self._description(), parts)

    # What is written

    def _kind(self, node: Node) -> str:
        if node.id == self.record.output:
            return "output"
        return CONSTANT if node.op == CONSTANT else "leaf" if node.leaf else "op"

    def _rows(self, node: Node) -> list[tuple[str, str]]:
        if self._kind(node) == CONSTANT:
            return []
        return [(self.words["value"], show(node.value)), (self.words["grad"], show(node.grad))]

    def _size(self, node: Node) -> Size:
        rows = self._rows(node)
        width = paint.width("".join(_head(node)), TEXT)
        for caption, number in rows:
            width = max(width, paint.width(caption, SMALL) + _PAD + paint.width(number, TEXT))
        width, height = width + 2 * _PAD, _HEAD + _ROW * len(rows)
        if rows:
            width, height = max(width, _NARROWEST_BOX), height + _FOOT
        ring = 2 * _RING if self._kind(node) == "output" else 0
        return width + ring, height + ring

    def _label(self, edge: Edge) -> list[str]:
        """The lines on an arrow; none from a constant, by which nobody derives."""
        if self.record.nodes[self.index[edge.source]].op == CONSTANT:
            return []
        rule, number = _derivative(edge)
        if not rule or not number:
            return [paint.clip(rule or number, _LONGEST_RULE)]
        line = f"{rule} = {number}"
        return [line] if paint.units(line) <= _ONE_LINE else [paint.clip(rule, _LONGEST_RULE), f"= {number}"]

    def _chip(self, i: int) -> str:
        name, formula = _head(self.record.nodes[i])
        return f"{name or formula} (x{self.uses[i]})"

    def _tooltip(self, node: Node) -> list[str]:
        words, name, text = self.words, paint.clean(node.name), paint.clean(node.text)
        lines = [f"{name} = {text}" if name and text and name != text else _called(node)]
        lines.append(f"{words['value']} {show(node.value)}")
        if self._kind(node) != CONSTANT:
            lines.append(f"{words['grad']} {words['absent'] if node.grad is None else show(node.grad)}")
        return lines

    def _place(self, node: Node) -> list[str]:
        """The layer and the line it comes from, without the folders of the user's machine."""
        lines = [paint.clean(node.module)] if node.module else []
        if node.source:
            file, line, start, end = node.source
            lines.append(f"{paint.clean(file).replace(chr(92), '/').rpartition('/')[2]}:{line}:{start + 1}-{end}")
        return lines

    def _description(self) -> str:
        nodes = self.record.nodes
        lines = [self.words["summary"].format(nodes=len(nodes), edges=len(self.record.edges))]
        return "\n".join(lines + [", ".join(self._tooltip(node)) for node in nodes if len(nodes) <= _DESCRIBED])

    # How it is drawn

    def _nodes(self) -> list[str]:
        return [self._node(node, box) for node, box in zip(self.record.nodes, self.layout.nodes)]

    def _node(self, node: Node, box: Box) -> str:
        kind, rows = self._kind(node), self._rows(node)
        parts = []
        if kind == "output":
            parts.append(paint.rect(box, _ROUND[kind] + _RING, "ring"))
            box = Box(box.x + _RING, box.y + _RING, box.width - 2 * _RING, box.height - 2 * _RING)
        parts.append(paint.rect(box, _ROUND[kind], "box"))
        if rows:
            parts.append(paint.band(box, _HEAD, _ROUND[kind]))
        parts.append(paint.heading(box.x + box.width / 2, box.y + 17.5, *_head(node)))
        y, right = box.y + _HEAD, box.x + box.width - _PAD
        for caption, number in rows:
            look = "" if caption == self.words["value"] else "quiet" if number == ABSENT else "grad strong"
            parts.append(paint.text(box.x + _PAD, y + 15, caption, "quiet"))
            parts.append(paint.text(right, y + 15.5, number, f"end {look}"))
            y += _ROW
        return paint.group(parts, kind, self._tooltip(node) + self._place(node), f'data-node="{node.id}"')

    def _chips(self) -> list[str]:
        parts = []
        for e, box in self.layout.chips.items():
            i = self.ends[e][0]
            node = self.record.nodes[i]
            chip = [paint.rect(box, _ROUND["leaf"], "box dash"), paint.text(box.x + _PAD, box.y + 17.5, self._chip(i))]
            tooltip = [*self._tooltip(node), self.words["uses"].format(n=self.uses[i])]
            parts.append(paint.group(chip, self._kind(node), tooltip, f'data-chip="{e}"'))
        return parts

    def _edges(self) -> list[str]:
        return [self._edge(e, edge) for e, edge in enumerate(self.record.edges)]

    def _edge(self, e: int, edge: Edge) -> str:
        lines, label = self.labels[e], self.layout.labels[e]
        source, target = (_called(self.record.nodes[i]) for i in self.ends[e])
        tooltip = [f"{source} → {target}"]
        parts = [paint.arrow(self.layout.edges[e], "" if lines else "dash")]
        if label:
            sides = [f"d{_factor(target)}/d{_factor(source)}", *_derivative(edge)]
            tooltip.append(" = ".join(side for side in sides if side))
            parts.append(paint.rect(label, 9, "label"))
            for i, line in enumerate(lines):
                parts.append(paint.text(label.x + label.width / 2, label.y + 14.5 + _LINE * i, line, "mid"))
        return paint.group(parts, "edge", tooltip, f'data-edge="{e}"')

    def _legend(self, room: float) -> tuple[list[str], float]:
        """What this drawing uses and no more, in rows no wider than the room; and their height."""
        words, nodes = self.words, self.record.nodes
        present = {self._kind(node) for node in nodes}
        parts: list[str] = []
        x, y = 0.0, 0.0
        for key, width in [(kind, 24.0) for kind in _ROUND] + [("chip", 24.0), ("edge", 50.0), ("absent", 10.0)]:
            if not (key in present or self._has(key)):
                continue
            whole = width + 6 + paint.width(words[key], SMALL)
            if x + whole > room:
                x, y = 0.0, y + 24
            parts += [_sample(key, Box(x, y, width, 16)), paint.text(x + width + 6, y + 12, words[key], "quiet")]
            x += whole + 16
        if any(self.labels):
            y += 24
            parts.append(paint.text(0, y + 12, words["law"], "quiet"))
        return parts, y + 16

    def _has(self, key: str) -> bool:
        if key == "chip":
            return bool(self.layout.chips)
        if key == "edge":
            return any(self.labels)
        return key == "absent" and any(node.grad is None and node.op != CONSTANT for node in self.record.nodes)


def _sample(key: str, box: Box) -> str:
    """A swatch of the legend."""
    if key == "absent":
        return paint.text(box.x, box.y + 12, ABSENT, "quiet")
    if key == "edge":
        middle = box.x + box.width / 2
        return paint.rect(box, 8, "label") + paint.text(middle, box.y + 12, "dv/du", "mid quiet")
    if key == "chip":
        return paint.group([paint.rect(box, 8, "box dash")], "leaf")
    parts = [paint.rect(box, min(_ROUND[key], 8), "box head")]
    if key == "output":
        inner = Box(box.x + _RING, box.y + _RING, box.width - 2 * _RING, box.height - 2 * _RING)
        parts = [paint.rect(box, _ROUND[key] + 2, "ring"), paint.rect(inner, _ROUND[key] - 1, "box head")]
    return paint.group(parts, key)


def _called(node: Node) -> str:
    return paint.clean(node.name or node.text or node.op)


def _factor(words: str) -> str:
    return words if words.isidentifier() else f"({words})"


def _derivative(edge: Edge) -> tuple[str, str]:
    """The rule, or "" when it is no more than the number; and the number, or ""."""
    rule, number = paint.clean(edge.rule), "" if edge.derivative is None else show(edge.derivative)
    return ("" if rule == number else rule), number


def _head(node: Node) -> tuple[str, str]:
    """The name and the formula as they stand on a box, " = " between them when both do."""
    name, text = paint.clip(paint.clean(node.name), _LONGEST_HEAD), paint.clean(node.text or node.op)
    if not name:
        return "", paint.clip(text, _LONGEST_HEAD)
    if text == paint.clean(node.name) or (node.leaf and node.op != CONSTANT):
        return name, ""
    return name, paint.clip(f" = {text}", max(_LONGEST_HEAD - paint.units(name), 10))


def _label_size(lines: list[str]) -> Size:
    if not lines:
        return 0.0, 0.0
    return max(paint.width(line, TEXT) for line in lines) + 14, 21 + _LINE * (len(lines) - 1)
