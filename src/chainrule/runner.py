"""Runs a script that says ``import torch`` on chainrule, as ``python script.py`` would run it.

The process becomes the script's: ``__main__``, ``sys.argv``, ``sys.path[0]``, exit status and tracebacks are what
Python itself gives it. Only ``import torch`` means another package.
"""

import builtins
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType, TracebackType

from chainrule.errors import ChainruleError
from chainrule.source import inside

OURS = __name__.partition(".")[0]
THEIRS = "torch"
LACKING = "(chainrule stands in for torch here: either PyTorch has no such name, or chainrule does not have it yet)"


class _Alias:
    """Loads ``torch.nn`` by handing out the module ``chainrule.nn`` itself."""

    def __init__(self, name: str):
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system has just replaced it by the alias's


class TorchFinder:
    """Finds chainrule where ``torch`` is asked for; first on ``sys.meta_path`` it hides an installed PyTorch."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        top, dot, rest = fullname.partition(".")
        if top != THEIRS or (rest and PathFinder.find_spec(OURS + dot + rest, path) is None):
            return None  # Python says that there is no such module
        return ModuleSpec(fullname, _Alias(OURS + dot + rest))  # type: ignore[arg-type]  # importlib.abc costs 4 ms


def run(script: str, arguments: Sequence[str]) -> int:
    """Run ``script`` as ``__main__``; 0 when it ends normally, 2 (and a message) when it cannot be read.

    What the script raises, ``SystemExit`` and ``KeyboardInterrupt`` included, passes through; Python then ends the
    process as it always does, and the traceback starts in the script.
    """
    path = os.path.abspath(script)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"chainrule run: cannot read {script!r}: {error.strerror}{_hint(path)}", file=sys.stderr)
        return 2
    if b"\0" in source:
        print(f"chainrule run: {script!r} is not Python source: it contains null bytes", file=sys.stderr)
        return 2
    sys.meta_path.insert(0, TorchFinder())
    sys.argv = [script, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    code: CodeType | None = None
    try:
        code = compile(source, path, "exec", dont_inherit=True)
        exec(code, vars(_main(path)))
    except BaseException:
        _leave_out_frames_before(code)
        raise
    return 0


def _hint(path: str) -> str:
    return "" if os.path.exists(path) else f"; its folder is {os.path.dirname(path)}, is the name spelled right?"


def _main(path: str) -> ModuleType:
    """A fresh ``__main__`` with the names that Python gives a script."""
    main = ModuleType("__main__")
    main.__file__ = path
    main.__loader__ = SourceFileLoader("__main__", path)
    vars(main).update(__builtins__=builtins, __annotations__={}, __cached__=None)
    sys.modules["__main__"] = main
    return main


def _leave_out_frames_before(code: CodeType | None) -> None:
    """Let the traceback that is about to be printed start in the script; a SyntaxError in it has none at all.

    What chainrule refuses ends at the line that asked for it: where the refusal stands in our files helps nobody.
    The hook that prints is Python's or the script's own. It is wrapped only now, so that a script which runs well
    sees ``sys.excepthook`` as Python set it.
    """
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
        while frames is not None and frames.tb_frame.f_code is not code:
            frames = frames.tb_next
        if isinstance(error, ChainruleError) and frames is not None:
            _end_with_the_users(frames)
        if (isinstance(error, ImportError) and _ours(error.name or "")) or (
            isinstance(error, AttributeError) and not isinstance(error, ChainruleError) and _owned(error.obj)
        ):  # fmt: skip
            error.add_note(LACKING)
        show(kind, error.with_traceback(frames), frames)

    sys.excepthook = hook


def _ours(name: str) -> bool:
    return name.partition(".")[0] in (OURS, THEIRS)


def _owned(thing: object) -> bool:
    """Is it a module of ours, a class of ours or an object of one?"""
    kind = thing if isinstance(thing, type) else type(thing)
    return _ours(thing.__name__ if isinstance(thing, ModuleType) else kind.__module__)


def _end_with_the_users(frames: TracebackType) -> None:
    last, frame = frames, frames.tb_next
    while frame is not None:
        last = last if inside[frame.tb_frame.f_code.co_filename] else frame
        frame = frame.tb_next
    last.tb_next = None
