"""The chapters in examples/ run on chainrule, each under a page, and print what they promise."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted(Path(__file__).parent.parent.glob("examples/*.py"))
PROMISED = {
    "01_gradient_by_definition.py": "dJ/dw = -4.000000 < 0, so w grows:   1.000000 → 2.200000",
    "02_matrix_rules.py": "∇ₓ(xᵀAx) = (A + Aᵀ)x         agrees with backward()",
    "03_chain_rule.py": "their sum =  6.84147",
    "04_backpropagation.py": "b→v→u→J   dJ/db = 3·1·c = 6   .grad = 6   (J(+h) − J(−h))/2h = 6.000000",
    "05_one_weight.py": "their sum = -0.08652",
    "06_linear_regression.py": "found y = 2.961x + 0.819",
}


def test_every_chapter_is_here():
    assert [path.name for path in EXAMPLES] == list(PROMISED)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_on_chainrule(path, tmp_path):
    done = subprocess.run([sys.executable, "-m", "chainrule", "run", path], capture_output=True, text=True,
                          cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert PROMISED[path.name] in done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_under_a_page(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 70


def test_the_picture_goes_where_it_is_told(tmp_path):
    (chapter,) = (path for path in EXAMPLES if path.name.startswith("06"))
    picture = tmp_path / "line.png"
    subprocess.run([sys.executable, "-m", "chainrule", "run", chapter, picture], cwd=tmp_path, check=True,
                   stdout=subprocess.DEVNULL)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [picture]
