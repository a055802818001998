"""Sentences in English and Chinese that explanations, reports and findings share.

A sentence is looked up by key; what varies stands in braces and is the same in both languages.
"""

import os
from collections.abc import Mapping
from typing import Any

LANGUAGES = ("en", "zh")

CATALOGUE: Mapping[str, Mapping[str, str]] = {
    # the explanation of a gradient
    "forward": {
        "en": "values, left to right; on each line the local derivative",
        "zh": "值：从左到右；线上写的是局部导数",
    },
    "steps": {
        "en": "values, left to right; with each, its local derivatives",
        "zh": "值：从左到右；每一步旁边是局部导数",
    },
    "backward": {"en": "gradients, right to left", "zh": "梯度：从右到左"},
    "path": {"en": "path", "zh": "路径"},
    "difference": {"en": "central difference", "zh": "中心差分"},
    "paths": {
        "en": "{n} paths; the gradient is the sum of their products",
        "zh": "共 {n} 条路径；梯度等于各条乘积之和",
    },
    "sum": {"en": "sum", "zh": "和"},
    "cut": {
        "en": "{n} paths, too many to list. Cut the graph at {at}: {terms} lines cross, and their sum is exact",
        "zh": "共 {n} 条路径，无法一一列出。在 {at} 处把图切开：穿过切口的 {terms} 条线之和就是精确的梯度",
    },
    "agrees": {"en": "off by at most {off}", "zh": "最多相差 {off}"},
    "smaller": {
        "en": "To make {f} smaller, step against the gradient, {x} ← {x} − α·∇{x}:",
        "zh": "要让 {f} 变小，就逆着梯度走一步，{x} ← {x} − α·∇{x}：",
    },
    "shrinks": {"en": "{d} = {g} > 0, so {x} shrinks", "zh": "{d} = {g} > 0，所以 {x} 变小"},
    "grows": {"en": "{d} = {g} < 0, so {x} grows", "zh": "{d} = {g} < 0，所以 {x} 变大"},
    "rests": {"en": "{d} = 0, so {x} stays", "zh": "{d} = 0，所以 {x} 不动"},
    "undefined": {"en": "{d} is {g}: there is no direction to step in", "zh": "{d} 是 {g}：没有可走的方向"},
    "not_run": {
        "en": "backward() has not run: .grad is not computed yet, and these are the numbers that it will add to it.",
        "zh": "backward() 还没有运行：.grad 尚未计算，这里是它将要累加的数。",
    },
    "accumulated": {
        "en": "{x}.grad holds {has}, not {g}: it is a sum over several backward() calls (set it to 0 in between), or "
        "another loss or a hook had a part in it.",
        "zh": "{x}.grad 是 {has}，不是 {g}：它是多次 backward() 的累加（每次之前要清零），或者别的损失或钩子也改过它。",
    },
    "element": {
        "en": "The paths of one element: explain({f}, wrt={x}, at={at}).",
        "zh": "看某一个元素的路径：explain({f}, wrt={x}, at={at})。",
    },
    "arrives": {"en": "g is the gradient that arrives at the step", "zh": "g 是到达这一步的梯度"},
    "missing": {
        "en": "—: the tape did not keep this value, since no rule needs it.",
        "zh": "—：没有规则用到这个值，所以没有保存。",
    },
    "more": {"en": "… {n} more", "zh": "……还有 {n} 个"},
    "over": {"en": "{rule}, Σ over axis {axis}", "zh": "{rule}，对第 {axis} 维求和"},
    "long": {"en": "a formula of {n} ops", "zh": "由 {n} 个运算组成的公式"},
    "rearranged": {"en": "the same values, rearranged", "zh": "同样的值，换个排列"},
    "repeated": {"en": "the same value for every element", "zh": "每个元素得到同样的值"},
}


def say(key: str, lang: str, **values: Any) -> str:
    """The sentence ``key`` in a language, with its braces filled.

    >>> from chainrule.messages import say
    >>> say("shrinks", "en", d="dJ/db", g=6, x="b"), say("grows", "zh", d="dJ/dw", g=-1, x="w")
    ('dJ/db = 6 > 0, so b shrinks', 'dJ/dw = -1 < 0，所以 w 变大')
    """
    return CATALOGUE[key][lang].format(**values)


def language(lang: str | None = None) -> str:
    """``"en"`` or ``"zh"``: the given one, else the locale's, from ``LC_ALL``, ``LC_MESSAGES`` or ``LANG``.

    Raises ValueError for another one.

    >>> from chainrule.messages import language
    >>> language("zh")
    'zh'
    """
    if lang is None:
        locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
        return "zh" if locale.startswith("zh") else "en"
    if lang not in LANGUAGES:
        raise ValueError(f"language: lang is {lang!r}, and the reports are in 'en' or 'zh'")
    return lang
