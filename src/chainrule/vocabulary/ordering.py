"""Extrema, medians, order, and running sums and products."""

from math import inf, nan
from typing import Any, Self

import numpy as np

from chainrule import return_types
from chainrule.errors import ShapeError
from chainrule.ops import ordering
from chainrule.spec import as_dtype, numel, shown
from chainrule.vocabulary.carrier import Carrier, axis_of

WHOLE = np.dtype("int64")


class Ordering(Carrier):
    """Words that compare elements along an axis. Places have no gradient; values are gathered from them."""

    __slots__ = ()

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Self:
        """The place of the largest element along ``dim``, the first among equals; without ``dim``, in all of self."""
        return self._place(ordering.argmax, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Self:
        """The place of the smallest element along ``dim``, the first among equals; without ``dim``, in all of self."""
        return self._place(ordering.argmin, dim, keepdim)

    def _place(self, op: Any, dim: int | None, keepdim: bool) -> Self:
        if dim is not None:
            return self._unary(op, dim=self._dims(dim), keepdim=keepdim)
        flat: Any = self.reshape(-1) if self.ndim != 1 else self  # type: ignore[attr-defined]
        out = flat._unary(op, dim=(0,), keepdim=False)
        return out.reshape((1,) * self.ndim) if keepdim else out  # type: ignore[no-any-return]

    def max(self, dim: Any = None, keepdim: bool = False) -> Any:
        """The largest element; with ``dim`` (values, indices) along it; of two tensors the larger elements.

        >>> import chainrule as torch
        >>> torch.tensor([[1.0, 5.0], [7.0, 2.0]]).max(dim=1)
        torch.return_types.max(
        values=tensor([5., 7.]),
        indices=tensor([1, 0]))
        """
        if dim is None:
            self._filled("max", None)  # type: ignore[attr-defined]
            return self._unary(ordering.max)
        if isinstance(dim, Carrier):
            return self.maximum(dim)  # type: ignore[attr-defined]
        return return_types.max(*self._at(self.argmax(dim, keepdim=True), dim, keepdim))

    def min(self, dim: Any = None, keepdim: bool = False) -> Any:
        """The smallest element; with ``dim`` (values, indices) along it; of two tensors the smaller elements."""
        if dim is None:
            self._filled("min", None)  # type: ignore[attr-defined]
            return self._unary(ordering.min)
        if isinstance(dim, Carrier):
            return self.minimum(dim)  # type: ignore[attr-defined]
        return return_types.min(*self._at(self.argmin(dim, keepdim=True), dim, keepdim))

    def aminmax(self, *, dim: int | None = None, keepdim: bool = False) -> Any:
        """The smallest and the largest element."""
        x: Any = self
        return return_types.aminmax(*(extreme(() if dim is None else dim, keepdim) for extreme in (x.amin, x.amax)))

    def _at(self, places: Any, dim: int, keepdim: bool = True) -> tuple[Any, Any]:
        """The elements at ``places`` along ``dim``, and the places."""
        values: Any = self.gather(dim, places) if self.ndim else self.clone()  # type: ignore[attr-defined]
        return (values, places) if keepdim or not self.ndim else (values.squeeze(dim), places.squeeze(dim))

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> Self:
        """The places of the elements in order; equal ones keep theirs."""
        dims = self._dims(dim)
        if not dims:
            return (self != self).cast(WHOLE)  # type: ignore[attr-defined,no-any-return]
        return self._unary(ordering.argsort, dim=dims, descending=descending)

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
        """(values, indices): the elements in order along ``dim``, and where they were; NaN counts as the largest.

        >>> import chainrule as torch
        >>> torch.tensor([3.0, 1.0, 2.0]).sort()
        torch.return_types.sort(
        values=tensor([1., 2., 3.]),
        indices=tensor([1, 2, 0]))
        """
        return return_types.sort(*self._at(self.argsort(dim, descending), dim))

    def msort(self) -> Self:
        """The elements in order along the first axis."""
        return self.sort(0).values  # type: ignore[no-any-return]

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
        """(values, indices): the ``k`` largest or smallest elements along ``dim``, in order."""
        size = self.shape[axis_of(dim, self.ndim)] if self.ndim else 1
        if not 0 <= k <= size:  # type: ignore[operator]
            raise ShapeError(f"topk: selected index k out of range: k is {k}, and {shown(self.shape)} has {size} "
                             f"elements along dimension {dim}")
        order: Any = self.argsort(dim, descending=largest)
        return return_types.topk(*self._at(order.narrow(dim, 0, k) if self.ndim else order, dim))

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The element in the middle, of two the lower; with ``dim`` (values, indices) along it. NaN where there is one.

        Without ``dim`` the gradient is shared out evenly among equals.
        """
        x: Any = self
        if dim is None:
            if not numel(self.shape) and x.np_dtype.kind == "f":
                return x.sum() + nan
            middle = x.detach().reshape(-1).median(0).values
            found = (x == middle) | (x.isnan() & middle.isnan())
            return x.where(found, -inf).max() if x.np_dtype.kind == "f" else middle
        order = self.argsort(dim)
        size: Any = self.shape[axis_of(dim, self.ndim)] if self.ndim else 1
        if not size:
            raise IndexError(f"median: Expected reduction dim {dim} to have non-zero size; the shape is "
                             f"{shown(self.shape)}")
        if not self.ndim:
            return return_types.median(x.clone(), order)
        places: Any = order.narrow(dim, (size - 1) // 2, 1)  # type: ignore[attr-defined]
        if x.np_dtype.kind == "f":
            places = self.argmax(dim, keepdim=True).where(x.isnan().any(dim, keepdim=True), places)  # type: ignore[attr-defined]
        return return_types.median(*self._at(places, dim, keepdim))

    def cumsum(self, dim: int, *, dtype: Any = None) -> Self:
        """Running sums along ``dim``."""
        x: Any = self if dtype is None else self.cast(as_dtype(dtype).numpy)  # type: ignore[attr-defined]
        dims = self._dims(dim)
        out: Any = x._unary(ordering.cumsum, dim=dims) if dims else x.sum(0)
        return out if dtype is None else out.cast(as_dtype(dtype).numpy)  # type: ignore[no-any-return]

    def cumprod(self, dim: int, *, dtype: Any = None) -> Self:
        """Running products along ``dim``: a scan by doubling, so that zeros are like any other number.

        Source: W. D. Hillis and G. L. Steele, "Data parallel algorithms", CACM 29 (1986).
        """
        x: Any = self
        own = x.np_dtype if x.np_dtype.kind in "fc" else WHOLE
        x, step = x.cast(own if dtype is None else as_dtype(dtype).numpy), 1
        (axis,) = x._dims(dim) or (0,)
        while x.ndim and step < x.shape[axis]:
            ones = x.new_full((*x.shape[:axis], step, *x.shape[axis + 1 :]), 1)
            x = x * ones.cat(x.narrow(axis, 0, x.shape[axis] - step), dim=axis)
            step *= 2
        return x.clone() if x is self else x
