"""The time until a fleet is live: it is paid for, but an API answers. Over time only, no part of the run rate."""

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
from simulator.simulation.demand import Demand

UNTIL_LIVE_LINE = "API until live"
_SECONDS_PER_WEEK = 7.0 * SECONDS_PER_DAY


@dataclass(frozen=True)
class UntilLive:
    """A demand parted at the moment when a fleet goes live.

    `demand` is what reaches the fleet: nothing before. `requests` and `tokens` (steps,) are what the API answers
    before, and `lines` its bill by month (months,), empty where the fleet is live from the start. [USD]
    """

    demand: Demand
    requests: Array
    tokens: Array
    lines: dict[str, Array]


def until_live(target: ApiPlan | None, demand: Demand, mix: Mix, requests_per_month: float, weeks: float) -> UntilLive:
    """Part the demand `weeks` after the start, in whole steps.

    Parameters
    ----------
    target : ApiPlan or None
        The API that answers until then, at list prices; None is allowed with 0 weeks only.
    demand : Demand
        The whole demand.
    mix : Mix
        Mean request.
    requests_per_month : float
        Volume of month 0. [requests per month]
    weeks : float
        [weeks]
    """
    nothing = np.zeros(demand.steps)
    if weeks <= 0:
        return UntilLive(demand, nothing, nothing, {})
    assert target is not None
    first_live_step = min(math.ceil(weeks * _SECONDS_PER_WEEK / demand.step_s - 1e-9), demand.steps)
    before = (np.arange(demand.steps) < first_live_step).astype(np.float64)
    path = demand.path(requests_per_month, mix)
    answered = dataclasses.replace(
        path,
        expected_requests=path.expected_requests * before,
        requests=path.requests * before,
        input_tokens=path.input_tokens * before,
        output_tokens=path.output_tokens * before,
    )
    billed = api_lines(target, demand, mix, answered, requests_per_month)
    return UntilLive(
        demand=_silent_before(demand, first_live_step),
        requests=answered.requests,
        tokens=answered.requests * mix.total_tokens,
        lines={UNTIL_LIVE_LINE: np.sum(list(billed.values()), axis=0)},
    )


def _silent_before(demand: Demand, step: int) -> Demand:
    """The same demand without arrivals before a step."""
    rows = demand.level.rows.copy()
    rows[:, : step * demand.parts] = 0.0
    rows.setflags(write=False)
    return dataclasses.replace(demand, level=dataclasses.replace(demand.level, rows=rows))
