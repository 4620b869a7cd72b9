"""A fleet plan run through the kernel: for many volumes at once, or for one with every step recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulator.domain.autoscaling import FixedFleet, PerfectForesight, TargetUtilization
from simulator.domain.options import Replicas
from simulator.domain.plans import Array, FleetPlan, WorkShares
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation import arrivals, kernel, policies
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.lanes import LaneArrivals, lane_arrivals

CONSERVATION_TOLERANCE = 1e-9


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
    month_starts: Steps  # first block of each month
    record: StepRecord | None


@dataclass(frozen=True)
class _Timing:
    """Durations of a plan in steps, and the policy in compiled form."""

    decide: object
    parameters: Array
    reaction_steps: int
    stabilisation_steps: int
    cold_steps: int
    cold_fraction: float
    patience_steps: int  # -1: no limit
    patience_fraction: float
    anticipates: bool


def rounded_durations(plan: FleetPlan, step_s: float) -> tuple[str, ...]:
    """Which durations the step rounds up, in words; empty where none."""
    policy = plan.autoscaling
    notes = []
    if isinstance(policy, TargetUtilization):
        for name in ("reaction_s", "stabilisation_s"):
            value = getattr(policy, name)
            if abs(_whole_steps(value, step_s) * step_s - value) > 1e-6:
                used = _whole_steps(value, step_s) * step_s
                notes.append(f"{plan.name}: autoscaling.{name} of {value:g} s counts as {used:g} s, whole steps")
    period = plan.replicas.evaluation_period_s
    if plan.replicas.max_starts and abs(_whole_steps(period, step_s) * step_s - period) > 1e-6:
        used = max(1, _whole_steps(period, step_s)) * step_s
        notes.append(f"{plan.name}: replicas.evaluation_period_s of {period:g} s counts as {used:g} s, whole steps")
    return tuple(notes)


def serve(
    plan: FleetPlan,
    demand: Demand,
    requests_per_month: Array,
    *,
    grown: bool = False,
    record: bool = False,
    block_ends: Steps | None = None,
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
    timing = _timing(plan, demand)
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
        sums[:, :, lanes], queue[lanes] = _run_lanes(plan, demand, ends, timing, arriving, lanes.size, steps_record)
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
        month_starts=np.concatenate(([0], np.searchsorted(ends, months[:-1]) + 1)),
        record=_step_record(steps_record, per_step) if record else None,
    )


def _whole_steps(duration_s: float, step_s: float) -> int:
    return math.ceil(duration_s / step_s - 1e-9)


def _timing(plan: FleetPlan, demand: Demand) -> _Timing:
    policy, step_s = plan.autoscaling, demand.step_s
    cold = plan.cold_start_s / step_s
    cold_steps = math.floor(cold + 1e-9)
    cold_fraction = max(0.0, cold - cold_steps)
    cold_fraction = cold_fraction if cold_fraction > 1e-9 else 0.0
    decide, parameters = policies.decide_fixed, np.zeros(1)
    reaction = stabilisation = 0
    if isinstance(policy, TargetUtilization):
        decide, parameters = policies.decide_target_utilization, np.array([policy.target_share])
        reaction, stabilisation = _whole_steps(policy.reaction_s, step_s), _whole_steps(policy.stabilisation_s, step_s)
    elif isinstance(policy, PerfectForesight):
        decide = policies.decide_perfect_foresight
        stabilisation = cold_steps + (cold_fraction > 0)
        reaction = -stabilisation
    anticipates = isinstance(policy, PerfectForesight)
    patience_steps, patience_fraction = -1, 0.0  # a wait as long as the horizon is one without limit
    if plan.max_wait_s < demand.steps * step_s:
        # Whole steps before this one, and the part of it, or of the one before those, that is left: above 0, up to 1.
        patience_steps = max(math.ceil(plan.max_wait_s / step_s - 1e-9) - 1, 0)
        patience_fraction = plan.max_wait_s / step_s - patience_steps
    return _Timing(
        decide, parameters, reaction, stabilisation, cold_steps, cold_fraction, patience_steps, patience_fraction,
        anticipates,
    )  # fmt: skip


def _fleet_size(plan: FleetPlan, arriving: LaneArrivals) -> Array:
    """Replicas of a fixed fleet in each lane, before the increment: the count, or the sampled peak over the target."""
    policy = plan.autoscaling
    if not isinstance(policy, FixedFleet):
        return np.zeros(kernel.LANES)
    if policy.count is not None:
        return np.full(kernel.LANES, float(policy.count))
    return arriving.greatest() / policy.target_share


def _most_starts(limits: Replicas) -> float:
    """Starts allowed in one evaluation, in whole increments, as machines are rented whole; 0: any."""
    if limits.max_starts is None:
        return 0.0
    return float(max(limits.max_starts // limits.increment, 1) * limits.increment)


def _run_lanes(
    plan: FleetPlan,
    demand: Demand,
    ends: Steps,
    timing: _Timing,
    arriving: LaneArrivals,
    lanes: int,
    record: Array,
) -> tuple[Array, Array]:
    """One kernel pass over at most LANES volumes: sums of shape (blocks, rows, lanes) and the queues left."""
    limits = plan.replicas
    counted = isinstance(plan.autoscaling, FixedFleet) and plan.autoscaling.count is not None
    maximum = math.inf if limits.maximum is None else float(limits.maximum)
    limit_values = np.array(
        [
            float(limits.divisible),
            0.0 if counted else float(limits.spare),
            0.0 if counted else float(limits.minimum),
            float(limits.increment),
            min(maximum, 1e300),
            0.0 if timing.anticipates else _most_starts(limits),
        ]
    )
    evaluation = max(1, _whole_steps(limits.evaluation_period_s, demand.step_s))
    flags = [
        evaluation,
        int(timing.anticipates),
        int(plan.billing_from == "ready"),
        timing.reaction_steps,
        timing.patience_steps,
    ]
    back = max(timing.reaction_steps, timing.patience_steps, 0)
    ahead = max(-timing.reaction_steps, 0)
    sums = np.zeros(ends.size * kernel.SUM_ROWS * kernel.LANES)
    queue = np.zeros(kernel.LANES)
    kernel.run_lanes(
        arrivals.arrive,
        *arriving.arguments,
        ends,
        timing.decide,
        timing.parameters,
        _fleet_size(plan, arriving),
        limit_values,
        np.array(flags, dtype=np.int64),
        timing.cold_fraction,
        timing.patience_fraction,
        np.zeros((back + ahead + kernel.BLOCK, kernel.LANES)),
        np.zeros((timing.stabilisation_steps + 2, kernel.LANES)),
        np.zeros((timing.cold_steps + 2, kernel.LANES)),
        np.zeros(kernel.STATE_SIZE),
        sums,
        queue,
        record,
    )
    return sums.reshape(ends.size, kernel.SUM_ROWS, kernel.LANES)[:, :, :lanes], queue[:lanes]


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
