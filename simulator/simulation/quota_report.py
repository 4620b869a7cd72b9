"""When a fleet had all the GPUs of its quota, and what overflowed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import StepRecord


@dataclass(frozen=True)
class QuotaReport:
    """Time that a fleet spent at its quota over the horizon, and the overflow, or what was rejected, in that time."""

    gpus: int
    share_of_time: float
    first_month: int | None  # the first is 1; None: never
    overflow_requests: float
    overflow_usd: float

    def notes(self, name: str) -> tuple[str, ...]:
        """In words; empty where the quota was never reached."""
        if self.first_month is None:
            return ()
        reached = f"{name}: reached the quota of {self.gpus} GPUs in month {self.first_month}"
        then = f"was at it {self.share_of_time:.1%} of the time"
        cost = f", which cost {self.overflow_usd:,.0f} USD" if self.overflow_usd > 0 else ""
        left = f"{self.overflow_requests:,.0f}" if self.overflow_requests >= 1 else "no"
        return (f"{reached} and {then}; {left} requests were left unserved meanwhile{cost}",)


def quota_report(
    option: FleetPlan, demand: Demand, record: StepRecord, overflow_usd: Array | None
) -> QuotaReport | None:
    """Time at the quota; None where there is none.

    Parameters
    ----------
    option : FleetPlan
        The fleet.
    demand : Demand
        Its steps and months.
    record : StepRecord
        What happened in each step.
    overflow_usd : array of shape (months,) or None
        What the overflow, or what was rejected, costs in each bill month; None: nothing. [USD]

    Notes
    -----
    The overflow of a month costs the same whenever in it it leaves: exact but for prices that change within a month.
    The fleet is at its quota where it is paid for all of it; a replica on spot that is lost and not yet paid again is
    not.
    """
    if option.quota is None:
        return None
    at_quota = record.billed_replicas >= _most(option) - 1e-6
    month_of_step = np.searchsorted(demand.month_ends, np.arange(demand.steps), side="right")
    left = record.overflow_requests * at_quota
    by_month, meanwhile = demand.by_month(record.overflow_requests), demand.by_month(left)
    usd = 0.0
    if overflow_usd is not None:
        share = np.divide(meanwhile, by_month, out=np.zeros(by_month.size), where=by_month > 0)
        usd = float(np.sum(share * overflow_usd))
    steps_at = np.flatnonzero(at_quota)
    return QuotaReport(
        gpus=option.quota.gpus,
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
