"""Layers that widen the last dimensions: with a constant, or with what stands at the border."""

from typing import Any, ClassVar

import chainrule.nn.functional as F
from chainrule.nn.module import Module
from chainrule.tensors import Tensor


class _Pad(Module):
    """``padding``: how much before and after each dimension, the last one first; a number for all."""

    dimensions: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Any):
        super().__init__()
        self.padding = (padding,) * (2 * self.dimensions) if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(_Pad):
    """A border of one value."""

    mode = "constant"

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """A border of zeros."""

    def __init__(self, padding: Any):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


def _layer(name: str, base: type[_Pad], **own: Any) -> Any:
    dimensions = int(name[-2])
    return type(name, (base,), {"dimensions": dimensions, "__doc__": base.__doc__, "__module__": __name__, **own})


ConstantPad1d, ConstantPad2d, ConstantPad3d = (_layer(f"ConstantPad{n}d", _ConstantPad) for n in (1, 2, 3))
ZeroPad1d, ZeroPad2d, ZeroPad3d = (_layer(f"ZeroPad{n}d", _ZeroPad) for n in (1, 2, 3))
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = (
    _layer(f"ReflectionPad{n}d", _Pad, mode="reflect") for n in (1, 2, 3))
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = (
    _layer(f"ReplicationPad{n}d", _Pad, mode="replicate") for n in (1, 2, 3))
CircularPad1d, CircularPad2d, CircularPad3d = (_layer(f"CircularPad{n}d", _Pad, mode="circular") for n in (1, 2, 3))
