"""Sums, means, spreads, norms, and what is made of exponentials."""

import math
import warnings
from typing import Any, Self

import numpy as np

from chainrule.errors import DtypeError, ShapeError
from chainrule.ops import ordering, reduction
from chainrule.spec import as_dtype, numel, shown
from chainrule.vocabulary.carrier import Carrier, Dims


class Reductions(Carrier):
    """Words that fold elements together. ``dim`` names the axes to fold: one, several, or with None or () all."""

    __slots__ = ()

    def _in(self, dtype: Any) -> Any:
        """self in the dtype that a word was asked for."""
        return self if dtype is None else self.cast(as_dtype(dtype).numpy)  # type: ignore[attr-defined]

    def sum(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Self:
        """The sum over ``dim``, or of all elements.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
        tensor([4., 6.])
        """
        x: Any = self if dtype is None else self._in(dtype)
        out: Self = x._unary(reduction.sum, dim=self._dims(dim), keepdim=keepdim)
        return out if dtype is None else out._in(dtype)

    def mean(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Self:
        """The arithmetic mean over ``dim``, or of all elements."""
        x: Any = self if dtype is None else self._in(dtype)
        if x.np_dtype.kind not in "fc":
            raise DtypeError(f"mean: could not infer output dtype: the input is {x.np_dtype}, and a mean has a "
                             "floating point or complex dtype; write x.float().mean()")
        return x._unary(reduction.mean, dim=self._dims(dim), keepdim=keepdim)  # type: ignore[no-any-return]

    def prod(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Self:
        """The product over ``dim``, or of all elements."""
        out: Any = self._in(dtype)._unary(reduction.prod, dim=self._dims(dim), keepdim=keepdim)
        return out._in(dtype)  # type: ignore[no-any-return]

    def any(self, dim: Dims = None, keepdim: bool = False) -> Self:
        """Is any element other than 0?"""
        return self._truth(reduction.any_, dim, keepdim)

    def all(self, dim: Dims = None, keepdim: bool = False) -> Self:
        """Are all elements other than 0?"""
        return self._truth(reduction.all_, dim, keepdim)

    def _truth(self, op: Any, dim: Dims, keepdim: bool) -> Self:
        if self.ndim and dim is not None and not isinstance(dim, int) and not len(dim):
            return self.ne(0)  # type: ignore[attr-defined,no-any-return]
        out: Any = self._unary(op, dim=self._dims(dim), keepdim=keepdim)
        return out.cast(self.np_dtype) if self.np_dtype == np.uint8 else out  # type: ignore[no-any-return]

    def count_nonzero(self, dim: Dims = None) -> Self:
        """How many elements are other than 0."""
        return self.ne(0).sum(dim)  # type: ignore[attr-defined,no-any-return]

    def var(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Self:
        """Σ(x − mean)² / (n − ``correction``); the correction is 1, or 0 with ``unbiased=False``.

        >>> import chainrule as torch
        >>> torch.tensor([1.0, 2.0, 6.0]).var()
        tensor(7.)
        """
        apart, free, dims = self._apart(dim, unbiased, correction)
        return (apart * apart).sum(dims, keepdim) / free  # type: ignore[no-any-return]

    def std(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Self:
        """√var; where that is 0, so is its gradient."""
        apart, free, dims = self._apart(dim, unbiased, correction)
        if not free:
            return ((apart * apart).sum(dims, keepdim) / free).sqrt()  # type: ignore[no-any-return]
        return apart._unary(reduction.norm, dim=self._dims(dims), keepdim=keepdim) / math.sqrt(free)  # type: ignore[no-any-return]

    def var_mean(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
                 correction: Any = None) -> tuple[Self, Self]:
        """The variance and the mean."""
        dims = None if isinstance(dim, bool) else dim
        return self.var(dim, unbiased, keepdim, correction=correction), self.mean(dims, keepdim)

    def std_mean(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
                 correction: Any = None) -> tuple[Self, Self]:
        """The standard deviation and the mean."""
        dims = None if isinstance(dim, bool) else dim
        return self.std(dim, unbiased, keepdim, correction=correction), self.mean(dims, keepdim)

    def _apart(self, dim: Any, unbiased: bool, correction: Any) -> tuple[Any, Any, Any]:
        """The distances from the mean, the degrees of freedom, and the axes. A bool as ``dim`` is ``unbiased``."""
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if self.np_dtype.kind not in "fc":
            raise DtypeError(f"var: std and var only support floating point and complex dtypes, not {self.np_dtype}; "
                             "write x.float()")
        dims = self._dims(dim)
        free = reduction.count(self.shape, dims) - (int(unbiased) if correction is None else correction)
        if free <= 0:
            warnings.warn(f"var: degrees of freedom is <= 0: the variance of {shown(self.shape)} over the dims {dims} "
                          "divides by the number of elements less the correction", UserWarning, stacklevel=3)
        return self - self.mean(dims, keepdim=True), max(0, free), dims  # type: ignore[operator]

    def norm(self, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Self:
        """(Σ|x|ᵖ)^(1/p), the Euclidean norm by default; ``p`` may be any number, ∞ and −∞, or ``"fro"`` (2).

        ``p = 0`` counts what is not 0. Where the norm is 0, so is its gradient.
        """
        x: Any = self._in(dtype)
        dims = self._dims(dim)
        if p == "fro" or p is None or p == 2:
            return x._unary(reduction.norm, dim=dims, keepdim=keepdim)  # type: ignore[no-any-return]
        if p == "nuc":
            return self._nuclear(x, dims, keepdim)
        if isinstance(p, str):
            raise RuntimeError(f"norm: {p!r} is not known; p is a number, 'fro' or 'nuc'")
        size = x.abs()
        if math.isinf(p):
            return size.amax(dims, keepdim) if p > 0 else size.amin(dims, keepdim)  # type: ignore[no-any-return]
        if p == 0:
            return x.sign().masked_fill(x != 0, 1).sum(dims, keepdim)  # type: ignore[no-any-return]
        if p == 1:
            return size.sum(dims, keepdim)  # type: ignore[no-any-return]
        gone = x == 0
        total = (size.masked_fill(gone, 1) ** p).masked_fill(gone, 0 if p > 0 else math.inf).sum(dims, keepdim)
        return total ** (1 / p)  # type: ignore[no-any-return]

    def _nuclear(self, x: Any, dims: tuple[int, ...], keepdim: bool) -> Self:
        """The sum of the singular values of matrices."""
        if len(dims) != 2:
            raise ShapeError(f"norm: 'nuc' is a norm of matrices and needs two dims, got {dims} of {shown(x.shape)}")
        batch = [d for d in range(x.ndim) if d not in dims]
        total = x.permute((*batch, *dims)).svdvals().sum(-1)
        return total.reshape(tuple(1 if d in dims else s for d, s in enumerate(x.shape))) if keepdim else total  # type: ignore[no-any-return]

    def softmax(self, dim: int, dtype: Any = None) -> Self:
        """exp(x) / Σ exp(x) along ``dim``: shares that add up to 1.

        >>> import chainrule as torch
        >>> torch.tensor([0.0, 0.0, 0.0, 0.0]).softmax(0)
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
        """
        return self._in(dtype)._unary(reduction.softmax, dim=self._dims(dim))  # type: ignore[no-any-return]

    def log_softmax(self, dim: int, dtype: Any = None) -> Self:
        """log(softmax(x)), computed without leaving the range of the dtype."""
        return self._in(dtype)._unary(reduction.log_softmax, dim=self._dims(dim))  # type: ignore[no-any-return]

    def logsumexp(self, dim: Dims, keepdim: bool = False) -> Self:
        """log Σ exp(x) over ``dim``, computed without leaving the range of the dtype."""
        return self._unary(reduction.logsumexp, dim=self._dims(dim), keepdim=keepdim)

    def amax(self, dim: Dims = (), keepdim: bool = False) -> Self:
        """The largest element over ``dim``; among equals the gradient is shared out evenly."""
        return self._unary(ordering.amax, dim=self._filled("amax", dim), keepdim=keepdim)

    def amin(self, dim: Dims = (), keepdim: bool = False) -> Self:
        """The smallest element over ``dim``; among equals the gradient is shared out evenly."""
        return self._unary(ordering.amin, dim=self._filled("amin", dim), keepdim=keepdim)

    def _filled(self, word: str, dim: Dims) -> tuple[int, ...]:
        """The axes of a word that needs at least one element. Raises ShapeError."""
        if (dim is None or dim == ()) and not numel(self.shape):
            raise ShapeError(f"{word}: Expected reduction dim to be specified for input.numel() == 0; of no elements, "
                             f"as in the shape {shown(self.shape)}, there is no largest or smallest")
        return self._dims(dim)
