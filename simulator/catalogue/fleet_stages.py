"""A self-hosted option planned over the horizon: the fleet at its start, and those that take its place at a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from simulator.catalogue.fleet_planning import plan_fleet
from simulator.catalogue.notes import Notes
from simulator.catalogue.operating_planning import with_whole_machines
from simulator.catalogue.rent_courses import Rented
from simulator.domain.hardware_changes import changed_options
from simulator.domain.options import SelfHostedOption
from simulator.domain.overheads import Overheads
from simulator.domain.plans import FleetPlan, FleetStage, PlanFault
from simulator.domain.scenario import Scenario
from simulator.domain.units import HOURS_PER_DAY


def plan_over_time(
    scenario: Scenario, name: str, option: SelfHostedOption, overheads: Overheads, notes: Notes
) -> FleetPlan | None:
    """The fleet of the horizon's first day as plain numbers, with its later stages; None where something is wrong.

    A change of the hardware up to the start holds from the start, one after the end never; all of them are looked up,
    so that every fault is told. The move is paid where its day lies in the horizon.
    """
    horizon = scenario.horizon
    days = [change.effective_from for change in option.hardware_changes]
    at_start = sum(day <= horizon.start for day in days)
    fleets = _looked_up(scenario, name, option, overheads, notes, at_start)
    first = fleets[at_start]
    if first is None or name in notes.faults:
        return None
    stages = []
    for change, fleet in zip(option.hardware_changes, fleets[1:], strict=True):
        day = change.effective_from
        if day == horizon.start:
            first = replace(first, overheads=_with_move(first.overheads, change.one_off_usd))
        elif day > horizon.start and fleet is not None:
            begins_hour = Rented.of(horizon, day).begins_hour
            overlap_hours = 7.0 * HOURS_PER_DAY * change.overlap_weeks
            stages.append(FleetStage(day, begins_hour, fleet, dict(change.one_off_usd), overlap_hours))
    return replace(first, stages=tuple(stages)) if stages else first


def _looked_up(
    scenario: Scenario, name: str, option: SelfHostedOption, overheads: Overheads, notes: Notes, at_start: int
) -> list[FleetPlan | None]:
    """The fleet before any change and that of each; None where it never serves, or a fault was noted."""
    horizon = scenario.horizon
    days = [None, *(change.effective_from for change in option.hardware_changes), None]
    fleets: list[FleetPlan | None] = []
    told: set[tuple[str, str]] = set()
    for place, laid_out in enumerate((option, *changed_options(option))):
        day = days[place]
        is_used = place >= at_start and (day is None or not Rented.of(horizon).ends_before(day))
        own = notes if place == at_start == 0 else Notes()
        rented = Rented.of(horizon, day, days[place + 1])
        planned = _fleet_of_day(scenario, name, laid_out, overheads, own, rented)
        fleets.append(planned if is_used else None)
        new = [fault for fault in own.faults.get(name, []) if (fault.key, fault.text) not in told]
        told |= {(fault.key, fault.text) for fault in new}
        if own is not notes:
            _take_over(notes, own, name, new, place, None if place <= at_start else day, is_used=is_used)
    return fleets


def _fleet_of_day(
    scenario: Scenario, name: str, option: SelfHostedOption, overheads: Overheads, notes: Notes, rented: Rented
) -> FleetPlan | None:
    """The fleet at the prices of its first day in the horizon."""
    horizon = scenario.horizon
    of_day = scenario
    if rented.day > horizon.start:
        of_day = scenario.model_copy(update={"horizon": horizon.model_copy(update={"start": rented.day})})
    planned = plan_fleet(of_day, name, option, overheads, notes, rented)
    return planned and with_whole_machines(of_day, option, planned)


def _take_over(
    notes: Notes, own: Notes, name: str, faults: list[PlanFault], place: int, day: date | None, *, is_used: bool
) -> None:
    """Note what came up for one of the fleets: faults of a change at its keys, figures with the day they are of."""
    prefix, path = f"options.{name}.", f"options.{name}.hardware_changes[{place - 1}]."
    for fault in faults:
        key = fault.key if place == 0 else path + fault.key.removeprefix(prefix)
        notes.faults.setdefault(name, []).append(replace(fault, key=key))
    if not is_used:
        return
    for figure in own.figures:
        if day is None or figure not in notes.figures:
            notes.figures[figure if day is None else replace(figure, what=f"{figure.what}, from {day} on")] = None
    notes.warnings += [text for text in own.warnings if text not in notes.warnings]


def _with_move(overheads: Overheads, one_off_usd: dict[str, float]) -> Overheads:
    """Overheads with the cost of a move on the first day."""
    together = dict(overheads.one_off_usd)
    for key, usd in one_off_usd.items():
        together[key] = together.get(key, 0.0) + usd
    return replace(overheads, one_off_usd=together) if one_off_usd else overheads
