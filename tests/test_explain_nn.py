"""Whole models and losses explained: gradients as from ``backward()``, and every form of the text is written."""

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn
from chainrule.nn import functional

classes, binary, signs = torch.tensor([0, 2, 1]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1, -1, 1])


def rows(*shape):
    return torch.arange(float(np.prod(shape))).reshape(shape).sin()


LAYERS = {
    "linear": (lambda: nn.Linear(3, 2), (2, 3)),
    "bilinear": (lambda: nn.Bilinear(3, 3, 2), (2, 3)),
    "conv1d": (lambda: nn.Conv1d(2, 2, 3, padding=1), (1, 2, 5)),
    "conv2d": (lambda: nn.Conv2d(1, 2, 3, stride=2), (1, 1, 5, 5)),
    "grouped": (lambda: nn.Conv2d(2, 2, 2, groups=2), (1, 2, 3, 3)),
    "max pooling": (lambda: nn.MaxPool2d(2), (1, 1, 4, 4)),
    "average pooling": (lambda: nn.AvgPool2d(2), (1, 1, 4, 4)),
    "adaptive pooling": (lambda: nn.AdaptiveAvgPool2d(2), (1, 1, 5, 5)),
    "batch norm": (lambda: nn.BatchNorm1d(3), (4, 3)),
    "layer norm": (lambda: nn.LayerNorm(3), (2, 3)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (2, 4, 2)),
    "rnn": (lambda: nn.RNN(3, 2), (2, 1, 3)),
    "gru": (lambda: nn.GRU(3, 2), (2, 1, 3)),
    "lstm": (lambda: nn.LSTM(3, 2), (2, 1, 3)),
    "attention": (lambda: nn.MultiheadAttention(4, 2, batch_first=True), (1, 3, 4)),
    "gelu": (nn.GELU, (2, 3)),
    "softmax": (lambda: nn.Softmax(-1), (2, 3)),
    "elu": (nn.ELU, (2, 3)),
    "softplus": (nn.Softplus, (2, 3)),
}
LOSSES = {
    "cross entropy": lambda x: functional.cross_entropy(x, classes),
    "smoothed": lambda x: functional.cross_entropy(x, classes, label_smoothing=0.1),
    "weighted": lambda x: functional.cross_entropy(x, classes, weight=torch.tensor([1.0, 2.0, 3.0])),
    "nll": lambda x: functional.nll_loss(x.log_softmax(-1), classes),
    "mse": lambda x: functional.mse_loss(x, rows(3, 3).cos()),
    "l1": lambda x: functional.l1_loss(x, rows(3, 3).cos()),
    "smooth l1": lambda x: functional.smooth_l1_loss(x, rows(3, 3).cos()),
    "huber": lambda x: functional.huber_loss(x, rows(3, 3).cos()),
    "bce": lambda x: functional.binary_cross_entropy(x[:2, :2].sigmoid(), binary),
    "bce with logits": lambda x: functional.binary_cross_entropy_with_logits(x[:2, :2], binary),
    "kl": lambda x: functional.kl_div(x.log_softmax(-1), rows(3, 3).softmax(-1), reduction="batchmean"),
    "similarity": lambda x: functional.cosine_similarity(x[0], x[1], dim=0),
    "embedding": lambda x: functional.embedding(torch.tensor([2, 0, 2]), x).pow(2).sum(),
    "indexed": lambda x: (x[classes, classes] * x[0]).sum(),
    "masked": lambda x: x[x > 0].sum(),
    "sorted": lambda x: (x.sort(-1).values * rows(3)).sum(),
    "largest": lambda x: x.topk(2).values.sum() + x.max(),
    "running": lambda x: (x.cumsum(0) * x.cumprod(1)).sum(),
    "joined": lambda x: torch.cat([x, x * 2]).logsumexp(0).sum(),
    "spread": lambda x: x.std() + x.norm() + x.prod(),
    "contracted": lambda x: torch.einsum("ij,jk,ki->", x, x, x),
}


def explained(loss, parameters):
    """The explanation, after holding it against backward()."""
    explanation = torch.explain(loss, names=parameters)
    chinese = torch.explain(loss, names=parameters, lang="zh").text(80)
    loss.backward()
    for name, tensor in parameters.items():
        node = next((n for n in explanation.leaves() if n.name == name), None)
        if node is None:
            assert tensor.grad is None
        elif isinstance(node.grad, (float, list)):
            np.testing.assert_allclose(np.array(node.grad).reshape(-1), tensor.grad.numpy().reshape(-1), 1e-4, 1e-5)
            if node.difference is not None:
                np.testing.assert_allclose(np.array(node.difference), np.array(node.grad), 1e-4, 1e-6)
    for text in (explanation.text(80), chinese, explanation.svg()):
        assert explanation.record.title.split(" = ")[0] in text
    return explanation


@pytest.mark.parametrize("layer", LAYERS)
def test_layers(layer):
    torch.manual_seed(1)
    make, shape = LAYERS[layer]
    module = make()
    x = rows(*shape).requires_grad_()
    inputs = (x,) * {"bilinear": 2, "attention": 3}.get(layer, 1)
    out = module(*inputs)
    out = out[0] if isinstance(out, tuple) else out
    loss = (out * rows(*out.shape)).sum()
    explained(loss, {"x": x, **dict(module.named_parameters())})


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss):
    x = rows(3, 3).requires_grad_()
    explanation = explained(LOSSES[loss](x), {"x": x})
    assert "x" in explanation.gradients
    element = torch.explain(LOSSES[loss](x), wrt=x, at=(0, 0), names={"x": x})
    assert np.isclose(element.paths().total, x.grad[0, 0].item(), 1e-4, 1e-6)


def test_a_model_s_parameters_are_named_as_python_reaches_them():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    explanation = torch.explain(model(rows(3, 2)).sum())
    assert list(explanation.gradients) == ["model[0].weight", "model[0].bias", "model[2].weight", "model[2].bias"]
    element = str(torch.explain(model(rows(3, 2)).sum(), wrt=model[0].weight, at=(0, 1)))
    assert "model[0].weight[0, 1]" in element


def test_constants_that_a_formula_names_carry_that_name():
    x = rows(3, 3).requires_grad_()
    record = torch.explain(functional.cross_entropy(x, torch.tensor([0, 2, 1])), names={"x": x}).record
    gathered = next(node for node in record.nodes if node.op == "gather")
    (places,) = [node.name for node in record.nodes if node.op == "constant"]
    assert places
    assert gathered.text.endswith(f", {places})")
