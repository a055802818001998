"""Gradient modes, each a context manager and a decorator, of generators too."""

from collections.abc import Callable
from typing import Any

from chainrule.modes import Switch, current

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad",
           "set_grad_enabled"]


class _Decorator(Switch):
    """A switch that also decorates without parentheses."""

    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        cls.__init__(made)
        return made(function)


class no_grad(_Decorator):  # noqa: N801 - PyTorch's spelling
    """Nothing is recorded inside: ``with torch.no_grad():`` or ``@torch.no_grad()``."""

    def __init__(self) -> None:
        super().__init__(grad=False)


class enable_grad(_Decorator):  # noqa: N801 - PyTorch's spelling
    """Recording is on inside."""

    def __init__(self) -> None:
        super().__init__(grad=True)


class inference_mode(Switch):  # noqa: N801 - PyTorch's spelling
    """Nothing is recorded inside. Unlike PyTorch's, tensors made inside may be used in training later."""

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        cls.__init__(made)
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(grad=not mode, inference=mode)


class set_grad_enabled(Switch):  # noqa: N801 - PyTorch's spelling
    """Recording is on or off, from the call on or inside a ``with``."""

    def __init__(self, mode: bool) -> None:
        super().__init__(grad=bool(mode))
        super().__enter__()

    def __enter__(self) -> None:
        """The call has entered."""

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self.__exit__()
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Are ops being recorded?"""
    return current.get().grad


def is_inference_mode_enabled() -> bool:
    """Is an ``inference_mode`` active?"""
    return current.get().inference
