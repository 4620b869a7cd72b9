"""What was served and what it cost: bills by month and line, for many volumes at run rate or for one over time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.autoscaling import Recommending, ScaleToZero
from simulator.domain.plans import Array, FleetPlan, OptionPlan, Plan
from simulator.domain.units import HOURS_PER_MONTH, SECONDS_PER_HALF_HOUR, SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation.answered_elsewhere import (
    Sums,
    added_lines,
    billed_over_time,
    elsewhere_apis,
    elsewhere_at_run_rate,
    elsewhere_over_time,
    most_elsewhere_usd_per_request,
    prices_over_time,
)
from simulator.simulation.api_bills import api_bill, bill_over_work, list_price_by_block
from simulator.simulation.api_ledger import api_ledger, api_run_rate
from simulator.simulation.deferred_ledger import deferred_ledger, deferred_served_share, not_served_shares
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.energy import Energy, carbon_kg, owned_energy, reaching_tokens, run_rate_energy
from simulator.simulation.fleet import FleetRun
from simulator.simulation.fleet_lines import fleet_lines, share_in_use, utilization
from simulator.simulation.fleet_over_time import FleetOverTime, fleet_over_time
from simulator.simulation.found_counts import FoundCount, find_count, with_given_base
from simulator.simulation.going_live import until_live
from simulator.simulation.kept_runs import kept_runs
from simulator.simulation.owned_lines import owned_monthly_lines, owned_run_rate_lines
from simulator.simulation.quota_report import quota_report
from simulator.simulation.results import Ledger, RunRate
from simulator.simulation.service_rates import rates_of, terms_of
from simulator.simulation.shared_costs import (
    arriving_per_month,
    cost_table,
    demand_of,
    start_of,
    taken_by_requests,
)
from simulator.simulation.stages import moves_by_month, owned_steps, stages_of
from simulator.simulation.waiting import queue_report


def run_rate(
    plan: Plan,
    name: str,
    tokens_per_month: Array,
    serving: Callable[..., FleetRun] = kept_runs,
    *,
    service: bool = False,
) -> RunRate:
    """Monthly cost of an option at each of n volumes, at run rate.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    name : str
        The option.
    tokens_per_month : array of shape (n,)
        Volumes. [tokens per month of 730 h]
    serving : function, optional
        What serves a fleet's demand in place of `serve`, with the same arguments and results.
    service : bool
        Whether waits of single requests are tallied.

    Returns
    -------
    RunRate
        Arrays of shape (n,).
    """
    requests = np.atleast_1d(np.asarray(tokens_per_month, dtype=np.float64)) / plan.tokens_per_request
    option = settled(plan, name)
    if isinstance(option, ApiPlan):
        return api_run_rate(plan, option, demand_of(plan), requests)
    return run_rate_of_fleet(plan, option, requests, service=service, serving=serving)


def run_rate_of_fleet(
    plan: Plan,
    option: FleetPlan,
    requests: Array,
    counts: Array | None = None,
    *,
    service: bool = False,
    serving: Callable[..., FleetRun] = kept_runs,
) -> RunRate:
    """Monthly cost of a fleet at each of n volumes [requests per month], at run rate.

    `counts` (n,) gives a fixed fleet another number of replicas at each; nodes of one's own hold an increment each.
    `service` tallies waits too; `serving` stands in for `serve`.
    """
    demand = demand_of(plan)
    name = option.name
    target = _overflow_api(plan, option)
    blocks = _price_blocks(option, target, demand)
    terms = terms_of(plan, option, demand, wanted=service)
    run = serving(option, demand, requests, block_ends=blocks, fixed_replicas=counts, service=terms)
    months = demand.months.sum()
    # What still waits at the end was not served: it costs what overflow costs.
    prices = _left_usd_per_request(option, target, demand, blocks)
    mean_price = float(_left_usd_per_request(option, target, demand, demand.month_ends[-1:])[0])
    left_usd = (prices @ run.overflow_requests + mean_price * run.queued_requests) / months
    bill = None
    if target is not None and (target.has_prefixes or not demand.is_plain):
        bill = api_bill(target, demand, plan.mix, requests)
    if bill is not None:
        left_usd = left_usd * bill_over_work(bill.usd, prices @ run.arriving_requests / months)
    lines = {key: value.sum(axis=0) / months for key, value in fleet_lines(option, demand, run).items()}
    if option.owned is not None:
        nodes = None if counts is None else counts / option.replicas.increment
        lines |= owned_run_rate_lines(option.owned, utilization(option, run), nodes)
    own_usd = np.sum(list(lines.values()), axis=0)
    if np.any(prices > 0):
        lines["rejected" if option.overflow_to is None else "overflow"] = left_usd
    share_left, queued_share = not_served_shares(option, run)
    profile_by_block = demand.sums_until(demand.profile, blocks) * (demand.step_s / SECONDS_PER_MONTH)
    linear_usd_per_request = float(prices @ profile_by_block) / months
    falling = (prices @ run.served_requests) / months
    if bill is not None or not demand.is_plain:
        # What noise adds to the arrivals of this path is not proportional to the volume: it counts with what falls.
        linear_usd_per_request = linear_usd_per_request if bill is None else bill.linear_usd_per_request
        falling = linear_usd_per_request * requests - left_usd
    elsewhere = elsewhere_at_run_rate(option, Sums(demand, plan.mix, blocks, requests, run), prices)
    lines = added_lines(lines, elsewhere.lines)
    taken = taken_by_requests(option.per_request_usd, demand, requests)
    return RunRate(
        name=name,
        requests_per_month=requests,
        arriving_requests_per_month=arriving_per_month(demand, requests),
        lines=lines | taken.lines,
        linear_usd_per_request=linear_usd_per_request + taken.linear_usd_per_request + elsewhere.linear_usd_per_request,
        rising=own_usd + taken.noise_usd + elsewhere.rising,
        falling=falling + elsewhere.falling,
        utilization_share=utilization(option, run),
        overflow_share=share_left if option.overflow_to is not None else np.zeros(requests.size),
        rejected_share=share_left if option.overflow_to is None else np.zeros(requests.size),
        queued_share=queued_share,
        peak_replicas=run.peak_billed_replicas.max(axis=0),
        may_fall_usd=_may_fall_usd(option, own_usd, requests),
        deferred_served_share=deferred_served_share(run),
        energy=run_rate_energy(option, demand, run, plan.tokens_per_request),
        service=rates_of(plan, option, run, terms),
    )


def simulate_option(plan: Plan, name: str, tokens_per_month: float) -> Ledger:
    """Simulate one option over the horizon at one volume (of month 0), with growth, dated prices and one-off cost."""
    if not (np.isfinite(tokens_per_month) and tokens_per_month >= 0):
        raise ValueError(f"tokens_per_month is {tokens_per_month}, must be finite and at least 0")
    demand = demand_of(plan)
    option = settled(plan, name)
    requests = tokens_per_month / plan.tokens_per_request
    if isinstance(option, ApiPlan):
        return api_ledger(plan, option, demand, requests)
    target = _overflow_api(plan, option)
    whole_target = _api_at_list_prices(plan, option)
    weeks, there = option.overheads.weeks_until_live, owned_steps(option.owned, demand)
    before = until_live(whole_target, demand, plan.mix, requests, weeks, there)
    demand = before.demand
    run = fleet_over_time(option, demand, requests, lambda fleet: settled_fleet(plan, fleet))
    record = run.record
    lines = dict(run.lines)
    in_use = share_in_use(option, run.busy_requests, run.billed_replica_hours)
    if option.owned is not None:
        hours = demand.horizon.duration_s / SECONDS_PER_HOUR
        lines |= owned_monthly_lines(option.owned, demand.months[demand.has_steps], in_use, hours)
    mix = plan.mix
    left_line = "rejected" if option.overflow_to is None else "overflow"
    prices = prices_over_time(target, option.rejected_usd_per_request, demand, requests)
    if np.any(prices > 0):
        left, queued = record.overflow_requests, run.queued_requests
        lines[left_line] = billed_over_time(
            target, prices, left, queued, demand=demand, mix=mix, record=record, requests=requests
        )
    elsewhere = elsewhere_over_time(option, demand, mix, record, run.deferred, requests)
    lines = added_lines(lines, elsewhere) | before.lines
    for key, usd in option.per_request_usd.items():
        lines[key] = demand.by_month(record.arriving_requests + before.requests) * usd
    quota = quota_report(demand, run, lines.get(left_line))
    waiting = deferred_ledger(option, run, before.requests, plan.tokens_per_request)
    tokens = plan.tokens_per_request - waiting.tokens_per_request
    rejects = option.overflow_to is None
    away = record.overflow_requests * tokens + before.tokens
    arriving = record.arriving_requests * plan.tokens_per_request + before.tokens
    served = record.served_requests * tokens
    if waiting.ledger is not None:
        away, served = away + waiting.left_tokens, served + waiting.ledger.served_tokens
    capacity = record.ready_replicas * (demand.step_s * run.requests_per_s_per_replica)
    queue = queue_report(
        record.arriving_requests, record.served_requests, record.overflow_requests, capacity, demand.step_s
    )
    return Ledger(
        option=name,
        kind=option.kind,
        title=plan.scenario.title,
        step_s=demand.step_s,
        start=start_of(plan),
        tokens_per_month=tokens_per_month,
        mix=plan.mix,
        months=float(demand.months.sum()),
        arriving_tokens=arriving,
        served_tokens=served,
        overflow_tokens=np.zeros_like(away) if rejects else away,
        rejected_tokens=away if rejects else np.zeros_like(away),
        queued_tokens=record.queued_requests * tokens,
        ready_replicas=record.ready_replicas,
        billed_replicas=record.billed_replicas,
        replica_tokens_per_s=waiting.replica_tokens_per_s,
        replica_hours=float(run.billed_replica_hours.sum()),
        costs=cost_table(plan, lines, option.overheads, moves_by_month(option, demand)),
        queue=queue.scaled(tokens),
        warnings=(*run.warnings, *([] if quota is None else quota.notes(name))),
        quota=quota,
        deferred=waiting.ledger,
        billed_tokens=None if run.billed_requests is None else run.billed_requests * plan.tokens_per_request,
        usd_per_replica_hour=run.usd_per_replica_hour,
        stages=stages_of(run.spans),
        energy=_energy(option, demand, run, in_use, served, plan.tokens_per_request),
        mean_wait_s=run.mean_wait_s,
    )


def _energy(
    option: FleetPlan,
    demand: Demand,
    run: FleetOverTime,
    in_use: Array,
    served_tokens: Array,
    tokens_per_request: float,
) -> Energy | None:
    """Energy of the fleets by bill month; None where a draw is not known."""
    if run.energy is None or option.draw is None:
        return None
    kwh, kg = run.energy
    if option.owned is not None:
        hours = demand.horizon.duration_s / SECONDS_PER_HOUR
        kwh = owned_energy(option.owned, demand.months[demand.has_steps], in_use, hours)
        kg = carbon_kg(option.draw, kwh)
    everywhere = np.zeros((2, demand.months.size))
    everywhere[:, demand.has_steps] = kwh, kg
    served = demand.by_month(served_tokens) * (option.reaching_share / tokens_per_request)
    return Energy(everywhere[0], everywhere[1], served, reaching_tokens(option, tokens_per_request))


def settled(plan: Plan, name: str) -> OptionPlan:
    """The option with every number of replicas known, also those that were left to be found."""
    option = _planned(plan, name)
    if isinstance(option, ApiPlan):
        return option
    found = found_count(plan, name)
    return with_given_base(option) if found is None else found.option


@lru_cache(maxsize=64)
def found_count(plan: Plan, name: str) -> FoundCount | None:
    """The number of replicas or nodes that an option leaves to be found, at the scenario's own volume; None: none."""
    option = _planned(plan, name)
    return None if isinstance(option, ApiPlan) else _find_count(plan, option)


def _find_count(plan: Plan, fleet: FleetPlan) -> FoundCount | None:
    volume = plan.requests_per_month

    def run_rate_of(tried: FleetPlan, counts: Array | None) -> RunRate:
        return run_rate_of_fleet(plan, tried, np.full(1 if counts is None else counts.size, volume), counts)

    return find_count(fleet, demand_of(plan), volume, run_rate_of)


def settled_fleet(plan: Plan, fleet: FleetPlan) -> FleetPlan:
    """A fleet with every number of replicas known; what is left to be found is, at the scenario's own volume."""
    found = _find_count(plan, fleet)
    return with_given_base(fleet) if found is None else found.option


def _planned(plan: Plan, name: str) -> OptionPlan:
    if name in plan.options:
        return plan.options[name]
    if name in plan.faults:
        causes = "; ".join(f"{fault.key}: {fault.text}" for fault in plan.faults[name])
        raise ValueError(f"option '{name}' can't be simulated: {causes}")
    raise ValueError(f"option is '{name}', must be one of {', '.join(plan.scenario.options)}")


def _may_fall_usd(option: FleetPlan, own_usd: Array, requests: Array) -> Array | float:
    """By how much cost or service of a fleet may fall when the volume rises, at most. Shape (n,). [USD per month]

    Kubernetes' rules leave a fleet alone as long as the metric is within a tolerance of its target, from above or from
    below: which of the two depends on the way there, which may be another one at a lower volume. A fleet that goes to
    zero stays for a queue; one replica more has none, goes sooner, and serves less of what can wait.
    """
    policy = option.autoscaling
    if isinstance(policy, ScaleToZero) and option.deferred is not None and option.max_wait_s > 0:
        return (most_elsewhere_usd_per_request(option) + option.deferred.rejected_usd_per_request) * requests
    if not isinstance(policy, Recommending):
        return 0.0
    upper, lower = 1.0 + policy.tolerance_share, max(1.0 - policy.tolerance_share, 0.1)
    one_replica_usd = option.usd_per_replica_hour * HOURS_PER_MONTH
    return own_usd * (1.0 - lower / upper) + one_replica_usd * option.replicas.increment


def _overflow_api(plan: Plan, option: FleetPlan) -> ApiPlan | None:
    """What answers the overflow of the requests that do not wait."""
    return _api_at_list_prices(plan, option) if option.deferred is None else option.deferred.interactive_overflow


def _api_at_list_prices(plan: Plan, option: FleetPlan) -> ApiPlan | None:
    target = plan.options.get(option.overflow_to) if option.overflow_to is not None else None
    target = option.overflow_plan or target
    return target.at_list_prices if isinstance(target, ApiPlan) else None


def _price_blocks(option: FleetPlan, target: ApiPlan | None, demand: Demand) -> Steps:
    """First steps after each block of equal API prices: half hours where one changes within a day, else months."""
    targets = (target, *elsewhere_apis(option))
    if not any(api is not None and (api.has_peak_hours or api.has_prefixes) for api in targets):
        return demand.bill_ends
    per_block = max(1, int(SECONDS_PER_HALF_HOUR // demand.step_s))
    return np.unique(np.append(np.arange(per_block, demand.steps, per_block), demand.month_ends))


def _left_usd_per_request(option: FleetPlan, target: ApiPlan | None, demand: Demand, block_ends: Steps) -> Array:
    """Price of a request that the fleet leaves: the API's, or the penalty. Mean over each block; shape (blocks,)."""
    if option.overflow_to is None or target is None:
        return np.full(block_ends.size, option.rejected_usd_per_request)
    return list_price_by_block(target, demand, tuple(int(end) for end in block_ends))
