"""The programs that are timed. Each takes ``torch``, chainrule or PyTorch, and returns a function to call.

They are written once: what differs between two times of a row is the module and nothing else.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

Program = Callable[[], Any]


def regression(torch: Any) -> Program:
    """One epoch of chapter 6, as in examples/06_linear_regression.py."""
    torch.manual_seed(0)
    x = torch.rand(50)
    y = 3 * x + 0.8
    w = torch.rand(1, requires_grad=True)
    b = torch.rand(1, requires_grad=True)
    learning_rate = 0.01

    def epoch() -> Any:
        prediction = w * x + b
        loss = (prediction - y).pow(2).mean()
        if w.grad is not None:
            w.grad.data.zero_()
            b.grad.data.zero_()
        loss.backward()
        w.data = w.data - learning_rate * w.grad.data
        b.data = b.data - learning_rate * b.grad.data
        return loss

    return epoch


def recurrence(torch: Any) -> Program:
    """200 steps of h = tanh(w·h + b) on numbers, and back."""
    w = torch.tensor(0.9, requires_grad=True)
    b = torch.tensor(0.1, requires_grad=True)

    def step() -> Any:
        h = torch.tensor(0.5)
        for _ in range(200):
            h = (w * h + b).tanh()
        w.grad = b.grad = None
        h.backward()
        return h

    return step


def network(torch: Any) -> Program:
    """One step of gradient descent on a 64-128-10 net with relu, a batch of 64, mean squared error."""
    torch.manual_seed(0)
    x, y = torch.rand(64, 64), torch.rand(64, 10)
    weights = [(torch.rand(64, 128) - 0.5) / 8, torch.zeros(128), (torch.rand(128, 10) - 0.5) / 8, torch.zeros(10)]
    w1, b1, w2, b2 = weights = [v.requires_grad_() for v in weights]

    def step() -> Any:
        hidden = (x @ w1 + b1).relu()
        loss = (hidden @ w2 + b2 - y).pow(2).mean()
        for v in weights:
            v.grad = None
        loss.backward()
        with torch.no_grad():
            for v in weights:
                v -= 0.1 * v.grad
        return loss

    return step


def training(torch: Any, compiled: Callable[[Any], Any] = lambda step: step) -> tuple[Program, Any, Sequence[Any]]:
    """A classifier with dropout, Adam and a learning rate that moves with every step, through 32 minibatches of 64.

    What it returns is the next step of the loop, the step itself, and the minibatches.
    """
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000)
    batches = torch.randn(32, 64, 64), torch.randint(0, 10, (32, 64))
    pairs = itertools.cycle([(x.clone(), y.clone()) for x, y in zip(*batches)])

    @compiled
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def following() -> Any:
        loss = step(*next(pairs))
        schedule.step()
        return loss

    return following, step, batches


def product(torch: Any) -> Program:
    """A 512 x 512 matrix product, and back to both factors."""
    torch.manual_seed(0)
    c = torch.rand(512, 512)
    a = torch.rand(512, 512, requires_grad=True)
    b = torch.rand(512, 512, requires_grad=True)

    def step() -> Any:
        a.grad = b.grad = None
        (a @ b * c).sum().backward()
        return a.grad

    return step


def elements(torch: Any) -> Program:
    """tanh(x·y + x), summed, on a million elements, and back to both."""
    torch.manual_seed(0)
    x = torch.rand(1_000_000, requires_grad=True)
    y = torch.rand(1_000_000, requires_grad=True)

    def step() -> Any:
        x.grad = y.grad = None
        (x * y + x).tanh().sum().backward()
        return x.grad

    return step


def softmax(torch: Any) -> Program:
    """The mean of log(exp(x) / Σ exp(x)) over rows of a 1000 x 1000 matrix, and back."""
    torch.manual_seed(0)
    x = torch.rand(1000, 1000, requires_grad=True)
    c = torch.rand(1000, 1000)

    def step() -> Any:
        x.grad = None
        e = x.exp()
        ((e / e.sum(1, keepdim=True)).log() * c).mean().backward()
        return x.grad

    return step


def trained(torch: Any, model: Any, x: Any, y: Any) -> Program:
    """One step of Adam on the cross entropy of a model's answers."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def images(torch: Any) -> Program:
    """Two convolutions of 3 x 3 with relu and max-pooling and a linear layer, on 16 images of 28 x 28."""
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10))  # fmt: skip
    return trained(torch, model, torch.randn(16, 1, 28, 28), torch.randint(0, 10, (16,)))


def sequences(torch: Any) -> Program:
    """An LSTM of 32 on 16 sequences of 20 x 32, and a linear layer on what it ends with."""
    torch.manual_seed(0)
    lstm, head = torch.nn.LSTM(32, 32, batch_first=True), torch.nn.Linear(32, 10)
    model = torch.nn.Sequential(lstm, head)
    model.forward = lambda x: head(lstm(x)[0][:, -1])
    return trained(torch, model, torch.randn(16, 20, 32), torch.randint(0, 10, (16,)))


def attention(torch: Any) -> Program:
    """One encoder layer of width 32 with 2 heads on 8 sequences of 16, and a linear layer on their means."""
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
    head = torch.nn.Linear(32, 10)
    model = torch.nn.Sequential(layer, head)
    model.forward = lambda x: head(layer(x).mean(1))
    return trained(torch, model, torch.randn(8, 16, 32), torch.randint(0, 10, (8,)))


def ordered(torch: Any) -> Program:
    """Sorted rows, largest elements and running sums of 200 x 200, and back."""
    torch.manual_seed(0)
    x = torch.rand(200, 200, requires_grad=True)
    c = torch.rand(200, 200)

    def step() -> Any:
        x.grad = None
        ((x.sort(1).values + x.cumsum(0)) * c).mean().backward()
        (x.max(1).values.sum() + x.topk(5, 0).values.sum()).backward()
        return x.grad

    return step


def regression_in_jax(jax: Any, epochs: int) -> tuple[Program, Program]:
    """One epoch of chapter 6 under jax.jit, and ``epochs`` of them under jax.lax.fori_loop."""
    x = jax.random.uniform(jax.random.key(0), (50,))
    y = 3 * x + 0.8
    start = {"w": x[:1], "b": x[1:2]}

    def loss(p: Any) -> Any:
        return ((p["w"] * x + p["b"] - y) ** 2).mean()

    def epoch(p: Any) -> Any:
        value, slope = jax.value_and_grad(loss)(p)
        return jax.tree.map(lambda v, g: v - 0.01 * g, p, slope), value

    once = jax.jit(epoch)
    many = jax.jit(lambda p: jax.lax.fori_loop(0, epochs, lambda _, q: epoch(q)[0], p))
    held = [start]

    def step() -> Any:
        held[0], value = once(held[0])
        return value.block_until_ready()

    return step, lambda: jax.block_until_ready(many(start))
