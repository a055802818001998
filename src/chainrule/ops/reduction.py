"""Sums, and the matrix product."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DtypeError, ShapeError
from chainrule.op import Refusal, Sample, general, linear
from chainrule.ops.sampling import array
from chainrule.ops.summation import adder
from chainrule.spec import Spec, broadcast, int64, numel, shown


def summed(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    return (adder(x.shape, x.dtype, dim, keepdim) or any_adder(x, dim, keepdim))(x)


def any_adder(x: Any, dim: tuple[int, ...], keepdim: bool) -> Callable[[Any], Any]:
    """NumPy's own sum, for what has ``x``'s dtype."""
    dtype: Any = None if x.dtype.kind in "fc" else int64.numpy
    reduce: Any = np.add.reduce
    return lambda x: reduce(x, axis=dim, keepdims=keepdim, dtype=dtype)


def averaged(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    add = adder(x.shape, x.dtype, dim, keepdim) or any_adder(x, dim, keepdim)
    return add(x) / (x.size if len(dim) == len(x.shape) else count(x.shape, dim))


def count(shape: tuple[Any, ...], dim: tuple[int, ...]) -> Any:
    """How many elements a reduction folds into one."""
    return numel([shape[d] for d in dim])


def reduced_spec(x: Any, dim: tuple[int, ...], keepdim: bool) -> Spec:
    shape = tuple(1 if axis in dim else size for axis, size in enumerate(x.shape) if keepdim or axis not in dim)
    return Spec(shape, x.dtype if x.dtype.kind in "fc" else int64.numpy)


def mean_spec(x: Any, dim: tuple[int, ...], keepdim: bool) -> Spec:
    if x.dtype.kind not in "fc":
        raise DtypeError(f"could not infer output dtype: the input is {x.dtype}, and a mean is a floating number; "
                         "convert it first, x.float()")
    return reduced_spec(x, dim, keepdim)


def matmul_spec(x: Any, y: Any) -> Spec:
    if x.dtype != y.dtype:
        raise DtypeError(f"expected both matrices to have the same dtype, but got {x.dtype} and {y.dtype}; "
                         "convert one, y.to(x.dtype)")
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(
            f"the shapes {shown(x.shape)} and {shown(y.shape)} do not fit: a row of the first has {x.shape[-1]} "
            f"elements, a column of the second has {y.shape[-2]}; transpose one (.T) or check the order"
        )
    return Spec((*broadcast(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]), x.dtype)


sum = linear("sum", summed, lambda g, x, dim, keepdim: g.spread(x.shape, dim, keepdim), spec=reduced_spec,
             reduces="add", prepared=lambda x, dim, keepdim: (
                 adder(x.shape, x.dtype, dim, keepdim) or any_adder(x, dim, keepdim)), samples=lambda: [
                 Sample((array(*shape),), {"dim": dim, "keepdim": keepdim})
                 for shape, dim in (((), ()), ((3,), (0,)), ((2, 3), (0, 1)), ((2, 3), (1,)), ((2, 3, 2), (0, 2)),
                                    ((0, 3), (0,)), ((2, 3), ()))
                 for keepdim in (False, True)])

mean = linear("mean", averaged,
              lambda g, x, dim, keepdim: (g / count(x.shape, dim)).spread(x.shape, dim, keepdim), spec=mean_spec,
              promotes="checked", composite=lambda x, dim, keepdim: x.sum(dim, keepdim) / count(x.shape, dim),
              samples=lambda: [s for s in sum.samples()
                               if s.inputs[0].size and len(s.params["dim"]) in (1, s.inputs[0].ndim)],
              refuses=lambda: [Refusal((np.arange(3),), RuntimeError, "could not infer output dtype",
                                       {"dim": (0,), "keepdim": False})])

matmul = general("matmul", operator.matmul, vjp=(lambda g, y: g @ y.mT, lambda g, x: x.mT @ g), inputs=("x", "y"),
                 infix="@", promotes="checked", spec=matmul_spec,
                 samples=lambda: [Sample((array(*a), array(*b, seed=1))) for a, b in (
                     ((2, 3), (3, 4)), ((1, 3), (3, 1)), ((5, 2, 3), (3, 2)), ((2, 1, 2, 3), (4, 3, 2)),
                     ((0, 3), (3, 2)), ((2, 0), (0, 3)))],
                 refuses=lambda: [Refusal((array(2, 3), array(2, 3)), RuntimeError, "[2, 3] and [2, 3]"),
                                  Refusal((array(2, 2), np.ones((2, 2), int)), RuntimeError, "same dtype")])
