"""How a function of several ops is named on the tape."""

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def recorded_as(name: str) -> Callable[[F], F]:
    """Let the nodes that a function makes be named ``name``, where PyTorch calls the node otherwise than the function.

    The tape names a node after the package's outermost function on the stack, by its code object.
    """

    def rename(function: F) -> F:
        function.__code__ = function.__code__.replace(co_name=name)
        return function

    return rename
