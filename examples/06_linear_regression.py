"""Chapter 6. Linear regression: 50 points of y = 3x + 0.8, a line w·x + b, and gradient descent.

usage: 06_linear_regression.py [PICTURE]        (the picture needs matplotlib; default linear_regression.png)
"""

import sys

import torch

torch.manual_seed(0)
x = torch.rand(50)
y = 3 * x + 0.8
w = torch.rand(1, requires_grad=True)
b = torch.rand(1, requires_grad=True)
learning_rate = 0.01
print(f"start: w = {w.item():.6f}, b = {b.item():.6f}")

for epoch in range(3000):
    prediction = w * x + b
    loss = (prediction - y).pow(2).mean()
    if w.grad is not None:
        w.grad.data.zero_()  # backward() adds to what is there, so start each epoch at 0
        b.grad.data.zero_()
    loss.backward()
    w.data = w.data - learning_rate * w.grad.data
    b.data = b.data - learning_rate * b.grad.data
    if (epoch + 1) % 500 == 0:
        print(f"epoch {epoch + 1}: loss = {loss.item()}, w = {w.item():.6f}, b = {b.item():.6f}")

print(f"found y = {w.item():.3f}x + {b.item():.3f}, drawn from y = 3x + 0.8")

try:
    from matplotlib.figure import Figure  # without pyplot: no window, no display needed
except ImportError:
    print("no picture: matplotlib is not installed (pip install matplotlib)")
else:
    path = sys.argv[1] if len(sys.argv) > 1 else "linear_regression.png"
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.scatter(x.numpy(), y.numpy(), s=18, label="50 points of y = 3x + 0.8")
    ends = torch.tensor([0.0, 1.0])
    line = (w * ends + b).detach()
    axes.plot(ends.numpy(), line.numpy(), color="C1", label=f"y = {w.item():.3f}x + {b.item():.3f}")
    axes.set(xlabel="x", ylabel="y")
    axes.legend()
    figure.savefig(path)
    print(f"picture: {path}")
