"""The record and its SVG: what is written, that all of it can be read, and that nothing is cut off."""

import json
import math
import random
import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from chainrule.see.record import CONSTANT, Edge, Node, Record, Summary, Value, show
from chainrule.see.svg import ABSENT, WORDS, svg

SVG = "{http://www.w3.org/2000/svg}"
EM = 0.602  # the width of a character of the widest common monospace faces
MARKS = ("data-node", "data-chip", "data-edge")
SIZES = {"title": 16.0, "quiet": 11.0}


def leaf(i: int, name: str, value: Value, grad: Value | None) -> Node:
    return Node(i, name, name, "", value, grad, (), True)


def example(*, backward: bool = True) -> Record:
    """J = 3*(a + b*c) at a=5, b=3, c=2."""

    def grad(x: float) -> float | None:
        return x if backward else None

    nodes = (
        Node(0, "", "3", CONSTANT, 3.0, None, (), True),
        leaf(1, "a", 5.0, grad(3.0)),
        leaf(2, "b", 3.0, grad(6.0)),
        leaf(3, "c", 2.0, grad(9.0)),
        Node(4, "v", "b*c", "mul", 6.0, grad(3.0), (), False, ("/home/me/demo.py", 3, 4, 7), "net.0"),
        Node(5, "u", "a + v", "add", 11.0, grad(3.0), (), False),
        Node(6, "J", "3*u", "mul", 33.0, grad(1.0), (), False),
    )
    edges = (
        Edge(2, 4, 0, 2.0, "c"),
        Edge(3, 4, 1, 3.0, "b"),
        Edge(1, 5, 0, 1.0, "1"),
        Edge(4, 5, 1, 1.0, "1"),
        Edge(0, 6, 0, 11.0, "u"),
        Edge(5, 6, 1, 3.0, "3"),
    )
    return Record("J = 3*(a + b*c)", nodes, edges, (0, 1, 2, 3), 6)


NAMES = ["x", "W1[1,2]", "the_bias_of_the_second_hidden_layer", "损失", "第二层的权重", "α_β", "𝛁f", "வணக்கம்", ""]
RULES = ["1", "c", "1 - tanh(z)²", "2*x*(a < b)", "-sin(" + "x + " * 12 + "y)", "对数的导数", ""]


def random_record(seed: int) -> Record:
    """Up to 24 nodes with all kinds of names, numbers and doubled edges."""
    rng = random.Random(seed)

    def number() -> float:
        extremes = [0.0, -0.0, -1.0, 1e-300, -1.234567e-7, 123456789.0, -9.87654321e300, math.nan, math.inf, -math.inf]
        return rng.choice(extremes) if rng.random() < 0.3 else rng.gauss(0, 10)

    def value() -> Value:
        if rng.random() < 0.85:
            return number()
        tensors: list[Value] = [[1.5, -2.25], [[0.125] * 8] * 8, Summary((128, 64), -1.5, 2.25, 0.1, 3)]
        return rng.choice(tensors)

    n = rng.randint(1, 24)
    edges = []
    for target in range(1, n):
        arguments = [rng.randrange(max(0, target - 6), target) for _ in range(rng.choice((0, 1, 2, 2)))]
        for arg, source in enumerate(arguments * rng.choice((1, 1, 1, 2))):
            edges.append(Edge(source, target, arg, value(), rng.choice(RULES)))
    inner = {edge.target for edge in edges}
    nodes = []
    for i in range(n):
        name = rng.choice(NAMES)
        text = f"{rng.choice(NAMES)} {rng.choice('+-*/')} {rng.choice(NAMES)} <&>" if i in inner else name or "π/2"
        op = "mul" if i in inner else rng.choice(("", "", CONSTANT))
        grad = value() if rng.random() < 0.7 else None
        nodes.append(Node(i, name, text, op, value(), grad, (), i not in inner))
    return Record(f"L = {rng.choice(NAMES)}", tuple(nodes), tuple(edges), tuple(set(range(n)) - inner), n - 1)


Rect = tuple[float, float, float, float]


def rect(element: ElementTree.Element, dx: float, dy: float) -> Rect:
    x, y, width, height = (float(element.get(key, "0")) for key in ("x", "y", "width", "height"))
    return x + dx, y + dy, x + dx + width, y + dy + height


def extent(element: ElementTree.Element, dx: float, dy: float) -> Rect:
    """Where a text stands in a monospace face, wide characters being a full em."""
    words, look = "".join(element.itertext()), element.get("class", "").split()
    size = next((SIZES[name] for name in look if name in SIZES), 13.0)
    width = sum(EM if ord(char) < 0x590 else 1.0 for char in words) * size
    x, y = float(element.get("x", "0")) + dx, float(element.get("y", "0")) + dy
    left = x - width if "end" in look else x - width / 2 if "mid" in look else x
    return left, y - 0.8 * size, left + width, y + 0.22 * size


def inside(a: Rect, b: Rect) -> bool:
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


def apart(a: Rect, b: Rect) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def groups(drawing: str) -> list[tuple[ElementTree.Element, float, float]]:
    """The nodes, chips and edges of the graph, with the offset at which they are drawn."""
    found = []
    for outer in ElementTree.fromstring(drawing).iter(f"{SVG}g"):
        if match := re.match(r"translate\((\S+) (\S+)\)", outer.get("transform", "")):
            dx, dy = float(match[1]), float(match[2])
            found += [(inner, dx, dy) for inner in outer.iter(f"{SVG}g") if any(map(inner.get, MARKS))]
    return found


def written(drawing: str, key: str, i: int) -> list[str]:
    """The visible texts of one node or edge."""
    group = next(group for group, _, _ in groups(drawing) if group.get(f"data-{key}") == str(i))
    return ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_box_or_label_overlaps_and_no_text_leaves_its_box(seed: int, lang: str) -> None:
    record = random_record(seed)
    drawing = svg(record, lang)
    root = ElementTree.fromstring(drawing)
    page = rect(root, 0, 0)
    outlines = []
    for group, dx, dy in groups(drawing):
        rects = [rect(element, dx, dy) for element in group.iter(f"{SVG}rect")]
        outlines += rects[:1]
        for element in group.iter(f"{SVG}text"):
            assert inside(extent(element, dx, dy), rects[-1]), ElementTree.tostring(element)
        assert all(inside(box, page) for box in rects)
    assert all(apart(a, b) for a, b in combinations(outlines, 2))
    labels = sum(record.nodes[edge.source].op != CONSTANT for edge in record.edges)
    assert len(outlines) == len(record.nodes) + labels + drawing.count("data-chip")
    legend = root.findall(f"{SVG}g")[-1]
    left, top = map(float, re.findall(r"[\d.]+", legend.get("transform", "")))
    assert all(inside(extent(text, left, top), page) for text in legend.iter(f"{SVG}text"))
    assert all(inside(extent(text, 0, 0), page) for text in root.findall(f"{SVG}text"))


def test_the_textbook_example() -> None:
    drawing = svg(example())
    assert written(drawing, "node", 4) == ["v = b*c", "value", "6", "grad", "3"]
    assert [written(drawing, "node", i)[-1] for i in (1, 2, 3, 5, 6)] == ["3", "6", "9", "3", "1"]
    assert written(drawing, "node", 0) == ["3"], "a constant has no gradient"
    assert [written(drawing, "edge", e) for e in range(6)] == [["c = 2"], ["b = 3"], ["1"], ["1"], [], ["3"]]


def test_tooltips_say_what_where_and_nothing_of_the_machine() -> None:
    titles = [title.text for title in ElementTree.fromstring(svg(example())).iter(f"{SVG}title")]
    assert titles[0] == "J = 3*(a + b*c)"
    assert "v = b*c\nvalue 6\ngrad 3\nnet.0\ndemo.py:3:5-7" in titles
    assert "b → v\ndv/db = c = 2" in titles
    assert "/home/me" not in svg(example())


def test_a_gradient_not_computed_yet_is_not_zero() -> None:
    drawing = svg(example(backward=False))
    assert written(drawing, "node", 1) == ["a", "value", "5", "grad", ABSENT]
    assert "not computed yet" in drawing
    assert "not computed yet" not in svg(example())
    zero = Record("w", (leaf(0, "w", 1.0, 0.0),), (), (0,), 0)
    assert written(svg(zero), "node", 0)[-1] == "0"


def test_a_long_label_has_its_number_on_a_second_line() -> None:
    nodes = (leaf(0, "z", 0.5, 1.0), Node(1, "h", "tanh(z)", "tanh", 0.46, 1.0, (), False))
    drawing = svg(Record("h", nodes, (Edge(0, 1, 0, 0.786448, "1 - tanh(z)²"),), (0,), 1))
    assert written(drawing, "edge", 0) == ["1 - tanh(z)²", "= 0.786448"]


def test_kinds_differ_in_shape_and_not_in_colour_alone() -> None:
    shapes = {}
    for group, _, _ in groups(svg(example())):
        if group.get("data-node"):
            rects = list(group.iter(f"{SVG}rect"))
            rows = len(list(group.iter(f"{SVG}text")))
            shapes[group.get("class")] = (len(rects), rects[-1].get("rx"), rows)
    assert set(shapes) == {"leaf", CONSTANT, "op", "output"}
    assert len(set(shapes.values())) == 4


def test_a_leaf_used_often_is_repeated_as_a_chip() -> None:
    n = 20
    nodes = [leaf(0, "w", 0.9, 1.0), leaf(1, "h0", 1.0, 1.0)]
    nodes += [Node(k + 2, f"h{k + 1}", f"w*h{k}", "mul", 1.0, 1.0, (), False) for k in range(n)]
    edges = [edge for k in range(n) for edge in (Edge(0, k + 2, 0, 1.0, f"h{k}"), Edge(k + 1, k + 2, 1, 0.9, "w"))]
    drawing = svg(Record("tied", tuple(nodes), tuple(edges), (0, 1), n + 1))
    assert drawing.count(">w (x20)</text>") == n - 12
    assert "drawn elsewhere" in drawing
    assert "used 20 times" in drawing


def test_it_is_one_file_that_stands_alone_in_light_and_dark() -> None:
    drawing = svg(example())
    assert "prefers-color-scheme:dark" in drawing
    assert re.findall(r"https?://[^\"]+", drawing) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|href|@import|url\(|\bid=", drawing)
    description = ElementTree.fromstring(drawing).findtext(f"{SVG}desc") or ""
    assert description.startswith("Computation graph, 7 nodes, 6 edges.\n")
    assert "b, value 3, grad 6" in description
    assert svg(example()) == drawing


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, words in WORDS["en"].items():
        assert re.findall(r"\{\w+\}", words) == re.findall(r"\{\w+\}", WORDS["zh"][key]), key
    chinese = svg(example(backward=False), "zh")
    shown = [text for text in re.findall(r"<(?:text|title|desc)[^>]*>([^<]*)", chinese) if re.search(r"[a-z]{3}", text)]
    assert shown == ["v = b*c\n值 6\n梯度 尚未计算\nnet.0\ndemo.py:3:5-7"]


def test_hostile_text_is_text() -> None:
    nasty = "</text><script>alert('1')</script>&\x00\x1b\ud800\n" + "x" * 5000
    nodes = (leaf(0, nasty, 1.0, None), Node(1, nasty, nasty, nasty, 1.0, None, (), False, (nasty, 1, 0, 1), nasty))
    drawing = svg(Record(nasty, nodes, (Edge(0, 1, 0, 1.0, nasty),), (0,), 1))
    root = ElementTree.fromstring(drawing.encode())
    assert not list(root.iter(f"{SVG}script"))
    assert float(root.get("width", "0")) < 2000


def test_numbers_are_short() -> None:
    numbers = [33.0, -0.143360001, 1 / 3, 123456.7, 1e6, -2.5e-7, 1e300, -0.0, 7, math.nan, -math.inf]
    shown = ["33", "-0.14336", "0.333333", "123457", "1e6", "-2.5e-7", "1e300", "0", "7", "nan", "-inf"]
    assert [show(x) for x in numbers] == shown


def test_tensors_are_whole_when_small_and_summed_up_when_large() -> None:
    assert show([[1.0, 2.0], [3.0, math.nan]]) == "[[1, 2], [3, nan]]"
    assert show([[1.0, -2.0, math.nan]] * 5) == "5x3 [-2..1] 5 nan"
    assert show([math.nan] * 5) == "5 all nan"
    assert show([]) == "0 empty"
    assert show(Summary((100, 3), -1.0, 2.0, 0.5, 0)) == "100x3 [-1..2]"


def test_the_record_is_json() -> None:
    y = Node(1, "y", "f(x)", "f", Summary((9, 9), 0.0, math.inf, 1.0, 2), [1.0], (9, 9), False)
    record = Record("y = f(x)", (leaf(0, "x", math.nan, None), y), (Edge(0, 1, 0, 2.0, "2"),), (0,), 1)
    data = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    assert list(data) == ["format", "title", "nodes", "edges", "leaves", "output"]
    assert data["format"] == "chainrule-trace/1"
    assert data["leaves"] == [0]
    assert data["nodes"][0]["value"] == "nan"
    assert data["nodes"][0]["grad"] is None
    assert data["nodes"][1]["value"] == {"shape": [9, 9], "min": 0.0, "max": "inf", "mean": 1.0, "n_nan": 2}
