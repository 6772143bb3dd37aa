"""The front end of choix: the host's iterations, data of every kind, errors; the host itself where there is one."""

import inspect
import random

import numpy as np
import pytest

from alignment_fast.errors import ConvergenceError
from alignment_fast.interop import choix
from oracles import choix as oracle

pytestmark = pytest.mark.same_everywhere

KINDS = ("pairwise", "rankings", "top1")


def data_of(kind, n, m, rng):
    if kind == "pairwise":
        first = rng.integers(0, n, m)
        return list(zip(first.tolist(), ((first + rng.integers(1, n, m)) % n).tolist(), strict=True))
    rankings = [tuple(rng.permutation(n)[: rng.integers(2, n + 1)].tolist()) for _ in range(m)]
    return rankings if kind == "rankings" else [(ranking[0], ranking[1:]) for ranking in rankings]


def problems(kind, count=12):
    rng = np.random.default_rng(KINDS.index(kind))
    for case in range(count):
        n = int(rng.integers(2, 8))
        data = data_of(kind, n, int(rng.integers(1, 40)), rng)
        yield n, data, (0.1, 1.0)[case % 2], rng.normal(size=n) if case % 3 == 0 else None


# ---- one step, and where it leads ----


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_lsr_is_that_of_the_formula(kind):
    for n, data, alpha, start in problems(kind):
        found = getattr(choix, f"lsr_{kind}")(n, data, alpha, start)
        np.testing.assert_allclose(found, oracle.lsr(n, data, kind, alpha, start), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_mm_is_that_of_the_formula(kind):
    for n, data, alpha, start in problems(kind):
        expected = oracle.mm(n, data, kind, alpha, start)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="Did not converge after 1 iterations"):
                getattr(choix, f"mm_{kind}")(n, data, start, alpha, 1)
        # What one step gives is the start of the next: two steps from `start` are one from there.
        two = oracle.mm(n, data, kind, alpha, expected)
        assert converged_at(kind, n, data, alpha, start, two)


def converged_at(kind, n, data, alpha, start, expected):
    """Whether two steps from `start` are `expected`: any distance between them is taken for convergence."""
    found = getattr(choix, f"mm_{kind}")(n, data, start, alpha, 2, 1e9)
    return np.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["ilsr", "mm"])
def test_iterations_end_where_a_step_changes_nothing(kind, method):
    step = oracle.lsr if method == "ilsr" else oracle.mm
    for n, data, alpha, start in problems(kind):
        arguments = (alpha, start) if method == "ilsr" else (start, alpha)
        found = getattr(choix, f"{method}_{kind}")(n, data, *arguments, max_iter=100_000, tol=1e-11)
        np.testing.assert_allclose(found, step(n, data, kind, alpha, found), rtol=0, atol=1e-8)


def test_rank_centrality_is_that_of_the_formula():
    for n, data, alpha, _ in problems("pairwise"):
        expected = oracle.rank_centrality(n, data, alpha)
        np.testing.assert_allclose(choix.rank_centrality(n, data, alpha), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["lsr_pairwise", "ilsr_pairwise"])
def test_a_matrix_of_wins_gives_what_its_pairs_give(name):
    rng = np.random.default_rng(0)
    wins = rng.integers(1, 4, (5, 5)).astype(float)
    np.fill_diagonal(wins, 0)
    pairs = [(i, j) for i in range(5) for j in range(5) for _ in range(int(wins[i, j]))]
    found = getattr(choix, f"{name}_dense")(wins, 0.1)
    np.testing.assert_array_equal(found, getattr(choix, name)(5, pairs, 0.1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["Newton-CG", "BFGS"])
def test_the_optimum_has_no_gradient(kind, method):
    for n, data, alpha, start in problems(kind, 4):
        found = getattr(choix, f"opt_{kind}")(n, data, alpha, method, start, None, 1e-9)

        def objective(params, data=data, alpha=alpha):
            return alpha * params @ params - oracle.log_likelihood(data, kind, params)

        for direction in np.eye(n) * 1e-5:
            slope = (objective(found + direction) - objective(found - direction)) / 2e-5
            assert abs(slope) < 2e-5


@pytest.mark.parametrize("kind", KINDS)
def test_log_likelihoods_are_those_of_the_formula(kind):
    rng = np.random.default_rng(3)
    for n, data, _, _ in problems(kind):
        params = 3 * rng.normal(size=n)
        found = getattr(choix, f"log_likelihood_{kind}")(data, params)
        assert found == pytest.approx(oracle.log_likelihood(data, kind, params), rel=1e-12)


def test_large_differences_of_parameters_keep_the_log_likelihood_finite():
    assert choix.log_likelihood_pairwise([(0, 1)], [-2000.0, 2000.0]) == -4000.0
    assert choix.log_likelihood_rankings([(0, 1)], [-2000.0, 2000.0]) == -4000.0


# ---- data ----

PAIRS = [(0, 1), (1, 2), (2, 0), (0, 2)]


@pytest.mark.parametrize(
    "data",
    [
        tuple(PAIRS),
        [list(pair) for pair in PAIRS],
        np.array(PAIRS),
        np.array(PAIRS, dtype=np.uint8),
        [np.array(pair) for pair in PAIRS],
        [(np.int64(i), np.int32(j)) for i, j in PAIRS],
        [(i - 3, j) for i, j in PAIRS],
    ],
    ids=["tuple", "lists", "array", "uint8", "arrays", "NumPy integers", "from the end"],
)
@pytest.mark.parametrize("name", ["lsr_pairwise", "mm_pairwise", "rank_centrality"])
def test_pairs_of_every_kind_are_read_alike(name, data):
    np.testing.assert_array_equal(getattr(choix, name)(3, data), getattr(choix, name)(3, PAIRS))


RANKINGS = [(0, 1, 2), (1, 0), (2, 0, 1), (2,), ()]


@pytest.mark.parametrize(
    "data",
    [tuple(RANKINGS), [list(ranking) for ranking in RANKINGS], [np.array(ranking, np.int64) for ranking in RANKINGS]],
    ids=["tuple", "lists", "arrays"],
)
def test_rankings_of_every_kind_are_read_alike(data):
    np.testing.assert_array_equal(choix.ilsr_rankings(3, data), choix.ilsr_rankings(3, RANKINGS))


def test_many_items_are_not_counted_in_a_square():
    n = 50_000
    ring = [(i, (i + 1) % n) for i in range(n)]
    np.testing.assert_allclose(choix.mm_pairwise(n, ring), np.zeros(n), atol=1e-12)


@pytest.mark.parametrize("data", [[(0, 3)], [(0, -4)], np.array([[0, 3]])])
def test_an_item_that_is_none_is_an_index_error(data):
    with pytest.raises(IndexError, match=r"out of bounds for axis 0 with size 3"):
        choix.mm_pairwise(3, data)


def test_rows_that_can_be_read_only_once_are_refused_unread():
    row = iter((0, 1))
    with pytest.raises(TypeError, match="can be read only once"):
        choix.mm_pairwise(3, [row])
    assert next(row) == 0


# ---- errors of the host ----


@pytest.mark.parametrize("name", ["lsr_pairwise", "ilsr_pairwise", "rank_centrality"])
def test_several_absorbing_classes_are_a_value_error(name):
    with pytest.raises(ValueError, match="more than one absorbing class"):
        getattr(choix, name)(3, [(0, 1)])


@pytest.mark.parametrize("name", ["ilsr_pairwise", "mm_pairwise"])
def test_too_few_steps_are_a_runtime_error(name):
    with pytest.raises(RuntimeError, match=r"^Did not converge after 2 iterations$"):
        getattr(choix, name)(3, PAIRS, max_iter=2)


def test_an_unknown_method_is_a_value_error():
    with pytest.raises(ValueError, match="method not known"):
        choix.opt_pairwise(3, PAIRS, method="simplex")


# ---- strict ----

ESTIMATORS = [f"{method}_{kind}" for method in ("lsr", "ilsr", "mm", "opt") for kind in KINDS]
# The best item never lost; two of four items never lost to the two others; one item was in nothing.
UNBOUNDED = {
    "pairwise": [[(0, 1), (0, 2), (1, 2), (2, 1)], [(0, 1), (1, 0), (2, 3), (3, 2), (1, 2)], [(0, 1), (1, 0)]],
    "rankings": [[(0, 1, 2), (0, 2, 1)], [(0, 1, 2, 3), (1, 0, 3, 2)], [(0, 1), (1, 0)]],
    "top1": [
        [(0, (1, 2)), (1, (2,)), (2, (1,))],
        [(0, (1, 2)), (1, (0, 3)), (2, (3,)), (3, (2,))],
        [(0, (1,)), (1, (0,))],
    ],
}
SIZES = 3, 4, 3
NEVER_LOST = "0 never lost", "0, 1 never lost", "2 never lost|0, 1 never lost"


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("case", range(3))
def test_strict_refuses_data_under_which_no_finite_parameters_are_best(name, case):
    data = UNBOUNDED[name.rpartition("_")[2]][case]
    with pytest.raises(ConvergenceError, match=f"data: no finite parameters are best: items ({NEVER_LOST[case]})"):
        getattr(choix, name)(SIZES[case], data, alpha=0.0, strict=True)
    assert np.isfinite(getattr(choix, name)(SIZES[case], data, alpha=0.1, strict=True)).all()


def test_strict_refuses_matrices_and_chains_too():
    for call in (choix.lsr_pairwise_dense, choix.ilsr_pairwise_dense):
        with pytest.raises(ConvergenceError, match="items 0 never lost"):
            call(np.array([[0, 1], [0, 0]]), strict=True)
    with pytest.raises(ConvergenceError, match=r"items 0, 1, 2, 3, 4, \.\.\. never lost"):
        choix.rank_centrality(7, [(i, (i + 1) % 6) for i in range(6)] + [(0, 6)], strict=True)


@pytest.mark.parametrize("name", [*ESTIMATORS, "rank_centrality"])
def test_strict_changes_nothing_where_there_is_a_maximum(name):
    kind = "pairwise" if name == "rank_centrality" else name.rpartition("_")[2]
    data = {"pairwise": PAIRS, "rankings": [(0, 1, 2), (2, 0, 1)], "top1": [(0, (1, 2)), (1, (2,)), (2, (0,))]}[kind]
    np.testing.assert_array_equal(*(getattr(choix, name)(3, data, strict=strict) for strict in (False, True)))


# ---- the host ----


@pytest.fixture
def host():
    return pytest.importorskip("choix")


@pytest.mark.frontends
def test_names_and_signatures_are_those_of_the_host(host):
    for name in host.__all__:
        theirs, ours = inspect.signature(getattr(host, name)), inspect.signature(getattr(choix, name))
        assert [key for key in ours.parameters if key != "strict"] == list(theirs.parameters), name
        for key, other in theirs.parameters.items():
            assert ours.parameters[key].default == other.default, name


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except (ValueError, RuntimeError) as error:
        return type(error), str(error)


@pytest.mark.frontends
@pytest.mark.parametrize("kind", KINDS)
def test_every_call_ends_as_that_of_the_host(host, kind):
    rng = np.random.default_rng(9)
    for n, data, alpha, start in problems(kind, 60):
        steps = int(rng.choice([1, 2, 7, 200]))
        for a in (0.0, alpha):
            for name, arguments in (
                (f"ilsr_{kind}", (n, data, a, start, steps)),
                (f"mm_{kind}", (n, data, start, a, steps)),
                (f"lsr_{kind}", (n, data, a, start)),
            ):
                with np.errstate(all="ignore"):
                    theirs, ours = outcome(getattr(host, name), *arguments), outcome(getattr(choix, name), *arguments)
                if isinstance(theirs, tuple):
                    assert ours == theirs
                else:
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.frontends
def test_calls_of_pairs_and_matrices_end_as_those_of_the_host(host):
    for n, data, alpha, start in problems("pairwise", 200):
        wins = np.zeros((n, n))
        np.add.at(wins, tuple(np.transpose(data)), 1.0)
        for a in (0.0, alpha):
            for name, arguments in (
                ("rank_centrality", (n, data, a)),
                ("lsr_pairwise_dense", (wins, a, start)),
                ("ilsr_pairwise_dense", (wins, a, start)),
            ):
                with np.errstate(all="ignore"):
                    theirs, ours = outcome(getattr(host, name), *arguments), outcome(getattr(choix, name), *arguments)
                if isinstance(theirs, tuple):
                    assert ours == theirs
                else:
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.frontends
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["Newton-CG", "BFGS"])
def test_optima_are_those_of_the_host(host, kind, method):
    for n, data, alpha, start in problems(kind, 30):
        arguments = n, data, alpha, method, start
        theirs, ours = (getattr(module, f"opt_{kind}")(*arguments) for module in (host, choix))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("model", ["logit", "probit"])
@pytest.mark.frontends
def test_posteriors_are_those_of_the_host(host, model):
    for case, (n, data, alpha, _) in enumerate(problems("pairwise", 60)):
        found = []
        for module in (host, choix):
            np.random.seed(case)  # noqa: NPY002
            found.append(outcome(module.ep_pairwise, n, data, alpha, model, (1, 100)[case % 5 > 0]))
            found.append(np.random.random())  # noqa: NPY002  as many draws
        if found[0][0] is RuntimeError:
            assert found[2] == found[0]
        else:
            for theirs, ours in zip(found[0], found[2], strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-7)
        assert found[1] == found[3]


@pytest.mark.parametrize("model", ["logit", "probit"])
def test_a_posterior_goes_on_from_where_it_ended(model):
    data, state = [(0, 1), (1, 2), (0, 2), (2, 1)], (np.zeros(4), np.zeros(4))
    found = choix.ep_pairwise(3, data, 0.5, model, initial_state=state)
    again = choix.ep_pairwise(3, data, 0.5, model, 1, state)  # one pass is enough
    for one, other in zip(found, again, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_posterior_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="unknown model 'cauchit'"):
        choix.ep_pairwise(3, [(0, 1)], 1.0, "cauchit")


@pytest.mark.frontends
def test_random_data_are_the_hosts_draws(host):
    params = np.array([0.3, -1.0, 0.7, 0.0])
    for name, arguments in (
        ("generate_params", (5,)),
        ("generate_pairwise", (params,)),
        ("generate_rankings", (params, 4)),
    ):
        drawn = []
        for module in (host, choix):
            random.seed(4)
            np.random.seed(4)  # noqa: NPY002
            drawn.append(getattr(module, name)(*arguments))
        np.testing.assert_array_equal(drawn[0], drawn[1])


@pytest.mark.frontends
def test_distances_are_those_of_the_host(host):
    rng = np.random.default_rng(2)
    for _ in range(20):
        one, other = rng.normal(size=(2, 6)).round(1)
        for name in ("footrule_dist", "kendalltau_dist", "rmse"):
            assert getattr(choix, name)(one, other) == getattr(host, name)(one, other)
        assert choix.kendalltau_dist(one) == host.kendalltau_dist(one)


@pytest.mark.frontends
def test_networks_are_estimated_where_the_host_can_no_more(host):
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph([(0, 1), (0, 2), (1, 2), (2, 0), (1, 0)])
    arriving, leaving = [5.0, 2.0, 4.0], [3.0, 4.0, 4.0]
    found = choix.choicerank(graph, arriving, leaving)
    weights = np.exp(found)
    expected = np.zeros(3)  # the fixed point of the iteration, alpha = 1
    for node in range(3):
        below = sum(leaving[p] / sum(weights[s] for s in graph.successors(p)) for p in graph.predecessors(node))
        expected[node] = np.log((arriving[node] + 1) / (below * weights.mean() + 1))
    np.testing.assert_allclose(found, expected - expected.mean(), atol=1e-6)
    assert choix.log_likelihood_network(graph, arriving, leaving, found) == pytest.approx(
        host.log_likelihood_network(graph, arriving, leaving, found)
    )


def test_an_item_that_stands_often_in_a_ranking_is_chosen_as_often():
    ranking = (0, 1, 0, 1, 2, 0)
    found = choix.log_likelihood_rankings([ranking], [0.3, -0.2, 0.1])
    assert found == pytest.approx(oracle.log_likelihood([ranking], "rankings", [0.3, -0.2, 0.1]))
    np.testing.assert_array_equal(choix.lsr_rankings(3, [ranking]), choix.lsr_rankings(3, np.array([ranking])))
