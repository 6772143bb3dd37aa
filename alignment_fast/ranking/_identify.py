"""Unknowns that comparisons cannot tell apart: directions along which no difference changes.

For a coefficient vector b, some scores p undo x'b in every cell, x_k'b = -(p_first - p_second), if and only if x'b adds
up to nothing around every cycle of the graph of comparisons. Going along a spanning tree gives the only candidate p for
each column; what is left of a column on the other edges, its remainders, must vanish. So unknowns are told apart if and
only if the remainders of the columns are linearly independent; a prior fixes p = 0, and the columns are their own
remainders. Remainders of home advantage are small integers: that verdict is exact.
"""

from dataclasses import dataclass, replace

import numpy as np

from alignment_fast.ranking._design import covariate_matrix

# Rows of remainders that are worked on together.
BLOCK = 8192
# Cells whose graph is walked in the interpreter in less time than a sparse matrix of them takes to build.
FEW = 256
# Squares of singular values, relative, above which columns are independent beyond rounding of their Gram matrix.
SURELY = 1e-9
# Singular values, relative, that rounding alone leaves of dependent columns.
ROUNDING = 1e-12
# Covariates beyond this, or below its inverse, are taken in other units.
EXTREME = 1e100


@dataclass(frozen=True)
class Confounded:
    """Columns of the covariates that no comparison tells apart from each other, or (`with_scores`) from the scores."""

    columns: tuple[int, ...]
    with_scores: bool


def confounded(cells, covariates, *, prior):
    """Return what is `Confounded`, or None. Without a prior, the graph of comparisons must be connected."""
    if not covariates.width:
        return None
    seen = np.flatnonzero(cells.wins_first + cells.wins_second + (cells.ties if cells.ties.size else 0.0) > 0)
    first, second = cells.first[seen], cells.second[seen]
    few = len(first) <= FEW
    covariates = _of_moderate_size(covariates)
    columns = (_array if few else covariate_matrix)(cells, covariates)[seen]
    scale = np.sqrt((columns**2).sum(axis=0))
    if (scale == 0).any():
        return Confounded(tuple(np.flatnonzero(scale == 0)[:1].tolist()), with_scores=False)
    along_tree = _potentials_of_few if few else _potentials
    potential = (
        np.zeros((cells.n_items, covariates.width)) if prior else along_tree(first, second, columns, cells.n_items)
    )

    def remainders():
        for at in range(0, len(first), BLOCK):
            part = slice(at, at + BLOCK)
            difference = potential[first[part]] - potential[second[part]]
            yield ((columns if few else columns[part].toarray()) - difference) / scale

    gram = sum(block.T @ block for block in remainders())
    if np.linalg.eigvalsh(gram)[0] > SURELY:
        return None
    triangle = np.zeros((0, covariates.width))
    for block in remainders():
        triangle = np.linalg.qr(np.concatenate([triangle, block]), mode="r")
    _, size, directions = np.linalg.svd(triangle, full_matrices=True)
    size = np.concatenate([size, np.zeros(covariates.width - len(size))])
    if size[-1] > ROUNDING * max(1.0, np.sqrt(len(first))):
        return None
    direction = directions[-1] / scale
    involved = np.flatnonzero(np.abs(directions[-1]) > 1e-6)
    moved = potential @ direction
    return Confounded(tuple(involved.tolist()), bool(np.ptp(moved) > 1e-6 * np.abs(direction).max()))


def _of_moderate_size(covariates):
    """Return the covariates, each column divided by a power of two where squares of its entries might overflow."""
    size = np.abs(covariates.value)
    if not ((size > EXTREME) | ((size > 0) & (size < 1 / EXTREME))).any():
        return covariates
    largest = np.zeros(covariates.width)
    np.maximum.at(largest, covariates.column, size)
    value = np.ldexp(covariates.value, -np.frexp(largest)[1][covariates.column])
    return replace(covariates, value=value)


def _array(cells, covariates):
    """Return the covariates of all cells as an array."""
    out = np.zeros((len(cells.first), covariates.width))
    np.add.at(out, (np.arange(len(out)).repeat(np.diff(covariates.start)), covariates.column), covariates.value)
    return out


def _potentials_of_few(first, second, columns, n_items):
    """Return what `_potentials` does along another spanning tree, walked from item 0."""
    neighbours = [[] for _ in range(n_items)]
    for edge, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        neighbours[one].append((other, edge, -1.0))
        neighbours[other].append((one, edge, 1.0))
    potential, reached, seen = np.zeros((n_items, columns.shape[1])), [0], {0}
    for item in reached:
        for child, edge, sign in neighbours[item]:
            if child not in seen:
                seen.add(child)
                reached.append(child)
                potential[child] = potential[item] + sign * columns[edge]
    return potential


def _potentials(first, second, columns, n_items):
    """Return scores (K, width) whose differences are the columns along a spanning tree of the graph of comparisons."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    low, high = np.minimum(first, second), np.maximum(first, second)
    pair, cell = _first_of_each(low.astype(np.int64) * n_items + high, n_items**2)
    graph = coo_array((np.ones(len(cell)), (low[cell], high[cell])), shape=(n_items, n_items)).tocsr()
    order, parent = breadth_first_order(graph, 0, directed=False)
    item = order[1:]
    before = parent[item].astype(np.int64)
    key = np.minimum(item, before) * n_items + np.maximum(item, before)
    edge = cell[np.searchsorted(pair, key)]
    step = columns[edge].toarray() * np.where(first[edge] == item, 1.0, -1.0)[:, None]
    potential = np.zeros((n_items, columns.shape[1]))
    for child, above, difference in zip(item.tolist(), before.tolist(), step, strict=True):
        potential[child] = potential[above] + difference
    return potential


def _first_of_each(key, size):
    """Return the keys below `size` that occur, ascending, and where each occurs first; by a table if that is small."""
    if size > 4 * len(key):
        return np.unique(key, return_index=True)
    place = np.full(size, -1, dtype=np.int64)
    place[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    found = np.flatnonzero(place >= 0)
    return found, place[found]
