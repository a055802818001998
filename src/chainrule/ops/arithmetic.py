"""Arithmetic, powers, whole parts and remainders, and the kinked ops: extrema and bounds."""

import operator
from typing import Any

import numpy as np

from chainrule.errors import DtypeError
from chainrule.op import elementwise, piecewise
from chainrule.ops.sampling import binary, misfits, unary


def power(x: Any, y: Any) -> Any:
    if type(y) in (int, float) and y in (3, -0.5):
        return x * x * x if y == 3 else 1 / np.sqrt(x)
    return x**y


def log_of(x: Any, out: Any) -> Any:
    """log x of a base that may be a Python number."""
    return (x if hasattr(x, "log") else out.new_full((), x)).log()


def sign_of(x: Any) -> Any:
    """0 of NaN, as PyTorch has it."""
    return (x > 0).astype(x.dtype) - (x < 0) if x.dtype.kind != "b" else x.copy()


def divided(ufunc: Any) -> Any:
    """A division that leaves whole numbers whole, and so cannot divide them by 0."""

    def forward(x: Any, y: Any) -> Any:
        out = ufunc(x, y)
        if np.result_type(x, y).kind == "b":
            raise DtypeError("not implemented for bool; convert it: x.int()")
        if out.dtype.kind in "iu" and not np.all(y):
            raise DtypeError("ZeroDivisionError: an integer is divided by 0, and integers have no infinity and no NaN; "
                             "convert the tensor first (x.float())")
        return out

    return forward


def whole(ufunc: Any) -> Any:
    """A rounding, which leaves whole numbers as they are."""
    return lambda x: ufunc(x) if x.dtype.kind == "f" else x.copy()


add = elementwise("add", operator.add, d=(1, 1), infix="+", promotes="common", samples=binary, refuses=misfits)
sub = elementwise("sub", operator.sub, d=(1, -1), infix="-", promotes="common", refuses_kinds="b", samples=binary,
                  refuses=misfits)
mul = elementwise("mul", operator.mul, d=(lambda y: y, lambda x: x), infix="*", promotes="common", samples=binary,
                  refuses=misfits)
div = elementwise("div", operator.truediv, d=(lambda g, y: g / y, lambda g, x, y: -g * (x / y / y)), infix="/",
                  samples=binary, refuses=misfits)
reciprocal = elementwise("reciprocal", lambda x: 1 / x, d=(lambda g, out: -g * (out * out),), scalar=lambda x: 1 / x,
                         samples=lambda: unary(0.3, 2.0))
pow = elementwise("pow", power, d=(lambda g, x, y: (g * (y * x ** (y - 1))).masked_fill(y == 0, 0),
                  lambda x, y, out: (out * log_of(x, out)).masked_fill((x == 0) & (y >= 0), 0)), infix="**",
                  promotes="common", samples=lambda: binary(0.3, 2.0), refuses=misfits)
neg = elementwise("neg", operator.neg, d=(-1,), promotes="common", refuses_kinds="b", scalar=operator.neg,
                  samples=unary)
abs = elementwise("abs", np.abs, d=(lambda x: x.sign(),), promotes="common", refuses_kinds="b", samples=unary)
sign = elementwise("sign", sign_of, d=(0,), promotes="common", samples=unary)

floor = elementwise("floor", whole(np.floor), d=(0,), promotes="common", refuses_kinds="b", samples=unary)
ceil = elementwise("ceil", whole(np.ceil), d=(0,), promotes="common", refuses_kinds="b", samples=unary)
trunc = elementwise("trunc", whole(np.trunc), d=(0,), promotes="common", refuses_kinds="b", samples=unary)
round = elementwise("round", whole(np.rint), d=(0,), promotes="common", refuses_kinds="b", samples=unary)
floor_divide = elementwise("floor_divide", divided(np.floor_divide), d=(0, 0), promotes="common", samples=binary,
                           scalar=lambda x, y: x.floor_divide(y), refuses=misfits)
remainder = elementwise("remainder", divided(np.remainder), d=(1, lambda g, x, y: -g * (x // y)),
                        promotes="common", samples=binary, scalar=lambda x, y: x.remainder(y), refuses=misfits)
fmod = elementwise("fmod", divided(np.fmod), d=(1, lambda g, x, y: -g * (x / y).trunc()), promotes="common",
                   samples=binary, scalar=lambda x, y: x.fmod(y), refuses=misfits)

# At NaN the gradient passes, as PyTorch has it: the pieces say where it is 0.
relu = piecewise("relu", lambda x: np.maximum(x, 0), ([(lambda out: out <= 0, 0), (None, 1)],), promotes="common",
                 refuses_kinds="b", samples=unary)
maximum = piecewise("maximum", np.maximum, ([(lambda x, y: x == y, 0.5), (lambda x, y: x < y, 0), (None, 1)],
                    [(lambda x, y: x == y, 0.5), (lambda x, y: x > y, 0), (None, 1)]), promotes="common",
                    samples=binary, scalar=lambda x, y: x.maximum(y), refuses=misfits)
minimum = piecewise("minimum", np.minimum, ([(lambda x, y: x == y, 0.5), (lambda x, y: x > y, 0), (None, 1)],
                    [(lambda x, y: x == y, 0.5), (lambda x, y: x < y, 0), (None, 1)]), promotes="common",
                    samples=binary, scalar=lambda x, y: x.minimum(y), refuses=misfits)
clamp_min = piecewise("clamp_min", np.maximum, ([(lambda x, y: x >= y, 1)], [(lambda x, y: x < y, 1)]),
                      promotes="common", samples=binary, scalar=lambda x, y: x.maximum(y), refuses=misfits)
clamp_max = piecewise("clamp_max", np.minimum, ([(lambda x, y: x <= y, 1)], [(lambda x, y: x > y, 1)]),
                      promotes="common", samples=binary, scalar=lambda x, y: x.minimum(y), refuses=misfits)
