"""How often the intervals of a study's table hold the truth; run by hand.

    python -P tests/coverage_studies.py [STUDIES]       10 000 by default: the figures of docs/guides/studies.md

Each law is tried at the least number of replicates that has intervals at all, and at the least number that is
documented for it: `PER_SKEWNESS` times its squared skewness. Also printed: the share of studies that have an interval.
"""

import sys

import numpy as np
from scipy import stats

from alignment_fast.studies import Moments
from alignment_fast.studies.results import (
    FEWEST,
    TOLERATED,
    error_of_level,
    interval_of_mean,
    interval_of_share,
)

LEVEL = 0.95
# Replicates for each unit of squared skewness, from which on the intervals of a law hold their level.
PER_SKEWNESS = 1000
# Draws, mean and skewness of each.
LAWS = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), 0.0, 0.0),
    "uniform": (lambda rng, shape: rng.random(shape), 0.5, 0.0),
    "Student, 5 degrees": (lambda rng, shape: rng.standard_t(5.0, shape), 0.0, 0.0),
    "exponential": (lambda rng, shape: rng.standard_exponential(shape), 1.0, 2.0),
    "log-normal, deviation 0.5": (lambda rng, shape: rng.lognormal(0.0, 0.5, shape), np.exp(0.125), 1.75),
    "log-normal, deviation 1": (lambda rng, shape: rng.lognormal(0.0, 1.0, shape), np.exp(0.5), 6.18),
    "squared exponential": (lambda rng, shape: rng.standard_exponential(shape) ** 2, 2.0, 6.62),
    "Pareto, index 5": (lambda rng, shape: rng.pareto(5.0, shape), 0.25, 4.65),
    "log-normal, deviation 2": (lambda rng, shape: rng.lognormal(0.0, 2.0, shape), np.exp(2.0), np.inf),
    "Pareto, index 3": (lambda rng, shape: rng.pareto(3.0, shape), 0.5, np.inf),
    "Pareto, index 2.1": (lambda rng, shape: rng.pareto(2.1, shape), 1 / 1.1, np.inf),
}


def of_means(draw, truth, count, studies):
    rng = np.random.default_rng(1)
    held = given = 0
    together = 100 if count < 10_000 else 10
    for _ in range(studies // together):
        found = Moments(draw(rng, (count, together)))
        shapes = zip(found.skewness, found.excess_kurtosis, found.mean, found.standard_error, strict=True)
        for skewness, kurtosis, mean, error in shapes:
            if abs(error_of_level(skewness, kurtosis, count, LEVEL)) <= TOLERATED:
                low, high = interval_of_mean(mean, error, count, LEVEL)
                given += 1
                held += low <= truth <= high
    return held / max(given, 1), given / studies


def of_shares(share, count):
    """Return the exact coverage, smoothed over nearby shares: it jumps from one to the next."""
    k = np.arange(count + 1)
    low, high = np.array([interval_of_share(one / count, count, LEVEL) for one in k]).T
    near = np.linspace(0.97 * share, min(1.03 * share, 0.9999), 41)
    return np.mean([stats.binom.pmf(k[(low <= p) & (p <= high)], count, p).sum() for p in near])


def main(studies=10_000):
    for name, (draw, truth, skewness) in LAWS.items():
        least = PER_SKEWNESS * skewness**2
        for count in sorted({FEWEST, *([int(max(FEWEST, least))] if np.isfinite(least) else [])}):
            held, given = of_means(draw, truth, count, studies)
            print(f"{name}, {count} replicates: {100 * given:.1f} % have an interval, {100 * held:.1f} % of these hold")
    for share in (0.01, 0.05, 0.3, 0.5, 0.95, 0.99):
        print(f"{FEWEST} replicates, share of {share}: {100 * of_shares(share, FEWEST):.1f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
