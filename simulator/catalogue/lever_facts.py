"""What the catalogue knows of levers: published savings and assumptions, and discounts on the rents of a scenario."""

from __future__ import annotations

from functools import cache

from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.errors import NoOffer, UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.catalogue.rentals import fitting_offer
from simulator.domain.base import Model, NonNegative, Share, Sourced
from simulator.domain.lever_moves import LeverClaim, LeverFacts, LeverFigure
from simulator.domain.options import SelfHostedOption
from simulator.domain.scenario import Scenario


class _Claim(Sourced):
    lever: str
    text: str
    low_share: Share
    high_share: Share
    of: str


class _Assumption(Sourced):
    lever: str
    key: str
    value: NonNegative
    text: str


class _LeverFile(Model):
    claims: tuple[_Claim, ...] = Field(min_length=1)
    assumptions: tuple[_Assumption, ...] = Field(min_length=1)


def lever_facts(scenario: Scenario) -> LeverFacts:
    """Claims and assumptions of `prices/levers.yaml`, and the discount on spot of fleets whose rent is looked up."""
    file = _file()
    discounts = {
        name: discount
        for name, option in scenario.options.items()
        if isinstance(option, SelfHostedOption) and (discount := _spot_discount(scenario, option)) is not None
    }
    return LeverFacts(
        claims=tuple(
            LeverClaim(
                row.lever, row.text, row.low_share, row.high_share, row.of, row.source, row.as_of, row.unverified
            )
            for row in file.claims
        ),
        assumptions={
            (row.lever, row.key): LeverFigure(row.key, row.value, row.source, row.as_of, row.unverified)
            for row in file.assumptions
        },
        spot_discounts=discounts,
    )


def _spot_discount(scenario: Scenario, option: SelfHostedOption) -> LeverFigure | None:
    """How much less a GPU rents for on spot than as the fleet rents it, by the provider's offers; None: not known."""
    rental = option.rental
    if rental is None or rental.provider is None or option.gpu is None or rental.contract != "on_demand":
        return None
    if rental.usd_per_gpu_hour is not None or rental.usd_per_instance_hour is not None:
        return None
    asked = (option.gpu, option.gpus, rental.provider)
    where = {"region": rental.region, "on": scenario.horizon.start}
    try:
        listed = fitting_offer(*asked, "on_demand", sku=rental.sku, **where)  # type: ignore[arg-type]
        spot = fitting_offer(*asked, "spot", sku=rental.sku, **where)  # type: ignore[arg-type]
    except (NoOffer, UnknownId):
        return None
    share = 1.0 - spot.usd_per_gpu_hour / listed.usd_per_gpu_hour
    if share <= 0:
        return None
    source = f"{rental.provider} {spot.sku} on spot against {listed.sku}: {spot.source}"
    return LeverFigure("discount_share", share, source, spot.as_of, spot.unverified or listed.unverified)


@cache
def _file() -> _LeverFile:
    path = data_folder("prices") / "levers.yaml"
    return parsed(_LeverFile, read_mapping(path), path)
