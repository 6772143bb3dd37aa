r"""Where selection by a proxy stops to help the gold reward: the parameter at which the gold reward peaks.

With u the quantile of the proxy in the reference, selection gives samples the density

.. math:: J_n(u) = n u^{n-1} \ (\text{best-of-n}), \quad J_\mu(u) = (1 + \mu u)\, e^{-\mu(1-u)} \ (\text{best of } 1 +
          \text{Poisson}(\mu)), \quad J_t = e^{t x} / E e^{t x} \ (\text{soft}),

and :math:`G(\theta) = E[J_\theta\, g]` is the gold reward. It peaks where :math:`G'(\theta) = E[K g] = 0`, K = ∂J/∂θ.
In a pool of M samples the integral of J over the cell of each rank replaces its value, and tied proxies share their
cells.

Errors. A sample moves G' by its influence: for densities of u :math:`\psi_i = g_i K(u_i) + \frac1M \sum_{j: x_j \ge
x_i} g_j \partial_u K(u_j)`, less its mean, because ranks depend on all samples; for the soft family
:math:`(e_i/Z)((x_i - \bar x)(g_i - \bar g) - c)` with the means and the covariance c under the tilted policy. The root
moves by :math:`-\psi_i / G''`. With several prompts G' is their mean, and its error that of the spread of prompts.

Reference: Khalaf et al., "Inference-time reward hacking in large language models", arXiv:2506.19248 (HedgeTune).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast._statistics.means import mean_of_rows

__all__ = ["Hedge", "hedge"]

# Parameters looked at before the best of them is refined, and steps that may refine it.
GRID, STEPS = 120, 200


@dataclass(frozen=True)
class Hedge:
    """The parameter of a selection at which gold reward peaks.

    Parameters
    ----------
    parameter : float
        n, μ or t. At 1, or 0, every selection by the proxy does harm; inf where gold still grows at the last parameter
        that the pool knows of.
    gold : float
        Gold reward there, of which `gold_standard_error` is the error.
    standard_error : float
        Of `parameter`; NaN at an end of its range.
    gold_standard_error : float
        Of `gold` at a given parameter, which to first order is that at the estimated one.

    """

    parameter: float
    gold: float
    standard_error: float
    gold_standard_error: float


def hedge(proxy: Any, gold: Any, *, family: Literal["best_of_n", "soft", "poisson"] = "best_of_n") -> Hedge:
    r"""Return the strength of selection by a proxy at which the gold reward is largest, with its standard error.

    Parameters
    ----------
    proxy, gold : array (M,) or (P, M)
        Proxy and gold rewards of independent samples of the reference: one pool, or P prompts whose mean counts.
    family : {"best_of_n", "soft", "poisson"}
        Best-of-n, n real and at least 1; policies ∝ p·exp(t·proxy), the limit of soft best-of-n of temperature 1/t for
        many draws; or best of 1 + Poisson(μ) draws.

    Returns
    -------
    Hedge
        Looked for among n and μ up to M, and t up to where the tilted policy rests on about ten samples.

    Raises
    ------
    ValueError
        If a reward is not finite, shapes differ, there are fewer than two samples, or the family is another word.

    Notes
    -----
    Cost: about 150 passes over the samples.

    References
    ----------
    Khalaf et al., arXiv:2506.19248.

    Examples
    --------
    >>> import numpy as np, alignment_fast as af
    >>> rng = np.random.default_rng(0)
    >>> proxy = rng.normal(size=20_000)
    >>> gold = proxy - 0.3 * proxy**2 + rng.normal(size=20_000)  # peaks where the tilted mean 1.667 is
    >>> found = af.best_of_n.hedge(proxy, gold, family="soft")
    >>> round(found.parameter, 2), round(found.standard_error, 2)
    (1.67, 0.11)

    """
    as_word(family, "family", _FAMILIES)
    x, g = as_floating(proxy, "proxy").astype(np.float64), as_floating(gold, "gold").astype(np.float64)
    if x.shape != g.shape or x.ndim not in (1, 2) or x.size == 0 or x.shape[-1] < 2:
        raise ValueError(f"proxy of shape {x.shape} and gold of shape {g.shape} are no pools of two samples or more")
    for name, array in (("proxy", x), ("gold", g)):
        refuse(~np.isfinite(array), array, name, "is not finite")
    law = _FAMILIES[family](np.atleast_2d(x), np.atleast_2d(g))
    grid = law.grid()
    values = np.array([mean_of_rows(law.gold(theta)) for theta in grid])
    best = int(np.argmax(values))
    reached = values >= values[best] - 1e-9 * np.ptp(values)
    if reached[0] or reached[-1]:
        at = grid[0 if reached[0] else -1]
        gold_reward, gold_error = _gold_at(law, at)
        return Hedge(float(at) if at == grid[0] else np.inf, gold_reward, np.nan, gold_error)
    theta = _peak(lambda t: float(mean_of_rows(law.slope(t))), float(grid[best - 1]), float(grid[best + 1]))
    step = 1e-4 * max(theta, 1e-3)
    bend = (mean_of_rows(law.slope(theta + step)) - mean_of_rows(law.slope(theta - step))) / (2 * step)
    error = _error(law.slope(theta), law.slope_influence(theta)) / abs(bend)
    gold_reward, gold_error = _gold_at(law, theta)
    return Hedge(float(theta), gold_reward, float(error), gold_error)


def _peak(slope, low, high):
    """Return where a slope falls through zero between two parameters, to the last digits.

    Regula falsi, where the slope at an end that stays is halved (Illinois), and every eighth step a halving, or all of
    them where an end has the other sign.
    """
    above, below, rose = slope(low), slope(high), None
    for step in range(1, STEPS):
        straight = step % 8 and above > 0 >= below
        theta = low + (high - low) * (above / (above - below) if straight else 0.5)
        if not low < theta < high:
            break
        here, before = slope(theta), rose
        rose = here > 0
        if rose:
            low, above, below = theta, here, 0.5 * below if before is True else below
        else:
            high, below, above = theta, here, 0.5 * above if before is False else above
    return min(max(theta, low), high)


def _cells(edges):
    """Return the differences of neighbours, without the microseconds that NumPy's take."""
    return edges[1:] - edges[:-1]


def _gold_at(law, theta):
    value = law.gold(theta)
    return float(value.mean()), float(_error(value, law.gold_influence(theta)))


def _error(of_prompts, influence):
    """Return the error of the mean of values of prompts: from their spread, or from influences where there is one."""
    values = of_prompts if len(of_prompts) > 1 else influence[0]
    return values.std(ddof=1) / np.sqrt(len(values))


class _Ranks:
    """Selection by the quantile of the proxy: a distribution function of it, and its slope by the parameter."""

    def __init__(self, proxy, gold):
        order = np.argsort(proxy, axis=-1, kind="stable")
        x, self.gold_in_order = np.take_along_axis(proxy, order, axis=-1), np.take_along_axis(gold, order, axis=-1)
        for row, g in zip(x, self.gold_in_order, strict=True):  # tied samples share their cells
            first = np.flatnonzero(np.append(True, np.diff(row) != 0))
            number = np.diff(np.append(first, len(row)))
            g[:] = np.repeat(np.add.reduceat(g, first) / number, number)
        self.size = proxy.shape[-1]
        self.edges = np.arange(self.size + 1) / self.size
        self.logs = np.log(np.maximum(self.edges, 1e-300))

    def gold(self, theta):
        """Return the gold reward of every prompt."""
        return self.gold_in_order @ _cells(self.below(theta))

    def slope(self, theta):
        """Return its slope by the parameter."""
        return self.gold_in_order @ _cells(self.moved(theta))

    def gold_influence(self, theta):
        return self._influence(_cells(self.below(theta)))

    def slope_influence(self, theta):
        return self._influence(_cells(self.moved(theta)))

    def _influence(self, cells):
        density = cells * self.size
        # With one sample more below, those above it have moved up in rank.
        bent = self.gold_in_order * (np.gradient(density) if self.size > 1 else 0.0)
        return self.gold_in_order * density + np.cumsum(bent[:, ::-1], axis=-1)[:, ::-1]


class _BestOfN(_Ranks):
    """u^n, and u^n log u."""

    def grid(self):
        return np.geomspace(1.0, self.size, GRID)

    def below(self, n):
        return self.edges**n

    def moved(self, n):
        return self.below(n) * self.logs  # at 0, where the power is 0, the logarithm is a finite one


class _Poisson(_Ranks):
    """u exp(-μ (1 - u)), and -(1 - u) times that."""

    def grid(self):
        return np.append(0.0, np.geomspace(1e-2, self.size, GRID))

    def below(self, mu):
        return self.edges * np.exp(-mu * (1 - self.edges))

    def moved(self, mu):
        return -(1 - self.edges) * self.below(mu)


class _Soft:
    """Policies tilted by the proxy."""

    def __init__(self, proxy, gold):
        self.x, self.g = proxy - proxy.max(axis=-1, keepdims=True), gold
        self.most = np.abs(self.x).max()

    def grid(self):
        """Return t from 0 to where the tilted policy of some prompt rests on ten samples, or two fifths of fewer."""
        if self.most == 0.0:
            return np.zeros(2)
        least = min(10.0, 0.4 * self.x.shape[-1])
        t = np.geomspace(1e-3, 1e4, 400) / self.most
        resting = bisect_left(t, True, key=lambda one: self._effective(one) < least)  # it falls as t grows
        return np.append(0.0, np.geomspace(t[0], t[max(resting - 1, 1)], GRID))

    def _effective(self, t):
        e = np.exp(t * self.x)
        return (e.sum(axis=-1) ** 2 / (e**2).sum(axis=-1)).min()

    def _tilted(self, t):
        e = np.exp(t * self.x)
        e /= e.mean(axis=-1, keepdims=True)
        mean, gold = ((e * v).mean(axis=-1, keepdims=True) for v in (self.x, self.g))
        return e, self.x - mean, self.g - gold

    def gold(self, t):
        e = np.exp(t * self.x)
        return (e * self.g).sum(axis=-1) / e.sum(axis=-1)

    def slope(self, t):
        e, x, g = self._tilted(t)
        return (e * x * g).mean(axis=-1)

    def gold_influence(self, t):
        e, _, g = self._tilted(t)
        return e * g

    def slope_influence(self, t):
        e, x, g = self._tilted(t)
        return e * (x * g - (e * x * g).mean(axis=-1, keepdims=True))


_FAMILIES: dict[str, Any] = {"best_of_n": _BestOfN, "soft": _Soft, "poisson": _Poisson}
