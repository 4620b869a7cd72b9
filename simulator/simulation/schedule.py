"""Replicas by the hours of a week, step by step."""

from __future__ import annotations

import numpy as np

from simulator.domain.autoscaling import WEEKDAYS, Scheduled
from simulator.domain.plans import Array
from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR
from simulator.simulation.calendar import Steps as Timeline
from simulator.simulation.calendar import local_seconds
from simulator.simulation.demand import Demand
from simulator.simulation.step_counts import whole_steps

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_HOURS_PER_WEEK = 7 * HOURS_PER_DAY


def scheduled_counts(policy: Scheduled, cold_start_s: float, demand: Demand) -> Array:
    """Replicas that a schedule orders in each step. Shape (steps,).

    A step is within the hours that its middle is in; replicas are ordered so long before as the policy says.
    """
    ahead_s = cold_start_s if policy.ordered_ahead_s is None else policy.ordered_ahead_s
    ahead = min(whole_steps(ahead_s, demand.step_s), demand.steps)
    timeline = Timeline(demand.start_utc, demand.steps + ahead, demand.step_s)
    local_s = local_seconds(policy.timezone, timeline)
    days = np.floor_divide(local_s, SECONDS_PER_DAY)
    hours = (days + _EPOCH_WEEKDAY) % 7 * HOURS_PER_DAY + local_s % SECONDS_PER_DAY / SECONDS_PER_HOUR
    counts = np.full(timeline.size, -np.inf)
    for window in policy.windows:
        begin, end = window.from_hour, window.to_hour
        lasts = end - begin if end > begin else end - begin + HOURS_PER_DAY
        for day in window.days:
            since = (hours - (WEEKDAYS.index(day) * HOURS_PER_DAY + begin)) % _HOURS_PER_WEEK
            counts = np.where(since < lasts, np.maximum(counts, window.replicas), counts)
    counts = np.where(np.isinf(counts), float(policy.otherwise), counts)
    if ahead == 0:
        return counts
    result: Array = np.lib.stride_tricks.sliding_window_view(counts, ahead + 1).max(axis=1)
    return result
