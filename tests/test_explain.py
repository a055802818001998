"""Explanations: names, derivatives and their text, values before and after backward, the terminal's words, files."""

import importlib.util
import json
import linecache
import math
import random
from pathlib import Path

import numpy as np
import pytest

import chainrule as torch
from chainrule.errors import DtypeError, FormulaError, GraphError
from chainrule.see import central_difference, explain, explain_formula
from chainrule.see.record import CONSTANT, Summary, show

_spec = importlib.util.spec_from_file_location("drawn", Path(__file__).with_name("test_svg.py"))
drawn = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(drawn)


def leaf(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def example():
    a, b, c = leaf(5.0), leaf(3.0), leaf(2.0)
    v = b * c
    u = a + v
    J = 3 * u
    J.backward()
    return explain(J, lang="en"), explain(J, lang="zh")


ENGLISH = """\
J = 3 * (a + b * c) = 33                                      test_explain.py:LINE

values, left to right; on each line the local derivative
  a = 5 ───────────────────────── 1 ─┐
                                     ├─ u = a + v = 11 ─ 3 ── J = 3*u = 33
  b = 3 ─ c = 2 ─┐                   │
                 ├─ v = b*c = 6 ─ 1 ─┘
  c = 2 ─ b = 3 ─┘

gradients, right to left      path            central difference
  dJ/dJ = 1
  dJ/du = dJ/dJ·3 = 1·3 = 3
  dJ/dv = dJ/du·1 = 3·1 = 3
  dJ/da = 3·1 = 3             a → u → J       3.0000000
  dJ/db = 3·1·c = 3·1·2 = 6   b → v → u → J   6.0000000
  dJ/dc = 3·1·b = 3·1·3 = 9   c → v → u → J   9.0000000

To make J smaller, step against the gradient, w ← w − α·∇w:
  dJ/da = 3 > 0, so a shrinks
  dJ/db = 6 > 0, so b shrinks
  dJ/dc = 9 > 0, so c shrinks"""

CHINESE = """\
J = 3 * (a + b * c) = 33                                      test_explain.py:LINE

值：从左到右；线上写的是局部导数
  a = 5 ───────────────────────── 1 ─┐
                                     ├─ u = a + v = 11 ─ 3 ── J = 3*u = 33
  b = 3 ─ c = 2 ─┐                   │
                 ├─ v = b*c = 6 ─ 1 ─┘
  c = 2 ─ b = 3 ─┘

梯度：从右到左                路径            中心差分
  dJ/dJ = 1
  dJ/du = dJ/dJ·3 = 1·3 = 3
  dJ/dv = dJ/du·1 = 3·1 = 3
  dJ/da = 3·1 = 3             a → u → J       3.0000000
  dJ/db = 3·1·c = 3·1·2 = 6   b → v → u → J   6.0000000
  dJ/dc = 3·1·b = 3·1·3 = 9   c → v → u → J   9.0000000

要让 J 变小，就逆着梯度走一步，w ← w − α·∇w：
  dJ/da = 3 > 0，所以 a 变小
  dJ/db = 6 > 0，所以 b 变小
  dJ/dc = 9 > 0，所以 c 变小"""


@pytest.mark.parametrize(("which", "golden"), [(0, ENGLISH), (1, CHINESE)])
def test_the_textbook_example_reads_so(which, golden):
    line = str(example.__code__.co_firstlineno + 4)
    golden = golden.replace(" " * len(line) + "test_explain.py:LINE", " " * 4 + f"test_explain.py:{line}")
    got = example()[which].text(80, ascii=False)
    assert got.splitlines()[1:] == golden.splitlines()[1:]
    assert got.splitlines()[0].split() == golden.splitlines()[0].split()


def test_the_formula_reads_like_the_program():
    text = explain_formula("3*(a + b*c)", {"a": 5, "b": 3, "c": 2}, "en").text(80, ascii=False)
    assert text.splitlines()[0] == "J = 3 * (a + b * c) = 33"
    assert text.splitlines()[-3:] == ENGLISH.splitlines()[-3:]
    assert "dJ/db  = 3·1·c = 3·1·2 = 6    b → v1 → v2 → J   6.0000000" in text
    assert "not computed" not in text


# -- random programs: every edge against its text and a finite difference --------------------------

WORDS = {
    "sin": math.sin, "cos": math.cos, "tanh": math.tanh, "exp": math.exp, "log": math.log, "sqrt": math.sqrt,
    "abs": abs, "sign": lambda x: float(np.sign(x)), "maximum": max, "minimum": min, "relu": lambda x: max(x, 0.0),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "where": lambda c, x, y: x if c else y,
}  # fmt: skip
USERS = ("alpha", "b", "gain", "w1", "x_0", "偏置")


def random_program(seed):
    """Statements in up to 6 variables, as the user writes them: some nested, some with names of their own."""
    rng = random.Random(seed)
    variables = list(USERS[: rng.randint(1, 6)])
    lines, made = [], list(variables)

    def expression(depth):
        if depth == 0 or rng.random() < 0.2:
            return rng.choice(made)
        x, y = expression(depth - 1), expression(depth - 1)
        return rng.choice((
            f"({x} + {y})", f"({x} - {y})", f"{x} * {y}", f"{x} / (1.5 + {y} * {y})", f"-({x})", f"2 * {x}",
            f"{x} - 0.25", f"({x}) ** 2", f"torch.sin({x})", f"({x}).tanh()", f"torch.cos({x} * {y})",
            f"(1 + ({x}) ** 2).sqrt()", f"torch.sigmoid({x})", f"torch.exp(-({x}) ** 2)", f"(2 + {x} * {x}).log()",
            f"torch.maximum({x}, {y} + 0.1234)", f"({x}).relu()", f"abs({x})", f"(2 + ({x}).sin()) ** ({y}).tanh()",
        ))  # fmt: skip

    for i in range(rng.randint(0, 4)):
        lines.append(f"step{i} = {expression(2)}")
        made.append(f"step{i}")
    inputs = " + ".join(made)
    lines.append(f"loss = {expression(2)} * 0.5 + ({inputs}) * 0.1")
    return variables, lines


def explained(seed):
    """What explain() says of a random program, called from it, and the program's variables after backward."""
    variables, lines = random_program(seed)
    rng = random.Random(seed)
    source = "\n".join([*lines, "explanation = explain(loss, lang='en')", "loss.backward()"]) + "\n"
    file = f"<program {seed}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    scope = {name: leaf(rng.uniform(0.4, 1.6) * rng.choice((1, -1))) for name in variables}
    scope |= {"torch": torch, "explain": explain}
    exec(compile(source, file, "exec"), scope)
    return scope["explanation"], {name: scope[name] for name in variables}, lines


@pytest.mark.parametrize("seed", range(200))
def test_every_edge_of_random_programs(seed):
    explanation, variables, _ = explained(seed)
    record = explanation.record
    node = {n.id: n for n in record.nodes}
    values = {n.name: n.value for n in record.nodes if n.name}
    for name, tensor in variables.items():
        assert explanation.gradients[name] == pytest.approx(tensor.grad.item(), rel=1e-10, abs=1e-10)
        assert explanation.paths(tensor).total == pytest.approx(tensor.grad.item(), rel=1e-10, abs=1e-10)
        difference = next(n.difference for n in record.nodes if n.name == name)
        assert difference == pytest.approx(tensor.grad.item(), rel=1e-5, abs=1e-6)
    for n in record.nodes:
        edges = [e for e in record.edges if e.target == n.id and node[e.source].op != CONSTANT]
        if n.leaf:
            continue
        assert eval(n.text, {**WORDS, **values}) == pytest.approx(n.value, rel=1e-12, abs=1e-14)
        for source in {e.source for e in edges}:
            name, total = node[source].name, sum(e.derivative for e in edges if e.source == source)
            ends = [eval(n.text, {**WORDS, **values, name: values[name] + h}) for h in (1e-6, -1e-6)]
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(total, rel=1e-6, abs=1e-6)
        for e in edges:
            assert eval(e.rule, {**WORDS, **values}) == pytest.approx(e.derivative, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("seed", range(50))
def test_pictures_of_random_programs(seed):
    explanation, variables, lines = explained(seed)
    for lang in ("en", "zh"):
        check_drawing(explanation.record, lang)
    assigned = dict(line.split(" = ") for line in lines)
    computed = {name for name, formula in assigned.items() if not formula.isidentifier()}
    shown = {n.name for n in explanation.record.nodes if n.name}
    assert computed | set(variables) <= shown
    assert all(name.startswith("v") and name[1:].isdigit() for name in shown - set(assigned) - set(variables))


def check_drawing(record, lang):
    """No box or label overlaps another, and no text leaves its box: by the rectangles of the drawing."""
    drawing = drawn.svg(record, lang)
    root = drawn.ElementTree.fromstring(drawing)
    page = drawn.rect(root, 0, 0)
    outlines = []
    for group, dx, dy in drawn.groups(drawing):
        rects = [drawn.rect(element, dx, dy) for element in group.iter(f"{drawn.SVG}rect")]
        outlines += rects[:1]
        for element in group.iter(f"{drawn.SVG}text"):
            assert drawn.inside(drawn.extent(element, dx, dy), rects[-1])
        assert all(drawn.inside(box, page) for box in rects)
    assert all(drawn.apart(a, b) for a, b in drawn.combinations(outlines, 2))
    assert len(outlines) >= len(record.nodes)


@pytest.mark.parametrize("seed", range(0, 200, 10))
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(seed, width):
    explanation, _, _ = explained(seed)
    for line in explanation.text(width, ascii=False).splitlines():
        assert columns(line) <= width, line


def columns(line):
    return sum(2 if "\u2e80" <= c <= "\uffef" else 1 for c in line)


# -- names -----------------------------------------------------------------------------------------


def names(explanation):
    return [n.name for n in explanation.record.nodes]


def test_names_come_from_assignments_in_functions_that_have_returned():
    def neuron(x, w):
        weighted = x * w
        return weighted.tanh()

    inputs, weight = leaf(0.5), leaf(2.0)
    assert names(explain(neuron(inputs, weight) * 2)) == ["inputs", "weight", "weighted", "v1", "", "J"]


def test_names_of_augmented_assignments_walrus_loops_and_attributes():
    class Model:
        pass

    model = Model()
    model.slope = leaf(1.5)
    x = leaf(2.0)
    y = x * model.slope
    y += 1
    if (z := y.sin()) is not None:
        for _ in range(2):
            z = z * 3
    explanation = explain(z)
    assert [n for n in names(explanation) if n] == ["x", "model.slope", "y_1", "y", "z_1", "z_2", "z"]
    assert [n.text for n in explanation.record.nodes if n.name in ("y_1", "y", "z_2")] == [
        "x * model.slope", "y_1 + 1", "z_1 * 3"]  # fmt: skip


def test_names_of_leaves_in_containers_and_of_calls_over_several_lines():
    params = [leaf(1.0), leaf(2.0)]
    table = {"rate": leaf(3.0)}
    out = (
        params[0]
        .sin()
        .exp()
    ) * params[1] / table["rate"]  # fmt: skip
    assert [n for n in names(explain(out)) if n] == ["params[0]", "params[1]", "table['rate']", "v1", "v2", "v3", "out"]


def test_a_composite_names_only_its_result():
    x = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    height = x.rsqrt()
    explanation = explain(height)
    assert names(explanation) == ["x", "v1", "height"]
    assert explanation.gradients == {"x": -0.0625}


def test_given_names_count_most_and_no_name_is_given_twice():
    a = b = leaf(2.0)
    J = a * b
    assert names(explain(J)) == ["a", "J"]
    assert names(explain(J, names={"theta": a})) == ["theta", "J"]
    v1 = leaf(1.0)
    assert names(explain((v1 + 1) * 2)) == ["v1", "", "v2", "", "J"]


def test_vectors_show_no_reshapes():
    W = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    x, h = torch.tensor([1.0, -1.0], dtype=torch.float64), torch.tensor([0.5, 2.0], dtype=torch.float64)
    z = W @ x
    y = h @ z
    record = explain(y).record
    assert [(n.name, n.text) for n in record.nodes] == [
        ("W", "W"), ("x", "[1, -1]"), ("z", "W @ x"), ("h", "[0.5, 2]"), ("y", "h @ z")]  # fmt: skip
    assert record.title == "y = h @ (W @ x)"
    assert [e.rule for e in record.edges if e.rule] == ["g @ x.T", "h.T @ g"]
    assert explain(y, wrt=W, at=(0, 1)).record.edges[0].rule == "x[1]"


# -- tensors ---------------------------------------------------------------------------------------


def test_tensor_edges_say_the_rule_and_never_a_norm():
    w, b = leaf([[1.0], [2.0]]), leaf([0.5])
    x = torch.tensor([[1.0, 3.0]] * 100, dtype=torch.float64)
    out = (x @ w + b).tanh()
    loss = out.mean()
    record = explain(loss).record
    rules = {(record.nodes[e.source].name, record.nodes[e.target].name): e for e in record.edges}
    assert rules["w", "v1"].rule == "x.T @ g"
    assert rules["w", "v1"].derivative is None
    assert rules["b", "v2"].rule == "1, Σ over axis 0"
    assert rules["v2", "out"].rule == "1 - out ** 2"
    assert isinstance(rules["v2", "out"].derivative, Summary)
    assert rules["out", "loss"].rule == "g / 100, the same value for every element"
    zh = explain(loss, lang="zh").record.edges
    assert any(e.rule == "1，对第 0 维求和" for e in zh)


def test_one_element_of_a_leaf_a_view_or_an_inner_tensor():
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    x = torch.tensor([0.5, -1.0], dtype=torch.float64)
    h = (w @ x).sin()
    J = (h * h).sum()
    J.backward(retain_graph=True)
    by_index, by_view = explain(J, wrt=w, at=(1, 0)), explain(J, wrt=w[1, 0])
    assert by_index.record == by_view.record
    assert by_index.gradients == {"w[1, 0]": pytest.approx(w.grad[1, 0].item(), rel=1e-12)}
    assert explain(J, wrt=w, at=(-1, 0)).record == by_index.record
    assert explain(J, wrt=h, at=1).gradients == {"h[1]": pytest.approx(2 * h[1].item())}
    assert "dJ/dw[1, 0] = " in str(by_index)


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [(None, GraphError, "pick one element of it, such as at=\\(0, 0\\)"), ((5, 0), IndexError, "outside of w"),
     (0, GraphError, "picks 2 elements")],
)  # fmt: skip
def test_an_element_must_be_one(at, error, message):
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(error, match=message):
        explain(w.sum(), wrt=w, at=at)


def test_an_element_that_is_not_used_has_no_path():
    w = leaf([1.0, 2.0])
    found = explain(w[0] * 3, wrt=w, at=1)
    assert (found.paths().count, found.paths().total) == (0, 0.0)
    assert "so w[1] stays" in str(found)


# -- before and after backward ---------------------------------------------------------------------


def test_it_works_before_and_after_backward_and_leaves_grad_alone():
    x = torch.tensor([[1.0], [2.0]])
    w, b = torch.tensor([0.5], requires_grad=True), torch.tensor([0.1], requires_grad=True)
    y = torch.tensor([[2.0], [4.0]])
    loss = ((x * w + b - y) ** 2).mean()
    before = explain(loss, lang="en")
    assert w.grad is None
    assert any("backward() has not run" in note for note in before.notes)
    loss.backward()
    exact = w.grad.item()
    after = explain(loss, lang="en")
    assert before.record == after.record
    assert after.notes == ()
    assert w.grad.item() == exact
    assert after.gradients["w"] == pytest.approx(exact, rel=1e-6)


def test_gradients_that_have_accumulated_are_noticed():
    a = leaf(2.0)
    for _ in range(3):
        J = a * a
        J.backward()
    (note,) = explain(J, lang="en").notes
    assert note.startswith("a.grad holds 12, not 4: ")


def test_values_that_the_tape_has_not_kept_are_a_dash():
    def loss(w):
        target = torch.tensor([1.0, 2.0])
        return ((w - target) ** 2).sum()

    w = torch.tensor(3.0, requires_grad=True)
    J = loss(w)
    explanation = explain(J, lang="en")
    (target,) = [n for n in explanation.record.nodes if n.name == "target"]
    assert (target.value, target.text, target.op) == (None, "—", CONSTANT)
    assert explanation.gradients == {"w": pytest.approx(6.0)}
    assert [n.difference for n in explanation.record.nodes if n.name == "w"] == [None]
    assert "the tape did not keep this value" in str(explanation)
    assert "—" in explanation.svg()
    J.backward()
    with pytest.raises(GraphError, match="Call explain before backward\\(\\), or backward\\(retain_graph=True\\)"):
        explain(J)


def test_an_overwritten_parameter_is_noticed():
    w = leaf(2.0)
    J = w * w
    J.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    with pytest.raises(GraphError, match=r"overwritten since, .*Call explain before the update"):
        explain(J)


def test_a_variable_bound_anew_is_not_taken_for_the_old_one():
    w, x = leaf(2.0), torch.tensor(3.0, dtype=torch.float64)
    J = (w + x).sin()
    x = torch.tensor(99.0, dtype=torch.float64)
    explanation = explain(J)
    assert [n.value for n in explanation.record.nodes if n.op == CONSTANT] == [None]
    assert explanation.gradients["w"] == pytest.approx(math.cos(5.0))
    assert x.item() == 99.0


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda x: x * 2, "this tensor has shape \\[2\\]"), (lambda x: x.detach().sum(), "nothing .* requires grad"),
     (lambda x: torch.tensor(1.0), "nothing .* requires grad")],
)  # fmt: skip
def test_what_cannot_be_explained(make, message):
    with pytest.raises(GraphError, match=message):
        explain(make(leaf([1.0, 2.0])))


def test_wrt_must_be_on_the_graph():
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(GraphError, match="no gradient flows from the output to wrt"):
        explain(x * 2, wrt=y)


def test_a_leaf_is_its_own_gradient():
    x = leaf(2.0)
    assert explain(x).gradients == {"x": 1.0}
    assert explain(x).paths("x").count == 1


# -- rules in words of code ------------------------------------------------------------------------


def test_piecewise_rules_are_conditional_expressions():
    x, y = leaf(2.0), leaf(1.0)
    assert [e.rule for e in explain(x.relu()).record.edges] == ["0 if J <= 0 else 1"]
    rules = [e.rule for e in explain(torch.maximum(x, y)).record.edges]
    assert rules == ["0.5 if x == y else 0 if x < y else 1", "0.5 if x == y else 0 if x > y else 1"]
    chosen = explain(torch.where(x > 0, x * 3, y)).record
    assert [e.rule for e in chosen.edges if e.target == len(chosen.nodes) - 1 and e.rule] == [
        "1 if (x > 0) else 0", "0 if (x > 0) else 1"]  # fmt: skip


def test_a_tensor_of_one_number_reads_like_the_number():
    x = leaf(2.0)
    record = explain(x * torch.tensor(3.0, dtype=torch.float64)).record
    assert record.title == "J = x * 3"
    assert [e.rule for e in record.edges] == ["3", ""]


# -- what is written -------------------------------------------------------------------------------


def test_ascii_where_the_terminal_has_no_more():
    text = example()[0].text(80, ascii=True)
    text.encode("ascii")
    assert "dJ/db = 3*1*c = 3*1*2 = 6   b > v > u > J" in text


def test_colours_only_when_asked(monkeypatch, capsys):
    explanation = example()[0]
    assert "\x1b" not in str(explanation)
    assert explanation.text(color=True).count("\x1b[1m") == 4
    explanation.print()
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    explanation.print()
    assert "\x1b" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    explanation.print()
    assert "\x1b" not in capsys.readouterr().out


def test_saved_whole_or_not_at_all(tmp_path):
    explanation = example()[0]
    for name in ("g.svg", "g.json", "g.txt"):
        explanation.save(tmp_path / name)
    assert json.loads((tmp_path / "g.json").read_text(encoding="utf-8"))["format"] == "chainrule-trace/1"
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == explanation.svg()
    assert "b → v → u → J" in (tmp_path / "g.txt").read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.json", "g.svg", "g.txt"]
    with pytest.raises(ValueError, match=r"'g.png' must end in \.svg, \.json or \.txt"):
        explanation.save(tmp_path / "g.png")
    with pytest.raises(OSError, match="No such file") as caught:
        explanation.save(tmp_path / "nowhere" / "g.svg")
    assert caught.value.filename == str(tmp_path / "nowhere" / "g.svg")


def test_a_notebook_gets_the_drawing():
    bundle = example()[0]._repr_mimebundle_()
    assert bundle["text/html"].startswith("<svg")
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}


# -- formulas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "values", "message"),
    [("a*b", {"a": 1}, "b has no value"), ("a", {"a": 1, "z": 2}, "no variable 'z'"), ("1 + 2", {}, "has no variable"),
     ("a +", {"a": 1}, "ends too early")],
)  # fmt: skip
def test_formulas_that_cannot_be_explained(formula, values, message):
    with pytest.raises(FormulaError, match=message):
        explain_formula(formula, values)


def test_a_formula_of_vectors():
    found = explain_formula("sum((A @ x) ** 2)", {"A": [[1, 2], [3, 4]], "x": [1, -1]}, "en")
    assert found.gradients["x"] == [-8.0, -12.0]
    with pytest.raises(GraphError, match="reduce it"):
        explain_formula("A @ x", {"A": [[1, 2], [3, 4]], "x": [1, -1]})


# -- the gradient by definition --------------------------------------------------------------------


def test_central_differences_are_taken_in_double_precision():
    target = torch.tensor([1.0, 2.0, 3.0])

    def f(w, b):
        return ((w.clone() * target + b.float() - 1) ** 2).mean().exp()

    w, b = torch.tensor([0.1, 0.2, 0.3], requires_grad=True), torch.tensor(0.4, requires_grad=True)
    f(w, b).backward()
    by_w, by_b = central_difference(f, w, b)
    assert by_w.dtype == torch.float64
    assert by_w.shape == w.shape
    np.testing.assert_allclose(by_w.numpy(), w.grad.numpy(), rtol=1e-6)
    assert by_b.item() == pytest.approx(b.grad.item(), rel=1e-6)
    assert w.dtype == torch.float32


def test_central_differences_refuse():
    with pytest.raises(DtypeError, match=r"tensor 0 is torch\.int64"):
        central_difference(lambda x: x.sum(), torch.tensor([1, 2]))
    with pytest.raises(GraphError, match=r"must return one number"):
        central_difference(lambda x: x * 2, torch.tensor([1.0, 2.0]))


def test_a_vector_without_gradient_stays_a_vector_where_its_variable_is_gone():
    def loss():
        x = torch.tensor([1.5, -1.0])
        w = torch.ones(2, 2, requires_grad=True)
        z = w @ x
        return z.tanh().sum()

    assert " = sum(tanh(w @ x)) = " in str(torch.explain(loss()))


def test_what_is_shared_many_times_is_not_written_out():
    x = torch.tensor(0.1, requires_grad=True)
    y = x
    for _ in range(60):
        y = y * y + 0.01 * y
    assert torch.explain(y).record.title.startswith("y = ")
    assert "a formula of " in str(torch.explain(torch.rand(20, requires_grad=True).prod()))


def test_a_reshaped_operand_keeps_its_own_name_and_a_called_module_gives_none():
    def program():
        X, w = torch.tensor([[0.5, -1.0]] * 3, dtype=torch.float64), leaf([1.0, 2.0])
        table = torch.nn.Embedding(2, 2, _weight=torch.ones(2, 2, dtype=torch.float64))
        places = torch.tensor([0, 1])
        return (X @ w).sum() + table(places).sum()

    total = program()
    record = explain(total).record
    assert [record.nodes[i].name for i in record.leaves if record.nodes[i].op != CONSTANT] == ["w", "v3"]
    assert "X @ w" in record.title


def test_an_element_of_an_expression_is_written_with_parentheses():
    x, scale = torch.tensor([1.0, 2.0], dtype=torch.float64), leaf(2.0)
    loss = ((x - 3.0) / scale).sum()
    assert "v1[0] = (x - 3.0)[0] / scale" in str(explain(loss, wrt=scale))


def test_central_differences_of_large_tensors_are_shown_not_assumed():
    w = leaf([0.1 * k for k in range(100)])
    text = explain((w * w).sum()).text(100)
    assert "dv" not in text.split("gradients")[1]
    assert "central difference 100 [" in text


def test_one_weight_of_many_paths_takes_no_rule_for_each():
    W, x = leaf([[0.1] * 40] * 40), torch.ones(40, dtype=torch.float64)
    h = x
    for _ in range(4):
        h = (W @ h).tanh()
    record = explain(h.sum(), wrt=W, at=(0, 0)).record
    assert len(record.edges) > 2_000
    assert record.edges[0].rule == "h_1[0]"
    assert all(edge.rule == show(edge.derivative) for edge in record.edges[2_000:])
