"""Other dtypes, devices (there is one), memory layouts, and new tensors of a tensor's dtype; a mixin of ``Tensor``."""

from typing import Any, Self

import numpy as np

from chainrule.attributes import Values
from chainrule.errors import ShapeError
from chainrule.modes import current
from chainrule.source import at, user_place
from chainrule.spec import as_dtype, device, dtype, on_cpu, shown
from chainrule.vocabulary import Vocabulary
from chainrule.vocabulary.shapes import sizes_of


class Conversions(Values):
    """Words that change the dtype or the memory of a tensor, never its values."""

    def to(self, *args: Any, dtype: Any = None, copy: bool = False, **place: Any) -> Self:
        """self in another dtype: ``to(dtype)``, ``to(device, dtype)``, ``to(other)``; the only device is the CPU.

        >>> import chainrule as torch
        >>> torch.tensor([1, 2]).to("cpu", torch.float64)
        tensor([1., 2.], dtype=torch.float64)
        """
        flags = [arg for arg in args if isinstance(arg, bool)]
        for arg in args:
            if isinstance(arg, Vocabulary):
                dtype = arg.dtype  # type: ignore[attr-defined]
            elif is_device(arg):
                place["device"] = arg
            elif arg is not None and not isinstance(arg, bool):
                dtype = arg
        on_cpu("to", place)
        return self._as(dtype, copy or (len(flags) > 1 and flags[1]))

    def type(self, dtype: Any = None) -> Any:
        """The name of the dtype as ``"torch.FloatTensor"``, or self in another dtype."""
        if dtype is None:
            return f"torch.{LEGACY[self.dtype.name]}Tensor"
        return self._as(OF_LEGACY.get(str(dtype).removeprefix("torch."), dtype))

    def _as(self, dtype: Any, copy: bool = False) -> Self:
        """self in a dtype; a copy if it has that dtype and one is asked for."""
        out = self if dtype is None else self.cast(as_dtype(dtype).numpy)
        return out.clone() if copy and out is self else out

    def float(self, **place: Any) -> Self: return self._cast("float32", place)
    def double(self, **place: Any) -> Self: return self._cast("float64", place)
    def half(self, **place: Any) -> Self: return self._cast("float16", place)
    def long(self, **place: Any) -> Self: return self._cast("int64", place)
    def int(self, **place: Any) -> Self: return self._cast("int32", place)
    def short(self, **place: Any) -> Self: return self._cast("int16", place)
    def char(self, **place: Any) -> Self: return self._cast("int8", place)
    def byte(self, **place: Any) -> Self: return self._cast("uint8", place)
    def bool(self, **place: Any) -> Self: return self._cast("bool", place)
    def cpu(self, **place: Any) -> Self: return self.to("cpu", **place)

    def _cast(self, name: str, place: Any) -> Self:
        on_cpu(name, place)
        return self.cast(np.dtype(name))

    def type_as(self, other: Any) -> Self:
        """self in the dtype of ``other``."""
        return self.cast(other.np_dtype)

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """There is none here."""
        raise RuntimeError("cuda: chainrule computes on the CPU only; leave out .cuda(), or guard it with "
                           "torch.cuda.is_available(), which is False")

    @property
    def device(self) -> device:
        """Where the memory is: the CPU."""
        return device("cpu")

    @property
    def is_cuda(self) -> Any:
        """Is the memory a GPU's? Never."""
        return False

    # -- memory --------------------------------------------------------------------------------------------------

    def contiguous(self, *, memory_format: Any = None) -> Self:
        """self with its elements in memory in order."""
        if self.is_contiguous():
            return self
        if current.get().trace is not None:
            return self.reshape(-1).clone().reshape(tuple(self.shape))
        out = self.clone()
        out._data = np.ascontiguousarray(out._data)
        return out

    def view(self, *sizes: Any) -> Self:
        """The same memory in another shape; RuntimeError where only a copy could have it."""
        if len(sizes) == 1 and isinstance(sizes[0], dtype):
            raise RuntimeError("view: reading the same bytes as another dtype is not supported; use .to(dtype)")
        out = self.reshape(*sizes)
        if isinstance(out._data, np.ndarray) and not np.may_share_memory(out._data, self._data) and out._data.size:
            raise RuntimeError(f"view: the shape {shown(out.shape)} is not compatible with the memory of a tensor of "
                               f"shape {shown(self.shape)} and stride {self.stride()}; use .reshape(...) instead")
        return out

    # -- new tensors ---------------------------------------------------------------------------------------------

    def new_zeros(self, *size: Any, dtype: Any = None, requires_grad: Any = False, **place: Any) -> Self:
        """Zeros of this dtype, or another."""
        return self._new("new_zeros", size, 0, dtype, requires_grad, place)

    def new_ones(self, *size: Any, dtype: Any = None, requires_grad: Any = False, **place: Any) -> Self:
        """Ones of this dtype, or another."""
        return self._new("new_ones", size, 1, dtype, requires_grad, place)

    def new_empty(self, *size: Any, dtype: Any = None, requires_grad: Any = False, **place: Any) -> Self:
        """A tensor of this dtype, or another, to be filled; it holds zeros."""
        return self._new("new_empty", size, 0, dtype, requires_grad, place)

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: Any = False,
                 **place: Any) -> Self:  # fmt: skip
        """A tensor of this dtype, or another, every element ``fill_value``."""
        return self._new("new_full", (size,), fill_value, dtype, requires_grad, place)

    def new_tensor(self, data: Any, *, dtype: Any = None, requires_grad: Any = False, **place: Any) -> Self:
        """A copy of ``data`` in this dtype, or another."""
        on_cpu("new_tensor", place)
        array = np.array(data.detach()._array("new_tensor()") if isinstance(data, Values) else data)
        out = self._wrap(array.astype(self.np_dtype if dtype is None else as_dtype(dtype).numpy))
        trace = current.get().trace
        if trace is not None:
            trace.constant(out)
        return out.requires_grad_(requires_grad)  # type: ignore[no-any-return]

    def _new(self, word: str, size: Any, number: Any, dtype: Any, requires_grad: Any, place: Any) -> Self:
        on_cpu(word, place)
        shape = tuple(sizes_of(size))
        if any(s < 0 for s in shape):
            raise ShapeError(f"{word}: Trying to create tensor with negative dimension: {list(shape)}"
                             f"{at(user_place())}")
        like: Any = self if dtype is None else self._wrap(np.empty((), as_dtype(dtype).numpy))
        return like._full(shape, number).requires_grad_(requires_grad)  # type: ignore[no-any-return]


LEGACY = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int", "int16": "Short",
          "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
OF_LEGACY = {f"{legacy}Tensor": name for name, legacy in LEGACY.items()}


def is_device(arg: Any) -> bool:
    """Does this name a device?"""
    return isinstance(arg, (str, device))

