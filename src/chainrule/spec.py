"""What is known of a tensor without its values: shape and dtype, and how they combine."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ShapeError


class dtype:  # noqa: N801 - PyTorch's spelling of a public name
    """An element type, named and printed as PyTorch does.

    >>> from chainrule import spec
    >>> spec.float32, spec.float32.is_floating_point, spec.float32.itemsize
    (torch.float32, True, 4)
    """

    def __init__(self, name: str):
        self.name = name
        self.numpy = np.dtype(name)
        self.is_floating_point = self.numpy.kind == "f"
        self.is_complex = self.numpy.kind == "c"
        self.is_signed = self.numpy.kind in "ifc"
        self.itemsize = self.numpy.itemsize

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


class device:  # noqa: N801 - PyTorch's spelling of a public name
    """A place that holds tensors: ``device("cpu")``. Others have names too, but nothing can be put there.

    >>> from chainrule.spec import device
    >>> device("cpu"), str(device("cuda", 0)), device("cpu") == device("cpu")
    (device(type='cpu'), 'cuda:0', True)
    """

    def __init__(self, type: "str | device" = "cpu", index: int | None = None):
        name, _, number = str(type).partition(":")
        if name not in ("cpu", "cuda", "mps", "xpu", "meta") or (number and not number.isdigit()):
            raise RuntimeError(f"device: expected one of cpu, cuda, mps, xpu, meta device type at start of device "
                               f"string: {str(type)!r}")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (other.type, other.index) == (self.type, self.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"


class memory_format:  # noqa: N801 - PyTorch's spelling of a public name
    """How elements are ordered in memory; accepted where PyTorch accepts it, and without effect."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> str:
        return self.name


def on_cpu(word: str, place: Mapping[str, Any]) -> None:
    """Check the keywords by which PyTorch says where and how a tensor lies in memory; here there is one way.

    Raises RuntimeError for a device other than the CPU, TypeError for any other keyword.
    """
    if unknown := set(place) - {"device", "layout", "memory_format", "pin_memory", "non_blocking"}:
        raise TypeError(f"{word}() got an unexpected keyword argument {min(unknown)!r}")
    wanted = place.get("device")
    if wanted is not None and device(wanted).type != "cpu":
        raise RuntimeError(f"{word}: there is no device {str(wanted)!r}; chainrule computes on the CPU only")


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, strided = memory_format("channels_last"), memory_format("strided")
DTYPES = {
    name: dtype(name)
    for name in ("float32 float64 float16 int64 int32 int16 int8 uint8 bool complex64 complex128").split()
}
float32, float64, int64, bool_ = DTYPES["float32"], DTYPES["float64"], DTYPES["int64"], DTYPES["bool"]
OF_NUMPY = {d.numpy: d for d in DTYPES.values()}
RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def as_dtype(name: "str | dtype | np.dtype[Any] | type") -> dtype:
    """The dtype of a NumPy dtype, a Python type (``float`` is float64, as in NumPy arrays) or a name."""
    return name if isinstance(name, dtype) else OF_NUMPY[np.dtype(name)]


class _Defaults:
    dtype = np.dtype("float32")


default = _Defaults()


class Dim(str):
    """A symbolic size: a product of named sizes, such as ``m*n``. Never 1, and equal only to itself.

    >>> from chainrule.spec import Dim
    >>> Dim("n") * Dim("m") == Dim("m") * Dim("n"), Dim("n") == 1
    (True, False)
    """

    def __mul__(self, other: Any) -> "Dim":
        factors = [f for f in (*self.split("*"), *str(other).split("*")) if f != "1"]
        return Dim("*".join(sorted(factors)))

    __rmul__ = __mul__


Size = int | Dim


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape and dtype; what a linear op's rule gets in place of values it does not need."""

    shape: tuple[Size, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def numel(self) -> Size:
        return numel(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def numel(shape: Iterable[Size]) -> Size:
    return math.prod(shape)


def broadcast(*shapes: tuple[Size, ...]) -> tuple[Size, ...]:
    """The shape that the given shapes broadcast to, by NumPy's rule; a symbolic size equals only itself.

    Raises ShapeError.

    >>> from chainrule import spec
    >>> spec.broadcast((50, 1), (3,))
    (50, 3)
    """
    ndim = max(map(len, shapes), default=0)
    out: list[Size] = [1] * ndim
    for shape in shapes:
        for axis, size in enumerate(shape, ndim - len(shape)):
            if out[axis] == 1:
                out[axis] = size
            elif size not in (1, out[axis]):
                raise ShapeError(misfit(shapes, axis - ndim))
    return tuple(out)


def misfit(shapes: Sequence[tuple[Size, ...]], axis: int) -> str:
    sizes = [s[axis] if -axis <= len(s) else 1 for s in shapes]
    return (
        f"the shapes {' and '.join(map(shown, shapes))} do not fit: at dimension {axis} the sizes are "
        f"{' and '.join(map(str, sizes))}, and only equal sizes or 1 broadcast"
    )


def shown(shape: Iterable[Size]) -> str:
    """A shape as PyTorch prints it in errors: ``[50, 1]``."""
    return f"[{', '.join(map(str, shape))}]"


def number_dtype(number: Any) -> np.dtype[Any]:
    """The dtype that a Python number stands for."""
    if isinstance(number, bool):
        return bool_.numpy
    if isinstance(number, complex):
        return np.dtype("complex128" if default.dtype == np.float64 else "complex64")
    return int64.numpy if isinstance(number, (int, Dim)) else default.dtype


def higher(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the higher category, else NumPy's common dtype."""
    if RANK[a.kind] == RANK[b.kind] or {a.kind, b.kind} == {"f", "c"}:
        return np.promote_types(a, b)
    return max(a, b, key=lambda d: RANK[d.kind])


def promote(operands: Sequence[Any]) -> np.dtype[Any]:
    """The dtype that operands meet in: tensors before 0-d tensors before numbers, as PyTorch does.

    A later group counts only when its category is higher. Source: PyTorch's "type promotion" notes.

    >>> import numpy as np
    >>> from chainrule.spec import Spec, promote
    >>> promote([Spec((3,), np.dtype("float32")), Spec((), np.dtype("float64"))])
    dtype('float32')
    """
    groups: list[np.dtype[Any] | None] = [None, None, None]
    for operand in operands:
        has_dtype = hasattr(operand, "dtype")
        place = 2 if not has_dtype else 0 if operand.shape else 1
        this = operand.dtype if has_dtype else number_dtype(operand)
        have = groups[place]
        groups[place] = this if have is None else higher(have, this)
    result: np.dtype[Any] | None = None
    for group in groups:
        if group is not None and (result is None or RANK[group.kind] > RANK[result.kind]):
            result = group if result is None or group.kind != "c" else higher(result, group)
    assert result is not None
    return result
