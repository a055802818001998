"""Chapter 4. Backpropagation: the same sums, found by walking the graph once from right to left.

    a ──────────────┐
                    ├─ u = a + v ── J = 3u
    b ─┐            │
       ├─ v = b·c ──┘
    c ─┘
"""

import sys

import torch

a, b, c = (torch.tensor(float(word), requires_grad=True) for word in (sys.argv[1:] or "5 3 2".split()))

print("Forward, left to right:")
v = b * c
u = a + v
J = 3 * u
for node in (u, v):
    node.retain_grad()  # the nodes between are of interest here; normally only the leaves keep their gradient
print(f"   v = b·c   = {b.item():g}·{c.item():g} = {v.item():g}")
print(f"   u = a + v = {a.item():g} + {v.item():g} = {u.item():g}")
print(f"   J = 3·u   = 3·{u.item():g} = {J.item():g}")

edge = {"dJ/du": 3.0, "du/da": 1.0, "du/dv": 1.0, "dv/db": c.item(), "dv/dc": b.item()}
print("\nOn every edge stands a local derivative:")
print("   " + "   ".join(f"{name} = {value:g}" for name, value in edge.items()) + "   (dv/db is c, dv/dc is b)")

J.backward()
print("\nBackward, right to left, each node passing on what it got times the edge:")
print("   dJ/dJ = 1")
print(f"   dJ/du = 1 · dJ/du         = {u.grad.item():g}")
print(f"   dJ/dv = dJ/du · du/dv     = {u.grad.item():g}·1 = {v.grad.item():g}")


def central_difference(f, at, name, h=1e-6):
    up, down = {**at, name: at[name] + h}, {**at, name: at[name] - h}
    return (f(**up) - f(**down)) / (2 * h)


at = {name: tensor.detach().double() for name, tensor in (("a", a), ("b", b), ("c", c))}
print("\nProducts along the paths, beside .grad and the central difference:")
for name, path, words, product, leaf in (
    ("a", "a→u→J  ", "3·1  ", edge["dJ/du"] * edge["du/da"], a),
    ("b", "b→v→u→J", "3·1·c", edge["dJ/du"] * edge["du/dv"] * edge["dv/db"], b),
    ("c", "c→v→u→J", "3·1·b", edge["dJ/du"] * edge["du/dv"] * edge["dv/dc"], c),
):
    check = central_difference(lambda a, b, c: 3 * (a + b * c), at, name).item()
    print(f"   {path}   dJ/d{name} = {words} = {product:g}   .grad = {leaf.grad.item():g}   "
          f"(J(+h) − J(−h))/2h = {check:.6f}")

print('\nThe picture: chainrule explain "3*(a + b*c)" a=5 b=3 c=2 --svg graph.svg')
