"""A scenario with every reference looked up: options as plain numbers, the figures they stand on, and what is wrong."""

from __future__ import annotations

from dataclasses import replace

from simulator.catalogue import operations
from simulator.catalogue.api_planning import plan_api, plan_routed
from simulator.catalogue.fleet_planning import plan_fleet
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption, ApiUpkeep, RoutedOption
from simulator.domain.overheads import Overheads, Staff
from simulator.domain.people import Engineers, PeopleAndFixed
from simulator.domain.plans import OptionPlan, Plan, PlanFault
from simulator.domain.scenario import Scenario
from simulator.domain.units import MONTHS_PER_YEAR, WEEKS_PER_YEAR
from simulator.domain.workload import Workload


def make_plan(scenario: Scenario) -> Plan:
    """Look up everything a scenario refers to. Faults are collected by option, never raised."""
    notes = Notes()
    options: dict[str, OptionPlan] = {}
    extras = _extras(scenario.workload)
    for name, option in scenario.options.items():
        overheads = _overheads(name, option, notes)
        planned: OptionPlan | None
        if isinstance(option, ApiOption):
            planned = plan_api(scenario, name, option, overheads, notes)
        elif isinstance(option, RoutedOption):
            planned = plan_routed(scenario, name, option, overheads, notes)
        else:
            planned = plan_fleet(scenario, name, option, overheads, notes)
        shortfalls = _shortfalls(scenario, name)
        if shortfalls:
            notes.faults.setdefault(name, []).extend(shortfalls)
        if planned is not None and name not in notes.faults:
            options[name] = replace(planned, per_request_usd={**extras, **planned.per_request_usd})
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


def _overheads(name: str, option: PeopleAndFixed, notes: Notes) -> Overheads:
    staff = Staff() if option.engineers is None else _staff(name, option.engineers, notes)
    monthly, one_off = dict(option.monthly_fixed_usd), dict(option.one_off_usd)
    upkeep = option.upkeep if isinstance(option, ApiOption) else None
    if upkeep is not None:
        people, once = _upkeep(name, upkeep, notes)
        monthly, one_off = {**monthly, **people}, {**one_off, **once}
    return Overheads(staff, monthly, one_off)


def _upkeep(name: str, upkeep: ApiUpkeep, notes: Notes) -> tuple[dict[str, float], dict[str, float]]:
    """What an API takes every month, and once, by name. [USD]"""
    monthly = {"gateway": upkeep.gateway_usd_per_month}
    once: dict[str, float] = {}
    persons = {"prompt upkeep": upkeep.prompt_upkeep_persons, "drift monitoring": upkeep.drift_monitoring_persons}
    if upkeep.integration_person_weeks > 0 or any(persons.values()):
        usd_per_year = _usd_per_person_year(name, upkeep.usd_per_person_year, notes)
        monthly |= {what: number * usd_per_year / MONTHS_PER_YEAR for what, number in persons.items()}
        once["integration"] = upkeep.integration_person_weeks * usd_per_year / WEEKS_PER_YEAR
    return {what: usd for what, usd in monthly.items() if usd > 0}, {what: usd for what, usd in once.items() if usd > 0}


def _staff(name: str, engineers: Engineers, notes: Notes) -> Staff:
    usd_per_year = _usd_per_person_year(name, engineers.usd_per_person_year, notes)
    return Staff(engineers.base_persons, engineers.gpus_per_person, engineers.whole_persons, usd_per_year)


def _usd_per_person_year(name: str, given: float | None, notes: Notes) -> float:
    """Loaded cost of a person, as given or as in the catalogue. [USD per year]"""
    usd_per_year = given
    if usd_per_year is None:
        facts = operations.operations()
        usd_per_year = facts.engineer_usd_per_year
        for what, figure in (
            ("engineer's salary a year", facts.engineer_salary_usd_per_year),
            ("loaded cost over salary", facts.loaded_multiplier),
        ):
            notes.use(name, what, f"{figure.value:g}", figure.source, figure.as_of, figure.unverified)
    return usd_per_year
