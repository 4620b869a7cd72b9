"""Points handed to workers, a few at a time, and their rows taken back; whatever becomes of a worker, all come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any

from simulator.domain.plans import Plan
from simulator.sweeping.points import Row, fault_row, point_rows
from simulator.sweeping.pools import Pool, WorkerError

_AHEAD = 2  # batches a worker has: one that it solves, one that waits for it
_MOST_LOSSES = 3  # of the worker of one and the same point

Solved = list[tuple[str, list[Row]]]


@dataclass(frozen=True)
class Task:
    """A point to be solved."""

    key: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """What a worker needs beside the points; it travels with every batch.

    Attributes
    ----------
    plan_for : function
        From overrides to a plan; can be pickled.
    digest : str
        Of catalogue and program here.
    digest_there : function
        Gives that of the worker.
    """

    plan_for: Callable[[Mapping[str, Any]], Plan]
    digest: str
    digest_there: Callable[[], str]


def solve_tasks(work: Work, tasks: Sequence[Task]) -> Solved:
    """Solve points where this is called: on a worker; raises `WorkerError` where the catalogue is another one."""
    if work.digest_there() != work.digest:
        raise WorkerError(
            "a worker has another catalogue or version than this machine: install the same release on both"
        )
    return [(task.key, point_rows(task.overrides, work.plan_for)) for task in tasks]


def solved_batches(work: Work, batches: Iterator[list[Task]], pool: Pool) -> Iterator[Solved]:
    """Solve batches of points, in the order in which they are done.

    Batches are asked for as workers can take them, so that no more than a few are held. Those of a worker that is
    lost are solved again, point by point; a point that loses its worker three times is a row that says so.

    Raises
    ------
    WorkerError
        If a worker can't do the work.
    """
    waiting: dict[Future[Solved], list[Task]] = {}
    lost: deque[Task] = deque()
    while True:
        while len(waiting) < _AHEAD * pool.workers:
            batch = next(batches, None)
            if batch is None:
                break
            waiting[pool.executor.submit(solve_tasks, work, batch)] = batch
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            batch = waiting.pop(future)
            solved = _result(future, pool)
            if solved is None:
                lost.extend(batch)
            else:
                yield solved
        if lost:
            # A process that ends takes the whole pool of processes with it: what else is out there ends now as well.
            for future, batch in waiting.items():
                solved = _result(future, pool)
                if solved is None:
                    lost.extend(batch)
                else:
                    yield solved
            waiting.clear()
            pool.restart()
        while lost:
            yield [_alone(work, lost.popleft(), pool)]


def _alone(work: Work, task: Task, pool: Pool) -> tuple[str, list[Row]]:
    """A point with all workers to itself, so that none is blamed for another's loss."""
    for _ in range(_MOST_LOSSES):
        solved = _result(pool.executor.submit(solve_tasks, work, [task]), pool)
        if solved is not None:
            return solved[0]
        pool.restart()
    return task.key, [fault_row(f"its worker ended {_MOST_LOSSES} times while solving it; out of memory?")]


def _result(future: Future[Solved], pool: Pool) -> Solved | None:
    """What a worker found; None where it was lost."""
    try:
        return future.result()
    except pool.losses:
        return None
    except WorkerError:
        raise
    except CancelledError:
        raise WorkerError(
            "the workers are gone, or their scheduler; what was solved is kept, the same command goes on from there"
        ) from None
    except Exception as error:
        raise WorkerError(f"a worker failed: {type(error).__name__}: {error}") from error
