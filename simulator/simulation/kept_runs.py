"""Runs of fleets kept exactly: a scenario that differs from another in prices alone finds the runs that this one made.

A lane of the kernel knows nothing of the others, so what a volume was served with stands for it, bit for bit, whichever
volumes it was asked for with: a result never depends on what was asked before. (`SharedRuns` shares more, by load, and
is exact to its last digits only.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeAlias

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.fleet import FleetRun, serve
from simulator.simulation.service_table import NOT_TALLIED, ServiceTerms
from simulator.simulation.shared_runs import MOST_BLOCKS, has_more_parts, identity_of, rows_of, run_of

Lane: TypeAlias = tuple[float, float | None]  # requests per month; replicas, where they are given
Told: TypeAlias = tuple[Demand, Hashable]  # what the kernel is told but for the lane

_MOST_NUMBERS = 4_000_000  # in each of two generations: 32 MB
_ROWS_OF_DEMAND = 4  # what a demand that is kept with its runs takes itself, about, over the rows of its level


class KeptRuns:
    """`serve` with a memory. Threads may share one.

    What is kept is of two generations: when the younger is full, the elder goes, but for what was asked for again.
    """

    def __init__(self, serving: Callable[..., FleetRun] = serve, most_numbers: int = _MOST_NUMBERS) -> None:
        self._serving = serving
        self._most_numbers = most_numbers
        self._young: dict[Told, dict[Lane, Array]] = {}
        self._old: dict[Told, dict[Lane, Array]] = {}
        self._numbers = 0
        self._lock = Lock()

    def __call__(
        self,
        plan: FleetPlan,
        demand: Demand,
        requests_per_month: Array,
        *,
        block_ends: Steps | None = None,
        fixed_replicas: Array | None = None,
        service: ServiceTerms = NOT_TALLIED,
    ) -> FleetRun:
        """Totals by block and volume, as `serve` has them; what has more parts than are kept is served anew."""
        ends = demand.bill_ends if block_ends is None else block_ends
        volumes = np.atleast_1d(np.asarray(requests_per_month, dtype=np.float64))
        told = None if has_more_parts(plan, service) or ends.size > MOST_BLOCKS else _told(plan, demand, ends)
        if told is None:
            return self._serving(
                plan, demand, volumes, block_ends=block_ends, fixed_replicas=fixed_replicas, service=service
            )
        counts = [None] * volumes.size if fixed_replicas is None else fixed_replicas.tolist()
        lanes: list[Lane] = list(zip(volumes.tolist(), counts, strict=True))
        found = self._found(told, lanes)
        new = [place for place, lane in enumerate(lanes) if lane not in found]
        if new:
            given = None if fixed_replicas is None else fixed_replicas[new]
            run = self._serving(plan, demand, volumes[new], block_ends=block_ends, fixed_replicas=given)
            made = {lanes[place]: column.copy() for place, column in zip(new, rows_of(run).T, strict=True)}
            self._keep(told, made)
            found |= made
        table = np.ascontiguousarray(np.array([found[lane] for lane in lanes]).T)
        return run_of(table, demand, ends)

    def forget(self) -> None:
        """Forget every run, so that it is made anew."""
        with self._lock:
            self._young, self._old, self._numbers = {}, {}, 0

    def _found(self, told: Told, lanes: list[Lane]) -> dict[Lane, Array]:
        """What is kept of some lanes."""
        with self._lock:
            young, old = self._young.get(told, {}), self._old.get(told, {})
            again = {lane: old[lane].copy() for lane in lanes if lane in old and lane not in young}
            found = {lane: young[lane] for lane in lanes if lane in young} | again
        if again:
            self._keep(told, again)
        return found

    def _keep(self, told: Told, columns: dict[Lane, Array]) -> None:
        with self._lock:
            if told not in self._young:
                self._young[told] = {}
                self._numbers += _ROWS_OF_DEMAND * told[0].level.rows.size
            kept = self._young[told]
            self._numbers += sum(column.size for lane, column in columns.items() if lane not in kept)
            kept |= columns
            if self._numbers > self._most_numbers:
                self._young, self._old, self._numbers = {}, self._young, 0


def _told(plan: FleetPlan, demand: Demand, ends: Steps) -> Told | None:
    """What tells runs apart; None: a part of the plan can't be told from another one."""
    try:
        return demand, (identity_of(plan), ends.tobytes())
    except TypeError:
        return None


kept_runs = KeptRuns()
"""The memory of this process."""
