"""What was served and what it cost: bills by month and line, for many volumes at run rate or for one over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.autoscaling import Recommending
from simulator.domain.plans import Array, FleetPlan, OptionPlan, Plan
from simulator.domain.units import HOURS_PER_MONTH, SECONDS_PER_HALF_HOUR, SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation.api_bills import api_bill, api_lines, bill_over_work, list_price_by_block, list_price_by_step
from simulator.simulation.api_ledger import api_ledger, api_run_rate
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.fleet import FleetRun, StepRecord, rounded_durations, serve
from simulator.simulation.going_live import until_live
from simulator.simulation.owned_lines import owned_monthly_lines, owned_run_rate_lines
from simulator.simulation.reserved import with_base
from simulator.simulation.results import Ledger, RunRate
from simulator.simulation.shared_costs import (
    arriving_per_month,
    cost_table,
    demand_of,
    fixed_lines,
    start_of,
    taken_by_requests,
)
from simulator.simulation.waiting import queue_report


def run_rate(plan: Plan, name: str, tokens_per_month: Array, serving: Callable[..., FleetRun] = serve) -> RunRate:
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

    Returns
    -------
    RunRate
        Arrays of shape (n,).
    """
    demand = demand_of(plan)
    requests = np.atleast_1d(np.asarray(tokens_per_month, dtype=np.float64)) / plan.tokens_per_request
    option = _planned(plan, name)
    if isinstance(option, ApiPlan):
        return api_run_rate(plan, option, demand, requests)
    option = with_base(option, demand, plan.scenario.requests_per_month)
    target = _overflow_api(plan, option)
    blocks = _price_blocks(target, demand)
    run = serving(option, demand, requests, block_ends=blocks)
    months = demand.months.sum()
    # What still waits at the end was not served: it costs what overflow costs.
    prices = _left_usd_per_request(option, target, demand, blocks)
    mean_price = float(_left_usd_per_request(option, target, demand, demand.month_ends[-1:])[0])
    left_usd = (prices @ run.overflow_requests + mean_price * run.queued_requests) / months
    bill = None
    if target is not None and (target.has_prefixes or not _is_plain(demand)):
        bill = api_bill(target, demand, plan.scenario.mix, requests)
    if bill is not None:
        left_usd = left_usd * bill_over_work(bill.usd, prices @ run.arriving_requests / months)
    lines = {key: value.sum(axis=0) / months for key, value in _fleet_lines(option, demand, run).items()}
    if option.owned is not None:
        lines |= owned_run_rate_lines(option.owned, _utilization(option, run))
    own_usd = np.sum(list(lines.values()), axis=0)
    if np.any(prices > 0):
        lines["rejected" if option.overflow_to is None else "overflow"] = left_usd
    served = run.served_requests.sum(axis=0)
    arrived = run.arriving_requests.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share_left = np.where(arrived > 0, np.maximum(arrived - served, 0.0) / arrived, 0.0)
        share_left[share_left < 1e-12] = 0.0  # rounding of the sums
        queued_share = np.where(arrived > 0, run.queued_requests / arrived, 0.0)
    profile_by_block = demand.sums_until(demand.profile, blocks) * (demand.step_s / SECONDS_PER_MONTH)
    linear_usd_per_request = float(prices @ profile_by_block) / months
    falling = (prices @ run.served_requests) / months
    if bill is not None or not _is_plain(demand):
        # What noise adds to the arrivals of this path is not proportional to the volume: it counts with what falls.
        linear_usd_per_request = linear_usd_per_request if bill is None else bill.linear_usd_per_request
        falling = linear_usd_per_request * requests - left_usd
    taken = taken_by_requests(option.per_request_usd, demand, requests)
    return RunRate(
        name=name,
        requests_per_month=requests,
        arriving_requests_per_month=arriving_per_month(demand, requests),
        lines=lines | taken.lines,
        linear_usd_per_request=linear_usd_per_request + taken.linear_usd_per_request,
        rising=own_usd + taken.noise_usd,
        falling=falling,
        utilization_share=_utilization(option, run),
        overflow_share=share_left if option.overflow_to is not None else np.zeros(requests.size),
        rejected_share=share_left if option.overflow_to is None else np.zeros(requests.size),
        queued_share=queued_share,
        peak_replicas=run.peak_billed_replicas.max(axis=0),
        may_fall_usd=_may_fall_usd(option, own_usd),
    )


def simulate_option(plan: Plan, name: str, tokens_per_month: float) -> Ledger:
    """Simulate one option over the horizon at one volume (of month 0), with growth, dated prices and one-off cost."""
    if not (np.isfinite(tokens_per_month) and tokens_per_month >= 0):
        raise ValueError(f"tokens_per_month is {tokens_per_month}, must be finite and at least 0")
    demand = demand_of(plan)
    option = _planned(plan, name)
    requests = tokens_per_month / plan.tokens_per_request
    if isinstance(option, ApiPlan):
        return api_ledger(plan, option, demand, requests)
    option = with_base(option, demand, plan.scenario.requests_per_month)
    target = _overflow_api(plan, option)
    before = until_live(target, demand, plan.scenario.mix, requests, option.overheads.weeks_until_live)
    demand = before.demand
    run = serve(option, demand, np.array([requests]), grown=True, record=True)
    record = cast(StepRecord, run.record)
    lines = {key: value[:, 0] for key, value in _fleet_lines(option, demand, run).items()}
    if option.owned is not None:
        in_use = _share_in_use(option, run.served_requests[:, 0], run.billed_replica_hours[:, 0])
        lines |= owned_monthly_lines(option.owned, demand.months[demand.has_steps], in_use)
    prices = np.full(demand.steps, option.rejected_usd_per_request)
    if option.overflow_to is not None and target is not None:
        prices = list_price_by_step(target, demand, requests)
    if np.any(prices > 0):
        left_usd = demand.by_month(record.overflow_requests * prices)
        left_usd[-1] += float(run.queued_requests[0] * prices[-1])
        if target is not None and (target.has_prefixes or not _is_plain(demand)):
            path = demand.path(requests, plan.scenario.mix)
            billed = api_lines(target, demand, plan.scenario.mix, path, requests)
            billed_usd = sum(usd.sum() for usd in billed.values())
            left_usd *= bill_over_work(np.array(billed_usd), np.array(record.arriving_requests @ prices))
        lines["rejected" if option.overflow_to is None else "overflow"] = left_usd
    lines |= before.lines
    for key, usd in option.per_request_usd.items():
        lines[key] = demand.by_month(record.arriving_requests + before.requests) * usd
    tokens = plan.tokens_per_request
    rejects = option.overflow_to is None
    away = record.overflow_requests * tokens + before.tokens
    capacity = record.ready_replicas * (demand.step_s * option.requests_per_s_per_replica)
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
        mix=plan.scenario.mix,
        months=float(demand.months.sum()),
        arriving_tokens=record.arriving_requests * tokens + before.tokens,
        served_tokens=record.served_requests * tokens,
        overflow_tokens=np.zeros_like(away) if rejects else away,
        rejected_tokens=away if rejects else np.zeros_like(away),
        queued_tokens=record.queued_requests * tokens,
        ready_replicas=record.ready_replicas,
        billed_replicas=record.billed_replicas,
        replica_tokens_per_s=option.requests_per_s_per_replica * tokens,
        replica_hours=float(run.billed_replica_hours.sum()),
        costs=cost_table(plan, lines, option.overheads),
        queue=queue.scaled(tokens),
        warnings=rounded_durations(option, demand.step_s),
    )


def _planned(plan: Plan, name: str) -> OptionPlan:
    if name in plan.options:
        return plan.options[name]
    if name in plan.faults:
        causes = "; ".join(f"{fault.key}: {fault.text}" for fault in plan.faults[name])
        raise ValueError(f"option '{name}' can't be simulated: {causes}")
    raise ValueError(f"option is '{name}', must be one of {', '.join(plan.scenario.options)}")


def _utilization(option: FleetPlan, run: FleetRun) -> Array:
    """Share of the billed capacity in use at each volume. Shape (n,). [1]"""
    return _share_in_use(option, run.served_requests.sum(axis=0), run.billed_replica_hours.sum(axis=0))


def _share_in_use(option: FleetPlan, served_requests: Array, billed_replica_hours: Array) -> Array:
    """Work served over the capacity billed; arrays of any one shape. [1]"""
    capacity = billed_replica_hours * option.requests_per_s_per_replica * SECONDS_PER_HOUR
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(capacity > 0, served_requests / capacity, 0.0)


def _fleet_lines(option: FleetPlan, demand: Demand, run: FleetRun) -> dict[str, Array]:
    """Cost of a fleet itself by line, each of shape (blocks or months, n). [USD]"""
    lines: dict[str, Array] = {}
    if option.owned is None:
        on_demand = run.above_base_replica_hours - run.spot_replica_hours
        lines["rent"] = on_demand * option.usd_per_replica_hour
    if option.spot is not None:
        lines["spot"] = run.spot_replica_hours * option.usd_per_spot_replica_hour
    peaks = np.maximum.reduceat(run.peak_billed_replicas, run.month_starts, axis=0)
    served = np.add.reduceat(run.served_requests, run.month_starts, axis=0)
    months = demand.months[demand.has_steps]
    if option.reserved is not None:
        usd_per_month = option.base_replicas * option.reserved.usd_per_replica_hour * HOURS_PER_MONTH
        lines["reserved base"] = np.broadcast_to(usd_per_month * months[:, None], peaks.shape)
    lines |= fixed_lines(option.overheads, months, peaks * option.gpus_paid_per_replica, served)
    if option.variable_usd_per_request > 0:
        lines["variable"] = run.served_requests * option.variable_usd_per_request
    return lines


def _may_fall_usd(option: FleetPlan, own_usd: Array) -> Array | float:
    """By how much the cost of a fleet may fall when the volume rises, at most. Shape (n,). [USD per month]

    Kubernetes' rules leave a fleet alone as long as the metric is within a tolerance of its target, from above or from
    below: which of the two depends on the way there, which may be another one at a lower volume.
    """
    policy = option.autoscaling
    if not isinstance(policy, Recommending):
        return 0.0
    upper, lower = 1.0 + policy.tolerance_share, max(1.0 - policy.tolerance_share, 0.1)
    one_replica_usd = option.usd_per_replica_hour * HOURS_PER_MONTH
    return own_usd * (1.0 - lower / upper) + one_replica_usd * option.replicas.increment


def _overflow_api(plan: Plan, option: FleetPlan) -> ApiPlan | None:
    target = plan.options.get(option.overflow_to) if option.overflow_to is not None else None
    return target.at_list_prices if isinstance(target, ApiPlan) else None


def _price_blocks(target: ApiPlan | None, demand: Demand) -> Steps:
    """First steps after each block of equal overflow price: half hours where it changes within a day, else months."""
    if target is None or not (target.has_peak_hours or target.has_prefixes):
        return demand.bill_ends
    per_block = max(1, int(SECONDS_PER_HALF_HOUR // demand.step_s))
    return np.unique(np.append(np.arange(per_block, demand.steps, per_block), demand.month_ends))


def _left_usd_per_request(option: FleetPlan, target: ApiPlan | None, demand: Demand, block_ends: Steps) -> Array:
    """Price of a request that the fleet leaves: the API's, or the penalty. Mean over each block; shape (blocks,)."""
    if option.overflow_to is None or target is None:
        return np.full(block_ends.size, option.rejected_usd_per_request)
    return list_price_by_block(target, demand, tuple(int(end) for end in block_ends))


def _is_plain(demand: Demand) -> bool:
    """Whether every request is alike and arrivals are proportional to the volume."""
    return demand.is_smooth and not demand.lengths.vary
