"""Hits of a shared prompt prefix over time: how many requests come soon enough after the one before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.domain.api_plans import BilledPart, PrefixHits
from simulator.domain.plans import Array
from simulator.simulation.demand import Demand
from simulator.simulation.lanes import demand_rows

_GROUPS = 1_024  # steps of nearly the same rate that are taken together; the error is of second order in their width


@dataclass(frozen=True, eq=False)
class HitCurve:
    """Hits of one prefix at any volume: groups of steps with their rate and what their hits are worth.

    `rates` (groups,) are means over the lifetime before, over the volume; `usd` (groups, lines) the change of the bill
    of a request a month if all find the prefix.
    """

    prefix: PrefixHits
    rates: Array
    usd: Array

    def change_usd(self, requests_per_month: Array) -> Array:
        """Change of the monthly bill by line at n volumes. Shape (lines, n). [USD per month]"""
        hits = self.prefix.hit_share(self.rates[:, None] * requests_per_month)
        change: Array = (self.usd.T @ hits) * requests_per_month
        return change


@lru_cache(maxsize=16)
def recent_profile(demand: Demand, lifetime_s: float) -> Array:
    """Mean of the profile over the lifetime before the middle of each step. Shape (steps,).

    Before the start every step is like the first.
    """
    profile, step_s = demand.profile, demand.step_s
    edges_s = demand.edges_s
    arrived = np.concatenate(([0.0], np.cumsum(profile))) * step_s
    middles_s = edges_s[:-1] + step_s / 2
    since_s = middles_s - lifetime_s
    before = np.where(since_s < 0, since_s * profile[0], np.interp(since_s, edges_s, arrived))
    recent: Array = np.maximum((np.interp(middles_s, edges_s, arrived) - before) / lifetime_s, 0.0)
    return recent


def prices_by_step(part: BilledPart, demand: Demand, requests_per_month: float, *, run_rate: bool = False) -> Array:
    """List price of a mean request in each step by line, its prefixes hit as often as requests come then.

    Parameters
    ----------
    part : BilledPart
        Prices and prefixes.
    demand : Demand
        What comes when.
    requests_per_month : float
        Volume of month 0; growth is on it but at run rate. [requests per month]
    run_rate : bool
        The prices of the first day, and no growth.

    Returns
    -------
    array of shape (steps, lines)
        [USD per request]
    """
    usd = part.prices.between(demand.edges_s, run_rate=run_rate)
    grown = requests_per_month if run_rate else requests_per_month * demand.growth_by_step
    for prefix in part.prefixes:
        hits = prefix.hit_share(recent_profile(demand, prefix.lifetime_s) * grown)
        usd = usd + hits[:, None] * prefix.change.between(demand.edges_s, run_rate=run_rate)
    return usd


@lru_cache(maxsize=32)
def hit_curve(prefix: PrefixHits, demand: Demand) -> HitCurve:
    """The hits of a prefix at run rate."""
    usd = prefix.change.between(demand.edges_s, run_rate=True)
    weights = demand_rows(demand, "input")[0] / demand.steps  # prefixes are prompts: billed with their length
    recent = recent_profile(demand, prefix.lifetime_s)
    order = np.argsort(recent, kind="stable")
    starts = np.unique(np.linspace(0, demand.steps, min(_GROUPS, demand.steps) + 1).astype(np.int64)[:-1])
    weight = np.add.reduceat(weights[order], starts)
    sums = np.add.reduceat((weights * recent)[order], starts)
    counts = np.diff(np.append(starts, demand.steps))
    means = np.add.reduceat(recent[order], starts) / counts
    rates = np.where(weight > 0, sums / np.maximum(weight, 1e-300), means)
    worth = np.stack([np.add.reduceat((weights * usd[:, line])[order], starts) for line in range(usd.shape[1])], axis=1)
    return HitCurve(prefix, rates, worth)
