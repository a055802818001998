"""Hooks on tensors, nodes and leaves; anomaly mode. What equals torch is in tests/parity/test_hooks.py."""

import gc
import weakref

import pytest

import chainrule as torch


def leaf(*values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_hooks_run_in_order_and_replace():
    x, order = leaf(), []
    x.register_hook(lambda g: order.append(1) or g * 10)
    handle = x.register_hook(lambda g: order.append(2) or g + 1)
    (x * 2).backward()
    handle.remove()
    (x * 2).backward()
    assert order == [1, 2, 1]
    assert x.grad.item() == 21 + 20


def test_node_hooks_on_both_paths():
    for create_graph in (False, True, False):  # a node with a plan and one without
        x, seen = leaf(), []
        y = x * x
        y.grad_fn.register_prehook(lambda outer: (outer[0] * 2,))
        y.grad_fn.register_hook(lambda inner, outer, seen=seen: seen.append(outer[0].item()) or (None, inner[1]))
        y.backward(create_graph=create_graph)
        assert seen == [2]
        assert x.grad.item() == 6


def test_the_engine_frees_what_a_watched_node_saved():
    x = leaf(1.0, 2.0)
    y = x * x
    y.grad_fn.register_hook(lambda inner, outer: None)
    y.sum().backward()
    assert y.grad_fn.saved is None


def test_after_accumulation_on_both_paths():
    x, seen = leaf(), []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).backward()
    (x * 2).backward(create_graph=True)
    handle.remove()
    (x * 2).backward()
    assert seen == [2, 4]
    assert x.grad.item() == 6


def test_hooks_in_a_compiled_step():
    def step(x):
        h = x * 2
        h.register_hook(lambda g: g * 10)
        (h * h).sum().backward()
        g = x.grad
        x.grad = None
        return g

    x = leaf(1.0, 2.0)
    assert torch.compile(step)(x).tolist() == step(leaf(1.0, 2.0)).tolist() == [80, 160]


def test_a_hook_may_not_change_the_size():
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match=r"changed the size of value.*\[2\].*\[\]"):
        (x * 2).sum().backward()


def test_a_watched_node_goes_with_its_tensor():
    x = leaf()
    y = x * 2
    y.grad_fn.register_hook(lambda inner, outer: None)
    node = weakref.ref(y.grad_fn)
    del y
    gc.collect()
    assert node() is None


def test_anomaly_mode_names_the_line():
    x = leaf(0.0)
    y = x.sqrt() * 0  # the culprit
    with (
        pytest.raises(RuntimeError, match=r"'SqrtBackward0' returned nan.*the culprit"),
        torch.autograd.detect_anomaly(),
    ):
        y.sum().backward()
    (leaf(4.0).sqrt() * 0).sum().backward()
    assert not torch.is_anomaly_enabled()


def test_anomaly_mode_notes_the_line_of_an_error():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise KeyError("lost")

    y = Broken.apply(leaf())  # applied here
    with pytest.raises(KeyError) as caught, torch.autograd.detect_anomaly(check_nan=False):
        y.backward()
    assert "applied here" in caught.value.__notes__[0]


def test_anomaly_mode_leaves_nodes_as_they_were():
    x = leaf(4.0)
    y = x.sqrt()
    with torch.autograd.detect_anomaly():
        y.sum().backward(retain_graph=True)
    assert "send" not in vars(y.grad_fn)
    y.sum().backward()
    assert x.grad.item() == 0.5


@pytest.mark.parametrize("fold", [lambda x: x.sum(), lambda x: x.mean(), lambda x: x[0] * 1])
def test_the_gradient_of_a_leaf_can_be_written(fold):
    for _ in range(3):  # from the second time on by a plan
        x = leaf(1.0, 2.0)
        fold(x).backward()
        assert x.grad.zero_().tolist() == [0, 0]


def test_gradients_of_two_leaves_have_their_own_memory():
    for _ in range(3):
        x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
        (x + y).sum().backward()
        x.grad[0] = 7
        assert y.grad.tolist() == [1, 1]
