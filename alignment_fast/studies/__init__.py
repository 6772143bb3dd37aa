"""Studies: simulations described in a file, run in blocks by any executor, stored, resumed and reproduced."""

from alignment_fast._statistics import Moments, QuantileSketch

__all__ = ["Moments", "QuantileSketch"]
