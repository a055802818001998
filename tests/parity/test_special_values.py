"""Values and gradients at NaN, infinities, both zeros and kinks, and of ties, as torch has them."""

import itertools
import warnings

import numpy as np
import pytest
import torch

import chainrule

NAN, INF = np.nan, np.inf
POINTS = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, 6.0, 1e30, 1e-30, -2.0]
WORDS = ("exp expm1 log log1p log2 log10 sqrt sin cos tan asin acos atan sinh cosh asinh acosh atanh sigmoid erf exp2 "
         "abs sign relu floor ceil trunc round frac square reciprocal neg erfc "
         "nan_to_num rad2deg").split()
ACTIVATIONS = "relu relu6 leaky_relu silu softplus hardtanh softsign tanhshrink".split()
ONE = {
    **{word: lambda t, x, word=word: getattr(x, word)() for word in WORDS},
    **{f"F.{word}": lambda t, x, word=word: getattr(t.nn.functional, word)(x) for word in ACTIVATIONS},
    "clamp": lambda t, x: x.clamp(0, 1),
    "clamp_min": lambda t, x: x.clamp(min=0.5),
    "clamp_max": lambda t, x: x.clamp(max=0.5),
    "threshold": lambda t, x: t.nn.functional.threshold(x, 0.5, 3.0),
    "equal maxima": lambda t, x: t.maximum(x, x),
    "equal minima": lambda t, x: t.minimum(x, x),
    **{f"x ** {p}": lambda t, x, p=p: x**p for p in (0, 0.5, -0.5, 1, 2, 2.5, 3, -1)},
    **{f"{p} ** x": lambda t, x, p=p: p**x for p in (0, 2, -2.0)},
    "x / 3": lambda t, x: x / 3,
    "3 / x": lambda t, x: 3 / x,
    "x % 3": lambda t, x: x % 3,
    "fmod": lambda t, x: x.fmod(3),
}
TWO = {
    **{word: lambda t, x, y, word=word: getattr(t, word)(x, y) for word in
       "add sub mul div pow atan2 maximum minimum fmax fmin copysign hypot logaddexp".split()},
    "where": lambda t, x, y: t.where(x > y, x, y),
    "clamp": lambda t, x, y: x.clamp(min=y),
    "clamp_max": lambda t, x, y: x.clamp(max=y),
    "lerp": lambda t, x, y: t.lerp(x, y, 0.3),
    "mse_loss": lambda t, x, y: t.nn.functional.mse_loss(x, y, reduction="none"),
    "l1_loss": lambda t, x, y: t.nn.functional.l1_loss(x, y, reduction="none"),
    "smooth_l1_loss": lambda t, x, y: t.nn.functional.smooth_l1_loss(x, y, reduction="none"),
    "huber_loss": lambda t, x, y: t.nn.functional.huber_loss(x, y, reduction="none"),
    "prelu": lambda t, x, y: t.nn.functional.prelu(x, y[:1]),
}
ROWS = [[1, 2, -3, 4], [1, NAN, 3, 0], [NAN, NAN, 1, 2], [NAN] * 4, [2, 2, 1, 2], [1, 1, 2, 1], [0, 0, 0, 0],
        [1, 0, 2, 3], [1, 0, 0, 3], [-0.0, 0.0, 1, 2], [-0.0] * 4, [3, 3, 3, 3], [0.0, -0.0, 0.0, -0.0]]
OF_NUMBERS = ("sum", "mean", "amax", "amin", "max", "min", "median", "std", "var", "norm")
FOLDS = {
    **{word: lambda t, x, word=word: getattr(x, word)() for word in (*OF_NUMBERS, "prod")},
    **{f"{word} along": lambda t, x, word=word: getattr(x.reshape(2, 2), word)(dim=0) for word in
       ("amax", "amin", "std", "var", "norm", "sum")},
    **{f"{word} along": lambda t, x, word=word: getattr(x, word)(dim=0)[0] for word in ("max", "min", "median")},
    "norm 1": lambda t, x: x.norm(1),
    "sort": lambda t, x: x.sort(stable=True)[0],
    "std of one": lambda t, x: x[:1].std(),
    "softmax": lambda t, x: x.softmax(0),
    "log_softmax": lambda t, x: x.log_softmax(0),
    "logsumexp": lambda t, x: x.logsumexp(0),
    "cumsum": lambda t, x: x.cumsum(0),
    "normalize": lambda t, x: t.nn.functional.normalize(x, dim=0),
    "aminmax": lambda t, x: sum(t.aminmax(x)),
}


def seen(module, function, given, dtype, cotangent):
    """The output and the gradients."""
    leaves = [module.tensor(x, dtype=getattr(module, dtype), requires_grad=True) for x in given]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = function(module, *leaves)
        out.backward(module.full(tuple(out.shape), cotangent, dtype=out.dtype))
    return [out.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


def alike(function, given, dtype, cotangents=(1.0, 3.0, 0.0)):
    rel, close = (2e-6, 2e-7) if dtype == "float32" else (1e-13, 1e-15)
    for cotangent in cotangents:
        theirs = seen(torch, function, given, dtype, cotangent)
        for _ in range(3):  # by the rules, then by a plan
            ours = seen(chainrule, function, given, dtype, cotangent)
            for a, b in zip(ours, theirs, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_allclose(a, b, rtol=rel, atol=close, err_msg=f"of {given} at {cotangent}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ONE)
def test_of_one(name, dtype):
    alike(ONE[name], [POINTS], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TWO)
def test_of_two(name, dtype):
    alike(TWO[name], [list(points) for points in zip(*itertools.product(POINTS, POINTS), strict=True)], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FOLDS)
def test_of_several(name, dtype):
    for row in ROWS:
        alike(FOLDS[name], [[float(v) for v in row]], dtype, (1.0,))


def test_xlogy():  # of a cotangent 0 torch makes 0 even where the logarithm is infinite
    points = [list(points) for points in zip(*itertools.product(POINTS, POINTS), strict=True)]
    alike(lambda t, x, y: t.xlogy(x, y), points, "float64", (1.0, 3.0))


@pytest.mark.parametrize("name", ["elu", "selu", "celu"])
def test_exponential_units(name):  # of NaN torch's vector code and its scalar code give different gradients
    alike(lambda t, x: getattr(t.nn.functional, name)(x), [POINTS[1:]], "float64")


@pytest.mark.parametrize("p", [INF, -INF])
def test_largest_magnitude(p):  # where there is NaN torch gives the gradient 0, here it is NaN as that of amax
    for row in ROWS[4:]:
        alike(lambda t, x: x.norm(p), [[float(v) for v in row]], "float64")


def test_what_shares_memory_is_another_tensor(both):
    def program(t):
        x, row = t.ones(2, 2), t.ones(3)
        same = [x.reshape(2, 2), x.view(2, 2), x.flatten(), x.expand(2, 2), x.t(), x.squeeze(), x.permute(0, 1), x[...],
                x.contiguous(), x.view_as(x), x.reshape_as(x), x.broadcast_to((2, 2)), x.expand_as(x), x.movedim(0, 0),
                x.sum_to_size(2, 2), x.unflatten(0, (2,)), x.transpose(0, 0), x.to(t.float32), x.float(), x.positive(),
                x.narrow(0, 0, 2), x.detach(), x.cpu(), x.mT, x.T, x.roll(0), x.tile((1, 1)), t.atleast_2d(x)]
        rows = [row.t(), row.ravel(), row.flatten(), row.reshape(-1), t.atleast_1d(row)]
        return [y is x for y in same], [y is row for y in rows]

    both(program)


def test_a_count_of_what_is_not_zero():
    for row in ROWS:
        values = [torch.tensor(row).float().norm(0).item(), chainrule.tensor(row).float().norm(0).item()]
        assert values[0] == values[1]
