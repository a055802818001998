"""Numbers that may differ from run to run of a compiled step: the hyperparameters of an optimizer.

While a step is traced, an optimizer reads its groups through :class:`Options`, which hand out a :class:`Number` for
each float. Arithmetic on it is written down as lines of Python, which every run repeats; where it meets a tensor it
becomes an input of the compiled step. What the code decides by it (``if weight_decay``) has to come out the same.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np


class Replay(Protocol):
    """What a trace does for numbers."""

    def define(self, text: str) -> str: ...
    def require(self, text: str) -> None: ...
    def hold(self, thing: Any) -> str: ...
    def number(self, name: str, dtype: Any) -> Any: ...


class Number:
    """A float under ``name`` in the lines that are replayed; ``value`` is what it was while they were traced."""

    __array_ufunc__ = None  # NumPy's scalars leave arithmetic to it

    def __init__(self, trace: Replay, text: str, value: float):
        self.trace = trace
        self.name = trace.define(text)
        self.value = value

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """To ``isinstance`` it is the float that it stands for."""
        return float

    def __float__(self) -> float:
        """The value itself: whoever asks for it has it traced again when it changes."""
        self.trace.require(f"{self.name} == {_text(self.value)}")
        return self.value

    def __bool__(self) -> bool:
        return self._decided(f"bool({self.name})", bool(self.value))

    def _decided(self, text: str, outcome: bool) -> bool:
        self.trace.require(text if outcome else f"not {text}")
        return outcome

    def __neg__(self) -> "Number":
        return Number(self.trace, f"-{self.name}", -self.value)

    def __getattr__(self, name: str) -> Any:
        if not hasattr(float, name):
            raise AttributeError(f"'float' object has no attribute {name!r}")
        return getattr(float(self), name)

    def __hash__(self) -> int:
        return hash(float(self))


PLAIN = (int, float, bool, Number)


def _text(number: Any) -> str:
    if type(number) is Number:
        return number.name
    return repr(number) if math.isfinite(number) else f"float('{number}')"


def _value(number: Any) -> Any:
    return number.value if type(number) is Number else number


def _arithmetic(sign: str, function: Callable[[Any, Any], Any], reflected: bool) -> Callable[[Number, Any], Any]:
    def word(self: Number, other: Any) -> Any:
        a, b = (other, self) if reflected else (self, other)
        if isinstance(other, np.generic):  # whose arithmetic is its own
            return function(*(float(x) if x is self else x for x in (a, b)))
        if type(other) not in PLAIN:
            return NotImplemented
        return Number(self.trace, f"{_text(a)} {sign} {_text(b)}", function(_value(a), _value(b)))

    return word


def _comparison(sign: str, function: Callable[[Any, Any], bool]) -> Callable[[Number, Any], Any]:
    def word(self: Number, other: Any) -> Any:
        if isinstance(other, np.generic):
            return function(float(self), other)
        if type(other) not in PLAIN:
            return NotImplemented
        return self._decided(f"({self.name} {sign} {_text(other)})", function(self.value, _value(other)))

    return word


def _of_the_value(name: str) -> Callable[..., Any]:
    return lambda self, *args: getattr(float(self), name)(*(float(a) if type(a) is Number else a for a in args))


for _name, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("pow", "**")):
    setattr(Number, f"__{_name}__", _arithmetic(_sign, getattr(operator, _name), False))
    setattr(Number, f"__r{_name}__", _arithmetic(_sign, getattr(operator, _name), True))
for _name, _sign in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")):
    setattr(Number, f"__{_name}__", _comparison(_sign, getattr(operator, _name)))
for _name in ("__abs__", "__int__", "__round__", "__trunc__", "__floor__", "__ceil__", "__mod__", "__rmod__",
              "__floordiv__", "__rfloordiv__", "__divmod__", "__str__", "__repr__", "__format__"):  # fmt: skip
    setattr(Number, _name, _of_the_value(_name))


class Options(Mapping[str, Any]):
    """A parameter group as a traced optimizer reads it: floats are numbers, all else is required to stay."""

    def __init__(self, trace: Replay, group: dict[str, Any]):
        self.trace = trace
        self.group = group
        self.name = trace.hold(group)

    def __getitem__(self, key: str) -> Any:
        text = f"{self.name}[{key!r}]"
        if key not in self.group:
            self.trace.require(f"{key!r} not in {self.name}")
        value = self.group[key]
        if isinstance(value, (list, tuple)):
            self.trace.require(f"len({text}) == {len(value)}")
            return type(value)([self._read(f"{text}[{k}]", part) for k, part in enumerate(value)])
        return self._read(text, value)

    def _read(self, text: str, value: Any) -> Any:
        if isinstance(value, float):
            return Number(self.trace, text, float(value))
        plain = value is None or isinstance(value, (int, str))
        self.trace.require(f"{text} == {value!r}" if plain else f"{text} is {self.trace.hold(value)}")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.group)

    def __len__(self) -> int:
        return len(self.group)
