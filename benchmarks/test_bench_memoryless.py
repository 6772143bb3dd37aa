"""Laws of sums of m rewards: types against the NumPy recipe, tilted transforms against the transforms they need."""

from functools import cache, partial

import numpy as np
import pytest
from scipy import fft, special

import alignment_fast as af
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.kernels.memoryless import operations as ops
from alignment_fast.kernels.memoryless.structures import TiltedWindow
from alignment_fast.memoryless import _keys as keys
from alignment_fast.memoryless import _ladder as ladder
from alignment_fast.memoryless import _types as types

# ---- types ----

M = 1600
P = np.array([0.3, 0.5, 0.2])
REWARD = np.log([1.0, 2.0, 6.0])


def our_types():
    return types.enumerate_types(ops, P, keys.keys_of(ops, REWARD), M, num_threads=1)[:2]


def numpys_types():
    """Tables of log-factorials, all pairs of counts, one sort: no ties are looked for."""
    first, second = np.nonzero(np.tri(M + 1, dtype=bool)[::-1])
    third = M - first - second
    table = special.gammaln(np.arange(M + 1) + 1.0)
    counts = np.arange(M + 1.0)[:, None]
    log_p = counts * np.log(P) - table[:, None]
    log_mass = table[M] + log_p[first, 0] + log_p[second, 1] + log_p[third, 2]
    reward = REWARD[0] * first + REWARD[1] * second + REWARD[2] * third
    order = np.argsort(reward)
    return reward[order], log_mass[order]


def is_a_law(result):
    support, log_pmf = result
    assert (np.diff(support) >= 0).all()
    assert np.isclose(np.logaddexp.reduce(log_pmf), 0.0, atol=1e-9)


TYPES = Case(
    f"types, m = {M}, 3 letters",
    {
        OURS: Contender(our_types, types.number_of_types(3, M), is_a_law),
        "NumPy": Contender(numpys_types, types.number_of_types(3, M), is_a_law),
    },
    targets=(Target("NumPy", 4),),
)

# ---- one tilt ----

LETTERS, BINS = 1000, 1 << 20
THETA = np.array([1e-3])


@cache
def wide_lattice():
    weight = np.random.default_rng(0).exponential(size=BINS // LETTERS)
    return ladder.Lattice(np.log(weight / weight.sum()))


@cache
def spectrum():
    x = np.random.default_rng(1).random(ladder.transform_length(wide_lattice(), LETTERS))
    return x, fft.rfft(x)


def our_tilt():
    return ladder.tilts(ops, wide_lattice(), LETTERS, THETA, num_threads=1)


def two_transforms():
    x, z = spectrum()
    fft.rfft(x)
    return fft.irfft(z, len(x))


def adds_up(result):
    assert np.isclose(result.mass.sum(), 1.0, atol=1e-10)


def is_given_back(result):
    np.testing.assert_allclose(result, spectrum()[0], atol=1e-12)


TILT = Case(
    "one tilt of the sum of 1000 rewards, 2^20 bins",
    {OURS: Contender(our_tilt, 1, adds_up), "two SciPy transforms": Contender(two_transforms, 1, is_given_back)},
    targets=(Target("two SciPy transforms", 1 / 1.3),),
)

# ---- a whole law ----

WEIGHTS = np.array([7, 11, 0, 5, 3, 0, 0, 1]) / 27
LONG = 800
FASTEST_BATCH = 1 << 14  # numbers that the transforms alone take at once, the best of the powers of two


@cache
def small_lattice():
    with np.errstate(divide="ignore"):
        return ladder.Lattice(np.log(WEIGHTS))


def our_ladder():
    return ladder.ladder(ops, small_lattice(), LONG, num_threads=1)


def its_transforms():
    """As many pairs of transforms as the ladder takes, each of the whole law, in batches that suit the cache too."""
    tilts, length = our_ladder_shape()
    batch = max(1, FASTEST_BATCH // length)
    for first in range(0, tilts, batch):
        z = fft.rfft(np.ones((min(batch, tilts - first), len(WEIGHTS))), length, axis=1)
        fft.irfft(z, length, axis=1)


@cache
def our_ladder_shape():
    return our_ladder().tilts, ladder.transform_length(small_lattice(), LONG)


def is_accurate(result):
    assert result.error.max() < 3e-11
    assert result.log_pmf[-1] == pytest.approx(LONG * np.log(1 / 27), rel=1e-13)


WHOLE = Case(
    f"whole law of the sum of {LONG} rewards, relative 1e-11",
    {
        OURS: Contender(our_ladder, 1, is_accurate),
        "its SciPy transforms": Contender(its_transforms, 1, lambda result: None),
    },
    targets=(Target("its SciPy transforms", 1 / 1.2),),
)

# ---- the loops alone ----

WEIGHT = np.random.default_rng(2).random(types.number_of_types(3, M))


def our_means():
    return types.weighted_counts(ops, 3, M, WEIGHT, num_threads=1)


def numpys_means():
    first, second = np.nonzero(np.tri(M + 1, dtype=bool)[::-1])
    means = np.array([WEIGHT @ first, WEIGHT @ second])
    return np.append(means, M * WEIGHT.sum() - means.sum())


def are_means(expected, result):
    np.testing.assert_allclose(result, expected(), rtol=1e-9)


MEANS = Case(
    f"weighted means of types, m = {M}, 3 letters",
    {
        OURS: Contender(our_means, WEIGHT.size, partial(are_means, numpys_means)),
        "NumPy": Contender(numpys_means, WEIGHT.size, partial(are_means, our_means)),
    },
)

# ---- merging the window of a tilt ----

SHARE = np.random.default_rng(3).random(100_000)
SHIFT, NOISE, LEAST, SMOOTH = 20.0, 1e-14, 1e-6, 1e-12


def our_merge():
    log_pmf, error = np.full(SHARE.size, -np.inf), np.full(SHARE.size, np.inf)
    ops.merge(TiltedWindow(THETA[0], SHIFT, NOISE, SMOOTH, LEAST, 0, SHARE.size, SHARE), log_pmf, error)
    return log_pmf, error


def numpys_merge():
    log_pmf, error = np.full(SHARE.size, -np.inf), np.full(SHARE.size, np.inf)
    good = np.flatnonzero(SHARE > LEAST)
    sums = np.arange(good[0], good[-1] + 1)
    mass = np.maximum(SHARE[sums], 0.1 * NOISE)
    bound = NOISE / mass + SMOOTH + 4 * ladder.UNIT * (THETA[0] * sums + SHIFT)
    better = bound < error[sums]
    np.copyto(log_pmf[sums[0] : sums[-1] + 1], np.log(mass) - THETA[0] * sums + SHIFT, where=better)
    np.copyto(error[sums[0] : sums[-1] + 1], bound, where=better)
    return log_pmf, error


def are_merged(expected, result):
    for found, other in zip(result, expected(), strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-12)


MERGE = Case(
    f"one window of {SHARE.size} sums without its tilt",
    {
        OURS: Contender(our_merge, SHARE.size, partial(are_merged, numpys_merge)),
        "NumPy": Contender(numpys_merge, SHARE.size, partial(are_merged, our_merge)),
    },
)

# ---- best-of-n over sequences ----

VOCABULARY = 50_257


@cache
def large_model():
    random = np.random.default_rng(0)
    p, reward = random.dirichlet(np.ones(VOCABULARY)), random.normal(size=VOCABULARY)
    return af.memoryless.MemorylessModel(p, reward=reward, num_threads=1)


def our_best_of_n():
    return large_model().best_of_n(1000, log_n=300.0)


def states_its_error(law):
    assert law.error_bound < 1e-6
    assert law.kl_to_reference == pytest.approx(299.0, abs=1e-9)


LARGE = Case(
    f"best of exp(300) sequences of 1000 tokens, vocabulary {VOCABULARY}",
    {OURS: Contender(our_best_of_n, 1, states_its_error)},
    targets=(Target("seconds", 0.1),),
)

DRAWS = 1000
TERNARY = af.memoryless.MemorylessModel([1 / 5, 3 / 10, 1 / 2], [2 / 3, 1 / 9, 2 / 9], num_threads=1)


def our_sequences(m):
    return TERNARY.sample_sequences(m, DRAWS, delta=0.11, rng=1)


def numpys_sequences(m):
    """All n = exp(0.11 m) candidates of fewer draws, and the best of them."""
    n = round(np.exp(0.11 * m))
    reward = np.log([2 / 3, 1 / 9, 2 / 9])
    letters = np.random.default_rng(1).choice(3, size=(FEWER, n, m), p=[0.2, 0.3, 0.5])
    best = reward[letters].sum(axis=2).argmax(axis=1)
    return letters[np.arange(FEWER), best]


FEWER = 10


def are_best(m, result):
    mean = np.log([2 / 3, 1 / 9, 2 / 9])[result].sum(axis=1).mean()
    assert mean == pytest.approx(TERNARY.best_of_n(m, delta=0.11).expected_reward, abs=8 / len(result) ** 0.5)


SEQUENCES = tuple(
    Case(
        f"best-of-n sequences of {m} letters, n = exp(0.11 m)",
        {
            OURS: Contender(partial(our_sequences, m), DRAWS, partial(are_best, m)),
            **(
                {"NumPy, all n": Contender(partial(numpys_sequences, m), FEWER, partial(are_best, m))}
                if m < 100
                else {}
            ),
        },
    )
    for m in (50, 200, 800)
)

CASES = (TYPES, TILT, WHOLE, MEANS, MERGE, LARGE, *SEQUENCES)


@pytest.mark.kernels("memoryless.types", "memoryless.power", "memoryless.types_means", "memoryless.merge")
@each_contender(CASES)
def test_laws_of_sums(case, name, timed):
    timed(case, name)
