"""Sums, products, norms, exponential averages, and the matrix product.

``dim`` is always the sorted tuple of the axes that are folded together; ``keepdim`` leaves them with size 1.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DtypeError, ShapeError
from chainrule.op import Refusal, Sample, discrete, general, linear
from chainrule.ops.sampling import array
from chainrule.ops.summation import HALF, SINGLE, adder, averager
from chainrule.spec import Spec, bool_, broadcast, int64, numel, shown


def in_single(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Half precision is for keeping numbers: what is computed in several steps is computed in single and rounded."""

    def widened(x: Any, **params: Any) -> Any:
        return forward(x, **params) if x.dtype != HALF else forward(x.astype(SINGLE), **params).astype(HALF)

    return widened


def summed(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    return adder(x.shape, x.dtype, dim, keepdim)(x)


def averaged(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    return averager(x.shape, x.dtype, dim, keepdim)(x)


def multiplied(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    dtype: Any = None if x.dtype.kind in "fc" else int64.numpy
    reduce: Any = np.multiply.reduce
    return reduce(x, axis=dim, keepdims=keepdim, dtype=dtype)


def shares(x: Any, dim: tuple[int, ...]) -> Any:
    weights = np.exp(x - peak(x, dim))
    return weights / summed(weights, dim, True)


def shares_in_words(x: Any, dim: tuple[int, ...]) -> Any:
    weights = (x - peak_in_words(x, dim)).exp()
    return weights / weights.sum(dim, keepdim=True)


def log_shares(x: Any, dim: tuple[int, ...]) -> Any:
    shifted = x - peak(x, dim)
    return shifted - np.log(summed(np.exp(shifted), dim, True))


def log_shares_in_words(x: Any, dim: tuple[int, ...]) -> Any:
    shifted = x - peak_in_words(x, dim)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


def log_of_sum(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    top = peak(x, dim)
    top = np.where(np.abs(top) == np.inf, x.dtype.type(0), top)
    return np.log(summed(np.exp(x - top), dim, keepdim)) + top.reshape(reduced_spec(x, dim, keepdim).shape)


def log_of_sum_in_words(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    top = peak_in_words(x, dim)
    top = top.masked_fill(top.abs() == np.inf, 0)
    return (x - top).exp().sum(dim, keepdim).log() + top.reshape(reduced_spec(x, dim, keepdim).shape)


def peak(x: Any, dim: tuple[int, ...]) -> Any:
    """What the exponents are taken relative to; of nothing it does not matter."""
    return np.maximum.reduce(x, axis=dim, keepdims=True, initial=-np.inf)


def peak_in_words(x: Any, dim: tuple[int, ...]) -> Any:
    return x.sum(dim, keepdim=True) if 0 in [x.shape[d] for d in dim] else x.amax(dim, keepdim=True)


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


def truth_spec(x: Any, dim: tuple[int, ...], keepdim: bool) -> Spec:
    return Spec(reduced_spec(x, dim, keepdim).shape, bool_.numpy)


def kept_spec(x: Any, dim: tuple[int, ...]) -> Spec:
    return Spec(x.shape, x.dtype)


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


def folds(*extra: tuple[tuple[int, ...], tuple[int, ...]]) -> list[Sample]:
    """Shapes with the axes to fold, with and without keepdim."""
    usual = (((), ()), ((3,), (0,)), ((2, 3), (0, 1)), ((2, 3), (1,)), ((2, 3, 2), (0, 2)))
    return [Sample((array(*shape),), {"dim": dim, "keepdim": keepdim})
            for shape, dim in (*usual, *extra) for keepdim in (False, True)]


def rows() -> list[Sample]:
    """Shapes with one axis to share out."""
    return [Sample((array(*shape),), {"dim": dim}) for shape, dim in
            (((), ()), ((3,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3, 2), (1,)), ((0, 3), (1,)),
             ((0, 3), (0,)))]


sum = linear("sum", summed, lambda g, x, dim, keepdim: g.spread(x.shape, dim, keepdim), spec=reduced_spec,
             reduces="add", prepared=lambda x, dim, keepdim: adder(x.shape, x.dtype, dim, keepdim),
             samples=lambda: folds(((0, 3), (0,)), ((2, 3), ())))
mean = linear("mean", averaged,
              lambda g, x, dim, keepdim: (g / count(x.shape, dim)).spread(x.shape, dim, keepdim), spec=mean_spec,
              promotes="checked", composite=lambda x, dim, keepdim: x.sum(dim, keepdim) / count(x.shape, dim),
              samples=folds,
              refuses=lambda: [Refusal((np.arange(3),), RuntimeError, "could not infer output dtype",
                                       {"dim": (0,), "keepdim": False})])
prod = general("prod", multiplied, (lambda g, x, dim, keepdim: g.spread(x.shape, dim, keepdim) * x.others(dim),),
               spec=reduced_spec, reduces="mul", samples=lambda: folds(((0, 3), (0,)), ((4, 5), (1,))))
norm = general("norm", in_single(lambda x, dim, keepdim: np.sqrt(summed(x * x, dim, keepdim))),
               (lambda g, x, out, dim, keepdim:
                x * (g / out).masked_fill(out == 0, 0).spread(x.shape, dim, keepdim),), spec=reduced_spec,
               promotes="float", refuses_kinds="biu", samples=folds,
               composite=lambda x, dim, keepdim: (x * x).sum(dim, keepdim).sqrt())
any_ = discrete("any", lambda x, dim, keepdim: np.logical_or.reduce(x, axis=dim, keepdims=keepdim), spec=truth_spec,
                promotes="", scalar=None, reduces="add", samples=lambda: folds(((0, 3), (0,))))
all_ = discrete("all", lambda x, dim, keepdim: np.logical_and.reduce(x, axis=dim, keepdims=keepdim), spec=truth_spec,
                promotes="", scalar=None, reduces="mul", samples=lambda: folds(((0, 3), (0,))))

softmax = general("softmax", in_single(shares),
                  (lambda g, out, dim: out * (g - (g * out).sum(dim, keepdim=True)),), spec=kept_spec,
                  promotes="float", refuses_kinds="biu", composite=shares_in_words, samples=rows)
log_softmax = general("log_softmax", in_single(log_shares),
                      (lambda g, out, dim: g - out.exp() * g.sum(dim, keepdim=True),), spec=kept_spec,
                      promotes="float", refuses_kinds="biu", composite=log_shares_in_words, samples=rows)
logsumexp = general("logsumexp", in_single(log_of_sum),
                    (lambda g, x, out, dim, keepdim: g.spread(x.shape, dim, keepdim)
                     * (x - out.spread(x.shape, dim, keepdim)).exp(),), spec=reduced_spec, promotes="float",
                    composite=log_of_sum_in_words, samples=folds)

matmul = general("matmul", operator.matmul, vjp=(lambda g, y: g @ y.mT, lambda g, x: x.mT @ g), inputs=("x", "y"),
                 infix="@", promotes="checked", spec=matmul_spec,
                 samples=lambda: [Sample((array(*a), array(*b, seed=1))) for a, b in (
                     ((2, 3), (3, 4)), ((1, 3), (3, 1)), ((5, 2, 3), (3, 2)), ((2, 1, 2, 3), (4, 3, 2)),
                     ((0, 3), (3, 2)), ((2, 0), (0, 3)))],
                 refuses=lambda: [Refusal((array(2, 3), array(2, 3)), RuntimeError, "[2, 3] and [2, 3]"),
                                  Refusal((array(2, 2), np.ones((2, 2), int)), RuntimeError, "same dtype")])


def affine_of(x: Any, weight: Any, bias: Any) -> Any:
    out = x @ weight.T
    out += bias
    return out


def affine_spec(x: Any, weight: Any, bias: Any) -> Spec:
    if not x.dtype == weight.dtype == bias.dtype:
        raise DtypeError(f"expected the input, the weight and the bias to have the same dtype, but got {x.dtype}, "
                         f"{weight.dtype} and {bias.dtype}; convert them, x.to(weight.dtype)")
    if len(weight.shape) != 2 or x.shape[-1] != weight.shape[1] or bias.shape != weight.shape[:1]:
        raise ShapeError(
            f"an input of shape {shown(x.shape)}, a weight of {shown(weight.shape)} and a bias of {shown(bias.shape)} "
            "do not fit: the weight is [outputs, inputs], the input's last size is the inputs, the bias's the outputs"
        )
    return Spec((*x.shape[:-1], weight.shape[0]), x.dtype)


affine = general("affine", affine_of, (lambda g, weight: g @ weight,
                                       lambda g, x: g.flatten(0, -2).mT @ x.flatten(0, -2), lambda g: g),
                 inputs=("x", "weight", "bias"), promotes="checked", spec=affine_spec,
                 composite=lambda x, weight, bias: x @ weight.mT + bias,
                 samples=lambda: [Sample((array(*a), array(*b, seed=1), array(b[0], seed=2))) for a, b in (
                     ((2, 3), (4, 3)), ((1, 1), (1, 1)), ((5, 2, 3), (4, 3)), ((0, 3), (2, 3)))],
                 refuses=lambda: [Refusal((array(2, 3), array(4, 2), array(4)), RuntimeError, "[4, 2]")])
