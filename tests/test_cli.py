"""The command line: what it prints, refuses and returns."""

import subprocess
import sys

import pytest

import chainrule
from chainrule import cli


@pytest.fixture
def ask(capsys):
    """Runs a command; its status, stdout and stderr."""

    def asked(*words):
        try:
            status = cli.main(words)
        except SystemExit as stop:  # argparse's way
            status = stop.code
        return status, *capsys.readouterr()

    return asked


def test_version(ask):
    assert ask("--version") == (0, f"chainrule {chainrule.__version__}\n", "")


@pytest.mark.parametrize("command", ["run", "explain", "derive", "demo"])
def test_every_command_has_help_and_is_in_the_list(ask, command):
    status, out, err = ask(command, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: chainrule {command} ")
    assert f"\n    {command} " in ask("--help")[1]


def test_no_command_and_a_wrong_one(ask):
    assert ask()[0] == ask("explode")[0] == 2
    assert "invalid choice: 'explode'" in ask("explode")[2]


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "chainrule", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"chainrule {chainrule.__version__}\n"


def test_explain_shows_the_graph_and_the_gradients(ask):
    status, out, err = ask("explain", "3*(a + b*c)", "a=5", "b=3", "c=2")
    assert (status, err) == (0, "")
    for number in ("33", "11", "6"):
        assert number in out
    assert "dJ/db" in out


def test_explain_draws_into_a_file(ask, tmp_path):
    status, _, err = ask("explain", "sum(x * x)", "x=[1, 2, 3]", "--svg", str(tmp_path / "graph.svg"))
    assert (status, err) == (0, "")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8").startswith("<svg")


def test_explain_in_chinese(ask):
    assert "梯度" in ask("explain", "a*b", "a=1", "b=-2", "--lang", "zh")[1]


def test_a_report_follows_the_locale(ask, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "梯度" in ask("explain", "a*b", "a=1", "b=2")[1]


def test_values_may_stand_after_an_option(ask):
    assert ask("explain", "a*b", "a=1", "--lang", "zh", "b=2") == ask("explain", "a*b", "a=1", "b=2", "--lang", "zh")
    assert "unrecognized arguments: --nonsense" in ask("explain", "a*b", "a=1", "b=2", "--nonsense")[2]
    assert "unrecognized arguments: more" in ask("demo", "more")[2]


@pytest.mark.parametrize("formula", ["-a*b", "-a", "-(a)", "- a * b", "-h*a"])
def test_a_formula_may_begin_with_minus(ask, formula):
    given = [f"{name}=2" for name in "abh" if name in formula]
    status, _, err = ask("explain", formula, *given)
    assert (status, err) == (0, "")


MISTAKES = {
    "no formula": ([], "the following arguments are required: FORMULA"),
    "a formula that does not parse": (["3*(a", "a=1"], "3*(a"),
    "an unknown variable": (["a*b", "a=1"], "b has no value"),
    "an unknown function": (["foo(a)", "a=1"], "foo"),
    "no numbers at all": (["1 + 2"], "chainrule explain: "),
    "not a number": (["a", "a=five"], "a=five: five is not a number or an even list of numbers"),
    "nothing": (["a", "a="], "a=: nothing is not a number"),
    "a string": (["a", "a='1'"], "is not a number"),
    "code": (["a", "a=__import__('os').system('true')"], "is not a number"),
    "a bool": (["a", "a=True"], "is not a number"),
    "a complex number": (["a", "a=1j"], "is not a number"),
    "an empty list": (["a", "a=[]"], "is not a number"),
    "a ragged list": (["sum(a)", "a=[[1],[2,3]]"], "is not a number or an even list"),
    "no equals sign": (["a", "a", "1"], "'a' is not of the form name=value"),
    "not a name": (["a", "3=1"], "'3=1' is not of the form name=value"),
    "twice": (["a", "a=1", "a=2"], "a is given twice"),
    "shapes that do not fit": (["sum(a*b)", "a=[1,2]", "b=[1,2,3]"], "chainrule explain: "),
    "not one number": (["a*b", "a=[1,2]", "b=[1,2]"], "this tensor has shape [2]; reduce it"),
    "another ending": (["a*a", "a=1", "--svg", "graph.png"], "must end in .svg"),
    "a folder that is not there": (["a*a", "a=1", "--svg", "/no/such/folder/g.svg"], "cannot write"),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_and_nothing_else(ask, words, message):
    status, out, err = ask("explain", *words)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert "explain: explain:" not in err


def test_derive_prints_the_formula(ask):
    status, out, err = ask("derive", "x.T @ A @ x", "--wrt", "x")
    assert (status, err) == (0, "")
    assert "∇ₓ(xᵀAx)" in out
    assert "(A + Aᵀ)x" in out
    assert "Denominator layout" in out


FORMS = {
    ("--code",): "(A + A.T) @ x\n",
    ("--latex",): "\\nabla_{x}\\left(",
    ("--layout", "numerator"): "Numerator layout",
    ("--lang", "zh"): "分母布局",
    ("A=symmetric",): "2Ax",
    ("A=n,n",): "(A + Aᵀ)x",
}


@pytest.mark.parametrize(("words", "shown"), FORMS.items(), ids=map(" ".join, FORMS))
def test_derive_in_another_form(ask, words, shown):
    status, out, err = ask("derive", "x.T @ A @ x", "--wrt", "x", *words)
    assert (status, err) == (0, "")
    assert shown in out


@pytest.mark.parametrize(("words", "message"), [
    (["x.T @", "--wrt", "x"], "x.T @"),
    (["x.T @ x", "--wrt", "z"], "z"),
    (["foo(x)", "--wrt", "x"], "foo"),
    (["x.T @ x"], "required: --wrt"),
    (["x.T @ A @ x", "--wrt", "x", "A"], "'A' is not of the form name=value"),
    (["x.T @ A @ x", "--wrt", "x", "A=wide"], "wide"),
    (["x.T @ A @ x", "--wrt", "x", "Z=matrix"], "Z"),
])  # fmt: skip
def test_derive_refuses_kindly(ask, words, message):
    status, out, err = ask("derive", *words)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_error():
    with subprocess.Popen([sys.executable, "-m", "chainrule", "explain", "a*b", "a=1", "b=2"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
