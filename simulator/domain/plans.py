"""What the program computes with: each option with every reference looked up, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from simulator.domain.api_plans import ApiPlan
from simulator.domain.autoscaling import AutoscalingPolicy, PerfectForesight
from simulator.domain.deferred_work import DeferredWork
from simulator.domain.options import Replicas
from simulator.domain.overheads import Overheads
from simulator.domain.owning import OwnedFigures
from simulator.domain.power import PowerDraw
from simulator.domain.purchase import BaseTerms, Quota, SiteTerms
from simulator.domain.rates_over_time import RateCourse
from simulator.domain.scenario import Scenario
from simulator.domain.service_level import ReplicaFailures
from simulator.domain.serving_times import ServingTimes
from simulator.domain.workload import Mix

Array = NDArray[Any]  # of float64


@dataclass(frozen=True)
class FigureUsed:
    """A figure of the catalogue that a result stands on; `for_energy`: its energy or carbon only, none of its costs."""

    option: str
    what: str
    value: str
    source: str
    as_of: date | None
    unverified: bool
    for_energy: bool = False


@dataclass(frozen=True)
class PlanFault:
    """Why an option can't be planned; `infeasible`: the wish is clear, but can't be had.

    `is_requirement`: it can be had, but is not what the scenario asks for, and is left out of the comparison.
    """

    key: str
    text: str
    infeasible: bool = False
    is_requirement: bool = False


@dataclass(frozen=True)
class WorkShares:
    """How much of the work of the mean request follows the length of its prompt, and of its answer. [1]

    The rest is the same for every request.
    """

    input: float = 0.0
    output: float = 0.0


@dataclass(frozen=True)
class SpotTerms:
    """Replicas that the provider may take back; the others are on demand, or of the base."""

    share: float  # of the replicas above the base [1]
    interruptions_per_replica_hour: float  # of a replica that is up
    notice_s: float = 0.0  # between the notice, when a replacement is asked for, and the loss
    wait_s: float = 0.0  # until a replacement can be had; then it starts cold
    seed: int = 0  # of the path


@dataclass(frozen=True)
class FleetPlan:
    """A fleet of replicas on rented GPUs.

    Where classes can wait, what is said of a mean request is of its other, interactive classes alone; `deferred` has
    the rest. `escalated_to` has the price of what of a served request an API answers once more.
    """

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
    per_request_usd: Mapping[str, float] = field(default_factory=dict)  # what every request takes, by line
    owned: OwnedFigures | None = None  # hardware that is bought, all of the fleet; None: it is rented
    minimum_up_s: float = 0.0  # least time from the order of a replica to its stop
    service_s: float | None = None  # of a request, all its calls; None: as if a replica served one at a time
    base_replicas: float = 0.0  # replicas that are paid apart, reserved or owned; none of them is on spot
    spot: SpotTerms | None = None
    reserved: BaseTerms | None = None
    usd_per_spot_replica_hour: float = 0.0
    billing_period_s: float = 0.0  # what is begun of it is paid whole; 0: nothing is
    sites: tuple[SiteTerms, ...] = ()  # where replicas are rented, in the order in which they are filled
    quota: Quota | None = None
    reaching_share: float = 1.0  # of the requests, that an edge leaves to the fleet
    reaching_token_share: float = 1.0  # of their tokens
    overflow_plan: ApiPlan | None = None  # the API of the overflow, for what the edge leaves; None: as planned itself
    escalated_to: ApiPlan | None = None
    deferred: DeferredWork | None = None
    rent_course: RateCourse | None = None  # of the rent over time; None: it stays
    spot_course: RateCourse | None = None
    stages: tuple[FleetStage, ...] = ()  # fleets that take its place within the horizon
    draw: PowerDraw | None = None  # of one replica, with its share of the machine; None: not known
    serving: ServingTimes | None = None  # of single requests; None: slots are not known
    failures: ReplicaFailures | None = None

    kind = "self_hosted"

    @property
    def requests_per_s_per_replica(self) -> float:
        """Requests that one replica serves at full load. [requests/s]"""
        return 1.0 / self.seconds_per_request

    @property
    def rent_lines(self) -> tuple[str, ...]:
        """Names of the lines of the rent, one for each site where there are several."""
        return tuple(f"rent, {site.name}" for site in self.sites) or ("rent",)

    @property
    def whole_seconds_per_request(self) -> float:
        """Replica-seconds of work that the mean request is, what can wait of it included."""
        return self.seconds_per_request + (0.0 if self.deferred is None else self.deferred.seconds_per_request)

    @property
    def least_seconds_per_request(self) -> float:
        """Replica-seconds of work of a mean request: of its part that can wait, or of the other, whichever is less."""
        waiting = self.deferred
        return (
            self.seconds_per_request if waiting is None else min(self.seconds_per_request, waiting.seconds_per_request)
        )

    @property
    def interactive_share(self) -> float:
        """Share of the requests that do not wait for idle capacity. [1]"""
        return 1.0 if self.deferred is None else 1.0 - self.deferred.request_share

    @property
    def moves_over_time(self) -> bool:
        """Whether rates or hardware are others later than at the start, so that the run rate is not for ever."""
        base = None if self.reserved is None else self.reserved.course
        courses = (self.rent_course, self.spot_course, base, *(site.course for site in self.sites))
        return bool(self.stages) or any(course is not None for course in courses)

    @property
    def is_lower_bound(self) -> bool:
        """Whether nobody can run such a fleet: it knows the demand before it comes."""
        return isinstance(self.autoscaling, PerfectForesight)


@dataclass(frozen=True)
class FleetStage:
    """A fleet that takes the place of another at a day within the horizon."""

    day: date
    from_hour: float  # from the start of the horizon
    fleet: FleetPlan
    one_off_usd: Mapping[str, float] = field(default_factory=dict)  # of the move, paid on the day
    overlap_hours: float = 0.0  # so long before the day it is paid already


@dataclass(frozen=True)
class Sizing:
    """What was changed in a fleet so that it meets the service level."""

    option: str
    key: str  # of the option
    before: float
    after: float
    usd_per_month_before: float
    usd_per_month_after: float
    from_day: date | None = None  # of later hardware, the day on which it comes

    @property
    def where(self) -> str:
        """The key, and the day from which it is so."""
        return self.key if self.from_day is None else f"{self.key} from {self.from_day} on"


OptionPlan = ApiPlan | FleetPlan


@dataclass(frozen=True, eq=False)
class Plan:
    """A scenario with every option planned, or the faults that prevent it. A plan equals itself alone."""

    scenario: Scenario
    options: Mapping[str, OptionPlan]
    faults: Mapping[str, tuple[PlanFault, ...]]
    figures: tuple[FigureUsed, ...]
    warnings: tuple[str, ...]
    sizings: tuple[Sizing, ...] = ()
    left_out: Mapping[str, OptionPlan] = field(default_factory=dict)  # options that miss the service level

    @cached_property
    def mix(self) -> Mix:
        """Mean request of the workload, as it is asked."""
        return self.scenario.mix

    @cached_property
    def requests_per_month(self) -> float:
        """The scenario's own volume. [requests per month]"""
        return self.scenario.requests_per_month

    @property
    def tokens_per_request(self) -> float:
        """Input and output tokens of the mean request."""
        return self.mix.total_tokens
