"""``torch.utils``."""

from chainrule.utils import data

__all__ = ["data"]
