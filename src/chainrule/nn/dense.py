"""Layers of weights and shapes: linear maps, look-ups, dropout, flattening."""

import math
from typing import Any

import numpy as np

import chainrule.nn.functional as F
from chainrule.nn import init
from chainrule.nn.module import Module, settings
from chainrule.nn.parameter import Parameter
from chainrule.spec import as_dtype, default
from chainrule.tensors import Tensor, wrap


def uninitialized(*shape: int, dtype: Any = None) -> Parameter:
    """A parameter of a shape, to be filled."""
    return Parameter(wrap(np.zeros(shape, default.dtype if dtype is None else as_dtype(dtype).numpy)))


class Identity(Module):
    """Gives back its input, whatever it was made with."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x Wᵀ + b.

    >>> import chainrule as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.Linear(2, 1).weight
    Parameter containing:
    tensor([[-0.0053,  0.3793]], requires_grad=True)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = uninitialized(out_features, in_features, dtype=dtype)
        if bias:
            self.bias = uninitialized(out_features, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in ±1 / √in_features."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        reset_bias(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def reset_bias(weight: Tensor, bias: Tensor | None) -> None:
    """Draw a bias, uniform in ±1 / √(fan in of the weight)."""
    if bias is not None:
        fan_in, _ = init.fans(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        init.uniform_(bias, -bound, bound)


class Bilinear(Module):
    """y[k] = x₁ᵀ W[k] x₂ + b[k]."""

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
                 dtype: Any = None):
        super().__init__()
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = uninitialized(out_features, in1_features, in2_features, dtype=dtype)
        if bias:
            self.bias = uninitialized(out_features, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in ±1 / √in1_features."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")


class Embedding(Module):
    """A table of rows, looked up by number."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
                 max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, _weight: Any = None, _freeze: bool = False, device: Any = None,
                 dtype: Any = None):
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertionError("Padding_idx must be within num_embeddings")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            self.weight = uninitialized(num_embeddings, embedding_dim, dtype=dtype)
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight)
        self.weight.requires_grad = not _freeze

    def reset_parameters(self) -> None:
        """Draw new initial values, standard normal; the padding row is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with init.unrecorded:
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                           self.sparse)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None,
                        **kwargs: Any) -> "Embedding":
        """A table of given rows; frozen unless told otherwise."""
        rows, columns = embeddings.shape
        return cls(rows, columns, padding_idx, _weight=embeddings, _freeze=freeze, **kwargs)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        return text if self.norm_type == 2 else f"{text}, norm_type={self.norm_type}"


class EmbeddingBag(Module):
    """Sums, means or maxima over bags of rows of a table."""

    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
                 scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
                 include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None,
                 dtype: Any = None):
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = uninitialized(num_embeddings, embedding_dim, dtype=dtype) if _weight is None else (
            Parameter(_weight))  # fmt: skip
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, standard normal; the padding row is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with init.unrecorded:
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                               self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx)

    def extra_repr(self) -> str:
        usual = {"max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
        own = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        own += [f"mode={self.mode!r}"] + ([f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else [])
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *own])


class PReLU(Module):
    """x where x > 0, else a learned weight · x."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = uninitialized(num_parameters, dtype=dtype)
        self.weight.data.fill_(init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Softmax2d(Module):
    """softmax over the channels of images."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, -3)


class _Dropout(Module):
    """Base of the dropouts: omits in training, and only then."""

    omit: Any

    def __init__(self, p: float = 0.5, inplace: bool = False):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).omit(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return settings(self, "p inplace")


class Dropout(_Dropout):
    """In training, each element is 0 with probability p, else 1 / (1 − p) times as large (Srivastava et al., 2014)."""

    omit = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """Dropout of whole channels of sequences."""

    omit = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """Dropout of whole channels of images."""

    omit = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """Dropout of whole channels of volumes."""

    omit = staticmethod(F.dropout3d)


class FeatureAlphaDropout(_Dropout):
    """``AlphaDropout`` of whole channels."""

    omit = staticmethod(F.feature_alpha_dropout)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and variance of selu's outputs."""

    omit = staticmethod(F.alpha_dropout)


class Flatten(Module):
    """The axes from ``start_dim`` to ``end_dim`` as one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several, of sizes ``unflattened_size``."""

    def __init__(self, dim: int, unflattened_size: Any):
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        axis = self.dim % input.ndim
        return input.reshape((*input.shape[:axis], *self.unflattened_size, *input.shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
