"""``compile(step)``: a function of tensors, traced once and run as one native call from then on."""

import functools
import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import trees
from chainrule.compiler.binding import MISS
from chainrule.compiler.variant import Variant
from chainrule.errors import TraceError
from chainrule.joining import stack
from chainrule.modes import current
from chainrule.source import at, user_place
from chainrule.tensors import Tensor, wrap

VARIANTS_KEPT = 16


def compile(function: Callable[..., Any] | None = None, *, native: bool = True, check: int = 0) -> Any:
    """``function`` as a compiled step: forward, backward and update in one native call.

    The first call traces it; later ones run native code as long as shapes, dtypes and the plain values that the
    function reads are what they were, and trace again when not: numbers among the arguments, globals, attributes,
    ``training``, ``requires_grad``. Tensors may hold other values, and the floats of an optimizer's groups may change,
    without that. Tensors that the function writes are written in place. ``check=3`` runs the eager function beside the
    first three calls and raises where they disagree. ``native=False`` interprets the loops in plain Python. Needs the
    extra ``chainrule[compile]`` when native.
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
    """A compiled function. Call it; or ``repeat(n)`` it; or ``scan`` it over minibatches.

    Threads take turns: a step works in place, on memory of its own and of others.
    """

    def __init__(self, function: Callable[..., Any], native: bool, check: int):
        functools.update_wrapper(self, function)
        self.function = function
        self.native = native
        self.unchecked = check
        self.traced = 0
        self.variants: list[Variant] = []
        self.turn = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args = self._positional(args, kwargs)
        with self.turn:
            for variant in () if self.unchecked else self.variants:
                result = variant.call(args)
                if result is not MISS:
                    return result
            if current.get().trace is not None:  # called by a step that is being traced itself: a part of that
                return self.function(*args)
            return self._checked(args) if self.unchecked else self._variant(args).call(args)

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments in the order of the function's parameters, defaults filled in."""
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(f"compile: a compiled step takes its tensors by position, and {', '.join(bound.kwargs)}= "
                            f"has none{at(user_place())}; write the parameter before the * of the function")
        return bound.args

    def _variant(self, args: tuple[Any, ...]) -> Variant:
        """The variant for what holds now, traced if there is none yet. It has been bound to today's arrays."""
        for variant in self.variants:
            if variant.fits(args) is not MISS or variant.rebind(args):
                return variant
        if self.traced == VARIANTS_KEPT:
            name = getattr(self.function, "__name__", "a step")
            warnings.warn(f"compile: {name} is traced for the {self.traced + 1}th time. No longer as it was before: "
                          f"{self.variants[0].obstacle(args)}. A plain value is part of the trace; what changes often "
                          f"should be a tensor{at(user_place())}", UserWarning, stacklevel=3)  # fmt: skip
        variant = Variant(self.function, args, self.native)
        if not variant.rebind(args):
            raise TraceError("compile: the step changes while it is traced what it depends on: "
                             f"{variant.obstacle(args)}{at(user_place())}. Change that before the step, or in the "
                             "step a tensor of its own: x = x.detach().requires_grad_()")
        self.traced += 1
        self.variants = [variant, *self.variants[: VARIANTS_KEPT - 1]]
        return variant

    def repeat(self, n: int, *args: Any) -> Any:
        """Run n steps natively; the results of all steps, stacked along a new first dimension.

        The step's own tensors go from step to step; the arguments are the same for all. An interrupt (Ctrl-C) falls
        between two steps. Raises ValueError for n < 1.
        """
        if n < 1:
            raise ValueError(f"repeat: expected a positive number of steps, got {n}{at(user_place())}")
        if current.get().trace is not None:
            return _stacked([self.function(*args) for _ in range(n)])
        parts: list[Any] = []
        with self.turn:
            while n:
                variant = self._variant(args)
                count = n if variant.steady else 1
                parts.append(variant.many(count, args))
                n -= count
        return _joined(parts)

    def scan(self, *batches: Any) -> Any:
        """One step per entry along the first dimension of ``batches``, natively; the results, stacked.

        Raises ValueError for batches of different lengths, or of none; TypeError for a dict of them.

        >>> import chainrule as torch
        >>> total = torch.zeros(())
        >>> running = torch.compile(lambda x: total.add_(x) * 1)
        >>> running.scan(torch.tensor([1.0, 2.0, 3.0]))
        tensor([1., 3., 6.])
        """
        if any(isinstance(b, dict) for b in batches):
            raise TypeError(f"scan: expected tensors or lists of entries, got a dict{at(user_place())}; pass what is "
                            "in it one by one, or call the step for each batch")
        lengths = [len(b) for b in batches]
        if len({*lengths}) != 1 or not lengths[0]:
            raise ValueError(f"scan: expected batches of one length, got {', '.join(map(str, lengths)) or 'none'}"
                             f"{at(user_place())}; what is left over of an epoch is a call of its own")
        if current.get().trace is not None:
            return _stacked([self.function(*(b[k] for b in batches)) for k in range(lengths[0])])
        parts: list[Any] = []
        done, n = 0, lengths[0]
        with self.turn:
            while done < n:
                args = tuple(b[done] for b in batches)
                variant = self._variant(args)
                count = n - done if variant.scans(batches) else 1
                parts.append(variant.many(count, args, tuple(_stack(b, done, done + count) for b in batches)))
                done += count
        return _joined(parts)

    def _checked(self, args: tuple[Any, ...]) -> Any:
        """Run natively, put everything back, run eagerly, compare."""
        self.unchecked, left = 0, self.unchecked - 1
        variant = self._variant(args)
        before = variant.state(args)
        native = variant.call(args)
        after = variant.state(args)
        variant.put_back(args, before)
        eager = self.function(*args)
        for got, want in zip([native, *after[0]], [eager, *variant.state(args)[0]]):
            _compare(got, want)
        self.unchecked = left
        return eager


def _stack(batch: Any, start: int, stop: int) -> Any:
    """Some entries of a batch; of a list of tensors, stacked."""
    part = batch[start:stop]
    return stack(part) if isinstance(part, (list, tuple)) and isinstance(part[0], Tensor) else part


def _joined(parts: Sequence[Any]) -> Any:
    """Stacked results laid end to end; a tensor that the step only hands on stays itself."""
    return _by_leaf(parts, lambda tensors: wrap(np.concatenate([t._data for t in tensors])))


def _stacked(results: Sequence[Any]) -> Any:
    """The results of steps that are part of a trace, stacked."""
    return _by_leaf(results, stack)


def _by_leaf(parts: Sequence[Any], together: Callable[[list[Tensor]], Tensor]) -> Any:
    """The results, each leaf put together with its like."""
    columns = [[*{id(leaf): leaf for leaf in column}.values()] for column in zip(*map(trees.leaves, parts))]
    return trees.filled(parts[0], [together(column) if len(column) > 1 and isinstance(column[0], Tensor) else column[0]
                                   for column in columns])  # fmt: skip


def _compare(got: Any, want: Any) -> None:
    for a, b in zip(trees.leaves(got), trees.leaves(want)):
        if isinstance(a, Tensor) and not np.allclose(a._data, b._data, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise TraceError(f"compile: the compiled step gives {a!r}, the eager one {b!r}{at(user_place())}; the step "
                             "depends on something that its trace does not see")
