"""A policy made ready for the kernel: its compiled decision and way of following, and every duration in steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulator.domain.autoscaling import (
    Change,
    FixedFleet,
    HorizontalPodAutoscaler,
    PerfectForesight,
    Predictive,
    QueueDepth,
    Recommending,
    ScaleToZero,
    Scheduled,
    TargetUtilization,
)
from simulator.domain.options import Replicas
from simulator.domain.plans import Array, FleetPlan
from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_HOUR
from simulator.simulation import follow, policies, rules_of_change
from simulator.simulation.demand import Demand
from simulator.simulation.schedule import scheduled_counts
from simulator.simulation.step_counts import cold_start_steps, whole_steps

_HOURS_PER_WEEK = 7 * HOURS_PER_DAY
_SELECTED = {
    "most": rules_of_change.SELECT_MOST,
    "least": rules_of_change.SELECT_LEAST,
    "none": rules_of_change.SELECT_NONE,
}


@dataclass(frozen=True)
class Decision:
    """A policy's compiled decision; a reaction below 0 looks ahead."""

    decide: Any
    parameters: Array
    memory_rows: int = 1
    reaction_steps: int = 0
    window_steps: int = 0  # beside this one
    keeps_limits: bool = False  # minimum and spare are the policy's own business


@dataclass(frozen=True)
class Steering:
    """What the kernel needs of a policy: the decision, how it is followed, and the memory of windows."""

    decision: Decision
    follow: Any
    numbers: Array
    counts: Array
    window_rows: int
    looks_ahead_steps: int = 0


@dataclass
class _Windows:
    """Sliding windows one behind the other: where each begins, and its steps. One row more is behind each."""

    counts: Array
    rows: int = 0
    sizes: dict[int, int] = field(default_factory=dict)

    def add(self, window: int, steps: int, behind: int = 1) -> None:
        self.counts[window : window + 3] = self.rows * follow.LANES, steps, 0
        self.rows += steps + behind if steps > 0 else 0


def steering(plan: FleetPlan, demand: Demand) -> Steering:
    """The policy of a plan for the steps of a demand."""
    policy, limits, step_s = plan.autoscaling, plan.replicas, demand.step_s
    decision = _decision(plan, demand)
    cold_steps, cold_fraction = cold_start_steps(plan, step_s)
    looks_ahead = isinstance(policy, PerfectForesight)
    recommends = isinstance(policy, Recommending)
    own = decision.keeps_limits
    numbers = np.zeros(rules_of_change.NUMBERS_SIZE)
    maximum = min(math.inf if limits.maximum is None else float(limits.maximum), 1e300)
    spare, minimum = float(limits.spare), float(limits.minimum)
    lowest = max(minimum - spare, 1.0)
    numbers[: follow.OWN_NUMBERS] = [
        float(limits.divisible),
        0.0 if own or recommends else spare,
        0.0 if own or recommends else minimum,
        float(limits.increment),
        maximum,
        0.0 if looks_ahead else _most_starts(limits),
        cold_fraction,
        lowest,
        max(maximum - spare, lowest),
        spare,
    ]
    counts = np.zeros(follow.COUNTS_SIZE, dtype=np.int64)
    counts[follow.EVALUATION_STEPS] = max(1, whole_steps(limits.evaluation_period_s, step_s))
    counts[follow.BILLED_FROM_READY] = int(plan.billing_from == "ready")
    counts[follow.SYNC_STEPS] = 1
    windows = _Windows(counts)
    windows.add(follow.WISHES, decision.window_steps + 1)
    windows.add(follow.STARTS, cold_steps + 1)
    windows.add(follow.HELD, 0 if looks_ahead else whole_steps(plan.minimum_up_s, step_s))
    way = follow.look_ahead if looks_ahead else follow.follow_wishes
    if isinstance(policy, Recommending):
        way = follow.follow_recommendations
        counts[follow.SYNC_STEPS] = max(1, whole_steps(policy.sync_period_s, step_s))
        windows.add(follow.RISES, whole_steps(policy.up.stabilisation_s, step_s) + 1)
        back = max(
            _lay_out_rules(change, policy.sync_period_s, step_s, direction, first, numbers, counts)
            for change, direction, first in (
                (policy.up, rules_of_change.UP, rules_of_change.RULES),
                (policy.down, rules_of_change.DOWN, rules_of_change.DOWN_RULES),
            )
        )
        windows.add(follow.HISTORY, back + 1 if back else 0, behind=0)
    return Steering(decision, way, numbers, counts, windows.rows, decision.window_steps if looks_ahead else 0)


def rounded_durations(plan: FleetPlan, step_s: float) -> tuple[str, ...]:
    """Which durations the step rounds up, in words; empty where none."""
    notes = []
    for key, value_s in _durations(plan, step_s).items():
        used_s = whole_steps(value_s, step_s) * step_s
        if abs(used_s - value_s) > 1e-6:
            notes.append(f"{plan.name}: {key} of {value_s:g} s counts as {used_s:g} s, whole steps")
    return tuple(notes)


def _durations(plan: FleetPlan, step_s: float) -> dict[str, float]:
    """Durations that count in whole steps, by key."""
    policy = plan.autoscaling
    found = {name: getattr(policy, name, None) for name in ("reaction_s", "stabilisation_s", "ordered_ahead_s")}
    # What is done more often than once a step is done in every one, and shorter rules compound.
    found |= {name: _if_longer(getattr(policy, name, None), step_s) for name in ("sync_period_s", "polling_interval_s")}
    if isinstance(policy, Recommending):
        for way, change in (("up", policy.up), ("down", policy.down)):
            found[f"{way}.stabilisation_s"] = change.stabilisation_s
            for number, rule in enumerate(change.rules):
                found[f"{way}.rules[{number}].period_s"] = _if_longer(rule.period_s, step_s)
    named = {f"autoscaling.{name}": value_s for name, value_s in found.items() if value_s is not None}
    if plan.replicas.max_starts:
        named["replicas.evaluation_period_s"] = plan.replicas.evaluation_period_s
    for key, period_s in {"rental": plan.billing_period_s, **_site_periods(plan)}.items():
        if period_s > step_s:
            named[f"{key}.billed_by"] = period_s
    return named | {"minimum_up_s": plan.minimum_up_s}


def _site_periods(plan: FleetPlan) -> dict[str, float]:
    return {f"sites.{site.name}": site.billing_period_s for site in plan.sites}


def _if_longer(duration_s: float | None, step_s: float) -> float | None:
    return duration_s if duration_s is not None and duration_s > step_s else None


def _most_starts(limits: Replicas) -> float:
    """Starts allowed in one evaluation, in whole increments, as machines are rented whole; 0: any."""
    if limits.max_starts is None:
        return 0.0
    return float(max(limits.max_starts // limits.increment, 1) * limits.increment)


def _lay_out_rules(
    change: Change, sync_period_s: float, step_s: float, direction: int, first: int, numbers: Array, counts: Array
) -> int:
    """Write the rules of a direction where the kernel finds them; returns how many steps they look back.

    Between two steps the autoscaler looks as often as it would within one, and a rule of a shorter period compounds.
    """
    looks = max(1, math.floor(step_s / sync_period_s + 1e-9))
    compounds = any(rule.period_s < step_s * (1 - 1e-9) for rule in change.rules)
    counts[direction : direction + 3] = _SELECTED[change.select], len(change.rules), looks if compounds else 1
    back = 0
    for nth, rule in enumerate(change.rules):
        is_long = rule.period_s >= step_s * (1 - 1e-9)
        steps = whole_steps(rule.period_s, step_s) if is_long else 0
        span = max(1, whole_steps(rule.period_s, step_s / looks))
        amount = float(rule.replicas) if rule.replicas is not None else float(rule.share or 0.0)
        place = first + nth * rules_of_change.RULE_SIZE
        numbers[place : place + rules_of_change.RULE_SIZE] = float(rule.share is not None), amount, steps, span
        back = max(back, steps)
    return back


def _decision(plan: FleetPlan, demand: Demand) -> Decision:
    """Compiled form of a policy."""
    return _DECISIONS[type(plan.autoscaling)](plan.autoscaling, plan, demand)


def _fixed(policy: FixedFleet, plan: FleetPlan, demand: Demand) -> Decision:
    return Decision(policies.decide_fixed, np.zeros(1), keeps_limits=policy.count is not None)


def _target_utilization(policy: TargetUtilization, plan: FleetPlan, demand: Demand) -> Decision:
    return Decision(
        policies.decide_target_utilization,
        np.array([policy.target_share]),
        reaction_steps=whole_steps(policy.reaction_s, demand.step_s),
        window_steps=whole_steps(policy.stabilisation_s, demand.step_s),
    )


def _perfect_foresight(policy: PerfectForesight, plan: FleetPlan, demand: Demand) -> Decision:
    cold_steps, cold_fraction = cold_start_steps(plan, demand.step_s)
    ahead = cold_steps + (cold_fraction > 0)
    return Decision(policies.decide_perfect_foresight, np.zeros(1), reaction_steps=-ahead, window_steps=ahead)


def _scheduled(policy: Scheduled, plan: FleetPlan, demand: Demand) -> Decision:
    loads = math.inf if policy.target_share is None else policy.target_share
    window = 0 if policy.target_share is None else whole_steps(policy.stabilisation_s, demand.step_s)
    return Decision(
        policies.decide_scheduled,
        np.concatenate(([loads], scheduled_counts(policy, plan.cold_start_s, demand))),
        window_steps=window,
        keeps_limits=True,
    )


def _predictive(policy: Predictive, plan: FleetPlan, demand: Demand) -> Decision:
    step_s = demand.step_s
    hour_steps = max(1, round(SECONDS_PER_HOUR / step_s))
    week = max(1, round(_HOURS_PER_WEEK * SECONDS_PER_HOUR / (hour_steps * step_s)))
    ahead = whole_steps(plan.cold_start_s, step_s)
    return Decision(
        policies.decide_predictive,
        np.array([policy.target_share, 1.0 + policy.margin_share, ahead, hour_steps, week], dtype=np.float64),
        memory_rows=week + 1,
        window_steps=whole_steps(policy.stabilisation_s, step_s),
    )


def _scale_to_zero(policy: ScaleToZero, plan: FleetPlan, demand: Demand) -> Decision:
    limits = plan.replicas
    idle = whole_steps(policy.service_s + policy.idle_timeout_s, demand.step_s)
    least = limits.minimum if limits.divisible else max(limits.minimum, 1)  # what waits alone keeps one, too
    return Decision(
        policies.decide_scale_to_zero,
        np.array([policy.target_share, limits.spare, least, limits.divisible], dtype=np.float64),
        window_steps=max(idle - 1, 0),  # a step with work is billed, and what begins before the timeout is over
        keeps_limits=True,
    )


def _horizontal(policy: HorizontalPodAutoscaler, plan: FleetPlan, demand: Demand) -> Decision:
    age = whole_steps(policy.reaction_s, demand.step_s)
    is_busy_share = policy.metric == "busy_share"
    return Decision(
        policies.decide_horizontal,
        np.array([policy.target_share, policy.tolerance_share, is_busy_share, age], dtype=np.float64),
        memory_rows=2 * (age + 1),
        reaction_steps=0 if is_busy_share else age,
        window_steps=whole_steps(policy.down.stabilisation_s, demand.step_s),
    )


def _queue_depth(policy: QueueDepth, plan: FleetPlan, demand: Demand) -> Decision:
    step_s = demand.step_s
    service_s = policy.service_s if policy.service_s is not None else plan.service_s
    seconds_each = plan.seconds_per_request / plan.interactive_share
    at_once = 1.0 if service_s is None else service_s / seconds_each  # in service on a busy replica
    parameters = [
        step_s / seconds_each,
        policy.requests_per_replica,
        at_once if policy.metric == "waiting_and_in_service" else 0.0,
        policy.activation_requests + policies.LEAST_WORK,
        policy.tolerance_share,
        max(1, whole_steps(policy.polling_interval_s, step_s)),
        policy.cooldown_s / step_s + 1e-9,
        policy.scale_to_zero,
    ]
    return Decision(
        policies.decide_queue_depth,
        np.array(parameters, dtype=np.float64),
        window_steps=whole_steps(policy.down.stabilisation_s, step_s),
    )


_DECISIONS: dict[type, Callable[[Any, FleetPlan, Demand], Decision]] = {
    FixedFleet: _fixed,
    TargetUtilization: _target_utilization,
    PerfectForesight: _perfect_foresight,
    Scheduled: _scheduled,
    HorizontalPodAutoscaler: _horizontal,
    QueueDepth: _queue_depth,
    Predictive: _predictive,
    ScaleToZero: _scale_to_zero,
}
