"""Times of chainrule beside the peers that are installed, in one run, on one thread.

Exits with 1 where a target is missed or something could not be timed.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from timing import ONE_THREAD, Row

os.environ.update(ONE_THREAD)  # read when NumPy, torch and jax are first imported

from rows import FAMILIES, versions  # imports NumPy

RESULTS = Path(__file__).parent / "RESULTS.md"
PREAMBLE = """\
Taken in turns within one run (`make bench ARGS=--write`): medians of the times, and the median of the ratios of
chainrule's time to the peer's within each turn. Rows without a target show where things stand, losses included."""
HEAD = ("what", "chainrule", "peer", "its time", "ratio", "target", "met")
SIDES = "<><>>><"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", choices=FAMILIES, help=f"one of: {', '.join(FAMILIES)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the times, in seconds, to FILE")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.name}")
    asked = parser.parse_args(argv)
    if asked.write and asked.only:
        parser.error("--write needs all rows; leave out --only")
    print(about(), flush=True)
    rows, failures = measured([asked.only] if asked.only else list(FAMILIES))
    print("", table(rows), *failures, sep="\n")
    if asked.json:
        found = [{**asdict(row), "time": row.time, "peer_time": row.peer_time, "ratio": row.ratio, "met": row.met}
                 for row in rows]
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if asked.write:
        RESULTS.write_text("\n\n".join(["# Times", about(), PREAMBLE, table(rows), *failures, ""]), encoding="utf-8")
    return int(bool(failures) or any(row.met is False for row in rows))


def measured(names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows of these families, and a sentence for each that could not be timed."""
    rows: list[Row] = []
    failures: list[str] = []
    for number, name in enumerate(names):
        if sys.stderr.isatty():
            print(f"\r{number} of {len(names)}: {name} ...\033[K", end="", file=sys.stderr, flush=True)
        try:
            rows.extend(FAMILIES[name]())
        except Exception as error:
            said = str(error).splitlines() or [""]
            failures.append(f"{name}: not available, {type(error).__name__}: {said[0]}")
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return rows, failures


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    target = f"≤ {times(row.at_most)}" if row.at_most else f"≤ {duration(row.below)}" if row.below else ""
    theirs = duration(row.peer_time) if row.peer_time else "not installed" if row.peer else ""
    met = "" if row.met is None else "yes" if row.met else "NO"
    return row.what, duration(row.time), row.peer, theirs, times(row.ratio) if row.ratio else "", target, met


def duration(seconds: float) -> str:
    """Three digits: ``48.1 ms``, ``0.194 µs``."""
    scale, unit = (1, "s") if seconds >= 1 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "µs")
    return f"{float(f'{seconds * scale:.3g}'):g} {unit}"


def times(ratio: float) -> str:
    """``0.35 ×``, and ``1/800`` where a decimal would be hard to read."""
    return f"1/{1 / ratio:.0f}" if ratio < 0.1 else f"{ratio:.2f} ×"


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table that reads well as text, too."""
    body = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*body)]
    rule = ["-" * (w - 1) + (":" if side == ">" else "-") for side, w in zip(SIDES, widths)]
    lines = [[f"{text:{side}{w}}" for text, side, w in zip(line, SIDES, widths)] for line in body]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def about() -> str:
    """The day, the CPU as it names itself, and the versions of all that takes part."""
    found = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, one thread. {found}."


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
