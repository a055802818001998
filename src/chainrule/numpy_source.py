"""A graph written as Python source over NumPy, and compiled: the fast eager path runs derivative rules so.

The source has one line per value. What a line calls is the op's own ``forward``; operators are written as such,
since ``a * b`` reaches NumPy sooner than ``np.multiply(a, b)``.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from chainrule.ir import CONST, Graph, Value
from chainrule.op import Op
from chainrule.ops import shape

WRITTEN = ("+", "-", "*", "/", "@", ">", ">=", "<", "<=", "==", "!=")


def source_of(
    graph: Graph, name: str = "rule", returned: Sequence[Value | None] = (), copied: Collection[int] = ()
) -> tuple[str, dict[str, Any]]:
    """The source of a function from the graph's inputs to a tuple of its outputs, and the names it needs.

    ``returned`` lays the outputs out with None between them; those at the positions in ``copied`` are copies.
    """
    known: dict[str, Any] = {"__name__": "chainrule.rule"}
    local: dict[Value | None, str] = {}
    lines = []
    for number, value in enumerate(graph.values):
        local[value] = f"v{number}"
        if value.op == CONST:
            # A 0-d array meets an array fastest, a NumPy scalar meets a scalar fastest.
            met = any(value in user.args and user.shape for user in graph.values)
            known[local[value]] = np.asarray(value.const, value.dtype)[... if met else ()]
        elif isinstance(value.op, Op):
            lines.append(f"    {local[value]} = {_call(value, [local[a] for a in value.args], known)}")
    inputs = ", ".join(local[v] for v in graph.inputs)
    outputs = "".join(f"{local.get(v)}{'.copy()' * (k in copied)}, " for k, v in enumerate(returned or graph.outputs))
    return "\n".join([f"def {name}({inputs}):", *lines, f"    return ({outputs})"]), known


def _call(value: Value, args: list[str], known: dict[str, Any]) -> str:
    op = value.op
    assert isinstance(op, Op)
    if op.infix in WRITTEN:
        return f"{args[0]} {op.infix} {args[1]}"
    if op is shape.reshape:
        return f"{args[0]}.reshape({value.params['shape']})"
    function = f"{op.name}_"
    known[function] = op.forward
    given = []
    for key, param in value.params.items():
        if all(isinstance(p, int) for p in (param if isinstance(param, tuple) else (param,))):
            given.append(f"{key}={param}")
        else:
            known[f"p{len(known)}"] = param
            given.append(f"{key}=p{len(known) - 1}")
    return f"{function}({', '.join([*args, *given])})"


def compiled(
    graph: Graph, name: str = "rule", returned: Sequence[Value | None] = (), copied: Collection[int] = ()
) -> Callable[..., tuple[Any, ...]]:
    """The graph as a Python function over arrays. ``function.source`` is its text.

    >>> import numpy as np
    >>> from chainrule.numpy_source import compiled
    >>> from chainrule.spec import Spec
    >>> from chainrule.symbol import graph_of, symbols
    >>> x, y = symbols(x=Spec((2,), np.dtype("float64")), y=Spec((2,), np.dtype("float64")))
    >>> print(compiled(graph_of([x, y], [x * y])).source)
    def rule(v0, v1):
        v2 = v0 * v1
        return (v2, )
    """
    text, known = source_of(graph, name, returned, copied)
    exec(compile(text, f"<chainrule {name}>", "exec"), known)
    function: Any = known[name]
    function.source = text
    return function  # type: ignore[no-any-return]

