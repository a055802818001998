"""Activation functions: what a layer's outputs pass through, element by element or along one axis."""

import math
from typing import Any

import numpy as np

from chainrule.generator import default_generator
from chainrule.nn.functional.naming import recorded_as
from chainrule.tensors import Tensor, wrap


def _maybe_in_place(input: Tensor, out: Tensor, inplace: bool) -> Tensor:
    return input._write(out) if inplace else out


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)."""
    return _maybe_in_place(input, input.relu(), inplace)


def relu_(input: Tensor) -> Tensor:
    """max(x, 0), written into x."""
    return relu(input, True)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x held between 0 and 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x held between two bounds; no gradient where it is held, nor on a bound."""
    inside = (input > min_val) & (input < max_val)
    return _maybe_in_place(input, input.where(inside, input.detach().clamp(min_val, max_val)), inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    return _maybe_in_place(input, input.where(input > 0, input * negative_slope), inplace)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight · x, with one weight per channel (axis 1) or one for all."""
    weight = weight.reshape(()) if weight.numel() == 1 else weight.reshape((-1,) + (1,) * (input.ndim - 2))
    positive = input > 0
    return input.where(positive, input.masked_fill(positive, 0) * weight)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else ``value``."""
    return _maybe_in_place(input, input.masked_fill(input <= threshold, value), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha · (eˣ − 1)."""
    out = (input.clamp(max=0).expm1() * alpha).where(input <= 0, input)
    return _maybe_in_place(input, out, inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha · (e^(x / alpha) − 1)."""
    out = ((input.clamp(max=0) / alpha).expm1() * alpha).where(input <= 0, input)
    return _maybe_in_place(input, out, inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """elu scaled so that unit normal inputs keep mean and variance (Klambauer et al., 2017)."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    out = (input.clamp(max=0).expm1() * alpha).where(input <= 0, input) * scale
    return _maybe_in_place(input, out, inplace)


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """x where x > 0, else x times a slope: drawn from [lower, upper) in training, else their mean."""
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    negative = np.asarray((input.detach() <= 0)._array("rrelu in training"))
    slopes = np.ones(negative.shape, input.np_dtype)
    lower, upper = (float(slopes.dtype.type(bound)) for bound in (lower, upper))
    slopes[negative] = lower + (upper - lower) * default_generator.rand((int(negative.sum()),), np.float64)
    return _maybe_in_place(input, input * wrap(slopes), inplace)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax((logits + Gumbel noise) / tau), a sample that gradients pass through; ``hard`` makes it one-hot.

    Source: E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017.
    """
    noise = -logits.detach().clone().exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    chosen = soft.detach().argmax(dim, True)
    return soft.detach().new_zeros(soft.shape).scatter(dim, chosen, 1.0) - soft.detach() + soft


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the normal distribution function; ``"tanh"`` is Hendrycks and Gimpel's approximation (2016)."""
    if approximate == "none":
        return input * 0.5 * (1 + (input * math.sqrt(0.5)).erf())
    if approximate != "tanh":
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, got {approximate!r}")
    inner = math.sqrt(2 / math.pi) * (input + 0.044715 * (input * input * input))
    return 0.5 * input * (1 + inner.tanh())


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x)."""
    return _maybe_in_place(input, input * input.sigmoid(), inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · tanh(softplus(x))."""
    return _maybe_in_place(input, input * softplus(input).tanh(), inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta; x itself where beta x > threshold, where both agree."""
    scaled = input * beta
    large = scaled > threshold
    return input.where(large, scaled.masked_fill(large, 0).exp().log1p() / beta)


@recorded_as("log_sigmoid")
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    return input.minimum(0) - (-input.abs()).exp().log1p()


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (1 + input.abs())


def tanhshrink(input: Tensor) -> Tensor:
    """x − tanh(x)."""
    return input - input.tanh()


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0."""
    return input.masked_fill(input.abs() <= lambd, 0)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, 0 where it would cross."""
    return (input - input.detach().sign() * lambd).masked_fill(input.abs() <= lambd, 0)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """(x + 3) / 6 held between 0 and 1."""
    return _maybe_in_place(input, hardtanh(input + 3, 0.0, 6.0) / 6, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x)."""
    return _maybe_in_place(input, input * hardtanh(input + 3, 0.0, 6.0) / 6, inplace)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """eˣ / Σ eˣ along ``dim``."""
    return _typed(input, dtype).softmax(_axis(input, dim))


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax of −x."""
    return (-_typed(input, dtype)).softmax(_axis(input, dim))


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """x − log Σ eˣ along ``dim``."""
    return _typed(input, dtype).log_softmax(_axis(input, dim))


def _typed(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else input.to(dtype)


def _axis(input: Tensor, dim: int | None) -> int:
    """PyTorch's old default: the channels."""
    return dim if dim is not None else 0 if input.ndim in (0, 1, 3) else 1


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along ``dim`` times the sigmoid of the second."""
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {dim} is size {size}")
    return input.narrow(dim, 0, size // 2) * input.narrow(dim, size // 2, size // 2).sigmoid()


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x over its p-norm along ``dim``, which counts as ``eps`` at least."""
    return input / input.norm(p, dim, True).clamp(min=eps)
