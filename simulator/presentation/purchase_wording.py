"""How the GPUs of a fleet are bought, and what an edge leaves to an option, a line for each thing."""

from __future__ import annotations

import math

from simulator.catalogue.edge_planning import reaching_share
from simulator.domain.options import SelfHostedOption
from simulator.domain.plans import FleetPlan, OptionPlan, Plan
from simulator.domain.purchase import SiteTerms
from simulator.domain.scenario import Scenario
from simulator.presentation.numbers import number, percent, usd, whole_usd


def purchase_lines(plan: Plan, name: str) -> list[str]:
    """Terms of an option's purchase that are not the plain rent by the second, and its edge."""
    planned, option = plan.options[name], plan.scenario.options[name]
    lines = _edge(plan.scenario, planned)
    if isinstance(planned, FleetPlan) and isinstance(option, SelfHostedOption):
        lines += _periods(option) + _sites(planned)
        if planned.quota is not None:
            granted = f"{planned.quota.gpus} GPUs granted in all, {number(planned.quota.replicas)} replicas"
            lines.append(f"{granted}; what they do not serve overflows")
    return [f"{name}: {line}" for line in lines]


def _edge(scenario: Scenario, planned: OptionPlan) -> list[str]:
    edge = scenario.options[planned.name].edge
    if edge is None:
        return []
    answered = percent(1.0 - reaching_share(edge, scenario.workload))
    once = whole_usd(planned.overheads.one_off_usd.get("edge integration", 0.0))
    monthly = whole_usd(planned.overheads.monthly_fixed_usd.get("edge upkeep", 0.0))
    cached = any(request.response_cache is not None for request in scenario.workload.values())
    what = f"{answered} of the requests{' that no response cache answers' if cached else ''}"
    return [f"{what} are answered on the users' devices, for {once} once and {monthly} a month"]


def _periods(option: SelfHostedOption) -> list[str]:
    periods = {key: rental.billed_by for key, rental in option.rentals.items() if rental.billing_period_s > 0}
    where = "" if option.sites is None else " at {}"
    return [
        f"what runs{where.format(key.removeprefix('sites.'))} is paid to the end of the {by} begun, and used again "
        "until then where it is wanted"
        for key, by in periods.items()
    ]


def _sites(fleet: FleetPlan) -> list[str]:
    if not fleet.sites:
        return []
    return [f"replicas are placed in this order: {', '.join(_site(site) for site in fleet.sites)}"]


def _site(site: SiteTerms) -> str:
    most = "any number" if math.isinf(site.replicas) else f"up to {number(site.replicas)}"
    return f"{site.name} ({most}, {usd(site.usd_per_replica_hour)} an hour each)"
