"""There is no accelerator here: what a script asks before it decides where to run."""


def is_available() -> bool:
    """False: chainrule computes on the CPU."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None."""


def device_count() -> int:
    """0."""
    return 0
