"""Chapters 3, 4 and 5: the chain rule, backpropagation on a graph, and one weight of a network."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chainrule.autograd import grad, no_grad
from chainrule.creation import tensor
from chainrule.demo.definition import DIRECTION, number, slope_of
from chainrule.demo.report import Report, cells, padded
from chainrule.functional import function
from chainrule.see import Explanation, central_difference, explain
from chainrule.see.record import show
from chainrule.tensors import Tensor

RATE = 0.5
CHAIN = """\
x = torch.tensor(1.5, requires_grad=True)
u = x**2
y = torch.sin(u)
y.backward(retain_graph=True)
"""
GRAPH = """\
a = torch.tensor(5.0, requires_grad=True)
b = torch.tensor(3.0, requires_grad=True)
c = torch.tensor(2.0, requires_grad=True)
v = b * c
u = a + v
J = 3 * u
J.backward(retain_graph=True)
"""
NETWORK = """\
x = torch.tensor([1.5, -1.0])
W1 = torch.tensor([[0.4, -0.3], [0.2, 0.5]], requires_grad=True)
W2 = torch.tensor([[0.6, -0.1], [0.3, -0.6]], requires_grad=True)
w3 = torch.tensor([0.5, -0.7], requires_grad=True)

def forward(W1, W2, w3):
    z1 = W1 @ x
    h = torch.tanh(z1)
    z2 = W2 @ h
    s = torch.tanh(z2)
    z3 = w3 @ s
    y = torch.tanh(z3)
    e = y - 1
    L = e**2
    return locals()
"""


def chain(report: Report, folder: Path, lang: str) -> None:
    """One variable, with its graph; then two variables and the three that lie between them and y."""
    report.heading("chain")
    report.say("chain.one")
    report.block(CHAIN, "python")
    names = program(folder / "chain_rule.py", CHAIN)
    report.block(explain(names["y"], names=tensors(names), lang=lang).text(report.width - 4))
    report.say("chain.many")
    for i in range(2):
        report.table(["path", "dy/du", "du/dx", "product"], ways_from(i, [0.5, 2.0], report.words))
    report.say("chain.end")


def between(x: Sequence[Tensor]) -> list[Tensor]:
    return [x[0] + x[1], x[0] * x[1], x[0].sin()]


def outer(u: Sequence[Tensor]) -> Tensor:
    return u[0] * u[1] + u[2] ** 2


def ways_from(i: int, at: list[float], words: Callable[[str], str]) -> list[list[str]]:
    """A row for each way from xᵢ to y, their sum, and what two other methods say."""
    xs = [leaf(value) for value in at]
    us = between(xs)
    y = outer(us)
    rows, total = [], 0.0
    for j, u in enumerate(us):
        (dy_du,) = grad(y, u, retain_graph=True)
        (du_dx,) = grad(u, xs[i], retain_graph=True, allow_unused=True, materialize_grads=True)
        product = dy_du.item() * du_dx.item()
        total += product
        rows.append([f"x{'₁₂'[i]} → u{'₁₂₃'[j]} → y", number(dy_du.item()), number(du_dx.item()), number(product)])
    y.backward()
    moved = slope_of(lambda x: outer(between([x if k == i else xs[k].detach() for k in range(2)])), at[i])
    results = {"sum": total, "backward()": xs[i].grad.item(), "central difference": moved}
    return rows + [[words(name), "", "", number(value)] for name, value in results.items()]


def graph(report: Report, folder: Path, lang: str) -> None:
    """J = 3(a + bc): the graph, and the products along its paths for several values."""
    report.heading("graph")
    report.say("graph.what")
    report.block(GRAPH, "python")
    names = program(folder / "backpropagation.py", GRAPH)
    explanation = explain(names["J"], names=tensors(names), lang=lang)
    report.block(explanation.text(report.width - 4))
    explanation.save(folder / "graph.svg")
    report.picture("graph.svg", "graph.picture")
    report.say("graph.values")
    rows = [row for values in ((5.0, 3.0, 2.0), (-1.0, 4.0, 0.5), (2.0, -0.75, -8.0)) for row in products(*values)]
    report.table(["a, b, c", "path", "product", "", "backward()", "central difference"], rows)


def products(a: float, b: float, c: float) -> list[list[str]]:
    """A row for each of a, b, c: the product along its path, the gradient, the central difference."""
    leaves = {"a": leaf(a), "b": leaf(b), "c": leaf(c)}
    cost(**leaves).backward()
    rows = []
    for name, path, factors in (("a", "a → u → J", [3, 1]), ("b", "b → v → u → J", [3, 1, c]),
                                ("c", "c → v → u → J", [3, 1, b])):  # fmt: skip
        product = 1.0
        for factor in factors:
            product *= factor
        others = {k: x.detach() for k, x in leaves.items() if k != name}
        moved = slope_of(lambda x: cost(**{name: x}, **others), leaves[name].item())  # noqa: B023 - called at once
        rows.append([f"{a:g}, {b:g}, {c:g}" if name == "a" else "", path,
                     f"dJ/d{name} = {'·'.join(f'{f:g}' if f >= 0 else f'({f:g})' for f in factors)}", f"{product:g}",
                     f"{leaves[name].grad.item():g}", number(moved)])
    return rows


def cost(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return 3 * (a + b * c)


def weight(report: Report, folder: Path, lang: str) -> None:
    """A 2-2-2-1 tanh network: the paths of one weight, and eight updates of all."""
    report.heading("weight")
    report.say("weight.what")
    report.block(NETWORK, "python")
    names = program(folder / "one_weight.py", NETWORK)
    forward, weights = names["forward"], [names[name] for name in ("W1", "W2", "w3")]
    W1 = weights[0]
    now = forward(*weights)
    now["L"].backward(retain_graph=True)
    one = explain(now["L"], wrt=W1, at=(0, 0), names=now, lang=lang)
    moved = central_difference(lambda W: forward(W, *weights[1:])["L"], W1)[0, 0].item()
    report.say("weight.paths")
    report.block(path_sum(one, {"backward()": W1.grad[0, 0].item(), "central difference": moved}, report.words))
    one.save(folder / "paths.svg")
    report.picture("paths.svg", "weight.one")
    explain(now["L"], names=now, lang=lang).save(folder / "network.svg")
    report.picture("network.svg", "weight.all")
    report.say("weight.update")
    rows = []
    for step in range(1, 9):
        before, slope, loss = W1[0, 0].item(), W1.grad[0, 0].item(), now["L"].item()
        with no_grad():
            for W in weights:
                W.sub_(RATE * W.grad)
                W.grad.zero_()
        now = forward(*weights)
        now["L"].backward()
        rows.append([str(step), number(before), number(slope), report.words(DIRECTION[slope > 0]),
                     number(W1[0, 0].item()), f"{loss:.5f} → {now['L'].item():.5f}"])
    report.table(["step", "w = W1[0, 0]", "∇w", "in words", "w − α∇w", "L"], rows)


def path_sum(one: Explanation, others: dict[str, float], words: Callable[[str], str]) -> str:
    """Every path with its factors, their sum, and what other methods say."""
    found = one.paths()
    lines = []
    for path in found.paths:
        factors = [show(edge.derivative) for edge in path.edges]
        lines += [" → ".join(node.name for node in path.nodes(one.record)),
                  f"    {'·'.join(f'({f})' if f[0] == '-' else f for f in factors)} = {number(path.product)}", ""]
    results = {words(name): value for name, value in {"sum": found.total, **others}.items()}
    width = max(map(cells, results))
    return "\n".join([*lines, *(f"{padded(name, width)} = {number(value)}" for name, value in results.items())])


def program(path: Path, text: str) -> dict[str, Any]:
    """Write ``text`` as a PyTorch script and run it; its variables. In the file, explain() finds their names."""
    path.write_text(f"import torch\n\n{text}", encoding="utf-8")
    names: dict[str, Any] = {"torch": TORCH}
    exec(compile(f"\n\n{text}", str(path), "exec"), names)
    return names


def tensors(names: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in names.items() if isinstance(value, Tensor)}


TORCH = SimpleNamespace(tensor=tensor, sin=function("sin"), tanh=function("tanh"))


def leaf(values: object) -> Tensor:
    return tensor(values, requires_grad=True)
