"""Guarded results of leaderboards: sets of ranks, tiers, fragility, judges, agreement, rankings with ties."""

import numpy as np
from guard.cases_ranking import arena
from guard.table import add, reals, whole

import alignment_fast as af

RANKING = af.ranking


def _uses(names):
    return " ".join(f"ranking.{name}" for name in names.split())


def _fit(label="few"):
    return RANKING.fit(arena(label))


def _ranks(**options):
    fit = _fit("some")
    return (
        RANKING.rank_sets(fit, **options),
        RANKING.tiers(fit, level=0.9),
        RANKING.separable_pairs(fit, level=0.9),
    )


def _paired():
    found = RANKING.paired_scores(reals(1, (40, 5), 0.0, 1.0), cluster=whole(2, 40, 0, 9))
    return found, found.interval(0.9), found.standard_errors(), RANKING.rank_sets(found)


def _updated():
    new = RANKING.fit(arena("some")).update(arena("some", weights=True))
    return new.scores, new.covariance()


def _judges():
    found = RANKING.fit_judges(arena("some", cluster=whole(7, 900, 0, 3)))
    return (
        found.scores,
        found.discrimination,
        found.standard_errors(),
        found.discrimination_errors(),
        found.discrimination_interval(0.9),
        found.position_bias_errors(),
        found.agreement(replicates=50),
        found.noise(),
        found.reversed(),
    )


def _davidson_luce():
    rankings = [[0, [1, 2]], [1, 0, 2], [[0, 1], 2], [2, 0, 1], [1, 2, 0]]
    found = RANKING.fit_davidson_luce(rankings)
    return found.scores, found.standard_errors(), found.parameter_errors(), found.interval(0.9), found.ranks


def boards():
    sets = _uses("rank_sets RankSets tiers separable_pairs")
    for method in ("max-t", "step-down"):
        add(f"boards.ranks/rank_sets-{method}", sets, _ranks, method=method, own=False)
    add("boards.ranks/rank_sets-each", sets, _ranks, simultaneous=False, own=False)
    names = "paired_scores PairedScores PairedScores.interval PairedScores.standard_errors rank_sets"
    add("boards.ranks/paired_scores", _uses(names), _paired, own=False)
    for target in (("top",), ("order", 3, 0)):
        uses = _uses("fragility Fragility RemovedVotes")
        add(f"boards.ranks/fragility-{target[0]}", uses, RANKING.fragility, arena(), target, own=False)
    add("boards.ranks/update", _uses("RatingFit.update"), _updated, own=False)
    methods = (
        "discrimination_errors discrimination_interval position_bias_errors agreement noise reversed standard_errors"
    )
    uses = _uses("fit_judges JudgeFit " + " ".join(f"JudgeFit.{name}" for name in methods.split()))
    add("boards.ranks/fit_judges", uses, _judges, own=False)
    uses = _uses("krippendorff_alpha Agreement")
    add(
        "boards.ranks/krippendorff_alpha",
        uses,
        RANKING.krippendorff_alpha,
        whole(3, (30, 4), 0, 3),
        replicates=50,
        own=False,
    )
    add(
        "boards.ranks/rank_centrality", _uses("rank_centrality"), RANKING.rank_centrality, arena(), prior=0.5, own=False
    )
    for objective in ("uncertainty", "d-optimal", "top"):
        add(f"boards.ranks/next_pairs-{objective}", _uses("next_pairs"), _next, objective, own=False)
    methods = " ".join(f"DavidsonLuceFit.{one}" for one in ("interval", "parameter_errors", "ranks", "standard_errors"))
    uses = _uses(f"fit_davidson_luce DavidsonLuceFit {methods}")
    add("boards.ranks/fit_davidson_luce", uses, _davidson_luce, own=False)


def _next(objective):
    return np.asarray(RANKING.next_pairs(_fit("some"), 5, objective=objective))


boards()
