"""Extrema, their places, the order of elements, and running sums."""

from typing import Any

import numpy as np

from chainrule.errors import PositionError
from chainrule.op import Refusal, Sample, discrete, general, linear
from chainrule.ops.reduction import folds, kept_spec, rows
from chainrule.ops.sampling import array
from chainrule.spec import Spec, int64, shown

DOUBLE = np.dtype("float64")


def extreme_spec(x: Any, dim: tuple[int, ...], keepdim: bool) -> Spec:
    if any(x.shape[d] == 0 for d in dim):
        raise PositionError(f"Expected reduction dim to have non-zero size: the shape is {shown(x.shape)} and the dim "
                         f"{', '.join(map(str, dim))}; of no elements there is no largest or smallest")
    shape = tuple(1 if axis in dim else size for axis, size in enumerate(x.shape) if keepdim or axis not in dim)
    return Spec(shape, x.dtype)


def whole_spec(x: Any) -> Spec:
    return extreme_spec(x, tuple(range(len(x.shape))), False)


def place_spec(x: Any, dim: tuple[int, ...], keepdim: bool) -> Spec:
    return Spec(extreme_spec(x, dim, keepdim).shape, int64.numpy)


def among_equals(g: Any, x: Any, out: Any) -> Any:
    """The cotangent shared out evenly among the elements that are the extremum, the NaNs if it is NaN."""
    found = (x == out) | (x != x)
    return (g / found.sum()).where(found, 0)


def among_numbers(g: Any, x: Any, out: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    """The same along ``dim``, but NaN equals nothing, and what is shared out among none is NaN for all."""
    found = x == out.spread(x.shape, dim, keepdim)
    count = found.sum(dim, keepdim) if dim else found
    part, rest = ((v / count).spread(x.shape, dim, keepdim) for v in (g, g.new_zeros(g.shape)))
    return part.where(found, rest)


def place(find: Any) -> Any:
    """The place of the first extremum along an axis; NaN is larger and smaller than any number."""
    return lambda x, dim, keepdim: np.asarray(find(x, axis=dim[0], keepdims=keepdim)) if dim else np.zeros((), "int64")


def order(x: Any, dim: tuple[int, ...], descending: bool) -> Any:
    """Places from the smallest to the largest, NaN last; or the other way round. Equal elements keep their order."""
    (axis,) = dim
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.ascontiguousarray(x.shape[axis] - 1 - np.flip(backwards, axis))


def running(x: Any, dim: tuple[int, ...]) -> Any:
    """Running sums, added up in double precision as PyTorch does."""
    if x.dtype.kind in "iub":
        return np.cumsum(x, dim[0], int64.numpy)
    return np.cumsum(x, dim[0], DOUBLE).astype(x.dtype)




def wholes() -> list[Sample]:
    return [Sample((array(*shape),)) for shape in ((), (3,), (2, 3), (2, 1, 2))]


EMPTY = (Refusal((np.zeros((0, 3)),), IndexError, "non-zero size", {"dim": (0,), "keepdim": False}),)
EMPTY_WHOLE = (Refusal((np.zeros((0, 3)),), IndexError, "non-zero size"),)

amax = general("amax", lambda x, dim, keepdim: np.maximum.reduce(x, axis=dim, keepdims=keepdim), (among_numbers,),
               spec=extreme_spec, reduces="maximum", samples=lambda: folds(((0, 3), (1,))), refuses=lambda: EMPTY)
amin = general("amin", lambda x, dim, keepdim: np.minimum.reduce(x, axis=dim, keepdims=keepdim), (among_numbers,),
               spec=extreme_spec, reduces="minimum", samples=lambda: folds(((0, 3), (1,))), refuses=lambda: EMPTY)
max = general("max", np.max, (among_equals,), spec=whole_spec, composite=lambda x: x.amax(), samples=wholes,
              refuses=lambda: EMPTY_WHOLE)
min = general("min", np.min, (among_equals,), spec=whole_spec, composite=lambda x: x.amin(), samples=wholes,
              refuses=lambda: EMPTY_WHOLE)
argmax = discrete("argmax", place(np.argmax), spec=place_spec, promotes="", scalar=None, finds="maximum",
                  refuses=lambda: EMPTY, samples=lambda: [s for s in folds(((0, 3), (1,))) if len(s.params["dim"]) < 2])
argmin = discrete("argmin", place(np.argmin), spec=place_spec, promotes="", scalar=None, finds="minimum",
                  refuses=lambda: EMPTY, samples=lambda: [s for s in folds(((0, 3), (1,))) if len(s.params["dim"]) < 2])
argsort = discrete("argsort", order, spec=lambda x, dim, descending: Spec(x.shape, int64.numpy), promotes="",
                   scalar=None, sorts=True, samples=lambda: [
                       Sample((np.round(s.inputs[0]),), {**s.params, "descending": down})
                       for s in rows()[1:] for down in (False, True)])
running_max = general("running_max", lambda x, dim: np.maximum.accumulate(x, *dim), (
    lambda g, x, dim: g.new_zeros(x.shape).scatter_add(*dim, x.running_place(dim, True), g),), spec=kept_spec,
    scans="maximum", samples=lambda: rows()[1:])
running_min = general("running_min", lambda x, dim: np.minimum.accumulate(x, *dim), (
    lambda g, x, dim: g.new_zeros(x.shape).scatter_add(*dim, x.running_place(dim, False), g),), spec=kept_spec,
    scans="minimum", samples=lambda: rows()[1:])
cumsum = linear("cumsum", running, lambda g, dim: g.flip(dim).cumsum(*dim).flip(dim), scans="add",
                samples=lambda: rows()[1:],
                spec=lambda x, dim: Spec(x.shape, x.dtype if x.dtype.kind in "fc" else int64.numpy))
