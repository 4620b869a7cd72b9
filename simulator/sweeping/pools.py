"""Where points are solved: in this process, in threads or processes of this machine, or on a Dask cluster.

Each is a `concurrent.futures.Executor`; a pool adds how many workers there are, what a task ends with whose worker is
gone, and how to begin again then.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import wait
from typing import Any, Literal

Kind = Literal["processes", "threads"]

# Every worker is one of `jobs`: the libraries below it must not each take all cores as well.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_PATIENCE_AT_END_S = 5.0
_PATIENCE_S = 20  # for a scheduler to answer
_PRELOADED = ["simulator.catalogue.planning", "simulator.config.sweep_base", "simulator.sweeping.points"]


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerError(OSError):
    """Workers can't do the work: none there, another catalogue or version, or a failure that is no point's own."""


class Pool:
    """An executor that can be begun again.

    Attributes
    ----------
    executor : Executor
        The one in use.
    workers : int
        How many points it solves at a time.
    losses : tuple of exception types
        What a task ends with whose worker is gone.
    """

    losses: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self, workers: int, make: Callable[[], Executor]) -> None:
        self.workers = workers
        self._make = make
        self.executor = make()

    def restart(self) -> None:
        """Begin again after workers were lost."""
        self.executor.shutdown(wait=False)
        self.executor = self._make()

    def close(self, *, at_once: bool) -> None:
        """End the workers; `at_once`: without waiting for what they do."""
        if at_once and isinstance(self.executor, ProcessPoolExecutor):
            _end_processes(self.executor)
        elif isinstance(self.executor, ThreadPoolExecutor):
            self.executor.shutdown(wait=not at_once, cancel_futures=at_once)  # else the program would end after them
        else:
            self.executor.shutdown(wait=not at_once)


@contextmanager
def local_pool(jobs: int, kind: Kind = "processes") -> Iterator[Pool]:
    """Workers on this machine; with one job the calling thread is the worker."""
    if jobs == 1:
        pool = Pool(1, _Here)
    elif kind == "threads":
        pool = Pool(jobs, lambda: ThreadPoolExecutor(jobs))
    else:
        pool = Pool(jobs, lambda: _processes(jobs))
    yield from _used(pool)


@contextmanager
def cluster_pool(address: str, jobs: int) -> Iterator[Pool]:
    """Workers of a Dask cluster: of a scheduler by its address, or `local`: as many new processes as jobs.

    Raises
    ------
    ValueError
        If Dask is not installed.
    OSError
        If there is no scheduler at the address.
    """
    try:
        import distributed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise ValueError("--cluster needs Dask: pip install 'breakeven-simulator[cluster]'") from None
    dask: Any = distributed  # it has types for some of its functions only

    class Cluster(Pool):
        losses = (KilledWorker,)

    with _one_thread_each():
        cluster = None
        if address == "local":
            cluster = dask.LocalCluster(
                n_workers=jobs, threads_per_worker=1, dashboard_address=None, silence_logs="ERROR"
            )
    try:
        with dask.Client(cluster if cluster is not None else address, timeout=_PATIENCE_S) as client:
            try:
                client.wait_for_workers(1, timeout=_PATIENCE_S)
            except TimeoutError:
                raise WorkerError(f"{address}: the scheduler has no workers") from None
            threads = sum(client.nthreads().values())
            yield from _used(Cluster(threads, lambda: client.get_executor(pure=False)))
    finally:
        if cluster is not None:
            cluster.close()


def _used(pool: Pool) -> Iterator[Pool]:
    try:
        yield pool
    except BaseException:
        pool.close(at_once=True)
        raise
    pool.close(at_once=False)


class _Here(Executor):
    """Solves what is handed in, in the calling thread, before it returns."""

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _processes(jobs: int) -> ProcessPoolExecutor:
    """New processes that know nothing of this one's threads, each with one thread for arithmetic."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker)
    try:
        with _one_thread_each(), _interrupts_later():  # workers start under these settings
            if method == "forkserver":
                context.set_forkserver_preload(_PRELOADED)
                _start_forkserver()
            for started in [executor.submit(int) for _ in range(jobs)]:
                started.result()
    except BrokenExecutor as error:
        raise WorkerError(f"processes can't be started ({error}); fewer --jobs, or --threads, need less") from None
    except BaseException:
        _end_processes(executor)
        raise
    return executor


def _end_processes(executor: ProcessPoolExecutor) -> None:
    """End the workers, whatever they do, and wait a moment for what looks after them, else it speaks at the exit."""
    processes: Mapping[int, Any] = executor._processes or {}
    manager: Any = executor._executor_manager_thread
    for process in list(processes.values()):
        process.terminate()
    executor.shutdown(wait=False)
    if manager is not None:
        manager.join(_PATIENCE_AT_END_S)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold an interrupt back until the block is done: processes that have only half started would tell of it at length.

    Threads other than the main one have none to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


def _start_forkserver() -> None:
    """Start what forks the workers; it takes over that interrupts are ignored, and leaves them to this process."""
    if threading.current_thread() is not threading.main_thread():
        forkserver.ensure_running()
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_worker() -> None:
    """Leave interrupts to the main process, and end with it even where it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
