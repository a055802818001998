"""What a compiled step took for granted: what its Python code looks up, and where it finds its tensors.

A trace freezes all that the traced code reads of globals, closures and attributes. Each number, string and bool becomes
a guard, and so does the identity of each function, module and container on the way: when one differs, the step is
traced again. For a tensor the way itself is remembered. All are found in the code objects, from the step through the
user's functions that it names, and in the modules that they call.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dis import get_instructions
from functools import partial
from itertools import islice
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from chainrule.source import inside
from chainrule.tensors import Tensor

Words = frozenset[str]
PLAIN = (int, float, str, bool, type(None))
LONGEST = 1000
"""Of a longer list or dict only the beginning is looked at."""


@dataclass(frozen=True)
class Link:
    """``holder[key]``, ``holder.cell_contents`` or ``holder.key`` is ``value``; without a key, the holder's length."""

    holder: Any
    key: Any
    value: Any

    def place(self, name: str) -> str:
        """The expression for the value, with the holder under ``name``."""
        if self.key is None:
            return f"len({name})"
        return f"{name}[{self.key!r}]" if isinstance(self.holder, (dict, list, tuple)) else f"{name}.{self.key}"


def links_of(function: Callable[..., Any]) -> list[Link]:
    """All links from a function through the user's functions that it can reach by name, and the objects they use."""
    found: dict[tuple[int, Any], Link] = {}
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
            if holder is not None and not isinstance(value, (type, ModuleType)):
                found[id(holder), key] = Link(holder, key, value)
    return list(found.values())


def _inside(item: Any, words: Words) -> Iterator[tuple[Any, Any, Any, Words]]:
    """(holder, key, value, names that the code uses) for all that the code can reach through ``item``."""
    if "__wrapped__" in getattr(item, "__dict__", ()):  # as a decorator leaves it, a compiled step within this one too
        yield None, "", item.__wrapped__, words
    if isinstance(item, (FunctionType, MethodType)):
        yield from _reads(item)
    elif isinstance(item, partial):
        yield from ((None, "", part, words) for part in (item.func, item.args, item.keywords))
    elif isinstance(item, (list, tuple, dict)):
        parts = item.items() if isinstance(item, dict) else enumerate(item)
        if not isinstance(item, tuple):
            yield item, None, len(item), words
        yield from ((item, key, value, words) for key, value in islice(parts, LONGEST)
                    if isinstance(key, (str, int)) and not (isinstance(item, tuple) and isinstance(value, PLAIN)))
    elif hasattr(item, "__dict__") and not inside[getattr(item, "__file__", None) or ""]:
        own = vars(item)
        module = "_modules" in own
        for word, value in list(own.items()):
            if word in words or (module and word[0] != "_" and isinstance(value, PLAIN)):
                yield item, word, value, words
        if module:
            yield from ((None, "", own[kept], words) for kept in ("_modules", "_hooks"))
            yield from ((tensors, *entry, words) for tensors in (own["_parameters"], own["_buffers"])
                        for entry in tensors.items())  # fmt: skip
        for method in _methods(item, words):
            yield None, "", method, words


def _reads(item: Any) -> Iterator[tuple[Any, Any, Any, Words]]:
    """(holder, key, value, names the code uses) for every global and closure variable of a function."""
    function = item.__func__ if isinstance(item, MethodType) else item
    if not isinstance(function, FunctionType) or inside[function.__code__.co_filename]:
        return
    words = frozenset(name for code in _codes(function.__code__) for name in code.co_names)
    for name in sorted({name for code in _codes(function.__code__) for name in _globals(code)}):
        if name in function.__globals__:
            yield function.__globals__, name, function.__globals__[name], words
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield cell, "cell_contents", _content(cell), words | {name}
    yield from ((None, "", defaults, words) for defaults in (function.__defaults__, function.__kwdefaults__))
    if isinstance(item, MethodType):
        yield None, "", item.__self__, words


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _globals(code: CodeType) -> Iterator[str]:
    """The names that a code object looks up in the globals."""
    return (step.argval for step in get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


def _methods(value: Any, words: Words) -> Iterator[Any]:
    """The user's methods of an object among the names that the code uses; calling an object is ``__call__``."""
    for word in sorted(words | {"__call__", "forward"}):
        method = getattr(type(value), word, None)
        if isinstance(method, FunctionType) and not inside[method.__code__.co_filename]:
            yield MethodType(method, value)
