"""One path after the other: the scenario with drawn inputs, planned, costed and solved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.domain.drawn_scenarios import RefusedValueError, WrittenInputs, unchanged_options, with_values
from simulator.domain.plans import Array, FleetPlan, OptionPlan, Plan
from simulator.domain.scenario import Scenario
from simulator.simulation.ledger import run_rate
from simulator.simulation.results import RunRate
from simulator.simulation.service_holding import as_sized, held_to_level
from simulator.simulation.shared_costs import demand_of
from simulator.simulation.shared_runs import SharedRuns
from simulator.solving.crossings import GREATEST_VOLUME, Crossing
from simulator.solving.scan import COARSE
from simulator.solving.study import (
    CHALLENGER_ALWAYS_CHEAPER,
    INFEASIBLE,
    MOST_REJECTED_SHARE,
    Pair,
    compared_options,
    pair_of,
)

MakePlan = Callable[..., Plan]  # from a scenario, and the options that are planned already

MOST_VOLUMES = 62  # of the curves of a path: with its own volume and the greatest they are one pass of the kernel


@dataclass(frozen=True, eq=False)
class PathAnswer:
    """What one path says.

    `usd_per_month` by option at the path's own volume, NaN where the option can't be had on this path (it can't be
    planned, misses the service level or rejects more than 1 % of the requests there); `curves` by option over the
    volumes asked for; `missed`: options that miss the service level.
    """

    tokens_per_month: float
    usd_per_month: Mapping[str, float]
    pairs: Mapping[str, Pair]
    curves: Mapping[str, Array]
    was_clipped: bool = False
    missed: frozenset[str] = frozenset()

    def first(self, challenger: str) -> float:
        """First volume at which the challenger is cheaper; infinite: never. [tokens per month]"""
        first = self.pairs[challenger].first
        return math.inf if first is None else first

    def settled(self, challenger: str) -> float:
        """Volume from which the challenger stays cheaper; infinite: none. [tokens per month]"""
        settled = self.pairs[challenger].settled
        return math.inf if settled is None else settled


def is_cheaper(pair: Pair, volumes: Array) -> Array:
    """Whether the challenger is the cheaper one at volumes; its crossings tell. Bool, shape as `volumes`."""
    starts = pair.reason == CHALLENGER_ALWAYS_CHEAPER
    crossings: Sequence[Crossing] = pair.crossings
    if crossings:
        starts = crossings[0].becomes_cheaper == "baseline"
    passed = np.searchsorted(np.array([one.tokens_per_month for one in crossings]), volumes, side="right")
    return (passed % 2 == 1) != starts


class PathSolver:
    """Solves paths of one scenario; what they have in common is planned, drawn and run once.

    Where there is a service level, fleets are sized at the medians and go through all paths at that size, as one has to
    choose it before one knows; each path's own volume and numbers then tell which options miss the level on it.
    """

    def __init__(self, scenario: Scenario, make_plan: MakePlan, volumes: Array | None = None) -> None:
        self.scenario = scenario
        self.written: WrittenInputs = scenario._written or WrittenInputs({})
        self.make_plan = make_plan
        self.volumes = np.zeros(0) if volumes is None else np.asarray(volumes, dtype=np.float64)
        self.plan = make_plan(scenario)
        self.at_medians = held_to_level(self.plan)
        self._runs = SharedRuns()

    def plan_of(self, values: Mapping[str, float], seed: int | None = None) -> Plan:
        """The plan of a path; raises `RefusedValueError` where the scenario could not hold these values."""
        scenario = with_values(self.scenario, self.written, values, seed)
        known: dict[str, OptionPlan] = {
            name: self.plan.options[name]
            for name in unchanged_options(scenario, self.scenario)
            if name in self.plan.options
        }
        return self.make_plan(scenario, known)

    def solve(
        self, values: Mapping[str, float], *, tails: Mapping[str, tuple[float, float]] | None = None,
        seed: int | None = None, crossings: bool = True,
    ) -> PathAnswer:  # fmt: skip
        """One path; values that the scenario can't hold are clipped to their `tails`, where there are some."""
        clipped = False
        try:
            plan = self.plan_of(values, seed)
        except RefusedValueError as error:
            if tails is None:
                return self._nothing(str(error))
            inside = {key: min(max(value, tails[key][0]), tails[key][1]) for key, value in values.items()}
            try:
                plan, clipped = self.plan_of(inside, seed), True
            except RefusedValueError as again:
                return self._nothing(str(again))
        return self.answer(plan, was_clipped=clipped, crossings=crossings)

    def solve_all(
        self, draws: Iterable[Mapping[str, float]], *, tails: Mapping[str, tuple[float, float]] | None = None,
        seed: int | None = None, progress: Callable[[int], None] | None = None,
    ) -> list[PathAnswer]:  # fmt: skip
        """Many paths with one seed of the demand, in their order."""
        answers: list[PathAnswer] = []
        for values in draws:
            answers.append(self.solve(values, tails=tails, seed=seed))
            if progress is not None:
                progress(len(answers))
        return answers

    def answer(self, plan: Plan, *, was_clipped: bool = False, crossings: bool = True) -> PathAnswer:
        """Costs of a plan at its own volume and over the solver's, and all its crossings."""
        scenario = plan.scenario
        own = scenario.tokens_per_month
        plan = held_to_level(as_sized(plan, self.at_medians.sizings), sizes=False)
        missed = frozenset(plan.left_out)
        if scenario.baseline not in plan.options:
            why = "misses the service level" if scenario.baseline in missed else "can't be planned"
            return self._nothing(f"the baseline '{scenario.baseline}' {why}", own, missed)
        volumes = np.concatenate(([own], self.volumes, [GREATEST_VOLUME]))
        rates = {name: run_rate(plan, name, volumes) for name in compared_options(plan)}
        costs = {name: rate.usd_per_month for name, rate in rates.items()}
        return PathAnswer(
            tokens_per_month=own,
            usd_per_month={
                name: math.nan if rates[name].rejected_share[0] > MOST_REJECTED_SHARE else float(usd[0])
                for name, usd in costs.items()
            },
            pairs={name: self._pair(plan, name, rates) for name in scenario.challengers if crossings},
            curves={name: usd[1:-1] for name, usd in costs.items()},
            was_clipped=was_clipped,
            missed=missed,
        )

    def _pair(self, plan: Plan, challenger: str, rates: Mapping[str, RunRate]) -> Pair:
        unit = _unit_tokens(plan, challenger)
        return pair_of(plan, challenger, rates, self._rate_of, unit_tokens=unit, narrowest=COARSE)

    def _rate_of(self, plan: Plan, name: str, volumes: Array) -> RunRate:
        return run_rate(plan, name, volumes, self._runs)

    def _nothing(self, cause: str, own: float = math.nan, missed: frozenset[str] = frozenset()) -> PathAnswer:
        baseline = self.scenario.baseline
        pairs = {
            name: Pair(baseline, name, (), None, None, INFEASIBLE, cause, None, None, ())
            for name in self.scenario.challengers
        }
        nothing: dict[str, Any] = {}
        return PathAnswer(own, nothing, pairs, nothing, missed=missed)


def _unit_tokens(plan: Plan, challenger: str) -> float:
    """Volume that loads one replica for one second a month, where runs are shared by load; else one token."""
    demand = demand_of(plan)
    for name in (challenger, plan.scenario.baseline):
        option = plan.options.get(name)
        if isinstance(option, FleetPlan) and demand.is_smooth:
            return plan.tokens_per_request / option.seconds_per_request
    return 1.0
