"""Energy and carbon of a fleet: at run rate over volumes, and by bill month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.domain.owned_costs import owned_energy_kwh
from simulator.domain.owning import OwnedFigures
from simulator.domain.plans import Array, FleetPlan
from simulator.domain.power import PowerDraw, energy_kwh, per_mtok
from simulator.domain.units import REQUESTS_PER_THOUSAND, SECONDS_PER_HOUR, TOKENS_PER_MTOK
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import FleetRun

ENERGY_COLUMNS = ("energy_kwh_per_mtok", "kg_co2e_per_mtok")  # of a table over volumes


@dataclass(frozen=True)
class Energy:
    """Energy of a fleet at the meter of the building, and what it puts into the air.

    Arrays have shape (n,): at n volumes, each of a month of 730 h, or in n bill months. What the fleet leaves to others
    (overflow, the time until it is live) is in neither the energy nor the requests.

    Attributes
    ----------
    energy_kwh : array
        [kWh]
    kg_co2e : array
        nan where the grid is not known. [kg CO2e]
    served_requests : array
        Requests that the fleet served.
    tokens_per_request : float
        Input and output, of those requests.
    """

    energy_kwh: Array
    kg_co2e: Array
    served_requests: Array
    tokens_per_request: float

    @property
    def energy_kwh_per_mtok(self) -> Array:
        """Over the tokens served; nan where there were none. [kWh per 10⁶ tokens]"""
        return np.asarray(per_mtok(self.energy_kwh, self.served_requests * self.tokens_per_request))

    @property
    def kg_co2e_per_mtok(self) -> Array:
        """Over the tokens served; nan where there were none, or the grid is not known. [kg CO2e per 10⁶ tokens]"""
        return np.asarray(per_mtok(self.kg_co2e, self.served_requests * self.tokens_per_request))

    @property
    def energy_kwh_per_1000_requests(self) -> Array:
        """Over the requests served; nan where there were none. [kWh per 1,000 requests]"""
        return self.energy_kwh_per_mtok * self._mtok_per_1000_requests

    @property
    def kg_co2e_per_1000_requests(self) -> Array:
        """As `kg_co2e_per_mtok`, over the requests. [kg CO2e per 1,000 requests]"""
        return self.kg_co2e_per_mtok * self._mtok_per_1000_requests

    @property
    def together(self) -> Energy:
        """All of it as one; arrays of shape (1,)."""
        return self._of(lambda part: np.array([part.sum()]))

    def at(self, place: int) -> Energy:
        """One volume or month of it; arrays of shape (1,)."""
        return self._of(lambda part: part[place : place + 1])

    def _of(self, chosen: Callable[[Array], Array]) -> Energy:
        return Energy(
            chosen(self.energy_kwh), chosen(self.kg_co2e), chosen(self.served_requests), self.tokens_per_request
        )

    @property
    def _mtok_per_1000_requests(self) -> float:
        return self.tokens_per_request * REQUESTS_PER_THOUSAND / TOKENS_PER_MTOK


def run_rate_energy(option: FleetPlan, demand: Demand, run: FleetRun, tokens_per_request: float) -> Energy | None:
    """Energy in a mean month at each of n volumes; None where the draw is not known.

    Machines that are billed draw what they do idle, and the rest in proportion to the work they serve. Owned ones draw
    what their electricity is priced with.
    """
    if option.draw is None:
        return None
    months = demand.months.sum()
    busy_hours = busy_replica_hours(option, run.busy_requests.sum(axis=0))
    kwh = np.asarray(energy_kwh(option.draw, run.billed_replica_hours.sum(axis=0) / months, busy_hours / months))
    served = run.served_requests.sum(axis=0)
    if option.deferred is not None and run.deferred is not None:
        share = option.deferred.token_share
        served = (1.0 - share) * served + share * run.deferred.served_requests.sum(axis=0)
    served = served * (option.reaching_share / months)
    return Energy(kwh, carbon_kg(option.draw, kwh), served, reaching_tokens(option, tokens_per_request))


def reaching_tokens(option: FleetPlan, tokens_per_request: float) -> float:
    """Tokens of the mean request that an edge leaves to the fleet, of those of the scenario's."""
    return tokens_per_request * option.reaching_token_share / option.reaching_share


def owned_energy(owned: OwnedFigures, months: Array, utilization_share: Array, horizon_hours: float) -> Array:
    """Energy of own nodes in each bill month, as their electricity is paid for. Shape (months,). [kWh]"""
    share = np.clip(utilization_share, 0.0, 1.0)
    if owned.is_there_until(horizon_hours):
        return owned_energy_kwh(owned, months.size, share) * months
    return owned_energy_kwh(owned, months.size, share, horizon_hours)


def carbon_kg(draw: PowerDraw, kwh: Array) -> Array:
    """What so much energy puts into the air; nan where the grid is not known. Shape as given. [kg CO2e]"""
    carbon = draw.kg_co2e(kwh)
    return np.full(kwh.shape, np.nan) if carbon is None else np.asarray(carbon)


def busy_replica_hours(option: FleetPlan, busy_requests: Array) -> Array:
    """Work served, in hours of a full replica. Shape as given. [h]"""
    return busy_requests * (option.seconds_per_request / SECONDS_PER_HOUR)
