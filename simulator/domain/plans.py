"""What the program computes with: each option with every reference looked up, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.autoscaling import AutoscalingPolicy, PerfectForesight
from simulator.domain.options import Replicas
from simulator.domain.scenario import Scenario
from simulator.domain.units import MONTHS_PER_YEAR, SECONDS_PER_DAY

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
    """An API with its prices of every day.

    `usd_per_request` has shape (days, 1 or 48 half hours UTC, 4 lines): the mean request's price by `API_LINES`, from
    the first day of the horizon to its last.
    """

    name: str
    label: str
    usd_per_request: Array
    overheads: Overheads

    kind = "api"

    @property
    def has_peak_hours(self) -> bool:
        """Whether prices change within a day."""
        return bool(self.usd_per_request.shape[1] > 1)

    def usd_per_request_between(self, edges_s: Array, *, run_rate: bool = False) -> Array:
        """Mean price of the mean request between moments, by line.

        Parameters
        ----------
        edges_s : array of shape (n + 1,)
            Moments after the start, never falling. [s]
        run_rate : bool
            The prices of the first day on every day.

        Returns
        -------
        array of shape (n, 4)
            Time average of the price between each moment and the next. [USD per request]
        """
        prices = self.usd_per_request[:1] if run_rate else self.usd_per_request
        if not self.has_peak_hours and bool(np.all(prices == prices[0])):
            return np.broadcast_to(prices[0, 0], (edges_s.size - 1, len(API_LINES)))
        slots_per_day = prices.shape[1]
        slot_s = SECONDS_PER_DAY / slots_per_day
        slots = int(np.ceil(edges_s[-1] / slot_s - 1e-9))
        by_slot = prices.reshape(-1, len(API_LINES))
        if run_rate:
            by_slot = np.tile(by_slot, (-(-slots // slots_per_day), 1))
        slot_edges = np.arange(slots + 1) * slot_s
        mean = np.empty((edges_s.size - 1, len(API_LINES)))
        for line in range(len(API_LINES)):
            paid = np.concatenate(([0.0], np.cumsum(by_slot[:slots, line]))) * slot_s
            mean[:, line] = np.diff(np.interp(edges_s, slot_edges, paid)) / np.diff(edges_s)
        return mean


@dataclass(frozen=True)
class WorkShares:
    """How much of the work of the mean request follows the length of its prompt, and of its answer. [1]

    The rest is the same for every request.
    """

    input: float = 0.0
    output: float = 0.0


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
    work: WorkShares = WorkShares()

    kind = "self_hosted"

    @property
    def requests_per_s_per_replica(self) -> float:
        """Requests that one replica serves at full load. [requests/s]"""
        return 1.0 / self.seconds_per_request

    @property
    def is_lower_bound(self) -> bool:
        """Whether nobody can run such a fleet: it knows the demand before it comes."""
        return isinstance(self.autoscaling, PerfectForesight)


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
