"""Datasets: things with examples that can be asked for by number."""

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from chainrule.random import randperm

T = TypeVar("T")


class Dataset(Generic[T]):
    """Base of datasets: a subclass has ``__getitem__``, and ``__len__`` if it can."""

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: "Dataset[T]") -> "ConcatDataset[T]":
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T]):
    """Base of datasets that can only be read from the start: a subclass has ``__iter__``."""

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError("Subclasses of IterableDataset should implement __iter__.")


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Example k is the k-th row of every tensor.

    >>> import chainrule as torch
    >>> torch.utils.data.TensorDataset(torch.arange(3), torch.ones(3))[2]
    (tensor(2), tensor(1.))
    """

    def __init__(self, *tensors: Any):
        if any(t.shape[0] != tensors[0].shape[0] for t in tensors):
            raise AssertionError(f"Size mismatch between tensors: {', '.join(str(list(t.shape)) for t in tensors)} "
                                 "must agree in the first size")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]  # type: ignore[no-any-return]


class StackDataset(Dataset[Any]):
    """Example k holds the k-th example of every dataset, as a tuple or, given by name, a dictionary."""

    def __init__(self, *args: Any, **kwargs: Any):
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset takes datasets by position or by name, and at least one")
        self.datasets: Any = args or kwargs
        if len({len(d) for d in (args or kwargs.values())}) > 1:
            raise ValueError("Size mismatch between datasets")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return len(next(iter(self.datasets.values())) if isinstance(self.datasets, dict) else self.datasets[0])


class ConcatDataset(Dataset[T]):
    """Datasets one after another."""

    def __init__(self, datasets: Iterable[Any]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T:
        if not -len(self) <= index < len(self):
            raise ValueError("absolute value of index should not exceed dataset length")
        index %= len(self)
        which = bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]  # type: ignore[no-any-return]


class Subset(Dataset[T]):
    """The examples of a dataset at given numbers."""

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]  # type: ignore[no-any-return]
        return self.dataset[self.indices[index]]  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset[Any]]:
    """Disjoint random subsets of given lengths, or of given fractions that add up to 1.

    >>> import chainrule as torch
    >>> parts = torch.utils.data.random_split(range(5), [3, 2], torch.Generator().manual_seed(0))
    >>> [list(part) for part in parts]
    [[4, 0, 1], [3, 2]]
    """
    count = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for number, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {number} is not between 0 and 1")
        sizes = [math.floor(count * fraction) for fraction in lengths]
        for k in range(count - sum(sizes)):
            sizes[k % len(sizes)] += 1
        for number, size in enumerate(sizes):
            if not size:
                warnings.warn(f"Length of split at index {number} is 0. This might result in an empty dataset.",
                              stacklevel=2)
        lengths = sizes
    if sum(lengths) != count:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset! "
                         f"They add up to {sum(lengths)}, and it has {count} examples")
    order = randperm(count, generator=generator).tolist()
    ends = list(accumulate(lengths))
    return [Subset(dataset, order[int(end - size) : int(end)]) for end, size in zip(ends, lengths)]
