"""Waits in a fleet of a scenario: its recorded steps through the queueing of single requests."""

from __future__ import annotations

from simulator.domain.plans import FleetPlan, Plan
from simulator.simulation.fleet import StepRecord
from simulator.simulation.latency import LatencyReport, latency_report
from simulator.simulation.ledger import simulate_option
from simulator.simulation.queue_steps import Places


def option_latency(
    plan: Plan,
    name: str,
    tokens_per_month: float,
    *,
    slots_per_replica: float,
    service_scv: float = 1.0,
    prefill_s: float = 0.0,
    first_token_target_s: float | None = None,
) -> LatencyReport:
    """Waits and times to the first token of a fleet over the horizon at one volume of month 0.

    Raises
    ------
    ValueError
        If the option is no fleet; an API tells no waits. Or if its hardware changes.
    """
    option = plan.options.get(name)
    ledger = simulate_option(plan, name, tokens_per_month)
    if not isinstance(option, FleetPlan):
        raise ValueError(f"option is '{name}', must be a fleet: the waits of an API are not known")
    if option.stages:
        raise ValueError(
            f"option is '{name}', must be a fleet of one kind of hardware: its waits are told of one alone"
        )
    # Those that wait are the ones that reach the fleet: so many fewer, each so much longer in service.
    per_request = plan.tokens_per_request / option.reaching_share
    arriving, served = ledger.arriving_tokens, ledger.served_tokens
    left, each_s = ledger.overflow_tokens + ledger.rejected_tokens, option.requests_per_s_per_replica
    each_s *= option.reaching_share
    if option.deferred is not None and ledger.deferred is not None:  # waits are of the requests that do not wait a day
        arriving = arriving - ledger.deferred.arriving_tokens
        served, left = served - ledger.deferred.served_tokens, left - ledger.deferred.left_tokens
        per_request *= (1.0 - option.deferred.token_share) / option.interactive_share
        each_s *= option.interactive_share
    record = StepRecord(
        arriving_requests=arriving / per_request,
        served_requests=served / per_request,
        overflow_requests=left / per_request,
        queued_requests=ledger.queued_tokens / per_request,
        ready_replicas=ledger.ready_replicas,
        billed_replicas=ledger.billed_replicas,
    )
    return latency_report(
        record,
        ledger.step_s,
        Places(each_s, slots_per_replica, service_scv),
        max_wait_s=option.max_wait_s,
        prefill_s=prefill_s,
        first_token_target_s=first_token_target_s,
        seed=plan.scenario.seed,
    )
