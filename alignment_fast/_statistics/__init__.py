"""Statistics of many values that merge: what parts of a simulation leave behind, whoever computed them."""

from alignment_fast._statistics.moments import Moments
from alignment_fast._statistics.quantiles import QuantileSketch

__all__ = ["Moments", "QuantileSketch"]
