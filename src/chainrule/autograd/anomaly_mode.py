"""Anomaly mode: backward stops at the node whose gradients are not numbers, and names its line of the forward pass."""

from chainrule.modes import LINES, LINES_AND_NAN, Switch, current

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]


class detect_anomaly(Switch):  # noqa: N801 - PyTorch's spelling
    """Inside, a backward that makes NaN raises RuntimeError, naming the op and the line that applied it.

    An error inside backward gets a note with that line too. Lines are always recorded, so the forward pass may lie
    outside. ``check_nan=False`` looks at errors alone.

    >>> import chainrule as torch
    >>> x = torch.tensor(0.0, requires_grad=True)
    >>> with torch.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: backward: Function 'SqrtBackward0' returned nan values in its 0th output: ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(anomaly=LINES_AND_NAN if check_nan else LINES)


class set_detect_anomaly(detect_anomaly):  # noqa: N801 - PyTorch's spelling
    """Anomaly mode on or off, from the call on or inside a ``with``."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        Switch.__init__(self, anomaly=0 if not mode else LINES_AND_NAN if check_nan else LINES)
        super().__enter__()

    def __enter__(self) -> None:
        """The call has entered."""


def is_anomaly_enabled() -> bool:
    """Is anomaly mode on?"""
    return current.get().anomaly > 0
