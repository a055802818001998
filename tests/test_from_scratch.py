"""docs/from_scratch.py runs, prints what it says it prints, and finds the gradients that chainrule finds."""

import ast
import contextlib
import io
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule

PAGE = Path(__file__).parent.parent / "docs" / "from_scratch.py"
LINES = PAGE.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def page():
    """The names that the page has defined at its end, and ``printed``, what it wrote."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        names = runpy.run_path(str(PAGE))
    return SimpleNamespace(**names, printed=out.getvalue())


def test_it_prints_what_stands_in_it(page):
    told = [line.removeprefix("#> ") for line in LINES if line.startswith("#>")]
    assert page.printed.splitlines() == told
    assert len(told) > 30


def test_each_output_stands_below_a_line_that_prints():
    """What a line prints stands right after its statement, not only in the right order."""
    for statement in ast.parse("\n".join(LINES)).body:
        printing = any(isinstance(n, ast.Name) and n.id in ("print", "explain") for n in ast.walk(statement))
        after = LINES[statement.end_lineno : statement.end_lineno + 1]
        if not isinstance(statement, ast.FunctionDef):
            assert printing == (after != [] and after[0].startswith("#>")), f"line {statement.lineno}"


def test_it_needs_numpy_and_the_standard_library_only():
    imported = {name for node in ast.walk(ast.parse("\n".join(LINES))) for name in
                ([a.name for a in node.names] if isinstance(node, ast.Import) else
                 [node.module] if isinstance(node, ast.ImportFrom) else [])}  # fmt: skip
    assert "numpy" in imported
    assert {name.split(".")[0] for name in imported} <= {"numpy", *sys.stdlib_module_names}


def test_it_can_be_read_in_one_sitting():
    assert sum(bool(line) and not line.startswith("#>") for line in LINES) < 250


def test_a_rule_mentions_neither_numpy_nor_broadcasting(page):
    for op in (page.add, page.sub, page.mul, page.div, page.tanh, page.sum_to, page.expand):
        for rule in (*op.d, op.transpose):
            words = rule.__code__.co_names if callable(rule) else ()
            assert "np" not in words
            assert op.transpose is not None or not {"sum_to", "expand"} & set(words)


def residual(w, b, x, y):
    """Every operation of the page, broadcasting in both directions, a shared value, a value used twice."""
    hidden = (w * x + b).tanh()
    return (hidden * hidden / (2 + y * y) - (hidden - y) * w).mean()


def arrays():
    random = np.random.default_rng(1)
    return [random.uniform(-1, 1, shape) for shape in ((3, 1), (), (1, 4), (2, 3, 4))]


def test_its_gradients_are_those_of_chainrule(page):
    mine = [page.Tensor(a, name) for a, name in zip(arrays(), "wbxy")]
    theirs = [chainrule.tensor(a, requires_grad=True) for a in arrays()]
    page.backward(residual(*mine))
    residual(*theirs).backward()
    for x, z in zip(mine, theirs):
        np.testing.assert_allclose(x.grad.data, z.grad.numpy(), rtol=1e-13, atol=1e-15)


def test_its_second_derivatives_are_those_of_chainrule(page):
    mine = [page.Tensor(a, name) for a, name in zip(arrays(), "wbxy")]
    theirs = [chainrule.tensor(a, requires_grad=True) for a in arrays()]
    (slope,) = page.gradient(residual(*mine), mine[1])
    residual(*theirs).backward(create_graph=True)
    slope_there = theirs[1].grad
    for z in theirs:
        z.grad = None
    slope_there.backward()
    for x, z in zip(mine, theirs):
        np.testing.assert_allclose(page.gradient(slope, x)[0].data, z.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_compiled_it_gives_the_same_bits(page):
    inputs = [page.Tensor(a, name) for a, name in zip(arrays(), "wbxy")]
    gradients = page.gradient(residual(*inputs), *inputs)
    _, program = page.compiled(gradients, inputs)
    for got, g in zip(program(*arrays()), gradients):
        assert np.array_equal(got, g.data)


def test_gradients_accumulate(page):
    x = page.Tensor(3.0, "x")
    page.backward(x * x)
    page.backward(x * x)
    assert x.grad.data == 12
    assert page.show(x.grad) == "(x + x) + (x + x)"


def test_a_wrong_rule_is_caught_by_the_central_difference(page):
    wrong = page.Op("tanh", np.tanh, d=(lambda x, out: 1 - out,))
    x = page.Tensor(0.5, "x")
    (slope,) = page.gradient(page.apply(wrong, x), x)
    assert abs(slope.data - page.central_difference(np.tanh, 0.5)) > 0.1


def test_a_long_chain_is_walked_and_freed(page):
    x = page.Tensor(1.0, "x")
    y = x
    for _ in range(100_000):
        y = y + 0.001
    (slope,) = page.gradient(y, x)
    assert slope is page.ONE
    del y


def test_it_learned_the_line(page):
    np.testing.assert_allclose([page.w.data, page.b.data], [3, 0.8], atol=1e-6)
    assert (page.slope, page.height) == (page.w.data, page.b.data)
