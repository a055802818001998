"""Layers and small training programs: initial weights, printing, outputs, gradients and losses as in torch."""

import pytest

LAYERS = """
Linear(3, 4) | Linear(3, 4, bias=False) | Bilinear(2, 3, 4) | Embedding(5, 3) | Embedding(5, 3, padding_idx=-1)
Embedding(5, 3, max_norm=1.0) | LayerNorm(4) | LayerNorm((2, 3), elementwise_affine=False) | BatchNorm1d(3)
BatchNorm2d(3, affine=False) | GroupNorm(2, 4) | RMSNorm(4) | InstanceNorm2d(3) | Dropout(0.2) | Dropout2d()
AlphaDropout() | Conv1d(2, 4, 3) | Conv2d(2, 4, (3, 5), stride=2, padding=1, groups=2, bias=False)
Conv2d(2, 4, 3, padding='same', dilation=2, padding_mode='reflect') | MaxPool2d(2) | MaxPool1d(3, 1) | AvgPool2d(2)
AvgPool1d(3, 2) | AdaptiveAvgPool2d((2, 3)) | AdaptiveAvgPool1d(4) | Flatten() | Unflatten(1, (2, 3)) | Identity()
PReLU() | PReLU(3) | Softmax2d() | GLU() | ReLU(inplace=True) | ReLU6() | LeakyReLU(0.2, inplace=True) | ELU() | CELU()
SELU() | GELU() | GELU('tanh') | SiLU() | Mish() | Sigmoid() | Tanh() | Softplus() | Softsign() | LogSigmoid()
Tanhshrink() | Hardshrink() | Softshrink() | Hardsigmoid() | Hardswish() | Hardtanh() | Threshold(0.1, 20)
Softmax(dim=1) | Softmin(1) | LogSoftmax(1) | MSELoss() | L1Loss() | SmoothL1Loss() | HuberLoss() | CrossEntropyLoss()
NLLLoss() | BCELoss() | BCEWithLogitsLoss() | KLDivLoss() | PoissonNLLLoss() | GaussianNLLLoss() | SoftMarginLoss()
HingeEmbeddingLoss() | MarginRankingLoss() | CosineEmbeddingLoss() | TripletMarginLoss() | CosineSimilarity()
RNN(3, 4) | RNN(3, 4, nonlinearity='relu') | LSTM(3, 4, num_layers=2, dropout=0.5, bidirectional=True) | GRUCell(2, 3)
GRU(3, 4, batch_first=True, bias=False) | LSTMCell(3, 4) | RNNCell(2, 3, bias=False) | MultiheadAttention(4, 2)
TransformerEncoderLayer(4, 2, 8) | TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2)
Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 1))) | Sequential()
ConvTranspose1d(2, 4, 3) | ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False, 2) | ConvTranspose3d(1, 2, 2, output_padding=0)
Conv3d(2, 4, 3, padding=1) | MaxPool3d(2) | AvgPool3d(2, 1) | AdaptiveAvgPool3d(2) | AdaptiveMaxPool1d(3) | Dropout3d()
AdaptiveMaxPool2d((2, None)) | LocalResponseNorm(3) | Upsample(scale_factor=2) | Upsample((3, 4), mode='bilinear')
PixelShuffle(2) | PixelUnshuffle(2) | FeatureAlphaDropout(0.2) | MultiMarginLoss() | MultiLabelSoftMarginLoss()
EmbeddingBag(5, 3) | EmbeddingBag(5, 3, mode='max', padding_idx=1) | BatchNorm3d(2) | InstanceNorm1d(2)
Unfold(2, stride=2) | InstanceNorm3d(2, affine=True) | Fold((4, 5), kernel_size=(2, 2)) | ZeroPad2d(1)
ConstantPad1d((1, 2), 3.5) | ReflectionPad2d((1, 0, 2, 1)) | ReplicationPad3d(1) | CircularPad1d(2)
ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU()]) | ModuleDict({'a': nn.ReLU(), 'b': nn.Linear(1, 1)})
""".replace("\n", " | ").strip(" |").split(" | ")


def test_layers_of_images_and_of_vectors(both):
    def made(torch):
        torch.manual_seed(2)
        x, image = torch.randn(7), torch.randn(2, 3, 4, 5)
        norm, affine = torch.nn.InstanceNorm2d(3), torch.nn.InstanceNorm2d(3, affine=True, track_running_stats=True)
        return [norm(image), norm(image[0]), affine(image), affine.eval()(image), torch.nn.Dropout(0.4)(x)]

    both(made, rel=1e-5, abs=1e-6)


def test_borders_bags_and_volumes(both):
    def made(torch):
        torch.manual_seed(3)
        nn, image, volume = torch.nn, torch.randn(2, 3, 4, 5), torch.randn(2, 2, 3, 4, 5)
        pads = [nn.ZeroPad2d(1), nn.ConstantPad2d((1, 2, 0, 1), 3.5), nn.ReflectionPad2d((1, 0, 2, 1)),
                nn.ReplicationPad2d(2), nn.CircularPad2d(1)]
        bag, places = nn.EmbeddingBag(6, 2, mode="sum"), torch.tensor([1, 4, 2, 5])
        norms = [nn.BatchNorm3d(2)(volume), nn.InstanceNorm3d(2)(volume[0]), nn.InstanceNorm1d(3)(image[0])]
        folded = nn.Fold((4, 5), 2)(nn.Unfold(2)(image))
        others = [nn.EmbeddingBag(6, 2, mode=mode, padding_idx=pad)(torch.tensor([[1, 4, 4], [4, 4, 4], [2, 0, 5]]))
                  for mode in ("sum", "mean", "max") for pad in (None, 4)]
        bags = [bag(places, torch.tensor([0, 1])), bag(places.view(2, 2)), *others]
        return [pad(image) for pad in pads], bags, norms, folded

    both(made, rel=1e-5, abs=1e-6)


def test_recurrent_layers_take_packed_sequences(both):
    def made(torch, kind, bidirectional, dropout):
        torch.manual_seed(4)
        rnn = torch.nn.utils.rnn
        layer = getattr(torch.nn, kind)(3, 4, 2, bidirectional=bidirectional, dropout=dropout, batch_first=True)
        sequences = [torch.randn(n, 3, requires_grad=True) for n in (2, 5, 3, 5)]
        packed = rnn.pack_sequence(sequences, enforce_sorted=False)
        h = torch.randn(4 if bidirectional else 2, 4, 4)
        state = None if kind == "RNN" else (h, h.cos()) if kind == "LSTM" else h
        out, last = layer(packed, state)
        padded, lengths = rnn.pad_packed_sequence(out, batch_first=True)
        (padded.square().sum() + (last[0] if kind == "LSTM" else last).sin().sum()).backward()
        return padded, lengths, last, [s.grad for s in sequences], layer.weight_hh_l0.grad

    for kind in ("RNN", "LSTM", "GRU"):
        for bidirectional in (False, True):
            both(lambda torch, k=kind, b=bidirectional: made(torch, k, b, 0.3 * b), rel=1e-4, abs=1e-6)


def test_layers_start_and_print_as_in_torch(both):
    for layer in LAYERS:

        def made(torch, layer=layer):
            torch.manual_seed(2)
            module = eval("nn." + layer, {"nn": torch.nn})
            return repr(module), dict(module.state_dict()), [name for name, _ in module.named_modules()]

        both(made, rel=1e-6)


def trained(torch, model, x, y, loss, optimizer, steps=20):
    """The losses of a training run and where the parameters end."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses, [float((p.detach().double() ** 2).sum()) for p in model.parameters()]


def test_training_runs_alike(both, program):
    both(program, rel=1e-4, abs=1e-6)


def mlp_classifier(torch):
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    x, y = torch.randn(32, 8), torch.randint(0, 4, (32,))
    return trained(torch, model, x, y, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))


def dropout_net_with_adam(torch):
    torch.manual_seed(1)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Dropout(0.3), nn.LayerNorm(32), nn.Linear(32, 3),
                          nn.Dropout(0.1))
    x, y = torch.randn(16, 8), torch.randn(16, 3)
    return trained(torch, model, x, y, nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=0.01))


def small_convnet(torch):
    torch.manual_seed(2)
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3,
                                                                                                            stride=2,
        groups=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))  # fmt: skip
    x, y = torch.randn(8, 1, 12, 12), torch.randint(0, 4, (8,))
    losses = trained(torch, model, x, y, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=0.01))
    return losses, model.eval()(x), dict(model.state_dict())


def lstm_character_model(torch):
    torch.manual_seed(3)
    nn = torch.nn

    class CharModel(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(12, 6)
            self.lstm = nn.LSTM(6, 10, num_layers=2, batch_first=True, dropout=0.2)
            self.head = nn.Linear(10, 12)

        def forward(self, x):
            out, _ = self.lstm(self.embed(x))
            return self.head(out).reshape(-1, 12)

    text = torch.randint(0, 12, (4, 9))
    model = CharModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(10):
        loss = torch.nn.functional.cross_entropy(model(text[:, :-1]), text[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        losses.append((loss.item(), torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5).item()))
        optimizer.step()
    return losses


def gru_both_ways(torch):
    torch.manual_seed(4)
    model = torch.nn.GRU(3, 5, num_layers=2, bidirectional=True)
    out, h = model(torch.randn(6, 2, 3), torch.randn(4, 2, 5))
    (out.sum() + (h * h).sum()).backward()
    return out, h, [p.grad for p in model.parameters()]


def transformer_encoder(torch):
    torch.manual_seed(5)
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, activation="gelu")
    model = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3))
    x, y = torch.randn(4, 5, 8), torch.randn(4, 5, 3)
    return trained(torch, model, x, y, nn.SmoothL1Loss(), torch.optim.RMSprop(model.parameters(), lr=0.001), 5)


def attention_with_masks(torch):
    torch.manual_seed(6)
    q, k, v = (torch.randn(2, 3, 4, 8, requires_grad=True) for _ in range(3))
    attend = torch.nn.functional.scaled_dot_product_attention
    some = torch.rand(4, 4) > 0.3
    outs = [attend(q, k, v), attend(q, k, v, is_causal=True), attend(q, k, v, attn_mask=some | torch.eye(4).bool()),
            attend(q, k, v, attn_mask=torch.randn(4, 4), scale=0.5)]
    sum(o.sum() for o in outs).backward()
    mha = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    out, weights = mha(q[0], q[0], q[0], key_padding_mask=torch.tensor([[False] * 3 + [True]] * 3))
    return outs, q.grad, out, weights


def losses_of_every_kind(torch):
    torch.manual_seed(7)
    F = torch.nn.functional
    x, y = torch.randn(6, 5, requires_grad=True), torch.rand(6, 5)
    target, weight = torch.tensor([0, 4, 2, 2, 1, 3]), torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0])
    sign = (y > 0.5).float() * 2 - 1
    results = []
    for reduction in ("mean", "sum", "none"):
        for loss in (
            F.mse_loss(x, y, reduction=reduction), F.l1_loss(x, y, reduction=reduction),
            F.smooth_l1_loss(x, y, reduction=reduction, beta=0.5), F.huber_loss(x, y, reduction=reduction, delta=0.7),
            F.cross_entropy(x, target, reduction=reduction), F.cross_entropy(x, target, weight, reduction=reduction),
            F.cross_entropy(x, target, weight, ignore_index=2, label_smoothing=0.1, reduction=reduction),
            F.cross_entropy(x, y, weight, label_smoothing=0.1, reduction=reduction),
            F.nll_loss(x.log_softmax(1), target, weight, reduction=reduction),
            F.binary_cross_entropy(x.sigmoid(), y, reduction=reduction),
            F.binary_cross_entropy_with_logits(x, y, pos_weight=weight, reduction=reduction),
            F.kl_div(x.log_softmax(1), y, reduction=reduction), F.poisson_nll_loss(x, y, full=True,
                                                                                   reduction=reduction),
            F.kl_div(x.log_softmax(1), y.log(), reduction=reduction, log_target=True),
            F.gaussian_nll_loss(x, y, y + 0.1, full=True, reduction=reduction),
            F.hinge_embedding_loss(x, sign, reduction=reduction), F.soft_margin_loss(x, sign, reduction=reduction),
            F.margin_ranking_loss(x, y, sign, margin=0.1, reduction=reduction),
            F.cosine_embedding_loss(x, y, sign[:, 0], margin=0.1, reduction=reduction),
            F.triplet_margin_loss(x, y, sign, reduction=reduction),
        ):  # fmt: skip
            (g,) = torch.autograd.grad(loss.sum(), x)
            results.append((loss.detach(), g))
    image = torch.randn(2, 3, 4, requires_grad=True)
    results.append(F.cross_entropy(image, torch.tensor([[0, 1, 2, -100], [2, 2, 0, 1]])).item())
    results.append(F.cross_entropy(image[0, :, 0], torch.tensor(1)).item())
    return results


def activations_at_their_kinks(torch):
    F = torch.nn.functional
    results = []
    for function in (
        F.relu, F.relu6, F.leaky_relu, F.elu, F.celu, F.selu, F.gelu, lambda x: F.gelu(x, approximate="tanh"), F.silu,
        F.mish,
        F.softplus, F.logsigmoid, F.softsign, F.tanhshrink, F.hardshrink, F.softshrink, F.hardsigmoid, F.hardswish,
        F.hardtanh, lambda x: F.threshold(x, 0.1, 20.0), lambda x: F.softmax(x, 0), lambda x: F.softmin(x, 0),
        lambda x: F.log_softmax(x, -1), F.glu, lambda x: F.normalize(x, dim=0),
    ):  # fmt: skip
        x = torch.tensor([-100.0, -6.0, -3.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 3.0, 6.0, 30.0, 100.0],
                         requires_grad=True)
        y = function(x)
        y.sum().backward()
        results.append((y.detach(), x.grad))
    return results


def pools_and_convolutions(torch):
    torch.manual_seed(8)
    F = torch.nn.functional
    x, w = torch.randn(2, 4, 9, 7, requires_grad=True), torch.randn(6, 2, 3, 2, requires_grad=True)
    outs = [
        F.conv2d(x, w, torch.randn(6), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2),
        F.conv2d(x, w, padding="same", groups=2), F.conv1d(x[:, :, 0], w[:, :, 0], groups=2), F.conv2d(x[0], w,
                                                                                                       groups=2),
        F.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, (2, 3), ceil_mode=True), *F.max_pool2d(x, 2, 1, return_indices=True),
        F.avg_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), F.avg_pool2d(x, 3, 2, 1,
                                                                                         count_include_pad=False),
        F.avg_pool2d(x, 2, divisor_override=3), F.avg_pool1d(x[0], 3, 2, 1, ceil_mode=True, count_include_pad=False),
        F.max_pool1d(x[0], 3, 2, 1, 2), F.adaptive_avg_pool2d(x, (4, 3)), F.adaptive_avg_pool2d(x, (None, 1)),
        F.adaptive_avg_pool1d(x[0], 5), F.pad(x, (1, 2, 0, 3), value=2.0), F.pad(x, (1, 2, 1, 0), mode="reflect"),
    ]  # fmt: skip
    sum((o * o).sum() for o in outs if o.requires_grad).backward()
    return [o.detach() for o in outs], x.grad, w.grad


def norms_and_their_statistics(torch):
    torch.manual_seed(9)
    nn = torch.nn
    x = torch.randn(4, 6, 5, requires_grad=True)
    results = []
    for layer in (nn.BatchNorm1d(6), nn.BatchNorm1d(6, momentum=None), nn.BatchNorm1d(6, track_running_stats=False),
                  nn.GroupNorm(3, 6), nn.LayerNorm((6, 5)), nn.RMSNorm(5, eps=1e-3)):
        for _ in range(2):
            out = layer(x * 2 + 1)
        (g,) = torch.autograd.grad((out * out * out).sum(), x)
        results.append((out.detach(), g, dict(layer.state_dict()), layer.eval()(x).detach()))
    return results


def embeddings_of_every_kind(torch):
    torch.manual_seed(10)
    nn = torch.nn
    ids = torch.tensor([[0, 2], [3, 2]])
    results = []
    for layer in (nn.Embedding(4, 3), nn.Embedding(4, 3, padding_idx=2), nn.Embedding(4, 3, max_norm=0.5)):
        out = layer(ids)
        (out * out).sum().backward()
        results.append((out.detach(), layer.weight.grad, layer.weight.detach()))
    frozen = nn.Embedding.from_pretrained(torch.eye(3))
    return results, frozen(torch.tensor([1])), frozen.weight.requires_grad, nn.functional.one_hot(ids, 5)


def names_on_the_tape(torch):
    torch.manual_seed(11)
    nn, F = torch.nn, torch.nn.functional
    x, y = torch.randn(3, 4), torch.randn(3, 2)
    out = nn.Linear(4, 2)(x)
    losses = [nn.MSELoss()(out, y), F.l1_loss(out, y), nn.CrossEntropyLoss()(out, torch.tensor([0, 1, 1])),
              out.relu().sum(),
              F.dropout(out, 0.5), F.dropout(out[0], 0.5), nn.LayerNorm(2)(out), nn.SmoothL1Loss()(out, y),
              nn.HuberLoss()(out, y)]
    return out.grad_fn.name(), [loss.grad_fn.name() for loss in losses]


@pytest.mark.parametrize("name",
                         "xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_ zeros_ ones_ eye_".split())
def test_initial_values(both, name):
    def filled(torch):
        torch.manual_seed(0)
        results = [getattr(torch.nn.init, name)(torch.empty(5, 3))]
        if "_uniform_" in name:
            results += [torch.nn.init.kaiming_uniform_(torch.empty(4, 3, 2, 2), mode="fan_out", nonlinearity="relu"),
                        torch.nn.init.uniform_(torch.empty(3), -1, 2), torch.nn.init.normal_(torch.empty(20), 1, 0.1)]
        return results

    both(filled, rel=2e-6, abs=2e-6)
