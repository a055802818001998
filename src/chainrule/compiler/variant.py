"""One trace of a step: what it reads, writes, draws and returns, and what it took for granted."""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np

from chainrule import trees
from chainrule.compiler.binding import MISS, UNLIKE, Binding
from chainrule.compiler.draws import Draws
from chainrule.compiler.guards import ALL, PLAIN, Link, links_of
from chainrule.compiler.kernel import Kernel, build
from chainrule.compiler.parts import sum_of_parts
from chainrule.errors import TraceError
from chainrule.ir import Graph, Value
from chainrule.modes import current
from chainrule.op import spec_of
from chainrule.rewrite import EXACT, rewritten
from chainrule.source import at, user_place
from chainrule.spec import Spec, default
from chainrule.tensors import Tensor, wrap
from chainrule.tracer import Tracer, trace

Args = tuple[Any, ...]


class Variant:
    """A trace, compiled, and bound to the arrays that it ran on last.

    Tensors from outside go by *places*, expressions of Python by which the step finds them: ``args[0]``,
    ``g3['weight']``; ``t3`` for one that is found nowhere; for a gradient ``args[0]._grad``.
    """

    def __init__(self, function: Callable[..., Any], args: Args, native: bool):
        tracked: dict[Tensor, Tensor] = {}
        stand_ins = trees.mapped(lambda leaf: _stand_in(leaf, tracked) if isinstance(leaf, Tensor) else leaf, args)
        things = [function, *(leaf for leaf in trees.leaves(args) if not isinstance(leaf, (Tensor, *PLAIN)))]
        before = links_of(*things)
        self.result, tracer = trace(function, *stand_ins)
        self.computed = {stand_in for tensor, stand_in in tracked.items() if tensor is not stand_in}
        """Arguments that have been computed: their gradients would go on from them."""
        try:
            links = links_of(*things)
            self._refuse_changes(before, links, tracer)
            self._build(links, stand_ins, tracer, native)
        except BaseException:
            tracer.take_back()
            raise
        finally:
            tracer.builder.close()

    def _build(self, links: Sequence[Link], args: Args, tracer: Tracer, native: bool) -> None:
        self.holders: dict[str, Any] = {**dict(tracer.held.values()), "mode": current.get, "default": default}
        self.results = [leaf for leaf in trees.leaves(self.result) if isinstance(leaf, Tensor)]
        self.kept = {t for t in self.results if not isinstance(t._data, Value) and t._base is None
                     and t not in tracer.own and t._shared() not in tracer.constants}  # fmt: skip
        """Tensors from outside that the step hands on."""
        for tensor in (*self.results, *tracer.gradients.values()):
            if tensor is not None and tensor not in self.kept:
                tracer.payload(tensor)  # an input, if nothing has read it before
        self.places: dict[Tensor, str] = {}
        self.read = {root for root, _ in tracer.inputs.values()}
        self.guards = [*self._of_arguments("args", args), *self._of_surroundings(links, tracer)]
        self._describe(tracer, native)
        self.kinds = [f"isinstance({source}, tensor) and spec({source}._data) == {self._held(value.spec, 'o')}"
                      for source, value in zip(self.sources, self.graph.inputs)]  # fmt: skip
        conditions = [f"({place}._grad is None) is {none}" for place, none in self.missing]
        conditions += [f"{'' if tracked else 'not '}({place}._requires_grad or {place}._node is not None)"
                       for place, tracked in self.tracked]  # fmt: skip
        conditions += [f"{self._named(t)}.hooks {'is' if t.hooks is None else '=='} {self._held(copy(t.hooks), 'o')}"
                       for t in tracer.gradients if not isinstance(t._data, Value)]  # fmt: skip
        conditions += self._of_gradients()
        self.lines = [*(("", text) for text in conditions), *((name, text) for text, name in tracer.lines.items())]
        """What a run does first: (name, expression) to compute, and ("", expression) that must be true."""
        self.kernel: Kernel = build(self.graph, self.writes, native)
        self.call: Callable[[Args], Any] = lambda args: MISS
        self.fits: Callable[[Args], Any] = lambda args: MISS

    def _refuse_changes(self, before: Sequence[Link], after: Sequence[Link], tracer: Tracer) -> None:
        """Raise TraceError if the step has left something in its surroundings by which its next run would differ."""
        old = {(id(link.holder), link.key): link.value for link in before}
        read = {id(root) for root, _ in tracer.inputs.values()}
        for link in after:
            was, now = old.get((id(link.holder), link.key), MISS), link.value
            if was is now or link.key is ALL:
                continue
            made = not isinstance(was, Tensor) and isinstance(now, Tensor) and (
                now._storage in tracer.constants and now._storage in tracer.written)
            plain = isinstance(was, PLAIN) and (type(was) is not type(now) or was != now)
            if made or plain or id(was) in read:
                place = link.place(type(link.holder).__name__, lambda key, _: repr(key))
                raise TraceError(f"compile: the step changes {place}, by which its next run would differ"
                                 f"{at(user_place())}; let it write into a tensor, x.copy_(y), return what is new, or "
                                 "do it outside")  # fmt: skip

    def _named(self, tensor: Tensor) -> str:
        """The place of a tensor that the step reads from outside."""
        if tensor not in self.places:
            self.places[tensor] = self._held(tensor, "t")
        return self.places[tensor]

    def _describe(self, tracer: Tracer, native: bool) -> None:
        """Inputs, outputs and what becomes of them."""
        owners = {t._grad: t for t in tracer.read_gradients if t._grad is not None}
        self.missing = [(self._named(t), none) for t, none in tracer.read_gradients.items()]
        inputs = [(self._source(root, owners), value) for root, value in tracer.inputs.values()]
        self.sources = [source for source, _ in inputs]
        self.tracked = [(self._named(root), root.requires_grad) for root, value in tracer.inputs.values()
                        if root in tracer.recorded and root not in owners and value.dtype.kind == "f"]  # fmt: skip
        storages = list(tracer.inputs)
        outputs: list[Value] = []
        self.writes: dict[int, int] = {}
        for storage in tracer.written:
            outside = storage in tracer.inputs and storage not in tracer.constants  # a constant is made anew each time
            if outside and tracer.current[storage] is not tracer.inputs[storage][1]:
                self.writes[len(outputs)] = storages.index(storage)
                outputs.append(tracer.current[storage])
        self.fresh: dict[str, int | None] = {}
        """Place -> which output becomes its new gradient; None where it loses the one that it has."""
        for tensor, grad in tracer.gradients.items():
            if isinstance(tensor._data, Value) or tensor in tracer.own or grad is tensor._grad:
                continue
            if tensor in self.computed and grad is not None:
                raise TraceError(f"compile: backward() reaches {self._named(tensor)}, which was computed outside the "
                                 f"step, and would go on from there{at(user_place())}; compute it inside the step, or "
                                 "pass x.detach()")  # fmt: skip
            self.fresh[self._named(tensor)] = None if grad is None else len(outputs)
            outputs += [] if grad is None else [tracer.payload(grad)]
        self.leaves: list[tuple[Tensor, int | str]] = []
        """Tensor in the result of the trace -> which output it is, or the place of the tensor itself."""
        for tensor in self.results:
            kept = tensor in self.kept
            self.leaves.append((tensor, self._named(tensor) if kept else len(outputs)))
            if not kept:
                outputs.append(tracer.payload(tensor))
        self.draws = Draws(tracer.draws, native)
        self.numbers = tracer.numbers
        given = (*(v for _, v in inputs), *self.numbers.values(), *(v for *_, v in tracer.draws))
        self.graph = rewritten(Graph(given, tuple(outputs)), (*EXACT, sum_of_parts))
        stale = [s for s in self.sources if s.endswith("._grad") and s[:-6] in self.fresh]
        flips = [p for p, none in self.missing if p in self.fresh and (self.fresh[p] is None) is not none]
        self.steady = not stale and not flips

    def _source(self, root: Tensor, owners: dict[Tensor, Tensor]) -> str:
        return f"{self._named(owners[root])}._grad" if root in owners else self._named(root)

    def _held(self, thing: Any, letter: str) -> str:
        """A name for an object."""
        name = f"{letter}{len(self.holders)}"
        self.holders[name] = thing
        return name

    def _same(self, place: str, value: Any) -> Iterator[str]:
        """That a place has the value that it had; what is no plain value, that it is the same object."""
        alone = value is None or isinstance(value, bool) or (type(value) is int and 0 <= value <= 256)
        if alone or not isinstance(value, PLAIN) or value != value:  # Python has each small number once
            yield f"{place} is {self._held(value, 'o')}"
        else:
            yield f"type({place}) is {self._held(type(value), 'o')}"
            written = type(value) in PLAIN and repr(value) not in ("inf", "-inf")
            yield f"{place} == {repr(value) if written else self._held(value, 'o')}"
            if value == 0 and isinstance(value, float):  # 0.0 == -0.0
                yield f"str({place}) == {str(value)!r}"

    def _alike(self, place: str, tensor: Tensor) -> str:
        """That a tensor of which only the kind can have mattered is of that kind."""
        return f"({place}._data.shape, {place}._data.dtype) == {self._held((tensor.shape, tensor.np_dtype), 'o')}"

    def _of_arguments(self, place: str, tree: Any) -> Iterator[str]:
        """The same containers, and the same values but for tensors."""
        if isinstance(tree, Tensor):
            if self.places.setdefault(tree, place) != place:
                yield f"{place} is {self.places[tree]}"
            if tree not in self.read:
                yield self._alike(place, tree)
            return
        if not isinstance(tree, (tuple, list, dict)):
            if isinstance(tree, PLAIN) or type(tree).__hash__ is None:
                yield from self._same(place, tree)
            else:
                name = self._held(tree, "o")
                yield f"({place} is {name} or {place} == {name})"
            return
        if place != "args":
            yield f"type({place}) is {self._held(type(tree), 'o')}"
        yield f"len({place}) == {len(tree)}"
        if isinstance(tree, dict):
            yield f"list({place}) == {self._held(list(tree), 'o')}"
        for inner, part in _children(place, tree):
            yield from self._of_arguments(inner, part)

    def _of_surroundings(self, links: Sequence[Link], tracer: Tracer) -> Iterator[str]:
        """What is the same around the step; on the way, the places of tensors."""
        yield f"mode() == {self._held(current.get(), 'o')}"
        yield f"default.dtype is {self._held(default.dtype, 'o')}"
        names: dict[int, str] = {}
        ways = []
        used = {*self.read, *tracer.gradients, *tracer.read_gradients}
        for link in links:
            tensor = link.value if isinstance(link.value, Tensor) else None
            if id(link.holder) not in names:
                names[id(link.holder)] = self._held(link.holder, "g")
            place = link.place(names[id(link.holder)], self._held)
            if tensor in used:
                ways.append((place, tensor))
            elif tensor is not None and tensor._base not in used:
                yield self._alike(place, tensor)
            else:  # of a view, the trace has the base
                yield from self._same(place, link.value)
        for place, tensor in (*ways, *tracer.ways):
            if self.places.setdefault(tensor, place) != place:
                yield f"{place} is {self.places[tensor]}"

    def _of_gradients(self) -> Iterator[str]:
        """Of arguments that get a gradient: no two are one, and it goes no further from there."""
        given = [place for place in self.fresh if place.startswith("args")]
        places = {*self.fresh, *(place for place, _ in self.missing)}
        if given:
            yield f"len({{{', '.join(f'id({place})' for place in sorted(places))}}}) == {len(places)}"
        yield from (f"{place}._node is None" for place in given if self.fresh[place] is not None)

    def free(self, k: int) -> bool:
        """Whether input k is only read, so that another tensor of its kind, if the step finds one, takes its place."""
        source = self.sources[k]
        return k not in self.writes.values() and not source.endswith("._grad") and source not in self.holders

    def tensors(self, args: Args) -> Iterator[Any]:
        """What stands at the sources now."""
        known = {**self.holders, "args": args}
        return (eval(source, known) for source in self.sources)

    def at(self, place: str, args: Args) -> Any:
        """What stands at a place now."""
        return eval(place, {**self.holders, "args": args})

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
        known = {**self.holders, "args": args, "tensor": Tensor, "spec": spec_of}
        for name, text in [*(("", text) for text in (*self.guards, *self.kinds)), *self.lines]:
            try:
                value = eval(text, known)
            except UNLIKE:
                value = False
            if name:
                known[name] = value
            elif not value:
                return self._shown(text)
        return ""

    def _shown(self, text: str) -> str:
        """An expression in words."""
        definitions = {name: text for name, text in self.lines if name}

        def word(match: re.Match[str]) -> str:
            name = match[0]
            if name in definitions:
                return self._shown(definitions[name])
            if name not in self.holders:
                return name
            thing = self.holders[name]
            return str(thing) if isinstance(thing, (*PLAIN, Spec)) else getattr(thing, "__name__", type(thing).__name__)

        text = re.sub(r"\((.+)\._requires_grad or \1\._node is not None\)", r"\1.requires_grad", text)
        return re.sub(r"\b[a-z]\d+\b", word, text)

    # -- for check= ------------------------------------------------------------------------------------------------

    def state(self, args: Args) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """Copies of all that the step writes, its gradients, and where its random numbers are."""
        tensors = list(self.tensors(args))
        return [wrap(np.array(tensors[k]._data)) for k in self.writes.values()], {
            place: self.at(place, args)._grad for place in self.fresh}, self.draws.mark()

    def put_back(self, args: Args, state: tuple[list[Any], dict[str, Any], list[Any]]) -> None:
        """The state as it was."""
        tensors = list(self.tensors(args))
        for k, before in zip(self.writes.values(), state[0]):
            np.copyto(tensors[k]._own(), before._data)
        for place, grad in state[1].items():
            self.at(place, args)._grad = grad
        self.draws.back(state[2])


def _children(place: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """What a container holds, each with its place."""
    for key, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield f"{place}[{key!r}]", part


def _stand_in(tensor: Tensor, tracked: dict[Tensor, Tensor]) -> Tensor:
    """What an argument is while the step is traced: its data; a leaf that gets a gradient, whatever its way, itself."""
    if tensor in tracked:
        return tracked[tensor]
    out = tensor
    if tensor._edge() is not tensor:
        out = wrap(tensor._own())
        out._requires_grad, out._grad = tensor.requires_grad, tensor._grad
    if tensor.requires_grad:
        tracked[tensor] = out
    return out
