r"""pass@k from few samples: the distribution of difficulty over problems, and what it says of any k.

The unbiased estimate of pass@k needs k samples of every problem. A model of how hard problems are needs fewer: with
chances of success from Beta(α, β), and a share z of problems that are never solved,

.. math:: \text{pass@}k = (1 - z)\Big(1 - \frac{B(\alpha, \beta + k)}{B(\alpha, \beta)}\Big), \qquad
          1 - z - \text{pass@}k \sim (1 - z) \frac{\Gamma(\alpha+\beta)}{\Gamma(\beta)}\, k^{-\alpha} :

the exponent of the power law in k is α, the weight of the hardest problems. Given c of m right samples, a problem's own
chance is Beta(α + c, β + m - c), or zero with the chance s of `_difficulty` where c = 0.

Intervals of the curve are those of the likelihood ratio: all values that pass@k takes at parameters whose
log-likelihood is less than the largest one by at most half the quantile of χ² with one degree of freedom. The ends are
found along the curve on which the likelihood is largest for a given pass@k, by Newton's method with a multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from alignment_fast._border.arrays import as_array
from alignment_fast._border.kinds import in_callers_kind, in_kind_of_its_arrays
from alignment_fast._border.pieces import in_pieces
from alignment_fast._border.scalars import as_level
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast._scipy import special
from alignment_fast.best_of_n import _difficulty
from alignment_fast.best_of_n.pool import counts
from alignment_fast.best_of_n.repeated import draws_of
from alignment_fast.errors import ConvergenceError

__all__ = ["PassAtKFit", "PassAtKInterval", "fit_pass_at_k"]

# Nanoseconds of a problem's quantiles and of one of its numbers of draws, which decide where Ctrl-C can come.
PROBLEM_COST, DRAWS_COST = 3000.0, 200.0
# Fits that the counts speak against at this level say nothing beyond the samples there are.
REJECTED = 0.01
# Shares of problems never solved at which ends of an interval are looked for where the direct way does not get there.
SHARES = (1e-5, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)


class PassAtKInterval(NamedTuple):
    """pass@k and the ends of its interval.

    Parameters
    ----------
    mean, lower, upper : float or array
        The estimate and both ends.

    """

    mean: Any
    lower: Any
    upper: Any


@dataclass(frozen=True, eq=False)
class PassAtKFit:
    """A fitted distribution of the chances with which problems are solved.

    Parameters
    ----------
    alpha, beta : float
        Of the beta distribution. `alpha` is the exponent of the power law by which pass@k comes near 1 − `zero`.
    zero : float
        Share of problems that are never solved; 0 for ``model="beta-binomial"``, and where no such share is seen.
    model : str
        What was fitted.
    log_likelihood : float
        Of the counts, binomial coefficients left out.
    covariance : array (2, 2) or (3, 3)
        Of log α, log β and, where `zero` is positive, of its logit.
    p_value : float
        Of Pearson's test that counts are those of the model; NaN where there are too few to tell.

    """

    alpha: float
    beta: float
    zero: float
    model: str
    log_likelihood: float
    covariance: Any
    p_value: float
    _cells: np.ndarray

    @property
    def exponent_error(self) -> float:
        """Standard error of the exponent `alpha`."""
        return self.alpha * float(np.sqrt(as_array(self.covariance, "covariance")[0, 0]))

    @property
    def is_rejected(self) -> bool:
        """Whether the counts speak against the model at the level 0.01: bounds are then those without a model."""
        return self.p_value < REJECTED

    @in_kind_of_its_arrays
    def pass_at_k(self, k: Any, *, level: float = 0.95) -> PassAtKInterval:
        r"""Return pass@k of the population of problems, with an interval: for any k, also beyond the samples there are.

        Parameters
        ----------
        k : int or array of int (T,)
            Samples of each problem.
        level : float
            Level of the interval.

        Returns
        -------
        PassAtKInterval
            Of shape (T,), in the kind of the array `k`, else of the counts that were fitted, or numbers. Ends are those
            of the likelihood ratio. Where the counts speak against the model (`is_rejected`), they are those of the
            unbiased estimate up to the fewest samples that a problem has; beyond these, pass@k is only known to be no
            less, and `upper` is 1.

        Raises
        ------
        ValueError
            For k below 1 or a level outside (0, 1).

        """
        ks, level = draws_of(k), as_level(level)
        found = np.empty((ks.size, 3))
        operations("best_of_n").difficulty_intervals(
            self._parameters,
            self.covariance,
            self._cells,
            self.log_likelihood,
            _reach(level),
            ks.astype(np.float64).reshape(-1),
            found,
        )
        if self.is_rejected or self.model == "zero-inflated" or np.isnan(found).any():
            for draws, row in zip(ks.reshape(-1).tolist(), found, strict=True):
                row[1:] = self._ends(draws, level, row)
        return PassAtKInterval(*found.T) if ks.ndim else PassAtKInterval(*found[0].tolist())

    @in_kind_of_its_arrays
    def posterior(self, num_samples: Any, num_correct: Any, k: Any, *, level: float = 0.95) -> PassAtKInterval:
        """Return pass@k of single problems given their counts, with credible intervals.

        Parameters
        ----------
        num_samples, num_correct : int or array of int (...,)
            Samples and correct samples of each problem; they broadcast.
        k : int or array of int (T,)
            Further samples.
        level : float
            Level of the intervals, equal tails. They take the fitted distribution as known.

        Returns
        -------
        PassAtKInterval
            Arrays (..., [T]), in the kind of the counts here, else of those that were fitted.

        Raises
        ------
        ValueError, TypeError
            As `pass_at_k`, which may have k beyond the samples here.

        """
        total, correct, ks = counts(num_samples, num_correct, k)
        level = as_level(level)
        m, c = total.reshape(-1, 1) * 1.0, correct.reshape(-1, 1) * 1.0
        found = np.empty((3, m.size, ks.size))

        def run(first, last):
            self._of_problems(m[first:last], c[first:last], ks * 1.0, level, found[:, first:last])

        in_pieces(run, m.size, m.size * (PROBLEM_COST + DRAWS_COST * ks.size))
        shape = total.shape + ks.shape if np.ndim(k) else total.shape
        return PassAtKInterval(*(field.reshape(shape)[()] for field in found))

    def _of_problems(self, m, c, ks, level, found):
        """Write mean, lower and upper end (3, n, T) of problems of m samples (n, 1), c of them correct, at ks (T,)."""
        a, b = self.alpha + c, self.beta + m - c
        never = 0.0
        if self.zero > 0:
            none = np.exp(_difficulty.log_beta_factor(self.alpha, self.beta, m, 0.0))
            never = np.where(c == 0, self.zero / (self.zero + (1 - self.zero) * none), 0.0)
        found[0] = 1 - (never + (1 - never) * np.exp(_difficulty.log_beta_factor(a, b, ks, 0.0)))
        for end, tail in zip(found[1:], ((1 - level) / 2, (1 + level) / 2), strict=True):
            share = tail
            if self.zero > 0:
                share = np.minimum(np.maximum((tail - never) / np.maximum(1 - never, 1e-300), 0.0), 1.0)
            end[:] = -np.expm1(ks * np.log1p(-special.betaincinv(a, b, share)))

    def _ends(self, k, level, found):
        """Return the ends at one k, where these are not those of `found`: (mean, lower, upper) of Newton's method."""
        fewest = int(self._cells[0].min())
        if self.is_rejected:
            lower, upper = self._without_model(min(k, fewest), level)
            return lower, upper if k <= fewest else 1.0
        ends = zip((1.0, -1.0), found[1:].tolist(), strict=True)
        return [-np.expm1(self._end(k, level, sign, None if np.isnan(end) else np.log1p(-end))) for sign, end in ends]

    @cached_property
    def _parameters(self):
        logit = [np.log(self.zero / (1 - self.zero))] if self.zero > 0 else []
        return np.array([np.log(self.alpha), np.log(self.beta), *logit])

    def _end(self, k, level, sign, found):
        """Return the largest or least log-chance of k failures that is allowed; `found` by Newton's method."""
        reach = _reach(level)
        if self.model == "zero-inflated" and (found is None or self.zero == 0):
            found = self._over_shares(self.log_likelihood - reach / 2, k, sign, found)
        if found is None:  # a straight line in log(-log)
            missed, up, _ = _difficulty.log_missed(self._parameters, k)
            deviation = np.sqrt(max(up @ self.covariance @ up, 1e-300))
            return missed * float(np.exp(sign * np.sqrt(reach) * deviation / missed))
        return found

    def _over_shares(self, least, k, sign, found):
        """Return the end over fixed shares of problems that are never solved, none and those of `SHARES`, or None."""
        ends = [] if found is None else [found]
        for share in (None, *SHARES):
            logit = None if share is None else np.log(share / (1 - share))
            best = _difficulty.maximise(self._parameters[:2], self._cells, logit)
            if best is None or best.log_likelihood < least:
                continue
            _, up, _ = _difficulty.log_missed(best.parameters, k, logit)
            along = best.covariance @ up
            left = 2 * (best.log_likelihood - least)
            start = best.parameters + sign * along * np.sqrt(left / max(up @ along, 1e-300))
            end = _difficulty.extreme(start, least, k, sign, self._cells, logit)
            if end is not None:
                ends.append(end)
        return sign * max(sign * end for end in ends) if ends else None

    def _without_model(self, k, level):
        """Return the interval of the unbiased estimate of pass@k over all problems."""
        m, c, number = self._cells
        i = np.arange(k)
        solved = 1 - np.prod(np.maximum(m[:, None] - c[:, None] - i, 0) / (m[:, None] - i), axis=1)
        problems = number.sum()
        mean = number @ solved / problems
        error = np.sqrt(number @ (solved - mean) ** 2 / max(problems - 1, 1) / problems)
        reach = special.ndtri((1 + level) / 2) * error
        return max(mean - reach, 0.0), min(mean + reach, 1.0)


@lru_cache(maxsize=64)
def _reach(level):
    """Return how far twice the log-likelihood may be below its largest value: a quantile of χ² with one degree."""
    return 2 * float(special.gammaincinv(0.5, level))


def fit_pass_at_k(
    num_samples: Any,
    num_correct: Any,
    *,
    model: Literal["beta-binomial", "zero-inflated"] = "beta-binomial",
) -> PassAtKFit:
    r"""Fit the distribution of difficulty over problems to counts of right samples, by maximum likelihood.

    .. math:: p \sim \mathrm{Beta}(\alpha, \beta), \quad\text{or } 0 \text{ with chance } z; \qquad c \mid p \sim
              \mathrm{Binomial}(m, p)

    Parameters
    ----------
    num_samples, num_correct : int or array of int (...,)
        Samples and correct samples of each problem; they broadcast. A few samples of many problems are enough.
    model : {"beta-binomial", "zero-inflated"}
        Without or with a share of problems that are never solved.

    Returns
    -------
    PassAtKFit

    Raises
    ------
    ValueError
        If a count is out of range, no problem has two samples, all samples are right, or all are wrong.
    TypeError
        If a count is not an integer.
    ConvergenceError
        If the likelihood has no maximum at finite parameters: counts spread no more than those of equally hard problems
        (use `pass_at_k` of the pooled share), or every problem is solved always or never.

    Notes
    -----
    Problems are assumed to be independent draws from the population that is asked about. Cost: 0.25 ms for problems of
    20 samples each, and 11 ns to count each problem; an interval takes a twentieth of the fit.

    References
    ----------
    Kazdan et al., "Efficient prediction of pass@k", arXiv:2510.05197 (beta-binomial); Schaeffer et al., "How do large
    language monkeys get their power (laws)?", arXiv:2502.17578 (the exponent).

    Examples
    --------
    >>> import alignment_fast as af
    >>> correct = [0, 0, 0, 1, 0, 2, 4, 0, 1, 3, 0, 0, 8, 1, 0, 5, 7, 0, 0, 2]
    >>> fit = af.best_of_n.fit_pass_at_k(8, correct)
    >>> round(fit.alpha, 3), round(fit.beta, 3)
    (0.249, 0.882)
    >>> [round(x, 2) for x in fit.pass_at_k(100)]
    [0.73, 0.45, 0.92]
    >>> [round(float(x), 2) for x in fit.posterior(8, 0, 100)]
    [0.47, 0.0, 1.0]

    """
    given = in_callers_kind(fit_pass_at_k, {"num_samples": num_samples, "num_correct": num_correct}, model=model)
    if given is not None:
        return cast(PassAtKFit, given)
    as_word(model, "model", ("beta-binomial", "zero-inflated"))
    total, correct, _ = counts(num_samples, num_correct, 1)
    total, correct = total.reshape(-1), correct.reshape(-1)
    refuse(total < 1, total, "num_samples", "is below 1")
    if total.size == 0 or total.max() < 2:
        raise ValueError("num_samples: no problem has two samples, and one each say nothing of how problems differ")
    if not correct.any() or (correct == total).all():
        raise ValueError(
            f"num_correct: all samples are {'wrong' if not correct.any() else 'right'}; pass@k stays there"
        )
    data = _difficulty.cells(total, correct)
    best = _difficulty.maximise(_difficulty.moments(data), data)
    zero = 0.0
    if model == "zero-inflated":
        inflated = _inflated(data, best)
        if inflated is not None:
            best, zero = inflated, float(1 / (1 + np.exp(-inflated.parameters[2])))
    if best is None:
        raise ConvergenceError(_why_not(data))
    alpha, beta = np.exp(best.parameters[:2]).tolist()
    p_value = _difficulty.fits(data, best.parameters)
    return PassAtKFit(alpha, beta, zero, model, best.log_likelihood, best.covariance, p_value, data)


def _inflated(data, plain):
    """Return the maximum with a share of problems that are never solved, or None where none is better.

    The slope of the likelihood by that share, at none, is the sum of 1/P(c = 0) over problems without a right sample
    less the number of problems.
    """
    m, c, number = data
    none = c == 0
    starts = [_difficulty.moments((m[~none], c[~none], number[~none]))]
    if plain is not None:
        alone = np.exp(-_difficulty.log_beta_factor(*np.exp(plain.parameters), m[none], 0.0))
        if number[none] @ alone <= number.sum():
            return None
        starts.insert(0, plain.parameters)
    share = 0.5 * number[none].sum() / number.sum() + 1e-3
    for start in starts:
        found = _difficulty.maximise([*start, np.log(share / (1 - share))], data)
        if found is not None and (plain is None or found.log_likelihood > plain.log_likelihood):
            return found
    return None


def _why_not(data):
    m, c, _ = data
    if np.all((c == 0) | (c == m)):
        return "every problem is solved always or never: the likelihood grows as alpha and beta fall to 0"
    return "counts spread no more than those of equally hard problems: the likelihood grows with alpha and beta"
