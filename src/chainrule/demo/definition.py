"""Chapter 1: the gradient by definition, and the step against it."""

from collections.abc import Callable
from itertools import product
from typing import Any

from chainrule.creation import tensor
from chainrule.demo.report import Report
from chainrule.see import central_difference
from chainrule.tensors import Tensor

QUOTIENT = "∇w ≈ (J(w + h) − J(w − h)) / 2h        h = 1e-6"
RATE = 0.3
DIRECTION = {False: "∇w < 0, so w grows", True: "∇w > 0, so w shrinks"}


def definition(report: Report) -> None:
    """The central difference for a number and a tensor, and what the sign of a gradient is good for."""
    report.heading("definition")
    report.say("definition.what")
    report.block(QUOTIENT)
    report.say("definition.scalar")
    report.table(["w", "J(w)", "by definition", "backward()"],
                 [[f"{w:.1f}", f"{J(tensor(w)).item():.2f}", number(slope_of(J, w)), number(backward_of(J, w).item())]
                  for w in (1.0, 2.5, 5.0)])
    report.say("definition.double", single=_in_float32(), double=slope_of(J, 1.0))
    report.say("definition.tensor")
    W = [[0.5, -1.0], [2.0, 0.0]]
    by_definition, by_backward = central_difference(waves, tensor(W)), backward_of(waves, W)
    report.table(["element", "W", "by definition", "backward()"],
                 [[f"W[{i},{j}]", f"{W[i][j]:.1f}", number(by_definition[i, j].item()),
                   number(by_backward[i, j].item())] for i, j in product(range(2), range(2))])
    report.say("definition.update")
    report.table(["step", "w", "∇w", "in words", "w − α∇w", "J"],
                 [*_steps(report.words, 1.0), [""] * 6, *_steps(report.words, 5.0)])
    report.say("definition.end")


def J(w: Tensor) -> Tensor:
    return (w - 3) ** 2


def waves(W: Tensor) -> Tensor:
    return (W * W.sin()).sum()


def slope_of(f: Callable[[Tensor], Tensor], w: float) -> float:
    """df/dw by definition."""
    return central_difference(f, tensor(w)).item()  # type: ignore[no-any-return]


def backward_of(f: Callable[[Tensor], Tensor], at: Any) -> Tensor:
    """The gradient of f by backpropagation."""
    w = tensor(at, requires_grad=True)
    f(w).backward()
    return w.grad  # type: ignore[no-any-return]


def _in_float32(h: float = 1e-6) -> float:
    w = tensor(1.0)
    return ((J(w + h) - J(w - h)) / (2 * h)).item()  # type: ignore[no-any-return]


def _steps(words: Callable[..., str], w: float) -> list[list[str]]:
    rows = []
    for step in range(1, 6):
        slope = slope_of(J, w)
        after = w - RATE * slope
        rows.append([str(step), f"{w:.5f}", number(slope),
                     words(DIRECTION[slope > 0]), f"{after:.5f}",
                     f"{J(tensor(after)).item():.5f}"])
        w = after
    return rows


def number(value: float) -> str:
    """Six decimals, and no minus before a zero."""
    return f"{round(value, 6) + 0.0:.6f}"
