"""The exceptions of chainrule, each also PyTorch's own type, so that ``except RuntimeError`` keeps working.

::

    ChainruleError
    ├── GraphError (RuntimeError)        backward without a graph, twice, through a non-scalar
    │   ├── LeafError                    an in-place write to a leaf that requires grad
    │   └── VersionError                 a saved tensor was overwritten before backward
    ├── ShapeError (RuntimeError)        shapes that do not fit
    ├── DtypeError (RuntimeError)        dtypes that do not fit
    ├── LinAlgError (RuntimeError)       a matrix that has no inverse, or no such decomposition
    ├── PositionError (IndexError)       positions that are not there, or do not fit each other
    ├── TraceError (RuntimeError)        compile() met something that a compiled step cannot do
    ├── GradcheckError (RuntimeError)    a gradient is not what its central difference says
    ├── FormulaError (ValueError)        a formula that does not parse, or names what is not there
    ├── MissingName (AttributeError)     a name of PyTorch that chainrule does not have
    └── MissingExtra (ImportError)       an optional dependency that is not installed

A message starts with the op or verb, shows the shapes or values, then the likely cause and the fix.
"""


class ChainruleError(Exception):
    """The root of every exception that chainrule raises on purpose."""


class GraphError(ChainruleError, RuntimeError):
    """The graph of operations cannot be walked as asked."""


class LeafError(GraphError):
    """A leaf that requires grad was written in place while gradients are recorded."""


class VersionError(GraphError):
    """A tensor that backward needs was overwritten after it was saved."""


class ShapeError(ChainruleError, RuntimeError):
    """The shapes of the operands do not fit the op."""


class DtypeError(ChainruleError, RuntimeError):
    """The dtypes of the operands do not fit the op."""


class LinAlgError(ChainruleError, RuntimeError):
    """A matrix is singular, not positive-definite, or not finite."""


class PositionError(ChainruleError, IndexError):
    """Positions that are not there, or do not fit each other."""


class TraceError(ChainruleError, RuntimeError):
    """The traced function asked for something that only a run can answer."""


class GradcheckError(ChainruleError, RuntimeError):
    """A gradient and its central difference disagree."""


class FormulaError(ChainruleError, ValueError):
    """A formula that cannot be read or derived."""


class MissingName(ChainruleError, AttributeError):
    """PyTorch has this name, chainrule does not."""


class MissingExtra(ChainruleError, ImportError):
    """An optional dependency is needed here and is not installed."""
