"""A fleet over the horizon at one volume: every stage served on its part of the demand, and what they cost by month."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.domain.power import energy_kwh
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.simulation.deferred_terms import DeferredRecord
from simulator.simulation.demand import Demand
from simulator.simulation.energy import busy_replica_hours, carbon_kg
from simulator.simulation.fleet import FleetRun, StepRecord, rounded_durations, serve
from simulator.simulation.fleet_lines import paid_lines, paid_lines_over_time
from simulator.simulation.shared_costs import fixed_lines
from simulator.simulation.stages import Span, block_edges_hours, rate_blocks, rounded_days, spans_of
from simulator.simulation.step_waits import mean_waits_s

_RECORDED = tuple(field.name for field in dataclasses.fields(StepRecord))


@dataclass(frozen=True)
class FleetOverTime:
    """What the fleets of an option did over the horizon, and what they cost.

    Attributes
    ----------
    record : StepRecord
        Of the fleet that serves in each step, but `billed_replicas` of all that are paid. What waits when another
        takes over is overflow of the step before. Arrays of shape (steps,).
    queued_requests : float
        What still waits at the end of the horizon.
    requests_per_s_per_replica : float or array of shape (steps,)
        Of the fleet that serves; 0 where none does. [requests/s]
    billed_replica_hours, busy_requests : arrays of shape (months,)
        By bill month that holds a step; the requests are work served, as of those that do not wait.
    deferred : DeferredRecord or None
        Of what can wait; what still waits when another fleet takes over leaves in the step before.
    deferred_seconds_per_request : float or array of shape (steps,)
        Work of what can wait of a mean request, of the fleet that serves. [s]
    billed_requests : float or None
        Mean requests, with what can wait, that all that was paid could have served, where that is not one fleet's.
    lines : dict of arrays of shape (months,)
        Cost of the fleets themselves by line, of bill months that hold a step. [USD]
    usd_per_replica_hour : array of shape (steps,) or None
        Rent of the fleet that serves, where it moves; 0 where none does. [USD/h]
    energy : arrays of shape (months,), or None
        Energy of all that is paid, and its carbon, nan where the grid is not known; None where a draw is not. [kWh],
        [kg CO2e]
    mean_wait_s : array of shape (steps,) or None
        Of the requests of each step, 0 where no fleet serves; None where slots are not known. [s]
    spans : tuple of Span
        Which fleet serves, or is paid beside it, in which steps.
    """

    record: StepRecord
    queued_requests: float
    requests_per_s_per_replica: float | Array
    billed_replica_hours: Array
    busy_requests: Array
    deferred: DeferredRecord | None
    deferred_seconds_per_request: float | Array
    billed_requests: float | None
    lines: dict[str, Array]
    usd_per_replica_hour: Array | None
    energy: tuple[Array, Array] | None
    mean_wait_s: Array | None
    spans: tuple[Span, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Served:
    """A span whose fleet was run over its part of a demand; `lines` of the bill months that hold a step of it."""

    span: Span
    demand: Demand  # the whole
    part: Demand
    run: FleetRun
    lines: dict[str, Array]

    @property
    def record(self) -> StepRecord:
        """What happened in every step of the part."""
        return cast(StepRecord, self.run.record)

    @property
    def is_whole(self) -> bool:
        """Whether there is no step beside it."""
        return self.part.steps == self.demand.steps

    def by_month(self, per_block: Array) -> Array:
        """Sums by the bill months of the whole demand that hold a step, of what is by block; shape (months,)."""
        sums = np.add.reduceat(per_block[:, 0], self.run.month_starts)
        return self.in_months(sums)

    def in_months(self, per_month: Array) -> Array:
        """The months of the part among those of the whole demand."""
        if self.is_whole:
            return per_month
        result = np.zeros(int(self.demand.has_steps.sum()))
        result[self.part.has_steps[self.demand.has_steps]] = per_month
        return result


def fleet_over_time(
    option: FleetPlan, demand: Demand, requests_per_month: float, bases: Callable[[FleetPlan], FleetPlan]
) -> FleetOverTime:
    """Serve a demand, grown, with the fleets of an option one after the other.

    Parameters
    ----------
    option : FleetPlan
        The fleet of the first day, with its later stages.
    demand : Demand
        What reaches the fleet, over the whole horizon; nothing in steps that no fleet serves.
    requests_per_month : float
        Volume of month 0. [requests per month]
    bases : function
        A fleet with its reserved base, found where it is to be.
    """
    served = [_serve(span, demand, requests_per_month, bases) for span in spans_of(option, demand)]
    serving = [one for one in served if one.span.serves]
    is_one = len(served) == 1 and served[0].is_whole
    fleets = {id(one.span.fleet): one.span.fleet for one in served}.values()
    notes = [note for fleet in fleets for note in rounded_durations(fleet, demand.step_s)]
    last = serving[-1] if serving and serving[-1].span.until_step == demand.steps else None
    return FleetOverTime(
        record=served[0].record if is_one else _whole_record(served, demand),
        queued_requests=0.0 if last is None else float(last.run.queued_requests[0]),
        requests_per_s_per_replica=option.requests_per_s_per_replica if is_one else _of_serving(serving, demand, _pace),
        billed_replica_hours=_sum(served, "billed_replica_hours", demand),
        busy_requests=_sum(serving, "busy_requests", demand),
        deferred=None if option.deferred is None else _whole_deferred(serving, demand),
        deferred_seconds_per_request=_deferred_seconds(option)
        if is_one
        else _of_serving(serving, demand, _deferred_seconds),
        billed_requests=None if is_one else _billed_requests(served),
        lines=_lines(option, served, serving, demand),
        usd_per_replica_hour=_rent_by_step(serving, demand),
        energy=_energy(served, demand),
        mean_wait_s=_mean_wait_s(serving, demand),
        spans=tuple(one.span for one in served),
        warnings=tuple(dict.fromkeys([*notes, *rounded_days(option, demand)])),
    )


def _serve(span: Span, demand: Demand, requests_per_month: float, bases: Callable[[FleetPlan], FleetPlan]) -> _Served:
    fleet = bases(span.fleet)
    part = demand.between(span.first_step, span.until_step)
    base = None if fleet.reserved is None else fleet.reserved.course
    courses = (fleet.rent_course, fleet.spot_course, base, *(site.course for site in fleet.sites))
    ends = rate_blocks(courses, part)
    run = serve(fleet, part, np.array([requests_per_month]), grown=True, record=True, block_ends=ends)
    if ends is None:
        lines = {key: usd[:, 0] for key, usd in paid_lines(fleet, part, run).items()}
    else:
        by_block = paid_lines_over_time(fleet, part, run, block_edges_hours(part, ends))
        lines = {key: np.add.reduceat(usd, run.month_starts) for key, usd in by_block.items()}
    return _Served(span, demand, part, run, lines)


def _sum(served: Sequence[_Served], what: str, demand: Demand) -> Array:
    """Sum over spans of something that a run has by block; by bill month that holds a step."""
    return _total([one.by_month(getattr(one.run, what)) for one in served], demand)


def _total(arrays: Sequence[Array], demand: Demand) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    return np.sum([np.zeros(int(demand.has_steps.sum())), *arrays], axis=0)


def _lines(
    option: FleetPlan, served: Sequence[_Served], serving: Sequence[_Served], demand: Demand
) -> dict[str, Array]:
    keys = dict.fromkeys(key for one in served for key in one.lines)
    lines = {key: _total([one.in_months(one.lines[key]) for one in served if key in one.lines], demand) for key in keys}
    months = demand.months[demand.has_steps]
    gpus, nodes = _peaks(option, served, demand)
    requests = _sum(serving, "mean_requests", demand)[:, None]
    fixed = fixed_lines(option.overheads, months, gpus[:, None], requests, nodes)
    lines |= {key: usd[:, 0] for key, usd in fixed.items()}
    variable = [usd for one in serving if (usd := _variable_usd(one)) is not None]
    return {**lines, "variable": _total(variable, demand)} if variable else lines


def _variable_usd(one: _Served) -> Array | None:
    """What every token takes that the fleet of a span serves; None: nothing. Shape (months,)."""
    fleet, of_waiting = one.span.fleet, one.run.deferred
    if fleet.variable_usd_per_request <= 0:
        return None
    usd = one.by_month(one.run.served_requests) * fleet.variable_usd_per_request
    if fleet.deferred is not None and of_waiting is not None:
        usd = usd + one.by_month(of_waiting.served_requests) * fleet.deferred.variable_usd_per_request
    return usd


def _peaks(option: FleetPlan, served: Sequence[_Served], demand: Demand) -> tuple[Array, dict[str, Array] | None]:
    """GPUs of each bill month's peak, of all fleets that are paid at a time, and machines by the cost they are for.

    Shapes (months,) and (months, 1); None: machines follow from the GPUs.
    """
    if len(served) == 1 and served[0].is_whole:
        run = served[0].run
        peaks = np.maximum.reduceat(run.peak_billed_replicas[:, 0], run.month_starts)
        return peaks * served[0].span.fleet.gpus_paid_per_replica, None
    starts = np.concatenate(([0], demand.bill_ends[:-1]))
    gpus = np.zeros(demand.steps)
    of_cost = {key: np.zeros(demand.steps) for key in option.overheads.peak_costs}
    for one in served:
        fleet, steps = one.span.fleet, one.span.steps
        own = one.record.billed_replicas * fleet.gpus_paid_per_replica
        gpus[steps] += own
        for key, nodes in of_cost.items():
            nodes[steps] += fleet.overheads.peak_costs[key].nodes(own)
    by_month = {key: np.maximum.reduceat(nodes, starts)[:, None] for key, nodes in of_cost.items()}
    return np.maximum.reduceat(gpus, starts), by_month


def _whole_record(served: Sequence[_Served], demand: Demand) -> StepRecord:
    """The records of spans put together; what waits at the end of a span that is not the horizon's overflows."""
    arrays = {name: np.zeros(demand.steps) for name in _RECORDED}
    for one in served:
        steps = one.span.steps
        arrays["billed_replicas"][steps] += one.record.billed_replicas
        if not one.span.serves:
            continue
        for name in _RECORDED:
            if name != "billed_replicas":
                arrays[name][steps] = getattr(one.record, name)
        if one.span.until_step < demand.steps:
            last = one.span.until_step - 1
            arrays["overflow_requests"][last] += arrays["queued_requests"][last]
            arrays["queued_requests"][last] = 0.0
    return StepRecord(**arrays)


def _of_serving(serving: Sequence[_Served], demand: Demand, number: Callable[[FleetPlan], float]) -> Array:
    """A number of the fleet that serves, step by step; 0 where none does. Shape (steps,)."""
    result = np.zeros(demand.steps)
    for one in serving:
        result[one.span.steps] = number(one.span.fleet)
    return result


def _pace(fleet: FleetPlan) -> float:
    return fleet.requests_per_s_per_replica


def _deferred_seconds(fleet: FleetPlan) -> float:
    return 0.0 if fleet.deferred is None else fleet.deferred.seconds_per_request


def _whole_deferred(serving: Sequence[_Served], demand: Demand) -> DeferredRecord:
    """The records of what can wait put together; what waits at the end of a span that is not the horizon's leaves."""
    served, left, waiting = np.zeros(demand.steps), np.zeros(demand.steps), np.zeros(demand.steps)
    for one in serving:
        record = None if one.run.deferred is None else one.run.deferred.record
        if record is None:
            continue
        steps = one.span.steps
        served[steps], left[steps], waiting[steps] = (
            record.served_requests,
            record.left_requests,
            record.waiting_requests,
        )
        if one.span.until_step < demand.steps:
            last = one.span.until_step - 1
            left[last] += waiting[last]
            waiting[last] = 0.0
    return DeferredRecord(served, left, waiting)


def _billed_requests(served: Sequence[_Served]) -> float:
    return sum(
        float(one.run.billed_replica_hours.sum()) * SECONDS_PER_HOUR / one.span.fleet.whole_seconds_per_request
        for one in served
    )


def _energy(served: Sequence[_Served], demand: Demand) -> tuple[Array, Array] | None:
    """Energy and carbon of all fleets by bill month that holds a step; what is only paid stands idle."""
    months = int(demand.has_steps.sum())
    kwh, kg = np.zeros(months), np.zeros(months)
    for one in served:
        draw, fleet = one.span.fleet.draw, one.span.fleet
        if draw is None:
            return None
        busy = busy_replica_hours(fleet, one.by_month(one.run.busy_requests)) if one.span.serves else np.zeros(months)
        own_kwh = np.asarray(energy_kwh(draw, one.by_month(one.run.billed_replica_hours), busy))
        kwh, kg = kwh + own_kwh, kg + carbon_kg(draw, own_kwh)
    return kwh, kg


def _mean_wait_s(serving: Sequence[_Served], demand: Demand) -> Array | None:
    wait_s = np.zeros(demand.steps)
    for one in serving:
        of_part = mean_waits_s(one.span.fleet, one.record, one.part)
        if of_part is None:
            return None
        wait_s[one.span.steps] = of_part
    return wait_s


def _rent_by_step(serving: Sequence[_Served], demand: Demand) -> Array | None:
    fleets = [one.span.fleet for one in serving]
    if any(fleet.owned is not None for fleet in fleets):
        return None
    if len(fleets) < 2 and all(fleet.rent_course is None for fleet in fleets):
        return None
    rent = np.zeros(demand.steps)
    for one, fleet in zip(serving, fleets, strict=True):
        rent[one.span.steps] = (
            fleet.usd_per_replica_hour
            if fleet.rent_course is None
            else fleet.rent_course.between(one.part.edges_s / SECONDS_PER_HOUR)
        )
    return rent
