"""Cost of a fleet's own hardware: at run rate over volumes, and by month."""

from __future__ import annotations

import numpy as np

from simulator.domain.owned_costs import monthly_costs_usd, run_rate_usd_per_month
from simulator.domain.owning import OwnedFigures
from simulator.domain.plans import Array


def owned_run_rate_lines(owned: OwnedFigures, utilization_share: Array, nodes: Array | None = None) -> dict[str, Array]:
    """Monthly cost by line where so much of the capacity is in use, at run rate. Arrays of shape (n,). [USD per month]

    Every line is affine in the utilization: electricity rises with it, the others stand still. `nodes` (n,) gives the
    hardware another number of nodes at each.
    """
    if nodes is not None:
        each = [
            owned_run_rate_lines(owned.with_nodes(round(number)), utilization_share[place : place + 1])
            for place, number in enumerate(nodes)
        ]
        none = np.zeros(1)
        keys = dict.fromkeys(key for lines in each for key in lines)
        return {key: np.concatenate([lines.get(key, none) for lines in each]) for key in keys}
    idle, busy = run_rate_usd_per_month(owned, 0.0), run_rate_usd_per_month(owned, 1.0)
    share = np.clip(utilization_share, 0.0, 1.0)
    return {key: idle.get(key, 0.0) + (busy.get(key, 0.0) - idle.get(key, 0.0)) * share for key in {**idle, **busy}}


def owned_monthly_lines(
    owned: OwnedFigures, months: Array, utilization_share: Array, horizon_hours: float
) -> dict[str, Array]:
    """Cost by line and bill month. `months` (n,) are their lengths; arrays of shape (n,). [USD]

    Hardware that comes or goes within the horizon is charged to the hour; what is there all along for the steps.
    """
    share = np.clip(utilization_share, 0.0, 1.0)
    if owned.is_there_until(horizon_hours):
        return {key: usd * months for key, usd in monthly_costs_usd(owned, months.size, share).items()}
    return dict(monthly_costs_usd(owned, months.size, share, horizon_hours))
