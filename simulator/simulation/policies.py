"""Compiled decisions of the autoscaling policies: replicas wanted in each lane, before rounding and limits.

Every policy fills `wanted` for all lanes at once; loads are in replicas (replica-seconds of work per second).
Rounding up, spare, minimum, increment and maximum come after, so that no policy can forget one.
"""

from __future__ import annotations

import numpy as np
from numba import types

from simulator.simulation.compiled import compiled_when_called

LANES = 64

# Replica-steps of work, or requests, that count as none: what rounding leaves of a queue that was served.
LEAST_WORK = 1e-9

_VECTOR = types.Array(types.float64, 1, "C")

# parameters, memory, step (-1: before the start), arriving load, queued work, replicas that the policy steers, replicas
# ready in this step, wanted (filled)
DECIDE = types.void(_VECTOR, _VECTOR, types.int64, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _VECTOR)


@compiled_when_called(DECIDE)
def decide_fixed(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """The count kept in `memory`, whatever happens."""
    for lane in range(wanted.size):
        wanted[lane] = memory[lane]


@compiled_when_called(DECIDE)
def decide_target_utilization(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """Replicas at which the arriving load is `parameters[0]` of capacity. The queue is not looked at."""
    per_target_share = 1.0 / parameters[0]
    for lane in range(wanted.size):
        wanted[lane] = arriving_load[lane] * per_target_share


@compiled_when_called(DECIDE)
def decide_perfect_foresight(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """Replicas that the arriving load fills to the brim; the kernel shows it the load one cold start ahead."""
    for lane in range(wanted.size):
        wanted[lane] = arriving_load[lane]


# Places in the parameters of a schedule; the counts of all steps follow.
LOADS_PER_REPLICA, COUNTS = range(2)


@compiled_when_called(DECIDE)
def decide_scheduled(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """The count of the step, or more where the load is above a target (no target: infinite)."""
    count, per_target_share = parameters[COUNTS + max(step, 0)], 1.0 / parameters[LOADS_PER_REPLICA]
    for lane in range(wanted.size):
        by_load = arriving_load[lane] * per_target_share
        wanted[lane] = by_load if by_load > count else count


# Places in the parameters of a prediction; its memory is one row of the hour now, and one of each past hour's mean.
TARGET_SHARE, FACTOR, STEPS_AHEAD, HOUR_STEPS, WEEK_HOURS = range(5)


@compiled_when_called(DECIDE)
def decide_predictive(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """Replicas for the greatest of last week's hourly means from now until one cold start later, times a factor.

    Where there is no such hour for now, as in the first week, for the arriving load at least.
    """
    hour_steps, week = int(parameters[HOUR_STEPS]), int(parameters[WEEK_HOURS])
    hour = step // hour_steps
    first, last = hour - week, (step + int(parameters[STEPS_AHEAD])) // hour_steps - week
    per_target_share = 1.0 / parameters[TARGET_SHARE]
    if step >= 0:
        share = 1.0 / hour_steps
        row = memory[(hour % (week + 1)) * LANES : (hour % (week + 1) + 1) * LANES]
        if step % hour_steps == 0:
            for lane in range(wanted.size):
                row[lane] = share * arriving_load[lane]
        else:
            for lane in range(wanted.size):
                row[lane] += share * arriving_load[lane]
    for lane in range(wanted.size):
        wanted[lane] = arriving_load[lane] * per_target_share if first < 0 else 0.0
    factor = parameters[FACTOR] * per_target_share
    for known in range(max(first, 0), min(last, hour - 1) + 1):
        past = memory[(known % (week + 1)) * LANES : (known % (week + 1) + 1) * LANES]
        for lane in range(wanted.size):
            number = past[lane] * factor
            wanted[lane] = number if number > wanted[lane] else wanted[lane]


# Places in the parameters of a fleet that goes to zero; its memory is the last step with work of each lane.
ZERO_TARGET_SHARE, ZERO_SPARE, ZERO_MINIMUM, ZERO_DIVISIBLE = range(4)


@compiled_when_called(DECIDE)
def decide_scale_to_zero(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """In a step with work as many replicas as the load takes, and at least the minimum; none in one without."""
    per_target_share, spare = 1.0 / parameters[ZERO_TARGET_SHARE], parameters[ZERO_SPARE]
    minimum, is_divisible = parameters[ZERO_MINIMUM], parameters[ZERO_DIVISIBLE] != 0.0
    for lane in range(wanted.size):
        number = arriving_load[lane] * per_target_share
        number = (number if is_divisible else np.ceil(number - 1e-9)) + spare
        number = number if number > minimum else minimum
        wanted[lane] = number if arriving_load[lane] + queued_work[lane] > LEAST_WORK else 0.0


# Places in the parameters of the autoscaler of Kubernetes; its memory is two rows a step that the metric is old: work
# that keeps replicas busy, and replicas ready then.
HPA_TARGET_SHARE, HPA_TOLERANCE, HPA_IS_BUSY_SHARE, HPA_AGE_STEPS = range(4)


@compiled_when_called(DECIDE)
def decide_horizontal(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """Replicas at which the metric would be at its target, or those there are where it is near enough.

    The ratio of metric to target is W / R over the R ready replicas, where W are the replicas wanted. Not-yet-ready
    ones count as idle where that ratio is above 1, so it is W / C over all C then. Within the tolerance t of 1, and
    where counting them turns the direction, nothing changes: that is (1 - t) R <= W <= (1 + t) C.
    """
    per_target_share, tolerance = 1.0 / parameters[HPA_TARGET_SHARE], parameters[HPA_TOLERANCE]
    lower, upper = 1.0 - tolerance - 1e-9, 1.0 + tolerance + 1e-9
    if parameters[HPA_IS_BUSY_SHARE] == 0.0:
        for lane in range(wanted.size):
            number = arriving_load[lane] * per_target_share
            steered = replicas[lane]
            able = ready[lane] if ready[lane] < steered else steered
            able = able if step >= 0 else 1e300
            wanted[lane] = steered if (number >= lower * able) & (number <= upper * steered) else number
        return
    places = int(parameters[HPA_AGE_STEPS]) + 1
    first = (max(step, 0) % places) * 2 * LANES
    busy, were_ready = memory[first : first + LANES], memory[first + LANES : first + 2 * LANES]
    for lane in range(wanted.size):
        work = arriving_load[lane] + queued_work[lane]
        busy[lane] = work if work < ready[lane] else ready[lane]
        were_ready[lane] = ready[lane]
    if step < 0:
        for lane in range(wanted.size):
            wanted[lane] = busy[lane] * per_target_share
        return
    seen = max(step - places + 1, 0) % places * 2 * LANES
    busy, were_ready = memory[seen : seen + LANES], memory[seen + LANES : seen + 2 * LANES]
    for lane in range(wanted.size):
        number = busy[lane] * per_target_share
        steered = replicas[lane]
        able = were_ready[lane] if were_ready[lane] < steered else steered
        wanted[lane] = steered if (number >= lower * able) & (number <= upper * steered) else number


# Places in the parameters of a queue's policy; its memory is the last step in which each lane was active.
REQUESTS_PER_WORK, REQUESTS_PER_REPLICA, REQUESTS_IN_SERVICE, ACTIVE_ABOVE, QUEUE_TOLERANCE = range(5)
POLLING_STEPS, COOLDOWN_STEPS, MAY_BE_ZERO = range(5, 8)


@compiled_when_called(DECIDE)
def decide_queue_depth(parameters, memory, step, arriving_load, queued_work, replicas, ready, wanted):  # type: ignore[no-untyped-def]
    """Replicas for the requests there are, so many for each, or those there are where that is near enough.

    Below 0: to zero, or stay there. A fleet at zero that becomes active wants one.
    """
    per_work, per_replica = parameters[REQUESTS_PER_WORK], 1.0 / parameters[REQUESTS_PER_REPLICA]
    in_service, active_above = parameters[REQUESTS_IN_SERVICE], parameters[ACTIVE_ABOVE]
    lower, upper = 1.0 - parameters[QUEUE_TOLERANCE] - 1e-9, 1.0 + parameters[QUEUE_TOLERANCE] + 1e-9
    for lane in range(wanted.size):
        work = arriving_load[lane] + queued_work[lane]
        busy = work if work < ready[lane] else ready[lane]
        number = (queued_work[lane] * per_work + busy * in_service) * per_replica
        steered = replicas[lane]
        wanted[lane] = steered if (number >= lower * steered) & (number <= upper * steered) else number
    if parameters[MAY_BE_ZERO] == 0.0:
        return
    is_polled, cooldown = step % int(parameters[POLLING_STEPS]) == 0, parameters[COOLDOWN_STEPS]
    if step < 0:
        for lane in range(wanted.size):
            is_active = arriving_load[lane] * per_work > active_above
            memory[lane] = 0.0 if is_active else -1e18
            wanted[lane] = wanted[lane] if is_active else -1.0
        return
    for lane in range(wanted.size):
        is_active = is_polled & ((arriving_load[lane] + queued_work[lane]) * per_work > active_above)
        memory[lane] = step if is_active else memory[lane]
        is_over = is_polled & (step - memory[lane] > cooldown)
        number = -1.0 if is_over else wanted[lane]
        started = 1.0 if is_active else -1.0
        wanted[lane] = number if replicas[lane] > 0.0 else started
