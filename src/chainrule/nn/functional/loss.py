"""Loss functions: how far predictions are from what was wanted, as one number or one per element."""

import math
import warnings
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.modes import current
from chainrule.nn.functional.activation import logsigmoid
from chainrule.nn.functional.naming import recorded_as
from chainrule.source import at, user_place
from chainrule.spec import broadcast, shown
from chainrule.tensors import Tensor, wrap


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """``loss`` as it is, summed up, or averaged over all its elements."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction: choose 'none', 'mean' or 'sum'")
    return loss


def _warn_unless_equal(name: str, input: Tensor, target: Tensor) -> None:
    """Broadcasting in a loss is nearly always [n] against [n, 1]: a gradient of the wrong size, silently."""
    if input.shape != target.shape:
        warnings.warn(f"{name}: using a target size ({target.shape}) that is different to the input size "
                      f"({input.shape}) will broadcast, and likely lead to incorrect results{at(user_place())}; ensure "
                      "they have the same size, for example with .reshape(input.shape)", UserWarning, stacklevel=4)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean",
             weight: Tensor | None = None) -> Tensor:
    """(x − y)², averaged.

    >>> import chainrule as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    _warn_unless_equal("mse_loss", input, target)
    squares = (input - target) ** 2
    if weight is None:
        return reduced(squares, reduction)
    return (squares * weight).sum() / weight.expand(squares.shape).sum() if reduction == "mean" else reduced(
        squares * weight, reduction)


@recorded_as("mean")
def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean",
            weight: Tensor | None = None) -> Tensor:
    """|x − y|, averaged."""
    _warn_unless_equal("l1_loss", input, target)
    apart = (input - target).abs()
    return reduced(apart if weight is None else apart * weight, reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(x − y)² / 2 beta where |x − y| < beta, else |x − y| − beta / 2."""
    _warn_unless_equal("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: does not support negative values for beta, got {beta}")
    apart = (input - target).abs()
    if beta == 0:
        return reduced(apart, reduction)
    near = apart.clamp(max=beta)
    return reduced(near * (apart - 0.5 * near) / beta, reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """(x − y)² / 2 where |x − y| < delta, else delta · (|x − y| − delta / 2)."""
    _warn_unless_equal("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: does not support non-positive values for delta, got {delta}")
    apart = (input - target).abs()
    near = apart.clamp(max=delta)
    loss = near * (apart - 0.5 * near)
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                         reduction: str = "mean") -> Tensor:
    """−(y log x + (1 − y) log(1 − x)), each logarithm held at −100 at least."""
    if input.shape != target.shape:
        raise ValueError(f"binary_cross_entropy: using a target size ({target.shape}) that is different to the input "
                         f"size ({input.shape}) is deprecated. Please ensure they have the same size")
    loss = (target - 1) * (1 - input).log().clamp(min=-100) - target * input.log().clamp(min=-100)
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(x), without overflow; ``pos_weight`` multiplies the positive part."""
    if input.shape != target.shape:
        raise ValueError(f"binary_cross_entropy_with_logits: Target size ({target.shape}) must be the same as input "
                         f"size ({input.shape})")
    log_of_one = logsigmoid(input)
    if pos_weight is None:
        loss = (1 - target) * input - log_of_one
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_of_one
    return reduced(loss if weight is None else loss * weight, reduction)


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean",
           log_target: bool = False) -> Tensor:
    """y · (log y − x), where x holds log-probabilities; ``"batchmean"`` divides the sum by the first size."""
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = target.xlogy(target) - target * input
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.ndim else 1)
    if reduction == "mean":
        warnings.warn("kl_div: reduction: 'mean' divides the total loss by both the batch size and the support size. "
                      "'batchmean' divides only by the batch size, and aligns with the KL math definition",
                      UserWarning, stacklevel=3)
    return reduced(loss, reduction)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
                     *, eps: float = 1e-8, reduction: str = "mean") -> Tensor:
    """−log of the Poisson probability of the target, up to a constant unless ``full``."""
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.where(target > 1, 0.0)
    return reduced(loss, reduction)


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """−log of the normal density of the target around ``input``, up to a constant unless ``full``."""
    var = var if isinstance(var, Tensor) else input.new_full(input.shape, var)
    if var.shape != input.shape and var.ndim == input.ndim - 1:
        var = var.unsqueeze(-1)
    held = var + (var.detach().clamp(min=eps) - var.detach())
    loss = 0.5 * (held.log() + (input - target) ** 2 / held)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """x where the target is 1, max(0, margin − x) where it is −1."""
    apart = (margin - input).clamp(min=0).where(target != 1, 0.0)
    return reduced(apart + input.where(target != -1, 0.0), reduction)


def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0,
                        *, reduction: str = "mean") -> Tensor:
    """max(0, −y (x₁ − x₂) + margin)."""
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log(1 + e^(−y x))."""
    return reduced((-target * input).exp().log1p(), reduction)


def multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
                      *, reduction: str = "mean") -> Tensor:
    """Σ max(0, margin − x[y] + x[k])ᵖ over the other classes k, divided by the number of classes."""
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    rows = input.reshape(-1, input.shape[-1] if input.ndim else 1)
    place = target.reshape(-1, 1)
    short = (margin - rows.gather(1, place) + rows).clamp(min=0)
    terms = short if p == 1 else short * short
    if weight is not None:
        terms = terms * weight[place]
    others = wrap(np.arange(rows.shape[1])) != place
    loss = terms.where(others, 0.0).sum(1) / float(rows.shape[1])
    return reduced(loss if input.ndim > 1 else loss.squeeze(0), reduction)


def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                                reduction: str = "mean") -> Tensor:
    """The mean over classes of the cross-entropy of sigmoid(x) with targets 0 and 1."""
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduced(loss.sum(-1) / float(input.shape[-1]), reduction)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x₁ · x₂ / (|x₁| |x₂|) along ``dim``."""
    shape = broadcast(x1.shape, x2.shape)
    x1, x2 = x1.expand(shape), x2.expand(shape)
    return (x1 / x1.norm(dim=dim, keepdim=True).clamp(min=eps) *
            (x2 / x2.norm(dim=dim, keepdim=True).clamp(min=eps))).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x₁ − x₂ + eps along the last axis."""
    apart = x1 - x2 + eps
    return (apart * apart).sum(-1, keepdim).sqrt() if p == 2 else (apart.abs() ** p).sum(-1, keepdim) ** (1 / p)


def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean") -> Tensor:
    """max(0, d(anchor, positive) − d(anchor, negative) + margin)."""
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced((pairwise_distance(anchor, positive, p, eps) - far + margin).clamp(min=0), reduction)


def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0,
                          *, reduction: str = "mean") -> Tensor:
    """1 − cos where the target is 1, max(0, cos − margin) where it is −1."""
    cos = cosine_similarity(input1, input2, -1)
    return reduced((1 - cos).where(target == 1, (cos - margin).clamp(min=0)), reduction)


# -- classification --------------------------------------------------------------------------------------------------


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
             reduction: str = "mean") -> Tensor:
    """−x at the target class; ``input`` holds log-probabilities, classes along axis 1 (axis 0 without a batch).

    The mean is weighted by ``weight[target]``; targets equal to ``ignore_index`` count for nothing.
    """
    return _picked_loss(input, target, weight, ignore_index, reduction, 0.0)


@recorded_as("nll_loss")
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:
    """−log softmax(x) at the target class, or its mean under target probabilities (a target of the input's shape).

    >>> import chainrule as torch
    >>> torch.nn.functional.cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3]))
    tensor(1.3863)
    """
    classes = 1 if input.ndim > 1 else 0
    log_probabilities = input.log_softmax(classes)
    if target.shape != input.shape or not target.is_floating_point():
        return _picked_loss(log_probabilities, target, weight, ignore_index, reduction, label_smoothing)
    wanted = target if not label_smoothing else target * (1 - label_smoothing) + label_smoothing / input.shape[classes]
    terms = -log_probabilities * wanted
    if weight is not None:
        terms = terms * _by_class(weight, input.ndim)
    losses = terms.sum(classes)
    if reduction == "mean":
        return losses.sum() / float(input.numel() // input.shape[classes])
    return reduced(losses, reduction)


def _by_class(weight: Tensor, ndim: int) -> Tensor:
    return weight.reshape((1, -1) + (1,) * (ndim - 2)) if ndim > 1 else weight


def _picked_loss(log_probabilities: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,
                 smoothing: float) -> Tensor:
    """The weighted mean, sum or list of −log p at the target classes."""
    axis = 1 if log_probabilities.ndim > 1 else 0
    ignored = _ignored(log_probabilities, target, ignore_index, axis)
    place = target if ignored is None else target.masked_fill(ignored, 0)
    picked = _picked(log_probabilities, place.unsqueeze(axis), axis)
    if weight is None and not smoothing and ignored is None and reduction != "none":
        return -reduced(picked, reduction)
    losses = -picked.squeeze(axis)
    by_class = None if weight is None else _by_class(weight, log_probabilities.ndim).expand(log_probabilities.shape)
    weights = None if by_class is None else _picked(by_class, place.unsqueeze(axis), axis).squeeze(axis)
    if weights is not None:
        losses = losses * weights
    if smoothing:
        spread = log_probabilities if by_class is None else log_probabilities * by_class
        losses = losses * (1 - smoothing) - spread.sum(axis) * (smoothing / log_probabilities.shape[axis])
    if ignored is not None:
        losses = losses.masked_fill(ignored, 0)
        counted = 1.0 - ignored.to(losses.dtype)
        weights = counted if weights is None else weights * counted
    if reduction != "mean" or weights is None:
        return reduced(losses, reduction)
    return losses.sum() / weights.sum()


def _picked(x: Tensor, place: Tensor, axis: int) -> Tensor:
    """x at one place along ``axis``. A compiled step compares all places: its loop over the classes is there anyway."""
    if current.get().trace is None:
        return x.gather(axis, place)
    places = wrap(np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - 1 - axis)))
    return x.where(place == places, 0.0).sum(axis, True)


def _ignored(input: Tensor, target: Tensor, ignore_index: int, axis: int) -> Tensor | None:
    """Which targets do not count; None where it can be seen that all do. Raises what a bad target deserves."""
    expected = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != expected:
        raise ShapeError(f"nll_loss: expected a target of shape {shown(expected)} for an input of shape "
                         f"{shown(input.shape)}, got {shown(target.shape)}{at(user_place())}; a class per row, or "
                         "probabilities of the input's shape in a floating dtype")
    if target.is_floating_point():
        raise RuntimeError(f"nll_loss: expected scalar type Long but found {target.dtype}{at(user_place())}; class "
                           "indices are integers: target.long()")
    if current.get().trace is not None:
        return target == ignore_index
    classes, count = np.asarray(target._data), input.shape[axis]
    outside = classes.astype(np.uint64) >= count  # so also below 0
    if not 0 <= ignore_index < count and not outside.any():
        return None
    wrong = classes[outside & (classes != ignore_index)]
    if wrong.size:
        raise IndexError(f"nll_loss: Target {wrong.flat[0]} is out of bounds{at(user_place())}: there are {count} "
                         f"classes, from 0 to {count - 1}")
    return target == ignore_index
