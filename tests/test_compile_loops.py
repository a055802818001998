"""Many compiled steps: random numbers, repeat and scan, interrupts, threads, and gradients that somebody keeps."""

import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn
from chainrule.compiler.draws import Draws
from chainrule.errors import TraceError
from chainrule.generator import Generator
from chainrule.ir import Value
from chainrule.spec import Spec

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
