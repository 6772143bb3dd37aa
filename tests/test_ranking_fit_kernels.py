"""Kernels of the comparison models: terms of cells, sums, products, factors, Newton's method, drawn counts."""

from dataclasses import replace

import numpy as np
import pytest

from alignment_fast._operations import operations
from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.structures import Cells, Covariates
from alignment_fast.ranking._models import MODELS
from alignment_fast.ranking._newton import maximize
from alignment_fast.ranking._objective import Objective
from bounds import assert_same_bits, bound
from oracles import paired_models, philox

OPS = operations("ranking")
TIES = {name: 0.7 if row.tie else 0.0 for name, row in MODELS.items()} | {"davidson": -0.4}
each_model = pytest.mark.parametrize("model", MODELS)


def random_cells(items, seed, scale=20.0, ties=False, probability=1.0):
    """Return cells of a random graph, connected by a ring."""
    random = np.random.default_rng(seed)
    i, j = np.triu_indices(items, 1)
    kept = (random.random(len(i)) < probability) | (j == i + 1) | ((i == 0) & (j == items - 1))
    i, j = i[kept].astype(np.int32), j[kept].astype(np.int32)
    counts = 1.0 + random.poisson(scale, (3, len(i)))
    return Cells(items, i, j, counts[0], counts[1], counts[2] if ties else np.empty(0))


def unknowns(objective, seed):
    u = np.random.default_rng(seed).normal(0, 1, objective.unknowns)
    if objective.tie:
        u[-1] = TIES[objective.model]
    return u


@each_model
@pytest.mark.parametrize("difference", [0.0, 0.3, -2.0, 7.0, -25.0, 36.0])
@pytest.mark.parametrize("counts", [(3.0, 5.0, 2.0), (0.0, 1.0, 0.0), (1e6, 2.5, 1e-3)])
def test_terms_of_a_cell(model, difference, counts):
    cells = Cells(2, np.array([0], np.int32), np.array([1], np.int32), *(np.array([c]) for c in counts))
    objective = Objective(OPS, cells, model)
    u = np.zeros(objective.unknowns)
    u[0], u[-1] = difference, TIES[model] if objective.tie else 0.0
    found = np.array(OPS.terms(objective.problem, u))
    expected = np.array(paired_models.terms(model, difference, TIES[model], *counts))
    size = sum(counts) * (1.0 + abs(difference)) ** 2
    used = 6 if objective.tie else 3
    np.testing.assert_allclose(
        found[:used, 0], expected[:used], rtol=bound("ranking.terms"), atol=bound("ranking.terms") * size
    )


@each_model
@pytest.mark.parametrize(("items", "probability"), [(7, 1.0), (60, 0.3), (60, 1.0)])
def test_slopes_alone_are_the_gradient_of_a_whole_pass(model, items, probability):
    objective = Objective(OPS, random_cells(items, 3, ties=True, probability=probability), model, ridge=0.3, gamma=0.1)
    u = unknowns(objective, 4)
    np.testing.assert_array_equal(objective.gradient(u), objective.evaluate(u, curvatures=False).gradient)


@each_model
def test_pass_gives_value_gradient_and_diagonal(model):
    cells = random_cells(7, 1, ties=True)
    objective = Objective(OPS, cells, model)
    u = unknowns(objective, 2)
    at = objective.evaluate(u)
    terms = OPS.terms(objective.problem, u)
    gradient, diagonal = np.zeros(len(u)), np.zeros(len(u))
    for side, sign in ((cells.first, 1), (cells.second, -1)):
        np.add.at(gradient, side, sign * terms.slope)
        np.add.at(diagonal, side, terms.curvature)
    if objective.tie:
        gradient[-1], diagonal[-1] = terms.tie_slope.sum(), terms.tie_curvature.sum()
    size = 100 * len(cells.first) * bound("ranking.gradient")
    assert at.value == pytest.approx(terms.value.sum(), rel=bound("ranking.gradient"))
    np.testing.assert_allclose(at.gradient, gradient, atol=size)
    np.testing.assert_allclose(at.diagonal, diagonal, atol=size)


@each_model
@pytest.mark.parametrize("prior", [{}, {"ridge": 0.7}, {"gamma": 1.5}])
def test_products_are_those_of_the_matrix_and_of_differences_of_the_gradient(model, prior):
    cells = random_cells(6, 3, ties=True)
    covariates = Covariates.of(np.random.default_rng(0).normal(size=(len(cells.first), 2)))
    objective = Objective(OPS, cells, model, covariates=covariates, **prior)
    u, v = unknowns(objective, 4), unknowns(objective, 5)
    at = objective.evaluate(u)
    product = objective.hessian(u, at)(v)
    matrix = objective.matrix(u, at)
    size = len(cells.first) * abs(matrix) @ abs(v)
    assert (abs(product - matrix @ v) <= (bound("ranking.product") + bound("ranking.matrix")) * size).all()
    np.testing.assert_allclose(np.diag(matrix), at.diagonal, rtol=len(cells.first) * bound("ranking.matrix"))
    step = 1e-6
    higher, lower = (objective.evaluate(u + sign * step * v, curvatures=False).gradient for sign in (1, -1))
    np.testing.assert_allclose(product, (lower - higher) / (2 * step), rtol=1e-6, atol=1e-5)


def reordered(cells, order):
    """Return the same cells in another order."""
    first, second, wins_first, wins_second, ties = (
        array[order] if array.size else array
        for array in (cells.first, cells.second, cells.wins_first, cells.wins_second, cells.ties)
    )
    return Cells(cells.n_items, first, second, wins_first, wins_second, ties)


def test_cells_of_a_dense_graph_are_completed():
    cells = random_cells(9, 8, ties=True, probability=0.7)
    full = OPS.completed(cells)
    i, j = np.triu_indices(9, 1)
    np.testing.assert_array_equal(full.first, i)
    np.testing.assert_array_equal(full.second, j)
    for found, given in ((full.wins_first, cells.wins_first), (full.ties, cells.ties)):
        expected = np.zeros((9, 9))
        expected[cells.first, cells.second] = given
        np.testing.assert_array_equal(found, expected[i, j])


@pytest.mark.parametrize("kind", ["sparse", "complete", "in another order", "repeated", "turned round"])
def test_other_cells_are_left_as_they_are(kind):
    cells = random_cells(40, 8, probability={"sparse": 0.2, "complete": 1.0}.get(kind, 0.7))
    order = np.arange(len(cells.first))
    if kind == "in another order":
        order[[3, 4]] = 4, 3
    if kind == "repeated":
        order[4] = 3
    cells = reordered(cells, order)
    if kind == "turned round":
        cells.first[7], cells.second[7] = cells.second[7], cells.first[7]
    assert OPS.completed(cells) is cells


@each_model
@pytest.mark.parametrize("probability", [0.7, 1.0])
def test_all_pairs_in_rows_give_what_cells_in_any_order_give(model, probability):
    cells = random_cells(40, 8, ties=True, probability=probability)
    other = Objective(OPS, reordered(cells, np.random.default_rng(1).permutation(len(cells.first))), model)
    dense = Objective(OPS, cells, model)
    assert len(dense.cells.first) == 780
    u, v = unknowns(dense, 2), unknowns(dense, 3)
    at, expected = dense.evaluate(u), other.evaluate(u)
    size = 100 * len(cells.first) * bound("ranking.gradient")
    assert at.value == pytest.approx(expected.value, rel=bound("ranking.gradient"))
    np.testing.assert_allclose(at.gradient, expected.gradient, atol=size)
    np.testing.assert_allclose(at.diagonal, expected.diagonal, rtol=100 * bound("ranking.gradient"))
    matrix, other_matrix = (objective.matrix(u, found) for objective, found in ((dense, at), (other, expected)))
    size = 100 * abs(matrix) @ abs(v)
    products = dense.hessian(u, at)(v), other.hessian(u, expected)(v)
    assert (abs(products[0] - products[1]) <= bound("ranking.product") * size).all()
    assert (abs(matrix - other_matrix) <= 100 * bound("ranking.matrix") * abs(matrix).max()).all()


@each_model
@pytest.mark.parametrize("width", [1, 2, 3, 4, 6])
def test_covariates_by_columns_give_what_they_give_by_rows(model, width):
    """Runs of one pair, of either item first, are cut by the blocks of a pass."""
    random = np.random.default_rng(width)
    pairs = np.sort(random.integers(0, 40, 1500))
    items = np.array([(i, j) for i in range(9) for j in range(9) if i != j], np.int32)[pairs]
    counts = random.poisson(2.0, (3, 1500)).astype(float)
    cells = Cells(9, items[:, 0].copy(), items[:, 1].copy(), counts[0], counts[1], counts[2])
    covariates = Covariates.of(random.normal(size=(1500, width)) * random.integers(1, 3, width))
    assert covariates.columns.size == 1500 * width
    dense, other = (
        Objective(OPS, cells, model, covariates=one, ridge=0.1)
        for one in (covariates, replace(covariates, columns=np.empty(0)))
    )
    u, v = 0.2 * unknowns(dense, 2), unknowns(dense, 3)
    u[-1] = TIES[model] if dense.tie else u[-1]
    at, expected = dense.evaluate(u), other.evaluate(u)
    size = 100 * len(cells.first) * bound("ranking.gradient")
    assert at.value == pytest.approx(expected.value, rel=100 * bound("ranking.gradient"))
    np.testing.assert_allclose(at.gradient, expected.gradient, atol=size)
    np.testing.assert_allclose(at.diagonal, expected.diagonal, rtol=100 * bound("ranking.gradient"))
    matrix, other_matrix = (objective.matrix(u, found) for objective, found in ((dense, at), (other, expected)))
    assert (abs(matrix - other_matrix) <= 100 * bound("ranking.matrix") * abs(matrix).max()).all()
    products = dense.hessian(u, at)(v), other.hessian(u, expected)(v)
    assert (abs(products[0] - products[1]) <= 100 * bound("ranking.product") * (abs(matrix) @ abs(v))).all()
    found = [objective.maximum(u, tolerance=1e-10, limit=50).unknowns for objective in (dense, other)]
    np.testing.assert_allclose(*found, atol=1e-8)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 63, 64, 65, 130, 300])
def test_factors(size):
    random = np.random.default_rng(size)
    half = random.normal(size=(size, size + 3))
    matrix = half @ half.T
    upper = np.zeros((size, cpu.stride(size)))
    upper[:, :size] = np.triu(matrix)
    assert cpu.cholesky(upper, size)
    factor = np.triu(upper[:, :size])
    np.testing.assert_allclose(factor.T @ factor, matrix, atol=bound("ranking.cholesky") * abs(matrix).max())
    right = random.normal(size=size)
    solution = right.copy()
    cpu.solve(upper, solution)
    assert abs(matrix @ solution - right).max() <= bound("ranking.solve") * np.linalg.cond(matrix) * abs(right).max()


@pytest.mark.parametrize("entry", [0.0, -1.0, np.nan, np.inf])
def test_a_matrix_that_is_not_positive_definite_is_refused(entry):
    upper = np.zeros((20, cpu.stride(20)))
    upper[np.arange(20), np.arange(20)] = 1.0
    upper[13, 13] = entry
    assert not cpu.cholesky(upper, 20)


@pytest.mark.parametrize(("items", "probability"), [(2, 1.0), (30, 1.0), (30, 0.1), (400, 0.3), (400, 0.001)])
def test_newton_finds_the_maximum(items, probability):
    """30 items: in the kernel; 400: by conjugate gradients; 400 in a ring: these give way to the factor."""
    cells = random_cells(items, 6, scale=3.0, probability=probability)
    objective = Objective(OPS, cells, "bradley-terry")
    found = maximize(objective, objective.start(), tolerance=1e-10, limit=100)
    assert found.converged
    assert found.step <= 1e-10
    expected = paired_models.maximum(cells.first, cells.second, cells.wins_first, cells.wins_second, found.unknowns)
    np.testing.assert_allclose(found.unknowns, expected, atol=bound("ranking.newton"))


def test_the_maximum_is_the_dpo_optimum_for_each_sampling_distribution():
    """Wins mu_i mu_j P_ij: every response meets its first-order condition, also where one has nearly all the mass."""
    preference = np.array([[0.5, 0.7, 0.35, 0.9], [0.3, 0.5, 0.8, 0.6], [0.65, 0.2, 0.5, 0.55], [0.1, 0.4, 0.45, 0.5]])
    random = np.random.default_rng(0)
    sampling = random.dirichlet(np.ones(4), 20)
    sampling[0] = 1 - 3e-6, 1e-6, 1e-6, 1e-6
    sampling[1] = 0.4, 0.3, 0.2, 0.1
    i, j = (index.astype(np.int32) for index in np.triu_indices(4, 1))
    weight = sampling[:, i] * sampling[:, j]
    scores = np.empty((20, 4))
    for row in range(20):
        cells = Cells(4, i, j, weight[row] * preference[i, j], weight[row] * preference[j, i])
        found = maximize(Objective(OPS, cells, "bradley-terry"), np.zeros(4), tolerance=1e-12, limit=100)
        assert found.converged
        scores[row] = found.unknowns
        rate = 1 / (1 + np.exp(scores[row][None, :] - scores[row][:, None]))
        condition = ((preference - rate) * sampling[row]).sum(axis=1)
        np.testing.assert_allclose(condition, 0, atol=1e-12)
    # mpmath, 50 digits
    exact = [0.47036410398786255, 0.14030058583565935, 0.07861452714129462, -0.6892792169648165]
    np.testing.assert_allclose(scores[1], exact, rtol=1e-12)


def drawn(means, key=7, replicates=1):
    """Return (replicates, cells) counts of cells whose first item won with these means."""
    count = len(means)
    cells = Cells(2, np.zeros(count, np.int32), np.ones(count, np.int32), np.asarray(means, float), np.zeros(count))
    problem = OPS.problem(OPS.MODELS_BY_NAME["bradley_terry"], cells)
    out = np.empty((replicates, count))
    for replicate in range(replicates):
        out[replicate], none, _ = OPS.resample(problem, key, replicate)
        assert not none.any()
    return out


@pytest.mark.parametrize("mean", [0.01, 1.0, 4.5, 9.99, 10.0, 23.7, 120.0, 140.0, 255.0, 256.0, 3000.0])
def test_drawn_counts_are_poisson(mean):
    """Chi-square over cells of expected count 20 or more; 0.9999 quantile by Wilson and Hilferty."""
    counts = drawn(np.full(100_000, mean)).reshape(-1)
    most = int(mean + 12 * np.sqrt(mean) + 12)
    expected = counts.size * paired_models.poisson_probabilities(mean, most)
    seen = np.bincount(counts.astype(int), minlength=most)
    usual = np.flatnonzero(expected >= 20)
    low, high = usual[0], usual[-1] + 1
    observed = np.concatenate([[seen[:low].sum()], seen[low:high], [seen[high:].sum()]])
    predicted = np.concatenate([[expected[:low].sum()], expected[low:high], [counts.size - expected[:high].sum()]])
    kept = predicted > 1
    freedom = kept.sum() - 1
    square = ((observed - predicted)[kept] ** 2 / predicted[kept]).sum()
    assert square < freedom * (1 - 2 / (9 * freedom) + 3.72 * np.sqrt(2 / (9 * freedom))) ** 3
    assert abs(counts.mean() - mean) < 4.5 * np.sqrt(mean / counts.size)


def test_drawn_counts_depend_on_key_replicate_and_cell_only():
    means = np.random.default_rng(0).uniform(0, 60, 700)
    counts = drawn(means, replicates=3)
    np.testing.assert_array_equal(drawn(means[:300], replicates=3), counts[:, :300])
    assert (drawn(means, key=8) != counts[:1]).mean() > 0.5
    assert (counts[1] != counts[0]).mean() > 0.5


def test_drawn_counts_are_golden():
    """Values of a stream do not change within a major version; instruction sets agree."""
    assert_same_bits("ranking.resample", drawn([0.5, 3.0, 9.5, 12.0, 100.0, 1e4, 1e9])[0], GOLDEN)


GOLDEN = [2.0, 5.0, 3.0, 16.0, 96.0, 9953.0, 1000030314.0]


def words_of_cell(key, replicate, cell):
    """Return the two words that may decide the count of the first outcome of a cell."""
    blocks = (2**47 + cell // 4 + more for more in (0, 2**48))
    return [philox.block(key, replicate, block)[cell % 4] for block in blocks]


def test_counts_of_whole_means_are_what_their_words_stand_for():
    means = np.tile([0.0, 1.0, 2.0, 9.0, 10.0, 64.0, 119.0, 120.0, 121.0, 200.0, 254.0, 255.0, 0.5, 300.0], 50)
    counts = drawn(means, key=2**40 + 3, replicates=2)
    assert not counts[:, means == 0.0].any()
    for replicate, cell in np.ndindex(counts.shape):
        mean = int(means[cell])
        if mean == means[cell] and 0 < mean < 256:
            expected = paired_models.poisson_of_words(mean, *words_of_cell(2**40 + 3, replicate, cell))
            assert counts[replicate, cell] == expected


# The first 24 bits that are compared with the limit are its own, once in 2^24 draws: found by search, of mean 100.
UNDECIDED = {"key": 1725439304048894018, "replicate": 30484, "cell": 209}


def test_second_words_decide_what_first_ones_leave_undecided():
    means = np.full(780, 100.0)
    first, second = words_of_cell(*UNDECIDED.values())
    expected = paired_models.poisson_of_words(100, first, second)
    assert paired_models.poisson_of_words(100, first, 2**32 - 1) != expected  # the second word does decide
    i, j = np.triu_indices(40, 1)
    cells = Cells(40, i.astype(np.int32), j.astype(np.int32), means, means)
    problem = OPS.problem(OPS.MODELS_BY_NAME["bradley_terry"], cells)
    counts = OPS.resample(problem, UNDECIDED["key"], UNDECIDED["replicate"])
    assert counts.wins_first[UNDECIDED["cell"]] == expected
    # The same side by side with the other replicates of its group.
    group, start = UNDECIDED["replicate"] // cpu.SIDE, np.zeros(40)
    found, parent = (
        np.empty(((group + 1) * cpu.SIDE, 40)),
        (np.empty((40, 40), "f4"), np.empty((780, cpu.COEFFICIENTS), "f4")),
    )
    assert problem.parent(start, *parent)
    unused = np.empty(len(found), np.uint8)
    problem.side_by_side(UNDECIDED["key"], group, group + 1, start, *parent, 1e-6, found, unused, unused.copy())
    again = Objective(
        OPS, replace(cells, wins_first=counts.wins_first, wins_second=counts.wins_second), "bradley-terry"
    )
    fitted = maximize(again, start, tolerance=1e-12, limit=50).unknowns
    one = found[UNDECIDED["replicate"]]
    np.testing.assert_allclose(one - one.mean(), fitted - fitted.mean(), atol=2e-7)


def test_comparisons_one_by_one_are_drawn_in_the_order_of_first_item_and_row():
    """Whatever order the solver takes them in: earlier releases drew them so."""
    random = np.random.default_rng(4)
    first = np.sort(random.integers(0, 5, 700)).astype(np.int32)
    counts = random.integers(0, 14, (3, 700)).astype(float)
    counts[1, :300] = 0.0  # of a whole block nobody won
    second, row = (first + 1) % 5, random.permutation(700).astype(np.int32)
    cells, order = Cells(5, first, second, *counts, row=row), np.lexsort((row, first))
    as_given = replace(reordered(cells, order), row=np.empty(0, np.int32))
    drawn_of, expected = (
        OPS.resample(OPS.problem(OPS.MODELS_BY_NAME["davidson"], one), 7, 3) for one in (cells, as_given)
    )
    for one, other in zip(drawn_of, expected, strict=True):
        np.testing.assert_array_equal(one[order], other)
