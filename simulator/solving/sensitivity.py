"""Which uncertain input matters: one at a time, where each would turn the choice, and shares of the variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from simulator.domain.distributions import Distribution, median_of
from simulator.domain.plans import Array
from simulator.domain.scenario import Scenario
from simulator.domain.uncertainty import Uncertainty
from simulator.solving.paths import MakePlan, PathAnswer, PathSolver

FLIP_SHARES = np.array([0.01, 0.025, *np.arange(0.05, 0.96, 0.05), 0.975, 0.99])  # where a turn is looked for
_FLIP_TO = 1e-6  # of a value, relative

Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What each uncertain input does to one challenger, all others at their medians.

    Attributes
    ----------
    tornado : DataFrame
        One row an input, the strongest first: `key`, values `p10`, `p50`, `p90`, `settled_at_p10` and `settled_at_p90`
        (tokens per month; infinite: none), `difference_at_p10` and `difference_at_p90`: challenger minus baseline at
        the own volume [USD per month].
    flips : DataFrame
        One row an input, the nearest turn first: `key`, `today` (its median), `flips_at`: the value nearest to it from
        which the other option is the cheaper one at the own volume; NaN: none from p1 to p99. `change_share` is the
        distance over today's value, `p_beyond` the probability that the input lies beyond it, `becomes_cheaper` which
        option then is.
    indices : DataFrame or None
        One row an input: `key`, `first_order` and `total` shares of the variance of the difference at the own volume,
        inputs independent; None where not asked for.
    """

    challenger: str
    baseline: str
    difference_usd_per_month: float
    settled: float
    tornado: pd.DataFrame
    flips: pd.DataFrame
    indices: pd.DataFrame | None = None


def sensitivity_of(
    scenario: Scenario,
    make_plan: MakePlan,
    challenger: str | None = None,
    *,
    sobol_paths: int = 0,
    progress: Progress | None = None,
) -> Sensitivity:
    """Vary every uncertain input of a scenario.

    Parameters
    ----------
    scenario : Scenario
        With at least one distribution.
    make_plan : function
        From a scenario, and options that are planned already, to a plan.
    challenger : str, optional
        Left out: the first.
    sobol_paths : int
        A power of 2: paths for the shares of the variance, times the number of inputs plus 2; 0: none are computed.
    progress : function, optional
        Called with the number of inputs done.

    Raises
    ------
    ValueError
        If nothing is uncertain, the challenger is none, or `sobol_paths` is no power of 2.
    """
    uncertainty = scenario.uncertainty or Uncertainty()
    if not uncertainty.inputs:
        raise ValueError("no input of the scenario is uncertain; give a distribution in place of a number")
    name = challenger or scenario.challengers[0]
    if name not in scenario.challengers:
        raise ValueError(f"challenger is '{name}', must be one of {', '.join(scenario.challengers)}")
    if sobol_paths < 0 or sobol_paths & (sobol_paths - 1):
        raise ValueError(f"sobol_paths is {sobol_paths}, must be a power of 2, or 0")
    work = _Varying(PathSolver(scenario, make_plan), name)
    today = work.solver.solve({})
    tornado, flips = [], []
    for done, (key, distribution) in enumerate(uncertainty.inputs.items(), start=1):
        tornado.append(work.at_ends(key, distribution))
        flips.append(work.flip(key, distribution))
        if progress is not None:
            progress(done)
    indices = _indices(work, uncertainty, sobol_paths) if sobol_paths else None
    return Sensitivity(
        challenger=name,
        baseline=scenario.baseline,
        difference_usd_per_month=work.difference_in(today),
        settled=today.settled(name),
        tornado=_strongest_first(pd.DataFrame(tornado)),
        flips=_nearest_first(pd.DataFrame(flips)),
        indices=indices,
    )


class _Varying:
    """The cost difference at the own volume as a function of inputs."""

    def __init__(self, solver: PathSolver, challenger: str) -> None:
        self.solver, self.challenger = solver, challenger
        self.baseline = solver.scenario.baseline

    def difference_in(self, answer: PathAnswer) -> float:
        usd = answer.usd_per_month
        return usd.get(self.challenger, math.nan) - usd.get(self.baseline, math.nan)

    def difference(self, values: Mapping[str, float]) -> float:
        """Challenger minus baseline; NaN where one can't be had. [USD per month]"""
        return self.difference_in(self.solver.solve(values, crossings=False))

    def at_ends(self, key: str, distribution: Distribution) -> dict[str, object]:
        low, middle, high = distribution.quantile(np.array([0.1, 0.5, 0.9])).tolist()
        at_low, at_high = self.solver.solve({key: low}), self.solver.solve({key: high})
        return {
            "key": key, "p10": low, "p50": middle, "p90": high,
            "settled_at_p10": at_low.settled(self.challenger), "settled_at_p90": at_high.settled(self.challenger),
            "difference_at_p10": self.difference_in(at_low), "difference_at_p90": self.difference_in(at_high),
        }  # fmt: skip

    def flip(self, key: str, distribution: Distribution) -> dict[str, object]:
        """The turn of the choice nearest to the median: a change of sign between samples, then closed in on."""
        from scipy.optimize import brentq

        today = median_of(distribution)
        values = np.unique(np.append(distribution.quantile(FLIP_SHARES), today))
        differences = np.array([self.difference({key: value}) for value in values.tolist()])
        changes = np.flatnonzero((differences[1:] < 0) != (differences[:-1] < 0)).tolist()
        turns = [place for place in changes if not np.isnan(differences[place : place + 2]).any()]
        row: dict[str, object] = {"key": key, "today": today}
        if not turns:
            nothing = {"flips_at": math.nan, "change_share": math.nan, "p_beyond": math.nan}
            return {**row, **nothing, "becomes_cheaper": None}
        at = []
        for place in turns:
            low, high = float(values[place]), float(values[place + 1])
            if differences[place] == 0.0 or differences[place + 1] == 0.0:
                at.append(low if differences[place] == 0.0 else high)
            else:
                beyond = float(differences[place + 1])

                def difference(value: float, beyond: float = beyond) -> float:
                    found = self.difference({key: value})
                    return beyond if math.isnan(found) else found  # what can't be had lies on the far side

                at.append(float(brentq(difference, low, high, xtol=_FLIP_TO * (high - low))))
        nearest = int(np.argmin(np.abs(np.array(at) - today)))
        flips_at, place = at[nearest], turns[nearest]
        goes_up = flips_at >= today
        if key in self.solver.written.whole:  # the whole number from which on
            flips_at = float(math.ceil(flips_at) if goes_up else math.floor(flips_at))
        beyond = differences[place + 1] if goes_up else differences[place]
        return {
            **row,
            "flips_at": flips_at,
            "change_share": (flips_at - today) / abs(today) if today else math.nan,
            "p_beyond": _p_beyond(distribution, flips_at, goes_up=goes_up),
            "becomes_cheaper": self.challenger if beyond < 0 else self.baseline,
        }


def _p_beyond(distribution: Distribution, value: float, *, goes_up: bool) -> float:
    """Probability that an input lies beyond a value, on its far side from the median."""
    shares = (np.arange(20_000) + 0.5) / 20_000
    values = distribution.quantile(shares)
    return float(np.mean(values >= value if goes_up else values <= value))


def _strongest_first(table: pd.DataFrame) -> pd.DataFrame:
    swing = (table["difference_at_p90"] - table["difference_at_p10"]).abs()
    order = np.argsort(-swing.fillna(np.inf).to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _nearest_first(table: pd.DataFrame) -> pd.DataFrame:
    order = np.argsort(-table["p_beyond"].fillna(-1.0).to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _indices(work: _Varying, uncertainty: Uncertainty, paths: int) -> pd.DataFrame:
    """First-order and total Sobol indices of the difference at the own volume, inputs taken as independent.

    Estimators of Saltelli et al. (2010), Computer Physics Communications 181, as in scipy.stats.sobol_indices.
    """
    from scipy.stats import sobol_indices

    keys = tuple(uncertainty.inputs)
    tails = {key: one.quantile(np.array([0.001, 0.999])) for key, one in uncertainty.inputs.items()}

    def differences(values: Array) -> Array:
        """Of columns of `values`, shape (inputs, n)."""
        rows = np.clip(values.T, *np.array([tails[key] for key in keys]).T)
        draws = [dict(zip(keys, row, strict=True)) for row in rows.tolist()]
        found = np.array([work.difference(draw) for draw in draws])
        had = ~np.isnan(found)
        return np.where(had, found, found[had].mean() if had.any() else 0.0)  # what can't be had says nothing

    found = sobol_indices(
        func=differences, n=paths, dists=[_Quantiles(one) for one in uncertainty.inputs.values()],
        rng=np.random.default_rng(work.solver.scenario.seed),
    )  # fmt: skip
    table = pd.DataFrame({"key": keys, "first_order": found.first_order, "total": found.total_order})
    return table.sort_values("total", ascending=False, kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class _Quantiles:
    """A distribution as scipy asks for one."""

    distribution: Distribution

    def ppf(self, shares: Any) -> Any:
        return self.distribution.quantile(np.clip(shares, 1e-9, 1.0 - 1e-9))
