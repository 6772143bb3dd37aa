"""Every row of every family's spec.py has what it promises: an entry point, an oracle, a benchmark, a bound."""

import ast
import functools
import importlib
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from alignment_fast.kernels.common.spec import row_modules
from bounds import reads_of, rows_read

ROOT = Path(__file__).parents[1]


ROWS = [(family, row) for family, module in row_modules().items() for row in module.KERNELS]
each_row = pytest.mark.parametrize(("family", "row"), ROWS, ids=lambda value: getattr(value, "name", value))


@functools.cache
def benchmarked():
    """Return every "family.kernel" that a benchmark names: ``@pytest.mark.kernels("family.kernel", ...)``."""
    found = set()
    for file in (ROOT / "benchmarks").glob("test_bench_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "kernels":
                found |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return found


def test_there_are_rows_and_names_are_unique():
    names = [f"{family}.{row.name}" for family, row in ROWS]
    assert names
    assert len(names) == len(set(names))


# ---- rows, stubs and compiled sources say the same ----

FLOATS = {"float32", "float64"}
C_TYPES = {"float": "float32", "double": "float64", "unsigned char": "uint8"}  # others: int32_t -> int32


@functools.cache
def stub(family):
    return ast.parse((ROOT / "kernels" / family / "cpu.pyi").read_text("utf-8"))


def definitions(body, name):
    """Return the functions of a module or class that are `name`, with a suffix of a dtype or without."""
    names = {name, f"{name}_f32", f"{name}_f64"}
    return [node for node in body if isinstance(node, ast.FunctionDef) and node.name in names]


def arguments_of(function):
    return [argument for argument in function.args.args if argument.arg not in ("self", "cls")]


def dtypes_of(annotation, aliases):
    """Return the dtypes that an annotation names, itself or by its aliases: float64 for NDArray[np.float64]."""
    found = []
    for node in ast.walk(annotation):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "np":
            found.append(node.attr)
        elif isinstance(node, ast.Name) and node.id in aliases:
            found += dtypes_of(aliases[node.id], aliases)
    return found


def aliases_of(tree):
    return {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}


@functools.cache
def structures(family):
    """Return the structures of the family by name, each as a tuple of the annotations of its fields."""
    file = ROOT / "kernels" / family / "structures.py"
    if not file.exists():
        return {}
    tree = ast.parse(file.read_text("utf-8"))
    fields = {
        node.name: ast.Tuple([line.annotation for line in node.body if isinstance(line, ast.AnnAssign)], ast.Load())
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    return aliases_of(tree) | fields


def class_of(tree, name):
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def constructor_of(tree, name):
    return next(node for node in class_of(tree, name).body if getattr(node, "name", "") in ("__init__", "__new__"))


def entry_points(family, row):
    tree = stub(family)
    return definitions(class_of(tree, row.held_by.name).body if row.held_by else tree.body, row.name)


@each_row
def test_the_row_names_the_arguments_of_the_entry_point(family, row):
    found = [tuple(argument.arg for argument in arguments_of(function)) for function in entry_points(family, row)]
    assert found
    assert all(names == row.arguments for names in found)
    if row.held_by:
        constructor = constructor_of(stub(family), row.held_by.name)
        assert tuple(argument.arg for argument in arguments_of(constructor)) == row.held_by.arguments


@each_row
def test_the_row_has_the_dtypes_of_the_entry_point(family, row):
    """Its floating ones; of arrays that a class holds, where the method takes none; of the result without any."""
    aliases = structures(family) | aliases_of(stub(family))
    taken = [
        dtype
        for function in entry_points(family, row)
        for argument in arguments_of(function)
        for dtype in dtypes_of(argument.annotation, aliases)
    ]
    if row.held_by and not FLOATS & set(taken):
        for argument in arguments_of(constructor_of(stub(family), row.held_by.name)):
            taken += dtypes_of(argument.annotation, aliases)
    if entry_points(family, row)[0].returns.__class__ is ast.Name:  # a float
        taken += ["float64"] * (entry_points(family, row)[0].returns.id == "float")
    assert set(row.dtypes) == (FLOATS & set(taken) or {taken[-1]})


def cython_source(family, name):
    """Return a Cython file with those of its family that it includes, each at its place."""
    text = (ROOT / "kernels" / family / name).read_text("utf-8")
    return re.sub(r'^include "([^"/]+)"$', lambda found: cython_source(family, found[1]), text, flags=re.MULTILINE)


def compiled(family):
    """Yield class, name and arguments (name, C type of an array or None) of every ``def`` that has some."""
    text = cython_source(family, "cpu.pyx")
    fused = {
        name: " ".join(line.split("#")[0].strip() for line in members.splitlines())
        for name, members in re.findall(r"^ctypedef fused (\w+):\n((?:    .+\n)+)", text, re.MULTILINE)
    }
    fused["floating"] = "float double"
    holder = None
    for match in re.finditer(r"^cdef class (\w+)|^( *)def (\w+)\(([^)]*)\)", text, re.MULTILINE):
        if match[1]:
            holder = match[1]
            continue
        arguments = []
        for argument in filter(str.strip, re.split(r",(?![^\[]*\])", match[4])):
            words = argument.partition("=")[0].split()
            array = re.match(r"(?:const )?([\w ]+)\[", " ".join(words))
            arguments.append((words[-1], fused.get(array[1], array[1]) if array else None))
        arguments = [pair for pair in arguments if pair[0] != "self"]
        if arguments:
            yield holder if match[2] else None, match[3], arguments


def numpy_names(c_type):
    if c_type in C_TYPES:
        return {C_TYPES[c_type]}
    return {C_TYPES.get(name, name.removesuffix("_t")) for name in c_type.split()}


@pytest.mark.parametrize("family", row_modules())
def test_the_stub_declares_what_is_compiled(family):
    """Names, order and dtypes of the arguments of every function and method, the constructors too."""
    tree = stub(family)
    aliases = aliases_of(tree)
    seen = 0
    for holder, name, arguments in compiled(family):
        body = class_of(tree, holder).body if holder else tree.body
        if name in ("__cinit__", "__init__"):
            declared = constructor_of(tree, holder)
        else:
            declared = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
        assert [argument.arg for argument in arguments_of(declared)] == [argument for argument, _ in arguments], name
        for argument, (_, c_type) in zip(arguments_of(declared), arguments, strict=True):
            if c_type is not None:
                assert set(dtypes_of(argument.annotation, aliases)) == numpy_names(c_type), f"{name}: {argument.arg}"
                seen += 1
    assert seen


# ---- what Cython is told of C ----

C_SOURCES = sorted((ROOT / "kernels").glob("**/*.inc")) + sorted((ROOT / "kernels").glob("**/*.h"))
STRUCT = re.compile(r"typedef struct(?: \w+)? \{([^{}]*)\} (\w+);")
EXTERN_STRUCT = re.compile(r"^    ctypedef struct (\w+):\n((?:        .+\n)+)", re.MULTILINE)
EXTERN_FUNCTION = re.compile(r"^    ([\w ]+?[ *]+)(\w+)\(([^)]*)\)(?: noexcept)?(?: nogil)?$", re.MULTILINE)


def same_name(text):
    """Return a C or Cython type in one spelling."""
    words = re.sub(r"\s+", " ", text.replace("*", " * ")).strip()
    for name, other in (("Py_ssize_t", "ptrdiff_t"), ("unsigned char", "uint8_t")):
        words = re.sub(rf"\b{name}\b", other, words)
    return words


def fields_of(declarations):
    """Return (type, name) of every field of ``type a, *b;`` lines; arrays are read by pointers to their first one."""
    found = []
    for declaration in declarations:
        kind, first, others = re.match(r"((?:const )?\w+(?: \w+(?= [\w*]))?)\s*(\**\w+[^,]*)(.*)", declaration).groups()
        for field in [first, *filter(None, map(str.strip, others.split(",")))]:
            stars, name, length = re.match(r"([* ]*)(?:const )?(\w+)\s*(\[\w+\])?", field).groups()
            found.append((same_name(kind + stars + ("*" if length else "")), name))
    return found


def parameters_of(text):
    """Return the types of the parameters of a function."""
    types = []
    text = re.sub(r"(\w+)\[\w*\]", r"*\1", text.replace("restrict", ""))
    for parameter in filter(None, map(str.strip, text.split(","))):
        name = re.search(r"(?<=[ *])\w+$", parameter)
        named = name and len(re.findall(r"\w+", parameter.replace("const", ""))) > 1
        types.append(same_name(parameter[: name.start()] if named else parameter))
    return types


@functools.cache
def c_source():
    """Return all C of the kernels without comments."""
    return re.sub(r"/\*.*?\*/", "", "\n".join(file.read_text("utf-8") for file in C_SOURCES), flags=re.DOTALL)


@functools.cache
def c_structures():
    return {name: fields_of(filter(None, map(str.strip, body.split(";")))) for body, name in STRUCT.findall(c_source())}


@functools.cache
def extern_text(family):
    """Return what cpu.pyx says of C before the function table."""
    text = (ROOT / "kernels" / family / "cpu.pyx").read_text("utf-8")
    return re.sub(r"#.*", "", text[text.index("cdef extern") : text.index('include "table.pxi"')])


@pytest.mark.parametrize("family", row_modules())
def test_cython_declares_the_structures_of_c(family):
    """Every field, in its order: a type that differs would be converted without a word."""
    for name, body in EXTERN_STRUCT.findall(extern_text(family)):
        declared = [line.strip().replace(' "lambda"', "").replace("lambda_", "lambda") for line in body.splitlines()]
        assert fields_of(declared) == c_structures()[name], name


@pytest.mark.parametrize("family", row_modules())
def test_cython_declares_the_functions_of_c(family):
    for result, name, parameters in EXTERN_FUNCTION.findall(extern_text(family)):
        if name.startswith("af_isa"):
            continue  # a macro on other processors
        (found,) = re.findall(
            rf"^(?:static inline|static|AF_INLINE) ([\w ]+[ *]+){name}\(([^)]*)\) \{{", c_source(), re.MULTILINE
        )
        assert same_name(result) == same_name(found[0]), name
        assert parameters_of(parameters) == parameters_of(found[1]), name


def test_declarations_are_read():
    assert fields_of(["const double *a, *b", "uint64_t n", "void *c[2]", "unsigned char *d"]) == [
        ("const double *", "a"),
        ("const double *", "b"),
        ("uint64_t", "n"),
        ("void * *", "c"),
        ("uint8_t *", "d"),
    ]
    assert parameters_of("const double *const *a, Py_ssize_t n, const choices*, Py_ssize_t") == [
        "const double * const *",
        "ptrdiff_t",
        "const choices *",
        "ptrdiff_t",
    ]


def test_function_tables_are_what_the_prototypes_give():
    generator = ROOT / "kernels" / "common" / "generate_tables.py"
    command = [sys.executable, "-P", str(generator), "--check"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    "prototype",
    [
        "void f(const double *, ptrdiff_t n)",
        "void f(ptrdiff_t from, ptrdiff_t to)",
        "void f(ptrdiff_t n) noexcept",
        "f(ptrdiff_t n)",
    ],
)
def test_a_prototype_that_one_of_both_languages_cannot_read_is_refused(prototype):
    parsed = runpy.run_path(str(ROOT / "kernels" / "common" / "generate_tables.py"))["parsed"]
    assert parsed("void f(const double *x, ptrdiff_t n)") == ("void", "f", ["const double *x", "ptrdiff_t n"])
    with pytest.raises(ValueError, match="is not a"):
        parsed(prototype)


@each_row
def test_entry_points_exist(family, row):
    names = {node.name for node in ast.walk(stub(family)) if isinstance(node, ast.FunctionDef)}
    assert any(name == row.name or name.startswith(f"{row.name}_") for name in names)
    if "cuda" in row.backends:
        assert f"AF_KERNEL({row.name})" in (ROOT / "kernels" / family / "cuda.cu").read_text("utf-8")


def public_names(body):
    """Return the functions of a stub and the methods of its classes, without properties and special methods."""
    found = set()
    for node in body:
        if isinstance(node, ast.ClassDef):
            found |= public_names(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not node.decorator_list:
            found.add(node.name)
    return found


@pytest.mark.parametrize(
    ("family", "module"), row_modules().items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_every_entry_point_has_a_row_or_is_a_helper(family, module):
    """But for short paths, which give what other entry points give, and for what public functions state bounds of."""
    names = {name for name in public_names(stub(family).body) if not name.startswith("short_")}
    rows = {row.name for row in module.KERNELS}
    without = {name for name in names if not {name, re.sub("_f(32|64)$", "", name)} & rows}
    assert without == module.HELPERS | getattr(module, "OF_PUBLIC_FUNCTIONS", set())


@each_row
def test_oracles_exist(family, row):
    module, _, name = row.oracle.partition(":")
    assert callable(getattr(importlib.import_module(f"oracles.{module}"), name))


@each_row
def test_every_dtype_has_a_bound(family, row):
    assert row.unit in {"ulp", "relative", "bits"}
    for dtype in row.dtypes:
        assert row.bound(dtype) >= 0
        assert row.unit != "bits" or row.bound(dtype) == 0


@each_row
def test_a_test_reads_the_bound(family, row):
    assert f"{family}.{row.name}" in rows_read()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def test_x():\n assert y <= bound('a.b')", {"a.b"}),
        ("def test_x():\n assert_same_bits('a.b', y, z)", {"a.b"}),
        ("@pytest.mark.parametrize('y', [bound('a.b')])\ndef test_x(y):\n pass", {"a.b"}),
        ("ALLOWED = bound('a.b')\ndef test_x():\n assert y <= ALLOWED", {"a.b"}),
        ("def check():\n assert y <= bound('a.b')\ndef test_x():\n check()", {"a.b"}),
        ("@pytest.fixture\ndef y():\n return bound('a.b')\ndef test_x(y):\n pass", {"a.b"}),
        (
            "ROWS = rows_of('memoryless')\ndef test_x():\n ROWS",
            {"memoryless." + n for n in ("merge", "power", "types", "types_means")},
        ),
        ("ROWS = rows_of('common', 'MOMENTS')\ndef test_x():\n ROWS", {"common.moments_blocks", "common.moments_fold"}),
        ("def check():\n assert y <= bound('a.b')", set()),
        ("ALLOWED = bound('a.b')", set()),
        ("def test_x():\n bound = print\n bound('a.b')", set()),
        ("def test_x(bound):\n bound('a.b')", set()),
        ("def bound(x):\n pass\ndef test_x():\n bound('a.b')", set()),
        ("def test_x():\n limits.bound('a.b')", set()),
    ],
)
def test_what_tests_read_is_found(source, found):
    assert reads_of(f"from bounds import assert_same_bits, bound, rows_of\n{source}") == found
    assert not reads_of(f"from elsewhere import assert_same_bits, bound, rows_of\n{source}")


def test_only_rows_that_exist_are_read():
    assert rows_read() <= {f"{family}.{row.name}" for family, row in ROWS}


@each_row
def test_domains_are_intervals(family, row):
    assert len(row.domain) <= len(row.arguments)
    assert all(low <= high for low, high in row.domain)


@each_row
def test_formula_and_reference_are_stated(family, row):
    assert row.formula
    assert row.reference


@each_row
def test_a_benchmark_names_the_kernel(family, row):
    assert f"{family}.{row.name}" in benchmarked()


def test_the_accuracy_page_is_current():
    page = runpy.run_path(str(ROOT / "docs" / "generated" / "accuracy.py"))["page"]()
    assert (ROOT / "docs" / "generated" / "accuracy.md").read_text("utf-8") == page, (
        "run python -P docs/generated/accuracy.py"
    )
