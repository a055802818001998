"""A folder that is replaced whole, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainrule.errors import ChainruleError

MARKER = ".chainrule-demo"
MARK = "Written by 'chainrule demo'. The next run replaces this folder; remove this file to keep the folder.\n"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A fresh folder beside ``target`` that takes its place when the block ends well, and is gone when it does not.

    Raises ChainruleError where ``target`` is something that no earlier run wrote, OSError where nothing can be written.
    """
    target = target.resolve()
    if target.exists() and not _ours(target):
        raise ChainruleError(f"demo: {target} exists and was not written by 'chainrule demo', so it is left alone; "
                             "name another folder with --out DIR")
    fresh, old = (target.with_name(f".{target.name}.{kind}{os.getpid()}") for kind in ("new", "old"))
    fresh.mkdir(parents=True)
    try:
        (fresh / MARKER).write_text(MARK, encoding="utf-8")
        yield fresh
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _ours(target: Path) -> bool:
    """Did an earlier run write it? An empty folder is nobody's."""
    return target.is_dir() and ((target / MARKER).is_file() or not any(target.iterdir()))
