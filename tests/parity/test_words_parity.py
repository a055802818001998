"""Arithmetic, comparison, reduction and order: every dtype, special values, odd shapes, and what is refused."""

import itertools
import warnings

import numpy as np
import pytest
import torch

import chainrule

DTYPES = "float64 float32 float16 int64 int32 uint8 bool".split()
UNARY = (
    "abs neg sign square sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh "
    "cosh tanh asinh acosh atanh sigmoid erf floor ceil round trunc frac positive isnan isinf isfinite isposinf "
    "isneginf logical_not bitwise_not relu erfc logit deg2rad rad2deg sgn signbit nan_to_num lgamma digamma "
    "erfinv isreal").split()  # fmt: skip
BINARY = (
    "add sub mul div true_divide floor_divide remainder fmod pow atan2 maximum minimum eq ne lt le gt ge logical_and "
    "logical_or logical_xor bitwise_and bitwise_or bitwise_xor clamp_min clamp_max rsub copysign "
    "fmax fmin gcd lcm float_power heaviside").split()  # fmt: skip
FOLDS = ("sum mean prod amax amin var std any all norm logsumexp count_nonzero max min argmax argmin median "
         "nansum nanmean nanmedian").split()
ALONG = ("softmax log_softmax cumsum cumprod sort argsort argmax argmin max min median logsumexp amax sum prod "
         "logcumsumexp mode nansum nanmean diff").split()
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.25, 7.0, 1e-6, 300.0, np.inf, -np.inf, np.nan]
WHOLE = [0, 1, 2, 3, 5, 7, 100, 120]
WIDER = {"nanmedian": "bool", "frac": "int64 int32 uint8", "positive": "bool", "median": "bool", "argmax": "bool",
         "argmin": "bool", "norm": "int64 bool", "softmax": "int64 bool", "log_softmax": "int64 bool"}  # fmt: skip
"""Where PyTorch has no kernel, and we have one or refuse in another order."""


def values(dtype, seed=0):
    if dtype == "bool":
        return np.array([True, False, True])
    if dtype.startswith("float"):
        return np.roll(np.array(FLOATS), seed).astype(dtype)
    signed = [-n for n in WHOLE] if dtype != "uint8" else []
    return np.roll(np.array([*WHOLE, *signed]), seed).astype(dtype)


def ran(module, call):
    """Numbers, dtypes and shapes of the results, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            out = call(module)
        except Exception as error:
            return error
    outs = out if isinstance(out, tuple) else (out,)
    return [(str(o.dtype), tuple(o.shape), np.asarray(o.detach().numpy())) for o in outs if o is not None]


def compare(call):
    theirs, ours = ran(torch, call), ran(chainrule, call)
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"torch refuses ({theirs}), here there is a result: {ours}"
        kind = RuntimeError if isinstance(theirs, NotImplementedError) else type(theirs)  # a dtype without a kernel
        assert isinstance(ours, kind), f"torch: {theirs!r}\nhere: {ours!r}"
        return
    if isinstance(ours, Exception):
        raise AssertionError(f"torch gives {theirs}, here: {ours!r}") from ours
    assert len(ours) == len(theirs)
    for (dtype, shape, got), (want_dtype, want_shape, want) in zip(ours, theirs):
        assert (dtype, shape) == (want_dtype, want_shape)
        rtol = {"torch.float16": 2e-3, "torch.float32": 1e-5}.get(dtype, 1e-12)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-3 * rtol, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("word", UNARY)
def test_unary(word, dtype):
    if dtype in WIDER.get(word, ""):
        return
    for x in (values(dtype), values(dtype)[:0], values(dtype)[1]):
        compare(lambda module, x=x: getattr(module, word)(module.tensor(x)))


@pytest.mark.parametrize("word", BINARY)
@pytest.mark.parametrize(("a", "b"), [*zip(DTYPES, DTYPES), ("float32", "int64"), ("uint8", "int32"), ("int64", "bool"),
                                      ("float16", "float32")])  # fmt: skip
def test_binary(word, a, b):
    x, y = values(a), values(b, 1)
    size = min(len(x), len(y))
    x, y = x[:size], y[:size]
    if "float" not in a + b:
        y = np.where(y == 0, y.dtype.type(1), y)  # dividing integers by 0 has its own test
    if word == "pow" and "float" not in a + b:
        y = np.abs(y) % 4
    compare(lambda module: getattr(module, word)(module.tensor(x), module.tensor(y)))
    compare(lambda module: getattr(module, word)(module.tensor(x), module.tensor(y[0])))


@pytest.mark.parametrize("number", [2, 2.5, True, -3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**", "<", "==", "&", "|", "^", "<<"])
def test_operators_with_numbers(sign, dtype, number):
    x = values(dtype)
    for text in (f"x {sign} n", f"n {sign} x"):
        if sign in ("//", "%") and text[0] == "n":
            x = x[x != 0]
        whole = "float" not in dtype
        if whole and (sign in ("**", "<<") and (number == -3 or text[0] == "n" or dtype == "bool")):
            continue
        compare(lambda module, text=text, x=x: eval(text, {"x": module.tensor(x), "n": number}))


@pytest.mark.parametrize("word", ["div", "floor_divide", "remainder", "fmod"])
def test_integers_are_not_divided_by_zero(word):
    for other in (0, [0, 1]):
        def call(module, other=other):
            y = module.tensor(other) if isinstance(other, list) else other
            mode = {"rounding_mode": "trunc"} if word == "div" else {}
            return getattr(module.tensor([3, 4]), word)(y, **mode)

        compare(call)


SHAPES = [(), (1,), (5,), (2, 3), (3, 1, 2), (0,), (2, 0)]


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8", "bool"])
@pytest.mark.parametrize("word", FOLDS)
def test_folds(word, dtype):
    if dtype in WIDER.get(word, ""):
        return
    rng = np.random.default_rng(3)
    for shape in SHAPES:
        x = (rng.normal(size=shape) * 4).astype(dtype)
        if word != "median" or x.size:  # of no integers PyTorch gives the smallest one there is
            compare(lambda module, x=x: getattr(module, word)(module.tensor(x)))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("word", [*FOLDS, *ALONG])
def test_along_dims(word, dtype):
    if dtype in WIDER.get(word, ""):
        return
    rng = np.random.default_rng(4)
    keeps = [{}] if word in ("softmax", "log_softmax", "cumsum", "cumprod", "sort", "argsort", "count_nonzero") else [
        {}, {"keepdim": True}]  # fmt: skip
    for shape, dim, keep in itertools.product(SHAPES, (0, -1, 1, 3), keeps):
        x = (rng.normal(size=shape) * 4).astype(dtype)
        if word in ("median", "sort", "argsort") and dtype == "bool":
            continue  # the place of a median among equals is anyone's
        compare(lambda module, x=x, dim=dim, keep=keep: getattr(module.tensor(x), word)(dim=dim, **keep))


@pytest.mark.parametrize("word", ["sum", "mean", "amax", "amin", "var", "std", "norm", "logsumexp", "any", "all"])
def test_several_dims(word):
    x = np.random.default_rng(5).normal(size=(2, 3, 4))
    for dim, keepdim in itertools.product(((0, 2), (1,), (-1, -2), [1, 2], (0, 0), (1, -2)), (False, True)):
        compare(lambda module, dim=dim, keepdim=keepdim: getattr(module.tensor(x), word)(dim=dim, keepdim=keepdim))


@pytest.mark.parametrize("word", ["sum", "mean", "amax", "amin", "max", "min", "argmax", "argmin", "sort", "median",
                                  "cumsum", "prod", "any", "all", "topk", "logsumexp", "std"])  # fmt: skip
def test_not_a_number(word):
    x = np.array([[1.0, np.nan, 3.0], [np.inf, 2.0, -np.inf], [np.nan, np.nan, 0.0]])
    more = (2,) if word == "topk" else ()
    compare(lambda module: getattr(module.tensor(x), word)(*more, dim=1))


@pytest.mark.parametrize("p", [2, 1, 0, 3, 0.5, -1, float("inf"), -float("inf"), "fro", None])
def test_norms(p):
    x = np.array([[3.0, -4.0, 0.0], [1.0, 0.0, 2.0]])
    for arguments in ((p,), (p, 1), (p, (0, 1), True)):
        def call(module, arguments=arguments):
            v = module.tensor(x, requires_grad=True)
            out = v.norm(*arguments)
            out.sum().backward()
            return (out, v.grad) if p else out

        compare(call)


def programs():
    """Kinks and zeros: the gradients that are a convention."""
    x = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, -2.0]])
    for text in (
        "x.amax()", "x.amax(1)", "x.amin(0)", "x.max()", "x.max(1).values", "x.min(0).values", "x.median()",
        "x.prod()", "x.median(1).values", "x.prod(0)", "x.prod(1, keepdim=True)", "x.cumprod(1)", "x.cumprod(0)",
        "x.cumsum(1)", "x.abs()", "x.sign()", "x.clamp(0, 1)", "x.clamp(min=0)", "x.clamp_max(x.detach())",
        "x.clamp_min(x * 0)", "x.maximum(x * 1)", "torch.maximum(x, x.detach())", "x.relu()", "x.norm()",
        "x.norm(dim=1)", "x.std(1)", "x.var(0)", "x.std(0, correction=0)", "x.var(unbiased=False)", "x**2", "(x**3)",
        "x**x.detach().abs()", "x.abs()**x", "x.softmax(1)", "x.log_softmax(0)", "x.logsumexp((0, 1))", "x.floor()",
        "x.round(decimals=1)", "x.frac()", "x.remainder(0.7)", "x.fmod(0.7)", "x.atan2(x + 1)", "x.lerp(x * 2, 0.3)",
        "x.addcmul(x, x, value=2)", "x.addcdiv(x, x + 3)", "x.div(0.7, rounding_mode='floor')", "x.sort(1).values",
        "x.sort(0, descending=True).values", "x.topk(2).values", "x.where(x > 0, x * x)", "x.aminmax(dim=1)[0]",
        "(x * 300).softmax(1)", "(x * 1000).logsumexp(1)", "x.norm(3, 1)", "x.norm(float('inf'))",
        "x.sub(x, alpha=2)", "torch.rsub(x, 1, alpha=2)", "x.mean((0, 1))", "torch.var_mean(x, 1)[0]",
        "torch.std_mean(x)[1]", "torch.einsum('ij,kj->ik', x, x)", "torch.einsum('ij->j', x)",
        "torch.einsum('ij,ij', x, x)", "torch.tensordot(x, x, dims=([1], [1]))", "x.mm(x.T)", "x.mv(x[0])",
        "x[0].dot(x[1])", "x[0].outer(x[1])", "x.addmm(x, x.T @ x)",
        "torch.addmm(x[0], x, x.T @ x, beta=0.5, alpha=2)", "x[None].bmm(x.T[None])", "x.expm1()", "x.erf()",
        "(x + 3).log1p()", "x.sinh()", "x.tanh()", "(x / 3).asin()", "x.exp2()",
    ):  # fmt: skip
        yield pytest.param(x, text, id=text)


@pytest.mark.parametrize(("x", "text"), list(programs()))
def test_gradients_to_second_order(x, text):
    def call(module):
        v = module.tensor(x, requires_grad=True)
        out = eval(text, {"x": v, "torch": module})
        (g,) = module.autograd.grad((out * out).sum(), v, create_graph=True)
        if not g.requires_grad:
            return out, g
        (gg,) = module.autograd.grad((g * module.tensor(np.arange(6.0).reshape(2, 3))).sum(), v, allow_unused=True)
        return (out, g) if gg is None else (out, g, gg)

    compare(call)


@pytest.mark.parametrize("text", [
    "x.sum(5)", "x.amax(-3)", "x.max(2)", "x.sort(7)", "x.softmax(9)", "x.topk(9)", "x.cumsum(3)", "x.argmax(4)",
    "x.clamp()", "x.mm(x)", "x.dot(x)", "x.mv(x)", "x.bmm(x)", "x.outer(x)", "x + x[:, :2]", "x & x", "x << 1",
    "x.isclose(x.float())", "x.allclose(x, rtol=-1)", "x.div(2, rounding_mode='up')",
    "x.long().mean()", "x.long().softmax(0)", "(x > 0) - (x > 0)", "-(x > 0)", "torch.einsum('ij,jk', x, x)",
    "torch.einsum('ijk', x)", "torch.tensordot(x, x)", "x.median(3)", "x.norm('odd')", "x.long() ** -1", "x.cumprod(2)",
    "x.sum((0, 0))", "x.add(x, alpha='2')", "x.lerp(x, x[:, :2])",
])  # fmt: skip
def test_refusals(text):
    x = np.arange(6.0).reshape(2, 3)
    compare(lambda module: eval(text, {"x": module.tensor(x), "torch": module}))


def returned_pairs(torch):
    x = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    pair = x.max(1)
    return [x.max(1), x.min(0), x.sort(1), x.topk(2), x.median(1), pair.values, pair.indices, pair[0],
            list(x.aminmax()), torch.allclose(x, x + 1e-9), torch.equal(x, x), torch.equal(x, x[:1]),
            torch.sort(x, descending=True)]


def test_pairs(both):
    both(returned_pairs)
