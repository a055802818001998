"""What holds for the code that runs now, per thread and per task: grad mode, the active trace, double reading."""

import functools
import inspect
import warnings
from collections.abc import Callable, Generator
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
    def draw(self, make: Callable[..., Any], args: tuple[Any, ...], shape: tuple[int, ...], dtype: Any) -> Any: ...
    def strides(self, tensor: Any) -> tuple[int, ...]: ...
    def viewed(self, tensor: Any) -> None: ...
    def settle(self, storage: Any) -> None: ...
    def refuse(self, tensor: Any, what: str, sizes: bool = False) -> Any: ...
    def options(self, optimizer: Any) -> list[Any]: ...
    def later(self, undo: Callable[[], Any]) -> None: ...


LINES, LINES_AND_NAN = 1, 2  # what anomaly mode does: names the line of an error in backward; and makes NaN one


class Modes(NamedTuple):
    """``fast`` says at one glance that ops run on arrays as they are."""

    grad: bool = True
    trace: Trace | None = None
    double: bool = False
    fast: bool = True
    anomaly: int = 0
    inference: bool = False


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
            self.tokens.append(current.set(Modes(change["grad"], *mode[1:])))
            return
        get = change.get
        trace, double, anomaly = get("trace", mode.trace), get("double", mode.double), get("anomaly", mode.anomaly)
        fast = trace is None and not double and not anomaly
        inference = get("inference", mode.inference)
        self.tokens.append(current.set(Modes(get("grad", mode.grad), trace, double, fast, anomaly, inference)))

    def __exit__(self, *exc: object) -> None:
        current.reset(self.tokens.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function`` as it runs under this mode; a generator function, between its yields too."""
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def stepwise(*args: Any, **kwargs: Any) -> Any:
                return _stepped(function(*args, **kwargs), self.changes)

            return stepwise

        @functools.wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            with Switch(**self.changes):
                return function(*args, **kwargs)

        return within


def _stepped(generator: Generator[Any, Any, Any], changes: dict[str, Any]) -> Generator[Any, Any, Any]:
    """``generator``, each step of it under the mode, and who iterates under their own."""
    step: Callable[[], Any] = functools.partial(next, generator)
    while True:
        try:
            with Switch(**changes):
                value = step()
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield value
        except GeneratorExit:
            with Switch(**changes):
                generator.close()
            raise
        except BaseException as error:  # thrown in by who iterates: it is the generator's to handle
            step = functools.partial(generator.throw, error)
        else:
            step = functools.partial(generator.send, sent)


# NumPy warns where IEEE arithmetic gives inf or NaN, and PyTorch does not. A filter on our own modules costs nothing
# per op, where np.errstate costs 1 µs; it leaves the user's warnings and error state alone.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"chainrule\b")


def quietly(function: Callable[..., Any], *args: Any, **params: Any) -> Any:
    """``function(*args)`` without NumPy's warnings, also where the user turns warnings into errors."""
    with np.errstate(all="ignore"):
        return function(*args, **params)


def drawn(make: Callable[..., Any], args: tuple[Any, ...], shape: tuple[int, ...], dtype: Any) -> Any:
    """The array that ``make(*args)``, a generator's method, draws; under a trace a value that each run draws anew."""
    trace = current.get().trace
    return np.asarray(make(*args)) if trace is None else trace.draw(make, args, shape, dtype)
