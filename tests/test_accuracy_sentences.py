"""Every sentence of a public docstring that states an accuracy is read by some test, down to each of its numbers.

A test reads a docstring by a pattern: a row of a table ``STATED`` by name, or a pattern beside the function in a call
(``stated(af.policy.tilt, r"...")``) or in a tuple of parameters. Here those patterns are collected, and each number
that an accuracy sentence gives must lie in a match of one of them. What a number means is up to the test that reads it.
"""

import ast
import importlib
import inspect
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = (
    "best_of_n",
    "best_of_n.continuous",
    "dynamics",
    "information",
    "interop.scipy",
    "memoryless",
    "pairwise",
    "policy",
    "random",
    "ranking",
)
# A sentence that has one of these states an accuracy; each of its numbers is a claim.
CLAIM = re.compile(
    r"[Aa]ccura(cy|te)\b|[Ee]rror (below|at most|of)|\bulp\b|units in the last place|\bto (about )?[\d.]+e-\d+|exact to"
)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?e-\d+|\d+ (?=ulp|units in the last place|epsilon)|2\^-\d+")


def docstrings():
    """Yield (name, docstring in one line) of public functions, classes and their public methods."""
    for part in MODULES:
        module = importlib.import_module(f"alignment_fast.{part}")
        for key in module.__all__:
            value = getattr(module, key)
            if not (inspect.isfunction(value) or inspect.isclass(value)):
                continue
            yield f"{part}.{key}", " ".join((inspect.getdoc(value) or "").split())
            if inspect.isclass(value):
                for method, found in vars(value).items():
                    function = getattr(found, "__func__", getattr(found, "fget", found))
                    if not method.startswith("_") and inspect.isfunction(function):
                        yield f"{part}.{key}.{method}", " ".join((inspect.getdoc(function) or "").split())


def claims(text):
    """Return the spans of numbers in sentences of `text` that state an accuracy."""
    found, start = [], 0
    for end in [*(match.end() for match in re.finditer(r"\.\s+(?=[A-Z`])", text)), len(text)]:
        if CLAIM.search(text[start:end]):
            found += [(start + number.start(), start + number.end()) for number in NUMBER.finditer(text[start:end])]
        start = end
    return found


def named(node):
    """Return the last name of an attribute or of a name."""
    return getattr(node, "attr", getattr(node, "id", None))


def pairs(tree):
    """Yield (name, pattern) of everything in a test module that could read a docstring by a pattern."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and named(node.targets[0]) == "STATED":
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                yield key.value, value
        elif isinstance(node, ast.Tuple | ast.Call):
            parts = node.elts if isinstance(node, ast.Tuple) else node.args
            for function, pattern in pairwise(parts):
                yield named(function), pattern
                if isinstance(function, ast.Constant) and isinstance(function.value, str):
                    yield function.value, pattern
                # re.search(pattern, af.x.f.__doc__)
                if named(pattern) == "__doc__":
                    yield named(pattern.value), function


@cache
def patterns():
    """Return the patterns by which tests read docstrings, by name."""
    found = {}
    for file in set(TESTS.glob("test_*.py")) - {Path(__file__)}:
        for name, pattern in pairs(ast.parse(file.read_text("utf-8"))):
            for part in pattern.elts if isinstance(pattern, ast.Tuple | ast.List) else [pattern]:
                text = getattr(part, "value", None)
                if isinstance(name, str) and isinstance(text, str):
                    found.setdefault(name, set()).add(text)
    return found


def unread(name, text):
    """Return the numbers of accuracy sentences that no pattern covers."""
    spans = []
    for pattern in patterns().get(name.rpartition(".")[2], ()):
        try:
            spans += [match.span() for match in re.finditer(pattern, text)]
        except re.error:  # a string that is no pattern
            continue
    covered = [(low, high) for low, high in spans if high - low > 4]
    return [text[a:b] for a, b in claims(text) if not any(low <= a and b <= high for low, high in covered)]


STATING = {name: text for name, text in docstrings() if claims(text)}


@pytest.mark.parametrize("name", sorted(STATING))
def test_every_number_of_an_accuracy_sentence_is_read_by_a_test(name):
    assert not unread(name, STATING[name]), STATING[name]


def test_a_sentence_that_nobody_reads_is_found():
    assert unread("policy.tilt", STATING["policy.tilt"] + " Accuracy: gradients to 3e-11 relative.") == ["3e-11"]
    assert unread("nobody", "Formula. Accuracy: 1e-14 relative, 4 ulp of the rest.") == ["1e-14", "4 "]
    assert unread("nobody", "Every probability to 1e-11 relative.") == ["1e-11"]
    assert claims("Steps of 1e-3 are taken. Cost: little.") == []
