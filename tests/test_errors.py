"""Bad input: PyTorch's exception type, and a message that says what, where, why and how to fix it."""

import copy

import numpy as np
import pytest

import chainrule as torch
from chainrule import errors

F64 = torch.float64


def vector(**options):
    return torch.tensor([1.0, 2.0], requires_grad=True, **options)


def walked():
    x = vector()
    y = (x * x).sum()
    y.backward()
    return y


def backward_twice():
    walked().backward()


def backward_twice_at_a_shared_part():
    x = vector()
    shared = x.exp()
    shared.sum().backward()
    (shared * 2).sum().backward()


def write_to_a_saved_tensor():
    x = vector()
    y = x * 2
    z = y * y
    y.add_(1)
    z.sum().backward()


def write_to_a_saved_output():
    y = vector().tanh()
    y *= 2
    y.sum().backward()


def write_to_a_leaf():
    x = vector()
    x += 1


def write_to_part_of_a_leaf():
    x = vector()
    x[0] = 5


def fill_a_leaf():
    vector().zero_()


def assign_a_grad_of_another_shape():
    vector().grad = torch.zeros(3)


# What is done, the exception, and the parts that its message must hold: the verb, the values, the cause, the way out.
CASES = {
    "shapes that do not fit": (
        lambda: torch.zeros(50, 1) + torch.zeros(3, 2), RuntimeError,
        ["add: ", "[50, 1] and [3, 2]", "at dimension -2 the sizes are 50 and 3", "only equal sizes or 1 broadcast"]),
    "shapes that do not fit, of functions": (
        lambda: torch.maximum(torch.zeros(2), torch.zeros(3)), RuntimeError, ["maximum: ", "[2] and [3]"]),
    "matrices that do not fit": (
        lambda: torch.zeros(2, 3) @ torch.zeros(2, 3), RuntimeError,
        ["matmul: ", "[2, 3] and [2, 3]", "a row of the first has 3", "a column of the second has 2", "transpose one"]),
    "a matrix times a number": (
        lambda: torch.zeros(2, 2) @ torch.tensor(2.0), RuntimeError, ["matmul: ", "at least 1 dimension", "use *"]),
    "matrices of two dtypes": (
        lambda: torch.zeros(2, 2) @ torch.zeros(2, 2, dtype=F64), RuntimeError,
        ["matmul: ", "same dtype", "float32 and float64", ".to("]),
    "reshape": (lambda: torch.zeros(6).reshape(4), RuntimeError, ["reshape: ", "[4]", "holds 4 elements", "[6] has 6"]),
    "reshape with -1": (
        lambda: torch.zeros(6).reshape(4, -1), RuntimeError,
        ["reshape: ", "shape '[4, -1]' is invalid for input of size 6", "only one size may be -1"]),
    "view of a transpose": (
        lambda: torch.zeros(2, 3).T.view(6), RuntimeError,
        ["view: ", "[6]", "[3, 2]", "stride (1, 3)", "use .reshape(...) instead"]),
    "expand": (lambda: torch.zeros(2).expand(3), RuntimeError, ["expand: ", "[2]", "[3]", "only sizes 1 can grow"]),
    "an axis that is not there": (
        lambda: torch.zeros(2).sum(dim=1), IndexError, ["Dimension out of range", "[-1, 0]", "got 1"]),
    "an index that is not there": (
        lambda: torch.zeros(2, 3)[0, 3], IndexError, ["index 3", "out of bounds for dimension 1 with size 3"]),
    "too many indices": (lambda: torch.zeros(2)[0, 0], IndexError, ["too many indices", "dimension 1"]),
    "a negative step": (lambda: torch.zeros(2)[::-1], ValueError, ["step must be greater than zero", "flip()"]),
    "an operand of no kind": (
        lambda: torch.zeros(2).add("a"), TypeError, ["add(): ", "must be Tensor or Number, not str", "'a'"]),
    "a function of no tensor": (lambda: torch.exp("a"), TypeError, ["exp(): ", "must be Tensor, not str", "'a'"]),
    "minus of bools": (lambda: torch.tensor([True]) - torch.tensor([True]), RuntimeError, ["sub: ", "bool"]),
    "a mean of integers": (
        lambda: torch.tensor([1, 2]).mean(), RuntimeError,
        ["mean: ", "could not infer output dtype", "int64", "x.float()"]),
    "integers that require grad": (
        lambda: torch.tensor([1, 2], requires_grad=True), RuntimeError,
        ["requires_grad: ", "only Tensors of floating point dtype", "torch.int64", "x.float(), or write 3.0 for 3"]),
    "turning off requires_grad of a result": (
        lambda: setattr(vector() * 2, "requires_grad", False), RuntimeError,
        ["requires_grad: ", "only change requires_grad flags of leaf variables", "detach()"]),
    "backward of a vector": (
        lambda: (vector() * 2).backward(), RuntimeError,
        ["backward: ", "only for scalar outputs", "[2]", ".sum() or .mean()", "backward(torch.ones_like(y))"]),
    "backward without a graph": (
        lambda: torch.tensor(1.0).backward(), RuntimeError,
        ["backward: ", "does not require grad and does not have a grad_fn", "requires_grad=True was forgotten",
         "detach(), .data, .item(), no_grad()"]),
    "backward with a gradient of another shape": (
        lambda: (vector() * 2).backward(torch.zeros(3)), RuntimeError,
        ["backward: ", "Mismatch in shape", "[3]", "[2]", "must be equal"]),
    "too few gradients": (
        lambda: torch.autograd.grad([vector() * 2, vector()], [vector()], [torch.ones(2)]), RuntimeError,
        ["got 2 tensors and 1 gradients"]),
    "an unused input": (
        lambda: torch.autograd.grad(vector().sum(), [vector()]), RuntimeError,
        ["grad: ", "input number 0, of shape [2]", "not to have been used in the graph", "allow_unused=True"]),
    "an input without requires_grad": (
        lambda: torch.autograd.grad(vector().sum(), [torch.ones(2)]), RuntimeError,
        ["grad: ", "number 0, of shape [2]", "does not require grad", "requires_grad_()"]),
    "no inputs": (lambda: torch.autograd.grad(vector().sum(), []), RuntimeError, ["grad: ", "cannot be empty"]),
    "backward twice": (
        backward_twice, RuntimeError,
        ["backward: ", "MulBackward0's saved values were freed", "x * x", "a second time",
         "retain_graph=True the first time", "detach() it"]),
    "backward twice at a shared part": (
        backward_twice_at_a_shared_part, RuntimeError,
        ["ExpBackward0's saved values were freed", "shared = x.exp()", "add them up"]),
    "a write to a saved tensor": (
        write_to_a_saved_tensor, RuntimeError,
        ["backward: ", "modified by an inplace operation", "mul saved its input x of shape [2]", "z = y * y",
         "at version 0", "y.add_(1)", "version 1", "y = x + 1 in place of x += 1"]),
    "a write to a saved output": (
        write_to_a_saved_output, RuntimeError,
        ["modified by an inplace operation", "tanh saved its output", "y = vector().tanh()", "y *= 2"]),
    "a write to a leaf": (
        write_to_a_leaf, RuntimeError,
        ["in-place: ", "a leaf Variable that requires grad", "[2]", "x += 1", "with torch.no_grad():"]),
    "a write to part of a leaf": (
        write_to_part_of_a_leaf, RuntimeError,
        ["in-place: ", "a view of a leaf Variable that requires grad", "x[0] = 5", "with torch.no_grad():"]),
    "filling a leaf": (fill_a_leaf, RuntimeError, ["in-place: ", "vector().zero_()"]),
    "a write of a larger shape": (
        lambda: torch.zeros(3).add_(torch.zeros(2, 3)), RuntimeError,
        ["in-place: ", "output with shape [3] doesn't match the broadcast shape [2, 3]", "x = x + y instead"]),
    "a write of a higher dtype": (
        lambda: torch.tensor([1]).add_(0.5), RuntimeError,
        ["in-place: ", "torch.float32 can't be cast to", "torch.int64", "x = x.float()"]),
    "a write to an expanded tensor": (
        lambda: torch.zeros(1).expand(3).add_(1), RuntimeError,
        ["in-place: ", "more than one element", "single memory location", "clone()"]),
    "a gradient of another shape": (assign_a_grad_of_another_shape, RuntimeError, ["grad: ", "[3]", "[2]"]),
    "item of many": (lambda: vector().item(), RuntimeError, ["item: ", "2 elements", "[2]", ".mean()"]),
    "truth of many": (lambda: bool(vector()), RuntimeError, ["more than one value", "ambiguous", ".any(), .all()"]),
    "numpy of what requires grad": (
        lambda: vector().numpy(), RuntimeError, ["numpy: ", "requires grad", "tensor.detach().numpy()"]),
    "cuda": (lambda: vector().cuda(), RuntimeError, ["cuda: ", "CPU only", "is_available()"]),
    "another device": (lambda: vector().to("cuda:0"), RuntimeError, ["to: ", "'cuda:0'", "CPU only"]),
    "copying a result": (
        lambda: copy.deepcopy(vector() * 2), RuntimeError, ["deepcopy: ", "graph leaves", "detach()"]),
    "a name that is not there": (
        lambda: torch.stft, AttributeError, ["'stft'", "chainrule does not"]),
    "ragged data": (lambda: torch.tensor([[1], [1, 2]]), ValueError, ["tensor: ", "equal length"]),
    "text as data": (lambda: torch.tensor("1.0"), TypeError, ["tensor: ", "str '1.0'", "not made of numbers"]),
    "a negative size": (lambda: torch.zeros(2, -1), RuntimeError, ["zeros: ", "negative dimension", "[2, -1]"]),
    "a range that leads away": (lambda: torch.arange(1, 3, -1), RuntimeError, ["arange: ", "-1", "1 to 3", "sign"]),
    "gradcheck of nothing": (
        lambda: torch.autograd.gradcheck(torch.exp, torch.ones(2)), ValueError,
        ["gradcheck: ", "at least one input tensor to require gradient", "requires_grad=True"]),
    "gradcheck in float32": (
        lambda: torch.autograd.gradcheck(torch.exp, vector()), UserWarning,
        ["gradcheck: ", "input 0", "torch.float32", "not double precision", "1e-06", "x.double()"]),
}  # fmt: skip
PLACED = {"backward twice", "shapes that do not fit", "matrices that do not fit", "backward of a vector",
          "backward without a graph", "a write to a leaf", "integers that require grad", "an unused input",
          "item of many"}


@pytest.mark.parametrize(("act", "kind", "parts"), CASES.values(), ids=CASES)
def test_bad_input(act, kind, parts):
    with pytest.raises(kind) as caught:
        act()
    message = str(caught.value)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("name", sorted(PLACED))
def test_the_message_says_where(name):
    """File, line number and text of the user's own line."""
    act, kind, _ = CASES[name]
    with pytest.raises(kind) as caught:
        act()
    assert "(test_errors.py:" in str(caught.value)


def test_a_refused_write_leaves_everything_as_it_was():
    x, y, base = vector(), torch.tensor([1, 2]), torch.zeros(2, 3)
    for target, act in (
        (x, lambda: x.add_(1)), (x, lambda: x.mul_(torch.ones(3, 2))), (y, lambda: y.mul_(0.5)),
        (base, lambda: base.T.add_(torch.zeros(2, 3))), (base, lambda: base.__setitem__(0, torch.ones(2))),
    ):  # fmt: skip
        before = target.tolist(), target._version, target.requires_grad
        with pytest.raises(RuntimeError):
            act()
        assert (target.tolist(), target._version, target.requires_grad) == before


def test_a_refused_backward_leaves_gradients_as_they_were():
    x = vector()
    y = x * 2
    z = y * y
    y += 1
    with pytest.raises(RuntimeError, match="inplace"):
        (z.sum() + x.sum()).backward()
    assert x.grad is None


def test_a_result_s_grad_warns_and_says_where():
    y = vector() * 2
    with pytest.warns(UserWarning, match=r"not a leaf.*y = vector\(\) \* 2.*retain_grad\(\)"):
        assert y.grad is None


def test_every_exception_is_also_pytorchs_type():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and k is not errors.ChainruleError]
    for kind in kinds:
        assert issubclass(kind, errors.ChainruleError)
        assert issubclass(kind, (RuntimeError, ValueError, IndexError, AttributeError, ImportError))
        assert kind.__name__ in errors.__doc__


def test_comparing_with_anything_is_no_error():
    x = torch.tensor(1.0)
    assert (x == "a") is False
    assert (x != None) is True  # noqa: E711 - the comparison is what is tested
    assert np.float64(2) * x == 2
