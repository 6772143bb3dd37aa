"""Log-likelihoods and probabilities of choices."""

import numpy as np
from scipy.special import logsumexp

from alignment_fast.interop.choix._data import Data, choices_of, pairs_of, pieces, rankings_of

__all__ = [
    "log_likelihood_network",
    "log_likelihood_pairwise",
    "log_likelihood_rankings",
    "log_likelihood_top1",
    "probabilities",
]


def log_likelihood_pairwise(data: Data, params: Data) -> float:
    """Return the log-likelihood of pairs (winner, loser), as ``choix.log_likelihood_pairwise``."""
    params = np.asarray(params)
    pairs = pairs_of(len(params), data)
    return -np.logaddexp(0, params[pairs[:, 1]] - params[pairs[:, 0]]).sum()


def _of_rows(rows, params):
    total = np.float64(0.0)
    for part in pieces(rows, lambda part: part.items.shape[1]):
        values = params[part.items]
        for stage in range(part.stages):
            gaps = values[:, stage:] - values[:, stage : stage + 1]
            top = gaps.max(axis=1)
            total -= float((np.log(np.exp(gaps - top[:, None]).sum(axis=1)) + top).sum())
    return total


def log_likelihood_rankings(data: Data, params: Data) -> float:
    """Return the log-likelihood of rankings, as ``choix.log_likelihood_rankings``."""
    params = np.asarray(params)
    return _of_rows(rankings_of(len(params), data), params)


def log_likelihood_top1(data: Data, params: Data) -> float:
    """Return the log-likelihood of choices (winner, losers), as ``choix.log_likelihood_top1``."""
    params = np.asarray(params)
    return _of_rows(choices_of(len(params), data), params)


def log_likelihood_network(
    digraph: Data, traffic_in: Data, traffic_out: Data, params: Data, weight: str | None = None
) -> float:
    """Return the log-likelihood of the traffic at the nodes of a networkx graph, as ``choix`` does."""
    params = np.asarray(params)
    total = 0.0
    for node in range(len(traffic_in)):
        total += traffic_in[node] * params[node]
        successors = list(digraph.successors(node))
        if successors:
            scale = None if weight is None else [digraph[node][successor][weight] for successor in successors]
            total -= traffic_out[node] * logsumexp(params.take(successors), b=scale)
    return total


def probabilities(items: Data, params: Data) -> np.ndarray:
    """Return the probability with which each of `items` is chosen among them, as ``choix.probabilities``."""
    values = np.asarray(params).take(items)
    odds = np.exp(values - np.max(values))
    return odds / odds.sum(axis=0)
