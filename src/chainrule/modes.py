"""What holds for the code that runs now, per thread and per task: grad mode, the active trace, double reading."""

import functools
import warnings
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, NamedTuple, Protocol

import numpy as np


class Trace(Protocol):
    """What ``tensors.py`` asks of the trace that is active; ``tracer.py`` has the real one."""

    def payload(self, tensor: Any) -> Any: ...
    def emit(self, op: Any, operands: Any, params: dict[str, Any]) -> Any: ...
    def write(self, tensor: Any, value: Any) -> None: ...
    def get(self, tensor: Any, field: str) -> Any: ...
    def set(self, tensor: Any, field: str, value: Any) -> None: ...
    def alias(self, tensor: Any) -> Any: ...
    def keep(self, tensor: Any) -> None: ...
    def constant(self, tensor: Any) -> None: ...
    def refuse(self, tensor: Any, what: str) -> Any: ...


class Modes(NamedTuple):
    """``fast`` says at one glance that ops run on arrays as they are."""

    grad: bool = True
    trace: Trace | None = None
    double: bool = False
    fast: bool = True


current: ContextVar[Modes] = ContextVar("chainrule.modes", default=Modes())


class Switch:
    """A mode as context manager and decorator, entered any number of times.

    >>> from chainrule import modes
    >>> with modes.Switch(grad=False):
    ...     modes.current.get().grad
    False
    """

    def __init__(self, **changes: Any):
        self.changes = changes
        self.tokens: list[Token[Modes]] = []

    def __enter__(self) -> None:
        mode, change = current.get(), self.changes
        if len(change) == 1 and "grad" in change:
            self.tokens.append(current.set(Modes(change["grad"], mode.trace, mode.double, mode.fast)))
            return
        trace, double = change.get("trace", mode.trace), change.get("double", mode.double)
        changed = Modes(change.get("grad", mode.grad), trace, double, trace is None and not double)
        self.tokens.append(current.set(changed))

    def __exit__(self, *exc: object) -> None:
        current.reset(self.tokens.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            with Switch(**self.changes):
                return function(*args, **kwargs)

        return within


# NumPy warns where IEEE arithmetic gives inf or NaN, and PyTorch does not. A filter on our own modules costs nothing
# per op, where np.errstate costs 1 µs; it leaves the user's warnings and error state alone.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"chainrule\b")


def quietly(function: Callable[..., Any], *args: Any, **params: Any) -> Any:
    """``function(*args)`` without NumPy's warnings, also where the user turns warnings into errors."""
    with np.errstate(all="ignore"):
        return function(*args, **params)
