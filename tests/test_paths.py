"""Paths and cuts: exact counts, products and sums that are the gradient, at any size."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

import chainrule as torch
from chainrule.errors import GraphError
from chainrule.see import explain
from chainrule.see.paths import LISTED, cut, paths


def leaf(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def random_graph(seed):
    """A number computed from up to 6 others by up to 12 ops, with much sharing."""
    rng = random.Random(seed)
    leaves = {name: leaf(rng.uniform(0.5, 1.5)) for name in "abcdef"[: rng.randint(1, 6)]}
    made = list(leaves.values())
    for _ in range(rng.randint(1, 12)):
        x, y = rng.choice(made), rng.choice(made[-4:])
        made.append(rng.choice((
            lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / (y * y + 1),
            lambda x, y: x.tanh(), lambda x, y: (x * y).sin(), lambda x, y: 2 * x, lambda x, y: y**3,
            lambda x, y: x.maximum(y * 0.9), lambda x, y: x.where(x > y, y * x),
        ))(x, y))  # fmt: skip
    return leaves, sum(leaves.values()) * 0.1 + made[-1]


@pytest.mark.parametrize("seed", range(200))
def test_paths_and_every_cut_sum_to_the_gradient(seed):
    leaves, output = random_graph(seed)
    explanation = explain(output, names=leaves)
    output.backward()
    record = explanation.record
    order = [node.id for node in record.nodes]
    for name, tensor in leaves.items():
        exact = tensor.grad.item()
        found = explanation.paths(name)
        assert found.total == pytest.approx(exact, rel=1e-10, abs=1e-10)
        assert explanation.gradients[name] == pytest.approx(exact, rel=1e-10, abs=1e-10)
        assert len(found.paths) == (found.count if found.count <= LISTED else 0)
        for path in found.paths:
            assert path.product == pytest.approx(math.prod(e.derivative for e in path.edges), rel=1e-12)
            assert [n.id for n in path.nodes(record)][1:] == [e.target for e in path.edges]
        first = next(n.id for n in record.nodes if n.name == name)
        for after in order[order.index(first) : -1]:
            assert cut(record, first, after).total == pytest.approx(exact, rel=1e-10, abs=1e-10)


def blocks(x, n):
    """Residual blocks: the number of paths doubles with each."""
    for _ in range(n):
        x = x + 0.5 * x.sin()
    return x


def test_many_paths_are_counted_not_listed():
    x = leaf(0.3)
    y = blocks(x, 50)
    explanation = explain(y)
    y.backward()
    found = explanation.paths()
    assert found.count == 2**50
    assert found.paths == ()
    narrow = explanation.cut("x")
    assert len(narrow.terms) <= 2
    assert found.total == pytest.approx(x.grad.item(), rel=1e-12)
    assert narrow.total == pytest.approx(x.grad.item(), rel=1e-12)
    assert sum(t.tangent * t.edge.derivative * t.adjoint for t in narrow.terms) == pytest.approx(narrow.total)
    text = explanation.text(80)
    assert "1,125,899,906,842,624 paths, too many to list" in text
    assert "→" not in text.split("backward() has not run")[0].split("paths, too many")[1]


def test_few_paths_are_all_listed():
    x = leaf(0.3)
    assert len(explain(blocks(x, 6)).paths("x").paths) == 64
    assert explain(blocks(x, 7)).paths("x").paths == ()


def test_one_path_as_long_as_a_chain_of_many_ops():
    x = y = leaf(1.0)
    for _ in range(2000):
        y = y * 1.001
    explanation = explain(y)
    (path,) = explanation.paths(x).paths
    assert len(path.edges) == 2000
    assert path.product == pytest.approx(1.001**2000)
    assert max(map(len, str(explanation).splitlines())) <= 120


def test_no_way_to_the_output_is_no_path():
    x, y = leaf(1.0), leaf(2.0)
    record = explain(x * y).record
    assert paths(record, record.output).count == 1
    constant = explain(x * 3).record
    number = next(n.id for n in constant.nodes if n.name == "")
    with pytest.raises(GraphError, match="a path is a product of numbers"):
        paths(constant, number)


def test_tensors_have_no_paths_until_one_element_is_chosen():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    with pytest.raises(GraphError, match="explain\\(L, wrt=W, at="):
        explain(loss).paths("w")
    assert explain(loss, wrt=w, at=1).paths().total == 4.0
    with pytest.raises(KeyError, match="no leaf 'q'"):
        explain(loss).paths("q")


def net(rng, sizes):
    weights = [torch.tensor(rng.uniform(-1, 1, (o, i)), requires_grad=True) for i, o in pairwise(sizes)]
    biases = [torch.tensor(rng.uniform(-1, 1, (o,)), requires_grad=True) for o in sizes[1:]]
    return weights, biases


@pytest.mark.parametrize("seed", range(50))
def test_any_weight_of_a_tanh_net_is_the_sum_over_its_paths(seed):
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(2, 4))
    sizes = [*(int(rng.integers(1, 4)) for _ in range(depth)), 1]
    weights, biases = net(rng, sizes)
    batch = bool(rng.integers(2))
    x = torch.tensor(rng.uniform(-1, 1, (4, sizes[0]) if batch else (sizes[0],)))
    h = x
    for w, b in zip(weights, biases):
        h = (h @ w.T + b if batch else w @ h + b).tanh()
    loss = ((h - 0.3) ** 2).mean()
    loss.backward(retain_graph=True)
    for tensor in (weights[int(rng.integers(depth))], biases[int(rng.integers(depth))], weights[0]):
        at = tuple(int(rng.integers(size)) for size in tensor.shape)
        found = explain(loss, wrt=tensor, at=at).paths()
        assert found.total == pytest.approx(tensor.grad[at].item(), rel=1e-10, abs=1e-12)
        assert found.count > 0


def test_paths_through_a_layer_are_one_per_hidden_unit():
    rng = np.random.default_rng(0)
    (w1, w2, w3), _ = net(rng, (3, 3, 3, 1))
    x = torch.tensor(rng.uniform(-1, 1, 3))
    y = w3 @ (w2 @ (w1 @ x).tanh()).tanh()
    y.backward(retain_graph=True)
    found = explain(y, wrt=w1, at=(1, 2)).paths()
    assert found.count == 3
    for j, path in enumerate(found.paths):
        rules = [edge.rule for edge in path.edges]
        assert {"x[2]", f"w2[{j}, 1]", f"w3[0, {j}]"} < set(rules)


def test_a_path_through_a_zero_weight_or_a_dead_unit_is_still_a_path():
    w = torch.tensor([[0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[2.0], [-1.0]], dtype=torch.float64, requires_grad=True)
    y = (w @ x.relu()).sum()
    assert [p.product for p in explain(y, wrt=x, at=(0, 0)).paths().paths] == [0.0]
    assert [p.product for p in explain(y, wrt=x, at=(1, 0)).paths().paths] == [0.0]
    assert [p.product for p in explain(y, wrt=w, at=(0, 0)).paths().paths] == [2.0]
