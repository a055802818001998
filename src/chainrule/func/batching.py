"""``vmap``: a function of one example as a function of a batch of them."""

import functools
from collections.abc import Callable
from typing import Any

from chainrule import trees
from chainrule.joining import stack
from chainrule.tensors import Tensor

__all__ = ["vmap"]


def vmap(
    function: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """``function`` over an axis of its arguments: it is called once per example and the results are stacked.

    ``in_dims`` says, for all arguments or for each (a tuple, nested as they are), which axis counts the examples; None
    is for what every example gets whole. ``out_dims`` says where that axis goes in the results. Since the examples are
    taken one by one, random numbers differ between them and ``chunk_size`` changes nothing. Raises ValueError where no
    axis is mapped over or the sizes differ.

    >>> import chainrule as torch
    >>> dot = torch.func.vmap(lambda x, y: (x * y).sum(), in_dims=(0, None))
    >>> dot(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([10.0, 1.0]))
    tensor([12., 34.])
    """

    @functools.wraps(function)
    def batched(*args: Any, **kwargs: Any) -> Any:
        given = trees.leaves((args, kwargs))
        dims = [*trees.spread(in_dims, args), *([0] * len(trees.leaves(kwargs)))]
        sizes = set()
        for x, dim in zip(given, dims):
            if dim is None:
                continue
            if not isinstance(x, Tensor):
                raise ValueError(f"vmap: got in_dim={dim} for an input of type {type(x).__name__}; only tensors have "
                                 f"axes to map over, give None for the others")
            if not -x.ndim <= dim < x.ndim:
                raise ValueError(f"vmap: got in_dim={dim} for an input with {x.ndim} dimensions{list(x.shape)}")
            sizes.add(x.shape[dim])
        if len(sizes) != 1:
            raise ValueError(f"vmap: expected one size in the mapped dimension of all tensors, got {sorted(sizes)}"
                             if sizes else "vmap: at least one argument must have an axis to map over")
        (size,) = sizes
        if not size:
            raise ValueError("vmap: there are no examples: the mapped dimension has size 0")
        results = []
        for k in range(size):
            one = trees.filled((args, kwargs), [x if d is None else x.select(d, k) for x, d in zip(given, dims)])
            results.append(function(*one[0], **one[1]))
        columns = zip(*map(trees.leaves, results))
        places = trees.spread(out_dims, results[0])
        return trees.filled(results[0], [_stacked(list(c), d, k) for k, (c, d) in enumerate(zip(columns, places))])

    return batched


def _stacked(values: list[Any], dim: int | None, number: int) -> Any:
    if not isinstance(values[0], Tensor):
        raise ValueError(f"vmap: the function must only return Tensors, got type {type(values[0]).__name__} as return "
                         f"number {number}")
    return values[0] if dim is None else stack(values, dim)
