"""Convolution and pooling, composed of sliding windows (a view) with products, means or picks over each window."""

import math
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.nn.functional.naming import recorded_as
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap

Sizes = int | tuple[int, ...]


def per_axis(value: Any, count: int) -> tuple[int, ...]:
    """One number for all axes, or one each."""
    if isinstance(value, int):
        return (value,) * count
    values = tuple(int(v) for v in value)
    return values * count if len(values) == 1 else values


def _batched(name: str, input: Tensor, spatial: int) -> tuple[Tensor, bool]:
    """The input with a batch axis, and whether it lacked one. Raises RuntimeError for any other rank."""
    if input.ndim not in (spatial + 1, spatial + 2):
        raise ShapeError(f"{name}: Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {name}, "
                         f"but got input of size: {shown(input.shape)}{at(user_place())}")
    return (input, False) if input.ndim == spatial + 2 else (input.unsqueeze(0), True)


def _bordered(input: Tensor, padding: tuple[tuple[int, int], ...], value: float = 0.0) -> Tensor:
    """The input with (before, after) elements added along each of its last axes."""
    widths = [width for pair in reversed(padding) for width in pair]
    return input.pad(widths, value=value) if any(widths) else input


def _convolution(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
                 dilation: Any, groups: int) -> Tensor:
    spatial = weight.ndim - 2
    x, lone = _batched(name, input, spatial)
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
    x = _bordered(x, borders)
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


# -- pooling ---------------------------------------------------------------------------------------------------------


def _pooled_sizes(name: str, x: Tensor, size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...],
                  dilation: tuple[int, ...], ceil_mode: bool) -> tuple[tuple[int, int], ...]:
    """The borders that let all windows fit; with ``ceil_mode``, a last one that starts inside may reach out."""
    borders = []
    if 0 in x.shape[1:]:
        raise ShapeError(f"{name}: Expected {x.ndim - 1}D or {x.ndim}D (batch mode) tensor with optional 0 dim batch "
                         f"size for input, but got: {shown(x.shape)}{at(user_place())}; of no elements there is "
                         "nothing to pool")
    for have, k, s, p, d in zip(x.shape[2:], size, stride, padding, dilation):
        if p > k // 2:
            raise RuntimeError(f"{name}: pad should be at most half of effective kernel size, but got pad={p}, "
                               f"kernel_size={k} and dilation={d}")
        span = d * (k - 1) + 1
        steps = have + 2 * p - span
        count = (-(-steps // s) if ceil_mode else steps // s) + 1
        if ceil_mode and (count - 1) * s >= have + p:
            count -= 1
        if count < 1:
            raise ShapeError(f"{name}: the input {shown(x.shape)} is smaller than the window {shown(size)}"
                             f"{at(user_place())}: Output size is too small")
        borders.append((p, max(p, (count - 1) * s + span - have - p)))
    return tuple(borders)


def _max_pool(name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
              return_indices: bool, spatial: int) -> Any:
    x, lone = _batched(name, input, spatial)
    size = per_axis(kernel_size, spatial)
    steps = per_axis(stride or size, spatial)
    pads, dilations = per_axis(padding, spatial), per_axis(dilation, spatial)
    borders = _pooled_sizes(name, x, size, steps, pads, dilations, ceil_mode)

    def windows(image: Tensor, border: float) -> Tensor:
        found = _bordered(image, borders, border).windows(tuple(range(2, spatial + 2)), size, steps, dilations)
        return found.reshape((*found.shape[: spatial + 2], math.prod(size)))

    flat = windows(x, -math.inf)
    largest = flat.detach().argmax(-1, True)
    out = flat.gather(-1, largest).squeeze(-1)
    out = out.squeeze(0) if lone else out
    if not return_indices:
        return out
    numbers = windows(wrap(np.arange(math.prod(x.shape[2:])).reshape((1, 1, *x.shape[2:]))), -1)
    indices = numbers.expand(flat.shape).gather(-1, largest).squeeze(-1)
    return out, indices.squeeze(0) if lone else indices


@recorded_as("max_pool2d_with_indices")
def max_pool1d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of each window of sequences; the gradient goes to the first that is."""
    return _max_pool("max_pool1d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 1)


@recorded_as("max_pool2d_with_indices")
def max_pool2d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of each window of images; the gradient goes to the first that is."""
    return _max_pool("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 2)


def _avg_pool(name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
              count_include_pad: bool, divisor_override: int | None, spatial: int) -> Tensor:
    x, lone = _batched(name, input, spatial)
    size = per_axis(kernel_size, spatial)
    steps = per_axis(stride or size, spatial)
    pads, ones = per_axis(padding, spatial), (1,) * spatial
    borders = _pooled_sizes(name, x, size, steps, pads, ones, ceil_mode)
    axes, elements = tuple(range(2, spatial + 2)), tuple(range(-spatial, 0))
    sums = _bordered(x, borders).windows(axes, size, steps, ones).sum(elements)
    if divisor_override is not None:
        out = sums / divisor_override
    elif all(after == p for (_, after), p in zip(borders, pads)) and (count_include_pad or not any(pads)):
        out = sums / math.prod(size)
    else:
        # Borders count if asked for; what ceil_mode adds beyond them never does.
        rims = tuple((p, p) if count_include_pad else (0, 0) for p in pads)
        counted = _bordered(x.new_full((1, 1, *x.shape[2:]), 1.0), rims, 1.0)
        rest = tuple((before - p, after - q) for (before, after), (p, q) in zip(borders, rims))
        out = sums / _bordered(counted, rest).windows(axes, size, steps, ones).sum(elements)
    return out.squeeze(0) if lone else out


def avg_pool1d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """The mean of each window of sequences."""
    return _avg_pool("avg_pool1d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, None, 1)


def avg_pool2d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of each window of images."""
    return _avg_pool("avg_pool2d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
                     2)


def _adaptive(input: Tensor, output_size: Any, spatial: int) -> Tensor:
    wanted = (output_size,) * spatial if output_size is None or isinstance(output_size, int) else tuple(output_size)
    out = input
    for axis, size in zip(range(-spatial, 0), wanted * (spatial if len(wanted) == 1 else 1)):
        have = out.shape[axis]
        if size is None or size == have:
            continue
        if have % size == 0:
            place = out.ndim + axis
            out = out.reshape((*out.shape[:place], size, have // size, *out.shape[place + 1 :])).mean(place + 1)
        else:
            starts = np.arange(size) * have // size
            ends = -(-(np.arange(1, size + 1) * have) // size)
            k = np.arange(have)[:, None]
            shares = ((k >= starts) & (k < ends)) / (ends - starts)
            out = (out.transpose(axis, -1) @ wrap(shares.astype(out.np_dtype))).transpose(axis, -1)
    return out


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means of ``output_size`` windows that share the sequence out evenly."""
    return _adaptive(input, output_size, 1)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows that share the image out evenly; ``output_size`` is one size or (rows, columns)."""
    return _adaptive(input, output_size, 2)
