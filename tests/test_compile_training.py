"""Compiled training: hyperparameters that change, minibatches, random numbers, and what may go wrong on the way."""

import math
import signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn
from chainrule.compiler.draws import Draws
from chainrule.errors import TraceError
from chainrule.generator import Generator
from chainrule.ir import Value
from chainrule.optim import lr_scheduler
from chainrule.spec import Spec

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
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


# -- arguments -------------------------------------------------------------------------------------------------------


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


# -- random numbers, repeat and scan ---------------------------------------------------------------------------------

DRAWS = {
    "dropout": lambda x: nn.functional.dropout(x, 0.3) + nn.functional.dropout(x[:2], 0.9).sum(),
    "uniform": lambda x: x + torch.rand(3) * torch.rand(5, 3, dtype=torch.float64).sum() + torch.rand(()),
    "flips": lambda x: x + torch.zeros(7, dtype=torch.float64).bernoulli_(0.25).sum() + torch.zeros(3).bernoulli_(1),
    "mixed": lambda x: (nn.functional.dropout(x, 0.5) + torch.randn(3) + torch.randperm(4).sum() + torch.rand(3)
                        + torch.zeros(20).normal_().sum() + torch.randint(0, 9, (3,))),
    "pairs": lambda x: x + torch.randn(3) * torch.rand(1),  # of an odd number of normals, one waits for the next call
}


def accumulation(draw):
    total = torch.zeros(4, 3)

    def step(x):
        total.mul_(0.5).add_(draw(x))
        return total.sum()

    return step, total


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("draw", DRAWS)
def test_draws_in_repeat_and_scan_are_eager_ones(draw, native):
    xs = torch.arange(5 * 12).reshape(5, 4, 3).float()
    (step, total), (again, compiled) = accumulation(DRAWS[draw]), accumulation(DRAWS[draw])
    again = torch.compile(again, native=native)
    torch.manual_seed(5)
    want = [step(xs[0]).item() for _ in range(7)] + [step(x).item() for x in xs]
    state = torch.get_rng_state().tolist()
    torch.manual_seed(5)
    assert again.repeat(7, xs[0]).tolist() + again.scan(xs).tolist() == pytest.approx(want, rel=1e-6)
    assert torch.get_rng_state().tolist() == state
    np.testing.assert_allclose(compiled.tolist(), total.tolist(), rtol=1e-5)
    assert len(again.variants) == 1


def test_draws_go_on_between_calls_and_eager_ones():
    step = torch.compile(lambda: torch.rand(3))
    for draws in ((lambda: torch.rand(3), step), (step, lambda: step.repeat(1)[0])):
        torch.manual_seed(1)
        found = [draw().tolist() for draw in (*draws, *draws, lambda: torch.randn(3), *draws)]
        torch.manual_seed(1)
        plain = [draw().tolist() for draw in (*[lambda: torch.rand(3)] * 4, lambda: torch.randn(3),
                                              *[lambda: torch.rand(3)] * 2)]  # fmt: skip
        assert found == plain
    number = torch.compile(lambda: torch.rand(()) + torch.zeros(()).bernoulli_(0.5))
    torch.manual_seed(1)
    found = [number().item() for _ in range(3)]
    torch.manual_seed(1)
    assert found == [number.function().item() for _ in range(3)]
    own = torch.Generator().manual_seed(3)
    mine = torch.compile(lambda: torch.rand(2, generator=own) + torch.zeros(2).bernoulli_(0.5, generator=own))
    both = torch.compile(lambda: torch.rand(2, generator=own) + torch.rand(2))
    first = [mine().tolist(), mine.repeat(2).tolist(), both().tolist()]
    own.manual_seed(3)
    assert mine().tolist() == first[0]
    assert mine.repeat(2).tolist() == first[1]
    assert own.get_state().tolist() == torch.Generator().manual_seed(3).set_state(own.get_state()).get_state().tolist()


def test_native_uniform_numbers_are_the_generators():
    f32, f64 = np.dtype("float32"), np.dtype("float64")
    for skipped in (0, 1, 622, 623, 624, 625, 1248):
        mine, other = Generator(skipped).manual_seed(skipped), Generator().manual_seed(skipped)
        mine.random32(skipped), other.random32(skipped)
        asked = [(mine.rand, ((), f32)), (mine.rand, ((7,), f64)), (mine.bernoulli, (0.3, (311,), f32)),
                 (mine.rand, ((1000,), f32)), (mine.bernoulli, (0.0, (5, 3), f64))]  # fmt: skip
        values = [Value("input", (), {}, Spec(args[-2], args[-1])) for _, args in asked]
        draws = Draws([(make, args, value) for (make, args), value in zip(asked, values)], native=True)
        assert draws.table is not None
        mark = draws.mark()
        for _ in range(2):  # the same again after going back
            got = [stack.copy() for stack in draws.fill(3)]
            check = other.clone_state()
            for t in range(3):
                for (make, args), stack in zip(asked, got):
                    np.testing.assert_array_equal(stack[t], getattr(check, make.__name__)(*args))
            np.testing.assert_array_equal(mine.get_state(), check.get_state())
            draws.back(mark)
        np.testing.assert_array_equal(mine.get_state(), other.get_state())


@pytest.mark.parametrize("native", [True, False])
def test_scan_is_a_call_for_each_batch(native):
    runs = []
    for compiled in (False, True):
        torch.manual_seed(0)
        xs, ys = torch.randn(9, 4, 3), torch.randn(9, 4)
        w = torch.zeros(3, requires_grad=True)
        optimizer, calls = torch.optim.Adam([w], lr=0.1), []

        def step(x, y, w=w, optimizer=optimizer, calls=calls):
            calls.append(1)
            optimizer.zero_grad()
            loss = ((x @ w - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return {"loss": loss, "x": x, "w": w, "none": None, "text": "same"}

        if compiled:
            found = torch.compile(step, native=native).scan(xs, ys)
        else:
            each = [step(x, y) for x, y in zip(xs, ys)]
            found = {**each[0], "loss": torch.stack([e["loss"] for e in each]), "x": xs}
        runs.append((found, w, w.grad, len(calls)))
    (want, eager, slope, _), (got, w, grad, traces) = runs
    assert got["loss"].tolist() == pytest.approx(want["loss"].tolist(), rel=1e-5)
    assert got["x"].tolist() == want["x"].tolist()
    assert got["w"] is w
    assert (got["none"], got["text"]) == (None, "same")
    assert w.tolist() == pytest.approx(eager.tolist(), rel=1e-4)
    assert grad.tolist() == pytest.approx(slope.tolist(), rel=1e-4)
    assert traces == 1


def test_scan_goes_through_batches_however_they_lie_in_memory():
    step = torch.compile(lambda x: x * 2)
    whole = torch.arange(24.0).reshape(4, 3, 2)
    for xs in (whole[:, 0], whole[::2], whole.transpose(0, 1).transpose(0, 1), whole[1:]):
        assert step.scan(xs).tolist() == (xs * 2).tolist()
    with pytest.raises(TraceError, match="not contiguous"):
        step.scan(whole[:, :, 0])
    total = torch.zeros(4, 2)
    running = torch.compile(lambda x: total.add_(x).sum())
    with pytest.raises(TraceError, match="share memory"):
        running.scan(total.data.reshape(1, 4, 2))
    beside = torch.zeros(3, 2)
    second = beside.data[1]
    running = torch.compile(lambda x: second.add_(x).sum())
    with pytest.raises(TraceError, match="share memory"):
        running.scan(beside.data)


def test_scan_of_what_is_no_loop_runs_one_by_one():
    def step(x, y):
        x.mul_(2)
        return x + y

    xs = torch.ones(3, 2)
    assert torch.compile(step).scan(xs, torch.ones(3, 2)).tolist() == [[3, 3]] * 3
    assert xs.tolist() == [[2, 2]] * 3
    for factors in ([1, 2, 3], [torch.tensor(k) for k in (1, 2, 3)]):
        numbers = torch.compile(lambda x, k: x * k).scan(torch.ones(3, 2), factors)
        assert numbers.tolist() == [[1, 1], [2, 2], [3, 3]]
    for wrong, says in (((torch.ones(3), torch.ones(2)), "3, 2"), ((torch.ones(0, 2),), "0"), ((), "none")):
        with pytest.raises(ValueError, match=f"scan: expected batches of one length, got {says}"):
            torch.compile(step).scan(*wrong)


# -- interrupts, threads, errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "draw"), [
    (0.03, lambda: torch.rand(1000).sum()), (0.3, lambda: torch.rand(()) + torch.randn(()))])
def test_an_interrupt_falls_between_two_steps(seconds, draw):
    count, total = torch.zeros((), dtype=torch.int64), torch.zeros((), dtype=torch.float64)
    weight = torch.ones((), requires_grad=True)

    @torch.compile
    def step():
        weight.grad = None
        count.add_(1)
        total.add_(draw())
        (weight * count).backward()

    torch.manual_seed(0)
    step.repeat(1)
    version = count._version
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(KeyboardInterrupt):
            step.repeat(10**9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    done = count.item()
    assert (done > 1) is (count._version > version)
    assert weight.grad.item() == done
    state = torch.get_rng_state().tolist()
    torch.manual_seed(0)
    sum_of_draws = sum(float(draw()) for _ in range(done))
    assert total.item() == pytest.approx(sum_of_draws)
    assert torch.get_rng_state().tolist() == state
    step()
    assert count.item() == done + 1


def test_threads_take_turns():
    count = torch.zeros((), dtype=torch.int64)
    x = torch.ones(1000)

    @torch.compile
    def step(x):
        count.add_(1)
        return x * 2, count * 1

    found = []

    def work(k):
        for _ in range(100):
            double, now = step(x * k)
            found.append(now.item())
            assert double.tolist() == [2 * k] * 1000
        found.extend(step.repeat(100, x)[1].tolist())

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, k) for k in range(4)]:
            done.result()
    assert sorted(found) == list(range(1, 801))
    assert len(step.variants) == 1


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


def test_a_gradient_that_somebody_keeps_is_not_written_over():
    w = torch.tensor([1.0, 2.0], requires_grad=True)

    @torch.compile
    def step():
        w.grad = None
        (w**2).sum().backward()
        with torch.no_grad():
            w.add_(1)

    step()
    place = w.grad.data_ptr()
    step()
    assert w.grad.data_ptr() == place  # nobody has kept it
    ways = (lambda g: g, lambda g: g.numpy(), lambda g: g[1:], lambda g: g.data, lambda g: g.numpy()[1:],
            lambda g: memoryview(g.numpy()))
    for keep in ways:
        kept = keep(w.grad)
        before = kept.tolist()
        step()
        w.grad.zero_()
        assert kept.tolist() == before
    kept = w.grad
    step.repeat(2)
    assert kept.tolist() == [0, 0]
    assert w.grad.tolist() == [20, 22]
    last = w.grad
    step()
    assert last.tolist() == [20, 22]


def test_check_runs_the_eager_step_with_the_same_random_numbers():
    x, weight = torch.ones(20), torch.zeros(20)

    def step():
        weight.add_(nn.functional.dropout(x) + torch.randn(20))
        return weight.sum()

    torch.manual_seed(0)
    compiled = torch.compile(step, check=2)
    found = [compiled().item() for _ in range(4)]
    weight.zero_()
    torch.manual_seed(0)
    assert found == pytest.approx([step().item() for _ in range(4)], rel=1e-5)


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


# -- what surrounds a step -------------------------------------------------------------------------------------------

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
