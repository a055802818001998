"""Reading and writing at positions that are data: ``index`` and ``gather``, and the writes that are their transposes.

The positions are inputs, in which no op is linear. The transpose of a read is a write that adds up what meets at one
place; a write that overwrites lets no gradient through to what it overwrote.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import DtypeError, PositionError, ShapeError
from chainrule.op import Refusal, Sample, linear
from chainrule.ops.sampling import array
from chainrule.spec import Spec, broadcast, numel, shown

Store = Callable[[Any, tuple[Any, ...], Any], None]


# -- at positions in some axes: x[:, i, j] ---------------------------------------------------------------------------


def key_of(indices: Sequence[Any], dims: tuple[int, ...]) -> tuple[Any, ...]:
    """NumPy's key that reads the axes ``dims`` at ``indices``."""
    key: list[Any] = [slice(None)] * (dims[-1] + 1)
    for dim, index in zip(dims, indices, strict=True):
        key[dim] = index
    return tuple(key)


def indexed(x: Any, *indices: Any, dims: tuple[int, ...]) -> Any:
    try:
        out = x[key_of(indices, dims)]
    except IndexError:
        raise outside(x, indices, dims) from None
    return np.array(out) if np.may_share_memory(out, x) else out  # of 0-d positions alone NumPy makes a view


def outside(x: Any, indices: Sequence[Any], dims: tuple[int, ...]) -> PositionError:
    """The error for the first position that is not there."""
    for dim, index in zip(dims, indices, strict=True):
        size, flat = x.shape[dim], np.reshape(index, -1)
        for k in flat[(flat < -size) | (flat >= size)][:1]:
            return PositionError(f"index {k} is out of bounds for dimension {dim} with size {size}")
    return PositionError("the positions cannot be read")


def index_places(i: tuple[Any, ...], read: Any, x: Any, *indices: Any, dims: tuple[int, ...]) -> tuple[Any, ...]:
    at = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0
    end = at + max(len(index.shape) for index in indices)
    rest = iter(i[:at] + i[end:])
    return tuple(read(1 + dims.index(d), i[at:end]) if d in dims else next(rest) for d in range(len(x.shape)))


def index_spec(x: Any, *indices: Any, dims: tuple[int, ...]) -> Spec:
    try:
        found = broadcast(*(i.shape for i in indices))
    except ShapeError:
        raise PositionError("shape mismatch: indexing tensors could not be broadcast together with shapes "
                            + ", ".join(shown(i.shape) for i in indices)) from None
    at = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0
    kept = [size for d, size in enumerate(x.shape) if d not in dims]
    return Spec((*kept[:at], *found, *kept[at:]), x.dtype)


def stored(store: Store, out: Any, value: Any, indices: Sequence[Any], dims: tuple[int, ...]) -> Any:
    """``out``, after ``value`` was stored in it."""
    try:
        store(out, key_of(indices, dims), value)
    except IndexError:
        raise outside(out, indices, dims) from None
    except ValueError:
        put_spec(out, value, *indices, dims=dims)
        raise
    return out


def putting(store: Store) -> Callable[..., Any]:
    """The op that copies ``base`` and stores ``value`` in the copy."""

    def put(base: Any, value: Any, *indices: Any, dims: tuple[int, ...]) -> Any:
        return stored(store, np.array(base, order="C"), value, indices, dims)

    return put


def overwrite(out: Any, key: tuple[Any, ...], value: Any) -> None:
    out[key] = value


def add_up(out: Any, key: tuple[Any, ...], value: Any) -> None:
    """out[key] += value, one after the other where places meet."""
    if len(key) == 1 and out.ndim > 1:  # NumPy is three times as fast at numbers as it is at rows of them
        rows, size = key[0][..., None], out[:1].size
        value = np.broadcast_to(value, (*key[0].shape, *out.shape[1:])).reshape(-1)
        out, key = out.reshape(-1), ((rows * size + np.arange(size)).reshape(-1),)
    np.add.at(out, key, value)


def put_spec(base: Any, value: Any, *indices: Any, dims: tuple[int, ...]) -> Spec:
    part, shape = index_spec(base, *indices, dims=dims).shape, getattr(value, "shape", ())
    try:
        fits = broadcast(shape, part) == part
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(f"shape mismatch: value tensor of shape {shown(shape)} cannot be broadcast to indexing result "
                         f"of shape {shown(part)}")
    return Spec(base.shape, base.dtype)


# -- along one axis: out[i, j] = x[index[i, j], j] -------------------------------------------------------------------


def along(x: Any, index: Any, dim: int) -> tuple[Any, ...]:
    """NumPy's key for the elements of ``x`` that ``index`` names along ``dim``. Raises ShapeError and DtypeError."""
    fitting(x, index, dim)
    size = x.shape[dim] if x.ndim else 1
    if (index.view(f"u{index.itemsize}") >= size).any():
        k = index[(index < 0) | (index >= size)][0]
        raise ShapeError(f"index {k} is out of bounds for dimension {dim} with size {size}")
    return tuple(index if d == dim else np.arange(n).reshape(-1, *(1,) * (index.ndim - 1 - d))
                 for d, n in enumerate(index.shape)) if x.ndim else (0 * index,)  # fmt: skip


def gathered(x: Any, index: Any, dim: int) -> Any:
    if not index.size:
        return np.empty(index.shape, x.dtype)
    return np.atleast_1d(x)[along(x, index, dim)]


def gather_places(i: tuple[Any, ...], read: Any, x: Any, index: Any, dim: int) -> tuple[Any, ...]:
    return tuple(read(1, i) if d == dim else k for d, k in enumerate(i[: len(x.shape)]))


def gather_spec(x: Any, index: Any, dim: int) -> Spec:
    fitting(x, index, dim)
    return Spec(index.shape, x.dtype)


def fitting(x: Any, index: Any, dim: int) -> None:
    """Raise unless ``index`` holds positions and is no larger than ``x`` off ``dim``."""
    if index.dtype.kind not in "iu":
        raise DtypeError(f"Expected dtype int64 for index, got {index.dtype}; convert it with .long()")
    if not numel(index.shape):
        return
    if max(len(index.shape), 1) != max(len(x.shape), 1):
        raise ShapeError(f"Index tensor must have the same number of dimensions as input tensor, got "
                         f"{shown(index.shape)} and {shown(x.shape)}")
    if any(n > size for d, (n, size) in enumerate(zip(index.shape, x.shape)) if d != dim):
        raise ShapeError(f"Size does not match: expected index {shown(index.shape)} to be no larger than self "
                         f"{shown(x.shape)} apart from dimension {dim}")


def scattering(store: Store) -> Callable[..., Any]:
    """The op that copies ``base`` and stores ``src`` in the copy."""

    def scatter(base: Any, src: Any, index: Any, dim: int) -> Any:
        out = np.array(base)
        if index.size:
            store(np.atleast_1d(out), along(base, index, dim), src)
        return out

    return scatter


def scatter_spec(base: Any, src: Any, index: Any, dim: int) -> Spec:
    fitting(base, index, dim)
    shape = getattr(src, "shape", index.shape)
    if shape not in (index.shape, ()):
        raise ShapeError(f"src of shape {shown(shape)} must have the shape of index, {shown(index.shape)}")
    return Spec(base.shape, base.dtype)


# -- the records -----------------------------------------------------------------------------------------------------


def positions(*shape: int, below: int, seed: int = 0) -> Any:
    """Sample positions, some of them twice."""
    return np.random.default_rng([seed, *shape]).integers(0, below, shape)


def readings() -> list[Sample]:
    return [Sample((array(*shape), *indices), {"dims": dims}) for shape, indices, dims in (
        ((5,), (positions(3, below=5),), (0,)), ((5,), (positions(2, 2, below=5) - 5,), (0,)),
        ((4, 3), (positions(2, below=4), positions(2, below=3)), (0, 1)), ((2, 3, 2), (positions(4, below=3),), (1,)),
        ((3, 2, 3), (positions(2, 1, below=3), positions(3, below=3)), (0, 2)), ((3, 2), (np.array(1),), (0,)),
        ((3,), (positions(0, below=1),), (0,)), ((0, 2), (positions(2, below=2),), (1,)))]  # fmt: skip


def writings() -> list[Sample]:
    """Each reading's result as the value, and one value that broadcasts."""
    found = []
    for sample in readings():
        x, *indices = sample.inputs
        shape: Any = index_spec(x, *indices, **sample.params).shape
        found.append(Sample((x, array(*shape, seed=1), *indices), sample.params))
    return [*found, Sample((array(4, 3), array(3, seed=1), positions(5, below=4)), {"dims": (0,)})]


def unique_writings() -> list[Sample]:
    """The same at places that do not meet: what of several values stays is the last one's derivative alone."""
    return [Sample((array(*shape), array(*part, seed=1), *indices), {"dims": dims}) for shape, part, indices, dims in (
        ((5,), (3,), (np.array([4, 0, -2]),), (0,)), ((4, 3), (2,), (np.array([1, 3]), np.array([0, 2])), (0, 1)),
        ((2, 3, 2), (2, 2, 2), (np.array([2, 0]),), (1,)), ((3, 2), (), (np.array([1, 0]),), (0,)))]  # fmt: skip


def misplaced() -> list[Refusal]:
    return [Refusal((array(4, 3), positions(2, below=3), positions(3, below=3)), IndexError, "[2], [3]",
                    {"dims": (0, 1)})]  # fmt: skip


def misfitting() -> list[Refusal]:
    return [Refusal((array(4, 3), array(2), positions(2, below=3)), RuntimeError, "[2] cannot be broadcast",
                    {"dims": (0,)})]  # fmt: skip


index = linear("index", indexed, (lambda g, x, indices, dims: g.new_zeros(x.shape).add_at(g, indices, dims), None),
               inputs=("x", "*indices"), spec=index_spec, places=index_places, samples=readings, refuses=misplaced)
index_add = linear("index_add", putting(add_up), (lambda g: g, lambda g, indices, dims: g.at(indices, dims), None),
                   inputs=("base", "value", "*indices"), spec=put_spec, puts=(index, "add"), samples=writings,
                   refuses=misfitting)
index_put = linear("index_put", putting(overwrite), (
                       lambda g, indices, dims: g.put_at(0, indices, dims),
                       lambda g, indices, dims: g.at(indices, dims), None),
                   inputs=("base", "value", "*indices"), spec=put_spec, puts=(index, ""), samples=unique_writings,
                   refuses=misfitting)


ALONG: tuple[Any, ...] = (((4, 3), (2, 3), 0), ((4, 3), (4, 5), 1), ((3, 4), (2, 2), 1), ((5,), (3,), 0), ((), (), 0),
                          ((2, 0), (2, 0), 0))
gather = linear("gather", gathered, (
                    lambda g, x, index, dim: g.new_zeros(x.shape).scatter_add(dim, index, g), None),
                inputs=("x", "index"), spec=gather_spec, places=gather_places,
                samples=lambda: [Sample((array(*a), positions(*b, below=a[d] if a else 1)), {"dim": d})
                                 for a, b, d in ALONG],
                refuses=lambda: [
                    Refusal((array(2, 3), positions(2, below=2)), RuntimeError, "[2] and [2, 3]", {"dim": 0}),
                    Refusal((array(2, 3), positions(3, 1, below=2)), RuntimeError, "no larger", {"dim": 1}),
                    Refusal((array(3), array(3)), RuntimeError, "long()", {"dim": 0})])
scatter_add = linear("scatter_add", scattering(np.add.at), (
                         lambda g: g, lambda g, index, dim: g.gather(dim, index), None),
                     inputs=("base", "src", "index"), spec=scatter_spec, puts=(gather, "add"),
                     samples=lambda: [Sample((array(*a), array(*b, seed=1), positions(*b, below=a[d] if a else 1)),
                                             {"dim": d}) for a, b, d in ALONG],
                     refuses=lambda: [Refusal((array(3), array(2), positions(3, below=3)), RuntimeError, "[2]",
                                              {"dim": 0})])
scatter = linear("scatter", scattering(overwrite), (
                     lambda g, index, dim: g.scatter(dim, index, 0), lambda g, index, dim: g.gather(dim, index), None),
                 inputs=("base", "src", "index"), spec=scatter_spec, puts=(gather, ""),
                 samples=lambda: [Sample((array(3, 2), array(2, 2, seed=1), np.array([[0, 2], [1, 0]])), {"dim": 0}),
                                  Sample((array(3), 2.0, np.array([2, 0])), {"dim": 0}),
                                  Sample((array(), array(seed=1), np.array(0)), {"dim": 0})],
                 refuses=scatter_add.refuses)
