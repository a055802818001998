"""CONTRIBUTING.md stays true: its diff, applied to a copy of the package, adds an op that passes everything."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.ops import ALL

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
(DIFF,) = re.findall(r"^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CHANGED = re.findall(r"^\+\+\+ b/(.*)$", DIFF, re.MULTILINE)
NEW = "entr"

READINGS = """
import numpy as np
import chainrule as torch
from chainrule.ops import ALL
from chainrule.testing import check_op
import chainrule

check_op(ALL["entr"])

x = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64, requires_grad=True)
torch.entr(x).sum().backward()
assert np.allclose(x.grad.numpy(), -1 - np.log(x.detach().numpy()), rtol=1e-15)
assert torch.tensor([1.0]).entr_().item() == 0

for native in (False, True):
    got = torch.compile(lambda v: v.entr(), native=native)(x.detach())
    assert np.allclose(got.numpy(), -x.detach().numpy() * np.log(x.detach().numpy()), rtol=1e-15), got

from chainrule.see import explain_formula
print(explain_formula("entr(x)", {"x": 0.8}))
print(chainrule.__file__)
"""


def applied(diff, root):
    """Apply a diff by its text alone: what a hunk removes or keeps must stand in the file once."""
    for name, hunks in re.findall(r"^\+\+\+ b/(\S+)\n((?:[@ +-](?!\+\+ |-- ).*\n)+)", diff, re.MULTILINE):
        path = root / name
        text = path.read_text(encoding="utf-8")
        for hunk in hunks.split("@@\n")[1:]:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(before) == 1, f"{name} no longer has the lines\n{before}"
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of what the page talks about, with its diff applied and the stub written."""
    root = tmp_path_factory.mktemp("contributed")
    for name in ("src", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests").mkdir()
    for name in ("pyproject.toml", "tests/conftest.py", "tests/test_ops.py", "tests/test_stub.py"):
        shutil.copy(ROOT / name, root / name)
    applied(DIFF, root)
    python(root, "tools/stub.py")
    return root


def python(root, *arguments):
    """What a Python process prints that has the package at ``root`` before all others; it must end well."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_is_not_there_yet():
    assert NEW not in ALL, f"{NEW} has come; let CONTRIBUTING.md add another op"
    assert f'"{NEW}"' in DIFF


def test_the_diff_touches_two_files():
    assert CHANGED == ["src/chainrule/ops/elementary.py", "src/chainrule/vocabulary/elementary.py"]


@pytest.mark.slow
def test_with_it_the_op_has_every_reading(copy):
    printed = python(copy, "-c", READINGS)
    assert "entr" in printed
    assert printed.splitlines()[-1] == str(copy / "src" / "chainrule" / "__init__.py")


@pytest.mark.slow
def test_with_it_the_tests_know_the_op_and_pass(copy):
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    chosen = f"{NEW} or agree or second_list or spelled or every_word or stub"
    printed = python(copy, "-m", "pytest", *options, "-k", chosen, "tests/test_ops.py", "tests/test_stub.py")
    passed = int(re.search(r"(\d+) passed", printed)[1])
    assert passed > 50
    assert "entr" in (copy / "src/chainrule/__init__.pyi").read_text(encoding="utf-8")
    python(copy, "tools/floors.py")
    python(copy, "-m", "ruff", "check", "--no-cache", *CHANGED)


@pytest.mark.slow
def test_with_a_wrong_rule_they_do_not(copy, tmp_path):
    shutil.copytree(copy / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    record = tmp_path / "src/chainrule/ops/elementary.py"
    text = record.read_text(encoding="utf-8")
    assert "-g * (x.log() + 1)" in text
    record.write_text(text.replace("-g * (x.log() + 1)", "-g * x.log()"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"d x by the reverse rule.*the central difference gives"):
        python(tmp_path, "-c", READINGS)


def test_the_page_names_what_there_is():
    for path in re.findall(r"`((?:src|docs|tools)/[^`]*)`", PAGE):
        assert (ROOT / path).exists(), path
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", PAGE)) <= targets
