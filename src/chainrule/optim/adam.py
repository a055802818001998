"""Adam and AdamW."""

from typing import Any

from chainrule.optim.optimizer import Group, Optimizer, State, check, count, counted, full_like
from chainrule.tensors import Tensor


class Adam(Optimizer):
    """Steps of the size of lr along running averages of g, over the root of those of g² (Kingma and Ba, 2015)."""

    decoupled = False

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *, foreach: Any = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False, fused: Any = None,
                 decoupled_weight_decay: bool = False):
        for name, value in (("learning rate", lr), ("epsilon", eps), ("weight_decay", weight_decay)):
            check(name, value, 0)
        for k, beta in enumerate(betas):
            check(f"beta parameter at index {k}:", beta, 0, 1)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay or self.decoupled})

    def begin(self, p: Tensor, group: Group) -> State:
        state = {"step": count(), "exp_avg": full_like(p), "exp_avg_sq": full_like(p)}
        return {**state, "max_exp_avg_sq": full_like(p)} if group["amsgrad"] else state

    def update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        t = counted(state["step"])
        if decay and group["decoupled_weight_decay"]:
            p.mul_(1 - lr * decay)
        elif decay:
            g = g + p * decay
        mean.add_(g - mean, alpha=1 - beta1)
        square.mul_(beta2).add_(g * g, alpha=1 - beta2)
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].maximum(square))
        # Both averages start at 0, so early ones are too small by these factors.
        scale = (square.sqrt() / (1 - beta2**t) ** 0.5).add_(group["eps"])
        p.sub_((mean / scale).mul_(lr / (1 - beta1**t)))


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters instead of adding to g (Loshchilov and Hutter, 2019)."""

    decoupled = True

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, **options: Any):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)
