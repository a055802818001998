"""How many threads PyTorch's scripts ask for."""

import os

_chosen = {"intra": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1), "inter": os.cpu_count() or 1}


def set_num_threads(count: int) -> None:
    """Remember a number of threads. NumPy's matrix products read theirs from the environment when NumPy is imported
    (``OPENBLAS_NUM_THREADS``); everything else runs on one thread. Raises RuntimeError unless it is positive."""
    if not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {count}")
    _chosen["intra"] = count


def get_num_threads() -> int:
    """The number last set, at first ``OMP_NUM_THREADS`` or the number of cores."""
    return _chosen["intra"]


def get_num_interop_threads() -> int:
    """The number of cores."""
    return _chosen["inter"]
