"""What every kind of option has in its costs: people, fixed items, what a request takes beside the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.domain.overheads import Overheads
from simulator.domain.plans import Array, Plan
from simulator.simulation.demand import Demand, sample_demand
from simulator.simulation.lanes import mean_rows


def demand_of(plan: Plan) -> Demand:
    """The sampled demand of a plan's scenario; drawn once, whoever asks."""
    scenario = plan.scenario
    return sample_demand(scenario.traffic, scenario.horizon, scenario.seed, plan.requests_per_month)


def arriving_per_month(demand: Demand, requests: Array) -> Array:
    """Requests a month that arrive on this path: those asked for in expectation. Shape as `requests`."""
    return requests * (mean_rows(demand, "requests") @ demand.level.coefficients(requests))


def start_of(plan: Plan) -> pd.Timestamp:
    """Start of the horizon."""
    return pd.Timestamp(plan.scenario.horizon.start_utc)


def fixed_lines(
    overheads: Overheads,
    months: Array,
    peak_gpus: Array,
    served_requests: Array | None = None,
    peak_nodes: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """What does not follow the tokens asked for, by line; none of it ever falls with the volume.

    Parameters
    ----------
    overheads : Overheads
        Of the option.
    months : array of shape (months,)
        Lengths of the bill months. [months of 730 h]
    peak_gpus : array of shape (months, n)
        GPUs of each month's peak, at n volumes.
    served_requests : array of shape (months, n), optional
        Requests that a fleet serves in each month; left out: it is no fleet.
    peak_nodes : mapping of str to array of shape (months, n), optional
        Machines of each month's peak by the cost that they are counted for; left out: as many as the GPUs take.

    Returns
    -------
    dict of arrays of shape (months, n)
        [USD]
    """
    lines: dict[str, Array] = {}
    lengths = months[:, None]
    if overheads.staff.usd_per_person_year > 0 and overheads.staff.are_any:
        lines["engineers"] = overheads.staff.usd_per_month(peak_gpus) * lengths
    for key, cost in overheads.peak_costs.items():
        lines[key] = cost.at(peak_gpus, None if peak_nodes is None else peak_nodes[key]) * lengths
    if served_requests is not None:
        for key, served_cost in overheads.served_costs.items():
            lines[key] = served_cost.usd_per_month(served_requests / lengths) * lengths
    for key, repeated in overheads.repeated.items():
        lines[key] = np.broadcast_to(repeated.usd_per_month * lengths, peak_gpus.shape)
    for key, usd in overheads.monthly_fixed_usd.items():
        lines[f"fixed: {key}"] = np.broadcast_to(usd * lengths, peak_gpus.shape)
    return lines


@dataclass(frozen=True)
class Taken:
    """What every request takes beside, at n volumes: by line, what is proportional to the volume, and the rest."""

    lines: dict[str, Array]
    linear_usd_per_request: float
    noise_usd: Array


def taken_by_requests(usd_per_request: Mapping[str, float], demand: Demand, requests: Array) -> Taken:
    """Cost of what every request takes beside, at each of n volumes [requests per month]."""
    arriving = arriving_per_month(demand, requests)
    lines = {key: usd * arriving for key, usd in usd_per_request.items()}
    each = sum(usd_per_request.values())
    mean = demand.profile_mean
    noise_usd = each * (arriving - mean * requests) if not demand.is_smooth else np.zeros(requests.size)
    return Taken(lines, each * mean, noise_usd)


def cost_table(
    plan: Plan, lines: Mapping[str, Array], overheads: Overheads, moves_usd: Array | None = None
) -> pd.DataFrame:
    """Lines by bill month, one-off cost in the first, what is repeated in the months in which it is due. [USD]

    `moves_usd` (months,) is one-off cost of later months.
    """
    horizon = plan.scenario.horizon
    starts = [pd.Timestamp(horizon.month_start_utc(month)) for month in range(horizon.bill_months)]
    with_steps = demand_of(plan).has_steps  # a month without a step costs nothing
    columns = {key: np.zeros(len(starts)) for key in lines}
    for key, usd in lines.items():
        columns[key][with_steps] = usd if usd.size < len(starts) else usd[with_steps]
    for key, repeated in overheads.repeated.items():
        columns[key] = repeated.due_by_month(horizon.bill_months, horizon.in_months)
    table = pd.DataFrame(columns, index=pd.DatetimeIndex(starts, name="month_start"))
    if overheads.one_off_usd:
        table["one_off"] = [overheads.total_one_off_usd] + [0.0] * (horizon.bill_months - 1)
    if moves_usd is not None and np.any(moves_usd):
        table["one_off"] = table.get("one_off", 0.0) + moves_usd
    return table
