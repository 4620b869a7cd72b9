"""When a fleet had all the GPUs of its quota, and what overflowed meanwhile."""

from __future__ import annotations

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.demand import Demand
from simulator.simulation.fleet_over_time import FleetOverTime
from simulator.simulation.results import QuotaReport


def quota_report(demand: Demand, run: FleetOverTime, overflow_usd: Array | None) -> QuotaReport | None:
    """Time at the quota; None where there is none.

    Parameters
    ----------
    demand : Demand
        Its steps and months.
    run : FleetOverTime
        What happened in each step, and which fleet served in it.
    overflow_usd : array of shape (months,) or None
        What the overflow, or what was rejected, costs in each bill month; None: nothing. [USD]

    Notes
    -----
    The overflow of a month costs the same whenever in it it leaves: exact but for prices that change within a month.
    The fleet is at its quota where it is paid for all of it; a replica on spot that is lost and not yet paid again is
    not.
    """
    limited = [span for span in run.spans if span.serves and span.fleet.quota is not None]
    if not limited:
        return None
    record, at_quota = run.record, np.zeros(demand.steps, dtype=bool)
    for span in limited:
        at_quota[span.steps] = record.billed_replicas[span.steps] >= _most(span.fleet) - 1e-6
    month_of_step = np.searchsorted(demand.month_ends, np.arange(demand.steps), side="right")
    left = record.overflow_requests * at_quota
    by_month, meanwhile = demand.by_month(record.overflow_requests), demand.by_month(left)
    usd = 0.0
    if overflow_usd is not None:
        share = np.divide(meanwhile, by_month, out=np.zeros(by_month.size), where=by_month > 0)
        usd = float(np.sum(share * overflow_usd))
    steps_at = np.flatnonzero(at_quota)
    reached = [span for span in limited if at_quota[span.steps].any()] or limited
    assert reached[0].fleet.quota is not None
    return QuotaReport(
        gpus=reached[0].fleet.quota.gpus,
        share_of_time=float(np.mean(at_quota)),
        first_month=int(month_of_step[steps_at[0]]) + 1 if steps_at.size else None,
        overflow_requests=float(left.sum()),
        overflow_usd=usd,
    )


def _most(option: FleetPlan) -> float:
    """Replicas at which the quota is what limits the fleet; without end where a maximum of its own lies below it."""
    assert option.quota is not None and option.replicas.maximum is not None
    most = option.replicas.maximum
    return float(most) if most > option.quota.replicas - option.replicas.increment else np.inf
