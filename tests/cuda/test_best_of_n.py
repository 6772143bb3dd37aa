"""The best draws and their rewards on CUDA: the bits of the processor, for any cut into tasks and any launch."""

import mpmath as mp
import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.best_of_n import Gaussian, Quantile, Sampler, Table, Uniform, simulate
from alignment_fast.kernels.best_of_n import simulation

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]


def stream_keys(*keys):
    from alignment_fast.kernels.best_of_n.cuda import stream_keys

    return stream_keys(*keys)


def folded(module, keys, start, stop, replicate, winner, *, length=1 << 13, grid=3, block=64, order=0):
    """Return what the kernel for many draws makes of `winner`."""
    pieces = -(-((stop - 1) // 4 + 1 - start // 4) // length)
    numbers = np.array([start, stop, replicate, length, pieces, winner.size], np.uint64)
    found = winner.copy()
    module.launch("fold_winners", grid, block, stream_keys(*keys), *numbers, found, order=order)
    return found


def folded_short(module, keys, start, stop, replicate, winner, *, grid=2, block=32, order=0):
    found = winner.copy()
    numbers = np.array([start, stop, replicate, winner.size], np.uint64)
    module.launch("fold_short_winners", grid, block, stream_keys(*keys), *numbers, found, order=order)
    return found


def by_definition(keys, start, stop, replicate, replicates):
    """The smallest 64-bit words, from the published words of the two streams."""
    from alignment_fast.random import Stream

    high, low = (
        Stream.from_key(key).uint32((replicates, stop - start), replicate=replicate, draw=start) for key in keys
    )
    return (high.astype(np.uint64) << np.uint64(32) | low).min(axis=1)


RANGES = [(0, 1), (0, 3), (1, 2), (3, 9), (2, 4100), (0, 40000), (2**34 - 6, 2**34 + 700), (2**50 + 3, 2**50 + 999)]


@pytest.mark.parametrize(("start", "stop"), RANGES)
@pytest.mark.parametrize("fold", [folded, folded_short])
def test_the_kernels_find_the_smallest_word(kernels_of, fold, start, stop):
    keys, replicate = (0xFEDCBA9876543210, 5), 2**32 - 2
    none = np.full(4, simulation.NO_WINNER)
    expected = by_definition(keys, start, stop, replicate, 4)
    assert (fold(kernels_of("best_of_n"), keys, start, stop, replicate, none) == expected).all()
    lower = expected // np.uint64(2)
    assert (fold(kernels_of("best_of_n"), keys, start, stop, replicate, lower) == lower).all()


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("length", [1, 32, 100, 1 << 13])
def test_the_cut_into_tasks_does_not_show(kernels_of, length, order):
    none = np.full(3, simulation.NO_WINNER)
    expected = by_definition((1, 2), 5, 9001, 7, 3)
    for grid, block in [(1, 32), (2, 96)]:
        found = folded(
            kernels_of("best_of_n"), (1, 2), 5, 9001, 7, none, length=length, grid=grid, block=block, order=order
        )
        assert (found == expected).all()


@pytest.mark.parametrize("length", [8, 32, 512])
def test_low_words_decide_between_equal_high_words(kernels_of, length):
    """Under seed 0, draws 970 and 1192 of replicate 22470 share the smallest high word of the first 2048."""
    from alignment_fast._border.rng import stream_key

    keys, none = (stream_key(0, 0), stream_key(0, 1)), np.full(1, simulation.NO_WINNER)
    expected = simulation.winners(keys, 22470, 1, [2048])[0]
    assert (folded(kernels_of("best_of_n"), keys, 0, 2048, 22470, none, length=length) == expected).all()
    assert (folded_short(kernels_of("best_of_n"), keys, 0, 2048, 22470, none) == expected).all()


SOURCES = {
    "gaussian": Gaussian(1.0, 2.0),
    "uniform": Uniform(),
    "table": Table([1, 2, 3, 0], [3, 2, 1, 9]),
    "quantile": Quantile(isf=lambda tail: -np.log(tail)),
}


@pytest.mark.parametrize("method", ["brute", "order"])
@pytest.mark.parametrize("source", SOURCES)
def test_simulations_have_the_bits_of_the_processor(cuda, source, method):
    options = {"seed": 1, "method": method, "replicate": 5, "return_maxima": True, "batch": 4096}
    host, device = (simulate(SOURCES[source], [1, 9, 30], 5000, device=where, **options) for where in ("cpu", "cuda"))
    assert (host.values == device.values).all()
    assert host.moments.to_array().tobytes() == device.moments.to_array().tobytes()
    assert host.draws == device.draws


def test_a_table_on_a_device_is_simulated_there(cuda):
    p, reward = cuda.array([0.5, 0.25, 0.25]), cuda.array([1.0, 2.0, 3.0])
    found = simulate(Table(p, reward), 4, 100, seed=3)
    assert ("fold_winners", 1) in cuda.calls()
    assert found.mean == simulate(Table(p.numpy(), reward.numpy()), 4, 100, seed=3).mean


def test_a_sampler_has_no_cuda_version(cuda):
    with pytest.raises(af.BackendUnavailableError, match="a Sampler has no CUDA version"):
        simulate(Sampler(max, 2), 2, 10, seed=1, device="cuda")


@pytest.mark.parametrize("scale", [1e-300, 1e-16, 1e-3, 0.5, 1.0, 37.0])
def test_exponent_tail_is_accurate_to_10_ulp(kernels_of, scale):
    exponent = scale * np.linspace(0.5, 1.0, 200)
    tail = np.empty(exponent.size)
    numbers = np.zeros(3, np.uint64)
    kernels_of("best_of_n").launch("exponent_tails", 2, 64, *numbers, np.zeros(1)[0], np.int64(200), exponent, tail)
    for x, value in zip(exponent, tail, strict=True):
        assert abs(value + mp.expm1(-mp.mpf(float(x)))) <= 10 * np.spacing(float(value))
