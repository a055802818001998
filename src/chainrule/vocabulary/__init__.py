"""The words that rules and users write: methods of whatever carries values, a tensor or a symbol.

One typed line per primitive and composites in terms of them. A carrier (``Tensor``, ``Symbol``) says how an op
is applied; everything else about the ops' spelling is here.
"""

from chainrule.vocabulary.arithmetic import Arithmetic
from chainrule.vocabulary.borders import Borders
from chainrule.vocabulary.comparisons import Comparisons
from chainrule.vocabulary.elementary import Elementary
from chainrule.vocabulary.matrices import Matrices
from chainrule.vocabulary.ordering import Ordering
from chainrule.vocabulary.products import Products
from chainrule.vocabulary.reductions import Reductions
from chainrule.vocabulary.special import Special
from chainrule.vocabulary.statistics import Statistics
from chainrule.vocabulary.writes import Writes


class Vocabulary(Arithmetic, Elementary, Comparisons, Reductions, Ordering, Products, Matrices, Writes, Borders,
                 Special, Statistics):
    """All words."""

    __slots__ = ()


__all__ = ["Vocabulary"]
