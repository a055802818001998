"""Settings of hardware that is not here: scripts ask whether it is there, and set what it would do."""

from chainrule.backends import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]
