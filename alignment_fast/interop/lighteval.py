"""Front end for the sampling metrics of ``lighteval``: pass@k, G-Pass@k, and the estimator of LiveCodeBench.

`pass_at_k` and `g_pass_at_k` are what the methods of these names of ``PassAtK`` and ``GPassAtK`` compute, with what the
host keeps in the object as arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from alignment_fast.interop.human_eval import estimate_pass_at_k

__all__ = ["estimate_pass_at_k", "g_pass_at_k", "pass_at_k"]

THRESHOLDS = (0.0, 0.25, 0.5, 0.75, 1.0)


def pass_at_k(all_scores: Any, k: int, n: int | None = None) -> Any:
    """Return pass@k of one document, or of several, as ``PassAtK(k=k, n=n).pass_at_k``.

    Parameters
    ----------
    all_scores : array (..., samples)
        Scores of the samples of each document; those equal to 1 are right.
    k : int
        Samples to choose.
    n : int, optional
        Samples of each document; where there are fewer scores, the others count as wrong. Default: all.

    Returns
    -------
    float or array of float64 (...)
        1 where fewer than k samples are wrong, even for k beyond n, as in the host. Accuracy: that of
        `alignment_fast.best_of_n.pass_at_k`.

    Raises
    ------
    ValueError
        If more than n samples are right.

    Examples
    --------
    >>> from alignment_fast.interop import lighteval
    >>> lighteval.pass_at_k([1, 0, 0, 0], 2)
    0.5

    """
    scores = np.asarray(all_scores)
    correct = np.count_nonzero(scores == 1, axis=-1)
    total = scores.shape[-1] if n is None else n
    found = estimate_pass_at_k(total, np.atleast_1d(correct), k)
    return found if scores.ndim > 1 else float(found[0])


def _tails(n: int, c: int, k: int) -> list[np.float64]:
    """Return the chances of at least 0, 1, ... right ones among k of n samples of which c are right, rounded once."""
    if k > n or n <= 0 or c < 0:
        return []
    ways = [math.comb(c, right) * math.comb(n - c, k - right) for right in range(min(c, k), -1, -1)]
    every = math.comb(n, k)
    return [np.float64(at_least / every) for at_least in accumulate(ways)][::-1]


def g_pass_at_k(
    all_scores: Any,
    k: int | Sequence[int],
    n: int | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    name_prefix: str | None = None,
) -> dict[str, float]:
    r"""Return G-Pass@k and mG-Pass@k of one document, as ``GPassAtK(k, n, thresholds, name_prefix).g_pass_at_k``.

    G-Pass@k at a threshold τ is the chance that at least :math:`\max(\lceil kτ \rceil, 1)` of k samples are right; mG
    is :math:`\frac{2}{k} \sum_{i = \lceil k/2 \rceil + 1}^{k}` of the chance of at least i.

    Parameters
    ----------
    all_scores : sequence of int (samples,)
        Scores, 0 or 1, of the samples.
    k : int or sequence of int
        Samples to choose.
    n : int, optional
        Samples of the document; default: all.
    thresholds : sequence of float
        Values of τ.
    name_prefix : str, optional
        Goes before the names.

    Returns
    -------
    dict of str to float
        "g-pass@{k}_{τ}" and "mg-pass@{k}"; 0 where k exceeds n. Each chance is exact, rounded once.

    Raises
    ------
    ValueError
        If the scores are not whole numbers in sum, or exceed n.

    References
    ----------
    Liu et al., "Are your LLMs capable of stable reasoning?", arXiv:2412.13147.

    Examples
    --------
    >>> from alignment_fast.interop import lighteval
    >>> lighteval.g_pass_at_k([1, 1, 0, 0], 2, thresholds=[0.5, 1.0])["g-pass@2_0.5"].round(4)
    np.float64(0.8333)

    """
    c, n = sum(all_scores), len(all_scores) if n is None else n
    if c != int(c) or c > n:
        raise ValueError(f"all_scores: their sum {c} is no number of right samples among {n}")
    c = int(c)
    name = (f"{name_prefix}_" if name_prefix else "") + "g-pass@"
    found = {}
    for one in [k] if isinstance(k, int) else k:
        tails = _tails(n, c, one)
        for threshold in thresholds:
            least = max(math.ceil(one * threshold), 1)
            found[f"{name}{one}_{threshold}"] = tails[least] if least < len(tails) else 0.0
        found[f"m{name}{one}"] = 2 * sum(tails[math.ceil(one / 2) + 1 :], 0.0) / one
    return found
