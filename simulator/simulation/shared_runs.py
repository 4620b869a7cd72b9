"""Runs of fleets kept and shared: between paths whose prices or throughput differ, the fleet does the same.

The kernel knows a fleet by its load, in replicas: twice the volume at twice the throughput is the same run. Where the
demand is proportional to the volume, runs are therefore kept by load and serve every path; elsewhere by volume.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from simulator.domain.autoscaling import (
    FixedFleet,
    HorizontalPodAutoscaler,
    PerfectForesight,
    Predictive,
    ScaleToZero,
    Scheduled,
    TargetUtilization,
)
from simulator.domain.overheads import Overheads
from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.fleet import FleetRun, serve
from simulator.simulation.service_table import NOT_TALLIED, ServiceTerms

# What a fleet plan holds beside what the kernel is told: names, prices, and where the overflow goes. Every other field
# counts, one that is new as well.
_NOT_RUN = frozenset(
    {
        "name", "label", "seconds_per_request", "usd_per_replica_hour", "gpus_paid_per_replica", "overflow_to",
        "rejected_usd_per_request", "variable_usd_per_request", "overheads", "per_request_usd", "owned", "reserved",
        "usd_per_spot_replica_hour", "rent_course", "spot_course", "stages", "draw", "quota", "reaching_share",
        "overflow_plan", "escalated_to", "serving", "failures",
    }
)  # fmt: skip
# Fields and policies told in replicas and time, whatever a request is: such fleets are alike at equal load. What is not
# named here, a queue in requests or a field that is new, is shared at equal volume and throughput only.
_IN_WORK = frozenset(
    {
        "autoscaling", "replicas", "cold_start_s", "billing_from", "max_wait_s", "work", "minimum_up_s", "service_s",
        "base_replicas", "spot", "billing_period_s",
    }
)  # fmt: skip
_POLICIES_IN_WORK = (
    FixedFleet, TargetUtilization, PerfectForesight, Scheduled, Predictive, ScaleToZero, HorizontalPodAutoscaler,
)  # fmt: skip
_IN_REQUESTS = ("arriving_requests", "served_requests", "overflow_requests")
_IN_REPLICAS = (
    "billed_replica_hours", "peak_billed_replicas", "above_base_replica_hours", "spot_replica_hours", "interruptions",
)  # fmt: skip
_BITS = 40  # of a load that tell it from another: far more than costs have
_MOST_NUMBERS = 4_000_000  # kept in all: 32 MB
MOST_BLOCKS = 200  # of a run that is kept
_MOST_DEMANDS = 2  # whose runs are kept: paths come demand by demand, and one may hold a year of minutes


@dataclass(eq=False)
class _Kept:
    """Runs of one demand by fleet and load, each an array (all amounts of all blocks,)."""

    demand: Demand  # held, so that its identity stays its own
    runs: dict[Hashable, dict[float, Array]] = field(default_factory=dict)


class SharedRuns:
    """`serve` with a memory, for one plan after the other."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}  # by the identity of the demand
        self._numbers = 0
        self.served = 0  # volumes that the kernel ran
        self.asked = 0

    def __call__(
        self,
        plan: FleetPlan,
        demand: Demand,
        requests_per_month: Array,
        *,
        block_ends: Steps | None = None,
        fixed_replicas: Array | None = None,
        service: ServiceTerms = NOT_TALLIED,
    ) -> FleetRun:
        """Totals by block and volume, as `serve` has them; what has more parts than are kept is served anew."""
        ends = demand.bill_ends if block_ends is None else block_ends
        if ends.size > MOST_BLOCKS or fixed_replicas is not None or has_more_parts(plan, service):
            return serve(
                plan,
                demand,
                requests_per_month,
                block_ends=block_ends,
                fixed_replicas=fixed_replicas,
                service=service,
            )
        by_load = demand.is_smooth and _is_in_work(plan)
        scale = plan.seconds_per_request if by_load else 1.0
        alone = _without_prices(plan, 1.0 if by_load else plan.seconds_per_request)
        try:
            columns = self._of(demand).runs.setdefault((identity_of(alone), ends.tobytes()), {})
        except TypeError:  # a part of the plan that can't be told from another one
            return serve(plan, demand, requests_per_month, block_ends=block_ends)
        loads = _rounded(np.atleast_1d(requests_per_month) * scale)
        new = np.array(sorted({load for load in loads.tolist() if load not in columns}))
        self.asked += loads.size
        if new.size:
            self.served += new.size
            self._keep(columns, new, serve(alone, demand, new, block_ends=block_ends))
        table = np.stack([columns[load] for load in loads.tolist()], axis=1)
        if self._numbers > _MOST_NUMBERS:
            self._kept, self._numbers = {}, 0
        return run_of(table, demand, ends, scale)

    def _of(self, demand: Demand) -> _Kept:
        """What is kept of a demand; that of the one not asked about for longest is forgotten."""
        kept = self._kept.pop(id(demand), None) or _Kept(demand)
        if len(self._kept) >= _MOST_DEMANDS:
            self._kept.pop(next(iter(self._kept)))
        self._kept[id(demand)] = kept
        return kept

    def _keep(self, columns: dict[float, Array], loads: Array, run: FleetRun) -> None:
        table = rows_of(run)
        for place, load in enumerate(loads.tolist()):
            columns[load] = np.ascontiguousarray(table[:, place])
        self._numbers += table.size


def rows_of(run: FleetRun) -> Array:
    """What is kept of a run, a column a volume. Shape (all amounts of all blocks, lanes)."""
    rows = [getattr(run, name) for name in (*_IN_REQUESTS, *_IN_REPLICAS)]
    return np.concatenate([*rows, run.queued_requests[None, :]], axis=0)


def _is_in_work(plan: FleetPlan) -> bool:
    """Whether nothing that the kernel is told counts requests."""
    others = (one for one in fields(plan) if one.name not in _NOT_RUN | _IN_WORK)
    return isinstance(plan.autoscaling, _POLICIES_IN_WORK) and all(
        getattr(plan, one.name) == one.default for one in others
    )


def _without_prices(plan: FleetPlan, seconds_per_request: float) -> FleetPlan:
    return replace(
        plan,
        name="",
        label="",
        seconds_per_request=seconds_per_request,
        usd_per_replica_hour=0.0,
        gpus_paid_per_replica=1.0,
        overflow_to=None,
        rejected_usd_per_request=0.0,
        variable_usd_per_request=0.0,
        overheads=Overheads(),
        per_request_usd={},
        owned=None,
        reserved=None,
        usd_per_spot_replica_hour=0.0,
        rent_course=None,
        spot_course=None,
        stages=(),
        draw=None,
        quota=None,
        reaching_share=1.0,
        overflow_plan=None,
        escalated_to=None,
        serving=None,
        failures=None,
    )


def has_more_parts(plan: FleetPlan, service: ServiceTerms) -> bool:
    """Whether a run has more parts than are kept: sites, work that can wait, waits of single requests."""
    return service.table.size > 0 or plan.deferred is not None or bool(plan.sites)


def identity_of(plan: FleetPlan) -> Hashable:
    """All that the kernel is told of a fleet; raises TypeError where a part can't be told from another one."""
    told = tuple(getattr(plan, one.name) for one in fields(plan) if one.name not in _NOT_RUN)
    hash(told)
    return (plan.seconds_per_request, told)


def _rounded(loads: Array) -> Array:
    """Loads to so many bits that the same one is found again, however it was computed."""
    mantissa, exponent = np.frexp(loads)
    return np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS)


def run_of(table: Array, demand: Demand, ends: Steps, scale: float = 1.0) -> FleetRun:
    """The run whose parts were kept, its requests over `scale`."""
    blocks = ends.size
    parts: dict[str, Any] = {
        name: table[place * blocks : (place + 1) * blocks] for place, name in enumerate((*_IN_REQUESTS, *_IN_REPLICAS))
    }
    for name in _IN_REQUESTS:
        parts[name] = parts[name] / scale
    nothing = np.zeros((blocks, table.shape[1]))
    return FleetRun(
        **parts,
        queued_requests=table[-1] / scale,
        site_replica_hours=np.zeros((0, *nothing.shape)),
        waited_request_s=nothing,
        late_requests=nothing,
        month_starts=np.concatenate(([0], np.searchsorted(ends, demand.bill_ends[:-1]) + 1)),
        record=None,
    )
