"""Evaluation from samples has no short path: calls are few, and work on whole sets of problems."""

CALLS: list = []
ONCE = "called once for a set of problems, not in a loop"
WITHOUT = dict.fromkeys(
    (
        "best_of_n.PassAtKFit.pass_at_k",
        "best_of_n.PassAtKFit.posterior",
        "best_of_n.best_at_k",
        "best_of_n.best_of_majority",
        "best_of_n.calibrated_rewards",
        "best_of_n.coverage_at_cost",
        "best_of_n.extrapolate",
        "best_of_n.fit_pass_at_k",
        "best_of_n.hedge",
        "best_of_n.hill",
        "best_of_n.majority_at_k",
        "best_of_n.max_at_k_weights",
        "best_of_n.pass_all_k",
        "best_of_n.tsallis_weights",
        "best_of_n.worst_of_n",
        "dynamics.multiplayer",
        "policy.hodge",
        "policy.Gain.interval",
        "policy.achievable_gain",
        "policy.proxy_gap",
    ),
    ONCE,
)
