"""What a sweep will take, told from a few of its points: time and room."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.sweeping.points import FAULT, point_rows
from simulator.sweeping.run import SweepJob
from simulator.sweeping.store import Store, bytes_of_rows, point_key

_TRIED = (0.0, 0.5, 1.0)  # where in the sweep the points lie that are solved


@dataclass(frozen=True)
class Estimate:
    """What is left of a sweep, and what it takes.

    Attributes
    ----------
    points, missing : int
        In all, and of which a store holds no result.
    seconds_per_point : float
        Of one worker, once it has started. [s]
    bytes_in_store : float
        That the missing points add to it. [bytes]
    faults : tuple of str
        What is wrong with points that were tried.
    """

    points: int
    missing: int
    seconds_per_point: float
    bytes_in_store: float
    faults: tuple[str, ...] = ()


def estimate(job: SweepJob, store: Store | None, clock: Callable[[], float] = time.perf_counter) -> Estimate:
    """Solve the first, the middle and the last point of a sweep, and tell from them what is left."""
    numbers = np.flatnonzero(job.chosen)
    if not numbers.size:
        return Estimate(0, 0, 0.0, 0.0)
    missing = numbers.size if store is None else _missing(job, store)
    places = {round(share * (numbers.size - 1)) for share in _TRIED}
    tried = [job.sweep.point(int(numbers[place])) for place in sorted(places)]
    point_rows(tried[0].overrides, job.base.plan_for)  # what is loaded and compiled once is no point's
    begin = clock()
    # Points that are the same have one key, and are kept once.
    rows = {
        point_key(job.base.identity(point.overrides), job.digest): point_rows(point.overrides, job.base.plan_for)
        for point in tried
    }
    seconds = (clock() - begin) / len(tried)
    faults = (str(of_point[0]["message"]) for of_point in rows.values() if of_point[0]["status"] == FAULT)
    size_bytes = bytes_of_rows(list(rows.items()), missing)
    return Estimate(numbers.size, missing, seconds, size_bytes, tuple(dict.fromkeys(faults)))


def _missing(job: SweepJob, store: Store) -> int:
    """How many points a store holds no result of."""
    missing = 0
    for part in job.points_in_parts():
        known = store.known([task.key for _, task in part])
        missing += sum(task.key not in known for _, task in part)
    return missing
