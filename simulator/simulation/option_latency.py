"""Waits in a fleet of a scenario: its recorded steps through the queueing of single requests."""

from __future__ import annotations

from collections.abc import Callable

from simulator.domain.plans import Array, FleetPlan, Plan
from simulator.simulation.fleet import StepRecord
from simulator.simulation.latency import LatencyReport, latency_report
from simulator.simulation.ledger import simulate_option
from simulator.simulation.queue_steps import Places


def option_latency(
    plan: Plan,
    name: str,
    tokens_per_month: float,
    *,
    slots_per_replica: float | None = None,
    service_scv: float | None = None,
    prefill_s: float | None = None,
    first_token_target_s: float | None = None,
) -> LatencyReport:
    """Waits and times to the first token of a fleet over the horizon at one volume of month 0.

    What is left out of slots, variation and prefill is the option's own; with slots given, 1 and 0.

    Raises
    ------
    ValueError
        If the option is no fleet, since an API tells no waits; if its hardware changes; or if nobody knows its slots.
    """
    option = plan.options.get(name)
    ledger = simulate_option(plan, name, tokens_per_month)
    if not isinstance(option, FleetPlan):
        raise ValueError(f"option is '{name}', must be a fleet: the waits of an API are not known")
    if option.stages:
        raise ValueError(
            f"option is '{name}', must be a fleet of one kind of hardware: its waits are told of one alone"
        )
    serving = option.serving
    own = serving if slots_per_replica is None else None
    if slots_per_replica is None:
        if serving is None:
            raise ValueError(f"slots_per_replica is missing; option '{name}' gives its throughput without slots")
        slots_per_replica = serving.slots_per_replica
    if service_scv is None:
        service_scv = 1.0 if own is None else own.service_scv
    prefill: float | Callable[[Array], Array] = 0.0 if prefill_s is None else prefill_s
    if prefill_s is None and own is not None:
        prefill = own.first_token_at
    # Those that wait are the ones that reach the fleet and do not wait for a day, each with its calls.
    waiting_each = option.reaching_share * option.interactive_share if own is None else own.calls_per_request
    per_request = plan.tokens_per_request / waiting_each
    arriving, served = ledger.arriving_tokens, ledger.served_tokens
    left = ledger.overflow_tokens + ledger.rejected_tokens
    if option.deferred is not None and ledger.deferred is not None:
        arriving = arriving - ledger.deferred.arriving_tokens
        served, left = served - ledger.deferred.served_tokens, left - ledger.deferred.left_tokens
        per_request *= 1.0 - option.deferred.token_share
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
        Places(option.requests_per_s_per_replica * waiting_each, slots_per_replica, service_scv),
        max_wait_s=option.max_wait_s,
        prefill_s=prefill,
        first_token_target_s=first_token_target_s,
        seed=plan.scenario.seed,
    )
