"""The table of benchmarks has every public name, and its entries run."""

import ast
import inspect
from functools import reduce
from pathlib import Path

import numpy as np
from each import grouped

import alignment_fast as af
from alignment_fast.benchmarks.names import Timed, agree, all_different, all_names

MODULES = ["best_of_n", "dynamics", "information", "memoryless", "pairwise", "policy", "random", "ranking"]
PACKAGE = Path(af.__file__).parent
FRONT_ENDS = {
    "accel": "accel/__init__.py",
    "studies": "studies/__init__.py",
    **{f"interop.{name}": f"interop/{name}/__init__.py" for name in ("choix", "numba", "scipy", "torch", "trl")},
    **{
        f"interop.{name}": f"interop/{name}.py"
        for name in ("arena_rank", "bigcode", "fastchat", "inspect_ai", "jax", "lighteval", "verl")
    },
}


def exported(path):
    """Return what a module exports, without importing it: its library may not be here."""
    for node in ast.parse((PACKAGE / path).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path} has no __all__")


def methods(name, owner):
    """Return the public methods that a class defines itself; properties do no work to speak of."""
    if not inspect.isclass(owner):
        return []
    kinds = classmethod, staticmethod, type(methods)
    return [f"{name}.{key}" for key, value in vars(owner).items() if key[0] != "_" and isinstance(value, kinds)]


PUBLIC = [f"{module}.{name}" for module in MODULES for name in getattr(af, module).__all__]
PUBLIC += [method for name in PUBLIC for method in methods(name, reduce(getattr, name.split("."), af))]
PUBLIC += [f"{module}.{name}" for module, path in FRONT_ENDS.items() for name in exported(path)]
TIMED = [name for name, entry in all_names().items() if isinstance(entry, Timed)]


def by_module(names):
    """Make a test of a name one of each module."""
    return grouped((name.partition(".")[0], name, (name,)) for name in names)


def public_object(name):
    """Return the object, or the text of its name where a library that it needs may not be here."""
    module = next((module for module in FRONT_ENDS if name.startswith(f"{module}.")), None)
    if module is not None:
        assert name.removeprefix(f"{module}.") in exported(FRONT_ENDS[module])
        return name
    found = af
    for part in name.split("."):
        found = getattr(found, part)
    return found


@by_module(PUBLIC)
def test_every_public_name_is_timed_or_says_why_not(name):
    assert name in all_names()


@by_module(all_names())
def test_every_entry_is_a_public_name_or_method(name):
    found = public_object(name)
    assert inspect.getdoc(found) or not callable(found)  # a table of options has no text of its own


@by_module(TIMED)
def test_every_comparison_runs_at_its_smallest_size(name):
    entry = all_names()[name]
    assert list(entry.sizes) == sorted(entry.sizes)
    ours, theirs = entry.calls(entry.sizes[0], np.dtype(entry.dtypes[0]))
    assert agree(ours(), theirs(), entry.dtypes[0]) == (name not in all_different())
