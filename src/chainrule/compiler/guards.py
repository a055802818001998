"""What a compiled step took for granted: the plain values that its Python code reads.

A trace freezes every number, string and bool that the traced code looks up in globals, closures and attributes.
Each becomes a guard: an expression that must still give the same value, else the step is traced again. They are
found in the code objects, from the step through the user's functions that it names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from chainrule.source import inside

PLAIN = (int, float, str, bool, type(None))


@dataclass(frozen=True)
class Guard:
    """``holder[key]``, ``holder.cell_contents`` or ``holder.key`` has the value that it had."""

    holder: Any
    key: str
    value: Any

    def text(self, name: str) -> str:
        """The check, with the holder under ``name``."""
        if isinstance(self.holder, dict):
            found = f"{name}.get({self.key!r})"
        else:
            found = f"{name}.{self.key}"
        return f"{found} is {self.value}" if self.value is None else f"{found} == {self.value!r}"


def guards_of(function: Callable[..., Any]) -> list[Guard]:
    """All guards of a function and of the user's functions that it can reach by name."""
    found: dict[tuple[int, str], Guard] = {}
    seen: set[int] = set()
    stack: list[Any] = [function]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        for holder, key, value, words in _reads(item):
            if isinstance(value, PLAIN):
                if value == value:
                    found[id(holder), key] = Guard(holder, key, value)
            elif isinstance(value, (FunctionType, MethodType)):
                stack.append(value)
            elif hasattr(value, "__dict__") and not isinstance(value, type):
                for word, inner in _attributes(value, words):
                    found[id(value), word] = Guard(value, word, inner)
                stack.extend(_methods(value, words))
    return list(found.values())


def _reads(item: Any) -> Iterator[tuple[Any, str, Any, set[str]]]:
    """(holder, key, value, names the code uses) for every global and closure variable of a function."""
    function = item.__func__ if isinstance(item, MethodType) else item
    if not isinstance(function, FunctionType) or inside[function.__code__.co_filename]:
        return
    words = set(_names(function.__code__))
    for name in sorted(words):
        if name in function.__globals__:
            yield function.__globals__, name, function.__globals__[name], words
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield cell, "cell_contents", _content(cell), words | {name}
    if isinstance(item, MethodType):
        yield item, "__self__", item.__self__, words


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _names(code: CodeType) -> Iterator[str]:
    """The names that a code object looks up, those of the functions written inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _attributes(value: Any, words: set[str]) -> Iterator[tuple[str, Any]]:
    """The plain attributes of an object among the names that the code uses."""
    for word, inner in vars(value).items():
        if (word in words or word == "training") and isinstance(inner, PLAIN) and inner == inner:
            yield word, inner


def _methods(value: Any, words: set[str]) -> Iterator[Any]:
    """The user's methods of an object among the names that the code uses; calling an object is ``__call__``."""
    for word in sorted(words | {"__call__", "forward"}):
        method = getattr(type(value), word, None)
        if isinstance(method, FunctionType) and not inside[method.__code__.co_filename]:
            yield MethodType(method, value)
