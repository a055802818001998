"""Why a gradient is what it is: the tape, or a formula, made into a record, and what can be asked of it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np

from chainrule.creation import tensor
from chainrule.errors import FormulaError, GraphError
from chainrule.formula import Formula
from chainrule.messages import language, say
from chainrule.see import recording, terminal
from chainrule.see.elements import Paths
from chainrule.see.names import Names
from chainrule.see.paths import Cut, Sum, cut, leaf_id, paths
from chainrule.see.quantities import CHANGED, Quantity, as_recorded, evaluate, read
from chainrule.see.record import CONSTANT, Node, Record, Value, show
from chainrule.see.svg import svg
from chainrule.source import at as line_at
from chainrule.source import user_frame, user_place
from chainrule.spec import shown
from chainrule.tensors import Tensor


@dataclass(frozen=True, repr=False)
class Explanation:
    """What :func:`explain` found. Printed, it is the terminal's text; in a notebook, the drawing.

    ``record`` is all of it as plain data, ``notes`` are remarks on the ``.grad`` of the leaves.
    """

    record: Record
    lang: str
    notes: tuple[str, ...] = ()
    tensors: tuple[tuple[Tensor, int], ...] = ()

    @property
    def gradients(self) -> dict[str, Value | None]:
        """The gradient by each leaf, by the leaf's name."""
        return {n.name: n.grad for n in self.leaves()}

    def leaves(self) -> list[Node]:
        """What the gradient is taken by."""
        return [n for n in self.record.nodes if n.id in self.record.leaves and n.op != CONSTANT]

    def paths(self, leaf: "Tensor | str | None" = None) -> Sum:
        """The paths from a leaf, which may be left out when there is one: their number, products and sum.

        >>> import chainrule as torch
        >>> b, c = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
        >>> explain(b * c + b).paths("b").total
        3.0
        """
        return paths(self.record, self._id(leaf))

    def cut(self, leaf: "Tensor | str | None" = None, after: int | None = None) -> Cut:
        """The gradient by a leaf as an exact sum over the edges that cross one vertical line."""
        return cut(self.record, self._id(leaf), after)

    def _id(self, leaf: "Tensor | str | None") -> int:
        if isinstance(leaf, Tensor):
            leaf = next((self.record.nodes[i].name for t, i in self.tensors if t is leaf), "that tensor")
        return leaf_id(self.record, leaf)

    def text(self, width: int | None = None, ascii: bool | None = None, color: bool = False) -> str:
        """The explanation as text, ``width`` columns wide: the terminal's width and characters unless given."""
        return terminal.text(self.record, self.lang, self.notes, terminal.Style.of(width, ascii, color))

    def print(self) -> None:
        """Print the text, in colours where standard output is a terminal and NO_COLOR is not set."""
        print(self.text(color=terminal.colorful()))

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def svg(self) -> str:
        """The graph as a drawing: a whole SVG file."""
        return svg(self.record, self.lang)

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the drawing (``.svg``), the record (``.json``) or the text (``.txt``): whole, or not at all.

        Raises ValueError for another ending, OSError where the file cannot be written.
        """
        file = File(path)
        match file.suffix:
            case ".svg":
                content = self.svg()
            case ".json":
                content = json.dumps(self.record.to_dict(), ensure_ascii=False, indent=1) + "\n"
            case ".txt":
                content = self.text(100, False) + "\n"
            case _:
                raise ValueError(f"save: {file.name!r} must end in .svg, .json or .txt")
        part = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            part.write_text(content, encoding="utf-8")
            part.replace(file)
        except OSError as error:
            error.filename = str(file)
            raise
        finally:
            part.unlink(missing_ok=True)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        drawing = self.svg()
        return {"text/plain": str(self), "image/svg+xml": drawing, "text/html": drawing}


def explain(
    output: Tensor, wrt: Tensor | None = None, *, at: "int | tuple[int, ...] | None" = None,
    names: Mapping[str, Tensor] | None = None, lang: str | None = None,
) -> Explanation:  # fmt: skip
    """Why the gradient of ``output`` is what it is: the graph, a local derivative on every edge, paths and their sums.

    ``output`` has one element. With ``wrt``, a leaf or an intermediate tensor of one element, or element ``at`` of a
    larger one, the graph is that element's paths, tensor ops written out in scalars. Names come from the variables of
    the caller and from the source, after ``names``. ``lang`` is ``"en"`` or ``"zh"``; left out, the locale's.

    All numbers are computed for the explanation, in float64, whether or not backward() has run, and ``.grad`` is left
    as it is. Raises GraphError where values that the rules need are gone, or have changed since.

    >>> import chainrule as torch
    >>> a, b, c = (torch.tensor(x, requires_grad=True) for x in (5.0, 3.0, 2.0))
    >>> explain(3 * (a + b * c)).gradients
    {'a': 3.0, 'b': 6.0, 'c': 9.0}
    """
    return _explained(output, wrt, at, Names(user_frame(), names), language(lang))


def explain_formula(formula: str, values: Mapping[str, Any], lang: str | None = None) -> Explanation:
    """:func:`explain` for a formula in text, at given values: numbers, or lists for vectors and matrices.

    Raises FormulaError for a formula that cannot be read, or variables and values that do not match.

    >>> explain_formula("3*(a + b*c)", {"a": 5, "b": 3, "c": 2}).gradients
    {'a': 3.0, 'b': 6.0, 'c': 9.0}
    """
    parsed = Formula(formula)
    for name in values:
        if name not in parsed.names:
            has = ", ".join(parsed.names) or "none"
            raise FormulaError(f"explain: the formula has no variable {name!r}; it has {has}")
    given = {name: tensor(values[name], dtype="float64", requires_grad=True) for name in parsed.names if name in values}
    output = parsed.evaluate(given)
    if not isinstance(output, Tensor):
        raise FormulaError(f"explain: {formula} has no variable, so there is nothing to take a gradient by")
    if output.numel() == 1 and output.requires_grad:
        output.backward(retain_graph=True)
    return _explained(output, None, None, Names(None, given), language(lang))


def _explained(output: Tensor, wrt: Tensor | None, at: Any, names: Names, lang: str) -> Explanation:
    output._array("explain()")
    if output.numel() != 1:
        raise GraphError(f"explain: the gradient of one number can be explained, and this tensor has shape "
                         f"{shown(output.shape)}{line_at(user_place())}; reduce it with .sum() or .mean(), or pick an "
                         "element of it")  # fmt: skip
    quantities = _read(output, names)
    evaluate(quantities, output)
    names.assign(quantities)
    quantities = names.sorted(quantities)
    if wrt is None:
        record = recording.whole(quantities, lang)
        tensors = tuple((q.given, i) for i, q in enumerate(quantities) if isinstance(q.given, Tensor))
    else:
        q, k = _quantity(quantities, wrt)
        found = Paths(quantities, q, _element(q, at) if k is None else k)
        record, tensors = recording.element(quantities, found, lang), ((wrt, 0),)
    return Explanation(record, lang, tuple(_notes(quantities, lang)), tensors)


def _read(output: Tensor, names: Names) -> list[Quantity]:
    """The quantities, as they were when ``output`` was computed."""
    for find in (names.find, lambda node, k: None):  # the second, should a variable have been bound anew
        quantities = read(output, find)
        if as_recorded(quantities, output):
            return quantities
    raise GraphError(CHANGED.format(line_at(user_place())))


def _quantity(quantities: Sequence[Quantity], wrt: Tensor) -> tuple[Quantity, int | None]:
    """The quantity that a tensor is; for a view of one element, such as ``W[0, 1]``, which element of which."""

    def known(tensor: Any) -> Quantity | None:
        return next((q for q in quantities if q.wanted and (
            q.given is tensor if tensor._node is None else q.node is tensor._node)), None)  # fmt: skip

    if (q := known(wrt)) is not None:
        return q, None
    if wrt._base is not None and (q := known(wrt._base)) is not None:
        place = np.arange(q.size).reshape(q.shape)
        for op, params in wrt._chain:
            place = op.forward(place, **dict(params))
        if place.size == 1:
            return q, int(place.item())
        raise GraphError(f"explain: wrt is a view of {place.size} elements of a tensor of shape {shown(q.shape)}; "
                         "pick one of them")  # fmt: skip
    raise GraphError(f"explain: no gradient flows from the output to wrt, of shape {shown(wrt.shape)}"
                     f"{line_at(user_place())}; is it used, without detach() in between?")  # fmt: skip


def _element(q: Quantity, at: Any) -> int:
    """The position of element ``at``."""
    if at is None and q.size != 1:
        raise GraphError(f"explain: {q.name} has shape {shown(q.shape)}; pick one element of it, such as "
                         f"at={(0,) * len(q.shape)}")  # fmt: skip
    try:
        places = np.arange(q.size).reshape(q.shape)[() if at is None else at]
    except IndexError:
        raise IndexError(f"explain: at={at} is outside of {q.name}, which has shape {shown(q.shape)}") from None
    if places.size != 1:
        raise GraphError(f"explain: at={at} picks {places.size} elements of {q.name}, which has shape "
                         f"{shown(q.shape)}; pick one")  # fmt: skip
    return int(places.item())


def _notes(quantities: Sequence[Quantity], lang: str) -> list[str]:
    """What is worth saying of the leaves' ``.grad``."""
    leaves = [q for q in quantities if q.wanted and q.node is None and q.grad is not None]
    if all(q.given._grad is None for q in leaves):
        return [say("not_run", lang)] if leaves else []
    notes = []
    for q in leaves:
        has = q.given._grad
        if has is not None and not np.allclose(has._data, q.grad, rtol=1e-3, atol=1e-6, equal_nan=True):
            has_text, own = (show(recording.value_of(x)) for x in (np.asarray(has._data), q.grad))
            notes.append(say("accumulated", lang, x=q.name, has=has_text, g=own))
    return notes
