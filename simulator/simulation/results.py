"""What a simulation comes to: unit costs, costs over volume at run rate, and a ledger over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.domain.plans import Array
from simulator.domain.units import REQUESTS_PER_THOUSAND, TOKENS_PER_MTOK
from simulator.domain.workload import Mix
from simulator.simulation.energy import Energy
from simulator.simulation.service_rates import ServiceRates
from simulator.simulation.waiting import QueueReport

Lines = Mapping[str, Array]


@dataclass(frozen=True)
class UnitCosts:
    """One cost in every unit it is asked for. Each field is a number, or an array over volumes."""

    usd_per_month: float
    usd_per_request: float
    usd_per_1000_requests: float
    usd_per_mtok_output: float
    usd_per_mtok_total: float

    @classmethod
    def of(cls, usd_per_month: float, requests_per_month: float, mix: Mix) -> UnitCosts:
        """Unit costs of a monthly cost at a monthly number of requests; infinite at no requests or no output."""
        per_request = usd_per_month / requests_per_month if requests_per_month > 0 else float("inf")

        def per_mtok(tokens: float) -> float:
            return per_request / tokens * TOKENS_PER_MTOK if tokens > 0 else float("inf")

        return cls(
            usd_per_month=usd_per_month,
            usd_per_request=per_request,
            usd_per_1000_requests=per_request * REQUESTS_PER_THOUSAND,
            usd_per_mtok_output=per_mtok(mix.output_tokens),
            usd_per_mtok_total=per_mtok(mix.total_tokens),
        )


@dataclass(frozen=True)
class RunRate:
    """Monthly cost of one option at n volumes, at run rate: no growth, first month's prices, no one-off cost.

    `lines` hold arrays of shape (n,) [USD per month]. Their sum is also `linear + rising - falling`, where `linear` is
    proportional to the volume and neither of the others ever falls with it: what a solver needs to bound it. Where a
    rule of scaling lets `rising` fall now and then, `may_fall_usd` is by how much at most, between any two volumes.
    """

    name: str
    requests_per_month: Array
    arriving_requests_per_month: Array  # on this path of the demand; those asked for in expectation
    lines: Lines
    linear_usd_per_request: float
    rising: Array
    falling: Array
    utilization_share: Array
    overflow_share: Array
    rejected_share: Array
    queued_share: Array  # of what arrived, still waiting at the end; counted with what overflows or is rejected
    peak_replicas: Array
    may_fall_usd: Array | float = 0.0
    deferred_served_share: Array | None = None  # of what can wait; None: nothing can, or it is no fleet
    energy: Energy | None = None  # of a fleet, in a month, shape (n,); None: not known, or an API's
    service: ServiceRates | None = None  # of a fleet whose slots are known, where it was asked for

    @property
    def usd_per_month(self) -> Array:
        """All lines together. Shape (n,)."""
        return np.sum(list(self.lines.values()), axis=0)


@dataclass(frozen=True)
class DeferredLedger:
    """What can wait of the requests of a fleet, step by step; arrays of shape (steps,). [tokens]

    It is part of what a ledger says of arrivals, service and overflow, but not of its queue.
    """

    arriving_tokens: Array
    served_tokens: Array
    left_tokens: Array  # at its deadline, to a batch API or rejected, or answered by an API before the fleet was live
    waiting_tokens: Array  # at the end of the step
    used_tokens: Array  # all work of the fleet, as tokens of the mean request

    @property
    def served_share(self) -> float:
        """Of what can wait. [1]"""
        arrived = float(self.arriving_tokens.sum())
        return float(self.served_tokens.sum()) / arrived if arrived > 0 else 0.0


@dataclass(frozen=True)
class Stage:
    """A fleet from one step of the horizon to before another; one that does not serve is paid beside the one before."""

    label: str
    first_step: int
    until_step: int
    serves: bool


@dataclass(frozen=True)
class QuotaReport:
    """Time that a fleet spent at its quota over the horizon, and the overflow, or what was rejected, in that time."""

    gpus: int
    share_of_time: float
    first_month: int | None  # the first is 1; None: never
    overflow_requests: float
    overflow_usd: float

    def notes(self, name: str) -> tuple[str, ...]:
        """In words; empty where the quota was never reached."""
        if self.first_month is None:
            return ()
        reached = f"{name}: reached the quota of {self.gpus} GPUs in month {self.first_month}"
        then = f"was at it {self.share_of_time:.1%} of the time"
        cost = f", which cost {self.overflow_usd:,.0f} USD" if self.overflow_usd > 0 else ""
        left = f"{self.overflow_requests:,.0f}" if self.overflow_requests >= 1 else "no"
        return (f"{reached} and {then}; {left} requests were left unserved meanwhile{cost}",)


@dataclass(frozen=True)
class Ledger:
    """One option simulated over the horizon at one volume, with growth, dated prices and one-off cost.

    Arrays have shape (steps,): tokens in a step, replicas as the mean over the step, the queue at its end. An API
    serves everything in the step of its arrival and has no replicas. `replica_tokens_per_s` is one number, or one a
    step where the hardware changes; `billed_tokens` is then what all that was paid could have served, and
    `usd_per_replica_hour` (steps,) the rent where it moves. `costs` has one row a bill month and one column a
    line [USD]; a horizon shorter than a month gives the cost of the horizon.
    """

    option: str
    kind: str
    title: str
    step_s: float
    start: pd.Timestamp
    tokens_per_month: float
    mix: Mix
    months: float
    arriving_tokens: Array
    served_tokens: Array
    overflow_tokens: Array
    rejected_tokens: Array
    queued_tokens: Array
    ready_replicas: Array
    billed_replicas: Array
    replica_tokens_per_s: float | Array
    replica_hours: float
    costs: pd.DataFrame
    queue: QueueReport | None
    warnings: tuple[str, ...]
    quota: QuotaReport | None = None
    deferred: DeferredLedger | None = None  # None: nothing can wait, or it is no fleet
    billed_tokens: float | None = None
    usd_per_replica_hour: Array | None = None
    stages: tuple[Stage, ...] = ()
    mean_wait_s: Array | None = None  # of the requests of each step, by formula and backlog; None: slots not known
    energy: Energy | None = None  # of a fleet, a row a bill month as in `costs`; None: not known, or an API's

    @property
    def used_tokens(self) -> Array:
        """Work of the fleet, as tokens of the mean request; shape (steps,)."""
        return self.served_tokens if self.deferred is None else self.deferred.used_tokens

    @property
    def has_fleet(self) -> bool:
        """Whether replicas serve in any step."""
        return bool(np.any(self.replica_tokens_per_s))

    @property
    def hardware_changes(self) -> bool:
        """Whether not one fleet serves from the first step to the last."""
        steps = self.arriving_tokens.size
        return bool(self.stages) and self.stages != (Stage(self.stages[0].label, 0, steps, True),)

    @property
    def times(self) -> pd.DatetimeIndex:
        """Start of every step, UTC."""
        return pd.date_range(self.start, periods=self.arriving_tokens.size, freq=pd.Timedelta(seconds=self.step_s))

    @property
    def total_usd(self) -> float:
        """Cost of the whole horizon, one-off cost included. [USD]"""
        return float(self.costs.to_numpy().sum())

    @property
    def one_off_usd(self) -> float:
        """Set-up cost in `costs`. [USD]"""
        return float(self.costs["one_off"].sum()) if "one_off" in self.costs else 0.0

    @property
    def usd_per_month(self) -> float:
        """Mean cost of a month of 730 h, without one-off cost: total x 730 h / horizon. [USD per month]"""
        return (self.total_usd - self.one_off_usd) / self.months

    @property
    def unit_costs(self) -> UnitCosts:
        """Mean cost per month, request and tokens, over what arrived; without one-off cost."""
        requests = float(self.arriving_tokens.sum()) / self.mix.total_tokens / self.months
        return UnitCosts.of(self.usd_per_month, requests, self.mix)

    @property
    def rejected_share(self) -> float:
        """Of all that came over the horizon, what was turned away or still waits at its end. [1]"""
        arrived = float(self.arriving_tokens.sum())
        left = float(self.rejected_tokens.sum()) + float(self.queued_tokens[-1])
        return left / arrived if arrived > 0 else 0.0

    @property
    def utilization_share(self) -> float:
        """Work served over the capacity paid for; 0 for an API. [1]"""
        capacity = self.billed_tokens
        if capacity is None:
            capacity = float(self.billed_replicas.sum() * self.step_s * self.replica_tokens_per_s)
        return float(self.used_tokens.sum() / capacity) if capacity > 0 else 0.0
