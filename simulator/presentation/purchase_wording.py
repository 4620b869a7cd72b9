"""How the GPUs of a fleet are bought, and what an edge leaves to an option, a line for each thing."""

from __future__ import annotations

import math

from simulator.catalogue.edge_planning import reaching_share
from simulator.domain.options import SelfHostedOption
from simulator.domain.owning import HOURS_PER_YEAR
from simulator.domain.plans import FleetPlan, OptionPlan
from simulator.domain.purchase import SiteTerms
from simulator.domain.scenario import Scenario
from simulator.presentation.numbers import number, percent, usd, whole_usd
from simulator.simulation.ledger import settled
from simulator.solving.study import Study


def purchase_lines(study: Study, name: str) -> list[str]:
    """Terms of an option's purchase that are not the plain rent by the second, and its edge."""
    scenario, planned = study.plan.scenario, settled(study.plan, name)
    option = scenario.options[name]
    lines = _edge(scenario, planned)
    if isinstance(planned, FleetPlan) and isinstance(option, SelfHostedOption):
        lines += (
            _peak(study, planned)
            + _base(planned, option)
            + _spot(planned)
            + _own(planned)
            + _periods(option)
            + _sites(planned)
        )
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


def _peak(study: Study, fleet: FleetPlan) -> list[str]:
    """Most replicas at a time, and the GPUs that are paid for them, at the own volume."""
    replicas = study.options[fleet.name].peak_replicas if fleet.name in study.options else 0.0
    if replicas <= 0.0:
        return []
    most = f"{number(replicas)} {'replica' if replicas == 1 else 'replicas'} at most"
    whole = (
        f", in whole machines of {number(fleet.replicas.increment)} replicas" if fleet.replicas.increment > 1 else ""
    )
    return [f"{most} at this volume, {number(replicas * fleet.gpus_paid_per_replica)} GPUs{whole}"]


def _base(fleet: FleetPlan, option: SelfHostedOption) -> list[str]:
    """How many replicas are reserved, and how the number came about."""
    if fleet.reserved is None or option.reserved is None:
        return []
    base = fleet.base_replicas
    why = "as many as cost least at this volume" if option.reserved.replicas == "auto" else "as given"
    return [
        f"a base of {number(base)} {'replica' if base == 1 else 'replicas'} is reserved, {why}, at "
        f"{usd(fleet.reserved.usd_per_replica_hour)} an hour each, used or not; "
        f"those above it cost {usd(fleet.usd_per_replica_hour)} while they run"
    ]


def _spot(fleet: FleetPlan) -> list[str]:
    if fleet.spot is None:
        return []
    spot = fleet.spot
    of_what = "replicas above the base" if fleet.reserved is not None else "replicas"
    return [
        f"{percent(spot.share)} of the {of_what} are on spot at "
        f"{usd(fleet.usd_per_spot_replica_hour)} an hour in place of {usd(fleet.usd_per_replica_hour)}, each taken "
        f"back {number(spot.interruptions_per_replica_hour)} times an hour"
    ]


def _own(fleet: FleetPlan) -> list[str]:
    if fleet.owned is None:
        return []
    owned = fleet.owned
    gpus = f"{owned.gpus_per_node} GPU{'' if owned.gpus_per_node == 1 else 's'}"
    return [
        f"{owned.nodes} own {'node' if owned.nodes == 1 else 'nodes'} of {gpus}, "
        f"{whole_usd(owned.price_usd)} over {number(owned.life_hours / HOURS_PER_YEAR)} years"
    ]


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
