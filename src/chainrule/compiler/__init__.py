"""The compiler: a step is traced to a graph, the graph becomes loops, the loops become one native call."""

from chainrule.compiler.kernel import Kernel, build
from chainrule.compiler.step import Step, compile

__all__ = ["Kernel", "Step", "build", "compile"]
