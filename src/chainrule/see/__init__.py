"""Seeing: the trace record of one gradient, and the views that read it."""

from chainrule.see.difference import central_difference
from chainrule.see.explain import Explanation, explain, explain_formula

__all__ = ["Explanation", "central_difference", "explain", "explain_formula"]
