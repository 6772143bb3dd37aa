"""The design of comparisons: which difference of unknowns each cell sees."""

import numpy as np


def design(cells, covariates):
    """Return the sparse matrix (cells, items + covariates) of θ_first - θ_second + x'β."""
    from scipy.sparse import coo_array, csr_array, hstack

    count = len(cells.first)
    row, sign = np.tile(np.arange(count), 2), np.repeat([1.0, -1.0], count)
    pairs = coo_array((sign, (row, np.concatenate([cells.first, cells.second]))), shape=(count, cells.n_items))
    if not covariates.width:
        return csr_array(pairs)
    return hstack([pairs, covariate_matrix(cells, covariates)]).tocsr()


def covariate_matrix(cells, covariates):
    """Return covariates as a sparse matrix (cells, width)."""
    from scipy.sparse import csr_array

    shape = len(cells.first), covariates.width
    return csr_array((covariates.value, covariates.column, covariates.start), shape=shape)
