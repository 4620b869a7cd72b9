"""What running hardware of one's own takes, and the carbon of grids, from `prices/facility.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache

from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.dated_rows import DatedRow, row_of_day
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model, Positive
from simulator.domain.models_and_gpus import Figure
from simulator.domain.owning import Tariff

WORLD = "world"
DEFAULT_PLACE = "us"
_AZURE_US = re.compile(r"^(?:north|south|west|east|central)+(us)\d*$")  # eastus2 is in the US


class ColocationRate(DatedRow):
    """A dated rate of place in a data centre."""

    place: str
    usd_per_kw_month: Positive = Field(description="By the kW of rated input. [USD per kW and month]")


class FacilityCosts(Model):
    """Electricity, carbon, buildings, colocation, support, and how much servers draw."""

    industrial_usd_per_kwh: dict[str, Figure]
    commercial_usd_per_kwh: dict[str, Figure]
    residential_usd_per_kwh: dict[str, Figure]
    grid_kg_co2e_per_kwh: dict[str, Figure]
    pue: dict[str, Figure] = Field(description="By site, and by provider. [1]")
    colocation: tuple[ColocationRate, ...] = Field(min_length=1)
    life_years: Figure
    support_share_per_year: Figure
    nameplate_over_gpus: Figure = Field(description="Rated input of a server over the rated power of its GPUs. [1]")
    loaded_over_gpus: Figure = Field(description="Its draw in full use over the same. [1]")
    idle_over_loaded: Figure = Field(description="Its draw without work over the draw in full use. [1]")


@cache
def facility_costs() -> FacilityCosts:
    """The facility figures of the catalogue."""
    path = data_folder("prices") / "facility.yaml"
    return parsed(FacilityCosts, read_mapping(path), path)


def electricity_price(place: str, tariff: Tariff) -> Figure:
    """Price of electricity of a place; raises `UnknownId` with the places that have one at this tariff. [USD/kWh]"""
    prices: Mapping[str, Figure] = getattr(facility_costs(), f"{tariff}_usd_per_kwh")
    if place not in prices:
        raise UnknownId(place, prices)
    return prices[place]


def grid_of(place: str) -> str:
    """The grid of a place: its own, else its country's; raises `UnknownId` with those there are."""
    grids = facility_costs().grid_kg_co2e_per_kwh
    for name in (place, _country(place)):
        if name in grids:
            return name
    raise UnknownId(place, grids)


def grid_of_cloud(provider: str | None, region: str | None) -> str:
    """The grid of a cloud's region: its own, else of the country its name begins with, else the world's.

    Parameters
    ----------
    provider, region : str or None
        As the rentals call them, e.g. aws and us-east-1; None: not known.

    Returns
    -------
    str
        For `grid_carbon`.
    """
    grids = facility_costs().grid_kg_co2e_per_kwh
    names = () if region is None else (f"{provider}/{region}", _country(region), *_AZURE_US.findall(region))
    return next((name for name in names if name in grids), WORLD)


def grid_carbon(grid: str) -> Figure:
    """Carbon of a grid that `grid_of` or `grid_of_cloud` names. [kg CO2e per kWh]"""
    return facility_costs().grid_kg_co2e_per_kwh[grid]


def pue_of(site_or_provider: str) -> Figure:
    """What a site's building draws over its machines; of a provider without a figure that of the survey. [1]"""
    known = facility_costs().pue
    return known.get(site_or_provider, known["own_room"])


def colocation_rate(place: str, *, on: date) -> ColocationRate:
    """The newest rate on a day of a place, or of its country; raises `UnknownId` with the places there are."""
    rates = facility_costs().colocation
    for name in (place, _country(place)):
        of_place = [rate for rate in rates if rate.place == name]
        if of_place:
            return row_of_day(of_place, on)
    raise UnknownId(place, {rate.place for rate in rates})


def _country(place: str) -> str:
    return place.split("-", 1)[0]
