"""The engine: MT19937, its seeds, its state, its words."""

from __future__ import annotations

import operator
import os
import random
from itertools import accumulate
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from chainrule.errors import TraceError
from chainrule.generator.rounding import DOUBLE, Array
from chainrule.modes import current
from chainrule.source import at, user_place

_DEFAULT_SEED = 67280421310721  # what torch.Generator() starts from
_WORDS = 624
_VERSION = 3  # of random.Random's states
# Below this many words the standard library's engine is faster, and numpy.random (10 ms to import) stays unloaded.
_BULK = 1 << 15
_STATE = np.dtype(
    [("seed", "u8"), ("left", "i4"), ("seeded", "i4"), ("next", "u8"), ("key", "u8", (_WORDS,)), ("unused_x", "f8"),
     ("normal", "f8"), ("unused_rho", "f8"), ("has_normal", "i8"), ("unused_float", "f8")]
)  # fmt: skip


class Engine:
    """A stream of 32-bit words with `torch.Generator`'s seeds and states."""

    _seed: int
    _next_normal: float | None  # the second of a pair of which only the first is drawn

    def __init__(self, seed: int = _DEFAULT_SEED) -> None:
        self._python = random.Random()
        self._lent: npt.NDArray[np.uint32] | None = None
        self.manual_seed(seed)

    @property
    def _engine(self) -> random.Random:
        if self._lent is not None:
            self._python.setstate((_VERSION, tuple(self._lent.tolist()), None))
            self._lent = None
        return self._python

    def lent(self) -> npt.NDArray[np.uint32]:
        """Return the engine's 624 words and its position among them, for other code to continue the stream in place.

        To be asked for anew before each use: it is the engine until this generator is used otherwise.
        """
        if self._lent is None:
            self._lent = np.array(self._python.getstate()[1], np.uint32)
        return self._lent

    def mark(self) -> tuple[Any, ...]:
        """Return where the stream is, for `back`; quicker than `get_state`."""
        lent = None if self._lent is None else self._lent.copy()
        return self._seed, self._next_normal, lent, lent is None and self._python.getstate()

    def back(self, mark: tuple[Any, ...]) -> None:
        """Continue from a `mark`."""
        self._seed, self._next_normal, lent, state = mark
        self._lent = None if lent is None else lent.copy()
        if lent is None:
            self._python.setstate(state)

    def manual_seed(self, seed: int) -> Self:
        """Restart the stream at `seed`, from −2**63 to 2**64 − 1; a negative seed means seed + 2**64.

        Raises RuntimeError if `seed` is no integer, ValueError if it is out of range; TraceError in a compiled step.

        >>> from chainrule.generator import Generator
        >>> Generator().manual_seed(-1).initial_seed() == 2**64 - 1
        True
        """
        _refuse_trace("manual_seed()")
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed: expected an integer, got {seed!r} ({type(seed).__name__}); try int(seed)")
        seed = operator.index(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: {seed} does not fit in 64 bits; choose a seed from -2**63 to 2**64 - 1")
        self._seed, self._next_normal = seed % 2**64, None
        key = accumulate(range(1, _WORDS), _next_key_word, initial=seed % 2**32)
        self._engine.setstate((_VERSION, (*key, _WORDS), None))
        return self

    def seed(self) -> int:
        """Restart the stream at a seed from the operating system, and return that seed."""
        return self.manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()

    def initial_seed(self) -> int:
        """Return the seed the stream was last started from."""
        return self._seed

    def get_state(self) -> npt.NDArray[np.uint8]:
        """Return the whole state as 5056 bytes, the bytes of `torch.Generator.get_state()` at the same point.

        >>> from chainrule.generator import Generator
        >>> g = Generator()
        >>> state = g.get_state()
        >>> bool(g.rand(()) == g.set_state(state).rand(()))
        True
        """
        *key, position = self._engine.getstate()[1]
        state = np.zeros(1, _STATE)
        state["seed"], state["seeded"], state["key"] = self._seed, 1, key
        # PyTorch counts from 0 after seeding and up to 624 after a used-up block; only the first holds the seed itself.
        fresh = position == _WORDS and key[0] == self._seed % 2**32
        state["next"] = 0 if fresh else position
        state["left"] = _WORDS + 1 - position
        if self._next_normal is not None:
            state["has_normal"], state["normal"] = 1, self._next_normal
        return state.view(np.uint8)

    def set_state(self, state: Array) -> Self:
        """Continue from `state`, as this class's or `torch.Generator`'s `get_state()` gave it.

        Raises TypeError unless `state` holds bytes, RuntimeError if they are not the state of such a generator.
        """
        _refuse_trace("set_state()")
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            kind = getattr(state, "dtype", type(state).__name__)
            raise TypeError(f"set_state: expected the uint8 array that get_state() returns, got {kind}")
        if state.size != _STATE.itemsize:
            raise RuntimeError(f"set_state: expected {_STATE.itemsize} bytes from get_state(), got {state.size}")
        fields = np.frombuffer(state.tobytes(), _STATE)[0]
        key, left, following = fields["key"].tolist(), int(fields["left"]), int(fields["next"])
        if not fields["seeded"] or not 0 < left <= _WORDS or following > _WORDS or max(key) >= 2**32:
            raise RuntimeError("set_state: these bytes are no MT19937 state; pass what get_state() returned, unchanged")
        self._seed = int(fields["seed"])
        self._next_normal = float(fields["normal"]) if fields["has_normal"] else None
        self._engine.setstate((_VERSION, (*key, _WORDS if left == 1 else following), None))
        return self

    def clone_state(self) -> Self:
        """Return a new generator that continues this stream on its own."""
        return type(self)().set_state(self.get_state())

    def random32(self, n: int) -> npt.NDArray[np.uint32]:
        """Return the next `n` words of the engine.

        >>> from chainrule.generator import Generator
        >>> Generator(5489).random32(2)
        array([3499211612,  581869302], dtype=uint32)
        """
        if n < _BULK:
            return np.frombuffer(self._engine.getrandbits(32 * n).to_bytes(4 * n, "little"), "<u4").astype(np.uint32)
        *key, position = self._engine.getstate()[1]
        bulk = np.random.MT19937(0)
        bulk.state = {"bit_generator": "MT19937", "state": {"key": np.array(key, np.uint32), "pos": position}}
        words = bulk.random_raw(n).astype(np.uint32)
        after: Any = bulk.state["state"]
        self._engine.setstate((_VERSION, (*after["key"].tolist(), after["pos"]), None))
        return words

    def random64(self, n: int) -> npt.NDArray[np.uint64]:
        """Return the next `n` 64-bit numbers, two words each, the high one first.

        >>> from chainrule.generator import Generator
        >>> Generator(5489).random64(1)[0] == (3499211612 << 32) + 581869302
        np.True_
        """
        words = self.random32(2 * n).astype(np.uint64)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def _unit(self, n: int, kind: np.dtype[Any]) -> Array:
        """Return n numbers uniform in [0, 1), as many bits each as `kind` (float32 or float64) has."""
        if kind == DOUBLE:
            return (self.random64(n) & (2**53 - 1)) * 2.0**-53
        return (self.random32(n) & (2**24 - 1)).astype(np.float32) * np.float32(2.0**-24)


def _refuse_trace(word: str) -> None:
    if current.get().trace is not None:
        raise TraceError(f"compile: {word} in a compiled step would be done once, while it is traced, and not by each "
                         f"run{at(user_place())}; do it before the step is called")  # fmt: skip


def _next_key_word(word: int, i: int) -> int:
    return (1812433253 * (word ^ word >> 30) + i) & 0xFFFFFFFF
