"""h(x) = x e^x − expm1(x) and g(x) = expm1(x) − x, kernel and host: what divergences of weak tilts are summed from."""

import mpmath
import numpy as np
import pytest

from alignment_fast.information import _solve as solve
from alignment_fast.kernels.common import cpu as common
from alignment_fast.kernels.information import operations
from bounds import bound
from oracles import information as oracle

POINTS = np.concatenate([s * np.logspace(-300, np.log10(700), 301) for s in (1, -1)])
POINTS = np.concatenate([POINTS, [0.0, -0.0, 0.49999999999999994, 0.5, -0.5, -38.0, -745.0, -1e300]])


def exact(function):
    with mpmath.workdps(650):  # both functions cancel to x²/2
        return np.array([float(function(mpmath.mpf(x))) if x > -1e4 else limit(function, x) for x in POINTS.tolist()])


def limit(function, x):
    return 1.0 if function is oracle.entropy_term else -x - 1


def kernel_h(x):
    """Sums of one letter of probability 1."""
    one = np.ones((len(x), 1))
    return operations.entropy_sums(one, x[:, None], one, np.zeros((len(x), 1)))[:, 0]


def kernel_g(x):
    one = np.ones((len(x), 1))
    return operations.exponential_rests(one, x[:, None], one)[:, 0]


@pytest.mark.parametrize(
    ("function", "reference", "allowed"),
    [
        (kernel_h, oracle.entropy_term, bound("information.entropy_sums")),
        (solve.relative_entropy_term, oracle.entropy_term, 6e-15),
        (kernel_g, oracle.exponential_rest, bound("information.exponential_rests")),
        (solve.exponential_less_linear, oracle.exponential_rest, 6e-15),
    ],
    ids=["kernel h", "host h", "kernel g", "host g"],
)
def test_both_functions_keep_their_digits(function, reference, allowed):
    expected = exact(reference)
    # Squares below the normal range have fewer digits to keep.
    np.testing.assert_allclose(function(POINTS), expected, rtol=allowed, atol=1e-307)
    assert (function(POINTS) >= 0).all()


def test_sums_over_blocks_do_not_depend_on_threads_or_rows():
    random = np.random.default_rng(9)
    p, r = random.dirichlet(np.ones(2 * common.BLOCK + 17), 5), random.normal(size=(5, 2 * common.BLOCK + 17))
    orders, shifts = random.normal(size=(2, 5, 3))
    whole = operations.entropy_sums(p, r, orders, shifts, 1)
    np.testing.assert_array_equal(operations.entropy_sums(p, r, orders, shifts, 2), whole)
    np.testing.assert_array_equal(operations.entropy_sums(p[2:3], r[2:3], orders[2:3], shifts[2:3]), whole[2:3])
    x = orders[..., None] * r[:, None, :] - shifts[..., None]
    np.testing.assert_allclose(whole, (p[:, None, :] * solve.relative_entropy_term(x)).sum(axis=-1), rtol=1e-13)
