"""Leaderboards: ranks with confidence, against their peers and the seconds that are aimed at."""

import numpy as np
import pytest
from scipy.stats import t as student

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.benchmarks.names.boards import plain_better, table
from alignment_fast.benchmarks.ranking_peers import arena
from alignment_fast.ranking import Comparisons, fit, fragility, paired_scores, rank_sets, separable_pairs

RANDOM = np.random.default_rng(26)


def sets_case(items=200, size=1_000_000):
    """10,000 replicates: of the gradient, drawn from its normal law."""
    result = fit(Comparisons(*arena(items, size, RANDOM), n_items=items))
    truth = result.scores

    def check(found):
        assert (found.lower <= 1 + (truth > truth[:, None]).sum(axis=1)).all()

    def numpy():
        covariance = result.covariance()
        off = np.random.default_rng(0).multivariate_normal(np.zeros(items), covariance, 1000)
        error = np.sqrt(covariance.diagonal()[:, None] + covariance.diagonal() - 2 * covariance) + np.eye(items)
        largest = np.max([np.abs((off[:, i, None] - off) / error[i]).max(axis=1) for i in range(items)], axis=0)
        sure = truth[:, None] - truth > np.quantile(largest, 0.95) * error
        return 1 + sure.sum(axis=0), items - sure.sum(axis=1)

    contenders = {
        OURS: Contender(lambda: rank_sets(result), 10_000, check),
        "NumPy, per draw": Contender(numpy, 1000, lambda found: None),
    }
    return Case(f"simultaneous rank sets, K = {items}, per replicate", contenders, targets=(Target("seconds", 2e-4),))


def replicates_case(items=200, size=1_000_000, replicates=50):
    """The same from counts that are drawn anew and fitted; words of their streams alone are 0.3 to 0.45 of the aim."""
    result = fit(Comparisons(*arena(items, size, RANDOM), n_items=items))

    def check(found):
        assert (found.lower <= found.upper).all()

    def replicate():
        return rank_sets(result.bootstrap(replicates, rng=0, num_threads=1))

    contenders = {OURS: Contender(replicate, replicates, check)}
    group = f"simultaneous rank sets of refits, K = {items}, per replicate"
    return Case(group, contenders, targets=(Target("seconds", 2e-4),))


def pairs_case(systems=180):
    scores = table(systems)
    tasks, pairs = len(scores), systems * (systems - 1)
    differences = scores[:, :, None] - scores[:, None]
    errors = differences.std(axis=0, ddof=1) / np.sqrt(tasks) + np.eye(systems)
    expected = differences.mean(axis=0) > student.isf(0.05 / pairs, tasks - 1) * errors  # Bonferroni: tasks are few

    def check(found):
        assert (found == expected).all()

    contenders = {
        OURS: Contender(lambda: separable_pairs(paired_scores(scores)), 1, check),
        "NumPy, a tenth of the draws": Contender(lambda: plain_better(scores), 1, lambda found: None),
    }
    return Case(f"all pairs of {systems} systems on 100 tasks", contenders, targets=(Target("seconds", 20e-3),))


def fragility_case(items=100, size=1_000_000):
    given = Comparisons(*arena(items, size, RANDOM), n_items=items)

    def check(found):
        left = given.to_matrix()[0]
        for votes in found.cells:
            left[votes.winner, votes.loser] -= votes.weight
        assert fit(Comparisons.from_matrix(left)).scores.argmax() == found.challenger
        assert found.lower_bound <= found.removed

    contenders = {OURS: Contender(lambda: fragility(given), 1, check)}
    group = f"fragility of the top, K = {items}, M = {size}"
    return Case(group, contenders, targets=(Target("seconds", 0.2),))


@pytest.mark.kernels("ranking.largest_gaps")
@each_contender([sets_case(), pairs_case(), fragility_case(), replicates_case()])
def test_boards(case, name, timed):
    timed(case, name)
