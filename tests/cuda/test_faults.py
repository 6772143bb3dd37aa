"""Faults of every class, planted in the kernels one at a time: a check must turn red for each of them.

And what holds of all kernels: nothing is fused that the source does not fuse, and every architecture compiles.
"""

import re
import shutil
import subprocess
from dataclasses import fields

import numpy as np
import ptx
import pytest
import stand_in
from test_best_of_n import by_definition, folded

from alignment_fast import policy, ranking
from alignment_fast._operations import operations
from alignment_fast.best_of_n import BestOfN, Curve, curve, mean_over_prompts, pass_all_k
from alignment_fast.kernels import build_cuda
from alignment_fast.kernels.best_of_n import cuda_law, cuda_pool, law, pool, simulation
from alignment_fast.kernels.best_of_n.structures import Pools
from alignment_fast.kernels.common import images, streams
from alignment_fast.kernels.dynamics import cuda as cuda_trajectories
from alignment_fast.kernels.dynamics import operations as trajectories
from alignment_fast.kernels.dynamics.structures import TrajectoryProblem
from alignment_fast.kernels.pairwise import cpu, losses
from alignment_fast.kernels.pairwise.structures import Inputs, LetterSums, Loss, Outputs
from alignment_fast.random import Stream

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]


def check_random(module):
    """Uniforms of odd rows: every end of a row, and not a byte beyond."""
    expected = Stream.from_key(7).uniform((3, 101), draw=5)
    found = np.empty_like(expected)
    module.launch("fill_uniforms_f64", 2, 64, *np.array([7, 0, 5], np.uint64), *np.array([3, 101]), found)
    assert found.tobytes() == expected.tobytes()


def check_draws(module):
    """Best draws in tasks, beyond 2^32 blocks too, and of many replicates so short that the last draw wins some."""
    for start, length, replicates in ((3, 8998, 2), (2**34 - 6, 8998, 2), (3, 7, 100)):
        none = np.full(replicates, simulation.NO_WINNER)
        expected = by_definition((1, 2), start, start + length, 7, replicates)
        assert (folded(module, (1, 2), start, start + length, 7, none, length=1000) == expected).all()
    expected, none = by_definition((1, 2), 5, 9001, 7, 3), np.full(3, simulation.NO_WINNER)
    shape = {"length": 1, "grid": 2, "block": 96, "order": 2}
    assert (folded(module, (1, 2), 5, 9001, 7, none, **shape) == expected).all()


def check_means(module, n, order):
    """Means of two pools of 700 samples, those that hardly count huge."""
    value = np.sort(np.random.default_rng(4).normal(size=(2, 700)), axis=-1)
    value[:, :500] *= 1e25
    value[:, :5] *= 1e200
    grid, starts = pool.groups(n), cuda_pool._starts(700, pool.groups(n)[:, 0])
    step, found, block = np.empty(701), np.empty((2, n.size)), np.empty((2, starts[-1], 32, 2))
    module.launch("pool_steps", 2, 64, np.int32(0), np.int64(700), step, order=order)
    shared = (np.int32(0), *np.array([2, 700]), value)
    module.launch("pool_blocks", 2, 64, *shared, step, np.int64(len(grid)), grid, starts, block, order=order)
    rest = (np.int64(len(grid)), grid, starts, block, np.int64(n.size), found)
    module.launch("pool_totals", 2, 64, *shared, *rest, order=order)
    assert found.tobytes() == pool.pool_means(Pools(value), "u", n).tobytes()


def check_pools(module):
    """Means at n far apart, and at so many that ranks are left out; those of tied samples; three orders of threads."""
    judged, places = np.random.default_rng(5).normal(size=(2, 700)), np.tile(np.arange(700, dtype=np.int32), (2, 1))
    keys = np.repeat(np.arange(14, dtype=np.uint32), 50)[None].repeat(2, axis=0)
    for order in (0, 1, 2):
        check_means(module, np.arange(1.0, 630.0, 20.0), order)
        check_means(module, np.concatenate([np.arange(1.0, 95.0, 3.0), np.arange(100.0, 701.0, 20.0)]), order)
        means = np.empty((2, 700))
        spread, tied = np.empty((2, 700)), np.empty((2, 700), np.int32)
        given = (keys, places, judged, means, spread, tied)
        module.launch("pool_judged_f32", 2, 64, *np.array([2, 700]), *given, order=order)
        np.testing.assert_allclose(spread[:, ::50], judged.reshape(2, 14, 50).var(axis=-1, ddof=1), rtol=1e-13)
        np.testing.assert_allclose(means[:, ::50], judged.reshape(2, 14, 50).mean(axis=-1), rtol=1e-13, atol=1e-15)
    coefficients = np.random.default_rng(6).normal(size=(3, 700))
    expected, found = (judged[0] * coefficients[0], np.empty((2, 700)))
    expected[1:] += np.cumsum(coefficients[1] * judged[0])[:-1]
    expected[:-1] += np.cumsum((coefficients[2] * judged[0])[::-1])[-2::-1]
    module.launch("pool_max_weights", 2, 64, *np.array([2, 700]), judged, places, np.int32(0), *coefficients, found)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-12)


def check_laws():
    """A law of 7000 outcomes, many of them tied, some of no mass, by the operations that launch the kernels."""
    generator = np.random.default_rng(8)
    p, reward = generator.random((1, 7000)) ** 8, np.round(generator.normal(size=(1, 7000)), 4)
    p[generator.random(p.shape) < 0.3] = 0.0
    reward[0, :100] = -9.0
    p[0, :100] = 1e-6
    n, rows = np.array([[1.5, 40.0]]), np.zeros(1, np.int64)
    host, _ = law.law_build(p, reward, 1, log=False)
    there, _ = cuda_law.law_build(*(streams.Place(0, streams.LEGACY).copy(x) for x in (p, reward)), 1, log=False)
    for kind in ("kl", "win_rate"):
        expected = law.law_values(host, law.VALUES[kind], 0.0, rows, n, False)
        found = cuda_law.law_values(there, law.VALUES[kind], 0.0, rows, n, False).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    chances = cuda_law.law_pmf(there, rows, n, False, log=False).numpy()
    np.testing.assert_allclose(chances, law.law_pmf(host, rows, n, False, log=False), rtol=1e-12, atol=1e-300)


def check_outcomes():
    """The expected estimator of a law of two blocks of outcomes, and draws from one whose rewards are all but equal."""
    generator, at = np.random.default_rng(9), streams.Place(0, streams.LEGACY)
    for size in (4200, 100):
        p, reward = generator.random((1, size)), np.zeros((1, size))
        reward[0, :9] = np.arange(9.0)
        host, _ = law.law_build(p, reward, 1, log=False)
        there, _ = cuda_law.law_build(at.copy(p), at.copy(reward), 1, log=False)
        rows, n = np.zeros(1, np.int64), np.array([[1.5, 4.0]])
        estimates = cuda_law.law_kl_estimate(there, rows, n, False).numpy()
        np.testing.assert_allclose(estimates, law.law_kl_estimate(host, rows, n, False), rtol=1e-12)
    drawn = [
        ops.law_draw(laws, [ops.law_sampler(laws, 0)] * 2, [1.5, 4.0], False, 50, 7)
        for ops, laws in ((law, host), (cuda_law, there))
    ]
    assert (drawn[1].numpy() == drawn[0]).all()


def check_variances():
    """Variances of pools of two sizes, of tied samples and at more n than a group has, by both methods."""
    generator, at = np.random.default_rng(11), streams.Place(0, streams.LEGACY)
    score, value = np.round(generator.normal(size=(3, 90)), 1), generator.normal(size=(3, 90))
    for method in ("unbiased", "jackknife"):
        options = {"n": [1, *range(3, 50)], "variance": method, "lengths": [90, 80, 90]}
        expected = curve(score, values=value, **options)
        found = curve(at.copy(score), values=at.copy(value), **options)
        np.testing.assert_allclose(found.variance.numpy(), expected.variance, rtol=1e-12, atol=1e-14)
    means = generator.normal(size=(9, 5))
    means[2, 3] = np.nan
    for clusters in (None, np.arange(9) // 2):
        expected, found = (
            mean_over_prompts(Curve(np.arange(5), x), clusters=clusters) for x in (means, at.copy(means))
        )
        for name in ("mean", "standard_error", "prompts"):
            assert getattr(found, name).numpy().tobytes() == getattr(expected, name).tobytes(), name
    total, correct = np.array([9, 40]), np.array([9, 30])
    expected, found = (pass_all_k(*counts, [2, 5]) for counts in ((total, correct), (at.copy(total), at.copy(correct))))
    assert found.variance.numpy().tobytes() == expected.variance.tobytes()


def check_aligned():
    """Best-of-n beside the tilt of its divergence, two laws of 70 outcomes."""
    generator, at = np.random.default_rng(10), streams.Place(0, streams.LEGACY)
    p, reward = generator.random((2, 70)), generator.normal(size=(2, 70))
    expected, found = (
        BestOfN(*arrays).aligned([2.0, 400.0]) for arrays in ((p, reward), (at.copy(p), at.copy(reward)))
    )
    np.testing.assert_allclose(found.policy.alpha.numpy(), expected.policy.alpha, rtol=1e-11)
    np.testing.assert_allclose(found.divergence.numpy(), expected.divergence, rtol=1e-11)


def check_vocabulary():
    """Sums of two rows of 700 letters in two tiles, and gradients of the first."""
    generator, at = np.random.default_rng(11), streams.Place(0, streams.LEGACY)
    here, there = operations("pairwise"), operations("pairwise", "cuda")
    logits, ids = 4 * generator.normal(size=(2, 700)), np.array([600, 3])
    logits[:, [530, 699]] = 20.0  # the largest ones, in the second tile
    expected = here.no_letters(2)
    found = at.copy(expected.copy())
    for tile, first in ((logits[:, :512].copy(), 0), (logits[:, 512:].copy(), 512)):
        here.add_letters(expected, tile, ids, first, moments=True)
        there.add_letters(found, at.copy(tile), at.copy(ids), first, moments=True)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    sums = LetterSums(*expected.T)
    of_log_p, log_partition = np.array([1.0, -0.5]), sums.frame + np.log(sums.sum)
    entropy = np.log(sums.sum) - sums.first / sums.sum
    gradient, tile = np.empty((2, 512)), logits[:, :512].copy()
    columns = {"entropy_factor": np.array([0.3, -2.0]), "entropy": entropy}
    here.letter_gradients(tile, ids, 0, log_partition, of_log_p, gradient, **columns)
    out, given = at.empty((2, 512), np.dtype(np.float64)), [at.copy(x) for x in (tile, ids, log_partition, of_log_p)]
    there.letter_gradients(*given[:2], 0, *given[2:], out, **{name: at.copy(x) for name, x in columns.items()})
    np.testing.assert_allclose(out.numpy(), gradient, rtol=1e-11, atol=1e-16)


def check_moments(module):
    """Moments of three blocks, the last one short."""
    from alignment_fast.kernels.common import cpu as common

    x = np.random.default_rng(3).normal(size=2 * 4096 + 77)
    expected, found = np.empty((3, 7)), np.empty((3, 7))
    common.moments_blocks(x, 0, 3, expected)
    for order in (0, 1, 2):
        module.launch("moments_blocks", 2, 64, np.int64(x.size), x, found, order=order)
        assert found.tobytes() == expected.tobytes()


def check_sort(module):
    """Three rows of two slices of numbers of which many are equal, by all passes, two tiles of sums among them."""
    x = np.random.default_rng(1).integers(-3, 4, (3, 2500)).astype(np.float32) * np.float32(1.5e7)
    for order in (0, 1, 2):
        keys, places = np.empty((2, *x.shape), np.uint32), np.empty((2, *x.shape), np.int32)
        counts, size = np.empty((3, 256, 2), np.int64), np.array(x.shape)
        module.launch("sort_keys_f32", 2, 64, np.int64(x.size), x, keys[0], order=order)
        for digit in range(4):
            source, target = digit % 2, 1 - digit % 2
            shift, before, sums = np.int32(8 * digit), places[source] if digit else np.uint64(0), np.empty(2, np.int64)
            module.launch("sort_counts_f32", 2, 64, *size, keys[source], shift, counts, order=order)
            module.launch("sum_tiles", 2, 64, np.int64(counts.size), counts, sums, order=order)
            module.launch("running_sums", 2, 64, np.int64(2), np.uint64(0), sums, order=order)
            module.launch("running_sums", 2, 64, np.int64(counts.size), sums, counts, order=order)
            scattered = (*size, keys[source], before, shift, counts, keys[target], places[target])
            module.launch("sort_scatter_f32", 2, 64, *scattered, order=order)
        assert (places[0] == np.argsort(x, axis=-1, kind="stable")).all()


def check_common(module):
    check_moments(module)
    check_sort(module)


def check_pairs(module):
    """The default loss of 7300 pairs with gradients, in three orders of threads."""
    from alignment_fast.kernels.pairwise.cuda import _PAIRS

    generator = np.random.default_rng(2)
    inputs = Inputs(*(-generator.exponential(3.0, 7300).astype(np.float32) for _ in range(4)))
    expected = Outputs(None, np.empty(7300, np.float32), np.empty(7300, np.float32))
    total = losses.evaluate(Loss("sigmoid", beta=0.3), inputs, expected, storage="own", wide=False, size=7300).loss
    for order in (0, 1, 2):
        found = Outputs(None, np.empty(7300, np.float32), np.empty(7300, np.float32))
        sums = np.zeros((8, 4))
        arrays = [*inputs, *found]
        pointers = [0 if array is None else array.ctypes.data for array in arrays]
        given = (0.3, 0.0, 0.0, 0.0, 1.0, 0.0)
        packed = _PAIRS.pack(
            7300, cpu.FORMULAS_BY_NAME["sigmoid"], 0, 0, 0, *pointers, 0, sums.ctypes.data, 1.0, *given, 0.0
        )
        touched = [array for array in (*arrays, sums) if array is not None]
        spans = [edge for a in touched for edge in (a.ctypes.data, a.ctypes.data + a.nbytes)]
        module.run("plain_sigmoid_f32", 2, 64, packed, spans, order)
        assert sum(sums[:, 0].tolist()) == total
        assert found.grad_chosen.tobytes() == expected.grad_chosen.tobytes()
        assert found.grad_rejected.tobytes() == expected.grad_rejected.tobytes()


def check_rows(module):
    """Divergences of rows that end within a block, within 1e-13, and tilts of such rows, bit for bit.

    Tilts of given divergences too, one of them so small that the first row has none.
    """
    from alignment_fast.kernels.information import cpu as kernels
    from alignment_fast.kernels.information import operations
    from alignment_fast.kernels.information.cuda import _ROWS

    generator, count, letters = np.random.default_rng(4), 3, 555
    p, q = (generator.dirichlet(np.ones(letters), count) for _ in range(2))
    reward, orders = generator.normal(size=(count, letters)), np.array([[-0.5, 0.0, 2.0]])

    def packed(others, kind, orders):
        address = (array.ctypes.data for array in (p, others))
        kinds = kernels.WEIGHT_PROBABILITY, kind, 1, 0
        return _ROWS.pack(*address, letters, letters, letters, *kinds, orders.ctypes.data, 0, orders.size)

    def launch(name, others, kind, *arguments, orders=orders):
        arrays = [x for x in (p, others, orders, *arguments) if isinstance(x, np.ndarray)]
        values = [x.ctypes.data if isinstance(x, np.ndarray) else x for x in arguments]
        bytes_of = b"".join(np.float64(x).tobytes() if isinstance(x, float) else np.int64(x).tobytes() for x in values)
        spans = [edge for x in arrays for edge in (x.ctypes.data, x.ctypes.data + x.nbytes)]
        module.run(name, 1, 64, packed(others, kind, orders) + np.int64(count).tobytes() + bytes_of, spans, 2)

    means, expected, found = (np.empty((count, 3)) for _ in range(3))
    kernels.exponential_mean(p, 1, q, kernels.REWARD_LOG_RATIO, True, orders, expected, 0, count)
    launch("exponential_means", q, kernels.REWARD_LOG_RATIO, 1.0, 0, means, found)
    assert np.allclose(found, expected, rtol=1e-13, atol=0)
    log_pi, wanted = (np.empty((count, 3, letters)) for _ in range(2))
    fields, own = np.empty((count, 3, 4)), np.empty((count, 3, 4))
    kernels.tilts(p, 1, reward, orders, wanted, fields, 0, count)
    scratch, results = np.empty((2, 6, letters)), [np.empty((count, 3)) for _ in range(4)]
    launch("tilt_rows", reward, kernels.REWARD_GIVEN, scratch, own, log_pi, *results)
    assert log_pi.tobytes() == wanted.tobytes()
    assert own.tobytes() == fields.tobytes()
    columns = [np.empty(count * letters) for _ in range(6)]
    given = [count * letters, 0, p.ctypes.data, 1, q.ctypes.data, 1, *(x.ctypes.data for x in columns)]
    spans = [edge for x in (p, q, *columns) for edge in (x.ctypes.data, x.ctypes.data + x.nbytes)]
    module.run("sample_estimators", 1, 64, np.array(given, np.int64).tobytes(), spans, 2)
    assert columns[2].tobytes() == operations.sample_estimators(p, q)[2].tobytes()
    reward[0] *= 1e300
    budgets, given = np.array([[1e-60, 0.3, 3.0]]), kernels.REWARD_GIVEN
    wanted, reached, alpha = (np.empty((count, 3)) for _ in range(3))
    kernels.tilts_of_divergence(p, 1, reward, budgets, None, None, wanted, reached, 0, count)
    wanted[0, 0] = np.nan
    launch("divergence_rows", reward, given, scratch, 0, 0, np.empty((count, 3)), alpha, orders=budgets)
    assert alpha.tobytes() == wanted.tobytes()


def check_trajectories():
    """Rounds and exponents of two matrices beyond a warp at two points, largest at the last response, bit for bit."""
    generator, K = np.random.default_rng(7), 35
    skew, log_init = np.triu(generator.uniform(-0.45, 0.45, (2, K, K)), 1), np.log(generator.dirichlet(np.ones(K), 2))
    log_init[:, -1] = 0.0
    uniform, points = np.full((1, K), 1 / K), (np.array([[0.5, 0.9]]), np.array([[2.0, 4.0]]), np.array([[0.5, 1.0]]))
    arrays = skew - np.swapaxes(skew, 1, 2), np.log(uniform), uniform, log_init, *points
    for method in ("ipo", "dpo"):
        results = []
        for ops, place in ((trajectories, None), (cuda_trajectories, streams.Place(0, streams.LEGACY))):
            problem = TrajectoryProblem(method, 2, *arrays, place=place)
            results.append(ops.simulate(problem, 5, 2, np.array([0, 3])))
        for field in fields(results[0]):
            expected, found = (getattr(one, field.name) for one in results)
            assert found.numpy().tobytes() == expected.tobytes(), field.name
        problem = TrajectoryProblem(method, 2, *arrays, place=streams.Place(0, streams.LEGACY))
        found = cuda_trajectories.lyapunov_exponents(problem, 5, 2).numpy()
        assert found.tobytes() == trajectories.lyapunov_exponents(problem, 5, 2).tobytes()


def check_ranking():
    """The likelihood of 150 items that met often, its gradient and a product, with ties and an advantage too."""
    generator = np.random.default_rng(6)
    first, second = generator.integers(0, 150, (2, 20_000))
    tied, home = generator.random(20_000) < 0.3, generator.integers(-1, 2, 20_000)
    met = ranking.Comparisons(first, np.where(first == second, (first + 1) % 150, second), tied=tied, home=home)
    scores = generator.normal(size=150)
    there = streams.Place(0, streams.LEGACY).copy(scores)
    for options in ({}, {"model": "davidson", "tie_parameter": 0.7, "home_advantage": 0.3}):
        for function, arrays in (
            (ranking.log_likelihood, 1),
            (ranking.gradient, 1),
            (ranking.hessian_product, 2),
        ):
            expected, found = (function(*[u] * arrays, met, **options) for u in (scores, there))
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    orders = ranking.Rankings(
        [generator.permutation(150)[:70] for _ in range(4)], top=True, weight=[1.0, 2.0, 0.5, 1.0]
    )
    expected, found = (orders.gradient(u) for u in (scores, there))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    expected, found = (orders.hessian_product(u, u) for u in (scores, there))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


def check_optima(optimum):
    """Optima of three matrices of nine responses at strengths of their own, bit for bit."""
    generator = np.random.default_rng(5)
    skew = np.triu(generator.uniform(-0.45, 0.45, (3, 9, 9)), 1)
    P, mu, beta = 0.5 + skew - np.swapaxes(skew, 1, 2), generator.dirichlet(np.ones(9), 3), np.arange(6.0).reshape(3, 2)
    at = streams.Place(0, streams.LEGACY)
    expected, found = (optimum(*arrays, None, beta) for arrays in ((P, mu), (at.copy(P), at.copy(mu))))
    for wanted, mine in zip(expected, found, strict=True):
        assert mine.numpy().tobytes() == wanted.tobytes()


def check_policy():
    """And how far rewards are estimated, and move, bit for bit."""
    check_optima(policy.dpo)
    check_quantities(policy.dpo_covariance, lambda P, along: policy.dpo_sensitivity(P, None, along))


def check_quantities(of_matrix, of_vectors):
    """What depends on three matrices of five responses and on vectors of their own."""
    generator, at = np.random.default_rng(12), streams.Place(0, streams.LEGACY)
    skew, vectors = np.triu(generator.uniform(-0.45, 0.45, (3, 5, 5)), 1), generator.normal(size=(3, 5))
    P = 0.5 + skew - np.swapaxes(skew, 1, 2)
    assert of_matrix(at.copy(P), None).numpy().tobytes() == of_matrix(P, None).tobytes()
    assert of_vectors(at.copy(P), at.copy(vectors)).numpy().tobytes() == of_vectors(P, vectors).tobytes()


def check_ipo():
    check_optima(policy.ipo)
    beta = np.arange(6.0).reshape(3, 2)
    check_quantities(
        lambda P, mu: policy.ipo_covariance(P, mu, beta), lambda P, h: policy.ipo_loss(h, P, None, beta).value
    )


def check_axioms():
    """Nine matrices of nine responses, of scores with equal ones, of chance and with ties, and what scores keep."""
    generator, at = np.random.default_rng(13), streams.Place(0, streams.LEGACY)
    above = np.triu(generator.choice([0.25, 0.5, 0.75], (9, 9, 9)), 1)
    P = above + np.tril(1 - np.swapaxes(above, 1, 2), -1) + 0.5 * np.eye(9)
    reward = generator.integers(0, 20, (4, 9)) / 4.0
    P[:4] = 1 / (1 + np.exp(reward[:, None, :] - reward[:, :, None]))
    scores, wins = generator.normal(size=(9, 9)), P.sum(axis=-1)
    wins[1] = -wins[1]
    for wanted, found in zip(policy.classify(P), policy.classify(at.copy(P)), strict=True):
        assert (found.numpy() == wanted).all()
    assert (policy.smith_set(at.copy(P)).numpy() == policy.smith_set(P)).all()
    for question in (policy.is_condorcet_top, policy.is_smith_top, policy.is_order_preserving):
        for given in (scores, wins):
            assert (question(at.copy(P), at.copy(given)).numpy() == question(P, given)).all()


CHECKS = {"random": check_random, "best_of_n": check_draws, "pools": check_pools, "laws": check_laws}
CHECKS |= {"outcomes": check_outcomes, "aligned": check_aligned, "variances": check_variances}
CHECKS |= {"common": check_common, "pairwise": check_pairs}
CHECKS |= {"information": check_rows, "ranking": check_ranking, "dynamics": check_trajectories}
CHECKS |= {"policy": check_policy, "ipo": check_ipo, "axioms": check_axioms, "vocabulary": check_vocabulary}
# Parts of a family that have a check of their own.
FAMILY = dict.fromkeys(("pools", "laws", "outcomes", "aligned", "variances"), "best_of_n") | {
    "ipo": "policy",
    "axioms": "policy",
    "vocabulary": "pairwise",
}
LAUNCHED = {"laws", "outcomes", "aligned", "variances", "ranking", "dynamics", "policy", "ipo", "axioms", "vocabulary"}
POOLS, LAWS = '#include "best_of_n/cuda_pool.inc"', '#include "best_of_n/cuda_law.inc"'
ATOMS, ALIGNED = '#include "best_of_n/cuda_law_atoms.inc"', '#include "best_of_n/cuda_aligned.inc"'
SPREADS = '#include "best_of_n/cuda_pool_variances.inc" /* last: AF_EACH is another one there */'
AXIOMS = '#include "policy/cuda_axioms.inc"', ""
LAW_KINDS = ("sums, law_sum_block(", "moments, law_moment_block(", "renyi, law_renyi_block(")


def unused(*kernels):
    """Return changes that leave out kernels: what no one asks for is not compiled."""
    return [(f"AF_KERNEL({name})", f"template <int> void {name}") for name in kernels]


# Only what a check needs of a family that takes long to compile.
DRAWS = unused("fold_winners", "fold_short_winners", "exponent_tails", "gaussian_rewards")
CUT = {
    "best_of_n": [(POOLS, ""), (LAWS, ""), (ATOMS, ""), (ALIGNED, ""), (SPREADS, "")],
    "pools": [(LAWS, ""), (ATOMS, ""), (ALIGNED, ""), (SPREADS, ""), *DRAWS, *unused("prompt_means")],
    "variances": [
        (LAWS, ""),
        (ATOMS, ""),
        (ALIGNED, ""),
        *DRAWS,
        *unused("pool_max_weights", "pool_dots", "pool_interpolated"),
    ],
    "laws": [(POOLS, ""), (ATOMS, ""), (ALIGNED, ""), (SPREADS, ""), *DRAWS],
    "aligned": [(POOLS, ""), (ATOMS, "#define restrict"), (SPREADS, ""), *DRAWS],
    "outcomes": [
        *[(POOLS, ""), (ALIGNED, ""), (SPREADS, ""), *DRAWS, *unused("law_totals", "law_pmf")],
        *((f"LAW_PARTIALS(law_{kind}", "// ") for kind in LAW_KINDS),
    ],
    "axioms": unused(
        *("preference_advantages", "least_ipo_losses", "ipo_losses", "ipo_covariances", "scaled_rows", "dpo_rewards"),
        *("dpo_losses", "dpo_covariances", "dpo_sensitivities", "tilted_policies", "raised_rows", "scaled_losses"),
    ),
    "ipo": [AXIOMS, *unused("dpo_rewards", "dpo_losses", "dpo_covariances", "dpo_sensitivities")],
    "policy": [
        AXIOMS,
        *unused("preference_advantages", "least_ipo_losses", "ipo_losses", "ipo_covariances", "scaled_rows"),
    ],
    "pairwise": [
        ("MARGIN_LOSSES(PAIR_PLAIN)", "PAIR_PLAIN(sigmoid, 1)"),
        ("MARGIN_LOSSES(PAIR_CASE)", ""),
        ("PAIR_LOSSES(PAIR_CASE)", ""),
        ('#include "pairwise/cuda_tokens.inc"', ""),
        ('#include "pairwise/cuda_vocabulary.inc"', ""),
    ],
    "vocabulary": [
        ("MARGIN_LOSSES(PAIR_PLAIN)", "PAIR_PLAIN(sigmoid, 1)"),
        ("MARGIN_LOSSES(PAIR_CASE)", ""),
        ("PAIR_LOSSES(PAIR_CASE)", ""),
    ],
    "information": [
        ('#include "information/cuda_tilted.inc"', ""),
        ('#include "information/cuda_sums.inc"', ""),
        ('#include "information/cuda_gradients.inc"', ""),
        ("rates(&rows, rows.single, rate, at, own_scratch(scratch, rows.letters), row, row + 1) == AF_ROWS_GOOD", "0"),
    ],
}
FOLD, WRONG_FOLD = "half = AF_WARP / 2; half > 0; half /= 2", "half = 1; half < AF_WARP; half *= 2"
LOWERED = "high > (uint32_t)(winner[r] >> 32)"
# What is planted, by name: the family, a text of its sources or flags, and what stands in its place.
FAULTS = {
    "bounds test": ("random", "if (at + j >= 0 && at + j < n) to[j]", "to[j]"),
    "bounds test of a tile": (
        "pairwise",
        "first + PAIR_TILE < pairs.n ? first + PAIR_TILE : pairs.n",
        "first + PAIR_TILE",
    ),
    "off-by-one tail": ("random", "- first) + 1;", "- first);"),
    "off-by-one end": ("best_of_n", "const uint64_t end = (stop - 1) / 4 + 1;", "const uint64_t end = stop / 4;"),
    "32-bit index": ("best_of_n", "high, c2, c3)));", "0, c2, c3)));"),
    "wrong fold": ("pairwise", FOLD, WRONG_FOLD),
    "wrong fold of moments": ("common", FOLD, WRONG_FOLD),
    "missing barrier": ("pairwise", "__syncthreads()", "(void)0"),
    "a shuffle in a branch": (
        "pairwise",
        "    loss = af_warp_sum(loss);",
        "    if (af_lane() < 16) loss = af_warp_sum(loss);",
    ),
    "a fused product": ("pairwise", "-fmad=false", "-fmad=true"),
    "a fused product of moments": ("common", "-fmad=false", "-fmad=true"),
    "an approximate division": ("pairwise", "-fmad=false", "-prec-div=false"),
    "lanes that disagree": ("best_of_n", f"__all_sync(AF_ALL_LANES, {LOWERED})", LOWERED),
    "an unstable place": ("common", "__popc(equal & below)", "__popc(equal & ~below) - 1"),
    "a missing wait of a warp": (
        "common",
        "            __syncwarp();\n            if (is_in && before == 0)",
        "            if (is_in && before == 0)",
    ),
    "a sum of tiles lost": ("common", "above += __shfl_sync", "above = __shfl_sync"),
    "a slice too short": ("common", "#define SORT_SLICE 2048", "#define SORT_SLICE 1024"),
    "weights that rise again": ("pools", "2.0 * (double)low < of[POOL_LANES - 1]", "0"),
    "a rest left out": ("pools", "if (last > 0) {", "if (0) {"),
    "a block of another group": ("pools", "start[g + half] <= at ?", "start[g + half] < at ?"),
    "a rank that weighs twice": (
        "pools",
        "for (int64_t i = size; i-- > 0;) {",
        "for (int64_t i = size - 1; i-- > 0;) {",
    ),
    "ties beyond a warp": ("pools", "equal == AF_ALL_LANES;)", "end == begin;)"),
    "a fused product of pools": ("pools", "-fmad=false", "-fmad=true"),
    "an outcome of no mass": ("laws", "begins || g == 0 ? g : g - 1", "g"),
    "a running sum that starts again": ("laws", "before = scaled_from(sum, AF_WARP - 1);", "before = sum;"),
    "a block of groups left out": ("laws", "block * LAW_BLOCK < row.groups;", "block < 1;"),
    "ties of a law beyond a warp": ("laws", "equal == AF_ALL_LANES;)", "end == first + where;)"),
    "a block of outcomes left out": ("outcomes", "block < blocks; ++block) total", "block < 1; ++block) total"),
    "a group that starts again": ("outcomes", "            sum += before;\n", ""),
    "a variance that there is none of": ("variances", "if (j >= usable) out", "if (0) out"),
    "a pool of another size": ("variances", "row[r] * width + (task - r * size)", "row[r] * size + (task - r * size)"),
    "a column of prompts left out": (
        "variances",
        "AF_EACH(j, columns)\n        prompt_columns",
        "AF_EACH(j, columns - 1)\n        prompt_columns",
    ),
    "a column of prompts too many": (
        "variances",
        "AF_EACH(j, columns)\n        prompt_columns",
        "AF_EACH(j, columns + 1)\n        prompt_columns",
    ),
    "prompts of another column": ("variances", "columns, x + j, group", "columns, x, group"),
    "a prompt that is not there": ("variances", "present[j] += here == here;", "present[j] += 1;"),
    "a fused product of prompts": ("variances", "-fmad=false", "-fmad=true"),
    "squares of one lane": ("variances", "af_warp_sum(squares)", "squares"),
    "all of as many as there are": ("variances", "all <= m - all ?", "1 ?"),
    "a tile in the frame of the one before": (
        "vocabulary",
        "letters_raised)(&before, whole.most);",
        "letters_raised)(&before, before.most);",
    ),
    "a warp of a vocabulary left out": (
        "vocabulary",
        "w < warps; ++w) {\n        whole",
        "w < warps - 1; ++w) {\n        whole",
    ),
    "the later of two letters at the top": (
        "vocabulary",
        "(uint64_t)other_id < (uint64_t)*id",
        "(uint64_t)other_id > (uint64_t)*id",
    ),
    "letters numbered from their tile": (
        "vocabulary",
        "token_logits)(rows, row);\n        double *own = sums",
        "token_logits)(rows, row); first_letter = 0;\n        double *own = sums",
    ),
    "a gradient of entropy without its mean": ("vocabulary", "of_entropy * (rest + entropy[row])", "of_entropy * rest"),
    "a law that one lane sums": ("aligned", "    AF_ROW_SUM(total);\n", ""),
    "uniforms of another replicate": ("outcomes", "(uint64_t)k, (uint64_t)i, word", "(uint64_t)i, (uint64_t)k, word"),
    "ties that nobody counts": ("ranking", "given.ties ? given.ties[k] : 0.0", "0.0"),
    "a covariate left out": ("ranking", "e < given.start[k + 1]; ++e", "e < given.start[k]; ++e"),
    "a tie parameter for an advantage": ("ranking", "i == n ? one : other", "i == n ? other : one"),
    "a side of the other sign": ("ranking", "entry[e] % 2 ? -one : one", "one"),
    "an item against itself": ("ranking", "entry[e] % 2 ? first[cell] : second[cell]", "first[cell]"),
    "cells beyond a warp": ("ranking", "e < start[i + 1]; e += AF_WARP", "e < start[i] + AF_WARP; e += AF_WARP"),
    "a ranking of another weight": ("ranking", "given.weight ? given.weight[r] : 1.0", "1.0"),
    "a choice that was none": ("ranking", "p - given.start[r] < given.depth[r]", "1"),
    "a place of another item": ("ranking", "sum += x[entry[e]];", "sum += x[e];"),
    "a block of cells left out": ("ranking", "block < blocks; ++block", "block < 1; ++block"),
    "bounds test of a block": (
        "information",
        "left < AF_RELATIVE_BLOCK ? left : AF_RELATIVE_BLOCK",
        "AF_RELATIVE_BLOCK",
    ),
    "wrong fold of a row": ("information", FOLD, WRONG_FOLD),
    "a sum that one lane has": (
        "information",
        "(total) += __shfl_sync(AF_ALL_LANES, af_warp_sum(af_part), 0)",
        "(total) += af_warp_sum(af_part)",
    ),
    "a row in another's place": ("information", "((double *)out)[at + low + i]", "((double *)out)[low + i]"),
    "a sample beside its reference": ("information", "[i * reference_step]", "[0]"),
    "a budget that is missed": ("information", "(missed <= AF_GOAL_TOLERANCE * goal)", "1"),
    "a fused product of tilts": ("information", "-fmad=false", "-fmad=true"),
    "a response beyond a warp": ("dynamics", "(af_lane() == (int)((i) % AF_WARP))", "(af_lane() == (int)(i))"),
    "lanes that do not wait": ("dynamics", "#define AF_MEET() __syncwarp()", "#define AF_MEET() ((void)0)"),
    "a matrix turned over": ("dynamics", "matrix[j * size + i], -policy[j]", "matrix[i * size + j], -policy[j]"),
    "memory of another trajectory": ("dynamics", "af_thread() / AF_WARP * own", "af_thread() / AF_WARP / 2 * own"),
    "the largest of one lane": ("dynamics", "((x) = af_warp_max(x))", "((void)0)"),
    "growth that every lane counts": ("dynamics", "#define AF_FIRST_LANE (af_lane() == 0)", "#define AF_FIRST_LANE 1"),
    "a fused product of rounds": ("dynamics", "-fmad=false", "-fmad=true"),
    "the matrix of another problem": ("policy", "P + row * P_step", "P"),
    "the strength of another problem": ("ipo", "beta[row * beta_step + point]", "beta[point]"),
    "the loss of another problem": ("ipo", "factor[row * factor_step + point]", "factor[point]"),
    "the scores of another problem": ("ipo", "x[task / size * x_step + task % size]", "x[task % size]"),
    "a tile of advantages lost": ("ipo", "            sum += part;", "            sum = part;"),
    "the advantages of another problem": ("ipo", "advantage + row * advantage_step", "advantage"),
    "the covariance of another problem": ("ipo", "x[row * x_step + task % width]", "x[task % width]"),
    "the rewards of another problem": ("policy", "reward + row * reward_step, out", "reward, out"),
    "the direction of another problem": ("policy", "direction + row * direction_step", "direction"),
    "a matrix too many": (
        "axioms",
        "AF_EACH(row, count) out[row] = policy_is_top",
        "AF_EACH(row, count + 1) out[row] = policy_is_top",
    ),
    "a mask without its end": (
        "axioms",
        "AF_EACH(task, count * size) out[task] = response",
        "AF_EACH(task, count * size - 1) out[task] = response",
    ),
    "a word of bits left out": ("axioms", "(size + 63) / 64;", "size / 64;"),
    "the axioms of another problem": (
        "axioms",
        "policy_axioms_f64(size, P + row * size * size",
        "policy_axioms_f64(size, P",
    ),
    "a place in too few bits": (
        "axioms",
        "smith + row * size",
        "smith + (int8_t)(32 * row * size) / 32",
    ),
    "the order of another problem": ("axioms", "tolerance, score + row * score_step", "tolerance, score"),
    "the top of another problem": ("axioms", "mask + row * mask_step", "mask"),
    "pairs of a tile counted twice": ("axioms", "first == second ? i : second", "second"),
    "a fused product of optima": ("policy", "-fmad=false", "-fmad=true"),
    "a word left out": ("best_of_n", "min(min(w.word[0], w.word[1])", "min(min(w.word[0], w.word[0])"),
}


def compiled(nvrtc, part, change, folder):
    """Return PTX of the kernels of `part`, a family or one of its parts, with a change of their text or flags."""
    (old, new), family = change, FAMILY.get(part, part)
    for path in build_cuda.sources(family):
        target = folder / path.relative_to(build_cuda.FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        for before, after in [*CUT.get(part, []), (old, new)]:
            text = text.replace(before, after)
        target.write_text(text, "utf-8")
    stubs = folder / "include" / "cuda_stub"
    stubs.mkdir(parents=True)
    for stub in (build_cuda.FOLDER / "include" / "cuda_stub").iterdir():
        (stubs / stub.name).write_text(stub.read_text("utf-8"), "utf-8")
    source = (folder / family / "cuda.cu").read_text("utf-8")
    options = [new] if old.startswith("-") else []
    return nvrtc.compile(source, build_cuda.PTX, options=options, folder=folder)


@pytest.fixture
def check(nvrtc, ptx_of, tmp_path, tmp_path_factory, monkeypatch):
    """Return a function that checks a part of a family with a change, on a stand-in where operations launch it."""

    def checked(part, change):
        code = compiled(nvrtc, part, change, tmp_path)
        if part not in LAUNCHED:
            CHECKS[part](ptx.module(code.decode()))
            return
        family = FAMILY.get(part, part)
        monkeypatch.setattr(images, "image", lambda name, _: (code if name == family else ptx_of[name]) + b"\0")
        made = stand_in.StandIn(tmp_path_factory.getbasetemp())
        try:
            CHECKS[part]()
        finally:
            made.close()

    return checked


@pytest.mark.parametrize("family", CHECKS)
def test_the_checks_are_green_without_a_fault(check, family):
    check(family, ("nothing of this", ""))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(check, fault):
    part, *change = FAULTS[fault]
    with pytest.raises((AssertionError, RuntimeError, ptx.UnknownInstructionError)):
        check(part, change)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_text_that_a_fault_changes_is_there(fault):
    part, old, _ = FAULTS[fault]
    sources = build_cuda.sources(FAMILY.get(part, part))
    assert old in build_cuda.FLAGS or any(old in path.read_text("utf-8") for path in sources)


# ---- of all kernels ----


# Of families that fuse where formulas say so: simulations and what has the bits of every processor.
UNFUSED = {
    *("fold_winners", "fold_short_winners", "word_tails", "exponent_tails"),
    *("gaussian_rewards", "uniform_rewards", "table_rewards"),
    *(
        "pool_judged_f32",
        "pool_judged_f64",
        "pool_totals",
        "pass_refused",
        "pool_dots",
        "pool_coefficients",
        "pool_interpolated",
        "pool_max_weights",
        "prompt_means",
    ),
}


@pytest.mark.parametrize("family", build_cuda.families())
def test_every_sum_and_product_has_its_own_rounding(ptx_of, family):
    """An assembler may fuse what says no rounding; simulations and pools by "u" fuse nothing at all."""
    text = ptx_of[family].decode()
    assert not re.findall(r"\b(?:add|sub|mul|fma|div|sqrt|rcp)\.(?:f32|f64|ftz|approx)", text)
    for name, kernel in re.findall(r"\.entry (\w+)(.*?\n\})", text, re.S):
        if family in ("random", "common") or name in UNFUSED:
            assert "fma." not in kernel
    if family == "best_of_n":
        kernel = text[text.index(".entry fold_winners") :]
        assert not re.search(r"\.f(32|64)\b", kernel[: kernel.index("\n}")])


# Of what takes long to compile one architecture, or none.
LONG = {"pairwise": (), "information": ("sm_90",), "policy": ("sm_90",)}
COMPILED = [(t, f) for f in build_cuda.families() for t in LONG.get(f, build_cuda.ARCHITECTURES)]


@pytest.mark.parametrize(("target", "family"), COMPILED)
def test_every_architecture_compiles(nvrtc, family, target):
    assert nvrtc.family(family, target)[:4] == b"\x7fELF"


@pytest.mark.skipif(shutil.which("ptxas") is None, reason="no ptxas: REGISTERS AND SPILLS ARE NOT TESTED")
@pytest.mark.parametrize("family", build_cuda.families())
def test_registers_and_spills(ptx_of, family, tmp_path):
    """At most 80 registers: three blocks of 256 threads on a multiprocessor, and next to nothing on the stack.

    Two blocks where a warp or thread runs the processor's text for a row, and what a lane keeps of a block of letters.
    """
    registers, stack, spilled = {
        "information": (128, 1536, 64),
        "dynamics": (128, 256, 16),
        "policy": (128, 16, 16),
    }.get(family, (80, 16, 16))
    file = tmp_path / "kernels.ptx"
    file.write_bytes(ptx_of[family].rstrip(b"\0"))
    command = ["ptxas", "-v", "-arch=sm_90", str(file), "-o", str(tmp_path / "kernels.cubin")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert max(map(int, re.findall(r"Used (\d+) registers", said))) <= registers
    assert max(map(int, re.findall(r"(\d+) bytes stack frame", said))) <= stack
    assert max(map(int, re.findall(r"(\d+) bytes spill stores", said))) <= spilled
