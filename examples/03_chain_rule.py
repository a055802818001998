"""Chapter 3. The chain rule: rates multiply along a way, and the ways are added up.

    one way:    dy/dx  = dy/du · du/dx
    many ways:  dy/dxᵢ = Σⱼ dy/duⱼ · duⱼ/dxᵢ
"""

import torch


def local(y, x):
    """The derivative of y by x, from the graph that computed y."""
    return torch.autograd.grad(y, x, retain_graph=True)[0].item()


print("1. One variable: y = sin(u), u = x², at x = 1.5")
x = torch.tensor(1.5, requires_grad=True)
u = x**2
y = torch.sin(u)
dy_du, du_dx = local(y, u), local(u, x)
y.backward()
print(f"   dy/du = cos(u) = {dy_du:.5f}")
print(f"   du/dx = 2x     = {du_dx:.5f}")
print(f"   dy/dx = dy/du · du/dx = {dy_du:.5f} · {du_dx:.5f} = {dy_du * du_dx:.5f}")
print(f"   backward() says {x.grad.item():.5f}")

print("\n2. Many variables: y = u₁·u₂ + u₃², with")
print("   u₁ = x₁ + x₂,  u₂ = x₁·x₂,  u₃ = sin(x₁), at x₁ = 0.5, x₂ = 2")
x1 = torch.tensor(0.5, requires_grad=True)
x2 = torch.tensor(2.0, requires_grad=True)
us = (x1 + x2, x1 * x2, torch.sin(x1))
y = us[0] * us[1] + us[2] ** 2
y.backward(retain_graph=True)
for name, x in (("x₁", x1), ("x₂", x2)):
    print(f"\n   dy/d{name} is a sum over the three that lie between:")
    total = 0.0
    for j, u in enumerate(us):
        dy_du = local(y, u)
        du_dx = torch.autograd.grad(u, x, retain_graph=True, allow_unused=True)[0]
        du_dx = 0.0 if du_dx is None else du_dx.item()  # None: u does not depend on x, that way is closed
        total += dy_du * du_dx
        print(f"     dy/du{'₁₂₃'[j]} · du{'₁₂₃'[j]}/d{name} = {dy_du:8.5f} · {du_dx:7.5f} = {dy_du * du_dx:8.5f}")
    print(f"   {'their sum':>31} = {total:8.5f}")
    print(f"   {'backward() says':>31} = {x.grad.item():8.5f}")
