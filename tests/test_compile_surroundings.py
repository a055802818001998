"""What a compiled step is called with and what surrounds it: everything that is replaced has to be noticed."""

from collections import defaultdict
from functools import partial

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn
from chainrule.errors import TraceError


def test_arguments_by_name_and_default():
    step = torch.compile(lambda x, y, scale=2.0: (x * y * scale).sum())
    x, y = torch.ones(3), torch.full((3,), 2.0)
    assert step(x, y).item() == step(y=y, x=x).item() == step(x, y=y, scale=2.0).item() == 12
    assert step(x=x, y=y, scale=3.0).item() == 18
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        step(x=x)
    with pytest.raises(TypeError, match="scale= has none"):
        torch.compile(lambda x, *, scale: x * scale)(x, scale=2.0)


def test_other_minibatches_of_the_same_kind_are_taken_as_they_are():
    weights = torch.ones(3)
    calls = []

    def step(x, y):
        calls.append(1)
        weights.add_(x)
        return (x * y).sum()

    compiled = torch.compile(step)
    for k in range(4):
        assert compiled(torch.full((3,), float(k)), torch.ones(3)).item() == 3 * k
    assert weights.tolist() == [7, 7, 7]
    assert compiled(x := torch.ones(3), x).item() == 3
    assert len(calls) == 1
    with pytest.raises(TraceError, match="share memory"):
        compiled(weights.data, torch.ones(3))
    with pytest.raises(TraceError, match="contiguous"):
        compiled(torch.ones(6)[::2], torch.ones(3))
    assert compiled(torch.ones(3), torch.ones(3)).item() == 3
    tracked = torch.ones(3, requires_grad=True)
    assert compiled(torch.ones(3), tracked).item() == 3
    assert len(calls) == 2


def test_tensors_and_numbers_may_take_each_others_place():
    product = torch.compile(lambda x, y: x * y)
    x = torch.full((2,), 3.0)
    for _ in range(2):
        assert product(x, x).tolist() == [9, 9]
        assert product(2.0, x).tolist() == product(x, 2.0).tolist() == [6, 6]
        assert product(2.0, 3) == 6
        assert product(x, torch.ones(3, 1)).shape == (3, 2)
    assert len(product.variants) == 5


def test_a_step_inside_a_step_is_a_part_of_it():
    inner = torch.compile(lambda x: x * 2)
    outer = torch.compile(lambda x: inner(x) + inner(x + 1))
    assert outer(torch.ones(2)).tolist() == [6, 6]
    assert inner.variants == []


def test_a_step_that_is_traced_again_and_again_warns_once_and_says_why():
    def scaled(x, rate):
        return x * rate

    step, x = torch.compile(scaled), torch.ones(2)
    for k in range(16):
        step(x, float(k))
    with pytest.warns(UserWarning, match=r"scaled is traced for the 17th time.*args\[1\] == 15\.0\. .* be a tensor"):
        step(x, 16.0)
    step(x, 17.0)
    assert len(step.variants) == 16


BATCH = torch.ones(2)
SHARED = [torch.ones(2)]


def helper(x):
    return x + 1


def later_helper(x):
    return x + 2


def surroundings():
    """A step that reads tensors, modules, functions and values from everywhere, and ways to change each."""

    class Settings:
        tensor = None

        def __init__(self):
            self.tensor = torch.ones(2)
            self.inner = {"scale": torch.ones(2), "sizes": (1, 2)}

    settings, local = Settings(), torch.ones(2)
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0), nn.BatchNorm1d(2))
    model.eval()

    def step():
        total = helper(BATCH) * local + settings.tensor + settings.inner["scale"] + sum(SHARED)
        return model(total.reshape(1, 2) * torch.ones(1, 2)) * settings.inner["sizes"][1] * torch.ones(1)

    def other_local():
        nonlocal local
        local = torch.full((2,), 3.0)

    def other(holder, key, value):
        return lambda: setattr(holder, key, value) if isinstance(key, str) else holder.__setitem__(key[0], value)

    two = torch.full((2,), 2.0)
    changes = [
        (other(settings, "tensor", two), 0), (other(settings.inner, ["scale"], two * 3), 0), (other_local, 0),
        (lambda: globals().update(BATCH=two * 5), 0), (lambda: SHARED.__setitem__(0, two * 7), 0),
        (other(model[0], "weight", nn.Parameter(torch.eye(2))), 0), (lambda: settings.tensor.mul_(3), 0),
        (lambda: SHARED.append(two), 1), (lambda: globals().update(helper=later_helper), 1),
        (other(settings.inner, ["sizes"], (3, 4)), 1), (other(settings, "inner", dict(settings.inner)), 1),
        (other(model, [1], nn.ReLU()), 1), (other(model[2], "eps", 0.5), 1),
        (lambda: model.append(nn.Tanh()), 1), (lambda: model[0].register_forward_hook(lambda m, x, y: y * 2), 1),
    ]
    return step, changes


def test_what_is_replaced_around_a_step_is_noticed(monkeypatch):
    monkeypatch.setitem(globals(), "BATCH", BATCH)
    monkeypatch.setitem(globals(), "SHARED", [torch.ones(2)])
    monkeypatch.setitem(globals(), "helper", helper)
    torch.manual_seed(0)
    step, changes = surroundings()
    compiled = torch.compile(step)
    traces = 1
    for k, (change, retraces) in enumerate([(lambda: None, 0), *changes]):
        change()
        for _ in range(2):
            np.testing.assert_allclose(compiled().tolist(), step().tolist(), rtol=1e-5, err_msg=str(k))
        traces += retraces
        assert compiled.traced == traces, k
    with torch.no_grad():
        compiled()
    assert compiled.traced == traces + 1


def test_minibatches_may_come_through_globals():
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    @torch.compile
    def step():
        optimizer.zero_grad()
        loss = ((w * x).sum() - y) ** 2
        loss.backward()
        optimizer.step()
        return loss

    losses = []
    for k in range(5):
        x, y = torch.full((2,), k + 1.0), torch.tensor(float(k))
        losses.append(step().item())
    assert step.traced == 1
    w.detach().zero_()
    expected = []
    for k in range(5):
        x, y = torch.full((2,), k + 1.0), torch.tensor(float(k))
        expected.append(step.function().item())
    assert losses == pytest.approx(expected, rel=1e-4)


def test_decorated_and_partial_functions_and_defaults_are_looked_into():
    model = nn.Sequential(nn.Dropout(0.5))

    def of_default(x, model=model):
        return model(x)

    def of_keyword(x, *, model=model):
        return model(x)

    def of_closure(x):
        return model(x)

    inner = torch.compile(of_closure)
    for function in (of_default, of_keyword, torch.no_grad()(of_closure), partial(lambda m, x: m(x), model),
                     partial(lambda x, m: m(x), m=model), lambda x: inner(x)):
        compiled, x = torch.compile(function), torch.ones(50)
        model.train()
        assert 0 in compiled(x).tolist()
        model.eval()
        assert 0 not in compiled(x).tolist()


def test_another_view_is_noticed():
    rows = torch.arange(6.0).reshape(3, 2)
    row = rows[0]
    double = torch.compile(lambda: row * 2)
    for k in (0, 1, 2, 2):
        row = rows[k]
        assert double().tolist() == (rows[k] * 2).tolist()
    rows.add_(1)
    assert double().tolist() == [10, 12]


def test_the_default_dtype_is_noticed():
    zeros = torch.compile(lambda: torch.zeros(2) + 1)
    assert zeros().dtype is torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        assert zeros().dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert zeros().dtype is torch.float32
    assert zeros.traced == 2


def test_a_step_that_makes_its_argument_require_grad_is_told_what_to_do():
    def slope(x):
        x.requires_grad_()
        return torch.autograd.grad(x.square().sum(), x)[0]

    with pytest.raises(TraceError, match=r"depends on: args\[0\].requires_grad .* x = x.detach\(\).requires_grad_"):
        torch.compile(slope)(torch.ones(3))


def test_a_number_is_not_formatted_while_a_step_is_traced():
    with pytest.raises(TraceError, match=r"item\(\) needs a value"):
        torch.compile(lambda x: f"{x.sum():.3f}")(torch.ones(3))


@pytest.mark.parametrize(
    "leaf",
    [lambda x: x.detach().requires_grad_(), lambda x: x.data.requires_grad_(), lambda x: x.clone().requires_grad_(),
     lambda x: torch.zeros_like(x, requires_grad=True) + x, lambda x: x[1:].detach().requires_grad_()],
    ids=["detach", "data", "clone", "zeros", "view"],
)  # fmt: skip
def test_leaves_made_inside_are_new_in_every_call(leaf):
    def slope(x):
        x = leaf(x)
        if not x.is_leaf:
            x.retain_grad()
        x.square().sum().backward()
        return x.grad

    compiled = torch.compile(slope)
    for k in range(4):
        x = torch.full((3,), float(k))
        assert compiled(x).tolist() == slope(x).tolist()
    assert compiled.traced == 1


@pytest.mark.parametrize("of", [lambda x: x.detach(), lambda x: x.data, lambda x: x[1:].detach()],
                         ids=["detach", "data", "view"])  # fmt: skip
def test_an_alias_of_an_argument_is_that_of_todays(of):
    compiled = torch.compile(lambda x: (of(x), x * 2))
    for k in range(3):
        alias, twice = compiled(torch.full((3,), float(k)))
        assert alias[0].item() * 2 == twice[0].item() == 2 * k


def test_a_leaf_that_comes_by_two_ways_gets_one_gradient():
    w = torch.tensor([1.0, 2.0], requires_grad=True)

    def step(x, y):
        for t in (x, y, w):
            t.grad = None
        (x * y * w).sum().backward()

    compiled = torch.compile(step)
    other, third = (torch.tensor([k, 3.0], requires_grad=True) for k in (4.0, 5.0))
    for x, y in ((other, third), (other, other), (w, other), (other, w), (w, w), (third, other), (w, w)):
        seen = []
        for how in (compiled, step):
            how(x, y)
            seen.append([t.grad.tolist() for t in (x, y, w)])
        assert seen[0] == seen[1]


def test_a_gradient_that_would_go_on_outside_of_the_step_is_refused():
    @torch.compile
    def step(x):
        loss = (x * x).sum()
        loss.backward()
        return loss

    w = torch.ones(2, requires_grad=True)
    with pytest.raises(TraceError, match=r"backward\(\) reaches args\[0\].*x\.detach\(\)"):
        step(w * 2)
    assert step(w).item() == 2
    with pytest.raises(TraceError, match="computed outside"):
        step(w * 2)
    slope = torch.compile(lambda x: torch.autograd.grad((x * x).sum(), [x])[0])
    assert slope(w * 3).tolist() == [6, 6]


FACTOR = 2


def test_a_number_of_another_type_or_sign_is_another_number(monkeypatch):
    product = torch.compile(lambda x: x * FACTOR)
    for factor in (2, 2.0, 2, True, 1):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        assert product(torch.tensor([3])).dtype == (torch.tensor([3]) * factor).dtype
    ratio = torch.compile(lambda x, y: x / y)
    for zero in (0.0, -0.0, 0, 0.0):
        assert ratio(torch.ones(1), zero).tolist() == (torch.ones(1) / zero).tolist()


class Settings:
    rate = 1.0
    __slots__ = ("slot",)

    @property
    def doubled(self):
        return self.slot * 2

    @staticmethod
    def factor():
        return FACTOR


class Inheriting(nn.Module):
    rate = 1.0

    def forward(self, x):
        return x * self.rate


def test_what_an_object_has_from_its_class_is_noticed(monkeypatch):
    settings, model, table = Settings(), Inheriting(), {(1, 2): 1.0, 0.5: 1.0}
    settings.slot = 1.0

    def step(x):
        x = x * settings.rate + settings.doubled + settings.factor() + Settings.rate
        return model(x) + table[1, 2] + table[0.5]

    compiled, x = torch.compile(step), torch.ones(2)
    for change in (lambda: None, lambda: setattr(Settings, "rate", 3.0), lambda: setattr(settings, "slot", 4.0),
                   lambda: setattr(Inheriting, "rate", 5.0), lambda: setattr(model, "rate", 6.0),
                   lambda: monkeypatch.setitem(globals(), "FACTOR", 7), lambda: table.update({(1, 2): 9.0}),
                   lambda: table.update({0.5: 10.0})):  # fmt: skip
        change()
        for _ in range(2):
            assert compiled(x).tolist() == step(x).tolist()
    assert compiled.traced == 8
    Settings.rate = Inheriting.rate = 1.0


def test_a_size_that_is_read_of_a_tensor_is_noticed():
    other = torch.ones(2)
    step = torch.compile(lambda x, y: x * y.shape[0] + len(other))
    x = torch.ones(1)
    assert step(x, torch.ones(2)).tolist() == [4]
    assert step(x, torch.ones(3)).tolist() == [5]
    other = torch.ones(5)
    assert step(x, torch.ones(3)).tolist() == [8]


def test_a_generator_is_not_seeded_by_a_trace():
    for seed in (lambda: torch.manual_seed(0), lambda: torch.set_rng_state(torch.get_rng_state()),
                 lambda: torch.Generator().manual_seed(1)):
        def step(seed=seed):
            seed()
            return torch.rand(2)

        with pytest.raises(TraceError, match=r"compiled step would be done once.*test_compile_surr"):
            torch.compile(step)()
    with pytest.raises(TraceError, match="multinomial"):
        torch.compile(lambda: torch.multinomial(torch.ones(5), 3))()


def test_a_dict_of_any_kind_is_an_argument_and_none_is_scanned():
    step = torch.compile(lambda batch: batch["x"].sum())
    batch = defaultdict(list, x=torch.ones(3, 2))
    assert step(batch).item() == step(batch).item() == 6
    with pytest.raises(TypeError, match="scan: expected tensors"):
        step.scan(batch)


def test_memory_that_is_not_aligned_is_refused():
    odd = torch.from_numpy(np.frombuffer(bytearray(17), np.uint8)[1:].view(np.float32))
    step = torch.compile(lambda x: x * 2)
    for x in (odd, torch.ones(4), odd):
        if x is odd:
            with pytest.raises(TraceError, match="not aligned"):
                step(x)
        else:
            assert step(x).tolist() == [2, 2, 2, 2]


def test_a_step_that_cannot_be_compiled_leaves_no_state():
    w, odd = torch.ones(2, requires_grad=True), torch.tensor([1 + 2j])
    optimizer = torch.optim.Adam([w])

    def step():
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()
        return loss * odd

    with pytest.raises(TraceError, match="real numbers"):
        torch.compile(step)()
    assert not optimizer.state
    assert w._version == 0


def test_what_an_argument_of_a_helper_holds_is_noticed():
    settings = Settings()
    settings.slot = 2.0

    def scaled(x, by):
        return x * by.slot

    step, x = torch.compile(lambda x: scaled(x, settings)), torch.ones(1)
    for slot in (2.0, 3.0):
        settings.slot = slot
        assert step(x).item() == slot


@pytest.mark.parametrize("change", [
    lambda s, x: setattr(s, "tensor", s.tensor + x), lambda s, x: setattr(s, "count", s.count + 1),
    lambda s, x: setattr(s, "late", s.late or torch.zeros(2)),
    lambda s, x: s.parts.setdefault("late", torch.zeros(2)).add_(x),
])  # fmt: skip
def test_a_step_that_changes_by_what_it_goes_is_refused(change):
    class State:
        def __init__(self):
            self.tensor, self.count, self.late, self.parts = torch.zeros(2), 1, None, {}

    state = State()

    def step(x):
        change(state, x)
        return x * 2

    with pytest.raises(TraceError, match=r"changes .*, by which its next run would differ"):
        torch.compile(step)(torch.ones(2))


def test_a_tensor_that_is_made_by_each_run_begins_as_it_was_made():
    def step(x):
        one, rows, old, like = torch.tensor([1.0, 2.0]), torch.eye(2), torch.Tensor([1.0, 2.0]), x.new_tensor([1, 2])
        for t in (one, rows[0], old, like):
            t.add_(x)
        return one * 1, rows, old, like, torch.arange(2)

    compiled, x = torch.compile(step), torch.ones(2)
    results = [[t.tolist() for t in compiled(x)] for _ in range(3)]
    assert results == [[t.tolist() for t in step(x)]] * 3
    assert [t[2].tolist() for t in compiled.repeat(3, x)] == results[0]


def test_what_is_passed_is_looked_into():
    model, factors, x = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), [2.0], torch.ones(2)
    model.eval()
    step = torch.compile(lambda model, by, x: model(by(x)))

    def by(x):
        return x * factors[0]

    for change in (lambda: None, lambda: factors.__setitem__(0, 3.0), lambda: model.__setitem__(0, nn.Linear(2, 2)),
                   lambda: setattr(model[0], "weight", nn.Parameter(torch.eye(2))), lambda: model.append(nn.Tanh())):
        change()
        for _ in range(2):
            assert step(model, by, x).tolist() == pytest.approx(model(by(x)).tolist())
    model.train()
    assert 0 in step(model, by, torch.ones(50, 2)).flatten().tolist()


def test_a_hook_that_is_added_or_removed_is_noticed():
    w = torch.ones(2, requires_grad=True)

    @torch.compile
    def step(x):
        w.grad = None
        (w * x).sum().backward()

    seen = []
    for change in (lambda: None, lambda: w.register_hook(lambda g: g * 3), lambda: w.register_hook(lambda g: g * 2),
                   lambda: w.hooks.pop()):
        change()
        step(torch.ones(2))
        seen.append(w.grad.tolist()[0])
    assert seen == [1, 3, 6, 3]


def test_many_steps_inside_a_step_are_a_part_of_it():
    def steps():
        total = torch.zeros(2)
        inner = torch.compile(lambda x: total.add_(x) * 1)
        return lambda x: (inner.repeat(2, x * 2), inner.scan(torch.stack([x, x * 3]))), total

    (eager, expected), (step, total) = steps(), steps()
    step = torch.compile(step)
    for x in (torch.ones(2), torch.full((2,), 5.0)):
        for got, want in zip(step(x), eager(x)):
            assert got.tolist() == want.tolist()
        assert total.tolist() == expected.tolist()


def test_a_tensor_of_an_earlier_trace_is_refused_by_name():
    kept = []

    def step(x, more):
        kept.append(x * 2)
        return sum(t.sum() for t in kept)

    compiled = torch.compile(step)
    assert compiled(torch.ones(2), 1).item() == 4
    with pytest.raises(TraceError, match=r"made while a step was traced.*test_compile_surroundings"):
        compiled(torch.ones(2), 2)  # a new trace, which reads what the first has left
