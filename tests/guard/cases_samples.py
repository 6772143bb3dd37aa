"""Guarded results of evaluation from samples: pass@k and its relatives, gains, tails, cycles, several players."""

import numpy as np
from guard.table import FLOATS, add, masses, reals, tied, whole

import alignment_fast as af

BEST, POLICY = af.best_of_n, af.policy


def _fit(total, right, model):
    found = BEST.fit_pass_at_k(total, right, model=model)
    return (
        found.alpha,
        found.beta,
        found.zero,
        found.exponent_error,
        found.is_rejected,
        found.pass_at_k([1, 30]),
        (found.posterior(total, right[:3], 5)),
    )


def _gain(rewards, **options):
    found = POLICY.achievable_gain(rewards, **options)
    return found, found.interval()


def repeated():
    right = whole(3, 30, 0, 21)
    add("samples.repeated/pass_all_k", "best_of_n.pass_all_k", BEST.pass_all_k, 20, right, [1, 4, 20])
    add("samples.repeated/best_at_k", "best_of_n.best_at_k", BEST.best_at_k, tied(4, (5, 12), 6), [1, 4, 12])
    answers = whole(5, (4, 12), 0, 4)
    for variance in ("unbiased", "jackknife"):
        name = f"samples.repeated/majority_at_k-{variance}"
        options = {"correct": np.zeros(4, int), "variance": variance}
        add(name, "best_of_n.majority_at_k", BEST.majority_at_k, answers, [1, 4], own=False, **options)
    uses = "best_of_n.coverage_at_cost best_of_n.Coverage"
    add("samples.repeated/coverage_at_cost", uses, BEST.coverage_at_cost, 20, right, [1, 5], own=False)
    for precision, dtype in FLOATS.items():
        for size, baseline in ((12, "none"), (12, "leave-one-out"), (64, "leave-one-out"), (100, "leave-one-out")):
            name = f"samples.repeated/max_at_k_weights-{precision}-{size}-{baseline}"
            rewards = reals(6, (7, size), -3.0, 3.0, dtype)
            add(name, "best_of_n.max_at_k_weights", BEST.max_at_k_weights, rewards, 5, baseline=baseline)
    methods = " ".join(
        f"best_of_n.PassAtKFit.{one}" for one in ["exponent_error", "is_rejected", "pass_at_k", "posterior"]
    )
    uses = f"best_of_n.fit_pass_at_k best_of_n.PassAtKFit best_of_n.PassAtKInterval {methods}"
    for model in ("beta-binomial", "zero-inflated"):
        add(f"samples.repeated/fit_pass_at_k-{model}", uses, _fit, 20, right, model, own=False)


def tails():
    scores, gold = reals(1, 400, 0.5, 3.0), reals(2, 400, -1.0, 1.0)
    uses = "best_of_n.hill best_of_n.TailIndex"
    add("samples.tails/hill-small", uses, BEST.hill, reals(3, (9, 64), 0.5, 3.0), top=12, own=False)
    add("samples.tails/hill-large", uses, BEST.hill, scores, own=False)
    for tail in ("gpd", "hill"):
        uses = "best_of_n.extrapolate best_of_n.Extrapolation"
        add(f"samples.tails/extrapolate-{tail}", uses, BEST.extrapolate, scores, [10, 1e5], tail=tail, own=False)
    for family in ("best_of_n", "soft", "poisson"):
        judged = scores - 0.3 * scores**2 + 0.1 * gold
        add(
            f"samples.tails/hedge-{family}",
            "best_of_n.hedge best_of_n.Hedge",
            BEST.hedge,
            scores,
            judged,
            own=False,
            family=family,
        )
    p = masses(5, 40)
    add("samples.tails/worst_of_n", "best_of_n.worst_of_n", BEST.worst_of_n, p, tied(6, 40, 9), [1, 3.5], own=False)
    add("samples.tails/calibrated_rewards", "best_of_n.calibrated_rewards", BEST.calibrated_rewards, tied(6, 40, 9))
    add(
        "samples.tails/tsallis_weights",
        "best_of_n.tsallis_weights",
        BEST.tsallis_weights,
        gold,
        0.5,
        order=1.5,
        own=False,
    )
    answers = whole(7, 400, 0, 9)
    add(
        "samples.tails/best_of_majority",
        "best_of_n.best_of_majority",
        BEST.best_of_majority,
        answers,
        gold,
        3,
        least=0.1,
    )


def gains():
    rewards, gold = reals(1, 500, -3.0, 3.0), reals(2, 500, -3.0, 3.0)
    uses = "policy.achievable_gain policy.Gain policy.Gain.interval"
    add("samples.gains/beta", uses, _gain, rewards, own=False, beta=[0.3, 2.0])
    add("samples.gains/kl", uses, _gain, rewards, own=False, kl=[0.0, 0.4, 50.0])
    add("samples.gains/weights", uses, _gain, rewards, own=False, kl=0.4, weights=masses(3, 500))
    uses = "policy.proxy_gap policy.ProxyGap"
    add(
        "samples.gains/proxy_gap",
        uses,
        POLICY.proxy_gap,
        np.stack([rewards, gold]),
        gold + rewards,
        own=False,
        kl=[0.3],
    )


def structure():
    upper = np.triu(reals(1, (6, 6), 0.0, 1.0), 1)
    P = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(6)
    weights = np.full((6, 6), 30.0)
    add("samples.structure/hodge", "policy.hodge policy.Hodge", POLICY.hodge, P, weights, own=False)
    uses = "dynamics.multiplayer dynamics.MultiplayerTrajectory"
    init = np.stack([masses(seed, 6) for seed in (2, 3, 4)])
    options = {"alpha": 0.7, "beta": 1.5, "lam": 0.6, "init": init, "steps": 12}
    add("samples.structure/multiplayer", uses, af.dynamics.multiplayer, P, own=False, **options)


for part in (repeated, tails, gains, structure):
    part()
