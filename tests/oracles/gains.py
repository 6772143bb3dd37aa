"""Gains of tilted policies from samples, by their definitions in many digits."""

import mpmath


def sums(x, weight, centre, tilt):
    """Return Σ e d^j, Σ e w d^j, Σ e² d^j for j = 0, 1, 2, and the same of |terms|."""
    with mpmath.workdps(40):
        rows = []
        for a, w in zip(x, weight, strict=True):
            e, d = mpmath.mpf(w) * mpmath.exp(mpmath.mpf(tilt) * mpmath.mpf(a)), mpmath.mpf(a) - mpmath.mpf(centre)
            rows.append([f * d**j for f in (e, e * w, e * e) for j in range(3)])
        columns = list(zip(*rows, strict=True))
        return [float(mpmath.fsum(c)) for c in columns], [float(mpmath.fsum(map(abs, c))) for c in columns]
