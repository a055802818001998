"""The words that rules and users write: methods of whatever carries values, a tensor or a symbol.

One typed line per primitive and composites in terms of them. A carrier (``Tensor``, ``Symbol``) says how an op
is applied; everything else about the ops' spelling is here.
"""

from chainrule.vocabulary.arithmetic import Arithmetic
from chainrule.vocabulary.reductions import Reductions
from chainrule.vocabulary.shapes import Shapes


class Vocabulary(Arithmetic, Reductions, Shapes):
    """All words."""

    __slots__ = ()


__all__ = ["Vocabulary"]
