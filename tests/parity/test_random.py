"""Same seed, same numbers as torch, to the bit, for every function that draws; the stream goes on the same after it."""

import io
import pickle

import numpy as np
import pytest
import torch

import chainrule

pytestmark = pytest.mark.usefixtures("one_thread")
SEEDS = (0, 1234, 2**40 + 3)
SIZES = (1, 15, 16, 17, 1000)


def of(t, dtype):
    return getattr(t, dtype)


def weights(t, n, d):
    return t.arange(1, n + 1).to(of(t, d))


FILLS = [("uniform_", -1, 3), ("normal_", 1, 3), ("exponential_", 2.0), ("log_normal_",), ("cauchy_", 1, 2),
         ("geometric_", 0.3), ("random_",), ("random_", 5), ("bernoulli_", 0.3)]
INITS = "uniform_ normal_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_".split()
WHOLE = [("random_",), ("random_", 2, 50), ("geometric_", 0.3), ("bernoulli_", 0.3)]
DRAWS = {
    "rand": lambda t, n, d: t.rand(n, dtype=of(t, d)),
    "randn": lambda t, n, d: t.randn(n, dtype=of(t, d)),
    "randint": lambda t, n, d: t.randint(0, 100, (n,), dtype=of(t, d)),
    "randperm": lambda t, n, d: t.randperm(n),
    "randperm in a dtype": lambda t, n, d: t.randperm(n, dtype=t.int32),
    "rand_like": lambda t, n, d: t.rand_like(weights(t, n, d)),
    "randn_like": lambda t, n, d: t.randn_like(weights(t, n, d)),
    "randint_like": lambda t, n, d: t.randint_like(weights(t, n, d), 3, 10),
    "normal": lambda t, n, d: t.normal(1.0, 2.0, (n,)),
    "normal of tensors": lambda t, n, d: t.normal(weights(t, n, d), weights(t, n, d)),
    "normal of a mean": lambda t, n, d: t.normal(weights(t, n, d), 2.0),
    "bernoulli": lambda t, n, d: t.bernoulli(t.full((n,), 0.3, dtype=of(t, d))),
    "poisson": lambda t, n, d: t.poisson(weights(t, n, d) / 3),
    "multinomial": lambda t, n, d: t.multinomial(weights(t, n, d), max(n // 2, 1)),
    "multinomial again": lambda t, n, d: t.multinomial(weights(t, n, d), n + 3, replacement=True),
    "multinomial of rows": lambda t, n, d: t.multinomial(t.ones(3, n, dtype=of(t, d)), 1),
    "dropout": lambda t, n, d: t.nn.functional.dropout(weights(t, n, d), 0.3),
    "dropout2d": lambda t, n, d: t.nn.functional.dropout2d(t.ones(2, n, 3, 3, dtype=of(t, d)), 0.3),
    "dropout3d": lambda t, n, d: t.nn.functional.dropout3d(t.ones(2, n, 1, 1, 2, dtype=of(t, d)), 0.3),
    "alpha_dropout": lambda t, n, d: t.nn.functional.alpha_dropout(weights(t, n, d), 0.3, True),
    "feature_alpha_dropout": lambda t, n, d: t.nn.functional.feature_alpha_dropout(t.ones(2, n, 3), 0.3, True),
    "rrelu": lambda t, n, d: t.nn.functional.rrelu(-weights(t, n, d), training=True),
    "a transposed tensor": lambda t, n, d: t.empty(n, 3, dtype=of(t, d)).t().uniform_(),
    "normals, transposed": lambda t, n, d: t.empty(n, 3, dtype=of(t, d)).t().normal_(),
    "normals, every other": lambda t, n, d: t.zeros(n, 6, dtype=of(t, d))[:, ::2].normal_(),
    "normals and others": lambda t, n, d: t.cat([t.randn(3), t.rand(n), t.randn(1)]),
    **{f"{name}{tuple(args)}": lambda t, n, d, name=name, args=args: getattr(t.empty(n, dtype=of(t, d)), name)(*args)
       for name, *args in FILLS},
    **{f"{name}{tuple(args)} of int64": lambda t, n, d, name=name, args=args: getattr(
        t.empty(n, dtype=t.int64), name)(*args) for name, *args in WHOLE},
    **{f"init.{name}": lambda t, n, d, name=name: getattr(t.nn.init, name)(t.empty(n, 4, dtype=of(t, d)))
       for name in INITS},
    "init.sparse_": lambda t, n, d: t.nn.init.sparse_(t.empty(n, 2, dtype=of(t, d)), 0.3),
    "init.trunc_normal_": lambda t, n, d: t.nn.init.trunc_normal_(t.zeros(n, 4, dtype=of(t, d)), 0, 1, -0.5, 2),
    "init.trunc_normal_ far out": lambda t, n, d: t.nn.init.trunc_normal_(t.zeros(n, 2, dtype=of(t, d)), 0, 1, 1.5, 3),
    "init.dirac_": lambda t, n, d: t.nn.init.dirac_(t.empty(n, 4, 3, dtype=of(t, d))),
    "Linear": lambda t, n, d: t.cat([p.detach().reshape(-1) for p in t.nn.Linear(n, 4, dtype=of(t, d)).parameters()]),
    "Conv2d": lambda t, n, d: t.nn.Conv2d(n, 4, 3).weight.detach(),
    "Embedding": lambda t, n, d: t.nn.Embedding(n, 4).weight.detach(),
    "GRU": lambda t, n, d: t.nn.GRU(n, 4, 2).weight_ih_l1.detach(),
    "Bilinear": lambda t, n, d: t.nn.Bilinear(n, 4, 2).weight.detach(),
    "MultiheadAttention": lambda t, n, d: t.nn.MultiheadAttention(4, 2).in_proj_weight.detach(),
    "TransformerEncoderLayer": lambda t, n, d: t.nn.TransformerEncoderLayer(4, 2, 8).linear2.weight.detach(),
    "a shuffled DataLoader": lambda t, n, d: t.cat(list(t.utils.data.DataLoader(t.arange(n), 4, shuffle=True))),
    "its own generator": lambda t, n, d: t.cat([*t.utils.data.DataLoader(
        t.arange(n), 4, shuffle=True, generator=t.Generator().manual_seed(1)), t.randint(0, 1000, (2,))]),
    "random_split": lambda t, n, d: t.tensor(list(t.utils.data.random_split(range(n), [n - n // 3, n // 3])[0])),
    "random_split by shares": lambda t, n, d: t.tensor(list(t.utils.data.random_split(range(n), [0.7, 0.3])[0])),
    "WeightedRandomSampler": lambda t, n, d: t.tensor(list(t.utils.data.WeightedRandomSampler([1.0] * n, n))),
    "RandomSampler": lambda t, n, d: t.tensor(list(t.utils.data.RandomSampler(range(n), True, n * 2))),
}
CLOSE = {  # what another library computes of the numbers drawn, and how far apart it may be
    "gumbel_softmax": (lambda t, n, d: t.nn.functional.gumbel_softmax(weights(t, n, d), dim=0), 2e-6),
    "init.orthogonal_": (lambda t, n, d: t.nn.init.orthogonal_(t.empty(min(n, 20), 4, dtype=of(t, d))), 1e-5),
}


def drawn(t, function, seed, n, dtype):
    t.manual_seed(seed)
    return function(t, n, dtype).numpy(), t.get_rng_state().numpy()


@pytest.mark.filterwarnings("ignore:Length of split")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DRAWS)
def test_the_same_bits(name, dtype):
    for seed in SEEDS:
        for n in SIZES:
            theirs, after = drawn(torch, DRAWS[name], seed, n, dtype)
            ours, state = drawn(chainrule, DRAWS[name], seed, n, dtype)
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            assert ours.tobytes() == theirs.tobytes(), f"{n} from seed {seed}"
            np.testing.assert_array_equal(state, after)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CLOSE)
def test_the_same_draws_and_close_results(name, dtype):
    function, bound = CLOSE[name]
    for seed in SEEDS:
        for n in SIZES:
            theirs, after = drawn(torch, function, seed, n, dtype)
            ours, state = drawn(chainrule, function, seed, n, dtype)
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound)
            np.testing.assert_array_equal(state, after)


def test_same_as_torch(both, program):
    both(program)


def state_taken_and_given_back(torch):
    g = torch.Generator().manual_seed(7)
    first, state = torch.rand(3, generator=g), g.get_state()
    second = torch.randn(20, generator=g)
    g.set_state(state)
    clone = g.clone_state()
    return first, second, torch.randn(20, generator=g), torch.randn(2, generator=clone), g.initial_seed()


def forked(torch):
    torch.manual_seed(3)
    torch.rand(3)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        inside = torch.rand(4)
    with torch.random.fork_rng(enabled=False):
        torch.rand(1)
    return inside, torch.rand(4)


def the_module_random(torch):
    torch.random.manual_seed(5)
    state = torch.random.get_rng_state()
    first = torch.rand(4, generator=torch.default_generator)
    torch.random.set_rng_state(state)
    return first, torch.rand(4), torch.initial_seed(), torch.random.initial_seed()


def a_pickled_state(torch):
    torch.manual_seed(5)
    buffer = io.BytesIO(pickle.dumps(torch.get_rng_state()))
    first = torch.rand(4)
    torch.set_rng_state(pickle.loads(buffer.getvalue()))
    return first, torch.rand(4)


def gradients_of_draws(torch):
    mean = torch.tensor([0.2, 0.7], requires_grad=True)
    draws = [torch.normal(mean, mean.detach()), torch.normal(mean, 1.0), torch.bernoulli(mean), torch.poisson(mean)]
    sum(draw.sum() for draw in draws).backward()
    return mean.grad, [draw.requires_grad for draw in draws]


def bad_parameters(torch):
    found = []
    x = torch.empty(2)
    for call in (lambda: x.geometric_(0.0), lambda: x.cauchy_(0, -1), lambda: torch.poisson(torch.tensor([-1.0])),
                 lambda: torch.randint_like(x, 5, 5), lambda: torch.poisson(torch.tensor([1])),
                 lambda: torch.nn.init.sparse_(x, 0.5), lambda: torch.nn.init.orthogonal_(x),
                 lambda: torch.nn.init.dirac_(x), lambda: torch.empty(2, dtype=torch.int64).normal_()):
        try:
            call()
        except (RuntimeError, ValueError, NotImplementedError) as error:
            found.append(isinstance(error, ValueError))
    return found
