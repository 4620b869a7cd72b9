"""What of a fleet is not for ever: which hardware serves when, and how its rates move; as text, numbers and marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.options import SelfHostedOption
from simulator.domain.owned_costs import capital_cash
from simulator.domain.plans import FleetPlan
from simulator.domain.rates_over_time import RateCourse
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.presentation.numbers import distinct, number, whole_usd
from simulator.simulation.ledger import settled, settled_fleet
from simulator.simulation.results import Ledger
from simulator.solving.study import Study

_MOST_TOLD = 4  # moves of a rate that are told one by one


@dataclass(frozen=True)
class Mark:
    """Something that changes with a step."""

    step: int
    text: str
    of_hardware: bool = True


def over_time_lines(study: Study, name: str) -> list[str]:
    """When which hardware of a fleet serves, and how its rates move, a line for each thing."""
    fleet, option = study.plan.options[name], study.plan.scenario.options[name]
    if not isinstance(fleet, FleetPlan) or not isinstance(option, SelfHostedOption):
        return []
    start = study.plan.scenario.horizon.start_utc
    lines = _rate_lines(fleet, start)
    for stage in fleet.stages:
        usd_per_gpu_hour = stage.fleet.usd_per_replica_hour / stage.fleet.gpus_paid_per_replica
        text = f"from {stage.day} on {_count(study, stage.fleet)}{stage.fleet.label} at "
        text += f"{number(usd_per_gpu_hour)} USD per GPU and hour"
        if stage.overlap_hours > 0:
            text += f", paid beside the fleet before for {number(stage.overlap_hours / 168.0)} weeks"
        move_usd = sum(stage.one_off_usd.values())
        lines.append(text + (f"; the move costs {whole_usd(move_usd)}" if move_usd > 0 else ""))
        lines += _rate_lines(stage.fleet, start)
    end = start + timedelta(seconds=study.plan.scenario.horizon.duration_s)
    for change in option.hardware_changes:
        begins = datetime.combine(change.effective_from, time(), start.tzinfo)
        if begins <= start:
            lines.append(f"the hardware of {change.effective_from} is there from the start")
        elif begins >= end:
            lines.append(f"the hardware of {change.effective_from} comes after the end of the horizon")
    return [f"{name}: {line}" for line in [*lines, *_presence(study, fleet)]]


def _count(study: Study, fleet: FleetPlan) -> str:
    """How many replicas a fixed fleet of later hardware has; empty where they follow the load."""
    policy = settled_fleet(study.plan, fleet).autoscaling if isinstance(fleet.autoscaling, FixedFleet) else None
    if not isinstance(policy, FixedFleet) or not isinstance(policy.count, int):
        return ""
    return f"{number(policy.count)} {'replica' if policy.count == 1 else 'replicas'} of "


def hardware_moves(study: Study, name: str) -> bool:
    """Whether not one and the same hardware of an option is there from the start to the end."""
    fleet = study.plan.options[name]
    if not isinstance(fleet, FleetPlan):
        return False
    hours = study.plan.scenario.horizon.duration_s / SECONDS_PER_HOUR
    return bool(fleet.stages) or (fleet.owned is not None and not fleet.owned.is_there_until(hours))


def _presence(study: Study, fleet: FleetPlan) -> list[str]:
    """That own hardware comes later than the start, or goes earlier than the end."""
    owned, horizon = fleet.owned, study.plan.scenario.horizon
    if owned is None:
        return []
    lines = []
    if owned.delivered_at_hour > 0:
        day = horizon.start_utc + timedelta(hours=owned.delivered_at_hour)
        lines.append(
            f"the nodes serve from {day:%Y-%m-%d} on and cost nothing before; until then {fleet.overflow_to} answers"
        )
    if owned.ends_at_hour < horizon.duration_s / SECONDS_PER_HOUR - 1e-6:
        day = horizon.start_utc + timedelta(hours=owned.ends_at_hour)
        lines.append(f"the nodes serve until {day:%Y-%m-%d}, from then on {fleet.overflow_to} answers")
    return lines


def _courses(fleet: FleetPlan) -> dict[str, RateCourse]:
    """The rates of a fleet that move, by what they are of."""
    base = None if fleet.reserved is None else fleet.reserved.course
    courses = {"rent": fleet.rent_course, "spot": fleet.spot_course, "reserved base": base}
    courses |= {f"rent, {site.name}": site.course for site in fleet.sites}
    return {what: course for what, course in courses.items() if course is not None}


def _rate_lines(fleet: FleetPlan, start: datetime) -> list[str]:
    lines = []
    for what, course in _courses(fleet).items():
        if len(course.usd_per_hour) == 1:
            continue  # a stage whose rate fell before it began, and stays
        rates = [usd / fleet.gpus_paid_per_replica for usd in course.usd_per_hour]
        texts = distinct(rates)
        days = [_day(hour, start) for hour in course.from_hours]
        first, *later = zip(texts[1:], days[1:], strict=True)
        if len(later) >= _MOST_TOLD:
            moves, last_day = len(texts) - 1, days[-1]
            told = f"{texts[0]} -> {texts[-1]} USD per GPU and hour in {moves} steps from {days[1]} to {last_day}"
        else:
            told = f"{texts[0]} -> {first[0]} USD per GPU and hour from {first[1]} on"
            told += "".join(f", {usd} from {day} on" for usd, day in later)
        lines.append(f"{what} {told}")
    return lines


def _day(hour: float, start: datetime) -> str:
    when = start + timedelta(hours=hour)
    return f"{when:%Y-%m-%d}" if when.hour == when.minute == 0 else f"{when:%Y-%m-%d %H:%M}"


def over_time_content(study: Study, name: str) -> dict[str, Any]:
    """The same as numbers; empty where nothing changes over the horizon."""
    fleet, horizon = study.plan.options[name], study.plan.scenario.horizon
    if not isinstance(fleet, FleetPlan):
        return {}
    content: dict[str, Any] = {}
    if fleet.moves_over_time:
        content["fleets"] = [
            _fleet_content(one, day, move, overlap_hours, horizon.start_utc)
            for one, day, move, overlap_hours in [
                (fleet, horizon.start, 0.0, 0.0),
                *((s.fleet, s.day, sum(s.one_off_usd.values()), s.overlap_hours) for s in fleet.stages),
            ]
        ]
    bought = settled(study.plan, name)  # with as many nodes as were found
    owned = bought.owned if isinstance(bought, FleetPlan) else None
    if owned is not None:
        hours = horizon.duration_s / SECONDS_PER_HOUR
        cash = capital_cash(owned, horizon.bill_months, hours)
        content["cash_by_month_usd"] = {
            f"{horizon.month_start_utc(month):%Y-%m-%d}": {
                "purchases": float(cash.purchases_usd[month]),
                "sales": float(cash.sales_usd[month]),
            }
            for month in range(horizon.bill_months)
        }
        content["book_value_left_usd"] = cash.value_left_usd
        if not owned.is_there_until(hours):
            content["serves_from_hour"] = max(owned.delivered_at_hour, 0.0)
            content["serves_until_hour"] = min(owned.ends_at_hour, hours)
    return content


def _fleet_content(
    fleet: FleetPlan, day: date, move_usd: float, overlap_hours: float, start: datetime
) -> dict[str, Any]:
    return {
        "from": f"{day}",
        "hardware": fleet.label,
        "move_usd": move_usd,
        "overlap_hours": overlap_hours,
        "usd_per_gpu_hour": {
            what: [
                {"from": _day(hour, start), "usd_per_gpu_hour": usd / fleet.gpus_paid_per_replica}
                for hour, usd in zip(course.from_hours, course.usd_per_hour, strict=True)
            ]
            for what, course in _courses(fleet).items()
        },
    }


def hardware_by_step(ledger: Ledger) -> list[str] | None:
    """Which hardware serves in each step, nothing where none does; None where it is the same all the time."""
    if not ledger.hardware_changes:
        return None
    labels = [""] * ledger.arriving_tokens.size
    for stage in ledger.stages:
        if stage.serves:
            labels[stage.first_step : stage.until_step] = [stage.label] * (stage.until_step - stage.first_step)
    return labels


def marks_of(ledgers: Sequence[Ledger]) -> list[Mark]:
    """What changes within the horizons of fleets, in the order of time."""
    marks = []
    for ledger in ledgers:
        whose = f"{ledger.option}: " if len(ledgers) > 1 else ""
        steps = ledger.arriving_tokens.size
        begun = set()
        for stage in ledger.stages:
            if not stage.serves:
                marks.append(Mark(stage.first_step, f"{whose}{stage.label} paid beside"))
            elif stage.first_step > 0:
                marks.append(Mark(stage.first_step, f"{whose}{stage.label}"))
                begun.add(stage.first_step)
        ends = [stage.until_step for stage in ledger.stages if stage.serves]
        if ends and max(ends) < steps:
            marks.append(Mark(max(ends), f"{whose}no hardware any more"))
        rent = ledger.usd_per_replica_hour
        if rent is not None:
            for step in (np.flatnonzero(np.diff(rent)) + 1).tolist():
                if step not in begun:
                    before, after = distinct([float(rent[step - 1]), float(rent[step])])
                    marks.append(Mark(step, f"{whose}rent {before} -> {after} USD an hour a replica", False))
    return sorted(marks, key=lambda mark: mark.step)
