"""How often the intervals of a study's table hold the truth, from the least number of replicates on; run by hand.

    python -P tests/coverage_studies.py [STUDIES]       10 000 by default: the figures of docs/guides/studies.md

Also printed: the share of studies whose table has an interval at all.
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
LAWS = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), 0.0),
    "exponential": (lambda rng, shape: rng.standard_exponential(shape), 1.0),
    "uniform": (lambda rng, shape: rng.random(shape), 0.5),
    "log-normal, deviation 1": (lambda rng, shape: rng.lognormal(0.0, 1.0, shape), np.exp(0.5)),
    "Pareto, index 3": (lambda rng, shape: rng.pareto(3.0, shape), 0.5),
}


def of_means(draw, truth, count, studies):
    rng = np.random.default_rng(1)
    held = given = 0
    for _ in range(studies // 100):
        found = Moments(draw(rng, (count, 100)))
        shapes = zip(found.skewness, found.excess_kurtosis, found.mean, found.standard_error, strict=True)
        for skewness, kurtosis, mean, error in shapes:
            if abs(error_of_level(skewness, kurtosis, count, LEVEL)) <= TOLERATED:
                low, high = interval_of_mean(mean, error, count, LEVEL)
                given += 1
                held += low <= truth <= high
    return held / given, given / studies


def of_shares(share, count):
    """Return the exact coverage, smoothed over nearby shares: it jumps from one to the next."""
    k = np.arange(count + 1)
    low, high = np.array([interval_of_share(one / count, count, LEVEL) for one in k]).T
    near = np.linspace(0.97 * share, min(1.03 * share, 0.9999), 41)
    return np.mean([stats.binom.pmf(k[(low <= p) & (p <= high)], count, p).sum() for p in near])


def main(studies=10_000):
    for count in (FEWEST, 4 * FEWEST):
        for name, (draw, truth) in LAWS.items():
            held, given = of_means(draw, truth, count, studies)
            print(f"{count} replicates, {name}: {100 * held:.1f} % hold, {100 * given:.0f} % have an interval")
    for share in (0.01, 0.05, 0.3, 0.5, 0.95, 0.99):
        print(f"{FEWEST} replicates, share of {share}: {100 * of_shares(share, FEWEST):.1f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
