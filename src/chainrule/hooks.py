"""Hooks: functions of the user's that see, and may replace, what goes back through the graph.

A hook on a tensor sees its gradient and stands in its node's ``hooks``, which the engine runs. Hooks on a node itself,
before and after its rules, and those after a leaf has accumulated, are a :class:`Watch` around the node's ``send``:
a node that nobody watches pays nothing for them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np

from chainrule.modes import LINES_AND_NAN, Switch, current
from chainrule.source import at, user_place
from chainrule.vocabulary import Vocabulary


class Handle:
    """A registered hook; ``remove()`` takes it away."""

    def __init__(self, hooks: list[Any], hook: Callable[..., Any]):
        self.hooks = hooks
        self.hook = hook

    def remove(self) -> None:
        """Take the hook away; a second time is no error."""
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def on_gradient(wrap: Callable[[Any], Any], hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``hook`` for a cotangent that may be an array, as on the fast path, or a tensor."""

    def hooked(g: Any) -> Any:
        if isinstance(g, Vocabulary):
            return _checked(g, hook(g))
        with Switch(grad=False):
            changed = _checked(g, hook(wrap(g)))
        return None if changed is None else changed._data

    return hooked


def _checked(g: Any, changed: Any) -> Any:
    """What a hook has returned. Raises for anything that cannot stand in for the gradient."""
    if changed is not None:
        if not isinstance(changed, Vocabulary):
            raise TypeError(f"hook: expected hook to return a Tensor or None, not {type(changed).__name__}"
                            f"{at(user_place())}")
        if tuple(changed.shape) != tuple(g.shape):
            raise RuntimeError(f"hook: has changed the size of value: the gradient has shape {list(g.shape)}, the "
                               f"hook returned {list(changed.shape)}{at(user_place())}")
    return changed


class Cotangents:
    """What has arrived at the outputs of a node with several, by number; the engine adds two of them up."""

    def __init__(self, parts: Sequence[Any]):
        self.parts = parts

    def __add__(self, other: "Cotangents") -> "Cotangents":
        return Cotangents([b if a is None else a if b is None else a + b for a, b in zip(self.parts, other.parts)])


class Watch:
    """What stands before a node's own ``send`` once hooks are registered on the node itself."""

    def __init__(self, node: Any, wrap: Callable[[Any], Any]):
        self.send: Callable[[Any], Sequence[Any]] = node.send
        self.wrap = wrap
        self.before: list[Callable[..., Any]] = []
        self.after: list[Callable[..., Any]] = []

    def __call__(self, g: Any) -> Sequence[Any]:
        arriving = g.parts if isinstance(g, Cotangents) else (g,)
        arrays = not any(isinstance(a, Vocabulary) for a in arriving)
        outer = self._shown(arriving)
        quiet = {"grad": False} if arrays else {}
        with Switch(**quiet):
            for hook in list(self.before):
                changed = hook(outer)
                outer = outer if changed is None else _tuple(changed)
        if self.before:
            sent = _hidden(outer, arrays)
            g = Cotangents(sent) if isinstance(g, Cotangents) else sent[0]
        parts = self.send(g)
        if not self.after:
            return parts
        inner = self._shown(parts)
        with Switch(**quiet):
            for hook in list(self.after):
                changed = hook(inner, outer)
                inner = inner if changed is None else _tuple(changed)
        return _hidden(inner, arrays)

    def _shown(self, parts: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(p if p is None or isinstance(p, Vocabulary) else self.wrap(p) for p in parts)


def _hidden(tensors: Sequence[Any], arrays: bool) -> list[Any]:
    return [t._data if arrays and t is not None else t for t in tensors]


def _tuple(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, Vocabulary) else tuple(given)


def watch(node: Any, wrap: Callable[[Any], Any]) -> Watch:
    """The watch of a node or leaf, set up when first asked for."""
    own: dict[str, Any] = vars(node)
    if "send" not in own:
        own["send"] = Watch(node, wrap)
        node.hooks = node.hooks or []  # a node with a list of hooks, be it empty, is sent from by itself
    return own["send"]  # type: ignore[no-any-return]


def before(watched: Watch, hook: Callable[[tuple[Any, ...]], Any]) -> Handle:
    """Register ``hook(grad_outputs)``; an object of its own, since a hook may be registered twice."""
    watched.before.append(lambda outer: hook(outer))
    return Handle(watched.before, watched.before[-1])


def after(watched: Watch, hook: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> Handle:
    """Register ``hook(grad_inputs, grad_outputs)``."""
    watched.after.append(lambda inner, outer: hook(inner, outer))
    return Handle(watched.after, watched.after[-1])


class Watched:
    """A mixin of nodes: hooks on the node itself."""

    wrap: ClassVar[Any]
    """A tensor around an array; tensors.py, floors above, puts it here."""

    def register_prehook(self, hook: Callable[[tuple[Any, ...]], Any]) -> Handle:
        """Call ``hook(grad_outputs)`` before the node's rules; the tuple that it returns, if any, replaces them."""
        return before(watch(self, self.wrap), hook)

    def register_hook(self, hook: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> Handle:
        """Call ``hook(grad_inputs, grad_outputs)`` after the node's rules; what it returns replaces ``grad_inputs``.

        >>> import chainrule as torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> handle = y.grad_fn.register_hook(lambda inner, outer: tuple(g * 10 for g in inner))
        >>> y.backward()
        >>> x.grad
        tensor(60.)
        """
        return after(watch(self, self.wrap), hook)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for the user's own notes."""
        return vars(self).setdefault("_metadata", {})  # type: ignore[no-any-return]


@contextmanager
def attended(roots: Sequence[Any]) -> Iterator[None]:
    """Inside, every node behind ``roots`` is looked at as anomaly mode asks."""
    check_nan = current.get().anomaly == LINES_AND_NAN
    nodes, stack = set(roots), list(roots)
    while stack:
        fresh = {e for e in stack.pop().edges if e is not None} - nodes
        nodes |= fresh
        stack += fresh
    own = {node: vars(node).get("send") for node in nodes if node.serial}
    for node in own:
        vars(node)["send"] = _attending(node, check_nan)
    try:
        yield
    finally:
        for node, send in own.items():
            vars(node).pop("send")
            if send is not None:
                vars(node)["send"] = send


def _attending(node: Any, check_nan: bool) -> Callable[[Any], Sequence[Any]]:
    send = node.send

    def attending(g: Any) -> Sequence[Any]:
        try:
            parts: Sequence[Any] = send(g)
        except Exception as error:
            error.add_note(f"backward of {node.name()} met this error; the op was applied at{at(node.place)}")
            raise
        for k, part in enumerate(parts):
            if check_nan and isinstance(part, Vocabulary) and np.isnan(part._data).any():  # type: ignore[attr-defined]
                raise RuntimeError(f"backward: Function '{node.name()}' returned nan values in its {k}th output: the "
                                   f"derivative of what was computed there is not a number{at(node.place)}")
        return parts

    return attending
