"""torch.linalg and the words of matrices: values, gradients of two orders, names, printing and what is refused.

Signs of singular and eigenvectors are LAPACK's choice, so they are compared without.
"""

import math

import numpy as np
import pytest

SHAPES = [(3, 3), (2, 3, 3), (2, 1, 3, 3), (0, 3, 3), (0, 0), (1, 1)]
OBLONG = [(4, 2), (2, 4), (3, 4, 2), (3, 2, 4), (0, 2, 3), (3, 3)]


def numbers(shape, seed=0, dtype="float64"):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def definite(shape):
    x = numbers(shape)
    return x @ x.swapaxes(-1, -2) + np.eye(shape[-1])


SQUARE = {
    "det": lambda t, A: t.linalg.det(A) ** 2, "inv": lambda t, A: t.linalg.inv(A), "inverse": lambda t, A: t.inverse(A),
    "slogdet": lambda t, A: t.linalg.slogdet(A).logabsdet, "cube": lambda t, A: t.linalg.matrix_power(A, 3),
    "power": lambda t, A: A.matrix_power(-2), "exp": lambda t, A: t.linalg.matrix_exp(A),
    "nothing": lambda t, A: A.matrix_power(0), "solve": lambda t, A: t.linalg.solve(A, A.mT[..., :1]),
    "left": lambda t, A: t.linalg.solve(A, A.mT, left=False),
    "upper": lambda t, A: t.linalg.solve_triangular(A, A.mT, upper=True),
    "unit": lambda t, A: t.linalg.solve_triangular(A, A.mT, upper=False, left=False, unitriangular=True),
    "rank": lambda t, A: t.linalg.matrix_rank(A), "diagonal": lambda t, A: t.linalg.diagonal(A),
    "cond": lambda t, A: t.linalg.cond(A.detach()), "cond1": lambda t, A: t.linalg.cond(A.detach(), 1),
    "pinv": lambda t, A: t.linalg.pinv(A), "factor": lambda t, A: t.cholesky_inverse(A.tril()),
    "upper factor": lambda t, A: t.cholesky_solve(A, A.triu(), True),
    "whole factor": lambda t, A: t.cholesky_inverse(A + A.tril(), upper=True).detach(),
}  # fmt: skip
SYMMETRIC = {
    "cholesky": lambda t, A: t.linalg.cholesky(A), "upper": lambda t, A: A.cholesky(upper=True),
    "logdet": lambda t, A: t.logdet(A), "eigvalsh": lambda t, A: t.linalg.eigvalsh(A, UPLO="U"),
    "values": lambda t, A: t.linalg.eigh(A).eigenvalues, "vectors": lambda t, A: t.linalg.eigh(A).eigenvectors.abs(),
}  # fmt: skip
ANY = {
    "svd": lambda t, A: t.linalg.svd(A, full_matrices=False).U.abs(), "s": lambda t, A: t.linalg.svd(A).S,
    "vh": lambda t, A: t.linalg.svd(A, full_matrices=False)[2].abs(), "v": lambda t, A: t.svd(A).V.abs(),
    "svdvals": lambda t, A: t.linalg.svdvals(A), "pinv": lambda t, A: t.linalg.pinv(A),
    "pinverse": lambda t, A: A.pinverse(), "nuc": lambda t, A: t.linalg.matrix_norm(A, "nuc"),
    "2": lambda t, A: t.linalg.matrix_norm(A, 2), "-2": lambda t, A: t.linalg.matrix_norm(A, -2, keepdim=True),
    "1": lambda t, A: t.linalg.norm(A, 1, dim=(-2, -1)) ** 2,
    "inf": lambda t, A: t.linalg.matrix_norm(A, math.inf) ** 2, "all": lambda t, A: t.linalg.norm(A),
    "rows": lambda t, A: t.linalg.vector_norm(A, 3, dim=-1),
    "q": lambda t, A: t.linalg.qr(A).Q.abs(), "r": lambda t, A: t.linalg.qr(A).R.abs(),
    "old": lambda t, A: A.qr()[1].abs(), "lstsq": lambda t, A: t.linalg.lstsq(A, A[..., :1]).solution,
    "vander": lambda t, A: t.linalg.vander(A, N=3),
}  # fmt: skip
CASES = [(name, word, made)
         for words, shapes, make in ((SQUARE, SHAPES, numbers), (SYMMETRIC, SHAPES, definite), (ANY, OBLONG, numbers))
         for name, word in words.items() for made in map(make, shapes)]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*is deprecated")
@pytest.mark.parametrize(("name", "word", "matrix"), CASES,
                         ids=[f"{name}-{'x'.join(map(str, made.shape))}" for name, _, made in CASES])
def test_values_and_gradients(both, name, word, matrix):
    def program(torch):
        A = torch.tensor(matrix, requires_grad=True)
        out = word(torch, A)
        if not out.requires_grad or not matrix.size:
            return out
        weights = torch.tensor(numbers(tuple(out.shape), 1))
        (g,) = torch.autograd.grad((out * weights).sum(), A, create_graph=True)
        (second,) = torch.autograd.grad((g * torch.tensor(numbers(matrix.shape, 2))).sum(), A, allow_unused=True)
        return out, g, second

    both(program, rel=1e-6, abs=1e-7)


def test_same_as_torch(both, program):
    both(program, rel=2e-5, abs=1e-6)


def the_gradient_of_det_at_singular_matrices(torch):
    found = []
    for rank in (0, 1, 2):
        A = torch.tensor(numbers((3, rank)) @ numbers((rank, 3)), requires_grad=True)
        found += torch.autograd.grad(torch.det(A), A, create_graph=True)  # else PyTorch's is 0, by another formula
    A = torch.tensor(np.stack([np.ones((2, 2)), np.eye(2)]), requires_grad=True)
    return found, torch.autograd.grad(A.det().sum(), A, create_graph=True)


def determinants_at_the_edge(torch):
    return (torch.logdet(torch.zeros(2, 2)), torch.logdet(-torch.eye(3)), torch.slogdet(torch.zeros(2, 2)),
            torch.det(torch.zeros(0, 0)), torch.linalg.slogdet(torch.zeros(2, 0, 0)))  # fmt: skip


def eigenvalues_of_equal_ones_have_a_gradient(torch):
    A = torch.eye(3, requires_grad=True)
    values, _ = torch.linalg.eigh(A)
    values.sum().backward()
    first = A.grad.clone()
    A.grad = None
    torch.linalg.svd(A)[1].sum().backward()
    return first, A.grad


def one_triangle_is_read(torch):
    A = torch.tensor(numbers((3, 3)) + 4 * np.eye(3), requires_grad=True)
    low, values = torch.linalg.cholesky(A), torch.linalg.eigvalsh(A, UPLO="U")
    (low.sum() + values[0]).backward()
    return low, values, A.grad


def shapes_of_solve(torch):
    A, B = torch.tensor(definite((2, 3, 3))), torch.tensor(numbers((2, 3)))
    return (torch.linalg.solve(A, B), torch.linalg.solve(A, B[0]), torch.linalg.solve(A[0], B[0]),
            torch.linalg.solve(A.unsqueeze(1), torch.tensor(numbers((4, 3, 2)))))  # fmt: skip


def names_and_printing(torch):
    A = torch.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    return [repr(x) for x in (
        torch.det(A), torch.linalg.inv(A), torch.inverse(A), torch.linalg.cholesky(A), torch.linalg.slogdet(A),
        A.slogdet(), torch.logdet(A), torch.linalg.qr(A.detach()), torch.linalg.eigvalsh(A), torch.linalg.svdvals(A),
        torch.pinverse(A), torch.linalg.solve(A, torch.ones(2)), torch.linalg.solve_triangular(A, A, upper=True),
        torch.linalg.matrix_exp(A), torch.linalg.lstsq(A, torch.ones(2, 1)), torch.linalg.matrix_rank(A),
        torch.linalg.cross(torch.ones(1, 3), torch.ones(3, 3), dim=1))]  # fmt: skip


def fields_of_results(torch):
    A = torch.eye(2)
    found = (torch.linalg.eigh(A), torch.linalg.svd(A), torch.svd(A), torch.linalg.qr(A), torch.slogdet(A),
             torch.linalg.lstsq(A, A))  # fmt: skip
    return [type(x).__name__ for x in found], torch.linalg.svd(A).Vh, torch.svd(A).V, torch.linalg.qr(A, mode="r")[0]


def what_lstsq_tells_by_driver(torch):
    tall, wide = torch.tensor(numbers((4, 2))), torch.tensor(numbers((2, 4)))
    return [tuple(torch.linalg.lstsq(A, torch.tensor(numbers((A.shape[0], 3))), driver=driver))
            for A in (tall, wide) for driver in ("gels", "gelsy", "gelsd", "gelss")]  # fmt: skip


def ranks(torch):
    A = torch.tensor(np.diag([4.0, 2.0, 1e-3, 0.0]))
    return (torch.linalg.matrix_rank(A), torch.linalg.matrix_rank(A, atol=1.0), torch.linalg.matrix_rank(A, rtol=0.6),
            torch.linalg.matrix_rank(A, 3.0), torch.linalg.matrix_rank(A, hermitian=True),
            torch.linalg.matrix_rank(torch.stack([A, A * 0]), atol=torch.tensor([1.0, 1.0])))  # fmt: skip


def products(torch):
    x = [torch.tensor(numbers(s)) for s in ((4,), (4, 7), (7, 2), (2,))]
    return (torch.linalg.multi_dot(x), torch.linalg.multi_dot(x[1:]), torch.linalg.vecdot(x[1], x[1], dim=0),
            torch.linalg.vander(torch.tensor([1, 2, 3])), torch.linalg.tensorinv(torch.tensor(numbers((2, 3, 6)))),
            torch.linalg.tensorsolve(torch.tensor(numbers((2, 3, 6))), torch.tensor(numbers((2, 3)))))  # fmt: skip


def floats_of_single_precision(torch):
    A = torch.tensor(definite((3, 3)), dtype=torch.float32, requires_grad=True)
    out = torch.logdet(A) + torch.linalg.solve(A, torch.ones(3)).sum() + torch.linalg.cholesky(A).sum()
    out.backward()
    return out, A.grad


REFUSED = [
    "L.det(O)", "L.inv(O[0])", "L.cholesky(O)", "L.eigh(O)", "L.eigh(E, UPLO='X')", "L.qr(E, mode='x')",
    "L.solve(E, O)", "L.solve(E, E.double())", "L.inv(E.long())",
    "L.matrix_power(O, 2)", "L.matrix_power(E, 1.5)", "L.multi_dot([E])",
    "L.multi_dot([E, torch.eye(2)])", "L.cross(O[:, :2], O[:, :2])", "L.vecdot(O[0], O[0, :2])", "L.matrix_norm(O[0])",
    "L.matrix_norm(E, 3)", "L.norm(torch.ones(2, 2, 2), 2)", "L.cond(E, 3)", "L.vector_norm(E.long())",
    "L.lstsq(E, torch.eye(2))", "L.lstsq(E, E, driver='x')", "L.tensorinv(O, ind=1)", "L.vander(O, N=1)",
    "L.svd(E, driver='gesvd')", "torch.cholesky_inverse(O)", "torch.cholesky_solve(O, E)", "torch.logdet(O)",
    "L.solve_triangular(E, O[0], upper=True)", "L.qr(O.T.requires_grad_(), mode='complete').Q.sum().backward()",
]  # fmt: skip


NAMES = {"E": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "O": [[1.0] * 3] * 2, "Z": [[0.0] * 3] * 3}


def called(torch, call):
    made = {name: torch.tensor(rows) for name, rows in NAMES.items()}
    return eval(call, {"torch": torch, "L": torch.linalg, "math": math, **made})


@pytest.mark.parametrize("call", REFUSED)
def test_what_is_refused(both, call):
    both(lambda torch: called(torch, call))


@pytest.mark.parametrize("call", ["L.inv(Z)", "L.solve(Z, Z)", "L.cholesky(-E)", "L.svd(Z * math.nan)"])
def test_the_exception_is_linalgs_own(both, call):
    def program(torch):
        with pytest.raises(torch.linalg.LinAlgError) as caught:
            called(torch, call)
        return isinstance(caught.value, RuntimeError)

    both(program)
