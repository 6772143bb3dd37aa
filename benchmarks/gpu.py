"""The one command for a machine with a GPU: every kernel against the CPU on fresh inputs, then times against ceilings.

    python -P benchmarks/gpu.py --out DIR             report.md and report.json in DIR
    python -P benchmarks/gpu.py --out DIR --sanitize  the comparisons once more under compute-sanitizer

Times are those of the device's own events, the smallest of several repeats, beside the time of copying memory in the
same run. The peer is PyTorch, eager and compiled, where it is installed. Hashes of sources that were right belong into
PROVEN of kernels/build_cuda.py, by which `alignment-fast info` says whether kernels were seen to run.
"""

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.kernels import build_cuda
from alignment_fast.kernels.common import driver, streams
from alignment_fast.kernels.pairwise.structures import LetterSums
from alignment_fast.random import Stream

REPEATS = 7
PAIRS = 1 << 24
POOL = 1_000_000
LETTERS = 151_936
LOGITS = 2048, LETTERS
ROWS = 4096, 50_257


# ---- correctness ----


def fresh(seed, *shape, dtype="float32"):
    """Return log-probabilities that no earlier run has seen."""
    return -np.random.default_rng(seed).exponential(20.0, shape).astype(dtype)


def place():
    return streams.Place(0, streams.LEGACY)


def same(found, expected):
    """Return whether an array of the device has the bits of the CPU's, NaN for NaN."""
    return bool(np.array_equal(found.numpy(), expected, equal_nan=True))


def compare_random(seed):
    """Yield (what, whether it is right) of the streams."""
    stream = Stream(seed)
    for draw, options in [
        ("uint32", {}),
        ("uint64", {}),
        *((d, {"dtype": t}) for d in ("uniform", "normal") for t in ("f4", "f8")),
    ]:
        expected = getattr(stream, draw)((3, 100_003), draw=5, **options)
        out = place().copy(np.zeros_like(expected))
        getattr(stream, draw)((3, 100_003), draw=5, out=out, **options)
        yield f"{draw} {options.get('dtype', '')}", same(out, expected)


def compare_simulation(seed):
    """Yield the same of simulations, moments included."""
    best = af.best_of_n
    sources = {
        "Gaussian": best.Gaussian(1.0, 2.0),
        "Uniform": best.Uniform(),
        "Table": best.Table([1, 2, 3, 0], [3, 2, 1, 9]),
    }
    for (name, source), method in ((item, m) for item in sources.items() for m in ("brute", "order")):
        options = {"seed": seed, "method": method, "return_maxima": True}
        host, there = (best.simulate(source, [1, 9, 3000], 20_000, device=d, **options) for d in ("cpu", "cuda"))
        yield f"{name} by {method}", bool((host.values == there.values).all() and (host.mean == there.mean).all())


def compare_pools(seed, most=100_003):
    """Yield the same of curves over all n and given ones, of up to `most` samples, and of pass@k."""
    best, generator = af.best_of_n, np.random.default_rng(seed)
    for shape in [(1000, 7), (30, 64), (2, 500), (3, most)]:
        for dtype in ("float32", "float64"):
            scores = generator.normal(size=shape).astype(dtype)
            yield f"curve {shape} {dtype}", same(best.curve(place().copy(scores)).mean, best.curve(scores).mean)
    scores, values = generator.integers(0, most // 9, (2, most)).astype(float), generator.normal(size=(2, most))
    for estimator in ("u", "v"):
        options = {"n": [1, 2, 30, 1000], "estimator": estimator}
        found = best.curve(place().copy(scores), values=place().copy(values), **options).mean.numpy()
        right = np.allclose(found, best.curve(scores, values=values, **options).mean, rtol=0, atol=1e-13)
        yield f"curve of ties by {estimator}", bool(right)
    for method in ("unbiased", "jackknife"):
        options = {"n": [1, 30, 400], "variance": method, "lengths": [most, most // 2]}
        found, expected = best.curve(place().copy(scores), **options), best.curve(scores, **options)
        right = np.allclose(found.variance.numpy(), expected.variance, rtol=1e-9, equal_nan=True)
        yield f"{method} variances", bool(right)
    means = generator.normal(size=(500, 70))
    expected, found = (best.mean_over_prompts(best.Curve(np.arange(70), x)) for x in (means, place().copy(means)))
    fields = "mean", "standard_error", "prompts"
    yield "means over prompts", all(same(getattr(found, field), getattr(expected, field)) for field in fields)
    total = generator.integers(100, 10_000, 5000)
    correct = (total * generator.random(5000)).astype(np.int64)
    rewards = generator.integers(0, 3, (500, 16)).astype(np.float32)
    found = best.max_at_k_weights(place().copy(rewards), 4, baseline="leave-one-out").numpy()
    expected = best.max_at_k_weights(rewards, 4, baseline="leave-one-out")
    yield "weights of the best of 4", bool(np.allclose(found, expected, rtol=0, atol=1e-6))
    found = best.pass_at_k(place().copy(total), place().copy(correct), [1, 10, 100])
    yield "pass@k", same(found, best.pass_at_k(total, correct, [1, 10, 100]))
    found = best.pass_all_k(place().copy(total), place().copy(correct), [1, 10]).variance
    yield "pass^k", same(found, best.pass_all_k(total, correct, [1, 10]).variance)


def compare_laws(seed, outcomes=50_257):
    """Yield whether laws of many outcomes, of chances and of logits, are within 1e-12 of the CPU's."""
    generator = np.random.default_rng(seed)
    p, reward = generator.random((2, outcomes)) ** 6, np.round(generator.normal(size=(2, outcomes)), 3)
    n = np.array([1.0, 1.01, 16.0, 1e4, 1e9])
    for log in (False, True):
        given = np.log(p) if log else p
        host = af.best_of_n.BestOfN(given, reward, log=log)
        there = af.best_of_n.BestOfN(place().copy(given), place().copy(reward), log=log)
        for name in ("kl", "win_rate", "expected_reward", "reward_variance", "log_pmf"):
            found, expected = getattr(there, name)(n).numpy(), getattr(host, name)(n)
            yield f"{name}, log={log}", bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12))
        found = there.kl_estimate(n).numpy()
        yield f"estimator, log={log}", bool(np.allclose(found, host.kl_estimate(n), rtol=1e-12))
        # A uniform on the edge between two outcomes may fall to either side.
        found = there.sample(2000, n, rng=seed).numpy() == host.sample(2000, n, rng=seed)
        yield f"draws, log={log}", bool(found.mean() > 0.999)
        found = there.divergence("renyi", n, order=2.0).numpy()
        yield f"renyi, log={log}", bool(np.allclose(found, host.divergence("renyi", n, order=2.0), rtol=1e-12))
        found, expected = there.aligned([2.0, 16.0]).divergence.numpy(), host.aligned([2.0, 16.0]).divergence
        yield f"distance from the tilt, log={log}", bool(np.allclose(found, expected, rtol=1e-9))


def compare_ranking(seed, items=2000, votes=1_000_000):
    """Yield whether likelihoods of comparisons and their derivatives are within 1e-11 of the CPU's."""
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, items, (2, votes))
    options = {"tied": generator.random(votes) < 0.3, "home": generator.integers(-1, 2, votes)}
    met = af.ranking.Comparisons(first, np.where(first == second, (first + 1) % items, second), **options)
    scores, vector = generator.normal(size=(2, items))
    there, direction = place().copy(scores), place().copy(vector)
    ties = {"rao-kupper": 1.5, "davidson": 0.8}
    for model in ("bradley-terry", "thurstone", "stern", *ties):
        at = {"model": model, "home_advantage": 0.3, "tie_parameter": ties.get(model)}
        pairs = [
            (af.ranking.log_likelihood(there, met, **at), af.ranking.log_likelihood(scores, met, **at)),
            (af.ranking.gradient(there, met, **at), af.ranking.gradient(scores, met, **at)),
            (
                af.ranking.hessian_product(there, direction, met, **at),
                af.ranking.hessian_product(scores, vector, met, **at),
            ),
        ]
        for name, (found, expected) in zip(("value", "gradient", "product"), pairs, strict=True):
            yield f"{name} {model}", bool(np.allclose(found.numpy(), expected, rtol=1e-13, atol=1e-11 * votes / items))
    orders = af.ranking.Rankings([generator.permutation(items)[:20] for _ in range(votes // 1000)], n_items=items)
    found, expected = orders.gradient(there).numpy(), orders.gradient(scores)
    yield "gradient of rankings", bool(np.allclose(found, expected, rtol=1e-13, atol=1e-12))


def compare_trajectories(seed, rows=500, steps=300):
    """Yield whether trajectories of policies and their Lyapunov exponents have the bits of the CPU's."""
    generator = np.random.default_rng(seed)
    for responses in (3, 8, 40):
        skew = np.triu(generator.uniform(-0.45, 0.45, (rows, responses, responses)), 1)
        host = 0.5 + skew - np.swapaxes(skew, 1, 2), generator.dirichlet(np.ones(responses), rows)
        at = {"alpha": [0.5, 1.0], "beta": [4.0, 1.0], "lam": [0.5, 1.0], "steps": steps, "burn_in": steps // 2}
        for method in ("ipo", "dpo"):
            expected, found = (
                [
                    *vars(af.dynamics.simulate(P, init=init, record=steps // 3, method=method, **at)).items(),
                    ("exponent", af.dynamics.lyapunov_exponent(P, init=init, method=method, **at)),
                ]
                for P, init in (host, map(place().copy, host))
            )
            right = [
                same(there, here) for (name, here), (_, there) in zip(expected, found, strict=True) if name != "times"
            ]
            yield f"{method} of {responses} responses", all(right)


def compare_optima(seed, rows=3000):
    """Yield whether optima of IPO and DPO, and axioms, have the bits of the CPU's."""
    generator = np.random.default_rng(seed)
    for responses in (3, 16):
        skew = np.triu(generator.uniform(-0.45, 0.45, (rows, responses, responses)), 1)
        host = 0.5 + skew - np.swapaxes(skew, 1, 2), generator.dirichlet(np.ones(responses), rows)
        for optimum in (af.policy.ipo, af.policy.dpo):
            expected, found = (optimum(*arrays, None, [0.5, 4.0]) for arrays in (host, map(place().copy, host)))
            right = all(same(*pair) for pair in zip(found, expected, strict=True))
            yield f"{optimum.__name__} of {responses} responses", right
        for quantity in (lambda P, mu: af.policy.ipo_covariance(P, mu, [0.5, 4.0]), af.policy.dpo_covariance):
            expected, found = (quantity(*arrays) for arrays in (host, map(place().copy, host)))
            yield f"covariance {len(expected.shape)} of {responses} responses", same(found, expected)
        expected, found = (af.policy.classify(P) for P in (host[0], place().copy(host[0])))
        yield f"axioms of {responses} responses", all(same(*pair) for pair in zip(found, expected, strict=True))


def compare_losses(seed):
    """Yield the same of every paired loss, in both types, with gradients and metrics."""
    for name, loss in af.pairwise.LOSS_TYPES.items():
        if not loss.is_paired or loss.is_matched or loss.averages_tokens:
            continue
        for dtype in ("float32", "float64"):
            arrays = [fresh(seed + i, 5003, dtype=dtype) for i in range(4)]
            lengths = dict.fromkeys(("chosen_length", "rejected_length"), 1 - arrays[0]) if loss.needs_lengths else {}
            options = {"loss_type": name, "grad": True, "metrics": True}
            options |= {"label_smoothing": 0.1} if loss.smoothing else {}
            expected = af.pairwise.preference_loss(*arrays, **options, **lengths)
            there = {side: place().copy(array) for side, array in lengths.items()}
            found = af.pairwise.preference_loss(*map(place().copy, arrays), **options, **there)
            fields = "loss", "grad_policy_chosen", "grad_policy_rejected", "chosen_rewards"
            results = [(getattr(found, field), getattr(expected, field)) for field in fields]
            right = all(same(*pair) for pair in results if pair[1] is not None)
            yield f"{name} {dtype}", right


def compare_tokens(seed):
    """Yield whether log-probabilities and gradients of tokens are within 2e-5 of the CPU's in double."""
    logits = np.random.default_rng(seed).normal(0, 3, (2, 5, 50_257)).astype(np.float32)
    ids = np.random.default_rng(seed + 1).integers(0, 50_257, (2, 5))
    there = place().copy(logits), place().copy(ids)
    expected = af.pairwise.sequence_logprobs(logits.astype(np.float64), ids)
    yield (
        "log-probabilities",
        bool(np.allclose(af.pairwise.sequence_logprobs(*there).numpy(), expected, rtol=0, atol=2e-5)),
    )
    expected = af.pairwise.sequence_logprobs_grad(logits.astype(np.float64), ids)
    yield (
        "gradients",
        bool(np.allclose(af.pairwise.sequence_logprobs_grad(*there).numpy(), expected, rtol=2e-5, atol=1e-9)),
    )


def compare_vocabularies(seed):
    """Yield whether sums over tiles of a vocabulary and their gradients are within 2e-5 of the CPU's in double."""
    cpu, ours = operations("pairwise"), operations("pairwise", "cuda")
    generator = np.random.default_rng(seed)
    logits, ids = generator.normal(0, 3, (64, 50_257)).astype(np.float32), generator.integers(0, 50_257, 64)
    expected = cpu.no_letters(64)
    table, there = place().copy(expected), place().copy(ids)
    cpu.add_letters(expected, logits.astype(np.float64), ids, 0, moments=True)
    tiles = [(low, np.ascontiguousarray(logits[:, low : low + 20_000])) for low in range(0, 50_257, 20_000)]
    tiles = [(low, place().copy(tile)) for low, tile in tiles]
    for low, tile in tiles:
        ours.add_letters(table, tile, there, low, moments=True)
    numbers = [LetterSums(*sums.T) for sums in (table.numpy(), expected)]
    found, right = ([x.frame + np.log(x.sum), np.log(x.sum) - x.first / x.sum, x.token, x.top_id] for x in numbers)
    yield "sums", bool(np.allclose(found, right, rtol=2e-5))
    columns = right[0], generator.normal(size=64), generator.normal(size=64), right[1]
    partition, factor, of_entropy, entropy = map(place().copy, columns)
    for low, tile in tiles:
        ours.letter_gradients(tile, there, low, partition, factor, tile, entropy_factor=of_entropy, entropy=entropy)
    slopes = np.empty(logits.shape)
    options = {"entropy_factor": columns[2], "entropy": columns[3]}
    cpu.letter_gradients(logits.astype(np.float64), ids, 0, *columns[:2], slopes, **options)
    gradients = np.concatenate([tile.numpy() for _, tile in tiles], axis=1)
    yield "gradients", bool(np.allclose(gradients, slopes, rtol=1e-4, atol=1e-8))


def compare_measures(seed):
    """Yield whether information measures are within their bounds of the CPU's, and tilts the same."""
    generator, info = np.random.default_rng(seed), af.information
    orders = [0.5, 1.0, 2.0, np.inf]
    for dtype, bound in (("float32", 5e-6), ("float64", 5e-14)):
        p, q = (generator.dirichlet(np.ones(701), 3).astype(dtype) for _ in range(2))
        reward = generator.normal(size=p.shape).astype(dtype)
        calls = {
            "divergences": lambda p, q, r: info.renyi_divergence(p, q, orders),
            "entropies": lambda p, q, r: info.renyi_entropy(p, orders),
            "log-MGFs": lambda p, q, r: info.log_mgf(r, [0.5, -2.0], p=p),
            "cumulants": lambda p, q, r: info.cumulants(r, 4, t=0.5, p=p),
        }
        there = [place().copy(array) for array in (p, q, reward)]
        for name, call in calls.items():
            found, expected = call(*there).numpy(), call(p, q, reward)
            yield f"{name} {dtype}", bool(np.allclose(found, expected, rtol=bound, atol=bound))
        for name, call in {
            "tilts": lambda p, q, r: af.policy.tilt(p, r, [1e-8, 3.0]).log_pi,
            "tilts of a divergence": lambda p, q, r: af.policy.kl_constrained(p, r, [1e-8, 0.3]).log_pi,
            "estimators of samples": lambda p, q, r: af.policy.kl_estimators(r, q).k3,
            "rate functions": lambda p, q, r: info.rate_function(r, [0.1, 1.0], p=p).value,
        }.items():
            yield f"{name} {dtype}", same(call(*there), call(p, q, reward))


COMPARISONS = {
    "random": compare_random,
    "best_of_n": compare_simulation,
    "pools": compare_pools,
    "laws": compare_laws,
    "ranking": compare_ranking,
    "dynamics": compare_trajectories,
    "policy": compare_optima,
    "pairwise": compare_losses,
    "tokens": compare_tokens,
    "vocabularies": compare_vocabularies,
    "information": compare_measures,
}


def correctness():
    """Return {family: {what: right}} for a seed of this moment."""
    seed = time.time_ns() % 2**32
    return {family: dict(compare(seed)) for family, compare in COMPARISONS.items()}


# ---- times ----


def seconds(call):
    """Return the smallest time of `call` on the device, once it is warm."""
    call()
    watch, found = driver.Stopwatch(0, streams.LEGACY), []
    for _ in range(REPEATS):
        watch.mark(0)
        call()
        watch.mark(1)
        found.append(watch.seconds())
    return min(found)


def host_seconds(call, repeats=200):
    """Return the smallest time that `call` takes of the host, which waits for nothing."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def timings():
    """Yield (what, seconds, work, unit, bytes moved)."""
    out = place().empty((1 << 28,), np.float32)
    yield (
        "uniforms float32",
        seconds(lambda: Stream(1).uniform(1 << 28, dtype="f4", out=out)),
        1 << 28,
        "draws",
        4 << 28,
    )
    yield "normals float32", seconds(lambda: Stream(1).normal(1 << 28, dtype="f4", out=out)), 1 << 28, "draws", 4 << 28
    from alignment_fast.kernels.best_of_n import cuda as best_of_n

    winner, draws = best_of_n.DEFAULT.copy(np.full(1 << 14, 2**64 - 1, np.uint64)), 1 << 22
    yield "best draws", seconds(lambda: best_of_n.fold_winners((1, 2), 0, draws, 0, winner)), draws << 14, "draws", 0
    from alignment_fast.kernels.common import sorting

    pool = place().copy(np.random.default_rng(1).normal(size=(1, POOL)))
    yield "sort float64", seconds(lambda: sorting.sorted_keys(pool)), POOL, "keys", 0
    yield "pool curve, all n", seconds(lambda: af.best_of_n.curve(pool)), POOL, "samples", 0
    reward, draws = place().copy(np.random.default_rng(1).normal(size=LETTERS)), np.arange(1.0, 1025.0)
    yield "law of 151 936 outcomes", seconds(lambda: af.best_of_n.BestOfN(reward=reward)), LETTERS, "outcomes", 0
    law = af.best_of_n.BestOfN(reward=reward)
    yield "its divergence at 1024 n", seconds(lambda: law.kl(draws)), LETTERS << 10, "terms", 0
    yield "draws from it", seconds(lambda: law.sample(1 << 20, 16, rng=1)), 1 << 20, "draws", 0
    counts = place().copy(np.full(1 << 20, 200)), place().copy(np.arange(1 << 20) % 200)
    rewards = place().copy(np.random.default_rng(1).normal(size=(1 << 16, 16)))
    yield (
        "weights of the best of 4 of 16",
        seconds(lambda: af.best_of_n.max_at_k_weights(rewards, 4)),
        1 << 20,
        "samples",
        0,
    )
    yield "pass@10", seconds(lambda: af.best_of_n.pass_at_k(*counts, 10)), 1 << 20, "problems", 0
    skew = np.triu(np.random.default_rng(1).uniform(-0.45, 0.45, (1 << 14, 8, 8)), 1)
    matrices = place().copy(0.5 + skew - np.swapaxes(skew, 1, 2))
    yield "optima of DPO, 8 responses", seconds(lambda: af.policy.dpo(matrices, None, None, 1.0)), 1 << 14, "rows", 0
    yield "axioms of 8 responses", seconds(lambda: af.policy.classify(matrices)), 1 << 14, "rows", 0
    arrays = [place().copy(fresh(i, PAIRS)) for i in range(4)]
    grads = {name: place().empty((PAIRS,), np.float32) for name in ("grad_policy_chosen", "grad_policy_rejected")}
    call = lambda: af.pairwise.preference_loss(*arrays, grad=True, out=grads)  # noqa: E731
    yield "preference loss and gradients", seconds(call), PAIRS, "pairs", 24 * PAIRS
    few = [place().copy(fresh(i, 1000)) for i in range(4)]
    yield "preference loss of 1000 pairs, host", host_seconds(lambda: af.pairwise.preference_loss(*few)), 1, "calls", 0
    logits = place().copy(np.random.default_rng(1).normal(0, 3, (1, *LOGITS)).astype(np.float16))
    ids = place().copy(np.zeros((1, LOGITS[0]), np.int64))
    moved = 2 * LOGITS[0] * LOGITS[1]
    yield (
        "log-probabilities float16",
        seconds(lambda: af.pairwise.sequence_logprobs(logits, ids)),
        LOGITS[0],
        "tokens",
        moved,
    )

    reward = place().copy(fresh(1, *ROWS))
    for points in (np.array([0.5]), np.linspace(0.1, 1.0, 16)):
        call = lambda points=points: af.information.log_mgf(reward, points)  # noqa: E731
        work = ROWS[0] * points.size
        yield f"log-MGFs float32, tilts: {points.size}", seconds(call), work, "rows and tilts", 4 * ROWS[0] * ROWS[1]
    p = place().copy(np.full(ROWS, 1.0 / ROWS[1], np.float32))
    yield "entropies float32", seconds(lambda: af.information.entropy(p)), ROWS[0], "rows", 4 * ROWS[0] * ROWS[1]
    yield "tilts float32", seconds(lambda: af.policy.tilt(p, reward, 0.5)), ROWS[0], "rows", 12 * ROWS[0] * ROWS[1]
    few = [place().copy(fresh(i, PAIRS)) for i in range(2)]
    yield "estimators of a divergence", seconds(lambda: af.policy.kl_estimators(*few)), PAIRS, "samples", 32 * PAIRS
    yield "tilts of a divergence", seconds(lambda: af.policy.kl_constrained(p, reward, 0.1)), ROWS[0], "rows", 0


def copying():
    """Return bytes a second of a copy by the tool at hand: PyTorch's, or nothing."""
    try:
        import torch
    except ImportError:
        return None
    a, b = (torch.empty(1 << 28, device="cuda") for _ in range(2))
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    found = []
    for _ in range(REPEATS):
        start.record()
        b.copy_(a)
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) * 1e-3)
    return 2 * a.nbytes / min(found)


def peers():
    """Return seconds of PyTorch doing the same as the preference loss with gradients, eager and compiled."""
    try:
        import torch
    except ImportError:
        return {}

    def loss(a, b, c, d):
        return -torch.nn.functional.logsigmoid(0.1 * ((a - c) - (b - d))).mean()

    arrays = [torch.from_numpy(fresh(i, PAIRS)).cuda().requires_grad_(i < 2) for i in range(4)]
    found = {}
    for name, function in (("torch eager", loss), ("torch.compile", torch.compile(loss))):

        def step(function=function):
            torch.autograd.grad(function(*arrays), arrays[:2])

        step()
        torch.cuda.synchronize()
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            step()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        found[name] = min(times)
    return found


# ---- report ----


def report():
    """Return what was found."""
    checks = correctness()
    right = {family: all(found.values()) for family, found in checks.items()}
    bandwidth = copying()
    times = []
    if all(right.values()):
        for what, took, work, unit, moved in timings():
            share = moved / took / bandwidth if moved and bandwidth else None
            times.append(
                {"what": what, "seconds": took, "per_second": work / took, "unit": unit, "share_of_copying": share}
            )
    name, capability, processors = driver.device(0)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "version": af.__version__,
        "device": f"{name}, {processors} multiprocessors, compute capability {capability[0]}.{capability[1]}",
        "driver": "{}.{}".format(*driver.driver_version()),
        "sources": {family: build_cuda.source_hash(family) for family in build_cuda.families()},
        "right": checks,
        "copying": bandwidth,
        "times": times,
        "preference loss and gradients elsewhere": peers() if times else {},
    }


def markdown(found):
    """Return the report as a page."""
    lines = ["# Kernels on a device", "", f"{found['device']}; driver for CUDA {found['driver']}; {found['date']}", ""]
    lines += ["| family | comparison | |", "|---|---|---|"]
    for family, checks in found["right"].items():
        lines += [f"| {family} | {what} | {'right' if right else 'WRONG'} |" for what, right in checks.items()]
    lines += ["", "| what | seconds | per second | share of copying |", "|---|---|---|---|"]
    for row in found["times"]:
        share = "" if row["share_of_copying"] is None else f"{row['share_of_copying']:.2f}"
        lines.append(f"| {row['what']} | {row['seconds']:.3g} | {row['per_second']:.3g} {row['unit']} | {share} |")
    lines += [f"| {name} | {took:.3g} | | |" for name, took in found["preference loss and gradients elsewhere"].items()]
    hashes = ", ".join(f"{family} {value}" for family, value in found["sources"].items())
    return "\n".join([*lines, "", f"Sources: {hashes}", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--sanitize", action="store_true", help="run the comparisons under compute-sanitizer")
    parser.add_argument("--only-right", action="store_true", help="compare, time nothing")
    options = parser.parse_args()
    try:
        driver.require_device()
    except driver.DriverMissingError as error:
        print(f"benchmarks/gpu.py needs {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    if options.sanitize:
        tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
        command = [
            tool,
            "--error-exitcode",
            "3",
            sys.executable,
            "-P",
            __file__,
            "--out",
            str(options.out),
            "--only-right",
        ]
        return subprocess.run(command, check=False).returncode
    if options.only_right:
        return int(not all(all(found.values()) for found in correctness().values()))
    found = report()
    (options.out / "report.json").write_text(json.dumps(found, indent=1), "utf-8")
    (options.out / "report.md").write_text(markdown(found), "utf-8")
    print(markdown(found))
    return int(not all(all(checks.values()) for checks in found["right"].values()))


if __name__ == "__main__":
    sys.exit(main())
