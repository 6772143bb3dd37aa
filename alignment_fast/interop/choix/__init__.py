"""Front end with the names, arguments, iterations and errors of ``choix`` 0.4: change one import line.

Data are sequences of pairs (winner, loser), of rankings from the best on, or of choices (winner, losers); items are
0, ..., n_items − 1. Estimates are logarithms of strengths, shifted to mean 0. LSR, I-LSR and MM take the host's own
steps, on counts of the data, so that they end where the host ends, with the same errors: RuntimeError after
`max_iter` steps, ValueError where the chain has more than one absorbing class.

What has no finite maximum ends as in the host: with ValueError, RuntimeError, infinite parameters, or finite ones that
mean nothing. ``strict=True`` raises `alignment_fast.errors.ConvergenceError` for data without a prior (`alpha` 0) in
which some items never lost to the others, and changes nothing else.

An item that stands twice in one ranking counts twice, also in ``opt_*``, whose host counts it once.

`alpha` means what it means there: LSR adds it to every rate, MM to both sides of its fraction (a Gamma prior of shape
1 + alpha and rate alpha), ``opt_*`` subtract alpha ‖θ‖² (``l2 = 2 * alpha`` of `alignment_fast.ranking.fit`).
"""

from alignment_fast.interop.choix._distances import footrule_dist, kendalltau_dist, rmse
from alignment_fast.interop.choix._ep import ep_pairwise
from alignment_fast.interop.choix._likelihood import (
    log_likelihood_network,
    log_likelihood_pairwise,
    log_likelihood_rankings,
    log_likelihood_top1,
    probabilities,
)
from alignment_fast.interop.choix._mm import choicerank, mm_pairwise, mm_rankings, mm_top1
from alignment_fast.interop.choix._opt import opt_pairwise, opt_rankings, opt_top1
from alignment_fast.interop.choix._sampling import compare, generate_pairwise, generate_params, generate_rankings
from alignment_fast.interop.choix._spectral import (
    ilsr_pairwise,
    ilsr_pairwise_dense,
    ilsr_rankings,
    ilsr_top1,
    lsr_pairwise,
    lsr_pairwise_dense,
    lsr_rankings,
    lsr_top1,
    rank_centrality,
)
from alignment_fast.interop.choix._transforms import statdist

__all__ = [
    "choicerank",
    "compare",
    "ep_pairwise",
    "footrule_dist",
    "generate_pairwise",
    "generate_params",
    "generate_rankings",
    "ilsr_pairwise",
    "ilsr_pairwise_dense",
    "ilsr_rankings",
    "ilsr_top1",
    "kendalltau_dist",
    "log_likelihood_network",
    "log_likelihood_pairwise",
    "log_likelihood_rankings",
    "log_likelihood_top1",
    "lsr_pairwise",
    "lsr_pairwise_dense",
    "lsr_rankings",
    "lsr_top1",
    "mm_pairwise",
    "mm_rankings",
    "mm_top1",
    "opt_pairwise",
    "opt_rankings",
    "opt_top1",
    "probabilities",
    "rank_centrality",
    "rmse",
    "statdist",
]
