"""Adagrad, Adadelta and RMSprop."""

from typing import Any

from chainrule.optim.optimizer import Group, Optimizer, State, check, count, counted, full_like
from chainrule.tensors import Tensor


class Adagrad(Optimizer):
    """p ← p − lr · g / √Σg² (Duchi et al., 2011)."""

    def __init__(self, params: Any, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: Any = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: Any = None):
        for name, value in (("learning rate", lr), ("lr_decay", lr_decay), ("weight_decay", weight_decay),
                            ("initial_accumulator_value", initial_accumulator_value), ("epsilon", eps)):
            check(name, value, 0)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused})
        for group in self.param_groups:
            for p in group["params"]:
                self._begin(p, group)

    def begin(self, p: Tensor, group: Group) -> State:
        return {"step": count(), "sum": full_like(p, group["initial_accumulator_value"])}

    def update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = counted(state["step"])
        if decay := group["weight_decay"]:
            g = g + p * decay
        total = state["sum"].add_(g * g)
        p.sub_((g / total.sqrt().add_(group["eps"])).mul_(group["lr"] / (1 + (t - 1) * group["lr_decay"])))


class Adadelta(Optimizer):
    """p ← p − lr · g · √(running average of steps²) / √(running average of g²) (Zeiler, 2012)."""

    def __init__(self, params: Any, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
                 foreach: Any = None, *, capturable: bool = False, maximize: bool = False,
                 differentiable: bool = False):
        for name, value in (("learning rate", lr), ("epsilon", eps), ("weight_decay", weight_decay)):
            check(name, value, 0)
        if not 0 <= rho <= 1:
            raise ValueError(f"Invalid rho value: {rho}; it must be from 0 to 1")
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def begin(self, p: Tensor, group: Group) -> State:
        return {"step": count(), "square_avg": full_like(p), "acc_delta": full_like(p)}

    def update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        rho, eps = group["rho"], group["eps"]
        counted(state["step"])
        if decay := group["weight_decay"]:
            g = g + p * decay
        square = state["square_avg"].mul_(rho).add_(g * g, alpha=1 - rho)
        move = (state["acc_delta"] + eps).sqrt_().div_((square + eps).sqrt_()).mul_(g)
        state["acc_delta"].mul_(rho).add_(move * move, alpha=1 - rho)
        p.add_(move, alpha=-group["lr"])


class RMSprop(Optimizer):
    """p ← p − lr · g / √(running average of g²) (Hinton's lecture 6e, 2012)."""

    def __init__(self, params: Any, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
                 momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: Any = None,
                 maximize: bool = False, differentiable: bool = False):
        for name, value in (("learning rate", lr), ("epsilon", eps), ("momentum", momentum),
                            ("weight_decay", weight_decay), ("alpha", alpha)):
            check(name, value, 0)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable})

    def begin(self, p: Tensor, group: Group) -> State:
        state = {"step": count(), "square_avg": full_like(p)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = full_like(p)
        if group["centered"]:
            state["grad_avg"] = full_like(p)
        return state

    def update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        alpha = group["alpha"]
        counted(state["step"])
        if decay := group["weight_decay"]:
            g = g + p * decay
        square = state["square_avg"].mul_(alpha).add_(g * g, alpha=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"]
            mean.add_(g - mean, alpha=1 - alpha)
            square = square - mean * mean
        move = g / square.sqrt().add_(group["eps"])
        if momentum := group["momentum"]:
            move = state["momentum_buffer"].mul_(momentum).add_(move)
        p.add_(move, alpha=-group["lr"])
