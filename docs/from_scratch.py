"""Gradients from scratch, in one reading.

This file builds a small engine that computes gradients the way PyTorch and chainrule do. It is a text and a program:
read it from top to bottom, or run it (python docs/from_scratch.py). Where a line begins with #> the program prints
what stands there, and a test holds it to that. It needs NumPy, and nothing of the package it belongs to.

The question is always the same. A number J comes out of a computation on a, b, c and others. If one of them moved a
little, how much would J move? The answers, dJ/da, dJ/db, dJ/dc, are the gradient, and one walk back finds them all.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

"""1. Values that remember.

We differentiate a computation, so we must keep it. Every value knows its number, the operation that made it, the
values that went in, and a serial number, for order of birth. Linked like this, the values of a computation are called
the tape. Writing `b * c` computes a product, and leaves a mark on the tape that it was one.
"""


class Tensor:
    births = itertools.count()

    def __init__(self, data, name="", op=None, inputs=(), params=()):
        self.data = np.asarray(data, float)
        self.name, self.op, self.inputs, self.params = name, op, inputs, params
        self.serial = next(Tensor.births)
        self.grad = None

    def __add__(self, other): return apply(add, self, other)
    def __radd__(self, other): return apply(add, other, self)
    def __sub__(self, other): return apply(sub, self, other)
    def __rsub__(self, other): return apply(sub, other, self)
    def __mul__(self, other): return apply(mul, self, other)
    def __rmul__(self, other): return apply(mul, other, self)
    def __truediv__(self, other): return apply(div, self, other)
    def __rtruediv__(self, other): return apply(div, other, self)
    def tanh(self): return apply(tanh, self)
    def mean(self): return self.sum_to(()) / self.data.size

    def sum_to(self, shape):
        return self if self.data.shape == shape else apply(sum_to, self, params=(shape,))

    def expand(self, shape):
        return self if self.data.shape == shape else apply(expand, self, params=(shape,))

    def named(self, name):
        self.name = name
        return self


def apply(op, *inputs, params=()):
    inputs = tuple(x if isinstance(x, Tensor) else Tensor(x) for x in inputs)
    return Tensor(op.forward(*[x.data for x in inputs], *params), op=op, inputs=inputs, params=params)


"""2. One operation, one rule.

An operation is described once: its name, how NumPy computes it, and its local derivatives `d`, one for each input:
how fast does the output move when this input alone moves? A product x * y moves with x at the rate y, and with y at
the rate x. The tanh is told most cheaply by its own result, `out`.

Look at what the rules are made of. They say `1 - out * out` with the same minus and times that everybody uses, on
Tensors, never on NumPy arrays. It costs nothing to write them so, and the second half of this file lives on it.
"""


@dataclass(frozen=True, eq=False)
class Op:
    name: str
    forward: Callable
    d: tuple = ()
    transpose: Callable | None = None  # in place of d, for the two operations of section 5


ONE, MINUS_ONE = Tensor(1), Tensor(-1)
add = Op("+", np.add, d=(ONE, ONE))
sub = Op("-", np.subtract, d=(ONE, MINUS_ONE))
mul = Op("*", np.multiply, d=(lambda x, y, out: y, lambda x, y, out: x))
div = Op("/", np.divide, d=(lambda x, y, out: 1 / y, lambda x, y, out: MINUS_ONE * out / y))
tanh = Op("tanh", np.tanh, d=(lambda x, out: 1 - out * out,))


def local(node, i):
    """The local derivative on the edge from input i to the node."""
    rule = node.op.d[i]
    return rule(*node.inputs, node) if callable(rule) else rule


def times(g, factor):
    """g * factor, where a factor 1 is no multiplication."""
    return g if factor is ONE else factor if g is ONE else g * factor


"""3. A graph, and the number on each edge.

Draw the tape of J = 3(a + bc) with the inputs on the left and J on the right: values are nodes, and each node has an
edge from everything it was made of. Every edge carries one local derivative. Since a rule runs on Tensors, its answer
has a tape as well, and a tape can be read back as text. So an edge can tell both its formula and its number.
"""


def written(node, texts):
    """The node's operation, applied to texts."""
    name = node.op.name
    if name.isidentifier():
        return f"{name}({', '.join([*texts, *map(str, node.params)])})"
    return f" {name} ".join(texts)


def show(value, inside=False):
    """What a value is made of, down to numbers and to values with a name."""
    if value.name:
        return value.name
    if value.op is None:
        return repr(value.data.item()).removesuffix(".0")
    infix = not value.op.name.isidentifier()
    text = written(value, [show(x, inside=infix) for x in value.inputs])
    return f"({text})" if inside and infix else text


def history(*roots):
    """The roots and all that they were made of, in order of birth."""
    seen, stack = set(roots), list(roots)
    while stack:
        fresh = set(stack.pop().inputs) - seen
        seen |= fresh
        stack += fresh
    return sorted(seen, key=lambda value: value.serial)


def explain(root):
    """Each operation from right to left, with the local derivatives on its edges."""
    for node in reversed(history(root)):
        edges = []
        for i, x in enumerate(node.inputs):
            if x.name:
                d = local(node, i)
                edges.append(f"d{node.name}/d{x.name} = {show(d)}" + (f" = {d.data:.6g}" if d.name or d.op else ""))
        if edges:
            print(f"{node.name} = {written(node, map(show, node.inputs))}:  {',  '.join(edges)}")


a, b, c = Tensor(5, "a"), Tensor(3, "b"), Tensor(2, "c")
v = (b * c).named("v")
u = (a + v).named("u")
J = (3 * u).named("J")
explain(J)
#> J = 3 * u:  dJ/du = 3
#> u = a + v:  du/da = 1,  du/dv = 1
#> v = b * c:  dv/db = c = 2,  dv/dc = b = 3

"""4. Walking right to left.

When b moves, v moves c times as much, then u once as much as v, then J three times as much as u. Along a path, the
rates multiply: dJ/db = c * 1 * 3. That is the chain rule. Walk the other way, from J to the left, and the product
3 * 1 is shared by all that lies behind v: each node receives a number g, the derivative of J by that node, and sends
g times the local derivative down each of its edges. This is backpropagation, and it visits every node once.

If two paths lead from b to J, then J moves for two reasons, and the reasons add. Therefore what arrives at a node is
summed: the `+` in pull. It also says when a node may send: after all its consumers have sent to it. A node is always
born before its consumers, so we take nodes by falling serial number. A heap gives the youngest that something has
arrived at. Nothing here calls itself, and a chain of a hundred thousand nodes is walked like a short one.
"""


def pull(root):
    """The derivative of root, which must be one number, by everything that it was made of."""
    arrived = {root: ONE}
    heap = [(-root.serial, root)]
    while heap:
        _, node = heapq.heappop(heap)
        for i, x in enumerate(node.inputs):
            g = arrived[node]
            part = node.op.transpose(g, x) if node.op.transpose else times(g, local(node, i))
            part = part.sum_to(x.data.shape)  # section 5
            if x in arrived:
                arrived[x] = arrived[x] + part
            else:
                arrived[x] = part
                heapq.heappush(heap, (-x.serial, x))
    return arrived


def gradient(y, *xs):
    arrived = pull(y)
    return [arrived.get(x, Tensor(0)) for x in xs]


def backward(y):
    """PyTorch's way: leave the gradients at the leaves, added to what is there."""
    for x, g in pull(y).items():
        if x.op is None:
            x.grad = g if x.grad is None else x.grad + g


for x, g in zip((a, b, c), gradient(J, a, b, c)):
    print(f"dJ/d{x.name} = {show(g)} = {g.data:g}")
#> dJ/da = 3 = 3
#> dJ/db = 3 * c = 6
#> dJ/dc = 3 * b = 9

(square_slope,) = gradient(a * a, a)  # two edges from one node; a set of parents would have lost one of them
print(show(square_slope), "=", square_slope.data)
#> a + a = 10.0

"""5. Broadcasting, undone once.

Add one number b to fifty numbers, and NumPy uses b fifty times. What is used fifty times is owed fifty gradients, and
they add: the same sum over paths again. So the way back from stretching is summing, and the way back from summing is
stretching. These two operations are linear, and each is the other's rule. One line in pull, `sum_to`, undoes
broadcasting for every operation there is or will be. No rule has to mention it.
"""


def sum_over_stretched(array, shape):
    extra = array.ndim - len(shape)
    axes = [k for k in range(array.ndim) if k < extra or shape[k - extra] != array.shape[k]]
    return array.sum(tuple(axes)).reshape(shape)


sum_to = Op("sum_to", sum_over_stretched, transpose=lambda g, x: g.expand(x.data.shape))
expand = Op("expand", np.broadcast_to, transpose=lambda g, x: g.sum_to(x.data.shape))

"""6. One rule, four readings.

Run: a gradient is a number. But pull only ever used the engine's own operations, so the number comes with a tape.

Explained: the rule of each edge, printed beside its value. Here x reaches f on two paths.

Derived: read the tape of the gradient as text, and it is the formula a person would have found on paper. Nobody
wrote an algebra system; the rules, run once, have said everything they know.

Compiled: write the same tape as the source of a Python function, one line for each value. What is left is bare
arithmetic, without graph, without rules. chainrule does this step down to machine code.

And because a gradient has a tape, it can be differentiated again, and again, with no further line of code.
"""


def compiled(outputs, inputs):
    """The tape from inputs to outputs as Python source, and as a function."""
    names, lines, known = {x: x.name for x in inputs}, [], {}
    for value in history(*outputs):
        if value.op is None:
            names.setdefault(value, show(value))
        elif value not in names:
            names[value] = f"v{len(lines)}"
            lines.append(f"    {names[value]} = {written(value, [names[x] for x in value.inputs])}")
            known[value.op.name] = value.op.forward
    head, last = ", ".join(x.name for x in inputs), ", ".join(names[y] for y in outputs)
    source = "\n".join([f"def program({head}):", *lines, f"    return {last}"])
    exec(source, known)
    return source, known["program"]


x = Tensor(0.5, "x")
t = x.tanh().named("t")
f = (x * t).named("f")
(slope,) = gradient(f, x)

print(f"{slope.data:.6f}")  # run
#> 0.855341
explain(f)
#> f = x * t:  df/dx = t = 0.462117,  df/dt = x = 0.5
#> t = tanh(x):  dt/dx = 1 - (t * t) = 0.786448
print("df/dx =", show(slope))  # derived
#> df/dx = t + (x * (1 - (t * t)))
source, program = compiled([slope], [x])
print(source)
#> def program(x):
#>     v0 = tanh(x)
#>     v1 = v0 * v0
#>     v2 = 1 - v1
#>     v3 = x * v2
#>     v4 = v0 + v3
#>     return v4
assert program(0.5) == slope.data

(bend,) = gradient(slope, x)
print(f"{bend.data:.6f}")  # the second derivative
#> 1.209464

"""7. Trust, but measure.

All four readings come from the rules, so a wrong rule would be wrong four times, and they would all agree. The judge
must share nothing with the rules. The definition of the derivative is such a judge: move the input by a small h to
either side, and look. It is slow, and exact to about ten digits: enough to catch any mistake that a person makes.
"""


def central_difference(function, x, h=1e-6):
    return (function(x + h) - function(x - h)) / (2 * h)


measured = central_difference(lambda x: x * np.tanh(x), 0.5)
measured_bend = central_difference(program, 0.5)
print(f"{abs(measured - slope.data) < 1e-9}, {abs(measured_bend - bend.data) < 1e-9}")
#> True, True

"""8. Learning a line.

Fifty points lie on y = 3x + 0.8, and a line w * x + b shall find them. The loss is the mean of the squared errors;
its gradient says which way is up, so we go the other way, a little at a time. The gradients are cleared before each
step, since backward adds to what is there.
"""

x = Tensor(np.random.default_rng(0).random(50), "x")
y = Tensor(3 * x.data + 0.8, "y")
w, b = Tensor(0, "w"), Tensor(0, "b")

for _ in range(1500):
    error = w * x + b - y
    loss = (error * error).mean()
    w.grad = b.grad = None
    backward(loss)
    w.data = w.data - 0.1 * w.grad.data
    b.data = b.data - 0.1 * b.grad.data
print(f"y = {w.data:.3f}x + {b.data:.3f}")
#> y = 3.000x + 0.800
assert np.allclose([w.data, b.data], [3, 0.8], atol=1e-6)

"""The whole step, loss and both gradients, is on the last tape. Compiled, it learns the same line, to the last bit.

Forward are v0 to v5, back is the rest. v7 is the mean's share for each point, and v8 and v9 are the two edges of
error * error, which add up in v10. The gradient of b, v11, is where fifty uses of one number are summed.
"""

source, step = compiled([loss, w.grad, b.grad], [x, y, w, b])
print(source)
#> def program(x, y, w, b):
#>     v0 = w * x
#>     v1 = v0 + b
#>     v2 = v1 - y
#>     v3 = v2 * v2
#>     v4 = sum_to(v3, ())
#>     v5 = v4 / 50
#>     v6 = 1 / 50
#>     v7 = expand(v6, (50,))
#>     v8 = v7 * v2
#>     v9 = v7 * v2
#>     v10 = v8 + v9
#>     v11 = sum_to(v10, ())
#>     v12 = v10 * x
#>     v13 = sum_to(v12, ())
#>     return v5, v13, v11

slope, height = 0.0, 0.0
for _ in range(1500):
    _, dw, db = step(x.data, y.data, slope, height)
    slope, height = slope - 0.1 * dw, height - 0.1 * db
assert (slope, height) == (w.data, b.data)
