"""Options that buy tokens: their cost at run rate, and over time."""

from __future__ import annotations

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.plans import Array, Plan
from simulator.simulation.api_bills import api_bill, api_lines, rejected_by_step
from simulator.simulation.demand import Demand
from simulator.simulation.results import Ledger, RunRate
from simulator.simulation.shared_costs import arriving_per_month, cost_table, fixed_lines, start_of, taken_by_requests


def api_run_rate(plan: Plan, option: ApiPlan, demand: Demand, requests: Array) -> RunRate:
    """Monthly cost at each of n volumes [requests per month], at run rate."""
    bill = api_bill(option, demand, plan.mix, requests)
    taken = taken_by_requests(option.per_request_usd, demand, requests)
    fixed = fixed_lines(option.overheads, np.ones(1), np.zeros((1, requests.size)))
    lines = {**bill.lines, **taken.lines, **{key: value[0] for key, value in fixed.items()}}
    nothing = np.zeros(requests.size)
    return RunRate(
        name=option.name,
        requests_per_month=requests,
        arriving_requests_per_month=arriving_per_month(demand, requests),
        lines=lines,
        linear_usd_per_request=bill.linear_usd_per_request + taken.linear_usd_per_request,
        rising=np.sum([value[0] for value in fixed.values()], axis=0) + bill.rising + taken.noise_usd,
        falling=bill.falling,
        utilization_share=nothing,
        overflow_share=nothing,
        rejected_share=bill.rejected_share,
        queued_share=nothing,
        peak_replicas=nothing,
    )


def api_ledger(plan: Plan, option: ApiPlan, demand: Demand, requests_per_month: float) -> Ledger:
    """The option over the horizon at one volume of month 0, with growth, dated prices and one-off cost."""
    mix = plan.mix
    path = demand.path(requests_per_month, mix)
    lines = api_lines(option, demand, mix, path, requests_per_month)
    for key, usd in option.per_request_usd.items():
        lines[key] = demand.by_month(path.requests) * usd
    fixed = fixed_lines(option.overheads, demand.months, np.zeros((demand.months.size, 1)))
    lines |= {key: value[:, 0] for key, value in fixed.items()}
    tokens = path.input_tokens + path.output_tokens
    rejected = tokens * rejected_by_step(option, demand, mix, path, requests_per_month)
    nothing = np.zeros(tokens.size)
    return Ledger(
        option=option.name,
        kind=option.kind,
        title=plan.scenario.title,
        step_s=demand.step_s,
        start=start_of(plan),
        tokens_per_month=requests_per_month * plan.tokens_per_request,
        mix=mix,
        months=float(demand.months.sum()),
        arriving_tokens=tokens,
        served_tokens=tokens - rejected,
        overflow_tokens=nothing,
        rejected_tokens=rejected,
        queued_tokens=nothing,
        ready_replicas=nothing,
        billed_replicas=nothing,
        replica_tokens_per_s=0.0,
        replica_hours=0.0,
        costs=cost_table(plan, lines, option.overheads),
        queue=None,
        warnings=(),
    )
