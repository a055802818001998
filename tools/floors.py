"""The floors of src/chainrule, and the reader of imports that holds them.

A file imports only from floors below its own. Files of one floor do not import each other, except inside one package.
No import stands inside a function, save an optional dependency, which one file owns, and the lazy importers' own.

Run as a script it prints what breaks a rule and fails, or says how many files keep them all.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "chainrule"
SOURCE = Path(__file__).parent.parent / "src" / PACKAGE

# A room is a file (`tensor`) or a package (`ops/`). To add one, write it on the lowest floor above all that it imports.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "messages", "threads", "cuda", "accelerator", "backends/", "precision"),
    ("modes", "source", "spec", "return_types", "trees", "number"),
    ("op/", "generator/"),
    ("ops/", "ir"),
    ("vocabulary/", "engine", "printing", "rewrite", "numpy_source"),
    ("symbol", "attributes", "hooks"),
    ("plans", "graph_words", "conversions", "in_place", "random_words", "selection"),
    ("tape", "memory"),
    ("tensors",),
    ("creation", "tracer", "gradcheck", "dtypes"),
    ("autograd/", "functional", "contraction", "joining", "counting", "random", "expr", "formula", "serialization",
     "legacy"),
    ("func/",),
    ("readings",),
    ("testing",),
    ("nn/", "optim/", "utils/", "linalg/", "compiler/", "see/", "derivation/", "plot"),
    ("doctor/", "demo/"),
    ("runner",),
    ("commands",),
    ("cli",),
    ("__init__", "__main__"),
)
# Rooms that import on first use: the package (PEP 562), a command its own part, a running script what it names.
LAZY_IMPORTERS = frozenset({"__init__", "cli", "commands", "runner"})
OPTIONAL = frozenset({"llvmlite", "matplotlib", "scipy", "torch"})  # each imported by one file at most
REQUIRED = frozenset({"numpy"})
_DYNAMIC = frozenset({"import_module", "__import__"})


@dataclass(frozen=True)
class Import:
    """One module named by an import statement, or by `import_module("...")`; None where it is computed."""

    module: str | None
    line: int
    function: str | None  # the innermost function it stands in
    typing_only: bool  # under `if TYPE_CHECKING:`


def files(root: Path = SOURCE) -> list[Path]:
    """The Python files of the package at `root`, sorted."""
    return sorted(root.rglob("*.py"))


def room(path: Path, root: Path = SOURCE) -> str:
    """The room a file belongs to: `ops/` for ops/linear.py, `tensor` for tensor.py."""
    first, *inner = path.relative_to(root).with_suffix("").parts
    return f"{first}/" if inner else first


def floor_of(name: str) -> int | None:
    """The floor of a room, None for one the table does not know."""
    return next((number for number, rooms in enumerate(FLOORS) if name in rooms), None)


def imports(path: Path, root: Path = SOURCE) -> Iterator[Import]:
    """All that a file imports, own modules under their full dotted names down to the file."""
    here = (PACKAGE, *path.relative_to(root).with_suffix("").parts)

    def visit(node: ast.AST, function: str | None, typing_only: bool) -> Iterator[Import]:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                function = name
            case ast.Lambda():
                function = "lambda"
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for statement in node.body:
                    yield from visit(statement, function, True)
                for statement in node.orelse:
                    yield from visit(statement, function, typing_only)
                return
            case ast.Import(names=names):
                for alias in names:
                    yield Import(alias.name, node.lineno, function, typing_only)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = ".".join([*here[: len(here) - level], *([module] if module else [])]) if level else module or ""
                for target in sorted({_target(base, alias.name, root) for alias in names}):
                    yield Import(target, node.lineno, function, typing_only)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in _DYNAMIC:
                first = node.args[0] if node.args else None
                module = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
                yield Import(module, node.lineno, function, typing_only)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function, typing_only)

    yield from visit(ast.parse(path.read_text(encoding="utf-8"), str(path)), None, False)


def _target(base: str, name: str, root: Path) -> str:
    """What `from base import name` reads: the submodule of that name if there is one, else `base` itself."""
    if base.split(".")[0] != PACKAGE:
        return base
    inside = root.joinpath(*base.split(".")[1:], name)
    return f"{base}.{name}" if inside.with_suffix(".py").is_file() or inside.is_dir() else base


def _room_of_module(module: str, root: Path) -> str:
    first = module.split(".")[1] if "." in module else "__init__"
    return f"{first}/" if f"{first}/" in sum(FLOORS, ()) or (root / first).is_dir() else first


def broken(root: Path = SOURCE) -> list[str]:
    """A sentence for every import that breaks a rule and every file without a floor; empty when all is well."""
    found: list[str] = []
    owners: dict[str, set[Path]] = {}
    for path in files(root):
        own_room, shown = room(path, root), path.relative_to(root)
        own_floor = floor_of(own_room)
        if own_floor is None:
            found.append(f"{shown}: {own_room} has no floor; write it into FLOORS in tools/floors.py")
            continue
        for each in imports(path, root):
            where = f"{shown}:{each.line}:"
            if each.module is None:
                if own_room not in LAZY_IMPORTERS:
                    found.append(f"{where} imports a computed name; only LAZY_IMPORTERS in tools/floors.py may")
                continue
            top = each.module.split(".")[0]
            if top in OPTIONAL:
                if not each.typing_only:
                    owners.setdefault(top, set()).add(shown)
                continue
            if each.function and own_room not in LAZY_IMPORTERS:
                found.append(f"{where} imports {each.module} inside {each.function}(); move it to the top of the file")
            if top == PACKAGE:
                other = _room_of_module(each.module, root)
                floor = floor_of(other)
                if floor is None:
                    found.append(f"{where} {other} has no floor; write it into FLOORS in tools/floors.py")
                elif floor > own_floor:
                    found.append(f"{where} floor {own_floor} imports {each.module} from above, floor {floor}")
                elif floor == own_floor and not (own_room == other and other.endswith("/")):
                    found.append(f"{where} imports {each.module}, which is on the same floor, {floor}")
            elif top not in REQUIRED and top not in sys.stdlib_module_names:
                found.append(f"{where} imports {top}; NumPy is the core's only dependency")
    for package, paths in sorted(owners.items()):
        if len(paths) > 1:
            found.append(f"{', '.join(map(str, sorted(paths)))}: all import {package}; one file must own it")
    return found


if __name__ == "__main__":
    if complaints := broken():
        sys.exit("\n".join(complaints))
    print(f"floors: {len(files())} files, every import goes down")
