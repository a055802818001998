"""Random tensors: PyTorch's names, and for the same seed PyTorch's numbers. ``torch.random`` is this module."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import chainrule.generator as streams
from chainrule.creation import made, numpy_dtype, shape_of
from chainrule.generator import default_generator as default_generator
from chainrule.modes import current, drawn
from chainrule.spec import as_dtype, on_cpu
from chainrule.tensors import Tensor, wrap

DType = Any
WHOLE = np.dtype("int64")


class Generator(streams.Generator):
    """A source of random numbers of its own; state and stream are those of ``torch.Generator``."""

    device = "cpu"

    def __init__(self, device: Any = "cpu"):
        super().__init__()

    def get_state(self) -> Any:
        """The state as a tensor of bytes."""
        return wrap(super().get_state())

    def set_state(self, state: Any) -> "Generator":
        """Continue from what ``get_state`` returned."""
        super().set_state(state._data if isinstance(state, Tensor) else state)
        return self


def manual_seed(seed: int) -> streams.Generator:
    """Seed the default generator; what follows equals what PyTorch draws on the CPU."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator from the system and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed last set."""
    return default_generator.initial_seed()


def _drawn(name: str, sizes: tuple[Any, ...], dtype: DType, generator: streams.Generator | None) -> Any:
    shape, kind, source = shape_of(name, sizes), numpy_dtype(dtype), generator or default_generator
    return drawn(getattr(source, name), (shape, kind), shape, kind)


def rand(*size: Any, generator: streams.Generator | None = None, dtype: DType = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1), PyTorch's to the bit for the same seed.

    >>> import chainrule as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    return made(_drawn("rand", size, dtype, generator), requires_grad)


def randn(*size: Any, generator: streams.Generator | None = None, dtype: DType = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """Standard normal numbers, PyTorch's to the bit for the same seed."""
    return made(_drawn("randn", size, dtype, generator), requires_grad)


def rand_like(input: Tensor, *, dtype: DType = None, requires_grad: bool = False, **place: Any) -> Tensor:
    """Uniform numbers in the shape and dtype of ``input``."""
    on_cpu("rand_like", place)
    return rand(tuple(input.shape), dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: DType = None, requires_grad: bool = False, **place: Any) -> Tensor:
    """Standard normal numbers in the shape and dtype of ``input``."""
    on_cpu("randn_like", place)
    return randn(tuple(input.shape), dtype=dtype or input.dtype, requires_grad=requires_grad)


def randint(low: int, high: Any = None, size: Any = None, *, generator: streams.Generator | None = None,
            dtype: DType = None, device: Any = None) -> Tensor:
    """Integers from ``low`` up to, not including, ``high``."""
    if size is None:
        low, high, size = 0, low, high
    kind = WHOLE if dtype is None else as_dtype(dtype).numpy
    shape, source = shape_of("randint", (size,)), generator or default_generator
    return made(drawn(source.randint, (low, high, shape, kind), shape, kind))


def randint_like(input: Tensor, low: int, high: Any = None, *, dtype: DType = None, **place: Any) -> Tensor:
    """Integers from ``low`` (0) up to, not including, ``high``, in the shape and dtype of ``input``."""
    on_cpu("randint_like", place)
    low, high = (0, low) if high is None else (low, high)
    return randint(int(low), int(high), tuple(input.shape), dtype=dtype or input.dtype)


def randperm(n: int, *, generator: streams.Generator | None = None, dtype: DType = None, **place: Any) -> Tensor:
    """The numbers 0 … n − 1 in random order."""
    on_cpu("randperm", place)
    found = made(drawn((generator or default_generator).randperm, (n,), (n,), WHOLE))
    return found if dtype is None else found.to(dtype)


def get_rng_state() -> Tensor:
    """The state of the default generator, as a tensor of bytes."""
    return wrap(default_generator.get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Let the default generator continue from a state."""
    default_generator.set_state(new_state._data)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Inside ``with``, draws leave no trace: after it the default generator goes on as before.

    >>> import chainrule as torch
    >>> with torch.random.fork_rng():
    ...     _ = torch.manual_seed(0)
    """
    state = default_generator.get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(state)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: streams.Generator | None = None,
           dtype: DType = None, **place: Any) -> Tensor:
    """Normal numbers; ``mean`` and ``std`` are numbers (then ``size`` is needed) or tensors, element by element."""
    on_cpu("normal", place)
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    if not given:
        fresh = made(np.empty(shape_of("normal", (size,)), numpy_dtype(dtype)))
        return fresh.normal_(mean, std, generator=generator)
    like = given[0] if len(given) == 1 else mean + std
    fresh = made(np.empty(tuple(like.shape), like.np_dtype)).normal_(generator=generator)
    mean, std = (x.detach() if isinstance(x, Tensor) else x for x in (mean, std))
    return like.assign(fresh.mul_(std).add_(mean), ())


def bernoulli(input: Tensor, p: Any = None, *, generator: streams.Generator | None = None) -> Tensor:
    """1 with the probability that ``input`` (or ``p``) says for each element, else 0.

    >>> import chainrule as torch
    >>> torch.bernoulli(torch.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    out = made(np.empty(tuple(input.shape), input.np_dtype))
    return input.assign(out.bernoulli_(input if p is None else p, generator=generator), ())


def poisson(input: Tensor, generator: streams.Generator | None = None) -> Tensor:
    """A Poisson count for each rate in ``input``; the gradient with respect to the rates is 0.

    >>> import chainrule as torch
    >>> torch.poisson(torch.tensor([0.0]))
    tensor([0.])
    """
    rates = np.asarray(input._array("poisson()"))
    if rates.dtype.kind != "f":
        raise NotImplementedError(f"poisson: not implemented for {input.dtype}; write x.float()")
    draw = (generator or default_generator).poisson
    return input.assign(made(drawn(draw, (rates,), rates.shape, rates.dtype)), ())


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: streams.Generator | None = None) -> Tensor:
    """``num_samples`` positions per row, drawn in proportion to the weights in it.

    Without replacement (and for one sample) it is the exponential race: the largest weight / Exp(1) wins.
    Raises RuntimeError for weights that are negative, not finite or all 0, and for more samples than positive weights.
    """
    trace = current.get().trace
    weights = np.asarray(input._array("multinomial()") if trace is None else trace.refuse(None, "multinomial()"))
    if weights.ndim not in (1, 2) or weights.dtype.kind != "f":
        raise RuntimeError(f"multinomial: expects 1-d or 2-d floating-point weights, got {weights.ndim}-d "
                           f"{input.dtype}")
    if num_samples <= 0 or (not replacement and num_samples > weights.shape[-1]):
        raise RuntimeError(f"multinomial: cannot sample n_sample = {num_samples} from {weights.shape[-1]} categories "
                           "without replacement; it must be between 1 and their number")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if not weights.sum(-1).all():
        raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
    source = generator or default_generator
    if not replacement or num_samples == 1:
        race = weights / source.exponential(weights.shape, 1.0, weights.dtype)
        order = np.argsort(-race, axis=-1, kind="stable")[..., :num_samples]
        return wrap(order.astype(np.int64))
    rows = np.atleast_2d(weights)
    edges = np.cumsum(rows, axis=-1)
    edges /= edges[:, -1:]
    edges[:, -1] = 1
    points = source.rand((len(rows), num_samples), np.float64)
    drawn = np.stack([np.searchsorted(e, p, side="left") for e, p in zip(edges, points)])
    return wrap(drawn.reshape((*weights.shape[:-1], num_samples)).astype(np.int64))
