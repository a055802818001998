"""torch.linalg: what the words give, where the rules are delicate, what is refused, and that all of it compiles."""

import dataclasses
import re

import numpy as np
import pytest

import chainrule as torch
from chainrule.autograd import grad, gradcheck, gradgradcheck
from chainrule.compiler import calls, kernel, loops
from chainrule.errors import GraphError, TraceError
from chainrule.op import Op
from chainrule.ops import decompositions, linear_algebra
from chainrule.spec import Spec
from chainrule.symbol import graph_of, symbols

L = torch.linalg


def numbers(*shape, seed=0):
    return torch.tensor(np.random.default_rng([seed, *shape]).normal(size=shape))


def leaf(x):
    return x.detach().clone().requires_grad_()


def definite(*batch, size=3):
    x = numbers(*batch, size, size)
    return x @ x.mT + torch.eye(size, dtype=torch.float64)


def close(a, b, atol=1e-12):
    np.testing.assert_allclose(np.asarray(a.detach()), np.asarray(b.detach() if isinstance(b, torch.Tensor) else b),
                               rtol=1e-9, atol=atol)


# -- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [((3, 3), (3, 2)), ((3, 3), (3,)), ((2, 3, 3), (2, 3)), ((2, 3, 3), (3,)),
                                      ((2, 1, 3, 3), (4, 3, 2)), ((0, 0), (0, 2))])  # fmt: skip
def test_solve_solves_matrices_vectors_and_batches(a, b):
    A, B = numbers(*a) + 3 * torch.eye(a[-1], dtype=torch.float64), numbers(*b)
    x = L.solve(A, B)
    vectors = len(b) == 1 or b == a[:-1]
    close((A @ x.unsqueeze(-1)).squeeze(-1) if vectors else A @ x, B.expand(x.shape))


def test_solve_from_the_right_and_triangles():
    A, B = definite(), numbers(2, 3)
    close(L.solve(A, B, left=False) @ A, B)
    for upper in (False, True):
        side = A.triu() if upper else A.tril()
        close(L.solve_triangular(A, B, upper=upper, left=False) @ side, B)
        close(side @ L.solve_triangular(A, B.mT, upper=upper), B.mT)
    ones = A.triu(1) + torch.eye(3, dtype=torch.float64)
    close(ones @ L.solve_triangular(A, B.mT, upper=True, unitriangular=True), B.mT)


@pytest.mark.parametrize("upper", [False, True])
def test_large_triangles_are_solved_by_blocks(upper):
    A = leaf(numbers(150, 150) / 150 + torch.eye(150, dtype=torch.float64))
    B = leaf(numbers(150, 2))
    side = A.triu() if upper else A.tril()

    def step(solved):
        out = solved()
        return out, *grad((out * out.detach().cos()).sum(), (A, B))

    want = step(lambda: L.solve(A.triu() if upper else A.tril(), B))
    for run in (step, torch.compile(step)):
        for got, expected in zip(run(lambda: L.solve_triangular(A, B, upper=upper)), want, strict=True):
            close(got, expected)
    close(side @ want[0], B)


def test_a_zero_on_the_diagonal_of_a_triangle_gives_inf_as_blas_does():
    out = L.solve_triangular(torch.tensor([[2.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0], [1.0]]), upper=True)
    assert out.tolist() == [[-np.inf], [np.inf]]


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5), (2, 4, 3), (0, 2, 2)])
def test_decompositions_compose_to_the_matrix(shape):
    A = numbers(*shape)
    for full in (False, True):
        u, s, vh = L.svd(A, full_matrices=full)
        k = s.shape[-1]
        close(u[..., :k] * s.unsqueeze(-2) @ vh[..., :k, :], A)
        for side in (u, vh.mT):
            close(side.mT @ side, torch.eye(side.shape[-1], dtype=torch.float64).expand(*shape[:-2], -1, -1))
    assert u.shape[-1] == shape[-2]
    assert vh.shape[-1] == shape[-1]
    close(L.svdvals(A), s)
    for mode in ("reduced", "complete"):
        q, r = L.qr(A, mode)
        close(q @ r, A)
        close(q.mT @ q, torch.eye(q.shape[-1], dtype=torch.float64).expand(*shape[:-2], -1, -1))
        assert not r.tril(-1).any()
    assert L.qr(A, "r").Q.shape == (0,)
    close(A @ L.pinv(A) @ A, A)


def test_symmetric_matrices():
    A = definite(2)
    w, v = L.eigh(A)
    close(v * w.unsqueeze(-2) @ v.mT, A)
    close(L.eigvalsh(A, UPLO="U"), w)
    low = L.cholesky(A)
    close(low @ low.mT, A)
    close(L.cholesky(A, upper=True), low.mT)
    close(torch.cholesky_inverse(low), torch.inverse(A))
    close(A @ torch.cholesky_solve(numbers(2, 3, 1), low), numbers(2, 3, 1))


def test_only_one_triangle_of_a_symmetric_matrix_is_read():
    A = definite()
    noise = torch.full((3, 3), 7.0, dtype=torch.float64)
    close(L.cholesky(A + noise.triu(1)), L.cholesky(A))
    close(L.eigvalsh(A + noise.triu(1)), L.eigvalsh(A))
    close(L.eigvalsh(A + noise.tril(-1), UPLO="U"), L.eigvalsh(A))


@pytest.mark.parametrize("n", range(-4, 8))
def test_powers_and_exponentials(n):
    A = numbers(2, 3, 3) + 2 * torch.eye(3, dtype=torch.float64)
    close(L.matrix_power(A, n), np.linalg.matrix_power(np.asarray(A), n))
    scaled = A * 2.0**n
    w, v = np.linalg.eig(np.asarray(scaled))
    want = (v * np.exp(w)[:, None, :] @ np.linalg.inv(v)).real
    np.testing.assert_allclose(np.asarray(L.matrix_exp(scaled)), want, rtol=1e-9, atol=1e-9 * np.abs(want).max())


def test_determinants():
    A = numbers(4, 3, 3)
    sign, size = L.slogdet(A)
    close(L.det(A), sign * size.exp())
    assert torch.logdet(-torch.eye(3)).isnan()
    assert torch.logdet(torch.zeros(2, 2)).item() == -np.inf
    assert torch.det(torch.ones(0, 0)).item() == 1
    assert repr(torch.slogdet(torch.eye(2))) == (
        "torch.return_types.slogdet(\nsign=tensor(1.),\nlogabsdet=tensor(0.))")


def test_least_squares():
    A, b = numbers(5, 3), numbers(5, 2)
    want, residuals, rank, values = np.linalg.lstsq(np.asarray(A), np.asarray(b), rcond=None)
    got = L.lstsq(A, b, driver="gelsd")
    for mine, theirs in zip(got, (want, residuals, np.array(rank), values), strict=True):
        close(mine, theirs)
    assert L.lstsq(A, b).residuals.shape == (0,)
    assert int(L.matrix_rank(A @ torch.ones(3, 3, dtype=torch.float64))) == 1
    assert L.matrix_rank(A, atol=100.0).item() == 0


def test_norms():
    A = numbers(2, 3, 4)
    for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        close(L.matrix_norm(A, order), np.linalg.norm(np.asarray(A), order, axis=(-2, -1)))
        moved = L.matrix_norm(A, order, dim=(2, 0), keepdim=True)
        close(moved, np.linalg.norm(np.asarray(A), order, axis=(2, 0), keepdims=True))
    for order in (0, 1, 2, 3.5, np.inf, -np.inf, -1):
        close(L.vector_norm(A, order, dim=1), np.linalg.norm(np.asarray(A), order, axis=1))
    close(L.norm(A), np.linalg.norm(np.asarray(A)))
    S = definite()
    for order in (None, 1, -1, 2, -2, "fro", "nuc", np.inf, -np.inf):
        want = np.linalg.norm(np.asarray(S), "nuc") * np.linalg.norm(np.linalg.inv(np.asarray(S)), "nuc")
        close(L.cond(S, order), want if order == "nuc" else np.linalg.cond(np.asarray(S), order))
    assert L.cond(torch.ones(2, 2), 1).item() == np.inf


def test_products():
    chain = [numbers(4, 7), numbers(7, 2), numbers(2, 9), numbers(9)]
    close(L.multi_dot(chain), np.linalg.multi_dot([np.asarray(x) for x in chain]))
    close(L.cross(numbers(2, 3), numbers(2, 3, seed=1)), np.cross(numbers(2, 3), numbers(2, 3, seed=1)))
    close(L.vander(numbers(4), N=3), np.vander(np.asarray(numbers(4)), 3, increasing=True))
    close(L.vecdot(numbers(2, 3), numbers(2, 3, seed=1)), (numbers(2, 3) * numbers(2, 3, seed=1)).sum(-1))
    A = numbers(2, 3, 6)
    close(L.tensorinv(A, ind=2), np.linalg.tensorinv(np.asarray(A), ind=2))
    close(L.tensorsolve(A, numbers(2, 3)), np.linalg.tensorsolve(np.asarray(A), np.asarray(numbers(2, 3))))
    close(L.diagonal(A), np.diagonal(np.asarray(A), axis1=-2, axis2=-1))


# -- gradients -------------------------------------------------------------------------------------------------------

PLAIN = {
    "solve": lambda A, B: L.solve(A, B), "left": lambda A, B: L.solve(A, B.mT, left=False),
    "broadcast": lambda A, B: L.solve(A.expand(2, 3, 3), B[:, 0]),
    "triangle": lambda A, B: L.solve_triangular(A, B, upper=True, unitriangular=True),
    "power": lambda A, B: L.matrix_power(A, -2) @ B, "nuclear": lambda A, B: L.matrix_norm(A, "nuc"),
    "two": lambda A, B: L.matrix_norm(A, 2), "cond": lambda A, B: L.cond(A), "one": lambda A, B: L.cond(A, 1),
    "lstsq": lambda A, B: L.lstsq(A[:, :2], B).solution, "chain": lambda A, B: L.multi_dot([A, B, A]),
    "cross": lambda A, B: L.cross(A, B), "vander": lambda A, B: L.vander(A),
    "zeroth": lambda A, B: L.matrix_power(A, 0),
    "old": lambda A, B: torch.triangular_solve(B, A, transpose=True).solution,
}  # fmt: skip


@pytest.mark.parametrize("word", PLAIN)
def test_gradients_of_what_is_composed(word):
    A, B = leaf(numbers(3, 3) + 3 * torch.eye(3, dtype=torch.float64)), leaf(numbers(3, 3, seed=1))
    assert gradcheck(PLAIN[word], (A, B))
    assert gradgradcheck(PLAIN[word], (A, B))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_gradient_of_det_is_the_matrix_of_cofactors_at_any_rank(rank):
    A = leaf(numbers(3, rank) @ numbers(rank, 3, seed=1) if rank else torch.zeros(3, 3, dtype=torch.float64))
    (got,) = grad(torch.det(A), A, create_graph=True)
    minors = [[np.delete(np.delete(np.asarray(A.detach()), i, 0), j, 1) for j in range(3)] for i in range(3)]
    close(got, [[(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(3)] for i in range(3)])
    assert gradcheck(torch.det, A)
    assert gradgradcheck(torch.det, A)


def test_third_derivatives_of_det_where_singular_values_are_equal():
    A = leaf(torch.eye(3, dtype=torch.float64))
    (first,) = grad(torch.det(A), A, create_graph=True)
    (second,) = grad(first[0, 0], A, create_graph=True)
    (third,) = grad(second[1, 1], A)
    close(third, torch.tensor([0.0, 0.0, 1.0]).diag())


def test_equal_eigenvalues_and_singular_values_have_gradients_where_vectors_are_not_asked_for():
    A = leaf(torch.eye(3, dtype=torch.float64))
    for values in (lambda: L.eigh(A).eigenvalues, lambda: L.svd(A).S, lambda: L.eigvalsh(A)):
        (got,) = grad(values().sum(), A)
        close(got, torch.eye(3))
    tall = leaf(torch.zeros(3, 2, dtype=torch.float64))
    assert torch.isfinite(grad(L.svd(tall, full_matrices=False).S.sum(), tall)[0]).all()


@pytest.mark.parametrize("word", ["cholesky", "eigvalsh", "eigh"])
def test_gradients_of_symmetric_matrices_are_symmetric(word):
    A = leaf(definite())
    out = getattr(L, word)(A)
    out = out[1].abs() if word == "eigh" else out
    (got,) = grad((out * numbers(*out.shape)).sum(), A)
    close(got, got.mT)


def test_a_complete_qr_of_a_tall_matrix_has_no_gradient_and_says_why():
    A = leaf(numbers(3, 2))
    with pytest.raises(GraphError, match=r"not differentiable when mode='complete' and nrows > ncols.*mode='reduced'"):
        L.qr(A, "complete").Q.sum().backward()


def test_the_columns_that_complete_svd_are_constants():
    A = leaf(numbers(4, 2))
    assert not grad(L.svd(A).U[:, 2:].sum(), A)[0].any()
    assert gradcheck(lambda A: L.svd(A).U[:, :2].abs(), A)


def test_rules_are_read_aloud():
    A = leaf(definite())
    told = str(torch.explain(L.solve(A, torch.ones(3, dtype=torch.float64)).sum()))
    assert "-solve(A.T, g) @ x.T" in re.sub(r"x\d*|v\d+", "x", told)
    assert "g * cofactors(A)" in str(torch.explain(torch.det(A)))
    assert "g[1] * inv(A).T" in str(torch.explain(torch.logdet(A)))


@pytest.mark.parametrize("word", ["cholesky", "eigvalsh"])
def test_differences_move_both_triangles(word):
    A = leaf(definite())
    told = str(torch.explain(getattr(L, word)(A).sum()))
    (off,) = re.findall(r"off by at most (\S+)", told)
    assert float(off) < 1e-7


# -- refusals --------------------------------------------------------------------------------------------------------

ZERO = torch.zeros(2, 2)
BAD = torch.stack([torch.eye(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]])])


@pytest.mark.parametrize(("call", "says"), [
    (lambda: L.inv(ZERO), "inv: the input matrix is singular: of its 2 rows 0 are independent; linalg.lstsq"),
    (lambda: L.solve(torch.stack([torch.eye(2), ZERO]), torch.ones(2, 2)),
     r"solve: \(Batch element 1\): the input matrix is singular"),
    (lambda: L.cholesky(BAD), r"cholesky: \(Batch element 1\): .*leading minor of order 2 is not positive-definite"),
    (lambda: L.svd(torch.full((2, 2), torch.nan)), "svd_parts: the algorithm failed to converge.*non-finite"),
])  # fmt: skip
def test_matrices_that_have_none(call, says):
    with pytest.raises(L.LinAlgError, match=says) as caught:
        call()
    assert isinstance(caught.value, RuntimeError)


def test_the_message_names_the_line():
    with pytest.raises(RuntimeError, match=r"test_linalg.py:\d+"):
        L.inv(ZERO)


def test_a_singular_matrix_met_on_the_way_back_is_told_each_time():
    for says in (r"inv: the input matrix is singular", *[r"LinalgSlogdetBackward0: the input matrix is singular"] * 2):
        with pytest.raises(L.LinAlgError, match=says + r".*test_linalg.py:\d+"):
            torch.slogdet(leaf(ZERO)).logabsdet.backward()


def test_in_a_run_of_nodes_the_one_that_met_the_matrix_is_blamed():
    for _ in range(4):
        found = torch.slogdet(leaf(ZERO) * 1).logabsdet
        loss = (found * 2).sum()
        with pytest.raises(L.LinAlgError, match=r"^LinalgSlogdetBackward0: .*found = torch\.slogdet"):
            loss.backward()


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: L.det(torch.ones(2, 3)), RuntimeError, "square matrices, but they are 2 by 3"),
    (lambda: L.inv(torch.ones(3)), RuntimeError, "at least 2 dimensions"),
    (lambda: L.inv(torch.ones(2, 2, dtype=torch.int64)), RuntimeError, "int64"),
    (lambda: L.solve(torch.eye(2), torch.eye(2, dtype=torch.float64)), RuntimeError, "same dtype"),
    (lambda: L.solve(torch.eye(2), 2.0), TypeError, "argument 'B' must be Tensor, not float"),
    (lambda: L.solve(torch.eye(3), torch.ones(2, 2)), RuntimeError, r"\[3, 3\] and \[2, 2\]"),
    (lambda: L.solve(torch.eye(2), torch.ones(2), left=False), RuntimeError, "B must be a matrix"),
    (lambda: L.eigh(torch.eye(2), UPLO="X"), RuntimeError, "'L' or 'U', but got X"),
    (lambda: L.qr(torch.eye(2), "some"), RuntimeError, "unrecognized mode 'some'"),
    (lambda: L.svd(torch.eye(2), driver="gesvd"), RuntimeError, "driver"),
    (lambda: L.lstsq(torch.eye(2), torch.eye(2), driver="x"), RuntimeError, "gels, gelsy"),
    (lambda: L.lstsq(torch.eye(2), torch.eye(3)), RuntimeError, "size"),
    (lambda: L.matrix_power(torch.eye(2), 0.5), TypeError, "must be int, not float"),
    (lambda: L.multi_dot([torch.eye(2)]), RuntimeError, "at least 2"),
    (lambda: L.multi_dot([torch.eye(2), torch.eye(3)]), RuntimeError, "0 and 1"),
    (lambda: L.multi_dot([torch.ones(1, 1, 1), torch.eye(1)]), RuntimeError, "1D or 2D"),
    (lambda: L.cross(torch.ones(2), torch.ones(2)), RuntimeError, "length 3"),
    (lambda: L.cross(torch.ones(3), torch.ones(1, 3)), RuntimeError, "same number of dimensions"),
    (lambda: L.vecdot(torch.ones(2), torch.ones(3)), RuntimeError, "same number of elements"),
    (lambda: L.vander(torch.ones(2), N=1), RuntimeError, "greater than 1"),
    (lambda: L.matrix_norm(torch.ones(3)), RuntimeError, "at least 2"),
    (lambda: L.matrix_norm(torch.eye(2), 3), RuntimeError, "Order 3"),
    (lambda: L.matrix_norm(torch.eye(2), dim=(0, 0)), RuntimeError, "different"),
    (lambda: L.matrix_norm(torch.eye(2), dim=(0,)), RuntimeError, "2-tuple"),
    (lambda: L.norm(torch.ones(2, 2, 2), 2), RuntimeError, "1D or 2D"),
    (lambda: L.norm(torch.ones(2, 2, 2), 2, dim=(0, 1, 2)), RuntimeError, "length 1 or 2"),
    (lambda: L.vector_norm(torch.ones(2), "fro"), TypeError, "Number"),
    (lambda: L.vector_norm(torch.ones(0), np.inf), RuntimeError, "identity"),
    (lambda: L.vector_norm(torch.arange(3)), RuntimeError, "floating"),
    (lambda: L.cond(torch.eye(2), 3), RuntimeError, "norm type"),
    (lambda: L.tensorinv(torch.ones(2, 3), ind=1), RuntimeError, "prod"),
    (lambda: L.tensorsolve(torch.ones(2, 3), torch.ones(2)), RuntimeError, "prod"),
    (lambda: torch.cholesky_solve(torch.ones(2, 1), torch.eye(3)), RuntimeError, r"\[3, 3\]"),
])  # fmt: skip
def test_refusals(call, error, says):
    with pytest.raises(error, match=says):
        call()


# -- compiled --------------------------------------------------------------------------------------------------------

STEPS = {
    "solve": lambda A: L.solve(A, A.mT[..., :1]), "inv": L.inv, "det": torch.det, "logdet": torch.logdet,
    "cholesky": L.cholesky, "triangle": lambda A: L.solve_triangular(A, A, upper=False),
    "eigh": lambda A: L.eigh(A)[1].abs(), "eigvalsh": lambda A: L.eigvalsh(A, UPLO="U"),
    "qr": lambda A: L.qr(A[..., :2]).Q, "wide": lambda A: L.qr(A[..., :2, :]).R,
    "svd": lambda A: L.svd(A[..., :2], full_matrices=False)[0].abs(), "svdvals": L.svdvals,
    "pinv": lambda A: L.pinv(A[..., :2]), "power": lambda A: L.matrix_power(A, -3),
    "exp": lambda A: L.matrix_exp(A / 4), "nuclear": lambda A: L.matrix_norm(A, "nuc"),
    "lstsq": lambda A: L.lstsq(A[..., :2], A).solution, "hermitian": lambda A: L.pinv(A, hermitian=True),
    "factor": lambda A: torch.cholesky_solve(A, L.cholesky(A)),
    "inverse of a factor": lambda A: torch.cholesky_inverse(L.cholesky(A)), "cond": lambda A: L.cond(A, 1),
}  # fmt: skip


@pytest.mark.parametrize("batch", [(), (2,)], ids=["one", "batch"])
@pytest.mark.parametrize("word", STEPS)
def test_steps_compile_to_what_they_are(word, batch):
    A = leaf(definite(*batch))

    def step():
        out = STEPS[word](A)
        loss = (out * out.detach().cos()).sum()
        return loss, *grad(loss, A)

    for got, want in zip(torch.compile(step)(), step(), strict=True):
        close(got, want, atol=1e-10)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 4, 2), (3, 0)])
def test_bases_that_are_completed_compile(shape):
    A = numbers(*shape).float()

    def step(A):
        return *L.qr(A, "complete"), *L.svd(A)

    for got, want in zip(torch.compile(step)(A), step(A), strict=True):
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), atol=1e-6)


def test_matrices_without_elements_compile():
    for word, shape in ((torch.det, (0, 0)), (torch.logdet, (2, 0, 0)), (L.pinv, (3, 0)), (L.matrix_exp, (0, 0))):
        A = torch.zeros(shape)
        assert torch.equal(torch.compile(word)(A), word(A))


def test_a_compiled_loss_trains():
    """A Gaussian's covariance by gradient descent: factor, logarithm and solve in one native step, many times."""
    x = numbers(200, 3) @ numbers(3, 3, seed=1)
    factor = leaf(torch.eye(3, dtype=torch.float64))

    def step():
        cov = factor @ factor.mT
        loss = torch.logdet(cov) + (x * L.solve(cov, x.mT).mT).sum(-1).mean()
        (g,) = grad(loss, factor)
        with torch.no_grad():
            factor.sub_(0.05 * g)
        return loss

    torch.compile(step).repeat(600)
    close(factor @ factor.mT, x.mT @ x / 200, atol=1e-4)


def test_the_loops_are_numpys_and_lie_where_the_parts_belong():
    (x,) = symbols(x=Spec((2, 3, 3), np.dtype("float64")))
    built = kernel.build(graph_of([x], [x.eigh_parts()]), native=False)
    assert str(built).endswith("out0[0 + 4*i], out0[1 + 1*i + 4*j] = eigh_lo(in0[0 + 3*i + 1*j])  (2 matrices)")
    (step,) = built.program.steps
    assert step.sizes() == [3]


def test_a_call_out_of_bounds_is_not_let_through():
    (x,) = symbols(x=Spec((2, 3, 3), np.dtype("float64")))
    program = kernel.build(graph_of([x], [x.inv()]), native=False).program
    (step,) = program.steps
    far = dataclasses.replace(step, count=3)
    with pytest.raises(ValueError, match=r"check: in0\[0 \+ 3\*i \+ 1\*j\], out0.* reaches out of its buffer"):
        loops.check(dataclasses.replace(program, steps=(far,)))


def test_where_eager_raises_a_compiled_step_gives_nan():
    assert torch.compile(L.inv)(torch.zeros(2, 2)).isnan().all()


def test_numpy_without_the_loop_is_refused_by_the_name_of_the_op(monkeypatch):
    monkeypatch.setattr(calls, "address", lambda name, dtype: 0)
    with pytest.raises(TraceError, match=r"the op solve calls the loop 'solve' of numpy.linalg for float64.*outside"):
        torch.compile(L.solve)(definite(), numbers(3))


def test_a_numpy_with_another_layout_of_ufuncs_is_noticed():
    assert calls.address("solve", np.dtype("float64"))
    assert not calls.address("solve", np.dtype("float16"))
    assert not calls.address("no such loop", np.dtype("float64"))


def test_every_op_on_matrices_compiles():
    mine = [op for family in (linear_algebra, decompositions) for op in vars(family).values() if isinstance(op, Op)]
    assert len(mine) >= 14
    assert [op.name for op in mine if not (op.library or op.expands)] == []
