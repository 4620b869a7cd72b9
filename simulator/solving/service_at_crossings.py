"""Whether the service level holds where costs cross: what is cheaper there may not be as good."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.domain.plans import FleetPlan, Plan
from simulator.domain.service_level import ServiceLevel
from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation.ledger import run_rate
from simulator.simulation.results import RunRate

_MOST_CROSSINGS = 64  # looked at: one pass of the step loop


def missed_at_crossings(plan: Plan, names: Sequence[str], tokens_per_month: Sequence[float]) -> tuple[str, ...]:
    """A warning for each fleet that misses the service level at crossings, as far as the step loop tells it.

    Parameters
    ----------
    plan : Plan
        The scenario, its fleets sized.
    names : sequence of str
        Both options of a pair.
    tokens_per_month : sequence of float
        Where they cross.

    Returns
    -------
    tuple of str
        Late and turned-away requests; the time per token and availability are judged at the own volume only.
    """
    level = plan.scenario.service_level
    if level is None or not tokens_per_month:
        return ()
    volumes = np.asarray(tokens_per_month[:_MOST_CROSSINGS], dtype=np.float64)
    warnings = []
    for name in names:
        if not isinstance(plan.options[name], FleetPlan):
            continue
        missed = _missed(run_rate(plan, name, volumes, service=True), level, volumes, plan)
        if missed:
            warnings.append(f"{name}: misses the service level {missed}")
    return tuple(warnings)


def rejected_at_crossings(
    plan: Plan, names: Sequence[str], tokens_per_month: Sequence[float], most_share: float
) -> tuple[str, ...]:
    """A warning for each fleet that rejects more than a share of the requests where costs cross."""
    if not tokens_per_month:
        return ()
    volumes = np.asarray(tokens_per_month[:_MOST_CROSSINGS], dtype=np.float64)
    warnings = []
    for name in names:
        option = plan.options[name]
        if isinstance(option, FleetPlan) and option.overflow_to is None:
            away = run_rate(plan, name, volumes).rejected_share
            worst = int(np.argmax(away))
            if away[worst] > most_share:
                where = "where costs cross" if volumes.size == 1 else "at the worst of the crossings"
                place = f"{where}, at {volumes[worst] / 1e9:,.3g} B tokens a month"
                warnings.append(
                    f"{name}: rejects {away[worst]:.0%} of the requests {place}: it costs less there for less service"
                )
    return tuple(warnings)


def _missed(rate: RunRate, level: ServiceLevel, volumes: np.ndarray, plan: Plan) -> str:
    """At how many crossings, and the worst of them; empty where it holds at all."""
    none = np.zeros(volumes.size)
    late = none if rate.service is None or rate.service.late_share is None else rate.service.late_share
    away = none if level.unserved_share is None else rate.rejected_share
    most_away = 1.0 if level.unserved_share is None else level.unserved_share
    is_late, is_away = late > level.late_share + 1e-9, away > most_away + 1e-9
    bad = np.flatnonzero(is_late | is_away)
    if not bad.size:
        return ""
    worst = int(bad[np.argmax(np.maximum(late, away)[bad])])
    what = f"{late[worst]:.3g} of the requests late" if is_late[worst] else f"{away[worst]:.3g} of them turned away"
    where = "where costs cross" if volumes.size == 1 else f"at {bad.size} of {volumes.size} crossings"
    requests = volumes[worst] / plan.tokens_per_request * (HOURS_PER_DAY * SECONDS_PER_HOUR / SECONDS_PER_MONTH)
    return f"{where}: {what} at {requests:,.0f} requests a day"
