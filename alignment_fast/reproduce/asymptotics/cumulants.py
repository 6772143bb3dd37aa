"""Corollary 1: scaled cumulants of the reward, and where those of best-of-n freeze."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast.reproduce.asymptotics.estimates import Estimate, Part, log_mean, seed_of
from alignment_fast.reproduce.asymptotics.rates import LENGTH
from alignment_fast.reproduce.asymptotics.setting import Setting

__all__ = ["RHOS", "Order", "cumulant_curves", "scaled_cumulants"]

# Orders of the curves in the picture.
CURVE_POINTS = 300
RHOS = tuple(round(0.1 * step, 1) for step in range(1, 31))


class Order(NamedTuple):
    """An order ρ: the limits of log E exp(ρ S)/(m ρ), for best-of-n also at one length m, and estimates.

    For the reference and the aligned policy the limit is the value at every m, and is estimated from single letters.
    """

    rho: float
    m: int
    reference: float
    reference_estimate: float
    reference_se: float
    aligned: float
    aligned_estimate: float
    aligned_se: float
    best_of_n: float
    best_of_n_exact: float
    best_of_n_estimate: float
    best_of_n_se: float


def scaled_cumulants(
    setting: Setting, replicates: int, seed: int, rhos: Iterable[float] = RHOS, m: int = LENGTH
) -> Iterator[Order]:
    """Yield a row for each of the positive orders `rhos`.

    Up to ρ = α the typical sequence of best-of-n decides its scaled cumulant, which stays at -H(φ‖q); beyond, ever
    better and rarer ones do.

    For best-of-n, sums are drawn from the tilt that decides, that of max(ρ, α), and weighted by what best-of-n makes
    of them.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import TERNARY, scaled_cumulants
    >>> rows = scaled_cumulants(TERNARY, replicates=1000, seed=0, rhos=[0.3, 2.0])
    >>> [(row.rho, round(row.best_of_n, 6), round(row.best_of_n_exact, 6), round(row.aligned, 6)) for row in rows]
    [(0.3, -1.189911, -1.19242, -1.122632), (2.0, -1.016579, -1.016579, -0.811903)]

    """
    rhos = list(rhos)
    limits = _limits(setting, rhos)
    law = setting.sums(m)
    log_best = law.log_best_of_n(m * setting.delta)
    log_ratio = log_best - law.log_pmf
    for place, rho in enumerate(rhos):
        generator = np.random.default_rng(seed_of(seed, Part.CUMULANTS, place))
        numbers: list[float] = []
        for which, p in (("reference", setting.p), ("aligned", setting.policy.pi)):
            letters = generator.choice(len(p), size=replicates, p=p / p.sum())
            numbers += [float(limits[which][place]), *_scaled(log_mean(rho * setting.reward[letters]), rho)]
        exact = float(np.logaddexp.reduce(log_best + rho * law.support)) / (m * rho)
        estimate = _best_of_n(setting, law, log_ratio, rho, m=m, replicates=replicates, generator=generator)
        numbers += [float(limits["best_of_n"][place]), exact, *_scaled(estimate, m * rho)]
        yield Order(rho, m, *numbers)


def cumulant_curves(setting: Setting) -> dict[str, np.ndarray]:
    """Return the limits of `scaled_cumulants` on a dense grid of orders, with α in it.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import TERNARY, cumulant_curves
    >>> list(cumulant_curves(TERNARY))
    ['rho', 'reference', 'aligned', 'best_of_n']

    """
    rhos = np.union1d(np.linspace(RHOS[0], RHOS[-1], CURVE_POINTS), float(setting.policy.alpha))
    return {"rho": rhos, **_limits(setting, rhos)}


def _limits(setting, rhos):
    return {
        which: setting.model.scaled_cumulant(rhos, delta=setting.delta, which=which)
        for which in ("reference", "aligned", "best_of_n")
    }


def _scaled(estimate, divisor):
    return estimate.value / divisor, estimate.standard_error / divisor


def _best_of_n(setting, law, log_ratio, rho, *, m, replicates, generator):
    """Return log E exp(ρ S) under best-of-n: π = (π/p) p, and p is e^{m Λ(θ) - θ S} times the law of the tilt θ."""
    tilt = setting.model.tilt(max(rho, float(setting.policy.alpha)))
    counts = generator.multinomial(m, tilt.pi, size=replicates)
    sums = counts @ setting.reward
    weights = log_mean(log_ratio[law.nearest(sums)] + (rho - float(tilt.alpha)) * sums)
    return Estimate(m * float(tilt.log_partition) + weights.value, weights.standard_error)
