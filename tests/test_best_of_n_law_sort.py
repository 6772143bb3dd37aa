"""The order of rewards: af_sort.h through the laws, whose log-probabilities at huge n follow the rank."""

import numpy as np
import pytest

from alignment_fast.best_of_n import BestOfN

RANDOM = np.random.default_rng(0)
REWARDS = {
    "normal": RANDOM.standard_normal(5000),
    "many": RANDOM.standard_normal(100_000),
    "few": RANDOM.standard_normal(25),
    "float32": RANDOM.standard_normal(3000).astype(np.float32),
    "ties": RANDOM.integers(0, 40, 3000) * 0.1,
    "sorted": np.arange(2000.0),
    "reversed": -np.arange(2000.0),
    "one cluster": 1.0 + RANDOM.permutation(3000) * 2.0**-52,
    "a cluster and outliers": np.concatenate([1.0 + RANDOM.permutation(3000) * 2.0**-52, [-1e300, 1e300, 0.0, 1e-320]]),
    "clusters": np.concatenate([x + x * RANDOM.permutation(500) * 2.0**-50 for x in (-1e9, -1.0, 1e-200, 3.0, 1e8)]),
    "subnormal": RANDOM.permutation(1000) * 5e-324 - 2e-321,
    "infinite": np.array([np.inf, 1.0, -np.inf, 0.0, np.inf, -5.0] * 10),
}


@pytest.mark.parametrize("name", REWARDS)
def test_ratio_to_the_reference_rises_with_the_reward_and_with_nothing_else(name):
    reward = REWARDS[name]
    log_ratio = BestOfN(reward=reward.astype(float)).log_pmf(3.0)
    _, level = np.unique(reward, return_inverse=True)
    count = np.bincount(level)
    above = np.cumsum(count) / len(reward)
    expected = (above**3 - (above - count / len(reward)) ** 3) / count
    np.testing.assert_allclose(np.exp(log_ratio), expected[level], rtol=1e-9)
    assert np.all(np.diff(log_ratio[np.argsort(level)]) >= -1e-9)
