"""How the replicas of a fleet are bought, a line for each thing: reserved base, spot, own nodes."""

from __future__ import annotations

from simulator.domain.owning import HOURS_PER_YEAR
from simulator.domain.plans import FleetPlan
from simulator.domain.scenario import Scenario
from simulator.presentation.numbers import number, percent, usd, whole_usd
from simulator.simulation.reserved import with_base
from simulator.simulation.shared_costs import demand_of
from simulator.solving.study import Study


def purchase_lines(study: Study, name: str) -> list[str]:
    """What of a fleet is committed to, may be taken back, or is its own; nothing for what is rented by the hour."""
    fleet = study.plan.options[name]
    if not isinstance(fleet, FleetPlan):
        return []
    lines = []
    if fleet.reserved is not None:
        lines.append(f"{name}: {_base(study, fleet)}")
    if fleet.spot is not None:
        spot = fleet.spot
        of_what = "replicas above the base" if fleet.reserved is not None else "replicas"
        lines.append(
            f"{name}: {percent(spot.share)} of the {of_what} are on spot at "
            f"{usd(fleet.usd_per_spot_replica_hour)} an hour in place of {usd(fleet.usd_per_replica_hour)}, each taken "
            f"back {number(spot.interruptions_per_replica_hour)} times an hour"
        )
    if fleet.owned is not None:
        owned = fleet.owned
        lines.append(
            f"{name}: {owned.nodes} own {'node' if owned.nodes == 1 else 'nodes'} of {_gpus(owned.gpus_per_node)}, "
            f"{whole_usd(owned.price_usd)} over {number(owned.life_hours / HOURS_PER_YEAR)} years"
        )
    return lines


def _base(study: Study, fleet: FleetPlan) -> str:
    """How many replicas are reserved, and how the number came about."""
    assert fleet.reserved is not None
    scenario: Scenario = study.plan.scenario
    base = with_base(fleet, demand_of(study.plan), scenario.requests_per_month).base_replicas
    why = "as given" if fleet.reserved.replicas is not None else "as many as cost least at this volume"
    return (
        f"a base of {number(base)} {'replica' if base == 1 else 'replicas'} is reserved, {why}, at "
        f"{usd(fleet.reserved.usd_per_replica_hour)} an hour each, used or not; "
        f"those above it cost {usd(fleet.usd_per_replica_hour)} while they run"
    )


def _gpus(count: int) -> str:
    return f"{count} GPU" if count == 1 else f"{count} GPUs"
