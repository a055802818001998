"""Chapter 1. A gradient by its definition: nudge the weight both ways and see how much the loss changes.

    dJ/dw  ≈  (J(w + h) − J(w − h)) / 2h        with h = 1e-6, in float64
"""

import torch

torch.set_default_dtype(torch.float64)  # 1e-6 would drown in the rounding of float32


def derivative(f, w, h=1e-6):
    """The slope of f at the number w."""
    return (f(w + h) - f(w - h)) / (2 * h)


def gradient(f, w, h=1e-6):
    """The slope of f in the direction of each element of the vector w, the others held still."""
    slopes = torch.zeros_like(w)
    for i in range(len(w)):
        nudge = torch.zeros_like(w)
        nudge[i] = h
        slopes[i] = (f(w + nudge) - f(w - nudge)) / (2 * h)
    return slopes


def loss(w):
    return (w - 3) ** 2


print("1. One weight: J(w) = (w - 3)², dJ/dw = 2(w - 3)")
for value in (1.0, 5.0):
    w = torch.tensor(value)
    slope = derivative(loss, w)
    print(f"   w = {value}: dJ/dw = {slope.item():.6f}, by the formula {2 * (value - 3):.6f}")

print("\n2. Several weights: J(w) = w₀² + 2w₁² + w₀w₂, one slope for each")
w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
J = w[0] ** 2 + 2 * w[1] ** 2 + w[0] * w[2]
J.backward()
by_definition = gradient(lambda w: w[0] ** 2 + 2 * w[1] ** 2 + w[0] * w[2], w.detach())
for i in range(3):
    print(f"   dJ/dw{'₀₁₂'[i]}: by definition {by_definition[i].item():9.6f}, by backward() {w.grad[i].item():9.6f}")

print("\n3. Gradient descent: w ← w - α·dJ/dw with α = 0.3, for J(w) = (w - 3)²")
for start in (1.0, 5.0):
    w = torch.tensor(start)
    for _ in range(6):
        slope = derivative(loss, w)
        after = w - 0.3 * slope
        sign, verb = ("<", "grows:  ") if slope < 0 else (">", "shrinks:")
        print(f"   dJ/dw = {slope.item():9.6f} {sign} 0, so w {verb} {w.item():.6f} → {after.item():.6f},"
              f"  J = {loss(after).item():.6f}")
        w = after
    print()
print("From either side w comes to 3, where the slope is 0 and the loss is least.")
