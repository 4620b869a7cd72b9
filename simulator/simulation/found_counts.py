"""The size of a fleet that its scenario leaves to be found: a base beside an API, own nodes, a reserved base."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.plans import Array, FleetPlan
from simulator.domain.purchase import cheapest_base
from simulator.simulation.count_search import Tried, search_counts, together
from simulator.simulation.deferred_terms import deferred_ratio
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import serve
from simulator.simulation.lanes import lane_arrivals
from simulator.simulation.results import RunRate

What = Literal["replicas", "nodes", "reserved replicas"]
_LEFT_LINES = ("overflow", "batch overflow", "rejected")
_GRID = 17  # reserved bases tried at even distances; each takes a pass of its own
_SPOT_ROOM = 4.0  # replicas tried over those of the peak, where some are taken back

# Of a fleet at the scenario's own volume: one lane a count of replicas, or one lane without counts.
RunRateOf = Callable[[FleetPlan, Array | None], RunRate]


@dataclass(frozen=True, eq=False)
class FoundCount:
    """What was tried to find a size, what was chosen, and the fleet of that size."""

    what: What
    tried: Tried
    cheaper_usd: float | None  # by how much a count that was not tried may cost less at most; None: not known
    option: FleetPlan


def find_count(
    option: FleetPlan, demand: Demand, requests_per_month: float, run_rate_of: RunRateOf
) -> FoundCount | None:
    """The size of a fleet that costs least at a volume; None where nothing is to be found."""
    if option.reserved is not None and option.reserved.replicas is None:
        return _reserved_base(option, demand, requests_per_month, run_rate_of)
    if isinstance(option.autoscaling, FixedFleet) and option.autoscaling.count == "auto":
        return _fixed_base(option, demand, requests_per_month, run_rate_of)
    return None


def with_given_base(option: FleetPlan) -> FleetPlan:
    """The fleet with its reserved base, which runs all the time; as it is without one."""
    if option.reserved is None or option.reserved.replicas is None:
        return option
    return _with_base(option, option.reserved.replicas)


def _with_base(option: FleetPlan, count: int) -> FleetPlan:
    assert option.reserved is not None
    limits = option.replicas.model_copy(update={"minimum": max(option.replicas.minimum, count)})
    reserved = dataclasses.replace(option.reserved, replicas=count)
    return dataclasses.replace(option, base_replicas=float(count), reserved=reserved, replicas=limits)


def _fixed_base(option: FleetPlan, demand: Demand, requests_per_month: float, run_rate_of: RunRateOf) -> FoundCount:
    """Replicas that run all the time beside an API, or nodes of one's own that hold them: from none to the peak's."""
    step = 1 if option.replicas.divisible else option.replicas.increment
    per_count = step if option.owned is not None else 1  # replicas of what is counted
    maximum = math.inf if option.replicas.maximum is None else float(option.replicas.maximum)
    room = 1.0 if option.spot is None else _SPOT_ROOM
    most = min(room * _peak_load(option, demand, requests_per_month), maximum)

    def try_places(places: Array) -> Tried:
        replicas = np.minimum(places * step, maximum)
        return _tried(replicas / per_count, run_rate_of(option, replicas))

    tried, cheaper_usd = search_counts(try_places, math.ceil(most / step))
    count = int(tried.counts[tried.best])
    found = dataclasses.replace(
        option,
        autoscaling=FixedFleet(kind="fixed", count=count * per_count),
        owned=None if option.owned is None else option.owned.with_nodes(count),
    )
    what: What = "replicas" if option.owned is None else "nodes"
    return FoundCount(what, tried, cheaper_usd if option.spot is None else None, found)


def _peak_load(option: FleetPlan, demand: Demand, requests_per_month: float) -> float:
    """Replicas that the greatest step fills, with what could wait."""
    arriving = lane_arrivals(option, demand, np.array([requests_per_month]), grown=False)
    return float(arriving.greatest()[0]) * (1.0 + deferred_ratio(option))


def _reserved_base(option: FleetPlan, demand: Demand, requests_per_month: float, run_rate_of: RunRateOf) -> FoundCount:
    """Replicas reserved of a fleet that scales above them."""
    assert option.reserved is not None
    run = serve(option, demand, np.array([requests_per_month]), record=True)
    assert run.record is not None
    step = 1 if option.replicas.divisible else option.replicas.increment
    wanted = np.ceil(run.record.billed_replicas - 1e-9)
    start = cheapest_base(wanted.tolist(), option.reserved.usd_per_replica_hour, option.usd_per_replica_hour)
    last = int(np.ceil(float(wanted.max(initial=0.0)) / step - 1e-9))  # all reserved

    def try_places(places: Array) -> Tried:
        passes = [
            _tried(np.array([place * step]), run_rate_of(_with_base(option, int(place) * step), None))
            for place in places
        ]
        tried = passes[0]
        for one in passes[1:]:
            tried = together(tried, one)
        return tried

    places = np.unique(np.rint([*np.linspace(0.0, last, min(_GRID, last + 1)), min(round(start / step), last)]))
    tried = try_places(places)
    while True:
        best = round(tried.counts[tried.best] / step)
        beside = [place for place in (best - 1, best + 1) if 0 <= place <= last and place * step not in tried.counts]
        if not beside:
            break
        tried = together(tried, try_places(np.array(beside, dtype=np.float64)))
    count = int(tried.counts[tried.best])
    return FoundCount(
        "reserved replicas", tried, 0.0 if tried.counts.size == last + 1 else None, _with_base(option, count)
    )


def _tried(counts: Array, rates: RunRate) -> Tried:
    nothing = np.zeros(counts.size)
    return Tried(
        counts=np.asarray(counts, dtype=np.float64),
        lines=rates.lines,
        left_usd=sum((rates.lines.get(line, nothing) for line in _LEFT_LINES), nothing),
        left_share=rates.overflow_share + rates.rejected_share,
        utilization_share=rates.utilization_share,
    )
