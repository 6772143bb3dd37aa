"""Entry points within the bounds of their rows: those that the tests of a family meet only indirectly."""

import mpmath
import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.kernels.best_of_n import cpu as best_of_n
from alignment_fast.kernels.information import cpu as information
from alignment_fast.kernels.ranking import cpu as ranking
from alignment_fast.kernels.ranking import operations
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, Cells, Covariates
from bounds import assert_same_bits, bound
from oracles import best_of_n as law_oracle
from oracles import comparisons as comparison_oracle
from oracles import dynamics as dynamics_oracle
from oracles import elo as elo_oracle
from oracles import information as information_oracle
from oracles import paired_models as model_oracle
from oracles import plackett_luce as choice_oracle
from oracles import simulation as simulation_oracle
from oracles.scalar import error_in_ulp

BRADLEY_TERRY = ranking.MODELS_BY_NAME["bradley_terry"]
# Of comparisons without covariates: twice a score and a tie parameter at most; terms are as steep as they are curved.
LONGEST_ROW, STEEPNESS = 3.0, 1.0
WORDS = [0, 1, 7, 2**52 - 1, 2**53 - 1, 2**53 + 1, 2**61 + 2**8 + 1, 2**63, 2**64 - 1025]


def random_words(count=2000):
    """Return words of every size, the last of all at the end."""
    random = np.random.default_rng(0)
    words = random.integers(0, 2**64, count, dtype=np.uint64) >> random.integers(0, 64, count).astype(np.uint64)
    return np.concatenate([np.array(WORDS, np.uint64), words, np.array([2**64 - 1], np.uint64)])


# ---- best_of_n: laws ----


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_groups_of_a_law(spread, log):
    """decay = -log F, step = log(F / F'), odds = F' / P: mantissas and exponents, in the order of law_build.inc."""
    random = np.random.default_rng(int(spread))
    logits, reward = spread * random.standard_normal(40), random.integers(0, 12, 40) / 7.0
    p = logits if log else np.exp(logits)
    fields, integers = np.zeros((1, best_of_n.FIELDS, 40)), np.zeros((1, best_of_n.INTEGERS, 40), np.int32)
    counts = np.zeros((1, 2), np.int64)
    best_of_n.Laws(fields, integers, counts).build(p[None], reward[None], log, 0, 1, np.zeros((1, 2), np.uint64))
    groups = law_oracle.Law(p, reward, n=1, log=log).groups
    assert counts[0, 0] == len(groups)
    for g, (_, below, mass, above) in enumerate(groups):
        with mpmath.workdps(law_oracle.DIGITS):
            exact = [-mpmath.log1p(-above), mpmath.log1p(mass / below) if below else None, below / mass]
        for k, value in enumerate(exact):
            if value is not None:
                found = mpmath.ldexp(mpmath.mpf(fields[0, 5 + k, g]), int(integers[0, 2 + k, g]))
                assert abs(found - value) <= bound("best_of_n.build") * abs(value), (g, k)


# ---- best_of_n: simulation ----


def test_tails_of_words():
    words = random_words()
    tail = np.empty(len(words))
    best_of_n.word_tails(words, tail)
    assert tail[-1] == np.nextafter(1.0, 0.0)
    for word, value in zip(words[:-1], tail[:-1], strict=True):
        error = error_in_ulp(value, simulation_oracle.word_tail(int(word)), "float64")
        assert error <= bound("best_of_n.word_tails"), word


@pytest.mark.parametrize("size", [1.0, 2.5, 1e6, 1e30])
def test_exponents_of_the_best(size):
    key, replicate, entry = 0x123456789ABCDEF0, 2**32 - 7, 5
    found = np.full(40, np.inf)
    best_of_n.fold_exponents(key, replicate, entry, size, found)
    for r, value in enumerate(found):
        exact = simulation_oracle.exponent(key, replicate + r, entry, size)
        assert error_in_ulp(value, exact, "float64") <= bound("best_of_n.fold_exponents")


def test_tails_of_exponents():
    exponent = np.concatenate([np.geomspace(1e-300, 37, 400), np.linspace(0.1, 36, 200)])
    tail = np.empty_like(exponent)
    best_of_n.exponent_tails(exponent, tail)
    for x, value in zip(exponent, tail, strict=True):
        exact = simulation_oracle.exponent_tail(x)
        assert error_in_ulp(value, exact, "float64") <= bound("best_of_n.exponent_tails"), x


def test_normal_rewards():
    tail = np.concatenate([np.geomspace(5e-324, 0.5, 200), 1 - np.geomspace(2.0**-53, 0.5, 100)])
    reward = np.empty_like(tail)
    best_of_n.gaussian_rewards(tail, 0.0, 1.0, reward)
    for x, value in zip(tail, reward, strict=True):
        exact = simulation_oracle.gaussian_isf(x)
        assert error_in_ulp(value, exact, "float64") <= bound("best_of_n.gaussian_rewards"), x


def test_uniform_rewards_are_rounded_once():
    tail = np.concatenate([np.geomspace(2.0**-65, 1 - 2.0**-53, 500), [5e-324, 0.5, 0.75]])
    reward = np.empty_like(tail)
    best_of_n.uniform_rewards(tail, reward)
    exact = [simulation_oracle.uniform_reward(x) for x in tail]
    assert_same_bits("best_of_n.uniform_rewards", reward, exact)


@pytest.mark.parametrize("size", [1, 2, 3, 64, 1000])
def test_table_rewards_are_those_of_a_search_one_by_one(size):
    random = np.random.default_rng(size)
    ladder = np.concatenate([[0.0], np.sort(random.random(size - 1))])
    value = np.sort(random.standard_normal(size))[::-1].copy()
    tail = np.concatenate([random.random(200), ladder, [1 - 2.0**-53]])
    reward = np.empty_like(tail)
    best_of_n.table_rewards(tail, ladder, value, reward)
    exact = [simulation_oracle.table_reward(x, ladder, value) for x in tail]
    assert_same_bits("best_of_n.table_rewards", reward, exact)


# ---- information ----

LETTERS = [2, 31, 200]


@pytest.mark.parametrize("letters", LETTERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_partition_functions(dtype, letters):
    """By order relative to max |r| + 1 / max(|order|, 1 / range)."""
    random = np.random.default_rng(letters)
    p, r = random.random(letters).astype(dtype), random.standard_normal(letters).astype(dtype)
    orders = np.array([-30.0, -1.0, -1e-9, 1e-4, 0.7, 12.0])
    out = np.empty((1, len(orders)))
    arguments = p[None], information.WEIGHT_PROBABILITY, r[None], information.REWARD_GIVEN, True, orders[None]
    information.log_mgf(*arguments, out, 0, 1)
    for order, value in zip(orders, out[0], strict=True):
        exact = information_oracle.log_mgf(p.tolist(), r.tolist(), order)
        size = abs(order) * (abs(r).max() + 1 / max(abs(order), 1 / np.ptp(r)))
        assert abs(value - exact) <= bound("information.log_mgf", dtype) * size, order


@pytest.mark.parametrize("letters", LETTERS)
def test_plain_measures(letters):
    """Relative to the sum of the magnitudes of the terms."""
    random = np.random.default_rng(letters)
    p, q = random.random(letters) * (random.random(letters) < 0.9), random.random(letters)
    p[0] = 0.5
    entropy = information_oracle.renyi_entropy(p.tolist(), 1)
    cross = information_oracle.renyi_cross_entropy(p.tolist(), q.tolist(), 1)
    divergence = information_oracle.renyi_divergence(p.tolist(), q.tolist(), 1)
    assert abs(information.plain_entropy(p) - entropy) <= bound("information.plain_entropy") * entropy
    assert abs(information.plain_cross_entropy(p, q, True) - cross) <= bound("information.plain_cross_entropy") * cross
    error = abs(information.plain_divergence(p, q, True) - divergence)
    assert error <= bound("information.plain_divergence") * (cross + entropy)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("letters", [2, 33, 600])
def test_tilts_and_what_is_solved_for_them(letters, dtype):
    """Divergences relative to themselves; the tilts found are held to the divergence and to the mean that they have."""
    random = np.random.default_rng(letters)
    p, r = random.dirichlet(np.ones(letters)).astype(dtype), random.normal(size=letters).astype(dtype)
    alphas = np.array([[-3.0, 1e-9, 0.4, 20.0]])
    rows = p[None], information.WEIGHT_PROBABILITY, r[None]
    out = np.empty((1, 4, 4))
    assert information.tilts(*rows, alphas, None, out, 0, 1)
    exact = [information_oracle.tilted_divergence(p.tolist(), r.tolist(), alpha) for alpha in alphas[0]]
    for value, expected in zip(out[0, :, 0], exact, strict=True):
        assert abs(value - expected) <= bound("information.tilts", dtype) * expected
    reached, alpha, value, t = (np.empty((1, 3)) for _ in range(4))
    assert information.tilts_of_divergence(*rows, out[:, 1:, 0].copy(), None, None, alpha, reached, 0, 1)
    np.testing.assert_allclose(reached, out[:, 1:, 0], rtol=bound("information.tilts_of_divergence", dtype))
    assert information.rates(*rows, out[:, 1:, 1].copy(), value, t, 0, 1)
    for k in (1, 2):  # the mean at 1e-9 does not tell the tilt from 0
        assert abs(value[0, k] - exact[k + 1]) <= 10 * bound("information.rates", dtype) * exact[k + 1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("letters", [2, 33, 600])
def test_gradients_of_log_mgfs(letters, dtype):
    """T − p, relative to its largest component."""
    random = np.random.default_rng(letters)
    p, r = random.dirichlet(np.ones(letters)).astype(dtype), random.normal(size=letters).astype(dtype)
    alphas = np.array([[-3.0, 1e-9, 0.4, 20.0]])
    scalars, vectors = np.empty((1, 4, 1)), np.empty((1, 4, 2, letters))
    rows = p[None], information.WEIGHT_PROBABILITY, r[None], information.OF_LOG_MGF, alphas
    assert information.gradients(*rows, scalars, vectors, 0, 1)
    own = information_oracle.tilted(p.tolist(), r.tolist(), 0.0)
    for k, alpha in enumerate(alphas[0]):
        exact = [a - b for a, b in zip(information_oracle.tilted(p.tolist(), r.tolist(), alpha), own, strict=True)]
        errors = [abs(float(x - y)) for x, y in zip(exact, vectors[0, k, 1], strict=True)]
        assert max(errors) <= bound("information.gradients", dtype) * max(abs(float(x)) for x in exact)


# ---- dynamics ----


def game(K, points, seed):
    """Return a preference matrix, policies and parameters: float64 numbers in extended precision."""
    random = np.random.default_rng(seed)
    skew = random.uniform(-0.45, 0.45, (K, K))
    policies = [random.dirichlet(np.ones(K)) for _ in range(3)]
    parameters = [random.uniform(low, high, points) for low, high in ((0, 1), (0.1, 2), (0, 1))]
    return 0.5 + (skew - skew.T) / 2, policies, parameters


def exact_path(P, parameters, policies, steps, method="ipo"):
    wide = [np.asarray(array, np.longdouble) for array in (P, *policies)]
    return dynamics_oracle.trajectory(wide[0], *map(np.longdouble, parameters), *wide[1:], steps, method)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [2, 3, 5, 9])
def test_rounds_of_trajectories(K, method):
    """Relative to max(1, |log π|), per round; mean, variance and entropy to 1 + the same."""
    P, policies, (alpha, beta, lam) = game(K, 9, K)
    init, sampler, ref = policies
    options = {"init": init, "sampler": sampler, "ref": ref, "steps": 6, "burn_in": 2, "method": method}
    run = af.dynamics.simulate(P, alpha=alpha, beta=beta, lam=lam, **options)
    for point in range(9):
        path = exact_path(P, (alpha[point], beta[point], lam[point]), policies, 6, method)
        size = 6 * np.maximum(1, abs(path).max())
        assert abs(run.log_pi[point] - path[-1]).max() <= bound("dynamics.run") * size
        mean, variance, entropy = dynamics_oracle.statistics(path, 2)
        allowed = bound("dynamics.finish") * size
        assert abs(run.mean[point] - mean).max() <= allowed
        assert abs(run.variance[point] - variance).max() <= allowed
        assert abs(run.entropy[point] - entropy[-1]) <= allowed
        assert abs(run.entropy_min[point] - entropy.min()) <= allowed
        assert abs(run.entropy_max[point] - entropy.max()) <= allowed


def test_rounds_of_large_matrices():
    """Scores come from one product for all points."""
    P, policies, (alpha, beta, lam) = game(200, 20, 1)
    init, sampler, ref = policies
    run = af.dynamics.simulate([P, P.T], alpha=alpha, beta=beta, lam=lam, init=init, sampler=sampler, ref=ref, steps=5)
    for row, matrix in enumerate((P, P.T)):
        path = exact_path(matrix, (alpha[7], beta[7], lam[7]), policies, 5)
        size = 5 * np.maximum(1, abs(path).max())
        assert abs(run.log_pi[row, 7] - path[-1]).max() <= bound("dynamics.advance") * size


@pytest.mark.parametrize("K", [3, 5])
def test_growth_of_tangents(K):
    P, policies, _ = game(K, 1, K)
    init, sampler, ref = policies
    parameters = {"alpha": 0.6, "beta": 2.0, "lam": 0.8}
    exponent = af.dynamics.lyapunov_exponent(P, **parameters, init=init, sampler=sampler, ref=ref, steps=40, burn_in=10)
    exact = dynamics_oracle.tangent_growth(P, *parameters.values(), init, sampler, ref, 40, 10)
    assert abs(exponent - exact) <= bound("dynamics.lyapunov_run") * 40


# ---- ranking ----


def test_ratings_after_games():
    """k = 32 over 400 / log 10, in units of that; relative to the sum of what changed hands."""
    random = np.random.default_rng(3)
    games, items, k = 300, 6, 32 * np.log(10) / 400
    winner = random.integers(0, items, games).astype(np.int32)
    loser = ((winner + random.integers(1, items, games)) % items).astype(np.int32)
    outcome, weight = random.choice([0.0, 0.5, 1.0], games), random.random(games)
    rating = np.zeros(items)
    ranking.elo_play(winner, loser, outcome, weight, None, k, 0, games, rating)
    exact = elo_oracle.ratings(
        zip(winner, loser, outcome, weight, strict=True), items, k=k, scale=1.0, base=np.e, initial=0.0
    )
    assert abs(rating - exact).max() <= bound("ranking.elo_play") * abs(rating).max()


def choices():
    """Return rankings of 7 items, of some of them in order: as lists, and as the kernel holds them."""
    random = np.random.default_rng(4)
    rows = [random.permutation(7)[: random.integers(2, 8)].tolist() for _ in range(12)]
    depth = [int(random.integers(1, len(row) + 1)) for row in rows]
    weight = random.uniform(0.5, 2, len(rows))
    start = np.cumsum([0, *map(len, rows)])
    held = ranking.Choices(np.concatenate(rows).astype(np.int32), start, np.array(depth, np.int32), weight)
    parts = [row[:d] for row, d in zip(rows, depth, strict=True)], [row[d:] for row, d in zip(rows, depth, strict=True)]
    return held, parts, weight


def test_choices_and_their_derivatives():
    """Relative to the weight of all choices, times the size of a term: 1 + the range of scores."""
    held, (listed, rests), weight = choices()
    u = np.random.default_rng(5).normal(0, 2, 7)
    u -= u.max()
    w, rows = np.exp(u), len(listed)
    size = (weight * [len(part) for part in listed]).sum() * (1 + np.ptp(u))
    given = listed, rests, u.tolist(), weight.tolist()
    exact = np.array(choice_oracle.gradient(*given), dtype=float)
    hessian = np.array(choice_oracle.hessian(*given), dtype=float)

    gradient, diagonal, total = np.zeros(7), np.zeros(7), np.zeros(1)
    held.choices_gradient(u, w, 0, rows, gradient, diagonal, total)
    allowed = bound("ranking.choices_gradient") * size
    assert abs(total[0] - choice_oracle.log_likelihood(*given)) <= allowed
    assert abs(gradient - exact).max() <= allowed
    assert abs(diagonal + np.diag(hessian)).max() <= allowed

    half = np.zeros(49)
    held.choices_matrix(w, 0, rows, half)
    matrix = (half.reshape(7, 7) + half.reshape(7, 7).T) * np.outer(w, w)
    np.fill_diagonal(matrix, np.diag(hessian))  # that of the pass above
    assert abs(matrix - hessian).max() <= bound("ranking.choices_matrix") * size

    v, product = np.arange(7) - 2.5, np.zeros(7)
    held.choices_product(w, v, 0, rows, product)
    assert abs(product + hessian @ v).max() <= bound("ranking.choices_product") * size * abs(v).max()


def test_products_with_the_matrix_of_comparisons():
    """Relative to the sum of the magnitudes of the terms; most cells meet in one row."""
    random = np.random.default_rng(6)
    first, second = (index.astype(np.int32) for index in np.triu_indices(60, 1))
    ones, nothing = np.ones(len(first)), np.empty(0)
    cells = Cells(60, first, second, ones, ones)
    problem = ranking.ComparisonProblem(BRADLEY_TERRY, cells, NO_COVARIATES, 0.0, 0.0)
    curvature, v, out = random.random(len(first)), random.standard_normal(60), np.zeros(60)
    problem.product(curvature, nothing, v, 0, len(first), out)
    exact = model_oracle.laplacian_product(first, second, curvature, v)
    size = (curvature * abs(v[first] - v[second])).sum()
    assert abs(out - exact).max() <= bound("ranking.product") * size


@pytest.mark.parametrize("covariates", [0, 3])
def test_matrices_of_comparisons(covariates):
    """The Hessian of the comparisons is what it does to unit vectors, by items and by covariates."""
    random = np.random.default_rng(7)
    first, second = (index.astype(np.int32) for index in np.triu_indices(9, 1))
    ones, nothing = np.ones(len(first)), np.empty(0)
    values = random.standard_normal((len(first), covariates))
    table = Covariates.of(values) if covariates else NO_COVARIATES
    problem = ranking.ComparisonProblem(BRADLEY_TERRY, Cells(9, first, second, ones, ones), table, 0.0, 0.0)
    curvature, upper = random.random(len(first)), np.zeros((9 + covariates, 9 + covariates))
    problem.matrix(curvature, nothing, 0.0, np.zeros(len(upper)), upper)
    assert (upper == upper.T).all()
    design = np.zeros((len(first), 9 + covariates))
    design[np.arange(len(first)), first], design[np.arange(len(first)), second] = 1, -1
    design[:, 9:] = values
    size = abs(design).T * curvature @ abs(design)
    for column in range(9):
        exact = model_oracle.laplacian_product(first, second, curvature, np.eye(9)[column])
        assert abs(upper[column, :9] - exact).max() <= bound("ranking.matrix") * size[:9, column].sum()
    wide = design.astype(np.longdouble)
    assert (abs(np.triu(upper) - np.triu(wide.T * curvature @ wide)) <= bound("ranking.matrix") * size).all()


@pytest.mark.parametrize(("ridge", "gamma"), [(0.7, 0.0), (0.0, 1.5), (0.3, 0.5)])
def test_priors_of_scores(ridge, gamma):
    """Relative to 1 + the largest of |θ|, θ² and e^θ, for every item."""
    u = np.random.default_rng(8).normal(0, 2, 12)
    pair = np.array([0], np.int32), np.array([1], np.int32), np.ones(1), np.ones(1)
    problem = ranking.ComparisonProblem(BRADLEY_TERRY, Cells(12, *pair), NO_COVARIATES, ridge, gamma)
    gradient, diagonal = np.zeros(12), np.zeros(12)
    value = problem.prior(u, gradient, diagonal)
    exact, slopes, curvatures = model_oracle.prior(u, ridge, gamma)
    size = bound("ranking.prior") * (1 + max(abs(u).max(), (u**2).max(), np.exp(u).max()))
    assert abs(value - exact) <= size * len(u)
    assert abs(gradient - slopes).max() <= size
    assert abs(diagonal - curvatures).max() <= size


@pytest.mark.parametrize("size", [1, 5, 9, 20])
def test_solutions_by_factors(size):
    random = np.random.default_rng(size)
    upper = np.zeros((size, ranking.stride(size)))
    upper[:, :size] = np.triu(random.normal(size=(size, size))) + 2 * np.eye(size)
    right = random.normal(size=size)
    found = right.copy()
    ranking.solve(upper, found)
    exact = model_oracle.solution(upper[:, :size], right)
    condition = np.linalg.cond(upper[:, :size]) ** 2
    assert abs(found - exact).max() <= bound("ranking.solve") * condition * abs(exact).max()


def test_replicates_are_maxima_of_drawn_counts():
    random = np.random.default_rng(9)
    first, second = (index.astype(np.int32) for index in np.triu_indices(6, 1))
    cells = Cells(6, first, second, *(5.0 + random.poisson(9, (2, len(first)))))
    problem = ranking.ComparisonProblem(BRADLEY_TERRY, cells, NO_COVARIATES, 0.0, 0.0)
    out, proven = np.empty((4, 6)), np.empty(4, np.uint8)
    problem.bootstrap(11, 0, 4, np.zeros(6), None, np.empty((0, 0)), 1e-10, 100, LONGEST_ROW, STEEPNESS, out, proven)
    assert proven.all()
    for replicate, found in enumerate(out):
        counts = np.empty(len(first)), np.empty(len(first))
        problem.resample(11, replicate, *counts, np.empty(0))
        exact = model_oracle.maximum(first, second, *counts, found)
        assert abs(found - found.mean() - exact).max() <= bound("ranking.bootstrap")


def forty_items(model, mean):
    """Return cells of all pairs of 40 items, the problem of them, and its maximum."""
    random = np.random.default_rng(model)
    first, second = (index.astype(np.int32) for index in np.triu_indices(40, 1))
    ties = random.poisson(0.3 * mean, len(first)) + 0.0 if model >= 3 else np.empty(0)
    cells = Cells(40, first, second, *(random.poisson(mean, (2, len(first))) + 0.0), ties)
    problem = ranking.ComparisonProblem(model, cells, NO_COVARIATES, 0.0, 0.0)
    start = np.append(np.zeros(40), 0.5 * np.ones(int(model >= 3)))
    problem.newton(start, 1e-10, 100)
    return cells, problem, start


def by_factor(problem, start, count, tolerance):
    """Return replicates (count, unknowns) by steps with the factor of the parent at its maximum, and the factor."""
    cells = problem.cells
    out, proven = np.empty((count, len(start))), np.empty(count, np.uint8)
    factor, known = np.empty((len(start), ranking.stride(len(start)))), np.empty((6 if len(start) > 40 else 2, cells))
    assert problem.chord_factor(start, factor, known)
    problem.bootstrap(11, 0, count, start, factor, known, tolerance, 100, LONGEST_ROW, STEEPNESS, out, proven)
    return out, factor


def drawn_problem(model, cells, problem, replicate):
    """Return the problem of the counts of one replicate."""
    counts, ties = np.empty((2, len(cells.first))), np.empty_like(cells.ties)
    problem.resample(11, replicate, *counts, ties)
    drawn = Cells(40, cells.first, cells.second, *counts, ties)
    return ranking.ComparisonProblem(model, drawn, NO_COVARIATES, 0.0, 0.0)


@pytest.mark.parametrize("mean", [40.0, 1.0], ids=["steps by the parent's factor", "Newton's where they do not shrink"])
@pytest.mark.parametrize("model", range(5))
def test_replicates_of_many_items_are_maxima_of_drawn_counts(model, mean):
    """The gradient of drawn counts is 0 there to the tolerance; without a finite maximum both ways say so."""
    cells, problem, start = forty_items(model, mean)
    out, _ = by_factor(problem, start, 3, 1e-10)
    for replicate, found in enumerate(out):
        again = start.copy()
        drawn_problem(model, cells, problem, replicate).newton(again, 1e-12, 100)
        assert abs(found - again).max() <= bound("ranking.bootstrap")


@pytest.mark.parametrize("model", range(5))
def test_first_steps_of_replicates_are_by_the_gradients_of_their_own_counts(model):
    """Slopes of every outcome at the parent's maximum are computed once; later steps would hide a wrong one."""
    cells, problem, start = forty_items(model, 40.0)
    out, factor = by_factor(problem, start, 3, 1e9)  # one step is enough
    for replicate, found in enumerate(out):
        step = operations.evaluate(drawn_problem(model, cells, problem, replicate), start).gradient
        step[39] = 0.0  # nothing else holds the last score
        ranking.solve(factor, step)
        np.testing.assert_allclose(found - start, step, rtol=1e-9, atol=1e-13)


# ---- who is reached ----


@pytest.mark.parametrize("seed", range(6))
def test_who_is_reached(seed):
    """Sweeps both ways, repeated until nothing is new, mark what chains of wins reach."""
    random = np.random.default_rng(seed)
    first, second = (index.astype(np.int32) for index in np.triu_indices(8, 1))
    wins_first, wins_second, ties = (1.0 * (random.random(len(first)) < 0.12) for _ in range(3))
    wins, tied = np.zeros((8, 8)), np.zeros((8, 8))
    wins[first, second], wins[second, first] = wins_first, wins_second
    tied[first, second] = tied[second, first] = ties
    reach = np.array(comparison_oracle.beaten_chains(wins, tied))
    for against, exact in ((False, reach[:, 0]), (True, reach[0])):
        reached = np.zeros(8, np.uint8)
        reached[0] = 1
        for sweep in range(16):
            ranking.reach(first, second, wins_first, wins_second, ties, against, sweep % 2, reached)
        assert_same_bits("ranking.reach", reached.astype(bool), exact)
