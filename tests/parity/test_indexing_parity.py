"""Random keys and random moves under torch and under chainrule: values, gradients, views, errors."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import chainrule

MODULES = (torch, chainrule)
many = settings(max_examples=150, suppress_health_check=list(HealthCheck))
sizes = st.integers(0, 3)
shapes = st.lists(sizes, max_size=4).map(tuple)


@st.composite
def keys(draw, shape, spoil=False):
    """A key for a tensor of this shape, in NumPy's and Python's terms; arrays stand for tensors."""
    parts, axis, advanced, dotted = [], 0, 0, False
    common = draw(st.lists(st.integers(1, 3), max_size=2).map(tuple))
    while True:
        left = len(shape) - axis
        kinds = ["none"] + ["dots"] * (not dotted) + ["stop"] * 2
        if left:
            kinds += ["slice"] * 3 + (["int", "array", "list", "number"] if shape[axis] else []) + ["mask", "bool"]
        kind = draw(st.sampled_from(kinds))
        if kind == "stop" or len(parts) > 5:
            break
        size = shape[axis] if left else 0
        place = st.integers(-size - spoil, size - 1 + spoil)
        if kind == "none":
            parts.append(None)
        elif kind == "dots":
            dotted = True
            parts.append(...)
            axis += draw(st.integers(0, left))
        elif kind == "slice":
            bound = st.none() | st.integers(-size - 1, size + 1)
            parts.append(slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3))))
            axis += 1
        elif kind == "int":
            parts.append(draw(place))
            axis += 1
        elif kind == "number":
            parts.append(np.array(draw(place)))
            axis += 1
        elif kind == "array":
            own = tuple(1 if draw(st.booleans()) else s for s in common)
            count = int(np.prod(own))
            parts.append(np.array(draw(st.lists(place, min_size=count, max_size=count)), int).reshape(own))
            advanced += 1
            axis += 1
        elif kind == "list":
            assume(len(common) <= 1)
            n = common[0] if common else 1
            parts.append(draw(st.lists(place, min_size=n, max_size=n)))
            axis += 1
        elif kind == "bool":
            parts.append(draw(st.booleans()))
        elif kind == "mask":
            span = draw(st.integers(1, min(2, left)))
            assume(not advanced and not any(isinstance(p, np.ndarray) and p.dtype == bool for p in parts))
            advanced += 1
            count = int(np.prod(shape[axis : axis + span]))
            parts.append(np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
                         .reshape(shape[axis : axis + span]))
            axis += span
    return tuple(parts) if draw(st.booleans()) or len(parts) != 1 else parts[0]


def under(module, key):
    """The key with tensors for arrays."""
    if isinstance(key, tuple):
        return tuple(under(module, k) for k in key)
    return module.tensor(key) if isinstance(key, np.ndarray) else key


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).uniform(0.5, 1.5, shape)


def outcomes(program):
    """What a program gives under each module: arrays, or the exception."""
    found = []
    for module in MODULES:
        try:
            result = program(module)
            found.append([np.array(r.detach().numpy()) if hasattr(r, "detach") else r for r in result])
        except Exception as error:
            found.append(error)
    return found


def agree(program):
    theirs, ours = outcomes(program)
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"torch: {theirs!r}, here: {ours}"
        assert isinstance(ours, type(theirs)), f"torch: {theirs!r}, here: {ours!r}"
        return
    if isinstance(ours, Exception):
        raise AssertionError(f"torch: {theirs}") from ours
    assert len(theirs) == len(ours)
    for a, b in zip(theirs, ours):
        if isinstance(a, np.ndarray):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(b, a, rtol=1e-12)
        else:
            assert a == b


def moment(out, module):
    return (out * module.tensor(numbers(*out.shape, seed=5))).sum()


@st.composite
def parts(draw):
    """A shape, a key, and the numbers of the elements that it selects in torch; None where it refuses."""
    shape = draw(shapes)
    spoil = 0 not in shape and draw(st.sampled_from([False, False, False, True]))
    key = draw(keys(shape, spoil))
    try:
        part = torch.arange(int(np.prod(shape))).reshape(shape)[under(torch, key)]
    except IndexError:
        return shape, key, None
    assume(part.numel() or not spoil)  # where nothing is read, torch does not look at the positions
    return shape, key, part


@many
@given(parts())
def test_read(given):
    shape, key, _ = given

    def program(module):
        x = module.tensor(numbers(*shape), requires_grad=True)
        out = x[under(module, key)]
        moment(out, module).backward()
        view = out._base is not None and out.numel() > 0
        return [out, x.grad, view, view and out.is_contiguous(),
                view and [s for s, n in zip(out.stride(), out.shape) if n > 1]]

    agree(program)


@many
@given(parts(), st.data())
def test_write(given, data):
    shape, key, selected = given
    part = () if selected is None else tuple(selected.shape)
    by_position = any(isinstance(k, (np.ndarray, list)) for k in (key if isinstance(key, tuple) else [key]))
    if selected is not None and by_position:
        assume(len(set(selected.flatten().tolist())) == selected.numel())  # or who knows which of several values stays
    kind = data.draw(st.sampled_from(["number", "tensor", "broadcast", "augmented", "leading", "misfit"]))
    leaf, needed = data.draw(st.booleans()), data.draw(st.booleans())
    view = data.draw(st.sampled_from(["none", "permuted", "of a view"]))

    given = {"broadcast": part[1:], "leading": (1, *part), "misfit": (*part[:-1], 7)}.get(kind, part)
    assume(leaf or view == "none" or kind != "augmented")  # where the part is all, PyTorch calls the view's base a leaf

    def program(module):
        x = module.tensor(numbers(*shape), requires_grad=leaf)
        v = module.tensor(numbers(*given, seed=1), requires_grad=needed)
        base = x * 2
        if view == "permuted":
            base = base.permute(tuple(reversed(range(base.ndim)))).clone()
            y = base.permute(tuple(reversed(range(base.ndim))))
        elif view == "of a view":
            base = module.cat([base.reshape(-1), base.reshape(-1)])
            y = base[: base.numel() // 2].view(shape)
        else:
            y = base
        before = y * 1
        if kind == "number":
            y[under(module, key)] = 3.0
        elif kind == "augmented":
            y[under(module, key)] *= v
        else:
            y[under(module, key)] = v
        loss = moment(y, module) + moment(base * base, module) + moment(before, module)
        if loss.requires_grad:
            loss.backward()
        return [y, base, before, x.grad, v.grad if v.grad is not None else module.zeros(v.shape, dtype=v.dtype)]

    agree(program)


@many
@given(st.data())
def test_moves(data):
    shape = data.draw(st.lists(sizes, min_size=1, max_size=4).map(tuple))
    ndim = len(shape)
    dim, other = (data.draw(st.integers(-ndim, ndim - 1)) for _ in range(2))
    n, m = data.draw(st.integers(-3, 4)), data.draw(st.integers(0, 4))
    word = data.draw(st.sampled_from(sorted(MOVES)))

    if word == "pad":
        n = max(n, -shape[-1])
    if "index" in word:  # where a position is not there both refuse, with different exceptions
        assume(shape[dim])
        n, m = n % shape[dim], m % shape[dim]

    def program(module):
        x = module.tensor(numbers(*shape), requires_grad=True)
        out = MOVES[word](module, x, dim, other, n, m)
        outs = [out] if not isinstance(out, (tuple, list)) else list(out)
        sum((moment(o, module) for o in outs), module.zeros((), dtype=module.float64)).backward()
        return [*outs, x.grad, *(o._base is not None for o in outs if word in VIEWS and o.numel())]

    agree(program)


VIEWS = ("chunk", "diagonal", "movedim", "narrow", "select", "split", "swapaxes", "unbind", "unfold")
MOVES = {
    "flip": lambda t, x, a, b, n, m: t.flip(x, (a,)),
    "flip two": lambda t, x, a, b, n, m: x.flip(a, b),
    "roll": lambda t, x, a, b, n, m: t.roll(x, n, a),
    "roll all": lambda t, x, a, b, n, m: x.roll((n, m), (a, b)),
    "narrow": lambda t, x, a, b, n, m: x.narrow(a, n, m),
    "select": lambda t, x, a, b, n, m: x.select(a, n),
    "split": lambda t, x, a, b, n, m: x.split(m, a),
    "chunk": lambda t, x, a, b, n, m: x.chunk(m, a),
    "unbind": lambda t, x, a, b, n, m: x.unbind(a),
    "tensor_split": lambda t, x, a, b, n, m: x.tensor_split(m, a),
    "tensor_split at": lambda t, x, a, b, n, m: x.tensor_split((n, m), a),
    "movedim": lambda t, x, a, b, n, m: x.movedim(a, b),
    "swapaxes": lambda t, x, a, b, n, m: x.swapaxes(a, b),
    "diagonal": lambda t, x, a, b, n, m: x.diagonal(n, a, b),
    "diag_embed": lambda t, x, a, b, n, m: x.diag_embed(n, a, b),
    "tril": lambda t, x, a, b, n, m: x.tril(n),
    "triu": lambda t, x, a, b, n, m: x.triu(n),
    "repeat": lambda t, x, a, b, n, m: x.repeat(m, *(1,) * (x.ndim - 1)),
    "tile": lambda t, x, a, b, n, m: x.tile((m, 2)),
    "repeat_interleave": lambda t, x, a, b, n, m: x.repeat_interleave(m, a),
    "unfold": lambda t, x, a, b, n, m: x.unfold(a, m, max(n, 1)),
    "cat": lambda t, x, a, b, n, m: t.cat([x, 2 * x.narrow(a, 0, min(m, x.shape[a])), x], a),
    "stack": lambda t, x, a, b, n, m: t.stack([x, x], a),
    "squeeze": lambda t, x, a, b, n, m: x.squeeze(a),
    "squeeze dims": lambda t, x, a, b, n, m: x.squeeze((a, b)),
    "unflatten": lambda t, x, a, b, n, m: x.unflatten(a, (m, -1)),
    "rot90": lambda t, x, a, b, n, m: x.rot90(n, (a, b)),
    "pad": lambda t, x, a, b, n, m: t.nn.functional.pad(x, (n, m), value=2.0),
    "index_select": lambda t, x, a, b, n, m: x.index_select(a, t.tensor([n, m])),
    "take_along_dim": lambda t, x, a, b, n, m: x.take_along_dim(t.full((1,) * x.ndim, n), a),
    "gather": lambda t, x, a, b, n, m: x.gather(a, t.full((1,) * x.ndim, n)),
    "scatter": lambda t, x, a, b, n, m: x.scatter(a, t.full((1,) * x.ndim, n), 7.0),
    "index_add": lambda t, x, a, b, n, m: x.index_add(a, t.tensor([n]), x.narrow(a, 0, 1), alpha=2),
    "hstack": lambda t, x, a, b, n, m: t.hstack((x, x)),
    "masked_select": lambda t, x, a, b, n, m: x.masked_select(x > 1),
}


@pytest.mark.parametrize("name", ["contiguous", "transposed", "sliced", "diagonal", "unfolded", "expanded"])
def test_memory(name):
    """Addresses, strides and offsets of views are torch's."""
    def program(module):
        x = module.arange(24.0).reshape(4, 6)
        y = {"contiguous": x, "transposed": x.t(), "sliced": x[1:, ::2], "diagonal": x.diagonal(1),
             "unfolded": x.unfold(1, 3, 2), "expanded": x[:, :1].expand(4, 5)}[name]
        offset = (y.data_ptr() - x.data_ptr()) // y.element_size()
        return [y, y.stride(), y.storage_offset(), offset, y.is_contiguous(), y.contiguous().stride()]

    agree(program)
