"""Mean wait and late share of fleets at many volumes, tallied by the step loop beside their costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.autoscaling import FixedFleet, QueueDepth
from simulator.domain.plans import Array, FleetPlan, Plan
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import FleetRun
from simulator.simulation.service_table import NOT_TALLIED, ServiceTerms, service_terms
from simulator.simulation.step_waits import left_is_late, load_stays, shows_cold_starts


@dataclass(frozen=True)
class ServiceRates:
    """Service of a fleet at n volumes; arrays of shape (n,). None: not known, or nothing is asked."""

    mean_wait_s: Array
    late_share: Array | None


def terms_of(plan: Plan, option: FleetPlan, demand: Demand, *, wanted: bool) -> ServiceTerms:
    """What the step loop tallies: nothing where it is not wanted or the slots of a replica are not known."""
    if not wanted or option.serving is None or _may_hide_cold_starts(option, demand.step_s):
        return NOT_TALLIED
    level = plan.scenario.service_level
    target_s = None if level is None else level.first_token_s
    return service_terms(option, demand.step_s, demand.steps, target_s, load_stays=load_stays(demand))


def _may_hide_cold_starts(option: FleetPlan, step_s: float) -> bool:
    """Whether the fleet can be without replicas, in steps too long to tell how requests wait for the first one."""
    policy = option.autoscaling
    to_zero = option.replicas.minimum + option.replicas.spare == 0 and not isinstance(policy, FixedFleet)
    to_zero |= isinstance(policy, QueueDepth) and policy.scale_to_zero
    return to_zero and not shows_cold_starts(option, step_s)


def rates_of(plan: Plan, option: FleetPlan, run: FleetRun, terms: ServiceTerms) -> ServiceRates | None:
    """What was tallied, over all requests that arrived; None where nothing was."""
    if terms.table.size == 0:
        return None
    arriving = np.maximum(run.arriving_requests.sum(axis=0), 1e-300)
    left = run.overflow_requests.sum(axis=0) + run.queued_requests
    level = plan.scenario.service_level
    target_s = None if level is None else level.first_token_s
    late = None
    if target_s is not None:
        late = run.late_requests.sum(axis=0) + (left if left_is_late(option, target_s) else 0.0)
        late = np.clip(late / arriving, 0.0, 1.0)
    return ServiceRates(run.waited_request_s.sum(axis=0) / arriving, late)
