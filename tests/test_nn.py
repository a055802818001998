"""Modules: what registers itself, hooks, states, containers; layers in terms of the words they are made of."""

import copy
import pickle

import pytest

import chainrule as torch
from chainrule import nn
from chainrule.nn import functional as F


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 1, bias=False)
        self.register_buffer("scale", torch.tensor(2.0))
        self.register_buffer("hidden", torch.tensor(0.0), persistent=False)
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.second(self.first(x).relu()) * self.scale + self.shift


def test_attributes_register_themselves():
    pair = Pair()
    assert [n for n, _ in pair.named_parameters()] == ["shift", "first.weight", "first.bias", "second.weight"]
    assert [n for n, _ in pair.named_buffers()] == ["scale", "hidden"]
    assert [n for n, _ in pair.named_modules()] == ["", "first", "second"]
    assert list(pair.state_dict()) == ["shift", "scale", "first.weight", "first.bias", "second.weight"]
    assert pair.get_parameter("first.weight") is pair.first.weight
    assert isinstance(pair.shift, torch.Tensor)
    assert pair.shift.requires_grad
    assert pair.shift.is_leaf
    pair.shift = None
    assert "shift" not in dict(pair.named_parameters())
    assert pair.shift is None
    del pair.first
    assert not hasattr(pair, "first")


def test_a_shared_parameter_counts_once_and_is_saved_twice():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    net(torch.ones(1, 2)).sum().backward()
    assert net[1].weight.grad is net[0].weight.grad


@pytest.mark.parametrize(("wrong", "error", "says"), [
    (lambda m: setattr(m, "shift", torch.zeros(1)), TypeError, "torch.nn.Parameter or None"),
    (lambda m: setattr(m, "first", 3), TypeError, "child module 'first'"),
    (lambda m: setattr(m, "scale", "2"), TypeError, "buffer 'scale'"),
    (lambda m: m.register_parameter("a.b", None), KeyError, "name can"),
    (lambda m: m.register_buffer("forward", None), KeyError, "already exists"),
    (lambda m: m.register_parameter("new", torch.zeros(1)), TypeError, "Parameter or None required"),
    (lambda m: m.missing, AttributeError, "'Pair' object has no attribute 'missing'"),
    (lambda m: m.get_submodule("first.inner"), AttributeError, "inner"),
    (lambda m: m.train(1), ValueError, "boolean"),
    (lambda m: m.load_state_dict({}), RuntimeError, 'Missing key(s) in state_dict: "shift", "scale"'),
    (lambda m: m.load_state_dict({**m.state_dict(), "x": 1}), RuntimeError, 'Unexpected key(s) in state_dict: "x"'),
    (lambda m: m.load_state_dict({**m.state_dict(), "shift": torch.zeros(2)}), RuntimeError, "size mismatch for shift"),
    (lambda m: nn.Module()(1), NotImplementedError, "forward"),
    (lambda m: m(torch.ones(1, 3)), RuntimeError, "do not fit"),
])  # fmt: skip
def test_refusals(wrong, error, says):
    with pytest.raises(error) as caught:
        wrong(Pair())
    assert says in str(caught.value)


def test_assigning_before_init_says_what_is_missing():
    class Hasty(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Hasty()


def test_states_load_into_the_same_memory():
    a, b = Pair(), Pair()
    memory = b.first.weight.data_ptr()
    assert str(b.load_state_dict(a.state_dict())) == "<All keys matched successfully>"
    assert b.first.weight.data_ptr() == memory
    assert (b.first.weight == a.first.weight).all()
    found = b.load_state_dict({"extra": torch.ones(1), "shift": torch.ones(1)}, strict=False)
    assert found.unexpected_keys == ["extra"]
    assert "scale" in found.missing_keys
    assert b.shift.item() == 1
    given = {name: value + 1 for name, value in a.state_dict().items()}
    b.load_state_dict(given, assign=True)
    assert b.scale is given["scale"]
    assert isinstance(b.shift, nn.Parameter)
    assert b.shift.requires_grad


def test_conversions_copies_and_pickles():
    pair = Pair()
    weight = pair.first.weight
    pair(torch.ones(1, 2)).sum().backward()
    assert pair.double() is pair
    assert pair.first.weight is weight
    assert weight.dtype == weight.grad.dtype == pair.scale.dtype == torch.float64
    pair.float()
    for twin in (copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))):
        assert isinstance(twin.shift, nn.Parameter)
        assert twin.first.weight is not weight
        assert (twin(torch.ones(1, 2)) == pair(torch.ones(1, 2))).all()
    pair.requires_grad_(False)
    assert not any(p.requires_grad for p in pair.parameters())
    pair.zero_grad()
    assert all(p.grad is None for p in pair.parameters())


def test_modes_reach_every_module():
    net = nn.Sequential(nn.Dropout(1.0), nn.Sequential(nn.Dropout(1.0)))
    assert set(nn.Dropout(0.5)(torch.ones(30)).tolist()) == {0, 2}
    assert net(torch.ones(3)).tolist() == [0, 0, 0]
    assert net.eval()(torch.ones(3)).tolist() == [1, 1, 1]
    names = []
    net.apply(lambda module: names.append(type(module).__name__))
    assert names == ["Dropout", "Dropout", "Sequential", "Sequential"]


def test_forward_hooks_see_and_replace():
    double = nn.Linear(1, 1, bias=False)
    double.weight.data.fill_(2.0)
    seen = []
    pre = double.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    after = double.register_forward_hook(lambda module, args, out: seen.append((args[0].item(), out.item())))
    first = double.register_forward_hook(lambda module, args, kwargs, out: out * 10, with_kwargs=True, prepend=True)
    assert double(torch.tensor([1.0])).item() == 40
    assert seen == [(2.0, 40.0)]
    pre.remove()
    first.remove()
    with after:
        assert double(torch.tensor([1.0])).item() == 2
    assert double(torch.tensor([1.0])).item() == 2
    assert len(seen) == 2
    assert not double._hooks


def test_backward_hooks_see_and_replace_gradients():
    layer, seen = nn.Linear(2, 1, bias=False), []
    layer.weight.data.fill_(3.0)

    def see(module, grad_input, grad_output):
        seen.append((grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 100,)

    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    layer.register_full_backward_hook(see)
    x = torch.ones(1, 2, requires_grad=True)
    (layer(x) + x.sum()).sum().backward()
    assert seen == [([[6.0, 6.0]], [[2.0]])]
    assert x.grad.tolist() == [[601.0, 601.0]]
    assert layer.weight.grad.tolist() == [[2.0, 2.0]]


def test_containers():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(net) == 3
    assert isinstance(net[-1], nn.Linear)
    assert len(net[:2]) == 2
    net.append(nn.Tanh()).insert(1, nn.Identity())
    assert [type(m).__name__ for m in net] == ["Linear", "Identity", "ReLU", "Linear", "Tanh"]
    del net[1]
    net[1] = nn.Sigmoid()
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert isinstance(net[1], nn.Sigmoid)
    with pytest.raises(IndexError, match="out of range"):
        net[7]
    items = nn.ModuleList([nn.Linear(1, 1)])
    items += [nn.ReLU()]
    assert [type(m).__name__ for m in items] == ["Linear", "ReLU"]
    assert len(list(items.parameters())) == 2
    named = nn.ModuleDict({"a": nn.ReLU()})
    named["b"] = nn.Linear(1, 1)
    assert list(named) == ["a", "b"]
    assert "b" in named
    assert [n for n, _ in named.named_parameters()] == ["b.weight", "b.bias"]
    many = nn.ParameterList([torch.zeros(2), nn.Parameter(torch.ones(1))])
    assert [n for n, _ in many.named_parameters()] == ["0", "1"]
    assert isinstance(many[0], nn.Parameter)
    assert [n for n, _ in nn.ParameterDict({"w": torch.zeros(1)}).named_parameters()] == ["w"]


def test_parameters_print_as_such():
    assert repr(nn.Parameter(torch.zeros(1))) == "Parameter containing:\ntensor([0.], requires_grad=True)"
    assert repr(Pair()).splitlines()[1] == "  (first): Linear(in_features=2, out_features=3, bias=True)"


def test_convolution_is_a_sum_over_windows():
    torch.manual_seed(0)
    x, w = torch.randn(1, 2, 4, 5), torch.randn(3, 2, 2, 3)
    out = F.conv2d(x, w)
    for o, i, j in ((0, 0, 0), (2, 2, 1), (1, 1, 2)):
        assert abs(out[0, o, i, j].item() - (x[0, :, i : i + 2, j : j + 3] * w[o]).sum().item()) < 1e-5
    with pytest.raises(RuntimeError, match="channels"):
        F.conv2d(x, torch.randn(3, 1, 2, 2))
    with pytest.raises(RuntimeError, match="Kernel size"):
        F.conv2d(x, torch.randn(3, 2, 5, 5))


def test_a_pooled_maximum_takes_the_gradient_once():
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]


def test_gradients_of_layers_are_their_central_differences():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    w = torch.randn(3, 4, 3, dtype=torch.float64, requires_grad=True)
    gradcheck = torch.autograd.gradcheck
    assert gradcheck(lambda x, w: F.conv1d(x, w, stride=2, padding=1), (x, w))
    assert gradcheck(lambda x: F.layer_norm(x, (6,)), (x,))
    assert gradcheck(lambda x: F.group_norm(x, 2), (x,))
    assert gradcheck(lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1, is_causal=True), (x,))
    assert gradcheck(lambda x: F.cross_entropy(x, torch.ones(2, 6).long(), label_smoothing=0.1), (x,))
    assert gradcheck(lambda x: nn.GRU(6, 2).double()(x)[0] * 0 + F.gelu(x).sum(), (x,))


@pytest.mark.parametrize(("wrong", "error", "says"), [
    (lambda: F.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3])), IndexError, "Target 3 is out of bounds"),
    (lambda: F.cross_entropy(torch.zeros(2, 3), torch.tensor([0])), RuntimeError, "expected a target of shape [2]"),
    (lambda: F.nll_loss(torch.zeros(2, 3), torch.zeros(2)), RuntimeError, "expected scalar type Long"),
    (lambda: F.mse_loss(torch.zeros(1), torch.zeros(1), reduction="avg"), ValueError, "avg is not a valid value"),
    (lambda: F.dropout(torch.zeros(1), 1.5), ValueError, "between 0 and 1"),
    (lambda: F.max_pool2d(torch.zeros(1, 0, 3, 3), 1), RuntimeError, r"max_pool2d: Expected 3D or 4D .*0, 3, 3"),
    (lambda: F.avg_pool1d(torch.zeros(2, 0), 1), RuntimeError, r"avg_pool1d: Expected 2D or 3D .*1, 2, 0"),
    (lambda: nn.ReLU(1, 2), TypeError, "ReLU"),
    (lambda: nn.BatchNorm1d(3)(torch.zeros(1, 3)), ValueError, "Expected more than 1 value per channel"),
    (lambda: nn.BatchNorm2d(3)(torch.zeros(1, 3)), ValueError, "expected 4D input"),
    (lambda: nn.LSTM(3, 4)(torch.zeros(2, 5)), RuntimeError, "Expected 3, got 5"),
    (lambda: F.layer_norm(torch.zeros(2, 3), (2,)), RuntimeError, "normalized_shape=[2]"),
    (lambda: nn.init.xavier_uniform_(torch.zeros(3)), ValueError, "fewer than 2 dimensions"),
])  # fmt: skip
def test_layers_refuse(wrong, error, says):
    with pytest.raises(error) as caught:
        wrong()
    assert says in str(caught.value)


def test_a_loss_warns_of_broadcasting():
    with pytest.warns(UserWarning, match="target size"):
        F.mse_loss(torch.zeros(3), torch.zeros(3, 1))
