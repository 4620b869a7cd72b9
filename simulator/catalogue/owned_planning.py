"""Owned hardware with what its user left out looked up, and what rented machines draw."""

from __future__ import annotations

from datetime import date
from functools import partial

from simulator.catalogue import facility_costs as facility
from simulator.catalogue.dated_rows import DatedRow
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware_prices import node_price
from simulator.catalogue.lookups import Lookup
from simulator.domain.base import Sourced
from simulator.domain.models_and_gpus import Figure, Gpu
from simulator.domain.owning import HOURS_PER_YEAR, OwnedFigures, OwnedHardware
from simulator.domain.power import PowerDraw
from simulator.domain.units import HOURS_PER_DAY

_LOADED = "draw of a busy server over the rated power of its GPUs"
_NAMEPLATE = "rated input of a server over the rated power of its GPUs"
_IDLE = "draw of an idle server over that of a busy one"


def owned_figures(
    owned: OwnedHardware, gpu: Gpu | None, gpus_per_replica: int, lookup: Lookup, *, start: date
) -> OwnedFigures | None:
    """The hardware as plain numbers; every figure from the catalogue is noted, and every fault.

    Parameters
    ----------
    owned : OwnedHardware
        As its user wrote it, at the key `owned` of the option.
    gpu : Gpu or None
        Of the option; None where it names none.
    gpus_per_replica : int
        GPUs of one replica.
    lookup : Lookup
        Of the option; figures, warnings and faults are noted there.
    start : date
        First day of the horizon, whose prices hold; of hardware delivered later those of that day.

    Returns
    -------
    OwnedFigures or None
        None: a fault was noted.
    """
    faults_before = len(lookup.notes.faults.get(lookup.name, ()))
    gpus = owned.gpus_per_node or gpus_per_replica
    if gpus < gpus_per_replica:
        text = f"is {gpus}, must be at least the {gpus_per_replica} GPUs of a replica"
        lookup.fault("owned.gpus_per_node", text, infeasible=True)
    bought_on = max(start, owned.delivery or start)
    usd_per_node = _usd_per_node(owned, gpu, gpus, lookup, bought_on)
    draw, nameplate_w = _draw_of_node(owned, gpu, gpus, lookup)
    usd_per_kwh = _usd_per_kwh(owned, lookup)
    colocation = _colocation_usd_per_kw_month(owned, lookup, start)
    costs = facility.facility_costs()
    life_years = owned.life_years
    if life_years is None:
        life_years = _use(lookup, "life of a node", costs.life_years, "years")
    support = owned.support_share_per_year
    if support is None:
        at_home = owned.site == "home"
        support = 0.0 if at_home else _use(lookup, "support", costs.support_share_per_year, "of the price a year")
    delivered_at_hour = HOURS_PER_DAY * (owned.delivery - start).days if owned.delivery else 0.0
    life_hours = life_years * HOURS_PER_YEAR
    if owned.end_of_life == "end" and delivered_at_hour + life_hours <= 0.0:
        text = f"is {owned.delivery}, so that a life of {life_years:g} years has ended before the start, {start}"
        lookup.fault("owned.delivery", text)
    is_faulty = len(lookup.notes.faults.get(lookup.name, ())) > faults_before
    if is_faulty or usd_per_node is None or draw is None or usd_per_kwh is None or colocation is None:
        return None
    nodes = 1 if owned.nodes == "auto" else owned.nodes  # one stands for those that are to be found
    hardware_usd = nodes * usd_per_node
    return OwnedFigures(
        nodes=nodes,
        gpus_per_node=gpus,
        hardware_usd=hardware_usd,
        life_hours=life_hours,
        draw=draw,
        nameplate_w=nameplate_w,
        usd_per_kwh=usd_per_kwh,
        spares_usd=owned.spares_share * hardware_usd,
        installation_usd=owned.installation_usd,
        residual_share=owned.residual_share,
        delivered_at_hour=delivered_at_hour,
        end_of_life=owned.end_of_life,
        charging=owned.charging,
        financing_rate_per_year=owned.financing_rate_per_year,
        support_share_per_year=support,
        colocation_usd_per_kw_month=colocation,
        space_usd_per_month=owned.space_usd_per_month,
    )


def rented_draw(gpu: Gpu, gpus: float, provider: str | None, region: str | None, lookup: Lookup) -> PowerDraw | None:
    """What so many GPUs of a rented machine draw, with their share of the server; every figure is noted, for energy.

    Parameters
    ----------
    gpu : Gpu
        Of the option.
    gpus : float
        GPUs that are paid for one replica.
    provider, region : str or None
        Where it is rented; None: not known, so the survey's building and the world's grid.
    lookup : Lookup
        Of the option; the figures are noted there.

    Returns
    -------
    PowerDraw or None
        None where the rated power of the GPU isn't known.
    """
    if gpu.tdp_w is None:
        return None
    costs = facility.facility_costs()
    use = partial(_use, lookup, for_energy=True)
    loaded_w = gpus * use(f"rated power of {gpu.id}", gpu.tdp_w, "W")
    loaded_w *= use(_LOADED, costs.loaded_over_gpus, "")
    idle_w = loaded_w * use(_IDLE, costs.idle_over_loaded, "")
    building = use("power of the building over its machines", facility.pue_of(provider or ""), "")
    return PowerDraw(idle_w, loaded_w, building, _use_grid(lookup, facility.grid_of_cloud(provider, region)))


def _usd_per_node(owned: OwnedHardware, gpu: Gpu | None, gpus: int, lookup: Lookup, start: date) -> float | None:
    if owned.usd_per_node is not None:
        return owned.usd_per_node
    price = None if gpu is None else node_price(gpu.id, gpus, owned.condition, on=start)
    if gpu is None or price is None:
        of_what = "without a gpu it" if gpu is None else f"no price of a {owned.condition} {gpu.id} is known, so it"
        lookup.fault("owned.usd_per_node", f"is missing; {of_what} must be given")
        return None
    _warn_if_later(lookup, f"price of {gpu.id}", price, start)
    if price.whole_node:
        _note(lookup, f"price of a server of {gpus} x {gpu.id}", f"{price.usd:,.0f} USD", price)
        return price.usd
    _note(lookup, f"price of a {gpu.id}", f"{price.usd:,.0f} USD", price)
    lookup.notes.warn(
        f"{lookup.name}: the node is {gpus} x {gpu.id} at {price.usd:,.0f} USD each, without the server around them; "
        "give owned.usd_per_node"
    )
    return gpus * price.usd


def _draw_of_node(owned: OwnedHardware, gpu: Gpu | None, gpus: int, lookup: Lookup) -> tuple[PowerDraw | None, float]:
    """Draw of a node, None where it is not known, and its rated input. [W]"""
    power = owned.power
    loaded_w, idle_w, nameplate_w = power.loaded_w, power.idle_w, power.nameplate_w
    costs = facility.facility_costs()
    if loaded_w is None:
        if gpu is None or gpu.tdp_w is None:
            why = "without a gpu it" if gpu is None else f"the rated power of {gpu.id} is not known, so it"
            lookup.fault("owned.power.loaded_w", f"is missing; {why} must be given")
            return None, 0.0
        gpus_w = gpus * _use(lookup, f"rated power of {gpu.id}", gpu.tdp_w, "W")
        loaded_w = gpus_w * _use(lookup, _LOADED, costs.loaded_over_gpus, "")
        if nameplate_w is None:
            nameplate_w = gpus_w * _use(lookup, _NAMEPLATE, costs.nameplate_over_gpus, "")
    if idle_w is None:
        idle_w = loaded_w * _use(lookup, _IDLE, costs.idle_over_loaded, "")
    if idle_w > loaded_w:
        lookup.fault("owned.power.idle_w", f"is {idle_w:g}, must be at most loaded_w, which is {loaded_w:g} here")
    if nameplate_w is not None and nameplate_w < loaded_w:
        text = f"is {nameplate_w:g}, must be at least loaded_w, which is {loaded_w:g} here"
        lookup.fault("owned.power.nameplate_w", text)
    draw = PowerDraw(idle_w, loaded_w, _pue(owned, lookup), _kg_co2e_per_kwh(owned, lookup))
    return draw, nameplate_w or loaded_w


def _pue(owned: OwnedHardware, lookup: Lookup) -> float:
    if owned.power.pue is not None:
        return owned.power.pue
    if owned.site == "home":
        return 1.0
    return _use(lookup, f"power of the building over its machines, {owned.site}", facility.pue_of(owned.site), "")


def _usd_per_kwh(owned: OwnedHardware, lookup: Lookup) -> float | None:
    power = owned.power
    if power.usd_per_kwh is not None:
        return power.usd_per_kwh
    place = power.place or facility.DEFAULT_PLACE
    try:
        price = facility.electricity_price(place, owned.tariff)
    except UnknownId as error:
        if power.place is not None:
            lookup.fault("owned.power.place", f"{error} ({owned.tariff} rates); or give owned.power.usd_per_kwh")
        else:
            places = ", ".join(error.allowed)
            text = f"is missing; {owned.tariff} rates are known with owned.power.place one of {places}"
            lookup.fault("owned.power.usd_per_kwh", text)
        return None
    return _use(lookup, f"electricity, {owned.tariff}, {place}", price, "USD/kWh")


def _kg_co2e_per_kwh(owned: OwnedHardware, lookup: Lookup) -> float | None:
    if owned.power.kg_co2e_per_kwh is not None:
        return owned.power.kg_co2e_per_kwh
    place = owned.power.place or facility.DEFAULT_PLACE
    grid = lookup.find("owned.power.place", place, facility.grid_of)
    return None if grid is None else _use_grid(lookup, grid)


def _colocation_usd_per_kw_month(owned: OwnedHardware, lookup: Lookup, start: date) -> float | None:
    if owned.colocation_usd_per_kw_month is not None:
        return owned.colocation_usd_per_kw_month
    if owned.site != "colocation":
        return 0.0
    place = owned.power.place or facility.DEFAULT_PLACE
    try:
        rate = facility.colocation_rate(place, on=start)
    except UnknownId as error:
        places = ", ".join(error.allowed)
        text = f"is missing; no rate of '{place}' is known, only of {places}, so it must be given"
        lookup.fault("owned.colocation_usd_per_kw_month", text)
        return None
    _warn_if_later(lookup, "colocation", rate, start)
    _note(lookup, f"colocation, {rate.place}", f"{rate.usd_per_kw_month:g} USD per kW and month", rate)
    return rate.usd_per_kw_month


def _use_grid(lookup: Lookup, grid: str) -> float:
    """Carbon of a grid, noted as used. [kg CO2e per kWh]"""
    what = f"carbon of the grid, {grid}"
    return _use(lookup, what, facility.grid_carbon(grid), "kg CO2e/kWh", for_energy=True)


def _use(lookup: Lookup, what: str, figure: Figure, unit: str, *, for_energy: bool = False) -> float:
    """The figure's value, noted as used."""
    _note(lookup, what, f"{figure.value:g} {unit}".rstrip(), figure, for_energy=for_energy)
    return float(figure.value)


def _note(lookup: Lookup, what: str, value: str, row: Sourced, *, for_energy: bool = False) -> None:
    lookup.notes.use(lookup.name, what, value, row.source, row.as_of, row.unverified, for_energy=for_energy)


def _warn_if_later(lookup: Lookup, what: str, row: DatedRow, start: date) -> None:
    if row.effective_from is not None and row.effective_from > start:
        lookup.notes.warn(f"{lookup.name}: {what}: {row.note}")
