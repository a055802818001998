"""What an import loads, and what the package's names do."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import chainrule

HEAVY = {"llvmlite", "matplotlib", "scipy", "torch"}


def fresh(program):
    """What a program prints in a new process."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize(
    "program",
    [
        "import chainrule",
        "from chainrule import Tensor, no_grad, exp, float32",
        "import chainrule as torch; x = torch.rand(3, requires_grad=True); (x * x).sum().backward(); repr(x.grad)",
        "import chainrule.func, chainrule.testing, chainrule.autograd",
        "import chainrule.cli, chainrule.see, chainrule.compiler",
    ],
)
def test_no_optional_package_is_loaded(program):
    loaded = fresh(f"{program}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})").split()
    assert "chainrule" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_importing_the_package_loads_nothing_of_it():
    loaded = fresh("import sys, chainrule; print(*[name for name in sys.modules if name.startswith('chainrule')])")
    assert loaded.split() == ["chainrule"]


def test_names_are_there_on_first_use():
    out = fresh("""
        import chainrule as torch
        print(torch.Tensor.__name__, torch.tensor([1.0]).dtype, torch.float is torch.float32)
        print(torch.exp(torch.tensor(0.0)))
        print(torch.autograd.grad.__name__, torch.func.vjp.__name__, torch.pi)
        """)
    assert out.split() == ["Tensor", "torch.float32", "True", "tensor(1.)", "grad", "vjp", str(np.pi)]


def test_modules_do_not_hide_functions_of_their_name():
    """A submodule becomes an attribute of the package when it is imported."""
    program = """
        import pkgutil, importlib, types, chainrule
        for module in pkgutil.iter_modules(chainrule.__path__):
            if module.name != "__main__":
                importlib.import_module(f"chainrule.{module.name}")
        names = {name for name in dir(chainrule) if isinstance(getattr(chainrule, name), types.ModuleType)}
        print(*names & {*chainrule._HOME})
        """
    assert fresh(program).split() == []


@pytest.mark.parametrize("name", ["nothing", "stft", "_private", "Tensr"])
def test_a_missing_name_is_named(name):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'") as caught:
        getattr(chainrule, name)
    assert caught.value.name == name
    with pytest.raises(ImportError, match=name):
        exec(f"from chainrule import {name}")
    assert not hasattr(chainrule, name)


def test_dir_lists_what_there_is():
    names = dir(chainrule)
    assert {"Tensor", "tensor", "float32", "no_grad", "exp", "matmul", "manual_seed", "where", "Size"} <= set(names)
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(chainrule, name)] == []


def test_every_listed_name_is_found():
    for name in chainrule._HOME:
        assert getattr(chainrule, name) is not None


def test_the_namespaces_of_torch_are_modules():
    assert chainrule.autograd.gradcheck.__name__ == "gradcheck"
    assert chainrule.func.jacrev.__name__ == "jacrev"


def test_in_place_words_are_functions_too():
    x = chainrule.tensor([-1.0, 2.0])
    assert chainrule.relu_(x) is x
    assert x.tolist() == [0.0, 2.0]
