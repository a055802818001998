"""The op record: what an op computes and, once, its derivative, in the form its kind asks for.

======================  ==========================================  ===================================
kind                    the derivative facet                        so that
======================  ==========================================  ===================================
:class:`Elementwise`    ``d``: the local derivative per input       reverse is g · dᵢ, forward Σ tᵢ · dᵢ
:class:`Piecewise`      ``pieces``: (mask, value) pairs, 0 else     reverse selects, never ``mask * g``
:class:`Linear`         ``transpose``: the adjoint map              forward mode is the op itself
:class:`General`        ``vjp``: one rule per input                 forward mode is derived from it
:class:`Discrete`       none: the output has no derivative          comparisons, rounding to integers
======================  ==========================================  ===================================

A rule is a function in ordinary tensor expressions. It *names* what it needs among ``g`` (what arrived),
``out``, the op's inputs and its parameters; what it does not name is not saved for it. What a linear op is
linear in is given as :class:`~chainrule.spec.Spec`, since its rule may need the shape and never the values;
inputs without a rule (the positions that ``index`` reads at) are given as they are.

``inputs=("x", "*indices")`` takes any number of inputs: ``indices`` is the tuple of all but the first. A rule of a
linear op may name ``i``, the number of the input that it is for.
"""

from chainrule.op.kinds import (
    FACETS,
    INFIX,
    Discrete,
    Elementwise,
    General,
    Linear,
    Piecewise,
    bool_spec,
    discrete,
    elementwise,
    general,
    linear,
    piecewise,
    same_spec,
    spec_of,
    times,
)
from chainrule.op.record import ABSENT, INNER, LEAF, NUMBER, Op, Refusal, Rule, Sample

__all__ = [
    "ABSENT", "FACETS", "INFIX", "INNER", "LEAF", "NUMBER", "Discrete", "Elementwise", "General", "Linear", "Op",
    "Piecewise", "Refusal", "Rule", "Sample", "bool_spec", "discrete", "elementwise", "general", "linear", "piecewise",
    "same_spec", "spec_of", "times",
]  # fmt: skip
