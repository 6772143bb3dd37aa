"""Guarded results of `af.best_of_n` and `af.interop`."""

import itertools

import numpy as np
from guard.table import FLOATS, add, chosen, masses, reals, refusal, tied, whole

import alignment_fast as af

BEST = af.best_of_n

DRAWS = np.array([1.0, 1.0 + 1e-9, 1.5, 2.0, 7.0, 100.0, 1e6, 1e15])
LOG_DRAWS = np.array([0.0, 1e-12, 0.5, 3.0, 40.0, 700.0, 1000.0])
SHAPES = {"one": (1,), "few": (6,), "batch": (3, 9), "long": (5000,), "vocabulary": (50257,)}
KINDS = {"reverse_kl": {}, "chi2": {}, "tv": {}, "hellinger2": {}}
ORDERS = {"0": 0.0, "0.5": 0.5, "1": 1.0, "2": 2.0, "inf": np.inf}


def _names(names):
    return " ".join(f"best_of_n.{name}" for name in names.split())


def _law(shape, dtype, kind):
    """Return a law whose rewards tie (kind p), do not (log), or whose reference is uniform."""
    if kind == "uniform":
        return BEST.BestOfN(reward=tied(1, shape, dtype=dtype))
    if kind == "log":
        return BEST.BestOfN(reals(2, shape, -12.0, 2.0, dtype), reals(3, shape, -2.0, 2.0, dtype), log=True)
    return BEST.BestOfN(masses(2, shape, dtype, zeros=shape[-1] > 4), tied(3, shape, dtype=dtype))


def _scalars(law):
    return {
        name: (getattr(law, name)(DRAWS), getattr(law, name)(log_n=LOG_DRAWS), getattr(law, name)(7))
        for name in ("kl", "expected_reward", "reward_variance", "win_rate")
    }


@np.errstate(over="ignore")  # the largest ones are infinite in float32
def _divergences(law):
    found = [law.divergence(kind, DRAWS) for kind in KINDS] + [law.divergence(kind, log_n=LOG_DRAWS) for kind in KINDS]
    return found + [law.divergence("renyi", DRAWS, order=order) for order in ORDERS.values()]


def _distributions(law):
    return law.pmf(DRAWS[1::2]), law.log_pmf(DRAWS[1::2]), law.pmf(3), law.log_pmf(log_n=LOG_DRAWS[1::3])


def _samples(law):
    return law.sample(50, [1.0, 3.0, 1e9], rng=5), law.sample(4000, 10, rng=7)


def _samples_of_log_n(law):
    return law.sample((2, 5), log_n=2.0, rng=6), law.sample(4000, log_n=[0.0, 2.5, 700.0], rng=7)


def laws():
    scalars = "BestOfN BestOfN.kl BestOfN.expected_reward BestOfN.reward_variance BestOfN.win_rate"
    for (label, shape), (precision, dtype), kind in itertools.product(
        SHAPES.items(), FLOATS.items(), ("uniform", "p", "log")
    ):
        name = f"{label}-{precision}-{kind}"

        def on(function, shape=shape, dtype=dtype, kind=kind):
            return function(_law(shape, dtype, kind))

        add(f"best_of_n.laws/values-{name}", _names(scalars), on, _scalars)
        add(f"best_of_n.laws/divergence-{name}", _names("BestOfN.divergence"), on, _divergences)
        if label != "vocabulary":
            add(f"best_of_n.laws/pmf-{name}", _names("BestOfN.pmf BestOfN.log_pmf"), on, _distributions)
            add(
                f"best_of_n.laws/kl_estimate-{name}",
                _names("BestOfN.kl_estimate"),
                on,
                lambda law: law.kl_estimate(DRAWS),
            )
        if precision == "f64":
            uses = _names("BestOfN.sample")
            add(f"best_of_n.sample/{name}", uses, on, _samples, own=False)  # NumPy's logarithm of n
            add(f"best_of_n.sample/{name}-log_n", uses, on, _samples_of_log_n)
        if label in ("few", "batch"):
            uses = _names("BestOfN.aligned AlignedPolicy")
            add(f"best_of_n.aligned/{name}", uses, on, lambda law: law.aligned([1.0, 2.0, 50.0]), own=False)


def threads():
    p, reward = masses(2, (4, 20000)), reals(3, (4, 20000))
    for number in (1, 2):
        add(
            f"best_of_n.laws/values-threads-{number}",
            _names("BestOfN BestOfN.kl"),
            lambda number=number: BEST.BestOfN(p, reward, num_threads=number).kl(DRAWS, num_threads=number),
        )
        options = {"seed": 3, "num_threads": number}
        add(
            f"best_of_n.simulate/threads-{number}",
            _names("simulate"),
            BEST.simulate,
            BEST.Gaussian(),
            50,
            5000,
            **options,
        )


def closed_forms():
    continuous = BEST.continuous
    for name in ("kl", "reverse_kl", "chi2", "tv", "hellinger2", "win_rate"):
        function = getattr(continuous, name)
        uses = _names(f"continuous continuous.{name}")
        add(f"best_of_n.continuous/{name}", uses, lambda f=function: (f(DRAWS), f(log_n=LOG_DRAWS), f(5), f(2.5)))
    for label, order in ORDERS.items():
        add(
            f"best_of_n.continuous/renyi-{label}",
            _names("continuous.renyi"),
            lambda order=order: (continuous.renyi(DRAWS, order=order), continuous.renyi(log_n=LOG_DRAWS, order=order)),
        )
    uses = _names("continuous.gaussian_reward continuous.GaussianReward")
    add("best_of_n.continuous/gaussian", uses, continuous.gaussian_reward, DRAWS, own=False)
    add("best_of_n.continuous/gaussian-log", uses, continuous.gaussian_reward, log_n=LOG_DRAWS, own=False)
    uses = _names("kl_upper_bound win_rate_continuous")
    add(
        "best_of_n.continuous/bounds-n",
        uses,
        lambda: (BEST.kl_upper_bound(DRAWS), BEST.win_rate_continuous(DRAWS), BEST.kl_upper_bound(log_n=LOG_DRAWS)),
    )
    for precision, dtype in FLOATS.items():
        p = reals(4, (3, 5), 0.001, 1.0, dtype)
        uses = _names("kl_estimator")
        add(f"best_of_n.continuous/kl_estimator-{precision}", uses, BEST.kl_estimator, p, DRAWS, own=False)
        log_p = reals(4, (3, 5), -30.0, 0.0, dtype)
        add(
            f"best_of_n.continuous/kl_estimator-{precision}-log",
            uses,
            BEST.kl_estimator,
            log_p,
            log_n=LOG_DRAWS,
            log=True,
        )


def pools():
    scores = {"ties": tied(5, (4, 40), 6), "reals": reals(5, (4, 40)), "one": reals(6, 1), "long": reals(7, 3000)}
    for (label, score), (precision, dtype) in itertools.product(scores.items(), FLOATS.items()):
        score = score.astype(dtype)
        n = None if label != "long" else [1, 2, 10, 300, 1500, 3000]
        values = reals(8, score.shape, -1.0, 1.0, dtype)
        for mode, options in {
            "u": {},
            "values": {"values": values},
            "unbiased": {"variance": "unbiased"},
            "jackknife": {"variance": "jackknife", "values": values},
            "v": {"estimator": "v"},
            "v-jackknife": {"estimator": "v", "variance": "jackknife"},
        }.items():
            name, uses = f"{label}-{precision}-{mode}", _names("curve Curve Curve.standard_error")
            add(f"best_of_n.curve/{name}", uses, _curve, score, n, **options)
    # From 1,000 samples on, most means are interpolated between Chebyshev nodes, which are cosines of NumPy.
    add("best_of_n.curve/interpolated", _names("curve"), BEST.curve, reals(10, (2, 3000)), own=False)
    ragged = [reals(9, length) for length in (3, 10, 7, 10, 1)]
    add("best_of_n.curve/ragged", _names("curve"), BEST.curve, ragged, [1, 2, 5, 10])
    add(
        "best_of_n.curve/lengths",
        _names("curve"),
        BEST.curve,
        reals(9, (3, 12)),
        lengths=[12, 5, 8],
        variance="jackknife",
    )
    uses = _names("mean_over_prompts MeanCurve")
    add("best_of_n.curve/mean_over_prompts-plain", uses, lambda: BEST.mean_over_prompts(BEST.curve(reals(9, (12, 20)))))
    clusters = np.arange(12) // 3
    add(
        "best_of_n.curve/mean_over_prompts-clusters",
        uses,
        lambda: BEST.mean_over_prompts(BEST.curve(reals(9, (12, 20))), clusters=clusters),
    )
    total, correct = np.full(40, 50), np.arange(40)
    add("best_of_n.curve/pass_at_k-one", _names("pass_at_k"), BEST.pass_at_k, total, correct, 10)
    add("best_of_n.curve/pass_at_k-grid", _names("pass_at_k"), BEST.pass_at_k, total, correct, [1, 2, 5, 50])
    add("best_of_n.curve/pass_at_k-large", _names("pass_at_k"), BEST.pass_at_k, 10**7, whole(1, 20, 0, 5000), 1000)
    uses = "interop.human_eval interop.human_eval.estimate_pass_at_k"
    add("interop.human_eval/plain", uses, af.interop.human_eval.estimate_pass_at_k, total, correct, 10)
    add("interop.human_eval/one", uses, af.interop.human_eval.estimate_pass_at_k, 20, [0, 1, 19, 20], 3)


def _curve(*args, **options):
    found = BEST.curve(*args, **options)
    return found, found.standard_error


def _dice(u, v):
    return float(int(6 * u) + int(6 * v) + 2)


def _quadratic(tail):
    return 1.0 - tail * tail


def simulations():
    table = BEST.Table(masses(1, 300, zeros=True), tied(2, 300, 40))
    sources = {
        "Gaussian": BEST.Gaussian(),
        "Gaussian-moved": BEST.Gaussian(2.0, 0.5),
        "Uniform": BEST.Uniform(),
        "Table": table,
        "Quantile-isf": BEST.Quantile(isf=_quadratic),
        "Quantile-ppf": BEST.Quantile(ppf=lambda u: u * u),
    }
    sizes = {
        "brute": {"n": 20, "method": "brute"},
        "grid": {"n": [1, 2, 16, 100], "method": "brute"},
        "order": {"n": 20, "method": "order"},
        "order-grid": {"n": [1.0, 2.5, 1e3, 1e12], "method": "order"},
        "log": {"log_n": [0.5, 10.0, 600.0]},
        "auto": {"n": 5000},
    }
    for (source, law), (label, options) in itertools.product(sources.items(), sizes.items()):
        options = {"replicates": 700, "seed": 11, "return_maxima": True} | options
        uses = _names(f"simulate Simulation {source.partition('-')[0]}")
        add(f"best_of_n.simulate/{source}-{label}", uses, BEST.simulate, law, **options)
    dice = BEST.Sampler(_dice, uniforms=2)
    options = {"seed": 11, "return_maxima": True}
    add("best_of_n.simulate/Sampler", _names("simulate Sampler"), BEST.simulate, dice, [1, 3, 10], 500, **options)
    add(
        "best_of_n.simulate/batches",
        _names("simulate"),
        lambda: [BEST.simulate(table, 40, 9000, seed=4, batch=batch, replicate=2**40) for batch in (256, 5000, None)],
    )
    logs = BEST.Table(reals(3, 50, -9.0, 1.0), reals(4, 50), log=True)
    add("best_of_n.simulate/Table-logs", _names("Table"), BEST.simulate, logs, 30, 400, seed=1, own=False)
    add("best_of_n.simulate/source-Table", _names("Table"), lambda: chosen(table, "value ladder device"))
    add(
        "best_of_n.simulate/no-cuda",
        "BackendUnavailableError",
        refusal,
        BEST.simulate,
        dice,
        2,
        3,
        seed=1,
        device="cuda",
    )


def pools_of_proxies():
    scores, values = reals(1, (12, 32)), reals(2, (12, 32), -1.0, 1.0)
    uses = _names("proxy_versus_gold ProxyVersusGold")
    add("best_of_n.proxies/proxy_versus_gold-pools", uses, BEST.proxy_versus_gold, scores, values, own=False)
    add(
        "best_of_n.proxies/proxy_versus_gold-one",
        uses,
        BEST.proxy_versus_gold,
        scores[0],
        values[0],
        groups=8,
        seed=3,
        own=False,
    )
    kl, gain = np.array([0.0, 0.2, 0.9, 1.5, 2.5, 4.0]), np.array([0.0, 0.3, 0.6, 0.7, 0.75, 0.6])
    names = "fit_overoptimization OveroptimizationFit"
    methods = "peak_kl gain standard_error standard_errors"
    uses = _names(" ".join([names, *(f"OveroptimizationFit.{one}" for one in methods.split())]))
    for form, error in itertools.product(("best-of-n", "reinforcement-learning"), (None, np.full(6, 0.05))):
        name = f"{form}{'' if error is None else '-errors'}"
        add(f"best_of_n.proxies/overoptimization-{name}", uses, _overoptimization, kl, gain, form, error, own=False)
    names = "fit proxy_standard_error gold_standard_error"
    uses = _names(" ".join(f"ProxyVersusGold.{one}" for one in names.split()))
    add("best_of_n.proxies/proxy_versus_gold-fit", uses, _proxy_fit, scores, values, own=False)


def _overoptimization(kl, gain, form, error):
    found = BEST.fit_overoptimization(kl, gain, form=form, standard_error=error)
    return found, found.standard_errors, found.peak_kl, found.gain(kl), found.standard_error(kl)


def _proxy_fit(scores, values):
    found = BEST.proxy_versus_gold(scores, values)
    return found.fit(), found.fit(reward="proxy"), found.proxy_standard_error, found.gold_standard_error


def samples():
    scores, log_p = tied(3, 60, 12), reals(4, 60, -20.0, -0.5)
    uses = _names("divergence_from_samples SampledDivergence")
    add("best_of_n.samples/plain", uses, BEST.divergence_from_samples, scores, [1, 2, 8, 60], own=False)
    add("best_of_n.samples/log_p", uses, BEST.divergence_from_samples, scores, 8, log_p=log_p, own=False)


def soft():
    p, reward = masses(5, 40, zeros=True), tied(6, 40, 9)
    for n, temperature in itertools.product((1, 4, 1000), (0.05, 1.0)):
        name, arguments = f"{n}-{temperature}", (p, reward, n, temperature)
        add(f"best_of_n.soft/soft-{name}", _names("soft_best_of_n"), BEST.soft_best_of_n, *arguments, own=False)
    for mu in (0.0, 0.5, 30.0):
        add(f"best_of_n.soft/poisson-{mu}", _names("best_of_poisson"), BEST.best_of_poisson, p, reward, mu, own=False)
    uses = _names("win_rate_optimal WinRateOptimal")
    for name, value in (("strength", 0.5), ("strength", 4.0), ("kl", 0.3), ("kl", 2.0)):
        options = {name: value}
        add(
            f"best_of_n.soft/win_rate_optimal-{name}-{value}",
            uses,
            BEST.win_rate_optimal,
            p,
            reward,
            own=False,
            **options,
        )
    uses = _names("inference_time_pessimism Pessimism")
    for beta in (0.01, 0.5, 20.0):
        add(f"best_of_n.soft/pessimism-{beta}", uses, BEST.inference_time_pessimism, reward, beta, p=p)
    add("best_of_n.soft/pessimism-equal", uses, BEST.inference_time_pessimism, reward, 0.5)


for part in (laws, threads, closed_forms, pools, simulations, pools_of_proxies, samples, soft):
    part()
