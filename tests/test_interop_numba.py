"""The package inside users' compiled code: bits of the kernels, cached, in parallel; ImportError for another ABI."""

import re
from pathlib import Path

import numba
import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.interop import numba as fast
from alignment_fast.interop import numba_extension, scipy
from alignment_fast.kernels.common import cpu
from alignment_fast.kernels.common import scalar as twins
from alignment_fast.kernels.special import cpu as special_cpu
from alignment_fast.kernels.special import jit
from fresh import output_of

pytestmark = pytest.mark.same_everywhere

ROOT = Path(__file__).parents[1]
ELEMENTWISE = jit.ELEMENTWISE
DTYPES = ("float64", "float32")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_name = pytest.mark.parametrize("name", ELEMENTWISE)
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module", autouse=True)
def registered():
    fast.register()


def compiled(name, module=fast):
    """Return user code that calls a function of one argument."""
    function = getattr(module, name)
    return numba.njit(lambda x: function(x))


def domain(name, dtype, size=1000):
    low, high = {"log": (0, 9), "log1p": (-0.9, 9), "log1mexp": (0, 9), "normal_ppf": (0, 1), "normal_isf": (0, 1)}.get(
        name, (-9, 9)
    )
    return RANDOM.uniform(low, high, size).astype(dtype)


def kernel(name, x):
    out = np.empty(x.size, x.dtype)
    getattr(cpu, name)(np.ascontiguousarray(x).reshape(-1), out)
    return out.reshape(x.shape)


# ---- elementwise ----


@each_dtype
@each_name
def test_arrays_have_the_bits_of_the_kernels(name, dtype):
    x, f = domain(name, dtype), compiled(name)
    table = x.reshape(10, 100)
    others = [table, x[::-3], np.asfortranarray(table)] if name == "exp" else []  # each is compiled for half a second
    for array in (x, x[:0], *others):
        found = f(array)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, kernel(name, array))
    np.testing.assert_array_equal(getattr(fast, name)(x), kernel(name, x))


@each_dtype
@each_name
def test_numbers_have_the_bits_of_the_twins(name, dtype):
    """Twins are the baseline: no product is fused."""
    twin, f = twins.numpy_functions(dtype)[name], compiled(name)
    for value in domain(name, dtype, 20):
        assert f(value) == twin(value)
    assert isinstance(getattr(fast, name)(0.5), np.float64)


@each_name
def test_integers_are_float64(name):
    np.testing.assert_array_equal(compiled(name)(np.arange(1, 5)), kernel(name, np.arange(1.0, 5.0)))


def test_results_are_written_where_they_are_wanted():
    write = numba.njit(lambda x, out: fast.softplus(x, out=out))
    x, out = RANDOM.normal(size=10), np.empty(10)
    for function in (write, fast.softplus):
        function(x, out)
        np.testing.assert_array_equal(out, kernel("softplus", x))
        with pytest.raises(ValueError, match="out"):
            function(x, np.empty(9))
    same = x.copy()
    write(same, same)
    np.testing.assert_array_equal(same, out)


def test_loops_over_numbers_run_in_parallel():
    @numba.njit(parallel=True)
    def total(x):
        sums = np.zeros(len(x))
        for i in numba.prange(len(x)):
            sums[i] = fast.log1p(x[i]).sum() + fast.exp(-x[i, 0])
        return sums

    x = RANDOM.random((50, 30))
    np.testing.assert_allclose(total(x), np.log1p(x).sum(axis=1) + np.exp(-x[:, 0]), rtol=1e-14)


def test_what_has_no_meaning_is_refused_when_it_is_compiled():
    with pytest.raises(numba.TypingError):
        compiled("exp")(1j)
    with pytest.raises(numba.TypingError):
        compiled("entropy", af.information)(np.ones((2, 2)))


# ---- rows ----


@each_dtype
@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_sums_of_exponentials_have_the_bits_of_the_front_end(name, dtype):
    x, f = RANDOM.normal(size=100).astype(dtype), compiled(name, scipy)
    for row in (x, x[::-7], x[:1]):
        np.testing.assert_array_equal(f(row), getattr(scipy, name)(row))
        assert name == "logsumexp" or f(row).dtype == dtype  # a number leaves compiled code as a float
    if name == "logsumexp":
        assert f(x[:0]) == -np.inf
    else:
        with pytest.raises(ValueError, match="x is empty"):
            f(x[:0])


def test_entropies_and_divergences_are_those_of_the_package():
    information = af.information
    p, q = RANDOM.random((2, 30))
    assert compiled("entropy", information)(p) == information.entropy(p)
    kl = numba.njit(lambda p, q: information.kl_divergence(p, q) + information.cross_entropy(p, q, normalize_q=False))
    expected = information.kl_divergence(p, q) + information.cross_entropy(p, q, normalize_q=False)
    assert kl(p, q) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("p", [[-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], []])
def test_what_is_no_distribution_raises_in_compiled_code(p):
    information = af.information
    with pytest.raises(ValueError, match="negative value"):
        compiled("entropy", information)(np.array(p))
    with pytest.raises(ValueError, match=r"different lengths|negative value"):
        numba.njit(lambda p, q: information.kl_divergence(p, q))(np.array(p), np.array([0.5, 0.5]))


# ---- processes ----

PROGRAM = """
import numba

import alignment_fast as af
from alignment_fast.interop import numba as fast
from alignment_fast.interop import scipy


@numba.njit(cache=True, parallel=True)
def f(x):
    total = 0.0
    for i in numba.prange(4):
        total += scipy.logsumexp(x) + af.information.entropy(fast.exp(x)) + fast.softplus(x[i])
    return total


@numba.njit(cache=True)
def g(x):
    return scipy.logsumexp(x)
"""
CALL = "import numpy as np, program; program.g(np.arange(4.0)); print(program.f(np.arange(4.0)), "
CALL += "sum(program.f.stats.cache_hits.values()))"
REGISTER = "from alignment_fast.interop import numba as fast; fast.register()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a program whose compiled code is cached there."""
    path = tmp_path_factory.mktemp("cached")
    (path / "program.py").write_text(PROGRAM, "utf-8")
    value, hits = output_of(f"{REGISTER}; {CALL}", PYTHONPATH=str(path)).split()
    assert hits == "0"
    return path, value


def test_cached_code_runs_in_a_process_that_registered_nothing(folder):
    path, value = folder
    assert output_of(CALL, PYTHONPATH=str(path)).split() == [value, "1"]


def test_cached_code_raises_import_error_for_another_abi(folder):
    path, _ = folder
    code = "from alignment_fast.kernels.special import cpu; del cpu.C_API_1; import numpy as np, program"
    code += "\ntry:\n    program.g(np.arange(4.0))\nexcept ImportError as error:\n    print(error)"
    assert output_of(code, PYTHONPATH=str(path)) == jit.ANOTHER_ABI


STARTED = "from alignment_fast.interop import numba_extension; numba_extension.init()"
USE = "import numba, numpy as np; print(numba.njit(lambda p: information.entropy(p))(np.array([0.5, 0.5])))"


@pytest.mark.parametrize(
    "code",
    [
        f"{STARTED}; from alignment_fast import information; {USE}",
        f"from alignment_fast import information; {STARTED}; {USE}",
    ],
    ids=["before", "after"],
)
def test_numba_may_start_before_or_after_the_package(code):
    assert output_of(code) == "0.6931471805599453"


def test_programs_that_use_numba_alone_load_no_kernel():
    code = f"import sys; {STARTED}; print([name for name in sys.modules if name.startswith('alignment_fast.kernels')])"
    assert output_of(code) == "[]"


def test_the_entry_point_is_stated():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'[project.entry-points.numba_extensions]\ninit = "{numba_extension.__name__}:init"' in text


# ---- the table ----


def test_members_stand_in_the_order_of_the_header():
    header = (ROOT / "kernels/include/alignment_fast/af_api.h").read_text("utf-8")
    structure = header[header.index("typedef struct") : header.index("} af_api;")]
    assert tuple(re.findall(r"\(\*(\w+)\)\(", structure)) == jit.MEMBERS
    declared = (ROOT / "kernels/common/api.pxd").read_text("utf-8")
    assert tuple(re.findall(r"\(\*(\w+)\)\(", declared)) == jit.MEMBERS


def test_the_capsule_is_named_by_its_abi():
    header = (ROOT / "kernels/include/alignment_fast/af_api.h").read_text("utf-8")
    (abi,) = re.findall(r"#define AF_API_ABI (\d+)", header)
    assert f'AF_API_CAPSULE "{jit.CAPSULE}"' in header
    assert f"C_API_{abi}" == jit.CAPSULE
    assert f'"{jit.MODULE}.{jit.CAPSULE}"' in repr(special_cpu.C_API_1)
