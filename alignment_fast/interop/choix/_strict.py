"""What ``strict=True`` refuses: data without a prior under which no finite parameters are best.

They are best only where every item can be reached from every other one by steps from winners to losers (Ford 1957;
Hunter 2004 for rankings and choices).
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from alignment_fast.errors import ConvergenceError

_NAMED = 5


def edges_of(rows):
    """Return (winners, losers) of rankings or choices that lead as far as all of theirs do.

    Who was chosen stands before who was chosen next; only the last choice is one among all that are left.
    """
    winners, losers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for items, stages in rows:
        for stage in range(stages):
            beaten = items[:, stage + 1 :] if stage == stages - 1 else items[:, stage + 1 : stage + 2]
            winners.append(np.repeat(items[:, stage], beaten.shape[1]))
            losers.append(beaten.ravel())
    return np.concatenate(winners), np.concatenate(losers)


def refuse_unbounded(n_items, winners, losers):
    """Raise ConvergenceError where some items never lost to the others."""
    graph = csr_array((np.ones(len(winners)), (winners, losers)), shape=(n_items, n_items))
    count, part = connected_components(graph, directed=True, connection="strong")
    if count == 1:
        return
    between = part[winners] != part[losers]
    best = np.setdiff1d(np.arange(count), part[np.asarray(losers)[between]])[0]  # of whom nobody lost to another part
    items = np.flatnonzero(part == best)
    named = ", ".join(map(str, items[:_NAMED])) + (", ..." if len(items) > _NAMED else "")
    raise ConvergenceError(
        f"data: no finite parameters are best: items {named} never lost to any of the others; alpha > 0 has finite ones"
    )
