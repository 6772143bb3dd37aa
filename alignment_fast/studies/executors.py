"""Where blocks are computed: threads, processes, or any executor of the interface of `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from alignment_fast import get_num_threads

__all__ = ["Workers", "follow_the_coordinator"]

Source = Executor | Callable[[], Executor] | str | None


def follow_the_coordinator() -> None:
    """In a worker process: leave Ctrl-C to the coordinator, and end when it ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(process: multiprocessing.process.BaseProcess) -> None:
    process.join()
    os._exit(1)


def _processes(workers: int) -> Executor:
    # Not fork: the coordinator has threads, and an open database.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=follow_the_coordinator)


class Workers:
    """An executor that can be made anew when its workers have died.

    Parameters
    ----------
    source : {None, "threads", "processes"}, Executor, or function that returns one
        An executor that is given ready-made is not shut down, and cannot be replaced.
    number : int, optional
        Workers to make; of other executors, how many they have. Default: as many as `alignment_fast.get_num_threads`.

    """

    def __init__(self, source: Source = None, number: int | None = None) -> None:
        if number is not None and number < 1:
            raise ValueError(f"workers must be a positive integer, not {number!r}")
        count = number or get_num_threads()
        self._make: Callable[[], Executor] | None
        self._own = True
        if source in (None, "threads"):
            self._make = lambda: ThreadPoolExecutor(count, thread_name_prefix="study")
        elif source == "processes":
            self._make = lambda: _processes(count)
        elif isinstance(source, str):
            raise ValueError(f"executor must be 'threads', 'processes', an Executor or a function, not {source!r}")
        elif callable(getattr(source, "submit", None)):
            self._make, self._own = None, False
        elif callable(source):
            self._make = source
        else:
            raise TypeError(f"executor must be an Executor or a function that returns one, not {source!r}")
        self.executor: Executor = source if self._make is None else self._make()  # type: ignore[assignment]
        known = getattr(self.executor, "_max_workers", None)
        self.number: int = number or (known if isinstance(known, int) else count)

    @property
    def can_be_replaced(self) -> bool:
        """Whether broken workers can be made anew."""
        return self._make is not None

    def replace(self) -> None:
        """Make new workers in the place of those that died."""
        assert self._make is not None
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor = self._make()

    def close(self, *, wait: bool) -> None:
        """Shut down the executor if it was made here."""
        if self._own:
            self.executor.shutdown(wait=wait, cancel_futures=True)
