"""A fleet plan run through the kernel: for many volumes at once, or for one with every step recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.plans import Array, FleetPlan, WorkShares
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation import arrivals, kernel, rules_of_change, service_tally, spot
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.lanes import LaneArrivals, lane_arrivals
from simulator.simulation.service_table import NOT_TALLIED, ServiceTerms
from simulator.simulation.spot_terms import spot_terms
from simulator.simulation.steering import Steering, rounded_durations, steering
from simulator.simulation.step_counts import whole_steps

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
    month_starts: Steps  # first block of each month
    record: StepRecord | None
    waited_request_s: Array  # requests times their wait; 0 where it is not tallied
    late_requests: Array


def serve(
    plan: FleetPlan,
    demand: Demand,
    requests_per_month: Array,
    *,
    grown: bool = False,
    record: bool = False,
    block_ends: Steps | None = None,
    base_replicas: Array | float | None = None,
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
    queue = np.zeros(size)
    steps_record = np.zeros((kernel.RECORD_ROWS, demand.steps if record else 0))
    rising = np.argsort(volumes, kind="stable")
    for start in range(0, size, kernel.LANES):
        lanes = rising[start : start + kernel.LANES]
        arriving = lane_arrivals(plan, demand, volumes[lanes], grown=grown)
        base_of_lanes = np.zeros(kernel.LANES)
        base_of_lanes[: lanes.size] = base[lanes]
        by_row, left = _run_lanes(plan, demand, ends, steered, base_of_lanes, arriving, steps_record, service)
        sums[:, :, lanes], queue[lanes] = by_row[:, :, : lanes.size], left[: lanes.size]
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
        month_starts=np.concatenate(([0], np.searchsorted(ends, months[:-1]) + 1)),
        record=_step_record(steps_record, per_step) if record else None,
        waited_request_s=sums[:, kernel.WAITED] * (per_step * demand.step_s),
        late_requests=sums[:, kernel.LATE] * per_step,
    )


def _fleet_size(plan: FleetPlan, arriving: LaneArrivals) -> Array:
    """Replicas of a fixed fleet in each lane, before the increment: the count, or the sampled peak over the target."""
    policy = plan.autoscaling
    if not isinstance(policy, FixedFleet):
        return np.zeros(kernel.LANES)
    if policy.count is not None:
        return np.full(kernel.LANES, float(policy.count))
    return arriving.greatest() / policy.target_share


def _patience(plan: FleetPlan, demand: Demand) -> tuple[int, float]:
    """Whole steps before this one that work may wait, and the part that is left, above 0 and up to 1; -1: no limit."""
    if plan.max_wait_s >= demand.steps * demand.step_s:
        return -1, 0.0  # a wait as long as the horizon is one without limit
    steps = max(whole_steps(plan.max_wait_s, demand.step_s) - 1, 0)
    return steps, plan.max_wait_s / demand.step_s - steps


def _run_lanes(
    plan: FleetPlan,
    demand: Demand,
    ends: Steps,
    steered: Steering,
    base: Array,
    arriving: LaneArrivals,
    record: Array,
    service: ServiceTerms,
) -> tuple[Array, Array]:
    """One kernel pass over at most LANES volumes: sums of shape (blocks, rows, lanes) and the queues left."""
    decision = steered.decision
    patience_steps, patience_fraction = _patience(plan, demand)
    memory = _aligned_zeros(decision.memory_rows * kernel.LANES)
    memory[: kernel.LANES] = _fleet_size(plan, arriving)
    spot_numbers, draws, spot_rows = spot_terms(plan, demand, base)
    is_split = plan.spot is not None or bool(np.any(base > 0))
    timing = [decision.reaction_steps, patience_steps, steered.looks_ahead_steps, int(is_split)]
    back = max(decision.reaction_steps, patience_steps, 0)
    ahead = max(-decision.reaction_steps, 0)
    sums = np.zeros(ends.size * kernel.SUM_ROWS * kernel.LANES)
    queue = np.zeros(kernel.LANES)
    kernel.run_lanes(
        arrivals.arrive,
        *arriving.arguments,
        ends,
        decision.decide,
        decision.parameters,
        memory,
        steered.follow,
        rules_of_change.limit_change,
        steered.numbers,
        steered.counts.copy(),
        _aligned_zeros(steered.window_rows * kernel.LANES),
        spot.take_back,
        spot_numbers,
        draws,
        _aligned_zeros(spot_rows * kernel.LANES),
        np.array(timing, dtype=np.int64),
        patience_fraction,
        _aligned_zeros((back + ahead + kernel.BLOCK) * kernel.LANES).reshape(-1, kernel.LANES),
        service_tally.tally_service,
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
    return by_row, queue


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


def _step_record(record: Array, per_step: float) -> StepRecord:
    return StepRecord(
        arriving_requests=record[kernel.RECORD_ARRIVED] * per_step,
        served_requests=record[kernel.RECORD_SERVED] * per_step,
        overflow_requests=record[kernel.RECORD_OVERFLOW] * per_step,
        queued_requests=record[kernel.RECORD_QUEUE] * per_step,
        ready_replicas=record[kernel.RECORD_READY],
        billed_replicas=record[kernel.RECORD_BILLED],
    )
