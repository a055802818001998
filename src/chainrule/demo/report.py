"""A report that is told twice from the same parts: in the terminal as it goes, and as Markdown in the end."""

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO

Words = Callable[..., str]
_NOT_FIRST = "，。；：！？、）》」.,;:!?)"  # what no line begins with


class Report:
    """Headings, sentences, tables, formulas and pictures; ``words(key, **values)`` gives a text in one language.

    On a terminal headings are bold and a bar shows progress; elsewhere, and where NO_COLOR is set, the text is plain.
    """

    def __init__(self, words: Words, stream: TextIO | None = None):
        self.words = words
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self.bold = ("\x1b[1m", "\x1b[0m") if self.live and not os.environ.get("NO_COLOR") else ("", "")
        self.width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 100))
        self.parts: list[str] = []

    @property
    def markdown(self) -> str:
        """All that has been said."""
        return "\n\n".join(self.parts) + "\n"

    def heading(self, key: str, level: int = 2) -> None:
        """A title (level 1) or the heading of a chapter."""
        text = self.words(key)
        line = ("━" if level == 1 else "─") * self.width
        begin, end = self.bold
        self._print(f"\n{line}\n{begin}{text}{end}\n{line}" if level == 1 else f"\n\n{begin}{text}{end}\n{line}")
        self.parts.append(f"{'#' * level} {text}")

    def say(self, key: str, **values: object) -> None:
        """A paragraph."""
        text = self.words(key, **values)
        self._print("\n" + "\n".join(wrapped(text.replace("`", ""), self.width)))
        self.parts.append(text)

    def block(self, text: str, language: str = "text") -> None:
        """Lines that stand as they are: formulas, graphs, programs."""
        lines = text.rstrip().splitlines()
        self._print("\n" + "\n".join(f"    {line}".rstrip() for line in lines))
        self.parts.append("\n".join([f"```{language}", *lines, "```"]))

    def table(self, keys: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns under the headings named by ``keys``; columns of numbers keep to the right."""
        heads, body = [self.words(key) for key in keys], [list(row) for row in rows]
        right = [all(_is_number(row[k]) for row in body) for k in range(len(heads))]
        widths = [max(cells(row[k]) for row in [heads, *body]) for k in range(len(heads))]
        begin, end = self.bold
        lines = ["  ".join(map(padded, row, widths, right)) for row in [heads, *body]]
        rule = "  ".join("─" * width for width in widths)
        self._print("\n" + "\n".join(f"    {line}".rstrip() for line in (begin + lines[0] + end, rule, *lines[1:])))
        marks = ["---:" if to_right else ":---" for to_right in right]
        self.parts.append("\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
                                    for row in [heads, marks, *body]))

    def picture(self, file: str, key: str, **values: object) -> None:
        """A picture in the folder of the report; the terminal names its file."""
        caption = self.words(key, **values)
        self._print(f"\n    → {file}: {caption}")
        self.parts.append(f"![{caption}]({file})\n\n*{caption}*")

    def progress(self, count: int, note: Callable[[], str]) -> Iterator[int]:
        """0 … count − 1, with a bar while it lasts, on a terminal."""
        every = max(1, count // 60)
        for k in range(count):
            yield k
            if self.live and (k % every == 0 or k == count - 1):
                full = round(30 * (k + 1) / count)
                bar = "━" * full + " " * (30 - full)
                print(f"\r    {bar} {k + 1:>5}/{count}  {note()}\x1b[K", end="", file=self.stream, flush=True)
        if self.live:
            print("\r\x1b[K", end="", file=self.stream, flush=True)

    def _print(self, text: str) -> None:
        print(text, file=self.stream, flush=True)


def cells(text: str) -> int:
    """The width of a text in a terminal, where a Chinese character fills two cells and an accent none."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def wrapped(text: str, width: int) -> Iterator[str]:
    """The lines of a paragraph. It may break at spaces outside of formulas, and between Chinese characters save before
    punctuation."""
    line, used = "", 0
    for piece in _pieces(re.sub(" ([=<>≈+−·/←]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)):
        size = cells(piece.rstrip())
        if line and used + size > width:
            yield line.rstrip().replace("\N{NO-BREAK SPACE}", " ")
            line, used = "", 0
            piece = piece.lstrip()
        line, used = line + piece, used + cells(piece)
    if line.strip():
        yield line.rstrip().replace("\N{NO-BREAK SPACE}", " ")


def _pieces(text: str) -> Iterator[str]:
    """What stays together on a line."""
    piece = ""
    for before, char in zip(" " + text, text):
        fresh = before == " " != char or ((_chinese(before) or _chinese(char)) and char not in _NOT_FIRST + " ")
        if piece and fresh and before not in "（《「":
            yield piece
            piece = ""
        piece += char
    yield piece


def _chinese(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _is_number(text: str) -> bool:
    return not text or text.lstrip("+-−")[:1].isdigit()


def padded(text: str, width: int, to_right: bool = False) -> str:
    """The text in so many cells, at the left or the right of them."""
    space = " " * (width - cells(text))
    return space + text if to_right else text + space
