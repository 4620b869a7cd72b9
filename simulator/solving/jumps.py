"""Where cost curves jump: a unit more, a discount on all of the bill that is reached."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator.domain.api_plans import ApiPlan
from simulator.domain.plans import Array, Plan
from simulator.simulation.ledger import run_rate
from simulator.solving.study import compared_options, requests_per_day

_SEEN = 0.004  # relative: a smaller jump is less than a line is wide
_LEAST = 1e-6  # of the greatest bill
_NARROW = 1e-9  # relative width at which a jump is found
_MOST_HALVINGS = 48


def beside_jumps(plan: Plan, tokens_per_month: Array) -> pd.DataFrame | None:
    """Totals right below and right at the jumps that the bills of bought tokens make between n rising volumes.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    tokens_per_month : array of shape (n,)
        Volumes of a curve. [tokens per month]

    Returns
    -------
    DataFrame or None
        Columns as in `cost_table`, two rows a jump; None where there is none. Of several jumps between two volumes the
        greatest is told, as halving finds it.

    Notes
    -----
    Without a jump a bill does not fall with the volume, and rises faster than in proportion to it only above a quota,
    and by less the nearer two volumes are.
    """
    tables = []
    for name in compared_options(plan):
        option = plan.options[name]
        if isinstance(option, ApiPlan) and not option.is_proportional:
            volumes = _jumps(plan, name, tokens_per_month)
            if volumes.size:
                usd = run_rate(plan, name, volumes).usd_per_month
                columns = {"tokens_per_month": volumes, "option": name, "line": "total", "usd_per_month": usd}
                tables.append(pd.DataFrame(columns))
    if not tables:
        return None
    table = pd.concat(tables, ignore_index=True)
    table.insert(1, "requests_per_day", table["tokens_per_month"] * requests_per_day(plan, 1.0))
    return table


def _jumps(plan: Plan, name: str, volumes: Array) -> Array:
    """Volumes right below and right at each jump. Shape (2 x jumps,). [tokens per month]"""
    usd = run_rate(plan, name, volumes).usd_per_month
    least_usd = _LEAST * float(usd.max(initial=0.0)) + 1e-300  # what is not to be seen beside the rest is no jump

    def jump_share(low: Array, low_usd: Array, high: Array, high_usd: Array) -> Array:
        """By how much the bill falls, or rises more than in proportion, between two volumes; relative."""
        rise = np.log(np.maximum(high_usd, least_usd) / np.maximum(low_usd, least_usd))
        return np.maximum(-rise, rise - np.log(high / low))

    jumps = np.flatnonzero(jump_share(volumes[:-1], usd[:-1], volumes[1:], usd[1:]) > _SEEN)
    low, high = volumes[jumps], volumes[jumps + 1]
    low_usd, high_usd = usd[jumps], usd[jumps + 1]
    for _ in range(_MOST_HALVINGS):
        if not low.size or np.all(high - low <= _NARROW * high):
            break
        middle = np.sqrt(low * high)
        middle_usd = run_rate(plan, name, middle).usd_per_month
        is_below = jump_share(low, low_usd, middle, middle_usd) >= jump_share(middle, middle_usd, high, high_usd)
        high, high_usd = np.where(is_below, middle, high), np.where(is_below, middle_usd, high_usd)
        low, low_usd = np.where(is_below, low, middle), np.where(is_below, low_usd, middle_usd)
    are_jumps = jump_share(low, low_usd, high, high_usd) > _SEEN / 2  # not only a steep part of the curve
    return np.sort(np.concatenate((low[are_jumps], high[are_jumps])))
