"""Small calls of evaluation from samples. Many have no short path: calls are few, on whole sets of problems."""

import numpy as np

from alignment_fast.policy import Gain
from short import Call

SCORES = np.random.default_rng(5).normal(size=(5, 7))
SCORES[1, 2] = SCORES[1, 5] = 0.0
K = np.array([1, 2, 5])
VOTES = np.array([4, 4, 7, 5, 4, 5, 7, -1, 4, 5, 4, 4])
REWARDS = np.array([0.2, 0.6, 0.9, 0.5, 0.1, 0.8, 0.9, 2.0, 0.6, 0.8, 0.0, -1.0])
P = np.array([[0.5, 0.9, 0.25], [0.1, 0.5, 0.8], [0.75, 0.2, 0.5]])
UPPER = np.triu(np.random.default_rng(6).random((3, 9, 9)), 1)
SEVERAL = UPPER + np.tril(1 - np.swapaxes(UPPER, -1, -2), -1) + 0.5 * np.eye(9)
GOLD = np.arange(12.0) - REWARDS**2
# Gain, divergences, beta, standard error and effective samples of 2000, and the constants of intervals.
GAIN = (
    np.array([0.5, 0.9, 1.3, 1.7]),
    *(np.array([0.1, 0.4, 0.9, 2.0]) for _ in range(3)),
    np.array([0.01, 0.02, np.nan, 0.05]),
    np.array([1500.0, 1400.0, 900.0, 1200.0]),
    2000,
    np.array([0.002, 0.01, 0.02, 0.04]),
    np.array([0.0, -0.1, 0.02, np.nan]),
    np.array([0.3, 0.2, -0.1, 0.0]),
)


def gain_of(*fields):
    """Return a `Gain`, of which some fields are numbers and others arrays of whatever layout."""
    return Gain(*(np.asarray(field) if isinstance(field, list | np.ndarray) else field for field in fields))


SINGLE = tuple(field if isinstance(field, int) else np.float64(field[0]) for field in GAIN)

CALLS = [
    *(
        Call("best_of_n.pass_all_k", (10, correct, k), float32=False, python_calls=5)
        for correct in (3, np.array([0, 3, 9, 10]))
        for k in (2, 7, K)
    ),
    Call(
        "best_of_n.pass_all_k",
        (np.array([9, 10]), np.array([0, 3]), 2),
        bad=((1, 0, 11), (0, 1, 1)),
        float32=False,
        python_calls=5,
    ),
    Call("best_of_n.best_at_k", (SCORES[0], 3), bad=((0, 1, np.nan),), python_calls=6),
    *(
        Call("best_of_n.best_at_k", (SCORES, k), {"variance": None}, bad=((0, 9, np.inf),), python_calls=6)
        for k in (1, 3, 7)
    ),
    *(
        Call("best_of_n.curve", (SCORES, n), {"estimator": kind}, bad=((0, 9, np.nan),), python_calls=5)
        for n in (None, 3, K)
        for kind in ("u", "v")
    ),
    *(
        Call("best_of_n.best_of_majority", (VOTES, REWARDS, k), {"least": least}, bad=((1, 3, np.nan),))
        for k in (1, 2, 9)
        for least in (0.0, 0.25, 0.3, 1)
    ),
    *(
        Call("best_of_n.coverage_at_cost", (10, correct, k), float32=False, python_calls=6)
        for correct in (3, np.array([0, 3, 9, 10]))
        for k in (2, 7, K)
    ),
    Call(
        "best_of_n.coverage_at_cost",
        (np.array([9, 10]), np.array([0, 3]), 2),
        bad=((1, 0, 11), (0, 1, 1)),
        float32=False,
        python_calls=6,
    ),
    *(
        Call("best_of_n.majority_at_k", (votes, k), {**right, "variance": kind}, float32=False, python_calls=140)
        for votes, right in ((VOTES.reshape(2, 6), {"correct": np.array([4, 5])}), (VOTES.reshape(2, 6) == 4, {}))
        for k, kind in ((1, "unbiased"), (3, "unbiased"), (5, "jackknife"), (6, None), (K, "unbiased"))
    ),
    *(
        Call("best_of_n.tsallis_weights", (rewards, beta), bad=((0, 1, np.nan), (0, 2, np.inf)))
        for rewards in (SCORES[0], REWARDS, 1e30 * REWARDS)
        for beta in (0.1, 1, 5.0)
    ),
    *(
        Call("policy.Gain.interval", (*fields, level), float32=False, constructed=10, wraps=gain_of)
        for fields in (GAIN, SINGLE)
        for level in (0.5, 0.95)
    ),
    *(
        Call("policy.proxy_gap", (REWARDS, GOLD), {"beta": beta}, bad=((0, 1, np.nan), (1, 0, np.inf)), float32=False)
        for beta in (0.3, 2, np.array([0.5, 1e9]))
    ),
    Call("policy.proxy_gap", (1e-200 * REWARDS, 1e100 * GOLD), {"beta": 1.0}, float32=False),
    Call("policy.hodge", (P,), bad=((0, 1, np.nan), (0, 1, 1.5), (0, 3, 0.9))),
    Call("policy.hodge", (SEVERAL,), bad=((0, 100, 0.7),)),
]
ONCE = "called once for a set of problems, not in a loop"
WITHOUT = dict.fromkeys(
    (
        "best_of_n.PassAtKFit.pass_at_k",
        "best_of_n.PassAtKFit.posterior",
        "best_of_n.calibrated_rewards",
        "best_of_n.extrapolate",
        "best_of_n.fit_pass_at_k",
        "best_of_n.hedge",
        "best_of_n.hill",
        "best_of_n.max_at_k_weights",
        "best_of_n.worst_of_n",
        "dynamics.multiplayer",
        "policy.achievable_gain",
    ),
    ONCE,
)
