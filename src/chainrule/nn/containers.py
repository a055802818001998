"""Modules that hold modules, and parameters in lists and dictionaries."""

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self

from chainrule.nn.module import Module, indented
from chainrule.nn.parameter import Parameter
from chainrule.spec import shown
from chainrule.tensors import Tensor


class _Numbered(Module):
    """Submodules under the names "0", "1", …"""

    def _place(self, index: Any) -> str:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range: there are {len(self)} modules")
        return list(self._modules)[place]

    def _renumber(self, modules: Iterable[Any]) -> Self:
        kept = list(modules)
        self._modules.clear()
        for k, module in enumerate(kept):
            self.add_module(str(k), module)
        return self

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._slice(list(self._modules.items())[index])
        return self._modules[self._place(index)]

    def _slice(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)([module for _, module in items])  # type: ignore[call-arg]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._place(index), module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._place(index)]
        self._renumber([module for name, module in self._modules.items() if name not in names])

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Any) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Any]) -> Self:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Any) -> Any:
        """Add a module before ``index``."""
        modules = list(self)
        modules.insert(index, module)
        return self._renumber(modules)

    def pop(self, index: Any) -> Any:
        """Take a module out."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """Modules one after another, each on the output of the one before.

    >>> import chainrule as torch
    >>> torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any):
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], Mapping) else enumerate(args)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def _slice(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(dict(items))

    def __add__(self, other: "Sequential") -> "Sequential":
        return Sequential(*self, *other)


class ModuleList(_Numbered):
    """A list whose modules are registered."""

    def __init__(self, modules: Iterable[Any] = ()):
        super().__init__()
        self.extend(modules or ())

    def __iadd__(self, modules: Iterable[Any]) -> Self:
        return self.extend(modules)

    def __add__(self, other: Iterable[Any]) -> "ModuleList":
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        if not len(self):
            return f"{self._get_name()}()"
        lines, at = [], 0
        for text, equal in groupby(map(repr, self)):
            count = len(list(equal))
            name = f"({at})" if count == 1 else f"({at}-{at + count - 1})"
            lines.append(indented(f"{name}: {text if count == 1 else f'{count} x {text}'}"))
            at += count
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dictionary whose modules are registered."""

    def __init__(self, modules: Any = None):
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Any) -> None:
        """Add modules from a mapping or pairs."""
        for name, module in modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules:
            self.add_module(name, module)

    def __getitem__(self, key: str) -> Any: return self._modules[key]
    def __setitem__(self, key: str, module: Any) -> None: self.add_module(key, module)
    def __delitem__(self, key: str) -> None: del self._modules[key]
    def __len__(self) -> int: return len(self._modules)
    def __iter__(self) -> Iterator[str]: return iter(self._modules)
    def __contains__(self, key: str) -> bool: return key in self._modules
    def keys(self) -> Any: return self._modules.keys()
    def values(self) -> Any: return self._modules.values()
    def items(self) -> Any: return self._modules.items()
    def clear(self) -> None: self._modules.clear()
    def pop(self, key: str) -> Any: return self._modules.pop(key)


def as_parameter(value: Any) -> Any:
    """Plain tensors become parameters."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


class _Parameters(Module):
    kind = staticmethod(lambda parameter: parameter.dtype)

    def extra_repr(self) -> str:
        return "\n".join(f"  ({name}): {'Parameter' if isinstance(p, Parameter) else 'Buffer'} containing: "
                         f"[{type(self).kind(p)} of size {shown(p.shape).replace(', ', 'x')[1:-1]}]"
                         for name, p in self._parameters.items())

    def __len__(self) -> int:
        return len(self._parameters)


class ParameterList(_Parameters):
    """A list of parameters that are registered."""

    def __init__(self, values: Iterable[Any] = ()):
        super().__init__()
        self.extend(values or ())

    def append(self, value: Any) -> Self:
        """Add a tensor at the end, as a parameter."""
        self.register_parameter(str(len(self)), as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add tensors at the end."""
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def __getitem__(self, index: Any) -> Any:
        found = list(self._parameters.values())[index]
        return type(self)(found) if isinstance(index, slice) else found

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, list(self._parameters)[index], as_parameter(value))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())


class ParameterDict(_Parameters):
    """A dictionary of parameters that are registered."""

    kind = staticmethod(lambda parameter: parameter.type())

    def __init__(self, parameters: Any = None):
        super().__init__()
        self.update(parameters or {})

    def update(self, parameters: Any) -> None:
        """Add tensors from a mapping or pairs."""
        for name, value in parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters:
            self[name] = value

    def __getitem__(self, key: str) -> Any: return self._parameters[key]
    def __setitem__(self, key: str, value: Any) -> None: self.register_parameter(key, as_parameter(value))
    def __delitem__(self, key: str) -> None: del self._parameters[key]
    def __iter__(self) -> Iterator[str]: return iter(self._parameters)
    def __contains__(self, key: str) -> bool: return key in self._parameters
    def keys(self) -> Any: return self._parameters.keys()
    def values(self) -> Any: return self._parameters.values()
    def items(self) -> Any: return self._parameters.items()
