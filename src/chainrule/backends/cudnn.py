"""NVIDIA's library of layers, which chainrule does not use; its settings may be set, and change nothing."""

enabled = deterministic = benchmark = allow_tf32 = False


def is_available() -> bool:
    """False: chainrule computes on the CPU."""
    return False
