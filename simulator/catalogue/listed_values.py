"""What the catalogue, or an estimate, puts in place of a numeric key that a scenario leaves out."""

from __future__ import annotations

from simulator.catalogue.api_prices import price_card, resolve_api_model
from simulator.catalogue.errors import UnknownId
from simulator.domain.api_options import ApiOption
from simulator.domain.owning import HOURS_PER_YEAR
from simulator.domain.plans import FleetPlan, Plan

_PRICES = "prices."


def listed_value(plan: Plan, option: str, key: str) -> float | None:
    """The value in force where a key of an option is left out.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    option, key : str
        Name of the option, and the key below it, e.g. `rental.usd_per_gpu_hour`.

    Returns
    -------
    float or None
        In the unit of the key; None where nothing is looked up for it.
    """
    planned = plan.options.get(option)
    if planned is None:
        return None
    if key == "engineers.usd_per_person_year":
        return planned.overheads.staff.usd_per_person_year or None
    if key.startswith(_PRICES):
        return _listed_price(plan, option, key.removeprefix(_PRICES))
    return _of_fleet(plan, planned).get(key) if isinstance(planned, FleetPlan) else None


def _listed_price(plan: Plan, name: str, key: str) -> float | None:
    """Price of a token at the first moment of the horizon, in the lowest tier. [USD per 10^6 tokens]"""
    option = plan.scenario.options[name]
    if not isinstance(option, ApiOption) or option.model is None:
        return None
    try:
        model = resolve_api_model(option.model, option.provider)
        card = price_card(model, plan.scenario.horizon.start_utc, option.service_tier)
    except (UnknownId, ValueError):
        return None
    value = getattr(card.tiers[0].prices, key, None)
    return float(value) if isinstance(value, int | float) else None


def _of_fleet(plan: Plan, fleet: FleetPlan) -> dict[str, float]:
    mix, per_s = plan.scenario.mix, fleet.requests_per_s_per_replica
    values = {
        "throughput.requests_per_s": per_s,
        "throughput.output_tokens_per_s": per_s * mix.output_tokens,
        "throughput.total_tokens_per_s": per_s * mix.total_tokens,
    }
    if fleet.owned is not None:
        values["owned.usd_per_node"] = fleet.owned.hardware_usd / fleet.owned.nodes
        values["owned.life_years"] = fleet.owned.life_hours / HOURS_PER_YEAR
    elif fleet.gpus_paid_per_replica > 0:
        values["rental.usd_per_gpu_hour"] = fleet.usd_per_replica_hour / fleet.gpus_paid_per_replica
    return values
