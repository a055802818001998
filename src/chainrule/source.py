"""Where in the user's program something happened: (code, instruction) -> file, line, columns, text.

A tape node keeps two words, the code object and the offset of the running instruction; everything else is worked
out when somebody asks. The columns come from the code object's position table (Python 3.11 and later).
"""

import linecache
import os
import sys
from dataclasses import dataclass
from types import CodeType, FrameType

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class _Inside(dict[str, bool]):
    """Is this one of chainrule's own files? Looked up several times per recorded op, so kept by name."""

    def __missing__(self, filename: str) -> bool:
        self[filename] = own = filename.startswith((PACKAGE, "<chainrule"))
        return own


inside = _Inside()


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of source. ``column`` counts characters from 0; ``end_column`` is one past the last."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def text(self) -> str:
        """The source line, stripped; "" where the file cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def segment(self) -> str:
        """The very expression, when it stands on one line."""
        if self.end_line != self.line:
            return ""
        line = linecache.getline(self.file, self.line).encode()
        return line[self.column : self.end_column].decode(errors="replace")

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


def place_of(code: CodeType | None, instruction: int) -> Place | None:
    """The place of an instruction, or None where it is not known."""
    if code is None:
        return None
    for offset, (line, end_line, column, end_column) in enumerate(code.co_positions()):
        if offset == instruction // 2 and line is not None:
            return Place(code.co_filename, line, column or 0, end_line or line, end_column or 0)
    return None


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame outside the package, from ``depth`` callers up."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and inside[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def user_place(depth: int = 1) -> Place | None:
    """Where the user's code is right now."""
    frame = user_frame(depth + 1)
    return place_of(frame.f_code, frame.f_lasti) if frame else None


def at(place: Place | None) -> str:
    """`` (demo.py:4: u = a + v)``, or nothing."""
    if place is None:
        return ""
    return f" ({place}: {place.text})" if place.text else f" ({place})"
