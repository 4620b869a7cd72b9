"""The time in which no fleet answers, but an API: until it is live, before own hardware is delivered, after its life.

Over time only, no part of the run rate.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.plans import Array
from simulator.domain.units import SECONDS_PER_DAY
from simulator.domain.workload import Mix
from simulator.simulation.api_bills import api_lines
from simulator.simulation.demand import Demand, DemandPath

UNTIL_LIVE_LINE = "API until live"
AFTER_LIFE_LINE = "API after the life"
_SECONDS_PER_WEEK = 7.0 * SECONDS_PER_DAY


@dataclass(frozen=True)
class UntilLive:
    """A demand parted at the moment when a fleet goes live, and at the end of its life.

    `demand` is what reaches the fleet: nothing before and after. `requests` and `tokens` (steps,) are what the API
    answers then, and `lines` its bill by month (months,), empty where the fleet is live all the time. [USD]
    """

    demand: Demand
    requests: Array
    tokens: Array
    lines: dict[str, Array]


def until_live(
    target: ApiPlan | None,
    demand: Demand,
    mix: Mix,
    requests_per_month: float,
    weeks: float,
    there: tuple[int, int] | None = None,
) -> UntilLive:
    """Part the demand `weeks` after the start, in whole steps, and where the hardware comes later and goes earlier.

    Parameters
    ----------
    target : ApiPlan or None
        The API that answers meanwhile, at list prices; None is allowed where the fleet is live all the time.
    demand : Demand
        The whole demand.
    mix : Mix
        Mean request.
    requests_per_month : float
        Volume of month 0. [requests per month]
    weeks : float
        [weeks]
    there : (int, int), optional
        First step in which the hardware is there, and the one after the last; left out: all of them.
    """
    delivered, ends = there or (0, demand.steps)
    first = min(max(math.ceil(weeks * _SECONDS_PER_WEEK / demand.step_s - 1e-9), delivered, 0), demand.steps)
    ends = max(ends, first)
    nothing = np.zeros(demand.steps)
    if first == 0 and ends == demand.steps:
        return UntilLive(demand, nothing, nothing, {})
    assert target is not None
    steps = np.arange(demand.steps)
    path = demand.path(requests_per_month, mix)
    requests, lines = nothing, {}
    for line, away in ((UNTIL_LIVE_LINE, steps < first), (AFTER_LIFE_LINE, steps >= ends)):
        if away.any():
            answered = _only(path, away.astype(np.float64))
            billed = api_lines(target, demand, mix, answered, requests_per_month)
            requests = requests + answered.requests
            lines[line] = np.sum(list(billed.values()), axis=0)
    return UntilLive(
        demand=_silent_outside(demand, first, ends), requests=requests, tokens=requests * mix.total_tokens, lines=lines
    )


def _only(path: DemandPath, share: Array) -> DemandPath:
    """So much of each step of a path."""
    return dataclasses.replace(
        path,
        expected_requests=path.expected_requests * share,
        requests=path.requests * share,
        input_tokens=path.input_tokens * share,
        output_tokens=path.output_tokens * share,
    )


def _silent_outside(demand: Demand, first_step: int, until_step: int) -> Demand:
    """The same demand without arrivals before a step, and from another on."""
    rows = demand.level.rows.copy()
    rows[:, : first_step * demand.parts] = 0.0
    rows[:, until_step * demand.parts :] = 0.0
    rows.setflags(write=False)
    return dataclasses.replace(demand, level=dataclasses.replace(demand.level, rows=rows))
