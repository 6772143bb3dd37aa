"""The thread pool (kernels/common/threads.py): how work is cut, who may use how many threads, what may go wrong."""

import contextlib
import gc
import os
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from alignment_fast.kernels.common import cpu, threads
from fresh import output_of, run_python

PARALLEL_WORK = 100.0 * threads.GRAIN
posix = pytest.mark.skipif(os.name != "posix", reason="signals and fork as POSIX has them")


def ranges(n_blocks, **keywords):
    """Return the ranges that `for_blocks` hands out, sorted."""
    seen = []
    threads.for_blocks(lambda first, last: seen.append((first, last)), n_blocks, **keywords)
    return sorted(seen)


# ---- how work is cut ----


@given(st.integers(1, 500), st.floats(0, 1e12), st.integers(1, 5))
def test_ranges_partition_the_blocks(n_blocks, work, num_threads):
    seen = ranges(n_blocks, work=work, num_threads=num_threads)
    assert [block for first, last in seen for block in range(first, last)] == list(range(n_blocks))


@given(st.integers(1, 2000), st.floats(threads.GRAIN + 1.0, 1e12), st.integers(1, 5))
def test_a_range_is_short_enough_for_ctrl_c(n_blocks, work, num_threads):
    """At most CHUNK (10 ms) of work before the interpreter gets to see Ctrl-C, or one block where that is more."""
    longest = max(last - first for first, last in ranges(n_blocks, work=work, num_threads=num_threads))
    assert longest == 1 or longest * work / n_blocks <= threads.CHUNK


def test_a_bad_number_of_threads_is_refused_whatever_the_work():
    for work in (1.0, PARALLEL_WORK):
        with pytest.raises(ValueError, match="num_threads must be a positive integer, not 0"):
            threads.for_blocks(lambda *_: None, 1, work=work, num_threads=0)


def test_work_below_the_grain_is_one_call_on_this_thread():
    callers = []
    threads.for_blocks(lambda *_: callers.append(threading.get_ident()), 1000, work=threads.GRAIN, num_threads=8)
    assert callers == [threading.get_ident()]


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_as_many_threads_as_asked_for(num_threads):
    """One range for each thread, and none ends before all have started."""
    barrier = threading.Barrier(num_threads, timeout=60)
    used = set()

    def run(*_):
        used.add(threading.get_ident())
        barrier.wait()

    threads.for_blocks(run, num_threads, work=PARALLEL_WORK, num_threads=num_threads)
    assert len(used) == num_threads


def test_no_more_threads_than_asked_for_after_a_call_with_more():
    ranges(100, work=PARALLEL_WORK, num_threads=7)
    used = set()
    threads.for_blocks(lambda *_: used.add(threading.get_ident()), 1000, work=PARALLEL_WORK, num_threads=2)
    assert len(used) <= 2


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_results_do_not_depend_on_the_number_of_threads(num_threads):
    x = np.random.default_rng(0).standard_normal(50 * cpu.BLOCK + 3)
    blocks = np.zeros((51, 7))
    threads.for_blocks(
        lambda a, b: cpu.moments_blocks(x, a, b, blocks), 51, work=PARALLEL_WORK, num_threads=num_threads
    )
    serial = np.zeros((51, 7))
    cpu.moments_blocks(x, 0, 51, serial)
    assert blocks.tobytes() == serial.tobytes()


# ---- nesting, concurrency ----


def test_nested_calls_stay_on_their_thread():
    strangers = []

    def outer(*_):
        me = threading.get_ident()
        threads.for_blocks(
            lambda *_: strangers.append(threading.get_ident() != me), 20, work=PARALLEL_WORK, num_threads=4
        )

    threads.for_blocks(outer, 8, work=PARALLEL_WORK, num_threads=2)
    assert strangers
    assert not any(strangers)


def test_several_callers_share_the_pool():
    def call(_):
        return sum(last - first for first, last in ranges(500, work=PARALLEL_WORK, num_threads=3))

    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(call, range(40))) == [500] * 40


# ---- exceptions, interruption ----


@pytest.mark.parametrize("num_threads", [1, 2, 7])
@pytest.mark.parametrize("bad_block", [0, 250, 499])
def test_an_exception_reaches_the_caller_and_the_pool_survives(num_threads, bad_block):
    def run(first, last):
        if first <= bad_block < last:
            raise ZeroDivisionError(f"block {bad_block}")

    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match=f"block {bad_block}"):
            threads.for_blocks(run, 500, work=PARALLEL_WORK, num_threads=num_threads)
    assert ranges(500, work=PARALLEL_WORK, num_threads=num_threads)[-1][1] == 500


def test_no_range_runs_after_the_call_has_failed():
    """The caller's buffers may be freed once the exception is out: every thread must be done by then."""
    running = set()

    def run(first, _):
        running.add(first)
        try:
            if first == 0:
                raise ZeroDivisionError
            np.zeros(200_000).sum()
        finally:
            running.discard(first)

    for _ in range(20):
        with pytest.raises(ZeroDivisionError):
            threads.for_blocks(run, 500, work=PARALLEL_WORK, num_threads=4)
        assert not running


@posix
@pytest.mark.parametrize("num_threads", [1, 2])
def test_ctrl_c_stops_after_the_ranges_in_flight(num_threads):
    started = []

    def run(first, _):
        started.append(first)
        if len(started) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    n_blocks = 100_000
    with pytest.raises(KeyboardInterrupt):
        threads.for_blocks(run, n_blocks, work=float(n_blocks * threads.CHUNK), num_threads=num_threads)
    assert len(started) < n_blocks


def test_ctrl_c_before_all_threads_have_work_stops_those_that_have(monkeypatch):
    submit = threads._pool.submit
    futures = []

    def interrupted_submit(work):
        if futures:
            raise KeyboardInterrupt
        futures.append(submit(work))
        return futures[0]

    monkeypatch.setattr(threads._pool, "submit", interrupted_submit)
    with pytest.raises(KeyboardInterrupt):
        threads.for_blocks(lambda *_: None, 10**8, work=1e8 * threads.CHUNK, num_threads=3)
    assert futures[0].done()


CTRL_C_IN_A_KERNEL = """
import os, signal, threading
import numpy as np
from alignment_fast.kernels.common import cpu, threads

x, blocks = np.ones(1 << 20), np.empty((256, 7))
started = threading.Event()

def run(first, last):
    started.set()
    for _ in range(first, last):
        cpu.moments_blocks(x, 0, 256, blocks)

def interrupt():
    started.wait()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    threads.for_blocks(run, 1_000_000, work=1e6 * 2**20, num_threads={num_threads})
except KeyboardInterrupt:
    print("interrupted")
"""


@posix
@pytest.mark.parametrize("num_threads", [1, 2])
def test_ctrl_c_stops_a_kernel_that_would_run_for_an_hour(num_threads):
    assert output_of(CTRL_C_IN_A_KERNEL.replace("{num_threads}", str(num_threads))) == "interrupted"


@posix
@pytest.mark.parametrize("num_threads", [1, 2])
def test_ctrl_c_need_not_wait_for_a_block_that_takes_long(num_threads):
    """A sort of 3e7 outcomes is one block: the main thread leaves it to the pool and can be interrupted meanwhile."""
    release, finished, where = threading.Event(), threading.Event(), []

    def run(*_):
        where.append(threading.current_thread())
        os.kill(os.getpid(), signal.SIGINT)
        release.wait()
        finished.set()

    with pytest.raises(KeyboardInterrupt):
        threads.for_blocks(run, 1, work=100.0 * threads.CHUNK, num_threads=num_threads)
    assert where[0] is not threading.main_thread()
    assert not finished.is_set()
    release.set()
    assert finished.wait(timeout=60)
    assert ranges(500, work=PARALLEL_WORK, num_threads=2)[-1][1] == 500


@pytest.mark.parametrize("num_threads", [1, 2])
def test_an_exception_in_a_long_block_reaches_the_caller_after_the_others_are_done(num_threads):
    running = set()

    def run(first, _):
        running.add(first)
        try:
            if first == 0:
                raise ZeroDivisionError
            np.zeros(200_000).sum()
        finally:
            running.discard(first)

    with pytest.raises(ZeroDivisionError):
        threads.for_blocks(run, 2, work=100.0 * threads.CHUNK, num_threads=num_threads)
    assert not running


CTRL_C_IN_A_LAW = """
import os, signal, threading
import numpy as np
from alignment_fast.best_of_n import BestOfN
from alignment_fast.kernels.best_of_n import cpu

reward, started, release = np.arange(3e6), threading.Event(), threading.Event()

class SlowLaws:
    def __init__(self, *arrays):
        self.size = 3_000_000

    def build(self, *arguments):
        os.kill(os.getpid(), signal.SIGINT)
        release.wait()

cpu.Laws = SlowLaws  # as if the sort took for ever
try:
    BestOfN(reward=reward)
except KeyboardInterrupt:
    print("interrupted")
release.set()
"""


@posix
def test_ctrl_c_interrupts_the_construction_of_a_large_law():
    assert output_of(CTRL_C_IN_A_LAW) == "interrupted"


@pytest.mark.parametrize("started", [0, 1])
@pytest.mark.parametrize("work", [PARALLEL_WORK, 1e4 * threads.CHUNK])
def test_where_no_thread_can_be_started_those_there_are_do_the_work(started, work, monkeypatch):
    """And the pool does not count on threads that never came: nothing waits for ever, nothing is kept alive."""
    pool, start = threads._Pool(), threading.Thread.start

    def refused(thread):
        if pool._size >= started:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    monkeypatch.setattr(threads, "_pool", pool)
    x = np.ones(1000)
    gone = weakref.ref(x)
    assert ranges(500, work=work, num_threads=4)[-1][1] == 500
    threads.for_blocks(lambda *_, x=x: x.sum(), 500, work=work, num_threads=4)
    assert pool._size == started
    monkeypatch.undo()
    monkeypatch.setattr(threads, "_pool", pool)
    assert ranges(500, work=PARALLEL_WORK, num_threads=4)[-1][1] == 500  # and later there are more
    assert pool._size == 3
    everyone = threading.Barrier(pool._size, timeout=60)
    for task in [pool.submit(everyone.wait) for _ in range(everyone.parties)]:
        task.result()
    del x, task
    gc.collect()
    assert gone() is None


def let_every_thread_leave_its_last_task():
    everyone = threading.Barrier(threads._pool._size, timeout=60)
    for task in [threads._pool.submit(everyone.wait) for _ in range(everyone.parties)]:
        task.result()


def test_idle_threads_keep_no_data_alive():
    x = np.ones(1000)
    gone = weakref.ref(x)
    threads.for_blocks(lambda *_, x=x: x.sum(), 500, work=PARALLEL_WORK, num_threads=2)
    let_every_thread_leave_its_last_task()
    del x
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("work", [PARALLEL_WORK, 1000.0 * threads.CHUNK])
def test_what_failed_keeps_no_data_alive(work):
    x = np.ones(1000)
    gone = weakref.ref(x)

    def fail(*_, x=x):
        time.sleep(0.001)  # so that other threads fail too
        raise ZeroDivisionError(x.size)

    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(ZeroDivisionError):
            threads.for_blocks(fail, 500, work=work, num_threads=3)
        let_every_thread_leave_its_last_task()
        del fail, x
        assert gone() is None
    finally:
        gc.enable()


# ---- fork ----

FORK = """
import os, warnings
import numpy as np
from alignment_fast.kernels.common import cpu, threads

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork with threads: the case under test
x = np.random.default_rng(0).standard_normal(100 * cpu.BLOCK)

def moments():
    blocks = np.zeros((100, 7))
    threads.for_blocks(lambda a, b: cpu.moments_blocks(x, a, b, blocks), 100, work=1e8, num_threads=2)
    return blocks.tobytes()

parent = moments()
child = os.fork()
if child == 0:
    os._exit(0 if moments() == parent else 1)
status = os.waitpid(child, 0)[1]
print("same bits" if status == 0 and moments() == parent else "differ")
"""

FORK_INSIDE = """
import os, warnings
from alignment_fast.kernels.common import threads

warnings.simplefilter("ignore", DeprecationWarning)
status = []

def run(first, last):
    if first == 0:
        child = os.fork()
        if child == 0:
            done = []
            threads.for_blocks(lambda a, b: done.append(b - a), 200, work=1e8, num_threads=2)
            os._exit(0 if sum(done) == 200 else 1)
        status.append(os.waitpid(child, 0)[1])

threads.for_blocks(run, 200, work=1e8, num_threads=2)
print(*status)
"""

DAEMON = """
import multiprocessing
from alignment_fast.kernels.common import threads

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.apply(threads.get_num_threads))
"""


@posix
def test_a_forked_child_has_its_own_pool():
    assert output_of(FORK) == "same bits"


@posix
def test_a_fork_while_the_pool_works():
    assert output_of(FORK_INSIDE) == "0"


@posix
def test_a_daemonic_process_uses_one_thread():
    assert output_of(DAEMON, ALIGNMENT_FAST_NUM_THREADS="5") == "1"


# ---- how many ----

ASK = "from alignment_fast.kernels.common import threads; print(threads.get_num_threads(), threads.cpu_count())"


@pytest.mark.parametrize(
    ("own", "openmp", "expected"),
    [
        ("3", None, 3),
        ("3", "5", 3),
        (None, "5", 5),
        (None, "4,2", 4),  # one number per nesting level
        ("", "6", 6),
        (" 7 ", None, 7),
    ],
)
def test_environment(own, openmp, expected):
    environment = {"ALIGNMENT_FAST_NUM_THREADS": own, "OMP_NUM_THREADS": openmp}
    assert int(output_of(ASK, **environment).split()[0]) == expected


def test_without_a_word_all_cpus_of_this_process():
    chosen, cpus = output_of(ASK, ALIGNMENT_FAST_NUM_THREADS=None, OMP_NUM_THREADS=None).split()
    assert chosen == cpus


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_affinity_counts():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + ASK
    assert output_of(code, ALIGNMENT_FAST_NUM_THREADS=None, OMP_NUM_THREADS=None) == "1 1"


@pytest.mark.parametrize("name", ["ALIGNMENT_FAST_NUM_THREADS", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "1e3", "²"])
def test_a_bad_environment_is_an_error_that_names_it(name, text):
    environment = {"ALIGNMENT_FAST_NUM_THREADS": None, "OMP_NUM_THREADS": None, name: text}
    process = run_python(ASK, **environment)
    assert process.returncode != 0
    assert f"ValueError: {name} must be a positive integer, not {text!r}" in process.stderr


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None, True, float("nan")])
def test_a_bad_number_is_an_error_that_names_it(bad):
    with pytest.raises(ValueError, match="num_threads must be a positive integer"):
        af.set_num_threads(bad)
    with pytest.raises(ValueError, match="num_threads must be a positive integer"):
        af.num_threads(bad)


def test_scopes_nest_and_end_with_an_exception():
    outside = af.get_num_threads()
    with af.num_threads(3):
        assert af.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError), af.num_threads(np.int64(2)):
            1 // (af.get_num_threads() - 2)
        assert af.get_num_threads() == 3
    assert af.get_num_threads() == outside


def test_a_scope_belongs_to_its_thread():
    outside = af.get_num_threads()
    with af.num_threads(outside + 1), ThreadPoolExecutor(1) as other:
        assert other.submit(af.get_num_threads).result() == outside


def test_set_num_threads_holds_until_changed():
    outside = af.get_num_threads()
    try:
        af.set_num_threads(3)
        assert af.get_num_threads() == 3
        with af.num_threads(2):
            assert af.get_num_threads() == 2
    finally:
        af.set_num_threads(outside)
