"""The gradient by definition: central differences, in double precision."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DtypeError, GraphError
from chainrule.modes import Switch, quietly
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor, wrap

F64 = np.dtype("float64")


def central_difference(function: Callable[..., Any], *tensors: Tensor, h: float = 1e-6) -> Any:
    """(f(w + h) − f(w − h)) / 2h, for every element of every tensor: one gradient per tensor, a tuple for several.

    ``function`` gets the tensors in order and returns one number. It runs in a mode in which every floating tensor it
    meets is read as float64: in float32, h = 1e-6 would be lost in rounding. The error is of the order of h², and of
    rounding, 1e-16 · f / h. Raises DtypeError for tensors that are not floating, GraphError for a result that is not
    one number.

    >>> import chainrule as torch
    >>> central_difference(lambda w: (w**2).sum(), torch.tensor([1.0, -3.0]))
    tensor([ 2.0000, -6.0000], dtype=torch.float64)
    """
    for k, tensor in enumerate(tensors):
        if tensor.np_dtype.kind != "f":
            raise DtypeError(f"central_difference: tensor {k} is {tensor.dtype}, and a step of {h:g} needs a floating "
                             f"dtype{at(user_place())}; convert it, x.float()")  # fmt: skip
    points = [np.array(tensor._data, F64) for tensor in tensors]
    gradients = []
    for k, point in enumerate(points):
        slopes = np.empty(point.size)
        for i in range(point.size):
            (high, up), (low, down) = [_moved(function, points, k, i, step) for step in (h, -h)]
            slopes[i] = quietly(np.divide, high - low, up - down)
        gradients.append(wrap(slopes.reshape(point.shape)))
    return gradients[0] if len(gradients) == 1 else tuple(gradients)


def _moved(function: Callable[..., Any], points: list[Any], k: int, i: int, step: float) -> tuple[float, float]:
    """The function with element ``i`` of tensor ``k`` moved, and where to."""
    moved = [point.copy() for point in points]
    moved[k].reshape(-1)[i] += step
    with Switch(grad=False, double=True):
        value = function(*map(wrap, moved))
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise GraphError(f"central_difference: the function must return one number, it returned shape "
                             f"{shown(value.shape)}{at(user_place())}; reduce it with .sum() or .mean()")  # fmt: skip
        value = value.item()
    return float(value), float(moved[k].reshape(-1)[i])
