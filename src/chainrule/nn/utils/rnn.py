"""Sequences of different lengths: padded to one tensor, or packed step by step."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.joining import cat
from chainrule.tensors import Tensor, wrap


class PackedSequence(NamedTuple):
    """The elements of several sequences by step: of each step those of the sequences that are long enough."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None


def pad_sequence(sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Sequences [length, ...] as one tensor [longest, how many, ...], or with ``batch_first`` the other way round.

    >>> import chainrule as torch
    >>> torch.nn.utils.rnn.pad_sequence([torch.ones(2), torch.ones(1)], batch_first=True)
    tensor([[1., 1.],
            [1., 0.]])
    """
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}")
    longest = max(s.shape[0] for s in sequences)
    padded = []
    for s in sequences:
        missing = longest - s.shape[0]
        widths = (missing, 0) if padding_side == "left" else (0, missing)
        padded.append(s.pad((0,) * (2 * (s.ndim - 1)) + widths, value=padding_value).unsqueeze(0))
    out = cat(padded)
    return out if batch_first else out.transpose(0, 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences that ``pad_sequence`` padded."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """A padded batch of sequences, packed; longest first, unless ``enforce_sorted`` is False, which sorts them."""
    counts = np.asarray(lengths.tolist() if isinstance(lengths, Tensor) else lengths)
    order = None
    if not enforce_sorted:
        order = np.argsort(-counts, kind="stable")
        counts = counts[order]
    if (counts <= 0).any():
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
                           "<= 0")
    if (np.diff(counts) > 0).any():
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                           "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence")
    steps = input.transpose(0, 1) if batch_first else input
    at = None if order is None else wrap(order)
    steps = steps if at is None else steps.index_select(1, at)
    sizes = [int((counts > k).sum()) for k in range(counts.max())]
    data = cat([steps[k, :size] for k, size in enumerate(sizes)])
    back = None if order is None else wrap(np.argsort(order))
    return PackedSequence(data, wrap(np.array(sizes)), at, back)


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences, packed."""
    return pack_padded_sequence(pad_sequence(sequences), [s.shape[0] for s in sequences],
                                enforce_sorted=enforce_sorted)


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The padded batch that was packed, and the lengths of its sequences."""
    sizes = sequence.batch_sizes.tolist()
    lengths = np.array([sum(size > k for size in sizes) for k in range(sizes[0])])
    steps, rest = [], ((0,) * 2) * (sequence.data.ndim - 1)
    for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True):
        step = sequence.data[end - size : end]
        steps.append(step.pad((*rest, 0, sizes[0] - size), value=padding_value).unsqueeze(0))
    out = cat(steps)
    if total_length is not None:
        out = out.pad((*rest, 0, 0, 0, total_length - len(sizes)), value=padding_value)
    counts = wrap(lengths)
    if sequence.unsorted_indices is not None:
        out, counts = out.index_select(1, sequence.unsorted_indices), counts[sequence.unsorted_indices]
    return (out.transpose(0, 1) if batch_first else out), counts
