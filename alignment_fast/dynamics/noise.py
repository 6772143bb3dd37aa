"""What finite samples do to the dynamics: fresh pairs each round, or one estimate of P that is used throughout."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array
from alignment_fast._border.rng import NOISE, Seed, stream_key
from alignment_fast._border.scalars import as_integer, as_number
from alignment_fast.kernels.dynamics.structures import SampledPairs
from alignment_fast.random import Stream

# A round is not cut: with more pairs an interrupt would have to wait for it.
_MOST_PAIRS = 65_536
# Wins of one side only leave a slope of this size beside sums of the pairs: 2e-5 nats off where there are most of them.
_LEAST_PRIOR = 1e-6


@dataclass(frozen=True)
class FreshPairs:
    """Scores are estimated each round from new pairs, drawn from μ × μ and labelled by P.

    IPO's score is the least-squares fit, DPO's the maximum-likelihood one, to the pairs and `prior` pseudo-pairs. These
    lie like real ones and each side wins half of them: both fits are then unique, whatever was drawn.

    Parameters
    ----------
    count : int
        Pairs per round, at most 65 536; a response that meets itself teaches nothing.
    prior : float
        Pseudo-pairs per round, at least 1e-6: with fewer the scores of DPO would lose their digits.

    """

    count: int
    prior: float = 1.0

    def __post_init__(self):
        if not 1 <= as_integer(self.count, "count") <= _MOST_PAIRS:
            raise ValueError(f"count must be an integer from 1 to {_MOST_PAIRS}, not {self.count!r}")
        if not _LEAST_PRIOR <= as_number(self.prior, "prior") < np.inf:
            raise ValueError(f"prior must be finite and at least {_LEAST_PRIOR}, not {self.prior!r}")


@dataclass(frozen=True)
class FrozenEstimate:
    """P is replaced, once, by the shares of wins in samples of each pair of responses.

    Parameters
    ----------
    counts : int or array_like (K, K)
        Comparisons of every pair, or n_ij, symmetric, of pair (i, j); the diagonal is not read.
    prior : float
        Pseudo-comparisons of every pair, half of them won by each side; a pair without any comparison counts as a tie.

    """

    counts: Any
    prior: float = 0.0

    def __post_init__(self):
        counts = as_array(self.counts, "counts")
        if counts.dtype.kind not in "iu" or counts.ndim not in (0, 2) or (counts < 0).any():
            raise ValueError("counts must be a non-negative integer or a (K, K) array of such")
        if counts.ndim == 2 and (counts.shape[0] != counts.shape[1] or (counts != counts.T).any()):
            raise ValueError("counts must be square and symmetric: n_ij is the number of comparisons of i and j")
        if not 0 <= as_number(self.prior, "prior") < np.inf:
            raise ValueError(f"prior must be finite and not negative, not {self.prior!r}")


Noise = FreshPairs | FrozenEstimate | None


def check_noise(noise: Any) -> None:
    """Raise TypeError if `noise` is not a model of noise."""
    if not isinstance(noise, FreshPairs | FrozenEstimate | None):
        raise TypeError(f"noise must be None, FreshPairs or FrozenEstimate, not {type(noise).__name__}")


def fresh_pairs(noise: Noise, seed: Seed) -> SampledPairs | None:
    """Return what the kernels need to know of `noise`, None where scores are exact."""
    if not isinstance(noise, FreshPairs):
        return None
    return SampledPairs(int(noise.count), float(noise.prior), stream_key(seed, NOISE))


def frozen_estimate(P: Any, noise: FrozenEstimate, seed: Seed) -> np.ndarray:
    """Return the estimate of the matrices P (..., K, K), from one uniform of the noise stream for each pair."""
    K = P.shape[-1]
    i, j = np.triu_indices(K, 1)
    counts = as_array(noise.counts, "counts")
    if counts.ndim and counts.shape != (K, K):
        raise ValueError(f"counts of shape {counts.shape} do not fit P of {K} responses")
    n = np.broadcast_to(counts, (K, K))[i, j]
    matrices = P.reshape(-1, K, K)
    uniforms = Stream(seed, purpose=NOISE).uniform((len(matrices), len(i))) if len(i) else np.empty((len(matrices), 0))
    wins = binomial_quantile(uniforms, n, matrices[:, i, j])
    prior = float(noise.prior)
    total = n + prior
    with np.errstate(invalid="ignore"):
        share = np.where(total > 0, (wins + prior / 2) / total, 0.5)
    estimate = np.full(matrices.shape, 0.5)
    estimate[:, i, j], estimate[:, j, i] = share, 1 - share
    return estimate.reshape(P.shape)


def binomial_quantile(u: np.ndarray, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the least k with P(Binomial(n, p) <= k) >= u, by bisection."""
    from scipy.special import bdtr

    n = np.broadcast_to(n, u.shape).astype(np.int64)
    low, high = np.full(u.shape, -1), n.copy()
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = bdtr(np.maximum(middle, 0).astype(np.float64), n, p) >= u
        wide = high - low > 1
        high, low = np.where(wide & enough, middle, high), np.where(wide & ~enough, middle, low)
    return high
