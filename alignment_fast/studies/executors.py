"""Where blocks are computed: threads, processes, or any executor of the interface of `concurrent.futures`."""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from alignment_fast import get_num_threads
from alignment_fast.studies.clusters import CLUSTERS
from alignment_fast.studies.errors import StudyError
from alignment_fast.studies.functions import user_function

__all__ = ["Workers", "follow_the_coordinator"]

Source = Executor | Callable[[], Executor] | str | None


class Threads(Executor):
    """Threads that do not keep a process alive which was interrupted, as those of ThreadPoolExecutor do."""

    def __init__(self, number: int) -> None:
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name="study", daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """Let one of the threads call a function."""
        future: Future[Any] = Future()
        self._work.put((future, lambda: function(*arguments, **keywords)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads after what they are at, or after all that was submitted."""
        with contextlib.suppress(queue.Empty):
            while cancel_futures:
                item = self._work.get_nowait()
                if item is not None:
                    item[0].cancel()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads if wait else ():
            thread.join()


class Processes(ProcessPoolExecutor):
    """Processes that can be ended in the middle of their work."""

    def __init__(self, number: int) -> None:
        # Not fork: the coordinator has threads, and an open database.
        context = multiprocessing.get_context("spawn")
        self._end = context.Event()
        super().__init__(number, mp_context=context, initializer=follow_the_coordinator, initargs=(self._end,))

    def end(self) -> None:
        """End the processes now."""
        self._end.set()


def follow_the_coordinator(end: Event | None = None) -> None:
    """In a worker process: leave Ctrl-C to the coordinator, and end when it ends, even if it is killed, or says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    waits = [*([parent.join] if parent is not None else []), *([end.wait] if end is not None else [])]
    for wait in waits:
        threading.Thread(target=_end_after, args=(wait,), daemon=True).start()


def _end_after(wait: Callable[[], object]) -> None:
    wait()
    os._exit(1)


class Workers:
    """An executor that can be made anew when its workers have died.

    Parameters
    ----------
    source : {None, "threads", "processes", ...}, Executor, or function that returns one
        An executor that is given ready-made is not shut down, and cannot be replaced. Names are those of `CLUSTERS` as
        well, and ``"module:function"``, where the function returns an executor.
    number : int, optional
        Workers to make; of other executors, how many they have. Default: as many as `alignment_fast.get_num_threads`.
    folder : path
        Where modules are looked for besides those that are installed.

    """

    def __init__(self, source: Source = None, number: int | None = None, folder: Path = Path()) -> None:
        if number is not None and number < 1:
            raise ValueError(f"workers must be a positive integer, not {number!r}")
        count = number or get_num_threads()
        self._own = True
        self._make: Callable[[], Executor] | None
        if source is None or isinstance(source, str):
            self._make = _factory("threads" if source is None else source, count, folder)
        elif callable(getattr(source, "submit", None)):
            self._make, self._own = None, False
        elif callable(source):
            self._make = source
        else:
            raise TypeError(f"executor must be an Executor or a function that returns one, not {source!r}")
        self.executor: Executor = source if self._make is None else self._make()  # type: ignore[assignment]
        known = getattr(self.executor, "_max_workers", None)
        self.number: int = number or (known if isinstance(known, int) and known > 0 else count)

    @property
    def can_be_replaced(self) -> bool:
        """Whether broken workers can be made anew."""
        return self._make is not None

    def replace(self) -> None:
        """Make new workers in the place of those that died."""
        assert self._make is not None
        _shut(self.executor, wait=False)
        try:
            self.executor = self._make()
        except (OSError, TimeoutError) as error:
            raise StudyError(f"no new workers can be had: {type(error).__name__}: {error}") from error

    def close(self, *, wait: bool) -> None:
        """Shut down the executor if it was made here; without `wait`, in the middle of its work where that can be."""
        if not self._own:
            return
        if not wait and isinstance(self.executor, Processes):
            self.executor.end()
        _shut(self.executor, wait=wait)


def _shut(executor: Executor, *, wait: bool) -> None:
    try:
        executor.shutdown(wait=wait, cancel_futures=True)
    except TypeError:  # of loky, which is older than that keyword
        executor.shutdown(wait=wait)


def _factory(name: str, count: int, folder: Path) -> Callable[[], Executor]:
    """Return what makes the executor of that name."""
    kind, _, rest = name.partition("://")
    if name == "threads":
        return lambda: Threads(count)
    if name == "processes":
        return lambda: Processes(count)
    if kind in CLUSTERS:
        return lambda: CLUSTERS[kind](rest, count)
    if ":" in name and "://" not in name:
        return lambda: _made_by(name, folder)
    raise ValueError(
        f"executor must be 'threads', 'processes', {', '.join(map(repr, CLUSTERS))}, 'dask://ADDRESS', "
        f"'MODULE:FACTORY', an Executor or a function, not {name!r}"
    )


def _made_by(name: str, folder: Path) -> Executor:
    """Return the executor that the user's function ``"module:function"`` makes."""
    function = user_function(name, folder)
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise ValueError(f"executor {name!r} must be callable without arguments: {error}") from None
    except ValueError:  # compiled functions may not say what they take
        pass
    made: Executor = function()
    if not callable(getattr(made, "submit", None)):
        raise ValueError(f"executor {name!r} must return an Executor, not {made!r}")
    return made
