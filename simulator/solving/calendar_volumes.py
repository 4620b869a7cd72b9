"""The break-even volume over calendar time: what it is at the prices of each bill month, beside the demand's path."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from simulator.domain.api_plans import BilledPart, PriceTable
from simulator.domain.plans import Array, FleetPlan, OptionPlan, Plan
from simulator.domain.rates_over_time import RateCourse, mean_rates
from simulator.domain.scenario import Comparison
from simulator.domain.units import HOURS_PER_DAY, HOURS_PER_MONTH
from simulator.simulation.shared_costs import demand_of
from simulator.solving.study import solve

MOST_MONTHS_SOLVED = 13
_A_MOMENT_HOURS = 1.0 / 3600.0


@dataclass(frozen=True)
class VolumesOverTime:
    """First and settled break-even of a challenger at the prices of some bill months, at run rate.

    Attributes
    ----------
    months : array of shape (n,)
        Bill months, from 0.
    month_starts : tuple of n datetime
        Their first moments.
    first, settled : array of shape (n,)
        [tokens per month]; 0: any volume, NaN: none.
    reasons : tuple of n str or None
        Why there is no settled one.
    demand_tokens_per_month : array of shape (n,)
        Mean demand of each of the months. [tokens per month]
    """

    baseline: str
    challenger: str
    months: Array
    month_starts: tuple[datetime, ...]
    first: Array
    settled: Array
    reasons: tuple[str | None, ...]
    demand_tokens_per_month: Array


def volumes_over_time(plan: Plan, challenger: str, most: int = MOST_MONTHS_SOLVED) -> VolumesOverTime:
    """Solve for the break-even volume at the prices of the first day of bill months.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    challenger : str
        Name of the option.
    most : int
        Months solved for at most, evenly over the horizon, its first and last among them.

    Returns
    -------
    VolumesOverTime

    Raises
    ------
    ValueError
        If the baseline can't be planned.
    """
    horizon, scenario = plan.scenario.horizon, plan.scenario
    months = np.unique(np.rint(np.linspace(0, horizon.bill_months - 1, min(most, horizon.bill_months))).astype(int))
    pair = Comparison(baseline=scenario.baseline, challengers=(challenger,))
    alone = dataclasses.replace(plan, scenario=scenario.model_copy(update={"comparison": pair}))
    found = [solve(plan_at_month(alone, int(month))).pairs[challenger] for month in months]
    growth = demand_of(plan).growth
    return VolumesOverTime(
        baseline=scenario.baseline,
        challenger=challenger,
        months=months.astype(np.float64),
        month_starts=tuple(horizon.month_start_utc(int(month)) for month in months),
        first=np.array([np.nan if one.first is None else one.first for one in found]),
        settled=np.array([np.nan if one.settled is None else one.settled for one in found]),
        reasons=tuple(one.reason for one in found),
        demand_tokens_per_month=scenario.tokens_per_month * growth[months],
    )


def prices_move(plan: Plan, names: tuple[str, ...]) -> bool:
    """Whether a price of these options, or of an API that one overflows to, is another one in some bill month."""
    targets = (plan.scenario.overflow_target(name) for name in names)
    options = (plan.options.get(name) for name in dict.fromkeys((*names, *(name for name in targets if name))))
    return any(
        option.moves_over_time if isinstance(option, FleetPlan) else any(_moves(part) for part in option.parts)
        for option in options
        if option is not None
    )


def plan_at_month(plan: Plan, month: int) -> Plan:
    """The plan with the prices of a bill month's first day from the first day on, declines included."""
    if month == 0:
        return plan
    return dataclasses.replace(plan, options={name: _at_month(option, month) for name, option in plan.options.items()})


def _at_month(option: OptionPlan, month: int) -> OptionPlan:
    if isinstance(option, FleetPlan):
        return _fleet_at(option, month * HOURS_PER_MONTH)
    return dataclasses.replace(option, parts=tuple(_part_at(part, month) for part in option.parts))


def _fleet_at(option: FleetPlan, hour: float) -> FleetPlan:
    """The fleet that serves at an hour of the horizon, at the rates of then."""
    begun = [stage.fleet for stage in option.stages if stage.from_hour <= hour]
    fleet = dataclasses.replace(begun[-1] if begun else option, stages=())

    def rate(course: RateCourse | None, usd_per_hour: float) -> float:
        return float(mean_rates(course, usd_per_hour, np.array([hour, hour + _A_MOMENT_HOURS]))[0])

    reserved = fleet.reserved
    if reserved is not None:
        usd = rate(reserved.course, reserved.usd_per_replica_hour)
        reserved = dataclasses.replace(reserved, usd_per_replica_hour=usd, course=None)
    return dataclasses.replace(
        fleet,
        usd_per_replica_hour=rate(fleet.rent_course, fleet.usd_per_replica_hour),
        usd_per_spot_replica_hour=rate(fleet.spot_course, fleet.usd_per_spot_replica_hour),
        rent_course=None,
        spot_course=None,
        reserved=reserved,
        sites=tuple(
            dataclasses.replace(site, usd_per_replica_hour=rate(site.course, site.usd_per_replica_hour), course=None)
            for site in fleet.sites
        ),
    )


def _part_at(part: BilledPart, month: int) -> BilledPart:
    decline = part.terms.price_decline
    factor = 1.0 if decline is None else decline.factor(month)

    def later(table: PriceTable) -> PriceTable:
        day = min(int(month * HOURS_PER_MONTH // HOURS_PER_DAY), table.usd.shape[0] - 1)
        return PriceTable(table.usd[day:] * factor)

    return dataclasses.replace(
        part,
        prices=later(part.prices),
        prefixes=tuple(dataclasses.replace(prefix, change=later(prefix.change)) for prefix in part.prefixes),
        terms=part.terms.model_copy(update={"price_decline": None}),
    )


def _moves(part: BilledPart) -> bool:
    decline = part.terms.price_decline
    return (decline is not None and decline.share_per_year > 0) or bool(np.any(part.prices.usd != part.prices.usd[:1]))
