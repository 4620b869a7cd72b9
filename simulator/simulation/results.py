"""What a simulation comes to: unit costs, costs over volume at run rate, and a ledger over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.domain.plans import Array
from simulator.domain.units import REQUESTS_PER_THOUSAND, TOKENS_PER_MTOK
from simulator.domain.workload import Mix
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
    proportional to the volume and neither of the others ever falls with it: what a solver needs to bound it.
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
    service: ServiceRates | None = None  # of a fleet whose slots are known, where it was asked for

    @property
    def usd_per_month(self) -> Array:
        """All lines together. Shape (n,)."""
        return np.sum(list(self.lines.values()), axis=0)


@dataclass(frozen=True)
class Ledger:
    """One option simulated over the horizon at one volume, with growth, dated prices and one-off cost.

    Arrays have shape (steps,): tokens in a step, replicas as the mean over the step, the queue at its end. An API
    serves everything in the step of its arrival and has no replicas. `costs` has one row a bill month and one column a
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
    replica_tokens_per_s: float
    replica_hours: float
    costs: pd.DataFrame
    queue: QueueReport | None
    warnings: tuple[str, ...]
    mean_wait_s: Array | None = None  # of the requests of each step, by formula and backlog; None: slots not known

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
    def utilization_share(self) -> float:
        """Work served over the capacity paid for; 0 for an API. [1]"""
        capacity = self.billed_replicas.sum() * self.step_s * self.replica_tokens_per_s
        return float(self.served_tokens.sum() / capacity) if capacity > 0 else 0.0
