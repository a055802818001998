"""Helpers around parameters: clipping gradients, parameters as one vector."""

import warnings
from collections.abc import Iterable
from typing import Any

from chainrule.creation import zeros
from chainrule.joining import cat
from chainrule.modes import Switch
from chainrule.nn.utils import rnn as rnn
from chainrule.tensors import Tensor


def _listed(parameters: Any) -> list[Any]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def get_total_norm(tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """The norm of all tensors taken as one vector; ``inf`` is the largest magnitude. Without tensors, 0."""
    found = [t.detach() for t in _listed(tensors)]
    if not found:
        return zeros(())  # type: ignore[no-any-return]
    with Switch(grad=False):
        if norm_type == float("inf"):
            total = found[0].abs().max()
            for t in found[1:]:
                total = total.maximum(t.abs().max())
        else:
            total = _power_sum(found[0], norm_type)
            for t in found[1:]:
                total = total + _power_sum(t, norm_type)
            total = total.sqrt() if norm_type == 2 else total ** (1 / norm_type)
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients is non-finite, so it cannot be clipped. "
                           "To disable this error and scale the gradients by the non-finite norm anyway, set "
                           "`error_if_nonfinite=False`")
    return total  # type: ignore[no-any-return]


def _power_sum(t: Tensor, power: float) -> Tensor:
    return (t * t).sum() if power == 2 else (t.abs() ** power).sum()


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: bool | None = None) -> Tensor:
    """Scale all gradients, in place, so that their total norm is ``max_norm`` at most; the norm before is returned.

    >>> import chainrule as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> (w * 10).sum().backward()
    >>> torch.nn.utils.clip_grad_norm_(w, 1.0), w.grad
    (tensor(10.), tensor([1.0000]))
    """
    gradients = [p.grad for p in _listed(parameters) if p.grad is not None]
    total = get_total_norm(gradients, norm_type, error_if_nonfinite)
    with Switch(grad=False):
        factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factor)
    return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Hold every element of every gradient between ±``clip_value``, in place."""
    with Switch(grad=False):
        for parameter in _listed(parameters):
            if parameter.grad is not None:
                parameter.grad.clamp_(-clip_value, clip_value)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters as one vector, in order."""
    flat = [p.reshape(-1) for p in parameters]
    return cat(flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Any]) -> None:
    """Write consecutive pieces of a vector into the parameters."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    at = 0
    for parameter in parameters:
        count = parameter.numel()
        parameter.data = vec[at : at + count].reshape(tuple(parameter.shape)).data
        at += count
    if at != vec.numel():
        warnings.warn(f"vector_to_parameters: the vector has {vec.numel()} elements, the parameters {at}", UserWarning,
                      stacklevel=2)
