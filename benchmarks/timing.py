"""How times are taken: in turns, A B A B, so that a slow moment of the machine falls on both.

What is reported are medians over the turns; of the ratio, the median of the ratios within each turn.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}
WARM_UP = 3
TURNS, PROCESSES = 15, 5

Turns = Sequence[float]
"""The time that something took, in seconds, turn by turn."""
Run = tuple[Callable[[], Any], int]
"""What to call, and how many times in one turn."""
Measure = Callable[[], Sequence[float]]
"""Takes one or more times itself."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``theirs`` is None where the peer is not installed."""

    what: str
    ours: Turns
    peer: str = ""
    theirs: Turns | None = None
    at_most: float | None = None  # ours / theirs
    below: float | None = None  # ours, in seconds

    @property
    def time(self) -> float:
        return median(self.ours)

    @property
    def peer_time(self) -> float | None:
        return median(self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        return median(a / b for a, b in zip(self.ours, self.theirs, strict=True)) if self.theirs else None

    @property
    def met(self) -> bool | None:
        """None for a row without a target, or without the peer it is set against."""
        if self.below is not None:
            return self.time <= self.below
        return None if self.at_most is None or self.ratio is None else self.ratio <= self.at_most


def per_call(*runs: Run | None) -> list[Any]:
    """For each run its times per call, taken in turns; None for one that is not there."""
    gc.collect()
    gc.freeze()  # the modules of all peers are no garbage; no one's time shall hold a search through them
    turns = [[run and _time(*run) for run in runs] for _ in range(WARM_UP + TURNS)]
    return [found if found[0] else None for found in zip(*turns[WARM_UP:])]


def _time(call: Callable[[], Any], count: int) -> float:
    start = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - start) / count


def in_turns(*measures: Measure | None) -> list[Any]:
    """All that each measure finds, one after the other, turn by turn; None for one that is not there.

    The first turn fills the system's file cache and is not counted.
    """
    turns = [[measure() if measure else [None] for measure in measures] for _ in range(1 + PROCESSES)]
    columns = zip(*[[time for found in turn for time in found] for turn in turns[1:]])
    return [found if found[0] else None for found in columns]


def fresh(arguments: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """What a new Python process prints. Raises RuntimeError with its last words where it fails.

    It may keep compiled modules, as an installed package has them: an editable one has none before its first import.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False,
                          env={**inherited, **(environment or {})})  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"a process of its own failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout
