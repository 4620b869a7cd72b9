"""A scenario with every reference looked up: options as plain numbers, the figures they stand on, and what is wrong."""

from __future__ import annotations

from simulator.catalogue import operations
from simulator.catalogue.api_planning import plan_api
from simulator.catalogue.fleet_planning import plan_fleet
from simulator.catalogue.notes import Notes
from simulator.domain.options import ApiOption, Engineers, PeopleAndFixed
from simulator.domain.plans import OptionPlan, Overheads, Plan, Staff
from simulator.domain.scenario import Scenario


def make_plan(scenario: Scenario) -> Plan:
    """Look up everything a scenario refers to. Faults are collected by option, never raised."""
    notes = Notes()
    options: dict[str, OptionPlan] = {}
    for name, option in scenario.options.items():
        overheads = _overheads(name, option, notes)
        planned: OptionPlan | None
        if isinstance(option, ApiOption):
            planned = plan_api(scenario, name, option, overheads, notes)
        else:
            planned = plan_fleet(scenario, name, option, overheads, notes)
        if planned is not None and name not in notes.faults:
            options[name] = planned
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


def _overheads(name: str, option: PeopleAndFixed, notes: Notes) -> Overheads:
    staff = Staff() if option.engineers is None else _staff(name, option.engineers, notes)
    return Overheads(staff, dict(option.monthly_fixed_usd), dict(option.one_off_usd))


def _staff(name: str, engineers: Engineers, notes: Notes) -> Staff:
    usd_per_year = engineers.usd_per_person_year
    if usd_per_year is None:
        facts = operations.operations()
        usd_per_year = facts.engineer_usd_per_year
        for what, figure in (
            ("engineer's salary a year", facts.engineer_salary_usd_per_year),
            ("loaded cost over salary", facts.loaded_multiplier),
        ):
            notes.use(name, what, f"{figure.value:g}", figure.source, figure.as_of, figure.unverified)
    return Staff(engineers.base_persons, engineers.gpus_per_person, engineers.whole_persons, usd_per_year)
