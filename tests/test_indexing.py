"""Parts of tensors: reading, writing, views of views, gradients against central differences, memory and versions."""

import numpy as np
import pytest

import chainrule as torch
from chainrule.errors import LeafError, VersionError
from chainrule.gradcheck import gradcheck, gradgradcheck


def numbers(*shape, seed=0):
    return torch.tensor(np.random.default_rng([seed, *shape]).uniform(0.5, 1.5, shape))


def leaf(*shape, seed=0):
    return numbers(*shape, seed=seed).requires_grad_()


MASK = torch.tensor([[True, False, True], [False, True, True]])
ROWS = torch.tensor([1, 0, 1])

READS = {
    "int": lambda x: x[1],
    "negative int": lambda x: x[-1, 2],
    "slice": lambda x: x[:, 1:],
    "step": lambda x: x[::2, ::2],
    "none and dots": lambda x: x[None, ..., 0],
    "list": lambda x: x[[1, 0]],
    "positions": lambda x: x[ROWS],
    "positions that meet": lambda x: x[ROWS, torch.tensor([2, 2, 2])],
    "positions that broadcast": lambda x: x[torch.tensor([[0], [1]]), ROWS],
    "int beside positions": lambda x: x[0, ROWS],
    "mask": lambda x: x[MASK],
    "row mask": lambda x: x[torch.tensor([False, True])],
    "0-d positions": lambda x: x[torch.tensor(1)],
    "bool": lambda x: x[True],
    "array": lambda x: x[:, np.array([0, 2])],
    "range": lambda x: x[:, range(2)],
    "index_select": lambda x: x.index_select(1, ROWS),
    "gather": lambda x: x.gather(1, torch.tensor([[2, 2, 0], [1, 0, 1]])),
    "take_along_dim": lambda x: x.take_along_dim(torch.tensor([[1], [0]]), 1),
    "masked_select": lambda x: x.masked_select(MASK),
    "diagonal": lambda x: x.diagonal(1),
    "unfold": lambda x: x.unfold(1, 2, 1),
    "windows": lambda x: x.windows((0, 1), (2, 2), (1, 1), (1, 1)),
    "cat": lambda x: torch.cat([x, x[:1], x * 2]),
    "stack": lambda x: torch.stack([x, x], 1),
    "flip": lambda x: x.flip(0, 1),
    "roll": lambda x: x.roll((1, 2), (0, 1)),
    "tril": lambda x: x.tril(1),
    "triu": lambda x: x.triu(),
    "diag_embed": lambda x: x.diag_embed(1),
    "repeat": lambda x: x.repeat(2, 1, 2),
    "repeat_interleave": lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 1),
    "pad": lambda x: x.pad((1, -1, 0, 2), value=3.0),
    "reflect": lambda x: x.pad((2, 1), "reflect"),
    "circular": lambda x: x.pad((1, 2), "circular"),
    "replicate": lambda x: x.pad((1, 2, 1, 0), "replicate"),
    "split": lambda x: torch.cat([p * k for k, p in enumerate(x.split((1, 2), 1))], 1),
    "unbind": lambda x: x.unbind(1)[2],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_gradients_of_reads(read):
    assert gradcheck(read, (leaf(2, 3),))
    assert gradgradcheck(lambda x: read(x * x), (leaf(2, 3),))


def written(write):
    """A function of a base and a value that writes into a copy of the base, through a chain of views."""
    def program(x, v):
        base = x * 1
        write(base, v)
        return base * base

    return program


WRITES = {
    "row": (lambda y, v: y.__setitem__(0, v), (3,)),
    "column of the transpose": (lambda y, v: y.t().__setitem__((0, slice(None)), v), (2,)),
    "slice of a slice": (lambda y, v: y[:, 1:].__setitem__((slice(None), 0), v), (2,)),
    "step": (lambda y, v: y.__setitem__((slice(None), slice(None, None, 2)), v), (2, 2)),
    "broadcast": (lambda y, v: y.__setitem__(..., v), (3,)),
    "leading ones": (lambda y, v: y.__setitem__(1, v), (1, 1, 3)),
    "positions": (lambda y, v: y.__setitem__([1, 0], v), (2, 3)),
    "mask": (lambda y, v: y.__setitem__(MASK, v), (4,)),
    "mask of a view": (lambda y, v: y.t().__setitem__(MASK.t(), v), (4,)),
    "mask, one value": (lambda y, v: y.__setitem__(MASK, v), ()),
    "row mask": (lambda y, v: y.__setitem__(torch.tensor([True, False]), v), (1, 3)),
    "diagonal": (lambda y, v: y.diagonal().copy_(v), (2,)),
    "diagonal of a part": (lambda y, v: y[:, 1:].diagonal().mul_(v), (2,)),
    "view": (lambda y, v: y.view(3, 2)[1].add_(v), (2,)),
    "augmented": (lambda y, v: y[:, 0].__imul__(v), (2,)),
    "index_put_": (lambda y, v: y.index_put_((ROWS,), v, accumulate=True), (3, 3)),
    "index_add_": (lambda y, v: y.index_add_(0, ROWS, v, alpha=3), (3, 3)),
    "index_copy_": (lambda y, v: y.index_copy_(1, torch.tensor([2, 0]), v), (2, 2)),
    "scatter_": (lambda y, v: y.scatter_(1, torch.tensor([[2], [0]]), v), (2, 1)),
    "scatter_add_": (lambda y, v: y.scatter_add_(1, torch.tensor([[2, 2], [0, 1]]), v), (2, 2)),
    "masked_scatter_": (lambda y, v: y.masked_scatter_(MASK, v), (5,)),
    "masked_fill_": (lambda y, v: y.masked_fill_(MASK, v), ()),
    "fill_": (lambda y, v: y[0].fill_(v), ()),
}


@pytest.mark.parametrize(("write", "shape"), WRITES.values(), ids=WRITES)
def test_gradients_of_writes(write, shape):
    program = written(write)
    assert gradcheck(program, (leaf(2, 3), leaf(*shape, seed=1)))
    assert gradgradcheck(program, (leaf(2, 3), leaf(*shape, seed=1)))


@pytest.mark.parametrize(("write", "shape"), WRITES.values(), ids=WRITES)
def test_writes_without_gradients_are_the_same(write, shape):
    x, v = leaf(2, 3), leaf(*shape, seed=1)
    recorded = written(write)(x, v)
    with torch.no_grad():
        plain = written(write)(x, v)
    constant = written(write)(x.detach(), v.detach())
    assert recorded.tolist() == plain.tolist() == constant.tolist()
    assert recorded.requires_grad
    assert not plain.requires_grad
    assert not constant.requires_grad


def test_augmented_writes_through_a_key():
    x, v = leaf(2, 3), leaf(2, seed=1)
    y = x * 1
    y[:, 0] *= v
    y[[0, 1], [1, 1]] += v
    y[MASK] -= 1
    y.sum().backward()
    assert v.grad.tolist() == pytest.approx((x[:, 0] + 1).tolist())
    assert x.grad[:, 0].tolist() == v.tolist()


def test_views_taken_before_a_write_see_it_and_its_gradient():
    x = leaf(2, 3)
    base = x * 2
    column, row, corner = base[:, 0], base[1], base.t()[0][1:]
    base[1] = 5 * x[0]
    assert column[1] == row[0] == corner[0] == 5 * x[0, 0]
    (column.sum() + corner.sum()).backward()
    assert x.grad.tolist() == [[2 + 5 + 5, 0, 0], [0, 0, 0]]


def test_what_a_view_shares():
    x = torch.arange(12.0).reshape(3, 4)
    part = x[1:, ::2]
    assert part.data_ptr() == x.data_ptr() + 4 * x.element_size()
    assert (part.stride(), part.storage_offset(), part.is_contiguous()) == ((4, 2), 4, False)
    part[0, 1] = 100
    assert x[1, 2] == 100
    assert x._version == part._version == 1
    x += 1
    assert part[0, 1] == 101
    assert x.diagonal()[1] == x[1, 1]
    assert x[[1]].data_ptr() != x[1].data_ptr()
    assert x.unfold(1, 2, 1)[0, 1].tolist() == x[0, 1:3].tolist()


def test_overlapping_memory_is_not_written():
    for view in (torch.ones(4).unfold(0, 2, 1), torch.ones(1, 3).expand(2, 3)):
        with pytest.raises(RuntimeError, match="refers to a single memory location"):
            view[0] = 2.0
    apart = torch.ones(4)
    apart.unfold(0, 2, 2)[1] = 3.0
    assert apart.tolist() == [1, 1, 3, 3]


def test_positions_are_saved_and_their_version_is_checked():
    x, at = leaf(4), torch.tensor([0, 2])
    out = x[at] * 2
    at[0] = 1
    with pytest.raises(VersionError, match="index saved its input indices"):
        out.sum().backward()
    values = x * 2
    part = values[torch.tensor([0, 2])] * 3
    values += 1  # its values are not saved by a read
    part.sum().backward()
    assert x.grad.tolist() == [6, 0, 6, 0]


def test_a_leaf_is_not_written():
    x = leaf(3)
    for write in (lambda: x.__setitem__(0, 1.0), lambda: x.__setitem__([0], 1.0), lambda: x.__setitem__(x > 1, 1.0),
                  lambda: x[1:].fill_(0.0), x.squeeze_):
        with pytest.raises(LeafError, match="leaf Variable that requires grad"):
            write()
    with torch.no_grad():
        x[0] = 7.0
        x[x < 1] = 0.0
    assert x[0] == 7


def test_numpy_shares_memory_both_ways():
    array = np.zeros((2, 3))
    x = torch.from_numpy(array[:, ::2])
    x[0] = 1
    assert array.tolist() == [[1, 0, 1], [0, 0, 0]]
    array[1, 2] = 5
    assert x[1, 1] == 5
    x.numpy()[0, 0] = 9
    assert np.asarray(x)[0, 0] == array[0, 0] == 9
    assert x.stride() == (3, 2)


def test_integers_bools_and_dtypes():
    x = torch.tensor([3, 1, 2])
    x[1] = 7.9
    x[torch.tensor([0])] = torch.tensor([2.5])
    assert x.tolist() == [2, 7, 2]
    seen = torch.zeros(3, dtype=torch.bool)
    seen[[0, 2]] = True
    assert seen.tolist() == [True, False, True]
    assert (~seen)[seen].tolist() == [False, False]
    assert x[x > 2].dtype == torch.int64
    assert torch.cat([x, torch.tensor([0.5])]).dtype == torch.float32
    with pytest.warns(UserWarning, match="torch.bool"):
        assert x[torch.tensor([1, 0, 1], dtype=torch.uint8)].tolist() == [2, 2]


REFUSED = {
    "out of bounds": (lambda x: x[5], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
    "a position out of bounds": (lambda x: x[:, torch.tensor([0, 7])], IndexError,
                                 "index 7 is out of bounds for dimension 1 with size 3"),
    "too many": (lambda x: x[0, 0, 0], IndexError, "too many indices for tensor of dimension 2"),
    "a float": (lambda x: x[1.0], IndexError, "only integers, slices"),
    "float positions": (lambda x: x[torch.tensor([1.0])], IndexError, "must be long, int, byte or bool"),
    "a word": (lambda x: x["a"], TypeError, "no part 'a'"),
    "a step back": (lambda x: x[::-1], ValueError, "step must be greater than zero"),
    "positions that do not fit": (lambda x: x[[0, 1], [0, 1, 2]], IndexError, "[2], [3]"),
    "a mask that does not fit": (lambda x: x[torch.tensor([True, False, True])], IndexError,
                                 "The shape of the mask [3] at index 0"),
    "a number of a number": (lambda x: torch.tensor(1.0)[0], IndexError, "0-dim tensor"),
    "a value that does not fit": (lambda x: x.__setitem__([0, 1], torch.ones(4)), RuntimeError,
                                  "value tensor of shape [4] cannot be broadcast to indexing result of shape [2, 3]"),
    "a list as a value": (lambda x: x.__setitem__(0, [1, 2, 3]), TypeError, "can't assign a list"),
    "gather out of bounds": (lambda x: x.gather(1, torch.tensor([[3]])), RuntimeError, "index 3 is out of bounds"),
    "gather from the end": (lambda x: x.gather(1, torch.tensor([[-1]])), RuntimeError, "index -1 is out of bounds"),
    "scatter of another dtype": (lambda x: x.scatter(0, torch.tensor([[0]]), x.float()), RuntimeError, "self.dtype"),
    "cat of nothing": (lambda x: torch.cat([]), ValueError, "non-empty"),
    "cat of a number": (lambda x: torch.cat([x, 1]), TypeError, "element 1"),
    "cat of other sizes": (lambda x: torch.cat([x, x[:, :1]]), RuntimeError, "match except in dimension 0"),
    "stack of other sizes": (lambda x: torch.stack([x, x[0]]), RuntimeError, "equal size"),
    "narrow": (lambda x: x.narrow(0, 1, 2), RuntimeError, "exceeds dimension size"),
    "reflect": (lambda x: x.pad((3, 0), "reflect"), RuntimeError, "less than the corresponding"),
    "split": (lambda x: x.split((1, 1), 1), RuntimeError, "sum exactly to 3"),
}


@pytest.mark.parametrize(("program", "error", "says"), REFUSED.values(), ids=REFUSED)
def test_refusals(program, error, says):
    with pytest.raises(error) as caught:
        program(numbers(2, 3))
    assert says in str(caught.value)


def test_selections_by_value():
    x = torch.tensor([[3, 0, 1], [0, 3, 3]])
    assert x.nonzero().tolist() == [[0, 0], [0, 2], [1, 1], [1, 2]]
    assert [p.tolist() for p in x.nonzero(as_tuple=True)] == [[0, 0, 1, 1], [0, 2, 1, 2]]
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert (values.tolist(), counts.tolist()) == ([0, 1, 3], [2, 1, 3])
    assert values[inverse].tolist() == x.tolist()
    assert torch.unique_consecutive(x.flatten()).tolist() == [3, 0, 1, 0, 3]
    assert x.flatten().bincount(minlength=5).tolist() == [2, 1, 0, 3, 0]
    assert x[0].bincount(weights=torch.tensor([0.5, 1.0, 2.0])).tolist() == [1, 2, 0, 0.5]
    across, down = torch.meshgrid(x[0], x[1, :2], indexing="xy")
    assert (across.tolist(), down.tolist()) == ([[3, 0, 1], [3, 0, 1]], [[0, 0, 0], [3, 3, 3]])


def test_iteration_and_length():
    x = leaf(2, 3)
    assert len(x) == 2
    assert [row.tolist() for row in x] == x.tolist()
    assert x[0, 0] in x
    assert sum(row.sum() for row in x).item() == pytest.approx(x.sum().item())


COMPILED = {
    "embedding": lambda t: t["x"][t["rows"]].sum(1),
    "gather": lambda t: t["x"].gather(1, t["pairs"]),
    "masked": lambda t: t["x"].masked_fill(t["x"].tril() > 1, 0.0),
    "joined": lambda t: torch.cat([t["x"].flip(0), t["x"].roll(1, 1)]).unfold(0, 2, 1) * 2,
    "padded": lambda t: t["x"].pad((1, 2), "reflect") * 3,
}


@pytest.mark.parametrize("program", COMPILED.values(), ids=COMPILED)
def test_compiled_steps_give_the_same(program):
    pytest.importorskip("llvmlite")
    given = {"x": leaf(4, 5), "rows": torch.tensor([[0, 3], [2, -1], [0, 0]]), "pairs": torch.tensor([[4, 4], [0, 1]])}

    def step():
        given["x"].grad = None
        out = program(given)
        (out * out).sum().backward()
        return out * 1, given["x"].grad * 1

    expected, got = step(), torch.compile(step)()
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-12)
