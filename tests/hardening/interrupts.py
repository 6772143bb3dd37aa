"""Sends Ctrl-C into every long call, and prints how long each took to end.

    python -P tests/hardening/interrupts.py [--from SECONDS] [--most SECONDS] [NAME...]

Calls of public names (the table of `benchmarks/names`) on one thread, at the first size at which they work for longer
than `--from` (0.3 s of this processor); left out are those that never do or would work for longer than `--most` (20 s).
The signal comes half way through the call. It must end with KeyboardInterrupt, or with its result where only that was
left to do, and the next call at the smallest size must be right. Times are printed, not judged: they are those of a
machine.
"""

import argparse
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np

import alignment_fast as af

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1] / "benchmarks")]

AIM = 0.1  # seconds


def long_call(entry, arguments):
    """Return (size, call, seconds) of the first size that lasts long enough, or None."""
    for size in entry.sizes:
        call = entry.calls(size, np.dtype(entry.dtypes[0]))[0]
        begun = time.process_time()
        call()
        seconds = time.process_time() - begun
        if seconds > arguments.begin:
            return size, call, seconds
        if seconds > arguments.most / 20:  # the next size may last that much longer
            return None
    return None


def interrupted(call, after):
    """Return what a call ends with, and how many seconds of work after Ctrl-C, which comes `after` so many.

    Work is that of all threads of this process: a busy machine does not count.
    """
    sent = []

    def send():
        sent.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    try:
        timer.start()
        call()
        timer.cancel()
        timer.join()
        outcome = "result"
    except KeyboardInterrupt:
        outcome = "KeyboardInterrupt"
    except BaseException as error:
        outcome = f"{type(error).__name__}: {error}"
    return outcome, time.process_time() - sent[0] if sent else 0.0


def main():
    from memory import bits_of
    from names import Timed, all_names

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=float, default=0.3, metavar="SECONDS", dest="begin")
    parser.add_argument("--most", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    af.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    count, wrong, late = 0, [], []
    for name, entry in all_names().items():
        if not isinstance(entry, Timed) or (arguments.names and not any(part in name for part in arguments.names)):
            continue
        small = entry.calls(entry.sizes[0], np.dtype(entry.dtypes[0]))[0]
        usual = {bits_of(small()), bits_of(small())}
        found = long_call(entry, arguments)
        if found is None:
            continue
        size, call, seconds = found
        outcome, delay = interrupted(call, seconds / 2)
        good = outcome in ("KeyboardInterrupt", "result") and (len(usual) > 1 or bits_of(small()) in usual)
        print(f"{name} at {size}: {seconds:.2f} s; {outcome}, {1e3 * delay:.0f} ms after Ctrl-C", flush=True)
        count += 1
        wrong += [] if good else [name]
        late += [name] if delay > AIM else []
    print(f"{count} long calls; wrong: {wrong}; later than {1e3 * AIM:.0f} ms: {late}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
