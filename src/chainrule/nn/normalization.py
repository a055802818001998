"""Layers of normalisation, with learned scale and shift."""

from typing import Any

import numpy as np

import chainrule.nn.functional as F
from chainrule.nn import init
from chainrule.nn.dense import uninitialized
from chainrule.nn.module import Module
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap


class _Affine(Module):
    """A weight that starts at 1 and a bias that starts at 0, if they are wanted."""

    weight: Any
    bias: Any

    def _register(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: Any) -> None:
        for name, wanted, value in (("weight", weight, 1.0), ("bias", bias, 0.0)):
            if wanted:
                setattr(self, name, init.constant_(uninitialized(*shape, dtype=dtype), value))
            else:
                self.register_parameter(name, None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        for parameter, value in ((self.weight, 1.0), (self.bias, 0.0)):
            if parameter is not None:
                init.constant_(parameter, value)


class LayerNorm(_Affine):
    """Mean 0 and variance 1 over the last axes of each example (Ba et al., 2016)."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
                 device: Any = None, dtype: Any = None):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._register(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(Module):
    """x / √(mean x² + eps) over the last axes, scaled (Zhang and Sennrich, 2019)."""

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True,
                 device: Any = None, dtype: Any = None):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        if elementwise_affine:
            self.weight = init.constant_(uninitialized(*self.normalized_shape, dtype=dtype), 1.0)
        else:
            self.register_parameter("weight", None)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Mean 0 and variance 1 over groups of channels of each example (Wu and He, 2018)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: Any = None, *, bias: bool = True):
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._register((num_channels,), affine, affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class _BatchNorm(_Affine):
    """Mean 0 and variance 1 over the batch; what evaluation uses is gathered in training."""

    dims: tuple[int, ...]

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._register((num_features,), affine, affine and bias, dtype)
        like = uninitialized(num_features, dtype=dtype).detach()
        self.register_buffer("running_mean", like * 0 if track_running_stats else None)
        self.register_buffer("running_var", like * 0 + 1 if track_running_stats else None)
        self.register_buffer("num_batches_tracked", wrap(np.array(0)) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget what was gathered."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, statistics forgotten."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check(self, input: Tensor) -> None:
        if input.ndim not in self.dims:
            raise ValueError(f"expected {' or '.join(f'{d}D' for d in self.dims)} input (got {input.ndim}D input of "
                             f"shape {shown(input.shape)})")

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        momentum: float | Tensor = self.momentum or 0.0
        gathers = self.training and self.track_running_stats
        if gathers:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the plain average of all batches so far
                momentum = 1.0 / self.num_batches_tracked.double()
        own = self.training or self.running_mean is None
        mean, var = (self.running_mean, self.running_var) if gathers or not own else (None, None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, own, momentum, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm1d(_BatchNorm):
    """Batch norm of [N, C] or [N, C, L] (Ioffe and Szegedy, 2015)."""

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch norm of images [N, C, H, W] (Ioffe and Szegedy, 2015)."""

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch norm of volumes [N, C, D, H, W]."""

    dims = (5,)


class _InstanceNorm(_BatchNorm):
    """Mean 0 and variance 1 over each channel of each example, which may also come alone."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype=dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        own = self.training or not self.track_running_stats
        lone = input.ndim == self.dims[0]
        out = F.instance_norm(input.unsqueeze(0) if lone else input, self.running_mean, self.running_var, self.weight,
                              self.bias, own, self.momentum or 0.0, self.eps)
        return out.squeeze(0) if lone else out


class InstanceNorm1d(_InstanceNorm):
    """Mean 0 and variance 1 over each channel of each sequence [N, C, L] or [C, L]."""

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Mean 0 and variance 1 over each channel of each image [N, C, H, W] or [C, H, W]."""

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Mean 0 and variance 1 over each channel of each volume [N, C, D, H, W] or [C, D, H, W]."""

    dims = (4, 5)
