"""Runs a small program under torch and under chainrule, and compares all that can be seen of what it returns."""

import inspect
import warnings

import numpy as np
import pytest
import torch

import chainrule


@pytest.fixture(scope="module")
def one_thread():
    """PyTorch on one thread, for the tests of a module."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def seen(thing):
    """What a program can see of a value, in plain Python."""
    if isinstance(thing, (torch.Tensor, chainrule.Tensor)):
        return [f"tensor {thing.dtype}{list(thing.shape)} {thing.requires_grad}", thing.detach().tolist()]
    if isinstance(thing, (torch.dtype, chainrule.dtype)):
        return str(thing)
    if isinstance(thing, np.ndarray):
        return [f"array {thing.dtype}", thing.tolist()]
    if isinstance(thing, dict):
        return {key: seen(value) for key, value in thing.items()}
    if isinstance(thing, (tuple, list)) and type(thing) not in (tuple, list):
        return repr(thing)
    return [type(thing).__name__, *map(seen, thing)] if isinstance(thing, (tuple, list)) else thing


def outcome(program, module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return seen(program(module)), None
        except Exception as error:
            return None, error


def close(ours, theirs, rel=5e-7, abs=1e-12):
    """Equal, numbers to a few units in the last place of float32 unless told otherwise."""
    if isinstance(theirs, (list, tuple)):
        alike = type(ours) is type(theirs) and len(ours) == len(theirs)
        return alike and all(close(a, b, rel, abs) for a, b in zip(ours, theirs))
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(close(ours[key], theirs[key], rel, abs) for key in theirs)
    if type(ours) is not type(theirs):
        return False
    if isinstance(theirs, (float, complex)):
        return ours == pytest.approx(theirs, rel=rel, abs=abs, nan_ok=True)
    return ours == theirs


def pytest_generate_tests(metafunc):
    """A program is a function of one parameter, ``torch``."""
    if "program" in metafunc.fixturenames:
        functions = [f for f in vars(metafunc.module).values() if inspect.isfunction(f)]
        programs = [f for f in functions if list(inspect.signature(f).parameters) == ["torch"]]
        metafunc.parametrize("program", programs, ids=lambda program: program.__name__)


KNOWN = {  # programs whose outcome differs on purpose, or is left to differ
    "spaced_to_the_bit": "PyTorch's vectorised linspace rounds some elements of the second half otherwise",
    "maximum_with_a_number": "a number is taken as well as a tensor",
}


def pytest_collection_modifyitems(items):
    for item in items:
        program = getattr(item, "callspec", None) and item.callspec.params.get("program")
        if program is not None and program.__name__ in KNOWN:
            item.add_marker(pytest.mark.xfail(reason=KNOWN[program.__name__], strict=True))


def pytest_terminal_summary(terminalreporter):
    """How many programs do the same under both."""
    counts = {outcome: sum("test_same_as_torch[" in getattr(report, "nodeid", "") for report in reports)
              for outcome, reports in terminalreporter.stats.items()}  # fmt: skip
    total = sum(counts.get(outcome, 0) for outcome in ("passed", "failed", "xfailed", "xpassed"))
    if total:
        same = counts.get("passed", 0)
        terminalreporter.write_line(f"parity: {same} of {total} programs give the same as torch, {same / total:.1%}")


@pytest.fixture
def both():
    """Checks that a program of the module gives the same under both; exceptions count by their type."""

    def compare(program, rel=5e-7, abs=1e-12):
        theirs, wrong = outcome(program, torch)
        ours, error = outcome(program, chainrule)
        if wrong is not None:
            assert error is not None, f"torch raises {type(wrong).__name__}: {wrong}\nhere there is a result: {ours}"
            assert isinstance(error, type(wrong)), f"torch: {wrong!r}\nhere: {error!r}"
        elif error is not None:
            raise AssertionError(f"torch gives {theirs}") from error
        else:
            assert close(ours, theirs, rel, abs), f"torch: {theirs}\nhere:  {ours}"

    return compare
