"""Quantiles, modes, sums without NaN, running extrema, differences, covariance, and distances."""

import math
from typing import Any, Self

import numpy as np

from chainrule import return_types
from chainrule.errors import DtypeError, ShapeError
from chainrule.spec import numel, shown
from chainrule.vocabulary.carrier import Carrier, Dims, axis_of

INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


class Statistics(Carrier):
    """Words about how elements are distributed, composed of the others."""

    __slots__ = ()

    def nansum(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Self:
        """The sum of what is not NaN."""
        x: Any = self
        return x.masked_fill(x != x, 0).sum(dim, keepdim, dtype=dtype)  # type: ignore[no-any-return]

    def nanmean(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Self:
        """The mean of what is not NaN."""
        x: Any = self
        if x.np_dtype.kind != "f":
            raise DtypeError(f"nanmean: expected input to have floating point dtype but got {x.np_dtype}")
        return x.nansum(dim, keepdim, dtype=dtype) / (x == x).sum(dim, keepdim)  # type: ignore[no-any-return]

    def nanmedian(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The median of what is not NaN."""
        x: Any = self
        if dim is None:
            if not numel(self.shape):
                return x.new_full((), math.nan)
            middle = x.detach().reshape(-1).nanmedian(0).values
            found = (x == middle) | (middle != middle)
            return x.where(found, -math.inf).max() if x.np_dtype.kind == "f" else middle
        if not self.ndim:
            return return_types.nanmedian(x.clone(), x.argsort(dim))
        if not x.shape[axis_of(dim, self.ndim)]:
            raise IndexError(f"nanmedian: Expected reduction dim {dim} to have non-zero size; the shape is "
                             f"{shown(self.shape)}")
        counted = ((x == x).sum(dim, keepdim=True) - 1).clamp(min=0).floor_divide(2)
        places = x.argsort(dim).gather(dim, counted)
        return return_types.nanmedian(*x._at(places, dim, keepdim))

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> Any:
        """(values, indices): the ``k``-th smallest elements along ``dim``, counted from 1."""
        x: Any = self
        size: Any = self.shape[axis_of(dim, self.ndim)] if self.ndim else 1
        if not 0 < k <= size:
            raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: k is {k}, the size "
                               f"{size}")
        order = x.argsort(dim)
        return return_types.kthvalue(*x._at(order.narrow(dim, k - 1, 1) if self.ndim else order, dim, keepdim))

    def mode(self, dim: int = -1, keepdim: bool = False) -> Any:
        """(values, indices): the most frequent elements along ``dim``, of several the smallest, where they are last."""
        x: Any = self
        if not self.ndim:
            return return_types.mode(x.clone(), x.argsort(dim))
        rows = x.detach().movedim(dim, -1)
        count = (rows.unsqueeze(-1) == rows.unsqueeze(-2)).sum(-1)
        frequent = count == count.amax(-1, keepdim=True)
        value = rows.where(frequent, rows.amax(-1, keepdim=True)).amin(-1, keepdim=True)
        last = rows.shape[-1] - 1 - (rows == value).flip(-1).cast(np.dtype("int8")).argmax(-1, keepdim=True)
        return return_types.mode(*x._at(last.movedim(-1, dim), dim, keepdim))

    def quantile(self, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Self:
        """The ``q``-quantiles along ``dim``, or of all; ``q`` is a number or a vector, whose axis then comes first.

        >>> import chainrule as torch
        >>> torch.tensor([4.0, 1.0, 2.0]).quantile(0.25)
        tensor(1.5000)
        """
        return self._quantile("quantile", q, dim, keepdim, interpolation)

    def nanquantile(self, q: Any, dim: int | None = None, keepdim: bool = False, *,
                    interpolation: str = "linear") -> Self:
        """The ``q``-quantiles of what is not NaN."""
        return self._quantile("nanquantile", q, dim, keepdim, interpolation)

    def _quantile(self, name: str, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Self:
        x: Any = self
        if x.np_dtype.kind != "f" or not numel(self.shape):
            raise RuntimeError(f"{name}() input tensor must be either float or double dtype and non-empty, got "
                               f"{x.np_dtype} and {shown(self.shape)}")
        if interpolation not in INTERPOLATIONS:
            raise RuntimeError(f"{name}() interpolation must be one of {', '.join(INTERPOLATIONS)}, but got "
                               f"{interpolation}")
        parts: Any = q if isinstance(q, Carrier) else x.new_full((), q)
        if parts.np_dtype != x.np_dtype or parts.ndim > 1:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor and a scalar or 1D tensor, "
                               f"got {parts.np_dtype} and {shown(parts.shape)}")
        rows = (x.reshape(-1) if dim is None or not self.ndim else x.movedim(dim, -1)).sort(-1).values
        known = (rows == rows).sum(-1, keepdim=True).cast(x.np_dtype)
        rank = parts.reshape(-1) * (known - 1).clamp(min=0)
        if name == "quantile":  # one NaN makes all NaN: it is last
            rank = rank.masked_fill(known < rows.shape[-1], rows.shape[-1] - 1)
        if interpolation in ("lower", "higher", "nearest"):
            rank = {"lower": rank.floor, "higher": rank.ceil, "nearest": rank.round}[interpolation]()
        whole = np.dtype("int64")
        below = rank.detach().floor()
        weight = (rank.ceil() - below) * 0.5 if interpolation == "midpoint" else rank - below
        low, high = rows.gather(-1, below.cast(whole)), rows.gather(-1, rank.detach().ceil().cast(whole))
        out = low.lerp(high, weight).movedim(-1, 0)
        if not self.ndim:
            out = out.reshape(-1)
        elif keepdim:
            out = out.reshape((out.shape[0], *(1,) * self.ndim)) if dim is None else out.unsqueeze(
                axis_of(dim, self.ndim) + 1)
        return out if parts.ndim else out.squeeze(0)  # type: ignore[no-any-return]

    def cummax(self, dim: int) -> Any:
        """(values, indices): the largest element so far along ``dim``, and where it was, the last among equals."""
        x: Any = self
        dims = self._dims(dim)
        return return_types.cummax(x.running_max(dims), x.running_place(dims, True)) if self.ndim else (
            return_types.cummax(x.clone(), x.argsort(dim)))

    def cummin(self, dim: int) -> Any:
        """(values, indices): the smallest element so far along ``dim``, and where it was, the last among equals."""
        x: Any = self
        dims = self._dims(dim)
        return return_types.cummin(x.running_min(dims), x.running_place(dims, False)) if self.ndim else (
            return_types.cummin(x.clone(), x.argsort(dim)))

    def logcumsumexp(self, dim: int) -> Self:
        """Running log Σ exp(x) along ``dim``: a scan by doubling."""
        x: Any = self.clone()
        axis_of(dim, self.ndim)
        if x.np_dtype.kind != "f":
            raise NotImplementedError(f"logcumsumexp: not implemented for {x.np_dtype}; convert it: x.float()")
        step, axis = 1, axis_of(dim, self.ndim)
        while self.ndim and step < x.shape[axis]:
            rest = x.shape[axis] - step
            x = x.narrow(axis, 0, step).cat(x.narrow(axis, step, rest).logaddexp(x.narrow(axis, 0, rest)), dim=axis)
            step *= 2
        return x  # type: ignore[no-any-return]

    def diff(self, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Self:
        """The differences of neighbours along ``dim``, taken ``n`` times.

        >>> import chainrule as torch
        >>> torch.tensor([1, 4, 9]).diff()
        tensor([3, 5])
        """
        x: Any = self
        if not self.ndim:
            raise RuntimeError("diff expects input to be at least one-dimensional")
        if not n:
            return self.clone()
        parts = [p for p in (prepend, x, append) if p is not None]
        x = parts[0].cat(*parts[1:], dim=dim) if len(parts) > 1 else x
        size: Any = x.shape[axis_of(dim, self.ndim)]
        for _ in range(min(n, size)):
            size = x.shape[axis_of(dim, self.ndim)]
            later, sooner = x.narrow(dim, min(1, size), max(size - 1, 0)), x.narrow(dim, 0, max(size - 1, 0))
            x = later ^ sooner if x.np_dtype.kind == "b" else later - sooner
        return x  # type: ignore[no-any-return]

    def cov(self, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Self:
        """The covariances of rows, whose columns are observations, counted or weighted as given."""
        x: Any = self if self.ndim == 2 else self.reshape((1, -1))  # type: ignore[attr-defined]
        if self.ndim > 2:
            raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got {self.ndim} dimensions")
        given = [w for w in (fweights, aweights) if w is not None]
        weight = given[0] if len(given) == 1 else given[0] * given[1] if given else None
        if weight is None:
            total, mean = x.shape[1], x.mean(1, keepdim=True)
        else:
            total = weight.sum()
            mean = (x * weight).sum(1, keepdim=True) / total
        apart = x - mean
        weighted = apart if weight is None else apart * weight
        free: Any = total - correction
        if aweights is not None and correction:
            free = total - correction * (weight * aweights).sum() / total
        free = max(free, 0) if isinstance(free, int) else free.clamp(min=0)
        return (weighted @ apart.mT / free).squeeze()  # type: ignore[no-any-return]

    def corrcoef(self) -> Self:
        """The correlations of rows."""
        c: Any = self.cov()
        if not c.ndim:
            return c / c  # type: ignore[no-any-return]
        spread = c.diagonal().sqrt()
        return c / spread.unsqueeze(1) / spread.unsqueeze(0)  # type: ignore[no-any-return]

    def trapezoid(self, x: Any = None, *, dx: float = 1, dim: int = -1) -> Self:
        """The integral along ``dim`` by the trapezoidal rule, at points ``x`` or ``dx`` apart."""
        return self._trapezoids(x, dx, dim).sum(dim)  # type: ignore[attr-defined,no-any-return]

    trapz = trapezoid

    def cumulative_trapezoid(self, x: Any = None, *, dx: float = 1, dim: int = -1) -> Self:
        """The running integral along ``dim``."""
        return self._trapezoids(x, dx, dim).cumsum(dim)  # type: ignore[attr-defined,no-any-return]

    def _trapezoids(self, x: Any, dx: float, dim: int) -> Self:
        y: Any = self
        size: Any = y.shape[axis_of(dim, y.ndim)]
        heights = y.narrow(dim, min(1, size), max(size - 1, 0)) + y.narrow(dim, 0, max(size - 1, 0))
        if x is None:
            return heights * dx / 2  # type: ignore[no-any-return]
        points = x if x.ndim != 1 else x.reshape((-1,) + (1,) * (y.ndim - 1 - axis_of(dim, y.ndim)))
        return heights * points.diff(dim=dim if x.ndim != 1 else 0) / 2  # type: ignore[no-any-return]

    def renorm(self, p: float, dim: int, maxnorm: float) -> Self:
        """self with its slices along ``dim`` shortened to the ``p``-norm ``maxnorm``."""
        x: Any = self
        length = x.norm(p, [d for d in range(self.ndim) if d != axis_of(dim, self.ndim)], True)
        return x * (maxnorm / (length + 1e-7)).where(length > maxnorm, 1.0)  # type: ignore[no-any-return]

    def dist(self, other: Any, p: float = 2) -> Self:
        """The ``p``-norm of self − other."""
        x: Any = self
        return (x - other).norm(p)  # type: ignore[no-any-return]

    def cdist(self, x2: Any, p: float = 2.0, compute_mode: str = "") -> Self:
        """The ``p``-norms of the differences of each row of self and each of ``x2``."""
        x: Any = self
        if self.ndim < 2 or x2.ndim < 2 or x.shape[-1] != x2.shape[-1]:
            raise ShapeError("cdist: X1 and X2 must be matrices, or batches, with the same number of columns, got "
                             f"{shown(self.shape)} and {shown(x2.shape)}")
        return (x.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)  # type: ignore[no-any-return]

    def trace(self) -> Self:
        """The sum of the diagonal of a matrix."""
        if self.ndim != 2:
            raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {self.ndim}")
        return self.diagonal().sum()  # type: ignore[attr-defined,no-any-return]

    def vdot(self, other: Any) -> Self:
        """The inner product of two 1-d tensors."""
        return self.dot(other)  # type: ignore[attr-defined,no-any-return]

    def kron(self, other: Any) -> Self:
        """The Kronecker product: each element of self times all of ``other``."""
        x: Any = self
        ndim = max(self.ndim, other.ndim)
        left, right = ((1,) * (ndim - v.ndim) + tuple(v.shape) for v in (x, other))
        spread = x.reshape([s for size in left for s in (size, 1)]) * other.reshape([s for n in right for s in (1, n)])
        return spread.reshape(tuple(m * n for m, n in zip(left, right)))  # type: ignore[no-any-return]
