"""Means of curves over prompts on CUDA: the CPU's bits and the formula, whatever the launch; what is refused."""

import numpy as np
import pytest

from alignment_fast.best_of_n import Curve, curve, mean_over_prompts
from alignment_fast.kernels.common import streams

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

FIELDS = "mean", "standard_error", "prompts"


def curves(prompts, points, dtype="float64"):
    """Means of which some are not there, one column with a single prompt and one with none."""
    rng = np.random.default_rng(prompts)
    mean = rng.normal(size=(prompts, points)) * 10.0 ** rng.integers(-3, 4, points)
    mean[rng.random(mean.shape) < 0.2] = np.nan
    mean[1:, -1] = mean[:, 0] = np.nan
    return mean.astype(dtype)


def by_formula(x, clusters):
    """Mean and standard error of one column, with a sum over clusters."""
    there = ~np.isnan(x)
    x, of = x[there], np.asarray(clusters)[there]
    names = np.unique(of)
    sums = np.array([(x[of == name] - x.mean()).sum() for name in names])
    return x.mean(), np.sqrt(len(names) / (len(names) - 1) * (sums**2).sum()) / len(x)


def assert_same(found, expected):
    for name in FIELDS:
        mine, wanted = getattr(found, name), np.asarray(getattr(expected, name))
        assert isinstance(mine, streams.DeviceArray)
        assert (mine.dtype, mine.shape) == (wanted.dtype, wanted.shape), name
        np.testing.assert_array_equal(mine.numpy(), wanted, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("prompts", "points"), [(1, 1), (7, 3), (60, 300)])
def test_means_over_prompts_have_the_bits_of_the_cpu(cuda, prompts, points, dtype):
    mean = curves(prompts, points, dtype)
    for clusters in (None, np.arange(prompts) // 3, np.array(["a", "b"])[np.arange(prompts) % 2]):
        expected = mean_over_prompts(Curve(np.arange(points), mean), clusters=clusters)
        assert_same(mean_over_prompts(Curve(np.arange(points), cuda.array(mean)), clusters=clusters), expected)


def test_means_over_prompts_are_those_of_the_formula(cuda):
    mean, clusters = curves(40, 6), np.arange(40) % 11
    for labels in (np.arange(40), clusters):
        found = mean_over_prompts(Curve(np.arange(6), cuda.array(mean)), clusters=labels)
        for column in range(1, 5):
            expected = by_formula(mean[:, column], labels)
            one = [getattr(found, name).numpy()[column] for name in FIELDS[:2]]
            assert one == pytest.approx(expected, rel=1e-13, abs=0)
    assert found.prompts.numpy().tolist() == (~np.isnan(mean)).sum(axis=0).tolist()


def test_axes_of_prompts_and_a_single_n(cuda):
    mean = np.random.default_rng(0).normal(size=(3, 4))
    expected = mean_over_prompts(Curve(2, mean))
    assert expected.mean.shape == ()
    assert_same(mean_over_prompts(Curve(2, cuda.array(mean))), expected)
    assert_same(
        mean_over_prompts(Curve(np.arange(4), cuda.array(mean.reshape(1, 3, 4)))),
        mean_over_prompts(Curve(np.arange(4), mean.reshape(1, 3, 4))),
    )


def test_curves_of_the_device_go_on_there(cuda):
    scores = np.random.default_rng(1).normal(size=(5, 20))
    cuda.forget()
    found = mean_over_prompts(curve(cuda.array(scores, stream=9)))
    assert {stream for name, stream in cuda.calls() if not name.startswith("cu")} == {9}
    np.testing.assert_allclose(found.mean.numpy(), mean_over_prompts(curve(scores)).mean, rtol=1e-13)


@pytest.mark.parametrize("launch", [(1, 32, 0), (3, 96, 1)])
def test_the_launch_does_not_show(cuda, shaped, launch):
    given = Curve(np.arange(500), cuda.array(curves(30, 500)))

    def results():
        found = [mean_over_prompts(given, clusters=labels) for labels in (None, np.arange(30) % 4)]
        return [getattr(one, name).numpy().tobytes() for one in found for name in FIELDS]

    expected = results()
    shaped(*launch)
    assert results() == expected


def test_what_is_refused(cuda):
    whole = Curve(np.arange(3), cuda.array(np.zeros((2, 3), np.int64)))
    with pytest.raises(TypeError, match=r"^curves must be float32 or float64 on a CUDA device, not int64"):
        mean_over_prompts(whole)
    given = Curve(np.arange(3), cuda.array(np.zeros((2, 3))))
    with pytest.raises(ValueError, match=r"^clusters of shape \(3,\) and prompts of shape \(2,\) differ"):
        mean_over_prompts(given, clusters=[1, 2, 3])
    with pytest.raises(ValueError, match=r"^curves have no axis of prompts"):
        mean_over_prompts(Curve(np.arange(3), cuda.array(np.zeros(3))))
