"""Tail estimates from their definitions, slow and obvious."""

import math


def hill(scores, top):
    """Return the mean logarithm of the `top` highest scores over the next one below."""
    ascending = sorted(scores)
    threshold = ascending[-top - 1]
    return math.fsum(math.log(x / threshold) for x in ascending[-top:]) / top
