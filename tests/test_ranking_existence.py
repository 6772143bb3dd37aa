"""Whether a maximum exists, for every model, with home advantage, covariates and priors, and what is said if not."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest
import search
from arenas import simulated

import alignment_fast as af
from alignment_fast._border.rng import BOOTSTRAP, stream_key
from alignment_fast.kernels.common import cpu
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, Covariates
from alignment_fast.ranking import Comparisons, fit, fit_contextual
from alignment_fast.ranking._models import MODELS
from alignment_fast.ranking._recession import constant_steepness, find_direction, longest_row, outcome_rows
from alignment_fast.ranking._replicates import drawn_cells
from alignment_fast.ranking.existence import Question
from oracles import existence as oracle
from oracles import paired_models

each_model = pytest.mark.parametrize("model", MODELS)
with_ties = pytest.mark.parametrize("model", [name for name, row in MODELS.items() if row.tie])

# (winner, loser, tied, home) of comparisons of three items that home advantage separates.
SEPARATED = [(1, 2, 0, 1), (1, 0, 0, 1), (2, 0, 0, 0), (0, 2, 0, 0), (0, 2, 0, 0), (2, 1, 1, 1)]


def of(rows, **options):
    """Return the comparisons of rows (winner, loser, tied, home)."""
    winner, loser, tied, home = zip(*(row[:4] for row in rows), strict=True)
    return Comparisons(winner, loser, tied=tied, home=home, **options)


# ---- kinds of faults: a finite maximum that is none ----


@with_ties
def test_one_win_and_one_tie_have_no_finite_maximum(model):
    votes = Comparisons(["a", "b"], ["b", "a"], tied=[False, True])
    with pytest.raises(af.ConvergenceError, match=r"no finite maximum: .* 'a' .*logarithm of the tie parameter by \+1"):
        fit(votes, model)
    existence = votes.existence(model)
    assert not existence.finite
    assert existence.proven
    assert existence.parameters == {"tie parameter": 1.0}
    assert existence.direction == {"a": 2.0 if model == "davidson" else 1.0, "b": 0.0}
    assert existence.limit.tolist() == [np.inf, 0.0]
    assert fit(votes).converged  # a tie is half a win for each


def test_home_advantage_that_separates_is_found():
    votes = of(SEPARATED)
    with pytest.raises(af.ConvergenceError, match=r"the home advantage by \+1") as caught:
        fit(votes, "thurstone", home=True)
    assert not caught.value.result.converged
    assert fit(votes, "thurstone").converged
    assert votes.existence("thurstone").finite
    assert not votes.existence("thurstone", home=True).finite


@each_model
def test_home_advantage_confounded_with_items_is_named(model):
    votes = Comparisons([1, 0], [0, 1], home=[1, -1])
    for call in (lambda: fit(votes, model, home=True), lambda: votes.existence(model, home=True)):
        with pytest.raises(ValueError, match="home advantage cannot be told from the scores"):
            call()


def test_a_prior_on_the_scores_tells_home_advantage_from_them():
    votes = Comparisons([1, 0, 0], [0, 1, 1], home=[1, -1, 1])
    assert fit(votes, home=True, l2=0.1).converged


def test_a_prior_on_the_scores_does_not_bound_the_home_advantage():
    votes = Comparisons([1, 0, 2], [0, 1, 0], home=[1, 1, 1])
    with pytest.raises(af.ConvergenceError, match=r"the home advantage changes by \+1, again and again$"):
        fit(votes, home=True, l2=1.0)


def test_covariates_that_separate_are_named():
    winner, loser, x = [0, 1, 2, 0], [1, 2, 0, 2], [[1.0, 0.3], [2.0, -0.1], [0.5, 0.7], [1.0, -1.0]]
    with pytest.raises(af.ConvergenceError, match=r"no finite maximum: .*coefficients\[0\] by"):
        fit_contextual(winner, loser, x)


def test_covariates_that_say_the_same_are_named():
    random = np.random.default_rng(0)
    winner = random.integers(0, 5, 200)
    loser = (winner + random.integers(1, 5, 200)) % 5
    x = random.normal(size=(200, 3))
    x[:, 2] = 3.0 * x[:, 0]
    with pytest.raises(ValueError, match=r"coefficients\[0\] cannot be told from coefficients\[2\]"):
        fit_contextual(winner, loser, x)
    x[:, 2] = np.array([1.0, -2.0, 0.5, 0.0, 0.3])[winner] - np.array([1.0, -2.0, 0.5, 0.0, 0.3])[loser]
    with pytest.raises(ValueError, match=r"coefficients\[2\] cannot be told from the scores"):
        fit_contextual(winner, loser, x)
    assert fit_contextual(winner, loser, x, l2=1.0).converged
    x[:, 2] = 0.0
    with pytest.raises(ValueError, match=r"coefficients\[2\] cannot be estimated: its covariate is 0 throughout"):
        fit_contextual(winner, loser, x)


@pytest.mark.parametrize("size", [1e300, 1e160, 1e-300])
def test_covariates_whose_squares_leave_doubles_are_not_called_zero(size):
    """Found by search. No Newton step is possible there, and what cannot be told apart is known all the same."""
    winner, loser, x = [0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], np.array([1.0, 0.5, -1.0, 0.3, 0.2, 0.9])[:, None]
    with pytest.raises(af.ConvergenceError, match="the curvature is not positive and finite"):
        fit_contextual(winner, loser, size * x)
    with pytest.raises(ValueError, match=r"coefficients\[0\] cannot be told from coefficients\[1\]"):
        fit_contextual(winner, loser, np.concatenate([size * x, 3 * x], axis=1))


def test_weights_beyond_double_precision_are_refused():
    with pytest.raises(ValueError, match="weights of all comparisons add up to more than the largest double"):
        Comparisons([0, 1], [1, 0], weight=[1.5e308, 1.5e308])


@pytest.mark.parametrize("weight", [1e-300, 1e-100, 1e8])
def test_weights_of_any_size_have_the_same_scores(weight):
    votes = Comparisons([0, 1, 1, 2], [1, 0, 2, 0])
    heavy = Comparisons([0, 1, 1, 2], [1, 0, 2, 0], weight=[weight] * 4)
    np.testing.assert_allclose(fit(heavy).scores, fit(votes).scores, atol=1e-9)


@with_ties
@pytest.mark.parametrize("weight", [1e-12, 1e-16, 1e-20, 1e-100, 1e-300])
@pytest.mark.parametrize("start", [None, [0.0, 0.0]])
def test_ties_beside_wins_of_tiny_weight_have_a_maximum(model, weight, start):
    """The share of ties rounds to 1, and so do probabilities not to win: slopes were nothing, and zeros certified."""
    votes = Comparisons([0, 1, 0], [1, 0, 1], tied=[False, False, True], weight=[weight, 2 * weight, 1.0])
    result = fit(votes, model, start=start)
    theta = model == "rao-kupper"
    assert result.scores[1] - result.scores[0] == pytest.approx(np.log(2) / (1 + theta), rel=1e-9)
    assert result.tie_parameter == pytest.approx(np.sqrt(0.5) / weight, rel=2e-9 + theta * 4 * weight)
    assert result.newton_decrement <= 1e-10


@pytest.mark.parametrize(
    ("model", "first", "second", "tied"),
    [
        ("davidson", 9.569277899349664e-20, 15.417637666387208, 14347.20289258577),
        ("rao-kupper", 6.738906937674498e-16, 28.049722290078787, 20.409025690957684),
        ("davidson", 6.630277328634326e-17, 0.12746076054861188, 77.7652197360842),
    ],
)
def test_no_decrement_is_below_what_rounding_of_its_gradient_may_be(model, first, second, tied):
    """Weights so uneven that the digits of one are lost beside another: true decrements were up to 3e-8."""
    votes = Comparisons([0, 1, 0], [1, 0, 1], tied=[False, False, True], weight=[first, second, tied])
    with pytest.raises(af.ConvergenceError, match=r"but the Newton decrement|rounding leaves no curvature"):
        fit(votes, model)
    if cpu.ISA != "baseline":  # where Rao-Kupper's search ends, and says so, where no curvature is left
        assert fit(votes, model, tol=1e-4).converged


def test_no_number_in_a_message_is_uninitialised():
    """From scores so far apart that no curvature is left, there is no step, and so no length of one."""
    votes = Comparisons([0, 1, 1, 2], [1, 0, 2, 0])
    with pytest.raises(af.ConvergenceError, match="there is no Newton step, since the curvature") as caught:
        fit(votes, start=[1e4, -1e4, 0.0])
    assert caught.value.result.last_step == caught.value.result.newton_decrement == np.inf
    assert caught.value.result.iterations <= 1


# ---- the rows of the cone are those of the model ----


@each_model
def test_outcomes_stay_possible_along_the_directions_that_the_rows_allow(model):
    """log P at distance 25 along a direction stays, or falls by half of that; 200 directions of small integers."""
    random = np.random.default_rng(3)
    for _ in range(200):
        difference, tie = random.integers(-3, 4, 2).tolist()
        if not MODELS[model].tie or model == "rao-kupper":
            tie = max(tie, 0)
        kappa = tie if model == "rao-kupper" else 2 * tie
        chances = paired_models.probabilities(model, 25 * difference, 1 + 25 * tie)
        allowed = [difference >= kappa, -difference >= kappa, kappa >= abs(difference)]
        if not MODELS[model].tie:
            allowed = [difference >= 0, -difference >= 0]
        elif kappa < 0:
            allowed[:2] = difference >= 0 and difference >= kappa, -difference >= 0 and -difference >= kappa
        for chance, stays in zip(chances, allowed, strict=False):
            assert (mpmath.log(chance) > -8) == stays


# ---- against brute force ----


def random_case(random):
    """Return (comparisons, items, model, options) of a small random data set."""
    items, count = int(random.integers(2, 5)), int(random.integers(2, 11))
    winner = random.integers(0, items, count)
    loser = (winner + random.integers(1, items, count)) % items
    tied = random.random(count) < random.choice([0.0, 0.3, 0.7])
    home = random.integers(-1, 2, count) if random.random() < 0.6 else np.zeros(count, int)
    x = random.integers(-1, 2, (count, int(random.random() < 0.3))).tolist()
    model = str(random.choice(list(MODELS)))
    prior = bool(random.random() < 0.2)
    rows = zip(winner.tolist(), loser.tolist(), tied.tolist(), home.tolist(), x, strict=True)
    return list(rows), items, model, bool(home.any()), prior


def expected(rows, items, model, home, prior, decide):
    """Return what a fit must do: "finite", "infinite", or the error that comes before."""
    if model in oracle.WITH_TIES and all(tied for _, _, tied, _, _ in rows):
        return "every comparison is a tie"
    conditions = oracle.rows(model, rows, items, home=home, prior=prior)
    size = len(conditions[0])
    if size == 0:
        return "finite"
    full = [condition for condition in conditions if any(condition)]
    if oracle.rank(full) < size:
        return "components|cannot be told|cannot be estimated|separable"
    return "finite" if decide(full) else "infinite"


def check(case, decide=oracle.is_finite):
    """Fit a case, compare what happens with what must, and return that and Newton's decrement."""
    rows, items, model, home, prior = case
    must = expected(*case, decide)
    winner, loser, tied, place, x = zip(*rows, strict=True)
    options = {"l2": 0.5} if prior else {}
    common = {"tied": tied, "home": place if home else None, "n_items": items}

    def call():
        if x[0]:
            return fit_contextual(winner, loser, np.array(x, float), model, **common, **options)
        return fit(Comparisons(winner, loser, **common), model, home=home, **options)

    if must == "finite":
        result = call()
        assert result.converged, case
        return must, result.newton_decrement
    if must == "infinite":
        with pytest.raises(af.ConvergenceError, match="separable"):
            call()
        return must, 0.0
    with pytest.raises((ValueError, af.ConvergenceError), match=must):
        call()
    return "refused", 0.0


@pytest.mark.search
def test_fits_of_random_small_data_are_finite_where_brute_force_says_so():
    random, seen = np.random.default_rng(11), dict.fromkeys(("finite", "infinite", "refused"), 0)
    worst = search.Worst("R1-R5", "fit and fit_contextual, existence by brute force, Newton's decrement")
    for _ in range(search.cases(300)):
        case = random_case(random)
        kind, decrement = check(case)
        seen[kind] += 1
        worst.see(decrement, 1e-10, case)
    assert min(seen.values()) > 30
    worst.hold()


def test_the_two_oracles_agree():
    random = np.random.default_rng(12)
    for _ in range(60):
        case = random_case(random)
        told = [
            expected(*case, finite)
            for finite in (oracle.is_finite, oracle.is_finite_by_multipliers, oracle.is_finite_by_least_squares)
        ]
        assert len(set(told)) == 1


@pytest.mark.optimised
@each_model
@pytest.mark.parametrize("home", [False, True])
def test_the_programme_alone_agrees_with_brute_force(model, home):
    """Also where graph and pairs would have decided; with directions in whole numbers that the rows allow."""
    random, decided = np.random.default_rng(13), 0
    for _ in range(100):
        rows, items, _, at_home, _ = random_case(random)
        rows = [(*row[:4], []) for row in rows]
        if home and not at_home:
            continue
        must = expected(rows, items, model, home, False, oracle.is_finite)
        if must not in ("finite", "infinite"):
            continue
        cells = of(rows, n_items=items).cells
        covariates = Covariates.of(cells.home.astype(float)[:, None]) if home else NO_COVARIATES
        question = Question(cells, None, model, covariates, home, False)
        verdict = question.verdict()
        assert verdict.proven
        assert (verdict.direction is None) == (must == "finite")
        if question.quick() and af.ranking.Existence.of(cells).finite:
            assert must == "finite"
        decided += 1
    assert decided > 20


def test_a_programme_that_takes_rows_in_turn_finds_what_all_rows_say(monkeypatch):
    random = np.random.default_rng(5)
    winner = random.integers(0, 6, 800)
    loser = (winner + random.integers(1, 6, 800)) % 6
    cells = Comparisons(winner, loser).cells
    for shift, finite in ((0.0, True), (5.0, False)):
        x = random.normal(size=(len(cells.first), 3))
        x[:, 1] = np.abs(x[:, 1]) + shift
        rows = outcome_rows(
            replace(cells, wins_second=np.where(cells.wins_first > 0, 0.0, cells.wins_second)) if shift else cells,
            Covariates.of(x * np.where((cells.wins_first > 0) | (shift == 0), 1.0, -1.0)[:, None]),
            has_tie=False,
            prior=False,
        )
        whole = find_direction(rows)
        monkeypatch.setattr("alignment_fast.ranking._recession.FIRST_ROWS", 1)
        monkeypatch.setattr("alignment_fast.ranking._recession.MORE_ROWS", 3)
        few = find_direction(rows)
        assert whole.proven
        assert few.proven
        assert (whole.direction is None) == (few.direction is None) == finite


def test_covariates_that_are_nearly_the_same_have_a_direction_that_is_proven():
    """Found by search: a row that is only 5e-4 of its size above 0 was taken for one that is 0."""
    x = [45.5617912e-3, 22.8201351, 97.3615134, 259.911468, -97.2427595, 11.7679599]
    tied = [False, False, True, False, False, False]
    with pytest.raises(af.ConvergenceError, match=r"separable.*again and again; give") as caught:
        fit_contextual([0, 1, 0, 0, 1, 2], [2, 2, 1, 2, 0, 0], np.array(x)[:, None], "thurstone", tied=tied)
    assert "floating point" not in str(caught.value)


def test_no_replicate_without_a_maximum_is_proven_to_have_one_wherever_its_steps_end():
    """Newton's steps are made to end far from maxima, where replicates that are separable have unknowns too."""
    random = np.random.default_rng(3)
    winner, gap = random.integers(0, 4, 24), random.integers(0, 3, 24)
    x = np.where(random.random(24) < 0.75, 1.0, -1.0) * random.uniform(0.2, 1, 24)
    result = fit_contextual(winner, (winner + 1 + gap) % 4, x[:, None])
    objective, start, seen = result._objective, np.append(result.scores, result.coefficients), []
    bounds = {"row": longest_row(objective.covariates), "steepness": constant_steepness(objective)}
    whole = Question(objective.cells, None, "bradley-terry", objective.covariates, False, False)
    for tolerance, steps in ((1e9, 1), (0.5, 3)):
        ends = {"tolerance": tolerance, "limit": steps}
        found, proven = objective.ops.replicates(objective.problem, start, 7, 120, **ends, **bounds)
        for replicate in np.flatnonzero(~np.isnan(found[:, 0])):
            drawn = replace(whole, cells=drawn_cells(objective, 7, int(replicate)))
            exists = drawn.verdict().direction is None
            assert exists or not proven[replicate]
            seen.append((exists, bool(proven[replicate])))
    assert {(True, True), (True, False), (False, False)} == set(seen)


def real_case(random):
    """Return (winner, loser, tied, covariates, items, model) with covariates of any scale."""
    items, count, width = int(random.integers(2, 5)), int(random.integers(4, 16)), int(random.integers(1, 3))
    winner = random.integers(0, items, count)
    loser = (winner + random.integers(1, items, count)) % items
    x = random.normal(size=(count, width)) * 10.0 ** random.integers(-3, 4, width)
    return winner, loser, random.random(count) < 0.2, x, items, str(random.choice(list(MODELS)))


@pytest.mark.search
def test_fits_with_real_covariates_of_any_scale_are_finite_where_multipliers_say_so():
    """Directions that are no small integers are proven, too. A finite maximum may be out of reach, which is said."""
    random, seen = np.random.default_rng(1), {"finite": [], "infinite": [], "unproven": [], "out of reach": []}
    worst = search.Worst("R3", "fit_contextual, existence by multipliers, Newton's decrement")
    for _ in range(search.cases(120)):
        winner, loser, tied, x, items, model = real_case(random)
        rows = zip(winner.tolist(), loser.tolist(), tied.tolist(), [0] * len(x), x.tolist(), strict=True)
        conditions = np.array(oracle.rows(model, list(rows), items), float)
        sizes = np.abs(conditions).max(axis=0)
        finite = oracle.is_finite_by_least_squares(conditions / np.where(sizes > 0, sizes, 1.0))
        try:
            result = fit_contextual(winner, loser, x, model, tied=tied, n_items=items)
        except af.ConvergenceError as error:
            kind = (
                "unproven" if "as far as" in str(error) else "infinite" if "separable" in str(error) else "out of reach"
            )
            seen[kind].append(finite)
            worst.see(0.0, 1e-10, None)
        except ValueError:  # components, or unknowns that no comparison tells apart
            continue
        else:
            worst.see(result.newton_decrement, 1e-10, (winner, loser, tied, x, items, model))
            seen["finite"].append(finite)
    assert all(seen["finite"] + seen["out of reach"])
    assert not any(seen["infinite"])
    assert not seen["unproven"]
    assert len(seen["finite"]) > 40
    assert len(seen["infinite"]) > 20
    assert len(seen["out of reach"]) <= max(2, search.cases(120) / 50)
    worst.hold()


# ---- what is certified ----


@each_model
@pytest.mark.parametrize("size", [300, 30_000])
@pytest.mark.parametrize("options", [{}, {"home": True}, {"l2": 0.1}])
def test_what_has_converged_has_a_decrement_below_the_tolerance(model, size, options):
    votes, _ = simulated(20, size, ties=0.3, home=0.4)
    for tol in (1e-6, 1e-10):
        result = fit(votes, model, tol=tol, **options)
        assert result.newton_decrement <= tol
        assert result.last_step <= tol


def test_a_decrement_that_is_too_large_is_not_called_converged():
    """Ten steps are not enough along a likelihood that hardly ends: 1e9 wins against one."""
    votes = Comparisons.from_matrix([[0, 1e9], [1, 0]])
    with pytest.raises(af.ConvergenceError, match="not converged: after 10 Newton steps the last one was"):
        fit(votes, max_iter=10)
    result = fit(votes)
    assert result.scores[0] - result.scores[1] == pytest.approx(np.log(1e9), rel=1e-12)
    assert result.newton_decrement <= 1e-10


# ---- replicates ----


@each_model
@pytest.mark.parametrize("home", [False, True])
def test_replicates_are_missing_where_their_counts_have_no_finite_maximum(model, home):
    """Every replicate of small data is asked of the programme, without graph, pairs or steps."""
    votes, _ = simulated(4, 22, seed=3, ties=0.3, home=0.5)
    result = fit(votes, model, home=home)
    found = result.bootstrap(60, rng=1)
    key = stream_key(1, BOOTSTRAP, "rng")
    existing = []
    for replicate in range(60):
        question = result._question.over(drawn_cells(result._objective, key, replicate))
        tied = question.cells.ties.any() or MODELS[model].tie is None
        graph = af.ranking.Existence.of(question.cells)
        existing.append(bool(tied and graph.finite and question.verdict().direction is None))
    assert (~np.isnan(found.scores[:, 0])).tolist() == existing
    assert 0 < found.degenerate < 60
    assert np.abs(found.scores[existing]).max() < 30


def test_replicates_of_covariates_that_separate_are_missing():
    random = np.random.default_rng(2)
    winner = random.integers(0, 3, 24)
    loser = (winner + random.integers(1, 3, 24)) % 3
    x = np.where(random.random((24, 1)) < 0.85, 1.0, -1.0)
    found = fit_contextual(winner, loser, x).bootstrap(200, rng=0)
    assert 0 < found.degenerate < 200
    assert np.nanmax(np.abs(found.scores)) < 30
