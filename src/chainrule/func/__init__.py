"""Functions of functions, in the names of ``torch.func``: derivatives, batching, modules as functions."""

from chainrule.func.batching import vmap
from chainrule.func.derivatives import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp
from chainrule.func.modules import functional_call, stack_module_state

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "stack_module_state",
           "vjp", "vmap"]
