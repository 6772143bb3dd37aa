"""Gains of tilted policies from samples, by their definitions in many digits."""

import mpmath

BITS = 200  # behind the point of the integers below, which are exact but for the exponentials' last bit


def fixed(value):
    above, below = float(value).as_integer_ratio()
    return (above << BITS) // below


def sums(x, weight, centre, tilt):
    """Return Σ e d^j, Σ e w d^j, Σ e² d^j for j = 0, 1, 2, and the same of |terms|.

    In integers, which are three times as fast as mpmath's numbers, with exponentials relative to that of the largest x.
    """
    top = max((a for a, w in zip(x, weight, strict=True) if w > 0), default=0.0)
    totals, sizes = [0] * 9, [0] * 9
    with mpmath.workdps(70):
        factor, largest = mpmath.mpf(tilt), mpmath.mpf(top)
        for a, w in zip(x, weight, strict=True):
            exact, d = fixed(w), fixed(a) - fixed(centre)
            power = int(mpmath.ldexp(mpmath.exp(factor * (mpmath.mpf(a) - largest)), BITS)) if w > 0 else 0
            e = exact * power
            for i, f in enumerate((e, e * exact, e * e)):
                product = f * d
                totals[3 * i] += f
                totals[3 * i + 1] += product
                totals[3 * i + 2] += product * d
                sizes[3 * i + 1] += abs(product)
        found, size = [], []
        for i, (factors, times) in enumerate(((2, 1), (3, 1), (4, 2))):
            for j in range(3):
                scale = mpmath.ldexp(mpmath.exp(times * factor * largest), -BITS * (factors + j))
                k = 3 * i + j
                found.append(float(totals[k] * scale))
                # Weights are not negative: only the terms with d itself may be.
                size.append(float(sizes[k] * scale) if j == 1 else found[-1])
        return found, size


def gain_at_beta(x, weight, beta):
    """Return (gain, D(π‖p), D(p‖π)) of the tilted policy over samples, each by its own definition."""
    with mpmath.workdps(40):
        total = mpmath.fsum(weight)
        p = [mpmath.mpf(w) / total for w in weight]
        e = [q * mpmath.exp(mpmath.mpf(a) / mpmath.mpf(beta)) for q, a in zip(p, x, strict=True)]
        pi = [a / mpmath.fsum(e) for a in e]
        gain = mpmath.fsum((a - q) * r for a, q, r in zip(pi, p, x, strict=True))
        forward = mpmath.fsum(a * mpmath.log(a / q) for a, q in zip(pi, p, strict=True) if q > 0)
        return gain, forward, mpmath.fsum(q * mpmath.log(q / a) for a, q in zip(pi, p, strict=True) if q > 0)


def covariance_form(x, beta):
    """Return Cov(r, e^{r/beta}) / E e^{r/beta}."""
    with mpmath.workdps(40):
        e = [mpmath.exp(mpmath.mpf(a) / mpmath.mpf(beta)) for a in x]
        n = len(x)
        joint = mpmath.fsum(a * b for a, b in zip(x, e, strict=True)) / n
        return (joint - mpmath.fsum(x) / n * mpmath.fsum(e) / n) / (mpmath.fsum(e) / n)


def gain_at_kl(x, kl):
    """Return the gain at a divergence, its tilt by halving an interval."""
    with mpmath.workdps(40):
        low, high = mpmath.mpf(0), mpmath.mpf(10) ** 6
        for _ in range(160):
            middle = (low + high) / 2
            low, high = (middle, high) if gain_at_beta(x, [1] * len(x), 1 / middle)[1] < kl else (low, middle)
        return gain_at_beta(x, [1] * len(x), 1 / low)[0]


def gold_gain(x, gold, tilt):
    with mpmath.workdps(40):
        e = [mpmath.exp(mpmath.mpf(a) * tilt) for a in x]
        tilted = mpmath.fsum(a * g for a, g in zip(e, gold, strict=True)) / mpmath.fsum(e)
        return tilted - mpmath.fsum(gold) / len(gold)


def infinitesimal_jackknife(estimate, size, step=1e-5):
    """Return the standard error of ``estimate(weights)``: how it moves as each sample's weight does, by differences."""
    moves = []
    for i in range(size):
        up, down = [1.0] * size, [1.0] * size
        up[i], down[i] = 1.0 + step, 1.0 - step
        moves.append((estimate(up) - estimate(down)) / (2 * step))
    return sum(m * m for m in moves) ** 0.5


def tilted_gain(x, weight, tilt):
    """Return (gain, D(π‖p)) at a tilt, in many digits."""
    total = mpmath.fsum(weight)
    e = [w * mpmath.exp(a * tilt) for a, w in zip(x, weight, strict=True)]
    partition = mpmath.fsum(e)
    mean = mpmath.fsum(a * b for a, b in zip(x, e, strict=True)) / partition
    plain = mpmath.fsum(a * w for a, w in zip(x, weight, strict=True)) / total
    return mean - plain, tilt * mean - mpmath.log(partition / total)


def gain_of_weights(x, weight, *, beta=None, kl=None):
    """Return the gain of weighted samples at either budget, the tilt of a divergence by bisection."""
    if beta is not None:
        return tilted_gain(x, weight, 1 / mpmath.mpf(beta))[0]
    low, high = mpmath.mpf(0), mpmath.mpf(64)
    while high - low > mpmath.mpf(10) ** -25:
        middle = (low + high) / 2
        low, high = (middle, high) if tilted_gain(x, weight, middle)[1] < kl else (low, middle)
    return tilted_gain(x, weight, low)[0]


def abc_constants(x, weight, **budget):
    """Return (a, z0, c) of DiCiccio and Efron (1992) of the gain, all derivatives by differences."""
    with mpmath.workdps(40):
        total = mpmath.fsum(weight)
        x, share = [mpmath.mpf(a) for a in x], [mpmath.mpf(w) / total for w in weight]
        step = mpmath.mpf(10) ** -6

        def along(change):
            """First and second derivative as the weights move along `change`, which sums to 0."""
            values = [
                gain_of_weights(x, [w + k * step * s for w, s in zip(share, change, strict=True)], **budget)
                for k in (-1, 0, 1)
            ]
            return (values[2] - values[0]) / (2 * step), (values[0] - 2 * values[1] + values[2]) / step**2

        single = [along([(i == j) - w for j, w in enumerate(share)]) for i in range(len(x))]
        influence = [first for first, _ in single]
        error = mpmath.sqrt(mpmath.fsum((w * k) ** 2 for w, k in zip(share, influence, strict=True)))
        a = mpmath.fsum((w * k) ** 3 for w, k in zip(share, influence, strict=True)) / (6 * error**3)
        change = [w * w * k / error for w, k in zip(share, influence, strict=True)]
        left = mpmath.fsum(change)
        c = along([s - left * w for s, w in zip(change, share, strict=True)])[1] / (2 * error)
        bias = mpmath.fsum(w * w * second for w, (_, second) in zip(share, single, strict=True)) / 2
        return [float(value) for value in (a, a + c - bias / error, c)]
