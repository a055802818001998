"""``chainrule run``: a script that says ``import torch`` runs on chainrule as ``python script.py`` would run it."""

import os
import signal
import subprocess
import sys
import textwrap
from functools import partial

import pytest

NO_LEFTOVERS = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


@pytest.fixture
def run(tmp_path):
    """Runs the text of a script; ``run.python`` runs it under Python itself, for comparison."""

    def started(command, text, arguments, **options):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return subprocess.run([sys.executable, *command, str(path), *arguments], capture_output=True, text=True,
                              cwd=tmp_path, env=NO_LEFTOVERS, check=False, **options)

    def under_chainrule(text, *arguments, **options):
        return started(["-m", "chainrule", "run"], text, arguments, **options)

    under_chainrule.python = lambda text, *arguments, **options: started([], text, arguments, **options)
    return under_chainrule


def test_every_import_of_torch_gives_chainrules_own_modules(run):
    done = run("""
        import chainrule, chainrule.func
        import torch
        import torch.func
        import torch.autograd as A
        from torch import Tensor, tensor
        from torch.func import grad
        from torch import func
        assert torch is chainrule and torch.func is func is chainrule.func and A is chainrule.autograd
        assert tensor is chainrule.tensor and Tensor is chainrule.Tensor and grad is chainrule.func.grad
        assert torch.__spec__.name == torch.__name__ == "chainrule" and func.__spec__.name == "chainrule.func"
        print(grad(lambda x: x**2)(tensor(3.0)))
    """)
    assert (done.stdout, done.stderr, done.returncode) == ("tensor(6.)\n", "", 0)


def test_torch_is_not_looked_for_anywhere_else(run, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')")
    (tmp_path / "torch").mkdir()
    done = run("import torch; print(torch.__name__)")
    assert done.stdout == "chainrule\n", done.stderr


@pytest.mark.parametrize("arguments", [(), ("--lr", "0.1", "-h", "--", "x y", "")], ids=["none", "some"])
def test_the_script_sees_what_python_shows_it(run, arguments):
    text = """
        import os, sys, inspect
        print(__name__, __file__, sys.argv, sys.path[0], __package__, __spec__, __doc__, type(__builtins__))
        print(sys.modules["__main__"].__dict__ is globals(), inspect.getsource(f) if (f := lambda: 1) else "")
        print(sorted(globals()), sys.excepthook is sys.__excepthook__)
    """
    ours, python = run(text, *arguments), run.python(text, *arguments)
    assert python.returncode == 0
    assert (ours.stdout, ours.stderr, ours.returncode) == (python.stdout, python.stderr, 0)


FAILURES = {
    "exit with a status": "import sys; print('out'); sys.exit(3)",
    "exit with a sentence": "raise SystemExit('no data')",
    "exit from atexit": "import atexit; atexit.register(print, 'bye'); raise SystemExit",
    "an exception": "def f():\n    return 1 / 0\n\n\nf()",
    "a cause": "try:\n    {}['x']\nexcept KeyError as e:\n    raise ValueError('y') from e",
    "a syntax error": "x = 1\ndef f(:\n",
    "a syntax error in an import": "import broken",
    "own hook": "import sys\nsys.excepthook = lambda *e: print('hook', e[0], e[2].tb_lineno, e[2].tb_next)\n1 / 0",
    "interrupted": "raise KeyboardInterrupt",
    "a thread": "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='t')\nt.start()\nt.join()",
}


@pytest.mark.parametrize("text", FAILURES.values(), ids=FAILURES)
def test_a_script_fails_as_under_python(run, tmp_path, text):
    (tmp_path / "broken.py").write_text("def f(:\n")
    ours, python = run(text), run.python(text)
    assert (ours.stdout, ours.stderr, ours.returncode) == (python.stdout, python.stderr, python.returncode)


def test_interrupted_from_outside(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import time\nprint('go', flush=True)\ntime.sleep(60)\n")
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in the background inherits no Ctrl-C
    process = subprocess.Popen([sys.executable, "-m", "chainrule", "run", str(path)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeded)
    with process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        stderr = process.stderr.read()
    assert process.returncode == -signal.SIGINT  # a shell shows 130
    assert stderr.startswith(f'Traceback (most recent call last):\n  File "{path}", line ')
    assert stderr.endswith("KeyboardInterrupt\n")


def test_a_refusal_ends_at_the_users_line(run):
    done = run("import torch\ndef add(x):\n    return x + torch.zeros(3)\nadd(torch.zeros(2))")
    lines = done.stderr.splitlines()
    assert [line.split(", ", 1)[1] for line in lines if line.startswith("  File")] == [
        "line 4, in <module>", "line 3, in add"]
    assert lines[-1].startswith("chainrule.errors.ShapeError: add: the shapes [2] and [3] do not fit")
    assert lines[-1].endswith("(script.py:3: return x + torch.zeros(3))")


def test_any_other_error_shows_where_it_was_raised(run):
    done = run("import torch\nx = torch.ones(2, requires_grad=True)\n"
               "x.register_hook(lambda g: 1 / 0)\nx.sum().backward()")
    assert "engine.py" in done.stderr
    assert "in <lambda>" in done.stderr
    assert "runner.py" not in done.stderr
    assert "cli.py" not in done.stderr
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


LACKING = {
    "a name": ("import torch\ntorch.no_such_name", "MissingName", "'no_such_name'"),
    "a name, from": ("from torch import no_such_name", "ImportError", "'no_such_name'"),
    "a name of a part, from": ("from torch.func import no_such_name", "ImportError", "'no_such_name'"),
    "a part": ("import torch.no_such_part", "ModuleNotFoundError", "'torch.no_such_part'"),
    "a name of a part": ("import torch\ntorch.nn.NoSuchLayer", "AttributeError", "'NoSuchLayer'"),
    "a word of tensors": ("import torch\ntorch.ones(2).no_such_word()", "AttributeError", "'no_such_word'"),
    "a part of a part": ("import torch.func.no_such_part", "ModuleNotFoundError", "'torch.func.no_such_part'"),
}


@pytest.mark.parametrize(("text", "kind", "name"), LACKING.values(), ids=LACKING)
def test_a_name_that_chainrule_lacks_is_named(run, text, kind, name):
    done = run(text)
    assert done.returncode == 1
    assert kind in done.stderr
    assert name in done.stderr
    assert "chainrule does not have it yet" in done.stderr
    assert "runner.py" not in done.stderr


def test_a_name_that_the_script_lacks_is_its_own(run):
    done = run("import torch\nclass Net(torch.nn.Module):\n    pass\nNet.layer")
    assert done.returncode == 1
    assert "chainrule" not in done.stderr


def test_a_missing_name_can_be_caught(run):
    done = run("""
        import torch
        try:
            from torch import no_such_name
        except ImportError as error:
            print(error.name, hasattr(torch, "no_such_name"))
    """)
    assert (done.stdout, done.stderr) == ("chainrule False\n", "")


def test_another_module_that_is_missing_is_not_blamed_on_chainrule(run):
    assert "chainrule" not in run("import no_such_module").stderr


UNREADABLE = {
    "missing": (lambda path: None, "cannot read", "No such file or directory; its folder is"),
    "a folder": (lambda path: path.mkdir(), "cannot read", "Is a directory"),
    "binary": (lambda path: path.write_bytes(b"\x7fELF\0\1"), "is not Python source", "null bytes"),
}


@pytest.mark.parametrize(("make", "what", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_script_that_cannot_be_read(tmp_path, make, what, why):
    path = tmp_path / "thing.py"
    make(path)
    done = subprocess.run([sys.executable, "-m", "chainrule", "run", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("chainrule run: ")
    assert what in line
    assert why in line


def test_starting_a_script_loads_little(run):
    done = run("""
        import sys
        heavy = "numpy llvmlite matplotlib scipy torch importlib.metadata chainrule.see chainrule.derivation"
        print([name for name in heavy.split() if name in sys.modules])
    """)
    assert done.stdout == "[]\n", done.stderr
