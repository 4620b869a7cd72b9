"""Sites and billing periods of a fleet as the kernel needs them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.domain.purchase import SiteTerms
from simulator.simulation import paying
from simulator.simulation.step_counts import whole_steps


@dataclass(frozen=True)
class PayingTerms:
    """Numbers and counts of `paying.pay`, the rows of its memory, and whether it has anything to do."""

    numbers: Array
    counts: Array
    memory_rows: int
    is_needed: bool

    @property
    def sites(self) -> int:
        """Number of sites."""
        return int(self.counts[paying.SITES])


def paying_terms(plan: FleetPlan, step_s: float, base: Array) -> PayingTerms:
    """Terms of a fleet whose lanes have a base each, which is paid apart.

    A period not longer than a step changes nothing; a longer one counts in whole steps, rounded up.
    """
    sites = plan.sites or (SiteTerms("", plan.usd_per_replica_hour, math.inf, plan.billing_period_s),)
    numbers, counts, rows, edge = [*base], [len(sites)], 1, 0.0
    for site in sites:
        steps = max(1, whole_steps(site.billing_period_s, step_s))
        counts += [steps, rows * paying.LANES]
        rows += 1 + steps
        numbers += [edge, min(edge + site.replicas, 1e300)]
        edge += site.replicas
    is_needed = bool(plan.sites) or max(counts[1::2]) > 1
    return PayingTerms(np.array(numbers, dtype=np.float64), np.array(counts, dtype=np.int64), rows, is_needed)
