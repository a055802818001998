"""The pictures: what they show, where they are written, and what is refused."""

import sys

import numpy as np
import pytest

import chainrule as torch
from chainrule import plot
from chainrule.errors import MissingExtra

pytest.importorskip("matplotlib")


def labels(ax):
    return ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize(("suffix", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_written_as_the_name_says(tmp_path, suffix, begin):
    plot.fit([0, 1], [1, 2], 1, 1, tmp_path / f"fit.{suffix}")
    plot.loss_curve([3, 2, 1], str(tmp_path / f"loss.{suffix}"))
    for name in ("fit", "loss"):
        assert (tmp_path / f"{name}.{suffix}").read_bytes().startswith(begin)


def test_tensors_and_what_requires_grad():
    x = torch.rand(50)
    w, b = torch.tensor([2.96], requires_grad=True), torch.tensor(-0.5, requires_grad=True)
    ax = plot.fit(x, w * x + b, w, b)
    assert labels(ax) == ["50 points", "y = 2.960x − 0.500"]
    assert labels(plot.loss_curve([torch.tensor(4.0), torch.tensor(0.5)])) == ["epoch 2: 0.5"]


def test_the_line_goes_from_the_first_point_to_the_last():
    (line,) = plot.fit([3, 1, 2], [0, 0, 0], 2.0, 1.0).lines
    assert np.asarray(line.get_xydata()).tolist() == [[1.0, 3.0], [3.0, 7.0]]


def test_drawn_into_the_axes_given():
    ax = plot.fit([0, 1], [0, 1], 1, 0)
    assert plot.fit([0, 1], [0, 1], 1, 0, ax=ax) is ax
    assert len(ax.lines) == 2


def test_no_window_and_no_global_figure():
    plot.fit([0, 1], [0, 1], 1, 0)
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize(("losses", "scale"), [([2, 1], "log"), ([2, 0], "linear"), ([2, -1], "linear")])
def test_a_logarithm_only_of_what_is_positive(losses, scale):
    assert plot.loss_curve(losses).get_yscale() == scale
    assert plot.loss_curve(losses, log=False).get_yscale() == "linear"


def test_the_first_loss_that_is_not_finite_is_marked():
    ax = plot.loss_curve([1.0, 2.0, float("inf"), float("nan")])
    assert [text.get_text() for text in ax.texts] == ["inf from epoch 3 on"]
    assert len(plot.loss_curve([float("nan")]).texts) == 1


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match=r"fit: .* got shapes \[2\] and \[3\]"):
        plot.fit([1, 2], [1, 2, 3], 1, 0, tmp_path / "fit.png")
    with pytest.raises(ValueError, match="loss_curve: there is no loss"):
        plot.loss_curve([], tmp_path / "loss.png")
    with pytest.raises(ValueError, match="format"):
        plot.fit([1], [1], 1, 0, tmp_path / "fit.docx")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"pip install 'chainrule\[plot\]'"):
        plot.fit([0, 1], [0, 1], 1, 0)
