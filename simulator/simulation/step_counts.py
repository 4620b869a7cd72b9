"""Durations in whole steps."""

from __future__ import annotations

import math

from simulator.domain.plans import FleetPlan


def whole_steps(duration_s: float, step_s: float) -> int:
    """Steps that hold a duration."""
    return math.ceil(duration_s / step_s - 1e-9)


def cold_start_steps(plan: FleetPlan, step_s: float) -> tuple[int, float]:
    """A cold start in whole steps and a part of one."""
    cold = plan.cold_start_s / step_s
    steps = math.floor(cold + 1e-9)
    fraction = max(0.0, cold - steps)
    return steps, fraction if fraction > 1e-9 else 0.0
