"""The reserved base of a fleet: found where it is to be, and what it costs."""

from __future__ import annotations

import dataclasses

import numpy as np

from simulator.domain.plans import FleetPlan
from simulator.domain.purchase import cheapest_base
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import serve

_KNOWN: dict[int, tuple[FleetPlan, FleetPlan]] = {}  # by identity: plans live as long as they are asked about
_MOST_KEPT = 64


def with_base(option: FleetPlan, demand: Demand, requests_per_month: float) -> FleetPlan:
    """The fleet with its base, which runs all the time; one that is to be found costs least at this volume."""
    if option.reserved is None:
        return option
    known = _KNOWN.get(id(option))
    if known is None or known[0] is not option:
        if len(_KNOWN) >= _MOST_KEPT:
            _KNOWN.pop(next(iter(_KNOWN)))
        count = option.reserved.replicas
        if count is None:
            count = _cheapest(option, demand, requests_per_month)
        limits = option.replicas.model_copy(update={"minimum": max(option.replicas.minimum, count)})
        known = (option, dataclasses.replace(option, base_replicas=float(count), replicas=limits))
        _KNOWN[id(option)] = known
    return known[1]


def _cheapest(option: FleetPlan, demand: Demand, requests_per_month: float) -> int:
    """The base that costs least for the replicas that the demand wants at this volume, without growth."""
    assert option.reserved is not None
    run = serve(option, demand, np.array([requests_per_month]), record=True)
    assert run.record is not None
    wanted = np.ceil(run.record.billed_replicas - 1e-9).tolist()
    best = cheapest_base(wanted, option.reserved.usd_per_replica_hour, option.usd_per_replica_hour)
    step = option.replicas.increment
    return step * round(best / step)
