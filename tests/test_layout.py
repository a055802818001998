"""The layered layout: nothing overlaps or is cut off, no arrow runs through a box, large graphs stay cheap."""

import random
from itertools import combinations, pairwise

import pytest

from chainrule.see.layout import MARGIN, Box, Layout, layout

Edges = list[tuple[int, int]]


def random_dag(seed: int) -> tuple[list[tuple[float, float]], Edges, list[tuple[float, float]]]:
    """Nodes of many sizes, long and repeated edges, some without a label."""
    rng = random.Random(seed)
    n = rng.randint(1, 36)
    edges = []
    for target in range(1, n):
        for _ in range(rng.choice((0, 1, 2, 2, 3))):
            source = rng.randrange(max(0, target - 5), target) if rng.random() < 0.7 else rng.randrange(target)
            edges += [(source, target)] * rng.choice((1, 1, 1, 2))
    sizes = [(rng.uniform(20, 300), rng.uniform(20, 90)) for _ in range(n)]
    labels = [(rng.uniform(15, 200), rng.uniform(12, 40)) if rng.random() < 0.9 else (0.0, 0.0) for _ in edges]
    return sizes, edges, labels


def draw(n: int, edges: Edges, label: tuple[float, float] = (50.0, 20.0)) -> Layout:
    return layout([(90.0, 66.0)] * n, edges, [label] * len(edges), [(50.0, 24.0)] * n)


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points along the drawn line: a segment that climbs is a cubic that leaves and arrives level."""
    samples = []
    for (x0, y0), (x1, y1) in pairwise(points):
        for i in range(21):
            t = i / 20
            bend = 3 * t * (1 - t)
            samples.append((
                (1 - t) ** 3 * x0 + bend * (x0 + x1) / 2 + t**3 * x1,
                (1 - t) ** 2 * (1 + 2 * t) * y0 + t**2 * (3 - 2 * t) * y1,
            ))
    return samples


@pytest.mark.parametrize("seed", range(80))
def test_nothing_overlaps_is_cut_off_or_runs_through_a_box(seed: int) -> None:
    sizes, edges, labels = random_dag(seed)
    drawing = layout(sizes, edges, labels, [(30.0, 20.0)] * len(sizes))
    named = {("node", v): box for v, box in enumerate(drawing.nodes)}
    named |= {("label", e): box for e, box in enumerate(drawing.labels) if box}
    named |= {("chip", e): box for e, box in drawing.chips.items()}
    assert [key for key in combinations(named, 2) if overlap(named[key[0]], named[key[1]])] == []
    for box in named.values():
        assert box.x > MARGIN - 1e-9
        assert box.x + box.width < drawing.width - MARGIN + 1e-9
        assert box.y > MARGIN - 1e-9
        assert box.y + box.height < drawing.height - MARGIN + 1e-9
    assert [box is None for box in drawing.labels] == [width == 0 for width, _ in labels]
    for e, (source, target) in enumerate(edges):
        own = {("node", source), ("node", target), ("label", e), ("chip", e)}
        foreign = [box for key, box in named.items() if key not in own]
        for x, y in curve(drawing.edges[e]):
            assert not any(b.x < x < b.x + b.width and b.y < y < b.y + b.height for b in foreign)


@pytest.mark.parametrize("seed", range(20))
def test_arrows_run_right_from_box_to_box_through_their_label(seed: int) -> None:
    sizes, edges, labels = random_dag(seed)
    drawing = layout(sizes, edges, labels, [(30.0, 20.0)] * len(sizes))
    for e, (source, target) in enumerate(edges):
        points, start, end = drawing.edges[e], drawing.chips.get(e, drawing.nodes[source]), drawing.nodes[target]
        assert points[0] == pytest.approx((start.x + start.width, start.y + start.height / 2))
        assert points[-1] == pytest.approx((end.x, end.y + end.height / 2))
        assert all(x1 >= x0 for (x0, _), (x1, _) in pairwise(points))
        if label := drawing.labels[e]:
            middle = label.y + label.height / 2
            assert any(a[0] <= label.x and b[0] >= label.x + label.width and a[1] == b[1] == pytest.approx(middle)
                       for a, b in pairwise(points))


def test_same_input_same_drawing() -> None:
    sizes, edges, labels = random_dag(7)
    assert layout(sizes, edges, labels, sizes) == layout(sizes, edges, labels, sizes)


@pytest.mark.parametrize("seed", range(20))
def test_crossings_are_those_of_the_drawing(seed: int) -> None:
    """Counted again, pair by pair, from the points."""
    sizes, edges, labels = random_dag(seed)
    drawing = layout(sizes, edges, labels, [(30.0, 20.0)] * len(sizes))
    segments = [segment for points in drawing.edges for segment in list(pairwise(points))[1::2]]  # those in the gaps
    crossings = sum(
        a[0][0] == b[0][0] and (a[0][1] - b[0][1]) * (a[1][1] - b[1][1]) < 0 for a, b in combinations(segments, 2)
    )
    assert drawing.crossings == crossings


def test_a_tree_is_drawn_without_crossings_and_arguments_from_the_top() -> None:
    edges = [(v, (v - 1) // 2) for v in range(1, 127)]
    drawing = draw(127, edges)
    assert drawing.crossings == 0
    leaves = [box.y for box in drawing.nodes[63:]]
    assert leaves == sorted(leaves)


def test_sweeps_and_exchanges_remove_crossings() -> None:
    """A ladder whose rungs are given in a bad order can be drawn flat."""
    rng = random.Random(0)
    rows = list(range(8))
    edges = []
    for step in range(6):
        rng.shuffle(rows)
        edges += [(8 * step + row, 8 * (step + 1) + row) for row in rows]
    edges += [(48 + row, 56) for row in rows]
    assert draw(57, edges).crossings == 0


def test_leaves_stand_beside_their_consumer() -> None:
    """J = 3*(a + b*c): a is a step before u, not at the far left with b and c."""
    a, b, c, v, u, three, j = range(7)
    drawing = draw(7, [(b, v), (c, v), (a, u), (v, u), (three, j), (u, j)])
    x = [box.x for box in drawing.nodes]
    assert x[b] == x[c] < x[a] == x[v] < x[three] == x[u] < x[j]
    middles = [box.y + box.height / 2 for box in drawing.nodes]
    assert middles[v] == pytest.approx(middles[u], abs=0.5)
    assert middles[u] == pytest.approx(middles[j], abs=0.5)


def test_two_edges_between_the_same_nodes_have_their_own_labels() -> None:
    drawing = draw(2, [(0, 1), (0, 1)])
    first, second = drawing.labels
    assert first
    assert second
    assert first.x == second.x
    assert first.y + first.height < second.y


def test_boxes_of_nearly_one_width_line_up() -> None:
    drawing = layout([(90, 20), (100, 20), (30, 20), (50, 20)], [(0, 3), (1, 3), (2, 3)], [(0, 0)] * 3, [(9, 9)] * 4)
    assert [box.width for box in drawing.nodes] == [100, 100, 30, 50]


def test_a_chain_of_3000() -> None:
    drawing = draw(3000, [(v, v + 1) for v in range(2999)])
    assert drawing.slots == 2999
    assert drawing.crossings == 0
    assert not drawing.chips
    assert len({box.y for box in drawing.nodes}) == 1


def test_a_leaf_used_2000_times_is_repeated_and_not_tied_across() -> None:
    """h = w * h, 2,000 times: the first 12 uses are arrows, the others chips beside their use."""
    edges = [edge for k in range(2000) for edge in ((0, k + 2), (k + 1, k + 2))]
    drawing = draw(2002, edges)
    assert drawing.slots <= 4 * 2002
    assert len(drawing.chips) == 2000 - 12
    assert all(edges[e][0] == 0 for e in drawing.chips)
    assert drawing.height < 1000


@pytest.mark.parametrize("label", [(50.0, 20.0), (0.0, 0.0)])
def test_the_budget_of_slots_holds_on_a_random_graph(label: tuple[float, float]) -> None:
    rng = random.Random(3)
    edges = [(rng.randrange(v), v) for v in range(1, 1500)] + [(v, min(v + 5, 1499)) for v in range(1499)]
    drawing = draw(1500, edges, label)
    assert drawing.slots <= 4 * 1500
    assert drawing.chips


@pytest.mark.parametrize("edges", [[(0, 1), (1, 2), (2, 1)], [(0, 0)]])
def test_a_cycle_is_refused(edges: Edges) -> None:
    with pytest.raises(ValueError, match=r"^layout: .* of 3 nodes lie on or before a cycle"):
        draw(3, edges)


def test_no_nodes_and_one() -> None:
    assert draw(0, []).nodes == []
    assert draw(1, []).nodes == [Box(MARGIN, MARGIN, 90, 66)]
