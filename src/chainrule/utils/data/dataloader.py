"""Batches from a dataset, in PyTorch's order for the same seed."""

import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from chainrule.creation import as_tensor, from_numpy, tensor
from chainrule.generator import Generator
from chainrule.joining import stack
from chainrule.tensors import Tensor
from chainrule.utils.data.dataset import IterableDataset
from chainrule.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, drawn_seed


class DataLoader:
    """Iterates over a dataset in batches.

    Everything happens in this process: ``num_workers``, ``pin_memory`` and what belongs to them is accepted, and
    changes nothing but the time.

    >>> import chainrule as torch
    >>> [batch.tolist() for batch in torch.utils.data.DataLoader(range(5), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
        batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0, worker_init_fn: Any = None,
        multiprocessing_context: Any = None, generator: Generator | None = None, **worker_options: Any,
    ):
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        self.iterable = isinstance(dataset, IterableDataset)
        if self.iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader with IterableDataset: expected unspecified shuffle, sampler and batch_sampler "
                             "options: the dataset itself decides the order")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                                 "drop_last")
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        self.dataset = dataset
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.generator = generator
        if sampler is None and not self.iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.sampler = sampler
        if batch_size is not None and batch_sampler is None and not self.iterable:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        batches = batch_sampler is not None or (self.iterable and batch_size is not None)
        self.collate_fn = collate_fn or (default_collate if batches else default_convert)

    def __iter__(self) -> Iterator[Any]:
        order = iter(self.batch_sampler if self.batch_sampler is not None else self.sampler or ())
        drawn_seed(self.generator)  # PyTorch draws a seed for its workers even when there are none
        return self._read(order)

    def _read(self, order: Iterator[Any]) -> Iterator[Any]:
        if self.iterable:
            examples = iter(self.dataset)
            if self.batch_size is None:
                yield from map(self.collate_fn, examples)
                return
            while batch := list(islice(examples, self.batch_size)):
                if len(batch) == self.batch_size or not self.drop_last:
                    yield self.collate_fn(batch)
        elif self.batch_sampler is None:
            for number in order:
                yield self.collate_fn(self.dataset[number])
        else:
            for batch in order:
                yield self.collate_fn(self._examples(batch))

    def _examples(self, batch: list[int]) -> list[Any]:
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(batch)  # type: ignore[no-any-return]
        return [self.dataset[number] for number in batch]

    def __len__(self) -> int:
        if self.iterable:
            count = len(self.dataset)
            if self.batch_size is None:
                return count
            return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
        return len(self.batch_sampler if self.batch_sampler is not None else self.sampler)


def default_collate(batch: Sequence[Any]) -> Any:
    """Examples as one batch: tensors stacked, numbers as a tensor, tuples and dictionaries field by field."""
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch), 0)
    if isinstance(first, (np.ndarray, np.generic)):
        return from_numpy(np.stack([np.asarray(each) for each in batch]))
    if isinstance(first, float):
        return tensor(list(batch), dtype=np.float64)
    if isinstance(first, numbers.Number):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in batch]) for key in first}
    if isinstance(first, Sequence):
        if any(len(each) != len(first) for each in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        fields = [default_collate(list(field)) for field in zip(*batch, strict=True)]
        return type(first)(*fields) if hasattr(first, "_fields") else fields
    raise TypeError("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
                    f"{type(first)}")


def default_convert(data: Any) -> Any:
    """Arrays as tensors, wherever they are inside ``data``; everything else as it is."""
    if isinstance(data, (np.ndarray, np.generic)):
        return as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, (list, tuple)):
        return [default_convert(value) for value in data]
    return data
