"""Fleets one after the other: which one serves which steps of the horizon, and which are paid beside it.

A day within a step counts from the next whole step on, the end of a life from the start of its step. Every fleet
starts as one does before the start of a horizon: warm, in the size that its first step wants, without a queue. What
still waits when another takes over leaves as overflow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from simulator.domain.owning import OwnedFigures
from simulator.domain.plans import Array, FleetPlan
from simulator.domain.rates_over_time import RateCourse
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.simulation.demand import Demand, Steps
from simulator.simulation.results import Stage

_UNITS_OF_ROUNDING = 1e-9  # of a step


@dataclass(frozen=True)
class Span:
    """A fleet over the steps from `first_step` to before `until_step`; what is only paid serves nothing."""

    fleet: FleetPlan
    first_step: int
    until_step: int
    serves: bool = True

    @property
    def steps(self) -> slice:
        """Its steps, as an index of arrays over the horizon."""
        return slice(self.first_step, self.until_step)


def first_whole_step(hours: float, demand: Demand) -> int:
    """First step that begins at a moment or later, at most the number of steps."""
    step = math.ceil(hours * SECONDS_PER_HOUR / demand.step_s - _UNITS_OF_ROUNDING)
    return min(max(step, 0), demand.steps)


def owned_steps(owned: OwnedFigures | None, demand: Demand) -> tuple[int, int]:
    """First step that hardware of one's own serves, and the one after the last; all of them where it is rented."""
    if owned is None:
        return 0, demand.steps
    first = first_whole_step(owned.delivered_at_hour, demand)
    last = owned.ends_at_hour * SECONDS_PER_HOUR / demand.step_s + _UNITS_OF_ROUNDING
    return first, demand.steps if last >= demand.steps else max(math.floor(last), first)


def spans_of(option: FleetPlan, demand: Demand) -> list[Span]:
    """The fleets of an option over the horizon, in the order of time: those that serve, and what overlaps them.

    A fleet that takes the place of its like goes on.
    """
    first, until = owned_steps(option.owned, demand)
    begins = [first, *(first_whole_step(stage.from_hour, demand) for stage in option.stages), until]
    spans: list[Span] = []
    for fleet, begin, end in zip(
        (_alone(option), *(stage.fleet for stage in option.stages)), begins[:-1], begins[1:], strict=True
    ):
        if end <= begin:
            continue
        if spans and _is_like(spans[-1].fleet, fleet) and spans[-1].until_step == begin:
            spans[-1] = dataclasses.replace(spans[-1], until_step=end)
        else:
            spans.append(Span(fleet, begin, end))
    return spans + _overlaps(option, demand)


def _overlaps(option: FleetPlan, demand: Demand) -> list[Span]:
    """What is paid of later fleets before they take over."""
    spans = []
    for stage in option.stages:
        begin = first_whole_step(stage.from_hour - stage.overlap_hours, demand)
        end = first_whole_step(stage.from_hour, demand)
        if end > begin:
            spans.append(Span(stage.fleet, begin, end, serves=False))
    return spans


def _alone(option: FleetPlan) -> FleetPlan:
    return dataclasses.replace(option, stages=()) if option.stages else option


def _is_like(one: FleetPlan, other: FleetPlan) -> bool:
    """Whether two fleets serve and cost the same; the move to the first is in its overheads.

    What APIs take of their requests is no matter of the hardware, and the same for both.
    """
    waiting, of_other = one.deferred, other.deferred
    if waiting is not None and of_other is not None:
        waiting = dataclasses.replace(
            waiting,
            interactive_overflow=of_other.interactive_overflow,
            overflow=of_other.overflow,
            escalated=of_other.escalated,
        )
    alike = dataclasses.replace(
        one,
        overheads=other.overheads,
        escalated_to=other.escalated_to,
        overflow_plan=other.overflow_plan,
        deferred=waiting,
    )
    return alike == other


def rate_blocks(courses: Sequence[RateCourse | None], part: Demand) -> Steps | None:
    """First steps after blocks of one rate each, bill months among them; None: no rate moves in this part.

    A step in which a rate moves is a block by itself, at the mean rate of its time.
    """
    ends = set(part.bill_ends.tolist())
    months = len(ends)
    for course in courses:
        for hour in () if course is None else course.from_hours[1:]:
            place = hour * SECONDS_PER_HOUR / part.step_s - part.first_step
            near = round(place)
            cuts = (near,) if abs(place - near) <= _UNITS_OF_ROUNDING else (math.floor(place), math.ceil(place))
            ends |= {cut for cut in cuts if 0 < cut < part.steps}
    is_moved = any(course is not None for course in courses)
    return np.array(sorted(ends), dtype=np.int64) if is_moved or len(ends) > months else None


def block_edges_hours(part: Demand, ends: Steps) -> Array:
    """Moments between blocks of steps. [h from the start of the horizon]"""
    steps = part.first_step + np.concatenate(([0], ends))
    return np.asarray(steps * (part.step_s / SECONDS_PER_HOUR), dtype=np.float64)


def rounded_days(option: FleetPlan, demand: Demand) -> list[str]:
    """Days of an option that lie within a step, and from when they count, in words."""
    moments = [(f"the hardware of {stage.day}", stage.from_hour) for stage in option.stages]
    notes = []
    if option.owned is not None and option.owned.delivered_at_hour > 0:
        moments.append(("what is delivered", option.owned.delivered_at_hour))
    for what, hour in moments:
        step = first_whole_step(hour, demand)
        at_hour = step * demand.step_s / SECONDS_PER_HOUR
        if step < demand.steps and abs(at_hour - hour) > _UNITS_OF_ROUNDING * demand.step_s:
            when = demand.horizon.start_utc + timedelta(hours=at_hour)
            notes.append(f"{option.name}: {what} serves from {when:%Y-%m-%d %H:%M:%S} UTC on, the next whole step")
    return notes


def stages_of(spans: Sequence[Span]) -> tuple[Stage, ...]:
    """The spans as a ledger shows them, in the order of time."""
    stages = [Stage(span.fleet.label, span.first_step, span.until_step, span.serves) for span in spans]
    return tuple(sorted(stages, key=lambda stage: (stage.first_step, stage.serves)))


def moves_by_month(option: FleetPlan, demand: Demand) -> Array | None:
    """What the changes of the hardware cost once, in the bill months of their days; shape (months,). [USD]"""
    if not option.stages:
        return None
    usd = np.zeros(demand.months.size)
    for stage in option.stages:
        step = first_whole_step(stage.from_hour, demand)
        if step < demand.steps:
            usd[int(np.searchsorted(demand.month_ends, step, side="right"))] += sum(stage.one_off_usd.values())
    return usd
