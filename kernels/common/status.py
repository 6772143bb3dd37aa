"""The status word: how a kernel says that an input was bad, without an exception and without an extra pass.

A status word is an unsigned 64-bit integer, ``position * 8 + code``; OK is the largest one. Words of several blocks or
threads merge by minimum, so the first bad position wins whatever the order of arrival. C side: ``af_status.h``.
"""

OK = 2**64 - 1

NOT_A_NUMBER = 0
NEGATIVE = 1
ALL_ZERO = 2
NOT_FINITE = 3
# Asks the caller to multiply the row by a power of two: its total leaves, or nears the ends of, the range of the type.
TOTAL_OUT_OF_RANGE = 4

REASONS = {
    NOT_A_NUMBER: "is NaN",
    NEGATIVE: "is negative",
    ALL_ZERO: "has no positive mass",
    NOT_FINITE: "is infinite",
}


def decode(word):
    """Return (flat position, code) of a status word that is not OK."""
    return int(word) >> 3, int(word) & 7
