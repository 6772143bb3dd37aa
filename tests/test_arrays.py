"""Array arguments, parameter grids and the wording of errors: alignment_fast/_border."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from alignment_fast import errors
from alignment_fast._border import arrays, status
from alignment_fast.kernels.common import status as words


class Foreign:
    """An array of another library on the CPU: DLPack in, and a namespace that takes DLPack back."""

    def __init__(self, array, device=(1, 0)):
        self.array, self.device = array, device

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device

    def __array_namespace__(self):
        return ForeignNamespace


class ForeignNamespace:
    @staticmethod
    def from_dlpack(array):
        return Foreign(np.from_dlpack(array))


class Cuda:
    __cuda_array_interface__ = {"shape": (1,), "typestr": "<f8", "data": (0, False), "version": 3}  # noqa: RUF012


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.ones(2, np.float32), np.float32),
        (np.ones(2, np.float64), np.float64),
        (np.ones(2, np.float16), np.float32),
        (np.ones(2, ">f4"), np.float32),
        (np.ones(2, np.longdouble), np.float64),
        (np.ones(2, np.int8), np.float64),
        (np.ones(2, bool), np.float64),
        ([1, 2], np.float64),
        (3, np.float64),
        (np.float32(3), np.float32),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_dtypes(value, dtype):
    array = arrays.as_floating(value, "x")
    assert array.dtype == np.dtype(dtype)
    assert array.dtype.isnative
    assert array.shape == np.shape(value)
    np.testing.assert_array_equal(array, np.asarray(value, dtype=dtype))


def test_contiguous_arrays_are_not_copied():
    array = np.ones((3, 4))
    assert np.shares_memory(arrays.as_floating(array, "x"), array)


@pytest.mark.parametrize("view", [np.ones((4, 6))[::2, ::3], np.ones((4, 6)).T, np.arange(5.0)[::-1]])
def test_other_layouts_become_contiguous(view):
    array = arrays.as_floating(view, "x")
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, view)


def test_log_probabilities_must_be_floating():
    with pytest.raises(TypeError, match=r"p must be floating-point \(log-probabilities\), not int64"):
        arrays.as_floating(np.array([1, 2]), "p", floating_only=True)


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([1j]), np.array([object()])])
def test_what_is_not_real_is_refused(value):
    with pytest.raises(TypeError, match="x must be an array of real numbers"):
        arrays.as_floating(value, "x")


def test_masked_arrays_are_refused_because_their_masks_would_be_lost():
    with pytest.raises(TypeError, match="x is a masked array"):
        arrays.as_floating(np.ma.array([1.0, 2.0], mask=[False, True]), "x")


@pytest.mark.parametrize("read", [arrays.as_floating, arrays.as_parameter])
def test_ragged_lists_are_refused_by_name(read):
    with pytest.raises(ValueError, match=r"x is not an array: .*inhomogeneous"):
        read([[1.0, 2.0], [3.0]], "x")


@pytest.mark.parametrize("value", [10**30, Fraction(7, 2), Decimal("3.5"), [1, 2.5], np.float16(3), True])
def test_parameters_are_any_real_numbers(value):
    array = arrays.as_parameter(value, "n")
    assert array.dtype == np.float64
    assert array.tolist() == (value if isinstance(value, list) else float(value))


@pytest.mark.parametrize("value", ["3", 1j, np.array([1j]), object()])
def test_parameters_that_are_not_real_are_refused_by_name(value):
    with pytest.raises(TypeError, match="n must be real numbers"):
        arrays.as_parameter(value, "n")


def test_parameters_beyond_the_range_of_a_float_are_refused_by_name():
    with pytest.raises(ValueError, match="n does not fit into a float64"):
        arrays.as_parameter(10**400, "n")


def test_libraries_are_told_by_their_type():
    assert arrays.library_of(np.ones(1)) == "numpy"
    assert arrays.library_of(np.float32(1)) == "numpy"
    assert arrays.library_of([1.0]) == "builtins"


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_results_take_the_kind_of_their_model(shape):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    back = arrays.like(array, Foreign(array))
    assert isinstance(back, Foreign)
    assert back.array.shape == shape
    np.testing.assert_array_equal(back.array, array)
    for model in (np.ones(1), [1.0], 2.0):
        assert arrays.like(array, model) is array


def test_foreign_arrays_are_read_in_place():
    array = np.arange(4.0)
    assert np.shares_memory(arrays.as_floating(Foreign(array), "x"), array)


def test_devices():
    assert arrays.device_of(np.ones(1)) == arrays.device_of([1]) == arrays.device_of(Foreign(np.ones(1))) == "cpu"
    assert arrays.device_of(Cuda()) == arrays.device_of(Foreign(np.ones(1), (2, 0))) == "cuda"
    with pytest.raises(errors.BackendUnavailableError, match="DLPack device type 7"):
        arrays.device_of(Foreign(np.ones(1), (7, 0)))


def test_devices_do_not_mix():
    assert arrays.common_device(p=None, reward=np.ones(1)) == "cpu"
    assert arrays.common_device(p=None) == "cpu"
    with pytest.raises(ValueError, match="different devices: p on cuda, reward on cpu"):
        arrays.common_device(p=Cuda(), reward=np.ones(1))


def test_a_cuda_array_given_to_a_cpu_function_says_so():
    with pytest.raises(errors.BackendUnavailableError, match="x is a CUDA array"):
        arrays.as_floating(Foreign(np.ones(1), (2, 0)), "x")


@pytest.mark.parametrize(
    ("value", "leading", "shape", "values"),
    [
        (2.0, (), (), (1,)),
        (2.0, (3, 4), (3, 4), (1,)),
        ([2.0, 3.0], (), (2,), (2,)),
        ([2.0, 3.0], (3, 4), (3, 4, 2), (2,)),
        (np.ones((3, 1)), (3,), (3, 1), (3, 1)),
        (np.ones((3, 5)), (), (3, 5), (3, 5)),
        (np.ones((3, 1, 5)), (4,), (3, 4, 5), (3, 4, 5)),
        (np.ones(0), (3,), (3, 0), (0,)),
    ],
)
def test_grids(value, leading, shape, values):
    grid = arrays.parameter_grid(value, leading, "n")
    assert grid.shape == shape
    assert grid.values.shape == values
    assert grid.values.flags.c_contiguous
    assert grid.rows().shape == (grid.values.size // values[-1] if values[-1] else 1, values[-1])
    assert grid.values.dtype == np.float64
    assert grid.leading == (shape[:-1] if np.ndim(value) else shape)


def test_grids_that_do_not_broadcast():
    with pytest.raises(ValueError, match=r"n of shape \(2, 5\) does not broadcast against the leading axes \(3,\)"):
        arrays.parameter_grid(np.ones((2, 5)), (3,), "n")


@pytest.mark.parametrize(
    ("flat", "shape", "index", "text"),
    [(0, (), (), ""), (3, (5,), 3, "[3]"), (7, (2, 4), (1, 3), "[1, 3]"), (23, (2, 3, 4), (1, 2, 3), "[1, 2, 3]")],
)
def test_positions(flat, shape, index, text):
    assert status.unravel(flat, shape) == index
    assert status.place(flat, shape) == text


@pytest.mark.parametrize(
    ("position", "code", "shape", "message"),
    [
        (1, words.NEGATIVE, (3,), r"^p\[1\] = 1.0 is negative$"),
        (5, words.NOT_A_NUMBER, (2, 3), r"^p\[1, 2\] = 5.0 is NaN$"),
        (0, words.ALL_ZERO, (3,), r"^p has no positive mass$"),
        (3, words.ALL_ZERO, (2, 3), r"^p in row 1 has no positive mass$"),
        (9, words.ALL_ZERO, (2, 2, 3), r"^p in row \(1, 1\) has no positive mass$"),
    ],
)
def test_status_words_become_messages(position, code, shape, message):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    with pytest.raises(ValueError, match=message):
        status.check_status(position << 3 | code, "p", array)


def test_a_good_status_word_raises_nothing():
    status.check_status(words.OK, "p", np.ones(1))


def test_a_missing_backend_is_an_import_error():
    assert issubclass(errors.BackendUnavailableError, ImportError)
