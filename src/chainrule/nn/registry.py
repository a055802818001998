"""Walking, converting, saving and loading the tree of modules."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from chainrule.modes import Switch
from chainrule.nn.parameter import Parameter
from chainrule.spec import as_dtype, shown
from chainrule.tensors import Tensor


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Registry:
    """The parameters, buffers and submodules of a module, its own and those below it. Base of ``Module``."""

    training: bool
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _hooks: dict[str, dict[int, Any]]

    # -- walking -------------------------------------------------------------------------------------------------

    def named_modules(self, memo: set[Any] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
        """This module and all below it with their dotted names, each module once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def _named(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        tree = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in tree:
            for name, tensor in module.__dict__[kind].items():
                if tensor is None or id(tensor) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(tensor))
                yield f"{path}.{name}" if path else name, tensor

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names, in the order of definition, a shared one once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The submodules directly below, with their names, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters; what an optimizer is given."""
        return (tensor for _, tensor in self.named_parameters("", recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        return (tensor for _, tensor in self.named_buffers("", recurse))

    def children(self) -> Iterator[Any]:
        """The submodules directly below."""
        return (module for _, module in self.named_children())

    def modules(self) -> Iterator[Any]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def get_submodule(self, target: str) -> Any:
        """The module of a dotted name. Raises AttributeError."""
        found: Any = self
        for part in target.split(".") if target else ():
            inner = getattr(found, part, None)
            if not isinstance(inner, Registry):
                raise AttributeError(f"get_submodule: {type(found).__name__} has no attribute `{part}` that is a "
                                     f"Module, on the way to {target!r}")
            found = inner
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name. Raises AttributeError."""
        return self._target(target, Parameter, "nn.Parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name. Raises AttributeError."""
        found = self._target(target, Tensor, "buffer")
        if isinstance(found, Parameter):
            raise AttributeError(f"`{target.rpartition('.')[2]}` is not a buffer; it is a parameter")
        return found  # type: ignore[no-any-return]

    def _target(self, target: str, kind: type, called: str) -> Any:
        path, _, name = target.rpartition(".")
        found = getattr(self.get_submodule(path), name)
        if not isinstance(found, kind):
            raise AttributeError(f"`{name}` is not an {called}")
        return found

    def apply(self, fn: Callable[[Any], None]) -> Self:
        """Call ``fn`` on every module below, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -- modes and conversions -----------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training behaviour (dropout drops, batch norm uses the batch) in all modules."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation behaviour in all modules."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with 0."""
        clear_gradients(self.parameters(), set_to_none)

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Pass every parameter, its gradient and every buffer through ``fn``; the parameters stay the same objects."""
        for module in self.modules() if recurse else (self,):
            for parameter in module._parameters.values():
                if parameter is None:
                    continue
                gradient = parameter.grad
                with Switch(grad=False):
                    parameter.grad = None
                    parameter.data = fn(parameter)
                    parameter.grad = None if gradient is None else fn(gradient)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating-point parameters and buffers to a dtype; the only device is the CPU."""
        return self._apply(lambda t: t.to(*args, **kwargs) if t.is_floating_point() else t.to(kwargs.get("device")))

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype."""
        return self._apply(lambda t: t.to(as_dtype(dst_type)))

    def float(self) -> Self:
        """Convert floating-point parameters and buffers to float32."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Self:
        """Convert floating-point parameters and buffers to float64."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Self:
        """Convert floating-point parameters and buffers to float16."""
        return self.to(dtype=as_dtype("float16"))

    def cpu(self) -> Self:
        """Itself: the only device is the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """There is none here: RuntimeError."""
        return self._apply(lambda t: t.cuda(device))

    # -- saving and loading --------------------------------------------------------------------------------------

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Parameters and persistent buffers by dotted name, in the order of definition; they share the memory."""
        found: Any = OrderedDict() if destination is None else destination
        for name, tensor in self._own_state().items():
            found[prefix + name] = tensor if keep_vars else tensor.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=found, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return found

    def _own_state(self) -> dict[str, Any]:
        kept = {n: b for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set}
        return {name: tensor for name, tensor in {**self._parameters, **kept}.items() if tensor is not None}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True,
                        assign: bool = False) -> IncompatibleKeys:
        """Copy values of equal names into parameters and buffers; with ``assign``, take the tensors themselves.

        Raises RuntimeError where a shape differs or, if ``strict``, a name is missing or unexpected; what fits is
        written all the same, as PyTorch does.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        own = {f"{path}.{name}" if path else name: (module, name, tensor)
               for path, module in self.named_modules(remove_duplicate=False)
               for name, tensor in module._own_state().items()}
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        wrong: list[str] = []
        for key, (module, name, tensor) in own.items():
            if key not in state_dict:
                continue
            value = state_dict[key]
            if tuple(value.shape) != tuple(tensor.shape):
                wrong.append(f"size mismatch for {key}: copying a param with shape torch.Size({shown(value.shape)}) "
                             f"from checkpoint, the shape in current model is torch.Size({shown(tensor.shape)}).")
            elif assign:
                taken = Parameter(value, tensor.requires_grad) if isinstance(tensor, Parameter) else value
                module.__dict__["_parameters" if isinstance(tensor, Parameter) else "_buffers"][name] = taken
            else:
                with Switch(grad=False):
                    tensor.copy_(value)
        for what, keys in (("Unexpected", unexpected), ("Missing", missing)):
            if strict and keys:
                wrong.insert(0, f"{what} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". ")
        if wrong:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(wrong))
        return IncompatibleKeys(missing, unexpected)


def clear_gradients(parameters: Any, set_to_none: bool) -> None:
    """Let go of the gradients, or fill them with 0."""
    for parameter in parameters:
        if set_to_none:
            parameter.grad = None
        elif parameter.grad is not None:
            parameter.grad.detach_()
            parameter.grad.zero_()
