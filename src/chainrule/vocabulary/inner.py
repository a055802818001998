"""Words for rules and for writes: parts of a tensor, and their adjoints. Users spell these in other ways."""

from typing import Any, Self

from chainrule.ops import indexing, moves, ordering, reduction
from chainrule.ops import shape as shape_ops
from chainrule.spec import Size, int64, numel
from chainrule.vocabulary.carrier import axis_of
from chainrule.vocabulary.decompositions import Decompositions

Ints = tuple[int, ...]


class Inner(Decompositions):
    """Words that PyTorch does not have, neither as functions nor as methods."""

    __slots__ = ()

    def at(self, indices: tuple[Any, ...], dims: tuple[int, ...]) -> Self:
        """The elements at positions ``indices`` of the axes ``dims``; NumPy's rule says where the new axes stand."""
        return self._apply(indexing.index, (self, *indices), dims=dims)

    def put_at(self, value: Any, indices: tuple[Any, ...], dims: tuple[int, ...]) -> Self:
        """A copy of self with ``value`` at the positions."""
        return self._apply(indexing.index_put, (self, value, *indices), dims=dims)

    def add_at(self, value: Any, indices: tuple[Any, ...], dims: tuple[int, ...]) -> Self:
        """A copy of self with ``value`` added at the positions, as often as they occur: the adjoint of ``at``."""
        return self._apply(indexing.index_add, (self, value, *indices), dims=dims)

    def affine(self, weight: Any, bias: Any) -> Self:
        """self @ weight.mT + bias, one op for speed: what a layer of a network computes."""
        return self._apply(reduction.affine, (self, weight, bias))

    def assign(self, value: Any, chain: tuple[Any, ...]) -> Self:
        """A copy of self in which the part that ``chain`` leads to is ``value``."""
        return self._apply(shape_ops.assign, (self, value), chain=chain)

    def through(self, chain: tuple[Any, ...]) -> Self:
        """The part of self that ``chain`` leads to."""
        part = self
        for op, params in chain:
            part = part._apply(op, (part,), **dict(params))
        return part

    def placed(self, shape: tuple[Size, ...], key: tuple[Any, ...]) -> Self:
        """Zeros of ``shape`` with self at ``key``: the adjoint of a slice."""
        return self.new_zeros(shape).assign(self, ((shape_ops.slice_, (("key", key),)),))

    def with_diagonal(self, value: Any, offset: int, dim1: int, dim2: int) -> Self:
        """A copy of self with ``value`` on a diagonal: with zeros for self, the adjoint of ``diagonal``."""
        params = (("dim1", axis_of(dim1, self.ndim)), ("dim2", axis_of(dim2, self.ndim)), ("offset", offset))
        return self.assign(value, ((moves.diagonal, params),))

    def spread(self, shape: tuple[Size, ...], dim: tuple[int, ...], keepdim: bool) -> Self:
        """A reduction over ``dim`` laid back over the shape it came from: the adjoint of sum."""
        if self.ndim and not keepdim:
            kept = tuple(1 if axis in dim else size for axis, size in enumerate(shape))
            return self.reshape(kept).expand(shape)
        return self.expand(shape)

    def windows(self, dims: Ints, size: Ints, step: Ints, dilation: Ints) -> Self:
        """The windows of ``size`` elements, ``dilation`` apart, that start every ``step`` elements of axes ``dims``.

        A view: the axes ``dims`` count the windows, new axes at the end the elements of one.
        """
        return self._unary(moves.windows, dims=dims, size=size, step=step, dilation=dilation)

    def overlap_add(self, shape: Any, dims: Ints, step: Ints, dilation: Ints) -> Self:
        """Windows laid back over ``shape``, added up where they overlap: the adjoint of ``windows``."""
        sizes = self.shape[len(shape) :]
        if all((s, apart) == (n, 1) and shape[d] == n * self.shape[d]
               for d, n, s, apart in zip(dims, sizes, step, dilation)):  # they lie side by side
            order = (k for d in range(len(shape)) for k in (d, *(len(shape) + j for j, e in enumerate(dims) if e == d)))
            return self.permute(tuple(order)).reshape(tuple(shape))
        return self._unary(moves.overlap_add, shape=tuple(shape), dims=dims, step=step, dilation=dilation)

    def running_max(self, dim: tuple[int, ...]) -> Self:
        """The largest element so far along one axis; NaN from the first one on."""
        return self._unary(ordering.running_max, dim=dim)

    def running_min(self, dim: tuple[int, ...]) -> Self:
        """The smallest element so far along one axis; NaN from the first one on."""
        return self._unary(ordering.running_min, dim=dim)

    def running_place(self, dim: tuple[int, ...], largest: bool) -> Any:
        """Where the largest or smallest element so far is, the last among equals; NaN is either."""
        x: Any = self
        best = x.running_max(dim) if largest else x.running_min(dim)
        counted: Any = self._full(self.shape, 1)
        places = counted.cast(int64.numpy).cumsum(*dim) - 1
        return places.where((x == best) | (x != x), 0).running_max(dim)

    def others(self, dim: tuple[int, ...]) -> Self:
        """For each element the product of all the others along ``dim``, without a division: zeros do no harm.

        A tree of pairs: the others of an element are its neighbour and the others of the two together.
        """
        x: Any = self
        front = tuple(axis for axis in range(x.ndim) if axis not in dim)
        moved = x.permute((*front, *dim))
        rows = _others(moved.reshape((*(x.shape[a] for a in front), numel(x.shape[d] for d in dim))))
        back = sorted(range(x.ndim), key=(*front, *dim).__getitem__)
        return rows.reshape(moved.shape).permute(tuple(back))  # type: ignore[no-any-return]


def _others(x: Any) -> Any:
    """The products of the others in each row."""
    size = x.shape[-1]
    if size < 2:
        return x**0  # 1, and like all products a function of x, whose gradient is 0 and not missing
    if size % 2:
        return _others(x.cat(x.new_full((*x.shape[:-1], 1), 1), dim=-1)).narrow(-1, 0, size)
    pairs = x.reshape((*x.shape[:-1], size // 2, 2))
    left, right = pairs.narrow(-1, 0, 1), pairs.narrow(-1, 1, 1)
    around = _others((left * right).squeeze(-1)).unsqueeze(-1)
    return (around * right).cat(around * left, dim=-1).reshape(x.shape)
