"""A plan held to its service level: options that miss it at the own volume are left out, or sized until they do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.options import SelfHostedOption
from simulator.domain.plans import FleetPlan, OptionPlan, Plan, PlanFault, Sizing
from simulator.domain.sizing import is_sized, sized_key
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.simulation.ledger import run_rate
from simulator.simulation.service import fleet_service, service_of

LEVEL_KEY = "service_level"
_MOST_MORE = 1 << 14  # replicas beyond which no more are tried


def held_to_level(plan: Plan, *, leave_out: bool = True) -> Plan:
    """The plan with fleets sized and options left out as its service level asks.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    leave_out : bool
        Whether an option that misses the level is taken out of the plan; else only fleets are sized.

    Returns
    -------
    Plan
        The same where there is no level.
    """
    level = plan.scenario.service_level
    if level is None or plan.sizings:
        return plan
    options: dict[str, OptionPlan] = dict(plan.options)
    faults = dict(plan.faults)
    sizings = []
    missed: dict[str, str] = {}
    for name, option in plan.options.items():
        if isinstance(option, FleetPlan) and is_sized(plan.scenario.options[name], level):
            sized = _sized(plan, name, option)
            options[name] = sized.option
            if sized.sizing is not None:
                sizings.append(sized.sizing)
            if sized.misses:
                missed[name] = sized.misses
        elif leave_out:
            misses = service_of(plan, option).misses
            if misses:
                missed[name] = "; ".join(misses)
    left_out: dict[str, OptionPlan] = {}
    if leave_out:
        for name, option in options.items():
            target = option.overflow_to if isinstance(option, FleetPlan) else None
            if target is not None and target in missed and name not in missed:
                missed[name] = f"overflow goes to '{target}', which misses it: {missed[target]}"
        for name, text in missed.items():
            faults[name] = (*faults.get(name, ()), PlanFault(LEVEL_KEY, text, infeasible=True, is_requirement=True))
            left_out[name] = options.pop(name)
    return dataclasses.replace(plan, options=options, faults=faults, sizings=tuple(sizings), left_out=left_out)


@dataclass(frozen=True)
class _Sized:
    """A fleet, what was changed in it, and why it will not do whatever its size."""

    option: FleetPlan
    sizing: Sizing | None = None
    misses: str = ""


def _sized(plan: Plan, name: str, option: FleetPlan) -> _Sized:
    """The fleet with the fewest more replicas with which it meets the level; with its misses where none will do."""
    at_first = service_of(plan, option)
    if not at_first.misses:
        return _Sized(option)
    limits = option.replicas
    most = _MOST_MORE if limits.maximum is None else max(limits.maximum - _size(option), 0)
    most = min(most, _enough(plan, name, option))

    tried: dict[int, FleetPlan] = {0: option}

    def misses(more: int, *, by_formula: bool = False) -> tuple[str, ...]:
        fleet = tried.setdefault(more, _with_more(option, more))
        if by_formula:
            return fleet_service(plan, fleet, plan.scenario.service_level, followed=False).misses
        return service_of(plan, fleet).misses

    hopeless = f"{'; '.join(at_first.misses)}; not even {most:,} more replicas would do"
    if misses(most, by_formula=True):
        return _Sized(option, misses=hopeless)
    # The formula finds about where it is, the followed queue where it is exactly.
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if not misses(middle, by_formula=True) else (middle, high)
    more = high
    while misses(more):
        if more >= most:
            return _Sized(option, misses=hopeless)
        more = min(more + max(1, more // 8), most)
    while more > 1 and not misses(more - 1):
        more -= 1
    sized = tried[more]
    volume = np.array([plan.scenario.tokens_per_month])
    changed = dataclasses.replace(plan, options={**plan.options, name: sized})
    written = plan.scenario.options[name]
    assert isinstance(written, SelfHostedOption)
    sizing = Sizing(
        option=name,
        key=sized_key(written),
        before=float(_size(option)),
        after=float(_size(sized)),
        usd_per_month_before=float(run_rate(plan, name, volume).usd_per_month[0]),
        usd_per_month_after=float(run_rate(changed, name, volume).usd_per_month[0]),
    )
    return _Sized(sized, sizing)


def _enough(plan: Plan, name: str, option: FleetPlan) -> int:
    """More replicas than any size needs: as many again as run at the peak and as many as carry it, and some."""
    rate = run_rate(plan, name, np.array([plan.scenario.tokens_per_month]))
    mean_load = plan.scenario.requests_per_month * option.seconds_per_request / SECONDS_PER_MONTH
    return int(16 + 4 * float(rate.peak_replicas[0]) + 16 * mean_load)


def _size(option: FleetPlan) -> int:
    policy = option.autoscaling
    return policy.count if isinstance(policy, FixedFleet) and policy.count is not None else option.replicas.spare


def _with_more(option: FleetPlan, more: int) -> FleetPlan:
    """The fleet with so many replicas more: counted, or spare."""
    if more == 0:
        return option
    policy = option.autoscaling
    if isinstance(policy, FixedFleet) and policy.count is not None:
        return dataclasses.replace(option, autoscaling=policy.model_copy(update={"count": policy.count + more}))
    limits = option.replicas.model_copy(update={"spare": option.replicas.spare + more})
    return dataclasses.replace(option, replicas=limits)
