"""The commands but for a plain ``chainrule run SCRIPT``; each imports what it needs when it runs."""

import argparse
import ast
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.messages import language
from chainrule.runner import run as start
from chainrule.source import inside

DESCRIPTION = "Gradients you can run, compile, read and derive, with PyTorch's API."
EXAMPLES = """\
examples:
  chainrule demo                                         six chapters on gradients, and a folder of pictures
  chainrule run train.py --epochs 10                     a PyTorch script, unchanged, on chainrule
  chainrule explain "3*(a + b*c)" a=5 b=3 c=2            graph, edges, paths and sums of a formula's gradient
  chainrule derive "x.T @ A @ x" --wrt x                 the gradient as a formula: (A + Aᵀ)x
"""
EXPLAIN_EXAMPLES = """\
A value is a number or a list: a=5  w=-0.4  x=[1,2,3]  A=[[1,2],[3,4]]

examples:
  chainrule explain "3*(a + b*c)" a=5 b=3 c=2
  chainrule explain "tanh(w*x + b)" w=0.5 x=2 b=-1 --svg neuron.svg
"""
DERIVE_EXAMPLES = """\
A capital letter is a matrix, a small one a column vector, a Greek one a scalar, unless NAME=KIND says otherwise;
sizes stay symbolic. Every formula has been checked with numbers before it is printed.

examples:
  chainrule derive "x.T @ A @ x" --wrt x
  chainrule derive "norm(y - A @ x)**2" --wrt x --latex
  chainrule derive "x.T @ S @ x" S=symmetric --wrt x --lang zh
"""


class Mistake(Exception):
    """Something the user wrote on the command line that cannot be done."""


def main(given: Sequence[str]) -> int:
    """Run one command; its exit status. A mistake of the user is told on stderr and gives 2."""
    asked = _parsed(list(given))
    if asked.command == "run":  # outside of what follows: the script's errors and streams are its own
        return start(asked.script, asked.arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without ∂ or 梯 still shows the rest
    try:
        status: int = asked.action(asked)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Mistake, ChainruleError) as error:
        return _refused(asked.command, str(error))
    except OSError as error:
        return _refused(asked.command, f"cannot write {error.filename or 'all of it'}: {error.strerror}")
    return status


def _parsed(given: list[str]) -> argparse.Namespace:
    """What is asked for; ``words`` are the NAME=VALUE. Two habits of argparse are made up for."""
    if given[:1] in (["explain"], ["derive"]) and len(given) > 1 and re.match(r"-(?!-|h$)", given[1]):
        given[1] = " " + given[1]  # it would take the formula -a*b for an option
    whole = parser()
    asked, rest = whole.parse_known_args(given)
    if not hasattr(asked, "words") or any(word.startswith("-") for word in rest):
        whole.parse_args(given)  # says what it does not know
        return asked
    asked.words += rest  # it leaves out what stands after an option
    return asked


def _refused(command: str, message: str) -> int:
    print(f"chainrule {command}: {message.removeprefix(command + ': ')}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser("chainrule", description=DESCRIPTION, epilog=EXAMPLES,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    whole.add_argument("--version", action="version", version=f"chainrule {sys.modules[__package__].__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, action: Any, help: str, **more: Any) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".",
                                   formatter_class=argparse.RawDescriptionHelpFormatter, **more)
        made.set_defaults(action=action)
        return made

    def language(of: argparse.ArgumentParser) -> None:
        of.add_argument("--lang", choices=("en", "zh"), help="language of the report (default: the locale's)")

    run = command("run", None, "run a PyTorch script, unchanged, with chainrule in the place of torch")
    run.add_argument("script", metavar="SCRIPT", help="the Python file")
    run.add_argument("arguments", metavar="ARGS", nargs=argparse.REMAINDER, help="its own arguments")

    explain = command("explain", _explain, "show why the gradient of a formula is what it is", epilog=EXPLAIN_EXAMPLES)
    explain.add_argument("formula", metavar="FORMULA", help='such as "3*(a + b*c)"')
    explain.add_argument("words", metavar="NAME=VALUE", nargs="*", help="the value of each variable")
    explain.add_argument("--svg", metavar="FILE", type=Path, help="draw the graph into FILE as well")
    language(explain)

    derive = command("derive", _derive, "derive the gradient of a matrix formula as a formula", epilog=DERIVE_EXAMPLES)
    derive.add_argument("formula", metavar="FORMULA", help='such as "x.T @ A @ x"')
    derive.add_argument("words", metavar="NAME=KIND", nargs="*",
                        help="scalar, vector, matrix or symmetric, or sizes such as m,n")
    derive.add_argument("--wrt", metavar="NAME", required=True, help="the variable to differentiate by")
    derive.add_argument("--layout", choices=("denominator", "numerator"), default="denominator",
                        help="of a vector's derivative: the gradient's shape, or the Jacobian's (default: %(default)s)")
    form = derive.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print the equation in LaTeX")
    form.add_argument("--code", action="store_true", help="print Python code over NumPy")
    language(derive)

    demo = command("demo", _demo, "tell the story of gradients in six chapters and write it into a folder")
    demo.add_argument("--out", metavar="DIR", type=Path, default=Path("chainrule-demo"),
                      help="the folder; one that an earlier demo wrote is replaced (default: %(default)s)")
    language(demo)
    return whole


def _explain(asked: argparse.Namespace) -> int:
    if asked.svg and asked.svg.suffix != ".svg":
        raise Mistake(f"--svg {asked.svg}: the name of the drawing must end in .svg")
    values: dict[str, Any] = {}
    for word in asked.words:
        name, value = _value(word)
        if name in values:
            raise Mistake(f"{name} is given twice")
        values[name] = value
    explain_formula = importlib.import_module("chainrule.see").explain_formula
    explanation = _without_lines(explain_formula, asked.formula.strip(), values, language(asked.lang))
    if asked.svg:
        explanation.save(asked.svg)
    explanation.print()
    return 0


def _without_lines(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``function``. Messages name the line of the user's program; here there is none, only the launcher's."""
    frame: FrameType | None = sys._getframe()
    files = {}
    while frame is not None:
        files[frame.f_code.co_filename] = inside[frame.f_code.co_filename]
        frame = frame.f_back
    inside.update(dict.fromkeys(files, True))
    try:
        return function(*args, **kwargs)
    finally:
        inside.update(files)


def _value(word: str) -> tuple[str, Any]:
    """``a=[1,2]`` as its name and numbers."""
    name, text = _named(word, "a=5 or x=[1,2,3]")
    try:
        value = float(text) if text.lstrip("+-").lower() in ("inf", "nan") else ast.literal_eval(text)
        _shape(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Mistake(f"{name}={text}: {text or 'nothing'} is not a number or an even list of numbers; "
                      f"write, for example, {name}=5 or {name}=[1,2,3]") from None
    return name, value


def _named(word: str, example: str) -> tuple[str, str]:
    """A word of the form name=text, as its two parts."""
    name, equals, text = (part.strip() for part in word.partition("="))
    if not equals or not name.isidentifier():
        raise Mistake(f"{word!r} is not of the form name=value; write, for example, {example}")
    return name, text


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of a number or a list of them. Raises ValueError for anything else, and for uneven lists."""
    if isinstance(value, list):
        (inner,) = {_shape(item) for item in value}
        return (len(value), *inner)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    return ()


def _derive(asked: argparse.Namespace) -> int:
    shapes = {}
    for word in asked.words:
        name, kind = _named(word, "A=symmetric, c=scalar or W=m,n")
        shapes[name] = tuple(size.strip() for size in kind.split(",")) if "," in kind else kind
    derive = importlib.import_module("chainrule.derivation").derive
    derivation = _without_lines(derive, asked.formula.strip(), asked.wrt, layout=asked.layout,
                                lang=language(asked.lang), **shapes)
    print(derivation.latex_equation if asked.latex else derivation.code if asked.code else derivation)
    return 0


def _demo(asked: argparse.Namespace) -> int:
    return importlib.import_module("chainrule.demo").demo(asked.out, language(asked.lang))  # type: ignore[no-any-return]
