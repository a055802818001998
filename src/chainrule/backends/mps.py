"""Apple's GPU, which chainrule does not use."""


def is_available() -> bool:
    """False: chainrule computes on the CPU."""
    return False


def is_built() -> bool:
    """False."""
    return False
