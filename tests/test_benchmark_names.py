"""The table of benchmarks has every public name, and its entries run."""

import inspect

import numpy as np
import pytest
from names import Timed, all_names

import alignment_fast as af

MODULES = ["best_of_n", "dynamics", "information", "memoryless", "pairwise", "policy", "random", "ranking"]
PUBLIC = [f"{module}.{name}" for module in MODULES for name in getattr(af, module).__all__]
TIMED = [name for name, entry in all_names().items() if isinstance(entry, Timed)]


def public_object(name):
    found = af
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_timed_or_says_why_not(name):
    assert name in all_names()


@pytest.mark.parametrize("name", all_names())
def test_every_entry_is_a_public_name_or_method(name):
    found = public_object(name)
    assert inspect.getdoc(found) or not callable(found)  # a table of options has no text of its own


@pytest.mark.parametrize("name", TIMED)
def test_every_comparison_runs_at_its_smallest_size(name):
    entry = all_names()[name]
    assert list(entry.sizes) == sorted(entry.sizes)
    ours, theirs = entry.calls(entry.sizes[0], np.dtype(entry.dtypes[0]))
    assert ours() is not None
    assert theirs() is not None
