"""Questions about dtypes and what tensors become together."""

from typing import Any

import numpy as np

from chainrule.spec import OF_NUMPY, as_dtype, default, dtype, higher, promote
from chainrule.tensors import Tensor

__all__ = ["can_cast", "finfo", "iinfo", "is_complex", "is_floating_point", "is_nonzero", "numel", "promote_types",
           "result_type"]


class finfo:  # noqa: N801 - PyTorch's spelling
    """The limits of a floating-point dtype, by default the default one.

    >>> import chainrule as torch
    >>> torch.finfo(torch.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: dtype | None = None):
        given = as_dtype(default.dtype) if type is None else type
        if not isinstance(given, dtype) or given.numpy.kind not in "fc":
            raise TypeError(f"torch.finfo() requires a floating point input type, got {given}. Use torch.iinfo to "
                            f"handle integers")
        info = np.finfo(given.numpy)
        self.bits = int(info.bits)
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 10.0**-info.precision
        self.dtype = str(OF_NUMPY[info.dtype].name)

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:  # noqa: N801 - PyTorch's spelling
    """The limits of an integer dtype.

    >>> import chainrule as torch
    >>> torch.iinfo(torch.int8).max
    127
    """

    def __init__(self, type: dtype):
        if not isinstance(type, dtype) or type.numpy.kind not in "iu":
            raise TypeError(f"torch.iinfo() requires an integer input type, got {type}. Use torch.finfo to handle "
                            f"floats")
        info = np.iinfo(type.numpy)
        self.bits, self.max, self.min = int(info.bits), int(info.max), int(info.min)
        self.dtype = type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype that two tensors or numbers meet in.

    >>> import chainrule as torch
    >>> torch.result_type(torch.tensor([1, 2], dtype=torch.int32), 1.5)
    torch.float32
    """
    return as_dtype(promote([x._data if isinstance(x, Tensor) else x for x in (tensor1, tensor2)]))


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype of a category no lower than either's that holds both."""
    return as_dtype(higher(type1.numpy, type2.numpy))


def can_cast(from_: dtype, to: dtype) -> bool:
    """Is a write of the one dtype into the other allowed? Not to a lower category (complex, float, int, bool)."""
    source, target = from_.numpy, to.numpy
    if target.kind == "b":
        return source.kind == "b"
    order = "buifc"
    return max(order.index(source.kind), 2) <= max(order.index(target.kind), 2)


def is_floating_point(input: Tensor) -> bool:
    """Is the dtype a real floating-point one?"""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Is the dtype complex?"""
    return input.np_dtype.kind == "c"


def is_nonzero(input: Tensor) -> bool:
    """Is the one element other than 0?"""
    return bool(input)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()
