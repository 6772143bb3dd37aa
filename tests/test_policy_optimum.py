"""Optima of IPO and DPO, their losses, sensitivities and covariances, against sums over pairs and 50 digits."""

import pickle

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alignment_fast as af
from oracles import policy as oracle

P4 = np.array([[0.5, 0.7, 0.35, 0.9], [0.3, 0.5, 0.8, 0.6], [0.65, 0.2, 0.5, 0.55], [0.1, 0.4, 0.45, 0.5]])
MU4 = np.array([0.4, 0.3, 0.2, 0.1])
RPS = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]])


def vectors(kind):
    return pytest.mark.parametrize("vector", oracle.of_kind(kind), ids=lambda vector: vector["id"])


def arguments(vector, *names):
    return tuple(np.array(vector["inputs"][name]) for name in names)


@st.composite
def tasks(draw, max_size=6, smallest=0.02):
    """Preferences in [smallest, 1 − smallest] and a sampling distribution."""
    K = draw(st.integers(2, max_size))
    upper = draw(hnp.arrays(np.float64, (K, K), elements=st.floats(smallest, 1 - smallest)))
    P = np.triu(upper, 1) + np.tril(1 - upper.T, -1) + 0.5 * np.eye(K)
    return P, draw(hnp.arrays(np.float64, K, elements=st.floats(1e-3, 1.0)))


# ---- IPO ----


@vectors("ipo_one_shot")
def test_ipo_of_the_file(vector):
    optimum = af.policy.ipo(*arguments(vector, "P", "mu", "ref", "beta"))
    expected = vector["expected"]
    np.testing.assert_allclose(optimum.scores, expected["scores"], rtol=1e-15)
    np.testing.assert_allclose(optimum.log_pi, expected["log_pi"], rtol=2e-15)
    np.testing.assert_allclose(optimum.pi, expected["pi"], rtol=2e-15)
    assert optimum.loss == pytest.approx(expected["min_loss"], rel=1e-15)
    assert optimum.entropy == pytest.approx(expected["entropy"], rel=1e-15)
    assert optimum.kl == pytest.approx(expected["kl_pi_ref"], rel=1e-14)


@vectors("ipo_loss_grad")
def test_ipo_loss_of_the_file(vector):
    value, gradient = af.policy.ipo_loss(*arguments(vector, "h", "P", "mu", "beta"))
    assert value == pytest.approx(vector["expected"]["loss"], rel=1e-15)
    np.testing.assert_allclose(gradient, vector["expected"]["grad"], rtol=1e-15, atol=2e-16)


@given(tasks(), st.integers(0, 2**32 - 1), st.floats(0, 30))
def test_ipo_loss_is_the_mean_over_pairs_and_winners(task, seed, beta):
    P, mu = task
    h = np.random.default_rng(seed).normal(size=len(mu))
    value = af.policy.ipo_loss(h, P, mu, beta).value
    assert value == pytest.approx(float(oracle.ipo_loss(h, P, mu, beta)), rel=1e-13)


@given(tasks(), st.floats(0.01, 30))
def test_ipo_optimum_is_stationary_and_its_loss_is_the_loss(task, beta):
    P, mu = task
    optimum = af.policy.ipo(P, mu, None, beta)
    value, gradient = af.policy.ipo_loss(optimum.log_pi + np.log(len(mu)), P, mu, beta)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-13 * beta)
    assert optimum.loss == pytest.approx(value, rel=1e-13)
    assert optimum.loss == pytest.approx(float(oracle.ipo_loss(optimum.log_pi, P, mu, beta)), rel=1e-12)


def test_gradients_are_differences_of_losses():
    r, step = np.array([0.4, -0.1, 0.2, -0.5]), 1e-6
    for loss in (lambda x: af.policy.ipo_loss(x, P4, MU4, 2.0), lambda x: af.policy.dpo_loss(x, P4, MU4)):
        differences = [(loss(r + e).value - loss(r - e).value) / (2 * step) for e in step * np.eye(4)]
        np.testing.assert_allclose(loss(r).gradient, differences, atol=1e-9)


@vectors("ipo_one_shot_multi_mu")
def test_ipo_is_blind_to_sampling_where_preferences_are_additive(vector):
    P, mus = arguments(vector, "P", "mus")
    scores = af.policy.ipo(P, mus, None, 1.0).scores
    centred = scores - scores.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred, np.tile(vector["expected"]["scores_centered"], (len(mus), 1)), atol=2e-16)


def test_ipo_depends_on_sampling_for_bradley_terry():
    vector = oracle.FILE["dpo_bt_sampling_insensitive"]
    P, mus = arguments(vector, "P", "mus")
    scores = af.policy.ipo(P, mus, None, 1.0).scores
    expected = vector["expected"]["ipo_scores_centered"]
    np.testing.assert_allclose(scores - scores.mean(axis=1, keepdims=True), expected, rtol=1e-14)


def test_sampling_strong_responses_moves_gaps_both_ways():
    vector = oracle.FILE["concentration_k4"]
    P, base, tilt, beta = arguments(vector, "P", "mu_base", "mu_tilt", "beta")
    optimum = af.policy.ipo(P, [base, tilt], None, beta)
    gaps = -np.diff(optimum.log_pi, axis=-1)
    np.testing.assert_allclose(gaps, [vector["expected"]["gaps_base"], vector["expected"]["gaps_tilt"]], rtol=1e-13)
    entropies = [vector["expected"]["entropy_base"], vector["expected"]["entropy_tilt"]]
    np.testing.assert_allclose(optimum.entropy, entropies, rtol=1e-15)


def test_divergence_keeps_its_digits_for_weak_signals():
    """D = beta² Var_ref(P μ)/2 + O(beta³), which the difference of two logarithms would lose."""
    scores = P4 @ MU4
    variance = np.mean((scores - scores.mean()) ** 2)
    assert af.policy.ipo(P4, MU4, None, 1e-9).kl == pytest.approx(0.5e-18 * variance, rel=1e-8)


# ---- IPO on pair designs ----


@given(tasks())
def test_product_designs_have_the_closed_form(task):
    P, mu = task
    beta, ref = np.array([0.5, 3.0]), np.arange(1.0, 1 + len(mu))
    pairs, product = af.policy.ipo_pairs(P, np.outer(mu, mu), ref, beta), af.policy.ipo(P, mu, ref, beta)
    np.testing.assert_allclose(pairs.log_pi, product.log_pi, atol=1e-12)
    np.testing.assert_allclose(pairs.loss, product.loss, rtol=1e-12)
    assert abs(pairs.scores.sum()) < 1e-13


def test_a_pair_design_minimises_its_loss():
    random = np.random.default_rng(5)
    P, rho = oracle.random_preferences(random, 5), random.random((5, 5))
    rho /= rho.sum()

    def loss(h, beta):
        gap, M = np.subtract.outer(h, h), P - 0.5
        return np.sum(rho * ((gap - beta * M) ** 2 + beta**2 * (0.25 - M**2)))

    optimum = af.policy.ipo_pairs(P, 7 * rho, None, 2.0)
    h = 2.0 * optimum.scores
    assert optimum.loss == pytest.approx(loss(h, 2.0), rel=1e-14)
    for direction in random.normal(size=(20, 5)):
        assert loss(h + 1e-3 * direction, 2.0) >= optimum.loss


def test_pair_designs_in_pieces_have_the_minimum_norm_solution():
    """Pairs within {0, 2} and {1, 3} only; 4 is never compared."""
    P = oracle.random_preferences(np.random.default_rng(8), 5)
    rho = np.zeros((5, 5))
    rho[0, 2], rho[3, 1] = 0.3, 0.7
    scores = af.policy.ipo_pairs(P, rho, None, 1.0).scores
    half = 0.5 * (P - 0.5)
    np.testing.assert_allclose(scores, [half[0, 2], half[1, 3], half[2, 0], half[3, 1], 0.0], atol=1e-16)
    weights = rho + rho.T
    least = np.linalg.pinv(oracle.laplacian(weights)) @ (weights * (P - 0.5)).sum(axis=1)
    np.testing.assert_allclose(scores, least, atol=1e-15)


def test_rare_pairs_do_not_cost_digits():
    """A chain of pairs whose weights fall by 1e-4 each is a tree: differences are those of P, whatever the weights."""
    P, rho = oracle.random_preferences(np.random.default_rng(9), 5), np.zeros((5, 5))
    for i in range(4):
        rho[i, i + 1] = 1e-4**i
    gaps = -np.diff(af.policy.ipo_pairs(P, rho, None, 1.0).scores)
    np.testing.assert_allclose(gaps, [P[i, i + 1] - 0.5 for i in range(4)], rtol=1e-12)


# ---- DPO ----


@vectors("dpo_one_shot")
def test_dpo_of_the_file(vector):
    optimum = af.policy.dpo(*arguments(vector, "P", "mu", "ref", "beta"))
    np.testing.assert_allclose(optimum.scores, vector["expected"]["r_centered"], atol=5e-16)
    np.testing.assert_allclose(optimum.pi, vector["expected"]["pi"], rtol=2e-15)
    assert optimum.loss == pytest.approx(vector["expected"]["loss"], rel=1e-15)


@vectors("dpo_loss_grad")
def test_dpo_loss_of_the_file(vector):
    value, gradient = af.policy.dpo_loss(*arguments(vector, "r", "P", "mu"))
    assert value == pytest.approx(vector["expected"]["loss"], rel=1e-15)
    np.testing.assert_allclose(gradient, vector["expected"]["grad"], rtol=1e-14, atol=1e-17)


@given(tasks(), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 30.0, 500.0]))
def test_dpo_loss_is_the_mean_over_pairs_and_winners(task, seed, size):
    P, mu = task
    r = size * np.random.default_rng(seed).normal(size=len(mu))
    assert af.policy.dpo_loss(r, P, mu).value == pytest.approx(float(oracle.dpo_loss(r, P, mu)), rel=1e-14)


@pytest.mark.parametrize("mu", [MU4, [1, 1, 1, 1], [1 - 3e-6, 1e-6, 1e-6, 1e-6], [1e-9, 1e-3, 1e-6, 1.0]])
def test_dpo_against_50_digits(mu):
    rewards = af.policy.dpo(P4, mu, None, 1.0).scores
    np.testing.assert_allclose(rewards, oracle.dpo_rewards(P4, mu, rewards), rtol=3e-15, atol=3e-15)


def test_dpo_under_concentrated_sampling_has_the_published_rewards():
    rewards = af.policy.dpo(P4, [1 - 3e-6, 1e-6, 1e-6, 1e-6], None, 1.0).scores
    np.testing.assert_allclose(rewards, [0.6063697824, -0.240926085686, 1.225404568612, -1.590848265326], atol=1e-12)


@pytest.mark.parametrize("depth", [5, 30, 300])
@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_dpo_is_solved_under_sampling_of_any_concentration(depth, spread):
    """Weights down to exp(−300) and chances down to exp(−50): every bracket vanishes, the rarest one too."""
    random = np.random.default_rng(depth)
    log_odds = np.triu(spread * random.normal(size=(500, 5, 5)), 1)
    P = 1 / (1 + np.exp(np.swapaxes(log_odds, -1, -2) - log_odds))
    mu = np.exp(-depth * random.random((500, 5)))
    rewards = af.policy.dpo(P, mu, None, 1.0).scores
    model = 1 / (1 + np.exp(rewards[:, None, :] - rewards[:, :, None]))
    brackets = np.einsum("bij,bj->bi", P - model, mu / mu.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(brackets, 0.0, atol=1e-14)
    for row in range(3):
        exact = oracle.dpo_rewards(P[row], mu[row], rewards[row])
        np.testing.assert_allclose(rewards[row], exact, atol=1e-11 * max(1.0, np.ptp(exact)))


@given(tasks())
def test_dpo_optimum_is_stationary(task):
    P, mu = task
    rewards = af.policy.dpo(P, mu, None, 1.0).scores
    brackets = (P - oracle.bradley_terry(rewards)) @ (mu / mu.sum())
    np.testing.assert_allclose(brackets, 0.0, atol=1e-14)
    assert abs(rewards.sum()) < 1e-13


@vectors("dpo_one_shot_multi_mu")
def test_dpo_is_blind_to_sampling_for_bradley_terry(vector):
    P, mus = arguments(vector, "P", "mus")
    rewards = af.policy.dpo(P, mus, None, 1.0).scores
    np.testing.assert_allclose(rewards, np.tile(vector["expected"]["r_centered"], (len(mus), 1)), atol=1e-15)


@pytest.mark.parametrize(("spread", "K"), [(1.0, 6), (10.0, 3), (40.0, 6), (40.0, 3)])
def test_bradley_terry_of_any_spread_is_recovered(spread, K):
    """Chances down to exp(−spread): the rarer outcome carries the digits."""
    rewards = spread * np.linspace(0.5, -0.5, K)
    fitted = af.policy.dpo(oracle.bradley_terry(rewards), None, None, 1.0).scores
    np.testing.assert_allclose(fitted, rewards, rtol=1e-12, atol=1e-12)


def test_responses_that_are_not_sampled_have_their_limit():
    silent = af.policy.dpo(P4, [1.0, 0.0, 1.0, 0.0], None, 1.0).scores
    nearly = af.policy.dpo(P4, [1.0, 1e-15, 1.0, 1e-15], None, 1.0).scores
    np.testing.assert_allclose(silent, nearly, atol=1e-13)
    point = af.policy.dpo(P4, [1.0, 0.0, 0.0, 0.0], None, 1.0).scores
    np.testing.assert_allclose(point - point[0], np.log(P4[:, 0] / P4[0]), atol=1e-15)


def test_two_responses_do_not_feel_the_sampling():
    P, mus = [[0.5, 0.8], [0.2, 0.5]], [[0.9, 0.1], [0.5, 0.5], [1e-8, 1.0]]
    np.testing.assert_allclose(af.policy.dpo(P, mus, None, 1.0).scores, np.log(4) * np.array([[0.5, -0.5]] * 3))
    assert np.ptp(af.policy.ipo(P, mus, None, 5.0).log_pi, axis=0).max() < 1e-15


@pytest.mark.parametrize("K", [50, 300])
def test_many_responses(K):
    random = np.random.default_rng(K)
    P, mu = oracle.random_preferences(random, K), random.dirichlet(np.full(K, 0.2))
    optimum = af.policy.dpo(P, mu, None, 1.0)
    np.testing.assert_allclose((P - oracle.bradley_terry(optimum.scores)) @ mu, 0.0, atol=1e-14)


def test_the_certificate_is_reported_when_it_is_not_met():
    message = "DPO: the last of 2 Newton steps moved rewards by .* tol = 1e-12"
    with pytest.raises(af.ConvergenceError, match=message) as caught:
        af.policy.dpo(P4, MU4, None, 1.0, max_iter=2)
    np.testing.assert_allclose(caught.value.result, af.policy.dpo(P4, MU4, None, 1.0).scores, atol=1e-3)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    np.testing.assert_array_equal(copy.result, caught.value.result)


# ---- existence ----


@pytest.mark.parametrize(
    ("beaten", "mu", "message"),
    [
        ([(0, 2), (0, 3), (1, 2), (1, 3)], [1, 1, 1, 1], r"2 strong components, \[0, 1\], \[2, 3\]"),
        ([(0, 1), (0, 2), (0, 3)], [1, 1, 1, 1], r"2 strong components, \[0\], \[1, 2, 3\]"),
        ([(0, 1), (0, 2)], [1, 1, 1, 0], r"2 strong components, \[0\], \[1, 2\]"),
        ([(3, 0), (3, 1)], [1, 1, 0, 0], r"responses \[3\], not sampled, have only wins"),
        ([(0, 2), (1, 2)], [1, 1, 0, 1e-9], None),
        ([(0, 2), (1, 2)], [1, 1, 0, 0], r"responses \[2\], not sampled, have only losses"),
    ],
)
def test_a_finite_optimum_needs_a_connected_win_graph(beaten, mu, message):
    P = P4.copy()
    for i, j in beaten:
        P[i, j], P[j, i] = 1.0, 0.0
    if message is None:
        assert np.isfinite(af.policy.dpo(P, mu, None, 1.0).scores).all()
        return
    with pytest.raises(ValueError, match=message):
        af.policy.dpo(P, mu, None, 1.0)
    with pytest.raises(ValueError, match=r"DPO of row \[1\] has no finite optimum"):
        af.policy.dpo([P4, P], mu, None, 1.0)


def test_certain_outcomes_are_fine_in_a_connected_graph():
    """A cycle of certain wins is symmetric: equal rewards."""
    P = [[0.5, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.5]]
    np.testing.assert_allclose(af.policy.dpo(P, None, None, 1.0).scores, 0.0, atol=1e-15)
    weighted = af.policy.dpo(P, [0.6, 0.3, 0.1], None, 1.0).scores
    np.testing.assert_allclose(weighted, oracle.dpo_rewards(P, [0.6, 0.3, 0.1], weighted), rtol=1e-14)


# ---- sensitivity and covariance ----


def test_sensitivity_of_the_example():
    change = af.policy.dpo_sensitivity(P4, MU4, [0.02, -0.01, 0.01, -0.02])
    expected = [-0.031162465063, 0.006154807365, 0.039369044183, -0.014361386485]
    np.testing.assert_allclose(change, expected, atol=1e-12)


@given(tasks(), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_sensitivity_is_the_difference_of_optima(task, seed):
    P, mu = task
    mu = mu / mu.sum()
    direction = 1e-5 * mu * np.random.default_rng(seed).normal(size=len(mu))
    ahead, back = (af.policy.dpo(P, mu + sign * direction, None, 1.0).scores for sign in (1, -1))
    change = af.policy.dpo_sensitivity(P, mu, direction)
    np.testing.assert_allclose(change, (ahead - back) / 2, atol=1e-11)
    np.testing.assert_allclose(af.policy.dpo_sensitivity(P, mu, direction + 0.3 * mu), change, atol=1e-13)


def test_bradley_terry_has_no_sensitivity():
    P = oracle.bradley_terry(np.array([1.2, 0.3, -0.4, -1.0]))
    np.testing.assert_allclose(af.policy.dpo_sensitivity(P, MU4, [1.0, 0.0, 0.0, -1.0]), 0.0, atol=1e-15)


def test_covariances_of_the_file():
    vector = oracle.FILE["cov_ipo_k4"]
    covariance = af.policy.ipo_covariance(*arguments(vector, "P", "mu", "beta"))
    np.testing.assert_allclose(covariance, vector["expected"]["cov_times_m"], rtol=2e-15)
    diagonal = np.diag(af.policy.dpo_covariance(*arguments(vector, "P", "mu")))
    np.testing.assert_allclose(diagonal, [3.1273, 4.7013, 9.2305, 21.4998], rtol=5e-5)


@given(tasks())
@settings(max_examples=30)
def test_covariances_are_sandwiches(task):
    P, mu = task
    mu = mu / mu.sum()
    pairs = 2 * np.outer(mu, mu)
    h = 3.0 * (P - 0.5) @ mu
    noise = (np.subtract.outer(h, h) - 3.0 * (P - 0.5)) ** 2 + 9.0 * P * P.T
    expected = oracle.covariance(pairs, pairs * noise, mu)
    np.testing.assert_allclose(af.policy.ipo_covariance(P, mu, 3.0), expected, rtol=1e-11, atol=1e-13)
    model = oracle.bradley_terry(af.policy.dpo(P, mu, None, 1.0).scores)
    expected = oracle.covariance(pairs * model * (1 - model), pairs * (P * P.T + (P - model) ** 2), mu)
    ours = af.policy.dpo_covariance(P, mu)
    np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max())
    np.testing.assert_allclose(ours @ mu, 0.0, atol=1e-12 * np.abs(expected).max())


def test_ipo_covariance_is_that_of_simulated_estimates():
    random = np.random.default_rng(12)
    m, replicates, beta = 2000, 3000, 2.0
    chances = np.outer(MU4, MU4)[..., None] * np.stack([P4, 1 - P4], axis=-1)
    counts = random.multinomial(m, chances.reshape(-1) / chances.sum(), size=replicates).reshape(-1, 4, 4, 2)
    wins = counts[..., 0] + np.swapaxes(counts[..., 1], -1, -2)
    drawn = wins + np.swapaxes(wins, -1, -2)
    empirical = np.where(drawn > 0, wins / np.maximum(drawn, 1), 0.5)
    estimates = beta * af.policy.ipo_pairs(empirical, drawn, None, 1.0).scores
    estimates -= (estimates @ MU4)[:, None]
    ratio = m * np.var(estimates, axis=0) / np.diag(af.policy.ipo_covariance(P4, MU4, beta))
    np.testing.assert_allclose(ratio, 1.0, atol=5 * np.sqrt(2 / replicates))


# ---- the same losses pair by pair ----


@pytest.mark.parametrize("beta", [0.3, 4.0])
def test_beta_is_the_inverse_of_that_of_pairwise_losses(beta):
    """The population loss is the mean of the losses of single pairs, whose KL coefficient is 1/beta."""
    pairwise = pytest.importorskip("alignment_fast.pairwise")
    log_ref = np.log([0.1, 0.2, 0.3, 0.4])
    log_pi = af.policy.ipo(P4, MU4, np.exp(log_ref), beta).log_pi
    winner, loser = np.indices((4, 4)).reshape(2, -1)
    chance = 2 * MU4[winner] * MU4[loser] * P4[winner, loser]

    def mean_loss(loss_type):
        losses = pairwise.preference_loss(
            log_pi[winner],
            log_pi[loser],
            log_ref[winner],
            log_ref[loser],
            loss_type=loss_type,
            beta=1 / beta,
            reduction="none",
        )
        return chance @ losses.loss

    h = log_pi - log_ref
    assert mean_loss("ipo") == pytest.approx(af.policy.ipo_loss(h, P4, MU4, beta).value, rel=1e-13)
    assert mean_loss("sigmoid") == pytest.approx(af.policy.dpo_loss(h / beta, P4, MU4).value, rel=1e-13)


# ---- shapes, grids, dtypes ----


def test_rows_and_grids():
    random = np.random.default_rng(3)
    P, mu = oracle.random_preferences(random, 5, (3, 1)), random.random((4, 5))
    ref, beta = random.random(5), np.array([0.0, 0.7, 30.0])
    for solve in (af.policy.ipo, af.policy.dpo):
        whole = solve(P, mu, ref, beta)
        assert whole.log_pi.shape == (3, 4, 3, 5)
        assert whole.scores.shape == (3, 4, 5)
        assert whole.loss.shape == whole.entropy.shape == whole.kl.shape == (3, 4, 3)
        for i, j in np.ndindex(3, 4):
            part = solve(P[i, 0], mu[j], ref, beta)
            for field in ("log_pi", "scores", "loss", "entropy", "kl"):
                np.testing.assert_allclose(getattr(part, field), getattr(whole, field)[i, j], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(whole.pi[..., 0, :], np.broadcast_to(ref / ref.sum(), (3, 4, 5)), rtol=1e-14)
        own = solve(P[:, 0], mu[0], ref, np.full((3, 1), 0.7))
        np.testing.assert_allclose(own.log_pi[:, 0], whole.log_pi[:, 0, 1], rtol=1e-13)


def test_rows_and_grids_of_losses_and_covariances():
    random = np.random.default_rng(4)
    P, mu, h = oracle.random_preferences(random, 3, (2,)), random.random((2, 3)), random.normal(size=3)
    beta = [1.0, 2.0, 3.0, 4.0]
    loss, covariance = af.policy.ipo_loss(h, P, mu, beta), af.policy.ipo_covariance(P, mu, beta)
    assert (loss.value.shape, loss.gradient.shape, covariance.shape) == ((2, 4), (2, 4, 3), (2, 4, 3, 3))
    for i, t in np.ndindex(2, 4):
        part = af.policy.ipo_loss(h, P[i], mu[i], beta[t])
        np.testing.assert_allclose(part.value, loss.value[i, t], rtol=1e-14)
        np.testing.assert_allclose(part.gradient, loss.gradient[i, t], rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(af.policy.ipo_covariance(P[i], mu[i], beta[t]), covariance[i, t], rtol=1e-14)
    assert af.policy.dpo_loss(h, P, mu).gradient.shape == (2, 3)
    assert af.policy.dpo_covariance(P, mu).shape == (2, 3, 3)
    assert af.policy.dpo_sensitivity(P, mu, h).shape == (2, 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_problem_of_any_size_has_the_bits_of_rows(dtype):
    """Advantages of one problem are summed while P is checked, those of rows after it."""
    rng = np.random.default_rng(5)
    for K in (1, 2, 7, 8, 9, 15, 16, 20, 33):
        upper = np.triu(rng.random((K, K)), 1)
        P = (upper + np.tril(1 - upper.T, -1) + np.eye(K) / 2).astype(dtype)
        mu, h = rng.dirichlet(np.ones(K)).astype(dtype), rng.normal(size=K).astype(dtype)
        one, rows = af.policy.ipo(P, mu, None, 2.0), af.policy.ipo(P[None], mu, None, 2.0)
        np.testing.assert_array_equal(one.scores, rows.scores[0], str(K))
        np.testing.assert_array_equal(one.log_pi, rows.log_pi[0], str(K))
        loss, losses = af.policy.ipo_loss(h, P, mu, 2.0), af.policy.ipo_loss(h, P[None], mu, 2.0)
        assert loss.value == losses.value[0], K
        np.testing.assert_array_equal(loss.gradient, losses.gradient[0], str(K))


def test_shared_preferences_of_many_samplers_are_solved_one_by_one():
    """More rows than one block holds, with rows that stop at different steps."""
    random = np.random.default_rng(6)
    mus = random.dirichlet(np.full(4, 0.3), size=20_000) + 1e-12
    rewards = af.policy.dpo(P4, mus, None, 1.0).scores
    for row in (0, 7, 2047, 2048, 19_999):
        np.testing.assert_allclose(rewards[row], af.policy.dpo(P4, mus[row], None, 1.0).scores, atol=1e-13)


def test_float32_stays_and_is_computed_in_float64():
    single = af.policy.dpo(P4.astype(np.float32), MU4.astype(np.float32), None, 2.0)
    assert {field.dtype for field in single} == {np.dtype(np.float32)}
    np.testing.assert_allclose(single.scores, af.policy.dpo(P4, MU4, None, 2.0).scores, rtol=2e-6)
    assert af.policy.ipo(P4.astype(np.float32), MU4, None, 2.0).log_pi.dtype == np.float64


def test_uniform_is_the_default_of_distributions():
    uniform = np.full(4, 2.5)
    np.testing.assert_array_equal(
        af.policy.ipo(P4, None, None, 2.0).log_pi, af.policy.ipo(P4, uniform, uniform, 2.0).log_pi
    )


def test_empty_batches():
    optimum = af.policy.dpo(np.empty((0, 3, 3)), None, None, [1.0, 2.0])
    assert optimum.log_pi.shape == (0, 2, 3)
    assert af.policy.ipo(np.empty((0, 3, 3)), None, None, 1.0).loss.shape == (0,)


# ---- bad input ----

NOT_COMPLEMENTARY = np.array([[[0.5, 0.8], [0.2, 0.5]], [[0.5, 0.8], [0.3, 0.5]]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.ipo(NOT_COMPLEMENTARY, None, None, 1.0), r"P\[1, 0, 1\] \+ P\[1, 1, 0\] = 1.1, not 1"),
        (lambda f: f.ipo([[0.4, 0.8], [0.2, 0.5]], None, None, 1.0), r"P\[0, 0\] \+ P\[0, 0\] = 0.8, not 1"),
        (lambda f: f.ipo([[0.5, 1.2], [-0.2, 0.5]], None, None, 1.0), r"P\[0, 1\] = 1.2 is not a probability"),
        (lambda f: f.ipo([[0.5, np.nan], [0.2, 0.5]], None, None, 1.0), r"P\[0, 1\] = nan is NaN"),
        (lambda f: f.ipo(np.ones((2, 3)), None, None, 1.0), r"P must have shape \(..., K, K\) .* not \(2, 3\)"),
        (lambda f: f.ipo(0.5, None, None, 1.0), r"P must have shape"),
        (lambda f: f.ipo(RPS, [0.5, -0.1, 0.6], None, 1.0), r"mu\[1\] = -0.1 is negative"),
        (lambda f: f.dpo(RPS, [[1, 1, 1], [0, 0, 0]], None, 1.0), r"mu\[1\] has no positive mass"),
        (lambda f: f.dpo(RPS, None, [0.0, 0.0, 0.0], 1.0), "ref has no positive mass"),
        (lambda f: f.dpo(RPS, None, [0.0, np.inf, 0.0], 1.0), r"ref\[1\] = inf is infinite"),
        (lambda f: f.ipo(RPS, [0.5, 0.5], None, 1.0), r"mu must have shape \(..., 3\)"),
        (lambda f: f.ipo(RPS, np.ones((2, 3)), np.ones((4, 3)), 1.0), "leading axes do not broadcast"),
        (lambda f: f.ipo(RPS, None, None, -1.0), "beta = -1.0 must be finite and not negative"),
        (lambda f: f.ipo(RPS, None, None, [1.0, np.inf]), r"beta\[1\] = inf must be finite"),
        (lambda f: f.dpo(RPS, None, None, np.nan), "beta = nan must be finite"),
        (lambda f: f.dpo(RPS, None, None, 1.0, tol=0.0), "tol must be positive"),
        (lambda f: f.ipo_pairs(RPS, np.ones((2, 2)), None, 1.0), r"rho must have shape \(..., 3, 3\)"),
        (lambda f: f.ipo_pairs(RPS, np.zeros((3, 3)), None, 1.0), "rho has no positive mass"),
        (lambda f: f.ipo_pairs(RPS, -np.eye(3), None, 1.0), r"rho\[0, 0\] = -1.0 is negative"),
        (lambda f: f.ipo_loss([0.0, np.nan, 0.0], RPS, None, 1.0), r"h\[1\] = nan is NaN"),
        (lambda f: f.dpo_loss([0.0, np.inf, 0.0], RPS, None), r"r\[1\] = inf is infinite"),
        (lambda f: f.dpo_sensitivity(RPS, None, [1.0, 0.0]), r"direction must have shape"),
        (lambda f: f.ipo_covariance(RPS, [1.0, 0.0, 1.0], 1.0), r"mu\[1\] = 0: the estimate"),
        (lambda f: f.dpo_covariance(RPS, [1.0, 1.0, 0.0]), r"mu\[2\] = 0: the estimate"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(af.policy)
