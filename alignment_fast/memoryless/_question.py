"""What every method is asked: best-of-n over sequences of m letters."""

from typing import NamedTuple

from alignment_fast.memoryless._keys import Letters


class SequenceQuestion(NamedTuple):
    """Best-of-n over sequences of m letters.

    Parameters
    ----------
    letters : Letters
        Distinct rewards and their probabilities.
    m : int
        Letters of a sequence.
    log_n : float
        Logarithm of n.
    alpha : float
        Tilt at which the best sum is typical, inf where none is.
    num_threads : int or None
        Threads to use.

    """

    letters: Letters
    m: int
    log_n: float
    alpha: float
    num_threads: int | None
