"""Arrays on a CUDA device: every public function names the argument that it has no CUDA version for."""

import inspect
import re
import types

import numpy as np
import pytest
from each import grouped
from test_arrays import Foreign
from test_device_table import DECLARED
from test_short_path import CALLS, assert_same_bits, bound

from alignment_fast import best_of_n, pairwise, random
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.kernels.common import driver

pytestmark = pytest.mark.same_everywhere


class CudaInterface:
    """An array of a library such as CuPy or numba, whose memory nobody here may read."""

    def __init__(self, array):
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    @property
    def __cuda_array_interface__(self):
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (0, True), "version": 3}

    def __len__(self):
        return self.shape[0]

    def __array__(self, *_arguments, **_options):
        raise AssertionError("memory of a device was read")


class CudaTensor(CudaInterface):
    """An array of a library such as torch or JAX."""

    __cuda_array_interface__ = property()  # there is none

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **_options):
        raise AssertionError("memory of a device was read")


def own_arrays(call):
    """Return the array arguments of a call, without those that an object is made from."""
    arguments = (*call.arguments[call.constructed :], *call.options.values())
    return [value for value in arguments if isinstance(value, np.ndarray)]


# What has a CUDA version, and would read these arrays.
ON_CUDA = {name for name, (answer, _) in DECLARED.items() if answer == "yes"} | {"pairwise.batch_kl"}
# A call of every other function of arrays.
TAKERS = {call.name: call for call in CALLS if own_arrays(call) and not call.wraps and call.name not in ON_CUDA}


@pytest.mark.parametrize("kind", [CudaInterface, CudaTensor])
@pytest.mark.parametrize("name", TAKERS)
def test_every_function_names_the_array_it_has_no_cuda_version_for(name, kind):
    function, positional, options = bound(TAKERS[name])

    def moved(value):
        return kind(value) if isinstance(value, np.ndarray) else value

    given = inspect.signature(function).bind(
        *map(moved, positional), **{key: moved(value) for key, value in options.items()}
    )
    on_device = [key for key, value in given.arguments.items() if isinstance(value, kind)]
    with pytest.raises(BackendUnavailableError, match="CUDA") as caught:
        function(*given.args, **given.kwargs)
    assert any(f"{key} " in str(caught.value) for key in on_device), caught.value


def own_numbers(call):
    """Return {argument: number} of a call, of its object's too where it has no arrays."""
    function, positional, options = bound(call)
    given = inspect.signature(function).bind(*positional, **options).arguments
    return {
        name: value for name, value in given.items() if np.asarray(value).dtype.kind in "iuf" and np.ndim(value) == 0
    }


NUMBERS_OF_CALLS = {(call.name, name): call for call in CALLS for name in own_numbers(call)}


@grouped(
    (function, f"{argument}, {kind.__name__}", (function, argument, kind))
    for function, argument in NUMBERS_OF_CALLS
    for kind in (CudaInterface, CudaTensor, Foreign, np.asarray)
)
def test_a_number_in_an_array_without_axes_is_read_or_refused_by_the_name_of_its_argument(function, argument, kind):
    taken, positional, options = bound(NUMBERS_OF_CALLS[function, argument])
    given = inspect.signature(taken).bind(*positional, **options)
    expected = taken(*given.args, **given.kwargs)
    given.arguments[argument] = kind(np.asarray(given.arguments[argument]))
    try:
        found = taken(*given.args, **given.kwargs)
    except (TypeError, ValueError, BackendUnavailableError) as error:
        assert re.search(rf"\b{argument}\b", str(error)), error  # noqa: PT017
        return
    assert issubclass(kind, Foreign) if isinstance(kind, type) else kind is np.asarray
    if kind is np.asarray:
        assert_same_bits(found, expected)


SCORES, NUMBERS = np.array([[0.5, -1.0, 0.25], [1.0, 0.0, 2.0]]), np.array([1.5, 2.0, 30.0])


@pytest.mark.parametrize(
    ("call", "array"),
    [
        *((getattr(best_of_n.continuous, form), NUMBERS) for form in ("kl", "reverse_kl", "chi2", "tv", "win_rate")),
        (lambda n: best_of_n.continuous.gaussian_reward(n).variance, NUMBERS),
        (lambda scores: best_of_n.curve(scores).mean, SCORES),
        (lambda scores: best_of_n.curve(scores, 2, variance="jackknife").standard_error, SCORES),
        (lambda mean: best_of_n.mean_over_prompts(best_of_n.Curve(np.arange(3), mean)).standard_error, SCORES),
        (lambda total: best_of_n.pass_at_k(total, 2, 3), np.array([5, 9])),
    ],
)
def test_results_are_arrays_of_the_library_that_the_arguments_are_of(call, array):
    found = call(Foreign(array))
    assert isinstance(found, Foreign)
    np.testing.assert_array_equal(found.array, call(array))


@pytest.mark.parametrize("pointer", [4096, 0])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda c: pairwise.preference_loss(c, c, c, c), "policy_chosen"),
        (lambda c: pairwise.unpaired_loss(c, c, c, kl=0.0), "policy"),
        (lambda c: pairwise.sequence_logprobs(c, c), "logits"),
        (lambda c: pairwise.sequence_logprobs_grad(c, c, c), "logits"),
        (lambda c: best_of_n.Table(c, c), "p"),
        (lambda c: random.Stream(1).uniform(3, out=c), "out"),
    ],
)
def test_without_a_driver_the_array_that_needs_one_is_named(call, name, pointer, monkeypatch):
    driver.close()  # what other tests stood in for it
    monkeypatch.setattr("alignment_fast._operations._loaded", {})
    if driver.device_count():
        pytest.skip("there is a device")
    array = types.SimpleNamespace(
        shape=(3,),
        dtype=np.dtype("f8"),
        __cuda_array_interface__={"shape": (3,), "typestr": "<f8", "data": (pointer, False), "version": 3},
    )
    with pytest.raises(BackendUnavailableError, match=f"^{name} is a CUDA array") as caught:
        call(array)
    assert "needs a CUDA device: " in str(caught.value)
