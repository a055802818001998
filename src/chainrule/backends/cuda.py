"""NVIDIA's GPU, which chainrule does not use; its settings may be set, and change nothing."""

from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False)


def is_built() -> bool:
    """False: chainrule computes on the CPU."""
    return False
