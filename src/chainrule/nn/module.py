"""The base of all layers and models: attributes that register themselves, calls with hooks, and printing.

How a module is walked, converted, saved and loaded is in ``registry.py``, its base.
"""

from collections.abc import Callable
from typing import Any

from chainrule.nn.hooks import BackwardHooks, RemovableHandle
from chainrule.nn.parameter import Buffer, Parameter
from chainrule.nn.registry import Registry
from chainrule.tensors import Tensor


class Module(Registry):
    """A layer or a model: a subclass sets parameters and submodules in ``__init__`` and computes in ``forward``.

    >>> import chainrule as torch
    >>> class Line(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.slope = torch.nn.Parameter(torch.tensor(2.0))
    ...     def forward(self, x):
    ...         return self.slope * x
    >>> line = Line()
    >>> line(torch.tensor(3.0)).item(), [name for name, _ in line.named_parameters()]
    (6.0, ['slope'])
    """

    def __init__(self) -> None:
        put = super().__setattr__
        put("training", True)
        put("_parameters", {})
        put("_buffers", {})
        put("_modules", {})
        put("_non_persistent_buffers_set", set())
        put("_hooks", {})  # kind -> {number: hook}; a module without hooks is called the short way

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass says it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function: define '
                                  "forward(self, ...) in the class (its name is not __call__)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        hooks = self.__dict__.get("_hooks")
        if hooks:
            return self._hooked(hooks, args, kwargs)
        return self.forward(*args, **kwargs)

    # -- attributes that register themselves ---------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for kind in ("_parameters", "_buffers", "_modules"):
            if kind in own and name in own[kind]:
                return own[kind][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, (Parameter, Module)):
            if "_parameters" not in own:
                raise AttributeError(f"cannot assign {'parameters' if isinstance(value, Parameter) else 'module'} "
                                     f"before Module.__init__() call: write super().__init__() first in "
                                     f"{type(self).__name__}.__init__")
            home = own["_parameters"] if isinstance(value, Parameter) else own["_modules"]
            for other in (own, own["_parameters"], own["_buffers"], own["_modules"]):
                if other is not home:
                    other.pop(name, None)
            own["_non_persistent_buffers_set"].discard(name)
            if isinstance(value, Parameter):
                self.register_parameter(name, value)
            else:
                home[name] = value
            return
        if "_parameters" in own and name not in own:
            if name in own["_parameters"]:
                self._refuse_unless_none(name, value, "parameter", "torch.nn.Parameter or None")
                own["_parameters"][name] = None
                return
            if name in own["_modules"]:
                self._refuse_unless_none(name, value, "child module", "torch.nn.Module or None")
                own["_modules"][name] = None
                return
            if name in own["_buffers"]:
                if not isinstance(value, Tensor):
                    self._refuse_unless_none(name, value, "buffer", "torch.Tensor, torch.nn.Buffer or None")
                own["_buffers"][name] = value
                return
            if isinstance(value, Buffer):
                self.register_buffer(name, value, value.persistent)
                return
        super().__setattr__(name, value)

    def _refuse_unless_none(self, name: str, value: Any, kind: str, expected: str) -> None:
        if value is not None:
            raise TypeError(f"cannot assign '{_type_name(value)}' as {kind} '{name}' ({expected} expected)")

    def __delattr__(self, name: str) -> None:
        for kind in (self._parameters, self._buffers, self._modules):
            if name in kind:
                del kind[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``; None keeps the place for one."""
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                            "(torch.nn.Parameter or None required)")
        if param is not None and param.grad_fn is not None:
            raise ValueError(f"cannot assign non-leaf Tensor to parameter '{name}': a parameter is a leaf; to use a "
                             "computed tensor, keep its inputs as parameters and compute it in forward()")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state and no parameter, such as a running mean."""
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' (torch Tensor or None "
                            "required)")
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: "Module | None") -> None:
        """Add a submodule under ``name``."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = module

    def register_module(self, name: str, module: "Module | None") -> None:
        """The same as ``add_module``."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name: Any, home: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name!r}')
        if not name:
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in home:
            raise KeyError(f"attribute '{name}' already exists")

    # -- hooks ---------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Call ``hook(module, args)`` before forward; what it returns, if anything, replaces the arguments."""
        return RemovableHandle.of(self._hooks, "pre", (hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after forward; what it returns, if anything, replaces the output."""
        return RemovableHandle.of(self._hooks, "forward", (hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known, before they go on."""
        return RemovableHandle.of(self._hooks, "backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known."""
        return RemovableHandle.of(self._hooks, "backward", hook, prepend)

    def _hooked(self, hooks: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook, with_kwargs in list(hooks.get("pre", {}).values()):
            if with_kwargs:
                changed = hook(self, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            else:
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        watch = BackwardHooks(self, hooks) if "backward" in hooks or "backward_pre" in hooks else None
        if watch is not None:
            args = watch.inputs(args)
        out = self.forward(*args, **kwargs)
        for hook, with_kwargs in list(hooks.get("forward", {}).values()):
            changed = hook(self, args, kwargs, out) if with_kwargs else hook(self, args, out)
            if changed is not None:
                out = changed
        return out if watch is None else watch.outputs(out)

    # -- printing ------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        own = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(child))}" for name, child in self._modules.items()]
        if len(own) <= 1 and not children:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*own, *children]) + "\n)"


def indented(text: str) -> str:
    """All lines but the first moved in by two."""
    return text.replace("\n", "\n  ")


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"torch.{kind.__name__}"


def settings(module: Module, names: str) -> str:
    """``name=value`` for each name: how most modules show what they were made with."""
    return ", ".join(f"{name}={getattr(module, name)}" for name in names.split())
