"""Optimizers by their formulas, groups and states, schedules."""

import math

import pytest

import chainrule as torch
from chainrule.optim import SGD, Adam, AdamW, lr_scheduler


def stepped(make, gradients, start=1.0):
    """Where a parameter is after a step for each gradient."""
    w = torch.tensor([start], requires_grad=True, dtype=torch.float64)
    optimizer, path = make([w]), []
    for g in gradients:
        w.grad = torch.tensor([g], dtype=torch.float64)
        optimizer.step()
        path.append(w.item())
    return path


def test_sgd_with_momentum_by_hand():
    assert stepped(lambda p: SGD(p, lr=0.1, momentum=0.5), [1.0, 2.0]) == pytest.approx([0.9, 0.9 - 0.1 * 2.5])
    assert stepped(lambda p: SGD(p, lr=0.1, momentum=0.5, dampening=0.5), [1.0, 2.0]) == pytest.approx(
        [0.9, 0.9 - 0.1 * 1.5])
    assert stepped(lambda p: SGD(p, lr=0.1, weight_decay=1.0), [1.0]) == pytest.approx([0.8])


def test_adam_moves_by_lr_at_first_whatever_the_gradient():
    for g in (1e-3, 1.0, 1e3):
        assert stepped(lambda p: Adam(p, lr=0.1, eps=0.0), [g]) == pytest.approx([0.9])
    assert stepped(lambda p: AdamW(p, lr=0.1, eps=0.0, weight_decay=0.5), [1.0]) == pytest.approx([0.95 - 0.1])


def test_parameters_without_gradient_stay():
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = Adam([a, b])
    a.grad = torch.ones(1)
    optimizer.step()
    assert a.item() != 1
    assert b.item() == 1
    assert b not in optimizer.state


def test_a_saved_state_continues_the_same_run():
    def run(steps, w, optimizer):
        for _ in range(steps):
            optimizer.zero_grad()
            (w**3).sum().backward()
            optimizer.step()
        return w.tolist()

    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = Adam([w], lr=0.1)
    run(3, w, optimizer)
    twin = w.detach().clone().requires_grad_()
    other = Adam([twin], lr=0.5)
    other.load_state_dict(optimizer.state_dict())
    assert run(3, twin, other) == run(3, w, optimizer)


def test_hooks_around_a_step():
    w = torch.ones(1, requires_grad=True)
    w.grad = torch.ones(1)
    optimizer, seen = SGD([w], lr=1.0), []
    optimizer.register_step_pre_hook(lambda *args: seen.append(w.item()))
    optimizer.register_step_post_hook(lambda *args: seen.append(w.item()))
    optimizer.step()
    assert seen == [1.0, 0.0]


def rates(schedule, steps):
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return found


def optimizer():
    return SGD([torch.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)


def test_schedules_by_their_formulas():
    assert rates(lr_scheduler.StepLR(optimizer(), 2, 0.5), 5) == [1, 1, 0.5, 0.5, 0.25]
    assert rates(lr_scheduler.CosineAnnealingLR(optimizer(), 4), 5) == pytest.approx(
        [(1 + math.cos(math.pi * t / 4)) / 2 for t in range(5)])
    cycle = rates(lr_scheduler.OneCycleLR(optimizer(), 1.0, total_steps=10), 10)
    assert max(cycle) == 1.0
    assert cycle.index(1.0) == 2
    assert cycle[-1] < cycle[0]


def test_a_schedule_continues_from_its_state():
    first, second = (lr_scheduler.ExponentialLR(optimizer(), 0.5) for _ in range(2))
    rates(first, 3)
    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert rates(second, 2) == [0.125, 0.0625]


def test_a_schedule_stepped_too_early_warns():
    schedule = lr_scheduler.StepLR(optimizer(), 2)
    with pytest.warns(UserWarning, match="optimizer.step"):
        schedule.step()


@pytest.mark.parametrize(("wrong", "says"), [
    (lambda: SGD([torch.ones(1) * torch.ones(1, requires_grad=True)], lr=0.1), "non-leaf"),
    (lambda: SGD([], lr=0.1), "empty parameter list"),
    (lambda: SGD([torch.ones(1)], lr=-1.0), "Invalid learning rate value: -1.0"),
    (lambda: Adam([torch.ones(1)], betas=(0.9, 1.0)), "beta parameter at index 1"),
    (lambda: lr_scheduler.SequentialLR(optimizer(), [], []), "milestones"),
])  # fmt: skip
def test_refusals(wrong, says):
    with pytest.raises(ValueError, match=r".") as caught:
        wrong()
    assert says in str(caught.value)


def test_clipping():
    w = torch.ones(4, requires_grad=True)
    (w * 3).sum().backward()
    assert torch.nn.utils.clip_grad_norm_([w], 1.0).item() == 6
    assert w.grad.norm().item() == pytest.approx(1, rel=1e-5)
    w.grad[0] = math.inf
    with pytest.raises(RuntimeError, match="non-finite"):
        torch.nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
