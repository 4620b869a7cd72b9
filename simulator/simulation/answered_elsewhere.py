"""What an API answers beside a fleet's overflow: served requests that escalate, and what could wait but found no time.

Both are amounts of requests times the API's price of their classes. A bill at run rate is linear + rising - falling, of
which the last two never fall with the volume. What a fleet serves in all never falls with it, nor does what it serves
of the requests that do not wait; but those crowd out what can wait, of which less may be served at more volume. With W
the work of the one, D that of the other, and a, b what a second of each is worth,

    a W + b D = b (W + D) + max(a - b, 0) W - max(b - a, 0) W,

three terms that never fall, the last on the other side of the bill.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.deferred_work import DeferredWork
from simulator.domain.plans import Array, FleetPlan
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.domain.workload import Mix
from simulator.simulation.api_bills import api_bill, api_lines, bill_over_work, list_price_by_block, list_price_by_step
from simulator.simulation.deferred_terms import DeferredRecord, DeferredRun
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.fleet import FleetRun, StepRecord
from simulator.simulation.results import Lines

ESCALATED_LINE, BATCH_LINE, REJECTED_LINE, VARIABLE_LINE = "escalated", "batch overflow", "rejected", "variable"


@dataclass(frozen=True)
class Elsewhere:
    """What is billed at n volumes at run rate beside a fleet and its overflow: by line, and in the three parts."""

    lines: Lines
    linear_usd_per_request: float
    rising: Array
    falling: Array


@dataclass(frozen=True)
class Sums:
    """A run of a fleet at n volumes [requests per month], summed over blocks of equal prices."""

    demand: Demand
    mix: Mix
    blocks: Steps
    requests: Array
    run: FleetRun

    @property
    def months(self) -> float:
        """Length of the horizon. [months of 730 h]"""
        return float(self.demand.months.sum())

    def usd_per_month(self, usd_per_request: Array, amounts: Array) -> Array:
        """Cost of amounts of shape (blocks, n) at prices of shape (blocks,). Shape (n,)."""
        usd: Array = usd_per_request @ amounts / self.months
        return usd

    def linear_usd(self, usd_per_request: Array) -> float:
        """Cost of what is proportional to the volume, for each request. [USD per request]"""
        profile = self.demand.sums_until(self.demand.profile, self.blocks)
        return float(usd_per_request @ profile) * self.demand.step_s / SECONDS_PER_MONTH / self.months


@dataclass(frozen=True)
class _Price:
    """Price of a mean request by block, the price without hits of a prompt cache, and what is billed over the first.

    That factor is of all that is drawn on this path, see `bill_over_work`; None: it is 1 at every volume. What can wait
    has one price at every hour, for a fleet that serves it sooner or later serves no more of it.
    """

    by_block: Array
    linear_usd_per_request: float
    factor: Array | None
    at_the_end: float  # of what still waits then: the mean

    @classmethod
    def of(cls, target: ApiPlan | None, otherwise_usd: float, sums: Sums, *, can_wait: bool = True) -> _Price:
        """List price of an API; without one a flat price."""
        demand = sums.demand
        if target is None:
            prices = np.full(sums.blocks.size, otherwise_usd)
            return cls(prices, sums.linear_usd(prices), None, otherwise_usd)
        at_the_end = float(list_price_by_block(target, demand, (demand.steps,))[0])
        if can_wait:
            prices = np.full(sums.blocks.size, at_the_end)
        else:
            prices = list_price_by_block(target, demand, tuple(int(end) for end in sums.blocks))
        if not target.has_prefixes and demand.is_plain:
            return cls(prices, sums.linear_usd(prices), None, at_the_end)
        bill = api_bill(target, demand, sums.mix, sums.requests)
        factor = bill_over_work(bill.usd, sums.usd_per_month(prices, sums.run.arriving_requests))
        return cls(prices, bill.linear_usd_per_request, factor, at_the_end)


def elsewhere_at_run_rate(option: FleetPlan, sums: Sums, overflow_usd_per_request: Array) -> Elsewhere:
    """What is billed beside a fleet and its overflow, which costs so much by block, shape (blocks,)."""
    nothing = np.zeros(sums.requests.size)
    parts = [Elsewhere({}, 0.0, nothing, nothing)]
    if option.escalated_to is not None:
        price = _Price.of(option.escalated_to, 0.0, sums, can_wait=False)
        parts.append(_escalated(price, sums.run.served_requests, sums))
    waiting, of_waiting = option.deferred, sums.run.deferred
    if waiting is not None and of_waiting is not None:
        if waiting.escalated is not None:
            parts.append(_escalated(_Price.of(waiting.escalated, 0.0, sums), of_waiting.served_requests, sums))
        parts += [_variable(waiting, of_waiting, sums), _left_at_deadline(waiting, of_waiting, sums)]
        parts.append(_crowded_out(option, waiting, sums, overflow_usd_per_request))
    lines: dict[str, Array] = {}
    for part in parts:
        lines = added_lines(lines, part.lines)
    return Elsewhere(
        lines=lines,
        linear_usd_per_request=sum(part.linear_usd_per_request for part in parts),
        rising=np.sum([part.rising for part in parts], axis=0),
        falling=np.sum([part.falling for part in parts], axis=0),
    )


def _escalated(price: _Price, served: Array, sums: Sums) -> Elsewhere:
    """What was served and is answered once more; hits of a prompt cache, more at more volume, make it cheaper."""
    usd = sums.usd_per_month(price.by_block, served)
    if price.factor is None:
        return Elsewhere({ESCALATED_LINE: usd}, 0.0, usd, np.zeros(usd.size))
    full_usd = usd * (price.linear_usd_per_request / (sums.linear_usd(price.by_block) or 1.0))
    billed = usd * price.factor
    saved = full_usd - billed
    return Elsewhere({ESCALATED_LINE: billed}, 0.0, full_usd + np.maximum(-saved, 0.0), np.maximum(saved, 0.0))


def _variable(waiting: DeferredWork, of_waiting: DeferredRun, sums: Sums) -> Elsewhere:
    """What every token takes that the fleet serves of what can wait."""
    usd = waiting.variable_usd_per_request * of_waiting.served_requests.sum(axis=0) / sums.months
    lines = {VARIABLE_LINE: usd} if waiting.variable_usd_per_request > 0 else {}
    return Elsewhere(lines, 0.0, usd, np.zeros(usd.size))


def _left_at_deadline(waiting: DeferredWork, of_waiting: DeferredRun, sums: Sums) -> Elsewhere:
    """What has left at its deadline, or still waits at the end: at the batch price, or rejected."""
    price = _Price.of(waiting.overflow, waiting.rejected_usd_per_request, sums)
    usd = sums.usd_per_month(price.by_block, of_waiting.left_requests)
    usd = usd + price.at_the_end * of_waiting.waiting_requests / sums.months
    if price.factor is not None:
        usd = usd * price.factor
    falling = sums.usd_per_month(price.by_block, of_waiting.served_requests)
    if price.factor is not None or not sums.demand.is_plain:
        falling = price.linear_usd_per_request * sums.requests - usd
    line = REJECTED_LINE if waiting.overflow is None else BATCH_LINE
    lines = {line: usd} if np.any(price.by_block > 0) else {}
    return Elsewhere(lines, price.linear_usd_per_request, np.zeros(usd.size), falling)


def _crowded_out(option: FleetPlan, waiting: DeferredWork, sums: Sums, overflow_usd_per_request: Array) -> Elsewhere:
    """Nothing in all: max(b - a, 0) W on both sides, for what serving costs and for the overflow that it saves."""

    seconds, others = waiting.seconds_per_request, option.seconds_per_request
    saves = _Price.of(waiting.overflow, waiting.rejected_usd_per_request, sums).by_block / seconds
    saves_more = np.maximum(saves - overflow_usd_per_request / others, 0.0)
    costs = (_Price.of(waiting.escalated, 0.0, sums).by_block + waiting.variable_usd_per_request) / seconds
    escalated = _Price.of(option.escalated_to, 0.0, sums, can_wait=False).by_block
    of_others = (escalated + option.variable_usd_per_request) / others
    more = saves_more + np.maximum(costs - of_others, 0.0)
    usd = sums.usd_per_month(more * others, sums.run.served_requests)
    return Elsewhere({}, 0.0, usd, usd)


def elsewhere_over_time(
    option: FleetPlan, demand: Demand, mix: Mix, record: StepRecord, of_waiting: DeferredRecord | None, requests: float
) -> dict[str, Array]:
    """What is billed beside a fleet and its overflow, by line and month at the prices of each. Shape (months,). [USD]

    Parameters
    ----------
    option, demand, mix : FleetPlan, Demand and Mix
        What reaches the fleet.
    record, of_waiting : StepRecord and DeferredRecord or None
        Every step of one volume; None: nothing can wait.
    requests : float
        The volume, of month 0. [requests per month]
    """

    def billed(target: ApiPlan | None, otherwise: float, amounts: Array, at_the_end: float = 0.0) -> Array:
        prices = prices_over_time(target, otherwise, demand, requests)
        return billed_over_time(
            target, prices, amounts, at_the_end, demand=demand, mix=mix, record=record, requests=requests
        )

    lines: dict[str, Array] = {}
    if option.escalated_to is not None:
        lines[ESCALATED_LINE] = billed(option.escalated_to, 0.0, record.served_requests)
    waiting = option.deferred
    if waiting is None or of_waiting is None:
        return lines
    if waiting.escalated is not None:
        usd = billed(waiting.escalated, 0.0, of_waiting.served_requests)
        lines[ESCALATED_LINE] = lines.get(ESCALATED_LINE, np.zeros(usd.size)) + usd
    if waiting.overflow is not None or waiting.rejected_usd_per_request > 0:
        still_waiting = float(of_waiting.waiting_requests[-1])
        line = REJECTED_LINE if waiting.overflow is None else BATCH_LINE
        lines[line] = billed(
            waiting.overflow, waiting.rejected_usd_per_request, of_waiting.left_requests, still_waiting
        )
    return lines


def prices_over_time(target: ApiPlan | None, otherwise_usd: float, demand: Demand, requests: float) -> Array:
    """List price of a request that goes to an API, or what it costs in its place. Shape (steps,). [USD per request]"""
    return np.full(demand.steps, otherwise_usd) if target is None else list_price_by_step(target, demand, requests)


def billed_over_time(
    target: ApiPlan | None,
    prices: Array,
    amounts: Array,
    at_the_end: float,
    *,
    demand: Demand,
    mix: Mix,
    record: StepRecord,
    requests: float,
) -> Array:
    """What requests cost that a fleet hands on. Shape (months,). [USD]

    Parameters
    ----------
    target : ApiPlan or None
        What answers them; None: nothing does.
    prices, amounts : arrays of shape (steps,)
        Of `prices_over_time`, and the requests of each step.
    at_the_end : float
        What still waits at the end, paid at the last price. [requests]
    demand, mix, record, requests :
        What reaches the fleet, every step of it, and the volume of month 0 [requests per month].
    """
    usd = demand.by_month(amounts * prices)
    usd[-1] += at_the_end * float(prices[-1])
    if target is not None and (target.has_prefixes or not demand.is_plain):
        lines = api_lines(target, demand, mix, demand.path(requests, mix), requests)
        of_all = np.array(sum(line.sum() for line in lines.values()))
        usd = usd * bill_over_work(of_all, np.array(record.arriving_requests @ prices))
    return usd


def added_lines(lines: Lines, others: Lines) -> dict[str, Array]:
    """Two bills as one: lines of the same name add up."""
    return {**lines, **{key: lines[key] + usd if key in lines else usd for key, usd in others.items()}}


def elsewhere_apis(option: FleetPlan) -> tuple[ApiPlan, ...]:
    """What answers requests of a fleet beside its overflow, each with the prices of the requests that it answers."""
    waiting = option.deferred
    of_waiting = () if waiting is None else (waiting.overflow, waiting.escalated)
    return tuple(api for api in (option.escalated_to, *of_waiting) if api is not None)


def served_usd_per_request(option: FleetPlan, demand: Demand) -> float:
    """What serving a mean request takes beside the fleet itself: its variable cost, and what escalates of it. [USD]"""
    usd, targets = option.variable_usd_per_request, [option.escalated_to]
    if option.deferred is not None:
        usd += option.deferred.variable_usd_per_request
        targets.append(option.deferred.escalated)
    return usd + sum(float(list_price_by_block(api, demand, (demand.steps,))[0]) for api in targets if api is not None)


def most_elsewhere_usd_per_request(option: FleetPlan) -> float:
    """Greatest list prices of the first day of what is answered beside the overflow of a mean request. [USD]"""
    parts = [part for api in elsewhere_apis(option) for part in api.parts]
    usd = sum(float(part.prices.usd[0].sum(axis=-1).max()) for part in parts)
    return usd + (0.0 if option.deferred is None else option.deferred.variable_usd_per_request)
