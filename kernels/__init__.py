"""Compiled kernels, one folder per family; installed as ``alignment_fast.kernels``.

A kernel is a total function on plain arrays: no exception, no allocation that depends on values, no global state.
It reports bad values by a status word (`alignment_fast.kernels.common.status`) and leaves checking of types, shapes
and domains to the public layer in ``alignment_fast``.

To add a kernel, in this order:

1. the oracle in ``tests/oracles/`` (mpmath, closed form or brute force; never imports the kernels);
2. its row in the family's ``spec.py`` (arguments, dtypes, domain, error bound, oracle): tests, the accuracy page and
   the benchmarks pick it up and fail until the rest exists;
3. the formula: a scalar in ``include/alignment_fast/af_math.h`` and its twin in ``common/scalar.py`` if it is new;
4. the loop in the family's ``loops.inc``, its prototype in `TABLE` of ``spec.py``, and the table that
   ``python -P kernels/common/generate_tables.py`` writes from it;
5. the entry point in ``cpu.pyx``, its declaration in ``cpu.pxd`` and ``cpu.pyi`` (``tests/test_spec.py`` compares row,
   stub and source, and what Cython is told of C with C);
6. what it takes or returns, if that is more than arrays and numbers, in ``structures.py``; the operation that launches
   it, in ``operations.py`` and its ``__all__``;
7. the CUDA kernel in ``cuda.cu`` and its launch in ``cuda.py``;
8. the public function in ``alignment_fast/``: border, host algorithm over the table of operations, docstring with
   formula, shapes, accuracy and cost; a call of it in ``CALLS`` of ``tests/test_seam.py``;
9. the short path of small calls in ``short.pxi`` (``common/short.pxd`` says what it takes), which the public function
   tries first, and a call of it in ``tests/short/<family>.py``: same bits, same errors, few calls of Python functions;
10. the benchmark row with its peers and its floor, and the public name beside its plain formula in
    ``benchmarks/names/<family>.py``.
"""
