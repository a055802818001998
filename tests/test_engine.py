"""The tape and the engine: what gradients are, how long graphs live, what a write may do, threads and plans."""

import copy
import gc
import pickle
import threading
import warnings
import weakref

import numpy as np
import pytest

import chainrule as torch
from chainrule import engine, plans, tape
from chainrule.autograd import grad, gradcheck, gradgradcheck
from chainrule.errors import GradcheckError, VersionError


def leaf(*values, dtype=torch.float64):
    return torch.tensor(list(values) or 3.0, requires_grad=True, dtype=dtype)


# -- accumulation and edges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [3.0, [3.0]])
def test_a_gradient_accumulates_where_it_is(start):
    x = torch.tensor(start, requires_grad=True)
    (x * x).sum().backward()
    kept = x.grad
    (x * x).sum().backward()
    assert kept is x.grad
    assert kept.item() == 12


def test_gradients_accumulate_until_they_are_set_to_none():
    x = leaf()
    for expected in (6.0, 12.0, 18.0):
        (x * x).backward()
        assert x.grad.item() == expected
    x.grad = None
    (x * x).backward()
    assert x.grad.item() == 6


def test_x_times_x_has_two_edges():
    x = leaf()
    y = x * x
    assert [node.variable is x for node, _ in y.grad_fn.next_functions] == [True, True]
    y.backward()
    assert x.grad.item() == 6


def test_a_node_is_visited_once_however_many_paths_lead_to_it():
    x, visits = leaf(), []
    h = x * 1
    for _ in range(60):  # 2 ** 60 paths
        h = h + h
    h.register_hook(visits.append)
    first = x * 1
    first.register_hook(visits.append)
    (h + first * first * first).backward()
    assert x.grad.item() == 2.0**60 + 27
    assert len(visits) == 2


def test_a_diamond_waits_for_both_sides():
    x = leaf()
    a = x * 2
    long = a
    for _ in range(10):
        long = long + 1
    (a * long).backward()
    assert x.grad.item() == 2 * (6 + 10) + 2 * 6


def test_the_order_of_making_decides_and_not_that_of_using():
    x, order = leaf(), []
    parts = [x * k for k in range(5)]
    for k, part in enumerate(parts):
        part.register_hook(lambda g, k=k: order.append(k))
    (parts[3] + parts[0] + parts[4] + parts[1] + parts[2]).backward()
    assert order == [4, 3, 2, 1, 0]


def test_a_gradient_never_shares_memory_with_another():
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    g = torch.tensor([5.0, 6.0], dtype=torch.float64)
    for _ in range(3):
        x.grad = y.grad = None
        (x + y).backward(g)
        arrays = [x.grad.numpy(), y.grad.numpy(), g.numpy()]
        assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    x.grad = None
    x.backward(g)
    assert not np.shares_memory(x.grad.numpy(), g.numpy())


def test_only_wanted_parts_of_a_graph_are_walked():
    x, y, seen = leaf(), leaf(), []
    a, b = x * 2, y * 3
    a.register_hook(lambda g: seen.append("a"))
    b.register_hook(lambda g: seen.append("b"))
    assert grad(a * b, [x])[0].item() == 2 * 9
    assert seen == ["a"]
    assert x.grad is None


@pytest.mark.parametrize("path", ["arrays", "tensors"])
def test_both_ways_of_running_rules_agree(path):
    x, y = leaf(0.5, -1.5), leaf(2.0)
    found = grad(((x * y).tanh() / (x * x + 1)).sum(), [x, y], create_graph=path == "tensors")
    assert [g.requires_grad for g in found] == [path == "tensors"] * 2
    v, t = np.array([0.5, -1.5]), np.tanh(np.array([1.0, -3.0]))
    expected = (1 - t * t) * 2 / (v * v + 1) - t * 2 * v / (v * v + 1) ** 2
    np.testing.assert_allclose(found[0].detach().numpy(), expected, rtol=1e-14)


# -- the life of a graph ---------------------------------------------------------------------------------------------


def test_a_second_backward_needs_retain_graph():
    x = leaf()
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_a_second_backward_is_fine_where_nothing_was_saved():
    x = leaf(1.0, 2.0)
    y = (x + 1).sum() * 2
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4, 4]


def test_create_graph_goes_to_any_order():
    x = leaf()
    g = (x * 2).sin()
    for order in range(1, 6):
        (g,) = grad(g, x, create_graph=True)
        assert g.item() == pytest.approx(2**order * np.sin(6 + order * np.pi / 2), rel=1e-12)


def test_saved_values_are_freed_by_backward():
    x = leaf(*range(10))
    h = x * 2
    alive = weakref.ref(h)
    y = (h * h).sum()
    del h
    assert alive() is not None
    y.backward()
    assert alive() is None


LENGTH = 100_000


def a_chain():
    x = leaf(0.5)
    y = x
    for _ in range(LENGTH):
        y = y * 0.99999
    return x, y


def test_a_chain_of_100_000_ops_forward_backward_and_freed():
    x, y = a_chain()
    y.sum().backward(retain_graph=True)
    assert x.grad.item() == pytest.approx(0.99999**LENGTH, rel=1e-9)
    (g,) = grad(y.sum(), x)
    assert g.item() == x.grad.item()
    alive = weakref.ref(y.grad_fn)
    del y
    assert alive() is None


def test_a_chain_of_100_000_ops_freed_by_the_collector():
    _, y = a_chain()
    alive = weakref.ref(y.grad_fn)
    y.ring = [y]
    del y
    gc.collect()
    assert alive() is None


def test_a_chain_of_100_000_ops_that_saved_their_inputs():
    x = leaf(1.0)
    y = x
    for _ in range(LENGTH):
        y = y.sin()
    (g,) = grad(y, x, torch.ones(1, dtype=torch.float64), retain_graph=True)
    assert 0 < g.item() < 1e-6
    alive = weakref.ref(y.grad_fn)
    del y
    assert alive() is None


def test_pull_knows_nodes_by_their_protocol_alone():
    class Times:
        hooks = None

        def __init__(self, serial, factor, *edges):
            self.serial, self.factor, self.edges, self.kept = serial, factor, edges, []
            self.saved = self.out = None

        def send(self, g):
            self.kept.append(g)
            return [g * self.factor] * len(self.edges)

        def run(self, g, release):
            return self.edges, self.send(g)

    x = Times(0, 1)
    a = Times(1, 2, x)
    b = Times(2, 3, a, a, x)
    engine.pull([b], [10])
    assert x.kept[0] == 10 * 3 + 10 * 3 * 2 * 2
    assert engine.pull([b], [10], {a}, False) == {a: 60}


# -- hooks -----------------------------------------------------------------------------------------------------------


def test_hooks_see_replace_and_leave():
    x, seen = leaf(), []
    h = x * 2
    with h.register_hook(lambda g: seen.append(g.item())):
        (h * h).backward()
    (x * 2 * 1).backward()
    assert seen == [12]
    x.grad = None
    x.register_hook(lambda g: -g)
    (x * 5).backward()
    assert x.grad.item() == -5


def test_hooks_run_with_create_graph_too():
    x = leaf()
    h = x * 2
    h.register_hook(lambda g: g * x)
    (g,) = grad(h * h, x, create_graph=True)
    assert g.item() == 2 * 6 * 3 * 2
    assert grad(g, x)[0].item() == 4 * 2 * 3 + 8 * 3 * 3  # the hook multiplies on the second way through h, too


def test_a_retained_gradient_does_not_keep_its_tensor_alive():
    x = leaf()
    h = x * 2
    h.retain_grad()
    y = h + 1
    alive = weakref.ref(h)
    del h
    assert alive() is None
    y.backward()
    assert x.grad.item() == 2


# -- writes ----------------------------------------------------------------------------------------------------------


def test_an_overwritten_input_is_named_with_both_lines():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = y * y  # saved here
    y += 1  # written here
    with pytest.raises(VersionError) as caught:
        z.sum().backward()
    message = str(caught.value)
    assert "mul saved its input x of shape [2]" in message
    assert "z = y * y" in message
    assert "y += 1" in message
    assert "version 0" in message
    assert "version 1" in message


def test_an_overwritten_output_is_named_with_both_lines():
    x = leaf(1.0, 2.0)
    y = x.exp()  # saved here
    y[0] = 0  # written here
    with pytest.raises(VersionError) as caught:
        y.sum().backward()
    message = str(caught.value)
    assert "exp saved its output" in message
    assert "y = x.exp()" in message
    assert "y[0] = 0" in message


def test_an_overwritten_output_does_not_spoil_others():
    x = leaf(1.0, 2.0)
    y, z = x.exp(), x.exp()
    y.zero_()
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]))


def test_a_write_after_backward_is_free():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.sum().backward()
    y.zero_()
    assert y.tolist() == [0, 0]


def test_the_truth_of_a_base_does_not_matter_to_its_views():
    """0-d views of 0 and views of views of many elements once took another base."""
    zero = torch.tensor(0.0, dtype=torch.float64)
    part = zero.view(1).view(1, 1)
    part += 5
    assert zero.item() == 5
    grid = torch.zeros(4, 3)
    part = grid[1:3].T[0]
    part += 1
    assert grid.tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]]


MOVES = (lambda part: part.T, lambda part: part[1:], lambda part: part[..., :2], lambda part: part[..., 0])


def written_through_views(x, plan, factors):
    """Writes through chains of views that overlap; on a tensor, and on an array."""
    y = x * 1
    kept = []
    for ways, factor in zip(plan, factors):
        part = y
        for way in ways:
            part = MOVES[way](part) if part.ndim > 1 and min(part.shape) > 1 else part
        part *= factor
        part += y[0, 0] * 1
        kept.append(part)
    return sum((part * part).sum() for part in kept) + (y * y).sum()


def test_views_of_views_written_in_turn_follow_numpy_and_finite_differences():
    random = np.random.default_rng(3)
    for _ in range(15):
        plan = [random.integers(0, len(MOVES), random.integers(1, 4)).tolist() for _ in range(4)]
        factors, data = random.uniform(0.5, 2, 4), random.uniform(-1, 1, (3, 4))
        expected = written_through_views(data, plan, factors)
        assert written_through_views(torch.tensor(data), plan, factors).item() == pytest.approx(expected, rel=1e-12)
        assert gradcheck(lambda x, plan=plan, factors=factors: written_through_views(x, plan, factors),
                         torch.tensor(data, requires_grad=True))


def test_detach_and_data_share_memory():
    x = leaf(1.0, 2.0)
    x.detach()[0] = 7
    x.data[1] = 8
    assert x.tolist() == [7, 8]
    assert x._version == 1  # .data is not counted, detach() is


def test_writes_through_data_are_not_seen_by_the_tape():
    x, c = leaf(1.0, 2.0), torch.tensor([3.0, 4.0], dtype=torch.float64)
    y = (x * c).sum()
    c.data.mul_(10)
    y.backward()
    assert x.grad.tolist() == [30, 40]


# -- copies ----------------------------------------------------------------------------------------------------------


def test_deepcopy_and_pickle():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (other.tolist(), other.requires_grad, other.is_leaf, other.dtype) == ([1, 2], True, True, torch.float64)
        with torch.no_grad():
            other += 1
        assert x.tolist() == [1, 2]
    assert copy.deepcopy(x).grad.tolist() == [2, 4]
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]
    assert pickle.loads(pickle.dumps(torch.float32)) is torch.float32


# -- threads and plans -----------------------------------------------------------------------------------------------


def train(seed, steps=200):
    random = np.random.default_rng(seed)
    x = torch.tensor(random.uniform(-1, 1, (20, 3)))
    w, b = torch.tensor(random.uniform(-1, 1, 3), requires_grad=True), torch.tensor(0.0, requires_grad=True)
    losses = []
    for _ in range(steps):
        loss = (((x @ w).tanh() * 2 + b - 0.5) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.05 * p.grad
                p.grad = None
        losses.append(loss.item())
    return losses


def test_two_threads_train_as_one():
    expected = [train(seed) for seed in range(4)]
    found = {}
    threads = [threading.Thread(target=lambda s=s: found.update({s: train(s)})) for s in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == expected
    assert expected[0][-1] < expected[0][0]


def test_modes_belong_to_their_thread():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not torch.is_grad_enabled()
    assert seen == [True]


def test_the_cache_of_plans_is_bounded(monkeypatch):
    monkeypatch.setattr(plans, "PLANS_KEPT", 10)
    plans.plans.clear()
    plans.met.clear()
    for size in range(1, 40):
        for _ in range(3):
            x = leaf(*range(size))
            (x * x).backward(torch.ones(size, dtype=torch.float64))
            assert x.grad.tolist() == [2 * k for k in range(size)]
        assert len(plans.plans) <= 10
        assert len(plans.met) <= 40


def test_a_plan_is_used_from_the_second_time_on():
    plans.plans.clear()
    plans.met.clear()
    for _ in range(3):
        x = leaf(1.0, 2.0)
        (x * x).backward(torch.ones(2, dtype=torch.float64))
    (plan,) = plans.plans.values()
    assert "return" in plan.source
    assert x.grad.tolist() == [2, 4]


def program(x, w, v):
    """A chain, a fork that joins again, leaves used twice, a broadcast, a dead end."""
    h = (w * x + v).tanh()
    k = (h * h + w).exp().sum(0, keepdim=True)
    (k * 2).detach()
    return ((k - v) / 3 * w).mean()


@pytest.mark.parametrize("longest", [1, 2, 3, 24])
def test_runs_of_nodes_give_what_single_nodes_give(longest, monkeypatch):
    monkeypatch.setattr(tape, "LONGEST_RUN", longest)
    plans.plans.clear()
    plans.met.clear()
    found = []
    for _ in range(4):
        w, v = leaf(0.5), leaf(1.0, -2.0, 0.25)
        loss = program(torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64), w, v)
        loss.backward(retain_graph=True)
        loss.backward()
        found.append((w.grad.tolist(), v.grad.tolist()))
        with pytest.raises(RuntimeError, match="already walked"):
            loss.backward()
    w, v = leaf(0.5), leaf(1.0, -2.0, 0.25)
    loss = program(torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64), w, v)
    slow = torch.autograd.grad(loss, (w, v), create_graph=True)
    assert found[1:] == found[:-1]
    for got, want in zip(found[0], slow):
        np.testing.assert_allclose(got, 2 * np.array(want.tolist()), rtol=1e-14)
    runs = [key for key in plans.plans if isinstance(key[0], tuple)]
    assert bool(runs) == (longest > 1)


def test_a_hook_within_a_run_is_called():
    for _ in range(3):
        x = leaf(1.0, 2.0)
        middle = x * 2
        seen = []

        def hook(g, seen=seen):
            seen.append(g.tolist())
            return g * 10

        middle.register_hook(hook)
        middle.exp().sum().backward()
        assert seen == [middle.exp().tolist()]
        np.testing.assert_allclose(x.grad.tolist(), 20 * np.exp([2.0, 4.0]))


def test_an_overwritten_value_within_a_run_is_noticed():
    for _ in range(3):
        x = leaf(1.0, 2.0)
        middle = x * 2
        loss = (middle * middle).sum() * 3
        middle += 1
        with pytest.raises(RuntimeError, match="overwritten"):
            loss.backward()


def test_numbers_that_are_equal_and_not_the_same_have_their_own_plans():
    for _ in range(3):
        for number, expected in ((0.0, np.inf), (-0.0, -np.inf)):
            x = leaf(1.0)
            (x / number).sum().backward()
            assert x.grad.item() == expected


def test_infinities_bring_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            x = leaf(0.0, -1.0, 1e308)
            y = (1 / x + x.log() + x.exp() + x * 1e10 + x.sqrt()).sum()
            y.backward()
            x.data.mul_(1e10)


# -- gradcheck -------------------------------------------------------------------------------------------------------


def test_gradcheck_passes_what_is_right():
    x, w = leaf(0.3, -0.7), torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, w: (w @ x).tanh(), (x, w))
    assert gradcheck(lambda x, w: ((w @ x).sum(), x * 2), (x, w))
    assert gradgradcheck(lambda x, w: (w @ x).tanh(), (x, w))
    assert gradgradcheck(lambda x: x**3, x)
    assert gradcheck(lambda x, k: x * k, (x, 3))


def cut(x):
    return x * x.detach()


def test_gradcheck_names_function_input_element_got_and_expected():
    x = leaf(0.5, 2.0)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(cut, x)
    message = str(caught.value)
    assert "mismatch for output 0 with respect to input 0 of cut" in message
    assert "d output 0[1] / d input 0[1] is 2 by backward and 4" in message
    assert "2 of the 4 pairs" in message
    assert gradcheck(cut, x, raise_exception=False) is False


def slope_cut(x):
    """Right at first order, and not at second."""
    return x * x.detach() + (x * x - (x * x).detach()) / 2


def test_gradgradcheck_finds_what_gradcheck_does_not():
    x = leaf(0.5, 2.0)
    assert gradcheck(slope_cut, x)
    with pytest.raises(RuntimeError, match="of the gradient of slope_cut: d output 0"):
        gradgradcheck(slope_cut, x)
