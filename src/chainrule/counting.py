"""Functions that count and look up, whose answers are positions and so have no gradient; and combinations."""

import itertools
from typing import Any

import numpy as np

from chainrule.creation import made, numpy_dtype
from chainrule.spec import as_dtype, on_cpu, shown
from chainrule.tensors import Tensor, wrap


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """In which interval between the rising ``boundaries`` each element lies.

    >>> import chainrule as torch
    >>> torch.bucketize(torch.tensor([0.5, 2.0]), torch.tensor([1.0, 2.0, 3.0]))
    tensor([0, 1])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def searchsorted(sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Tensor | None = None) -> Tensor:
    """Where each element would have to be put for the rows of ``sorted_sequence`` to stay sorted."""
    rows = np.asarray(sorted_sequence._array("searchsorted"))
    values = np.asarray(input._array("searchsorted") if isinstance(input, Tensor) else input)
    if side is not None and (side not in ("left", "right") or (right and side == "left")):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' and must agree with right, got {side}")
    if sorter is not None:
        rows = np.take_along_axis(rows, np.asarray(sorter._array("searchsorted")), -1)
    where: Any = "right" if right or side == "right" else "left"
    kind = np.dtype("int32" if out_int32 else "int64")
    if rows.ndim == 1:
        return wrap(np.asarray(np.searchsorted(rows, values, where)).astype(kind))
    if rows.shape[:-1] != values.shape[:-1]:
        raise RuntimeError("searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
                           f"boundaries tensor and input value tensor must match, but we got {shown(rows.shape)} and "
                           f"{shown(values.shape)}")
    found: Any = [np.searchsorted(row, value, where)
             for row, value in zip(flat(rows), flat(values), strict=True)]
    return wrap(np.array(found, kind).reshape(values.shape))


def flat(rows: Any) -> Any:
    """A batch of rows as a matrix."""
    return rows.reshape(int(np.prod(rows.shape[:-1])), rows.shape[-1])


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which elements are among ``test_elements``."""
    given, tested = (x._array("isin") if isinstance(x, Tensor) else x for x in (elements, test_elements))
    return wrap(np.asarray(np.isin(given, tested, invert=invert)))


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of ``bins`` intervals from ``min`` to ``max``, by default those of the input."""
    values = np.asarray(input._array("histc")).ravel()
    if values.dtype.kind != "f":
        raise NotImplementedError(f"histc: not implemented for {input.dtype}; write x.float()")
    if bins <= 0 or min > max:
        raise RuntimeError(f"histc: bins must be > 0 and max larger than min, got bins={bins}, min={min}, max={max}")
    low, high = (min, max) if min != max or not values.size else (values.min(), values.max())
    low, high = (low - 1, high + 1) if low == high else (low, high)
    inside = values[(values >= low) & (values <= high)]
    places = ((inside.astype(np.float64) - low) / (float(high) - low) * bins).astype(np.int64)
    return wrap(np.bincount(np.minimum(places, bins - 1), minlength=bins).astype(values.dtype))


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The positions along each axis of elements counted in a row."""
    places = np.asarray(indices._array("unravel_index"))
    if places.dtype.kind not in "iu":
        raise ValueError(f"unravel_index: expected integer type, but got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(int(s) for s in shape)
    found = np.unravel_index(places % max(int(np.prod(sizes)), 1), sizes)
    return tuple(wrap(np.asarray(axis).astype(places.dtype)) for axis in found)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of ``r`` elements of a vector, one a row, in the order of ``itertools``."""
    if input.ndim != 1:
        raise RuntimeError(f"combinations: Expect a 1D vector, but got shape {shown(input.shape)}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(input.shape[0]), r)) if r else (), np.int64)
    return input[wrap(places.reshape((-1, r) if r else (0,)))]


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False,
             **place: Any) -> Tensor:
    """``steps`` powers of ``base``, their exponents evenly spaced from ``start`` to ``end``."""
    on_cpu("logspace", place)
    if steps < 0:
        raise RuntimeError(f"logspace: number of steps must be non-negative, got {steps}")
    first, last = (float(v.item()) if isinstance(v, Tensor) else v for v in (start, end))
    kind = numpy_dtype(dtype)
    if kind.kind in "iu":
        exponents = first + (last - first) / max(steps - 1, 1) * np.arange(steps)
        return made((base**exponents).astype(kind), requires_grad)
    return made((float(base) ** np.linspace(first, last, steps)).astype(kind), requires_grad)


def scalar_tensor(s: Any, *, dtype: Any = None, requires_grad: bool = False, **place: Any) -> Tensor:
    """A 0-d tensor of the default floating dtype, or ``dtype``."""
    on_cpu("scalar_tensor", place)
    return made(np.asarray(s, numpy_dtype(None) if dtype is None else as_dtype(dtype).numpy), requires_grad)


def zero_(input: Tensor) -> Tensor:
    """Every element 0, in place."""
    return input.zero_()


def polygamma(n: int, input: Tensor) -> Tensor:
    """The (n + 1)-th derivative of log Γ."""
    return input.polygamma(n)
