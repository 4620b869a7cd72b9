"""Two options over the horizon: when the cheaper one changes, when what was spent is paid back, what it is worth.

Two views of the same ledgers. *Charges* are what a month costs, hardware by its depreciation: they say which option
is cheaper in that month. *Cash* is what changes hands, hardware at its price when it is delivered and at its residual
value at the end of its life: it says when an outlay is paid back and what it earns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from simulator.domain.cash_flows import SideChange, changes_of_side, internal_rates, present_value_usd
from simulator.domain.finance import rate_per_month
from simulator.domain.owned_costs import CAPITAL_LINES, capital_cash
from simulator.domain.owning import OwnedFigures
from simulator.domain.plans import Array, FleetPlan, Plan
from simulator.domain.units import MONTHS_PER_YEAR, SECONDS_PER_HOUR
from simulator.simulation.ledger import settled, simulate_option
from simulator.simulation.results import Ledger

_SAME = 1e-12  # relative: costs that differ by rounding are equal


@dataclass(frozen=True)
class Turn:
    """A bill month in which the option that was dearer in the month before no longer is.

    `month` counts from 0, `start` is its first moment. `months` lies between the two months, where the ratio of the
    costs, taken to change by the same factor every moment, is one: exact where both costs grow or fall at a steady
    rate.
    """

    month: int
    months: float
    start: datetime
    becomes_cheaper: Literal["challenger", "baseline"]


@dataclass(frozen=True)
class Cash:
    """What an option takes in cash over the horizon. [USD]

    Attributes
    ----------
    at_starts_usd : array of shape (months,)
        At the start of each bill month: one-off cost, hardware at its delivery, less what is sold.
    through_usd : array of shape (months,)
        In the course of each bill month: everything else, without what hardware is charged.
    left_usd : float
        What hardware fetches, or stands in the books at, at the end of the horizon.
    """

    at_starts_usd: Array
    through_usd: Array
    left_usd: float


@dataclass(frozen=True)
class OverTime:
    """One challenger against the baseline over the horizon, at the scenario's volume. Arrays have shape (months,).

    Attributes
    ----------
    month_starts : tuple of datetime
        First moment of every bill month.
    ends_months : array
        End of every bill month, after the start of the horizon. [months]
    baseline_usd, challenger_usd : array
        Charged in the month, without one-off cost; what is paid at intervals in equal parts. [USD]
    baseline_cash, challenger_cash : Cash
        What changes hands.
    turns : tuple of Turn
        Every month in which the cheaper option changes.
    outlay_usd : float
        What the challenger takes at the very start, more than the baseline. [USD]
    changes : tuple of SideChange
        When the sum of all savings, the outlay deducted, comes to zero: paid back, and undone. Without what is left.
    discounted_changes : tuple of SideChange
        The same at the rate of discount; empty where none is given.
    discount_rate_per_year : float or None
        As the scenario gives it.
    npv_usd : float or None
        Present value of all savings, what is left included; None without a rate. [USD]
    rates_per_month : tuple of float
        Internal rates of return: of several none is a return. [1 per month]
    """

    baseline: str
    challenger: str
    month_starts: tuple[datetime, ...]
    ends_months: Array
    baseline_usd: Array
    challenger_usd: Array
    baseline_cash: Cash
    challenger_cash: Cash
    turns: tuple[Turn, ...]
    outlay_usd: float
    changes: tuple[SideChange, ...]
    discounted_changes: tuple[SideChange, ...]
    discount_rate_per_year: float | None
    npv_usd: float | None
    rates_per_month: tuple[float, ...]

    @property
    def saved_usd(self) -> Array:
        """Sum of all savings at the end of each month, the outlay deducted, without what is left. [USD]"""
        return np.cumsum(self.at_starts_usd + self.savings_usd)

    @property
    def at_starts_usd(self) -> Array:
        """Saved at the start of each month; what the challenger takes more is negative. [USD]"""
        return self.baseline_cash.at_starts_usd - self.challenger_cash.at_starts_usd

    @property
    def savings_usd(self) -> Array:
        """Saved in the course of each month. [USD]"""
        return self.baseline_cash.through_usd - self.challenger_cash.through_usd

    @property
    def left_usd(self) -> float:
        """What the challenger's hardware is worth at the end, more than the baseline's. [USD]"""
        return self.challenger_cash.left_usd - self.baseline_cash.left_usd

    @property
    def paid_back(self) -> SideChange | None:
        """When what was spent is first paid back; None where it never was behind, or is not paid back in the
        horizon."""
        return next((change for change in self.changes if change.into == "ahead"), None)

    @property
    def undone(self) -> SideChange | None:
        """When the first payback is undone again."""
        paid = self.paid_back
        later = (change for change in self.changes if paid is not None and change.months > paid.months)
        return next((change for change in later if change.into == "behind"), None)

    @property
    def discounted_payback(self) -> SideChange | None:
        """As `paid_back`, at the rate of discount."""
        return next((change for change in self.discounted_changes if change.into == "ahead"), None)

    @property
    def irr_per_month(self) -> float | None:
        """Internal rate of return; None where there is none, or several, or nothing is laid out. [1 per month]"""
        lays_out = bool(np.any(self.at_starts_usd < 0))
        return self.rates_per_month[0] if lays_out and len(self.rates_per_month) == 1 else None

    @property
    def irr_per_year(self) -> float | None:
        """The same, compounded over twelve months. [1 per year]"""
        rate = self.irr_per_month
        return None if rate is None else (1.0 + rate) ** MONTHS_PER_YEAR - 1.0

    @property
    def outlay_for_zero_npv_usd(self) -> float | None:
        """The outlay at the start at which the present value would be zero; None without a rate. [USD]"""
        return None if self.npv_usd is None else self.outlay_usd + self.npv_usd


def over_time(plan: Plan, challenger: str, ledgers: Mapping[str, Ledger] | None = None) -> OverTime:
    """Hold a challenger against the baseline month by month, at the scenario's own volume.

    Parameters
    ----------
    plan, challenger, ledgers
        As in `ledger_pair`.

    Returns
    -------
    OverTime

    Raises
    ------
    ValueError
        If an option is unknown or can't be planned.
    """
    horizon, baseline = plan.scenario.horizon, plan.scenario.baseline
    found = ledger_pair(plan, challenger, ledgers)
    ends = month_ends(plan)
    months = ends.size
    starts = tuple(horizon.month_start_utc(month) for month in range(months))
    charged = [charges_by_month(plan, ledger, ends) for ledger in found]
    cash = [cash_of(plan, ledger) for ledger in found]
    rate = plan.scenario.finance.discount_rate_per_year
    at_starts = cash[0].at_starts_usd - cash[1].at_starts_usd
    savings = cash[0].through_usd - cash[1].through_usd
    amounts = np.concatenate((at_starts, savings, [cash[1].left_usd - cash[0].left_usd]))
    times = np.concatenate((np.arange(float(months)), ends, ends[-1:]))
    monthly = None if rate is None else rate_per_month(rate)
    return OverTime(
        baseline=baseline,
        challenger=challenger,
        month_starts=starts,
        ends_months=ends,
        baseline_usd=charged[0],
        challenger_usd=charged[1],
        baseline_cash=cash[0],
        challenger_cash=cash[1],
        turns=turns_of(charged[0], charged[1], starts),
        outlay_usd=-float(at_starts[0]),
        changes=changes_of_side(at_starts, savings, ends),
        discounted_changes=() if monthly is None else changes_of_side(at_starts, savings, ends, monthly),
        discount_rate_per_year=rate,
        npv_usd=None if monthly is None else present_value_usd(amounts, times, monthly),
        rates_per_month=internal_rates(*_in_order(amounts, times)),
    )


def challenger_named(plan: Plan, name: str | None, argument: str = "challenger") -> str:
    """An option to hold against the baseline, the first challenger where none is named; refuses any other name."""
    scenario = plan.scenario
    if name is None:
        return scenario.challengers[0]
    others = [option for option in scenario.options if option != scenario.baseline]
    if name not in others:
        raise ValueError(f"{argument} is '{name}', must be one of {', '.join(others)}")
    return name


def ledger_pair(plan: Plan, challenger: str, ledgers: Mapping[str, Ledger] | None = None) -> tuple[Ledger, Ledger]:
    """Baseline and challenger over the horizon.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    challenger : str
        Name of the option.
    ledgers : mapping of Ledger by option, optional
        Options that are simulated over the horizon already.
    """
    known = ledgers or {}
    volume = plan.scenario.tokens_per_month
    names = (plan.scenario.baseline, challenger)
    first, second = (known[name] if name in known else simulate_option(plan, name, volume) for name in names)
    return first, second


def month_ends(plan: Plan) -> Array:
    """End of every bill month of the horizon after its start, the last one maybe short; shape (months,). [months]"""
    horizon = plan.scenario.horizon
    return np.minimum(np.arange(1.0, horizon.bill_months + 1.0), horizon.in_months)


def horizon_hours(plan: Plan) -> float:
    """Length of the horizon. [h]"""
    return plan.scenario.horizon.duration_s / SECONDS_PER_HOUR


def charges_by_month(plan: Plan, ledger: Ledger, ends_months: Array) -> Array:
    """What each bill month is charged, without one-off cost; shape (months,). [USD]

    What comes again at intervals is spread evenly: a month in which it is due is no month in which another option is
    cheaper.
    """
    repeated = plan.options[ledger.option].overheads.repeated
    lengths = np.diff(np.concatenate(([0.0], ends_months)))
    lines = ledger.costs.drop(columns=["one_off", *repeated], errors="ignore")
    even = sum(cost.usd_per_month for cost in repeated.values())
    return _sum(lines) + even * lengths


def cash_of(plan: Plan, ledger: Ledger) -> Cash:
    """What an option takes in cash by bill month.

    Hardware is paid and sold at the start of the bill month in which that happens. Hardware that was delivered before
    the horizon was paid before it.
    """
    at_starts = _one_off(ledger)
    owned = owned_of(plan, ledger.option)
    lines = ledger.costs.drop(columns="one_off", errors="ignore")
    if owned is None:
        return Cash(at_starts, _sum(lines), 0.0)
    bought, left = hardware_cash(owned, at_starts.size, horizon_hours(plan))
    return Cash(at_starts + bought, _sum(lines.drop(columns=list(CAPITAL_LINES), errors="ignore")), left)


def owned_of(plan: Plan, name: str) -> OwnedFigures | None:
    """Hardware that an option buys, None where it rents or buys tokens."""
    option = settled(plan, name)
    return option.owned if isinstance(option, FleetPlan) else None


def hardware_cash(owned: OwnedFigures, months: int, horizon_hours: float) -> tuple[Array, float]:
    """Purchases less sales at the start of each bill month, shape (months,), and what is left at the end. [USD]"""
    # A moment before the end: what ends with the horizon is left, at the residual value, and not replaced any more.
    cash = capital_cash(owned, months, float(np.nextafter(horizon_hours, 0.0)))
    return cash.purchases_usd - cash.sales_usd, cash.value_left_usd


def turns_of(baseline_usd: Array, challenger_usd: Array, starts: tuple[datetime, ...]) -> tuple[Turn, ...]:
    """Every month in which the cheaper option changes; equal costs count as the challenger's."""
    is_ours = challenger_usd <= baseline_usd * (1.0 + _SAME)
    turns = []
    for month in np.flatnonzero(is_ours[1:] != is_ours[:-1]) + 1:
        before = month - 1
        costs = (baseline_usd[before], challenger_usd[before], baseline_usd[month], challenger_usd[month])
        turns.append(
            Turn(
                month=int(month),
                months=float(before + _share_until_equal(*(float(usd) for usd in costs))),
                start=starts[month],
                becomes_cheaper="challenger" if is_ours[month] else "baseline",
            )
        )
    return tuple(turns)


def _share_until_equal(baseline: float, challenger: float, baseline_then: float, challenger_then: float) -> float:
    """Share of the way from one month to the next at which the costs are equal."""
    if min(baseline, challenger, baseline_then, challenger_then) > 0:
        gap, gap_then = np.log(challenger / baseline), np.log(challenger_then / baseline_then)
    else:
        gap, gap_then = challenger - baseline, challenger_then - baseline_then
    return float(gap / (gap - gap_then)) if gap != gap_then else 1.0


def _one_off(ledger: Ledger) -> Array:
    if "one_off" in ledger.costs:
        return np.array(ledger.costs["one_off"], dtype=np.float64)
    return np.zeros(len(ledger.costs))


def _sum(lines: pd.DataFrame) -> Array:
    return np.array(lines.sum(axis=1), dtype=np.float64)


def _in_order(amounts: Array, times: Array) -> tuple[Array, Array]:
    """Amounts of equal times added up, in the order of time, without those that are zero but for rounding."""
    when = np.unique(times)
    sums = np.array([amounts[times == time].sum() for time in when])
    matter = np.abs(sums) > _SAME * np.abs(amounts).sum()
    return sums[matter], when[matter]
