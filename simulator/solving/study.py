"""The answer: every challenger against the baseline, all crossings, the first, the settled one, and the reasons."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.autoscaling import FixedFleet
from simulator.domain.owned_costs import owned_usd_per_hour
from simulator.domain.plans import Array, FleetPlan, OptionPlan, Plan
from simulator.domain.serving import breakeven_utilization_share, unit_cost_usd_per_mtok
from simulator.domain.units import (
    HOURS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MONTH,
    TOKENS_PER_MTOK,
)
from simulator.simulation.answered_elsewhere import most_elsewhere_usd_per_request, served_usd_per_request
from simulator.simulation.energy import Energy
from simulator.simulation.ledger import run_rate, settled
from simulator.simulation.results import RunRate, UnitCosts
from simulator.simulation.service_holding import held_to_level
from simulator.simulation.shared_costs import demand_of
from simulator.solving.best_mix import SAME_SHARE, BestMix, best_mix, options_with_a_mix
from simulator.solving.crossings import GREATEST_VOLUME, LEAST_VOLUME, Crossing, find_crossings
from simulator.solving.scan import FINE, NARROW, Difference
from simulator.solving.service_at_crossings import missed_at_crossings, rejected_at_crossings

Rates = Mapping[str, RunRate]

BASELINE_ALWAYS_CHEAPER = "baseline_always_cheaper"
CHALLENGER_ALWAYS_CHEAPER = "challenger_always_cheaper"
NOT_SETTLED_IN_RANGE = "not_settled_in_range"
INFEASIBLE = "infeasible"

_TOO_CLOSE = "{}: crossings lie so close that not every one could be told apart"
_MAY_FALL = (
    "{}: with this rule of scaling a higher volume may cost less now and then: where two crossings lie nearer to each "
    "other than {:.1%}, they may both be missed"
)

# A fleet that turns more of the requests away is no alternative to one that serves them.
MOST_REJECTED_SHARE = 0.01
_FEWEST_REQUESTS = 20.0  # over the horizon, in expectation: that none of them comes happens twice in a thousand million


@dataclass(frozen=True)
class OptionAtVolume:
    """One option at the scenario's own volume, at run rate."""

    name: str
    kind: str
    label: str
    usd_per_month: float
    lines: Mapping[str, float]
    unit_costs: UnitCosts
    utilization_share: float
    overflow_share: float
    rejected_share: float
    queued_share: float
    is_lower_bound: bool
    peak_replicas: float
    one_off_usd: float
    deferred_served_share: float | None = None  # of what can wait; None: nothing can, or it is no fleet
    energy: Energy | None = None  # of a fleet, arrays of shape (1,); None: not known, or an API's


@dataclass(frozen=True)
class Pair:
    """One challenger against the baseline, over every volume.

    `first` is the least volume at which the challenger is cheaper and `settled` the volume from which it stays so, both
    in tokens per month; None where there is none, and then `reason` says why (it is None where `settled` is given).
    `breakeven_utilization_share` is the share of its paid capacity a replica must use so that its rent and variable
    cost alone equal the baseline's price for the same requests: above 1 it never pays, whatever the volume.
    """

    baseline: str
    challenger: str
    crossings: tuple[Crossing, ...]
    first: float | None
    settled: float | None
    reason: str | None
    cause: str | None
    breakeven_utilization_share: float | None
    usd_per_mtok_at_full_load: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """Break-even of a scenario: `pairs` by challenger, and every option at the scenario's own volume."""

    title: str
    tokens_per_month: float
    requests_per_day: float
    tokens_per_request: float
    baseline: str
    pairs: Mapping[str, Pair]
    options: Mapping[str, OptionAtVolume]
    plan: Plan

    @property
    def first_pair(self) -> Pair:
        """The first challenger's."""
        return next(iter(self.pairs.values()))

    @property
    def first(self) -> float | None:
        """First crossing of the first challenger. [tokens per month]"""
        return self.first_pair.first

    @property
    def settled(self) -> float | None:
        """Settled crossing of the first challenger. [tokens per month]"""
        return self.first_pair.settled

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """All crossings of the first challenger."""
        return self.first_pair.crossings

    @property
    def reason(self) -> str | None:
        """Why the first challenger has no settled crossing; None where it has one."""
        return self.first_pair.reason

    @property
    def mixes(self) -> dict[str, BestMix]:
        """Best mix of each option that leaves its base to be found."""
        return {name: best_mix(self.plan, name) for name in options_with_a_mix(self.plan, list(self.options))}

    @property
    def eligible(self) -> dict[str, OptionAtVolume]:
        """Options that one could choose: those that exist (no lower bound) and serve what arrives.

        All of them where none is left.
        """
        chosen = {
            name: option
            for name, option in self.options.items()
            if not option.is_lower_bound and option.rejected_share <= MOST_REJECTED_SHARE
        }
        return chosen or dict(self.options)

    @property
    def cheapest(self) -> str:
        """Eligible option that costs least at the scenario's own volume; of equals the baseline."""
        costs = {name: option.usd_per_month for name, option in self.eligible.items()}
        least = min(costs, key=costs.__getitem__)
        is_same = costs.get(self.baseline, math.inf) <= costs[least] * (1.0 + SAME_SHARE)
        return self.baseline if is_same else least


def solve(plan: Plan) -> Study:
    """Find the break-even of every challenger of a plan.

    Raises
    ------
    ValueError
        If the baseline can't be planned, or misses the service level: then there is nothing to compare with.
    """
    plan = held_to_level(plan)
    scenario = plan.scenario
    if scenario.baseline in plan.left_out:
        cause = plan.faults[scenario.baseline][-1].text
        raise ValueError(f"the baseline '{scenario.baseline}' misses the service level: {cause}")
    if scenario.baseline not in plan.options:
        raise ValueError(f"the baseline '{scenario.baseline}' can't be planned: {_causes(plan, scenario.baseline)}")
    volume = scenario.tokens_per_month
    # Two volumes of every option, in one pass: the scenario's own, and one so great that nothing fixed shows any more.
    ends = np.array([volume, GREATEST_VOLUME])
    rates = {name: run_rate(plan, name, ends) for name in compared_options(plan)}
    return Study(
        title=scenario.title,
        tokens_per_month=volume,
        requests_per_day=requests_per_day(plan, volume),
        tokens_per_request=plan.tokens_per_request,
        baseline=scenario.baseline,
        pairs={name: _at_equal_service(plan, pair_of(plan, name, rates)) for name in scenario.challengers},
        options={name: _at_volume(plan, rate) for name, rate in rates.items()},
        plan=plan,
    )


def requests_per_day(plan: Plan, tokens_per_month: float) -> float:
    """Requests a day at a volume."""
    return tokens_per_month / plan.tokens_per_request * HOURS_PER_DAY * SECONDS_PER_HOUR / SECONDS_PER_MONTH


def compared_options(plan: Plan) -> list[str]:
    """Baseline and challengers that can be planned, the baseline first."""
    scenario = plan.scenario
    return [name for name in (scenario.baseline, *scenario.challengers) if name in plan.options]


def _causes(plan: Plan, name: str) -> str:
    """Why an option can't be planned; without a fault of its own it is the API its overflow goes to."""
    faults = plan.faults.get(name, ())
    return "; ".join(f"{fault.key}: {fault.text}" for fault in faults) or "its overflow API can't be priced"


def _at_volume(plan: Plan, rates: RunRate) -> OptionAtVolume:
    usd = float(rates.usd_per_month[0])
    option = plan.options[rates.name]
    return OptionAtVolume(
        name=rates.name,
        kind=option.kind,
        label=option.label,
        usd_per_month=usd,
        lines={line: float(value[0]) for line, value in rates.lines.items()},
        unit_costs=UnitCosts.of(usd, float(rates.arriving_requests_per_month[0]), plan.mix),
        utilization_share=float(rates.utilization_share[0]),
        overflow_share=float(rates.overflow_share[0]),
        rejected_share=float(rates.rejected_share[0]),
        queued_share=float(rates.queued_share[0]),
        is_lower_bound=isinstance(option, FleetPlan) and option.is_lower_bound,
        peak_replicas=float(rates.peak_replicas[0]),
        one_off_usd=option.overheads.total_one_off_usd,
        deferred_served_share=None if rates.deferred_served_share is None else float(rates.deferred_served_share[0]),
        energy=None if rates.energy is None else rates.energy.at(0),
    )


def pair_of(
    plan: Plan,
    challenger: str,
    rates: Rates,
    rate_of: Callable[[Plan, str, Array], RunRate] = run_rate,
    unit_tokens: float = 1.0,
    narrowest: float = NARROW,
) -> Pair:
    """One challenger against the baseline.

    `rates` hold both at the scenario's own volume and at the greatest one. Where many plans share their runs, `rate_of`
    looks them up, volumes are searched in doublings of `unit_tokens`, and no closer than `narrowest`.
    """
    baseline = plan.scenario.baseline
    if challenger not in plan.options:
        return Pair(baseline, challenger, (), None, None, INFEASIBLE, _causes(plan, challenger), None, None, ())

    def difference(units: Array) -> Difference:
        volumes = units * unit_tokens
        return _difference(rate_of(plan, challenger, volumes), rate_of(plan, baseline, volumes))

    least, greatest = _least_volume(plan), _greatest_volume(plan, rates[challenger], rates[baseline])
    if unit_tokens != 1.0:  # whole doublings, that other plans have too
        least, greatest = (2.0 ** round(math.log2(end / unit_tokens)) for end in (least, 2.0 * greatest))
    found = find_crossings(difference, least=least, greatest=greatest, narrowest=narrowest)
    crossings = tuple(replace(one, tokens_per_month=one.tokens_per_month * unit_tokens) for one in found.crossings)
    becoming = [c.tokens_per_month for c in crossings if c.becomes_cheaper == "challenger"]
    ends_cheaper = crossings[-1].becomes_cheaper == "challenger" if crossings else found.sign_at_greatest < 0
    starts_cheaper = crossings[0].becomes_cheaper == "baseline" if crossings else ends_cheaper
    first: float | None = 0.0 if starts_cheaper else (becoming[0] if becoming else None)
    settled = becoming[-1] if becoming and ends_cheaper else None
    reason: str | None = None
    if not crossings and ends_cheaper:
        settled, reason = 0.0, CHALLENGER_ALWAYS_CHEAPER
    elif not crossings:
        reason = BASELINE_ALWAYS_CHEAPER
    elif not ends_cheaper:
        reason = NOT_SETTLED_IN_RANGE
    warnings: tuple[str, ...] = () if found.resolved else (_TOO_CLOSE.format(challenger),)
    if any(np.any(np.asarray(rates[name].may_fall_usd) > 0) for name in (challenger, baseline)):
        warnings += (_MAY_FALL.format(challenger, FINE),)
    warnings += missed_at_crossings(plan, (challenger, baseline), [c.tokens_per_month for c in crossings])
    share, full_load = _full_load(plan, challenger, rates[baseline])
    return Pair(baseline, challenger, crossings, first, settled, reason, None, share, full_load, warnings)


def _at_equal_service(plan: Plan, pair: Pair) -> Pair:
    """The pair, with a warning where a fleet rejects too much at a crossing for the costs to be comparable."""
    volumes = [crossing.tokens_per_month for crossing in pair.crossings]
    names = (pair.challenger, pair.baseline)
    return replace(pair, warnings=pair.warnings + rejected_at_crossings(plan, names, volumes, MOST_REJECTED_SHARE))


def _difference(ours: RunRate, theirs: RunRate) -> Difference:
    """Cost of the challenger minus the baseline's, every part on the side where it never falls with the volume."""
    slope = ours.linear_usd_per_request - theirs.linear_usd_per_request
    if abs(slope) <= 1e-12 * max(ours.linear_usd_per_request, theirs.linear_usd_per_request):
        slope = 0.0  # the same price, summed in another order
    linear = slope * ours.requests_per_month
    scale = theirs.usd_per_month

    def without_rounding(part: Array) -> Array:
        return np.where(np.abs(part) <= 1e-13 * scale, 0.0, part)

    return Difference(
        rising=without_rounding(ours.rising + theirs.falling + np.maximum(linear, 0.0)),
        falling=without_rounding(ours.falling + theirs.rising + np.maximum(-linear, 0.0)),
        scale=scale,
        may_fall=ours.may_fall_usd + theirs.may_fall_usd,
    )


def _least_volume(plan: Plan) -> float:
    """A volume below which there is nothing to compare: where requests are counted, so few that none might come."""
    if plan.scenario.traffic.counts == "expected":
        return LEAST_VOLUME
    return _FEWEST_REQUESTS * plan.tokens_per_request / plan.scenario.horizon.in_months


def _greatest_volume(plan: Plan, ours: RunRate, theirs: RunRate) -> float:
    """A volume above which nothing changes any more: where the search may end.

    At a volume so great that whole replicas, minimum and spare no longer show, costs are proportional to it; their
    slope s is D / volume. Everything that is not proportional (fixed cost, people, one increment, minimum and spare of
    replicas and what they may serve in place of the overflow) is at most A, so D has the sign of s above A / s.
    """
    there = _difference(ours, theirs)
    slope = abs(float(there.value[-1])) / GREATEST_VOLUME
    steepest = max(float(there.rising[-1]), float(there.falling[-1])) / GREATEST_VOLUME
    amount = sum(_not_proportional_usd(plan.options[rate.name], rate) for rate in (ours, theirs))
    if slope <= 1e-9 * steepest or amount <= 0:
        return GREATEST_VOLUME
    # Whole doublings: scenarios that differ in prices alone then begin at the same volumes, and share their runs.
    return 2.0 ** math.ceil(math.log2(min(GREATEST_VOLUME, max(16.0 * amount / slope, 1024.0))))


def _not_proportional_usd(option: OptionPlan, rate: RunRate) -> float:
    """Monthly cost of an option that does not grow in proportion to the volume, at most. [USD per month]"""
    if isinstance(option, ApiPlan):
        return option.overheads.most_not_proportional_usd() if option.is_proportional else math.inf
    limits = option.replicas
    replicas = limits.minimum + limits.spare + 2 * limits.increment + 1
    counted = isinstance(option.autoscaling, FixedFleet) and option.autoscaling.count is not None
    if counted or limits.maximum is not None or limits.max_starts is not None or option.sites:
        return math.inf  # at great volumes the cost is bounded, not proportional: the search decides by itself
    rent = option.usd_per_replica_hour * SECONDS_PER_MONTH / SECONDS_PER_HOUR
    fixed = option.overheads.most_not_proportional_usd(replicas * option.gpus_paid_per_replica)
    usd_per_request = rate.linear_usd_per_request + most_elsewhere_usd_per_request(option)
    served = usd_per_request * (1.0 / option.least_seconds_per_request) * SECONDS_PER_MONTH
    return fixed + replicas * (rent + served)


def _owned_replicas(option: FleetPlan) -> float:
    """Replicas on hardware of one's own; of one node where there is none."""
    assert isinstance(option.autoscaling, FixedFleet)
    count = option.autoscaling.count
    return float(count) if isinstance(count, int) and count > 0 else float(option.replicas.increment)


def _with_nodes(plan: Plan, name: str) -> OptionPlan:
    """The option with its own nodes; one of them where it was found that none pays."""
    option = settled(plan, name)
    is_empty = isinstance(option, FleetPlan) and option.owned is not None and option.owned.nodes == 0
    return plan.options[name] if is_empty else option


def _full_load(plan: Plan, challenger: str, baseline: RunRate) -> tuple[float | None, float | None]:
    """Break-even utilization of a replica, and its cost of a million tokens at full load."""
    option = _with_nodes(plan, challenger)
    if not isinstance(option, FleetPlan):
        return None, None
    tokens_per_s = (1.0 / option.whole_seconds_per_request) * plan.tokens_per_request
    variable_usd_per_mtok = served_usd_per_request(option, demand_of(plan)) / plan.tokens_per_request * TOKENS_PER_MTOK
    usd_per_replica_hour = option.usd_per_replica_hour
    if option.owned is not None:
        usd_per_replica_hour = owned_usd_per_hour(option.owned, 1.0) / _owned_replicas(option)
    full_load = unit_cost_usd_per_mtok(usd_per_replica_hour, tokens_per_s, 1.0) + variable_usd_per_mtok
    api = plan.options[baseline.name]
    if not isinstance(api, ApiPlan):
        return None, full_load
    # Price of the tokens alone, hits of a cache and contracts as at the scenario's own volume: what every request takes
    # beside, it takes with either.
    arriving = float(baseline.arriving_requests_per_month[0])
    fixed = {"engineers", *(f"fixed: {item}" for item in api.overheads.monthly_fixed_usd)}
    beside = fixed | set(api.per_request_usd)
    billed = sum(float(usd[0]) for line, usd in baseline.lines.items() if line not in beside)
    price = billed / arriving if arriving > 0 else 0.0
    margin_usd_per_mtok = price / plan.tokens_per_request * TOKENS_PER_MTOK - variable_usd_per_mtok
    if margin_usd_per_mtok <= 0:
        return math.inf, full_load
    return breakeven_utilization_share(usd_per_replica_hour, tokens_per_s, margin_usd_per_mtok), full_load
