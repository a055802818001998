"""How PyTorch prints tensors, for NumPy arrays.

Printing goes in three steps: choose the elements that are shown, write each of them as a cell of text, lay the cells
out in brackets. Only chosen elements are read, so a tensor of a million elements prints as fast as one of a thousand.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrintOptions", "format_parameter", "format_tensor", "set_printoptions"]


@dataclass(frozen=True)
class PrintOptions:
    """What `set_printoptions` sets; the defaults are PyTorch's.

    `precision` counts digits after the point; an array of more than `threshold` elements shows only the first and last
    `edgeitems` of each axis; lines break at `linewidth` columns; `sci_mode` forces (True) or forbids (False) scientific
    notation, and None lets the magnitudes decide.
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
_options = _PROFILES["default"]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print, for the whole process.

    A `profile` ("default", "short" or "full") sets every option first; then each option that is given takes effect,
    and those left out stay. As in PyTorch, `sci_mode` is the exception: left out, it returns to None.

    Raises ValueError for an unknown profile, and for an option that is negative or not a whole number (`threshold` may
    be infinite); nothing is set then.

    >>> set_printoptions(precision=2)
    >>> format_tensor(np.array([0.5, 0.25]), dtype_name="float32")
    'tensor([0.50, 0.25])'
    >>> set_printoptions(profile="default")
    """
    global _options
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"set_printoptions: unknown profile {profile!r}; choose one of {', '.join(_PROFILES)}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        whole = isinstance(value, Integral) or (name == "threshold" and value == math.inf)
        if not whole or value < 0:
            raise ValueError(f"set_printoptions: {name} must be a whole number, 0 or more, but got {value!r}")
    _options = replace(_options if profile is None else _PROFILES[profile], **changes, sci_mode=sci_mode)


def format_tensor(
    array: NDArray[Any],
    *,
    dtype_name: str,
    default_dtype: str = "float32",
    requires_grad: bool = False,
    grad_fn: str | None = None,
    prefix: str = "tensor(",
    indent: int = 0,
) -> str:
    """The text that `repr` of a PyTorch tensor with these values gives, to the character.

    `dtype_name` is the tensor's dtype and `default_dtype` the one new floats get, both as in "float32": a dtype that
    its values suggest is left out. `grad_fn` is the name of the node that made the tensor, "MulBackward0". The text
    starts with `prefix` at column `indent`; later lines are moved right so that the elements stay aligned.

    >>> print(format_tensor(np.array([[1.0, 2.5], [-3.0, np.inf]]), dtype_name="float64", grad_fn="AddBackward0"))
    tensor([[ 1.0000,  2.5000],
            [-3.0000,     inf]], dtype=torch.float64, grad_fn=<AddBackward0>)
    """
    options = _options
    column = indent + len(prefix)
    suffixes = []
    if (array.ndim != 1) if array.size == 0 else (options.edgeitems == 0):
        suffixes.append(f"size={array.shape}")
    if not _is_implied(dtype_name, default_dtype, empty=array.size == 0):
        suffixes.append(f"dtype=torch.{dtype_name}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")

    text = prefix + _body(array, column, options)
    # PyTorch keeps two columns free on the line where the elements end, and none on the lines of suffixes below it.
    used = len((" " * indent + text).rpartition("\n")[2]) + 2
    for suffix in suffixes:
        joined = f", {suffix}"
        if used + len(joined) <= options.linewidth:
            text, used = text + joined, used + len(joined)
        else:
            text, used = f"{text},\n{' ' * column}{suffix}", column + len(suffix)
    return text + ")"


def format_parameter(
    array: NDArray[Any], *, dtype_name: str, default_dtype: str = "float32", requires_grad: bool = True
) -> str:
    """The text of an `nn.Parameter`: a heading, then the tensor on its own lines.

    >>> print(format_parameter(np.zeros(2), dtype_name="float32"))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """
    tensor = format_tensor(array, dtype_name=dtype_name, default_dtype=default_dtype, requires_grad=requires_grad)
    return "Parameter containing:\n" + tensor


def _is_implied(dtype: str, default: str, *, empty: bool) -> bool:
    """Whether the printed elements alone tell the dtype; with no elements to read, only the default goes unsaid."""
    if empty:
        return dtype == default
    return dtype in {default, "int64", "bool", "complex128" if default == "float64" else "complex64"}


def _body(array: NDArray[Any], column: int, options: PrintOptions) -> str:
    """The elements in their brackets, the first bracket being at `column`."""
    if array.size == 0:
        return "[]"
    edge = options.edgeitems
    cut = [array.size > options.threshold and length > 2 * edge for length in array.shape]
    if any(cut):
        if edge == 0:
            return "[...]"
        chosen = [np.r_[:edge, n - edge : n] if c else np.arange(n) for n, c in zip(array.shape, cut, strict=True)]
        array = array[np.ix_(*chosen)]
    texts, width = _cells(array.ravel().tolist(), options)
    cells = iter(texts)
    last = array.ndim - 1
    per_line = max(1, (options.linewidth - column - last) // (width + len(", ")))

    def block(axis: int) -> str:
        if axis > last:
            return next(cells)
        parts = [block(axis + 1) for _ in range(array.shape[axis])]
        if cut[axis]:
            parts.insert(edge, " ..." if axis == last else "...")
        if axis == last:
            parts = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
        newlines = "\n" * max(1, last - axis)
        return "[" + f",{newlines}{' ' * (column + axis + 1)}".join(parts) + "]"

    return block(0)


def _cells(values: list[Any], options: PrintOptions) -> tuple[list[str], int]:
    """Each value as text, and the width of a column of them."""
    match values[0]:
        case complex():
            real, real_width = _float_cells([value.real for value in values], options)
            imag, imag_width = _float_cells([value.imag for value in values], options)
            pairs = zip(real, map(str.lstrip, imag), strict=True)
            return [f"{x}{'' if y[0] == '-' else '+'}{y}j" for x, y in pairs], real_width + imag_width + 1
        case float():
            return _float_cells(values, options)
    texts = [str(value) for value in values]
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts], width


def _float_cells(values: list[float], options: PrintOptions) -> tuple[list[str], int]:
    # Zeros, infinities and nan have no say in the notation or in the column's width, even where they are the widest.
    deciding = [value for value in values if value and math.isfinite(value)]
    write = _float_writer(deciding, options)
    width = max((len(write(value)) for value in deciding), default=1)
    return [write(value).rjust(width) for value in values], width


def _float_writer(deciding: list[float], options: PrintOptions) -> Callable[[float], str]:
    """One notation for all: scientific over a wide range, whole numbers as "1.", else a fixed number of digits."""
    scientific = False
    if deciding:
        smallest, largest = min(map(abs, deciding)), max(map(abs, deciding))
        spread = largest / smallest > 1e3 or largest > 1e8 or smallest < 1e-4
        scientific = spread if options.sci_mode is None else options.sci_mode
    if scientific:
        return f"{{:.{options.precision}e}}".format
    if all(value.is_integer() for value in deciding):
        return lambda value: f"{value:.0f}." if math.isfinite(value) else str(value)
    return f"{{:.{options.precision}f}}".format
