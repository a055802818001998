"""There is no GPU here: what a script asks before it decides where to run."""

from typing import Any


def is_available() -> bool:
    """False: chainrule computes on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def is_initialized() -> bool:
    """False."""
    return False


def manual_seed(seed: int) -> None:
    """Nothing to seed, as with PyTorch where there is no GPU."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed, as with PyTorch where there is no GPU."""


def empty_cache() -> None:
    """Nothing to free."""


def synchronize(device: Any = None) -> None:
    """Raises RuntimeError: there is nothing to wait for."""
    raise RuntimeError("cuda.synchronize: chainrule computes on the CPU only; guard it with torch.cuda.is_available()")
