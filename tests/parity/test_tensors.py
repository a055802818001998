"""Making tensors, dtypes, shapes, printing and refusals, as in torch: one small program per point."""

import math

import numpy as np


def test_same_as_torch(both, program):
    both(program)


def every_way(*ways):
    """What each way gives, or the exception that it raises, by the name of PyTorch's type."""
    results = []
    for way in ways:
        try:
            results.append(way())
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            kinds = RuntimeError, IndexError, TypeError, AttributeError, ValueError
            results.append(next(kind.__name__ for kind in kinds if isinstance(error, kind)))
    return results


# -- making tensors ------------------------------------------------------------------------------------------------


def inferred_dtypes(torch):
    data = [
        1,
        1.0,
        True,
        [1, 2],
        [1, 2.5],
        [True, 2],
        [],
        [[]],
        1j,
        [[1, 2], [3, 4.0]],
        (1, 2),
        [True, 1.5],
        2**40,
        np.float64(1),
        np.float32(1),
        np.int32(1),
        np.array([1, 2]),
        np.array([1.0]),
        np.arange(3, dtype="int16"),
        1e300,
    ]
    return [torch.tensor(d) for d in data]


def given_dtypes(torch):
    return [
        torch.tensor([1.7, -1.7], dtype=torch.int64),
        torch.tensor([1, 0], dtype=torch.bool),
        torch.tensor(3, dtype=float),
        torch.tensor([1, 2], dtype=torch.float16),
        torch.tensor([1.0], dtype=torch.float64),
        torch.tensor(1, dtype=bool),
    ]


def ragged_and_odd_data(torch):
    return every_way(
        lambda: torch.tensor([[1, 2], [3]]), lambda: torch.tensor("text"), lambda: torch.tensor([None]),
        lambda: torch.tensor(["a"]), lambda: torch.tensor({}), lambda: torch.tensor(None),
    )  # fmt: skip


def tensors_of_tensors(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    return torch.tensor(x.detach()), torch.tensor([torch.tensor(1.0), torch.tensor(2.0)]), torch.as_tensor(x) is x


def tensors_are_copies_and_from_numpy_is_not(torch):
    array = np.zeros(2, dtype="float32")
    copied, shared, also = torch.tensor(array), torch.from_numpy(array), torch.as_tensor(array)
    array[0] = 5
    return copied, shared, also, np.shares_memory(shared.numpy(), array)


def constants(torch):
    return [torch.zeros(2, 3), torch.ones((2,)), torch.zeros(()), torch.full((2, 2), 7), torch.full((2,), 0.5),
            torch.full((), True), torch.zeros(2, dtype=torch.int64), torch.ones([2, 1]), torch.eye(2), torch.eye(2, 3),
            torch.zeros_like(torch.ones(2, 2)), torch.ones_like(torch.arange(3)), torch.full_like(torch.ones(2), 3),
            torch.zeros(2, requires_grad=True), torch.empty(2, 3).shape, torch.zeros(0),
            torch.zeros(torch.Size([1, 2])),
            torch.full_like(torch.arange(2), 3.0), torch.zeros_like(torch.arange(2), dtype=torch.float32)]  # fmt: skip


def ranges(torch):
    return [
        torch.arange(5),
        torch.arange(5.0),
        torch.arange(1, 4),
        torch.arange(0, 1, 0.25),
        torch.arange(5, 0, -2),
        torch.arange(3, dtype=torch.float64),
        torch.arange(0.5, 3),
        torch.arange(0),
        torch.arange(2, 2),
        torch.arange(1, 2, 0.1),
        torch.arange(0, 1.0, 0.1).shape,
        torch.arange(-3, 3, 2),
    ]


def bad_ranges(torch):
    return every_way(lambda: torch.arange(1, 4, -1), lambda: torch.arange(1, 4, 0), lambda: torch.linspace(0, 1, -1))


def spaced(torch):
    return [torch.linspace(0, 1, n) for n in (0, 1, 2, 3, 5, 10, 50, 101)] + [
        torch.linspace(-3, 3, 7, dtype=torch.float64),
        torch.linspace(5, 1, 4),
        torch.linspace(0.1, 0.7, 13),
    ]


def default_dtype(torch):
    try:
        torch.set_default_dtype(torch.float64)
        return torch.tensor(1.0), torch.zeros(2), torch.arange(2) / 2, torch.get_default_dtype(), repr(torch.ones(2))
    finally:
        torch.set_default_dtype(torch.float32)


def bad_default_dtype(torch):
    torch.set_default_dtype(torch.int64)


def negative_sizes(torch):
    return every_way(lambda: torch.zeros(-1), lambda: torch.ones(2, -3), lambda: torch.full((-1,), 0))


def same_seed_same_numbers(torch):
    torch.manual_seed(7)
    drawn = [
        torch.rand(3),
        torch.randn(2, 2),
        torch.randint(0, 10, (4,)),
        torch.randperm(6),
        torch.rand(()),
        torch.randn(3),
    ]
    torch.manual_seed(7)
    return drawn, torch.rand(3), torch.rand(2, dtype=torch.float64), torch.randint(5, (2, 2)), torch.initial_seed()


def a_generator_of_ones_own(torch):
    g = torch.Generator().manual_seed(3)
    torch.manual_seed(0)
    return torch.rand(2, generator=g), torch.rand(2), torch.randn(3, generator=g)


# -- dtypes --------------------------------------------------------------------------------------------------------


def promotion_table(torch):
    dtypes = [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64]
    values = [torch.ones(2, dtype=d) for d in dtypes] + [torch.ones((), dtype=d) for d in dtypes] + [True, 2, 2.5]
    return [str((a + b).dtype) for a in values for b in values if hasattr(a, "dtype") or hasattr(b, "dtype")]


def division_is_true(torch):
    return [
        torch.tensor([1, 2]) / 2,
        torch.tensor(7) / torch.tensor(2),
        torch.tensor([True]) / 2,
        1 / torch.tensor([4]),
    ]


def functions_of_integers(torch):
    x = torch.tensor([1, 4])
    return [
        x.exp(),
        x.sqrt(),
        x.sigmoid(),
        x.float().sum(),
        x.sum(),
        x.abs(),
        -x,
        x.sign(),
        x**2,
        torch.tensor([True]).sum(),
    ]


def mean_of_integers(torch):
    torch.tensor([1, 2]).mean()


def negative_powers_of_integers(torch):
    torch.tensor([2, 3]) ** -1


def bool_arithmetic(torch):
    t, f = torch.tensor([True, True]), torch.tensor([True, False])
    return every_way(lambda: t + f, lambda: t * f, lambda: t - f, lambda: -t, lambda: ~f, lambda: t == f, lambda: t * 2)


def matmul_of_two_dtypes(torch):
    torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)


def integer_overflow_wraps(torch):
    return torch.tensor([250, 3], dtype=torch.uint8) + 10, torch.tensor([2**62]) * 4


def comparisons(torch):
    x, y = torch.tensor([1.0, 2.0, math.nan]), torch.tensor([2, 2, 2])
    return x < y, x <= y, x > 1, x >= 2, x == y, x != y, (x < y).dtype, x > 1


def nan_and_inf(torch):
    x = torch.tensor([0.0, -1.0, math.inf, math.nan])
    return [
        1 / x,
        x.log(),
        x.sqrt(),
        x.exp(),
        x.relu(),
        x.clamp(0, 1),
        x * 0,
        torch.maximum(x, -x),
        x.tanh(),
        torch.minimum(x, x * 2),
        x.abs(),
        x**0,
        x.sigmoid(),
        x**0.5,
    ]


def numbers_of_tensors(torch):
    x = torch.tensor([[1.5]])
    return [
        float(x),
        int(x),
        x.item(),
        bool(x),
        x.tolist(),
        len(x),
        torch.tensor(3).item(),
        f"{torch.tensor(2.5):.2f}",
        [10, 20, 30][torch.tensor(1)],
        torch.tensor(True).item(),
        f"{torch.tensor(2)}",
        list(range(torch.tensor(3))),
    ]


def numbers_of_too_many(torch):
    x = torch.tensor([1.0, 2.0])
    return every_way(
        lambda: float(x),
        lambda: x.item(),
        lambda: bool(x),
        lambda: len(torch.tensor(1.0)),
        lambda: x.numpy(),
        lambda: x.requires_grad_().numpy(),
        lambda: bool(torch.zeros(0)),
        lambda: list(torch.tensor(1.0)),
        lambda: [1][torch.tensor(0.0)],
        lambda: int(x),
    )


def casts(torch):
    x = torch.tensor([1.9, -1.9, 0.0])
    return [
        x.int(),
        x.long(),
        x.bool(),
        x.double(),
        x.to(torch.float16),
        x.to("cpu"),
        x.type_as(torch.arange(2)),
        x.half(),
        x.to(torch.float32) is x,
        x.float() is x,
        x.to(torch.int64).to(torch.float64),
        x.to("cpu", torch.float64),
    ]


# -- shapes --------------------------------------------------------------------------------------------------------


def sizes(torch):
    x = torch.zeros(2, 3)
    return (
        x.shape,
        x.size(),
        x.size(1),
        x.dim(),
        x.numel(),
        x.ndim,
        x.shape[0],
        repr(x.shape),
        x.stride(),
        x.T.stride(),
        len(x),
    )


def reshaping(torch):
    x = torch.arange(12.0)
    return [
        x.reshape(3, 4),
        x.view(2, -1),
        x.reshape((4, 3)).T,
        x.view(3, 2, 2).permute(2, 0, 1),
        x.view(3, 4).flatten(),
        x.reshape(1, 12, 1).squeeze(),
        x.reshape(1, 12, 1).squeeze(0).shape,
        x.unsqueeze(0).shape,
        x.unsqueeze(-1).shape,
        x.view(3, 4).transpose(0, 1),
        x.view(2, 2, 3).flatten(1).shape,
        x.view(2, 6).t().is_contiguous(),
    ]


def bad_reshaping(torch):
    x = torch.zeros(2, 3)
    return every_way(
        lambda: x.reshape(4),
        lambda: x.view(-1, 4),
        lambda: x.reshape(-1, -1),
        lambda: x.T.view(6),
        lambda: x.permute(0),
        lambda: x.permute(0, 0),
        lambda: x.transpose(0, 2),
        lambda: x.unsqueeze(4),
        lambda: x.squeeze(5),
        lambda: x.expand(4, 3),
        lambda: x.expand(3),
        lambda: x.flatten(3),
    )


def expanding(torch):
    x = torch.tensor([[1.0], [2.0]])
    return (
        x.expand(2, 3),
        x.expand(-1, 2),
        x.expand(4, 2, 1).shape,
        x.expand(2, 3).stride(),
        x.expand_as(torch.zeros(2, 2)),
    )


def indexing(torch):
    x = torch.arange(24).reshape(2, 3, 4)
    return [
        x[0],
        x[-1, 1],
        x[:, 1:],
        x[..., 0],
        x[0, :, ::2],
        x[None].shape,
        x[:, None, 0].shape,
        x[1, 2, 3],
        x[()].shape,
        x[0:0].shape,
        x[:, -2:],
        x[5:].shape,
        x.select(1, 2),
        x.narrow(2, 1, 2),
        [row.shape for row in x],
    ]


def bad_indexing(torch):
    x = torch.zeros(2, 3)
    return every_way(
        lambda: x[2],
        lambda: x[0, 3],
        lambda: x[0, 0, 0],
        lambda: x[::-1],
        lambda: x[0.5],
        lambda: torch.tensor(1.0)[0],
        lambda: x[-3],
    )


def reductions(torch):
    x = torch.arange(6.0).reshape(2, 3)
    return [
        x.sum(),
        x.sum(0),
        x.sum(1, keepdim=True),
        x.sum((0, 1)),
        x.mean(),
        x.mean(-1),
        x.sum(dim=-2),
        x.norm(),
        torch.zeros(0).sum(),
        torch.zeros(0).mean(),
        torch.zeros(0, 3).sum(0),
        torch.sum(x),
        torch.mean(x, 1),
        x.sum(()),
    ]


def bad_reductions(torch):
    x = torch.zeros(2, 3)
    return every_way(lambda: x.sum(2), lambda: x.sum(-3), lambda: x.mean((0, 0)), lambda: x.sum("a"))


def products(torch):
    a, b, v = torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(3, 4), torch.arange(3.0)
    return [
        a @ b,
        a @ v,
        v @ b,
        v @ v,
        torch.matmul(a, b),
        a.mm(b),
        a.mv(v),
        v.dot(v),
        (a[None] @ b).shape,
        torch.arange(4).reshape(2, 2) @ torch.arange(4).reshape(2, 2),
    ]


def bad_products(torch):
    a, v = torch.zeros(2, 3), torch.zeros(3)
    return every_way(
        lambda: a @ a,
        lambda: v @ a,
        lambda: a @ torch.tensor(1.0),
        lambda: torch.tensor(1.0) @ a,
        lambda: v.dot(torch.zeros(4)),
        lambda: a.mm(v),
        lambda: a.dot(a),
        lambda: a.mv(a),
        lambda: a @ 2,
        lambda: torch.zeros(2, 2, 3) @ torch.zeros(3, 3, 2),
    )


def bad_operands(torch):
    x = torch.zeros(3)
    return every_way(
        lambda: x + torch.zeros(4),
        lambda: x + "a",
        lambda: "a" * x,
        lambda: x + None,
        lambda: x - [1, 2, 3],
        lambda: torch.exp("a"),
        lambda: torch.exp(2.0),
        lambda: x.add("a"),
        lambda: x.nothing,
        lambda: torch.nothing,
        lambda: x.pow("a"),
        lambda: torch.zeros(2, 3) * torch.zeros(3, 2),
    )


def maximum_with_a_number(torch):
    torch.maximum(torch.zeros(3), 1.0)


def with_arrays_and_numpy_numbers(torch):
    x = torch.tensor([1.0, 2.0])
    return x * np.float32(2), x + np.float64(1), np.float64(2) * x, x * np.int64(3), np.asarray(x), np.sin(x.numpy())


def function_spellings(torch):
    x, y = torch.tensor([0.5, 2.0]), torch.tensor([3.0, 1.0])
    return [
        torch.add(x, y),
        torch.sub(x, y, alpha=2),
        torch.mul(x, 2),
        torch.div(x, y),
        torch.pow(x, 2),
        torch.pow(2, x),
        torch.exp(x),
        torch.tanh(x),
        torch.where(x > y, x, y),
        torch.where(x > 1, 1.0, 0.0),
        torch.clamp(x, 0.6, 1.0),
        torch.square(x),
        torch.abs(-x),
        torch.neg(x),
        torch.reciprocal(x),
        torch.rsqrt(x),
        torch.eq(x, y),
        torch.relu(-x),
        torch.multiply(x, y),
        torch.subtract(x, y),
        torch.negative(x),
        torch.greater(x, y),
        torch.less_equal(x, y),
        torch.transpose(torch.zeros(2, 3), 0, 1).shape,
        torch.reshape(x, (2, 1)),
        torch.is_tensor(x),
        torch.is_tensor(1),
    ]


# -- printing ------------------------------------------------------------------------------------------------------


def texts(torch):
    x = torch.tensor([1.0, -2.5], requires_grad=True)
    tensors = [
        x,
        x * 2,
        x.sum(),
        torch.arange(3),
        torch.tensor(True),
        torch.zeros(2, 0),
        torch.tensor(1e-9),
        x.exp() / 3,
        torch.tensor([1, 2], dtype=torch.int32),
        x.double(),
        torch.tensor([[1.0, 2.0], [3.0, 4.5]]),
        x.detach(),
        torch.tensor(3.0, dtype=torch.float64),
        (x > 0),
        torch.linspace(0, 1, 50),
        torch.zeros(40, 40),
    ]
    return [repr(t).replace("ToCopy", "Double") for t in tensors] + [
        str(x),
        f"{x}",
        f"{x.sum().item():.3f}",
        f"{x.sum()}",
    ]


def dtype_texts(torch):
    return [
        repr(d) for d in (torch.float32, torch.double, torch.long, torch.bool, torch.half, torch.uint8, torch.complex64)
    ]


def constants_of_the_module(torch):
    return torch.pi, torch.e, torch.inf, torch.nan


def devices(torch):
    return every_way(
        lambda: torch.zeros(1).cpu(), lambda: torch.zeros(1).to("cpu"), lambda: torch.zeros(1, device="cpu")
    )
