"""Datasets and loaders: what is read, in what batches, and what is refused."""

import functools
import operator

import pytest

import chainrule as torch
from chainrule.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Squares(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, k):
        return k, float(k * k)


def test_every_example_is_read_once_in_every_epoch():
    torch.manual_seed(0)
    loader = DataLoader(Squares(), batch_size=3, shuffle=True)
    epochs = [[x.tolist() for x, _ in loader] for _ in range(2)]
    assert [sorted(functools.reduce(operator.iadd, epoch, [])) for epoch in epochs] == [list(range(7))] * 2
    assert epochs[0] != epochs[1]
    assert [len(batch) for batch in epochs[0]] == [3, 3, 1]
    assert len(loader) == 3
    assert len(DataLoader(Squares(), batch_size=3, drop_last=True)) == 2


def test_batches_have_pytorch_dtypes():
    x, y = next(iter(DataLoader(Squares(), batch_size=2)))
    assert (x.dtype, y.dtype, y.tolist()) == (torch.int64, torch.float64, [0.0, 1.0])
    (batch,) = DataLoader([{"x": torch.ones(2), "name": "a"}, {"x": torch.zeros(2), "name": "b"}], batch_size=2)
    assert batch["x"].shape == (2, 2)
    assert batch["name"] == ["a", "b"]


def test_datasets_of_datasets():
    both = ConcatDataset([Squares(), Squares()])
    assert len(both) == 14
    assert both[8] == (1, 1.0)
    assert both[-1] == (6, 36.0)
    assert len(Squares() + both) == 21
    assert Subset(Squares(), [5, 2])[0] == (5, 25.0)
    assert StackDataset(a=Squares(), b=range(7))[2] == {"a": (2, 4.0), "b": 2}
    parts = random_split(range(10), [0.5, 0.25, 0.25], torch.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [6, 2, 2]
    assert sorted(x for p in parts for x in p) == list(range(10))


@pytest.mark.parametrize(("wrong", "error", "says"), [
    (lambda: TensorDataset(torch.ones(2), torch.ones(3)), AssertionError, "[2], [3]"),
    (lambda: random_split(range(3), [1, 1]), ValueError, "Sum of input lengths"),
    (lambda: DataLoader([1], shuffle=True, sampler=[0]), ValueError, "mutually exclusive"),
    (lambda: DataLoader([1], batch_size=0), ValueError, "positive integer"),
    (lambda: DataLoader([1], batch_sampler=[[0]], batch_size=2), ValueError, "mutually exclusive"),
    (lambda: RandomSampler([]), ValueError, "positive integer"),
    (lambda: list(DataLoader([object()])), TypeError, "default_collate"),
    (lambda: list(DataLoader([(1,), (1, 2)], batch_size=2)), RuntimeError, "equal size"),
])  # fmt: skip
def test_refusals(wrong, error, says):
    with pytest.raises(error) as caught:
        wrong()
    assert says in str(caught.value)
