"""When to switch: what the horizon costs if the challenger takes over in each of its months, and the regret of any
other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulator.domain.cash_flows import present_value_usd
from simulator.domain.finance import rate_per_month
from simulator.domain.owning import OwnedFigures
from simulator.domain.plans import Array, FleetPlan, Plan
from simulator.domain.units import HOURS_PER_MONTH
from simulator.simulation.ledger import simulate_option
from simulator.simulation.results import Ledger
from simulator.solving.horizon import Cash, cash_of, hardware_cash, horizon_hours, ledger_pair, month_ends, owned_of


@dataclass(frozen=True)
class Switching:
    """Cost of the horizon by the month of the switch. Arrays have shape (months + 1,); the last entry: never.

    Attributes
    ----------
    cost_usd : array
        The baseline before the switch and the challenger from then on, one-off cost and hardware at the switch, less
        what hardware is worth at the end; at the rate of discount, where one is given. [USD]
    is_discounted : bool
        Whether a rate is given.
    """

    challenger: str
    cost_usd: Array
    is_discounted: bool

    @property
    def regret_usd(self) -> Array:
        """What each month costs more than the best one. [USD]"""
        return np.asarray(self.cost_usd - self.cost_usd.min())

    @property
    def best_month(self) -> int | None:
        """Bill month, from 0, in which the switch costs least; None: never switch. The first of equal ones."""
        least = float(self.cost_usd.min())
        month = int(np.argmax(self.cost_usd <= least + 1e-12 * abs(least)))
        return None if month == self.cost_usd.size - 1 else month


def switching(plan: Plan, challenger: str, ledgers: Mapping[str, Ledger] | None = None) -> Switching:
    """Cost of switching to a challenger at the start of every bill month, or never.

    Parameters
    ----------
    plan, challenger, ledgers
        As in `ledger_pair`.

    Returns
    -------
    Switching

    Notes
    -----
    Rents, prices and salaries of a month are those of the ledger, whenever the switch was: the fleet of a month
    follows the demand of that month. Hardware is bought at the switch, lives from then on and is replaced as the
    scenario says; hardware that is there before the horizon is paid already, and what is bought with the switch is
    replaced at the end of its life. What the weeks until a fleet is live cost more than a fleet that is live at once,
    over the horizon as the scenario has it, is added to the one-off cost of the switch.
    """
    baseline, ours = ledger_pair(plan, challenger, ledgers)
    ends, hours = month_ends(plan), horizon_hours(plan)
    months = ends.size
    starts = np.arange(float(months))
    rate = plan.scenario.finance.discount_rate_per_year
    monthly = 0.0 if rate is None else rate_per_month(rate)
    before = cash_of(plan, baseline)
    before_usd = _values(before.at_starts_usd + 0.0, starts, monthly) + _values(before.through_usd, ends, monthly)
    running, extra_usd = _running(plan, challenger, ours)
    running_usd = _values(running.through_usd, ends, monthly)
    owned = owned_of(plan, challenger)
    cost = np.zeros(months + 1)
    for month in range(months + 1):
        switched = np.arange(months) >= month
        cost[month] = before_usd[~switched].sum() + running_usd[switched].sum()
        if month < months:
            once, left = _at_switch(running, owned, month, hours)
            once[month] += extra_usd
            cost[month] += _values(once, starts, monthly).sum() - present_value_usd(
                np.array([left]), ends[-1:], monthly
            )
    # What the baseline took at the very start is spent whenever one switches later; its hardware is sold at the end.
    cost[1:] -= present_value_usd(np.array([before.left_usd]), ends[-1:], monthly)
    return Switching(challenger, cost, rate is not None)


def _values(amounts_usd: Array, times: Array, rate: float) -> Array:
    """Worth at time 0 of each amount; shape as given. [USD]"""
    return np.asarray(amounts_usd * (1.0 + rate) ** -times)


def _running(plan: Plan, name: str, ledger: Ledger) -> tuple[Cash, float]:
    """The option as if it ran from the first month to the last, and what going live costs beside. [USD]"""
    option = plan.options[name]
    weeks = option.overheads.weeks_until_live if isinstance(option, FleetPlan) else 0.0
    owned = None if (given := owned_of(plan, name)) is None else _from_the_start(given)
    if not isinstance(option, FleetPlan) or (weeks <= 0.0 and owned == given):
        return cash_of(plan, ledger), 0.0
    overheads = dataclasses.replace(option.overheads, weeks_until_live=0.0)
    changed = dataclasses.replace(option, overheads=overheads, owned=owned)
    at_once = dataclasses.replace(plan, options={**plan.options, name: changed})
    cash = cash_of(at_once, simulate_option(at_once, name, plan.scenario.tokens_per_month))
    if owned is not None:
        return cash, 0.0
    return cash, float(cash_of(plan, ledger).through_usd.sum() - cash.through_usd.sum())


def _from_the_start(owned: OwnedFigures) -> OwnedFigures:
    """Hardware that is delivered at the switch and replaced at the end of its life; older hardware as it is."""
    if owned.delivered_at_hour < 0.0:
        return owned
    return dataclasses.replace(owned, delivered_at_hour=0.0, end_of_life="replace")


def _at_switch(running: Cash, owned: OwnedFigures | None, month: int, hours: float) -> tuple[Array, float]:
    """Spent at the start of each bill month if the switch is in `month`, and what is left at the end. [USD]"""
    months = running.at_starts_usd.size
    once = np.zeros(months)
    if owned is None or owned.delivered_at_hour < 0.0:
        # All that was spent until then is one-off cost, which the ledger has in the first month; later it is
        # replacements.
        once[month:] = running.at_starts_usd[month:]
        once[month] += running.at_starts_usd[:month].sum()
        return once, running.left_usd
    bought_at_0, _ = hardware_cash(_from_the_start(owned), months, hours)
    bought, left = hardware_cash(_from_the_start(owned), months - month, hours - month * HOURS_PER_MONTH)
    once[month:] = bought
    once[month] += running.at_starts_usd.sum() - bought_at_0.sum()
    return once, left
