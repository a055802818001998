"""``torch.utils``."""

from chainrule.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
