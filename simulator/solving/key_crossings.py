"""Break-even in any key: every value at which two options cost the same, and why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from simulator.domain.key_range import KeyBounds, KeyRange, key_range
from simulator.domain.plans import Array, Plan, Sizing
from simulator.simulation.ledger import run_rate, simulate_option
from simulator.simulation.service_holding import as_sized, held_to_level
from simulator.solving.levelised import Levelised, levelised_cost
from simulator.solving.study import BASELINE_ALWAYS_CHEAPER, CHALLENGER_ALWAYS_CHEAPER, INFEASIBLE

Basis = Literal["run_rate", "horizon"]
PlanAt = Callable[[float], Plan]

NO_EFFECT = "no_effect"
JUMP_SHARE = 1e-3  # of the baseline's cost: a smaller step is none
_RELATIVE = 1e-11  # to which a value is solved for
_BESIDE = 1e-9  # relative distance at which both sides of a crossing are looked at
_SAME = 1e-12  # costs that differ by rounding are equal
_FAR = 1e3  # times the range: a value further out is not told


@dataclass(frozen=True)
class KeyCrossing:
    """A value of the key at which the cheaper option changes.

    Attributes
    ----------
    value : float
        Of a key of whole numbers the first value on the upper side.
    value_below : float
        Of a key of whole numbers the last value on the lower side; else `value`.
    becomes_cheaper : str
        Option that is cheaper above, `challenger` or `baseline`.
    kind : str
        `continuous`: both cost the same there; `jump`: they never do, their difference steps over zero.
    baseline_usd, challenger_usd : float
        Right above. [USD per month]
    """

    value: float
    value_below: float
    becomes_cheaper: Literal["challenger", "baseline"]
    kind: Literal["continuous", "jump"]
    baseline_usd: float
    challenger_usd: float


@dataclass(frozen=True)
class KeySolution:
    """Where a challenger and the baseline cost the same, over one key; everything else as the scenario has it.

    Attributes
    ----------
    basis : str
        `run_rate`, or `horizon`: the mean month over the horizon, growth, dated prices and one-off cost included.
    searched : KeyRange
        Values tried. Crossings are found to the resolution of this grid: two between neighbours are both missed.
    baseline_usd, challenger_usd : array of shape (points,)
        Cost at the values tried; NaN where the key can't have the value. [USD per month]
    crossings : tuple of KeyCrossing
        In the order of the values.
    reason, cause : str or None
        Why there is no crossing: `baseline_always_cheaper`, `challenger_always_cheaper`, `infeasible`, `no_effect`; and
        in words. None where there is one.
    levelised : Levelised
        Cost of a token today, and the API's price at which both are equal.
    warnings : tuple of str
        What a reader should know.
    """

    title: str
    bounds: KeyBounds
    baseline: str
    challenger: str
    basis: Basis
    tokens_per_month: float
    searched: KeyRange
    baseline_usd: Array
    challenger_usd: Array
    crossings: tuple[KeyCrossing, ...]
    reason: str | None
    cause: str | None
    levelised: Levelised
    warnings: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key, dotted."""
        return self.bounds.key

    @property
    def today(self) -> float | None:
        """Its value in the scenario."""
        return self.bounds.today

    @property
    def values(self) -> tuple[float, ...]:
        """Values of all crossings."""
        return tuple(crossing.value for crossing in self.crossings)

    @property
    def nearest(self) -> KeyCrossing | None:
        """The crossing nearest to today's value: what would turn the decision; the first where there is none today."""
        if not self.crossings or self.today is None:
            return self.crossings[0] if self.crossings else None
        today = self.today
        return min(self.crossings, key=lambda crossing: abs(crossing.value - today))

    def distance(self, crossing: KeyCrossing) -> float | None:
        """From today's value to a crossing, over today's value; None without one, or where it is 0. [1]"""
        return None if not self.today else (crossing.value - self.today) / abs(self.today)


@dataclass(frozen=True)
class _Costs:
    """Cost of both options at a value, or why there is none."""

    baseline_usd: float = np.nan
    challenger_usd: float = np.nan
    cause: str | None = None

    @property
    def difference_usd(self) -> float:
        difference = self.challenger_usd - self.baseline_usd
        return 0.0 if abs(difference) <= _SAME * abs(self.baseline_usd) else difference


class _Difference:
    """Both costs as functions of the key, every value looked at once."""

    def __init__(self, plan_at: PlanAt, challenger: str, basis: Basis) -> None:
        self.plan_at, self.challenger, self.basis = plan_at, challenger, basis
        self._known: dict[float, _Costs] = {}

    def costs(self, value: float) -> _Costs:
        if value not in self._known:
            self._known[value] = self._look(value)
        return self._known[value]

    def __call__(self, value: float) -> float:
        costs = self.costs(value)
        if costs.cause is not None:
            raise _GapError(costs.cause)
        return costs.difference_usd

    def _look(self, value: float) -> _Costs:
        try:
            plan = self.plan_at(value)
            baseline, ours = (_usd(plan, name, self.basis) for name in (plan.scenario.baseline, self.challenger))
        except ValueError as error:
            return _Costs(cause=str(error).splitlines()[0])
        return _Costs(baseline, ours)


class _GapError(Exception):
    pass


def _usd(plan: Plan, name: str, basis: Basis) -> float:
    """Cost of an option at the scenario's volume, by the month. [USD per month]"""
    volume = plan.scenario.tokens_per_month
    if basis == "run_rate":
        return float(run_rate(plan, name, np.array([volume])).usd_per_month[0])
    ledger = simulate_option(plan, name, volume)
    return ledger.total_usd / ledger.months


def solve_key(
    plan: Plan,
    plan_at: PlanAt,
    bounds: KeyBounds,
    challenger: str,
    *,
    between: tuple[float, float] | None = None,
    over_time: bool = False,
    points: int = 64,
) -> KeySolution:
    """Find every value of a key at which a challenger costs as much as the baseline.

    Parameters
    ----------
    plan : Plan
        The scenario as it is.
    plan_at : function
        From a value of the key to the plan with it; its `ValueError` says that it can't be had.
    bounds : KeyBounds
        Of the key.
    challenger : str
        Name of the option.
    between : (low, high), optional
        Where to search.
    over_time : bool
        Compare the mean month of the horizon instead of the run rate. A key that moves no run rate is compared so
        anyway.
    points : int
        Values tried, at least.

    Returns
    -------
    KeySolution

    Raises
    ------
    ValueError
        If there is no range to search.

    Notes
    -----
    The difference of the costs is sampled on the grid, and every change of its sign refined by Brent's method (R. P.
    Brent, Algorithms for Minimization without Derivatives, 1973), which needs no slope and ends at the step where
    there is one. Every value has the same random draws. With a service level fleets have the size that today's value
    asks for, and a value at which an option misses the level can't be had.
    """
    searched = key_range(bounds, between, points)
    basis: Basis = "horizon" if over_time else "run_rate"
    plan = held_to_level(plan, leave_out=False)
    if plan.scenario.service_level is not None:
        plan_at = _held_at(plan_at, plan.sizings)
    difference = _Difference(plan_at, challenger, basis)
    if not over_time and _moves_nothing(difference, searched):
        later = _Difference(plan_at, challenger, "horizon")
        if not _moves_nothing(later, searched):
            basis, difference = "horizon", later
    costs = [difference.costs(float(value)) for value in searched.tried]
    found, warnings = _crossings(difference, searched, costs, is_whole=bounds.is_whole)
    reason, cause = (None, None) if found else _reason(bounds, searched, costs)
    if basis == "horizon" and not over_time:
        warnings.insert(0, f"{bounds.key} moves costs over time only: the mean month of the horizon is compared")
    warnings += [
        f"{one.option} has the size that the service level asks for today, {one.where} {one.after:g} in place of "
        f"{one.before:g}, at all values"
        for one in plan.sizings
    ]
    return KeySolution(
        title=plan.scenario.title,
        bounds=bounds,
        baseline=plan.scenario.baseline,
        challenger=challenger,
        basis=basis,
        tokens_per_month=plan.scenario.tokens_per_month,
        searched=searched,
        baseline_usd=np.array([one.baseline_usd for one in costs]),
        challenger_usd=np.array([one.challenger_usd for one in costs]),
        crossings=tuple(found),
        reason=reason,
        cause=cause,
        levelised=levelised_cost(plan, challenger),
        warnings=tuple(dict.fromkeys(warnings + _gaps(searched, costs))),
    )


def _held_at(plan_at: PlanAt, sizings: Sequence[Sizing]) -> PlanAt:
    """The plan at a value, fleets sized as today; what misses the service level there is left out of it."""
    return lambda value: held_to_level(as_sized(plan_at(value), sizings), sizes=False)


def _moves_nothing(difference: _Difference, searched: KeyRange) -> bool:
    """Whether a look at some values of the grid finds the same costs everywhere."""
    places = np.unique(np.linspace(0, searched.tried.size - 1, 7).astype(int))
    looked = [difference.costs(float(value)) for value in searched.tried[places]]
    first = next((costs for costs in looked if costs.cause is None), None)
    if first is None:
        return False
    return all(
        abs(costs.baseline_usd - first.baseline_usd) <= _SAME * abs(first.baseline_usd)
        and abs(costs.challenger_usd - first.challenger_usd) <= _SAME * abs(first.challenger_usd)
        for costs in looked
        if costs.cause is None
    )


def _crossings(
    difference: _Difference, searched: KeyRange, costs: list[_Costs], *, is_whole: bool
) -> tuple[list[KeyCrossing], list[str]]:
    """Every change of sign between neighbours that can be had."""
    found: list[KeyCrossing] = []
    warnings: list[str] = []
    before: int | None = None  # the last value with a difference other than zero
    for place, one in enumerate(costs):
        if one.cause is not None:
            before = None
        elif one.difference_usd != 0.0:
            if before is not None and (costs[before].difference_usd < 0) != (one.difference_usd < 0):
                ends = float(searched.tried[before]), float(searched.tried[place])
                try:
                    found.append(_refined(difference, *ends, is_whole=is_whole))
                except _GapError as gap:
                    warnings.append(f"a crossing between {ends[0]:g} and {ends[1]:g} lies beside values refused: {gap}")
            before = place
    return found, warnings


def _refined(difference: _Difference, low: float, high: float, *, is_whole: bool) -> KeyCrossing:
    is_ours_above = difference(high) < 0
    if is_whole:
        while high - low > 1:
            middle = float((low + high) // 2)
            if difference(middle) != 0.0 and (difference(middle) < 0) != is_ours_above:
                low = middle
            else:
                high = middle
        value, below = high, low
    else:
        value = below = float(brentq(difference, low, high, xtol=_RELATIVE * (high - low), rtol=_RELATIVE))
    width = 0.0 if is_whole else _BESIDE * max(abs(value), high - low)
    under, over = difference.costs(max(low, below - width)), difference.costs(min(high, value + width))
    if under.cause is not None or over.cause is not None:
        raise _GapError(under.cause or over.cause)
    step = abs(over.difference_usd - under.difference_usd)
    is_jump = step > JUMP_SHARE * abs(over.baseline_usd) and over.difference_usd != 0.0
    return KeyCrossing(
        value=value,
        value_below=below,
        becomes_cheaper="challenger" if is_ours_above else "baseline",
        kind="jump" if is_jump else "continuous",
        baseline_usd=over.baseline_usd,
        challenger_usd=over.challenger_usd,
    )


def _reason(bounds: KeyBounds, searched: KeyRange, costs: list[_Costs]) -> tuple[str, str]:
    """Why there is no crossing, and in words."""
    feasible = [place for place, one in enumerate(costs) if one.cause is None]
    if not feasible:
        return INFEASIBLE, f"no value can be had: {costs[0].cause}"
    differences = np.array([costs[place].difference_usd for place in feasible])
    values = searched.tried[feasible]
    if np.ptp(differences) <= _SAME * np.abs(differences).max(initial=0.0):
        return NO_EFFECT, "the difference of the costs does not depend on the key"
    needed = _needed(bounds, searched, values, differences)
    if needed is not None:
        return INFEASIBLE, f"it would have to be about {float(f'{needed:.3g}'):,.12g}, but must be {bounds.in_words}"
    reason = CHALLENGER_ALWAYS_CHEAPER if differences[differences != 0][0] < 0 else BASELINE_ALWAYS_CHEAPER
    nearest = int(np.abs(differences).argmin())
    at = f"they are nearest at {values[nearest]:.4g}, {abs(differences[nearest]):,.0f} USD a month apart"
    return reason, f"from {searched.low:.4g} to {searched.high:.4g} the same option is cheaper; {at}"


def _needed(bounds: KeyBounds, searched: KeyRange, values: Array, differences: Array) -> float | None:
    """Value beyond a bound at which the costs would be equal if they went on in a straight line."""
    if values.size < 2:
        return None
    ends = [(searched.ends_at_low, 0, 1, -1.0), (searched.ends_at_high, -1, -2, 1.0)]
    found = []
    for is_bound, last, inner, side in ends:
        slope = (differences[last] - differences[inner]) / (values[last] - values[inner])
        if not is_bound or slope == 0.0:
            continue
        needed = float(values[last] - differences[last] / slope)
        if side * (needed - values[last]) > 0 and abs(needed - values[last]) < _FAR * (searched.high - searched.low):
            found.append(needed)
    return min(found, key=lambda value: float(np.abs(values - value).min())) if found else None


def _gaps(searched: KeyRange, costs: list[_Costs]) -> list[str]:
    """Values of the grid that can't be had: every run of neighbours with the first one's cause."""
    texts = []
    refused = [place for place, one in enumerate(costs) if one.cause is not None]
    if len(refused) == len(costs):
        return []  # the reason says so
    for first in refused:
        if first - 1 in refused:
            continue
        last = next(place for place in range(first, len(costs) + 1) if place not in refused) - 1
        low, high = (float(searched.tried[place]) for place in (first, last))
        where = f"at {low:.4g}" if first == last else f"at {last - first + 1} values from {low:.4g} to {high:.4g}"
        texts.append(f"can't be had {where}: {costs[first].cause}")
    return texts
