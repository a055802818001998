"""Lines of code by floor: lines that hold more than a comment or a docstring."""

import ast
import io
import tokenize
from pathlib import Path

import floors

LONG = 350  # lines, all counted: a file beyond this deserves a hard look
SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(text: str) -> int:
    """How many lines of a Python file hold code.

    >>> code_lines("x = 1  # one\\n\\n# a comment\\ny = 2")
    2
    """
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


def main() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in floors.files()}
    counts: dict[str, int] = {}
    for path, text in texts.items():
        name = floors.room(path)
        counts[name] = counts.get(name, 0) + code_lines(text)
    print("lines of code by floor")
    for number, rooms in enumerate(floors.FLOORS):
        here = {name: counts.get(name, 0) for name in rooms}
        listed = "  ".join(f"{name} {count}" for name, count in here.items() if count)
        print(f"{number:3} {sum(here.values()):6}  {listed}".rstrip())
    print(f"all {sum(counts.values()):6}  in {len(texts)} files")
    root = Path(__file__).parent.parent
    for folder in ("tests", "tools", "examples", "benchmarks", "docs"):
        found = sorted((root / folder).rglob("*.py"))
        if found:
            print(f"{folder:>10}: {sum(code_lines(path.read_text(encoding='utf-8')) for path in found)}")
    for path, text in texts.items():
        if (length := text.count("\n")) > LONG:
            print(f"long: {path.relative_to(floors.SOURCE)}, {length} lines")


if __name__ == "__main__":
    main()
