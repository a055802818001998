"""A derivation: the formula, how it came about, its layout and its check, in words."""

import ast
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainrule.derivation.algebra import transposed
from chainrule.derivation.check import Checked
from chainrule.derivation.notation import Code, Latex, Text
from chainrule.derivation.sizes import Declared, times
from chainrule.derivation.terms import Poly

WORDS = {
    "en": {
        "with respect to": "{formula}  with respect to {wrt}",
        "where": "where {}",
        "scalar": "{} is a scalar",
        "vector": "{} is a vector of length {}",
        "matrix": "{} is a matrix {}",
        "symmetric": "{} is a symmetric matrix {}",
        "comma": ", ",
        "rules": "by the ops' rules, from the result back to {}",
        "map": "what the ops' rules send back to {} when ḡ arrives at the result",
        "read": "the matrix before ḡ",
        "turned": "transposed",
        "denominator gradient": "Denominator layout: the gradient has the shape of {wrt}, {shape}.",
        "numerator gradient": "Numerator layout: the gradient transposed, {shape}.",
        "denominator jacobian": "Denominator layout, {shape}: row i, column j is the derivative of the j-th component "
                                "by {wrt}ᵢ (the Jacobian's transpose).",
        "numerator jacobian": "Numerator layout, {shape}: row i, column j is the derivative of the i-th component by "
                              "{wrt}ⱼ (the Jacobian).",
        "scalar variable": "The derivative by a scalar, {shape}.",
        "checked": "Checked at {sizes} sizes, {points} random points each: differs from reverse mode by at most "
                   "{reverse:.0e}, from central differences by at most {central:.0e} (relative).",
    },
    "zh": {
        "with respect to": "{formula}  对 {wrt} 求导",
        "where": "其中 {}",
        "scalar": "{} 是标量",
        "vector": "{} 是长度为 {} 的向量",
        "matrix": "{} 是 {} 矩阵",
        "symmetric": "{} 是 {} 对称矩阵",
        "comma": "，",
        "rules": "由各运算的求导规则，从结果反向推到 {}",
        "map": "结果处传来 ḡ 时，各运算的规则传回 {} 的量",
        "read": "ḡ 前面的矩阵",
        "turned": "转置",
        "denominator gradient": "分母布局：梯度与 {wrt} 同形，{shape}。",
        "numerator gradient": "分子布局：梯度的转置，{shape}。",
        "denominator jacobian": "分母布局，{shape}：第 i 行第 j 列是第 j 个分量对 {wrt}ᵢ 的导数（雅可比矩阵的转置）。",
        "numerator jacobian": "分子布局，{shape}：第 i 行第 j 列是第 i 个分量对 {wrt}ⱼ 的导数（即雅可比矩阵）。",
        "scalar variable": "对标量的导数，{shape}。",
        "checked": "已验证：{sizes} 组尺寸，每组 {points} 个随机点，与反向模式最多相差 {reverse:.0e}，"
                   "与中心差分最多相差 {central:.0e}（相对误差）。",
    },
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Derivation:
    """What :func:`derive` gives; ``str()`` of it is the derivation as a textbook prints it.

    ``text``, ``latex`` and ``code`` are the derivative alone. The code is Python over NumPy: it takes the variables
    by their names, vectors as arrays of one axis, and the sizes (``n``, ``m``) where it needs them.
    """

    formula: str
    wrt: str
    layout: str
    variables: Mapping[str, Declared]
    value: Poly
    sent_back: Poly
    """What arrives at ``wrt`` by the ops' rules, before any rewrite of the whole."""
    derivative: Poly
    laws: tuple[str, ...]
    """The laws by which it was brought from there to its final form."""
    check: Checked
    lang: str = "en"

    @property
    def text(self) -> str:
        """The derivative in Unicode: ``(A + Aᵀ)x``."""
        return self._text(self.derivative)

    @property
    def latex(self) -> str:
        r"""The derivative in LaTeX: ``\left(A + A^{\top}\right) x``."""
        return self._latex(self.derivative)

    @property
    def code(self) -> str:
        """The derivative in Python over NumPy: ``(A + A.T) @ x``."""
        return Code(self.variables)(self.derivative)

    @property
    def equation(self) -> str:
        """``∇ₓ(xᵀAx) = (A + Aᵀ)x``."""
        return f"{self._left()} = {self.text}"

    @property
    def latex_equation(self) -> str:
        r"""The same in LaTeX, ``\nabla_{x}`` or ``\partial`` included."""
        inside, wrt = self._latex(self._written), self._latex.name(self.wrt)
        if self.layout == "denominator" and self.variables[self.wrt].shape:
            return rf"\nabla_{{{wrt}}}\left({inside}\right) = {self.latex}"
        mark = r"^{\top}" if self.variables[self.wrt].shape else ""
        return rf"\frac{{\partial}}{{\partial {wrt}{mark}}}\left({inside}\right) = {self.latex}"

    @property
    def is_jacobian(self) -> bool:
        """Is it the derivative of a vector?"""
        return not self.value.is_scalar

    def __repr__(self) -> str:
        return f"<Derivation {self.equation}>"

    def __str__(self) -> str:
        words = WORDS[self.lang]
        name, shape = self._text.name(self.wrt), times((self.derivative.rows, self.derivative.cols))
        kind = "jacobian" if self.is_jacobian else "gradient"
        layout = words[f"{self.layout} {kind}" if self.variables[self.wrt].shape else "scalar variable"]
        where = words["comma"].join(self._kind(name) for name in self.variables)
        return "\n".join([
            words["with respect to"].format(formula=self.formula, wrt=self.wrt), words["where"].format(where), "",
            *self._steps(), "", layout.format(wrt=name, shape=shape), words["checked"].format(**vars(self.check)),
        ])  # fmt: skip

    def _repr_latex_(self) -> str:
        return f"${self.latex_equation}$"

    # -- parts ---------------------------------------------------------------------------------------------------

    @property
    def _written(self) -> Poly:
        """The value as the user wrote it: a product that begins with a vector is a row, xᵀA and not Aᵀx."""
        node = ast.parse(self.formula, mode="eval").body
        product = False
        while isinstance(node, ast.BinOp):
            product = isinstance(node.op, ast.MatMult)
            node = node.left
        first = node.value if isinstance(node, ast.Attribute) else node
        row = product and isinstance(first, ast.Name) and len(self.variables[first.id].shape) == 1
        return transposed(self.value) if row and self.is_jacobian else self.value

    @property
    def _norms(self) -> bool:
        return "norm(" in self.formula.replace(" ", "")

    @property
    def _text(self) -> Text:
        return Text(self.variables, self._norms)

    @property
    def _latex(self) -> Latex:
        return Latex(self.variables, self._norms)

    def _left(self) -> str:
        """``∇ₓ(xᵀAx)``, ``∂(xᵀAx)/∂xᵀ``."""
        inside, wrt = self._text(self._written), self._text.name(self.wrt)
        held = inside if re.fullmatch("‖[^‖]+‖[⁰¹²³⁴⁵⁶⁷⁸⁹]*", inside) else f"({inside})"
        if self.layout == "denominator" and self.variables[self.wrt].shape:
            return f"∇{subscript(wrt)}{held}"
        return f"∂{held}/∂{wrt}" + "ᵀ" * bool(self.variables[self.wrt].shape)

    def _steps(self) -> list[str]:
        """The equation line by line, with what leads to each."""
        words, left = WORDS[self.lang], self._left()
        turned = [words["turned"]] if self.layout == "numerator" else []
        said = words["map" if self.is_jacobian else "rules"].format(self._text.name(self.wrt))
        rows: list[tuple[str, str, str, Sequence[str]]]
        if self.is_jacobian:
            rows = [("ḡ", "↦", self._text(self.sent_back), [said]),
                    (left, "=", self.text, [words["read"], *self.laws, *turned])]  # fmt: skip
        else:
            first = self._text(transposed(self.sent_back) if turned else self.sent_back)
            rows = [(left, "=", first, [said, *turned]), ("", "=", self.text, self.laws)][: 1 + (first != self.text)]
        wide = [max(len(row[k]) for row in rows) for k in (0, 2)]
        return [f"    {a:>{wide[0]}} {sign} {b:<{wide[1]}}    {words['comma'].join(why)}" for a, sign, b, why in rows]

    def _kind(self, name: str) -> str:
        declared = self.variables[name]
        kind = "symmetric" if declared.symmetric else ("scalar", "vector", "matrix")[len(declared.shape)]
        return WORDS[self.lang][kind].format(self._text.name(name), times(declared.shape))


def subscript(name: str) -> str:
    """``ₓ`` for x; ``_A`` where Unicode has no such letter."""
    try:
        letter = unicodedata.lookup(unicodedata.name(name).replace(" SMALL", " SUBSCRIPT SMALL"))
    except (KeyError, TypeError):
        letter = name
    return letter if letter != name else f"_{name}"
