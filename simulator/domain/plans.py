"""What the program computes with: each option with every reference looked up, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.autoscaling import AutoscalingPolicy
from simulator.domain.options import Replicas
from simulator.domain.scenario import Scenario
from simulator.domain.units import MONTHS_PER_YEAR, SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64

API_LINES = ("input", "cached_input", "cache_write", "output")


@dataclass(frozen=True)
class FigureUsed:
    """A figure of the catalogue that a result stands on."""

    option: str
    what: str
    value: str
    source: str
    as_of: date | None
    unverified: bool


@dataclass(frozen=True)
class PlanFault:
    """Why an option can't be planned; `infeasible`: the wish is clear, but can't be had."""

    key: str
    text: str
    infeasible: bool = False


@dataclass(frozen=True)
class Staff:
    """People of an option, with their price."""

    base_persons: float = 0.0
    gpus_per_person: float | None = None
    whole_persons: bool = True
    usd_per_person_year: float = 0.0

    def persons(self, peak_gpus: Array) -> Array:
        """Persons needed by fleets whose month's peak is `peak_gpus` GPUs. Shape as given."""
        if self.gpus_per_person is None:
            return np.full(np.shape(peak_gpus), self.base_persons)
        needed = np.asarray(peak_gpus) / self.gpus_per_person
        return self.base_persons + (np.ceil(needed - 1e-9) if self.whole_persons else needed)

    def usd_per_month(self, peak_gpus: Array) -> Array:
        """Their cost a month. [USD per month]"""
        return self.persons(peak_gpus) * (self.usd_per_person_year / MONTHS_PER_YEAR)


@dataclass(frozen=True)
class Overheads:
    """Cost that does not follow the tokens."""

    staff: Staff = field(default_factory=Staff)
    monthly_fixed_usd: Mapping[str, float] = field(default_factory=dict)
    one_off_usd: Mapping[str, float] = field(default_factory=dict)

    @property
    def total_one_off_usd(self) -> float:
        """All set-up cost. [USD]"""
        return sum(self.one_off_usd.values())


@dataclass(frozen=True)
class ApiPlan:
    """An API with its prices of every month.

    `usd_per_request` has shape (months, 1 or 24 hours UTC, 4 lines): the mean request's price by `API_LINES`.
    """

    name: str
    label: str
    usd_per_request: Array
    overheads: Overheads

    kind = "api"

    def usd_per_request_at(self, month: int, hour_weights: Array) -> Array:
        """Price of the mean request in a month by line, its hours weighted with the demand. Shape (4,)."""
        prices: Array = self.usd_per_request[month]
        if prices.shape[0] == 1:
            return prices[0]
        return hour_weights @ prices


@dataclass(frozen=True)
class FleetPlan:
    """A fleet of replicas on rented GPUs."""

    name: str
    label: str
    seconds_per_request: float  # replica-seconds of work that the mean request is
    usd_per_replica_hour: float
    gpus_paid_per_replica: float
    autoscaling: AutoscalingPolicy
    replicas: Replicas
    cold_start_s: float
    billing_from: str
    max_wait_s: float
    overflow_to: str | None
    rejected_usd_per_request: float
    variable_usd_per_request: float
    overheads: Overheads

    kind = "self_hosted"

    @property
    def requests_per_s_per_replica(self) -> float:
        """Requests that one replica serves at full load. [requests/s]"""
        return 1.0 / self.seconds_per_request

    def usd_per_request_at_full_load(self, utilization_share: float = 1.0) -> float:
        """Rent and variable cost of a request at a utilization: rent per hour over requests per hour."""
        rent = self.usd_per_replica_hour * self.seconds_per_request / SECONDS_PER_HOUR
        return rent / utilization_share + self.variable_usd_per_request


OptionPlan = ApiPlan | FleetPlan


@dataclass(frozen=True)
class Plan:
    """A scenario with every option planned, or the faults that prevent it."""

    scenario: Scenario
    options: Mapping[str, OptionPlan]
    faults: Mapping[str, tuple[PlanFault, ...]]
    figures: tuple[FigureUsed, ...]
    warnings: tuple[str, ...]

    @property
    def tokens_per_request(self) -> float:
        """Input and output tokens of the mean request."""
        return self.scenario.mix.total_tokens
