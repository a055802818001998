"""Words for rules and for writes: parts of a tensor, and their adjoints. Users spell these in other ways."""

from typing import Any, Self

from chainrule.ops import indexing, moves, reduction
from chainrule.ops import shape as shape_ops
from chainrule.spec import Size
from chainrule.vocabulary.carrier import Carrier, axis_of

Ints = tuple[int, ...]


class Inner(Carrier):
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
        return self.new_zeros(shape).assign(self, ((shape_ops.slice_, (("key", key),)),))  # type: ignore[attr-defined, no-any-return]

    def with_diagonal(self, value: Any, offset: int, dim1: int, dim2: int) -> Self:
        """A copy of self with ``value`` on a diagonal: with zeros for self, the adjoint of ``diagonal``."""
        params = (("dim1", axis_of(dim1, self.ndim)), ("dim2", axis_of(dim2, self.ndim)), ("offset", offset))
        return self.assign(value, ((moves.diagonal, params),))

    def spread(self, shape: tuple[Size, ...], dim: tuple[int, ...], keepdim: bool) -> Self:
        """A reduction over ``dim`` laid back over the shape it came from: the adjoint of sum."""
        if self.ndim and not keepdim:
            kept = tuple(1 if axis in dim else size for axis, size in enumerate(shape))
            return self.reshape(kept).expand(shape)  # type: ignore[attr-defined, no-any-return]
        return self.expand(shape)  # type: ignore[attr-defined, no-any-return]

    def windows(self, dims: Ints, size: Ints, step: Ints, dilation: Ints) -> Self:
        """The windows of ``size`` elements, ``dilation`` apart, that start every ``step`` elements of the axes ``dims``.

        A view: the axes ``dims`` count the windows, new axes at the end the elements of one.
        """
        return self._apply(moves.windows, (self,), dims=dims, size=size, step=step, dilation=dilation)

    def overlap_add(self, shape: Any, dims: Ints, step: Ints, dilation: Ints) -> Self:
        """Windows laid back over ``shape``, added up where they overlap: the adjoint of ``windows``."""
        return self._apply(moves.overlap_add, (self,), shape=tuple(shape), dims=dims, step=step, dilation=dilation)
