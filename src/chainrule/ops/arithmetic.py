"""Arithmetic, powers, exponentials, trigonometric and hyperbolic functions, and their kinked relatives."""

import operator
from typing import Any

import numpy as np

from chainrule.op import elementwise, piecewise
from chainrule.ops.sampling import binary, misfits, unary


def power(x: Any, y: Any) -> Any:
    return x * x * x if type(y) in (int, float) and y == 3 else x**y


def log_of(x: Any, out: Any) -> Any:
    """log x of a base that may be a Python number."""
    return (x if hasattr(x, "log") else out.new_full((), x)).log()


def sigmoid_of(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


add = elementwise("add", operator.add, d=(1, 1), infix="+", promotes="common", samples=binary, refuses=misfits)
sub = elementwise("sub", operator.sub, d=(1, -1), infix="-", promotes="common", samples=binary, refuses=misfits)
mul = elementwise("mul", operator.mul, d=(lambda y: y, lambda x: x), infix="*", promotes="common", samples=binary,
                  refuses=misfits)
div = elementwise("div", operator.truediv, d=(lambda g, y: g / y, lambda g, y, out: -g * (out / y)), infix="/",
                  samples=binary, refuses=misfits)
pow = elementwise("pow", power, d=(lambda x, y: (y * x ** (y - 1)).masked_fill(y == 0, 0),
                  lambda x, out: (out * log_of(x, out)).masked_fill(x == 0, 0)), infix="**", promotes="common",
                  samples=lambda: binary(0.3, 2.0), refuses=misfits)
neg = elementwise("neg", operator.neg, d=(-1,), promotes="common", scalar=operator.neg, samples=unary)
abs = elementwise("abs", np.abs, d=(lambda x: x.sign(),), promotes="common", samples=unary)
sign = elementwise("sign", np.sign, d=(0,), promotes="common", samples=unary)

exp = elementwise("exp", np.exp, d=(lambda out: out,), samples=unary)
log = elementwise("log", np.log, d=(lambda g, x: g / x,), samples=lambda: unary(0.2, 3.0))
sqrt = elementwise("sqrt", np.sqrt, d=(lambda g, out: g / (2 * out),), samples=lambda: unary(0.2, 3.0))
sin = elementwise("sin", np.sin, d=(lambda x: x.cos(),), samples=unary)
cos = elementwise("cos", np.cos, d=(lambda x: -x.sin(),), samples=unary)
tanh = elementwise("tanh", np.tanh, d=(lambda out: 1 - out * out,), samples=unary)
sigmoid = elementwise("sigmoid", sigmoid_of, d=(lambda out: out * (1 - out),), samples=unary,
                      scalar=lambda x: 1 / (1 + (-x).exp()))

relu = piecewise("relu", lambda x: np.maximum(x, 0), ([(lambda out: out > 0, 1)],), promotes="common", samples=unary)
maximum = piecewise("maximum", np.maximum, ([(lambda x, y: x > y, 1), (lambda x, y: x == y, 0.5)],
                    [(lambda x, y: x < y, 1), (lambda x, y: x == y, 0.5)]), promotes="common", samples=binary,
                    scalar=lambda x, y: x.maximum(y), refuses=misfits)
minimum = piecewise("minimum", np.minimum, ([(lambda x, y: x < y, 1), (lambda x, y: x == y, 0.5)],
                    [(lambda x, y: x > y, 1), (lambda x, y: x == y, 0.5)]), promotes="common", samples=binary,
                    scalar=lambda x, y: x.minimum(y), refuses=misfits)
