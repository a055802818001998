"""PyTorch's CPU random numbers as NumPy arrays: same seed, same stream.

The engine is MT19937 (Matsumoto and Nishimura, ACM TOMACS 8(1), 1998), seeded from the low 32 bits of the seed as its
authors' `init_genrand` of 2002 does. What is made of its words equals PyTorch 2.13:

- `rand`, `uniform`, `randint`, `randperm`, and `randn` and `normal` of fewer than 16 values: to the bit;
- `randn` and `normal` from 16 values up: float32 within 1e-6 · std, as far apart as PyTorch's own vector and scalar
  code; float64 within 2e-15 · std;
- `bernoulli`: to the bit (for a single p, where PyTorch does not hand it to Intel's MKL);
- `exponential`: within 4 units in the last place of float64, which rarely shows in float32.
"""

from __future__ import annotations

import math
import operator
import os
import random
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

_DEFAULT_SEED = 67280421310721  # what torch.Generator() starts from
_WORDS = 624
_VERSION = 3  # of random.Random's states
# Below this many words the standard library's engine is faster, and numpy.random (10 ms to import) stays unloaded.
_BULK = 1 << 15
_STATE = np.dtype(
    [("seed", "u8"), ("left", "i4"), ("seeded", "i4"), ("next", "u8"), ("key", "u8", (_WORDS,)), ("unused_x", "f8"),
     ("normal", "f8"), ("unused_rho", "f8"), ("has_normal", "i8"), ("unused_float", "f8")]
)  # fmt: skip


class Generator:
    """A source of random arrays with `torch.Generator`'s stream and state, on the CPU.

    >>> g = Generator().manual_seed(0)
    >>> g.rand((2,))
    array([0.4962566, 0.7682218], dtype=float32)
    >>> g.randn((2,)).round(4)
    array([-0.2905, -1.0704], dtype=float32)
    """

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

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream at `seed`, from −2**63 to 2**64 − 1; a negative seed means seed + 2**64.

        Raises RuntimeError if `seed` is no integer, ValueError if it is out of range.

        >>> Generator().manual_seed(-1).initial_seed() == 2**64 - 1
        True
        """
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

    def set_state(self, state: Array) -> Generator:
        """Continue from `state`, as this class's or `torch.Generator`'s `get_state()` gave it.

        Raises TypeError unless `state` holds bytes, RuntimeError if they are not the state of such a generator.
        """
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

    def clone_state(self) -> Generator:
        """Return a new generator that continues this stream on its own."""
        return Generator().set_state(self.get_state())

    def random32(self, n: int) -> npt.NDArray[np.uint32]:
        """Return the next `n` words of the engine.

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

        >>> Generator(5489).random64(1)[0] == (3499211612 << 32) + 581869302
        np.True_
        """
        words = self.random32(2 * n).astype(np.uint64)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def rand(self, shape: Shape, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, uniform in [0, 1): 24 random bits a value in float32, 53 in float64."""
        kind = _floating("rand", dtype)
        if kind == np.float16:
            return self.uniform(shape, 0.0, 1.0, kind)
        return self._unit(_numel("rand", shape), kind).reshape(shape)

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, uniform in [low, high).

        Raises RuntimeError if low > high, or if a bound or high − low is beyond the numbers of `dtype`.

        >>> Generator(0).uniform((3,), -1, 1)
        array([-0.00748682,  0.5364436 , -0.82304513], dtype=float32)
        """
        kind = _floating("uniform", dtype)
        wide = _accumulator(kind)
        if not low <= high:
            raise RuntimeError(f"uniform: low {low} must not be above high {high}; values are drawn from [low, high)")
        with np.errstate(over="ignore", invalid="ignore"):
            start, width = wide.type(low), wide.type(high) - wide.type(low)
            first, last = kind.type(low), kind.type(high)
            if not np.isfinite(last - first):
                raise RuntimeError(f"uniform: [{low}, {high}) is wider than {kind} can hold; choose closer bounds")
        units = self._unit(_numel("uniform", shape), wide)
        values = _rounded(_fma(units, width, start), kind)
        values[values == last] = first  # where rounding reached the excluded bound
        return values.reshape(shape)

    def randn(self, shape: Shape, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, standard normal.

        >>> Generator(0).randn((3,))
        array([ 1.5409961, -0.2934289, -2.1787894], dtype=float32)
        """
        return self._normal("randn", shape, 0.0, 1.0, dtype)

    def normal(self, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, normal around `mean`. Raises RuntimeError if std is negative."""
        if not std >= 0:
            raise RuntimeError(f"normal: std {std} must be 0 or more; of a logarithm, pass exp(log_std)")
        return self._normal("normal", shape, mean, std, dtype)

    def log_normal(self, shape: Shape, mean: float = 1.0, std: float = 2.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape` of exponentials of normals, which PyTorch always draws in pairs."""
        kind = _floating("log_normal", dtype)
        normals = self._normal_pairs(_numel("log_normal", shape))
        return _rounded(np.exp(normals * std + mean), kind).reshape(shape)

    def exponential(self, shape: Shape, lambd: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape`, exponential with mean 1/lambd. Raises RuntimeError unless lambd > 0."""
        kind = _floating("exponential", dtype)
        if not lambd > 0:
            raise RuntimeError(f"exponential: the rate lambd must be above 0, got {lambd}; for mean m pass 1/m")
        units = self._unit(_numel("exponential", shape), np.dtype(np.float64))
        return _rounded(np.log1p(-units) * (-1.0 / lambd), kind).reshape(shape)

    def bernoulli(self, p: float | Array, shape: Shape, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return an array of `shape` that is 1 with probability `p`, else 0; `p` is one number or an array of `shape`.

        Raises RuntimeError if a probability is outside [0, 1].

        >>> Generator(0).bernoulli(0.5, (4,), np.bool_)
        array([False, False,  True, False])
        """
        wide = _accumulator(_floating("bernoulli", p.dtype)) if isinstance(p, np.ndarray) else np.dtype(np.float64)
        chance = np.asarray(p, wide)
        wrong = chance[~((chance >= 0) & (chance <= 1))]
        if wrong.size:
            raise RuntimeError(f"bernoulli: p must be in [0, 1], got {wrong[0]}; of logits, take the sigmoid first")
        if chance.shape not in ((), shape):
            raise RuntimeError(f"bernoulli: p of shape {chance.shape} is not of shape {shape}; expand p first")
        hits = self._unit(_numel("bernoulli", shape), wide) < chance.reshape(-1)
        return hits.astype(dtype).reshape(shape)

    def randint(self, low: int, high: int, shape: Shape, dtype: npt.DTypeLike = np.int64) -> Array:
        """Return an array of `shape` of whole numbers from `low` to `high` − 1.

        Raises RuntimeError if there is no such number, or if `dtype` does not hold them all.

        >>> Generator(42).randint(0, 100, (4,))
        array([42, 67, 76, 14])
        """
        n, kind = _numel("randint", shape), np.dtype(dtype)
        if low >= high:
            raise RuntimeError(f"randint: low {low} must be less than high {high}; values are drawn from [low, high)")
        least, greatest = _whole_numbers(kind)
        if low < least or high - 1 > greatest:
            raise RuntimeError(
                f"randint: {low} to {high - 1} must be within {kind}'s {least} to {greatest}; choose a wider dtype"
            )
        width = high - low
        # Reducing one word modulo a wide range would be visibly uneven.
        words: Array = self.random32(n) if width < 2**28 else self.random64(n)
        return ((words % width).astype(np.int64) + low).astype(kind, copy=False).reshape(shape)

    def whole(self, shape: Shape, dtype: npt.DTypeLike = np.int64) -> Array:
        """Return an array of `shape` of whole numbers, from 0 to the last that `dtype` counts to without a gap.

        >>> Generator(0).whole((2,))
        array([ 900450186894289455, 3969543146641149120])
        """
        n, kind = _numel("random", shape), np.dtype(dtype)
        if kind == np.int64:
            return (self.random64(n) % 2**63).astype(np.int64).reshape(shape)
        if kind == np.float64:
            return (self.random64(n) % (2**53 + 1)).astype(kind).reshape(shape)
        greatest = _whole_numbers(kind)[1]
        return (self.random32(n) % np.uint64(greatest + 1)).astype(kind).reshape(shape)

    def randperm(self, n: int) -> npt.NDArray[np.int64]:
        """Return 0 … n − 1 in random order, by the forward Fisher-Yates shuffle.

        Raises RuntimeError if n is negative, or 2**32 // 20 or more, where PyTorch turns to another shuffle.

        >>> Generator(0).randperm(6)
        array([2, 5, 3, 0, 1, 4])
        """
        if not 0 <= n < 2**32 // 20:
            raise RuntimeError(f"randperm: n must be from 0 to {2**32 // 20 - 1}, got {n}")
        places = np.arange(max(n - 1, 0))
        order = list(range(n))
        for i, j in enumerate((places + self.random32(len(places)) % (n - places)).tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def _unit(self, n: int, kind: np.dtype[Any]) -> Array:
        """Return n numbers uniform in [0, 1), as many bits each as `kind` (float32 or float64) has."""
        if kind == np.float64:
            return (self.random64(n) & (2**53 - 1)) * 2.0**-53
        return (self.random32(n) & (2**24 - 1)).astype(np.float32) * np.float32(2.0**-24)

    def _normal(self, verb: str, shape: Shape, mean: float, std: float, dtype: npt.DTypeLike) -> Array:
        n, kind = _numel(verb, shape), _floating(verb, dtype)
        values: Array = self._normal_pairs(n) if n < 16 else self._normal_blocks(n, kind)
        return _rounded(_fma(values, std, mean), kind).reshape(shape)

    def _normal_pairs(self, n: int) -> npt.NDArray[np.float64]:
        """Return n standard normals; of an odd number, the second of the last pair waits for the next call."""
        values = [] if self._next_normal is None else [self._next_normal]
        uniforms = self._unit((n - len(values) + 1) // 2 * 2, np.dtype(np.float64)).tolist()
        # math's functions, not NumPy's, which differ from the C library's in the last bit on some processors
        for u, v in zip(uniforms[0::2], uniforms[1::2], strict=True):
            radius, theta = math.sqrt(-2.0 * math.log1p(-v)), math.tau * u
            values += radius * math.cos(theta), radius * math.sin(theta)
        self._next_normal = values[n] if len(values) > n else None
        return np.array(values[:n], np.float64)

    def _normal_blocks(self, n: int, kind: np.dtype[Any]) -> Array:
        """Return n >= 16 standard normals, in blocks of 16; where a block is incomplete, the last 16 are drawn anew."""
        rest = n % 16
        whole = n - rest
        unused = 0 if kind == np.float16 else rest  # PyTorch draws these and overwrites them, but not in float16
        uniforms = self._unit(whole + unused + (16 if rest else 0), _accumulator(kind))
        values = np.empty(n, uniforms.dtype)
        values[:whole] = _box_muller(uniforms[:whole])
        if rest:
            values[-16:] = _box_muller(uniforms[-16:])
        return values


def _next_key_word(word: int, i: int) -> int:
    return (1812433253 * (word ^ word >> 30) + i) & 0xFFFFFFFF


def _numel(verb: str, shape: Shape) -> int:
    if shape and min(shape) < 0:
        raise RuntimeError(f"{verb}: shape {shape} has a negative size; every size must be 0 or more")
    return math.prod(shape)


def _floating(verb: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64, np.float16):
        raise NotImplementedError(f"{verb}: {kind} is not supported; use float16, float32 or float64")
    return kind


def _accumulator(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype PyTorch computes `kind` in."""
    return np.dtype(np.float64 if kind == np.float64 else np.float32)


def _rounded(values: Array, kind: np.dtype[Any]) -> Array:
    # From float64, float16 by way of float32 is not always the nearest, but it is PyTorch's.
    return values.astype(_accumulator(kind), copy=False).astype(kind, copy=False)


def _whole_numbers(kind: np.dtype[Any]) -> tuple[int, int]:
    """Return the least and the greatest of the whole numbers that `kind` holds without a gap, and randint draws."""
    if kind == np.bool_:
        return 0, 1
    if kind.kind in "iu":
        return int(np.iinfo(kind).min), min(int(np.iinfo(kind).max), 2**63 - 2)  # `high` is an int64
    largest = 2 ** (np.finfo(_floating("randint", kind)).nmant + 1)
    return -largest, largest


def _box_muller(uniforms: Array) -> Array:
    """Turn each 16 uniforms into 16 normals: 8 radii, then 8 angles, become 8 cosine, then 8 sine parts."""
    pairs = uniforms.reshape(-1, 2, 8)
    radius, theta = np.sqrt(-2.0 * np.log(1.0 - pairs[:, 0])), math.tau * pairs[:, 1]
    return np.stack((radius * np.cos(theta), radius * np.sin(theta)), axis=1).reshape(-1)


def _two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """Return a + b rounded, and what the rounding lost (Knuth, TAOCP vol. 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _odd_sum(a: Array, b: Array | float) -> Array:
    """Return a + b, where inexact rounded to the neighbour whose last bit is 1, so that rounding again is safe."""
    total, lost = _two_sum(a, b)
    bits = total.view(np.int64)
    step = np.where((lost > 0) == (total > 0), 1, -1)
    odd: Array = bits + step * ((lost != 0) & (bits & 1 == 0))
    return odd.view(np.float64)


def _fma(x: Array, scale: float, shift: float) -> Array:
    """Return x · scale + shift rounded once (Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008).

    So do PyTorch's builds for processors with a fused multiply-add; NumPy has none. `scale` and `shift` are rounded to
    the dtype of `x`, float32 or float64, first.
    """
    scale, shift = float(x.dtype.type(scale)), float(x.dtype.type(shift))
    mantissa, exponent = math.frexp(scale)
    if shift == 0 or mantissa in (0, 0.5) or not math.isfinite(scale + shift):  # nothing to add, or an exact product
        return x * scale + shift
    if x.dtype == np.float32:
        return _odd_sum(x.astype(np.float64) * scale, shift).astype(np.float32)
    scale_head = math.ldexp(math.floor(mantissa * 2**26), exponent - 26)
    scale_tail = scale - scale_head
    spread = x * (2.0**27 + 1)
    head = spread - (spread - x)
    tail = x - head
    product = x * scale
    lost = tail * scale_tail - (((product - head * scale_head) - tail * scale_head) - head * scale_tail)
    low, low_rest = _two_sum(lost, shift)
    high, high_rest = _two_sum(product, low)
    return high + _odd_sum(low_rest, high_rest)


default_generator = Generator()  # what every draw without a generator of its own continues
