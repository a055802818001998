"""The tape: one node per recorded application of an op, with what its rules need, and how they are run.

``send`` runs the rules in one of two ways. On tensors, when the gradient itself is recorded or traced. On plain
arrays otherwise, by a plan (``plans.py``): the same rules, written out as a NumPy function.
"""

import itertools
from collections.abc import Callable, Sequence
from sys import _getframe
from types import CodeType
from typing import Any

import numpy as np

from chainrule.errors import GraphError, LinAlgError, VersionError
from chainrule.hooks import Handle, Watched, after, before, watch
from chainrule.modes import Switch, quietly
from chainrule.op import LEAF, Op
from chainrule.plans import LONGEST_RUN, planned, plans
from chainrule.source import Place, at, inside, place_of
from chainrule.spec import Spec
from chainrule.vocabulary import Vocabulary

NAMESAKES = {"T": "permute", "movedim": "permute", "mT": "transpose", "swapaxes": "transpose", "swapdims": "transpose",
             "reshape": "view", "flatten": "view", "unflatten": "view", "view_as": "view", "reshape_as": "view",
             "expand_as": "expand", "broadcast_to": "expand", "chunk": "split", "slogdet": "linalg_slogdet",
             "eigh": "linalg_eigh", "qr": "linalg_qr", "svd": "linalg_svd", "lstsq": "linalg_lstsq",
             "cross": "linalg_cross", "solve": "linalg_solve_ex", "logdet": "where"}  # fmt: skip
PUBLIC: dict[str, Callable[[Any, str], str]] = {  # ops that PyTorch names otherwise than the words that apply them
    "cast": lambda node, word: (
        "to_copy" if node.params["dtype"] != node.dtypes[0] else "clone" if word == "cast" else word),
    "matmul": lambda node, word: "mm" if word == "matmul" and len(node.shapes[0]) == 2 == len(node.shapes[1]) else word,
    "slice": lambda node, word: last_step(node.params["key"], node.shapes[0]) if word in ("slice", "narrow") else word,
}
NO_WORD = {"", "grad", "backward"}  # what a node of a derivative is not named after
CALLS = {"__call__", "_hooked", "forward"}  # a module's frames: a node is named after the function that it calls
next_serial = itertools.count(1).__next__


class Node(Watched):
    """``out = op(*inputs)``, as far as backpropagation needs it. Public as ``tensor.grad_fn``."""

    # Class defaults, set on a node only where they differ: most are not, and a node is made per op.
    versions: tuple[int, ...] | None = None
    out: Any = None
    hooks: list[Callable[[Any], Any]] | None = None
    public = ""
    code: CodeType | None = None
    instruction = 0

    def __init__(self, key: tuple[Any, ...], edges: tuple[Any, ...], operands: tuple[Any, ...], out: Any):
        """``key`` is (op, mask, shapes, dtypes, numbers, parameters); ``out`` the output's data.

        A number that is 0 goes with its text, since 0.0 equals −0.0 and a plan has its numbers written in.
        """
        self.key = key
        self.edges = edges
        positions, with_out, self.onward = key[0].saves[key[1]]
        if len(positions) != len(operands):
            operands = tuple([operands[k] for k in positions]) if positions else ()
        self.saved: tuple[Any, ...] | None = operands
        for tensor in operands:
            if (storage := tensor._storage) is not None and storage.version:
                self.versions = tuple([t._storage.version if t._storage is not None else 0 for t in operands])
                break
        if with_out:
            self.out = out
        self.serial = next_serial()
        frame: Any = _getframe(3)  # the caller of the word that applied the op
        code = frame.f_code
        while inside[code.co_filename]:
            if code.co_name not in CALLS:
                self.public = code.co_name
            frame = frame.f_back
            if frame is None:
                return
            code = frame.f_code
        self.code = code
        self.instruction = frame.f_lasti

    # -- what was applied to what: ``key``, which also names the plan ---------------------------------------------

    @property
    def op(self) -> Op:
        return self.key[0]  # type: ignore[no-any-return]

    @property
    def mask(self) -> tuple[int | None, ...]:
        """Per input NUMBER, ABSENT, INNER or LEAF."""
        return self.key[1]  # type: ignore[no-any-return]

    @property
    def shapes(self) -> tuple[Any, ...]:
        """Per input its shape, or None for a number."""
        return self.key[2]  # type: ignore[no-any-return]

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Per input its dtype."""
        dtypes = self.key[3]
        return dtypes if isinstance(dtypes, tuple) else (dtypes,) * len(self.shapes)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """Per input its value if it is a number, else None."""
        return tuple(n[0] if isinstance(n, tuple) else n for n in self.key[4])

    @property
    def params(self) -> dict[str, Any]:
        """The op's parameters by name."""
        return dict(self.key[5])

    # -- what PyTorch's users read -------------------------------------------------------------------------------

    def name(self) -> str:
        """``MulBackward0``: the public function that was called, else the op."""
        word = self.public.strip("_")
        if self.public.startswith("__") or word in NO_WORD:
            word = self.op.name
        word = self.op.public or word
        if self.op.name in PUBLIC:
            word = PUBLIC[self.op.name](self, word)
        word = NAMESAKES.get(word, word)
        return "".join(part.capitalize() for part in word.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Per input the node it came from and the number of its output."""
        return tuple(map(shown_edge, self.edges))

    @property
    def place(self) -> Place | None:
        """The user's line that made this node."""
        return place_of(self.code, self.instruction)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    # -- the engine's protocol -----------------------------------------------------------------------------------

    def send(self, g: Any) -> Sequence[Any]:
        arrays = [g]
        self.gather(arrays)
        if isinstance(g, Vocabulary):
            return self._rules_on_tensors(g)
        parts: Sequence[Any]
        try:
            plan = plans.get(self.key) or planned(self.key, [self], arrays)
            if plan is None:
                with Switch(grad=False):
                    found = self._rules_on_tensors(self.wrap(g))
                return [p if p is None else p.clone()._data if m == LEAF else p._data
                        for p, m in zip(found, self.mask)]
            try:
                parts = plan(*arrays)
            except RuntimeWarning:
                parts = quietly(plan, *arrays)
        except LinAlgError as error:
            raise LinAlgError(f"{self.name()}: {error}{at(self.place)}") from None
        return parts

    def run(self, g: Any, release: bool) -> tuple[Sequence[Any], Sequence[Any]]:
        """Send ``g`` through self and on through nodes that nothing else feeds, as far as there is one way.

        Returns the edges where that ends, and what arrives there. A run met again is one plan.
        """
        if isinstance(g, Vocabulary):
            return super().run(g, release)
        nodes, keys, arrays = [], [], [g]
        node: Any = self
        while True:
            nodes.append(node)
            keys.append(node.key)
            if node.out is not None or node.saved != ():
                node.gather(arrays)
            if (k := node.onward) is None or len(nodes) == LONGEST_RUN:
                break
            node = node.edges[k]
            if type(node) is not Node or node.hooks is not None:
                break
        key = keys[0] if len(nodes) == 1 else tuple(keys)
        plan = plans.get(key)
        if plan is None:
            plan = planned(key, nodes, arrays)
            if plan is None:
                return self._one_by_one(nodes, g, release)
        try:
            parts = plan(*arrays)
        except RuntimeWarning:
            parts = quietly(plan, *arrays)
        except LinAlgError:
            return self._one_by_one(nodes, g, release)  # which says at which of them
        if release:
            for n in nodes:
                n.saved = n.out = None
        return [nodes[a].edges[b] for a, b in plan.places], parts

    def _one_by_one(self, nodes: Sequence["Node"], g: Any, release: bool) -> tuple[list[Any], list[Any]]:
        edges: list[Any] = []
        parts: list[Any] = []
        for node in nodes:
            sent = node.send(g)
            onward = None if node is nodes[-1] else node.onward
            for k, (edge, part) in enumerate(zip(node.edges, sent)):
                if k == onward:
                    g = part
                else:
                    edges.append(edge)
                    parts.append(part)
            if release:
                node.saved = node.out = None
        return edges, parts

    def gather(self, arrays: list[Any]) -> None:
        """Add what the rules need, checked for its version, to the arguments of a plan."""
        saved = self.saved
        if saved is None:
            saved = self.saved = self._without_saved()
        if saved:
            versions = self.versions
            for k, tensor in enumerate(saved):
                if (storage := tensor._storage) is not None and storage.version != (versions[k] if versions else 0):
                    raise VersionError(self._overwritten(k, storage))
                arrays.append(tensor._data)
        if self.out is not None:
            arrays.append(self.out)

    def take_over(self, other: "Node", on_the_tape: Callable[[Any], Any]) -> None:
        """Save what ``other``, of the same op, has saved."""
        self.saved = other.saved and tuple(map(on_the_tape, other.saved))
        self.out, self.versions = other.out, other.versions
        if self.saved and isinstance(self.versions, tuple):
            self.versions = tuple(t._version for t in self.saved)

    def overwritten(self, storage: Any) -> None:
        """The memory of the output was written: what was saved of it is lost."""
        if self.out is not None:
            self.saved = self.out = None
            self.versions = storage

    def _without_saved(self) -> tuple[Any, ...]:
        """Raise what the loss of the saved values means; where none were needed, nothing was lost."""
        if self.versions is not None and not isinstance(self.versions, tuple):
            storage = self.versions
            raise VersionError(OVERWRITTEN.format(
                op=self.op.name, name="its output", shape="", saved=at(self.place), written=at(storage.place()), old=0,
                new=storage.version))  # fmt: skip
        if self.saved_inputs() or ((needs := self.op.saves[self.mask]) and needs[1]):
            raise GraphError(FREED.format(self.name(), at(self.place)))
        return ()

    # -- the rules -----------------------------------------------------------------------------------------------

    def known(self, saved: Sequence[Any], out: Any) -> dict[str, Any]:
        """What the rules may name: saved inputs as given, numbers as they are, anything else by its spec."""
        inputs: list[Any] = [
            number if shape is None else Spec(shape, dtype)
            for shape, dtype, number in zip(self.shapes, self.dtypes, self.numbers, strict=True)
        ]
        for position, value in zip(self.saved_inputs(), saved, strict=True):
            inputs[position] = value
        return self.op.known(inputs, self.params, out)

    def saved_inputs(self) -> list[int]:
        """Which inputs ``saved`` holds, in order."""
        needs = self.op.saves[self.mask]
        return list(needs[0]) if needs else []

    def reverse(self, g: Any, known: dict[str, Any]) -> list[Any]:
        """The cotangents of the inputs by the op's rules, each summed to its input's shape."""
        grads: list[Any] = []
        for i, needed in enumerate(self.mask):
            part = self.op.reverse(i, g, known) if needed and self.op.differentiable(i) else None
            grads.append(part if part is None else part.sum_to_size(self.shapes[i]))
        return grads

    def _rules_on_tensors(self, g: Any) -> Sequence[Any]:
        assert self.saved is not None
        out = None if self.out is None else g._output_of(self)
        return self.reverse(g, self.known(self.saved, out))

    def _overwritten(self, k: int, storage: Any) -> str:
        tensor = self.saved[k] if self.saved else None
        position = self.saved_inputs()[k]
        return OVERWRITTEN.format(
            op=self.op.name, name=f"its input {self.op.input_name(position)}",
            shape=f" of shape {list(tensor.shape)}" if tensor is not None else "",
            saved=at(self.place), written=at(storage.place()), old=self.versions[k] if self.versions else 0,
            new=storage.version,
        )  # fmt: skip


class AccumulateGrad:
    """How a leaf looks in ``next_functions``."""

    def __init__(self, leaf: Any):
        self.variable = leaf
        self.next_functions: tuple[Any, ...] = ()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def register_prehook(self, hook: Callable[[tuple[Any, ...]], Any]) -> Handle:
        """Call ``hook(grad_outputs)`` before the leaf accumulates."""
        return before(watch(self.variable, self.variable._wrap), hook)

    def register_hook(self, hook: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> Handle:
        """Call ``hook((), grad_outputs)`` after the leaf has accumulated."""
        return after(watch(self.variable, self.variable._wrap), hook)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)


def last_step(key: tuple[Any, ...], shape: tuple[int, ...]) -> str:
    """What the last part of an index does that does anything."""
    sizes, steps = iter(shape), ["alias"]
    for part in key:
        if part is None:
            steps.append("unsqueeze")
        elif part != (0, next(sizes), 1):
            steps.append("select" if isinstance(part, int) else "slice")
    return steps[-1]


def shown_edge(edge: Any) -> tuple[Any, int]:
    """An edge as users read it: the node and the number of its output."""
    if edge is None:
        return None, 0
    return edge.end() if hasattr(edge, "end") else (edge if edge.serial else AccumulateGrad(edge), 0)


FREED = (
    "backward: the graph of this tensor was already walked, and {0}'s saved values were freed{1}. "
    "Trying to backward through the graph a second time: if two losses share a part, add them up and call backward "
    "once, or pass retain_graph=True the first time; if a tensor is carried over from the last iteration, detach() it"
)
OVERWRITTEN = (
    "backward: one of the variables needed for gradient computation has been modified by an inplace operation: "
    "{op} saved {name}{shape}{saved} at version {old}; it was overwritten{written} and is now at "
    "version {new}. Write to a copy instead (y = x + 1 in place of x += 1), or overwrite after backward()"
)
