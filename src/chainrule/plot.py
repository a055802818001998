"""Pictures with matplotlib, which only this file imports, and only when something is drawn.

Figures are made without pyplot: no window opens, no display is needed, and the caller's own plots are left alone.
Colours are those of Okabe and Ito ("Color Universal Design", 2008), told apart by every common kind of colour vision.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import MissingExtra
from chainrule.spec import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS, LINE, NOTE = "#0072B2", "#D55E00", "#555555"


def fit(x: Any, y: Any, w: Any, b: Any, path: str | Path | None = None, ax: "Axes | None" = None) -> "Axes":
    """The points (x, y) and the line w·x + b, with its equation; written to ``path`` (.png, .svg, .pdf) if given.

    Takes tensors, arrays, lists and numbers. ``ax``: draw into these axes. Raises MissingExtra without matplotlib,
    ValueError where x and y differ in length.

    >>> from chainrule import plot
    >>> ax = plot.fit([0, 1], [0.8, 3.8], 3.0, 0.8)
    >>> ax.get_legend_handles_labels()[1]
    ['2 points', 'y = 3.000x + 0.800']
    """
    across, up = (_values(v).reshape(-1) for v in (x, y))
    if across.shape != up.shape or not across.size:
        raise ValueError(f"fit: x and y must have the same number of points, at least one; got shapes "
                         f"{shown(_values(x).shape)} and {shown(_values(y).shape)}")
    slope, height = (_values(v).reshape(-1)[0].item() for v in (w, b))
    ax = _axes() if ax is None else ax
    ends = np.array([across.min(), across.max()], np.float64)
    ax.scatter(across, up, s=22, color=POINTS, alpha=0.75, linewidths=0, label=f"{across.size} points")
    sign = "−" if height < 0 else "+"
    ax.plot(ends, slope * ends + height, color=LINE, linewidth=2, label=f"y = {slope:.3f}x {sign} {abs(height):.3f}")
    ax.set(xlabel="x", ylabel="y")
    ax.legend(frameon=False)
    return _finished(ax, path)


def loss_curve(losses: Any, path: str | Path | None = None, ax: "Axes | None" = None, log: bool = True) -> "Axes":
    """The loss of every epoch, counted from 1; written to ``path`` if given.

    The last value is written out, and the first that is not finite is marked. ``log``: a logarithmic axis,
    on which a steady rate of improvement is a straight line; used where all finite losses are positive.

    >>> from chainrule import plot
    >>> plot.loss_curve([4.0, 2.0, 1.0]).get_yscale()
    'log'
    """
    values = _values(losses).astype(np.float64).reshape(-1)
    if not values.size:
        raise ValueError("loss_curve: there is no loss to draw; give one number per epoch")
    ax = _axes() if ax is None else ax
    epochs = np.arange(1, values.size + 1)
    known = np.isfinite(values)
    ax.plot(epochs, np.where(known, values, math.nan), color=LINE, linewidth=2)
    if log and np.all(values[known] > 0):
        ax.set_yscale("log")
    if not known.all():
        first = int(epochs[~known][0])
        ax.axvline(first, color=NOTE, linestyle="--", linewidth=1)
        ax.annotate(f"{values[first - 1]:g} from epoch {first} on", (first, 0.5), xycoords=("data", "axes fraction"),
                    rotation=90, ha="right", va="center", color=NOTE)
    else:
        ax.scatter(epochs[-1:], values[-1:], s=26, color=LINE, label=f"epoch {values.size}: {values[-1]:.3g}")
        ax.legend(frameon=False, handletextpad=0)
    whole_numbers: Any = ax.xaxis.get_major_locator()
    whole_numbers.set_params(integer=True)
    ax.set(xlabel="epoch", ylabel="loss")
    return _finished(ax, path)


def _values(given: Any) -> Any:
    """Numbers as an array; those of a tensor without its history."""
    if hasattr(given, "detach"):
        return given.detach().numpy()
    if isinstance(given, Sequence):
        return np.array([v.item() if hasattr(v, "item") else v for v in given])
    return np.asarray(given)


def _axes() -> "Axes":
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra(MISSING) from None
    return Figure(figsize=(6.4, 4.2), dpi=120, layout="constrained").subplots()


MISSING = "plot: matplotlib is not installed; it draws these pictures. Install it with: pip install 'chainrule[plot]'"


def _finished(ax: "Axes", path: str | Path | None) -> "Axes":
    ax.grid(True, color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if path is not None:
        figure: Any = ax.get_figure(root=True)
        whole = io.BytesIO()  # drawn before the file is opened: an error leaves no half of it
        figure.savefig(whole, format=Path(path).suffix.lstrip(".") or "png")
        Path(path).write_bytes(whole.getvalue())
    return ax
