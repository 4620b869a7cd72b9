"""What a bill of bought tokens stands on, a line for each thing: contract, caches, retries, routing, units."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from simulator.domain.api_options import ApiOption, RoutedOption
from simulator.domain.api_plans import ApiPlan, BilledPart, PrefixHits
from simulator.domain.commercial_terms import CommercialTerms
from simulator.domain.invoice import invoice
from simulator.domain.plans import FleetPlan, Plan
from simulator.domain.scenario import Scenario
from simulator.domain.units import REQUESTS_PER_THOUSAND
from simulator.domain.workload import RequestClass
from simulator.presentation.numbers import number, percent, usd, whole_usd
from simulator.simulation.api_bills import api_bill
from simulator.simulation.demand import Demand
from simulator.simulation.lanes import demand_rows
from simulator.simulation.prefix_hits import recent_profile
from simulator.simulation.provisioned import unit_load
from simulator.simulation.shared_costs import demand_of
from simulator.solving.study import Study


def workload_lines(scenario: Scenario) -> list[str]:
    """What makes the work of a request more or less than what was asked, by request class."""
    lines = []
    for name, request in scenario.workload.items():
        lines += [f"{name}: {text}" for text in _levers(request)]
    return lines


def _levers(request: RequestClass) -> list[str]:
    texts = []
    cache, retries, compression = request.response_cache, request.retries, request.prompt_compression
    if cache is not None and cache.hit_share > 0:
        text = f"{percent(cache.hit_share)} of the requests are answered from the response cache"
        lookups = usd(REQUESTS_PER_THOUSAND * cache.usd_per_lookup)
        texts.append(text + (f", at {lookups} for 1,000 look-ups" if cache.usd_per_lookup > 0 else ""))
    if compression is not None and compression.kept_share < 1:
        texts.append(f"{percent(compression.kept_share)} of the prompts are left after compression")
    if retries is not None and retries.failed_share > 0:
        calls = f"{number(retries.attempts)} calls for one that succeeds"
        billed = "failed ones billed" if retries.failed_calls_billed else "failed ones not billed"
        texts.append(f"{percent(retries.failed_share)} of the calls fail and are made again: {calls}, {billed}")
    if request.deferrable is not None:
        hours = request.deferrable.deadline_hours
        limit = "without limit" if math.isinf(hours) else f"{hours:g} h"
        texts.append(f"can wait {limit}: an API bills it at its batch price, a fleet serves it when it is idle")
    prefix = request.prefix
    if prefix is not None and prefix.hit_share is not None:
        found = f"{percent(prefix.hit_share)} of the requests find their prefix of {prefix.tokens:g} tokens"
        texts.append(f"{found} in a prompt cache, as given")
    return texts


def option_lines(study: Study, name: str) -> list[str]:
    """What the bill of one option stands on, at the scenario's own volume."""
    plan, scenario = study.plan, study.plan.scenario
    planned, option = plan.options[name], scenario.options[name]
    if isinstance(planned, FleetPlan):
        return _overflow_at_list_prices(plan, planned)
    lines = []
    if isinstance(option, RoutedOption):
        lines.append(f"{name}: {_routing(scenario, option)}")
    elif isinstance(option, ApiOption):
        if option.fallback is not None and option.fallback.share > 0:
            lines.append(f"{name}: {percent(option.fallback.share)} of the requests go to {option.fallback.option}")
        lines += [f"{name}: {change.model} from {change.effective_from} on" for change in option.changes]
    for part in planned.parts:
        whose = name if part.name == name else f"{name}, {part.name}"
        lines += [f"{whose}: {text}" for text in _part_texts(plan, planned, part)]
    return lines


def _part_texts(plan: Plan, option: ApiPlan, part: BilledPart) -> list[str]:
    demand = demand_of(plan)
    texts = [_hits(prefix, demand, option.requests_per_month) for prefix in part.prefixes]
    if part.units is not None:
        texts.append(_units(plan, option, part, demand))
    contract = _contract(plan, option, part, demand)
    return texts + ([contract] if contract else [])


def _hits(prefix: PrefixHits, demand: Demand, requests_per_month: float) -> str:
    """Share of the prompts that find their prefix, over the hours of the demand."""
    prompts = demand_rows(demand, "input")[0]
    hits = prefix.hit_share(recent_profile(demand, prefix.lifetime_s) * requests_per_month)
    share = float(prompts @ hits / prompts.sum())
    renewed = "from the last use" if prefix.renewed_by_use else "from when it was written"
    return (
        f"{percent(share)} of the requests find their prefix in the prompt cache: it is kept {prefix.lifetime_s:g} s "
        f"{renewed}, so this follows from how often requests come"
    )


def _units(plan: Plan, option: ApiPlan, part: BilledPart, demand: Demand) -> str:
    """How many units there are, what they are sized for and what they carry."""
    assert part.units is not None
    load = unit_load(part, demand, plan.scenario.mix, option.requests_per_month)
    volume = np.array([option.requests_per_month])
    arrived = float(load.requests[-1] * volume[0])
    carried = float(load.carried(volume)[1][0]) / arrived if arrived > 0 else 1.0
    sized = (
        "as given"
        if part.units.count is not None
        else f"sized for {percent(part.units.percentile_share)} of the time, "
        f"{number(load.percentile * volume[0])} weighted tokens a minute"
    )
    rest = "" if carried > 1 - 1e-9 else f"; the rest is {'turned away' if part.units.rejects else 'paid per token'}"
    bought = number(float(load.bought(volume)[0]))
    return f"{bought} provisioned units ({sized}) carry {percent(min(carried, 1.0))} of its requests{rest}"


def _contract(plan: Plan, option: ApiPlan, part: BilledPart, demand: Demand) -> str:
    """What the terms of a contract come to in a month, and what of them is not part of the run rate."""
    terms = part.terms
    texts = []
    if terms.surcharges:
        added = ", ".join(f"{name} +{percent(share)}" for name, share in terms.surcharges.items())
        texts.append(f"prices with surcharges ({added})")
    alone = dataclasses.replace(option, parts=(part,), detailed=1)
    lines = api_bill(alone, demand, plan.scenario.mix, np.array([option.requests_per_month])).lines
    amounts = {key: float(amount[0]) for key, amount in lines.items()}
    added_lines = [key for key in amounts if key in _added_by(terms)]
    if added_lines:
        listed = sum(amount for key, amount in amounts.items() if key not in added_lines)
        changes = [f"{key} {'+' if amounts[key] > 0 else ''}{whole_usd(amounts[key])}" for key in added_lines]
        total = whole_usd(sum(amounts.values()))
        texts.append(f"{whole_usd(listed)} a month at list prices, {', '.join(changes)}: {total}")
    later = _over_time(terms)
    if later:
        texts.append(f"over time also {', '.join(later)}")
    return f"contract: {'; '.join(texts)}" if texts else ""


def _added_by(terms: CommercialTerms) -> list[str]:
    """Names of the lines that the terms add to a bill at run rate."""
    nothing = np.zeros(1)
    return list(invoice(terms, nothing, dict.fromkeys(("tokens", "requests", "images"), nothing)).lines)


def _over_time(terms: CommercialTerms) -> list[str]:
    """What of the terms shows over the months only."""
    texts = []
    if terms.credits is not None:
        until = "" if terms.credits.until is None else f" until {terms.credits.until}"
        texts.append(f"credits of {usd(terms.credits.usd)}{until}")
    decline = terms.price_decline
    if decline is not None and decline.share_per_year > 0:
        texts.append(f"prices that fall by {percent(decline.share_per_year)} a year, {decline.steps}")
    if terms.price_changes:
        days = ", ".join(str(change.effective_from) for change in terms.price_changes)
        texts.append(f"price changes on {days}")
    return texts


def _routing(scenario: Scenario, option: RoutedOption) -> str:
    """Share of the requests that each route answers; together more than all where some are answered twice."""
    answered = dict.fromkeys(option.routes, 0.0)
    for name, request in scenario.workload.items():
        for route, weight in option.answers(name).items():
            answered[route] += request.share * weight
    shares = [f"{route} answers {percent(share)}" for route, share in answered.items()]
    total = sum(answered.values())
    twice = f"; {percent(total - 1.0)} are answered once more" if total > 1 + 1e-9 else ""
    return f"{', '.join(shares)} of the requests{twice}"


def _overflow_at_list_prices(plan: Plan, fleet: FleetPlan) -> list[str]:
    """That overflow does not share in a contract, where its API has one."""
    target = plan.options.get(fleet.overflow_to) if fleet.overflow_to is not None else None
    if not isinstance(target, ApiPlan) or not any(part.terms.acts_on_bill or part.units for part in target.parts):
        return []
    return [
        f"{fleet.name}: what goes to {target.name} is billed at list prices, without its quotas, discounts, "
        "subscriptions, commitments and units"
    ]
