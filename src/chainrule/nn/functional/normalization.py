"""Normalisation: values moved and scaled to mean 0 and variance 1, over features, groups or the batch."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from chainrule.errors import ShapeError
from chainrule.modes import Switch
from chainrule.nn.functional.naming import recorded_as
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor


def _standardized(input: Tensor, dim: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """(x − mean) / √(variance + eps) over ``dim``, the mean, and the biased variance."""
    mean = input.mean(dim, True)
    centered = input - mean
    variance = (centered * centered).mean(dim, True)
    return centered * (variance + eps).rsqrt(), mean, variance


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


@recorded_as("native_layer_norm")
def layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over the last axes, whose sizes are ``normalized_shape`` (Ba et al., 2016)."""
    count = _last_axes("layer_norm", input, normalized_shape)
    return _affine(_standardized(input, tuple(range(-count, 0)), eps)[0], weight, bias)


def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
             eps: float | None = None) -> Tensor:
    """x / √(mean x² + eps) over the last axes (Zhang and Sennrich, 2019); eps is that of the dtype by default."""
    count = _last_axes("rms_norm", input, normalized_shape)
    if eps is None:
        eps = {"float32": 2.0**-23, "float64": 2.0**-52, "float16": 2.0**-10}[input.dtype.name]
    return _affine(input * ((input * input).mean(tuple(range(-count, 0)), True) + eps).rsqrt(), weight, None)


def _last_axes(name: str, input: Tensor, normalized_shape: Sequence[int]) -> int:
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ShapeError(f"{name}: Given normalized_shape={list(shape)}, expected input with shape [*, "
                         f"{', '.join(map(str, shape))}], but got input of size {shown(input.shape)}")
    return len(shape)


@recorded_as("native_group_norm")
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over groups of channels of each example (Wu and He, 2018)."""
    batch, channels = input.shape[:2]
    if channels % num_groups:
        raise ShapeError(f"group_norm: Expected number of channels in input to be divisible by num_groups, but got "
                         f"input of shape {shown(input.shape)} and num_groups={num_groups}")
    groups = input.reshape(batch, num_groups, channels // num_groups * math.prod(input.shape[2:]))
    out = _standardized(groups, (2,), eps)[0].reshape(tuple(input.shape))
    return _affine(out, _channels(weight, input.ndim), _channels(bias, input.ndim))


def instance_norm(
    input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None,
    bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over each channel of each example; without ``use_input_stats``, by running statistics."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    over = tuple(range(2, input.ndim))
    out, mean, variance = _standardized(input, over, eps)
    count = math.prod(input.shape[2:])
    _move(((running_mean, mean.mean(0)), (running_var, variance.mean(0) * (count / max(count - 1, 1)))), momentum)
    return _affine(out, _channels(weight, input.ndim), _channels(bias, input.ndim))


def _move(statistics: Iterable[tuple[Tensor | None, Tensor]], momentum: float | Tensor) -> None:
    """Let running statistics go towards those of the batch."""
    with Switch(grad=False):
        for running, seen in statistics:
            if running is not None:
                running.mul_(1 - momentum).add_(seen.detach().reshape(-1) * momentum)


def _channels(weight: Any, ndim: int) -> Any:
    """A vector over channels as something that broadcasts along axis 1."""
    return weight if weight is None or ndim == 2 else weight.reshape((1, -1) + (1,) * (ndim - 2))


@recorded_as("native_batch_norm")
def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float | Tensor = 0.1, eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the batch, per channel (Ioffe and Szegedy, 2015).

    In training with the batch's own statistics, and the running ones move towards them by ``momentum`` (the variance
    unbiased); otherwise with the running statistics.
    """
    ndim = input.ndim
    if not input.numel():
        return input.clone()
    if training:
        over = tuple(axis for axis in range(ndim) if axis != 1)
        count = input.numel() // max(input.shape[1], 1)
        if count < 2:
            raise ValueError(f"batch_norm: Expected more than 1 value per channel when training, got input size "
                             f"{input.shape}{at(user_place())}; a batch of one has no spread: use a larger batch "
                             "(DataLoader(drop_last=True) leaves out a last one that is short), or model.eval()")
        out, mean, variance = _standardized(input, over, eps)
        _move(((running_mean, mean), (running_var, variance * (count / (count - 1)))), momentum)
    else:
        if running_mean is None or running_var is None:
            raise ValueError("Expected running_mean and running_var to be defined when training=False")
        scale = (running_var + eps).rsqrt()
        out = (input - _channels(running_mean, ndim)) * _channels(scale, ndim)
    return _affine(out, _channels(weight, ndim), _channels(bias, ndim))
