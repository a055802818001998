"""Chapter 6: linear regression, step by step and compiled."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainrule import plot
from chainrule.autograd import no_grad
from chainrule.compiler import compile
from chainrule.creation import tensor, zeros_like
from chainrule.demo.report import Report
from chainrule.errors import MissingExtra
from chainrule.random import manual_seed, rand
from chainrule.tensors import Tensor

EPOCHS, RATE = 3000, 0.01
CODE = """\
loss = ((w*x + b - y)**2).mean()
w.grad.zero_(); b.grad.zero_()
loss.backward()
with torch.no_grad():
    w -= 0.01 * w.grad
    b -= 0.01 * b.grad
"""


def regression(report: Report, folder: Path) -> None:
    """Fit the line, eagerly with a table and pictures, then compiled with the times side by side."""
    report.heading("regression")
    report.say("regression.what")
    report.block(CODE, "python")
    report.say("regression.zero", **_accumulated())
    step, w, b, x, y = problem()
    losses: list[float] = []
    rows = []
    begin = time.perf_counter()
    for epoch in report.progress(EPOCHS, lambda: f"{report.words('loss')} {losses[-1]:.6f}"):
        losses.append(step().item())
        if (epoch + 1) % 500 == 0:
            rows.append([str(epoch + 1), f"{losses[-1]:.8f}", f"{w.item():.6f}", f"{b.item():.6f}"])
    eager = (time.perf_counter() - begin) / EPOCHS
    report.table(["epoch", "loss", "w", "b"], rows)
    report.say("regression.found", w=w.item(), b=b.item())
    try:
        for kind in ("png", "svg"):
            plot.fit(x, y, w, b, path=folder / f"fit.{kind}")
            plot.loss_curve(losses, path=folder / f"loss.{kind}")
    except MissingExtra:
        report.say("no plot")
    else:
        report.picture("fit.png", "regression.fit")
        report.picture("loss.png", "regression.curve")
    try:
        _compiled(report, eager, w.item(), b.item())
    except MissingExtra:
        report.say("no compile")


def problem() -> tuple[Callable[[], Tensor], Tensor, Tensor, Tensor, Tensor]:
    """The step of chapter 6 on fresh data and weights, the same each time; and w, b, x, y."""
    manual_seed(0)
    x = rand(50)
    y = 3 * x + 0.8
    w, b = rand(1, requires_grad=True), rand(1, requires_grad=True)
    w.grad, b.grad = zeros_like(w), zeros_like(b)

    def step() -> Tensor:
        loss = ((w * x + b - y) ** 2).mean()
        w.grad.zero_()
        b.grad.zero_()
        loss.backward()
        with no_grad():
            w.sub_(RATE * w.grad)
            b.sub_(RATE * b.grad)
        return loss

    return step, w, b, x, y


def _accumulated() -> dict[str, Any]:
    w = tensor(1.0, requires_grad=True)
    (w**2).backward()
    once = w.grad.item()
    (w**2).backward()
    return {"once": once, "twice": w.grad.item()}


def _compiled(report: Report, eager: float, eager_w: float, eager_b: float) -> None:
    """The same numbers from one native call, and what that saves."""
    step, w, b, *_ = problem()
    compiled = compile(step)
    begin = time.perf_counter()
    compiled()
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    for _ in range(EPOCHS - 1):
        compiled()
    called = (time.perf_counter() - begin) / (EPOCHS - 1)
    report.say("regression.compiled", first=1e3 * first, w=w.item(), b=b.item(), eager_w=eager_w, eager_b=eager_b)
    begin = time.perf_counter()
    compiled.repeat(EPOCHS)
    repeated = (time.perf_counter() - begin) / EPOCHS
    report.table(["how", "µs per epoch", "times faster"],
                 [[report.words(key), f"{1e6 * seconds:.2f}", f"{eager / seconds:.0f}"]
                  for key, seconds in (("eager, op by op", eager), ("compiled, called from Python", called),
                                       ("compiled, repeat(3000)", repeated))])
