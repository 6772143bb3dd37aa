"""h(x) = x e^x − expm1(x) and g(x) = expm1(x) − x, kernel and host: what divergences of weak tilts are summed from."""

import mpmath
import numpy as np
import pytest

from alignment_fast.information import _weak as host
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


def kernel_g(x):
    return operations.estimates(-x)[0]


@pytest.mark.parametrize(
    ("function", "reference", "allowed"),
    [
        (host.relative_entropy_term, oracle.entropy_term, 6e-15),
        (host.exponential_less_linear, oracle.exponential_rest, 6e-15),
        (kernel_g, oracle.exponential_rest, bound("information.estimates")),
    ],
    ids=["host h", "host g", "kernel g"],
)
def test_both_functions_keep_their_digits(function, reference, allowed):
    expected = exact(reference)
    # Squares below the normal range have fewer digits to keep.
    np.testing.assert_allclose(function(POINTS), expected, rtol=allowed, atol=1e-307)
    assert (function(POINTS) >= 0).all()
