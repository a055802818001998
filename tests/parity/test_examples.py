"""The chapters print the same text under torch and under chainrule, to the digit."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_same_output(path, tmp_path):
    def printed(*command):
        return subprocess.run([*command, path], capture_output=True, text=True, cwd=tmp_path, check=True).stdout

    assert printed(sys.executable, "-m", "chainrule", "run") == printed(sys.executable)
