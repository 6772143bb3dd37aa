"""The operations of this family on CPU arrays: exact laws, pools of scored samples, simulation."""

from alignment_fast.kernels.best_of_n.cpu import (
    short_continuous,
    short_curve,
    short_kl_estimator,
    short_law_build,
    short_law_draw,
    short_law_kl_estimate,
    short_law_pmf,
    short_law_values,
    short_pass_at_k,
)
from alignment_fast.kernels.best_of_n.law import (
    VALUES,
    continuous_values,
    kl_estimators,
    law_build,
    law_draw,
    law_kl_estimate,
    law_pmf,
    law_sampler,
    law_values,
)
from alignment_fast.kernels.best_of_n.pool import (
    ESTIMATORS,
    NODES,
    SMALL_POOL,
    VARIANCES,
    pass_at_k,
    pool_arrange,
    pool_interpolate,
    pool_means,
    pool_small_means,
    pool_variances,
)
from alignment_fast.kernels.best_of_n.simulation import brute, order, sampler

__all__ = [
    "ESTIMATORS",
    "NODES",
    "SMALL_POOL",
    "VALUES",
    "VARIANCES",
    "brute",
    "continuous_values",
    "kl_estimators",
    "law_build",
    "law_draw",
    "law_kl_estimate",
    "law_pmf",
    "law_sampler",
    "law_values",
    "order",
    "pass_at_k",
    "pool_arrange",
    "pool_interpolate",
    "pool_means",
    "pool_small_means",
    "pool_variances",
    "sampler",
    "short_continuous",
    "short_curve",
    "short_kl_estimator",
    "short_law_build",
    "short_law_draw",
    "short_law_kl_estimate",
    "short_law_pmf",
    "short_law_values",
    "short_pass_at_k",
    "to_host",
]


def to_host(array):
    """Return `array` itself: arrays of this device are NumPy's."""
    return array
