"""The front end of arena-rank beside its formulas, and beside arena-rank where that is installed."""

import inspect

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

from alignment_fast.errors import ConvergenceError  # noqa: E402
from alignment_fast.interop import arena_rank  # noqa: E402
from oracles import arena_rank as oracle  # noqa: E402

pytestmark = [pytest.mark.frontends, pytest.mark.same_everywhere]

FEATURES = ["longer", "bolder"]
BOTH_WEIGHTS = pytest.mark.parametrize("reweighted", [False, True])


def battles(seed=0, n=400, models=5):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 0.8, models)
    first, second = rng.integers(0, models, (2, n))
    features = rng.normal(size=(n, 2))
    won = rng.random(n) < 1 / (1 + np.exp(scores[second] - scores[first] - features[:, 0]))
    words = np.where(won, "model_a", "model_b").astype(object)
    for word in ("tie", "both_bad", "odd", None):
        words[rng.random(n) < 0.06] = word
    names = [f"model {one}" for one in rng.permutation(models)]
    frame = pandas.DataFrame({"model_a": [names[i] for i in first], "model_b": [names[i] for i in second]})
    frame["winner"] = words
    frame[FEATURES] = features
    return frame


def plain(frame, **options):
    return arena_rank.PairDataset.from_pandas(frame, **options)


def contextual(frame, **options):
    return arena_rank.ContextualPairDataset.from_pandas(frame, FEATURES, **options)


# ---- data ----


@BOTH_WEIGHTS
def test_battles_are_counted(reweighted):
    frame = battles()
    data = plain(frame, reweighted=reweighted, min_pair_count=20)
    assert data.competitors == sorted({*frame["model_a"], *frame["model_b"]})
    shares = frame["winner"].map(arena_rank.default_outcome_map)
    kinds = list(zip(frame["model_a"], frame["model_b"], shares, strict=True))
    for pair, outcome, count, weight in zip(data.pairs, data.outcomes, data.counts, data.weights, strict=True):
        one, other = (data.competitors[place] for place in pair)
        assert count == kinds.count((one, other, outcome))
        met = sum({a, b} == {one, other} for a, b, _ in kinds)
        assert weight == (1 / max(met, 20) if reweighted else 1.0)
    assert data.counts.sum() == len(frame)
    np.testing.assert_array_equal(data.opt_weights, data.weights * data.counts)


def test_features_are_scaled_and_constant_ones_shifted():
    frame = battles()
    frame["bolder"] = 3.0
    data = contextual(frame)
    np.testing.assert_allclose(data.features.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(data.features.std(axis=0), [1, 0], atol=1e-12)
    assert data.weights.mean() == pytest.approx(1.0)
    np.testing.assert_array_equal(contextual(frame, normalize_features=False).features, frame[FEATURES])


def test_a_missing_competitor_is_an_error():
    frame = battles()
    frame.loc[3, "model_b"] = None
    with pytest.raises(ValueError, match="df: a competitor is missing"):
        plain(frame)


def test_no_battles_are_an_error():
    for make in (plain, contextual):
        with pytest.raises(ValueError, match="df: there are no battles"):
            make(battles()[:0])


# ---- estimates and standard errors ----


@BOTH_WEIGHTS
@pytest.mark.parametrize("strict", [False, True])
def test_ratings_have_no_gradient_and_the_sandwich_is_its_formula(reweighted, strict):
    data = plain(battles(1), reweighted=reweighted)
    model = arena_rank.BradleyTerry(5, scale=100.0, base=np.e, init_rating=0.0, strict=strict)
    found = model.compute_ratings_and_cis(data, significance_level=0.1)
    scores, design = model.params["ratings"], oracle.design_of(data.pairs, 5)
    np.testing.assert_allclose(found["ratings"], 100 * scores)
    assert abs(scores.sum()) < 1e-9
    assert abs(oracle.slopes(design, data.outcomes, data.opt_weights, scores, 0.0)).max() < 1e-8
    ridge = 0.0 if strict else 1e-5 * (1 if reweighted else data.counts.sum())
    variances = oracle.sandwich(design, data.outcomes, data.weights, scores, ridge, 0 * scores, data.counts)
    np.testing.assert_allclose(found["variances"], 1e4 * variances, rtol=1e-5)
    width = 1.6448536269514722 * 100 * np.sqrt(variances)
    np.testing.assert_allclose(found["rating_upper"] - found["ratings"], width, rtol=1e-5)
    np.testing.assert_allclose(found["ratings"] - found["rating_lower"], width, rtol=1e-5)


@BOTH_WEIGHTS
@pytest.mark.parametrize("strict", [False, True])
def test_ratings_with_features_have_no_gradient_and_the_sandwich_is_its_formula(reweighted, strict):
    data = contextual(battles(2), reweighted=reweighted)
    model = arena_rank.ContextualBradleyTerry(5, 2, base=np.e, scale=1.0, reg=0.3, strict=strict)
    found = model.compute_ratings_and_cis(data)
    u = np.concatenate([model.params["ratings"], found["coeffs"]])
    design, penalty, n = oracle.design_of(data.pairs, 5, data.features), np.array([0.0] * 5 + [0.3] * 2), data.n_pairs
    assert abs(oracle.slopes(design, data.outcomes, data.weights / n, u, penalty)).max() < 1e-10
    ridge, correction = (penalty, penalty * u) if strict else (1e-5, penalty * u / np.sqrt(n))
    weight = data.weights / n
    # Σ of squares of weights w/n is 1/n of the host's mean, and so are its variances; the correction is a mean's.
    variances = oracle.sandwich(design, data.outcomes, weight, u, ridge, correction / np.sqrt(n), n_items=5)
    np.testing.assert_allclose(found["variances"], variances, rtol=1e-6)


def test_errors_of_a_newcomer_are_right_where_strict_and_else_the_smaller_the_more_battles_others_had():
    rng = np.random.default_rng(5)
    first = rng.integers(0, 4, 200_000)
    second = (first + rng.integers(1, 4, len(first))) % 4
    frame = pandas.DataFrame({"model_a": [f"m{i}" for i in first], "model_b": [f"m{i}" for i in second]})
    frame["winner"] = np.where(rng.random(len(first)) < 0.5, "model_a", "model_b")
    frame.loc[:39, "model_a"] = "newcomer"
    frame.loc[:39, "winner"] = ["model_a", "model_b"] * 20
    data = plain(frame)
    place = data.competitor_to_index["newcomer"]
    found = {
        strict: np.sqrt(arena_rank.BradleyTerry(5, strict=strict).compute_ratings_and_cis(data)["variances"][place])
        for strict in (False, True)
    }
    # 40 even battles know a difference to 2/√40 logits; a score is against the mean of all five.
    exact = 0.8 * 400 / np.log(10) * 2 / np.sqrt(40)
    assert found[True] == pytest.approx(exact, rel=0.01)
    assert found[False] < 0.9 * exact


def test_intervals_of_resamples_are_near_those_of_the_sandwich():
    for data, model in (
        (plain(battles(3, 2000)), arena_rank.BradleyTerry(5, strict=True)),
        (contextual(battles(3, 2000)), arena_rank.ContextualBradleyTerry(5, 2, strict=True)),
    ):
        normal = model.compute_ratings_and_cis(data)
        drawn = model.compute_ratings_and_cis(data, ci_method="bootstrap", num_bootstrap=200, seed=1)
        np.testing.assert_allclose(drawn["variances"], normal["variances"], rtol=0.35)
        assert (drawn["rating_lower"] < drawn["ratings"]).all()
        assert (drawn["ratings"] < drawn["rating_upper"]).all()


def test_nobody_has_finite_ratings_where_one_model_always_won():
    frame = battles(4)
    frame = frame[frame["model_a"] != frame["model_b"]]
    frame.loc[frame["model_a"] == "model 1", "winner"] = "model_a"
    frame.loc[frame["model_b"] == "model 1", "winner"] = "model_b"
    for data, make in (
        (plain(frame), lambda **options: arena_rank.BradleyTerry(5, **options)),
        (contextual(frame), lambda **options: arena_rank.ContextualBradleyTerry(5, 2, **options)),
    ):
        assert np.isfinite(make().fit(data).params["ratings"]).all()  # as the host, wherever the minimiser stopped
        with pytest.raises(ConvergenceError, match="won or lost everything"):
            make(strict=True).fit(data)


def test_another_method_is_refused():
    for data, model in (
        (plain(battles()), arena_rank.BradleyTerry(5)),
        (contextual(battles()), arena_rank.ContextualBradleyTerry(5, 2)),
    ):
        with pytest.raises(ValueError, match="Unknown ci_method: jackknife"):
            model.compute_ratings_and_cis(data, ci_method="jackknife")


# ---- the host ----


@pytest.fixture(scope="module")
def host():
    """Return arena-rank's models and data by the names that they have here."""
    pytest.importorskip("arena_rank.models.bradley_terry")
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
    from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset

    return {one.__name__: one for one in (BradleyTerry, ContextualBradleyTerry, PairDataset, ContextualPairDataset)}


def test_signatures_are_those_of_the_host_and_strict(host):
    for name, theirs in host.items():
        ours, methods = (
            getattr(arena_rank, name),
            [m for m in ("from_pandas", "compute_ratings_and_cis") if hasattr(theirs, m)],
        )
        for method in ["__init__", *methods]:
            mine, other = (inspect.signature(getattr(one, method)).parameters for one in (ours, theirs))
            assert [key for key in mine if key != "strict"] == list(other)
            for key in set(other) - {"dtype", "outcome_map", "competitor_cols"}:
                assert mine[key].default == other[key].default


@BOTH_WEIGHTS
@pytest.mark.parametrize("kind", ["", "Contextual"])
def test_ratings_and_intervals_are_those_of_the_host(host, kind, reweighted):
    columns, sizes = ([FEATURES], (5, 2)) if kind else ([], (5,))
    frame = battles(6, 1000)
    found = []
    for module in (host, vars(arena_rank)):
        data = module[f"{kind}PairDataset"].from_pandas(frame, *columns, reweighted=reweighted)
        found.append((data, module[f"{kind}BradleyTerry"](*sizes).compute_ratings_and_cis(data)))
    (their_data, theirs), (our_data, ours) = found
    for name in ("pairs", "outcomes", "weights", "features", "counts", "opt_weights"):
        if hasattr(their_data, name):
            np.testing.assert_allclose(getattr(our_data, name), getattr(their_data, name), rtol=1e-12, atol=1e-13)
    assert set(ours) == set(theirs)
    for name in set(theirs) - {"competitors"}:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-4, atol=0.02)
    assert ours["competitors"] == theirs["competitors"]
