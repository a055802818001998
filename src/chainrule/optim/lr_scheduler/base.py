"""What schedules of the learning rate share."""

import warnings
from collections.abc import Sequence
from typing import Any

from chainrule.modes import current
from chainrule.optim.optimizer import Optimizer


class LRScheduler:
    """Base of the schedules: a subclass has ``get_lr``, the new rate of each group."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{number}] when resuming scheduler "
                               "with last_epoch >= 0; load the optimizer's state first, or leave last_epoch out")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._start()

    def _start(self) -> None:
        self._step_count = 0
        self._initial = True
        self.step()
        self._initial = False

    def get_lr(self) -> list[float]:
        """The rate of each group for ``last_epoch``, from the one before."""
        raise NotImplementedError

    def at(self, base: float) -> float | None:
        """The rate for ``last_epoch`` of a group that started with ``base``; None where only steps lead there."""
        return None

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch and set its rates."""
        if self._step_count == 1 and not self.optimizer._steps and not self._initial:
            warnings.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first rate of the "
                          "schedule is skipped; call optimizer.step() first", UserWarning, stacklevel=2)
        _refuse_trace("step() of a schedule")
        self._step_count += 1
        self._move(epoch)

    def _move(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        direct = [self.at(base) for base in self.base_lrs] if epoch is not None else [None]
        rates = self.get_lr() if None in direct else direct
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._rates()

    def _rates(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _times(self, factor: float) -> list[float]:
        """Every group's rate times a factor; itself where that is 1."""
        return [rate if factor == 1 else rate * factor for rate in self._rates()]

    def get_last_lr(self) -> list[float]:
        """The rates set last, one per group."""
        _refuse_trace("get_last_lr()")
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a ``state_dict()``."""
        self.__dict__.update(state_dict)


def _refuse_trace(what: str) -> None:
    """The rates of a compiled step are read by every run, but set outside."""
    if (trace := current.get().trace) is not None:
        trace.refuse(None, what)


def of_group(value: Any, k: int, groups: Sequence[Any]) -> Any:
    """What holds for group ``k``: one value for all, or one each."""
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) != len(groups):
        raise ValueError(f"expected {len(groups)} values, one per parameter group, got {len(value)}")
    return value[k]
