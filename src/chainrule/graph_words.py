"""A tensor's place in the graph, in PyTorch's words: gradients, leaves, backward, hooks; and conversions.

Mixins of ``Tensor``. The walk itself is ``engine.pull``; here is what the user says to start it.
"""

import math
import warnings
import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Self

import numpy as np

from chainrule.attributes import Values
from chainrule.engine import pull
from chainrule.errors import DtypeError, GraphError
from chainrule.hooks import Handle, attended, on_gradient, watch
from chainrule.modes import Switch, current
from chainrule.source import at, user_place
from chainrule.spec import shown
from chainrule.vocabulary import Vocabulary

mode_now = current.get
ONE = {np.dtype(f): np.dtype(f).type(1) for f in ("float16", "float32", "float64")}


class Graph(Values):
    """Gradients: whether, where and how."""

    hooks: Any
    _requires_grad: Any
    _node: Any
    _grad: Any
    _base: Any
    _retained = False

    def _edge(self) -> Any:
        raise NotImplementedError

    def _refresh(self) -> None:
        raise NotImplementedError
    @property
    def requires_grad(self) -> Any:
        """Does backward carry a gradient to this tensor?"""
        self._refresh()
        return self._node is not None or self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        self._refresh()
        if self._node is not None:
            if not value:
                raise RuntimeError("requires_grad: you can only change requires_grad flags of leaf variables: this one "
                                   f"was computed{at(self._node.place)}; use detach() to get one without history")
            return
        if value and self._data.dtype.kind not in "fc":
            raise DtypeError(f"requires_grad: only Tensors of floating point dtype can require gradients, this one is "
                             f"{self.dtype}{at(user_place())}; convert it first, x.float(), or write 3.0 for 3")
        self._requires_grad = value

    def requires_grad_(self, requires_grad: Any = True) -> Self:
        """Set ``requires_grad`` and return self."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Any:
        """What backward has accumulated here, or None."""
        trace = mode_now().trace
        if trace is not None:
            return trace.get(self, "grad")
        if self._grad is None and self._node is not None and not self._retained:
            warnings.warn(f"grad: the .grad attribute of a Tensor that is not a leaf Tensor is being accessed; it was "
                          f"computed{at(self._node.place)}, and only leaves keep their gradient. Call .retain_grad() "
                          "on it before backward(), or read the leaf it came from", UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        trace = mode_now().trace
        if trace is not None:
            trace.set(self, "grad", value)
        elif value is not None and not isinstance(value, Vocabulary):
            raise TypeError(f"grad: assigned grad expected to be a Tensor or None but got {type(value).__name__}"
                            f"{at(user_place())}")
        elif value is not None and value.np_dtype != self.np_dtype:
            raise DtypeError(f"grad: assigned grad has data of a different type: {value.dtype} for a tensor of "  # type: ignore[attr-defined]
                             f"{self.dtype}{at(user_place())}; convert it with .to(x.dtype)")
        elif value is not None and value.shape != self.shape:
            raise RuntimeError(f"grad: assigned grad has data of a different size: {shown(value.shape)} for a tensor "
                               f"of shape {shown(self.shape)}{at(user_place())}")
        else:
            self._grad = value

    @property
    def grad_fn(self) -> Any:
        """The tape's node that made this tensor; None for a leaf."""
        self._refresh()
        return self._node if self._node is None or not hasattr(self._node, "end") else self._node.end()[0]

    @property
    def output_nr(self) -> Any:
        """The number of this output of ``grad_fn``."""
        return self._node.end()[1] if hasattr(self._node, "end") else 0

    @property
    def is_leaf(self) -> Any:
        """Was this tensor made by the user, not computed from one that requires grad?"""
        return not self.requires_grad or self._node is None

    @property
    def retains_grad(self) -> Any:
        """Does this computed tensor keep its gradient?"""
        return self._retained

    @property
    def _version(self) -> Any:
        """How often the memory was written."""
        return 0 if self._storage is None else self._storage.version  # type: ignore[attr-defined]

    def retain_grad(self) -> None:
        """Let a computed tensor keep its gradient too."""
        if not self.requires_grad:
            raise GraphError(f"retain_grad: can't retain_grad on Tensor that has requires_grad=False{at(user_place())}")
        if self._node is None or self._retained:
            return
        me = weakref.ref(self)

        def keep(g: Any) -> None:
            tensor = me()
            if tensor is not None:
                tensor._grad = g.clone() if tensor._grad is None else tensor._grad + g

        self.register_hook(keep)
        self._retained = True  # from now on hooks come before that one

    def register_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call ``hook(grad)`` when the gradient of this tensor is known; what it returns, if anything, replaces it."""
        if not self.requires_grad:
            raise GraphError("register_hook: cannot register a hook on a tensor that doesn't require gradient"
                             f"{at(user_place())}")
        owner = self if self._node is None else self._node
        if owner.hooks is None:
            owner.hooks = []
        wrap = self._wrap  # and not self: a hook keeps no tensor alive
        handle = Handle(owner.hooks, on_gradient(wrap, hook))
        owner.hooks.insert(len(owner.hooks) - bool(self._retained and owner.hooks), handle.hook)
        return handle

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call ``hook(self)`` each time after a gradient was added to ``.grad`` of this leaf."""
        if not self.requires_grad or self._node is not None:
            raise RuntimeError("register_post_accumulate_grad_hook: post accumulate grad hooks cannot be registered on "
                               f"non-leaf tensors{at(user_place())}; register it on the leaf that keeps the gradient")
        hooks = watch(self, self._wrap).after

        def after(grad_inputs: Any, grad_outputs: Any) -> None:
            hook(self)

        hooks.append(after)
        return Handle(hooks, after)

    def backward(self, gradient: Any = None, retain_graph: Any = None, create_graph: Any = False,
                 inputs: Any = None) -> None:
        """Backpropagate: add to ``.grad`` of every leaf that self was computed from the gradient of self.

        ``gradient`` is what arrives at self; a scalar starts with 1. ``inputs``: only these get their gradient.

        >>> import chainrule as torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        tensor(6.)
        """
        if self._base is not None:
            self._refresh()
        plain = gradient is None and inputs is None and not create_graph and mode_now().fast
        if plain and self._node is not None and self._data.size == 1 and self._data.dtype in ONE:
            one = ONE[self._data.dtype] if not self._data.ndim else np.ones_like(self._data)
            pull((self._edge(),), (one,), None, not retain_graph)  # the common case, without ceremony
            return
        wanted = None if inputs is None else inputs if isinstance(inputs, Sequence) else [inputs]
        found = backpropagate([self], [gradient], wanted, retain_graph, create_graph)
        for tensor, g in zip(wanted or (), found):
            if g is not None and not tensor._retained:
                tensor.send(g if create_graph else g._data)

    def detach(self) -> Self:
        """The same memory without history."""
        trace = mode_now().trace
        if trace is not None:
            return trace.alias(self)  # type: ignore[no-any-return]
        out = self._wrap(self._own())
        out._storage = self._shared()  # type: ignore[attr-defined]
        return out  # type: ignore[no-any-return]

    def detach_(self) -> Self:
        """Forget the history."""
        self._node, self._requires_grad = None, False
        return self

    @property
    def data(self) -> Self:
        """The same memory without history and without version checks: writing it is invisible to the tape."""
        trace = mode_now().trace
        if trace is not None:
            return trace.alias(self)  # type: ignore[no-any-return]
        data = self._data
        return self._wrap(data if type(data) is np.ndarray else self._own())  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Any) -> None:
        trace = mode_now().trace
        if not isinstance(value, Vocabulary):
            raise TypeError(f"data: expected a Tensor, got {type(value).__name__}{at(user_place())}")
        if trace is not None:
            trace.set(self, "data", value)
        else:
            self._data = value._own()  # type: ignore[attr-defined]


def backpropagate(
    outputs: Sequence[Any], gradients: Sequence[Any], wanted: Sequence[Any] | None, retain_graph: Any, create_graph: Any
) -> list[Any]:
    """Pull from ``outputs``; the gradients that arrived at ``wanted``, or None, as tensors."""
    retain = create_graph if retain_graph is None else retain_graph
    mode = mode_now()
    if len(outputs) != len(gradients):
        raise GraphError(f"backward: got {len(outputs)} tensors and {len(gradients)} gradients{at(user_place())}; give "
                         "one gradient, or None, for each tensor")
    if wanted is not None and not len(wanted):
        raise GraphError(f"grad: the inputs cannot be empty{at(user_place())}; name the tensors to differentiate by")
    for tensor in (*outputs, *(wanted or ())):
        tensor._refresh()
    for tensor in outputs:
        if tensor._edge() is None:
            raise GraphError(NO_GRAPH.format(list(tensor.shape), at(user_place())))
    starts = [_start(t, g) for t, g in zip(outputs, gradients)]
    nodes = None
    if wanted is not None:
        for k, tensor in enumerate(wanted):
            if tensor._edge() is None:
                raise GraphError(f"grad: one of the differentiated Tensors does not require grad: number {k}, of shape "
                                 f"{shown(tensor.shape)}{at(user_place())}; call .requires_grad_() before it is used")
        nodes = [t._edge() for t in wanted]
    roots = [t._edge() for t in outputs]
    if mode.fast and not create_graph:
        found = pull(roots, [g._data for g in starts], nodes and set(nodes), not retain)
        return [_tensor(outputs[0], found.get(n)) for n in nodes or ()]
    with Switch(grad=bool(create_graph)), attended(roots) if mode.anomaly else nullcontext():
        found = pull(roots, starts, nodes and set(nodes), not retain)
    return [found.get(n) for n in nodes or ()]


def _tensor(like: Any, array: Any) -> Any:
    return None if array is None else like._wrap(array)


def _start(tensor: Any, gradient: Any) -> Any:
    """What arrives at an output of backward: the given gradient, or 1 at a scalar."""
    if gradient is None:
        if math.prod(tensor._data.shape) != 1:
            raise GraphError(f"backward: grad can be implicitly created only for scalar outputs: this tensor has shape "
                             f"{shown(tensor.shape)}{at(user_place())}. Reduce it to a loss first (.sum() or .mean()), "
                             "or pass the gradient that arrives at it: backward(torch.ones_like(y))")
        if mode_now().trace is None:
            return tensor._wrap(ONE[tensor.np_dtype] if not tensor.ndim else np.ones(tensor.shape, tensor.np_dtype))
        return tensor._full(tuple(tensor.shape), 1)
    if tuple(gradient.shape) != tuple(tensor.shape):
        raise GraphError(f"backward: Mismatch in shape: the gradient has shape {shown(gradient.shape)}, the tensor "
                         f"{shown(tensor.shape)}{at(user_place())}; they must be equal")
    return gradient.cast(tensor.np_dtype) if tensor._node is not None else gradient.cast(tensor.np_dtype).clone()


NO_GRAPH = (
    "backward: element 0 of tensors does not require grad and does not have a grad_fn: nothing that this tensor of "
    "shape {0} was computed from requires grad{1}. Likely causes: requires_grad=True was forgotten on the parameters, "
    "or the graph was cut by detach(), .data, .item(), no_grad() or an integer dtype"
)
