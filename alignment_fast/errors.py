"""Errors of the public layer, and the one place that turns a kernel's status word into one."""

import numpy as np

from alignment_fast.kernels.common import status


class BackendUnavailableError(ImportError):
    """An optional library or device is needed for this call and cannot be used here."""


class ConvergenceError(RuntimeError):
    """No optimum was found: there is none, or the limit of iterations came first.

    Attributes
    ----------
    result : object or None
        The best iterate, where there is one.

    """

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result


def unravel(flat, shape):
    """Return the index of flat position `flat` in an array of `shape`: an integer for one axis, else a tuple."""
    index = []
    for length in reversed(shape):
        flat, remainder = divmod(flat, length)
        index.append(remainder)
    return index[0] if len(index) == 1 else tuple(reversed(index))


def place(flat, shape):
    """Return flat position `flat` of an array of `shape` as it is written behind a name: "[3, 1]", "" for a scalar."""
    if not shape:
        return ""
    index = unravel(flat, shape)
    return f"[{index if isinstance(index, int) else ', '.join(map(str, index))}]"


def check_status(word, name, array, leading=None):
    """Raise ValueError for the first bad value of `array` if the status word `word` reports one.

    `leading`: the axes that all but the last one of `array` were broadcast to, where the kernel read it so.
    """
    if word == status.OK:
        return
    flat, code = status.decode(word)
    if leading is not None:
        flat = _own_position(flat, array.shape, leading)
    index = unravel(flat, array.shape)
    reason = status.REASONS[code]
    if code == status.ALL_ZERO:
        row = index[:-1] if isinstance(index, tuple) else ()
        where = f" in row {row[0] if len(row) == 1 else row}" if row else ""
        raise ValueError(f"{name}{where} {reason}")
    raise ValueError(f"{name}{place(flat, array.shape)} = {array.reshape(-1)[flat]} {reason}")


def check_row_status(words, name, array, leading):
    """Raise ValueError for the first bad value of `array`, broadcast to `leading`, if one of the `words` reports it.

    `words` hold one status word per row of the broadcast array, with positions within the row.
    """
    bad = np.flatnonzero(words != np.uint64(status.OK))
    if bad.size:
        position, code = status.decode(words[bad[0]])
        check_status((int(bad[0]) * array.shape[-1] + position) << 3 | code, name, array, leading)


def _own_position(flat, shape, leading):
    """Return where flat position `flat` of the array broadcast to `leading` lies in the array of `shape` itself."""
    if len(shape) == 1:
        return flat  # one row serves all, and positions are in it
    index = unravel(flat, (*leading, shape[-1]))[-len(shape) :]
    own = 0
    for i, length in zip(index, shape, strict=True):
        own = own * length + (0 if length == 1 else i)
    return own
