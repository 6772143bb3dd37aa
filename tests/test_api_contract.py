"""The public names, their arguments and their results, as other people's code may rely on them.

A function may have more keywords than stand here, never fewer, and no positional argument that is not here.
"""

import ast
import dataclasses
import importlib
import inspect

import pytest

import alignment_fast as af

FUNCTIONS = """
information.log_mgf(reward, t, *, p=None, log=False, num_threads=None)
information.tilted_moments(reward, t, *, p=None, order=4, log=False, num_threads=None)
information.cumulants(reward, order=4, *, t=0.0, p=None, log=False, num_threads=None)
information.rate_function(reward, x, *, p=None, log=False, num_threads=None)
information.entropy(p, *, log=False, num_threads=None)
information.cross_entropy(p, q, *, log=False, normalize_q=True, num_threads=None)
information.kl_divergence(p, q, *, log=False, normalize_q=True, num_threads=None)
information.renyi_entropy(p, order, *, log=False, num_threads=None)
information.renyi_divergence(p, q, order, *, log=False, normalize_q=True, num_threads=None)
information.renyi_cross_entropy(p, q, order, *, variant="standard", log=False, normalize_q=True, num_threads=None)
information.markov_renyi_cross_entropy_rate(P, Q, order, *, initial=None)
information.markov_aligned(P, reward, alpha)

best_of_n.BestOfN(p=None, reward=None, *, log=False, num_threads=None)
best_of_n.BestOfN.log_pmf(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.pmf(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.kl(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.expected_reward(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.reward_variance(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.win_rate(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.divergence(kind, n=None, *, log_n=None, order=None, num_threads=None)
best_of_n.BestOfN.kl_estimate(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.aligned(n=None, *, log_n=None, num_threads=None)
best_of_n.BestOfN.sample(size, n=None, *, log_n=None, rng=None, num_threads=None)
best_of_n.kl_upper_bound(n=None, *, log_n=None)
best_of_n.win_rate_continuous(n=None, *, log_n=None)
best_of_n.kl_estimator(p_selected, n=None, *, log_n=None, log=False)
best_of_n.continuous.kl(n=None, *, log_n=None)
best_of_n.continuous.reverse_kl(n=None, *, log_n=None)
best_of_n.continuous.chi2(n=None, *, log_n=None)
best_of_n.continuous.tv(n=None, *, log_n=None)
best_of_n.continuous.hellinger2(n=None, *, log_n=None)
best_of_n.continuous.renyi(n=None, *, order, log_n=None)
best_of_n.continuous.win_rate(n=None, *, log_n=None)
best_of_n.simulate(source, n=None, replicates=None, *, seed, log_n=None, method="auto", batch=None,
                   return_maxima=False, num_threads=None)
best_of_n.pass_all_k(num_samples, num_correct, k)
best_of_n.best_at_k(scores, k)
best_of_n.majority_at_k(answers, k)
best_of_n.max_at_k_weights(rewards, k, *, baseline="none")
best_of_n.fit_pass_at_k(num_samples, num_correct, *, model="beta-binomial")
best_of_n.PassAtKFit.pass_at_k(k)
best_of_n.hedge(proxy, gold, *, family="best_of_n")
best_of_n.extrapolate(scores, n, *, tail="gpd")
policy.achievable_gain(rewards, *, beta=None, kl=None, weights=None)
policy.hodge(P, weights=None)
best_of_n.Gaussian(mean=0.0, std=1.0)
best_of_n.Uniform()
best_of_n.Table(p, reward, *, log=False)
best_of_n.Quantile(isf=None, ppf=None)
best_of_n.Sampler(function, uniforms)

memoryless.MemorylessModel(p, q=None, *, reward=None)
memoryless.MemorylessModel.tilt(alpha)
memoryless.MemorylessModel.aligned(delta)
memoryless.MemorylessModel.reward_law(m, *, method="auto")
memoryless.MemorylessModel.best_of_n(m, *, delta=None, log_n=None, method="auto")
memoryless.MemorylessModel.rate(tau, *, delta=0.0, which="reference")
memoryless.MemorylessModel.second_order(m, delta)
memoryless.MemorylessModel.sample_sequences(m, size, *, delta=None, log_n=None, rng=None)
pairwise.preference_loss(policy_chosen, policy_rejected, ref_chosen=None, ref_rejected=None, *, loss_type="sigmoid",
                         beta=0.1, label_smoothing=0.0, weight=None, reduction="mean", grad=False, score="reverse_kl",
                         chosen_length=None, rejected_length=None, gamma=None, lam=None, alpha=None, tau=None,
                         delta=None, out=None, num_threads=None)
pairwise.unpaired_loss(policy, ref, desirable, *, kl, loss_type="kto", beta=0.1, desirable_weight=1.0,
                       undesirable_weight=1.0, reduction="mean", grad=False, num_threads=None)
pairwise.margin_loss(margin, loss_type="sigmoid", *, beta=1.0, label_smoothing=0.0, target=None, weight=None,
                     reduction="mean", grad=False, hess=False, num_threads=None)
pairwise.sequence_logprobs(logits, token_ids, mask=None, *, average=False, return_log_partition=False, num_threads=None)
pairwise.sequence_logprobs_grad(logits, token_ids, mask=None, *, upstream=None, average=False, log_partition=None,
                                out=None, num_threads=None)
pairwise.sequence_logprobs_hidden(hidden, weight, token_ids, mask=None, *, average=False, chunk=None, num_threads=None)
pairwise.sequence_logprobs_hidden_grad(hidden, weight, token_ids, mask=None, *, upstream=None, average=False,
                                       chunk=None, num_threads=None)

policy.tilt(p, reward, alpha, *, log=False)
policy.kl_constrained(p, reward, kl, *, log=False)
policy.optimality_gap(psi, p, reward, kl, *, log=False)
policy.ipo(P, mu, ref, beta)
policy.ipo_pairs(P, rho, ref, beta)
policy.dpo(P, mu, ref, beta, *, tol=1e-12, max_iter=100)
policy.ipo_loss(h, P, mu, beta)
policy.dpo_loss(r, P, mu)
policy.dpo_sensitivity(P, mu, direction)
policy.ipo_covariance(P, mu, beta)
policy.dpo_covariance(P, mu)
policy.preference_matrix(winner, loser, n_items, *, tied=None, weight=None, prior=0.0)
policy.preference_matrix_from_scores(scores, *, scale=1.0, attribute="random", rng=None)
policy.condorcet_winner(P)
policy.smith_set(P)
policy.smith_sampler(P, ref=None)
policy.order_sampler(P)
policy.is_row_dominant(P)
policy.is_strongly_transitive(P)
policy.count_cycles(P)

ranking.Comparisons(winner, loser, *, weight=None, tied=None, n_items=None, labels=None)
ranking.fit_plackett_luce(rankings, *, n_items=None, l2=0.0)
ranking.elo(winner, loser, *, k=4.0, scale=400, base=10, initial=1000)
dynamics.simulate(P, *, alpha, beta, lam, init, sampler=None, ref=None, steps, burn_in=0, record=None, method="ipo",
                  noise=None, seed=None, num_threads=None)
dynamics.sweep(P, *, alpha, beta, lam, init, sampler=None, ref=None, steps, burn_in=0, method="ipo", noise=None,
               seed=None, num_threads=None)
dynamics.sweep_blocks(P, *, alpha, beta, lam, init, steps, block=None, start=0)
dynamics.fixed_point(P, *, alpha, beta, lam, sampler=None, ref=None, method="ipo")
dynamics.spectral_radius(P, log_pi, *, alpha, beta, lam)
dynamics.lyapunov_exponent(P, *, alpha, beta, lam, init, sampler=None, ref=None)
dynamics.stability_bounds(P, *, alpha, beta, lam)

ranking.fit(comparisons, model="bradley-terry", *, l2=0.0, home=False, tol=1e-10, max_iter=100)
ranking.fit_contextual(winner, loser, covariates, model="bradley-terry", *, weight=None, tied=None, l2=0.0, tol=1e-10)
ranking.log_likelihood(scores, comparisons, model="bradley-terry", *, tie_parameter=None, home_advantage=0.0)
ranking.gradient(scores, comparisons, model="bradley-terry", *, tie_parameter=None, home_advantage=0.0)
ranking.hessian_product(scores, vector, comparisons, model="bradley-terry", *, tie_parameter=None, home_advantage=0.0)
ranking.RatingFit.covariance(kind="information")
ranking.RatingFit.standard_errors(kind="information")
ranking.RatingFit.interval(level=0.95, kind="information")
ranking.RatingFit.predict(i, j)
ranking.RatingFit.bootstrap(n, *, rng=None)
ranking.RatingFit.elo(scale=400.0, base=10.0, mean=1000.0)
ranking.Bootstrap.interval(level=0.95)

random.Stream(seed, *, purpose=0)
random.Stream.uint32(shape, *, replicate=0, draw=0, num_threads=None)
random.Stream.uint64(shape, *, replicate=0, draw=0, num_threads=None)
random.Stream.uniform(shape, *, replicate=0, draw=0, num_threads=None)
random.Stream.normal(shape, *, replicate=0, draw=0, num_threads=None)

tables.column_names(path)
tables.choose_column(path, names, requested, guesses=())
tables.read_columns(path, columns, *, nonnegative=(), progress=None)

interop.scipy.logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False)
interop.scipy.softmax(x, axis=None)
interop.scipy.log_softmax(x, axis=None)
interop.scipy.entropy(pk, qk=None, base=None, axis=0, *, nan_policy="propagate", keepdims=False)

set_num_threads(n)
get_num_threads()
num_threads(n)
show_config()
get_include()
"""

RESULTS = {
    "information.TiltedMoments": "t log_mgf cumulants",
    "information.RateFunction": "value t",
    "information.MarkovPolicy": "P log_perron kl_rate reward_rate variance_rate",
    "best_of_n.Simulation": "n replicates mean variance standard_error minimum maximum draws values",
    "best_of_n.PassAtKFit": "alpha beta zero",
    "best_of_n.PassAtKInterval": "mean lower upper",
    "best_of_n.Hedge": "parameter gold standard_error",
    "best_of_n.Extrapolation": "mean lower upper usable",
    "policy.Gain": "gain kl jeffreys beta standard_error",
    "policy.Hodge": "scores cyclic cyclic_share standard_errors",
    "memoryless.Law": "support log_pmf",
    "memoryless.BestOfNLaw": "expected_reward reward_variance kl_to_reference kl_to_aligned token_marginal",
    "dynamics.Trajectory": "log_pi mean variance entropy entropy_min entropy_max times path period converged",
    "dynamics.FixedPoint": "log_pi residual spectral_radius frequency",
    "policy.PreferenceOptimum": "log_pi scores loss entropy kl",
    "pairwise.PreferenceLoss": "loss chosen_rewards rejected_rewards grad_policy_chosen grad_policy_rejected",
    "pairwise.MarginLoss": "loss grad hess",
    "pairwise.HiddenGradient": "hidden weight",
    "policy.TiltedPolicy": "alpha log_pi kl expected_reward reward_variance log_partition",
}


def contracts():
    """Return the parsed calls of `FUNCTIONS`, each as the definition of a function of that name."""
    calls = FUNCTIONS.replace(",\n", ",").split("\n")
    return [(name, arguments) for name, _, arguments in (call.partition("(") for call in calls if call)]


def public(name):
    """Return the object behind a dotted name; a submodule counts although it loads on request only."""
    value = af
    for part in name.split("."):
        value = getattr(value, part, None) or importlib.import_module(f"{value.__name__}.{part}")
    return value


def arguments_of(signature):
    """Return (positional arguments, keywords), each a dictionary of name to default."""
    groups = {}, {}
    for parameter in signature.parameters.values():
        groups[parameter.kind == inspect.Parameter.KEYWORD_ONLY][parameter.name] = parameter.default
    return groups


@pytest.mark.parametrize(("name", "arguments"), contracts(), ids=lambda value: value.rstrip(")"))
def test_arguments(name, arguments):
    definition = {}
    exec(compile(ast.parse(f"def promised({arguments}: pass"), name, "exec"), definition)
    positional, keywords = arguments_of(inspect.signature(definition["promised"]))
    owner = public(name.rpartition(".")[0]) if "." in name else af
    signature = inspect.signature(public(name))
    if inspect.isclass(owner):
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])  # self
    own_positional, own_keywords = arguments_of(signature)
    assert list(own_positional.items()) == list(positional.items())
    assert keywords.items() <= own_keywords.items()


@pytest.mark.parametrize("name", RESULTS)
def test_fields_of_results(name):
    result = public(name)
    fields = result._fields if hasattr(result, "_fields") else [field.name for field in dataclasses.fields(result)]
    assert list(fields)[: len(RESULTS[name].split())] == RESULTS[name].split()


def test_every_kind_of_divergence_has_its_name():
    law = af.best_of_n.BestOfN(reward=[0.0, 1.0])
    for kind in ("reverse_kl", "chi2", "tv", "hellinger2"):
        assert law.divergence(kind, 2) > 0
    assert law.divergence("renyi", 2, order=2) > 0
