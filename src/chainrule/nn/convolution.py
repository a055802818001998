"""Layers of convolution, and of its adjoint."""

import math
from typing import Any

import chainrule.nn.functional as F
from chainrule.nn import init
from chainrule.nn.dense import reset_bias, uninitialized
from chainrule.nn.functional.convolution import per_axis
from chainrule.nn.module import Module
from chainrule.tensors import Tensor


class _Conv(Module):
    """What convolutions of any number of axes share."""

    spatial: int
    convolve: Any

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None):
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError("padding_mode must be one of ['zeros', 'reflect', 'replicate', 'circular'], but got "
                             f"padding_mode='{padding_mode}'")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(kernel_size, self.spatial)
        self.stride = per_axis(stride, self.spatial)
        self.padding = padding if isinstance(padding, str) else per_axis(padding, self.spatial)
        self.dilation = per_axis(dilation, self.spatial)
        self.output_padding = (0,) * self.spatial
        self.groups = groups
        self.padding_mode = padding_mode
        self.weight = uninitialized(*self.channels(), *self.kernel_size, dtype=dtype)
        if bias:
            self.bias = uninitialized(out_channels, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def channels(self) -> tuple[int, int]:
        """The first two sizes of the weight."""
        return self.out_channels, self.in_channels // self.groups

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in ±1 / √(inputs of one output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        reset_bias(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            if isinstance(padding, str):
                spans = [d * (k - 1) if padding == "same" else 0 for d, k in zip(self.dilation, self.kernel_size)]
                borders = [(span // 2, span - span // 2) for span in spans]
            else:
                borders = [(p, p) for p in padding]
            input, padding = F.pad(input, [p for pair in reversed(borders) for p in pair], self.padding_mode), 0
        return type(self).convolve(  # type: ignore[no-any-return]
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        none, one = (0,) * self.spatial, (1,) * self.spatial
        text += f", padding={self.padding}" if self.padding != none else ""
        text += f", dilation={self.dilation}" if self.dilation != one else ""
        text += f", output_padding={self.output_padding}" if self.output_padding != none else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class Conv1d(_Conv):
    """Learned kernels slid over sequences [N, C, L]."""

    spatial = 1
    convolve = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Learned kernels slid over images [N, C, H, W]."""

    spatial = 2
    convolve = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Learned kernels slid over volumes [N, C, D, H, W]."""

    spatial = 3
    convolve = staticmethod(F.conv3d)


class _ConvTranspose(_Conv):
    """What adjoints of convolutions share."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None):
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         device, dtype)
        self.output_padding = per_axis(output_padding, self.spatial)

    def channels(self) -> tuple[int, int]:
        """The first two sizes of the weight."""
        return self.in_channels, self.out_channels // self.groups

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return type(self).convolve(  # type: ignore[no-any-return]
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives ``output_size``."""
        pads: Any = self.padding
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in zip(
            input.shape[-self.spatial:], self.stride, pads, self.dilation, self.kernel_size)]
        extra = tuple(int(want) - low for want, low in zip(tuple(output_size)[-self.spatial:], least))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            raise ValueError(f"requested an output size of {output_size}, but valid sizes range from {least} to "
                             f"{[low + s - 1 for low, s in zip(least, self.stride)]}")
        return extra


class ConvTranspose1d(_ConvTranspose):
    """The adjoint of ``Conv1d``: learned kernels laid down at each element."""

    spatial = 1
    convolve = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The adjoint of ``Conv2d``: learned kernels laid down at each pixel."""

    spatial = 2
    convolve = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """The adjoint of ``Conv3d``."""

    spatial = 3
    convolve = staticmethod(F.conv_transpose3d)
