"""Chapter 2: the vector of partial derivatives, and the rules for vectors and matrices."""

from chainrule.creation import tensor
from chainrule.demo.definition import backward_of, number
from chainrule.demo.report import Report, wrapped
from chainrule.derivation import derive
from chainrule.see import central_difference
from chainrule.tensors import Tensor

SHOWN = "x.T @ A @ x"
RULES = ("A @ x", "x.T @ A", SHOWN, "norm(x)**2", "x.T @ x", "norm(y - A @ x)**2")
PARTIALS = ("∂J/∂x₁ = 2x₁ + x₃", "∂J/∂x₂ = 4x₂", "∂J/∂x₃ = x₁")


def matrix(report: Report, lang: str) -> None:
    """A gradient vector by three methods; one derivation in full, the others as equations with their checks."""
    report.heading("matrix")
    report.say("matrix.what")
    at = [1.0, -2.0, 3.0]
    true = [2 * at[0] + at[2], 4 * at[1], at[0]]
    columns = [tensor(true), central_difference(J, tensor(at)), backward_of(J, at)]
    report.table(["partial derivative", "its value", "central difference", "backward()"],
                 [[name, *(number(column[i].item()) for column in columns)] for i, name in enumerate(PARTIALS)])
    report.say("matrix.rules")
    lines = str(derive(SHOWN, "x", lang=lang)).splitlines()
    report.block("\n".join("\n".join(wrapped(line, report.width - 4)) for line in lines))
    report.say("matrix.table")
    found = [derive(rule, "x", lang=lang) for rule in RULES]
    report.table(["rule", "as code", "largest error"],
                 [[d.equation, d.code, f"{d.check.central:.0e}"] for d in found])
    report.say("matrix.layout")


def J(x: Tensor) -> Tensor:
    return x[0] ** 2 + 2 * x[1] ** 2 + x[0] * x[2]
