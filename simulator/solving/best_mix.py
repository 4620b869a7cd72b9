"""The best mix: how many replicas or nodes of one's own beside an API, or how many reserved, and what the ends cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.domain.plans import Array, Plan
from simulator.simulation.found_counts import FoundCount, What
from simulator.simulation.ledger import found_count, run_rate

SAME_SHARE = 1e-9  # costs nearer than this are one cost


@dataclass(frozen=True, eq=False)
class BestMix:
    """Cost over the base of a fleet at the scenario's own volume, at run rate, and the base that costs least.

    Arrays have shape (n,), one entry a count that was tried, rising from 0; money in USD per month. `what` is counted:
    `replicas` or `nodes` that run all the time beside an API, or `reserved replicas` of a fleet that scales above them.

    Attributes
    ----------
    usd_per_month, fleet_usd_per_month, api_usd_per_month : array
        All, and of it the fleet with everything around it and the bill of the API for what the fleet leaves.
    api_share : array
        Of the requests, those that the fleet leaves. [1]
    utilization_share : array
        Of the capacity paid for. [1]
    lines : mapping of array
        The cost by line.
    best, full : int, int or None
        Places in the arrays of the cheapest count and of pure self-hosting: the least count that serves everything
        (of a reserved base: all reserved). None where the maximum is below it.
    baseline_usd_per_month : float or None
        What the scenario's baseline costs; None where it can't be planned.
    cheaper_usd_per_month : float or None
        By how much a count that was not tried may cost less at most, mostly 0; None: not known, and none tried does.
    """

    option: str
    what: What
    api: str | None
    baseline: str
    counts: Array
    usd_per_month: Array
    fleet_usd_per_month: Array
    api_usd_per_month: Array
    api_share: Array
    utilization_share: Array
    lines: Mapping[str, Array]
    best: int
    full: int | None
    baseline_usd_per_month: float | None
    cheaper_usd_per_month: float | None

    @property
    def best_count(self) -> int:
        """The count that costs least."""
        return int(self.counts[self.best])

    @property
    def best_usd_per_month(self) -> float:
        """What it costs. [USD per month]"""
        return float(self.usd_per_month[self.best])

    @property
    def best_api_share(self) -> float:
        """Share of the requests that the API serves then. [1]"""
        return float(self.api_share[self.best])

    @property
    def none_usd_per_month(self) -> float:
        """Cost without a base: all by the API, or all on demand. [USD per month]"""
        return float(self.usd_per_month[0])

    @property
    def full_count(self) -> int | None:
        """The least count that serves everything, or all reserved; None: the maximum is below it."""
        return None if self.full is None else int(self.counts[self.full])

    @property
    def full_usd_per_month(self) -> float | None:
        """What it costs. [USD per month]"""
        return None if self.full is None else float(self.usd_per_month[self.full])

    @property
    def below_none_share(self) -> float:
        """How far the cheapest lies below no base, over the cost without one. [1]"""
        return below_share(self.best_usd_per_month, self.none_usd_per_month)

    @property
    def below_full_share(self) -> float | None:
        """How far the cheapest lies below pure self-hosting, over its cost. [1]"""
        usd = self.full_usd_per_month
        return None if usd is None else below_share(self.best_usd_per_month, usd)

    @property
    def below_baseline_share(self) -> float | None:
        """How far the cheapest lies below the baseline, over its cost; below 0: above it. [1]"""
        usd = self.baseline_usd_per_month
        return None if usd is None else below_share(self.best_usd_per_month, usd)


def below_share(usd: float, other_usd: float) -> float:
    """How far a cost lies below another, over the other; 0 where they are the same. [1]"""
    if abs(other_usd - usd) <= SAME_SHARE * abs(other_usd) or other_usd <= 0:
        return 0.0
    return 1.0 - usd / other_usd


@lru_cache(maxsize=64)
def best_mix(plan: Plan, option: str) -> BestMix:
    """The base of an option that costs least, and the cost over every base tried.

    Raises
    ------
    ValueError
        If the option is unknown or can't be planned, or leaves no base to be found.
    """
    found = found_count(plan, option)
    if found is None:
        text = "autoscaling.count, owned.nodes or reserved.replicas must be 'auto'"
        raise ValueError(f"option '{option}' leaves no base to be found: {text}")
    tried, scenario = found.tried, plan.scenario
    baseline_usd = None
    if scenario.baseline in plan.options:
        baseline_usd = float(run_rate(plan, scenario.baseline, np.array([scenario.tokens_per_month])).usd_per_month[0])
    return BestMix(
        option=option,
        what=found.what,
        api=found.option.overflow_to,
        baseline=scenario.baseline,
        counts=tried.counts,
        usd_per_month=tried.usd_per_month,
        fleet_usd_per_month=tried.own_usd,
        api_usd_per_month=tried.left_usd,
        api_share=tried.left_share,
        utilization_share=tried.utilization_share,
        lines=tried.lines,
        best=tried.best,
        full=_full(found),
        baseline_usd_per_month=baseline_usd,
        cheaper_usd_per_month=found.cheaper_usd,
    )


def _full(found: FoundCount) -> int | None:
    """Place of all reserved, or of the least count that leaves nothing."""
    return found.tried.counts.size - 1 if found.what == "reserved replicas" else found.tried.serving_all


def options_with_a_mix(plan: Plan, names: list[str]) -> list[str]:
    """Those of the options that leave a base to be found."""
    return [name for name in names if name in plan.options and found_count(plan, name) is not None]
