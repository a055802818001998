"""What a training script does to a model between two steps, at random: a compiled step has to live through all of it.

In float64, so that what differs is no rounding.
"""

import os
import random

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn, optim

LIVES = max(4, int(os.environ.get("CHAINRULE_FUZZ", "0")) // 100)
OPTIMIZERS = (
    lambda p: optim.SGD(p, lr=0.05), lambda p: optim.SGD(p, lr=0.05, momentum=0.9), lambda p: optim.Adam(p, lr=0.01),
    lambda p: optim.AdamW(p, lr=0.01), lambda p: optim.RMSprop(p, lr=0.01), lambda p: optim.Adagrad(p, lr=0.05),
)  # fmt: skip


class Life:
    """A model, its optimizer and its step; what happens to them is drawn from the seed, compiled or not."""

    def __init__(self, seed, compiled):
        torch.manual_seed(seed)
        self.choose = random.Random(seed)
        self.compiled = compiled
        self.model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Dropout(0.3), nn.BatchNorm1d(6), nn.Linear(6, 3))
        first, *_, norm, last = self.model
        groups = [{"params": [*first.parameters()]}, {"params": [*norm.parameters(), *last.parameters()], "lr": 0.02}]
        self.optimizer = self.choose.choice(OPTIMIZERS)(groups)
        self.zero = "start"
        self.seen, self.kept = [], []
        self.step = torch.compile(self.eager) if compiled else self.eager

    def eager(self, x, y):
        if self.zero in ("start", "fill"):
            self.optimizer.zero_grad(set_to_none=self.zero == "start")
        loss = nn.functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        if self.zero == "end":
            self.optimizer.zero_grad()
        return loss, self.model(x).detach().sum()

    def batch(self, *count):
        return torch.randn(*count, 4, 5), torch.randint(0, 3, (*count, 4))

    # -- what may happen; each is named by the word it starts with

    def event_rate(self):
        for group in self.optimizer.param_groups:
            group["lr"] = self.choose.random() * 0.05

    def event_mode(self): self.model.train(self.choose.random() < 0.6)
    def event_rest(self): self.some().requires_grad_(self.choose.random() < 0.6)
    def event_load(self): self.optimizer.load_state_dict(self.optimizer.state_dict())
    def event_draw(self): self.seen.append(torch.rand(2).tolist())
    def event_zero(self): self.zero = self.choose.choice(("start", "end", "fill", "never"))
    def event_none(self): self.optimizer.zero_grad()
    def event_part(self): self.model[1] = self.choose.choice((nn.ReLU, nn.Tanh, nn.Sigmoid))()
    def event_drop(self): self.model[2].p = self.choose.choice((0.3, 0.0, 0.5))
    def event_keep(self): self.kept += [p.grad for p in self.model.parameters() if p.grad is not None][:2]

    def event_data(self):
        parameter = self.some()
        parameter.data = parameter.data * 0.95

    def event_write(self):
        with torch.no_grad():
            self.some().mul_(0.9)

    def event_slope(self):
        weight = self.model[self.choose.choice((0, 4))].weight
        weight.grad = torch.ones_like(weight) * 0.01

    def event_weight(self):
        self.model[4].weight = nn.Parameter(self.model[4].weight.detach() * 1.1)

    def event_scan(self):
        xs, ys = self.batch(self.choose.randrange(1, 4))
        losses = self.step.scan(xs, ys) if self.compiled else zip(*[self.step(x, y) for x, y in zip(xs, ys)])
        self.seen.append([[value.item() for value in column] for column in losses])

    def event_repeat(self):
        x, y = self.batch()
        n = self.choose.randrange(1, 4)
        losses = self.step.repeat(n, x, y) if self.compiled else zip(*[self.step(x, y) for _ in range(n)])
        self.seen.append([[value.item() for value in column] for column in losses])

    def some(self):
        return self.choose.choice([*self.model.parameters()])

    def live(self):
        """25 events, a step after each; all that can be seen of it."""
        events = [name for name in sorted(dir(self)) if name.startswith("event_")]
        for _ in range(25):
            event = self.choose.choice(events)
            getattr(self, event)()
            self.seen.append([value.item() for value in self.step(*self.batch())])
        parameters = [*self.model.parameters()]
        slopes = [None if p.grad is None else p.grad.tolist() for p in parameters]
        values = [t.tolist() for t in (*parameters, *self.model.buffers(), *self.kept, torch.rand(1))]
        return [*self.seen, *slopes, *values]


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("seed", range(LIVES))
def test_a_compiled_step_lives_through_it(seed):
    compiled, eager = (Life(seed, c).live() for c in (True, False))
    assert len(compiled) == len(eager)
    for got, want in zip(compiled, eager):  # None, for no gradient, becomes a NaN
        np.testing.assert_allclose(np.array(got, float), np.array(want, float), rtol=1e-6, atol=1e-8)
