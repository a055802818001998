"""Einstein's summation: products of tensors, summed over the labels that the result does not name."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from chainrule.errors import ShapeError
from chainrule.spec import broadcast, numel, shown
from chainrule.tensors import Tensor

DOTS = "..."
Labels = list[Any]
"""A letter for each axis; a whole number for each that ``...`` stands for, counted from the last."""


def einsum(equation: Any, *operands: Any) -> Tensor:
    """The sum over products of elements that ``equation`` describes: ``"ij,jk->ik"`` is the product of matrices.

    A letter names an axis, ``...`` the axes without a name; what stands behind ``->`` remains. Without ``->`` the
    letters that occur once remain, in alphabetical order. A letter twice in one operand is a diagonal. Operands are
    contracted from the left, each pair by one product of matrices. Lists of numbers in place of letters are understood
    as well: ``einsum(A, [0, 1], x, [1], [0])``.

    >>> import chainrule as torch
    >>> A = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> torch.einsum("ii", A), torch.einsum("ij,j->i", A, torch.tensor([1.0, 1.0]))
    (tensor(5.), tensor([3., 7.]))
    """
    if isinstance(equation, Tensor):
        return einsum(*_in_letters((equation, *operands)))
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    given, arrow, wanted = equation.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != len(tensors):
        raise RuntimeError(f"einsum: the equation {equation!r} has {len(terms)} operands, {len(tensors)} were given")
    labelled = [_labelled(equation, term, x) for term, x in zip(terms, tensors)]
    seen = [label for _, labels in labelled for label in labels]
    dots = sorted({label for label in seen if isinstance(label, int)}, reverse=True)
    if arrow:
        before, found, after = wanted.partition(DOTS)
        out: Labels = [*before, *(dots if found else ()), *after]
    else:
        out = [*dots, *(label for label in sorted(map(str, seen)) if label.isalpha() and seen.count(label) == 1)]
    if len(set(out)) < len(out) or not set(out) <= set(seen):
        raise RuntimeError(f"einsum: the output of {equation!r} must name letters of the operands, each once")
    merged = [_diagonals(x, labels) for x, labels in labelled]
    sizes = _sizes(equation, merged)
    total, labels = merged[0]
    for k, (x, names) in enumerate(merged[1:], 2):
        later = {*out, *(label for _, rest in merged[k:] for label in rest)}
        total, labels = _pair(total, labels, x, names, later, sizes)
    total, labels = _summed(total, labels, set(out))
    return total if labels == out else total.permute(tuple(map(labels.index, out)))  # type: ignore[no-any-return]


def _in_letters(given: Sequence[Any]) -> tuple[str, list[Any]]:
    """An equation for operands with lists of numbers behind them, the last list for the result."""
    operands, lists = list(given[0 : len(given) - len(given) % 2 : 2]), list(given[1::2])
    if len(given) % 2:
        lists.append(given[-1])
    terms = ["".join(DOTS if k is Ellipsis else ascii_letters[k] for k in numbers) for numbers in lists]
    inputs, output = terms[: len(operands)], terms[len(operands) :]
    return ",".join(inputs) + ("->" + output[0] if output else ""), operands


def _labelled(equation: str, term: str, x: Any) -> tuple[Any, Labels]:
    """The operand and a label for each axis of it."""
    before, found, after = term.partition(DOTS)
    hidden = x.ndim - len(before) - len(after)
    if hidden < 0 or (hidden and not found) or not all(letter in ascii_letters for letter in before + after):
        raise RuntimeError(f"einsum: the term {term!r} of {equation!r} does not fit an operand of shape "
                           f"{shown(x.shape)}; it needs a letter for each axis, or '...'")
    return x, [*before, *range(hidden, 0, -1), *after]


def _diagonals(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """Axes with the same label as one."""
    while repeated := [label for label in labels if labels.count(label) > 1]:
        label = repeated[0]
        first = labels.index(label)
        second = labels.index(label, first + 1)
        if x.shape[first] != x.shape[second]:
            raise ShapeError(f"einsum: the label {label!r} is repeated in one operand, with the sizes {x.shape[first]} "
                             f"and {x.shape[second]}; they must be equal")
        x = x.diagonal(0, first, second)
        labels = [*(name for k, name in enumerate(labels) if k not in (first, second)), label]
    return x, labels


def _sizes(equation: str, merged: Sequence[tuple[Any, Labels]]) -> dict[Any, Any]:
    """The size of each label; a size 1 fits any other."""
    sizes: dict[Any, Any] = {}
    for x, labels in merged:
        for label, size in zip(labels, x.shape):
            try:
                (sizes[label],) = broadcast((size,), (sizes.get(label, 1),))
            except ShapeError:
                raise ShapeError(f"einsum: in {equation!r} the label {label!r} has the sizes {sizes[label]} and "
                                 f"{size}") from None
    return sizes


def _summed(x: Any, labels: Labels, kept: set[Any]) -> tuple[Any, Labels]:
    """Without the axes that are not to be kept."""
    gone = tuple(k for k, label in enumerate(labels) if label not in kept)
    return (x.sum(gone), [label for label in labels if label in kept]) if gone else (x, labels)


def _pair(x: Any, names: Labels, y: Any, others: Labels, later: set[Any], sizes: dict[Any, Any]) -> tuple[Any, Labels]:
    """The product of two operands, summed over the labels that neither the result nor a later operand needs."""
    x, names = _summed(x, names, later | set(others))
    y, others = _summed(y, others, later | set(names))
    batch = [label for label in names if label in others and label in later]
    gone = [label for label in names if label in others and label not in later]
    rows, columns = [n for n in names if n not in others], [n for n in others if n not in names]

    def arranged(v: Any, own: Labels, order: Labels, parts: Sequence[Labels]) -> Any:
        shared = {*batch, *gone}
        v = v.permute(tuple(map(own.index, order)))
        v = v.expand(tuple(sizes[n] if n in shared else s for n, s in zip(order, v.shape)))
        return v.reshape((*(sizes[n] for n in batch), *(numel(sizes[n] if n in shared else v.shape[order.index(n)]
                                                              for n in part) for part in parts)))

    left = arranged(x, names, [*batch, *rows, *gone], (rows, gone))
    right = arranged(y, others, [*batch, *gone, *columns], (gone, columns))
    shape = (*(sizes[n] for n in batch), *(x.shape[names.index(n)] for n in rows),
             *(y.shape[others.index(n)] for n in columns))
    return left.matmul(right).reshape(shape), [*batch, *rows, *columns]
