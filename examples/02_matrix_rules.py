"""Chapter 2. The gradient of a function of a vector, and the rules of matrix calculus.

The gradient is the vector of partial derivatives. The rules below are derived by chainrule on symbols, then compared
with the Jacobians that the running library computes from numbers. Denominator layout: the gradient of a number has
the shape of x, and the derivative of a vector is the transpose of the Jacobian.
"""

import torch
from torch.func import jacrev

from chainrule.derivation import derive

print("1. Partial derivatives of J(x) = x₀² + 2x₁² + x₀x₂ at x = (1, -2, 3)")
x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
J = x[0] ** 2 + 2 * x[1] ** 2 + x[0] * x[2]
J.backward()
by_hand = (2 * x[0] + x[2], 4 * x[1], x[0])
for name, partial, g in zip(("2x₀ + x₂", "4x₁", "x₀"), by_hand, x.grad):
    print(f"   {name:8} = {partial.item():5.1f}   backward() says {g.item():5.1f}")

print("\n2. Rules for vectors and matrices, derived")
torch.manual_seed(0)
numbers = {"x": torch.rand(3), "y": torch.rand(3), "A": torch.rand(3, 3)}
rules = {
    "A @ x": lambda x: numbers["A"] @ x,
    "x.T @ A": lambda x: x @ numbers["A"],
    "x.T @ A @ x": lambda x: x @ numbers["A"] @ x,
    "x.T @ x": lambda x: x @ x,
    "norm(x)**2": lambda x: (x * x).sum(),
    "norm(y - A @ x)**2": lambda x: ((numbers["y"] - numbers["A"] @ x) ** 2).sum(),
}
for formula, function in rules.items():
    rule = derive(formula, "x")
    formula_says = torch.tensor(eval(rule.code, {name: tensor.numpy() for name, tensor in numbers.items()}))
    backward_says = jacrev(function)(numbers["x"]).t()
    agree = (formula_says - backward_says).abs().sum().item() < 1e-4
    print(f"   {rule.equation:27}  {'agrees with backward()' if agree else 'DIFFERS'}")

print("\n3. One of them step by step\n")
print(derive("x.T @ A @ x", "x"))
