"""Images, sequences and volumes in another resolution: interpolation, and channels as pixels."""

import math
from typing import Any

import numpy as np

from chainrule.nn.functional.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap

LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
NEAREST = {"nearest": 0.0, "nearest-exact": 0.5}
AREA = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)


def interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """The input [N, C, ...] in another ``size``, or ``scale_factor`` times as large.

    ``mode`` is ``"nearest"``, ``"nearest-exact"``, ``"linear"`` of sequences, ``"bilinear"`` or ``"bicubic"`` of
    images, ``"trilinear"`` of volumes, or ``"area"``, the mean. With ``align_corners`` the outermost pixels stay.

    >>> import chainrule as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    spatial = input.ndim - 2
    if align_corners is not None and mode not in LINEAR:
        raise ValueError("align_corners option can only be set with the interpolating modes: "
                         "linear | bilinear | bicubic | trilinear")
    if (size is None) == (scale_factor is None):
        raise ValueError("only one of size or scale_factor should be defined, and one of them")
    if spatial not in (1, 2, 3) or LINEAR.get(mode, spatial) != spatial or (
            mode not in LINEAR and mode not in NEAREST and mode != "area"):
        raise NotImplementedError("Input Error: Only 3D, 4D and 5D input Tensors supported (got "
                                  f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
                                  f"area | nearest-exact (got {mode})")
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not supported")
    given = size if size is not None else scale_factor
    wanted: Any = tuple(given) if isinstance(given, (tuple, list)) else (given,) * spatial
    if len(wanted) != spatial:
        raise ValueError("Input and output must have the same number of spatial dimensions, but got input with "
                         f"spatial dimensions of {shown(input.shape[2:])} and {given}")
    scales: Any = (None,) * spatial
    if size is None:
        scales = wanted if not recompute_scale_factor else scales
        wanted = tuple(math.floor(float(have) * factor) for have, factor in zip(input.shape[2:], wanted))
    if mode == "area":
        return AREA[spatial - 1](input, wanted)
    out = input
    for axis, (have, want, factor) in enumerate(zip(input.shape[2:], wanted, scales), 2):
        taps = _taps(input.np_dtype, mode, int(have), int(want), factor, bool(align_corners))
        shape = (-1,) + (1,) * (input.ndim - 1 - axis)
        parts = [(out.index_select(axis, wrap(np.clip(places, 0, have - 1))), weights) for places, weights in taps]
        out = sum((part * wrap(weights.reshape(shape)) for part, weights in parts[1:]),
                  parts[0][0] if mode in NEAREST else parts[0][0] * wrap(parts[0][1].reshape(shape)))
    return out


def _taps(kind: np.dtype[Any], mode: str, have: int, want: int, factor: float | None,
          align: bool) -> list[tuple[Any, Any]]:
    """Which elements make up the wanted ones, and with what weights."""
    real: Any = kind.type if mode not in NEAREST else np.float32
    k = np.arange(want).astype(real)
    if align:
        at = k * real((have - 1) / (want - 1) if want > 1 else 0)
    else:
        scale = real(1.0 / factor if factor else have / want)
        at = (k + real(NEAREST[mode])) * scale if mode in NEAREST else scale * (k + real(0.5)) - real(0.5)
        at = at if mode == "bicubic" else np.maximum(at, 0)
    below = np.floor(at)
    place, t = below.astype(np.int64), at - below
    if mode in NEAREST:
        return [(place, np.ones_like(t))]
    if mode != "bicubic":
        place = np.minimum(place, have - 1)
        return [(place, 1 - t), (place + 1, t)]
    return [(place + j, _cubic(np.abs(t - j))) for j in (-1, 0, 1, 2)]


def _cubic(x: Any, a: float = -0.75) -> Any:
    """The cubic convolution kernel (R. G. Keys, IEEE Trans. Acoustics, Speech and Signal Processing 29(6), 1981)."""
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, far).astype(x.dtype)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels [.., C · r², H, W] as pixels [.., C, H · r, W · r] (Shi et al., 2016)."""
    r = upscale_factor
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}")
    n = len(batch)
    apart = input.reshape((*batch, channels // (r * r), r, r, height, width))
    return apart.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2).reshape(
        (*batch, channels // (r * r), height * r, width * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels [.., C, H · r, W · r] as channels [.., C · r², H, W]: the inverse of ``pixel_shuffle``."""
    r = downscale_factor
    *batch, channels, height, width = input.shape
    if height % r or width % r:
        raise RuntimeError("pixel_unshuffle expects height and width to be divisible by downscale_factor, but they "
                           f"are {height} and {width}, and it is {r}")
    n = len(batch)
    apart = input.reshape((*batch, channels, height // r, r, width // r, r))
    return apart.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3).reshape(
        (*batch, channels * r * r, height // r, width // r))
