"""Preference losses in 60-digit arithmetic, term by term from their papers; derivatives by jets carried along.

`PAIRED` maps a loss type to its terms as functions of the four log-probabilities, `OF_MARGIN` to its terms as functions
of the margin. Parameters are keywords: beta, epsilon, gamma, lam, alpha, tau, delta.

Errors are measured against magnitudes: the sum of those of the terms and, where scores go through a map, what relative
changes of a score and of its slope change, to first order. Both are rounded before the formula sees them.
"""

import itertools

import mpmath
import numpy as np

DIGITS = 60
HALF = mpmath.mpf(1) / 2


class Jet:
    """A value with its first and second derivative by one variable, under arithmetic and the functions below."""

    def __init__(self, value, first=0, second=0):
        self.value, self.first, self.second = map(mpmath.mpf, (value, first, second))

    def chain(self, value, first, second):
        """Return the jet of a function of this one, given the function's own value and derivatives here."""
        return Jet(value, first * self.first, second * self.first**2 + first * self.second)

    def __neg__(self):
        return Jet(-self.value, -self.first, -self.second)

    def __add__(self, other):
        other = jet(other)
        return Jet(self.value + other.value, self.first + other.first, self.second + other.second)

    def __mul__(self, other):
        other = jet(other)
        return Jet(
            self.value * other.value,
            self.first * other.value + self.value * other.first,
            self.second * other.value + 2 * self.first * other.first + self.value * other.second,
        )

    def __sub__(self, other):
        return self + -jet(other)

    def __rsub__(self, other):
        return jet(other) - self

    def __truediv__(self, other):
        return self * (1 / mpmath.mpf(other))

    def __pow__(self, exponent):
        assert exponent == 2
        return self * self

    __radd__, __rmul__ = __add__, __mul__


def jet(x):
    return x if isinstance(x, Jet) else Jet(x)


def exp(x):
    y = mpmath.exp(jet(x).value)
    return jet(x).chain(y, y, y)


def log(x):
    u = jet(x).value
    return jet(x).chain(mpmath.log(u), 1 / u, -1 / u**2)


def expm1(x):
    y = mpmath.exp(jet(x).value)
    return jet(x).chain(mpmath.expm1(jet(x).value), y, y)


def sigmoid(x):
    rising, falling = (1 / (1 + mpmath.exp(sign * jet(x).value)) for sign in (-1, 1))
    return jet(x).chain(rising, rising * falling, rising * falling * (falling - rising))


def ell(x):
    """Return -log σ(x); mpmath's log1p keeps what 1 + e^-x would lose."""
    u = jet(x).value
    rising, falling = (1 / (1 + mpmath.exp(sign * u)) for sign in (-1, 1))
    return jet(x).chain(mpmath.log1p(mpmath.exp(-u)), -falling, rising * falling)


def relu(x):
    return jet(x) if jet(x).value > 0 else Jet(0)


# ---- losses of a margin ----


def smoothed(x, epsilon):
    return [(1 - epsilon) * ell(x), epsilon * ell(-x)]


def exo_pair(x, epsilon):
    return [
        sigmoid(x) * -ell(x),
        -sigmoid(x) * mpmath.log1p(-epsilon),
        sigmoid(-x) * -ell(-x),
        -sigmoid(-x) * mpmath.log(epsilon),
    ]


def discopop(x, tau):
    return [ell(x) * sigmoid(-x / tau), exp(-x) * sigmoid(x / tau)]


OF_MARGIN = {
    "sigmoid": lambda m, p: smoothed(p.beta * m, p.epsilon),
    "robust": lambda m, p: [
        (1 - p.epsilon) * ell(p.beta * m) / (1 - 2 * p.epsilon),
        -p.epsilon * ell(-p.beta * m) / (1 - 2 * p.epsilon),
    ],
    "hinge": lambda m, p: [relu(1 - p.beta * m)],
    "ipo": lambda m, p: [(m - 1 / (2 * p.beta)) ** 2],
    "exo_pair": lambda m, p: exo_pair(p.beta * m, p.epsilon),
    "discopop": lambda m, p: discopop(p.beta * m, p.tau),
    "sigmoid_norm": lambda m, p: [ell(p.beta * m)],
    "simpo": lambda m, p: [ell(p.beta * m - p.gamma)],
    "bradley_terry": lambda m, p: [ell(p.beta * m - p.gamma)],
}


# ---- scores ----


def score(name, rho, alpha):
    """Return the score map of an f-divergence at the log-ratio `rho`."""
    if name == "forward_kl":
        return 1 - exp(-rho)
    if name == "js_divergence":
        return mpmath.log(2) + log(sigmoid(rho))
    if name == "alpha_divergence":
        return (exp((alpha - 1) * rho) - 1) / (alpha - 1)
    return rho


# ---- losses of a pair: terms of chosen a, rejected c, and of the same under the reference, b and d ----


def of_margin(name):
    def terms(a, c, b, d, p):
        scores = [p.mapped(score(p.score, rho, p.alpha), side) for side, rho in enumerate((a - b, c - d))]
        return OF_MARGIN[name](scores[0] / p.lengths[0] - scores[1] / p.lengths[1], p)

    return terms


def nca_pair(a, c, b, d, p):
    return [ell(p.beta * (a - b)), HALF * ell(-p.beta * (a - b)), HALF * ell(-p.beta * (c - d))]


def bco_pair(a, c, b, d, p):
    return [ell(p.beta * (a - b) - p.delta), ell(-(p.beta * (c - d) - p.delta))]


def sppo_hard(a, c, b, d, p):
    return [(a - b - 1 / (2 * p.beta)) ** 2, (c - d + 1 / (2 * p.beta)) ** 2]


def apo_zero(a, c, b, d, p):
    return [sigmoid(-p.beta * (a - b)), sigmoid(p.beta * (c - d))]


def apo_down(a, c, b, d, p):
    return [sigmoid(p.beta * (a - b)), sigmoid(-p.beta * ((a - b) - (c - d)))]


def sft(a, c, b, d, p):
    return [-a]


def simpo(a, c, b, d, p):
    return [ell(p.beta * (a / p.lengths[0] - c / p.lengths[1]) - p.gamma)]


def cpo(a, c, b, d, p):
    x, y = a / p.lengths[0], c / p.lengths[1]
    return [*smoothed(p.beta * (x - y), p.epsilon), -p.lam * x]


def tpo_l(a, c, b, d, p):
    x, y = a / p.lengths[0], c / p.lengths[1]
    return [*smoothed(p.beta * (x - y) - p.gamma, p.epsilon), -p.lam * x]


def log_odds(x):
    return x - log(-expm1(x))


def orpo(a, c, b, d, p):
    x, y = a / p.lengths[0], c / p.lengths[1]
    return [-x, p.lam * ell(log_odds(x) - log_odds(y))]


def slic(a, c, b, d, p):
    x, y = a / p.lengths[0], c / p.lengths[1]
    return [relu(p.delta - (x - y)), -p.lam * x]


def dpop(a, c, b, d, p):
    return [ell(p.beta * ((a - b) - (c - d)) - p.lam * p.beta * relu(b - a))]


def alphapo(a, c, b, d, p):
    x, y = a / p.lengths[0], c / p.lengths[1]
    reward = [p.mapped((1 - exp(-p.alpha * z)) / p.alpha, side) for side, z in enumerate((x, y))]
    return [ell(p.beta * (reward[0] - reward[1]) - p.gamma)]


def bradley_terry(a, c, b, d, p):
    return [ell(a - c - p.gamma), p.lam * (a + c) ** 2]


def simper(a, c, b, d, p):
    return [-exp(a / p.lengths[0]), exp(c / p.lengths[1])]


_OF_PAIRS = (
    nca_pair, bco_pair, sppo_hard, apo_zero, apo_down, sft, simpo, cpo, tpo_l, orpo, slic, dpop, alphapo, bradley_terry,
    simper,
)  # fmt: skip
_BY_NAME = {function.__name__: function for function in _OF_PAIRS}
# In this order the conformance cases draw their pairs.
PAIRED = {**{name: of_margin(name) for name in OF_MARGIN if name not in _BY_NAME}, **_BY_NAME}


CHANGE = mpmath.mpf(10) ** -25


class Parameters:
    """Parameters as exact numbers; `lengths` and `score` as they are.

    `changed` is None, or the side whose score changes relatively by `CHANGE`, and whether its slope does instead.
    """

    def __init__(self, *, lengths=(1, 1), score="reverse_kl", **values):
        self.lengths, self.score, self.changed = [mpmath.mpf(float(n)) for n in lengths], score, None
        for name, value in {"alpha": 0.5, "epsilon": 0.0, **values}.items():
            setattr(self, name, mpmath.mpf(float(value)))

    def mapped(self, score, side):
        """Return the score of a side, changed or not."""
        if self.changed == (side, "score"):
            return Jet(score.value * (1 + CHANGE), score.first, score.second)
        if self.changed == (side, "slope"):
            return Jet(score.value, score.first * (1 + CHANGE), score.second * (1 + CHANGE))
        return score


def _summed(terms, arguments, which=0, order=0):
    """Return (sum, sum of magnitudes) of the terms at `arguments`, or of derivatives by argument `which`."""
    with mpmath.workdps(DIGITS):
        point = [Jet(float(x), int(i == which)) for i, x in enumerate(arguments)]
        values = [(term.value, term.first, term.second)[order] for term in map(jet, terms(*point))]
        return mpmath.fsum(values), mpmath.fsum(abs(v) for v in values)


def loss(name, arguments, which=None, **parameters):
    """Return a paired loss at (chosen, rejected, reference chosen, reference rejected), or a derivative, and magnitude.

    With `which` 0 or 1: the derivative by the log-probability of the chosen or of the rejected answer.
    """
    p = Parameters(**parameters)

    def summed():
        return _summed(lambda *x: PAIRED[name](*x, p), arguments, which or 0, int(which is not None))

    value, magnitude = summed()
    if p.score != "reverse_kl" or name == "alphapo":
        for p.changed in itertools.product((0, 1), ("score", "slope")):
            magnitude += abs(summed()[0] - value) / CHANGE
    return value, magnitude


def margin(name, x, order=0, **parameters):
    """Return the loss of a margin, or its derivative of `order`, and the sum of the magnitudes of its terms."""
    p = Parameters(**parameters)
    return _summed(lambda m: OF_MARGIN[name](m, p), [x], order=order)


def unpaired(policy, ref, desirable, *, beta, kl, weights, which=None):
    """Return the KTO loss of one answer (kl 0: APO-zero), or its derivative by the log-probability, and magnitude."""
    sign = 1 if desirable else -1
    weight, beta, kl = (mpmath.mpf(float(x)) for x in (weights[0 if desirable else 1], beta, kl))

    def terms(a, b):
        return [weight * (1 - sigmoid(sign * (beta * (a - b) - max(mpmath.mpf(0), kl))))]

    return _summed(terms, [policy, ref], which or 0, int(which is not None))


# ---- what only moves values ----


def sorted_differences(x, y):
    """Return the ascending differences and their stable order."""
    order = np.argsort(x - y, kind="stable")
    return (x - y)[order], order


def scattered(values, order):
    """Return the array whose elements at `order` are `values`."""
    out = np.empty_like(values)
    out[order] = values
    return out
