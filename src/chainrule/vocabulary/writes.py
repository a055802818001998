"""Words that write parts, into a copy: at positions in some axes, or with a position for each element along one."""

from collections.abc import Sequence
from typing import Any, Self

from chainrule.errors import DtypeError, ShapeError
from chainrule.ops import indexing
from chainrule.ops import shape as shape_ops
from chainrule.spec import shown
from chainrule.vocabulary.carrier import Carrier, axis_of
from chainrule.vocabulary.indexing import EVERYTHING, Indexing


class Writes(Indexing):
    """Words that give a copy of self with parts written; each has a spelling that writes self."""

    __slots__ = ()

    def index_add(self, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Self:
        """A copy of self with the slices of ``alpha`` · ``source`` added to those at ``index`` along ``dim``."""
        source = self._source("index_add", dim, index, source)
        return self._rows("index_add", "add_at", dim, index, source if alpha == 1 else source * alpha)

    def index_copy(self, dim: int, index: Any, source: Any) -> Self:
        """A copy of self in which the slices at ``index`` along ``dim`` are those of ``source``."""
        return self._rows("index_copy", "put_at", dim, index, self._source("index_copy", dim, index, source))

    def index_fill(self, dim: int, index: Any, value: Any) -> Self:
        """A copy of self in which the slices at ``index`` along ``dim`` are ``value``, a number or a 0-d tensor."""
        row: Any = self if self.ndim else self.reshape((1,))
        axis = axis_of(dim, row.ndim)
        held = row.new_zeros((row.shape[axis],))._rows("index_fill", "put_at", 0, index, 1) > 0
        held = held.reshape((1,) * axis + (-1,) + (1,) * (row.ndim - 1 - axis))
        return row.masked_fill(held, value).reshape(self.shape)  # type: ignore[no-any-return]

    def put(self, index: Any, source: Any, accumulate: bool = False) -> Self:
        """A copy of self, whose elements at ``index``, counted in a row, are those of ``source`` or have them added."""
        flat = self.reshape((-1,))
        write = flat.add_at if accumulate else flat.put_at
        return write(source.reshape(index.shape), (index,), (0,)).reshape(self.shape)

    def diagonal_scatter(self, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Self:
        """A copy of self with ``src`` on a diagonal."""
        return self.with_diagonal(src, offset, dim1, dim2)

    def select_scatter(self, src: Any, dim: int, index: int) -> Self:
        """A copy of self with ``src`` as the slice at ``index`` along ``dim``."""
        return self._assigned(src, (EVERYTHING,) * self._axis("select_scatter", dim) + (index,))

    def slice_scatter(self, src: Any, dim: int = 0, start: int | None = None, end: int | None = None,
                      step: int = 1) -> Self:  # fmt: skip
        """A copy of self with ``src`` at ``start:end:step`` along ``dim``."""
        return self._assigned(src, (EVERYTHING,) * self._axis("slice_scatter", dim) + (slice(start, end, step),))

    def _assigned(self, src: Any, key: tuple[Any, ...]) -> Self:
        plain, _ = self._places(key)
        return self.assign(src, ((shape_ops.slice_, (("key", plain),)),))

    def _source(self, name: str, dim: int, index: Any, source: Any) -> Any:
        """``source``, if it has this dtype and a slice for each position."""
        axis = axis_of(dim, self.ndim)
        if source.np_dtype != self.np_dtype:
            raise DtypeError(f"{name}: self ({self.np_dtype}) and source ({source.np_dtype}) must have the same dtype")
        if (source.shape[axis] if source.ndim else 1) != (index.shape[0] if index.ndim else 1):
            raise ShapeError(f"{name}: Number of indices ({shown(index.shape)}) should be equal to source.size(dim): "
                             f"source is {shown(source.shape)}, dim {axis}")
        if source.ndim > 1 and any(a != b for d, (a, b) in enumerate(zip(source.shape, self.shape)) if d != axis):
            raise ShapeError(f"{name}: source tensor shape must match self tensor shape, excluding the specified "
                             f"dimension: {shown(source.shape)} and {shown(self.shape)}, dim {axis}")
        return source

    def index_put(self, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Self:
        """A copy of self in which ``self[indices]`` is ``values``, or with ``accumulate`` has them added."""
        _, places = self._places(tuple(EVERYTHING if i is None else i for i in indices))
        if values.np_dtype != self.np_dtype:
            raise DtypeError("index_put: Index put requires the source and destination dtypes match, got "
                             f"{self.np_dtype} for the destination and {values.np_dtype} for the source")
        write = self.add_at if accumulate else self.put_at
        return write(values, tuple(places.values()), tuple(places))

    def scatter_add(self, dim: int, index: Any, src: Any) -> Self:
        """A copy of self with self[index[i][j]][j] += src[i][j] for ``dim`` 0, and so on: the adjoint of ``gather``."""
        return self._scattered(indexing.scatter_add, dim, index, src)

    def scatter(self, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Self:
        """A copy of self with self[index[i][j]][j] = src[i][j] for ``dim`` 0, and so on; ``src`` may be a number."""
        src = value if src is None else src
        if reduce is None:
            return self._scattered(indexing.scatter, dim, index, src)
        if reduce == "add":
            return self._scattered(indexing.scatter_add, dim, index, src)
        raise NotImplementedError(f"scatter: reduce={reduce!r} is not supported; there are None and 'add'")

    def _scattered(self, op: Any, dim: int, index: Any, src: Any) -> Self:
        if isinstance(src, Carrier) and (src.ndim or index.ndim):
            if src.np_dtype != self.np_dtype:
                raise DtypeError(f"{op.name}(): Expected self.dtype to be equal to src.dtype, got {self.np_dtype} and "
                                 f"{src.np_dtype}; convert src with .to(self.dtype)")
            if src.ndim == index.ndim and any(a < b for a, b in zip(src.shape, index.shape)):
                raise ShapeError(f"{op.name}: Expected index {shown(index.shape)} to be no larger than src "
                                 f"{shown(src.shape)}")
            if src.ndim == index.ndim and src.shape != index.shape:
                src = src[tuple(slice(0, n) for n in index.shape)]  # type: ignore[index]
        return self._apply(op, (self, src, index), dim=axis_of(dim, self.ndim))
