"""What the READMEs show is what the commands print, and their Python runs."""

import re
import shlex
from pathlib import Path

import pytest

from chainrule.cli import main

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "README.zh-CN.md"]


@pytest.mark.parametrize("page", PAGES)
def test_shown_output_is_real(page, capsys):
    shown = re.findall(r"```console\n\$ (.*)\n((?:.*\n)*?)```", (ROOT / page).read_text(encoding="utf-8"))
    assert len(shown) == 2
    for command, output in shown:
        assert main(shlex.split(command)[1:]) == 0
        assert capsys.readouterr().out.strip() == output.strip()


@pytest.mark.parametrize("page", PAGES)
def test_python_runs(page):
    known: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block.replace("3000", "300"), known)
    assert known["losses"].shape == (300,)
    assert known["losses"][-1] < 0.1


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
