"""Every layer and every loss compiles, and a compiled training step equals the eager one."""

import inspect
import math

import numpy as np
import pytest

import chainrule as torch
from chainrule import nn

F = nn.functional


def draw(*shape, seed=0, dtype="float32"):
    return torch.tensor(np.random.default_rng([seed, *shape]).uniform(-2, 2, shape).astype(dtype))


def whole(*shape, below=3):
    return torch.tensor(np.random.default_rng(shape).integers(0, below, shape))


IMAGE, ROWS, SEQUENCE, VOLUME = (2, 4, 6, 6), (5, 4), (3, 5, 4), (1, 2, 4, 4, 4)
UNIT = lambda x: x.sigmoid()  # noqa: E731 -- what takes probabilities gets some
LAYERS = {
    IMAGE: [
        nn.AdaptiveAvgPool2d(2), nn.AdaptiveAvgPool2d((4, 5)), nn.AvgPool2d(2), nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False), nn.BatchNorm2d(4).eval(), nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, 3, padding="same", bias=False), nn.Conv2d(4, 8, (3, 2), stride=2, padding=1, groups=2),
        nn.Conv2d(4, 4, 2, dilation=2, groups=4), nn.Dropout2d(0.4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4),
        nn.InstanceNorm2d(4, affine=True), nn.MaxPool2d(2), nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.MaxPool2d(2, 2, dilation=2), nn.MaxPool2d((1, 5)),
        nn.MaxPool2d(3, 2, 1, return_indices=True), nn.BatchNorm2d(4, momentum=None),
        nn.MaxPool2d(4, 1), nn.Softmax2d(), nn.Flatten(),
        nn.Unflatten(1, (2, 2)), nn.Dropout(0.2), nn.AdaptiveMaxPool2d(3), nn.ConvTranspose2d(4, 3, 3, stride=2),
        nn.ConvTranspose2d(4, 4, 2, padding=1, groups=2), nn.FeatureAlphaDropout(0.3), nn.LocalResponseNorm(2),
        nn.PixelShuffle(2), nn.PixelUnshuffle(3), nn.Upsample(scale_factor=2), nn.Upsample((4, 9), mode="bilinear"),
        nn.ZeroPad2d(1), nn.ConstantPad2d((1, 0, 2, 1), 0.5), nn.ReflectionPad2d(2), nn.ReplicationPad2d(1),
        nn.CircularPad2d(1), nn.Unfold(2)],
    VOLUME: [
        nn.AdaptiveAvgPool3d(2), nn.AvgPool3d(2), nn.Conv3d(2, 3, 2), nn.ConvTranspose3d(2, 3, 2), nn.Dropout3d(0.4),
        nn.MaxPool3d(2), nn.BatchNorm3d(2), nn.InstanceNorm3d(2), nn.ZeroPad3d(1), nn.ConstantPad3d(1, 0.5),
        nn.ReflectionPad3d(1), nn.ReplicationPad3d(1), nn.CircularPad3d(1)],
    SEQUENCE: [
        nn.AdaptiveAvgPool1d(2), nn.AvgPool1d(2), nn.BatchNorm1d(5), nn.Conv1d(5, 4, 3, padding=1), nn.Dropout1d(0.4),
        nn.MaxPool1d(2), nn.MaxPool1d(3, 1, 1), nn.RNN(4, 3), nn.RNN(4, 3, 2, nonlinearity="relu", batch_first=True),
        nn.LSTM(4, 3, batch_first=True), nn.LSTM(4, 3, 2, bidirectional=True, dropout=0.2), nn.GRU(4, 3),
        nn.GRU(4, 3, bidirectional=True), nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=True), 2),
        nn.PReLU(5), nn.LayerNorm((5, 4)), nn.RMSNorm(4), nn.AdaptiveMaxPool1d(3), nn.ConvTranspose1d(5, 2, 3),
        nn.InstanceNorm1d(5), nn.ZeroPad1d(1), nn.ConstantPad1d(1, 0.5), nn.ReflectionPad1d(1), nn.ReplicationPad1d(1),
        nn.CircularPad1d(1)],
    ROWS: [
        nn.AlphaDropout(0.3), nn.BatchNorm1d(4), nn.CELU(1.3), nn.ELU(), nn.GELU(), nn.GELU("tanh"), nn.GLU(),
        nn.Hardshrink(), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardtanh(-1, 0.5), nn.Identity(), nn.LeakyReLU(0.2),
        nn.Linear(4, 3), nn.Linear(4, 3, bias=False), nn.LogSigmoid(), nn.LogSoftmax(1), nn.Mish(), nn.PReLU(),
        nn.ReLU(), nn.ReLU6(), nn.SELU(), nn.SiLU(), nn.Sigmoid(), nn.Softmax(0), nn.Softmin(1), nn.Softplus(2, 1),
        nn.Softshrink(), nn.Softsign(), nn.Tanh(), nn.Tanhshrink(), nn.Threshold(0.1, 20.0), nn.RNNCell(4, 3),
        nn.LSTMCell(4, 3), nn.GRUCell(4, 3), nn.LayerNorm(4), nn.Dropout(0.5).eval()],
}  # fmt: skip
OF_TWO = [nn.Bilinear(4, 4, 3), nn.CosineSimilarity(), nn.PairwiseDistance(), nn.PairwiseDistance(1, keepdim=True)]
LOSSES = [
    (nn.L1Loss(), ()), (nn.MSELoss(reduction="sum"), ()), (nn.HuberLoss(delta=0.7), ()), (nn.SmoothL1Loss(), ()),
    (nn.KLDivLoss(reduction="batchmean", log_target=True), ()), (nn.PoissonNLLLoss(), ()),
    (nn.SoftMarginLoss(), ()), (nn.HingeEmbeddingLoss(), ()), (nn.BCEWithLogitsLoss(), ()),
    (nn.GaussianNLLLoss(), (draw(*ROWS, seed=3).abs() + 0.1,)),
    (nn.MarginRankingLoss(0.1), (draw(*ROWS, seed=3).sign(),)), (nn.TripletMarginLoss(), (draw(*ROWS, seed=3),)),
    (nn.CosineEmbeddingLoss(), (draw(5, seed=3).sign(),)), (nn.BCELoss(), ()), (nn.MultiLabelSoftMarginLoss(), ()),
]  # fmt: skip
OF_CLASSES = [
    nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=1), nn.NLLLoss(reduction="sum"),
    nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 3.0, 0.5])), nn.MultiMarginLoss(),
]
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential", "RNNBase"}
CASES = [
    *((layer, (draw(*shape),)) for shape, layers in LAYERS.items() for layer in layers),
    *((layer, (draw(*ROWS), draw(*ROWS, seed=1))) for layer in OF_TWO),
    *((loss, (draw(*ROWS), draw(*ROWS, seed=1), *others)) for loss, others in LOSSES),
    *((loss, (draw(*ROWS), whole(5))) for loss in OF_CLASSES),
    (nn.Embedding(7, 4, padding_idx=2), (whole(3, 5, below=7),)), (nn.Embedding(7, 4), (whole(5, below=7),)),
    (nn.Embedding(7, 4, max_norm=1.0), (whole(5, below=7),)), (nn.EmbeddingBag(7, 4), (whole(3, 5, below=7),)),
    (nn.Fold((3, 4), 2), (draw(2, 8, 6),)),
    (nn.MultiheadAttention(4, 2, batch_first=True), tuple(draw(*SEQUENCE, seed=k) for k in range(3))),
]  # fmt: skip


def tensors(result):
    return [result] if isinstance(result, torch.Tensor) else [t for part in result for t in tensors(part)] if (
        isinstance(result, (tuple, list))) else []


def test_every_layer_is_here():
    public = {name: getattr(nn, name) for name in dir(nn)}
    found = {name for name, kind in public.items() if inspect.isclass(kind) and issubclass(kind, nn.Module)}
    assert found - CONTAINERS == {type(layer).__name__ for layer, _ in CASES}


@pytest.mark.parametrize(("layer", "inputs"), CASES, ids=[str(layer).split("\n")[0] for layer, _ in CASES])
def test_layer(layer, inputs):
    """Results, gradients of inputs and parameters, and buffers, over two calls."""
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    parameters = list(layer.parameters())
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]

    def step(*given):
        wanted = [x for x in (*given, *parameters) if x.requires_grad]
        first, *others = given
        out = tensors(layer(UNIT(first), *map(UNIT, others)) if isinstance(layer, nn.BCELoss) else layer(*given))
        total = sum((t * t.cos()).sum() for t in out if t.is_floating_point())
        slopes = torch.autograd.grad(total, wanted, allow_unused=True)
        return [t.clone() for t in out], [g for g in slopes if g is not None]

    def two_calls(function):
        layer.load_state_dict(state)
        torch.manual_seed(5)
        results = [[t.tolist() for part in function(*leaves) for t in part] for _ in range(2)]
        return results, [value.tolist() for value in layer.state_dict().values()]

    expected, got = two_calls(step), two_calls(torch.compile(step))
    for a, b in zip(flat(got), flat(expected), strict=True):
        assert a == b or math.isclose(a, b, rel_tol=2e-5, abs_tol=2e-5) or (a != a and b != b)


def flat(nested):
    return [x for part in nested for x in flat(part)] if isinstance(nested, (list, tuple)) else [nested]


IMAGES, ROW, TEXT = draw(*IMAGE), draw(*ROWS), draw(*SEQUENCE)
FUNCTIONS = {
    "normalize": lambda: F.normalize(ROW, dim=1), "one_hot": lambda: F.one_hot(whole(5), 4),
    **{mode: lambda mode=mode: F.pad(IMAGES, (1, 2, 0, 1), mode=mode) for mode in ("reflect", "replicate", "circular")},
    "unfold and fold": lambda: F.fold(F.unfold(IMAGES, 2, padding=1), (6, 6), 2, padding=1),
    "causal attention": lambda: F.scaled_dot_product_attention(TEXT, TEXT, TEXT, is_causal=True),
    "masked attention": lambda: F.scaled_dot_product_attention(TEXT, TEXT, TEXT, torch.ones(5, 5).tril() > 0),
    "classes of pixels": lambda: F.cross_entropy(IMAGES, whole(2, 6, 6)),
    "shares of classes": lambda: F.cross_entropy(ROW, ROW.softmax(1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    got, want = (f().clone().tolist() for f in (torch.compile(FUNCTIONS[name]), FUNCTIONS[name]))
    assert flat(got) == pytest.approx(flat(want), rel=1e-5, abs=1e-6)


# -- whole steps -----------------------------------------------------------------------------------------------------


def image_net(*extra):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), *extra, nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True), nn.Flatten(), nn.Dropout(0.2 * len(extra)), nn.Linear(54, 3))  # fmt: skip


class Reader(nn.Module):
    """Something that reads sequences, and a line that classifies what it read last."""

    def __init__(self, body):
        super().__init__()
        self.body = body
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        out = self.body(x)
        return self.head((out[0] if isinstance(out, tuple) else out)[:, -1])


PICTURES, TEXTS = (6, 1, 14, 14), (6, 5, 8)
NETS = {
    "convolutions": (image_net, PICTURES),
    "with batch norm and dropout": (lambda: image_net(nn.BatchNorm2d(4)), PICTURES),
    "LSTM": (lambda: Reader(nn.LSTM(8, 8, batch_first=True)), TEXTS),
    "GRU": (lambda: Reader(nn.GRU(8, 8, batch_first=True)), TEXTS),
    "transformer": (lambda: Reader(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)), TEXTS),
    "two layers of it": (lambda: Reader(nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True), 2)), TEXTS),
}  # fmt: skip
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("net", NETS)
def test_training_equals_eager(net, optimizer):
    make, shape = NETS[net]
    runs = []
    for compiling in (False, True):
        torch.manual_seed(0)
        model = make().double()  # so that Adam does not blow up the rounding of a gradient that is 0
        update = OPTIMIZERS[optimizer](model.parameters())
        x, y = draw(*shape, dtype="float64"), whole(shape[0])

        def step(x=x, y=y, model=model, update=update):
            update.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            update.step()
            return loss

        call = torch.compile(step) if compiling else step
        losses = [call().item() for _ in range(8)]
        runs.append([*losses, *flat([value.tolist() for value in model.state_dict().values()]), torch.rand(1).item()])
    assert runs[0][7] < runs[0][0]
    assert runs[1] == pytest.approx(runs[0], rel=1e-6, abs=1e-8)


ORDERINGS = {
    "sort": lambda x: [x.sort(1).values, x.sort(0, descending=True)[0]],
    "topk": lambda x: [x.topk(2, 1).values, x.topk(3, 0, largest=False)[0]],
    "median": lambda x: [x.median(), x.median(1).values],
    "extrema along an axis": lambda x: [x.max(1).values, x.min(0, keepdim=True)[0], *x.aminmax()],
    "running": lambda x: [x.cumsum(1), x.cumprod(0)],
    "places": lambda x: [x * (x.argmax(1, keepdim=True) == torch.arange(4)), x.take_along_dim(x.argsort(0), 0)],
    "rearranged by a sort of another": lambda x: [x[x.sum(1).argsort()], x[:, (x * x).sum(0).argmin()]],
}


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", ORDERINGS)
def test_order_in_a_step(name, native):
    """Values and gradients, of numbers with ties and with NaN."""

    def step(x, *weights):
        out = ORDERINGS[name](x)
        total = sum((t * w.cos()).sum() for t, w in zip(out, weights, strict=True))
        return [t.clone() for t in out], torch.autograd.grad(total, x)[0]

    compiled = torch.compile(step, native=native)
    holes = draw(5, 4).masked_fill(draw(5, 4, seed=2) > 1.2, math.nan)
    for x in (draw(5, 4, dtype="float64"), draw(5, 4).round(), holes):
        x.requires_grad_()
        weights = [draw(*t.shape, seed=9, dtype=str(x.dtype)[6:]) for t in ORDERINGS[name](x)]
        (want, slope), (got, mine) = step(x, *weights), compiled(x, *weights)
        for a, b in zip([*got, mine], [*want, slope], strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6, atol=1e-6)
