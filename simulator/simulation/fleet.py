"""A fleet plan run through the kernel: for many volumes at once, or for one with every step recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.plans import Array, FleetPlan, WorkShares
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation import arrivals, deferring, kernel, paying, rules_of_change, service_tally, spot
from simulator.simulation.compiled import handed_on
from simulator.simulation.deferred_terms import (
    DeferredRecord,
    DeferredRun,
    DeferredTerms,
    deferred_ratio,
    deferred_terms,
    memory_rows,
)
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.lanes import LaneArrivals, lane_arrivals
from simulator.simulation.paying_terms import paying_terms
from simulator.simulation.service_table import NOT_TALLIED, ServiceTerms
from simulator.simulation.spot_terms import spot_terms
from simulator.simulation.steering import Steering, rounded_durations, steering
from simulator.simulation.step_counts import patience_steps

__all__ = ["FleetRun", "StepRecord", "rounded_durations", "serve"]

CONSERVATION_TOLERANCE = 1e-9
_CACHE_LINE = 8  # numbers


@dataclass(frozen=True)
class StepRecord:
    """What happened in every step, in replicas and requests. Arrays of shape (steps,)."""

    arriving_requests: Array
    served_requests: Array
    overflow_requests: Array
    queued_requests: Array  # at the end of the step
    ready_replicas: Array  # mean over the step
    billed_replicas: Array


@dataclass(frozen=True)
class FleetRun:
    """Totals of a fleet by block of steps and lane; arrays of shape (blocks, lanes) but `queued_requests` (lanes,)."""

    arriving_requests: Array
    served_requests: Array
    overflow_requests: Array
    queued_requests: Array
    billed_replica_hours: Array
    peak_billed_replicas: Array
    above_base_replica_hours: Array  # of the billed ones, in each step those above the base
    spot_replica_hours: Array  # of those, on spot
    interruptions: Array  # replicas taken back
    site_replica_hours: Array  # paid at each of several sites; shape (sites, blocks, lanes), none where there is one
    month_starts: Steps  # first block of each month
    record: StepRecord | None
    waited_request_s: Array  # requests times their wait; 0 where it is not tallied
    late_requests: Array
    deferred: DeferredRun | None = None  # of the work that can wait; the others are of the rest

    @property
    def busy_requests(self) -> Array:
        """All work served, in requests of which the part that does not wait takes as much. Shape (blocks, lanes)."""
        if self.deferred is None:
            return self.served_requests
        return self.served_requests + self.deferred.ratio * self.deferred.served_requests

    @property
    def mean_requests(self) -> Array:
        """All work served, in mean requests of the scenario. Shape (blocks, lanes)."""
        return self.busy_requests if self.deferred is None else self.busy_requests / (1.0 + self.deferred.ratio)


def serve(
    plan: FleetPlan,
    demand: Demand,
    requests_per_month: Array,
    *,
    grown: bool = False,
    record: bool = False,
    block_ends: Steps | None = None,
    base_replicas: Array | float | None = None,
    fixed_replicas: Array | None = None,
    service: ServiceTerms = NOT_TALLIED,
) -> FleetRun:
    """Serve the demand at each of several volumes with a fleet of its own.

    Parameters
    ----------
    plan : FleetPlan
        The fleet.
    demand : Demand
        The profile and its calendar.
    requests_per_month : array of shape (n,)
        Mean demand of month 0. [requests per month of 730 h]
    grown : bool
        Whether the growth of each month is on the profile (a simulation over time) or not (run rate).
    record : bool
        Keep every step; for one volume only.
    block_ends : int array of shape (blocks,), optional
        First step after each block to sum over, the ends of the bill months among them; left out: the bill months.
    base_replicas : float or array of shape (n,), optional
        Replicas of each fleet that are paid apart; left out: the plan's.
    fixed_replicas : array of shape (n,), optional
        Replicas of each fleet, where it is a fixed one; left out: the plan's.
    service : ServiceTerms, optional
        Table of the waits to tally; left out: none are.

    Returns
    -------
    FleetRun
        Totals by block and volume.

    Raises
    ------
    ValueError
        If a volume is negative or not finite.
    RuntimeError
        If requests were lost or made: arrived must be served + overflow + queued, to 1e-9.
    """
    volumes = np.atleast_1d(np.asarray(requests_per_month, dtype=np.float64))
    if not np.all(np.isfinite(volumes)) or np.any(volumes < 0):
        raise ValueError(f"requests_per_month is {requests_per_month}, must be finite and at least 0")
    steered = steering(plan, demand)
    base = np.broadcast_to(np.asarray(plan.base_replicas if base_replicas is None else base_replicas), volumes.shape)
    months = demand.bill_ends
    ends = months if block_ends is None else block_ends
    size = volumes.size
    sums = np.zeros((ends.size, kernel.SUM_ROWS, size))
    queue, waiting = np.zeros(size), np.zeros(size)
    at_sites = np.zeros((len(plan.sites), ends.size, size))
    deferred_record = np.zeros((deferring.RECORD_ROWS, demand.steps if record else 0))
    steps_record = np.zeros((kernel.RECORD_ROWS, demand.steps if record else 0))
    rising = np.argsort(volumes, kind="stable")
    for start in range(0, size, kernel.LANES):
        lanes = rising[start : start + kernel.LANES]
        arriving = lane_arrivals(plan, demand, volumes[lanes], grown=grown)
        base_of_lanes = np.zeros(kernel.LANES)
        base_of_lanes[: lanes.size] = base[lanes]
        sizes = _fleet_size(plan, arriving, None if fixed_replicas is None else fixed_replicas[lanes])
        terms = deferred_terms(plan, demand, _aligned_zeros(memory_rows(plan) * kernel.LANES), deferred_record)
        by_row, left, by_site = _run_lanes(
            plan, demand, ends, steered, base_of_lanes, sizes, arriving, steps_record, terms, service
        )
        sums[:, :, lanes], queue[lanes] = by_row[:, :, : lanes.size], left[: lanes.size]
        waiting[lanes] = terms.queue[: lanes.size]
        if plan.sites:
            at_sites[:, :, lanes] = by_site[:, :, : lanes.size]
    _check_conservation(plan, demand, volumes, sums, queue, grown=grown)

    per_step = demand.step_s / plan.seconds_per_request  # requests in a replica-step of work
    hours = demand.step_s / SECONDS_PER_HOUR
    return FleetRun(
        arriving_requests=sums[:, kernel.ARRIVED] * per_step,
        served_requests=sums[:, kernel.SERVED] * per_step,
        overflow_requests=sums[:, kernel.OVERFLOW] * per_step,
        queued_requests=queue * per_step,
        billed_replica_hours=sums[:, kernel.BILLED] * hours,
        peak_billed_replicas=sums[:, kernel.PEAK_BILLED],
        above_base_replica_hours=sums[:, kernel.ABOVE_BASE] * hours,
        spot_replica_hours=sums[:, kernel.SPOT_BILLED] * hours,
        interruptions=sums[:, kernel.INTERRUPTED],
        site_replica_hours=at_sites * hours,
        month_starts=np.concatenate(([0], np.searchsorted(ends, months[:-1]) + 1)),
        record=_step_record(steps_record, per_step) if record else None,
        waited_request_s=sums[:, kernel.WAITED] * (per_step * demand.step_s),
        late_requests=sums[:, kernel.LATE] * per_step,
        deferred=_deferred_run(plan, demand, sums, waiting, deferred_record),
    )


def _fleet_size(plan: FleetPlan, arriving: LaneArrivals, fixed_replicas: Array | None) -> Array:
    """Replicas of a fixed fleet in each lane, before the increment: the count, or the sampled peak over the target."""
    policy = plan.autoscaling
    sizes = np.zeros(kernel.LANES)
    if not isinstance(policy, FixedFleet):
        return sizes
    if fixed_replicas is not None:
        sizes[: fixed_replicas.size] = fixed_replicas
        return sizes
    if policy.count is not None:
        return sizes + float(policy.count)
    return arriving.greatest() / policy.target_share


def _run_lanes(
    plan: FleetPlan,
    demand: Demand,
    ends: Steps,
    steered: Steering,
    base: Array,
    sizes: Array,
    arriving: LaneArrivals,
    record: Array,
    deferred: DeferredTerms,
    service: ServiceTerms,
) -> tuple[Array, Array, Array]:
    """One kernel pass over at most LANES volumes: sums (blocks, rows, lanes), the queues left, and what sites get."""
    decision = steered.decision
    patience, patience_fraction = patience_steps(plan.max_wait_s, demand)
    memory = _aligned_zeros(decision.memory_rows * kernel.LANES)
    memory[: kernel.LANES] = sizes
    spot_numbers, draws, spot_rows = spot_terms(plan, demand, base)
    is_split = plan.spot is not None or bool(np.any(base > 0))
    terms = paying_terms(plan, demand.step_s, base)
    paid = np.zeros((ends.size if terms.is_needed else 0, 1 + terms.sites, kernel.LANES))
    timing = [decision.reaction_steps, patience, steered.looks_ahead_steps, int(is_split), int(terms.is_needed)]
    back = max(decision.reaction_steps, patience, deferred.ring_steps, 0)
    ahead = max(-decision.reaction_steps, 0)
    sums = np.zeros(ends.size * kernel.SUM_ROWS * kernel.LANES)
    queue = np.zeros(kernel.LANES)
    kernel.run_lanes(
        handed_on(arrivals.arrive),
        *arriving.arguments,
        ends,
        handed_on(decision.decide.compiled),
        decision.parameters,
        memory,
        handed_on(steered.follow.compiled),
        handed_on(rules_of_change.limit_change),
        steered.numbers,
        steered.counts.copy(),
        _aligned_zeros(steered.window_rows * kernel.LANES),
        handed_on(spot.take_back),
        spot_numbers,
        draws,
        _aligned_zeros(spot_rows * kernel.LANES),
        handed_on(paying.pay),
        terms.numbers,
        terms.counts,
        _aligned_zeros(terms.memory_rows * kernel.LANES),
        paid.reshape(-1),
        np.array(timing, dtype=np.int64),
        patience_fraction,
        handed_on(deferring.defer),
        deferred.numbers,
        deferred.memory,
        deferred.record,
        _aligned_zeros((back + ahead + kernel.BLOCK) * kernel.LANES).reshape(-1, kernel.LANES),
        handed_on(service_tally.tally_service),
        service.numbers,
        service.table,
        _aligned_zeros(kernel.STATE_SIZE),
        sums,
        queue,
        record,
    )
    by_row = sums.reshape(ends.size, kernel.SUM_ROWS, kernel.LANES)
    if not is_split:
        by_row[:, kernel.ABOVE_BASE] = by_row[:, kernel.BILLED]
    if terms.is_needed:
        by_row[:, kernel.PEAK_BILLED] = paid[:, paying.PEAK]  # people look after those that run, not those paid for
    return by_row, queue, np.moveaxis(paid[:, 1:], 1, 0)


def _aligned_zeros(size: int) -> Array:
    """Zeros that begin on a cache line."""
    memory = np.zeros(size + _CACHE_LINE)
    first = -(memory.ctypes.data // memory.itemsize) % _CACHE_LINE
    return memory[first : first + size]


def _check_conservation(
    plan: FleetPlan, demand: Demand, volumes: Array, sums: Array, queue: Array, *, grown: bool
) -> None:
    """Refuse a result in which requests were lost or made, or other ones arrived than the demand holds."""
    arrived = sums[:, kernel.ARRIVED].sum(axis=0)
    accounted = (sums[:, kernel.SERVED] + sums[:, kernel.OVERFLOW]).sum(axis=0) + queue
    _check_equal(plan, demand.step_s, arrived, accounted)
    if demand.is_smooth and plan.work == WorkShares():
        profile = demand.profile * demand.growth_by_step if grown else demand.profile
        _check_equal(
            plan, demand.step_s, volumes * (plan.seconds_per_request / SECONDS_PER_MONTH * profile.sum()), arrived
        )


def _check_equal(plan: FleetPlan, step_s: float, arrived: Array, accounted: Array) -> None:
    error = np.abs(accounted - arrived)
    if np.any(error > CONSERVATION_TOLERANCE * np.maximum(arrived, 1e-300)):
        worst = int(np.argmax(error / np.maximum(arrived, 1e-300)))
        raise RuntimeError(
            f"{plan.name}: {arrived[worst] * step_s:g} replica-seconds arrived, {accounted[worst] * step_s:g} were "
            "served, overflowed or are queued; the simulation lost or made work"
        )


def _deferred_run(plan: FleetPlan, demand: Demand, sums: Array, waiting: Array, record: Array) -> DeferredRun | None:
    """What became of the work that can wait; as much of it was served, has left or waits as arrived."""
    if plan.deferred is None:
        return None
    served, left = sums[:, kernel.DEFERRED_SERVED], sums[:, kernel.DEFERRED_LEFT]
    arrived = deferred_ratio(plan) * sums[:, kernel.ARRIVED].sum(axis=0)
    _check_equal(plan, demand.step_s, arrived, (served + left).sum(axis=0) + waiting)
    per_step = demand.step_s / plan.deferred.seconds_per_request
    of_steps = DeferredRecord(*(record * per_step)) if record.shape[1] else None
    return DeferredRun(served * per_step, left * per_step, waiting * per_step, deferred_ratio(plan), of_steps)


def _step_record(record: Array, per_step: float) -> StepRecord:
    return StepRecord(
        arriving_requests=record[kernel.RECORD_ARRIVED] * per_step,
        served_requests=record[kernel.RECORD_SERVED] * per_step,
        overflow_requests=record[kernel.RECORD_OVERFLOW] * per_step,
        queued_requests=record[kernel.RECORD_QUEUE] * per_step,
        ready_replicas=record[kernel.RECORD_READY],
        billed_replicas=record[kernel.RECORD_BILLED],
    )
