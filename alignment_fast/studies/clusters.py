"""Executors of other libraries, each loaded when it is asked for: loky, Dask, MPI, Ray."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

from alignment_fast.errors import BackendUnavailableError

__all__ = ["CLUSTERS"]

# Of a dashboard: with None, Dask takes port 8787 all the same, and warns where another has it.
ANY_PORT = "127.0.0.1:0"


@contextlib.contextmanager
def _needing(package: str) -> Iterator[None]:
    try:
        yield
    except (ImportError, RuntimeError) as error:  # mpi4py without an MPI library raises RuntimeError
        raise BackendUnavailableError(f"this executor needs {package}: pip install {package} ({error})") from error


def _loky(address: str, workers: int) -> Executor:
    with _needing("loky"):
        made: Executor = importlib.import_module("loky").ProcessPoolExecutor(max_workers=workers)
    return made


def _mpi(address: str, workers: int) -> Executor:
    with _needing("mpi4py"):
        made: Executor = importlib.import_module("mpi4py.futures").MPIPoolExecutor(max_workers=workers)
    return made


class _Dask(Executor):
    """The executor of a client of Dask, with as many workers as the cluster has threads, and closed with its client."""

    def __init__(self, address: str, workers: int) -> None:
        with _needing("dask[distributed]"):
            distributed = importlib.import_module("distributed")
        if address:
            self._client = distributed.Client(f"tcp://{address}" if "://" not in address else address, timeout=30)
        else:
            self._client = distributed.Client(n_workers=workers, threads_per_worker=1, dashboard_address=ANY_PORT)
        self._executor = self._client.get_executor(pure=False)
        self._max_workers = sum(self._client.nthreads().values())

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """Let one of the workers call a function."""
        future: Future[Any] = self._executor.submit(function, *arguments, **keywords)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; one that was started here ends."""
        self._executor.shutdown(wait=wait)
        self._client.close(timeout=10 if wait else 1)


class _Ray(Executor):
    """Tasks of Ray as futures: Ray has no executor of its own."""

    def __init__(self, address: str, workers: int) -> None:
        with _needing("ray"):
            self._ray = importlib.import_module("ray")
        self._joined_here = not self._ray.is_initialized()
        if self._joined_here:
            self._ray.init(address=address or None, num_cpus=None if address else workers, log_to_driver=False)
        self._max_workers = int(self._ray.cluster_resources().get("CPU", workers))

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """Let one of the workers call a function."""
        future: Future[Any] = self._ray.remote(function).remote(*arguments, **keywords).future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, unless the program had joined it before."""
        if self._joined_here:
            self._ray.shutdown()


# By name: made from an address, "" for one of its own, and a number of workers.
CLUSTERS: dict[str, Callable[[str, int], Executor]] = {"loky": _loky, "dask": _Dask, "mpi": _mpi, "ray": _Ray}
