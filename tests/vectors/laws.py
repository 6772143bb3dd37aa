"""Cases of best-of-n laws: discrete references with ties, rare outcomes, n from 1 to e^1000."""

import itertools
from math import log

import mpmath

from oracles import best_of_n, pool
from vectors.common import Family

DISCRETE = {
    "plain": ([0.2, 0.3, 0.5], [3.0, 1.0, 2.0]),
    "ties": ([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 2.0, 1.0]),
    "one": ([1.0], [0.5]),
    "zero": ([0.0, 0.5, 0.5], [9.0, 0.0, 1.0]),
    "rare best": ([1e-12, 0.5, 0.5], [5.0, 0.0, 1.0]),
    "infinitely rare": ([1e-250, 0.25, 0.75], [1.0, 0.0, -1.0]),
    "all tied": ([0.25, 0.25, 0.5], [2.0, 2.0, 2.0]),
    "many": ([1.0] * 12, [0.5 * i for i in range(12)]),
}
SIZES = [("n", n) for n in (1.0, 1.0 + 1e-9, 1.5, 2.0, 7.0, 100.0, 1e6)] + [
    ("log_n", x) for x in (0.0, 30.0, 200.0, 1000.0)
]
KINDS = ("reverse_kl", "chi2", "tv", "hellinger2")
RELATIVE = 1e-12
CONTINUOUS = ("kl", "reverse_kl", "chi2", "tv", "hellinger2", "win_rate")


class Law(best_of_n.Law):
    """With so many digits that what is 0 stays below the smallest double."""

    @staticmethod
    def digits(p, n, log_n, log):
        return 750 + best_of_n.Law.digits(p, n, log_n, log)


def discrete():
    """Return the cases of discrete laws."""
    family = Family("best_of_n")
    for (label, (p, reward)), (how, size) in itertools.product(DISCRETE.items(), SIZES):
        law = Law(p, reward, **{how: size})
        scale = max(1.0, size if how == "log_n" else log(size))
        call = {"p": p, "reward": reward, how: size}
        pmf = [(x, RELATIVE * max(scale, 0 if mpmath.isinf(x) else abs(x))) for x in law.log_pmf]
        largest = max(map(abs, reward))
        values = {
            "log_pmf": pmf,
            "kl": (law.kl, RELATIVE * scale * max(law.kl, 1e-300)),
            "expected_reward": (law.expected_reward, RELATIVE * scale * largest),
            "win_rate": (law.win_rate, RELATIVE * scale),
        }
        family.add("best_of_n", call, values, label=label)
        if how == "n":
            found = {kind: getattr(law, kind) for kind in KINDS}
            # Where masses underflow, log(F^n - F'^n) does not: only the squares of ratios may be beyond floats.
            found = {kind: (x, 1e-11 * scale * abs(x)) for kind, x in found.items() if abs(x) < mpmath.mpf(10) ** 300}
            family.add("best_of_n_divergences", call, found, label=label)
    return family


def continuous():
    """Return the cases of rewards without ties."""
    family = Family("continuous")
    for name, n in itertools.product(CONTINUOUS, (1.0 + 1e-6, 1.5, 2.0, 4.0, 64.0, 1e4, 1e12)):
        with mpmath.workdps(80):
            size = mpmath.mpf(n)
            logarithm = mpmath.log(size)
            forms = {
                "kl": logarithm - (size - 1) / size,
                "reverse_kl": size - 1 - logarithm,
                "chi2": (size - 1) ** 2 / (2 * size - 1),
                "tv": size ** (-1 / (size - 1)) - size ** (-size / (size - 1)),
                "hellinger2": 1 - 2 * mpmath.sqrt(size) / (size + 1),
                "win_rate": size / (size + 1),
            }
        family.add("continuous", {"kind": name, "n": n}, {"value": (forms[name], 1e-13 * abs(forms[name]))})
    return family


def others():
    """Return the cases of soft best-of-n and best-of-Poisson."""
    family = Family("soft_laws")
    for (label, (p, reward)), n, temperature in itertools.product(DISCRETE.items(), (1, 2, 4), (0.1, 1.0, 10.0)):
        if len(p) > 4:
            continue
        total = mpmath.fsum(p)
        law = pool.soft_best_of_n([mpmath.mpf(x) / total for x in p], reward, n, temperature)
        expected = {"pmf": [(x, 1e-12 * max(x, mpmath.mpf(10) ** -290)) for x in law]}
        call = {"p": p, "reward": reward, "n": n, "temperature": temperature}
        family.add("soft_best_of_n", call, expected, label=label)
    for (label, (p, reward)), mu in itertools.product(DISCRETE.items(), (0.0, 0.5, 3.0, 100.0, 650.0)):
        with mpmath.workdps(400):  # where the rarest are cancelled
            law = [
                m / own * ((low + own) * mpmath.exp(-mu * up) - low * mpmath.exp(-mu * (up + own)))
                for m, own, low, up in pool._cumulated(p, reward)
            ]
        expected = {"pmf": [(x, 1e-12 * max(x, mpmath.mpf(10) ** -290)) for x in law]}
        family.add("best_of_poisson", {"p": p, "reward": reward, "mu": mu}, expected, label=label)
    return family


FAMILIES = (discrete, continuous, others)
