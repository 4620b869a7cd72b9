"""Bills of what is bought by the token, for the drawn demand: over volumes at run rate, and by month at one volume.

A bill at run rate is linear + rising - falling, of which the first is proportional to the volume and the others never
fall with it. At list prices it is proportional, but for what hits of a prompt cache save, which grows with the volume.
A contract makes of it something that grows at most as fast; what it saves is counted with what falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.domain.api_plans import API_LINES, BILLED_BY, ApiPlan, BilledPart
from simulator.domain.invoice import credits_used, invoice
from simulator.domain.plans import Array
from simulator.domain.workload import Mix
from simulator.simulation.demand import Demand, DemandPath
from simulator.simulation.lanes import demand_rows, mean_rows
from simulator.simulation.prefix_hits import hit_curve, prices_by_step
from simulator.simulation.provisioned import billed_amounts, carried_by_step, unit_load
from simulator.simulation.results import Lines
from simulator.simulation.shared_costs import arriving_per_month

_UNITS, _SPILL_OVER = "provisioned units", "spill-over"


@dataclass(frozen=True)
class ApiBill:
    """Monthly bill at n volumes at run rate: by line, and in the three parts that a solver needs; arrays (n,)."""

    lines: Lines
    linear_usd_per_request: float
    rising: Array
    falling: Array
    rejected_share: Array

    @property
    def usd(self) -> Array:
        """All lines together. Shape (n,)."""
        return np.sum(list(self.lines.values()), axis=0)


def api_bill(option: ApiPlan, demand: Demand, mix: Mix, requests: Array) -> ApiBill:
    """Bill of an option that buys tokens, at each of n volumes [requests per month], at run rate."""
    bills = [_part_bill(part, demand, mix, requests, option.requests_per_month) for part in option.parts]
    lines: dict[str, Array] = {}
    for place, (part, bill) in enumerate(zip(option.parts, bills, strict=True)):
        own = bill.lines if place < option.detailed else {part.name: bill.usd}
        for key, usd in own.items():
            lines[key] = lines.get(key, 0.0) + usd
    return ApiBill(
        lines=lines,
        linear_usd_per_request=sum(bill.linear_usd_per_request for bill in bills),
        rising=np.sum([bill.rising for bill in bills], axis=0),
        falling=np.sum([bill.falling for bill in bills], axis=0),
        rejected_share=np.sum([bill.rejected_share for bill in bills], axis=0),
    )


def _part_bill(part: BilledPart, demand: Demand, mix: Mix, requests: Array, own_volume: float) -> ApiBill:
    if part.units is not None:
        bill = _provisioned_bill(part, demand, mix, requests, own_volume)
    else:
        bill = _list_bill(part, demand, requests)
    return _under_terms(part, bill, requests, arriving_per_month(demand, requests))


def _list_bill(part: BilledPart, demand: Demand, requests: Array) -> ApiBill:
    """The bill at list prices."""
    rows = _usd_of_rows(part, demand)
    coefficients = requests * demand.level.coefficients(requests)
    lines: dict[str, Array] = {}
    linear = 0.0
    noise_usd = np.zeros(requests.size)
    changes = np.zeros((len(API_LINES), requests.size))
    prompts = mean_rows(demand, "input")
    arrived = prompts @ demand.level.coefficients(requests) / prompts[0]
    for prefix in part.prefixes:  # hits are of the prompts that come on this path, noise included
        changes = changes + hit_curve(prefix, demand).change_usd(requests) * arrived
    for place, key in enumerate(API_LINES):
        if rows[place].any() or changes[place].any():
            lines[key] = rows[place] @ coefficients + changes[place]
            linear += float(rows[place, 0])
            noise_usd += rows[place, 1:] @ coefficients[1:]
    changed_usd = changes.sum(axis=0)
    return ApiBill(
        lines or {"input": np.zeros(requests.size)},
        linear,
        rising=noise_usd + np.maximum(changed_usd, 0.0),  # a cache may cost more to read than not to use
        falling=np.maximum(-changed_usd, 0.0),
        rejected_share=np.zeros(requests.size),
    )


@lru_cache(maxsize=32)
def _usd_of_rows(part: BilledPart, demand: Demand) -> Array:
    """What each row of the demand is billed at list prices, by line. Shape (lines, rows). [USD per request]"""
    per_step = part.prices.between(demand.edges_s, run_rate=True)
    usd = np.zeros((len(API_LINES), demand.level.rows.shape[0]))
    for place, billed_by in enumerate(BILLED_BY):
        if per_step[:, place].any():
            usd[place] = demand_rows(demand, billed_by) @ per_step[:, place] / demand.steps
    return usd


def _provisioned_bill(part: BilledPart, demand: Demand, mix: Mix, requests: Array, own_volume: float) -> ApiBill:
    """Units for a percentile of the demand, and per token what they do not carry."""
    assert part.units is not None
    load = unit_load(part, demand, mix, own_volume)
    units_usd = load.bought(requests) * part.units.usd_per_unit_month
    carried_usd, carried = load.carried(requests)
    arrived = load.requests[-1] * requests
    linear = float(load.paid[-1])
    left_usd = np.maximum(linear * requests - carried_usd, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_share = np.where(arrived > 0, np.maximum(1.0 - carried / arrived, 0.0), 0.0)
    left_share[left_share < 1e-12] = 0.0
    left_share *= min(part.amounts.get("requests", 1.0), 1.0)  # of all requests, not of this part's alone
    if part.units.rejects:
        return ApiBill({_UNITS: units_usd}, 0.0, units_usd, np.zeros(requests.size), left_share)
    lines = {_UNITS: units_usd, _SPILL_OVER: left_usd}
    return ApiBill(lines, linear, units_usd, linear * requests - left_usd, np.zeros(requests.size))


def _under_terms(part: BilledPart, bill: ApiBill, requests: Array, arriving: Array) -> ApiBill:
    """The bill with what a contract adds to it; units are bought beside the tokens that its discounts are for."""
    if not part.terms.acts_on_bill:
        return bill
    units_usd = bill.lines.get(_UNITS, np.zeros(requests.size))
    tokens_usd = bill.usd - units_usd
    billed = arriving
    all_tokens = part.amounts.get("tokens", 0.0) * arriving
    if _UNITS in bill.lines:
        billed = billed * _share(tokens_usd, bill.linear_usd_per_request * requests)
    amounts = {key: amount * billed for key, amount in part.amounts.items()}
    added = invoice(part.terms, tokens_usd, amounts, beside_usd=units_usd, all_tokens=all_tokens)
    # A bill that grows at most as fast as list prices: what is saved of them never falls, nor do its fees.
    saved = bill.falling - (added.added_usd - added.rising_usd)
    return ApiBill(
        lines={**bill.lines, **added.lines},
        linear_usd_per_request=bill.linear_usd_per_request,
        rising=bill.rising + added.rising_usd,
        falling=saved,
        rejected_share=bill.rejected_share,
    )


def _share(part: Array, whole: Array) -> Array:
    """A part over the whole; 0 of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, 0.0)


def api_lines(option: ApiPlan, demand: Demand, mix: Mix, path: DemandPath, requests: float) -> dict[str, Array]:
    """Bill by line and month for a path of the demand. Arrays of shape (months,). [USD]"""
    lines: dict[str, Array] = {}
    for place, part in enumerate(option.parts):
        own = _part_lines(part, demand, mix, path, requests, option.requests_per_month)
        if place >= option.detailed:
            own = {part.name: sum(own.values(), start=np.zeros(demand.months.size))}
        for key, usd in own.items():
            lines[key] = lines.get(key, 0.0) + usd
    return lines


def _part_lines(
    part: BilledPart, demand: Demand, mix: Mix, path: DemandPath, requests: float, own_volume: float
) -> dict[str, Array]:
    billed = billed_amounts(path, mix)
    declined = _price_decline_by_step(part, demand)
    prices = prices_by_step(part, demand, requests)
    lines: dict[str, Array] = {}
    carried: Array | float = 0.0
    if part.units is not None:
        load = unit_load(part, demand, mix, own_volume)
        bought, carried = carried_by_step(part, demand, mix, path, requests, load)
        lines[_UNITS] = bought * part.units.usd_per_unit_month * demand.months
        if part.units.rejects:
            return _with_terms(part, demand, path, 0.0, lines)
    listed = {
        key: demand.by_month(billed[BILLED_BY[place]] * prices[:, place] * declined * (1.0 - carried))
        for place, key in enumerate(API_LINES)
        if prices[:, place].any()
    }
    if part.units is not None:
        listed = {_SPILL_OVER: np.sum(list(listed.values()), axis=0)} if listed else {}
    return _with_terms(part, demand, path, 1.0 - carried, lines | listed)


def rejected_by_step(option: ApiPlan, demand: Demand, mix: Mix, path: DemandPath, requests: float) -> Array:
    """Share of each step's requests that units without spill-over turn away. Shape (steps,)."""
    share = np.zeros(demand.steps)
    for part in option.parts:
        if part.units is not None and part.units.rejects:
            load = unit_load(part, demand, mix, option.requests_per_month)
            _, carried = carried_by_step(part, demand, mix, path, requests, load)
            share += min(part.amounts.get("requests", 1.0), 1.0) * (1.0 - carried)
    return share


def list_price_by_step(option: ApiPlan, demand: Demand, requests_per_month: float, *, run_rate: bool = False) -> Array:
    """List price of a mean request in each step, hits as at this volume. Shape (steps,). [USD per request]

    Over time with the declines of its parts; at run rate at the prices of the first day.
    """
    total = np.zeros(demand.steps)
    for part in option.parts:
        declined = 1.0 if run_rate else _price_decline_by_step(part, demand)
        total += prices_by_step(part, demand, requests_per_month, run_rate=run_rate).sum(axis=1) * declined
    return total


@lru_cache(maxsize=16)
def list_price_by_block(option: ApiPlan, demand: Demand, block_ends: tuple[int, ...]) -> Array:
    """Mean list price of what arrives in each block at run rate, hits as at the scenario's own volume. (blocks,)"""
    ends = np.array(block_ends)
    usd = list_price_by_step(option, demand, option.requests_per_month, run_rate=True)
    weights = demand.sums_until(demand.profile, ends)
    weighted = demand.sums_until(usd * demand.profile, ends)
    plain = demand.sums_until(usd, ends) / np.diff(ends, prepend=0)
    return np.where(weights > 0, weighted / np.maximum(weights, 1e-300), plain)


def _price_decline_by_step(part: BilledPart, demand: Demand) -> Array | float:
    """Prices of each step's month over the first's. Shape (steps,), or 1."""
    decline = part.terms.price_decline
    if decline is None:
        return 1.0
    factors = np.array([decline.factor(month) for month in range(demand.months.size)])
    return demand.spread(factors)


def _with_terms(
    part: BilledPart, demand: Demand, path: DemandPath, left_share: Array | float, lines: dict[str, Array]
) -> dict[str, Array]:
    """Monthly lines with those of a contract, month by month, and its credits."""
    if not part.terms.acts_on_bill:
        return lines
    months = demand.has_steps
    units_usd = lines.get(_UNITS, np.zeros(months.size))
    tokens_usd = sum(lines.values(), start=np.zeros(months.size)) - units_usd
    requests = demand.by_month(path.requests * left_share)[months]
    amounts = {key: amount * requests for key, amount in part.amounts.items()}
    all_tokens = part.amounts.get("tokens", 0.0) * demand.by_month(path.requests)[months]
    added = invoice(part.terms, tokens_usd[months], amounts, demand.months[months], units_usd[months], all_tokens)
    for key, usd in added.lines.items():
        lines[key] = np.zeros(months.size)
        lines[key][months] = usd
    credit = part.terms.credits
    if credit is not None:
        starts = [demand.horizon.month_start_utc(month).date() for month in range(months.size)]
        good = np.array([credit.until is None or start < credit.until for start in starts])
        lines["credits"] = -credits_used(credit.usd, np.sum(list(lines.values()), axis=0), good)
    return lines


def bill_over_work(bill_usd: Array, work_usd: Array) -> Array:
    """An API's bill of the drawn tokens over its mean price times the fleet's work, of all that arrives on this path.

    What a fleet leaves is known as work. With this factor a fleet that leaves everything costs what the API does.
    """
    return np.where(work_usd > 0, bill_usd / np.maximum(work_usd, 1e-300), 1.0)
