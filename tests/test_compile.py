"""compile(step): a compiled step does what the eager one does, to its tensors and to its gradients, or says why not."""

import gc
import threading
from itertools import count

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn
from chainrule.errors import TraceError


def regression(rate=0.01, style="zero"):
    torch.manual_seed(0)
    x = torch.rand(50)
    y = 3 * x + 0.8
    w = torch.rand(1, requires_grad=True)
    b = torch.rand(1, requires_grad=True)

    def zero():
        loss = ((w * x + b - y) ** 2).mean()
        if w.grad is not None:
            w.grad.zero_()
            b.grad.zero_()
        loss.backward()
        with torch.no_grad():
            w.sub_(rate * w.grad)
            b.sub_(rate * b.grad)
        return loss

    def none():
        loss = ((w * x + b - y) ** 2).mean()
        w.grad = b.grad = None
        loss.backward()
        with torch.no_grad():
            w.sub_(rate * w.grad)
            b.sub_(rate * b.grad)
        return loss

    def data():
        loss = (w * x + b - y).pow(2).mean()
        if w.grad is not None:
            w.grad.data.zero_()
            b.grad.data.zero_()
        loss.backward()
        w.data -= rate * w.grad.data
        b.data = b.data - rate * b.grad.data
        return loss

    def grad():
        loss = ((w * x + b - y) ** 2).mean()
        gw, gb = torch.autograd.grad(loss, (w, b))
        with torch.no_grad():
            w.sub_(rate * gw)
            b.sub_(rate * gb)
        return loss

    return {"zero": zero, "none": none, "data": data, "grad": grad}[style], w, b


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("style", ["zero", "none", "data", "grad"])
def test_equals_eager(style, native):
    eager, w, b = regression(style=style)
    step, cw, cb = regression(style=style)
    step = torch.compile(step, native=native)
    losses = [eager().item() for _ in range(6)]
    assert [step().item() for _ in range(6)] == pytest.approx(losses, rel=1e-5)
    assert cw.item() == pytest.approx(w.item(), rel=1e-6)
    assert cb.item() == pytest.approx(b.item(), rel=1e-6)
    if style == "grad":
        assert cw.grad is None
    else:
        assert cw.grad.item() == pytest.approx(w.grad.item(), rel=1e-5)


@pytest.mark.parametrize("style", ["zero", "none", "data", "grad"])
def test_repeat_equals_calls(style):
    step, w, _ = regression(style=style)
    again, cw, _ = regression(style=style)
    once = torch.compile(step)
    losses = [once().item() for _ in range(9)]
    many = torch.compile(again)
    assert torch.compile(step) is not step
    assert many.repeat(4).tolist() + many.repeat(5).tolist() == losses
    assert cw.item() == w.item()
    if style != "grad":
        assert cw.grad.item() == w.grad.item()


def test_arguments_fresh_data_and_scan():
    torch.manual_seed(0)
    xs, ys = torch.randn(6, 4, 3), torch.randn(6, 4)

    def make():
        w = torch.zeros(3, requires_grad=True)

        def step(x, y, rate):
            w.grad = None
            loss = ((x @ w - y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                w.sub_(rate * w.grad)
            return {"loss": loss, "w": w, "rate": rate}

        return step, w

    eager, w = make()
    step, cw = make()
    compiled = torch.compile(step)
    for rate in (0.1, 0.1, 0.2):
        for x, y in zip(xs, ys):
            want, got = eager(x, y, rate), compiled(x, y, rate)
            assert got["loss"].item() == pytest.approx(want["loss"].item(), rel=1e-5)
            assert got["w"] is cw
            assert got["rate"] == rate
    assert len(compiled.variants) == 2  # one per rate
    assert cw.tolist() == pytest.approx(w.tolist(), rel=1e-4)
    scan, sw = make()
    scanned = torch.compile(lambda x, y: scan(x, y, 0.1)["loss"]).scan(xs, ys)
    check, cw = make()
    assert scanned.tolist() == pytest.approx([check(x, y, 0.1)["loss"].item() for x, y in zip(xs, ys)], rel=1e-5)
    assert sw.tolist() == pytest.approx(cw.tolist(), rel=1e-4)


def test_another_shape_or_dtype_is_traced_again():
    double = torch.compile(lambda x: (x * 2).sum())
    assert double(torch.ones(3)).item() == 6
    assert double(torch.ones(5)).item() == 10
    assert double(torch.ones(5, dtype=torch.float64)).dtype is torch.float64
    assert double(torch.ones(0)).item() == 0
    assert double(torch.ones(3)).item() == 6
    assert len(double.variants) == 4


RATE = 2.0


def test_plain_values_that_change_are_noticed(monkeypatch):
    class Config:
        scale = 1.0

        def __init__(self):
            self.offset = 0.0

    config = Config()
    power = 2

    def inner(x):
        return x * RATE + config.offset

    step = torch.compile(lambda x: inner(x) ** power)
    x = torch.tensor([1.0, 3.0])
    assert step(x).tolist() == [4, 36]
    monkeypatch.setitem(globals(), "RATE", 1.0)
    assert step(x).tolist() == [1, 9]
    config.offset = 1.0
    assert step(x).tolist() == [4, 16]
    power = 1
    assert step(x).tolist() == [2, 4]


def test_in_place_on_views_and_constants_inside():
    def step(x):
        out = torch.zeros(2, 3)
        out[0] = x
        out[1, 1:] += x[1:]
        out.t()[0] *= 10
        return out, out.sum()

    x = torch.tensor([1.0, 2.0, 3.0])
    for compiled in (torch.compile(step), torch.compile(step, native=False)):
        for _ in range(2):
            out, total = compiled(x)
            assert out.tolist() == step(x)[0].tolist()
            assert total.item() == step(x)[1].item()


def test_higher_order_inside():
    def step(x):
        (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        (curve,) = torch.autograd.grad(slope.sum(), x)
        return slope, curve

    slope, curve = torch.compile(step)(torch.tensor([1.0, 2.0], requires_grad=True))
    assert slope.tolist() == [3, 12]
    assert curve.tolist() == [6, 12]


SLICED = {
    "cover all": lambda x: [x[:, :2].exp() * x[:, 2:4] * x[:, 4:]],
    "cover some": lambda x: [x[:, :2] * x[:, 3:5]],
    "overlap": lambda x: [x[:, :3] * x[:, 2:5].exp()],
    "every other": lambda x: [x[:, ::2] * x[:, 1::2], x[1].sin()],
    "rows": lambda x: [a * b for a, b in zip(x.unbind(0), x.T.unbind(1)[1:])],
    "negative zeros": lambda x: [-0.0 * x[:2], -0.0 * x[2:3]],
}


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", SLICED)
def test_gradients_of_slices(name, native):
    def step(x):
        return torch.autograd.grad(sum(t.sum() for t in SLICED[name](x)), x)[0]

    x = torch.tensor(np.random.default_rng(0).uniform(-1, 1, (3, 6)), requires_grad=True)
    got, want = torch.compile(step, native=native)(x).numpy(), step(x).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-14)
    assert (np.signbit(got) == np.signbit(want)).all()


def test_gradients_of_slices_that_cover_all_are_written_side_by_side():
    def step(x):
        return torch.autograd.grad(SLICED["cover all"](x)[0].sum(), x)[0]

    compiled = torch.compile(step, native=False)
    compiled(torch.ones(3, 6, requires_grad=True))
    (nest,) = compiled.variants[0].kernel.program.steps
    assert len(nest.stores) == 3
    assert len(nest.writes()) == 1


def test_gradients_of_arguments_go_to_the_arguments():
    def step(x):
        (x * x).sum().backward()

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compiled = torch.compile(step)
    assert compiled(x) is None
    assert x.grad.tolist() == [2, 4]
    assert compiled(x) is None
    assert x.grad.tolist() == [4, 8]


def test_check_runs_eager_beside():
    calls = []
    step, w, _ = regression()
    seen, ew, _ = regression()

    def counted():
        calls.append(1)
        return step()

    compiled = torch.compile(counted, check=3)
    losses = [compiled().item() for _ in range(5)]
    assert losses == pytest.approx([seen().item() for _ in range(5)], rel=1e-5)
    assert w.item() == pytest.approx(ew.item(), rel=1e-6)

    hidden = count(1)

    def impure(x):
        return x * next(hidden)

    with pytest.raises(TraceError, match="depends on something that its trace does not see"):
        torch.compile(impure, check=1)(torch.ones(2))


@pytest.mark.parametrize(("what", "step"), [
    ("item()", lambda x: x.sum().item()), ("the truth", lambda x: x if x.sum() > 0 else -x),
    ("tolist()", lambda x: (x * 2).tolist()), ("numpy()", lambda x: (x * 2).numpy()),
])
def test_asking_for_a_value_is_refused_with_the_line(what, step):
    with pytest.raises(TraceError, match=r"test_compile\.py:\d+") as caught:
        torch.compile(step)(torch.ones(2))
    assert what in str(caught.value)
    assert "look at it outside" in str(caught.value)


def test_what_escapes_says_so_when_used():
    kept = []

    def step(x):
        kept.append(x * 2)
        return kept[-1].sum()

    assert torch.compile(step)(torch.ones(2)).item() == 4
    for use in (lambda t: t + 1, lambda t: 1 + t, lambda t: t.item(), lambda t: t.sum(), lambda t: torch.ones(2) * t):
        with pytest.raises(TraceError, match="Return it from the step instead"):
            use(kept[0])
    assert "traced" in repr(kept[0])


def test_outside_tensors_are_untouched_by_tracing():
    w = torch.ones(2, requires_grad=True)
    grad = w.grad = torch.ones(2)

    def failing():
        w.grad.zero_()
        with torch.no_grad():
            w.mul_(5)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        torch.compile(failing)()
    assert w.tolist() == [1, 1]
    assert w.grad is grad
    assert grad.tolist() == [1, 1]
    assert w.grad_fn is None


def test_misuse():
    with pytest.raises(TypeError, match="expected a function, got int"):
        torch.compile(3)
    step = torch.compile(lambda x: x * 2)
    with pytest.raises(ValueError, match="positive number of steps"):
        step.repeat(0, torch.ones(2))
    with pytest.raises(ValueError, match="one length, got 2, 3"):
        torch.compile(lambda x, y: x + y).scan(torch.ones(2), torch.ones(3))
    with pytest.raises(TraceError, match="contiguous"):
        step(torch.ones(2, 3).T)
    x = torch.ones(4)
    with pytest.raises(TraceError, match="share memory"):
        torch.compile(lambda a, b: a.add_(b))(x, x.data)


def test_decorator_and_name():
    @torch.compile(native=False)
    def half(x):
        """Half."""
        return x / 2

    assert half(torch.ones(1)).item() == 0.5
    assert (half.__name__, half.__doc__) == ("half", "Half.")


def test_threads_trace_apart():
    results = {}

    def work(k):
        x = torch.full((3,), float(k))
        results[k] = torch.compile(lambda x: (x * x).sum())(x).item()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: 3.0 * k * k for k in range(4)}


def test_memory_is_not_kept_by_results():
    step = torch.compile(lambda x: x * 2)
    x = torch.ones(3)
    first = step(x)
    second = step(torch.zeros(3))
    assert first.tolist() == [2, 2, 2]
    assert second.tolist() == [0, 0, 0]
    before = np.shares_memory(first.numpy(), second.numpy())
    gc.collect()
    assert not before


# -- modules, optimizers, random numbers -----------------------------------------------------------------------------


def training(model, optimizer, *, seed=0):
    torch.manual_seed(seed)
    model = model()
    optimizer = optimizer(model.parameters())
    x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, model, optimizer


MODELS = {
    "mlp": lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3)),
    "norm": lambda: nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)),
}
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_training_steps_equal_eager(model, optimizer):
    eager, *_ = training(MODELS[model], OPTIMIZERS[optimizer])
    step, *_ = training(MODELS[model], OPTIMIZERS[optimizer])
    torch.manual_seed(7)
    losses = [eager().item() for _ in range(6)]
    after = torch.rand(1).item()
    compiled = torch.compile(step)
    torch.manual_seed(7)
    assert [compiled().item() for _ in range(6)] == pytest.approx(losses, rel=1e-4)
    assert torch.rand(1).item() == after  # random numbers go on where eager ones would


def test_a_learning_rate_that_changes_is_noticed():
    step, model, optimizer = training(MODELS["mlp"], OPTIMIZERS["sgd"])
    compiled = torch.compile(step)
    compiled()
    compiled()
    before = model[0].weight.tolist()
    optimizer.param_groups[0]["lr"] = 0.0
    compiled()
    assert model[0].weight.tolist() == before


def test_a_submodule_that_leaves_training_is_noticed():
    model = MODELS["dropout"]()
    forward = torch.compile(lambda x: model(x))
    x = torch.ones(4, 6)
    assert forward(x).tolist() != forward(x).tolist()
    model[2].eval()
    assert forward(x).tolist() == forward(x).tolist()
    assert len(forward.variants) == 2


@pytest.mark.parametrize("draw", [
    lambda: torch.rand(3), lambda: torch.randn(2, 2), lambda: torch.randint(0, 9, (4,)), lambda: torch.randperm(5),
    lambda: torch.zeros(3).normal_(), lambda: torch.zeros(3).bernoulli_(0.5), lambda: torch.zeros(3).uniform_(2, 3),
])
def test_random_numbers_are_drawn_by_every_run(draw):
    compiled = torch.compile(lambda: (draw() * 1, draw() * 1))
    torch.manual_seed(3)
    expected = [[part.tolist() for part in (draw(), draw())] for _ in range(3)]
    torch.manual_seed(3)
    assert [[part.tolist() for part in compiled()] for _ in range(3)] == expected
    torch.manual_seed(3)
    assert [part.tolist() for part in compiled.repeat(3)] == [list(column) for column in zip(*expected)]


def test_random_numbers_that_are_handed_out_stay_as_they_are():
    drawn = torch.compile(lambda: torch.normal(0.0, 1.0, (3,)))
    torch.manual_seed(1)
    expected = [torch.normal(0.0, 1.0, (3,)).tolist() for _ in range(3)]
    torch.manual_seed(1)
    results = [drawn() for _ in range(3)]
    assert [result.tolist() for result in results] == expected


def test_what_lapack_gives_has_strides_although_it_would_refuse_zeros():
    def step(x):
        return torch.linalg.cholesky(x).clone().view(-1) + torch.linalg.solve(x, x).mT.contiguous().view(-1)

    x = torch.eye(2) * 4
    assert torch.compile(step)(x).tolist() == pytest.approx(step(x).tolist())


@pytest.mark.parametrize("ask", [lambda x: x[x > 0], torch.nonzero, torch.unique])
def test_what_has_as_many_elements_as_values_decide_is_refused_with_a_way_out(ask):
    with pytest.raises(TraceError, match=r"fixed sizes \(test_compile.*torch\.where\(mask, x, 0\)"):
        torch.compile(ask)(torch.ones(3))


def test_tensors_in_containers_are_arguments():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    traces = []

    @torch.compile
    def step(batch, parts, scale):
        traces.append(len(parts))
        w.grad = None
        loss = (batch["x"] * w).sum() * scale + sum(part.sum() for part in parts)
        loss.backward()
        return {"loss": loss, "x": batch["x"] * 2}

    one = torch.ones(2)
    for x, parts, scale in ((one, [one], 2), (one * 3, [one * 5], 2), (one, [one, one], 2), (one, (one,), 2),
                            (one, [one], 3), (one, [one], 3.0)):
        out = step({"x": x}, parts, scale)
        assert out["loss"].item() == (x * w).sum().item() * scale + sum(part.sum().item() for part in parts)
        assert out["x"].tolist() == (x * 2).tolist()
        assert w.grad.tolist() == (x * scale).tolist()
    assert traces == [1, 2, 1, 1, 1]
    with pytest.raises(KeyError):
        step({"y": one}, [one], 2)
    assert step({"x": one, "y": one}, [one], 2)["loss"].item() == 8


def test_an_array_as_an_argument_is_that_very_array():
    step = torch.compile(lambda x, k: (x * torch.from_numpy(k)).sum())
    x, two, three = torch.ones(2), np.full(2, 2.0, "float32"), np.full(2, 3.0, "float32")
    assert [step(x, k).item() for k in (two, three, two, three)] == [4, 6, 4, 6]


@pytest.mark.parametrize("view", [
    lambda x: x.t().contiguous(), lambda x: x.contiguous(), lambda x: x.t().reshape(4), lambda x: x.reshape(4),
    lambda x: x.t().flatten(), lambda x: (x.t() * 1).reshape(4), lambda x: x.expand(2, 2, 2).reshape(8),
    lambda x: x[:, :1].reshape(2), lambda x: x.t().t().contiguous(), lambda x: x.t().reshape(4)[1:],
])  # fmt: skip
def test_a_view_that_had_to_be_a_copy_is_one_in_a_compiled_step(view):
    def through_view(x):
        y = view(x)
        y.add_(1)
        return x * 1, y * 1

    def under_it(x):
        y = view(x)
        x.add_(1)
        return x * 1, y * 1

    for step in (through_view, under_it):
        seen = []
        for how in (step, torch.compile(step)):
            x = torch.arange(4.0).reshape(2, 2).clone()
            seen.append([t.tolist() for t in (*how(x), x)])
        assert seen[0] == seen[1]


def test_memory_order_is_asked_for_while_a_step_is_traced():
    def step(x):
        y = x.t() * 1
        found.append((x.t().is_contiguous(), y.is_contiguous(), y.contiguous().is_contiguous(), y.stride()))
        return y

    found = []
    step(torch.ones(2, 3))
    torch.compile(step)(torch.ones(2, 3))
    assert found[0] == found[1]
