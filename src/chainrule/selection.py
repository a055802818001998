"""Selections by value: keys that hold masks and lists, writes to parts, ``nonzero``, ``unique``, ``bincount``.

A mixin of ``Tensor``. What stands here has to look at the numbers, so a symbol does not have these words.
"""

import math
import warnings
from collections.abc import Callable
from numbers import Number
from typing import Any, Self

import numpy as np

from chainrule.attributes import Values
from chainrule.errors import PositionError
from chainrule.modes import current
from chainrule.ops.indexing import index_spec, overwrite, stored
from chainrule.ops.shape import slice_
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.vocabulary import Vocabulary
from chainrule.vocabulary.indexing import Positions, plain_key

NUMBERS = (int, float, bool)


class Selection(Values):
    """Words that select elements by their values, and writes to what a key selects."""

    _write: Callable[..., Self]
    _edge: Callable[[], Any]
    _shared: Callable[[], Any]
    copy_: Callable[[Any], Self]
    _base: Any
    _chain: Any

    def _positions(self, k: Any) -> Any:
        if isinstance(k, Selection):
            dtype = k.np_dtype
            if dtype.kind == "b" or dtype == np.uint8:
                return self._mask(k)
            if dtype not in (np.int64, np.int32):
                raise PositionError("index: tensors used as indices must be long, int, byte or bool tensors, not "
                                    f"{k.dtype}{at(user_place())}")
            return Positions((k,)) if k.ndim or current.get().trace is not None else int(k._data)
        if isinstance(k, (bool, np.bool_)):
            return self._mask(self._wrap(np.asarray(k)))
        if hasattr(k, "__index__") and not getattr(k, "ndim", 0):
            return k.__index__()
        if isinstance(k, str):
            raise TypeError(f"index: a tensor has no part {k!r}{at(user_place())}")
        if not isinstance(k, (list, tuple, range, np.ndarray)):
            raise IndexError("index: only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
                             f"are valid indices (got {type(k).__name__}){at(user_place())}")
        array = np.asarray([x.tolist() if isinstance(x, Selection) else x for x in k] if isinstance(k, list) else k)
        return self._positions(self._wrap(array if array.size else array.astype(np.int64)))

    def _mask(self, mask: "Selection") -> Positions:
        """Where a mask is True."""
        if mask.np_dtype == np.uint8:
            warnings.warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead",
                          UserWarning, stacklevel=5)
        data = mask._array("x[mask]", sizes=True)
        places = np.nonzero(data) if mask.ndim else (np.zeros(int(bool(data)), np.int64),)
        return Positions(tuple(map(self._wrap, places)), tuple(mask.shape))

    # -- writing -------------------------------------------------------------------------------------------------

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(value, (Number, np.generic, Vocabulary)):
            raise TypeError(f"setitem: can't assign a {type(value).__name__} to a tensor of {self.dtype}"
                            f"{at(user_place())}; make it a tensor first, torch.tensor(value)")
        if isinstance(key, Selection) and key.np_dtype.kind == "b" and not getattr(value, "ndim", 0):
            self._fill_where(key, value)
            return
        plain = plain_key(key, self.shape)
        plain, indices = (plain, {}) if plain is not None else self._places(key)
        part: Any = self._part(plain) if indices else self._unary(slice_, key=plain)
        if indices:
            part._put(value, indices)
        elif isinstance(value, Selection):
            if value._base is None or value._base is not part._base or value._chain != part._chain:  # not x[key] += y
                part._copy_in(value._without_leading_ones(part.ndim))
        elif isinstance(value, NUMBERS) and part._unrecorded_with(value):
            np.copyto(part._data, value, casting="unsafe")
            part._storage.wrote()
        else:
            part.fill_(value)

    def _unrecorded_with(self, value: Any) -> bool:
        """May a value go straight to the memory of self, because nothing notes it?"""
        mode, root = current.get(), self if self._base is None else self._base
        return mode.fast and self._own().flags.writeable and not (
            mode.grad and (root._edge() is not None or (isinstance(value, Selection) and value._edge() is not None)))

    def _copy_in(self, value: Any) -> None:
        """self = ``value``, cast and broadcast."""
        if self._unrecorded_with(value):
            try:
                np.copyto(self._data, value._data, casting="unsafe")
            except ValueError:
                pass  # ``copy_`` says what is wrong
            else:
                self._shared().wrote()
                return
        self.copy_(value)

    def _fill_where(self, mask: "Selection", value: Any) -> None:
        """self = ``value`` where the mask holds; a mask of fewer dimensions selects rows."""
        Positions((), tuple(mask.shape)).check(0, self.shape)
        if isinstance(value, NUMBERS) and self._unrecorded_with(value):
            self._data[mask._data] = value
            self._shared().wrote()
        else:
            rows = mask.reshape((*mask.shape, *(1,) * (self.ndim - mask.ndim)))
            self._write(self.masked_fill(rows, value.cast(self.np_dtype) if isinstance(value, Selection) else value))

    def _without_leading_ones(self, ndim: int) -> Self:
        """Axes of size 1 dropped from the front while there are more than ``ndim``."""
        extra = self.ndim - ndim
        return self.reshape(self.shape[extra:]) if extra > 0 and set(self.shape[:extra]) == {1} else self

    def _put(self, value: Any, indices: dict[int, Any]) -> None:
        """self[indices] = value."""
        dims, positions = tuple(indices), tuple(indices.values())
        given: Any = value if isinstance(value, Selection) else self._wrap(np.asarray(value))
        given = given.cast(self.np_dtype)._without_leading_ones(index_spec(self, *positions, dims=dims).ndim)
        if self._unrecorded_with(given):
            stored(overwrite, self._data, given._data, [p._data for p in positions], dims)
            self._shared().wrote()
        else:
            self._write(self.put_at(given, positions, dims))

    # -- where, which, how many ----------------------------------------------------------------------------------

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        """The positions of the elements that are not 0, a row for each; or with ``as_tuple`` a tensor for each axis.

        >>> import chainrule as torch
        >>> torch.tensor([[0, 3], [5, 0]]).nonzero()
        tensor([[0, 1],
                [1, 0]])
        """
        data = self._array("nonzero()", sizes=True)
        if as_tuple:
            return tuple(self._wrap(p) for p in np.nonzero(np.atleast_1d(data)))
        return self._wrap(np.argwhere(data))

    def argwhere(self) -> Self:
        """The positions of the elements that are not 0, a row for each."""
        return self.nonzero()  # type: ignore[no-any-return]

    def masked_select(self, mask: Any) -> Self:
        """The elements where ``mask`` holds, in a row; self and mask broadcast."""
        if mask.np_dtype.kind != "b":
            raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}{at(user_place())}")
        shape = np.broadcast_shapes(tuple(self.shape), tuple(mask.shape))
        return self.expand(shape)[mask.expand(shape)] if shape else self.reshape((1,))[mask.reshape((1,))]

    def masked_scatter(self, mask: Any, source: Any) -> Self:
        """A copy of self in which the elements where ``mask`` holds are those of ``source``, in order."""
        shape = np.broadcast_shapes(tuple(self.shape), tuple(mask.shape))
        full: Any = self.expand(shape)
        held = self._mask(mask.expand(shape)).indices
        count = held[0].shape[0]
        if source.numel() < count:
            raise RuntimeError(f"masked_scatter: expected a source with enough elements: {source.numel()} for {count} "
                               f"places{at(user_place())}")
        if not shape:
            return source.reshape((-1,))[0] if count else self.clone()
        return full.put_at(source.reshape((-1,))[:count], held, tuple(range(len(shape))))  # type: ignore[no-any-return]

    def masked_scatter_(self, mask: Any, source: Any) -> Self:
        """self = self.masked_scatter(mask, source), in the same memory."""
        return self._write(self.masked_scatter(mask, source))

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (Number, np.generic, Vocabulary)):
            raise RuntimeError(f"in: a Tensor may hold a Tensor or a number, not {type(element).__name__}"
                               f"{at(user_place())}")
        return bool(np.any((self == element)._array("'in'")))

    def repeat_interleave(self, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Self:
        """Each element ``repeats`` times in a row along ``dim``; a tensor says how often for each."""
        if not isinstance(repeats, Selection) or (repeats.numel() == 1 and repeats.ndim < 2):
            return super().repeat_interleave(int(repeats), dim)
        if dim is None:
            return self.reshape((-1,)).repeat_interleave(repeats, 0)
        size, counts = self.shape[dim] if self.ndim else 1, repeats._array("repeat_interleave()", sizes=True)
        if counts.shape != (size,):
            raise RuntimeError(f"repeat_interleave: repeats must have the same size as input along dim, but got "
                               f"repeats.size(0) = {counts.shape} and input.size({dim}) = {size}{at(user_place())}")
        return self.index_select(dim, self._wrap(np.repeat(np.arange(size), counts)))

    def unique(self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
               dim: int | None = None) -> Any:  # fmt: skip
        """The different values, ascending; or the different slices along ``dim``.

        With ``return_inverse`` also which of them each element is, with ``return_counts`` how often each occurs.

        >>> import chainrule as torch
        >>> torch.tensor([3, 1, 3]).unique(return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
        """
        data = self._array("unique()", sizes=True)
        if dim is not None and not data.shape[dim] and data.size == 0 and 0 in data.shape[:dim] + data.shape[dim + 1 :]:
            raise RuntimeError(f"unique: there are no slices along dim {dim} of {shown(data.shape)}")
        values, inverse, counts = np.unique(data, return_inverse=True, return_counts=True, axis=dim)
        inverse = inverse.reshape(data.shape if dim is None else -1)
        return self._several(values, (inverse, return_inverse), (counts, return_counts))

    def unique_consecutive(self, return_inverse: bool = False, return_counts: bool = False,
                           dim: int | None = None) -> Any:  # fmt: skip
        """As :meth:`unique`, but only neighbours that are equal become one."""
        data = self._array("unique_consecutive()", sizes=True)
        rows = data.reshape(-1) if dim is None else np.moveaxis(data, dim, 0)
        flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        first = np.concatenate([np.ones(min(len(rows), 1), bool), (flat[1:] != flat[:-1]).any(1)])
        starts = np.flatnonzero(first)
        inverse = np.cumsum(first) - 1
        counts = np.diff(np.append(starts, len(rows)))
        values = rows[starts] if dim is None else np.moveaxis(rows[starts], 0, dim)
        inverse = inverse.reshape(data.shape) if dim is None else inverse
        return self._several(values, (inverse, return_inverse), (counts, return_counts))

    def _several(self, values: Any, *others: tuple[Any, bool]) -> Any:
        made = [self._wrap(np.ascontiguousarray(values)), *(self._wrap(a.astype(np.int64)) for a, w in others if w)]
        return made[0] if len(made) == 1 else tuple(made)

    def bincount(self, weights: Any = None, minlength: int = 0) -> Self:
        """How often each of 0, 1, 2, … occurs in a vector of them, or the sums of their ``weights``."""
        data = self._array("bincount()", sizes=True)
        if data.ndim != 1 or data.dtype.kind not in "iu" or (data.size and data.min() < 0):
            raise RuntimeError(f"bincount: only supports 1-d non-negative integral inputs, got {self.dtype} of shape "
                               f"{shown(data.shape)}{at(user_place())}")
        if weights is None:
            return self._wrap(np.bincount(data, minlength=minlength))  # type: ignore[no-any-return]
        w = weights._array("bincount()")
        sums = np.bincount(data, w, minlength)
        return self._wrap(sums.astype(w.dtype) if w.dtype == np.float32 else sums)  # type: ignore[no-any-return]
