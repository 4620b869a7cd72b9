"""Durations in whole steps."""

from __future__ import annotations

import math

from simulator.domain.plans import FleetPlan
from simulator.simulation.demand import Demand


def whole_steps(duration_s: float, step_s: float) -> int:
    """Steps that hold a duration."""
    return math.ceil(duration_s / step_s - 1e-9)


def patience_steps(wait_s: float, demand: Demand) -> tuple[int, float]:
    """Whole steps before this one that work may wait, and the part that is left, above 0 and up to 1; -1: no limit."""
    if wait_s >= demand.steps * demand.step_s:
        return -1, 0.0  # a wait as long as the horizon is one without limit
    steps = max(whole_steps(wait_s, demand.step_s) - 1, 0)
    return steps, wait_s / demand.step_s - steps


def cold_start_steps(plan: FleetPlan, step_s: float) -> tuple[int, float]:
    """A cold start in whole steps and a part of one."""
    cold = plan.cold_start_s / step_s
    steps = math.floor(cold + 1e-9)
    fraction = max(0.0, cold - steps)
    return steps, fraction if fraction > 1e-9 else 0.0
