"""The matrix product of the BLAS that NumPy carries, found by symbol in NumPy's own extension module."""

import ctypes
from functools import cache

import numpy as np

NAMES = ("scipy_cblas_{}gemm64_", "cblas_{}gemm64_")  # with 64-bit sizes, as NumPy's wheels have had them


@cache
def gemm() -> tuple[int, int] | None:
    """The addresses of CBLAS's sgemm and dgemm, or None where NumPy has another BLAS or hides it."""
    try:
        library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    for name in NAMES:
        found = [getattr(library, name.format(letter), None) for letter in "sd"]
        addresses = [ctypes.cast(f, ctypes.c_void_p).value for f in found if f is not None]
        if len(addresses) == 2 and all(addresses):
            return addresses[0] or 0, addresses[1] or 0
    return None
