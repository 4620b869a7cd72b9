"""What was served and what it cost: bills by month and line, for many volumes at run rate or for one over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd

from simulator.domain.plans import API_LINES, ApiPlan, Array, FleetPlan, OptionPlan, Overheads, Plan
from simulator.domain.units import (
    SECONDS_PER_HOUR,
    SECONDS_PER_MONTH,
)
from simulator.simulation.demand import Demand, sample_demand
from simulator.simulation.fleet import FleetRun, StepRecord, rounded_durations, serve
from simulator.simulation.results import Ledger, RunRate
from simulator.simulation.waiting import queue_report


def run_rate(plan: Plan, name: str, tokens_per_month: Array) -> RunRate:
    """Monthly cost of an option at each of n volumes, at run rate.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    name : str
        The option.
    tokens_per_month : array of shape (n,)
        Volumes. [tokens per month of 730 h]

    Returns
    -------
    RunRate
        Arrays of shape (n,).
    """
    demand = demand_of(plan)
    requests = np.atleast_1d(np.asarray(tokens_per_month, dtype=np.float64)) / plan.tokens_per_request
    option = _planned(plan, name)
    if isinstance(option, ApiPlan):
        return _api_run_rate(option, demand, requests)
    run = serve(option, demand, requests)
    months = demand.months.sum()
    overflow_usd = _run_rate_overflow_usd(plan, option, demand)
    lines = {
        key: value.sum(axis=0) / months
        for key, value in _fleet_lines(option, demand, run, np.full(demand.months.size, overflow_usd)).items()
    }
    served = run.served_requests.sum(axis=0)
    kept = served + run.queued_requests
    arrived = run.arriving_requests.sum(axis=0)
    away = run.overflow_requests.sum(axis=0)
    per_left = option.rejected_usd_per_request if option.overflow_to is None else overflow_usd
    left_line = "rejected" if option.overflow_to is None else "overflow"
    billed = run.billed_replica_hours.sum(axis=0) * option.requests_per_s_per_replica * SECONDS_PER_HOUR
    scale = _mean_arrivals(demand)
    with np.errstate(invalid="ignore", divide="ignore"):
        share_left = np.where(arrived > 0, away / arrived, 0.0)
        utilization = np.where(billed > 0, served / billed, 0.0)
    return RunRate(
        name=name,
        requests_per_month=requests,
        arriving_requests_per_month=requests * scale,
        lines=lines,
        linear_usd_per_request=per_left * scale,
        rising=np.sum([value for key, value in lines.items() if key != left_line], axis=0),
        falling=per_left * kept / months,
        utilization_share=utilization,
        overflow_share=share_left if option.overflow_to is not None else np.zeros(requests.size),
        rejected_share=share_left if option.overflow_to is None else np.zeros(requests.size),
        peak_replicas=run.peak_billed_replicas.max(axis=0),
    )


def simulate_option(plan: Plan, name: str, tokens_per_month: float) -> Ledger:
    """Simulate one option over the horizon at one volume (of month 0), with growth, dated prices and one-off cost."""
    if not (np.isfinite(tokens_per_month) and tokens_per_month >= 0):
        raise ValueError(f"tokens_per_month is {tokens_per_month}, must be finite and at least 0")
    demand = demand_of(plan)
    option = _planned(plan, name)
    requests = tokens_per_month / plan.tokens_per_request
    if isinstance(option, ApiPlan):
        return _api_ledger(plan, option, demand, requests)
    run = serve(option, demand, np.array([requests]), grown=True, record=True)
    overflow_usd = _overflow_usd_per_request(plan, option, demand)
    lines = {key: value[:, 0] for key, value in _fleet_lines(option, demand, run, overflow_usd).items()}
    record = cast(StepRecord, run.record)
    tokens = plan.tokens_per_request
    rejects = option.overflow_to is None
    away = record.overflow_requests * tokens
    capacity = record.ready_replicas * (demand.step_s * option.requests_per_s_per_replica)
    queue = queue_report(
        record.arriving_requests, record.served_requests, record.overflow_requests, capacity, demand.step_s
    )
    return Ledger(
        option=name,
        kind=option.kind,
        title=plan.scenario.title,
        step_s=demand.step_s,
        start=_start(plan),
        tokens_per_month=tokens_per_month,
        mix=plan.scenario.mix,
        months=float(demand.months.sum()),
        arriving_tokens=record.arriving_requests * tokens,
        served_tokens=record.served_requests * tokens,
        overflow_tokens=np.zeros_like(away) if rejects else away,
        rejected_tokens=away if rejects else np.zeros_like(away),
        queued_tokens=record.queued_requests * tokens,
        ready_replicas=record.ready_replicas,
        billed_replicas=record.billed_replicas,
        replica_tokens_per_s=option.requests_per_s_per_replica * tokens,
        replica_hours=float(run.billed_replica_hours.sum()),
        costs=_cost_table(plan, lines, option.overheads),
        queue=queue.scaled(tokens),
        warnings=rounded_durations(option, demand.step_s),
    )


def demand_of(plan: Plan) -> Demand:
    """The sampled demand of a plan's scenario; drawn once, whoever asks."""
    scenario = plan.scenario
    return sample_demand(scenario.traffic, scenario.horizon, scenario.seed)


def _planned(plan: Plan, name: str) -> OptionPlan:
    if name in plan.options:
        return plan.options[name]
    if name in plan.faults:
        causes = "; ".join(f"{fault.key}: {fault.text}" for fault in plan.faults[name])
        raise ValueError(f"option '{name}' can't be simulated: {causes}")
    raise ValueError(f"option is '{name}', must be one of {', '.join(plan.scenario.options)}")


def _mean_arrivals(demand: Demand) -> float:
    """Requests that arrive in the horizon over those of its mean volume: 1 in expectation, near it on a path."""
    return float(demand.profile.mean())


def _start(plan: Plan) -> pd.Timestamp:
    return pd.Timestamp(plan.scenario.horizon.start_utc)


def _fixed_lines(overheads: Overheads, months: Array, peak_gpus: Array) -> dict[str, Array]:
    """Engineers and fixed items. `months` (months,) their lengths, `peak_gpus` (months, n); results (months, n)."""
    lines: dict[str, Array] = {}
    staff = overheads.staff
    if staff.usd_per_person_year > 0 and (staff.base_persons > 0 or staff.gpus_per_person is not None):
        lines["engineers"] = staff.usd_per_month(peak_gpus) * months[:, None]
    for key, usd in overheads.monthly_fixed_usd.items():
        lines[f"fixed: {key}"] = np.broadcast_to(usd * months[:, None], peak_gpus.shape)
    return lines


def _fleet_lines(option: FleetPlan, demand: Demand, run: FleetRun, overflow_usd_per_request: Array) -> dict[str, Array]:
    """Cost of a fleet by line, each of shape (months, n). [USD]"""
    lines: dict[str, Array] = {"rent": run.billed_replica_hours * option.usd_per_replica_hour}
    lines |= _fixed_lines(option.overheads, demand.months, run.peak_billed_replicas * option.gpus_paid_per_replica)
    if option.variable_usd_per_request > 0:
        lines["variable"] = run.served_requests * option.variable_usd_per_request
    if option.overflow_to is not None:
        lines["overflow"] = run.overflow_requests * overflow_usd_per_request[:, None]
    elif option.rejected_usd_per_request > 0:
        lines["rejected"] = run.overflow_requests * option.rejected_usd_per_request
    return lines


def _overflow_usd_per_request(plan: Plan, option: FleetPlan, demand: Demand) -> Array:
    """Price of an overflowing request in each month: the API's, its hours weighted with the demand. Shape (months,)."""
    months = demand.months.size
    target = plan.options.get(option.overflow_to) if option.overflow_to is not None else None
    if not isinstance(target, ApiPlan):
        return np.zeros(months)
    return np.array([target.usd_per_request_at(m, demand.hour_weights[m]).sum() for m in range(months)])


def _run_rate_overflow_usd(plan: Plan, option: FleetPlan, demand: Demand) -> float:
    """Price of an overflowing request at run rate: first month, hours of the whole demand, as the API bills it."""
    target = plan.options.get(option.overflow_to) if option.overflow_to is not None else None
    if not isinstance(target, ApiPlan):
        return 0.0
    return float(target.usd_per_request_at(0, demand.run_rate_hour_weights).sum())


def _api_run_rate(option: ApiPlan, demand: Demand, requests: Array) -> RunRate:
    per_request = option.usd_per_request_at(0, demand.run_rate_hour_weights) * _mean_arrivals(demand)
    lines = {key: requests * usd for key, usd in zip(API_LINES, per_request, strict=True) if usd > 0}
    fixed = _fixed_lines(option.overheads, np.ones(1), np.zeros((1, requests.size)))
    lines |= {key: value[0] for key, value in fixed.items()}
    nothing = np.zeros(requests.size)
    return RunRate(
        name=option.name,
        requests_per_month=requests,
        arriving_requests_per_month=requests * _mean_arrivals(demand),
        lines=lines or {"input": nothing},
        linear_usd_per_request=float(per_request.sum()),
        rising=np.sum([value[0] for value in fixed.values()], axis=0) if fixed else nothing,
        falling=nothing,
        utilization_share=nothing,
        overflow_share=nothing,
        rejected_share=nothing,
        peak_replicas=nothing,
    )


def _api_ledger(plan: Plan, option: ApiPlan, demand: Demand, requests_per_month: float) -> Ledger:
    arriving = demand.grown_profile() * (requests_per_month * demand.step_s / SECONDS_PER_MONTH)
    by_month = demand.by_month(arriving)
    prices = np.array([option.usd_per_request_at(m, demand.hour_weights[m]) for m in range(demand.months.size)])
    lines = {key: by_month * prices[:, i] for i, key in enumerate(API_LINES) if prices[:, i].any()}
    fixed = _fixed_lines(option.overheads, demand.months, np.zeros((demand.months.size, 1)))
    lines |= {key: value[:, 0] for key, value in fixed.items()}
    tokens = arriving * plan.tokens_per_request
    nothing = np.zeros(tokens.size)
    return Ledger(
        option=option.name,
        kind=option.kind,
        title=plan.scenario.title,
        step_s=demand.step_s,
        start=_start(plan),
        tokens_per_month=requests_per_month * plan.tokens_per_request,
        mix=plan.scenario.mix,
        months=float(demand.months.sum()),
        arriving_tokens=tokens,
        served_tokens=tokens,
        overflow_tokens=nothing,
        rejected_tokens=nothing,
        queued_tokens=nothing,
        ready_replicas=nothing,
        billed_replicas=nothing,
        replica_tokens_per_s=0.0,
        replica_hours=0.0,
        costs=_cost_table(plan, lines, option.overheads),
        queue=None,
        warnings=(),
    )


def _cost_table(plan: Plan, lines: Mapping[str, Array], overheads: Overheads) -> pd.DataFrame:
    horizon = plan.scenario.horizon
    starts = [pd.Timestamp(horizon.month_start_utc(month)) for month in range(horizon.bill_months)]
    table = pd.DataFrame(dict(lines), index=pd.DatetimeIndex(starts, name="month_start"))
    if overheads.one_off_usd:
        table["one_off"] = [overheads.total_one_off_usd] + [0.0] * (horizon.bill_months - 1)
    return table
