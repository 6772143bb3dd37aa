"""The only place that makes threads: a small, fork-aware pool over kernels that release the GIL.

Work comes as `n_blocks` fixed blocks; a task is a range of consecutive blocks and writes its own slots, so the
result does not depend on how ranges are cut or which thread takes them. No OpenMP runtime is linked: an OpenMP team
does not survive ``fork`` and spins on busy machines. Threads take ranges from a shared counter, so an unlucky one
does not hold up the rest. A range is at most about 10 ms of work: between ranges the interpreter sees Ctrl-C. Where a
single block is longer, the main thread leaves all work to the pool and waits, which Ctrl-C can interrupt.
"""

import contextlib
import itertools
import os
import queue
import sys
import threading
from concurrent.futures import Future, wait

# Below this much work (about one nanosecond per unit) waking a second thread costs more than it saves.
GRAIN = 65_536
# At most this much work before the interpreter gets to see Ctrl-C: within 100 ms even where it takes ten times as long
# as is thought (new memory, processors that others use).
CHUNK = 10_000_000
# Seconds of one wait for the pool.
WAIT = 0.05
# Ranges per thread when there is enough work: evens out unequal speeds.
RANGES_PER_THREAD = 8

_local = threading.local()
_default = None


def cpu_count():
    """Return the number of CPUs this process may use (affinity and cgroup quota)."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        return count
    if quota != "max":
        count = min(count, max(1, -(-int(quota) // int(period))))
    return count


def check(n, name="num_threads"):
    """Return `n` as a number of threads, or raise ValueError that names `name`."""
    if isinstance(n, bool) or not hasattr(n, "__index__") or n.__index__() < 1:
        raise ValueError(f"{name} must be a positive integer, not {n!r}")
    return n.__index__()


def _from_environment():
    for name in ("ALIGNMENT_FAST_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").strip()
        if name == "OMP_NUM_THREADS":
            text = text.partition(",")[0]  # "4,2" names one number per nesting level
        if text:
            if not text.isascii() or not text.isdigit() or int(text) < 1:
                raise ValueError(f"{name} must be a positive integer, not {text!r}")
            return int(text)
    return cpu_count()


def _is_daemonic():
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.current_process().daemon


def get_num_threads():
    """Return the number of threads a call uses when it is not told."""
    global _default
    scoped = getattr(_local, "scoped", None)
    if scoped is not None:
        return scoped
    if _default is None:
        _default = 1 if _is_daemonic() else _from_environment()
    return _default


def set_num_threads(n):
    """Set the number of threads for all later calls of this process."""
    global _default
    _default = check(n)


class num_threads:  # noqa: N801 - used as a context manager, named like the keyword
    """Context manager: use `n` threads in calls made by this thread inside the ``with`` block."""

    def __init__(self, n):
        self._n = check(n)
        self._outer = []

    def __enter__(self):
        self._outer.append(getattr(_local, "scoped", None))
        _local.scoped = self._n
        return self

    def __exit__(self, *exception):
        _local.scoped = self._outer.pop()


class _Pool:
    """Daemon threads on one queue, more of them as they are asked for.

    Not ThreadPoolExecutor: where Ctrl-C strikes while that starts a thread, the thread is not on its list of those to
    wake at exit, and the process hangs there.
    """

    def __init__(self):
        self._tasks = queue.SimpleQueue()
        self._size = 0
        self._lock = threading.Lock()

    def grow(self, size):
        """Have `size` threads, or as many as the system lets start; return how many there are."""
        with self._lock:
            while self._size < size:
                name = f"alignment_fast_{self._size + 1}"
                try:
                    threading.Thread(target=self._serve, name=name, daemon=True).start()
                except RuntimeError:  # no more threads for this process: those there are do the work
                    break
                self._size += 1
            return self._size

    def submit(self, work):
        future = Future()
        self._tasks.put((future, work))
        return future

    def _serve(self):
        while True:
            future, work = self._tasks.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del future, work  # an idle thread must not keep the caller's arrays alive


_pool = _Pool()


def _forget_pool():
    global _pool
    _pool = _Pool()  # the threads did not survive the fork
    _local.inside = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def for_blocks(run, n_blocks, *, work, num_threads=None):
    """Call ``run(first, last)`` over ranges that partition ``range(n_blocks)``.

    Parameters
    ----------
    run : callable
        Works on blocks ``first`` to ``last - 1``; releases the GIL in its loop; writes only what belongs to them.
    n_blocks : int
        Number of blocks; fixed by the problem, never by the number of threads.
    work : float
        Total work in units of about one nanosecond.
    num_threads : int, optional
        Default from `get_num_threads`. Nested calls and calls below the grain stay on this thread.

    """
    requested = num_threads if num_threads is None else check(num_threads)  # refused whatever the work
    if work <= GRAIN:
        run(0, n_blocks)
        return
    threads = get_num_threads() if requested is None else requested
    inside = getattr(_local, "inside", False)
    threads = 1 if inside else min(threads, n_blocks, int(work // GRAIN) + 1)
    if work > n_blocks * CHUNK and not inside and threading.current_thread() is threading.main_thread():
        _run_beside(run, n_blocks, threads)
        return
    pieces = max(work / CHUNK, threads * RANGES_PER_THREAD if threads > 1 else 1)
    step = max(1, int(n_blocks // pieces))
    if threads == 1:
        for first in range(0, n_blocks, step):
            run(first, min(first + step, n_blocks))
        return
    _run_parallel(run, n_blocks, step, threads)


def _run_parallel(run, n_blocks, step, threads):
    drain, stop = _drain(run, n_blocks, step)
    futures = []
    try:
        helpers = min(_pool.grow(threads - 1), threads - 1)
        for _ in range(helpers):
            futures.append(_pool.submit(drain))  # Ctrl-C between two of them must stop the first
        drain()
    except BaseException:
        stop.set()
        raise
    finally:
        # A future never started is simply taken back; others are waited for, so that results are the caller's alone.
        started = [future for future in futures if not future.cancel()]
        futures.clear()
        wait(started)
    _raise_first(started)


def _raise_first(futures):
    """Raise what the first future failed with, if one did.

    An exception's traceback holds this function's variables and its callers': were it, or its future, among them still,
    that circle would keep the arrays of the failed call until the collector runs.
    """
    try:
        while futures:
            futures.pop(0).result()
    finally:
        futures.clear()


def _run_beside(run, n_blocks, threads):
    """Run blocks of more than CHUNK each on the pool, while this thread waits and can be interrupted.

    After Ctrl-C a thread still finishes the block it is in the middle of: it holds the memory that it works on.
    """
    drain, stop = _drain(run, n_blocks, 1)
    helpers = min(_pool.grow(threads), threads)
    if helpers == 0:
        drain()
        return
    futures = []
    try:
        for _ in range(helpers):
            futures.append(_pool.submit(drain))
        for future in futures:
            while not future.done():
                with contextlib.suppress(TimeoutError):  # waits without a limit cannot be interrupted on every system
                    future.exception(timeout=WAIT)
    except BaseException:
        stop.set()
        for future in futures:
            future.cancel()
        raise
    _raise_first(futures)


def _drain(run, n_blocks, step):
    """Return a function that takes ranges of blocks until none is left, and the event that stops it."""
    counter = itertools.count(0, step)
    stop = threading.Event()

    def drain():
        _local.inside = True
        try:
            while not stop.is_set() and (first := next(counter)) < n_blocks:
                run(first, min(first + step, n_blocks))
        except BaseException:
            stop.set()
            raise
        finally:
            _local.inside = False

    return drain, stop
