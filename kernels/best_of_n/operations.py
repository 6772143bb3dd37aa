"""The operations of this family on CPU arrays: exact laws, pools of scored samples, simulation."""

from alignment_fast.kernels.best_of_n.cpu import continuous_value
from alignment_fast.kernels.best_of_n.law import (
    VALUES,
    continuous_values,
    kl_estimators,
    law_build,
    law_draw,
    law_kl_estimate,
    law_pmf,
    law_sampler,
    law_value,
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
    "continuous_value",
    "continuous_values",
    "kl_estimators",
    "law_build",
    "law_draw",
    "law_kl_estimate",
    "law_pmf",
    "law_sampler",
    "law_value",
    "law_values",
    "order",
    "pass_at_k",
    "pool_arrange",
    "pool_interpolate",
    "pool_means",
    "pool_small_means",
    "pool_variances",
    "sampler",
    "to_host",
]


def to_host(array):
    """Return `array` itself: arrays of this device are NumPy's."""
    return array
