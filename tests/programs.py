"""Random programs over tensors, as data: leaves, and steps of a template with the numbers of its operands.

A program prints as the script that it is. It is drawn while it runs, so that most steps fit the shapes they meet; a
step that does not is kept as the last one, since a refusal has to be the same everywhere too.
"""

import warnings
from dataclasses import dataclass
from math import prod

import numpy as np
from hypothesis import strategies as st

import chainrule

NUMBERS = ("2", "0.5", "-1.5", "1", "0")
EXACT = "neg abs relu sign floor ceil round square reciprocal sqrt clone trunc frac"
SMOOTH = (
    "exp log sin cos tan tanh sigmoid expm1 log1p rsqrt log2 log10 exp2 erf atan asinh sinh cosh acos asin "
    "acosh atanh"
)
BINARY = "({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} / {1})"
BETWEEN = (
    "torch.maximum({0}, {1})",
    "torch.minimum({0}, {1})",
    "torch.where({0} > {1}, {0}, {1} * 2)",
    "torch.where({0} < {1}, {1}, {0})",
    "{0}.atan2({1} * {1} + 1)",
    "{0}.lerp({1}, 0.25)",
    "{0}.fmod({1})",
    "torch.remainder({0}, {1})",
    "torch.addcmul({0}, {0}, {1}, value=2)",
)
WITH_NUMBERS = (
    "({0} + {n})",
    "({n} - {0})",
    "({0} * {n})",
    "({n} / {0})",
    "({0} / {n})",
    "{0} ** 2",
    "{0} ** 3",
    "{0}.abs() ** 1.5",
    "2 ** {0}",
    "{0}.clamp(-1, {n})",
    "{0}.clamp(max={n})",
    "{0}.clamp_min({n})",
    "torch.where({0} > {n}, {0}, 0.5)",
    "{0}.masked_fill({0} < {n}, {n})",
    "torch.nn.functional.softplus({0})",
    "torch.nn.functional.leaky_relu({0}, 0.1)",
    "torch.nn.functional.gelu({0})",
    "torch.nn.functional.silu({0})",
    "({0} * {0} + 1).sqrt()",
    "{0}.detach()",
    "{0}.double()",
    "{0}.float()",
)
REDUCTIONS = "sum mean amax amin logsumexp var std"
ALONG = "softmax log_softmax cumsum cumprod"
ORDER = (
    "{0}.argmax(DIM, KEEP).double()",
    "{0}.argmin(DIM, KEEP).double()",
    "{0}.argmax().double()",
    "{0}.max(DIM, KEEP)[0]",
    "{0}.min(DIM, KEEP)[0]",
    "{0}.sort(DIM, DOWN)[0]",
    "{0}.argsort(DIM, DOWN).double()",
    "{0}.topk(K, DIM, DOWN)[0]",
    "{0}.median(DIM, KEEP)[0]",
    "{0}.median()",
    "{0}.scatter(DIM, {0}.argmax(DIM, True), 0.5)",
    "{0}.scatter_add(DIM, {0}.argsort(DIM), {0})",
    "{0}.gather(DIM, {0}.argmin(DIM, True))",
)
WINDOWS = (
    "torch.nn.functional.max_pool1d({0}.reshape(1, -1, N), K, STEP)",
    "torch.nn.functional.max_pool1d({0}.reshape(1, -1, N), K, STEP, ceil_mode=True)",
    "torch.nn.functional.avg_pool1d({0}.reshape(1, -1, N), K, STEP)",
    "torch.nn.functional.conv1d({0}.reshape(-1, 1, N), {0}.reshape(1, -1)[:, :K].reshape(1, 1, -1), stride=STEP)",
    "{0}.unfold(-1, K, STEP)",
)
WRITES = "add_ sub_ mul_ div_ copy_"
FILLS = "relu_ exp_ zero_ neg_ tanh_ sigmoid_ sqrt_"


@dataclass(frozen=True)
class Leaf:
    """A tensor that a program starts from."""

    shape: tuple[int, ...]
    dtype: str
    kind: str  # "even", or "whole" numbers: ties, zeros, divisions by zero
    grad: bool
    seed: int

    def array(self):
        rng = np.random.default_rng([self.seed, *self.shape])
        drawn = rng.uniform(-2, 2, self.shape) if self.kind == "even" else rng.integers(-2, 3, self.shape)
        return np.asarray(drawn, self.dtype)


@dataclass(frozen=True)
class Step:
    """``{0}.sum(dim=1)`` of some operands; a write gives no result of its own."""

    text: str
    operands: tuple[int, ...]
    writes: bool = False

    def line(self):
        return self.text.format(*(f"t{k}" for k in self.operands))


@dataclass(frozen=True)
class Program:
    """Leaves and steps; results are numbered after the leaves."""

    leaves: tuple[Leaf, ...]
    steps: tuple[Step, ...]

    def source(self):
        names = [f"t{k}" for k in range(len(self.leaves))]
        lines = [f"def program({', '.join(names)}):"]
        for step in self.steps:
            if step.writes:
                lines.append(f"    {step.line()}")
            else:
                names.append(f"t{len(names)}")
                lines.append(f"    {names[-1]} = {step.line()}")
        return "\n".join([*lines, f"    return [{', '.join(names)}]"])

    def __repr__(self):
        made = (f"t{k} = torch.tensor({leaf.array().tolist()}, dtype=torch.{leaf.dtype}).reshape({leaf.shape})"
                + ".requires_grad_()" * leaf.grad for k, leaf in enumerate(self.leaves))  # fmt: skip
        return "\n".join(["", *made, self.source()])

    def function(self, torch):
        """The program as a function of its leaves, which gives every tensor that it made."""
        known = {"torch": torch}
        exec(compile(self.source(), "<program>", "exec"), known)
        return known["program"]

    def tensors(self, torch):
        """Its leaves, made anew."""
        return [torch.tensor(leaf.array(), requires_grad=leaf.grad) for leaf in self.leaves]


class Drawing:
    """A program as it grows, with the tensors that it has made so far."""

    def __init__(self, draw, leaves):
        self.draw = draw
        self.leaves = leaves
        self.steps = []
        self.live = Program(leaves, ()).tensors(chainrule)

    def one(self, choices):
        return self.draw(st.sampled_from(list(choices)))

    def bool(self):
        return self.draw(st.booleans())

    def operand(self, fits=lambda t: True):
        """The number of a tensor, a later one rather than an earlier one."""
        found = [k for k, t in enumerate(self.live) if fits(t)]
        return self.one(found[::-1]) if found else 0

    def take(self, text, *operands, writes=False):
        """One more step; False where it raises."""
        step = Step(text, operands, writes)
        self.steps.append(step)
        known = {"torch": chainrule, **{f"t{k}": t for k, t in enumerate(self.live)}}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if writes:
                    exec(step.line(), known)
                else:
                    self.live.append(eval(step.line(), known))
        except Exception:
            return False
        return True

    def shape(self, k):
        return tuple(self.live[k].shape)

    def dim(self, k):
        rank = self.live[k].ndim
        return self.draw(st.integers(-rank, rank - 1)) if rank else self.one((0, -1))

    def dims(self, k):
        """``()``, ``(1)`` or ``((0, 2))``."""
        rank = self.live[k].ndim
        kind = self.one(("all", "one", "some"))
        if kind == "all" or not rank:
            return ""
        if kind == "one":
            return str(self.dim(k))
        chosen = self.draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=1, max_size=rank))
        return f"dim={tuple(chosen)}, keepdim={self.bool()}"

    def index(self, k, tensors=True):
        """What stands in the brackets: ints, slices, None, an ellipsis, positions, a mask."""
        parts = []
        fancy = tensors and self.draw(st.integers(0, 3)) == 0
        for size in self.shape(k):
            kind = self.one(("slice", "int", "all") if size else ("all",))
            if fancy and size:
                fancy = False
                positions = self.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=4))
                mask = [bool(p % 2) for p in range(size)]
                parts.append(f"torch.tensor({self.one((positions, mask))})")
            elif kind == "int":
                parts.append(str(self.draw(st.integers(-size, size - 1))))
            elif kind == "slice":
                start, stop, step = (self.draw(st.integers(0, size)), self.draw(st.integers(-1, size)),
                                     self.draw(st.integers(1, 2)))  # fmt: skip
                parts.append(f"{start or ''}:{stop if stop < size else ''}" + f":{step}" * (step > 1))
            else:
                parts.append(":")
            if self.draw(st.integers(0, 6)) == 6:
                parts.append("None")
        while parts and parts[-1] == ":" and self.bool():
            parts.pop()
        return ", ".join(parts) if parts else "..."

    # -- kinds of steps --------------------------------------------------------------------------------------------

    def pointwise(self):
        return self.take(f"{{0}}.{self.one(f'{EXACT} {EXACT} {SMOOTH}'.split())}()", self.operand())

    def numbers(self):
        text = self.one(WITH_NUMBERS).replace("{n}", self.one(NUMBERS))
        return self.take(text, self.operand())

    def binary(self):
        a = self.operand()
        b = self.operand(lambda t: broadcast(t.shape, self.shape(a)))
        return self.take(self.one(BINARY * 2 + BETWEEN), *self.one(((a, b), (b, a))))

    def reduction(self):
        a = self.operand()
        name = self.one([*REDUCTIONS.split(), "sum", "prod", "max", "norm"])
        if name in ("prod", "max") and self.live[a].ndim and self.bool():
            text = f"{name}({self.dim(a)}, keepdim={self.bool()})" + "[0]" * (name == "max")
        elif name in ("prod", "max"):
            text = f"{name}()"
        elif name == "norm":
            text = self.one(("norm()", f"norm(dim={self.dim(a)})"))
        else:
            dims = self.dims(a)
            text = f"{name}({dims or ('tuple(range({0}.ndim))' if name == 'logsumexp' else '')})"
        return self.take("{0}." + text, a)

    def along(self):
        a = self.operand()
        name = self.one([*ALONG.split(), "flip"])
        return self.take(f"{{0}}.{name}({self.dim(a)})", a)

    def order(self):
        """What depends on which element is larger."""
        a = self.operand()
        dim, keepdim, down = self.dim(a), self.bool(), self.bool()
        size = self.shape(a)[dim] if self.live[a].ndim else 1
        k = self.draw(st.integers(1, max(1, size)))
        text = self.one(ORDER).replace("DIM", str(dim)).replace("KEEP", str(keepdim)).replace("DOWN", str(down))
        return self.take(text.replace("K", str(k)), a)

    def windows(self):
        """Sliding windows over the last axis of [N, C, L], overlapping or not, and what is made of them."""
        a = self.operand(lambda t: t.ndim and t.shape[-1] > 1 and t.numel())
        if not self.live[a].ndim or not self.live[a].numel():
            return self.order()
        size = self.shape(a)[-1]
        k, step = self.draw(st.integers(1, max(1, min(3, size)))), self.draw(st.integers(1, 3))
        text = self.one(WINDOWS).replace("K", str(k)).replace("STEP", str(step)).replace("N", str(size))
        return self.take(text, a)

    def move(self):
        a = self.operand()
        shape, rank = self.shape(a), self.live[a].ndim
        size = prod(shape)
        kind = self.one("reshape permute expand index index index unsqueeze squeeze flip roll mT diagonal tril".split())
        if kind == "reshape":
            heads = [d for d in (1, 2, 3, 4) if size % d == 0]
            head = self.one(heads)
            return self.take(f"{{0}}.reshape({self.one(((-1,), (head, size // head), (size // head, 1, head)))})", a)
        if kind == "permute":
            return self.take(f"{{0}}.permute({tuple(self.draw(st.permutations(range(rank))))})", a)
        if kind == "expand":
            wide = tuple(self.one((2, 3)) if n == 1 else n for n in shape)
            return self.take(f"{{0}}.expand({self.one((wide, (2, *wide)))})", a)
        if kind == "index":
            return self.take(f"{{0}}[{self.index(a)}]", a)
        if kind == "unsqueeze":
            return self.take(f"{{0}}.unsqueeze({self.draw(st.integers(-rank - 1, rank))})", a)
        if kind in ("mT", "diagonal", "tril"):
            a = self.operand(lambda t: t.ndim >= 2)
            return self.take("{0}.mT" if kind == "mT" else f"{{0}}.{kind}({self.one((0, 1, -1))})", a)
        if kind == "flip":
            return self.take(f"{{0}}.flip({tuple(range(self.draw(st.integers(0, rank))))})", a)
        if kind == "roll":
            return self.take(f"{{0}}.roll({self.draw(st.integers(-2, 2))}, {self.dim(a)})", a)
        return self.take("{0}.squeeze()", a)

    def product(self):
        a = self.operand(lambda t: t.ndim)
        inner = self.shape(a)[-1:]
        b = self.operand(lambda t: t.dtype == self.live[a].dtype and t.ndim and t.shape[-min(2, t.ndim)] == inner[0]
                         if inner else t.ndim)  # fmt: skip
        return self.take(self.one(("{0} @ {1}", "{0} @ {1}", "{0} @ {0}.mT")), a, b)

    def join(self):
        a = self.operand(lambda t: t.ndim)
        b = self.operand(lambda t: t.shape == self.live[a].shape)
        dim = self.dim(a)
        joined = f"torch.{self.one(('cat', 'stack'))}([{{0}}, {{1}}], {dim})"
        cut = self.one((f"{{0}}.split(2, {dim})[0]", f"{{0}}.chunk(2, {dim})[-1]", f"{{0}}.unbind({dim})[-1]"))
        return self.take(self.one((joined, joined, cut)), a, b)

    def positions(self):
        a = self.operand(lambda t: t.ndim and 0 not in t.shape)
        dim = self.dim(a)
        size = self.shape(a)[dim] if self.live[a].ndim else 1
        if not size:
            return self.move()
        found = self.draw(st.lists(st.integers(0, max(size - 1, 0)), min_size=1, max_size=3))
        text = self.one(("{0}.index_select(DIM, AT)", "{0}[{0} > 0]", "{0}.gather(DIM, {0}.argsort(DIM))",
                         "{0}.index_add(DIM, AT, {0}.index_select(DIM, AT))",
                         "{0}.take_along_dim({0}.argsort(DIM), DIM)",
                         "torch.where({0} > 0, {0}, {0}.detach())"))  # fmt: skip
        return self.take(text.replace("DIM", str(dim)).replace("AT", f"torch.tensor({found})"), a)

    def write(self):
        """Into a result or a constant rather than into a leaf."""
        a = self.operand(lambda t: not (t.is_leaf and t.requires_grad))
        kind = self.one(("whole", "fill", "number", "part", "part", "into", "mask"))
        part = f"[{self.index(a, tensors=kind == 'into')}]"
        b = self.operand(lambda t: broadcast(t.shape, self.shape(a)) == self.shape(a))
        verb, number = self.one(WRITES.split()), self.one(NUMBERS)
        text = {
            "whole": f"{{0}}.{verb}({{1}})",
            "fill": f"{{0}}.{self.one(FILLS.split())}()",
            "number": f"{{0}}.{self.one(('add_', 'mul_', 'fill_', 'clamp_'))}({number})",
            "part": f"{{0}}{part}.{self.one((f'mul_({number})', f'add_({{0}}{part}.detach())', 'exp_()', 'zero_()'))}",
            "into": f"{{0}}{part} = {self.one((number, '{1}.sum()', f'{{0}}{part} * 2'))}",
            "mask": f"{{0}}[{{0}} > {number}] = {number}",
        }[kind]
        return self.take(text, a, b, writes=True)


def broadcast(a, b):
    """The shape that two shapes give together, None if they do not fit."""
    try:
        return np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        return None


KINDS = (Drawing.pointwise, Drawing.numbers, Drawing.binary, Drawing.binary, Drawing.reduction, Drawing.along,
         Drawing.move, Drawing.move, Drawing.product, Drawing.join, Drawing.positions, Drawing.write,
         Drawing.order, Drawing.windows)  # fmt: skip


@st.composite
def programs(draw, most=7):
    """A program of up to ``most`` steps on one to three leaves."""
    sizes = st.sampled_from((3, 2, 4, 1, 2, 3, 0))
    shapes = st.lists(sizes, max_size=3).map(tuple)
    dtype = draw(st.sampled_from(("float64", "float32")))
    first = draw(shapes)
    leaves = [Leaf(first, dtype, draw(st.sampled_from(("even", "whole"))), True, draw(st.integers(0, 9)))]
    for _ in range(draw(st.integers(0, 2))):
        shape = draw(st.one_of(st.just(first), st.just(first[::-1]), st.just(first[1:]), shapes))
        other = draw(st.sampled_from((dtype, dtype, dtype, "float64", "float32")))
        leaves.append(Leaf(shape, other, "even", draw(st.booleans()), draw(st.integers(0, 9))))
    drawing = Drawing(draw, tuple(leaves))
    for _ in range(draw(st.integers(1, most))):
        if not draw(st.sampled_from(KINDS))(drawing) or prod(drawing.live[-1].shape) > 200:
            break
    return Program(drawing.leaves, tuple(drawing.steps))
