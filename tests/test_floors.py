"""The floors hold, and the reader that says so notices every way to break them."""

import pytest

import floors
import loc


def test_every_import_goes_down():
    assert floors.broken() == []


def test_every_room_has_one_floor():
    rooms = sum(floors.FLOORS, ())
    assert len(rooms) == len(set(rooms))


@pytest.fixture
def complaints(tmp_path):
    """Writes a package out of {file: text} and returns what breaks a rule in it."""

    def check(**texts):
        base = {"errors.py": "", "spec.py": "", "ops/__init__.py": "", "ops/linear.py": "", "tensors.py": ""}
        for name, text in {**base, **texts}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return floors.broken(tmp_path)

    return check


ROOF, TENSORS = floors.floor_of("__init__"), floors.floor_of("tensors")
GOOD = {
    "down": {"tensors.py": "import json\nimport numpy as np\nfrom chainrule.spec import S\nfrom .ops import linear"},
    "inside a package": {"ops/__init__.py": "from .linear import x", "ops/linear.py": "from chainrule.ops import y"},
    "up one level": {"ops/linear.py": "from .. import spec\nfrom ..errors import E"},
    "for types, down": {
        "tensors.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .spec import Spec"
    },
    "lazy": {"__init__.py": "def __getattr__(n):\n    from importlib import import_module\n    import_module(n)"},
    "owned": {"plot.py": "def draw():\n    import matplotlib.pyplot"},
    "owned, and its types elsewhere": {
        "plot.py": "import matplotlib",
        "cli.py": "import typing as t\nif t.TYPE_CHECKING:\n    import matplotlib",
    },
    "a name that looks like ours": {"errors.py": "import ast\nx = 'import chainrule.tensors'  # import chainrule.cli"},
}

BROKEN = {
    "up": ({"errors.py": "import chainrule.tensors"}, "errors.py:1: floor 0 imports chainrule.tensors from above"),
    "up, relative": ({"ops/linear.py": "\nfrom ..tensors import T"}, "ops/linear.py:2: floor 3 imports chainrule.tens"),
    "up, a submodule": ({"spec.py": "from chainrule.ops import linear"}, "floor 1 imports chainrule.ops.linear"),
    "up, second of two": ({"ir.py": "from . import spec, tensors"}, "floor 3 imports chainrule.tensors from above"),
    "up, for types": (
        {"spec.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .tensors import Tensor"},
        f"spec.py:3: floor 1 imports chainrule.tensors from above, floor {TENSORS}",
    ),
    "up, in a branch": ({"spec.py": "try:\n    import chainrule.op\nfinally:\n    pass"}, "spec.py:2: floor 1"),
    "the roof": (
        {"tensors.py": "from chainrule import zeros"}, f"floor {TENSORS} imports chainrule from above, floor {ROOF}",
    ),
    "the roof, relative": (
        {"ops/linear.py": "from .. import zeros"}, f"floor 3 imports chainrule from above, floor {ROOF}",
    ),
    "sideways": ({"spec.py": "from .modes import M"}, "imports chainrule.modes, which is on the same floor, 1"),
    "sideways, a package": ({"ir.py": "from . import ops"}, "imports chainrule.ops, which is on the same floor, 3"),
    "in a function": ({"tensors.py": "def f():\n    import json"}, "tensors.py:2: imports json inside f(); move it"),
    "in a method": (
        {"tensors.py": "class A:\n    async def g(self):\n        if 1:\n            from .spec import S"},
        "tensors.py:4: imports chainrule.spec inside g()",
    ),
    "in disguise": ({"ir.py": "import importlib as i\ni.import_module('chainrule.cli')"}, "ir.py:2: floor 3 imports"),
    "computed": ({"ir.py": "f = lambda n: __import__(n)"}, "ir.py:1: imports a computed name; only LAZY_IMPORTERS"),
    "two owners": (
        {"plot.py": "import matplotlib", "cli.py": "def f():\n    from matplotlib import pyplot"},
        "cli.py, plot.py: all import matplotlib; one file must own it",
    ),
    "a dependency": ({"ir.py": "import sympy.core"}, "ir.py:1: imports sympy; NumPy is the core's only dependency"),
    "no floor": ({"attic.py": ""}, "attic.py: attic has no floor; write it into FLOORS in tools/floors.py"),
    "no floor, a package": ({"attic/box.py": ""}, "attic/box.py: attic/ has no floor"),
    "of no floor": ({"cli.py": "from chainrule.cellar import x"}, "cli.py:1: cellar has no floor"),
}


@pytest.mark.parametrize("texts", GOOD.values(), ids=GOOD)
def test_silent_on_what_is_allowed(complaints, texts):
    assert complaints(**texts) == []


@pytest.mark.parametrize(("texts", "message"), BROKEN.values(), ids=BROKEN)
def test_complains_once_about_what_is_broken(complaints, texts, message):
    (only,) = complaints(**texts)
    assert message in only


def test_lines_of_code_leave_out_comments_and_docstrings():
    text = '"""Module.\n\nMore."""\nimport os  # why\n\n\ndef f():\n    "Doc."\n    # no\n    return """two\nlines"""\n'
    assert loc.code_lines(text) == 4
