"""Seeing: the trace record of one gradient, and the views that read it."""
