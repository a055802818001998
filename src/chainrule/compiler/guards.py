"""What a compiled step took for granted: the plain values that its Python code reads.

A trace freezes every number, string and bool that the traced code looks up in globals, closures and attributes.
Each becomes a guard: an expression that must still give the same value, else the step is traced again. They are
found in the code objects, from the step through the user's functions that it names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from chainrule.source import inside
from chainrule.tensors import Tensor

Words = frozenset[str]
PLAIN = (int, float, str, bool, type(None))
ALWAYS = ("training", "_modules")  # what modules read of themselves
LONGEST = 1000
"""Of a longer list or dict only the beginning is looked at."""


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
    """All guards of a function, of the user's functions that it can reach by name, and of the objects they use.

    Every submodule's ``training`` is found through its containers. What an optimizer reads of itself is the trace's
    affair (:mod:`chainrule.number`).
    """
    found: dict[tuple[int, str], Guard] = {}
    seen: set[tuple[int, Words]] = set()
    stack: list[tuple[Any, Words]] = [(function, frozenset())]
    while stack:
        item, words = stack.pop()
        if (id(item), words) in seen or isinstance(item, (Tensor, type)):
            continue
        seen.add((id(item), words))
        for holder, key, value, used in _inside(item, words):
            if not isinstance(value, PLAIN):
                stack.append((value, used))
            elif value == value:
                found[id(holder), key] = Guard(holder, key, value)
    return list(found.values())


def _inside(item: Any, words: Words) -> Iterator[tuple[Any, str, Any, Words]]:
    """(holder, key, value, names that the code uses) for all that the code can reach through ``item``."""
    if isinstance(item, (FunctionType, MethodType)):
        yield from _reads(item)
    elif isinstance(item, (list, tuple)):
        yield from ((None, "", value, words) for value in item[:LONGEST] if not isinstance(value, PLAIN))
    elif isinstance(item, dict):
        yield from ((item, key, value, words) for key, value in islice(item.items(), LONGEST) if isinstance(key, str))
    elif hasattr(item, "__dict__") and not inside[getattr(item, "__file__", None) or ""]:
        for word, value in list(vars(item).items()):
            if word in words or word in ALWAYS:
                yield item, word, value, words
        for method in _methods(item, words):
            yield None, "", method, words


def _reads(item: Any) -> Iterator[tuple[Any, str, Any, Words]]:
    """(holder, key, value, names the code uses) for every global and closure variable of a function."""
    function = item.__func__ if isinstance(item, MethodType) else item
    if not isinstance(function, FunctionType) or inside[function.__code__.co_filename]:
        return
    words = frozenset(_names(function.__code__))
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


def _methods(value: Any, words: Words) -> Iterator[Any]:
    """The user's methods of an object among the names that the code uses; calling an object is ``__call__``."""
    for word in sorted(words | {"__call__", "forward"}):
        method = getattr(type(value), word, None)
        if isinstance(method, FunctionType) and not inside[method.__code__.co_filename]:
            yield MethodType(method, value)
