"""Pooling: the largest element or the mean of sliding windows, or of as many windows as are wanted."""

import math
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.nn.functional.convolution import Sizes, batched, bordered, per_axis
from chainrule.nn.functional.naming import recorded_as
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap


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
    x, lone = batched(name, input, spatial)
    size = per_axis(kernel_size, spatial)
    steps = per_axis(stride or size, spatial)
    pads, dilations = per_axis(padding, spatial), per_axis(dilation, spatial)
    borders = _pooled_sizes(name, x, size, steps, pads, dilations, ceil_mode)

    def windows(image: Tensor, border: float) -> Tensor:
        found = bordered(image, borders, border).windows(tuple(range(2, spatial + 2)), size, steps, dilations)
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


@recorded_as("max_pool3d_with_indices")
def max_pool3d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of each window of volumes; the gradient goes to the first that is."""
    return _max_pool("max_pool3d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 3)


def _avg_pool(name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
              count_include_pad: bool, divisor_override: int | None, spatial: int) -> Tensor:
    x, lone = batched(name, input, spatial)
    size = per_axis(kernel_size, spatial)
    steps = per_axis(stride or size, spatial)
    pads, ones = per_axis(padding, spatial), (1,) * spatial
    borders = _pooled_sizes(name, x, size, steps, pads, ones, ceil_mode)
    axes, elements = tuple(range(2, spatial + 2)), tuple(range(-spatial, 0))
    sums = bordered(x, borders).windows(axes, size, steps, ones).sum(elements)
    if divisor_override is not None:
        out = sums / divisor_override
    elif all(after == p for (_, after), p in zip(borders, pads)) and (count_include_pad or not any(pads)):
        out = sums / math.prod(size)
    else:
        # Borders count if asked for; what ceil_mode adds beyond them never does.
        rims = tuple((p, p) if count_include_pad else (0, 0) for p in pads)
        counted = bordered(x.new_full((1, 1, *x.shape[2:]), 1.0), rims, 1.0)
        rest = tuple((before - p, after - q) for (before, after), (p, q) in zip(borders, rims))
        out = sums / bordered(counted, rest).windows(axes, size, steps, ones).sum(elements)
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


def avg_pool3d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of each window of volumes."""
    return _avg_pool("avg_pool3d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
                     3)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · the mean square over ``size`` neighbouring channels)^beta (Krizhevsky et al., 2012)."""
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    squares = (input * input).pad((0,) * (2 * (input.ndim - 2)) + (size // 2, (size - 1) // 2))
    mean = squares.windows((1,), (size,), (1,), (1,)).sum(-1) / size
    return input / (mean * alpha + k) ** beta


def _wanted(input: Tensor, output_size: Any, spatial: int) -> list[int]:
    """How many windows there are to be along each of the last axes."""
    wanted = (output_size,) * spatial if output_size is None or isinstance(output_size, int) else tuple(output_size)
    wanted *= spatial if len(wanted) == 1 else 1
    return [have if size is None else size for size, have in zip(wanted, input.shape[-spatial:])]


def _adaptive(input: Tensor, output_size: Any, spatial: int) -> Tensor:
    out = input
    for axis, size in zip(range(-spatial, 0), _wanted(input, output_size, spatial)):
        have = out.shape[axis]
        if size == have:
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


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows that share the volume out evenly."""
    return _adaptive(input, output_size, 3)


def _adaptive_max(name: str, input: Tensor, output_size: Any, return_indices: bool, spatial: int) -> Any:
    x, lone = batched(name, input, spatial)
    sizes, rows = tuple(x.shape[2:]), []
    for axis, (have, size) in enumerate(zip(sizes, _wanted(x, output_size, spatial))):
        starts, ends = np.arange(size) * have // size, -(-(np.arange(1, size + 1) * have) // size)
        within = starts[:, None] + np.arange(max(ends - starts, default=0))
        place = np.minimum(within, ends[:, None] - 1)  # a shorter window counts its last element again
        rows.append(place.reshape([s if d in (axis, axis + spatial) else 1 for d in range(2 * spatial)
                                   for s in (place.shape[d >= spatial],)]))
    flat = np.ravel_multi_index(np.broadcast_arrays(*rows), sizes)
    places = wrap(flat.reshape((*flat.shape[:spatial], -1)))
    windows = x.reshape((*x.shape[:2], -1))[:, :, places]
    largest = windows.detach().argmax(-1, True)
    out = windows.gather(-1, largest).squeeze(-1)
    out = out.squeeze(0) if lone else out
    if not return_indices:
        return out
    indices = places.expand(windows.shape).gather(-1, largest).squeeze(-1)
    return out, indices.squeeze(0) if lone else indices


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of ``output_size`` windows that share the sequence out evenly."""
    return _adaptive_max("adaptive_max_pool1d", input, output_size, return_indices, 1)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of windows that share the image out evenly."""
    return _adaptive_max("adaptive_max_pool2d", input, output_size, return_indices, 2)
