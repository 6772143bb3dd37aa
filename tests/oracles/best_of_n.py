"""Best-of-n laws from their definition, in many digits: differences of powers of cumulated probabilities."""

import json
from pathlib import Path

import mpmath
from mpmath import mpf

DIGITS = 60
STORED = json.loads((Path(__file__).parent / "best_of_n.json").read_text())


def exponential(log_value):
    return mpmath.exp(mpf(log_value))


class Law:
    """The law of best-of-n for one p, reward and n = exp(log_n); `p` are numbers or, with `log`, logarithms."""

    def __init__(self, p, reward, *, n=None, log_n=None, log=False):
        with mpmath.workdps(self.digits(p, n, log_n, log)):
            weights = [exponential(x) if log else mpf(float(x)) for x in p]
            total = mpmath.fsum(weights)
            self.p = [x / total for x in weights]
            self.reward = [mpf(float(x)) for x in reward]
            self.n = mpf(n) if log_n is None else exponential(log_n)
            self.groups = self._groups()
            self.log_ratio = [None] * len(self.p)
            for atoms, below, mass, above in self.groups:
                ratio = self._log_ratio(below, mass, above)
                for atom in atoms:
                    self.log_ratio[atom] = ratio
            self._summarise()

    @staticmethod
    def digits(p, n, log_n, log):
        """Enough for 1 - F and for F^n - F'^n at the smallest mass and the largest n given."""
        logs = [float(x) for x in p] if log else [float(mpmath.log(float(x))) for x in p if x > 0]
        spread = max((abs(x) for x in logs if abs(x) < 1e300), default=0)
        return int(DIGITS + spread + 2 * (float(log_n) if log_n is not None else mpmath.log(n)))

    def _groups(self):
        """(atoms, F', P, 1 - F) of every reward that has mass, from the lowest."""
        rewards = sorted({r for r, p in zip(self.reward, self.p, strict=True) if p > 0})
        groups, below = [], mpf(0)
        for reward in rewards:
            atoms = [i for i, r in enumerate(self.reward) if r == reward and self.p[i] > 0]
            mass = mpmath.fsum(self.p[i] for i in atoms)
            groups.append([atoms, below, mass, None])
            below += mass
        above = mpf(0)
        for group in reversed(groups):
            group[3] = above
            above += group[2]
        return groups

    def _log_ratio(self, below, mass, above):
        log_cdf = mpmath.log1p(-above)
        inner = 1 if below == 0 else 1 - mpmath.exp(self.n * mpmath.log(below / (below + mass)))
        return self.n * log_cdf + mpmath.log(inner) - mpmath.log(mass)

    def _summarise(self):
        live = [i for i, p in enumerate(self.p) if p > 0]
        self.log_pmf = [mpf("-inf")] * len(self.p)
        for i in live:
            self.log_pmf[i] = mpmath.log(self.p[i]) + self.log_ratio[i]
        self.pmf = [mpmath.exp(x) for x in self.log_pmf]
        self.kl = mpmath.fsum(self.pmf[i] * self.log_ratio[i] for i in live)
        self.expected_reward = mpmath.fsum(self.pmf[i] * self.reward[i] for i in live)
        self.reward_variance = mpmath.fsum(self.pmf[i] * (self.reward[i] - self.expected_reward) ** 2 for i in live)
        self.win_rate = mpmath.fsum(
            mpmath.fsum(self.pmf[i] for i in atoms) * (below + mass / 2) for atoms, below, mass, _ in self.groups
        )
        self.reverse_kl = mpmath.fsum(-self.p[i] * self.log_ratio[i] for i in live)
        self.chi2 = mpmath.fsum((self.pmf[i] - self.p[i]) ** 2 / self.p[i] for i in live)
        self.tv = mpmath.fsum(abs(self.pmf[i] - self.p[i]) for i in live) / 2
        self.hellinger2 = mpmath.fsum((mpmath.sqrt(self.pmf[i]) - mpmath.sqrt(self.p[i])) ** 2 for i in live) / 2

    def renyi(self, order):
        """Divergence of finite order other than 1."""
        with mpmath.workdps(DIGITS + 20):
            moment = mpmath.fsum(
                p * mpmath.exp(mpf(order) * ratio) for p, ratio in zip(self.p, self.log_ratio, strict=True) if p > 0
            )
            return mpmath.log(moment) / (mpf(order) - 1)


def log_pmf(p, reward, n):
    """Log-probabilities of best-of-n."""
    return Law(p, reward, n=n).log_pmf


def value(p, reward, n):
    """Divergence D(best-of-n || p)."""
    return Law(p, reward, n=n).kl


def estimator(p, n):
    """Estimate of D(best-of-n || reference) from the probability of the selected outcome, literally."""
    with mpmath.workdps(400):
        p, n = mpf(p), mpf(n)
        missed = (1 - p) ** n
        without = missed * (mpmath.log(n) + (n - 1) * mpmath.log(1 - p) - (n - 1) / n) if missed else 0
        return without + (1 - missed) * mpmath.log((1 - missed) / p)


def expected_estimate(p, reward, n):
    """Mean of `estimator` over outcomes of best-of-n."""
    law = Law(p, reward, n=n)
    return mpmath.fsum(pi * estimator(p, n) for p, pi in zip(law.p, law.pmf, strict=True) if pi)


def continuous(name, n, order=None):
    """Closed form for continuous rewards, by quadrature over the quantile u of the density n u^(n-1)."""
    n = mpf(n)
    with mpmath.workdps(30):
        if name == "renyi":
            return mpmath.log(mpmath.quad(lambda u: (n * u ** (n - 1)) ** order, [0, 1])) / (mpf(order) - 1)
        integrand = {
            "kl": lambda w: w * mpmath.log(w) if w else mpf(0),
            "reverse_kl": lambda w: -mpmath.log(w),
            "chi2": lambda w: (w - 1) ** 2,
            "tv": lambda w: abs(w - 1) / 2,
            "hellinger2": lambda w: (mpmath.sqrt(w) - 1) ** 2 / 2,
        }[name]
        crossing = n ** (-1 / (n - 1))  # where the density is 1: the kink of the total variation
        return mpmath.quad(lambda u: integrand(n * u ** (n - 1)), [0, crossing, 1])


def closed_form(name, n, order=0.0):
    """The textbook forms, in enough digits that their cancellation does not matter."""
    with mpmath.workdps(250):
        n, log_n = mpmath.mpf(n), mpmath.log(n)
        forms = {
            "kl": lambda: log_n - (n - 1) / n,
            "reverse_kl": lambda: n - 1 - log_n,
            "chi2": lambda: (n - 1) ** 2 / (2 * n - 1),
            "tv": lambda: n ** (-1 / (n - 1)) - n ** (-n / (n - 1)),
            "hellinger2": lambda: 1 - 2 * mpmath.sqrt(n) / (n + 1),
            "win_rate": lambda: n / (n + 1),
            "renyi": lambda: mpmath.log(n**order / (order * (n - 1) + 1)) / (mpmath.mpf(order) - 1),
        }
        return float(forms[name]())
