"""What the functions of `MemorylessModel` return, and the methods behind them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Law(NamedTuple):
    """The law of the sum of m rewards.

    Parameters
    ----------
    support : array (S,)
        Sums of rewards, ascending, equal ones merged.
    log_pmf : array (S,)
        Logarithms of their probabilities.
    method : str
        How it was computed: ``"types"``, ``"fft"`` or ``"saddlepoint"``.
    error_bound : float
        Largest relative error of a probability: a bound for types; for transforms of rewards on a lattice eight times
        the largest error seen where there should be nothing, inf where a sum drowns in it; else an estimate.

    """

    support: NDArray[np.float64]
    log_pmf: NDArray[np.float64]
    method: str
    error_bound: float


class BestOfNErrors(NamedTuple):
    """Absolute errors of the figures of a `BestOfNLaw`.

    Parameters
    ----------
    expected_reward, reward_variance, kl_to_reference, kl_to_aligned : float
        Of the figure of that name; 0 for a `kl_to_aligned` that is infinite.
    token_marginal : float
        Of any entry.
    kind : str
        ``"bound"``: errors are not larger. ``"estimate"``: they are not proved.

    """

    expected_reward: float
    reward_variance: float
    kl_to_reference: float
    kl_to_aligned: float
    token_marginal: float
    kind: str


class BestOfNLaw(NamedTuple):
    """Best-of-n over sequences of m letters; sums over the sequence, not per token. Figures are as good as `errors`.

    Parameters
    ----------
    expected_reward, reward_variance : float
        Mean and variance of the sum of rewards.
    kl_to_reference : float
        D(best-of-n ‖ p^m) in nats.
    kl_to_aligned : float
        D(best-of-n ‖ φ^m), φ the tilted policy with m D(φ ‖ p) = log n; inf where `alpha` is.
    token_marginal : array (V,)
        Law of a token at any position.
    m : int
        Letters of a sequence.
    log_n : float
        Logarithm of the number of draws.
    alpha : float
        Tilt of φ; inf from log n = m delta_max on, where φ is p conditioned on the letters of largest reward.
    method : str
        How it was computed: ``"types"``, ``"fft"`` or ``"saddlepoint"``.
    error_bound : float
        ``errors.expected_reward``.
    errors : BestOfNErrors
        Absolute errors of the figures, and whether they are bounds or estimates.

    """

    expected_reward: float
    reward_variance: float
    kl_to_reference: float
    kl_to_aligned: float
    token_marginal: NDArray[np.float64]
    m: int
    log_n: float
    alpha: float
    method: str
    error_bound: float
    errors: BestOfNErrors


class TailEstimate(NamedTuple):
    """A Monte Carlo estimate of the probability that a sum of rewards reaches a level.

    Parameters
    ----------
    log_probability : float
        Logarithm of the unbiased estimate; -inf where no draw reached the level.
    relative_error : float
        Standard error of the estimate divided by the estimate.
    tilt : float
        Tilt of the letters that were drawn.
    draws : int
        Sequences drawn.

    """

    log_probability: float
    relative_error: float
    tilt: float
    draws: int
