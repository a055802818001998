"""Datasets, samplers, loaders and random words: the same draws and batches as in torch for the same seed."""

import numpy as np


def test_same_as_torch(both, program):
    both(program, rel=2e-6, abs=2e-6)


def epochs_in_order(torch):
    data = torch.utils.data
    torch.manual_seed(3)
    dataset = data.TensorDataset(torch.arange(23).float(), torch.arange(23))
    loader = data.DataLoader(dataset, batch_size=5, shuffle=True)
    batches = [[x, y] for _ in range(2) for x, y in loader]
    own = data.DataLoader(range(7), batch_size=3, shuffle=True, drop_last=True,
                          generator=torch.Generator().manual_seed(1))
    return batches, torch.rand(2), list(own), list(own), len(loader), len(own), torch.rand(2)


def splits_and_samplers(torch):
    data = torch.utils.data
    torch.manual_seed(4)
    halves = data.random_split(range(23), [0.7, 0.3])
    own = data.random_split(range(23), [20, 3], generator=torch.Generator().manual_seed(42))
    return ([list(p.indices) for p in (*halves, *own)], list(data.RandomSampler(range(10))),
            list(data.RandomSampler(range(10), replacement=True, num_samples=40)),
            list(data.RandomSampler(range(5), num_samples=12)), list(data.SubsetRandomSampler([3, 1, 4, 1, 5])),
            list(data.WeightedRandomSampler([0.1, 0.9, 0.4], 7)),
            list(data.WeightedRandomSampler([0.1, 0.9, 0.4], 3, replacement=False)),
            list(data.BatchSampler(data.SequentialSampler(range(7)), 3, False)), torch.rand(1))


def batches_of_every_kind(torch):
    load = torch.utils.data.DataLoader
    mixed = [{"a": 1, "b": 2.5, "c": "x", "d": (True, np.float32(2)), "e": np.arange(2)}] * 3

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(5))

    pairs = torch.utils.data.ConcatDataset([[(1, 2.0)], [(3, 4.0), (5, 6.0)]])
    return (list(load(mixed, batch_size=2)), list(load([1, 2.5])), list(load(Stream(), batch_size=2)),
            list(load([1, 2], batch_size=None)), list(load(pairs, batch_size=2)), pairs[-1],
            list(load(range(4), batch_size=2, collate_fn=sum)), list(load(range(6), batch_sampler=[[0, 5], [1]])),
            list(load(torch.utils.data.Subset(range(9), [8, 1]), sampler=[1, 0])))


def random_words(torch):
    results = []
    for n in (1, 5, 15, 16, 17, 100):
        torch.manual_seed(n)
        for dtype in (torch.float32, torch.float64):
            blank = torch.empty(n, dtype=dtype)
            results += [blank.clone().normal_(1, 2), blank.clone().uniform_(-1, 2), blank.clone().exponential_(2.0),
                        blank.clone().bernoulli_(0.3), blank.clone().bernoulli_(torch.linspace(0, 1, n, dtype=dtype)),
                        blank.clone().random_(), blank.clone().random_(3, 50), blank.clone().log_normal_(0, 0.5)]
        results += [torch.empty(n, dtype=d).random_() for d in (torch.int64, torch.int32, torch.uint8, torch.bool)]
        steps = torch.arange(float(n))
        results += [torch.normal(steps, 2.0), torch.normal(1.0, steps), torch.normal(steps, steps + 1),
                    torch.normal(1.0, 2.0, (n,)), torch.bernoulli(torch.linspace(0, 1, n)),
                    torch.multinomial(steps + 1, min(3, n)), torch.multinomial(steps + 1, 20, True),
                    torch.multinomial((torch.arange(2.0 * n) + 1).reshape(2, n), 4, True)]
    return results


def states_of_generators(torch):
    torch.manual_seed(5)
    torch.randn(3)
    state = torch.get_rng_state()
    first = torch.randn(20)
    torch.set_rng_state(state)
    own = torch.Generator().manual_seed(7)
    kept = own.get_state()
    drawn = torch.rand(3, generator=own)
    own.set_state(kept)
    return first, torch.randn(20), state.dtype, list(state.shape), drawn, torch.empty(3).uniform_(generator=own), (
        own.initial_seed(), torch.initial_seed())
