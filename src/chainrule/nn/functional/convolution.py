"""Convolution and its adjoint, composed of sliding windows (a view) and products with each window."""

import math
from typing import Any

from chainrule.errors import ShapeError
from chainrule.nn.functional.naming import recorded_as
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor

Sizes = int | tuple[int, ...]


def per_axis(value: Any, count: int) -> tuple[int, ...]:
    """One number for all axes, or one each."""
    if isinstance(value, int):
        return (value,) * count
    values = tuple(int(v) for v in value)
    return values * count if len(values) == 1 else values


def batched(name: str, input: Tensor, spatial: int) -> tuple[Tensor, bool]:
    """The input with a batch axis, and whether it lacked one. Raises RuntimeError for any other rank."""
    if input.ndim not in (spatial + 1, spatial + 2):
        raise ShapeError(f"{name}: Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {name}, "
                         f"but got input of size: {shown(input.shape)}{at(user_place())}")
    return (input, False) if input.ndim == spatial + 2 else (input.unsqueeze(0), True)


def bordered(input: Tensor, padding: tuple[tuple[int, int], ...], value: float = 0.0) -> Tensor:
    """The input with (before, after) elements added along each of its last axes."""
    widths = [width for pair in reversed(padding) for width in pair]
    return input.pad(widths, value=value) if any(widths) else input


def _convolution(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
                 dilation: Any, groups: int) -> Tensor:
    spatial = weight.ndim - 2
    x, lone = batched(name, input, spatial)
    size = tuple(weight.shape[2:])
    strides, dilations = per_axis(stride, spatial), per_axis(dilation, spatial)
    if weight.shape[1] * groups != x.shape[1] or weight.shape[0] % groups:
        raise ShapeError(f"{name}: Given groups={groups}, weight of size {shown(weight.shape)}, expected input"
                         f"{shown(input.shape)} to have {weight.shape[1] * groups} channels, but got {x.shape[1]} "
                         f"channels instead{at(user_place())}")
    if padding == "valid":
        padding = 0
    if padding == "same":
        if any(s != 1 for s in strides):
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
        spans = [d * (k - 1) for d, k in zip(dilations, size)]
        borders = tuple((span // 2, span - span // 2) for span in spans)
    else:
        borders = tuple((p, p) for p in per_axis(padding, spatial))
    x = bordered(x, borders)
    _check_fits(name, x, size, dilations)
    axes = tuple(range(2, spatial + 2))
    windows = x.windows(axes, size, strides, dilations)
    batch, channels, *places = windows.shape[: spatial + 2]
    elements = tuple(range(spatial + 2, 2 * spatial + 2))
    columns = windows.permute(0, 1, *elements, *axes).reshape(
        (batch, groups, channels // groups * math.prod(size), math.prod(places)))
    kernels = weight.reshape((groups, weight.shape[0] // groups, -1))
    out = (kernels @ columns).reshape((batch, weight.shape[0], *places))
    if bias is not None:
        out = out + bias.reshape((-1,) + (1,) * spatial)
    return out.squeeze(0) if lone else out


def _check_fits(name: str, x: Tensor, size: tuple[int, ...], dilation: tuple[int, ...]) -> None:
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, size)]
    if any(have < span for have, span in zip(x.shape[2:], spans)):
        raise ShapeError(f"{name}: Calculated padded input size per channel: {shown(x.shape[2:])}. Kernel size: "
                         f"{shown(spans)}. Kernel size can't be greater than actual input size{at(user_place())}")


@recorded_as("convolution")
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes | str = 0,
           dilation: Sizes = 1, groups: int = 1) -> Tensor:
    """Cross-correlation of sequences [N, C, L] with kernels [O, C / groups, K]."""
    return _convolution("conv1d", input, weight, bias, stride, padding, dilation, groups)


@recorded_as("convolution")
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes | str = 0,
           dilation: Sizes = 1, groups: int = 1) -> Tensor:
    """Cross-correlation of images [N, C, H, W] with kernels [O, C / groups, KH, KW].

    >>> import chainrule as torch
    >>> torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolution("conv2d", input, weight, bias, stride, padding, dilation, groups)


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with borders; ``pad`` counts from the last axis: (left, right, top, bottom, …)."""
    return input.pad(pad, mode, value)


@recorded_as("convolution")
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes | str = 0,
           dilation: Sizes = 1, groups: int = 1) -> Tensor:
    """Cross-correlation of volumes [N, C, D, H, W] with kernels [O, C / groups, KD, KH, KW]."""
    return _convolution("conv3d", input, weight, bias, stride, padding, dilation, groups)


# -- the adjoint -----------------------------------------------------------------------------------------------------


def _transposed(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
                output_padding: Any, groups: int, dilation: Any) -> Tensor:
    spatial = weight.ndim - 2
    x, lone = batched(name, input, spatial)
    if weight.shape[0] != x.shape[1] or x.shape[1] % groups:
        raise ShapeError(f"{name}: Given transposed=1, weight of size {shown(weight.shape)}, expected input"
                         f"{shown(input.shape)} to have {weight.shape[0]} channels, but got {x.shape[1]} channels "
                         f"instead{at(user_place())}")
    size, outputs = tuple(weight.shape[2:]), weight.shape[1] * groups
    steps, pads = per_axis(stride, spatial), per_axis(padding, spatial)
    extra, apart = per_axis(output_padding, spatial), per_axis(dilation, spatial)
    if any(e >= s and e >= d for e, s, d in zip(extra, steps, apart)):
        raise RuntimeError(f"{name}: output padding must be smaller than either stride or dilation, but got "
                           f"output_padding={extra}, stride={steps} and dilation={apart}")
    batch, places = x.shape[0], tuple(x.shape[2:])
    kernels = weight.reshape((groups, weight.shape[0] // groups, -1))
    columns = kernels.mT @ x.reshape((batch, groups, x.shape[1] // groups, math.prod(places)))
    windows = columns.reshape((batch, outputs, *size, *places))
    axes, elements = range(2 + spatial, 2 + 2 * spatial), range(2, 2 + spatial)
    full = tuple((n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(places, steps, apart, size))
    out = windows.permute(0, 1, *axes, *elements).overlap_add((batch, outputs, *full), tuple(elements), steps, apart)
    if any(pads) or any(extra):
        out = out.pad([width for p, e in zip(reversed(pads), reversed(extra)) for width in (-p, e - p)])
    if bias is not None:
        out = out + bias.reshape((-1,) + (1,) * spatial)
    return out.squeeze(0) if lone else out


@recorded_as("convolution")
def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes = 0,
                     output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1) -> Tensor:
    """The adjoint of ``conv1d``: kernels [C, O / groups, K] laid down at each element, added up where they overlap."""
    return _transposed("conv_transpose1d", input, weight, bias, stride, padding, output_padding, groups, dilation)


@recorded_as("convolution")
def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes = 0,
                     output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1) -> Tensor:
    """The adjoint of ``conv2d``: kernels [C, O / groups, KH, KW] laid down at each pixel.

    >>> import chainrule as torch
    >>> torch.nn.functional.conv_transpose2d(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2))
    tensor([[[[1., 2., 1.]]]])
    """
    return _transposed("conv_transpose2d", input, weight, bias, stride, padding, output_padding, groups, dilation)


@recorded_as("convolution")
def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes = 0,
                     output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1) -> Tensor:
    """The adjoint of ``conv3d``."""
    return _transposed("conv_transpose3d", input, weight, bias, stride, padding, output_padding, groups, dilation)
