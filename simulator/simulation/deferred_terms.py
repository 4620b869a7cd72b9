"""Terms of the work that can wait, in steps and lanes, and what a pass through the kernel made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation import deferring
from simulator.simulation.demand import Demand
from simulator.simulation.step_counts import patience_steps


@dataclass(frozen=True)
class DeferredTerms:
    """What `deferring.defer` needs: its numbers, its memory, of no rows where nothing can wait, and its record."""

    numbers: Array
    memory: Array
    record: Array

    @property
    def ring_steps(self) -> int:
        """Steps of arrivals that it looks back on."""
        return int(self.numbers[deferring.DEADLINE_STEPS])

    @property
    def queue(self) -> Array:
        """Work that waits now, lane by lane; shape (LANES,), zero where nothing can wait."""
        if not self.memory.size:
            return np.zeros(deferring.LANES)
        return self.memory[deferring.QUEUE : deferring.QUEUE + deferring.LANES]


def deferred_terms(plan: FleetPlan, demand: Demand, memory: Array, record: Array) -> DeferredTerms:
    """Terms of a fleet's work that can wait; `memory` has `memory_rows` rows of lanes."""
    numbers = np.zeros(deferring.NUMBERS_SIZE)
    if plan.deferred is not None:
        steps, fraction = patience_steps(plan.deferred.deadline_s, demand)
        numbers[:] = [deferred_ratio(plan), max(steps, 0), fraction, 1e290 if steps < 0 else 0.0]
    return DeferredTerms(numbers, memory, record)


def memory_rows(plan: FleetPlan) -> int:
    """Rows of memory, a number a lane each, that the work that can wait takes."""
    return 0 if plan.deferred is None else deferring.MEMORY_ROWS


def deferred_ratio(plan: FleetPlan) -> float:
    """Work that can wait over the other, of all that arrives; 0 where none can. [1]"""
    return 0.0 if plan.deferred is None else plan.deferred.seconds_per_request / plan.seconds_per_request


@dataclass(frozen=True)
class DeferredRecord:
    """What became of the work that can wait in every step, in mean requests of the scenario; arrays (steps,)."""

    served_requests: Array
    left_requests: Array  # at their deadline
    waiting_requests: Array  # at the end of the step


@dataclass(frozen=True)
class DeferredRun:
    """Totals of the work that can wait, each in requests of the scenario of whose mean one it is a part.

    Arrays of shape (blocks, lanes) but `waiting_requests` (lanes,). As many arrive as of the other work. `ratio` is the
    work of this part of a mean request over that of the other.
    """

    served_requests: Array
    left_requests: Array
    waiting_requests: Array
    ratio: float
    record: DeferredRecord | None
