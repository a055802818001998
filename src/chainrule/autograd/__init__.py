"""``autograd.grad`` and ``autograd.backward``; functions of one's own; gradient modes; checks; in PyTorch's words."""

from collections.abc import Sequence
from typing import Any

from chainrule.autograd import function, functional, grad_mode
from chainrule.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from chainrule.autograd.function import Function
from chainrule.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from chainrule.errors import GraphError
from chainrule.gradcheck import gradcheck, gradgradcheck
from chainrule.graph_words import backpropagate
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor

__all__ = ["Function", "Variable", "backward", "detect_anomaly", "enable_grad", "function", "functional", "grad",
           "grad_mode", "gradcheck", "gradgradcheck", "inference_mode", "no_grad", "set_detect_anomaly",
           "set_grad_enabled"]


class _Variable(type):
    """Every tensor is a variable."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:
        return data.detach().requires_grad_(requires_grad)


class Variable(metaclass=_Variable):
    """PyTorch's old name of a tensor: ``Variable(tensor, requires_grad=True)`` shares the tensor's memory."""


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, *, materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, returned and not accumulated.

    ``only_inputs`` must be True, as in PyTorch, whose older programs still pass it. Raises RuntimeError for an input
    that ``outputs`` do not depend on, unless ``allow_unused``.

    >>> import chainrule as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> (slope,) = torch.autograd.grad(x**3, x, create_graph=True)
    >>> torch.autograd.grad(slope, x)
    (tensor(18.),)
    """
    if not only_inputs:
        raise ValueError("grad: only_inputs must be True; gradients are accumulated by backward()")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: expected allow_unused to be True or not passed when materialize_grads=True, but got "
                         "False")
    outs: Sequence[Any] = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted: Sequence[Any] = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    starts: Sequence[Any] = [grad_outputs] if isinstance(grad_outputs, Tensor) else grad_outputs or [None] * len(outs)
    found = backpropagate(outs, starts, wanted, retain_graph, create_graph)
    for k, (tensor, g) in enumerate(zip(wanted, found)):
        if g is None and materialize_grads:
            found[k] = tensor.new_zeros(tensor.shape)
        elif g is None and not allow_unused:
            raise GraphError(f"grad: input number {k}, of shape {shown(tensor.shape)}, appears not to have been used "
                             f"in the graph{at(user_place())}; pass allow_unused=True to get None for it")
    return tuple(found)


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Any = None) -> None:
    """``tensor.backward()`` for several tensors at once."""
    outs: Sequence[Any] = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    starts: Sequence[Any] = [grad_tensors] if isinstance(grad_tensors, Tensor) else grad_tensors or [None] * len(outs)
    wanted = None if inputs is None else [inputs] if isinstance(inputs, Tensor) else list(inputs)
    found = backpropagate(outs, starts, wanted, retain_graph, create_graph)
    for tensor, g in zip(wanted or (), found):
        if g is not None and not tensor._retained:
            tensor.send(g if create_graph else g._data)
