"""Every loss of the table against its formula in 60 digits: values, gradients, score maps, lengths, reductions."""

import runpy
from pathlib import Path

import mpmath
import numpy as np
import pytest
import search

import alignment_fast as af
from bounds import assert_same_bits, bound
from oracles import pairwise as oracle

PAIRED = [name for name, row in af.pairwise.LOSS_TYPES.items() if row.is_paired and not row.is_matched]
SCORED = [name for name in PAIRED if af.pairwise.LOSS_TYPES[name].has_scores]
SCORES = ("forward_kl", "js_divergence", "alpha_divergence")
DTYPES = ("float32", "float64")
BETA = 0.25  # exact, so that products with it are rounded only where they must be


def smoothing(name):
    return 0.125 if af.pairwise.LOSS_TYPES[name].smoothing else 0.0


def log_probabilities(size, dtype, seed=0, scale=6.0):
    """Return four arrays of log-probabilities whose sums and differences are exact."""
    random = np.random.default_rng(seed)
    return [(-np.abs(np.round(64 * scale * random.standard_normal(size)) / 64) - 1 / 64).astype(dtype) for _ in "wlwl"]


def check(result, name, arrays, dtype, **parameters):
    """Compare losses and both gradients of every pair with the oracle, in units of its magnitudes."""
    parameters = {**af.pairwise.LOSS_TYPES[name].parameters, "beta": BETA, "epsilon": smoothing(name), **parameters}
    lengths = parameters.pop("lengths", [np.ones_like(arrays[0])] * 2)
    unit = bound("pairwise.evaluate", dtype) * np.finfo(dtype).eps
    for i, point in enumerate(zip(*arrays, strict=True)):
        own = {**parameters, "lengths": [n[i] for n in lengths]}
        for which, array in ((None, result.loss), (0, result.grad_policy_chosen), (1, result.grad_policy_rejected)):
            exact, magnitude = oracle.loss(name, point, which, **own)
            error = abs(oracle.mpmath.mpf(float(array[i])) - exact)
            assert error <= unit * magnitude + np.finfo(dtype).smallest_subnormal, (point, which)


def test_the_oracle_knows_every_loss():
    assert set(oracle.PAIRED) == set(PAIRED)
    assert set(oracle.OF_MARGIN) == {name for name, row in af.pairwise.LOSS_TYPES.items() if row.margin_kernel}


def test_the_page_of_losses_is_current():
    docs = Path(__file__).parents[1] / "docs" / "generated"
    assert (docs / "losses.md").read_text("utf-8") == runpy.run_path(str(docs / "losses.py"))["page"]()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PAIRED)
def test_losses_and_gradients(name, dtype):
    arrays = log_probabilities(24, dtype)
    lengths = [np.full(24, 2.0), np.full(24, 4.0)] if name == "sigmoid_norm" else [np.ones(24)] * 2
    options = {"chosen_length": lengths[0], "rejected_length": lengths[1]} if name == "sigmoid_norm" else {}
    result = af.pairwise.preference_loss(
        *arrays, loss_type=name, beta=BETA, label_smoothing=smoothing(name), reduction="none", grad=True, **options
    )
    assert result.loss.dtype == dtype
    check(result, name, arrays, dtype, lengths=lengths)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("name", SCORED)
def test_score_maps(name, score, dtype):
    arrays = log_probabilities(8, dtype, seed=1, scale=1.0)
    lengths = [np.full(8, 2.0), np.full(8, 4.0)]
    result = af.pairwise.preference_loss(
        *arrays,
        loss_type=name,
        beta=BETA,
        label_smoothing=smoothing(name),
        score=score,
        reduction="none",
        grad=True,
        chosen_length=lengths[0],
        rejected_length=lengths[1],
    )
    check(result, name, arrays, dtype, lengths=lengths, score=score)


@pytest.mark.parametrize("name", ["simpo", "cpo", "orpo", "alphapo", "tpo_l", "slic", "simper"])
def test_lengths_divide_log_probabilities_of_losses_without_reference(name):
    chosen, rejected, *_ = log_probabilities(16, "float64", seed=2)
    lengths = np.arange(1.0, 17.0), np.arange(17.0, 1.0, -1.0)
    options = {"loss_type": name, "beta": BETA, "reduction": "none", "grad": True}
    by_length = af.pairwise.preference_loss(
        chosen, rejected, chosen_length=lengths[0], rejected_length=lengths[1], **options
    )
    of_means = af.pairwise.preference_loss(chosen / lengths[0], rejected / lengths[1], **options)
    np.testing.assert_allclose(by_length.loss, of_means.loss, rtol=1e-15)
    np.testing.assert_allclose(by_length.chosen_rewards, of_means.chosen_rewards, rtol=1e-15)
    np.testing.assert_allclose(by_length.grad_policy_chosen * lengths[0], of_means.grad_policy_chosen, rtol=1e-14)
    np.testing.assert_allclose(by_length.grad_policy_rejected * lengths[1], of_means.grad_policy_rejected, rtol=1e-14)


def test_sft_with_lengths_is_a_mean_over_tokens():
    result = af.pairwise.preference_loss(
        np.array([-10.0, -20.0]), None, loss_type="sft", chosen_length=np.array([2, 8]), grad=True
    )
    assert result.loss == 3.0
    np.testing.assert_allclose(result.grad_policy_chosen, [-0.1, -0.1], rtol=1e-15)
    assert result.grad_policy_rejected is None


# ---- reductions, weights, rewards, metrics ----

SIZES = (0, 1, 7, 1023, 1024, 1025, 5000)


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("size", SIZES)
def test_reductions_weigh_and_add_what_none_returns(name, size):
    arrays = log_probabilities(size, "float64", seed=size)
    weight = np.linspace(0.5, 2.0, size)
    lengths = {"chosen_length": np.full(size, 3.0), "rejected_length": np.full(size, 5.0)} if "norm" in name else {}
    options = {"loss_type": name, "label_smoothing": smoothing(name), "grad": True, **lengths}
    each = af.pairwise.preference_loss(*arrays, reduction="none", **options)
    total = af.pairwise.preference_loss(*arrays, reduction="sum", weight=weight, **options)
    mean = af.pairwise.preference_loss(*arrays, reduction="mean", weight=weight, **options)
    np.testing.assert_allclose(total.loss, weight @ each.loss, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(total.grad_policy_chosen, weight * each.grad_policy_chosen, rtol=1e-14)
    if size:
        np.testing.assert_allclose(mean.loss, total.loss / size, rtol=1e-15)
        np.testing.assert_allclose(mean.grad_policy_rejected, total.grad_policy_rejected / size, rtol=1e-14)
    else:
        assert np.isnan(mean.loss)


@pytest.mark.parametrize("name", ["sigmoid", "ipo", "apo_zero", "aot", "aot_unpaired"])
def test_rewards_and_metrics_come_with_the_loss(name):
    arrays = a, c, b, d = log_probabilities(3000, "float64", seed=3)
    result = af.pairwise.preference_loss(*arrays, loss_type=name, beta=0.5, metrics=True)
    np.testing.assert_array_equal(result.chosen_rewards, 0.5 * (a - b))
    np.testing.assert_array_equal(result.rejected_rewards, 0.5 * (c - d))
    chosen, rejected, margin, accuracy = result.metrics
    assert chosen == pytest.approx(np.mean(0.5 * (a - b)), rel=1e-13)
    assert rejected == pytest.approx(np.mean(0.5 * (c - d)), rel=1e-13)
    assert margin == chosen - rejected
    assert accuracy == np.mean(a - b > c - d)


PLAIN = [name for name in PAIRED if af.pairwise.LOSS_TYPES[name].margin_kernel and name in SCORED]


@pytest.mark.parametrize("name", [name for name in PLAIN if not af.pairwise.LOSS_TYPES[name].needs_lengths])
def test_the_plain_pass_and_the_general_one_agree(name):
    """Four arrays without weights or lengths run in one loop, everything else through tiles; both are one formula."""
    arrays = log_probabilities(3000, "float64", seed=4)
    options = {"loss_type": name, "label_smoothing": smoothing(name), "grad": True, "metrics": True}
    plain = af.pairwise.preference_loss(*arrays, **options)
    general = af.pairwise.preference_loss(*arrays, weight=np.ones(3000), **options)
    np.testing.assert_allclose(plain.loss, general.loss, rtol=1e-14)
    for mine, other in zip(plain[1:5], general[1:5], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert plain.metrics == general.metrics


@pytest.mark.parametrize("shift", [0.0, 30.0, 300.0, 700.0])
def test_means_of_tiny_losses_keep_their_digits(shift):
    """One logarithm serves many pairs; the product behind it holds 1 + e^-x without losing e^-x."""
    margin = shift + np.linspace(0, 1, 3000)
    zero = np.zeros(3000)
    mean = af.pairwise.preference_loss(margin, zero, zero, zero, beta=1.0).loss
    assert mean == pytest.approx(np.log1p(np.exp(-margin)).mean(), rel=1e-13)


# ---- losses that sort their batch ----


def matched(name, a, c, b, d):
    """Return margins and the ranks that chosen and rejected log-probabilities have in them, from NumPy's sort."""
    if name == "aot":
        (upper, order), (lower, _) = oracle.sorted_differences(a, c), oracle.sorted_differences(b, d)
        return upper - lower, order, order
    (upper, first), (lower, second) = oracle.sorted_differences(a, b), oracle.sorted_differences(c, d)
    return upper - lower, first, second


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 2, 30, 3000])
@pytest.mark.parametrize("name", ["aot", "aot_unpaired"])
def test_losses_that_match_sorted_lists(name, size, dtype):
    arrays = log_probabilities(size, dtype, seed=5)  # rounded: ties among them
    margin, first, second = matched(name, *arrays)
    expected = af.pairwise.margin_loss(margin, beta=0.5, label_smoothing=0.125, reduction="none", grad=True)
    result = af.pairwise.preference_loss(
        *arrays, loss_type=name, beta=0.5, label_smoothing=0.125, reduction="none", grad=True
    )
    assert_same_bits("pairwise.sort_differences", result.loss, expected.loss)
    assert_same_bits("pairwise.scatter", result.grad_policy_chosen, oracle.scattered(expected.grad, first))
    assert_same_bits("pairwise.scatter", result.grad_policy_rejected, oracle.scattered(-expected.grad, second))


# ---- losses of single answers ----


@pytest.mark.parametrize("kl", [-0.5, 0.0, 0.75])
@pytest.mark.parametrize("name", ["kto", "apo_zero_unpaired"])
def test_unpaired_losses(name, kl):
    policy, ref, *_ = log_probabilities(12, "float64", seed=6)
    desirable = np.arange(12) % 3 == 0
    result = af.pairwise.unpaired_loss(
        policy, ref, desirable, kl=kl, loss_type=name, beta=BETA, desirable_weight=1.5, undesirable_weight=0.5,
        reduction="none", grad=True,
    )  # fmt: skip
    np.testing.assert_array_equal(result.rewards, BETA * (policy - ref))
    options = {"beta": BETA, "kl": kl if name == "kto" else 0.0, "weights": (1.5, 0.5)}
    for i in range(12):
        for which, array in ((None, result.loss), (0, result.grad_policy)):
            exact, magnitude = oracle.unpaired(policy[i], ref[i], desirable[i], which=which, **options)
            error = abs(oracle.mpmath.mpf(float(array[i])) - exact)
            assert error <= bound("pairwise.evaluate") * np.finfo(float).eps * magnitude


def test_unpaired_reductions_divide_by_the_number_of_answers():
    policy, ref, *_ = log_probabilities(12, "float64", seed=6)
    desirable = np.arange(12) % 3 == 0
    each = af.pairwise.unpaired_loss(policy, ref, desirable, kl=0.5, reduction="none", grad=True)
    mean = af.pairwise.unpaired_loss(policy, ref, desirable, kl=0.5, grad=True)
    assert mean.loss == pytest.approx(each.loss.mean(), rel=1e-14)
    np.testing.assert_allclose(mean.grad_policy, each.grad_policy / 12, rtol=1e-15)


def test_the_reference_point_of_a_batch_is_beta_times_its_mean_log_ratio():
    assert af.pairwise.batch_kl(np.array([-1.0, -2.0]), np.array([-2.0, -2.5]), beta=0.5) == 0.375
    assert af.pairwise.batch_kl(np.array([-3.0]), np.array([-2.0])) == 0.0


def test_dpo_is_another_name_of_sigmoid():
    arrays = log_probabilities(50, "float64")
    named, other = (af.pairwise.preference_loss(*arrays, loss_type=name, grad=True) for name in ("sigmoid", "dpo"))
    for field in ("loss", "grad_policy_chosen", "grad_policy_rejected"):
        np.testing.assert_array_equal(getattr(named, field), getattr(other, field))
    margins = np.linspace(-3, 3, 7)
    sigmoid, dpo = (af.pairwise.margin_loss(margins, loss_type=name).loss for name in ("sigmoid", "dpo"))
    np.testing.assert_array_equal(sigmoid, dpo)
    assert "dpo" not in af.pairwise.LOSS_TYPES  # a name, no loss of its own


# ---- products of limits ----


@pytest.mark.parametrize("length", [None, 1.0, 2.0])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (-1e-271, -1e-260),
        (-1e-275, -1.0),
        (-1.0, -1e-275),
        (-1e-280, -1e-275),
        (-1e-307, -1e-300),
        (-1e-310, -1.0),
        (-700.0, -1e-300),
        (-1e-300, -800.0),
    ],
)
def test_orpo_of_nearly_certain_answers(x, y, length):
    """Log-probabilities so near 0 that odds and gradients are as large as numbers get."""
    n = length or 1.0
    with mpmath.workdps(400):
        odds = [mpmath.mpf(z) / n - mpmath.log(-mpmath.expm1(mpmath.mpf(z) / n)) for z in (x, y)]
        falling = 1 / (1 + mpmath.exp(odds[0] - odds[1]))
        loss = -mpmath.mpf(x) / n + mpmath.log1p(mpmath.exp(odds[1] - odds[0])) / 10
        slopes = [falling / 10 / -mpmath.expm1(mpmath.mpf(z) / n) for z in (x, y)]
        exact = [float(loss), float((-1 - slopes[0]) / n), float(slopes[1] / n)]
    lengths = {} if length is None else {"chosen_length": [length], "rejected_length": [length]}
    result = af.pairwise.preference_loss([x], [y], loss_type="orpo", lam=0.1, grad=True, reduction="sum", **lengths)
    found = [result.loss, result.grad_policy_chosen[0], result.grad_policy_rejected[0]]
    assert [float(value) for value in found] == pytest.approx(exact, rel=1e-11, abs=1e-320)


def test_orpo_gradients_beyond_the_largest_number_are_the_largest_number():
    result = af.pairwise.preference_loss([-1e-310], [-1e-310], loss_type="orpo", lam=1e3, grad=True, reduction="sum")
    gradients = result.grad_policy_chosen[0], result.grad_policy_rejected[0]
    assert gradients == (-np.finfo(float).max, np.finfo(float).max)


@pytest.mark.parametrize(
    ("name", "x", "y", "limit"),
    [
        ("orpo", -np.inf, -1.0, np.inf),
        ("dpop", -np.inf, -1.0, np.inf),
        ("slic", -np.inf, -1.0, np.inf),
        ("cpo", -np.inf, -1.0, np.inf),
        ("tpo_l", -1.0, -np.inf, np.log1p(np.exp(-np.inf))),
    ],
)
def test_a_coefficient_of_zero_takes_its_term_away_at_infinity(name, x, y, limit):
    row = af.pairwise.LOSS_TYPES[name]
    reference = ([0.0], [0.0]) if row.has_reference else ()
    loss = af.pairwise.preference_loss([x], [y], *reference, loss_type=name, lam=0.0, beta=1.0, reduction="sum").loss
    assert loss == limit


def simper(x, y, dtype):
    """Return loss and gradients of SimPER of one pair."""
    result = af.pairwise.preference_loss(
        np.array([x], dtype), np.array([y], dtype), loss_type="simper", grad=True, reduction="sum"
    )
    return float(result.loss), float(result.grad_policy_chosen[0]), float(result.grad_policy_rejected[0])


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 2.0**110), ("float64", 2.0**900)])
def test_simper_of_finite_scores_saturates_where_their_exponentials_would_overflow(dtype, largest):
    """Log-densities of continuous answers may be positive."""
    most = np.finfo(dtype).max
    assert simper(most, -most, dtype) == (-largest, -largest, 0)
    assert simper(-most, most, dtype) == (largest, 0, largest)
    assert simper(most, most, dtype) == (0, -largest, largest)
    below = np.floor(np.log(largest))  # not yet
    assert simper(0.0, below, dtype) == pytest.approx((np.exp(below) - 1, -1, np.exp(below)), rel=1e-6)


def test_beta_only_scales_the_rewards_of_simper():
    one, other = (
        af.pairwise.preference_loss([-1.0], [-2.0], loss_type="simper", beta=beta, grad=True) for beta in (1.0, 3.0)
    )
    assert (one.loss, *one.grad_policy_chosen) == (other.loss, *other.grad_policy_chosen)
    assert other.chosen_rewards == 3 * one.chosen_rewards


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("x", "y", "limits"),
    [
        (-np.inf, 0.0, (1, 0, 1)),
        (0.0, -np.inf, (-1, -1, 0)),
        (-np.inf, -np.inf, (0, 0, 0)),
        (np.inf, 0.0, (-np.inf, -np.inf, 1)),
        (0.0, np.inf, (np.inf, -1, np.inf)),
        (np.inf, np.inf, (np.nan, -np.inf, np.inf)),
        (np.nan, 0.0, (np.nan, np.nan, 1)),
        (0.0, np.nan, (np.nan, -1, np.nan)),
    ],
)
def test_infinite_scores_have_the_limits_of_simper(x, y, limits, dtype):
    assert simper(x, y, dtype) == pytest.approx(limits, rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alpha", [1e-20, 1e-38, 1e-50, 1e-310, 0.0])
def test_tiny_alphas_are_the_limit_of_alphapo(alpha, dtype):
    x, y = np.array([-1.5], dtype), np.array([-2.0], dtype)
    loss = af.pairwise.preference_loss(x, y, loss_type="alphapo", alpha=alpha, beta=1.0, gamma=0.0).loss
    assert loss == pytest.approx(np.log1p(np.exp(-0.5)), rel=1e-6 if dtype == np.float32 else 1e-15)


@pytest.mark.search
@pytest.mark.parametrize("name", PAIRED)
def test_search_over_parameters_of_pairs_gives_no_nan(name):
    generator = np.random.default_rng(28)
    row = af.pairwise.LOSS_TYPES[name]
    for _ in range(search.cases(50)):
        given = [-(10.0 ** generator.uniform(-320, 308, 8)) * generator.choice([0, 1], 8) for _ in range(4)]
        options = {"beta": 10.0 ** generator.uniform(-320, 308), "label_smoothing": smoothing(name)}
        for parameter in set(row.parameters) - {"tau", "alpha"}:
            options[parameter] = generator.choice([0.0, 1.0, 10.0 ** generator.uniform(-320, 308)])
        if row.needs_lengths:
            options |= {"chosen_length": np.full(8, 3), "rejected_length": np.full(8, 1000)}
        result = af.pairwise.preference_loss(*given, loss_type=name, grad=True, reduction="none", **options)
        found = [x for x in (result.loss, result.grad_policy_chosen, result.grad_policy_rejected) if x is not None]
        assert not np.isnan(np.concatenate(found)).any(), (given, options)
