"""Windows of images as columns of a matrix, and back."""

import math
from typing import Any

from chainrule.errors import ShapeError
from chainrule.nn.functional.convolution import per_axis
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of an image (batch, channels, rows, columns) as columns: (batch, channels · window, windows).

    >>> import chainrule as torch
    >>> torch.nn.functional.unfold(torch.arange(9.0).reshape(1, 1, 3, 3), (3, 1))
    tensor([[[0., 1., 2.],
             [3., 4., 5.],
             [6., 7., 8.]]])
    """
    x = _four("unfold", input, 3)
    size, apart, border, step = (per_axis(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = x.pad((border[1], border[1], border[0], border[0])) if any(border) else x
    windows = x.windows((2, 3), size, step, apart)
    places = math.prod(windows.shape[2:4])
    columns = windows.permute(0, 1, 4, 5, 2, 3).reshape((x.shape[0], x.shape[1] * math.prod(size), places))
    return columns if input.ndim == 4 else columns.squeeze(0)


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
         stride: Any = 1) -> Tensor:  # fmt: skip
    """Columns laid back as the windows of an image of ``output_size``, added up where they overlap.

    It is the adjoint of :func:`unfold`, not its inverse. Raises RuntimeError where the columns are not as many as the
    windows.
    """
    x = _four("fold", input, 2)
    out, size, apart, border, step = (per_axis(v, 2) for v in (output_size, kernel_size, dilation, padding, stride))
    padded = [n + 2 * b for n, b in zip(out, border)]
    places = [(n - a * (k - 1) - 1) // s + 1 for n, k, a, s in zip(padded, size, apart, step)]
    if x.shape[2] != math.prod(places) or x.shape[1] % math.prod(size):
        raise ShapeError(f"fold: {shown(input.shape)} does not hold the {math.prod(places)} windows of {list(size)} "
                         f"elements that an image of {list(out)} has{at(user_place())}")
    channels = x.shape[1] // math.prod(size)
    windows = x.reshape((x.shape[0], channels, *size, *places)).permute(0, 1, 4, 5, 2, 3)
    image = windows.overlap_add((*windows.shape[:2], *padded), (2, 3), step, apart)
    image = image[:, :, border[0] : border[0] + out[0], border[1] : border[1] + out[1]]
    return image if input.ndim == 3 else image.squeeze(0)


def _four(name: str, input: Tensor, lone: int) -> Tensor:
    """The input with a batch axis; it may lack one."""
    if input.ndim not in (lone, lone + 1):
        raise ShapeError(f"{name}: expected an input of {lone} or {lone + 1} dimensions, got {shown(input.shape)}"
                         f"{at(user_place())}")
    return input if input.ndim == lone + 1 else input.unsqueeze(0)
