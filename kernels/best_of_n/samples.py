"""Operations on pools of samples of the reference and on curves of many prompts, on CPU arrays."""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.common import threads

# Nanoseconds per sample and n on one core: decides about threads.
STATISTICS_COST = 150.0


def sample_divergence(scores, log_p, n):
    """Return estimates and errors of the statistics of a pool (M,) at every n (T,): (T, 2 statistics).

    The columns are the estimator, the plug-in, the limit of small atoms and the win rate, each beside its error; those
    that need `log_p` are NaN where it is None.
    """
    pool = cpu.RankedPool(scores, log_p)
    out = np.empty((n.size, 2 * cpu.STATISTICS))

    def run(first, last):
        pool.divergence(n, first, last, out)

    threads.for_blocks(run, n.size, work=STATISTICS_COST * scores.size * n.size)
    return out


def prompt_means(x, group, groups):
    """Return mean, standard error and number of prompts (rows of `x`) that have a value, for each column.

    `group` numbers the group 0..groups-1 of each prompt; None, and 0 groups, where prompts stand for themselves.
    """
    columns = x.shape[1]
    mean, error, present = np.empty(columns), np.empty(columns), np.empty(columns, dtype=np.int64)
    cpu.prompt_means(x, group, groups, mean, error, present)
    return mean, error, present
