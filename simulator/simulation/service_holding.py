"""A plan held to its service level: options that miss it at the own volume are left out, or sized until they do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.plans import FleetPlan, OptionPlan, Plan, PlanFault, Sizing
from simulator.domain.sizing import is_sized
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.simulation.ledger import run_rate, settled_fleet
from simulator.simulation.service import fleet_service, service_of

LEVEL_KEY = "service_level"
_COUNT, _SPARE, _AIM, _LONGEST_WAIT = "autoscaling.count", "replicas.spare", "autoscaling.target_share", "max_wait_s"
_MOST_MORE = 1 << 14  # replicas beyond which no more are tried
_NOTCH_SHARE = 0.01  # steps in which the share aimed at is lowered
_LEAST_SHARE = 0.05


def held_to_level(plan: Plan, *, leave_out: bool = True, sizes: bool = True) -> Plan:
    """The plan with fleets sized and options left out as its service level asks.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    leave_out : bool
        Whether an option that misses the level is taken out of the plan; else only fleets are sized.
    sizes : bool
        Whether fleets are sized; else they are judged as they are.

    Returns
    -------
    Plan
        The same where there is no level.
    """
    level = plan.scenario.service_level
    if level is None or plan.sizings or plan.left_out:
        return plan
    options: dict[str, OptionPlan] = dict(plan.options)
    faults = dict(plan.faults)
    sizings = []
    missed: dict[str, str] = {}
    for name, option in plan.options.items():
        if sizes and isinstance(option, FleetPlan) and is_sized(plan.scenario.options[name], level):
            sized = _sized(plan, name, option)
            later = [_sized(plan, name, stage.fleet) for stage in option.stages]
            fleets = zip(option.stages, later, strict=True)
            stages = tuple(dataclasses.replace(stage, fleet=one.option) for stage, one in fleets)
            options[name] = dataclasses.replace(sized.option, stages=stages)
            sizings += [] if sized.sizing is None else [sized.sizing]
            for stage, one in zip(option.stages, later, strict=True):
                if one.sizing is not None:
                    sizings.append(dataclasses.replace(one.sizing, from_day=stage.day))
            misses = [sized.misses, *_from_days(option, [one.misses for one in later])]
            if any(misses):
                missed[name] = "; ".join(text for text in misses if text)
        elif leave_out:
            fleets_later = [stage.fleet for stage in option.stages] if isinstance(option, FleetPlan) else []
            misses = ["; ".join(service_of(plan, one).misses) for one in (option, *fleets_later)]
            if isinstance(option, FleetPlan):
                misses[1:] = _from_days(option, misses[1:])
            if any(misses):
                missed[name] = "; ".join(text for text in misses if text)
    left_out: dict[str, OptionPlan] = {}
    if leave_out:
        for name, option in options.items():
            target = option.overflow_to if isinstance(option, FleetPlan) else None
            if target is not None and target in missed and name not in missed:
                missed[name] = f"overflow goes to '{target}', which misses it: {missed[target]}"
        for name, text in missed.items():
            faults[name] = (*faults.get(name, ()), PlanFault(LEVEL_KEY, text, infeasible=True, is_requirement=True))
            left_out[name] = options.pop(name)
    return dataclasses.replace(plan, options=options, faults=faults, sizings=tuple(sizings), left_out=left_out)


def as_sized(plan: Plan, sizings: Sequence[Sizing]) -> Plan:
    """The plan with fleets changed as they were to meet the level in another plan of the same options."""
    if not sizings:
        return plan
    options: dict[str, OptionPlan] = dict(plan.options)
    for sizing in sizings:
        option = options.get(sizing.option)
        if not isinstance(option, FleetPlan):
            continue
        if sizing.from_day is None:
            options[sizing.option] = _with_number(option, sizing.key, sizing.after)
            continue
        stages = tuple(
            dataclasses.replace(stage, fleet=_with_number(stage.fleet, sizing.key, sizing.after))
            if stage.day == sizing.from_day
            else stage
            for stage in option.stages
        )
        options[sizing.option] = dataclasses.replace(option, stages=stages)
    return dataclasses.replace(plan, options=options)


def _with_number(fleet: FleetPlan, key: str, number: float) -> FleetPlan:
    """The fleet with another number at a key that sizing turns."""
    if key == _LONGEST_WAIT:
        return dataclasses.replace(fleet, max_wait_s=number)
    if key == _SPARE:
        return dataclasses.replace(fleet, replicas=fleet.replicas.model_copy(update={"spare": int(number)}))
    value = int(number) if key == _COUNT else number
    policy = fleet.autoscaling.model_copy(update={key.removeprefix("autoscaling."): value})
    return dataclasses.replace(fleet, autoscaling=policy)


def _from_days(option: FleetPlan, misses: list[str]) -> list[str]:
    """What later hardware misses, with the day from which it does."""
    return [text and f"from {stage.day} on {text}" for stage, text in zip(option.stages, misses, strict=True)]


@dataclass(frozen=True)
class _Sized:
    """A fleet, what was changed in it, and why it will not do whatever its size."""

    option: FleetPlan
    sizing: Sizing | None = None
    misses: str = ""


@dataclass(frozen=True)
class _Knob:
    """A number of a fleet that can be turned, at each notch to more replicas: the fleet there, and its number."""

    key: str
    notches: int
    fleet_at: Callable[[int], FleetPlan]
    number_at: Callable[[int], float]


def _sized(plan: Plan, name: str, option: FleetPlan) -> _Sized:
    """The fleet with the fewest more replicas with which it meets the level; with its misses where none will do.

    Of its knobs the one that costs least at the own volume.
    """
    as_planned, option = option, settled_fleet(plan, option)
    misses = service_of(plan, option).misses
    if not misses:
        return _Sized(as_planned)
    knobs = _knobs(plan, name, option)
    sooner = _handed_on_sooner(plan, as_planned, option)
    found = [] if sooner is None else [sooner]
    for knob in knobs:
        notch = _first_that_meets(plan, knob)
        if notch is not None:
            found.append(_turned(plan, option, knob, notch))
    if not found:
        most = f"{knobs[0].notches:,}" if knobs[0].notches else "any"
        return _Sized(option, misses=f"{'; '.join(misses)}; not even {most} more replicas would do")
    return min(found, key=lambda one: one.sizing.usd_per_month_after if one.sizing else 0.0)


def _handed_on_sooner(plan: Plan, as_planned: FleetPlan, option: FleetPlan) -> _Sized | None:
    """The fleet whose requests wait no longer than the target leaves, and then go to the API; None: that will not do.

    Where its base is to be found, it is found again, as more goes to the API.
    """
    level = plan.scenario.service_level
    if level is None or level.first_token_s is None or option.serving is None or option.overflow_to is None:
        return None
    longest_s = level.first_token_s - float(option.serving.first_token_at(1.0))
    if not 0.0 <= longest_s < option.max_wait_s:
        return None
    fleet = dataclasses.replace(as_planned, max_wait_s=longest_s)
    if service_of(plan, settled_fleet(plan, fleet)).misses:
        return None
    return _changed(plan, option, fleet, _LONGEST_WAIT, option.max_wait_s, longest_s)


def _first_that_meets(plan: Plan, knob: _Knob) -> int | None:
    """The first notch at which the level is met; the formula finds about where it is, the followed queue exactly."""
    fleets: dict[int, FleetPlan] = {}

    def misses(notch: int, *, by_formula: bool = False) -> bool:
        fleet = fleets.setdefault(notch, knob.fleet_at(notch))
        if by_formula:
            return bool(fleet_service(plan, fleet, plan.scenario.service_level, followed=False).misses)
        return bool(service_of(plan, fleet).misses)

    if knob.notches < 1 or misses(knob.notches, by_formula=True):
        return None
    low, high = 0, knob.notches
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if misses(middle, by_formula=True) else (low, middle)
    while misses(high):
        if high >= knob.notches:
            return None
        high = min(high + max(1, high // 8), knob.notches)
    while high > 1 and not misses(high - 1):
        high -= 1
    return high


def _turned(plan: Plan, option: FleetPlan, knob: _Knob, notch: int) -> _Sized:
    """The fleet at a notch, with what it costs there and as it was."""
    return _changed(plan, option, knob.fleet_at(notch), knob.key, knob.number_at(0), knob.number_at(notch))


def _changed(plan: Plan, option: FleetPlan, fleet: FleetPlan, key: str, before: float, after: float) -> _Sized:
    volume = np.array([plan.scenario.tokens_per_month])

    def usd_per_month(one: FleetPlan) -> float:
        alone = dataclasses.replace(plan, options={**plan.options, option.name: one})
        return float(run_rate(alone, option.name, volume).usd_per_month[0])

    sizing = Sizing(
        option=option.name,
        key=key,
        before=before,
        after=after,
        usd_per_month_before=usd_per_month(option),
        usd_per_month_after=usd_per_month(fleet),
    )
    return _Sized(fleet, sizing)


def _knobs(plan: Plan, name: str, option: FleetPlan) -> list[_Knob]:
    """What can be turned in a fleet: the count of a fixed one, else spare replicas and the share that it aims at."""
    policy, limits = option.autoscaling, option.replicas
    counted = isinstance(policy, FixedFleet) and isinstance(policy.count, int)
    first = policy.count if isinstance(policy, FixedFleet) and isinstance(policy.count, int) else limits.spare
    most = _enough(plan, name, option)
    if limits.maximum is not None:
        most = min(most, max(limits.maximum - first, 0))

    key = _COUNT if counted else _SPARE

    def with_more(more: int) -> FleetPlan:
        return _with_number(option, key, first + more)

    knobs = [_Knob(key, most, with_more, lambda more: float(first + more))]
    aim = getattr(policy, "target_share", None)
    if counted or aim is None:
        return knobs

    def share_at(notch: int) -> float:
        return round(aim - notch * _NOTCH_SHARE, 6)

    def aiming_at(notch: int) -> FleetPlan:
        return _with_number(option, _AIM, share_at(notch))

    notches = int((aim - _LEAST_SHARE) / _NOTCH_SHARE + 1e-9)
    return [*knobs, _Knob(_AIM, max(notches, 0), aiming_at, share_at)]


def _enough(plan: Plan, name: str, option: FleetPlan) -> int:
    """More replicas than any size needs: four times those at the peak, many times those of the mean, and some."""
    rate = run_rate(plan, name, np.array([plan.scenario.tokens_per_month]))
    mean_load = plan.requests_per_month * option.seconds_per_request / SECONDS_PER_MONTH
    return min(int(16 + 4 * float(rate.peak_replicas[0]) + 16 * mean_load), _MOST_MORE)
