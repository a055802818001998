"""Parameters: the tensors that a module registers and an optimizer updates."""

from typing import Any

from chainrule.tensors import Tensor


class Parameter(Tensor):
    """A leaf that a module takes into its ``parameters()`` when it is assigned to an attribute.

    >>> import chainrule as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True):
        super().__init__()
        if data is not None:
            source = data.detach()
            self._data, self._storage = source._own(), source._storage
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    @staticmethod
    def _wrap(data: Any) -> Tensor:
        return Tensor._wrap(data)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Parameter":
        copy = memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.detach(), self.requires_grad)


class Buffer(Tensor):
    """A tensor that a module takes into its ``buffers()`` when it is assigned to an attribute."""

    persistent = True

    def __init__(self, data: Any = None, *, persistent: bool = True):
        super().__init__()
        if data is not None:
            source = data.detach()
            self._data, self._storage = source._own(), source._storage
        self.persistent = persistent
