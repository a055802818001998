"""The door of the command line: ``chainrule run SCRIPT`` goes straight to the script, all else to ``commands``."""

import importlib
import sys
from collections.abc import Sequence

from chainrule.runner import run


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["run"] and given[1:] and not given[1].startswith("-"):
        return run(given[1], given[2:])  # without argparse and its like, which would take 10 ms
    status: int = importlib.import_module("chainrule.commands").main(given)
    return status
