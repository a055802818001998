"""What a tensor says of itself, in PyTorch's words: shape, dtype, numbers, text.

A mixin of ``Tensor``, which gives them ``_data``, the array, and ``_wrap``, a tensor around an array.
"""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Self

import numpy as np

from chainrule.errors import DtypeError, GraphError
from chainrule.modes import current
from chainrule.printing import format_tensor
from chainrule.source import at, user_place
from chainrule.spec import OF_NUMPY, default, dtype, shown
from chainrule.vocabulary import Vocabulary

mode_now = current.get


class Size(tuple[int, ...]):
    """A shape, printed as PyTorch does."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        return math.prod(self)

    def __getitem__(self, key: Any) -> Any:
        part = tuple.__getitem__(self, key)
        return Size(part) if isinstance(key, slice) else part

    def __add__(self, other: Any) -> "Size":
        return Size(tuple.__add__(self, other))

    def __mul__(self, times: Any) -> "Size":
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__


class Values(Vocabulary):
    """Reading a tensor: shape, dtype, numbers."""

    __array_priority__ = 1000  # NumPy's numbers and arrays let the tensor do the arithmetic
    _data: Any
    _wrap: Callable[..., Any]
    requires_grad: Any
    grad_fn: Any
    _grad: Any

    @property
    def shape(self) -> Any:
        return Size(self._data.shape)

    @property
    def ndim(self) -> int:
        return len(self._data.shape)

    @property
    def np_dtype(self) -> np.dtype[Any]:
        return self._data.dtype  # type: ignore[no-any-return]

    @property
    def dtype(self) -> dtype:
        """The element type, ``torch.float32`` and the like."""
        return OF_NUMPY[self._data.dtype]

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._data.size if mode_now().trace is None else self.shape.numel()  # type: ignore[no-any-return]

    nelement = numel
    ndimension = dim

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.element_size()

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self.numel()) * self.element_size()

    def element_size(self) -> int:
        """Bytes per element."""
        return self._data.dtype.itemsize  # type: ignore[no-any-return]

    def is_floating_point(self) -> bool:
        """Can this tensor carry a gradient?"""
        return self._data.dtype.kind == "f"  # type: ignore[no-any-return]

    def is_complex(self) -> bool:
        """Is the dtype complex?"""
        return self._data.dtype.kind == "c"  # type: ignore[no-any-return]

    def is_signed(self) -> bool:
        """Has the dtype negative numbers?"""
        return self.dtype.is_signed

    def is_contiguous(self, *, memory_format: Any = None) -> bool:
        """Do the elements lie in memory in order?"""
        expected = self._data.dtype.itemsize
        for size, stride in zip(self._data.shape[::-1], self._strides()[::-1]):
            if size != 1 and stride != expected:
                return 0 in self._data.shape
            expected *= size
        return True

    def _strides(self) -> tuple[int, ...]:
        """In bytes. Those of a traced tensor are what they will be."""
        trace = mode_now().trace
        return np.asarray(self._data).strides if trace is None else trace.strides(self)

    def stride(self, dim: int | None = None) -> Any:
        """Elements to step in memory, per dimension or along one."""
        shape = self._data.shape
        steps = [s // self._data.dtype.itemsize for s in self._strides()]
        for axis in reversed(range(len(shape))):
            if shape[axis] == 1 and not steps[axis]:  # NumPy does not care; PyTorch steps over all that follows
                steps[axis] = shape[axis + 1] * steps[axis + 1] if axis + 1 < len(shape) else 1
        return tuple(steps) if dim is None else steps[dim]

    def storage_offset(self) -> int:
        """Where the first element is in the memory that this tensor shares, in elements."""
        array = root = self._own()
        while isinstance(root.base, np.ndarray):
            root = root.base
        return int((array.ctypes.data - root.ctypes.data) // array.itemsize)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(self._own().ctypes.data)

    def _own(self) -> Any:
        raise NotImplementedError

    def _array(self, what: str, sizes: bool = False) -> Any:
        """The values, for something that leaves the graph, or for ``sizes`` that depend on them.

        Under a trace there are none yet: TraceError.
        """
        trace = mode_now().trace
        return self._data if trace is None else trace.refuse(self, what, sizes)

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number. Raises RuntimeError for any other size.

        >>> import chainrule as torch
        >>> torch.tensor([2.5]).item()
        2.5
        """
        data = self._array("item()")
        if data.size != 1:
            raise RuntimeError(f"item: a Tensor with {data.size} elements cannot be converted to Scalar: its shape is "
                               f"{shown(data.shape)}{at(user_place())}; reduce it first, for example with .mean()")
        return data.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._array("tolist()").tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """The values as an array that shares memory. Raises RuntimeError on a tensor that requires grad."""
        if self.requires_grad and not force:
            raise GraphError("numpy: Can't call numpy() on Tensor that requires grad: an array keeps no gradient"
                             f"{at(user_place())}. Use tensor.detach().numpy() instead")
        self._array("numpy()")
        return self._own().view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.numpy()
        return np.array(array, dtype=dtype) if copy or (dtype is not None and dtype != array.dtype) else array

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """What NumPy's functions make of a tensor is a tensor again."""
        return type(self)._wrap(np.asarray(array))

    def __bool__(self) -> bool:
        data = self._array("the truth of a tensor")
        if data.size != 1:
            raise RuntimeError(f"bool: Boolean value of Tensor with {'more than one' if data.size else 'no'} values "
                               f"is ambiguous: its shape is {shown(data.shape)}{at(user_place())}; "
                               "use .any(), .all() or compare one element")
        return bool(data)

    def equal(self, other: Any) -> bool:
        """Have both the same shape and elements? NaN equals nothing."""
        if self.np_dtype != other.np_dtype:
            raise DtypeError(f"equal: the dtypes must be equal, got {self.dtype} and {other.dtype}{at(user_place())}")
        return bool(self.shape == other.shape and (self == other).all())

    def allclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        """Do all elements differ by at most atol + rtol · abs(other)?

        >>> import chainrule as torch
        >>> torch.allclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6]))
        True
        """
        return bool(self.isclose(other, rtol, atol, equal_nan).all())

    def _number(self) -> Any:
        """``item()``, with Python's error for what is not one number."""
        if self.shape.numel() != 1:
            raise ValueError(f"only one element tensors can be converted to Python scalars: the shape is "
                             f"{shown(self._data.shape)}{at(user_place())}; reduce it first, for example with .mean()")
        return self.item()

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub":
            raise TypeError("index: only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self._data.shape[0])

    def __iter__(self) -> Iterator[Self]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[k] for k in range(len(self))])

    def __format__(self, spec: str) -> str:
        known = isinstance(self._data, (np.ndarray, np.generic)) and type(self._wrap(0)) is type(self)
        return format(self.item(), spec) if (known or spec) and not self.ndim else object.__format__(self, spec)

    def __repr__(self) -> str:
        if not isinstance(self._data, (np.ndarray, np.generic)):
            return f"tensor(traced, shape={list(self.shape)}, dtype={self.dtype})"
        node = self.grad_fn
        return format_tensor(np.asarray(self._data), dtype_name=self.dtype.name, default_dtype=default.dtype.name,
                             requires_grad=self.requires_grad, grad_fn=node and node.name())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if self.grad_fn is not None:
            raise RuntimeError("deepcopy: only tensors created explicitly by the user (graph leaves) can be copied; "
                               f"detach() this one first{at(user_place())}")
        copy = memo[id(self)] = type(self)._wrap(copied(self._own(), memo))
        copy._requires_grad = self.requires_grad
        copy._grad = deepcopy(self._grad, memo)
        return copy  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (type(self), np.asarray(self._array("pickling")), self.requires_grad)


def copied(array: Any, memo: dict[int, Any]) -> Any:
    """A copy of ``array`` that shares memory with the copies of the arrays that it shares memory with."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not root.flags.c_contiguous or not array.size:
        return np.array(array)
    if id(root) not in memo:
        memo[id(root)] = np.array(root)
    offset = array.ctypes.data - root.ctypes.data
    return np.ndarray(array.shape, array.dtype, memo[id(root)], offset, array.strides)


def _rebuilt(kind: Any, array: Any, requires_grad: bool) -> Any:
    """What pickle calls."""
    out = kind._wrap(array)
    out._requires_grad = requires_grad
    return out
