"""What is known of an estimate whose independent replicates all agree: it has no standard error."""

import math

__all__ = ["CONFIDENCE", "error_bound"]

CONFIDENCE = 0.95


def error_bound(mean: float, lowest: float, highest: float, replicates: int) -> float:
    """Return a bound, with 95 % confidence, on the error of an estimate whose independent replicates all agree.

    A different value has at most the probability p with (1 - p)^replicates = 5 %, and the mean is off by at most p
    times the distance to the farthest value.

    Examples
    --------
    >>> from alignment_fast._error_bounds import error_bound
    >>> round(error_bound(1.0, 0.0, 1.0, 200), 4)
    0.0149

    """
    rarest = -math.expm1(math.log1p(-CONFIDENCE) / replicates)
    return rarest * max(highest - mean, mean - lowest)
