"""``compile(step)``: a function of tensors, traced once and run as one native call from then on."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.guards import guards_of
from chainrule.compiler.kernel import Kernel, build
from chainrule.compiler.parts import sum_of_parts
from chainrule.errors import TraceError
from chainrule.ir import Graph, Value
from chainrule.rewrite import EXACT, rewritten
from chainrule.source import at, user_place
from chainrule.tensors import Tensor, wrap
from chainrule.tracer import Tracer, trace


def compile(function: Callable[..., Any] | None = None, *, native: bool = True, check: int = 0) -> Any:
    """``function`` as a compiled step: forward, backward and update in one native call.

    The first call traces it; later ones run native code as long as shapes, dtypes and the plain values that the
    function reads are what they were, and trace again when not. Tensors that it writes are written in place.
    ``check=3`` runs the eager function beside the first three calls and raises where they disagree.
    ``native=False`` interprets the loops in plain Python. Needs the extra ``chainrule[compile]`` when native.
    Raises TraceError where the function asks for a value (``.item()``, ``if loss > 1``).

    >>> import chainrule as torch
    >>> w = torch.tensor(4.0, requires_grad=True)
    >>> @torch.compile
    ... def step():
    ...     loss = w * w
    ...     w.grad = None
    ...     loss.backward()
    ...     with torch.no_grad():
    ...         w.sub_(0.25 * w.grad)
    ...     return loss
    >>> step(), step()
    (tensor(16.), tensor(4.))
    >>> step.repeat(3)
    tensor([1.0000, 0.2500, 0.0625])
    """
    if function is None:
        return functools.partial(compile, native=native, check=check)
    if not callable(function):
        raise TypeError(f"compile: expected a function, got {type(function).__name__}{at(user_place())}")
    return Step(function, native, check)


class Step:
    """A compiled function. Call it; or ``repeat(n)`` it; or ``scan`` it over minibatches."""

    def __init__(self, function: Callable[..., Any], native: bool, check: int):
        functools.update_wrapper(self, function)
        self.function = function
        self.native = native
        self.unchecked = check
        self.variants: list[Variant] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.unchecked:
            return self._checked(args, kwargs)
        if not kwargs:
            for variant in self.variants:
                result = variant.call(args)
                if result is not MISS:
                    return result
        return self._variant(args, kwargs).call(args)

    def _variant(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Variant":
        """The variant for what holds now, traced if there is none yet. It has been bound to today's arrays."""
        if kwargs:
            raise TypeError(f"compile: a compiled step takes its tensors by position, not as {', '.join(kwargs)}="
                            f"{at(user_place())}")
        for variant in self.variants:
            if variant.fits(args) or variant.rebind(args):
                return variant
        variant = Variant(self.function, args, self.native)
        if not variant.rebind(args):
            raise TraceError("compile: the step changes while it is traced what it depends on")
        self.variants = [variant, *self.variants[: VARIANTS_KEPT - 1]]
        return variant

    def repeat(self, n: int, *args: Any) -> Any:
        """Run n steps in one native call; the results of all steps, stacked along a new first dimension."""
        if n < 1:
            raise ValueError(f"repeat: expected a positive number of steps, got {n}{at(user_place())}")
        parts: list[Any] = []
        while n:
            variant = self._variant(args, {})
            count = n if variant.steady else 1
            parts.append(variant.repeat(args, count))
            n -= count
        return _joined(parts)

    def scan(self, *batches: Any) -> Any:
        """One step per entry along the first dimension of ``batches``; the results, stacked."""
        lengths = {len(b) for b in batches}
        if len(lengths) != 1:
            raise ValueError(f"scan: the batches have different lengths {sorted(lengths)}{at(user_place())}")
        return _stacked([self(*rows) for rows in zip(*batches)])

    def _checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run natively, put everything back, run eagerly, compare."""
        self.unchecked, left = 0, self.unchecked - 1
        variant = self._variant(args, kwargs)
        before = variant.state(args)
        native = variant.call(args)
        after = variant.state(args)
        variant.put_back(args, before)
        eager = self.function(*args)
        for got, want in zip([native, *after[0]], [eager, *variant.state(args)[0]]):
            _compare(got, want)
        self.unchecked = left
        return eager


class Variant:
    """One trace of a step, compiled, bound to the arrays that it runs on."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], native: bool):
        stand_ins = tuple(_stand_in(a) if isinstance(a, Tensor) else a for a in args)
        self.plain = [(k, type(a), a) for k, a in enumerate(args) if not isinstance(a, Tensor)]
        self.result, tracer = trace(function, *stand_ins)
        self.guards = guards_of(function)
        self.places = {a: f"args[{k}]" for k, a in enumerate(stand_ins) if isinstance(a, Tensor)}
        self.holders: dict[str, Any] = {}
        self._describe(tracer)
        tracer.builder.close()
        self.kernel: Kernel = build(self.graph, self.writes, native)
        self.arrays: list[Any] = []
        self.call: Callable[[tuple[Any, ...]], Any] = lambda args: MISS
        self.fits: Callable[[tuple[Any, ...]], bool] = lambda args: False

    def _named(self, tensor: Tensor) -> str:
        """An expression for a tensor that the step reads from outside."""
        if tensor not in self.places:
            self.places[tensor] = f"t{len(self.holders)}"
            self.holders[self.places[tensor]] = tensor
        return self.places[tensor]

    def _describe(self, tracer: Tracer) -> None:
        """Inputs, outputs and what becomes of them, in terms of expressions for the tensors concerned."""
        owners = {t._grad: t for t in tracer.read_gradients if t._grad is not None}
        self.missing = [(self._named(t), none) for t, none in tracer.read_gradients.items()]
        inputs = [(self._source(root, owners), value) for root, value in tracer.inputs.values()]
        self.sources = [source for source, _ in inputs]
        storages = list(tracer.inputs)
        outputs: list[Value] = []
        self.writes: dict[int, int] = {}
        for storage in tracer.written:
            if storage in tracer.inputs and tracer.current[storage] is not tracer.inputs[storage][1]:
                self.writes[len(outputs)] = storages.index(storage)
                outputs.append(tracer.current[storage])
        self.fresh: dict[str, int | None] = {}
        for tensor, grad in tracer.gradients.items():
            if isinstance(tensor._data, Value) or grad is tensor._grad:
                continue
            place = self._named(tensor)
            if grad is None:
                self.fresh[place] = None
            else:
                self.fresh[place] = len(outputs)
                outputs.append(tracer.payload(grad))
        self.leaves: list[tuple[Tensor, Any]] = []
        for tensor in _tensors(self.result):
            kept = not isinstance(tensor._data, Value) and tensor._shared() not in tracer.constants
            self.leaves.append((tensor, self._named(tensor) if kept and tensor._base is None else len(outputs)))
            if not (kept and tensor._base is None):
                outputs.append(tracer.payload(tensor))
        self.draws = [(make, np.empty(v.shape, v.dtype)) for make, v in tracer.draws]
        graph = Graph((*(v for _, v in inputs), *(v for _, v in tracer.draws)), tuple(outputs))
        self.graph = rewritten(graph, (*EXACT, sum_of_parts))
        stale = [s for s in self.sources if s.endswith("._grad") and s[:-6] in self.fresh]
        flips = [p for p, none in self.missing if p in self.fresh and (self.fresh[p] is None) is not none]
        self.steady = not stale and not flips and not self.draws

    def _source(self, root: Tensor, owners: dict[Tensor, Tensor]) -> str:
        return f"{self._named(owners[root])}._grad" if root in owners else self._named(root)

    # -- binding and running -----------------------------------------------------------------------------------------

    def _tensors(self, args: tuple[Any, ...]) -> list[Tensor]:
        known = {**self.holders, "args": args}
        return [eval(source, known) for source in self.sources]

    def rebind(self, args: tuple[Any, ...]) -> bool:
        """Point the kernel at today's arrays, if they are of the kind that was traced and the guards hold."""
        known = {**self.holders, "args": args, **{f"g{k}": g.holder for k, g in enumerate(self.guards)}}
        checks = [g.text(f"g{k}") for k, g in enumerate(self.guards)]
        checks += [f"({place}._grad is None) is {none}" for place, none in self.missing]
        checks += [f"type(args[{k}]) is p{k} and args[{k}] == v{k}" for k, _, _ in self.plain]
        for k, kind, value in self.plain:
            known[f"p{k}"], known[f"v{k}"] = kind, value
        if not all(eval(check, known) for check in checks):
            return False
        tensors = self._tensors(args)
        for tensor, value in zip(tensors, self.graph.inputs):
            if not isinstance(tensor, Tensor) or tensor._data.shape != value.shape or tensor.np_dtype != value.dtype:
                return False
        self.arrays = [*(_contiguous(t) for t in tensors), *(buffer for _, buffer in self.draws)]
        _refuse_overlap(self.arrays, self.writes)
        self.outputs = [None if k in self.writes else np.empty(v.shape, v.dtype)
                        for k, v in enumerate(self.graph.outputs)]
        self.storages = [tensors[k]._shared() for k in self.writes.values()]
        checks = [f"{source}._data is a{k}" for k, source in enumerate(self.sources)] + checks
        known.update({f"a{k}": array for k, array in enumerate(self.arrays)}, draw=self._draw)
        known.update({f"s{k}": storage for k, storage in enumerate(self.storages)})
        known.update(count=len(args), launch=self.kernel.bind(self.arrays, self.outputs), wrap=wrap, MISS=MISS,
                     finish=lambda args: self._finish(args, self.outputs, _taken))
        fits = " and ".join(["len(args) == count", *checks])
        writes = [f"s{k}.version += 1" for k in range(len(self.storages))]
        lines = [f"if not ({fits}):", "    return MISS", *["draw()"] * bool(self.draws), "launch()", *writes]
        single = self.leaves[0][1] if self.leaves and self.result is self.leaves[0][0] else None
        if isinstance(single, int) and not self.fresh and not self.graph.outputs[single].shape:
            known["out"] = self.outputs[single]
            lines.append("return wrap(out[()])")  # what most steps return: a loss
        else:
            lines.append("return finish(args)")
        exec("\n    ".join(["def call(args):", *lines]) + f"\ndef fits(args):\n    return {fits}", known)
        self.call, self.fits = known["call"], known["fits"]
        return True

    def _draw(self) -> None:
        """The random numbers of the next run, in the order in which the step asks for them."""
        for make, buffer in self.draws:
            buffer[...] = make()

    def repeat(self, args: tuple[Any, ...], n: int) -> Any:
        """n steps; the results stacked."""
        self._draw()
        returned = {where for _, where in self.leaves}
        last = [k for k in self.fresh.values() if k is not None and k not in returned]
        stacks = self.kernel.repeat(n, self.arrays, last)
        for storage in self.storages:
            storage.version += 1
        self._finish(args, [s if k in self.writes or k in last else s[-1] for k, s in enumerate(stacks)], np.array)
        return self._rebuilt(args, stacks, lambda a: a)

    def _at(self, place: str, args: tuple[Any, ...]) -> Any:
        """The tensor that an expression of :meth:`_named` stands for."""
        return args[int(place[5:-1])] if place.startswith("args") else self.holders[place]

    def _finish(self, args: tuple[Any, ...], outputs: Sequence[Any], taken: Callable[[Any], Any]) -> Any:
        """Hand out the fresh gradients, then the result."""
        for place, k in self.fresh.items():
            self._at(place, args)._grad = None if k is None else wrap(taken(outputs[k]))
        return self._rebuilt(args, outputs, taken)

    def _rebuilt(self, args: tuple[Any, ...], outputs: Sequence[Any], taken: Callable[[Any], Any]) -> Any:
        found = {}
        for tensor, where in self.leaves:
            found[tensor] = wrap(taken(outputs[where])) if isinstance(where, int) else self._at(where, args)
        return _mapped(self.result, found)

    # -- for check= --------------------------------------------------------------------------------------------------

    def state(self, args: tuple[Any, ...]) -> tuple[list[Any], dict[str, Any]]:
        """Copies of all that the step writes."""
        tensors = self._tensors(args)
        return [wrap(np.array(tensors[k]._data)) for k in self.writes.values()], {
            place: self.holders[place]._grad for place in self.fresh if place in self.holders}

    def put_back(self, args: tuple[Any, ...], state: tuple[list[Any], dict[str, Any]]) -> None:
        """The state as it was."""
        tensors = self._tensors(args)
        for k, copy in zip(self.writes.values(), state[0]):
            np.copyto(tensors[k]._own(), copy._data)
        for place, grad in state[1].items():
            self.holders[place]._grad = grad


VARIANTS_KEPT = 16
MISS = object()
"""What ``Variant.call`` returns when something is not as it was traced."""


def _taken(buffer: Any) -> Any:
    """The content of an output buffer, which the next call will overwrite."""
    return buffer.copy() if buffer.ndim else buffer[()]


def _stand_in(tensor: Tensor) -> Tensor:
    out = wrap(tensor._own())
    out._requires_grad, out._grad = tensor.requires_grad, tensor._grad
    return out


def _contiguous(tensor: Tensor) -> Any:
    array = tensor._own()
    if not array.flags.c_contiguous:
        raise TraceError(f"compile: a tensor of shape {list(tensor.shape)} that the step reads is not contiguous"
                         f"{at(user_place())}; pass x.contiguous()")
    return array


def _refuse_overlap(arrays: Sequence[Any], writes: dict[int, int]) -> None:
    for k in writes.values():
        for other, array in enumerate(arrays):
            if other != k and np.may_share_memory(array, arrays[k]):
                raise TraceError("compile: two tensors that the step uses share memory without being views of each "
                                 f"other, and one is written{at(user_place())}; clone() one of them")


def _tensors(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, dict):
        result = list(result.values())
    return [t for part in result for t in _tensors(part)] if isinstance(result, (list, tuple)) else []


def _mapped(result: Any, found: dict[Tensor, Tensor]) -> Any:
    """The result of the step, with each traced tensor replaced by the one that was computed."""
    if isinstance(result, Tensor):
        return found[result]
    if isinstance(result, dict):
        return {key: _mapped(part, found) for key, part in result.items()}
    return type(result)(_mapped(part, found) for part in result) if isinstance(result, (list, tuple)) else result


def _joined(parts: Sequence[Any]) -> Any:
    """Stacked results laid end to end."""
    first = parts[0]
    if isinstance(first, Tensor):
        return first if len(parts) == 1 else wrap(np.concatenate([p._data for p in parts]))
    if isinstance(first, (list, tuple)):
        return type(first)(_joined(column) for column in zip(*parts))
    return {k: _joined([p[k] for p in parts]) for k in first} if isinstance(first, dict) else first


def _stacked(results: Sequence[Any]) -> Any:
    return _joined([_mapped(r, {t: wrap(np.asarray(t._data)[None]) for t in _tensors(r)}) for r in results])


def _compare(got: Any, want: Any) -> None:
    for a, b in zip(_tensors(got), _tensors(want)):
        if not np.allclose(a._data, b._data, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise TraceError(f"compile: the compiled step gives {a!r}, the eager one {b!r}{at(user_place())}; the step "
                             "depends on something that its trace does not see")
