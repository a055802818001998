"""The rows of the table, by family. A family is a function that times and yields its rows."""

import importlib.metadata
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import programs
from timing import Measure, Row, fresh, in_turns, per_call

import chainrule

HERE = Path(__file__).parent
CHAPTER_6 = str(HERE.parent / "examples" / "06_linear_regression.py")
EPOCHS = 3000


def peer(name: str) -> Any:
    """A peer's module, on one thread; None where it is not installed."""
    try:
        module: Any = importlib.import_module(name)
    except ImportError:
        return None
    if name == "torch":
        module.set_num_threads(1)
    return module


def of(program: Callable[[Any], programs.Program], calls: int) -> list[Any]:
    """A program eager, compiled, and in PyTorch, as runs. What their first three calls return has to be the same."""
    torch = peer("torch")
    made = [program(chainrule), chainrule.compile(program(chainrule)), torch and program(torch)]
    first, *others = [np.array([call().tolist() for _ in range(3)]) for call in made if call]
    for other in others:
        if not np.allclose(other, first, rtol=1e-4, atol=1e-4 * np.abs(first).max()):
            raise RuntimeError(f"{program.__name__} gives other numbers eager, compiled or in PyTorch")
    return [call and (call, calls) for call in made]


def eager() -> Iterator[Row]:
    """Programs of small tensors, where what counts is the time per operation."""
    for what, program, calls, at_most in (("chapter 6, one epoch, eager", programs.regression, 200, 0.45),
                                          ("200-step recurrence on numbers, eager", programs.recurrence, 3, 0.6)):
        ours, _, theirs = per_call(*of(program, calls))
        yield Row(what, ours, "torch", theirs, at_most=at_most)


def compiled() -> Iterator[Row]:
    """One epoch of chapter 6 as a compiled step."""
    _, (step, _), torch = of(programs.regression, 200)
    jax = peer("jax")
    once, loop = programs.regression_in_jax(jax, EPOCHS) if jax else (None, None)
    called, repeated, eager, jitted, looped = per_call(
        (step, 2000), (lambda: step.repeat(EPOCHS), 5), torch, once and (once, 500), loop and (loop, 5))
    what = "chapter 6 compiled, one call from Python"
    yield Row(what, called, "torch eager", eager, at_most=1 / 40)
    yield Row(what, called, "jax.jit", jitted)
    repeated, looped = (turns and [time / EPOCHS for time in turns] for turns in (repeated, looped))
    what = f"chapter 6 compiled, one step in repeat({EPOCHS})"
    yield Row(what, repeated, "torch eager", eager, at_most=1 / 800)
    yield Row(what, repeated, "jax fori_loop", looped)


FIRST_CALL = """
import sys
from time import perf_counter
sys.path.insert(0, {here!r})
import programs, chainrule
epoch = programs.regression(chainrule)
start = perf_counter()
import llvmlite.binding
imported = perf_counter()
chainrule.compile(epoch)()
print(imported - start, perf_counter() - imported)
"""
FIRST_CALL_OF_JAX = """
import sys
from time import perf_counter
sys.path.insert(0, {here!r})
import programs, jax
step, _ = programs.regression_in_jax(jax, 1)
start = perf_counter()
step()
print(perf_counter() - start)
"""


def first_call() -> Iterator[Row]:
    """The first call of a compiled step: trace, passes, LLVM. llvmlite's own import is shown, and not counted."""

    def ours() -> list[float]:
        with tempfile.TemporaryDirectory() as cache:
            script = ["-c", FIRST_CALL.format(here=str(HERE))]
            llvmlite, cold = map(float, fresh(script, {"XDG_CACHE_HOME": cache}).split())
            _, warm = map(float, fresh(script, {"XDG_CACHE_HOME": cache}).split())
        return [llvmlite, cold, warm]

    def theirs() -> list[float]:
        return [float(fresh(["-c", FIRST_CALL_OF_JAX.format(here=str(HERE))]))]

    llvmlite, cold, warm, jitted = in_turns(ours, theirs if peer("jax") else None)
    yield Row("chapter 6 compiled, first call, no disk cache", cold, "jax.jit", jitted, below=0.080)
    yield Row("chapter 6 compiled, first call, from the disk cache", warm, "jax.jit", jitted)
    yield Row("llvmlite's own import, not counted above", llvmlite)


IMPORT = """
from time import perf_counter
import numpy
start = perf_counter()
{lines}
print(perf_counter() - start)
"""
FIRST_GRADIENT = "x = torch.tensor(2.0, requires_grad=True); (x * x).backward()"


def imports() -> Iterator[Row]:
    """What the import adds to NumPy's, in a fresh process. Since names load on first use, one row uses some."""

    def loading(*lines: str) -> Measure:
        return lambda: [float(fresh(["-c", IMPORT.format(lines="\n".join(lines))]))]

    bare, used, torch = in_turns(
        loading("import chainrule"), loading("import chainrule as torch", FIRST_GRADIENT),
        loading("import torch", FIRST_GRADIENT) if peer("torch") else None)
    yield Row("import chainrule, above numpy", bare, "torch", torch, below=0.040)
    yield Row("import chainrule and a first gradient, above numpy", used, "torch", torch, below=0.040)


def process() -> Iterator[Row]:
    """Chapter 6 as a whole process. Without matplotlib: a module of that name which cannot be imported comes first."""
    with tempfile.TemporaryDirectory() as folder:
        script = [CHAPTER_6, str(Path(folder, "fit.png"))]
        Path(folder, "matplotlib.py").write_text("raise ImportError('hidden')\n", encoding="utf-8")

        def running(*command: str, plain: bool) -> Measure:
            def measure() -> list[float]:
                start = perf_counter()
                out = fresh([*command, *script], {"PYTHONPATH": folder} if plain else {})
                taken = perf_counter() - start
                if not plain and "no picture" in out:
                    raise RuntimeError("chapter 6 drew no picture: matplotlib is not installed")
                return [taken]
            return measure

        for plain, at_most, how in ((False, 0.35, "with"), (True, 0.15, "without")):
            ours, theirs = in_turns(running("-m", "chainrule", "run", plain=plain),
                                    running(plain=plain) if peer("torch") else None)
            yield Row(f"chapter 6, whole process, {how} matplotlib", ours, "torch", theirs, at_most=at_most)


def training() -> Iterator[Row]:
    """A training loop: other minibatches, another learning rate and other random numbers at every step."""
    torch = peer("torch")
    ours, _, _ = programs.training(chainrule)
    native, step, batches = programs.training(chainrule, chainrule.compile)
    theirs = programs.training(torch)[0] if torch else None
    losses = []
    for module, call in ((chainrule, ours), (chainrule, native), (torch, theirs)):
        if call:
            module.manual_seed(1)
            losses.append([call().item() for _ in range(3)])
    if not np.allclose(losses, losses[0], rtol=1e-4):
        raise RuntimeError("training gives other losses eager, compiled or in PyTorch")
    eager, called, scanned, peers = per_call(
        (ours, 20), (native, 100), (lambda: step.scan(*batches), 5), theirs and (theirs, 20))
    scanned = [time / len(batches[0]) for time in scanned]
    for how, times, whose in (("eager", eager, "torch"), ("compiled, one call", called, "torch eager"),
                              ("compiled, one of 32 in scan", scanned, "torch eager")):
        yield Row(f"MLP 64-128-10, dropout, Adam, a schedule, batch 64, {how}", times, whose, peers)


def large() -> Iterator[Row]:
    """Programs of large tensors, where PyTorch's kernels count. chainrule is expected to lose some of these."""
    for what, program, calls, eager, compiled in (
        ("MLP 64-128-10, batch 64, one SGD step", programs.network, 20, 1.0, 0.4),
        ("matrix product 512 × 512, there and back", programs.product, 2, None, None),
        ("tanh(x·y + x) of 10⁶ elements, there and back", programs.elements, 1, None, None),
        ("log-softmax of 1000 × 1000, written out, there and back", programs.softmax, 1, None, None),
    ):  # fmt: skip
        ours, native, theirs = per_call(*of(program, calls))
        yield Row(f"{what}, eager", ours, "torch", theirs, at_most=eager)
        yield Row(f"{what}, compiled", native, "torch eager", theirs, at_most=compiled)


def networks() -> Iterator[Row]:
    """Steps of small networks, and what sorts."""
    for what, program, calls in (("convolutional net, 16 images of 28 × 28, one Adam step", programs.images, 5),
                                 ("LSTM 32, 16 sequences of 20, one Adam step", programs.sequences, 5),
                                 ("transformer layer 32, 8 sequences of 16, one Adam step", programs.attention, 5),
                                 ("sort, max, topk, cumsum of 200 × 200, there and back", programs.ordered, 2)):
        ours, native, theirs = per_call(*of(program, calls))
        yield Row(f"{what}, eager", ours, "torch", theirs)
        yield Row(f"{what}, compiled", native, "torch eager", theirs)


FAMILIES: dict[str, Callable[[], Iterator[Row]]] = {
    family.__name__: family
    for family in (eager, compiled, first_call, imports, process, training, large, networks)
}


def versions() -> dict[str, str]:
    """Python, chainrule, what it uses and the peers."""
    found = {"Python": sys.version.split()[0], "chainrule": chainrule.__version__}
    for name in ("numpy", "llvmlite", "torch", "jax"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
