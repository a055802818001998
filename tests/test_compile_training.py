"""Compiled training steps: hyperparameters that change, optimizers that do what they like, states that are replaced."""

import math
from collections import deque
from functools import partial

import numpy as np
import pytest

import chainrule as torch
from chainrule.errors import TraceError
from chainrule.optim import lr_scheduler

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
    "adadelta": lambda p: torch.optim.Adadelta(p, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.1),
}
SCHEDULES = {
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "steps": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "cycle": lambda o: lr_scheduler.OneCycleLR(
        o, 0.2, total_steps=12, cycle_momentum=bool({"momentum", "betas"} & {*o.defaults})),
}


def fit(optimizer, shape=(4, 3)):
    """A step, its optimizer and its parameters; each step counts how often Python runs it."""
    torch.manual_seed(0)
    w, b = torch.randn(*shape, requires_grad=True), torch.randn(shape[-1], requires_grad=True)
    x, y = torch.randn(8, shape[0]), torch.randn(8, shape[-1])
    optimizer = optimizer([{"params": [w]}, {"params": [b], "lr": 0.05}])
    calls = deque()  # of which nothing is assumed, as of a list it would be

    def step():
        calls.append(1)
        optimizer.zero_grad()
        loss = ((x @ w + b).tanh() - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, optimizer, [w, b], calls


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_schedule_that_moves_at_every_step_costs_no_trace(optimizer, schedule):
    runs = []
    for compiled in (False, True):
        step, o, parameters, calls = fit(OPTIMIZERS[optimizer])
        s = SCHEDULES[schedule](o)
        run, losses = torch.compile(step) if compiled else step, []
        for _ in range(10):
            losses.append(run().item())
            s.step()
        runs.append((losses, parameters, calls, run))
    (want, eager, _, _), (got, compiled, calls, run) = runs
    assert got == pytest.approx(want, rel=1e-5)
    for a, b in zip(compiled, eager):
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-4, atol=1e-6)
    assert len(calls) == 1
    assert len(run.variants) == 1
    assert step.__name__ == run.__name__


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("shape", [(5,), ()])
@pytest.mark.parametrize("native", [True, False])
def test_a_rate_is_rounded_as_in_eager_code(native, shape, dtype):
    def make():
        w = torch.full(shape, 0.7, dtype=dtype, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.3, weight_decay=0.7)

        def step():
            w.grad = w.detach() * 3
            optimizer.step()

        return step, w, optimizer

    (eager, w, o), (step, cw, co) = make(), make()
    step = torch.compile(step, native=native)
    for rate in (0.1, 1 / 3, math.pi, 1e-9):
        o.param_groups[0]["lr"] = co.param_groups[0]["lr"] = rate
        o.param_groups[0]["momentum"] = co.param_groups[0]["momentum"] = rate / 7
        eager()
        step()
        assert cw.tolist() == w.tolist()
    assert len(step.variants) == 1


def test_what_the_code_decides_by_a_number_has_to_come_out_the_same():
    step, optimizer, parameters, calls = fit(OPTIMIZERS["momentum"])
    twin, other, expected, _ = fit(OPTIMIZERS["momentum"])
    step = torch.compile(step)
    for key, value, traces in (("weight_decay", 0, 1), ("weight_decay", 0.5, 2), ("weight_decay", 0.25, 2),
                               ("weight_decay", 0.0, 2), ("dampening", 0.5, 3), ("dampening", 0.25, 3),
                               ("maximize", True, 4), ("momentum", 0.5, 4), ("lr", 0.7, 4), ("lr", 1, 4)):
        for o in (optimizer, other):
            for group in o.param_groups:
                group[key] = value
        assert step().item() == pytest.approx(twin().item(), rel=1e-5), key
        assert len(calls) == traces, (key, value)
    assert parameters[0].tolist() == [pytest.approx(row, rel=1e-4) for row in expected[0].tolist()]


def test_an_optimizer_of_the_users_own_may_do_anything_with_its_numbers():
    class Odd(torch.optim.Optimizer):
        def update(self, p, g, state, group):
            lr, power = group["lr"], group.get("power", 2.0)
            assert isinstance(lr, float)
            if lr > 0.5:
                p.sub_(g * float(np.float32(0.1) * lr * (lr > np.float64(0.7)) + lr * np.float64(0.5)) * (True + lr))
            rate = math.sqrt(lr) + abs(power) // 1 + round(lr, 1) if lr > 0.5 else max(lr, 1e-3) ** power
            p.sub_(torch.mul(g, rate).clamp(max=lr).where(g > 0, lr))
            p.addcmul_(g, g, value=-lr)

    runs = []
    for compiled in (False, True):
        step, optimizer, parameters, calls = fit(lambda p: Odd(p, {"lr": 0.25}))
        step = torch.compile(step) if compiled else step
        for k, lr in enumerate((0.25, 0.125, 0.81, 0.64, 0.64, 0.0625)):
            if k == 3:
                optimizer.param_groups[0]["power"] = 3.0
            optimizer.param_groups[0]["lr"] = lr
            step()
        runs.append([p.tolist() for p in parameters])
    for got, want in zip(*runs):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert len(calls) == 4  # small twice; 0.81 and, of another power, 0.64 were asked for; small again, with a power


def test_a_rate_may_be_one_of_numpys():
    runs = []
    for compiled in (False, True):
        step, optimizer, parameters, calls = fit(OPTIMIZERS["adamw"])
        run = torch.compile(step) if compiled else step
        for rate in np.linspace(0.1, 0.2, 5):
            for group in optimizer.param_groups:
                group["lr"] = rate
            run()
        runs.append([p.tolist() for p in parameters])
    for got, want in zip(*runs):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert len(calls) == 1


def test_groups_and_states_that_are_replaced_are_noticed():
    step, optimizer, _, calls = fit(OPTIMIZERS["adam"])
    twin, other, *_ = fit(OPTIMIZERS["adam"])
    step = torch.compile(step)
    for run in (step, step, twin, twin):
        run()
    for o in (optimizer, other):
        o.load_state_dict(o.state_dict())
        o.param_groups[0]["lr"] = 0.5
    extra = [torch.ones(3, requires_grad=True) for _ in range(2)]
    for _ in range(2):
        assert step().item() == pytest.approx(twin().item(), rel=1e-5)
        for o, e in zip((optimizer, other), extra):
            if len(o.param_groups) == 2:
                o.add_param_group({"params": [e]})
                e.grad = torch.ones(3)
    assert len(calls) == 3


def test_a_parameter_that_is_frozen_is_noticed():
    step, _, (w, b), calls = fit(OPTIMIZERS["sgd"])
    step = torch.compile(step)
    step()
    before = w.tolist(), b.tolist()
    w.grad = None
    w.requires_grad_(False)
    step()
    assert w.tolist() == before[0]
    assert b.tolist() != before[1]
    assert len(calls) == 2


def test_a_rate_that_the_step_itself_reads_is_a_guard():
    step, optimizer, _, calls = fit(OPTIMIZERS["sgd"])
    rate = torch.compile(lambda: (step(), optimizer.param_groups[0]["lr"])[1])
    assert rate() == rate() == 0.1
    optimizer.param_groups[0]["lr"] = 0.2
    assert rate() == 0.2
    assert len(calls) == 2


def test_a_schedule_inside_is_refused():
    step, optimizer, *_ = fit(OPTIMIZERS["sgd"])
    schedule = SCHEDULES["steps"](optimizer)
    with pytest.raises(TraceError, match=r"step\(\) of a schedule.*test_compile_training\.py"):
        torch.compile(lambda: (step(), schedule.step()))()
    with pytest.raises(TraceError, match=r"get_last_lr\(\)"):
        torch.compile(lambda: (step(), schedule.get_last_lr()))()
    assert schedule.last_epoch == 0


def test_a_step_that_raises_while_it_is_traced_leaves_all_as_it_was():
    step, optimizer, parameters, _ = fit(OPTIMIZERS["adam"])
    values = [p.tolist() for p in parameters]
    state = torch.get_rng_state().tolist()

    def failing():
        step()
        torch.rand(3)
        raise KeyError("mine")

    compiled = torch.compile(failing)
    for call in (compiled, lambda: compiled.repeat(3)):
        with pytest.raises(KeyError, match="mine"):
            call()
        assert [p.tolist() for p in parameters] == values
        assert [p.grad for p in parameters] == [None, None]
        assert dict(optimizer.state) == {}
        assert torch.get_rng_state().tolist() == state
        assert all(p._version == 0 for p in parameters)
    assert compiled.variants == []


def test_repeat_hands_out_the_gradients_of_the_last_step():
    for style in (True, False):
        runs = []
        for compiled in (False, True):
            step, optimizer, parameters, _ = fit(OPTIMIZERS["momentum"])
            optimizer.zero_grad = partial(optimizer.zero_grad, set_to_none=style)
            losses = torch.compile(step).repeat(6).tolist() if compiled else [step().item() for _ in range(6)]
            runs.append([losses, *(t.tolist() for p in parameters for t in (p, p.grad))])
        for got, want in zip(*runs):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def test_dampening_asks_for_a_first_step_outside():
    runs = []
    for compiled in (False, True):
        step, _, parameters, _ = fit(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5))
        fast = torch.compile(step) if compiled else step
        if compiled:
            with pytest.raises(TraceError, match=r"SGD: with dampening .* call the function once"):
                fast()
        runs.append([step().item(), *(fast().item() for _ in range(4)), *(p.tolist() for p in parameters)])
    for got, want in zip(*runs):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
