"""Functions of several tensors that only move values: joining, stacking, grids. PyTorch's names and rules."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.creation import arange
from chainrule.errors import ShapeError
from chainrule.source import at, user_place
from chainrule.spec import broadcast, shown
from chainrule.tensors import Tensor
from chainrule.vocabulary.carrier import axis_of


def _given(name: str, tensors: Any) -> list[Tensor]:
    """The tensors as a list. Raises TypeError and ValueError."""
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' must be tuple of Tensors, not Tensor{at(user_place())}; write "
                        f"{name}([x, y])")
    found = list(tensors)
    for k, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}(): expected Tensor as element {k} in argument 0, but got {type(x).__name__}"
                            f"{at(user_place())}")
    if not found:
        raise ValueError(f"{name}(): expected a non-empty list of Tensors{at(user_place())}")
    return found


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after the other along ``dim``. Raises RuntimeError where other sizes differ.

    >>> import chainrule as torch
    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3.0])])
    tensor([1., 2., 3.])
    """
    found = _given("cat", tensors)
    for k, x in enumerate(found):
        if not x.ndim:
            raise RuntimeError(f"cat: zero-dimensional tensor (at position {k}) cannot be concatenated"
                               f"{at(user_place())}; use torch.stack")
    used = [x for x in found if tuple(x.shape) != (0,)] or found  # PyTorch lets an empty vector join anything
    first, *others = used
    return first.cat(*others, dim=dim)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape laid side by side along a new axis ``dim``.

    >>> import chainrule as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    found = _given("stack", tensors)
    axis = axis_of(dim, found[0].ndim + 1)
    for k, x in enumerate(found):
        if x.shape != found[0].shape:
            raise ShapeError(f"stack expects each tensor to be equal size, but got {shown(found[0].shape)} at entry 0 "
                             f"and {shown(x.shape)} at entry {k}{at(user_place())}")
    first, *others = [x.unsqueeze(axis) for x in found]
    return first.cat(*others, dim=axis)


def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one axis."""
    return _each(tensors, lambda x: x.reshape((1,)) if not x.ndim else x)


def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two axes; new ones come first."""
    return _each(tensors, lambda x: x if x.ndim > 1 else x.reshape((1,) * (2 - x.ndim) + tuple(x.shape)))


def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three axes: a matrix gets a last one, a vector one on either side."""
    return _each(tensors, lambda x: x.unsqueeze(-1) if x.ndim == 2 else x if x.ndim > 2 else
                 x.reshape((1, x.numel(), 1)))  # fmt: skip


def _spread(tensors: tuple[Any, ...]) -> Any:
    """Tensors given one by one, or as one sequence."""
    return tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors


def _each(tensors: tuple[Any, ...], change: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return change(tensors[0])
    return tuple(map(change, _spread(tensors)))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side: along the second axis, vectors along the first."""
    found = atleast_1d(_given("hstack", tensors))
    return cat(found, 0 if found[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors one above the other; vectors are rows."""
    return cat(atleast_2d(_given("vstack", tensors)), 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors one behind the other, along the third axis."""
    return cat(atleast_3d(_given("dstack", tensors)), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side; vectors are columns."""
    return cat([x if x.ndim > 1 else x.reshape((-1, 1)) for x in _given("column_stack", tensors)], 1)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to the shape that they broadcast to; views."""
    found = _given("broadcast_tensors", _spread(tensors))
    shape = broadcast(*(tuple(x.shape) for x in found))
    return tuple(x.expand(shape) for x in found)


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinates of a grid: the k-th vector along the k-th axis, repeated along the others.

    ``indexing="xy"`` exchanges the first two axes; without it PyTorch warns, and so does this.
    """
    if indexing is None:
        warnings.warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument",
                      UserWarning, stacklevel=2)
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of 'xy' or 'ij', but received: {indexing!r}"
                           f"{at(user_place())}")
    found = _given("meshgrid", _spread(tensors))
    if any(x.ndim > 1 for x in found):
        raise RuntimeError(f"meshgrid: Expected 0D or 1D tensor in the tensor list but got shapes "
                           f"{', '.join(shown(x.shape) for x in found)}{at(user_place())}")
    if any(x.np_dtype != found[0].np_dtype for x in found):
        raise RuntimeError(f"meshgrid expects all tensors to have the same dtype{at(user_place())}")
    swapped = indexing == "xy" and len(found) > 1
    if swapped:
        found[:2] = reversed(found[:2])
    shape = tuple(x.numel() for x in found)
    grids = [x.reshape(tuple(size if a == k else 1 for a, size in enumerate(shape))).expand(shape)
             for k, x in enumerate(found)]  # fmt: skip
    if swapped:
        grids[:2] = reversed(grids[:2])
    return tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of elements of some vectors, a row for each."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([g.reshape((-1,)) for g in meshgrid(*tensors, indexing="ij")], dim=1)


def block_diag(*tensors: Tensor) -> Tensor:
    """The tensors as blocks on the diagonal of a matrix of zeros."""
    blocks = atleast_2d(tensors)
    width = sum(b.shape[1] for b in blocks)
    rows, before = [], 0
    for block in blocks:
        rows.append(block.pad((before, width - before - block.shape[1])))
        before += block.shape[1]
    return cat(rows)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The positions of the lower triangle of a row × col matrix: rows above columns."""
    return arange(0).new_tensor(np.stack(np.tril_indices(row, offset, col)), dtype=dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The positions of the upper triangle of a row × col matrix: rows above columns."""
    return arange(0).new_tensor(np.stack(np.triu_indices(row, offset, col)), dtype=dtype)
