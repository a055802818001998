"""The strokes of an SVG: measured text, boxes, arrows, and the style sheet in light and dark."""

from __future__ import annotations

from itertools import pairwise

from chainrule.see.layout import Box, Point

TEXT, SMALL, TITLE = 13.0, 11.0, 16.0  # font sizes, as in STYLE
TIP = 9.0  # length of an arrowhead

_EM = 0.61  # the width of a character in ems: the widest common monospace faces have 0.602

STYLE = """
.crg{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
.crg .page,.crg .box,.crg .label{fill:#fff}
.crg text{fill:#1b2430}.crg .quiet{fill:#5d6877;font-size:11px}.crg .title{font-size:16px;font-weight:600}
.crg .strong{font-weight:700}.crg .end{text-anchor:end}.crg .mid{text-anchor:middle}
.crg .box,.crg .ring,.crg .wire{stroke:#6b7a90;stroke-width:1.2}.crg .ring,.crg .wire{fill:none}.crg .tip{fill:#6b7a90}
.crg .head{fill:#eef1f6}.crg .line{stroke:#dbe0e8}.crg .label{stroke:#d3dae4}
.crg .leaf .box{stroke:#b7791f}.crg .leaf .head{fill:#fcf0d6}
.crg .output .box,.crg .output .ring{stroke:#2660b0}.crg .output .head{fill:#e0ebfa}
.crg .constant .box{fill:#f5f6f8;stroke:#a9b2bf}.crg .dash{stroke-dasharray:4 3}
.crg .grad{fill:#b3261e}.crg .back .wire{stroke:#b3261e}.crg .back .tip{fill:#b3261e}
@media(prefers-color-scheme:dark){
.crg .page,.crg .label{fill:#12161c}.crg .box{fill:#1a2029}
.crg text{fill:#e6ebf2}.crg .quiet{fill:#9ba7b6}
.crg .box,.crg .ring,.crg .wire{stroke:#8492a8}.crg .tip{fill:#8492a8}
.crg .head{fill:#252d39}.crg .line{stroke:#343e4c}.crg .label{stroke:#3a4553}
.crg .leaf .box{stroke:#dba63f}.crg .leaf .head{fill:#3a2f18}
.crg .output .box,.crg .output .ring{stroke:#74a7f2}.crg .output .head{fill:#1c3052}
.crg .constant .box{fill:#1d232c;stroke:#5d6979}
.crg .grad{fill:#ff938c}.crg .back .wire{stroke:#ff938c}.crg .back .tip{fill:#ff938c}}
"""


def units(words: str) -> int:
    """Width in characters of a monospace face; from Hebrew on a glyph may be as wide as two."""
    return sum(1 if char < "\u0590" else 2 for char in words)


def width(words: str, size: float) -> float:
    """Width in pixels at a font size, on the safe side."""
    return units(words) * size * _EM


def clip(words: str, room: float) -> str:
    """The words, or as many characters of them as fit into so many units, and an ellipsis."""
    if units(words) <= room:
        return words
    used, end = 2, 0
    while used + units(words[end]) <= room:
        used += units(words[end])
        end += 1
    return words[:end] + "…"


def clip_to(words: str, pixels: float, size: float) -> str:
    return clip(words, pixels / (size * _EM))


def clean(words: str) -> str:
    """One line, without the characters that XML cannot hold."""
    return "".join(char if char.isprintable() else " " for char in words)


def escape(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def text(x: float, y: float, words: str, look: str = "") -> str:
    return f'<text x="{_px(x)}" y="{_px(y)}" class="{look}">{escape(words)}</text>'


def heading(x: float, y: float, name: str, formula: str) -> str:
    """A name in bold and what follows it."""
    bold = f'<tspan class="strong">{escape(name)}</tspan>' if name else ""
    return f'<text x="{_px(x)}" y="{_px(y)}" class="mid">{bold}{escape(formula)}</text>'


def rect(box: Box, radius: float, look: str) -> str:
    size = f'width="{_px(box.width)}" height="{_px(box.height)}"'
    return f'<rect x="{_px(box.x)}" y="{_px(box.y)}" {size} rx="{_px(radius)}" class="{look}"/>'


def band(box: Box, height: float, radius: float) -> str:
    """The tinted head of a box, inside its outline, with a line below it."""
    left, right, top, bottom, r = box.x + 0.6, box.x + box.width - 0.6, box.y + 0.6, box.y + height, radius - 0.6
    return (
        f'<path class="head" d="M{_px(left)} {_px(bottom)}V{_px(top + r)}q0 {_px(-r)} {_px(r)} {_px(-r)}'
        f'H{_px(right - r)}q{_px(r)} 0 {_px(r)} {_px(r)}V{_px(bottom)}z"/>'
        f'<path class="line" d="M{_px(left)} {_px(bottom)}H{_px(right)}"/>'
    )


def arrow(points: list[Point], look: str = "") -> str:
    """Straight where level, else a curve that leaves and arrives level; the head, at the last point, is level too."""
    end, y = points[-1]
    tail = -TIP if end > points[0][0] else TIP
    path = [f"M{_px(points[0][0])} {_px(points[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise([*points[:-1], (end + tail, y)]):
        middle = _px((x0 + x1) / 2)
        path.append(f"H{_px(x1)}" if y0 == y1 else f"C{middle} {_px(y0)} {middle} {_px(y1)} {_px(x1)} {_px(y1)}")
    tip = f"M{_px(end)} {_px(y)}l{_px(tail)} -3.6v7.2z"
    return f'<path class="wire {look}" d="{"".join(path)}"/><path class="tip" d="{tip}"/>'


def group(parts: list[str], look: str, tooltip: list[str] | None = None, mark: str = "") -> str:
    """Parts that belong together; the tooltip's lines are shown on hover, the mark is an attribute for scripts."""
    title = f"<title>{escape(chr(10).join(tooltip))}</title>" if tooltip else ""
    return f'<g class="{look}"{mark and " " + mark}>{title}{"".join(parts)}</g>'


def at(x: float, y: float, parts: list[str]) -> str:
    return "\n".join([f'<g transform="translate({_px(x)} {_px(y)})">', *parts, "</g>"])


def page(across: float, down: float, title: str, description: str, parts: list[str]) -> str:
    """The whole file."""
    size = f'width="{_px(across)}" height="{_px(down)}" viewBox="0 0 {_px(across)} {_px(down)}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" class="crg" style="max-width:100%;height:auto">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f"<style>{STYLE}</style>",
        rect(Box(0, 0, across, down), 0, "page"),
        *parts,
        "</svg>\n",
    ])


def _px(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")
