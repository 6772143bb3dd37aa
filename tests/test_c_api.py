"""The table of functions from C (af_api.h): the example of .ci/downstream compiled and imported, and another ABI."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.interop import scipy
from alignment_fast.kernels.common import cpu
from fresh import output_of

pytestmark = pytest.mark.same_everywhere

ROOT = Path(__file__).parents[1]
HEADER = Path(af.get_include()) / "alignment_fast" / "af_api.h"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the compiled module `use_api`."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    python = Path(sysconfig.get_path("include"))
    if compiler is None or not (python / "Python.h").exists():
        pytest.skip("no C compiler, or no headers of Python")
    path = tmp_path_factory.mktemp("use_api")
    target = path / ("use_api" + sysconfig.get_config_var("EXT_SUFFIX"))
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{python}", f"-I{af.get_include()}"]
    subprocess.run([*command, ROOT / ".ci/downstream/use_api.c", "-o", target], check=True)
    return path


def test_a_module_in_c_has_the_functions(folder):
    code = "import numpy as np, use_api; x = np.arange(5.0); out = np.empty(5); use_api.softmax(x, out)"
    code += "; print(out.tobytes().hex(), use_api.isa(), use_api.has_entropy())"
    expected = scipy.softmax(np.arange(5.0)).tobytes().hex()
    assert output_of(code, PYTHONPATH=str(folder)).split() == [expected, cpu.ISA, "True"]


def test_a_module_for_another_abi_is_an_import_error(folder):
    code = "from alignment_fast.kernels.special import cpu; del cpu.C_API_1"
    code += "\ntry:\n    import use_api\nexcept ImportError as error:\n    print(error)"
    assert "another ABI than C_API_1" in output_of(code, PYTHONPATH=str(folder))


def test_the_header_is_shipped_with_its_number():
    assert re.search(r"#define AF_API_ABI 1\n", HEADER.read_text("utf-8"))


def test_declarations_for_cython_are_shipped_beside_the_kernels():
    assert (Path(cpu.__file__).parent / "api.pxd").exists()
