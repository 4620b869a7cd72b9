"""The law of a fleet's queue in every step, from what the simulation recorded and the table of waits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.queueing_tables import WaitTable
from simulator.simulation import sampled_queue
from simulator.simulation.fleet import StepRecord

LOAD_OF_FORMULA = 0.999  # at and above this the formula's settled queue is not reached within any horizon


@dataclass(frozen=True)
class Places:
    """What a replica serves: how much, and how many requests side by side."""

    requests_per_s_per_replica: float | Array  # at full load; a number or an array of shape (steps,)
    slots_per_replica: float | Array
    service_scv: float = 1.0  # variance of the service time over its squared mean

    @classmethod
    def of_service(cls, service_s: float, slots_per_replica: float = 1.0, service_scv: float = 1.0) -> Places:
        """Places given by the mean time that a request holds one. [s]"""
        return cls(slots_per_replica / service_s, slots_per_replica, service_scv)


@dataclass(frozen=True)
class QueueSteps:
    """The queue's law in every step; lengths in requests, times in steps."""

    steps: Array  # rows of `sampled_queue`
    capacity: Array  # requests that could be served by the start of each step, and by the end
    load: Array
    p_wait: Array
    wait_of_waiting: Array
    scv_of_waiting: Array
    settled: Array  # bool

    @classmethod
    def of(
        cls,
        record: StepRecord,
        step_s: float,
        places: Places,
        table: WaitTable,
        max_wait_s: float,
        prefill_s: float | Array | Callable[[Array], Array],
    ) -> QueueSteps:
        """The law of every step; arguments as of `latency_report`."""
        arriving = np.ascontiguousarray(record.arriving_requests, dtype=np.float64)
        served = record.ready_replicas * places.requests_per_s_per_replica * step_s
        with np.errstate(divide="ignore", invalid="ignore"):
            load = np.where(arriving > 0.0, arriving / served, 0.0)
        below = np.clip(load, 0.0, LOAD_OF_FORMULA)
        servers = np.maximum(record.ready_replicas * places.slots_per_replica, 1.0)
        log_p, spread, scv = table.at(servers, below)
        working = served > 0.0
        free = 1.0 - below
        scale = np.where(working, spread / free, 1.0)
        variance = np.where(load < LOAD_OF_FORMULA, 2.0 * served * spread, arriving + served * places.service_scv)
        with np.errstate(divide="ignore"):
            relaxation = spread / np.where(served > 0.0, served * (1.0 - np.sqrt(below)) ** 2, 1e-300)
        relaxation[(load >= LOAD_OF_FORMULA) | (~working & (arriving > 0.0))] = math.inf
        settled = np.zeros(arriving.size, dtype=np.bool_)
        sampled_queue.mark_settled(relaxation, scale, settled)
        with np.errstate(divide="ignore", invalid="ignore"):
            wait = np.where(working, scale / served, 0.0)
            # The formula knows nobody who leaves: where more than one in a hundred would, the queue is followed.
            settled &= np.exp(log_p - max_wait_s / step_s / wait) <= 0.01
        capacity = np.concatenate(([0.0], np.cumsum(served)))
        prefill = prefill_s(np.minimum(load, 1.0)) if callable(prefill_s) else prefill_s
        steps = np.zeros((sampled_queue.STEP_ROWS, arriving.size))
        steps[sampled_queue.ARRIVALS] = arriving
        steps[sampled_queue.DRIFT] = arriving - served
        steps[sampled_queue.SD] = np.sqrt(variance)
        steps[sampled_queue.FLOOR] = np.where(working, scale * log_p, 0.0)
        steps[sampled_queue.SCALE] = scale
        steps[sampled_queue.CEILING] = _most_ahead(capacity, max_wait_s / step_s)
        steps[sampled_queue.PREFILL] = np.asarray(prefill) / step_s
        return cls(steps, capacity, load, np.where(arriving > 0.0, np.exp(log_p), 0.0), wait, scv, settled)


def _most_ahead(capacity: Array, patience: float) -> Array:
    """Requests that the fleet takes within `patience` steps after the end of each step; the last capacity goes on."""
    ends = np.arange(1.0, capacity.size)
    if math.isinf(patience):
        return np.full(ends.size, math.inf)
    last_rate = capacity[-1] - capacity[-2]
    beyond = np.maximum(ends + patience - (capacity.size - 1), 0.0)
    return np.asarray(
        np.interp(ends + patience, np.arange(capacity.size), capacity) + beyond * last_rate - capacity[1:]
    )
