"""Cost against revenue, month by month: share of revenue, gross margin, cost of a completed task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.budget import share_of_revenue
from simulator.domain.plans import Array, Plan
from simulator.simulation.results import Ledger
from simulator.simulation.shared_costs import demand_of
from simulator.solving.horizon import charges_by_month

# A published rule of thumb: what inference may cost of the revenue once a product is mature. Undated, not verified.
RULE_OF_REVENUE_SHARE = (0.25, 0.30)


@dataclass(frozen=True)
class Budget:
    """One option's cost against what the requests earn. Arrays have shape (months,).

    Attributes
    ----------
    cost_usd, revenue_usd : array
        Charged without one-off cost, and earned. [USD]
    usd_per_completed_task : float or None
        Mean over the horizon, failed attempts included; None without requests. [USD]
    hours_saved_usd : array or None
        What the work is worth that the completed tasks save; None where that is not told. [USD]
    """

    option: str
    cost_usd: Array
    revenue_usd: Array
    usd_per_completed_task: float | None
    hours_saved_usd: Array | None = None

    @property
    def share(self) -> Array:
        """Cost over revenue. [1]"""
        return share_of_revenue(self.cost_usd, self.revenue_usd)

    @property
    def gross_margin(self) -> Array:
        """What is left of the revenue after this cost alone, over the revenue. [1]"""
        return np.asarray(1.0 - self.share)

    @property
    def mean_share(self) -> float:
        """Cost over revenue of the whole horizon. [1]"""
        return float(share_of_revenue(self.cost_usd.sum(), self.revenue_usd.sum()))

    def months_within(self, most_share: float) -> int:
        """Bill months whose cost is at most such a share of the revenue."""
        return int(np.sum(self.share <= most_share * (1.0 + 1e-12)))


def budget_of(plan: Plan, ledger: Ledger) -> Budget:
    """Hold an option's bill months against the revenue that the scenario gives.

    Parameters
    ----------
    plan : Plan
        The scenario, with its finance.
    ledger : Ledger
        Of the option, over the horizon.

    Returns
    -------
    Budget
        Without a revenue in the scenario its shares are infinite.
    """
    horizon, finance = plan.scenario.horizon, plan.scenario.finance
    ends = np.minimum(np.arange(1.0, horizon.bill_months + 1.0), horizon.in_months)
    lengths = np.diff(np.concatenate(([0.0], ends)))
    requests = demand_of(plan).by_month(ledger.arriving_tokens) / ledger.mix.total_tokens
    cost = charges_by_month(plan, ledger, ends)
    total = float(requests.sum())
    each = None if total <= 0 else finance.usd_per_completed_task(float(cost.sum()) / total)
    saved = finance.saved_usd(requests) if finance.saves_hours else None
    return Budget(ledger.option, cost, finance.revenue_usd(requests, lengths), each, saved)
