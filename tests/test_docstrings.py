"""Every public name is documented, and every example in a docstring runs as printed."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import alignment_fast

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

# Importing it runs the command line.
PROGRAM = "alignment_fast.__main__"
# Modules for libraries that need not be installed.
FRONT_ENDS = {
    "alignment_fast.accel.hosts.evalica": "evalica",
    "alignment_fast.accel.hosts.verl": "verl",
    "alignment_fast.interop.arena_rank": "pandas",
    "alignment_fast.interop.evalica": "pandas",
    "alignment_fast.interop.fastchat": "pandas",
    "alignment_fast.interop.jax": "jax",
    "alignment_fast.interop.torch": "torch",
    "alignment_fast.interop.trl": "torch",
}


def imported(name):
    """Return the module `name`; where it stands before a library that is not installed, the test is skipped."""
    for front_end, library in FRONT_ENDS.items():
        if f"{name}.".startswith(f"{front_end}."):
            pytest.importorskip(library)
    return importlib.import_module(name)


def public_modules():
    yield "alignment_fast"
    for module in pkgutil.walk_packages(alignment_fast.__path__, "alignment_fast."):
        if module.name.startswith(("alignment_fast.benchmarks", "alignment_fast.kernels")) or module.name == PROGRAM:
            continue
        yield module.name


def public_objects(module):
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            yield name, value


@pytest.mark.parametrize("name", list(public_modules()))
def test_examples_run_as_printed(name):
    module = imported(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in public_modules() if "._" not in name])
def test_every_public_name_has_a_docstring(name):
    module = imported(name)
    assert module.__doc__
    missing = [key for key, value in public_objects(module) if not inspect.getdoc(value)]
    assert not missing
