"""The function spelling of the tensor's words: ``torch.exp(x)`` is ``x.exp()``. Made from the words, not listed."""

from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from typing import Any

from chainrule.ops import ALL, comparison
from chainrule.selection import Selection
from chainrule.tensors import Tensor
from chainrule.vocabulary import Vocabulary
from chainrule.vocabulary.arithmetic import Arithmetic
from chainrule.vocabulary.elementary import Elementary
from chainrule.vocabulary.inner import Inner


def words() -> list[str]:
    """The names of the vocabulary that can be called as functions."""
    names = {name for kind in (*Vocabulary.__mro__, Selection) for name, value in vars(kind).items()
             if callable(value) and not name.startswith("_")}
    return sorted((names | set(in_place_words())) - NOT_FUNCTIONS)


def in_place_words() -> Iterator[str]:
    """``relu_`` and the like: what writes in place and needs nothing but the tensor."""
    for kind in (Arithmetic, Elementary):
        for name, word in vars(kind).items():
            if hasattr(Tensor, f"{name}_") and all(p.default is not p.empty for p in parameters(word)[1:]):
                yield f"{name}_"


def parameters(word: Callable[..., Any]) -> list[Parameter]:
    return list(signature(word).parameters.values())


NOT_FUNCTIONS = {*vars(Inner), "cast", "new_zeros", "new_full", "expand", "view_as", "expand_as", "sum_to_size",
                 "unfold", "pad", "repeat", "reshape_as"}


def function(name: str) -> Callable[..., Any]:
    """The word ``name`` as a function of its tensor."""
    method = getattr(Tensor, name)

    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(input, Tensor):
            return method(input, *args, **kwargs)
        first = args[0] if args else None
        if isinstance(input, (int, float)) and isinstance(first, Tensor):
            if method.__name__ in ALL:
                return first._reflected(ALL[method.__name__], input)
            return method(first.new_tensor(input), *args, **kwargs)
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}: {input!r}")

    call.__code__ = call.__code__.replace(co_name=method.__name__)  # the tape names a node after the function called
    call.__name__ = call.__qualname__ = name
    call.__doc__ = method.__doc__
    return call


def where(condition: Tensor, input: Any, other: Any) -> Tensor:
    """``input`` where ``condition`` holds, else ``other``, element by element."""
    return condition._apply(comparison.where, (condition, input, other))


equal, allclose = function("equal"), function("allclose")
