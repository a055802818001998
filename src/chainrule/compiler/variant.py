"""One trace of a step: what it reads, writes, draws and returns, and what it took for granted."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule import trees
from chainrule.compiler.binding import MISS, Binding
from chainrule.compiler.draws import Draws
from chainrule.compiler.guards import PLAIN, guards_of
from chainrule.compiler.kernel import Kernel, build
from chainrule.ir import Graph, Value
from chainrule.op import spec_of
from chainrule.rewrite import rewritten
from chainrule.tensors import Tensor, wrap
from chainrule.tracer import Tracer, trace

Args = tuple[Any, ...]


class Variant:
    """A trace, compiled, and bound to the arrays that it ran on last.

    Tensors from outside go by *places*, expressions of Python: ``args[0]``, ``t3``, or for a gradient ``t3._grad``.
    """

    def __init__(self, function: Callable[..., Any], args: Args, native: bool):
        stand_ins = tuple(_stand_in(a) if isinstance(a, Tensor) else a for a in args)
        self.result, tracer = trace(function, *stand_ins)
        self.holders: dict[str, Any] = dict(tracer.held.values())
        self.places = {a: f"args[{k}]" for k, a in enumerate(stand_ins) if isinstance(a, Tensor)}
        self._describe(tracer, native)
        self.lines = self._conditions(function, args, tracer)
        tracer.builder.close()
        self.kernel: Kernel = build(self.graph, self.writes, native)
        self.call: Callable[[Args], Any] = lambda args: MISS
        self.fits: Callable[[Args], Any] = lambda args: MISS

    def _named(self, tensor: Tensor) -> str:
        """The place of a tensor that the step reads from outside."""
        if tensor not in self.places:
            self.places[tensor] = f"t{len(self.holders)}"
            self.holders[self.places[tensor]] = tensor
        return self.places[tensor]

    def _describe(self, tracer: Tracer, native: bool) -> None:
        """Inputs, outputs and what becomes of them."""
        owners = {t._grad: t for t in tracer.read_gradients if t._grad is not None}
        self.missing = [(self._named(t), none) for t, none in tracer.read_gradients.items()]
        inputs = [(self._source(root, owners), value) for root, value in tracer.inputs.values()]
        self.sources = [source for source, _ in inputs]
        self.tracked = [(f"{self._named(root)}._requires_grad", root._requires_grad)
                        for root, value in tracer.inputs.values()
                        if root in tracer.recorded and root not in owners and value.dtype.kind == "f"]
        storages = list(tracer.inputs)
        outputs: list[Value] = []
        self.writes: dict[int, int] = {}
        for storage in tracer.written:
            if storage in tracer.inputs and tracer.current[storage] is not tracer.inputs[storage][1]:
                self.writes[len(outputs)] = storages.index(storage)
                outputs.append(tracer.current[storage])
        self.fresh: dict[str, int | None] = {}
        """Place -> which output becomes its new gradient; None where it loses the one that it has."""
        for tensor, grad in tracer.gradients.items():
            if isinstance(tensor._data, Value) or grad is tensor._grad:
                continue
            self.fresh[self._named(tensor)] = None if grad is None else len(outputs)
            outputs += [] if grad is None else [tracer.payload(grad)]
        self.leaves: list[tuple[Tensor, int | str]] = []
        """Tensor in the result of the trace -> which output it is, or the place of the tensor itself."""
        for tensor in (leaf for leaf in trees.leaves(self.result) if isinstance(leaf, Tensor)):
            kept = not isinstance(tensor._data, Value) and tensor._shared() not in tracer.constants
            self.leaves.append((tensor, self._named(tensor) if kept and tensor._base is None else len(outputs)))
            if not (kept and tensor._base is None):
                outputs.append(tracer.payload(tensor))
        self.draws = Draws(tracer.draws, native)
        self.numbers = tracer.numbers
        given = (*(v for _, v in inputs), *self.numbers.values(), *(v for *_, v in tracer.draws))
        self.graph = rewritten(Graph(given, tuple(outputs)))
        stale = [s for s in self.sources if s.endswith("._grad") and s[:-6] in self.fresh]
        flips = [p for p, none in self.missing if p in self.fresh and (self.fresh[p] is None) is not none]
        self.steady = not stale and not flips

    def _source(self, root: Tensor, owners: dict[Tensor, Tensor]) -> str:
        return f"{self._named(owners[root])}._grad" if root in owners else self._named(root)

    def _conditions(self, function: Callable[..., Any], args: Args, tracer: Tracer) -> list[tuple[str, str]]:
        """What a run does before all else: (name, expression) to compute, and ("", expression) that must be true."""
        conditions = [f"len(args) == {len(args)}"]
        for k, a in enumerate(args):
            if a is None or (type(a) in PLAIN and repr(a) not in ("nan", "inf", "-inf")):
                conditions.append(f"type(args[{k}]) is type({a!r}) and args[{k}] == {a!r}")
            elif not isinstance(a, Tensor):
                self.holders[f"p{k}"] = a
                conditions.append(f"(args[{k}] is p{k} or type(args[{k}]) is type(p{k}) and args[{k}] == p{k})")
        for k, guard in enumerate(guards_of(function)):
            self.holders[f"g{k}"] = guard.holder
            conditions.append(guard.text(f"g{k}"))
        conditions += [f"({place}._grad is None) is {none}" for place, none in self.missing]
        conditions += [f"{word.replace(']._', '].')} is {tracked}" for word, tracked in self.tracked]
        return [*(("", text) for text in conditions), *((name, text) for text, name in tracer.lines.items())]

    def free(self, k: int) -> bool:
        """Whether input k is an argument that is only read, so that any other of its kind can take its place."""
        source = self.sources[k]
        return source.startswith("args") and source.endswith("]") and k not in self.writes.values()

    def tensors(self, args: Args) -> Iterator[Any]:
        """What stands at the sources now."""
        known = {**self.holders, "args": args}
        return (eval(source, known) for source in self.sources)

    def at(self, place: str, args: Args) -> Any:
        """What stands at a place now."""
        return args[int(place[5:-1])] if place.startswith("args") else self.holders[place]

    def rebind(self, args: Args) -> bool:
        """Run on today's arrays, if they are of the kind that was traced and the conditions hold."""
        if self.obstacle(args):
            return False
        binding = Binding(self, args)
        self.call, self.fits, self.many = binding.call, binding.fits, binding.many
        return self.fits(args) is not MISS

    def scans(self, batches: Args) -> bool:
        """Whether one native call can go through batches: of them nothing is asked but data, and nothing written."""
        places = [source for source in (*self.sources, *self.fresh, *(p for p, _ in self.missing)) if "args" in source]
        free = {source for k, source in enumerate(self.sources) if self.free(k)}
        return self.steady and free.issuperset(places) and all(isinstance(b, Tensor) for b in batches)

    def obstacle(self, args: Args) -> str:
        """What is not as it was traced; "" if all is."""
        known = {**self.holders, "args": args}
        for k, (name, text) in enumerate(self.lines):
            value = eval(text, known)
            if name:
                known[name] = value
            elif not value:
                return self._shown(text)
            elif not k:  # there are as many arguments: of what kind?
                for source, tensor, had in zip(self.sources, self.tensors(args), self.graph.inputs):
                    if not isinstance(tensor, Tensor) or spec_of(tensor._data) != had.spec:
                        return f"{self._shown(source)} is {had.spec}"
        return ""

    def _shown(self, text: str) -> str:
        """An expression in words."""
        definitions = {name: text for name, text in self.lines if name}

        def word(match: re.Match[str]) -> str:
            name = match[0]
            if name in definitions:
                return self._shown(definitions[name])
            return type(self.holders[name]).__name__ if name in self.holders else name

        return re.sub(r"\b[a-z]\d+\b", word, text)


    # -- for check= ------------------------------------------------------------------------------------------------

    def state(self, args: Args) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """Copies of all that the step writes, its gradients, and where its random numbers are."""
        tensors = list(self.tensors(args))
        return [wrap(np.array(tensors[k]._data)) for k in self.writes.values()], {
            place: self.holders[place]._grad for place in self.fresh if place in self.holders}, self.draws.mark()

    def put_back(self, args: Args, state: tuple[list[Any], dict[str, Any], list[Any]]) -> None:
        """The state as it was."""
        tensors = list(self.tensors(args))
        for k, copy in zip(self.writes.values(), state[0]):
            np.copyto(tensors[k]._own(), copy._data)
        for place, grad in state[1].items():
            self.holders[place]._grad = grad
        self.draws.back(state[2])


def _stand_in(tensor: Tensor) -> Tensor:
    out = wrap(tensor._own())
    out._requires_grad, out._grad = tensor.requires_grad, tensor._grad
    return out
