"""More moves: joining, mirroring, diagonals, triangles and sliding windows."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from chainrule.errors import ShapeError
from chainrule.op import Refusal, Sample, linear
from chainrule.ops.sampling import array
from chainrule.spec import Spec, shown

Dims = tuple[int, ...]


def cat_spec(*xs: Any, dim: int) -> Spec:
    first = xs[0]
    for k, x in enumerate(xs):
        if len(x.shape) != len(first.shape):
            raise ShapeError(f"Tensors must have same number of dimensions: got {len(first.shape)} and {len(x.shape)}: "
                             f"{shown(first.shape)} and {shown(x.shape)} (number {k})")
        if x.shape[:dim] + x.shape[dim + 1 :] != first.shape[:dim] + first.shape[dim + 1 :]:
            raise ShapeError(f"Sizes of tensors must match except in dimension {dim}: got {shown(first.shape)} and "
                             f"{shown(x.shape)} (number {k} in the list)")
    return Spec((*first.shape[:dim], sum(x.shape[dim] for x in xs), *first.shape[dim + 1 :]), first.dtype)


def flip_index(i: Dims, x: Any, dims: Dims) -> tuple[Any, ...]:
    return tuple(x.shape[d] - 1 + -1 * k if d in dims else k for d, k in enumerate(i))


# -- diagonals and triangles -----------------------------------------------------------------------------------------


def diagonal_of(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    out = x.diagonal(offset, dim1, dim2)
    out.flags.writeable = x.flags.writeable
    return out


def diagonal_spec(x: Any, offset: int, dim1: int, dim2: int) -> Spec:
    length = max(0, min(x.shape[dim1] + min(offset, 0), x.shape[dim2] - max(offset, 0)))
    return Spec((*(s for d, s in enumerate(x.shape) if d not in (dim1, dim2)), length), x.dtype)


def diagonal_index(i: tuple[Any, ...], x: Any, offset: int, dim1: int, dim2: int) -> tuple[Any, ...]:
    rest = iter(i[:-1])
    at = {dim1: i[-1] + max(-offset, 0), dim2: i[-1] + max(offset, 0)}
    return tuple(at[d] if d in at else next(rest) for d in range(x.ndim))


def triangle(upper: bool) -> Any:
    """Zeros but for the elements whose column minus row is at least (for the lower triangle at most) ``diagonal``."""

    def kept(x: Any, diagonal: int) -> Any:
        rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1])
        beyond = columns - rows - diagonal
        return np.where(beyond >= 0 if upper else beyond <= 0, x, x.dtype.type(0))

    return kept


# -- windows ---------------------------------------------------------------------------------------------------------


def windows_of(x: Any, dims: Dims, size: Dims, step: Dims, dilation: Dims) -> Any:
    shape: Any = windows_spec(x, dims, size, step, dilation).shape
    strides = list(x.strides)
    for d, s in zip(dims, step):
        strides[d] *= s
    inner = [x.strides[d] * apart for d, apart in zip(dims, dilation)]
    distinct = all(s > apart * (n - 1) for n, s, apart in zip(size, step, dilation))
    return as_strided(x, shape, (*strides, *inner), writeable=distinct and x.flags.writeable)


def windows_spec(x: Any, dims: Dims, size: Dims, step: Dims, dilation: Dims) -> Spec:
    shape = list(x.shape)
    for d, n, s, apart in zip(dims, size, step, dilation):
        shape[d] = (x.shape[d] - apart * (n - 1) - 1) // s + 1
        if n < 0 or s < 1 or apart * (n - 1) + 1 > x.shape[d]:
            raise ShapeError(f"a window of {n} elements, {apart} apart, does not fit in dimension {d} of "
                             f"{shown(x.shape)} (step {s})")
    return Spec((*shape, *size), x.dtype)


def windows_index(i: tuple[Any, ...], x: Any, dims: Dims, size: Dims, step: Dims, dilation: Dims) -> tuple[Any, ...]:
    index = list(i[: x.ndim])
    for d, k, s, apart in zip(dims, i[x.ndim :], step, dilation):
        index[d] = s * index[d] + apart * k
    return tuple(index)


def overlapped(x: Any, shape: Dims, dims: Dims, step: Dims, dilation: Dims) -> Any:
    out = np.zeros(shape, x.dtype)
    size = x.shape[len(shape) :]
    for place in np.ndindex(size):
        key = [slice(None)] * len(shape)
        for d, k, s, apart in zip(dims, place, step, dilation):
            key[d] = slice(k * apart, k * apart + s * (x.shape[d] - 1) + 1, s)
        out[tuple(key)] += x[(..., *place)]
    return out


# -- the records -----------------------------------------------------------------------------------------------------


def windows_samples() -> list[Sample]:
    return [Sample((array(*shape),), {"dims": dims, "size": size, "step": step, "dilation": dilation})
            for shape, dims, size, step, dilation in (
                ((6,), (0,), (3,), (1,), (1,)), ((2, 7), (1,), (2,), (3,), (1,)), ((7, 2), (0,), (3,), (2,), (2,)),
                ((2, 5, 4), (1, 2), (3, 2), (1, 2), (1, 1)), ((4,), (0,), (1,), (2,), (1,)))]  # fmt: skip


def overlap_samples() -> list[Sample]:
    """The windows of the samples above, to be laid back."""
    return [Sample((np.array(windows_of(*s.inputs, **s.params)),),
                   {"shape": s.inputs[0].shape, **{k: v for k, v in s.params.items() if k != "size"}})
            for s in windows_samples()]  # fmt: skip


cat = linear("cat", lambda *xs, dim: np.concatenate(xs, dim),
             lambda g, xs, dim, i: g.narrow(dim, sum(x.shape[dim] for x in xs[:i]), xs[i].shape[dim]),
             inputs=("*xs",), promotes="common", spec=cat_spec,
             samples=lambda: [Sample(tuple(array(*s, seed=k) for k, s in enumerate(shapes)), {"dim": d})
                              for shapes, d in ((((2, 3), (1, 3)), 0), (((2, 3), (2, 1), (2, 0)), 1), (((2,),), 0),
                                                (((1, 2, 2), (1, 2, 2)), 2))],
             refuses=lambda: [Refusal((array(2, 3), array(3)), RuntimeError, "[2, 3] and [3]", {"dim": 0}),
                              Refusal((array(2, 3), array(2, 4)), RuntimeError, "[2, 3] and [2, 4]", {"dim": 0})])
flip = linear("flip", lambda x, dims: np.array(np.flip(x, dims)), lambda g, dims: g.flip(dims), index=flip_index,
              spec=lambda x, dims: x, samples=lambda: [Sample((array(*a),), {"dims": d}) for a, d in (
                  ((3,), (0,)), ((2, 3), (1,)), ((2, 3, 2), (0, 2)), ((0, 2), (0,)), ((), ()))])
diagonal = linear("diagonal", diagonal_of,
                  lambda g, x, offset, dim1, dim2: g.new_zeros(x.shape).with_diagonal(g, offset, dim1, dim2), view=True,
                  index=diagonal_index, spec=diagonal_spec,
                  samples=lambda: [Sample((array(*a),), {"offset": o, "dim1": d, "dim2": e}) for a, o, d, e in (
                      ((3, 3), 0, 0, 1), ((2, 4), 1, 0, 1), ((4, 2), -1, 0, 1), ((2, 3, 4), 1, 2, 0),
                      ((2, 2), 5, 0, 1))])
tril = linear("tril", triangle(False), lambda g, diagonal: g.tril(diagonal), spec=lambda x, diagonal: x,
              keeps=lambda i, x, diagonal: i[-2] + -1 * i[-1] + diagonal,
              samples=lambda: [Sample((array(*a),), {"diagonal": d}) for a, d in (
                  ((3, 3), 0), ((2, 4), 1), ((2, 3, 2), -1), ((0, 2), 0))])
triu = linear("triu", triangle(True), lambda g, diagonal: g.triu(diagonal), spec=lambda x, diagonal: x,
              keeps=lambda i, x, diagonal: i[-1] + -1 * i[-2] + -diagonal,
              samples=tril.samples)
windows = linear("windows", windows_of, lambda g, x, dims, step, dilation: g.overlap_add(x.shape, dims, step, dilation),
                 view=True, index=windows_index, spec=windows_spec, samples=windows_samples,
                 refuses=lambda: [Refusal((array(3),), RuntimeError, "does not fit", {
                     "dims": (0,), "size": (4,), "step": (1,), "dilation": (1,)})])
overlap_add = linear("overlap_add", overlapped, lambda g, x, shape, dims, step, dilation: g.windows(
                         dims, x.shape[len(shape):], step, dilation),
                     spec=lambda x, shape, dims, step, dilation: Spec(shape, x.dtype), samples=overlap_samples)
