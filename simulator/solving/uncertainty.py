"""The answer under uncertainty: crossings over many paths, how sure the choice is, and what knowing would be worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.domain.path_draws import independent_sequences, path_shares, path_values
from simulator.domain.plans import Array, Plan
from simulator.domain.scenario import Scenario
from simulator.domain.uncertainty import FIRST_PATHS, Uncertainty
from simulator.simulation.shared_costs import demand_of
from simulator.solving.path_statistics import half_width_share, median_interval, quantile
from simulator.solving.path_tables import (
    BOTH,
    INPUTS,
    TRAFFIC,
    PairUnderUncertainty,
    choices,
    cost_bands,
    pair_of_paths,
    probability_volumes,
)
from simulator.solving.paths import MOST_VOLUMES, MakePlan, PathAnswer, PathSolver
from simulator.solving.study import Study, solve

__all__ = ["BOTH", "INPUTS", "TRAFFIC", "PairUnderUncertainty", "UncertaintyStudy", "curve_volumes", "solve_uncertain"]

_TAILS = np.array([0.01, 0.99])
_REACH = 10.0  # how far the curves go beyond the medians' crossings and the scenario's own volume

Progress = Callable[[str, int, int], None]  # what varies, paths done, of how many


@dataclass(frozen=True, eq=False)
class UncertaintyStudy:
    """The answer over paths of the uncertain inputs.

    Attributes
    ----------
    at_medians : Study
        The answer with every input at its median.
    paths : DataFrame
        One row a path: the value of every input by its key, `tokens_per_month` (the path's own volume), `first:NAME`
        and `settled:NAME` of every challenger (infinite: never), `usd:NAME` of every option (NaN: can't be had).
    curves : DataFrame
        Cost over volume: `varying`, `option`, `tokens_per_month`, `p05` to `p95` in USD per month.
    decision : DataFrame
        One row an option, at the own volume: `expected_usd_per_month`, `expected_regret_usd_per_month` (what it costs
        more than the cheapest on each path, on average), `p_cheapest`, `infeasible_share`. Paths on which an option
        can't be had are left out of the averages.
    value_of_perfect_information_usd_per_month : float
        What knowing every input before choosing is worth: the least expected regret.
    is_precise : bool
        Whether the medians are known as well as asked for; False: the most paths were reached before.
    precision_share : float
        How well: half-width of the medians' 90 % interval over the median. [1]
    clipped_paths : int
        Paths with a value beyond p1 or p99 that its key does not allow, which was set to p1 or p99.
    missed_share : mapping
        Share of the paths on which an option misses the service level at the own volume, of those that do on any.
    """

    at_medians: Study
    uncertainty: Uncertainty
    pairs: Mapping[str, PairUnderUncertainty]
    paths: pd.DataFrame
    curves: pd.DataFrame
    decision: pd.DataFrame
    value_of_perfect_information_usd_per_month: float
    is_precise: bool
    precision_share: float
    clipped_paths: int
    missed_share: Mapping[str, float]
    has_random_traffic: bool

    @property
    def first_pair(self) -> PairUnderUncertainty:
        """The first challenger's."""
        return next(iter(self.pairs.values()))


def solve_uncertain(
    scenario: Scenario,
    make_plan: MakePlan,
    *,
    paths: int | None = None,
    precision_share: float | None = None,
    progress: Progress | None = None,
) -> UncertaintyStudy:
    """Solve the paths of a scenario with uncertain inputs.

    Parameters
    ----------
    scenario : Scenario
        With at least one distribution, or chance in its traffic.
    make_plan : function
        From a scenario, and options that are planned already, to a plan.
    paths : int, optional
        Exactly so many paths; left out: 64, then twice as many until the medians are known, up to the scenario's most.
    precision_share : float, optional
        In place of the scenario's. [1]
    progress : function, optional
        Called with what varies, the paths done and their number.

    Raises
    ------
    ValueError
        If nothing in the scenario is uncertain, `paths` is below 2, or the baseline can't be planned at the medians.
    """
    uncertainty = scenario.uncertainty or Uncertainty()
    if paths is not None and paths < 2:
        raise ValueError(f"paths is {paths}, must be at least 2")
    solver = PathSolver(scenario, make_plan)
    at_medians = solve(solver.at_medians)
    seeds = _traffic_seeds(scenario, uncertainty, solver)
    if not uncertainty.inputs and len(seeds) < 2:
        raise ValueError(
            "nothing in the scenario is uncertain; give a distribution in place of a number, such as "
            "{p10: 1.8, p50: 2.2, p90: 3.5}"
        )
    solver.volumes = curve_volumes(at_medians)
    run = _Run(solver, uncertainty, progress)
    wanted = precision_share or uncertainty.precision_share
    answers = run.inputs(paths, wanted)
    of_traffic = [run.one_seed(seed) for seed in seeds] if len(seeds) > 1 else []
    of_both = run.inputs_and_seeds(len(answers), seeds) if len(seeds) > 1 and uncertainty.inputs else []
    groups = {TRAFFIC: of_traffic, INPUTS: answers if uncertainty.inputs else [], BOTH: of_both}
    where = probability_volumes(groups[INPUTS] or groups[TRAFFIC])
    pairs = {name: pair_of_paths(name, scenario, groups, where, run.seed) for name in scenario.challengers}
    decision, information_usd = choices(answers if uncertainty.inputs else of_traffic, at_medians)
    return UncertaintyStudy(
        at_medians=at_medians,
        uncertainty=uncertainty,
        pairs=pairs,
        paths=run.table(answers if uncertainty.inputs else of_traffic),
        curves=cost_bands(groups, solver.volumes),
        decision=decision,
        value_of_perfect_information_usd_per_month=information_usd,
        is_precise=all(pair.half_width_share <= wanted for pair in pairs.values()),
        precision_share=wanted,
        clipped_paths=sum(answer.was_clipped for answer in answers),
        missed_share=_missed_share(answers if uncertainty.inputs else of_traffic),
        has_random_traffic=len(seeds) > 1,
    )


def curve_volumes(at_medians: Study) -> Array:
    """Volumes of the cost curves: around the crossings at the medians and the own volume, or the scenario's range."""
    asked = at_medians.plan.scenario.volume_range
    places = [at_medians.tokens_per_month]
    places += [crossing.tokens_per_month for pair in at_medians.pairs.values() for crossing in pair.crossings]
    low = asked.minimum_tokens_per_month or min(places) / _REACH
    high = asked.maximum_tokens_per_month or max(places) * _REACH
    return np.geomspace(low, max(high, low * 2.0), MOST_VOLUMES)


def _traffic_seeds(scenario: Scenario, uncertainty: Uncertainty, solver: PathSolver) -> list[int]:
    """Seeds to tell the chance in the traffic by; only the scenario's own where there is none."""
    if uncertainty.traffic_seeds < 2:
        return [scenario.seed]
    other = solver.plan_of({}, scenario.seed + 1)
    one, two = demand_of(solver.plan), demand_of(other)
    takes_spot = any(getattr(option, "spot", None) is not None for option in scenario.options.values())
    is_same = one.is_smooth and two.is_smooth and np.array_equal(one.level.rows, two.level.rows)
    if is_same and not takes_spot and not one.lengths.vary:
        return [scenario.seed]
    return list(range(scenario.seed, scenario.seed + uncertainty.traffic_seeds))


class _Run:
    """The paths of one study, drawn as they are needed."""

    def __init__(self, solver: PathSolver, uncertainty: Uncertainty, progress: Progress | None) -> None:
        self.solver, self.uncertainty, self.progress = solver, uncertainty, progress
        self.keys = tuple(uncertainty.inputs)
        self.seed = solver.scenario.seed if uncertainty.seed is None else uncertainty.seed
        self.values = np.zeros((0, len(self.keys)))
        tails = [distribution.quantile(_TAILS) for distribution in uncertainty.inputs.values()]
        self.tails = {key: (float(low), float(high)) for key, (low, high) in zip(self.keys, tails, strict=True)}

    def inputs(self, paths: int | None, precision_share: float) -> list[PathAnswer]:
        """Paths with drawn inputs: so many, or until the median of every settled crossing is known well enough."""
        if not self.keys:
            return []
        most = paths or self.uncertainty.paths
        size = paths or min(FIRST_PATHS, most)
        answers: list[PathAnswer] = []
        while True:
            answers += self._solve(INPUTS, self._rows(size)[len(answers) :], self.solver.scenario.seed, len(answers))
            if size >= most or self._is_known(answers, precision_share):
                return answers
            size = min(2 * size, most)

    def one_seed(self, seed: int) -> PathAnswer:
        """Every input at its median, another seed of the demand."""
        return self.solver.solve_all([{}], seed=seed)[0]

    def inputs_and_seeds(self, paths: int, seeds: Sequence[int]) -> list[PathAnswer]:
        """The same paths of the inputs, each with the next seed of the demand."""
        rows = self._rows(paths)
        answers: list[PathAnswer] = []
        for place, seed in enumerate(seeds):  # a demand is drawn once for all the paths that it serves
            answers += self._solve(BOTH, rows[place :: len(seeds)], seed, len(answers))
        return answers

    def table(self, answers: Sequence[PathAnswer]) -> pd.DataFrame:
        """One row a path."""
        columns: dict[str, list[float] | Array] = {
            key: self.values[: len(answers), place] for place, key in enumerate(self.keys)
        }
        columns["tokens_per_month"] = [answer.tokens_per_month for answer in answers]
        for name in self.solver.scenario.challengers:
            columns[f"first:{name}"] = [answer.first(name) for answer in answers]
            columns[f"settled:{name}"] = [answer.settled(name) for answer in answers]
        for name in _compared(self.solver.plan):
            columns[f"usd:{name}"] = [answer.usd_per_month.get(name, math.nan) for answer in answers]
        return pd.DataFrame(columns).rename_axis("path")

    def _rows(self, paths: int) -> Array:
        if self.values.shape[0] < paths:
            shares = path_shares(self.uncertainty, self.solver.scenario.seed, paths)
            self.values = path_values(self.uncertainty, shares)
        return self.values[:paths]

    def _solve(self, varying: str, rows: Array, seed: int, before: int) -> list[PathAnswer]:
        def report(done: int) -> None:
            if self.progress is not None:
                self.progress(varying, before + done, self.values.shape[0])

        draws = [dict(zip(self.keys, row, strict=True)) for row in rows.tolist()]
        return self.solver.solve_all(draws, tails=self.tails, seed=seed, progress=report)

    def _is_known(self, answers: Sequence[PathAnswer], precision_share: float) -> bool:
        for name in self.solver.scenario.challengers:
            settled = np.array([answer.settled(name) for answer in answers])
            interval = median_interval(settled, self.seed, independent_sequences(self.uncertainty, settled.size))
            if half_width_share(quantile(settled, 0.5), interval) > precision_share:
                return False
        return True


def _missed_share(answers: Sequence[PathAnswer]) -> dict[str, float]:
    missed = Counter(name for answer in answers for name in answer.missed)
    return {name: count / len(answers) for name, count in sorted(missed.items())}


def _compared(plan: Plan) -> list[str]:
    return [plan.scenario.baseline, *plan.scenario.challengers]
