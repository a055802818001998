"""Parts of a tensor: ``x[key]`` in all its forms, and reading and writing at positions that are tensors themselves."""

from typing import Any, Self

from chainrule.errors import PositionError, ShapeError
from chainrule.ops import indexing
from chainrule.ops import shape as shape_ops
from chainrule.source import at, user_place
from chainrule.spec import broadcast, shown
from chainrule.vocabulary.carrier import Carrier, axis_of
from chainrule.vocabulary.inner import Inner

EVERYTHING = slice(None)


class Indexing(Inner):
    """Words that read and write parts."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Self:
        plain = plain_key(key, self.shape)
        if plain is not None:
            return self._unary(shape_ops.slice_, key=plain)
        plain, indices = self._places(key)
        part = self._part(plain) if indices else self._unary(shape_ops.slice_, key=plain)
        return part.at(tuple(indices.values()), tuple(indices)) if indices else part

    def _part(self, plain: tuple[Any, ...]) -> Self:
        """The slice that a key means; self where that is all of it."""
        whole = len(plain) == self.ndim and all(k == (0, n, 1) for k, n in zip(plain, self.shape))
        return self if whole else self._unary(shape_ops.slice_, key=plain)

    def _places(self, key: Any) -> tuple[tuple[Any, ...], dict[int, Any]]:
        """What ``x[key]`` means: the key of a slice, and positions for some axes of what that slice gives."""
        keys = key if isinstance(key, tuple) else tuple(key) if _means_tuple(key) else (key,)
        keys = tuple([self._positions(k) if _is_sequence(k) else k for k in keys])
        named = sum([k.mask_ndim if isinstance(k, Positions) else k is not None and k is not ... for k in keys])
        if named > self.ndim:
            raise IndexError(f"too many indices for tensor of dimension {self.ndim}" if self.ndim else
                             "invalid index of a 0-dim tensor. Use `tensor.item()` to convert it to a number")
        dots = [at for at, k in enumerate(keys) if k is ...]
        fill = (EVERYTHING,) * (self.ndim - named)
        keys = (*keys[: dots[0]], *fill, *(k for k in keys[dots[0] :] if k is not ...)) if dots else (*keys, *fill)
        axis = 0
        plain: list[Any] = []
        indices: dict[int, Any] = {}
        for k in keys:
            if k is None:
                plain.append(None)
            elif isinstance(k, Positions):
                k.check(axis, self.shape)
                place = sum(type(p) is not int for p in plain)
                indices.update(enumerate(k.indices, place))
                plain += [(0, size, 1) for size in self.shape[axis : axis + k.mask_ndim]] if k.mask_ndim else [None]
                axis += k.mask_ndim
            else:
                plain.append(_one_key(k, axis, self.shape[axis]))
                axis += 1
        return tuple(plain), indices

    def _positions(self, k: Any) -> Any:
        """What a tensor, array, list or bool in a key stands for: an int, or :class:`Positions`."""
        if isinstance(k, Carrier) and k.np_dtype.kind in "iu":
            return Positions((k,))
        raise IndexError(f"index: a symbol can be read at symbols of integers, not at {type(k).__name__}")

    # -- one axis ------------------------------------------------------------------------------------------------

    def select(self, dim: int, index: int) -> Self:
        """The slice at ``index`` along ``dim``, without that axis."""
        return self[(EVERYTHING,) * self._axis("select", dim) + (index,)]

    def narrow(self, dim: int, start: Any, length: int) -> Self:
        """``length`` elements from ``start`` along ``dim``.

        >>> import chainrule as torch
        >>> torch.arange(6).narrow(0, 2, 3)
        tensor([2, 3, 4])
        """
        axis = self._axis("narrow", dim)
        size: Any = self.shape[axis]
        if isinstance(start, Carrier) and (start.ndim or start.np_dtype.kind not in "iu"):
            raise RuntimeError("narrow: start must be an 0-dim integral Tensor")
        start = start.__index__()
        if not -size <= start <= size:
            raise IndexError(f"narrow: start out of range (expected to be in range of [{-size}, {size}], but got "
                             f"{start})")
        start = start + size if start < 0 else start
        if not start <= start + length <= size:
            raise RuntimeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({size}), or one "
                               "of them is negative")
        return self[(EVERYTHING,) * axis + (slice(start, start + length),)]

    def _axis(self, word: str, dim: int) -> int:
        if not self.ndim:
            raise IndexError(f"{word}() cannot be applied to a 0-dim tensor.")
        return axis_of(dim, self.ndim)

    def index_select(self, dim: int, index: Any) -> Self:
        """The slices at ``index`` along ``dim``.

        >>> import chainrule as torch
        >>> torch.tensor([[1, 2], [3, 4]]).index_select(1, torch.tensor([1, 1]))
        tensor([[2, 2],
                [4, 4]])
        """
        return self._rows("index_select", "at", dim, index)

    def _rows(self, name: str, word: str, dim: int, index: Any, *source: Any) -> Self:
        """The word on the slices at ``index`` along ``dim``; a 0-d tensor counts as one of one element."""
        if index.np_dtype.kind not in "iu":
            raise RuntimeError(f"{name}: Expected dtype int32 or int64 for index, got {index.np_dtype}; use .long()")
        if index.ndim > 1:
            raise IndexError(f"{name}: Index is supposed to be a vector, its shape is {shown(index.shape)}")
        axis, row = axis_of(dim, self.ndim), self if self.ndim else self.reshape((1,))
        out: Self = getattr(row, word)(*source, (index if index.ndim else index.reshape((1,)),), (axis,))
        return out if self.ndim else out.reshape(())

    def take(self, index: Any) -> Self:
        """The elements at ``index``, counted in a row, in the shape of ``index``."""
        return self.reshape((-1,)).at((index,), (0,))

    # -- along one axis, with a position for each element --------------------------------------------------------

    def gather(self, dim: int, index: Any, *, sparse_grad: bool = False) -> Self:
        """out[i][j] = self[index[i][j]][j] for ``dim`` 0, and so on.

        >>> import chainrule as torch
        >>> torch.tensor([[1, 2], [3, 4]]).gather(1, torch.tensor([[0], [1]]))
        tensor([[1],
                [4]])
        """
        return self._apply(indexing.gather, (self, index), dim=axis_of(dim, self.ndim))

    def take_along_dim(self, indices: Any, dim: int | None = None) -> Self:
        """``gather`` along ``dim`` where the other axes broadcast; without ``dim``, of all elements in a row."""
        if dim is None:
            flat: Any = self.reshape((-1,))
            return flat.gather(0, indices.reshape((-1,)))  # type: ignore[no-any-return]
        axis = axis_of(dim, self.ndim)
        if self.ndim and self.shape[axis]:
            indices = indices % self.shape[axis]  # PyTorch counts in a circle
        if self.ndim != indices.ndim:
            raise ShapeError("take_along_dim(): input and indices should have the same number of dimensions, got "
                             f"{shown(self.shape)} and {shown(indices.shape)}")
        one = [(*x.shape[:axis], 1, *x.shape[axis + 1 :]) for x in (self, indices)]
        both = broadcast(*one)
        mine, its = ((*both[:axis], x.shape[axis], *both[axis + 1 :]) for x in (self, indices))
        return self.expand(mine).gather(axis, indices.expand(its))


class Positions:
    """Positions for one axis, those of a mask for as many axes as it has, or of a bool for a new axis of size 1."""

    __slots__ = ("indices", "mask", "mask_ndim")

    def __init__(self, indices: tuple[Any, ...], mask: tuple[Any, ...] | None = None):
        self.indices = indices
        self.mask = mask
        self.mask_ndim = 1 if mask is None else len(mask)

    def check(self, axis: int, shape: tuple[Any, ...]) -> None:
        """Raise IndexError unless a mask has the sizes of the axes that it stands for."""
        if self.mask is not None and self.mask != shape[axis : axis + len(self.mask)]:
            raise PositionError(f"The shape of the mask {shown(self.mask)} at index {axis} does not match the shape of "
                                f"the indexed tensor {shown(shape)} at index {axis}")


def plain_key(key: Any, shape: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """A key of ints and slices, the most usual ones, made ready; None for any other."""
    keys = key if type(key) is tuple else (key,)
    plain: list[Any] = []
    if len(keys) <= len(shape):
        for axis, k in enumerate(keys):
            if type(k) is not int and type(k) is not slice:
                return None
            plain.append(_one_key(k, axis, shape[axis]))
        return tuple(plain)
    return None


def _is_sequence(k: Any) -> bool:
    """Is this part of a key one that ``_positions`` reads?"""
    return k is not None and k is not ... and type(k) is not int and type(k) is not slice


def _means_tuple(key: Any) -> bool:
    """A short list that holds slices or sequences is read as a tuple, as PyTorch still does."""
    return isinstance(key, list) and len(key) < 32 and any(
        k is None or k is ... or (isinstance(k, (slice, list, tuple, Carrier)) and not _is_number(k)) for k in key)


def _is_number(k: Any) -> bool:
    return isinstance(k, Carrier) and not k.ndim


def _one_key(k: Any, axis: int, size: Any) -> Any:
    if type(k) is slice:
        if k.step is not None and k.step <= 0:
            raise ValueError("slice: step must be greater than zero; use flip() to reverse")
        return k.indices(size) if k != EVERYTHING else (0, size, 1)
    if not -size <= k < size:
        raise IndexError(f"index: index {k} is out of bounds for dimension {axis} with size {size}{at(user_place())}")
    return k % size
