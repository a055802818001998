"""What PyTorch's scripts ask of speed against exactness. Here nothing is traded: the same program, the same numbers."""

_chosen = {"deterministic": False, "precision": "highest"}
PRECISIONS = ("highest", "high", "medium")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the choice. Every algorithm here is deterministic."""
    _chosen["deterministic"] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What was chosen last, at first False."""
    return bool(_chosen["deterministic"])


def set_float32_matmul_precision(precision: str) -> None:
    """Remember the choice; products are in full precision. Raises RuntimeError for another word than PyTorch's."""
    if precision not in PRECISIONS:
        raise RuntimeError(f"set_float32_matmul_precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    _chosen["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What was chosen last, at first ``"highest"``."""
    return str(_chosen["precision"])
