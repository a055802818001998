"""Making tensors: from data, constants, ranges and random numbers; PyTorch's names and defaults."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.modes import current
from chainrule.source import at, user_place
from chainrule.spec import as_dtype, default, dtype, number_dtype, on_cpu
from chainrule.tensors import Tensor, wrap
from chainrule.vocabulary.shapes import sizes_of

DType = Any


def made(array: Any, requires_grad: bool = False) -> Tensor:
    """A leaf around an array; a constant when a step is being traced."""
    out = wrap(array)
    trace = current.get().trace
    if trace is not None and isinstance(array, (np.ndarray, np.generic)):
        trace.constant(out)
    if requires_grad:
        out.requires_grad = True
    return out


def numpy_dtype(given: DType) -> np.dtype[Any]:
    return default.dtype if given is None else as_dtype(given).numpy


def tensor(data: Any, *, dtype: DType = None, requires_grad: bool = False, **place: Any) -> Tensor:
    """A tensor with a copy of ``data``: numbers, nested sequences, an array, a tensor.

    Python floats become the default dtype, ints int64, bools bool; NumPy arrays keep their dtype.

    >>> import chainrule as torch
    >>> torch.tensor([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    on_cpu("tensor", place)
    if isinstance(data, Tensor):
        data = data.detach()._array("tensor()")
    elif isinstance(data, (list, tuple)):
        data = _unwrapped(data)
    elif isinstance(data, str):
        raise TypeError(f"tensor: new(): invalid data type 'str': {data!r}{at(user_place())}")
    try:
        array = np.array(data)
    except ValueError as error:
        ragged = ValueError if isinstance(data[0], list) else TypeError  # PyTorch's types, by what stands first
        raise ragged(f"tensor: expected nested sequences of equal length{at(user_place())}; {error}") from None
    if array.dtype.kind not in "biufc":
        strange = RuntimeError if array.dtype.kind == "O" else ValueError if array.ndim else TypeError
        raise strange(f"tensor: Could not infer dtype of {type(data).__name__}: cannot read {data!r} as numbers"
                      f"{at(user_place())}")
    if dtype is not None:
        array = array.astype(as_dtype(dtype).numpy)
    elif not isinstance(data, (np.ndarray, np.generic)) and array.dtype.kind in "fc":
        array = array.astype(number_dtype(array.reshape(-1)[0].item() if array.size else 0.0))
    return made(array if array.ndim else array[()], requires_grad)


def _unwrapped(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data.tolist()
    return [_unwrapped(d) for d in data] if isinstance(data, (list, tuple)) else data


def as_tensor(data: Any, dtype: DType = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy where possible."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return from_numpy(data).to(dtype=dtype) if isinstance(data, np.ndarray) else tensor(data, dtype=dtype)


def from_numpy(array: Any) -> Tensor:
    """A tensor that shares memory with ``array``."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected np.ndarray (got {type(array).__name__})")
    if array.dtype.kind not in "fiubc":
        raise TypeError(f"from_numpy: can't convert np.ndarray of type {array.dtype}; the elements must be numbers")
    if any(stride < 0 for stride in array.strides):
        raise ValueError("from_numpy: at least one stride in the given numpy array is negative, and tensors with "
                         "negative strides are not supported; make a copy of the array, array.copy()")
    return wrap(array)


def full(size: Sequence[int], fill_value: Any, *, dtype: DType = None, requires_grad: bool = False,
         **place: Any) -> Tensor:
    """Every element ``fill_value``."""
    on_cpu("full", place)
    kind = number_dtype(fill_value) if dtype is None else as_dtype(dtype).numpy
    return made(np.full(shape_of("full", (size,)), fill_value, kind), requires_grad)


def shape_of(name: str, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    try:
        shape = tuple(map(operator.index, sizes_of(sizes)))
    except TypeError:
        raise TypeError(f"{name}(): argument 'size' must be tuple of ints, but found {sizes}"
                        f"{at(user_place())}") from None
    if any(s < 0 for s in shape):
        raise ShapeError(f"{name}: Trying to create tensor with negative dimension: {list(shape)}{at(user_place())}")
    return shape


def _constant(name: str, value: int) -> Any:
    def of_size(*size: Any, dtype: DType = None, requires_grad: bool = False, **place: Any) -> Tensor:
        on_cpu(name, place)
        return made(np.full(shape_of(name, size), value, numpy_dtype(dtype)), requires_grad)

    def like(input: Tensor, *, dtype: DType = None, requires_grad: bool = False, **place: Any) -> Tensor:
        on_cpu(name + "_like", place)
        kind = input.np_dtype if dtype is None else as_dtype(dtype).numpy
        return made(np.full(tuple(input.shape), value, kind), requires_grad)

    of_size.__name__, like.__name__ = name, name + "_like"
    of_size.__doc__ = f"A tensor of the given size, every element {value}."
    like.__doc__ = f"A tensor of the shape and dtype of ``input``, every element {value}."
    return of_size, like


zeros, zeros_like = _constant("zeros", 0)
ones, ones_like = _constant("ones", 1)
empty, empty_like = _constant("empty", 0)


def full_like(input: Tensor, fill_value: Any, *, dtype: DType = None, requires_grad: bool = False,
              **place: Any) -> Tensor:
    """A tensor of the shape and dtype of ``input``, every element ``fill_value``."""
    return full(tuple(input.shape), fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad, **place)


def eye(n: int, m: int | None = None, *, dtype: DType = None, requires_grad: bool = False, **place: Any) -> Tensor:
    """The identity matrix, n × n or n × m."""
    on_cpu("eye", place)
    if n < 0 or (m or 0) < 0:
        raise RuntimeError(f"eye: n and m must be greater or equal to 0, got n={n}, m={m}{at(user_place())}")
    return made(np.eye(n, m, dtype=numpy_dtype(dtype)), requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: DType = None, requires_grad: bool = False,
           **place: Any) -> Tensor:
    """Numbers from ``start`` up to, not including, ``end``."""
    on_cpu("arange", place)
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (v.item() if hasattr(v, "item") else v for v in (start, end, step))
    whole = all(isinstance(v, int) for v in (start, end, step))
    if not step or not math.isfinite(end - start) or (end - start) * step < 0:
        raise RuntimeError(f"arange: upper bound and lower bound inconsistent with step sign, or no finite step: "
                           f"from {start} to {end} by {step}{at(user_place())}")
    kind = as_dtype(dtype).numpy if dtype is not None else np.dtype("int64") if whole else default.dtype
    count = -((start - end) // step) if whole else math.ceil((end - start) / step)
    return made((start + step * np.arange(count)).astype(kind), requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: DType = None, requires_grad: bool = False,
             **place: Any) -> Tensor:
    """``steps`` evenly spaced numbers from ``start`` to ``end``, both included.

    The first half counts from ``start``, the second back from ``end``, each in the result's dtype, as PyTorch does.
    """
    on_cpu("linspace", place)
    if steps < 0:
        raise RuntimeError(f"linspace: number of steps must be non-negative, got {steps}{at(user_place())}")
    kind = numpy_dtype(dtype)
    if steps == 1:
        return made(np.array([start], kind), requires_grad)
    step = kind.type((kind.type(end) - kind.type(start)) / kind.type(max(steps - 1, 1)))
    k = np.arange(steps)
    rising = kind.type(start) + step * k.astype(kind)
    falling = kind.type(end) - step * (steps - 1 - k).astype(kind)
    return made(np.where(k < steps // 2, rising, falling), requires_grad)


def set_default_dtype(d: dtype) -> None:
    """The dtype that Python floats become. Raises TypeError unless it is a floating one."""
    if not d.is_floating_point:
        raise TypeError(f"set_default_dtype: only floating-point types are supported as the default type, not {d}")
    default.dtype = d.numpy


def get_default_dtype() -> dtype:
    """The dtype that Python floats become."""
    return as_dtype(default.dtype)


def is_tensor(obj: Any) -> bool:
    """Is this a tensor?"""
    return isinstance(obj, Tensor)

