"""Which scores the comparisons determine: components of the graph of comparisons and of the graph of wins.

In the graph of wins an edge leads from the loser to the winner; a tie makes both. A finite maximum of the likelihood
exists if and only if that graph is strongly connected (Ford 1957). Most real graphs are, and a few sweeps over the
cells show it: everybody is reached from item 0, along the edges and against them. Only where that fails are the
components themselves needed; SciPy finds those.
"""

import numpy as np

# Sweeps go back and forth over the cells; random and chain-like graphs need two or three.
SWEEPS = 8


def _edges(cells):
    """Return the edges (loser, winner) of the graph of wins."""
    tied = cells.ties > 0 if cells.ties.size else False
    up, down = (cells.wins_second > 0) | tied, (cells.wins_first > 0) | tied
    return (
        np.concatenate([cells.first[up], cells.second[down]]),
        np.concatenate([cells.second[up], cells.first[down]]),
    )


def _adjacency(start, end, n_items):
    from scipy.sparse import coo_array

    return coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(n_items, n_items)).tocsr()


def connected(cells):
    """Return the number of the connected component of every item."""
    from scipy.sparse.csgraph import connected_components

    adjacency = _adjacency(cells.first, cells.second, cells.n_items)
    return connected_components(adjacency, directed=False)[1]


def strongly_connected(cells):
    """Return the number of the strong component of every item in the graph of wins."""
    from scipy.sparse.csgraph import connected_components

    return connected_components(_adjacency(*_edges(cells), cells.n_items), connection="strong")[1]


def is_strongly_connected(ops, cells):
    """Return True where a few sweeps show that a finite maximum exists; False where they do not (or it does not)."""
    for against in (False, True):
        reached = np.zeros(cells.n_items, dtype=np.uint8)
        reached[0] = 1
        found = 1
        for sweep in range(SWEEPS):
            before = found
            found += ops.reach(cells, against, sweep % 2, reached)
            if found == cells.n_items:
                break
            if found == before and sweep:
                return False
        if found < cells.n_items:
            return False
    return True


def reachable(cells, start):
    """Return (above, below): which items are reached from items `start` (mask) along chains of wins, and reach them."""
    from scipy.sparse.csgraph import breadth_first_order

    loser, winner = _edges(cells)
    # One more node stands for all of `start`.
    sources = np.flatnonzero(start).astype(np.int32)
    hub = np.full(len(sources), cells.n_items, dtype=np.int32)
    masks = []
    for tail, head in ((loser, winner), (winner, loser)):
        adjacency = _adjacency(np.concatenate([tail, hub]), np.concatenate([head, sources]), cells.n_items + 1)
        mask = np.zeros(cells.n_items + 1, dtype=bool)
        mask[breadth_first_order(adjacency, cells.n_items, return_predecessors=False)] = True
        masks.append(mask[:-1])
    return tuple(masks)


def members(label):
    """Return the items of every component, the largest first, those of one size by their first item."""
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return tuple(sorted(parts, key=lambda part: (-len(part), part[0])))
