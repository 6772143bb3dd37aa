"""What is wrong with an argument, as an error that names it: from a kernel's status word, or from a mask."""

import numpy as np

from alignment_fast._border.place import place, unravel
from alignment_fast.kernels.common import status


def refuse(bad, array, name, reason, spec=""):
    """Raise ValueError for the first position of `array` where the mask `bad` is true; `spec` formats the value."""
    if bad.any():
        flat = int(np.argmax(bad))
        raise ValueError(f"{name}{place(flat, array.shape)} = {array.reshape(-1)[flat]:{spec}} {reason}")


def check_status(word, name, array, leading=None):
    """Raise ValueError for the first bad value of `array` if the status word `word` reports one.

    `leading`: the axes that all but the last one of `array` were broadcast to, where the kernel read it so.
    """
    if word == status.OK:
        return
    array = array if isinstance(array, np.ndarray) else array.numpy()  # of a device
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
    """Raise ValueError for the first bad value of `array`, whose rows were broadcast to `leading` axes.

    `words` hold one status word per row, with positions within the row.
    """
    bad = np.flatnonzero(words != np.uint64(status.OK))
    if bad.size:
        row = int(bad[0])
        position, code = status.decode(words[row])
        check_status((row * array.shape[-1] + position) << 3 | code, name, array, leading)


def _own_position(flat, shape, leading):
    """Return where flat position `flat` of the array broadcast to `leading` lies in the array of `shape` itself."""
    if len(shape) == 1:
        return flat % shape[0]  # one row serves all
    index = unravel(flat, (*leading, shape[-1]))[-len(shape) :]
    own = 0
    for i, length in zip(index, shape, strict=True):
        own = own * length + (0 if length == 1 else i)
    return own
