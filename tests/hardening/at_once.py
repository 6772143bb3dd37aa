"""Makes the calls of all public names in many threads at once, and in processes that were begun in every way.

    python -P tests/hardening/at_once.py [--threads N] [--rounds N]

Calls of the table of `benchmarks/names`, at their smallest size. Each thread takes them in another order. Processes are
begun by fork, spawn and forkserver while a thread of this one is in the middle of a call with threads of its own. All
bits are those of calls one after the other.
"""

import argparse
import multiprocessing
import random
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1] / "benchmarks")]

LIMIT = 300  # seconds after which a process has hung


def calls():
    """Return {name: call}, whose bits are the same every time."""
    from memory import bits_of, calls_of_names

    found = dict(calls_of_names(1))
    return {name: call for name, call in found.items() if bits_of(call()) == bits_of(call())}


def bits():
    """Return {name: bits} of all calls, made in this process."""
    from memory import bits_of

    warnings.simplefilter("ignore")
    return {name: bits_of(call()) for name, call in calls().items()}


def put_bits(queue):
    queue.put(bits())


def by_threads(expected, threads, rounds):
    """Return the names whose bits were others, or that failed, in threads at once."""
    from memory import bits_of

    shared, wrong, together = calls(), [], threading.Barrier(threads)

    def work(seed):
        order = sorted(expected.keys() & shared.keys())
        random.Random(seed).shuffle(order)
        together.wait()
        for name in order:
            if bits_of(shared[name]()) != expected[name]:
                wrong.append(name)

    for number in range(rounds):
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads * number, threads * (number + 1))))
    return sorted(set(wrong))


def by_process(expected, method):
    """Return the names whose bits were others in a process begun by `method` in the middle of a call."""
    import alignment_fast as af

    context = multiprocessing.get_context(method)
    queue, stop, begun = context.Queue(), threading.Event(), threading.Event()

    def work():
        scores = np.random.default_rng(0).normal(size=200_000)
        with af.num_threads(3):
            while not stop.is_set():
                af.best_of_n.hill(scores)
                begun.set()

    beside = threading.Thread(target=work)
    beside.start()
    begun.wait()
    try:
        process = context.Process(target=put_bits, args=(queue,))
        process.start()
        found = queue.get(timeout=LIMIT)
        process.join()
    finally:
        stop.set()
        beside.join()
    return sorted(name for name in expected.keys() & found.keys() if found[name] != expected[name])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=8, metavar="N")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    expected = bits()
    wrong = {f"{arguments.threads} threads": by_threads(expected, arguments.threads, arguments.rounds)}
    for method in multiprocessing.get_all_start_methods():
        wrong[method] = by_process(expected, method)
    for way, names in wrong.items():
        print(f"{len(expected)} calls by {way}: {names or 'the same bits'}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
