r"""Ends of intervals of a gain to second order: the ABC interval.

A functional of a law of weights :math:`W_i` that sum to 1 has at each sample the influence :math:`L_i` and second
derivatives :math:`Q`; with :math:`\sigma^2 = \sum W_i^2 L_i^2` three numbers say how far the normal interval is off:

.. math:: a = \frac{\sum W_i^3 L_i^3}{6 \sigma^3}, \qquad c = \frac{Q(\delta, \delta)}{2 \sigma}, \quad
          \delta_i = W_i^2 L_i / \sigma, \qquad z_0 = a + c - \frac{1}{2\sigma} \sum W_i^2 Q_{ii},

the skewness of the estimate, its curvature along its own influence, and its bias. The end at the normal quantile z is
:math:`G + \sigma (\lambda + c \lambda^2)`, :math:`\lambda = (z_0 + z) / (1 - a (z_0 + z))^2`.

With :math:`u = e^{t x} / E_0 e^{t x}`, d the reward less its mean, :math:`\mu = E_\pi d`, :math:`h = u (d - \mu)` and s
any change of the weights, second derivatives of the gain at a given tilt, and at a given divergence (where t moves so
that :math:`(K + \Lambda)/t` stays least), are

.. math:: -2 \Big(\sum s h\Big) \Big(\sum s u\Big), \qquad
          -\frac1t \Big(\sum s u\Big)^2 - \frac{t}{\mathrm{Var}_\pi x} \Big(\sum s \frac{t h - u}{t^2}\Big)^2 .

Reference: DiCiccio and Efron, More accurate confidence intervals in exponential families, Biometrika 79 (1992) 231-245.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._operations import operations
from alignment_fast._scipy import special

__all__ = ["Masses", "ends", "normal_quantile", "second_order"]


class Masses(NamedTuple):
    """Samples, or means of samples that lie close together, as deviations from the mean of all.

    `first`, `second` and `third` are sums of the weights, their squares and their cubes; all weights sum to 1.
    """

    deviation: np.ndarray
    first: np.ndarray
    second: np.ndarray
    third: np.ndarray


def second_order(masses: Masses, t: np.ndarray, log_mgf: np.ndarray, mean: np.ndarray, given: str) -> np.ndarray:
    """Return (a, z0, c), (3, T), of the gain at tilts t > 0 that `given` "beta" or "kl" holds; 0 where nothing varies.

    `log_mgf` and `mean` are log E e^{t d} and the mean of d under each tilt, d the deviation from the mean.
    """
    found: np.ndarray = operations("policy").gain_constants(np.array(masses), t, log_mgf, mean, given == "kl")
    return found


@lru_cache(maxsize=64)
def normal_quantile(level: float) -> float:
    """Return the normal quantile z with a mass of `level` between -z and z."""
    return float(special.ndtri((1 + level) / 2))


def ends(estimate: Any, error: Any, constants: Any, z: float) -> tuple[Any, Any]:
    """Return the ends of intervals: the lower one of the lower ends of both kinds, the upper end of ABC."""
    a, z0, c = constants

    def end(quantile):
        w = z0 + quantile
        away = w / (1.0 - a * w) ** 2
        return estimate + error * (away + c * away**2)

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.fmin(estimate - z * error, end(-z)), end(z)
