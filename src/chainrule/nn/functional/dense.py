"""Products with weights, look-ups and random omissions."""


import numpy as np

from chainrule.generator import default_generator
from chainrule.joining import stack
from chainrule.modes import Switch, current
from chainrule.nn.functional.naming import recorded_as
from chainrule.random_words import in_memory_order
from chainrule.tensors import Tensor, wrap


@recorded_as("addmm")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b along the last axis.

    >>> import chainrule as torch
    >>> torch.nn.functional.linear(torch.ones(1, 2), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 7.]])
    """
    if bias is not None and input.ndim > 1:
        return input.affine(weight, bias)
    out = input @ weight.t()
    return out if bias is None else out + bias


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x₁ᵀ W[k] x₂ + b[k] for each output k."""
    out_features, in1, in2 = weight.shape
    rows = input1.reshape(-1, in1)
    left = (rows @ weight.permute(1, 0, 2).reshape(in1, out_features * in2)).reshape(-1, out_features, in2)
    out = (left * input2.reshape(-1, 1, in2)).sum(-1).reshape((*input1.shape[:-1], out_features))
    return out if bias is None else out + bias


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """The rows of ``weight`` that ``input`` numbers; no gradient reaches row ``padding_idx``.

    Rows longer than ``max_norm`` are first shortened to it, in place.
    """
    if scale_grad_by_freq or sparse:
        raise NotImplementedError("embedding: scale_grad_by_freq and sparse gradients are not supported; leave them "
                                  "False")
    if max_norm is not None:
        with Switch(grad=False):
            lengths = weight.norm(norm_type, -1, True)
            shortened = weight * (max_norm / (lengths + 1e-7))
            used = weight.new_zeros((weight.shape[0], 1))
            used[input.reshape(-1)] = 1.0
            weight.copy_(shortened.where((lengths > max_norm) & (used > 0), weight))
    rows = weight[input]
    if padding_idx is None:
        return rows
    keep = input != padding_idx % weight.shape[0]
    return rows.where(keep.unsqueeze(-1), rows.detach())


def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
                  norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """For each bag of positions the ``"sum"``, ``"mean"`` or ``"max"`` of the rows of ``weight`` that it numbers.

    A bag is a row of ``input``, or of a 1-d input what lies between two ``offsets``. ``padding_idx`` does not count.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights is only supported for mode='sum' (got {mode!r})")
    if (input.ndim == 1) != (offsets is not None):
        raise ValueError("embedding_bag: a 1D input needs offsets, and a 2D input has none: each row is a bag")
    if offsets is None:
        rows = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
        if per_sample_weights is not None:
            rows = rows * per_sample_weights.unsqueeze(-1)
        return _of_rows(rows, None if padding_idx is None else input != padding_idx % weight.shape[0], mode)
    places = np.asarray(input._array("embedding_bag"))
    starts = np.asarray(offsets._array("embedding_bag"))
    starts = starts[:-1] if include_last_offset else starts
    bags = np.searchsorted(starts, np.arange(places.size), "right") - 1
    rows = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    counts = np.ones(places.size, bool) if padding_idx is None else places != padding_idx % weight.shape[0]
    kept, bags = wrap(np.flatnonzero(counts)), bags[counts]
    out, rows = weight.new_zeros((len(starts), weight.shape[1])), rows[kept]
    if mode == "max":
        found = [rows[wrap(np.flatnonzero(bags == k))] for k in range(len(starts))]
        return stack([part.max(0)[0] if part.shape[0] else out[k] for k, part in enumerate(found)]) if found else out
    out = out.index_add(0, wrap(bags), rows)
    sizes = np.maximum(np.bincount(bags, minlength=len(starts)), 1).astype(weight.np_dtype)
    return out if mode == "sum" else out / wrap(sizes).unsqueeze(1)


def _of_rows(rows: Tensor, counted: Tensor | None, mode: str) -> Tensor:
    """Bags of one size, [bags, size, width]: what is ``counted`` of each, folded."""
    if counted is None:
        return rows.max(1)[0] if mode == "max" else rows.mean(1) if mode == "mean" else rows.sum(1)
    counted = counted.unsqueeze(-1)
    if mode == "max":
        rows = rows.masked_fill(~counted, float("-inf")).max(1)[0]
        return rows.masked_fill(~counted.any(1), 0)
    total = rows.masked_fill(~counted, 0).sum(1)
    return total if mode == "sum" else total / counted.sum(1).clamp(min=1)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A new last axis that is 1 at the class and 0 elsewhere.

    >>> import chainrule as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.np_dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}")
    if num_classes == -1:
        num_classes = int(np.asarray(tensor._array("one_hot without num_classes")).max()) + 1
    if current.get().trace is None and tensor._data.size:
        least, greatest = int(np.min(tensor._data)), int(np.max(tensor._data))
        if least < 0 or greatest >= num_classes:
            raise RuntimeError(f"one_hot: Class values must be non-negative and smaller than num_classes = "
                               f"{num_classes}, got {least if least < 0 else greatest}")
    return (tensor.unsqueeze(-1) == wrap(np.arange(num_classes))).long()


# -- dropout ---------------------------------------------------------------------------------------------------------


def _kept(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """1 with probability 1 − p, else 0, drawn in the order in which the input's elements lie in memory."""
    draw, dtype = default_generator.bernoulli, input.np_dtype
    kept: Tensor = in_memory_order(input, shape, draw, lambda laid: (1 - p, laid, dtype))
    return kept


def _check_probability(name: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")


def _dropped(name: str, input: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Tensor:
    _check_probability(name, p)
    if not training or p == 0 or not input.numel():
        return input
    noise = input.new_zeros(shape) if p == 1 else _kept(input, shape, p).div_(1 - p)
    return input.mul_(noise) if inplace else input * noise


@recorded_as("mul")
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each element is 0 with probability p, else 1 / (1 − p) times as large. PyTorch's mask."""
    return _dropped("dropout", input, tuple(input.shape), p, training, inplace)


@recorded_as("mul")
def feature_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels (axis 1)."""
    return _dropped("dropout", input, tuple(input.shape[:2]) + (1,) * (input.ndim - 2), p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of images [N, C, H, W] (or, as in PyTorch, of sequences [N, C, L])."""
    return feature_dropout(input, p, training, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of sequences [N, C, L] or [C, L]."""
    if input.ndim == 3:
        return feature_dropout(input, p, training, inplace)
    return feature_dropout(input.unsqueeze(0), p, training, inplace).squeeze(0)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of volumes [N, C, D, H, W]."""
    return feature_dropout(input, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean and variance of selu's outputs (Klambauer et al., 2017)."""
    return _alpha(input, tuple(input.shape), p, training)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """``alpha_dropout`` of whole channels (axis 1)."""
    return _alpha(input, tuple(input.shape[:2]) + (1,) * (input.ndim - 2), p, training)


def _alpha(input: Tensor, shape: tuple[int, ...], p: float, training: bool) -> Tensor:
    _check_probability("alpha_dropout", p)
    if not training or p == 0 or not input.numel():
        return input
    alpha = 1.7580993408473766
    scale = 0.0 if p == 1 else 1 / ((alpha * alpha * p + 1) * (1 - p)) ** 0.5
    noise = _kept(input, shape, p)
    shift = (noise - 1) * (alpha * scale) + alpha * scale * p
    return input * (noise * scale) + shift
