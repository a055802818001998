"""Initial values of parameters. Every function fills its tensor in place, unrecorded, and returns it."""

import math
import warnings
from typing import Any

import numpy as np

from chainrule.generator import Generator
from chainrule.modes import Switch
from chainrule.random import randperm
from chainrule.tensors import Tensor, wrap

unrecorded = Switch(grad=False)


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """The factor by which a nonlinearity shrinks the standard deviation of its input. Raises ValueError.

    >>> calculate_gain("relu") == 2 ** 0.5
    True
    """
    if nonlinearity in ("linear", "sigmoid", "conv1d", "conv2d", "conv3d"):
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input. Raises ValueError below two dimensions."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: its shape is "
                         f"{list(tensor.shape)}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform in [a, b)."""
    with unrecorded:
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal around ``mean``."""
    with unrecorded:
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every element ``val``."""
    with unrecorded:
        return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Every element 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Every element 1."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with unrecorded:
        tensor.zero_()
        for k in range(min(tensor.shape)):
            tensor[k, k] = 1.0
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform with variance gain² · 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(fans(tensor)))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with variance gain² · 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(sum(fans(tensor)))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = fans(tensor)[mode.lower() == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Generator | None = None) -> Tensor:
    """Uniform with variance gain² / fan (He et al., 2015)."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Generator | None = None) -> Tensor:
    """Normal with variance gain² / fan (He et al., 2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Generator | None = None) -> Tensor:
    """Normal around ``mean``, within [a, b]: drawn anew until they are.

    What is drawn are normal numbers, or where most of them would lie outside, uniform ones, kept with a probability
    that is proportional to the density.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
                      "incorrect.", stacklevel=2)
    inside = sum(sign * math.erf((bound - mean) / std / math.sqrt(2.0)) / 2 for sign, bound in ((1, b), (-1, a)))
    fresh = tensor.detach().clone()
    with unrecorded:
        if inside > 0.3:
            low, high = (float(tensor.np_dtype.type(bound)) for bound in (a, b))
            tensor.normal_(mean, std, generator=generator)
            while bool((outside := (tensor < low) | (tensor > high)).any()):
                tensor.copy_(fresh.normal_(mean, std, generator=generator).where(outside, tensor))
            return tensor
        highest = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
        pending = tensor == tensor
        while bool(pending.any()):
            tensor.copy_(fresh.uniform_(a, b, generator=generator).where(pending, tensor))
            log_density = ((fresh - mean) / std) ** 2 * -0.5 - highest
            pending = pending & (fresh.uniform_(generator=generator).log() > log_density)
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A matrix with orthonormal rows or columns, ``gain`` long (Saxe et al., 2014): Q of a normal matrix's QR.

    Axes from the second on count as one. Raises ValueError below two dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    with unrecorded:
        drawn = np.asarray(tensor.new_zeros((rows, columns)).normal_(0, 1, generator=generator)._array("orthogonal_"))
        q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
        q = q * np.sign(np.diag(r))
        return tensor.copy_(wrap((q.T if rows < columns else q).reshape(tuple(tensor.shape)))).mul_(gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal around 0, with a share ``sparsity`` of each column set to 0 (Martens, 2010)."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    gone = math.ceil(sparsity * tensor.shape[0])
    with unrecorded:
        tensor.normal_(0, std, generator=generator)
        for column in range(tensor.shape[1]):
            tensor[randperm(tensor.shape[0])[:gone], column] = 0
    return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution that passes its input channels on: 1 at the middle of filter k for channel k."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    each, middle = tensor.shape[0] // groups, tuple(size // 2 for size in tensor.shape[2:])
    with unrecorded:
        tensor.zero_()
        for group in range(groups):
            for k in range(min(each, tensor.shape[1])):
                tensor[(group * each + k, k, *middle)] = 1
    return tensor
