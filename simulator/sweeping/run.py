"""A sweep run into a store: what is there already is taken from it, the rest goes to the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.domain.plans import Plan
from simulator.domain.sweep import Sweep
from simulator.sweeping.execute import Task, Work, solved_batches
from simulator.sweeping.points import FAULT
from simulator.sweeping.pools import Pool
from simulator.sweeping.store import Progress, Store, point_key

_MOST_AT_ONCE = 16  # points of a batch: at most so many of a worker's are to be solved again if it is lost
_BATCHES_EACH = 8  # at least, for each worker, so that all end at about the same time
_LOOKED_UP = 256  # points held against the store at a time


class Base(Protocol):
    """The base of a sweep; `config.sweep_base.SweepBase` is one."""

    def plan_for(self, overrides: Mapping[str, Any]) -> Plan:
        """The plan of a point."""
        ...

    def identity(self, overrides: Mapping[str, Any]) -> bytes:
        """What the result of a point follows from, but for the catalogue and the program."""
        ...

    def value_of(self, key: str) -> object:
        """What the base sets a key to; raises `KeyError` where it does not."""
        ...

    def carrying_files(self) -> Base:
        """The base with the files it names, for workers that may not see them."""
        ...


@dataclass(frozen=True)
class SweepJob:
    """A sweep over its base, with what computes it.

    Attributes
    ----------
    sweep, base : Sweep and Base
        What is to be solved.
    name : str
        Of its folder.
    digest : str
        Of catalogue and program, part of the key of every point.
    version : str
        Of the program, to be read.
    """

    sweep: Sweep
    base: Base
    name: str
    digest: str
    version: str

    @property
    def key(self) -> str:
        """Of the sweep in a store. `where` is left out: it only chooses among the points."""
        told = self.sweep.model_dump_json(exclude={"where", "title"}) + self.name
        return point_key(self.base.identity({}) + told.encode(), self.digest)

    def size(self) -> int:
        """Number of points that meet the conditions."""
        return self.sweep.size if not self.sweep.where else int(self.chosen.sum())

    @cached_property
    def chosen(self) -> NDArray[np.bool_]:
        """Which points meet the conditions, by number. Shape (points of the sweep,)."""
        if not self.sweep.where:
            return np.ones(self.sweep.size, dtype=bool)
        chosen = np.zeros(self.sweep.size, dtype=bool)
        for point in self.sweep.chosen(self.base.value_of):
            chosen[point.number] = True
        return chosen

    def points(self) -> Iterator[tuple[int, Task]]:
        """Number and task of every point that meets the conditions, those of one demand in a row."""
        for point in self.sweep.chosen(self.base.value_of):
            key = point_key(self.base.identity(point.overrides), self.digest)
            yield point.number, Task(key, point.overrides)

    def points_in_parts(self) -> Iterator[list[tuple[int, Task]]]:
        """`points`, so many at a time as a store is asked about."""
        points = self.points()
        while part := list(islice(points, _LOOKED_UP)):
            yield part


def run_sweep(
    job: SweepJob,
    store: Store,
    pool: Pool,
    digest_there: Callable[[], str],
    *,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Solve every point of a sweep that the store does not hold.

    Parameters
    ----------
    job, store, pool : SweepJob, Store and Pool
        What is solved, where the rows go, and who works.
    digest_there : function
        Gives the digest of catalogue and program of the worker that calls it.
    retry_failed : bool
        Solve points again whose earlier result is a fault.
    on_progress : function, optional
        Called with the points of this sweep that are done, taken from the store or solved.

    Returns
    -------
    Progress
        Points done, and the faults among them.

    Raises
    ------
    StoreError, WorkerError
        If the store can't be written, or workers can't work; what was solved before stays.
    """
    size = job.size()
    store.begin(job.key, job.name, job.sweep.title, size, job.version)
    todo = _Todo(job, store, retry_failed)
    at_once = max(1, min(_MOST_AT_ONCE, size // (_BATCHES_EACH * pool.workers)))
    tasks = todo.tasks()
    batches = iter(lambda: list(islice(tasks, at_once)), [])
    work = Work(job.base.plan_for, job.digest, digest_there)
    for solved in solved_batches(work, batches, pool):
        store.add(solved)
        for key, rows in solved:
            todo.finished(key, is_fault=rows[0]["status"] == FAULT)
        if on_progress is not None:
            on_progress(todo.progress)
    return todo.progress


class _Todo:
    """Points of a sweep: those that the store holds are done, one that is out with a worker is not sent twice."""

    def __init__(self, job: SweepJob, store: Store, retry_failed: bool) -> None:
        self._job, self._store, self._retry_failed = job, store, retry_failed
        self._waiting: dict[str, int] = {}  # points of the sweep by key, out with a worker
        self._retried: set[str] = set()  # faults that were solved in this run
        self._since: dict[str, bool] = {}  # solved since the store was last asked, with whether they are a fault
        self.progress = Progress(0, 0)

    def tasks(self) -> Iterator[Task]:
        """Points to be solved, entered in the store as they are asked for."""
        for part in self._job.points_in_parts():
            self._store.enter(self._job.key, [(number, task.key) for number, task in part])
            self._since = {}
            known = self._store.known([task.key for _, task in part])
            for _, task in part:
                is_fault = self._since.get(task.key, known.get(task.key))
                if task.key in self._waiting:
                    self._waiting[task.key] += 1
                elif is_fault is None or (is_fault and self._is_retried(task.key)):
                    self._waiting[task.key] = 1
                    yield task
                else:
                    self._count(1, is_fault)

    def finished(self, key: str, *, is_fault: bool) -> None:
        """A point was solved, and with it those of the sweep that are the same."""
        self._since[key] = is_fault
        if is_fault:
            self._retried.add(key)
        self._count(self._waiting.pop(key), is_fault)

    def _is_retried(self, key: str) -> bool:
        return self._retry_failed and key not in self._retried

    def _count(self, points: int, is_fault: bool) -> None:
        self.progress = Progress(self.progress.solved + points, self.progress.faults + is_fault * points)


def forget_points(job: SweepJob, store: Store) -> None:
    """Forget what a store holds of the points of a sweep, whichever sweep had them solved."""
    for part in job.points_in_parts():
        store.forget(task.key for _, task in part)


def missing_points(job: SweepJob, store: Store, most: int, *, retry_failed: bool = False) -> int:
    """How many points are to be solved; no further than `most` are counted."""
    missing: set[str] = set()
    for part in job.points_in_parts():
        if len(missing) >= most:
            break
        known = store.known([task.key for _, task in part])
        missing |= {task.key for _, task in part if task.key not in known or (retry_failed and known[task.key])}
    return min(len(missing), most)
