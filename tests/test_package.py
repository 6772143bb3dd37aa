"""The package as installed: what an import costs and loads, what is shipped, what the compiled modules contain."""

import importlib
import importlib.metadata
import math
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import alignment_fast as af
from alignment_fast import kernels
from alignment_fast.kernels.common import cpu
from fresh import output_of, run_python

KERNELS = Path(kernels.__file__).parent
FAMILIES = sorted(path.parent.name for path in KERNELS.glob("*/cpu*") if path.suffix in {".so", ".pyd"})
HEAVY = "numba", "llvmlite", "numpy", "scipy", "torch", "jax", "cupy", "cuda", "pyarrow", "matplotlib", "typer", "rich"


def loaded_by(statement):
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    return set(output_of(code).split())


def compiled(family):
    return importlib.import_module(f"alignment_fast.kernels.{family}.cpu")


# ---- import ----


def test_import_loads_one_module():
    assert loaded_by("import alignment_fast") - loaded_by("import importlib") == {"alignment_fast"}


def test_using_an_exact_law_loads_no_optional_library():
    loaded = loaded_by("import alignment_fast as af; af.best_of_n.BestOfN([0.5, 0.5], [0.0, 1.0]).kl(4)")
    assert not loaded & (set(HEAVY) - {"numpy"})


def test_every_exported_name_exists():
    for name in af.__all__:
        assert getattr(af, name) is not None
    assert set(af.__all__) <= set(dir(af))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'best_of_m'"):
        _ = af.best_of_m


def test_subnormals_survive_the_import():
    """A library linked with -ffast-math flushes them to zero in the whole process."""
    modules = ", ".join(f"alignment_fast.kernels.{family}.cpu" for family in FAMILIES)
    assert output_of(f"import {modules}; x = float('1e-310'); print(x * 1.0 != 0.0)") == "True"


def test_the_source_folder_says_that_it_is_not_installed(tmp_path):
    """Python started in a checkout finds the source folder first, and there is no alignment_fast.kernels in it."""
    shutil.copytree(Path(af.__file__).parent, tmp_path / "alignment_fast", ignore=shutil.ignore_patterns("kernels"))
    hide = "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]; "
    code = hide + f"sys.path.insert(0, {str(tmp_path)!r}); import alignment_fast; alignment_fast.get_num_threads()"
    assert "ImportError: alignment_fast was imported from its source folder" in run_python(code).stderr


# ---- errors about the environment ----


@pytest.mark.parametrize("name", ["avx3", "AVX2", "none"])
def test_an_unknown_instruction_set_is_an_error(name):
    process = run_python("import alignment_fast.kernels.common.cpu", ALIGNMENT_FAST_ISA=name)
    assert f"ValueError: ALIGNMENT_FAST_ISA={name!r} is not one of baseline, avx2, avx512" in process.stderr


@pytest.mark.parametrize("name", cpu.supported_isas())
def test_a_supported_instruction_set_can_be_forced(name):
    assert output_of("from alignment_fast.kernels.common import cpu; print(cpu.ISA)", ALIGNMENT_FAST_ISA=name) == name


def test_an_instruction_set_that_the_processor_lacks_is_an_error():
    missing = sorted(set(cpu.ISA_NAMES) - set(cpu.supported_isas()))
    for name in missing:
        with pytest.raises(ValueError, match="this processor or build has only"):
            cpu.choose_isa(name)
    assert cpu.choose_isa("") in cpu.supported_isas()


# ---- what is shipped ----


def test_version_is_the_same_everywhere():
    assert af.__version__ == importlib.metadata.version("alignment-fast")


def test_no_top_level_module_called_kernels():
    """PyPI has a package of that name, which must stay usable beside this one."""
    files = importlib.metadata.files("alignment-fast") or []
    assert "kernels" not in {file.parts[0] for file in files}


def test_type_information_is_shipped():
    package = Path(af.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "__init__.pyi").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_compiled_modules_come_with_their_declarations(family):
    assert (KERNELS / family / "cpu.pyi").exists()
    assert (KERNELS / family / "cpu.pxd").exists()


def test_headers_are_where_get_include_says():
    headers = sorted(Path(af.get_include(), "alignment_fast").glob("*.h"))
    assert {header.name for header in headers} >= {
        "af_simd.h",
        "af_reduce.h",
        "af_status.h",
        "af_math.h",
        "af_random.h",
    }


def test_the_mathematics_header_serves_c_code(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    source = tmp_path / "user.c"
    source.write_text(
        "#include <stdio.h>\n"
        '#include "alignment_fast/af_math.h"\n'
        'int main(void) { printf("%a\\n", af_exp_f64(-1.5)); return 0; }\n'
    )
    program = tmp_path / "user"
    subprocess.run(
        [compiler, "-std=gnu11", "-Wall", "-Werror", "-I", af.get_include(), source, "-o", program], check=True
    )
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    assert float.fromhex(printed) == pytest.approx(math.exp(-1.5), rel=4e-16)


def test_show_config_names_the_build_and_no_paths(capsys):
    af.show_config()
    printed = capsys.readouterr().out
    assert f"alignment_fast: {af.__version__}" in printed
    assert f"instruction set: {cpu.ISA}" in printed
    assert "threads: " in printed
    assert not re.search(r"(^|\s)(/|[A-Z]:\\)", printed)


def test_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(af.BackendUnavailableError("install alignment-fast[cuda12]")))
    assert isinstance(error, ImportError)
    assert str(error) == "install alignment-fast[cuda12]"


# ---- what the compiled modules contain ----

LIBM = re.compile(r"\b_?_?(exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|sin|cos|tan|tanh|erf|erfc|cbrt)f?(@|$)")
# Packed instructions that the loops of a family must be made of; a loop that has lost its vectors has none of them.
PACKED = {
    "common": r"vfn?m(add|sub)\d+p[ds]",
    "random": r"vpmuludq",
    "best_of_n": r"v(pminu[dq]|pmuludq|fn?m(add|sub)\d+p[ds])",
}
REGISTERS = {"avx2": "%ymm", "avx512": "%zmm"}


def tool(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.mark.parametrize("family", FAMILIES)
def test_no_call_of_the_mathematical_library(family):
    names = subprocess.run(
        [tool("nm"), "-D", "--undefined-only", compiled(family).__file__], capture_output=True, text=True, check=True
    ).stdout
    called = [line.split()[-1] for line in names.splitlines()]
    assert not [name for name in called if LIBM.match(name)]


@pytest.mark.interface
@pytest.mark.optimised
@pytest.mark.skipif("avx2" not in cpu.supported_isas(), reason="no x86-64 vector variants on this machine")
@pytest.mark.parametrize("isa", ["avx2", "avx512"])
@pytest.mark.parametrize("family", sorted(set(FAMILIES) & set(PACKED)))
def test_vector_variants_are_made_of_vectors(family, isa):
    """Without -fno-trapping-math, or with -O2, compilers leave scalar loops behind and say nothing."""
    listing = subprocess.run(
        [tool("objdump"), "-d", "--no-show-raw-insn", compiled(family).__file__],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "_baseline>:" not in listing:
        pytest.skip("the symbols of the loops were stripped")
    bodies = re.split(r"^[0-9a-f]+ <(\w+)(?:\.\w+)*>:$", listing, flags=re.MULTILINE)
    instructions = "\n".join(
        body for name, body in zip(bodies[1::2], bodies[2::2], strict=True) if name.endswith(f"_{isa}")
    )
    packed = [line for line in instructions.splitlines() if re.search(PACKED[family], line) and REGISTERS[isa] in line]
    assert len(packed) >= 8


def test_the_front_end_of_evalica_says_that_it_needs_pandas():
    program = "import sys; sys.modules['pandas'] = None; import alignment_fast.interop.evalica"
    ended = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "alignment_fast.errors.BackendUnavailableError: alignment_fast.interop.evalica needs pandas: pip install pandas"
    )
