"""PyTorch's old constructors: ``FloatTensor([1, 2])``, ``LongTensor(2, 3)``. New code writes ``torch.tensor``."""

from typing import Any

import numpy as np

from chainrule.attributes import Size
from chainrule.creation import tensor
from chainrule.spec import DTYPES, dtype
from chainrule.tensors import Tensor, wrap

__all__ = ["BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
           "LongTensor", "ShortTensor"]


class _Typed(type):
    """The type of the old constructors: a tensor is an instance of the one of its dtype."""

    dtype: dtype

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        if len(data) == 1 and isinstance(data[0], Size):
            data = tuple(data[0])
        if all(isinstance(d, int) for d in data) and data:
            return wrap(np.zeros(data, cls.dtype.numpy))
        (values,) = data or ([],)
        if isinstance(values, Tensor) and values.dtype is not cls.dtype:
            raise TypeError(f"expected {cls.dtype} (got {values.dtype}); convert it: x.to({cls.dtype})")
        return values if isinstance(values, Tensor) else tensor(values, dtype=cls.dtype)


def _typed(name: str, dtype: str) -> Any:
    return _Typed(name, (), {"dtype": DTYPES[dtype], "__doc__": f"A tensor of dtype {dtype}: of sizes, or of values."})


FloatTensor, DoubleTensor, HalfTensor = (_typed("FloatTensor", "float32"), _typed("DoubleTensor", "float64"),
                                         _typed("HalfTensor", "float16"))
LongTensor, IntTensor, ShortTensor = (_typed("LongTensor", "int64"), _typed("IntTensor", "int32"),
                                      _typed("ShortTensor", "int16"))
CharTensor, ByteTensor, BoolTensor = (_typed("CharTensor", "int8"), _typed("ByteTensor", "uint8"),
                                      _typed("BoolTensor", "bool"))
