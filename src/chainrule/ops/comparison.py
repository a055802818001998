"""Comparisons, logic and selection."""

import operator

import numpy as np

from chainrule.op import Sample, discrete, piecewise
from chainrule.ops.sampling import array, binary, misfits, unary
from chainrule.spec import Spec, broadcast

gt = discrete("gt", operator.gt, 2, infix=">", promotes="common", samples=binary, refuses=misfits)
ge = discrete("ge", operator.ge, 2, infix=">=", promotes="common", samples=binary, refuses=misfits)
lt = discrete("lt", operator.lt, 2, infix="<", promotes="common", samples=binary, refuses=misfits)
le = discrete("le", operator.le, 2, infix="<=", promotes="common", samples=binary, refuses=misfits)
eq = discrete("eq", operator.eq, 2, infix="==", promotes="common", samples=binary, refuses=misfits)
ne = discrete("ne", operator.ne, 2, infix="!=", promotes="common", samples=binary, refuses=misfits)
logical_not = discrete("logical_not", np.logical_not, promotes="", samples=lambda: [*unary(), Sample((array(3) > 0,))])

where = piecewise("where", np.where, ([], [(lambda condition: condition, 1)], [(lambda condition: ~condition, 1)]),
                  inputs=("condition", "x", "y"), promotes="common", first=1,
                  scalar=lambda condition, x, y: x.where(condition, y),
                  spec=lambda c, x, y: Spec(broadcast(*(v.shape for v in (c, x, y) if hasattr(v, "shape"))),
                                            (x if hasattr(x, "dtype") else y).dtype),
                  samples=lambda: [Sample((s.inputs[0] > 0, *s.inputs)) for s in binary()[:-1]])
