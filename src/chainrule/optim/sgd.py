"""Stochastic gradient descent."""

from typing import Any

from chainrule.errors import TraceError
from chainrule.modes import current
from chainrule.optim.optimizer import Group, Optimizer, State, check, full_like
from chainrule.source import at, user_place
from chainrule.tensors import Tensor


class SGD(Optimizer):
    """p ← p − lr · g, with momentum (Polyak 1964, Sutskever et al. 2013), Nesterov's variant and weight decay.

    >>> import chainrule as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(self, params: Any, lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False, foreach: Any = None,
                 differentiable: bool = False, fused: Any = None):
        for name, value in (("learning rate", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            check(name, value, 0)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused})

    def begin(self, p: Tensor, group: Group) -> State:
        if not group["momentum"]:
            return {}
        # The first gradient enters undamped. From 0 the rule below does that too, unless there is dampening.
        return {"momentum_buffer": None if group["dampening"] else full_like(p)}

    def update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        if decay := group["weight_decay"]:
            g = g + p * decay
        if momentum := group["momentum"]:
            average = state.get("momentum_buffer")
            if average is None:
                if current.get().trace is not None:
                    raise TraceError("SGD: with dampening the first step differs from the others, and cannot stand for "
                                     f"them in a compiled step{at(user_place())}; call the function once before")
                average = state["momentum_buffer"] = g.clone()
            else:
                average.mul_(momentum).add_(g, alpha=1 - group["dampening"])
            g = g + average * momentum if group["nesterov"] else average
        p.add_(g, alpha=-group["lr"])
