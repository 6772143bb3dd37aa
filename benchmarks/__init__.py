"""What is timed beside what: installed as ``alignment_fast.benchmarks`` and run by ``alignment-fast bench``.

``names`` has every public name beside its plain formula at sizes from small to large; ``test_bench_*`` have operations
beside other packages and the floors of the processor. pytest-benchmark runs the latter, too: ``pytest --pyargs
alignment_fast.benchmarks``.
"""
