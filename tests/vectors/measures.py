"""Cases of divergences, entropies, cumulants and log-sum-exp at their edges."""

import itertools

import mpmath

from oracles import information
from vectors.common import Family, exactly

INFINITE = float("inf")
ORDERS = (-INFINITE, -30.0, -1.0, 0.0, 1e-9, 0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 1.5, 2.0, 30.0, 1000.0, INFINITE)
LAWS = {
    "plain": ([0.2, 0.3, 0.5], [0.5, 0.25, 0.25]),
    "equal": ([0.25, 0.25, 0.5], [0.25, 0.25, 0.5]),
    "zero in p": ([0.0, 0.4, 0.6], [0.2, 0.3, 0.5]),
    "near": ([0.5, 0.25, 0.25], [0.5 + 2.0**-30, 0.25, 0.25 - 2.0**-30]),
    "rare": ([1e-300, 1e-12, 1.0], [1e-200, 0.5, 0.5]),
    "two": ([0.75, 0.25], [0.125, 0.875]),
    "not normalised": ([3.0, 5.0, 2.0, 7.0], [1.0, 9.0, 4.0, 2.0]),
}
HALF_ZERO = {"zero in q": ([0.2, 0.3, 0.5], [0.0, 0.5, 0.5]), "disjoint": ([1.0, 0.0], [0.0, 1.0])}
REWARDS = {
    "plain": ([0.2, 0.3, 0.5], [0.0, 1.0, -2.0]),
    "constant": ([0.25, 0.25, 0.5], [3.0, 3.0, 3.0]),
    "large": ([0.25, 0.25, 0.5], [1e6, 1e6 + 1.0, 1e6 - 2.0]),
    "small": ([0.25, 0.25, 0.5], [1e-9, -1e-9, 2e-9]),
    "rare": ([1e-280, 0.5, 0.5], [1.0, 0.0, -1.0]),
}
TILTS = (0.0, 1e-8, -1.0, 0.5, 1.0, 20.0, -700.0, 900.0)


def spread_of(values):
    """Return max |r| + 1 over the letters that have mass."""
    finite = [abs(one) for one in values if not mpmath.isinf(one)]
    return 1 + max(finite, default=0)


def divergences():
    """Return the cases of Rényi's measures."""
    family = Family("renyi")
    with mpmath.workdps(60):
        for (label, (p, q)), order in itertools.product({**LAWS, **HALF_ZERO}.items(), ORDERS):
            a, b = (information.normalised(list(map(exactly, law))) for law in (p, q))
            logs = [mpmath.log(y) for x, y in zip(a, b, strict=True) if x > 0 and y > 0]
            ratios = [mpmath.log(x / y) for x, y in zip(a, b, strict=True) if x > 0 and y > 0]
            own = [mpmath.log(x) for x in a if x > 0]
            call = {"p": p, "q": q, "order": order}
            # r = log q or log(p / q) at ρ = order - 1: infinite where p > 0 = q.
            if label in LAWS:
                value = information.renyi_cross_entropy(p, q, order)
                family.add("renyi_cross_entropy", call, {"value": (value, 4e-15 * spread_of(logs))}, label=label)
                value = information.renyi_divergence(p, q, order)
                family.add("renyi_divergence", call, {"value": (value, 4e-15 * spread_of(ratios))}, label=label)
                alone = {"p": p, "order": order}
                value = information.renyi_entropy(p, order)
                family.add("renyi_entropy", alone, {"value": (value, 4e-15 * spread_of(own))}, label=label)
            elif order >= 1.0 or label == "disjoint":
                value = mpmath.inf if order > 0 else None
                if value is not None:
                    family.add("renyi_divergence", call, {"value": (value, 0)}, label=label)
            elif 0 < order < 1:
                mass = mpmath.fsum(x**order * y ** (1 - exactly(order)) for x, y in zip(a, b, strict=True) if x and y)
                value = mpmath.log(mass) / (exactly(order) - 1)
                family.add("renyi_divergence", call, {"value": (value, 1e-13 * (1 + value))}, label=label)
        for label, (p, q) in LAWS.items():
            a, b = (information.normalised(list(map(exactly, law))) for law in (p, q))
            divergence = information.divergence(a, b)
            size = mpmath.fsum(x * abs(mpmath.log(x / y)) for x, y in zip(a, b, strict=True) if x)
            family.add("kl_divergence", {"p": p, "q": q}, {"value": (divergence, 4e-15 * (1 + size))}, label=label)
            entropy = -mpmath.fsum(x * mpmath.log(x) for x in a if x)
            family.add("entropy", {"p": p}, {"value": (entropy, 4e-15 * (1 + entropy))}, label=label)
            cross = -mpmath.fsum(x * mpmath.log(y) for x, y in zip(a, b, strict=True) if x)
            family.add("cross_entropy", {"p": p, "q": q}, {"value": (cross, 4e-15 * (1 + cross))}, label=label)
        for label, (p, q) in HALF_ZERO.items():
            family.add("kl_divergence", {"p": p, "q": q}, {"value": (mpmath.inf, 0)}, label=label)
            family.add("cross_entropy", {"p": p, "q": q}, {"value": (mpmath.inf, 0)}, label=label)
        for number in (1, 2, 10, 1000):
            p = [1.0] * number
            family.add(
                "entropy", {"p": p}, {"value": (mpmath.log(number), 4e-15 * (1 + mpmath.log(number)))}, label="uniform"
            )
    return family


def generating_functions():
    """Return the cases of log-moment-generating functions and cumulants."""
    family = Family("cumulants")
    for (label, (p, reward)), t in itertools.product(REWARDS.items(), TILTS):
        call = {"p": p, "reward": reward, "t": t}
        size = max(map(abs, reward)) * abs(t)
        value = information.log_mgf(p, reward, t)
        family.add("log_mgf", call, {"value": (value, 4e-15 * (1 + size) if t else 1e-300)}, label=label)
        with mpmath.workdps(50):
            kappa = information.cumulants(p, reward, t, 4)
            law = information.tilted(p, reward, t)
            mean = kappa[0]
            powers = [
                mpmath.fsum(w * abs(exactly(r) - mean) ** k for w, r in zip(law, reward, strict=True))
                for k in (2, 3, 4)
            ]
        # The mean rounds relative to the largest reward, the others relative to absolute central moments.
        largest = mpmath.mpf(max(map(abs, reward)))
        slack = 1 + size + largest / max(mpmath.mpf(max(reward) - min(reward)), mpmath.mpf(10) ** -300) * 0
        allowed = [1e-13 * largest, *(1e-12 * slack * power for power in powers)]
        allowed[3] += 3e-12 * slack * powers[0] ** 2
        expected = {"cumulants": list(zip(kappa, allowed, strict=True))}
        if label not in ("large",):
            family.add("cumulants", {**call, "order": 4}, expected, label=label)
    return family


SUMS = {
    "plain": [0.5, -1.0, 2.0],
    "one": [-3.25],
    "far up": [1000.0, 999.0, 998.5],
    "far down": [-1000.0, -1001.0, -5000.0],
    "spread": [0.0, -745.0, 700.0],
    "with -inf": [-INFINITE, 0.25, -2.0],
    "all -inf": [-INFINITE, -INFINITE],
    "with inf": [INFINITE, 0.0],
    "tiny": [1e-300, -1e-300],
    "cancels to 0": [-0.6931471805599453, -0.6931471805599453],
}


def sums():
    """Return the cases of log-softmax: the log-probabilities of a row of logits, and their log-sum."""
    family = Family("log_sum_exp")
    for label, x in SUMS.items():
        value, _ = information.log_sum_exp([exactly(one) for one in x])
        largest = max((abs(one) for one in x if abs(one) < INFINITE), default=0.0)
        allowed = 0 if mpmath.isinf(value) else 1e-14 * (abs(value) + largest) + 4e-16
        family.add("log_sum_exp", {"x": x}, {"value": (value, allowed)}, label=label)
    return family


FAMILIES = (divergences, generating_functions, sums)
