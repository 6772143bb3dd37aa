"""`simulate`: exact law of every source, both methods; statistics; independence of how the work is cut; bad input."""

import math
import pickle

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from alignment_fast._border.rng import DRAWS, TIES, stream_key
from alignment_fast.best_of_n import Gaussian, Quantile, Sampler, Simulation, Table, Uniform, simulate
from alignment_fast.kernels.best_of_n import simulation
from fresh import output_of
from oracles import simulation as oracle
from oracles.philox import uniform

SEED = 20240


def z_score(result, exact):
    return (result.mean - float(exact)) / result.standard_error


# ---- values: every number from the oracle's words ----


@pytest.mark.parametrize("n", [1, 3, 17, 2500])
def test_brute_gaussian_values(n):
    values = simulate(Gaussian(1.5, 2.0), n, 4, seed=SEED, method="brute", return_maxima=True).values
    keys = stream_key(SEED, DRAWS), stream_key(SEED, TIES)
    for replicate, value in enumerate(values):
        tail = oracle.word_tail(oracle.winner(*keys, replicate, n))
        assert value == pytest.approx(float(mp.mpf("1.5") + 2 * oracle.gaussian_isf(tail)), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("n", [1, 2.5, 10**6, 10**30])
def test_order_gaussian_values(n):
    values = simulate(Gaussian(), n, 4, seed=SEED, method="order", return_maxima=True).values
    for replicate, value in enumerate(values):
        tail = oracle.order_tail(stream_key(SEED), replicate, 0, n)
        assert value == pytest.approx(float(oracle.gaussian_isf(tail)), rel=1e-14, abs=1e-15)


def test_uniform_values_stay_inside_the_interval():
    low = simulate(Uniform(), 1, 200_000, seed=SEED, method="brute", return_maxima=True).values
    high = simulate(Uniform(), log_n=600.0, replicates=1000, seed=SEED, return_maxima=True).values
    assert low.min() > 0
    assert (high == 1 - 2.0**-53).all()


@pytest.mark.same_everywhere
def test_sampler_uses_the_stream_of_uniforms():
    values = simulate(Sampler(lambda u, v: u - v, 2), 3, 2, seed=SEED, return_maxima=True).values
    key = stream_key(SEED)
    for replicate, value in enumerate(values):
        u = [float(uniform(key, replicate, i, "float64")) for i in range(6)]
        assert value == max(u[0] - u[1], u[2] - u[3], u[4] - u[5])


# ---- law: |z| < 4 against the exact value, at a size where a plausible mistake is far outside ----


@pytest.mark.optimised
@pytest.mark.parametrize(
    ("n", "replicates", "method"),
    [
        (1, 100_000, "brute"),
        (2, 100_000, "brute"),
        (50, 100_000, "brute"),
        (10_000, 20_000, "brute"),
        (1_000_000, 400, "brute"),
        (50, 100_000, "order"),
        (10_000, 100_000, "order"),
        (2**30, 100_000, "order"),
        (10**12, 100_000, "order"),
    ],
)
def test_gaussian_mean_and_variance(n, replicates, method):
    result = simulate(Gaussian(), n, replicates, seed=SEED, method=method)
    mean, variance = oracle.gaussian_max_moments(n)
    assert abs(z_score(result, mean)) < 4
    assert result.variance == pytest.approx(float(variance), rel=8 / math.sqrt(replicates) + 0.01)


def test_the_tail_does_not_saturate():
    """A float32 normal is capped at 5.77 (2^-24 steps); the best of 2^30 exceeds that by 6 standard errors of 100."""
    result = simulate(Gaussian(), 2**30, 100_000, seed=SEED)
    assert abs(z_score(result, 6.0989)) < 4
    assert (5.77 - result.mean) / result.standard_error < -100


def test_best_of_exp_300():
    result = simulate(Gaussian(), log_n=300.0, replicates=100_000, seed=SEED)
    assert abs(z_score(result, 24.35005899506277768899545)) < 4
    assert result.variance == pytest.approx(0.0027582534802098910733, rel=0.03)


P = [4, 1, 0, 3, 2, 5]
REWARD = [0.5, 2.0, 9.0, -1.0, 2.0, 0.5]


@pytest.mark.parametrize("method", ["brute", "order"])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_table_law(n, method):
    values = simulate(Table(P, REWARD), n, 50_000, seed=SEED, method=method, return_maxima=True).values
    law = {value: float(q) for value, q in oracle.table_max_law(P, REWARD, n).items() if q > 0}
    assert set(values) <= set(law)
    observed = [(values == value).sum() for value in law]
    expected = [50_000 * q for q in law.values()]
    assert stats.chisquare(observed, expected).pvalue > 1e-4


@pytest.mark.parametrize("size", [32, 1024, 50257])
def test_large_tables(size):
    generator = np.random.default_rng(size)
    p, reward = generator.exponential(size=size), np.round(generator.normal(size=size), 2)
    result = simulate(Table(p, reward), 100, 40_000, seed=SEED, method="brute")
    law = oracle.table_max_law(p.tolist(), reward.tolist(), 100)
    mean = sum(value * q for value, q in law.items())
    assert abs(z_score(result, mean)) < 4


def test_rare_best_outcomes_keep_their_probability():
    """The best outcome has probability 1e-15, below the spacing of float64 near 1."""
    result = simulate(Table([1.0, 1e-15], [0.0, 1.0]), 10**15, 100_000, seed=SEED)
    assert abs(z_score(result, -math.expm1(-1.0))) < 4


def test_table_of_log_probabilities():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    shifted = Table(np.log(p) - 1000.0, [1, 2, 3, 4], log=True)
    plain = simulate(Table(p, [1, 2, 3, 4]), 3, 20_000, seed=SEED)
    assert simulate(shifted, 3, 20_000, seed=SEED).mean == plain.mean


@pytest.mark.parametrize("method", ["brute", "order"])
def test_quantile_functions(method):
    exact = sum(1 / k for k in range(1, 101))
    for source in (Quantile(isf=stats.expon().isf), Quantile(ppf=stats.expon().ppf)):
        assert abs(z_score(simulate(source, 100, 50_000, seed=SEED, method=method), exact)) < 4


@pytest.mark.same_everywhere
def test_sampler_law():
    def largest_of_two(u, v):
        return max(u, v)

    result = simulate(Sampler(largest_of_two, 2), 5, 50_000, seed=SEED)
    assert abs(z_score(result, 10 / 11)) < 4


# ---- grids ----


@pytest.mark.parametrize("method", ["brute", "order"])
def test_prefixes_have_their_joint_law(method):
    """The best of the first 3 draws is the best of 12 with probability 1/4."""
    values = simulate(Gaussian(), [3, 12], 40_000, seed=SEED, method=method, return_maxima=True).values
    same = int((values[:, 0] == values[:, 1]).sum())
    assert stats.binomtest(same, 40_000, 0.25).pvalue > 1e-4
    assert (values[:, 0] <= values[:, 1]).all()


def test_brute_values_do_not_depend_on_the_grid():
    grid = simulate(Gaussian(), [1, 5, 5, 3000], 100, seed=SEED, method="brute", return_maxima=True).values
    for column, n in enumerate([1, 5, 5, 3000]):
        alone = simulate(Gaussian(), n, 100, seed=SEED, method="brute", return_maxima=True).values
        assert (grid[:, column] == alone).all()


@pytest.mark.same_everywhere
def test_sampler_grid_is_prefixes():
    source = Sampler(lambda u: u, 1)
    grid = simulate(source, [2, 9, 20_000], 20, seed=SEED, return_maxima=True).values
    for column, n in enumerate([2, 9, 20_000]):
        assert (grid[:, column] == simulate(source, n, 20, seed=SEED, return_maxima=True).values).all()


# ---- statistics ----


def test_statistics_are_those_of_the_maxima():
    result = simulate(Gaussian(), [2, 9], 10_001, seed=SEED, return_maxima=True)
    assert result.values.shape == (10_001, 2)
    np.testing.assert_allclose(result.mean, result.values.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(result.variance, result.values.var(axis=0, ddof=1), rtol=1e-13)
    np.testing.assert_allclose(result.standard_error, np.sqrt(result.variance / 10_001), rtol=1e-15)
    assert (result.minimum == result.values.min(axis=0)).all()
    assert (result.maximum == result.values.max(axis=0)).all()


def test_one_replicate_has_no_variance():
    result = simulate(Gaussian(), 2, 1, seed=SEED)
    assert math.isnan(result.variance)
    assert math.isnan(result.standard_error)
    assert result.minimum == result.mean == result.maximum


@pytest.mark.parametrize(
    ("source", "n", "method", "draws"),
    [
        (Gaussian(), 10, "auto", 500),
        (Gaussian(), [10, 20], "brute", 1000),
        (Gaussian(), 10**9, "auto", 100),
        (Gaussian(), [2, 10**9], "order", 200),
        (Sampler(lambda u, v: u + v, 2), 10, "auto", 2000),
    ],
)
def test_draws_counts_words(source, n, method, draws):
    assert simulate(source, n, 50, seed=SEED, method=method).draws == draws


def test_auto_is_order_above_4096_and_for_real_n():
    for n in (4096, 4097, 2.5):
        method = "brute" if n == 4096 else "order"
        assert simulate(Gaussian(), n, 9, seed=1).mean == simulate(Gaussian(), n, 9, seed=1, method=method).mean


def test_result_is_readable_and_picklable():
    result = simulate(Gaussian(), 2, 100, seed=SEED, return_maxima=True)
    again = pickle.loads(pickle.dumps(result))
    assert isinstance(again, Simulation)
    assert again.mean == result.mean
    assert "n=2" in repr(result)
    assert "replicates=100" in repr(result)
    assert repr(simulate(Gaussian(), [2, 4], 100, seed=SEED)).count("  n=") == 2
    for source in (Gaussian(), Uniform(), Table(P, REWARD), Quantile(isf=math.log), Sampler(max, 2)):
        assert pickle.loads(pickle.dumps(source)) == source
        assert hash(source) == hash(pickle.loads(pickle.dumps(source)))


# ---- nothing depends on how the work is cut ----

SOURCES = [Gaussian(), Table(P, REWARD), Quantile(isf=lambda tail: -np.log(tail)), Sampler(lambda u: u * u, 1)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
@pytest.mark.parametrize("options", [{"num_threads": 2}, {"num_threads": 7}, {"batch": 1}, {"batch": 8192}])
def test_threads_and_batches_do_not_matter(source, options):
    expected = simulate(source, [3, 100], 20_000, seed=SEED, num_threads=1)
    result = simulate(source, [3, 100], 20_000, seed=SEED, **options)
    for name in ("mean", "variance", "minimum", "maximum"):
        assert (getattr(result, name) == getattr(expected, name)).all(), name


@pytest.mark.parametrize("method", ["brute", "order"])
@pytest.mark.parametrize("first", [1, 31, 4096, 2**32 - 50])
def test_replicates_are_addressed(first, method):
    options = {"seed": SEED, "method": method, "return_maxima": True}
    whole = simulate(Gaussian(), 9, 200, replicate=first, **options).values
    assert (simulate(Gaussian(), 9, 100, replicate=first + 100, **options).values == whole[100:]).all()


def test_seeds():
    def mean(seed):
        return simulate(Gaussian(), 2, 100, seed=seed).mean

    assert mean(3) == mean(np.random.SeedSequence(3)) != mean(4)
    assert mean(np.random.default_rng(1)) == mean(np.random.default_rng(1))
    assert mean(None) != mean(None)


def test_a_nan_stays_even_when_draws_come_later():
    def reward(u):
        return math.nan if u < 0.01 else u

    with pytest.raises(ValueError, match=r"the reward of replicate \d+ is NaN"):
        simulate(Sampler(reward, 1), 1000, 10, seed=SEED)


def test_compiled_functions_are_accepted():
    import numba

    plain = simulate(Sampler(lambda u: u**3, 1), 10, 100, seed=SEED)
    compiled = simulate(Sampler(numba.njit(lambda u: u**3), 1), 10, 100, seed=SEED)
    assert plain.mean == compiled.mean


@pytest.mark.same_everywhere
def test_a_sampler_writes_no_cache(tmp_path):
    """It works where neither the installation nor the home directory can be written."""
    code = (
        "from alignment_fast.best_of_n import Sampler, simulate\n"
        "print(simulate(Sampler(lambda u: u, 1), 2, 100, seed=1).replicates)"
    )
    assert output_of(code, NUMBA_CACHE_DIR="/proc/nowhere", HOME="/proc/nowhere") == "100"


def test_the_cpu_path_does_not_load_numba():
    code = (
        "import sys\nfrom alignment_fast.best_of_n import Gaussian, simulate\n"
        "simulate(Gaussian(), 2, 10, seed=1)\nprint('numba' in sys.modules)"
    )
    assert output_of(code) == "False"


# ---- bad input ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, r"n must be at least 1, not 0"),
        ({"n": [1, 0.5]}, r"n\[1\] must be at least 1, not 0.5"),
        ({"n": math.nan}, r"n must be at least 1, not nan"),
        ({"n": [4, 2]}, r"n must ascend, but n\[1\] is below n\[0\]"),
        ({"n": []}, r"shape \(G,\) with G >= 1, not \(0,\)"),
        ({"n": [[1]]}, r"not \(1, 1\)"),
        ({"n": math.inf}, r"logarithm of n must not exceed 650"),
        ({"n": 10**400}, r"n is too large: the logarithm of n must not exceed 650, and is 921"),
        ({"n": 2.5, "method": "brute"}, r"brute force needs integers"),
        ({"n": 2**60, "method": "brute"}, r"brute force needs integers n below 2\*\*60"),
        ({"n": 2, "log_n": 1.0}, r"exactly one of n and log_n"),
        ({}, r"exactly one of n and log_n"),
        ({"log_n": -1.0}, r"log_n must lie in \[0, 650\], not -1.0"),
        ({"log_n": [1.0, 651.0]}, r"log_n\[1\] must lie in \[0, 650\]"),
        ({"n": 2, "replicates": 0}, r"replicates must be a positive integer, not 0"),
        ({"n": 2, "replicates": 2.0}, r"replicates must be a positive integer, not 2.0"),
        ({"n": 2, "batch": 0}, r"batch must be a positive integer"),
        ({"n": 2, "replicate": -1}, r"replicate must be an integer from 0"),
        ({"n": 2, "method": "best"}, r"method must be one of 'auto', 'brute', 'order', not 'best'"),
        ({"n": 2, "device": "tpu"}, r"device must be one of None, 'cpu', 'cuda', not 'tpu'"),
        ({"n": 2, "num_threads": 0}, r"num_threads must be a positive integer"),
    ],
)
def test_bad_arguments(arguments, message):
    arguments = {"replicates": 100_000, **arguments}
    with pytest.raises(ValueError, match=message):
        simulate(Gaussian(), seed=1, **arguments)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Gaussian(math.inf), ValueError, "mean must be finite, not inf"),
        (lambda: Gaussian(0.0, 0.0), ValueError, "std must be positive and finite, not 0.0"),
        (lambda: Gaussian("a"), TypeError, "mean must be a number, not 'a'"),
        (lambda: Gaussian(std=[1.0, 2.0]), TypeError, r"std must be a number, not \[1.0, 2.0\]"),
        (lambda: Table([0.5, -0.5], [1, 2]), ValueError, r"p\[1\] = -0.5 is negative"),
        (lambda: Table([0.5, math.nan], [1, 2]), ValueError, r"p\[1\] = nan is NaN"),
        (lambda: Table([math.inf, 1], [1, 2]), ValueError, r"p\[0\] = inf is infinite"),
        (lambda: Table([0, 0], [1, 2]), ValueError, "p has no positive mass"),
        (lambda: Table([1, 1], [1, math.nan]), ValueError, r"reward\[1\] = nan is NaN"),
        (lambda: Table([1, 1], [1]), ValueError, "p and reward must have the same length, not 2 and 1"),
        (lambda: Table([], []), ValueError, r"p must have shape \(V,\) with V >= 1, not \(0,\)"),
        (lambda: Table([1, 2], [1, 2], log=True), TypeError, "p must be floating-point"),
        (lambda: Quantile(), ValueError, "exactly one of isf and ppf"),
        (lambda: Quantile(ppf=1.0), TypeError, "ppf must be callable"),
        (lambda: Sampler(3, 1), TypeError, "function must be callable"),
        (lambda: Sampler(max, 0), ValueError, "uniforms must be a positive integer, not 0"),
        (lambda: simulate(3, 2, 10, seed=1), TypeError, "source must be a Gaussian"),
        (lambda: simulate(Gaussian(), "x", 10, seed=1), TypeError, "n must be a number, not 'x'"),
        (lambda: simulate(Sampler(max, 2), 2, 10, seed=1, method="order"), ValueError, "needs a monotone source"),
        (lambda: simulate(Quantile(isf=np.sum), 2, 10, seed=1), ValueError, r"isf returned shape \(\) for an argument"),
        (lambda: simulate(Quantile(isf=lambda t: t * 1j), 2, 10, seed=1), TypeError, "isf must return real numbers"),
        (lambda: simulate(Sampler(lambda u: u, 2), 2, 10, seed=1), TypeError, "cannot be compiled to take 2 float64"),
        (lambda: simulate(Sampler(lambda u: None, 1), 2, 10, seed=1), TypeError, "and return one number"),
        (lambda: simulate(Gaussian(), 2, 10, seed=-1), ValueError, "seed must not be negative"),
    ],
)
def test_bad_sources(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("grid", [[1, 2**60], [1, 10**250], [2.5, 10**30]])
def test_numbers_of_draws_beyond_64_bits_are_floats(grid):
    result = simulate(Gaussian(), grid, 10, seed=1)
    assert result.n.tolist() == [float(n) for n in grid]
    assert type(simulate(Gaussian(), grid[1], 10, seed=1).n) is float


def test_infinite_rewards_are_atoms():
    result = simulate(Table([1, 1, 1], [-math.inf, 0.0, math.inf]), 1, 100, seed=1, return_maxima=True)
    assert set(result.values) == {-math.inf, 0.0, math.inf}


def test_pieces_of_a_long_run(monkeypatch):
    expected = simulate(Gaussian(), 100_000, 3, seed=1, method="brute").mean
    monkeypatch.setattr(simulation, "PIECE", 1000)
    assert simulate(Gaussian(), 100_000, 3, seed=1, method="brute").mean == expected


def test_a_table_of_nothing_is_refused():
    """None was taken for masses that are all alike, and memory that nobody had allocated was freed."""
    for _ in range(100):
        with pytest.raises(TypeError, match="p must be an array, not None"):
            Table(None, [1.0, 2.0])
