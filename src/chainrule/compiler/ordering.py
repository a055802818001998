"""Lowering of what depends on the order of elements: the place of an extremum, running folds, sorted places."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chainrule.compiler.elements import Elements, Fold
from chainrule.compiler.index import Axis, Index, Point, Sizes, flat, space
from chainrule.compiler.loops import Nest, Sort, Step, Store
from chainrule.compiler.nests import arrange
from chainrule.compiler.scalar import DOUBLE, HALF, SINGLE, WHOLE, Buffer, Scalar
from chainrule.ir import Value


class Orders:
    """What :class:`Lowering` knows of order."""

    elements: Elements

    def temporary(self, size: int, dtype: np.dtype[Any]) -> Buffer:
        raise NotImplementedError

    def root(self, sizes: Sizes, body: Callable[[Point], Scalar], out: Buffer,
             target: Callable[[Point], Index] | None = None, fold: str = "", whole: bool = True) -> Any:  # fmt: skip
        raise NotImplementedError

    def place(self, root: Any) -> None:
        raise NotImplementedError

    def alone(self, step: Step) -> None:
        raise NotImplementedError

    def find(self, value: Value, fold: Fold, out: Buffer) -> None:
        """Where a fold has its result from: the extremum, and then the first place that holds it, or NaN."""
        (arg,), (dim,) = value.args, value.params["dim"]
        best = self.temporary(out.size, arg.dtype)
        last = arg.shape[dim] - 1
        target = partial(target_of, fold, value)

        def here(point: Point) -> Scalar:
            x = self.elements.at(arg, point)
            found = (x == self.elements.pool.load(best, target(point))) | (x != x)
            return self.elements.pool.position(point[dim]).where(found, last)

        self.place(self.root(fold.shape, fold.body, best, target, fold.name))
        self.place(self.root(fold.shape, here, out, target, "minimum"))

    def scan(self, value: Value, fold: str, out: Buffer) -> None:
        """The elements as they are, and then in order each folded with the one before."""
        (arg,), (dim,) = value.args, value.params["dim"]
        pool, size = self.elements.pool, value.shape[dim]
        dtype = DOUBLE if value.dtype.kind == "f" else value.dtype
        total = out if out.dtype == dtype else self.temporary(out.size, dtype)
        self.place(self.root(value.shape, partial(self.elements.at, arg), total, whole=False))
        if size > 1:
            axes, point = space((*value.shape[:dim], *value.shape[dim + 1 :]))
            axis = Axis(len(axes), size - 1)
            rounds = [flat((*point[:dim], Index({axis: 1}, k), *point[dim:]), value.shape) for k in (0, 1)]
            before, now = (pool.load(total, at) for at in rounds)
            nest = Nest((axis, *axes), (Store(total, rounds[1], before._of(fold, now)),), ordered=(axis,))
            self.alone(arrange(pool, nest))
        if total is not out:
            self.place(self.root(value.shape, lambda at: pool.load(total, flat(at, value.shape)), out))

    def sort(self, value: Value, out: Buffer) -> None:
        """Rows of keys next to each other in memory, their places sorted, and these back where they belong."""
        (arg,), (dim,) = value.args, value.params["dim"]
        pool, size = self.elements.pool, value.shape[dim]
        turned = (*value.shape[:dim], *value.shape[dim + 1 :], size)

        def key(point: Point) -> Scalar:
            return self.elements.at(arg, (*point[:dim], point[-1], *point[dim:-1]))

        _, everywhere = space(turned)
        lies = key(everywhere)
        if lies.op == "load" and lies.detail[1] == flat(everywhere, turned):
            keys = lies.detail[0]
        else:
            keys = self.temporary(out.size, SINGLE if arg.dtype == HALF else arg.dtype)
            self.place(self.root(turned, key, keys))
        places = out if dim == value.ndim - 1 else self.temporary(out.size, WHOLE)
        spare = self.temporary(Sort.room(size, keys.dtype), WHOLE)
        self.alone(Sort(out.size // size, size, value.params["descending"], places, keys, spare))
        if places is not out:
            def back(point: Point) -> Scalar:
                return pool.load(places, flat((*point[:dim], *point[dim + 1 :], point[dim]), turned))

            self.place(self.root(value.shape, back, out))


def target_of(fold: Fold, value: Value, point: Point) -> Index:
    """Where the element that a fold makes of this point lies in the value's buffer."""
    return flat(fold.target(point), value.shape)
