"""Errors of our functions and of their peers, measured by hand into ``errors.json``, from which a page is made.

    python benchmarks/errors/points.py             elementary functions against mpmath
    python benchmarks/errors/every.py exp log      these for every float32, against the float64 functions
    python benchmarks/errors/quantities.py         laws, losses and measures against oracles of the tests
    python -P docs/generated/trust.py             the page and its figures

Each writes its part of the file and leaves the others. Peers that are not installed are left out. None of it runs in
CI: tests compute the recorded worst cases of ours again (``tests/test_trust.py``).
"""
