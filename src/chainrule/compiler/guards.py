"""What a compiled step took for granted: what its Python code looks up, and where it finds its tensors.

A trace freezes all that the traced code reads of globals, closures and attributes. Each number, string and bool becomes
a guard, and so does the identity of each function, module and container on the way: when one differs, the step is
traced again. For a tensor the way itself is remembered. All are found in the code objects, from the step through the
user's functions that it names, and in the modules that they call.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dis import get_instructions
from functools import cache, partial
from itertools import islice
from sys import modules, stdlib_module_names
from types import CellType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from chainrule.source import inside
from chainrule.tensors import Tensor

Words = frozenset[str]
PLAIN = (int, float, str, bool, type(None))
ROWS = (list, tuple)
LONGEST = 1000
"""Of a longer list or dict only the beginning is looked at."""
MAKING = frozenset(("__new__", "__init__", "__post_init__"))
ALL = object()
"""A key that says: the length."""


@dataclass(frozen=True)
class Link:
    """``holder[key]``, ``holder.cell_contents`` or ``holder.key`` is ``value``; with the key ALL, its length."""

    holder: Any
    key: Any
    value: Any

    def place(self, name: str, held: Callable[[Any, str], str]) -> str:
        """The expression for the value, with the holder under ``name``; ``held`` names an object."""
        if self.key is ALL:
            return f"len({name})"
        if not isinstance(self.holder, (dict, *ROWS)):
            return f"{name}.{self.key}"
        return f"{name}[{repr(self.key) if type(self.key) in (str, int) else held(self.key, 'o')}]"


def links_of(*things: Any) -> list[Link]:
    """All links from a function, and what it is called with, through the user's functions that can be reached by name,
    and the objects they use."""
    words: Words = frozenset(("__call__", "forward"))
    while True:
        found, used = _walk(things, words)
        if used <= words:
            return found
        words |= used


def _walk(things: Iterable[Any], words: Words) -> tuple[list[Link], Words]:
    """The links, as far as these names lead, and the names that the functions on the way use."""
    found: dict[tuple[int, Any], Link] = {}
    seen: dict[Any, Any] = {}
    used: set[str] = set()
    stack = [*things]
    while stack:
        item = stack.pop()
        name = (item.__func__, id(item.__self__)) if isinstance(item, MethodType) else id(item)
        if name in seen or isinstance(item, Tensor):
            continue
        seen[name] = item  # which keeps it, and so its id
        if isinstance(item, (FunctionType, MethodType)):
            used.update(_names(item))
        for holder, key, value in _inside(item, words):
            if not isinstance(value, PLAIN):
                stack.append(value)
            if holder is not None and not isinstance(value, ModuleType):
                found[id(holder), key] = Link(holder, key, value)
    return list(found.values()), frozenset(used)


def _inside(item: Any, words: Words) -> Iterator[tuple[Any, Any, Any]]:
    """(holder, key, value) for all that code of these names can reach through ``item``; None for what cannot change."""
    if "__wrapped__" in getattr(item, "__dict__", ()):  # as a decorator leaves it, a compiled step within this one too
        yield None, "", item.__wrapped__
    if isinstance(item, (FunctionType, MethodType)):
        yield from _reads(item)
    elif isinstance(item, partial):
        yield from ((None, "", part) for part in (item.func, item.args, item.keywords))
    elif isinstance(item, (dict, *ROWS)):
        parts = item.items() if isinstance(item, dict) else enumerate(item)
        if not isinstance(item, tuple):
            yield item, ALL, len(item)
        yield from ((item, key, value) for key, value in islice(parts, LONGEST)
                    if not isinstance(key, Tensor) and not (isinstance(item, tuple) and isinstance(value, PLAIN)))
    elif not inside[getattr(item, "__file__", None) or ""]:
        own = {} if isinstance(item, type) else getattr(item, "__dict__", {})
        module = "_modules" in own
        for word, value in list(own.items()):
            if word in words or (module and word[0] != "_" and isinstance(value, PLAIN)):
                yield item, word, value
        if module:
            yield from ((None, "", own[kept]) for kept in ("_modules", "_hooks"))
            yield from ((tensors, *entry) for tensors in (own["_parameters"], own["_buffers"])
                        for entry in tensors.items())  # fmt: skip
        yield from _of_class(item, words.difference(own))


def _code(function: Any) -> CodeType | None:
    """The code of a user's function."""
    code: CodeType | None = getattr(function, "__code__", None)
    return None if code is None or inside[code.co_filename] else code


def _names(function: Any) -> Iterator[str]:
    """The names that a function looks up: attributes too."""
    code = _code(function)
    return (name for part in (_codes(code) if code else ()) for name in (*part.co_names, *part.co_freevars))


def _reads(item: Any) -> Iterator[tuple[Any, Any, Any]]:
    """(holder, key, value) for every global and closure variable of a function."""
    function = item.__func__ if isinstance(item, MethodType) else item
    code = _code(function)
    if code is None:
        return
    for name in sorted({name for part in _codes(code) for name in _globals(part)}):
        if name in function.__globals__:
            yield function.__globals__, name, function.__globals__[name]
    for cell in function.__closure__ or ():
        yield cell, "cell_contents", _content(cell)
    yield from ((None, "", defaults) for defaults in (function.__defaults__, function.__kwdefaults__))
    if isinstance(item, MethodType):
        yield None, "", item.__self__


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


@cache
def _globals(code: CodeType) -> tuple[str, ...]:
    """The names that a code object looks up in the globals."""
    return tuple(step.argval for step in get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


def _of_class(item: Any, words: Words) -> Iterator[tuple[Any, Any, Any]]:
    """The same for what an object has from its class, if that is the user's; and for a class."""
    classes = [c for c in (item if isinstance(item, type) else type(item)).__mro__ if _foreign(c)]
    parts = {word: value for c in reversed(classes) for word, value in vars(c).items()}
    for word, value in parts.items():
        hidden = word[:2] == "__" and (word in MAKING) == isinstance(item, type)
        if not hidden and word not in words:
            continue
        method = value.fget if isinstance(value, property) else value
        data = isinstance(value, MemberDescriptorType) or not hasattr(value, "__get__")
        if isinstance(value, (staticmethod, classmethod)):
            yield None, "", value.__func__
        elif isinstance(method, FunctionType):
            yield None, "", MethodType(method, item)
        elif data and not hidden and hasattr(item, word):
            yield item, word, getattr(item, word)


@cache
def _foreign(kind: type) -> bool:
    """Whether a class is the user's."""
    home = getattr(modules.get(kind.__module__), "__file__", None)
    return kind.__module__.partition(".")[0] not in stdlib_module_names and not inside[home or ""]
