"""What the ops on matrices share: their shapes, what they say when they fail, and samples.

The matrices are the last two axes; what stands before is a batch of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import LinAlgError, ShapeError
from chainrule.op import Refusal, Sample
from chainrule.ops.sampling import array
from chainrule.spec import Spec, shown


def matrix(x: Any) -> Any:
    if len(x.shape) < 2:
        raise ShapeError(f"the input must have at least 2 dimensions, its shape is {shown(x.shape)}")
    return x


def square(x: Any) -> Any:
    if matrix(x).shape[-1] != x.shape[-2]:
        raise ShapeError(f"A must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices: "
                         f"the shape is {shown(x.shape)}; linalg.lstsq and linalg.pinv take any matrix")
    return x


def squares_spec(x: Any, **params: Any) -> Spec:
    return Spec(square(x).shape, x.dtype)


def numbers_spec(x: Any) -> Spec:
    return Spec(square(x).shape[:-2], x.dtype)


def system_spec(x: Any, y: Any, **params: Any) -> Spec:
    """Of X in A X = B."""
    if square(x).shape[:-1] != matrix(y).shape[:-1]:
        raise ShapeError(f"Incompatible shapes of A and B for the equation AX = B ({shown(x.shape)} and "
                         f"{shown(y.shape)}): the batches must be equal, and B have as many rows as A")
    return Spec(y.shape, y.dtype)


def refusing(compute: Callable[..., Any], spec: Callable[..., Spec], why: Callable[[Any], str]) -> Callable[..., Any]:
    """``compute``, with LinAlgError for the first matrix that it cannot be done with."""

    def forward(x: Any, *others: Any, **params: Any) -> Any:
        spec(x, *others, **params)
        try:
            return compute(x, *others, **params)
        except np.linalg.LinAlgError:
            for number, place in enumerate(np.ndindex(x.shape[:-2])):
                try:
                    compute(x[place], *(y[place] for y in others), **params)
                except np.linalg.LinAlgError:
                    which = f"(Batch element {number}): " if place else ""
                    raise LinAlgError(which + why(x[place])) from None
            raise

    return forward


def singular(x: Any) -> str:
    return (f"the input matrix is singular: of its {len(x)} rows {np.linalg.matrix_rank(x)} are independent; "
            "linalg.lstsq and linalg.pinv take it, or add a small multiple of the identity")


def indefinite(x: Any) -> str:
    bad = next((k for k in range(1, len(x)) if np.linalg.eigvalsh(x[:k, :k])[0] <= 0), len(x))
    return ("the factorization could not be completed because the input is not positive-definite (the leading minor of "
            f"order {bad} is not positive-definite); is it symmetric, of full rank? Rounding is made good by a small "
            "multiple of the identity added to it")


def unfinished(x: Any) -> str:
    if np.isfinite(x).all():
        return f"the algorithm failed to converge on this matrix of shape {shown(x.shape)}"
    return "the algorithm failed to converge because the input matrix contained non-finite values"


def symmetric(x: Any, **params: Any) -> Any:
    """One triangle of a symmetric matrix is read, and the gradient is that by both."""
    return (x + x.mT) / 2


def diagonal_of(s: Any) -> Any:
    """The mask of the diagonal of a square matrix with as many rows as s has elements."""
    return s.new_full((s.shape[-1],) * 2, 1).tril(0).triu(0) != 0


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where both are: what nothing asks for does not matter."""
    return a / b.where((a != 0) | (b != 0), 1)


def single(x: Any) -> Any:
    """Numbers as matrices of one element; one number meets a matrix as it is."""
    return x.unsqueeze(-1).unsqueeze(-1) if x.ndim else x


# -- samples -----------------------------------------------------------------------------------------------------------


def matrices() -> list[Sample]:
    return [Sample((array(*shape),)) for shape in ((2, 2), (3, 2), (2, 3), (2, 3, 3), (0, 2, 2))]


def squares(**params: Any) -> list[Sample]:
    shapes = (1, 1), (3, 3), (2, 2, 2), (0, 2, 2), (0, 0)
    return [Sample((array(*shape) + 3 * np.eye(shape[-1]),), params) for shape in shapes]


def definite() -> list[Sample]:
    return [Sample((x @ x.mT + np.eye(x.shape[-1]),)) for (x,) in (s.inputs for s in squares())]


def symmetrics() -> list[Sample]:
    return [Sample((x + x.mT,), {"upper": upper}) for (x,) in (s.inputs for s in squares()) for upper in (False, True)]


def systems(**params: Any) -> list[Sample]:
    shapes = ((3, 3), (3, 2)), ((2, 2, 2), (2, 2, 1)), ((0, 2, 2), (0, 2, 2)), ((2, 2), (2, 0))
    return [Sample((array(*a) + 3 * np.eye(a[-1]), array(*b, seed=1)), params) for a, b in shapes]


def refused(**params: Any) -> tuple[Refusal, ...]:
    return (Refusal((array(3),), RuntimeError, "[3]", params),)


def not_square(**params: Any) -> tuple[Refusal, ...]:
    return (*refused(**params), Refusal((array(2, 3),), RuntimeError, "square matrices, but they are 2 by 3", params))


def no_system(**params: Any) -> tuple[Refusal, ...]:
    return (Refusal((array(3, 3), array(2, 2)), RuntimeError, "[3, 3] and [2, 2]", params),
            Refusal((array(2, 3), array(2, 2)), RuntimeError, "square", params),
            Refusal((array(2, 2), array(2)), RuntimeError, "[2]", params))


REAL = {"promotes": "float", "refuses_kinds": "biu"}
SQUARE = {**REAL, "spec": squares_spec, "refuses": not_square}
LOWER, UPPER = {"upper": False}, {"upper": True}
