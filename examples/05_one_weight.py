"""Chapter 5. One weight of a network: its gradient is the sum over all paths from it to the loss.

    x (2)  ──W1──  h = tanh(W1 x) (2)  ──W2──  s = tanh(W2 h) (2)  ──w3──  y = tanh(w3·s) (1)        L = (y − t)²

W1[0,0] joins x₀ to h₀. From h₀ one path to the loss leads through s₀ and one through s₁.
"""

import torch

x, t = torch.tensor([1.5, -1.0]), 1.0
W1 = torch.tensor([[0.4, -0.3], [0.2, 0.5]], requires_grad=True)
W2 = torch.tensor([[0.6, -0.1], [0.3, -0.6]], requires_grad=True)
w3 = torch.tensor([0.5, -0.7], requires_grad=True)


def forward():
    h = torch.tanh(W1 @ x)
    s = torch.tanh(W2 @ h)
    y = torch.tanh(w3 @ s)
    return h, s, y, (y - t) ** 2


h, s, y, L = forward()
L.backward()
print(f"1. Forward: h = {[round(v, 4) for v in h.tolist()]}, s = {[round(v, 4) for v in s.tolist()]}, "
      f"y = {y.item():.4f}, L = {L.item():.5f}")

print("\n2. dL/dW1[0,0], a product of local derivatives for each path (tanh'(z) = 1 − tanh²(z)):")
total = 0.0
for j in range(2):
    factors = [
        x[0].item(),  # from W1[0,0] into the tanh of h₀,
        1 - h[0].item() ** 2,  # through it,
        W2[j, 0].item(),  # into the tanh of sⱼ,
        1 - s[j].item() ** 2,
        w3[j].item(),  # into the tanh of y,
        1 - y.item() ** 2,
        2 * (y.item() - t),  # and into the loss
    ]
    product = 1.0
    for factor in factors:
        product *= factor
    total += product
    print(f"   W1[0,0] → h₀ → s{'₀₁'[j]} → y → L:  " + " · ".join(f"{f:.4f}" for f in factors) + f" = {product:8.5f}")
print(f"   {'their sum':>75} = {total:8.5f}")
print(f"   {'backward() says':>75} = {W1.grad[0, 0].item():8.5f}")

print("\n3. All weights follow w ← w − 0.2·dL/dw, again and again:")
for step in range(1, 9):
    before, slope = W1[0, 0].item(), W1.grad[0, 0].item()
    with torch.no_grad():
        for W in (W1, W2, w3):
            W -= 0.2 * W.grad
            W.grad.zero_()
    loss = forward()[-1]
    loss.backward()
    way = "grows" if slope < 0 else "shrinks"
    print(f"   step {step}: dL/dW1[0,0] = {slope:8.5f}, so it {way}: {before:.5f} → {W1[0, 0].item():.5f},"
          f"   L = {loss.item():.5f}")
