"""A scenario with every reference looked up: options as plain numbers, the figures they stand on, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from simulator.catalogue.api_planning import plan_api, plan_routed
from simulator.catalogue.edge_planning import beyond_edge, reaching
from simulator.catalogue.fleet_stages import plan_over_time
from simulator.catalogue.notes import Notes
from simulator.catalogue.operating_planning import overheads_of
from simulator.domain.api_options import ApiOption, RoutedOption
from simulator.domain.api_plans import API_LINES
from simulator.domain.hardware_changes import option_on
from simulator.domain.options import SelfHostedOption
from simulator.domain.plans import FleetPlan, OptionPlan, Plan, PlanFault
from simulator.domain.scenario import Scenario
from simulator.domain.workload import Workload

_FLEET_LINES = (
    "rent", "variable", "overflow", "batch overflow", "escalated", "rejected", "API until live", "API after the life",
    "one_off",
)  # fmt: skip


def make_plan(scenario: Scenario, known: Mapping[str, OptionPlan] | None = None) -> Plan:
    """Look up everything a scenario refers to. Faults are collected by option, never raised.

    Options that are `known` are taken as they are, without the figures they stand on.
    """
    notes = Notes()
    options: dict[str, OptionPlan] = {}
    for name in scenario.planned:  # what others only hand on to is planned with them, for what comes that way
        if known and name in known:
            options[name] = known[name]
            continue
        option = scenario.options[name]
        seen = reaching(scenario, option)
        at_start = option
        if isinstance(option, SelfHostedOption):
            at_start = option_on(option, scenario.horizon.start)
        overheads = overheads_of(seen, name, at_start, notes)
        planned: OptionPlan | None
        if isinstance(option, ApiOption):
            planned = plan_api(seen, name, option, overheads, notes)
        elif isinstance(option, RoutedOption):
            planned = plan_routed(seen, name, option, overheads, notes)
        else:
            planned = plan_over_time(seen, name, option, overheads, notes)
            planned = planned and beyond_edge(scenario, option, planned)
        shortfalls = _shortfalls(scenario, name)
        if shortfalls:
            notes.faults.setdefault(name, []).extend(shortfalls)
        if planned is not None and name not in notes.faults:
            beside = _beside(_extras(seen.workload), planned)
            options[name] = replace(planned, per_request_usd={**beside, **planned.per_request_usd})
    for name in scenario.options:
        target = scenario.overflow_target(name)
        if name in options and target is not None and target not in options:
            # The overflow can't be priced; what is wrong is told at the API's own keys.
            del options[name]
    return Plan(
        scenario=scenario,
        options=options,
        faults={name: tuple(faults) for name, faults in notes.faults.items()},
        figures=tuple(notes.figures),
        warnings=tuple(dict.fromkeys(notes.warnings)),
    )


def _beside(extras: Mapping[str, float], planned: OptionPlan) -> dict[str, float]:
    """What a request takes beside the model; what has the name of another line of the option is called apart."""
    own = {*_FLEET_LINES, *API_LINES, *planned.overheads.line_names}
    own |= set(planned.rent_lines) if isinstance(planned, FleetPlan) else set()
    return {f"{name} of requests" if name in own else name: usd for name, usd in extras.items()}


def _shortfalls(scenario: Scenario, name: str) -> list[PlanFault]:
    """Why an option, or one that it hands requests on to, does not meet the scenario's requirements."""
    option = scenario.options[name]
    own = scenario.requirements.shortfall(option)
    if own is not None:
        return [PlanFault(f"options.{name}.{own[0]}", own[1], infeasible=True, is_requirement=True)]
    handed_on: dict[str, str] = {}
    if isinstance(option, RoutedOption):
        handed_on = {f"routes.{target}": target for target in option.routes}
    elif isinstance(option, ApiOption) and option.fallback is not None and option.fallback.share > 0:
        handed_on = {"fallback.option": option.fallback.option}
    overflow = scenario.overflow_target(name)
    if overflow is not None:
        handed_on = {"overflow": overflow}
    escalation = scenario.escalation_target(name)
    if escalation is not None and escalation != overflow:
        handed_on["escalation.option"] = escalation
    faults = []
    for key, target in handed_on.items():
        shortfall = scenario.requirements.shortfall(scenario.options[target])
        if shortfall is not None:
            text = f"goes to '{target}', whose {shortfall[0]} {shortfall[1]}"
            faults.append(PlanFault(f"options.{name}.{key}", text, infeasible=True, is_requirement=True))
    return faults


def _extras(workload: Workload) -> dict[str, float]:
    """What a mean request takes beside the model, whatever the option, by line. [USD per request]"""
    usd: dict[str, float] = {}
    for request in workload.values():
        taken = {
            name: extra.usd_each * extra.per_request * (1.0 if extra.requests == "all" else request.unanswered_share)
            for name, extra in request.extras.items()
        }
        if request.response_cache is not None:
            taken["response cache"] = request.response_cache.usd_per_lookup
        if request.prompt_compression is not None:
            taken["prompt compression"] = request.prompt_compression.usd_per_request * request.unanswered_share
        for name, each in taken.items():
            if each > 0:
                usd[name] = usd.get(name, 0.0) + request.share * each
    return usd
