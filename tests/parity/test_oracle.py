"""The numbers we equal are those of one version of torch."""

import tomllib
from pathlib import Path

import torch


def test_torch_is_the_version_that_pyproject_pins():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["parity"] == [f"torch=={torch.__version__.split('+')[0]}"]
