"""Moves: the same values, rearranged, repeated, selected, placed or read in another dtype.

A view op's output shares memory with its input. A *chain* is a tuple of (view op, its parameters as sorted
pairs): the way from a tensor to a part of it.
"""

import math
from typing import Any

import numpy as np

from chainrule.errors import PositionError, ShapeError
from chainrule.op import Refusal, Sample, linear
from chainrule.ops.sampling import array
from chainrule.spec import Spec, shown


def expanded(x: Any, shape: tuple[int, ...]) -> Any:
    if x.ndim == 0:
        out = np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
        out.flags.writeable = False
        return out
    return np.broadcast_to(x, shape)


def expand_index(i: tuple[Any, ...], x: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(0 if size == 1 else k for k, size in zip(i[len(i) - x.ndim :], x.shape, strict=True))


def reshape_index(i: tuple[Any, ...], x: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    flat: Any = 0
    for k, size in zip(i, shape, strict=True):
        flat = flat * size + k
    index: list[Any] = []
    for size in reversed(x.shape):
        index.append(flat % size)
        flat = flat // size
    return tuple(reversed(index))


def permute_index(i: tuple[Any, ...], x: Any, dims: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(i[dims.index(axis)] for axis in range(x.ndim))


def numpy_key(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*[slice(*k) if type(k) is tuple else k for k in key], ...)  # the dots keep a 0-d result an array


def slice_spec(x: Any, key: tuple[Any, ...]) -> Spec:
    if sum(k is not None for k in key) > len(x.shape):
        raise PositionError(f"too many indices for tensor of dimension {len(x.shape)}")
    sizes = iter(x.shape)
    shape: list[Any] = []
    for k in key:
        if k is None:
            shape.append(1)
        elif type(k) is tuple:
            shape.append(len(range(*k)) if next(sizes) is not None else 0)
        else:
            next(sizes)
    return Spec((*shape, *sizes), x.dtype)


def slice_index(i: tuple[Any, ...], x: Any, key: tuple[Any, ...]) -> tuple[Any, ...]:
    places = iter(i)
    index: list[Any] = []
    for k in key:
        if k is None:
            next(places)
        elif type(k) is tuple:
            index.append(k[0] + k[2] * next(places))
        else:
            index.append(k)
    return (*index, *places)


def assigned(base: Any, value: Any, chain: tuple[Any, ...]) -> Any:
    out = np.array(base)
    part = out
    for op, params in chain:
        part = op.forward(part, **dict(params))
    part[...] = value
    return out


def casted(x: Any, dtype: Any) -> Any:
    """A copy, its elements in memory in the order of x's; in that of the indices where x repeats some."""
    return x.astype(dtype, order="C" if 0 in x.strides else "K")


def reshape_spec(x: Any, shape: tuple[int, ...]) -> Spec:
    if math.prod(shape) != math.prod(x.shape):
        raise ShapeError(f"the shape {shown(shape)} holds {math.prod(shape)} elements, the input {shown(x.shape)} "
                         f"has {math.prod(x.shape)}")
    return Spec(tuple(shape), x.dtype)


expand = linear("expand", expanded, lambda g, x: g.sum_to_size(x.shape), view=True, index=expand_index,
                spec=lambda x, shape: Spec(shape, x.dtype),
                samples=lambda: [Sample((array(*a),), {"shape": b}) for a, b in (
                    ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1,), (0,)), ((2, 3), (2, 3)))])
reshape = linear("reshape", lambda x, shape: x.reshape(shape), lambda g, x: g.reshape(x.shape), view=True,
                 index=reshape_index, spec=reshape_spec,
                 samples=lambda: [Sample((array(*a),), {"shape": b}) for a, b in (
                     ((6,), (2, 3)), ((2, 3), (3, 2)), ((2, 3), (6,)), ((), (1, 1)), ((0, 2), (3, 0)))],
                 refuses=lambda: [Refusal((array(6),), RuntimeError, "[4]", {"shape": (4,)})])
permute = linear("permute", lambda x, dims: x.transpose(dims), lambda g, dims: g.permute(
                     tuple(dims.index(axis) for axis in range(len(dims)))), view=True, index=permute_index,
                 spec=lambda x, dims: Spec(tuple(x.shape[d] for d in dims), x.dtype),
                 samples=lambda: [Sample((array(*a),), {"dims": d}) for a, d in (
                     ((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((), ()), ((0, 2), (1, 0)))])
slice_ = linear("slice", lambda x, key: x[numpy_key(key)], lambda g, x, key: g.placed(x.shape, key), view=True,
                index=slice_index, spec=slice_spec,
                samples=lambda: [Sample((array(*a),), {"key": k}) for a, k in (
                    ((5,), ((1, 4, 1),)), ((5,), ((0, 5, 2),)), ((2, 3), (1,)), ((2, 3), ((0, 2, 1), 2)),
                    ((2, 3), (None, 0)), ((4, 3), ((1, 1, 1),)), ((), (None,)))])
assign = linear("assign", assigned, (lambda g, value, chain: g.assign(g.new_zeros(value.shape), chain),
                                     lambda g, chain: g.through(chain)), inputs=("base", "value"),
                promotes="", spec=lambda base, value, chain: Spec(base.shape, base.dtype),
                samples=lambda: [Sample((array(*a), array(*b, seed=1)), {"chain": c}) for a, b, c in (
                    ((5,), (2,), ((slice_, (("key", ((1, 3, 1),)),)),)), ((3,), (3,), ()),
                    ((2, 3), (2,), ((permute, (("dims", (1, 0)),)), (slice_, (("key", (1,)),)))))])
cast = linear("cast", casted, lambda g, x: g.cast(x.dtype),
              spec=lambda x, dtype: Spec(x.shape, np.dtype(dtype)), scalar=lambda x, dtype: x.cast(dtype),
              samples=lambda: [Sample((array(2, 3),), {"dtype": np.dtype("float64")}),
                               Sample((array(3) > 0,), {"dtype": np.dtype("float64")})])
