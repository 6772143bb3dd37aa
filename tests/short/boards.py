"""What leaderboards say has no short path: it is computed once for a fit or a table of votes, not in a loop."""

CALLS: list = []
WITHOUT = dict.fromkeys(
    (
        "ranking.fragility",
        "ranking.paired_scores",
        "ranking.rank_sets",
        "ranking.separable_pairs",
        "ranking.tiers",
    ),
    "called once for a leaderboard, not in a loop",
)
