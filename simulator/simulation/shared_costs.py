"""What every kind of option has in its costs: people, fixed items, what a request takes beside the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.domain.overheads import Overheads
from simulator.domain.plans import Array, Plan
from simulator.simulation.demand import Demand, sample_demand
from simulator.simulation.lanes import demand_rows


def demand_of(plan: Plan) -> Demand:
    """The sampled demand of a plan's scenario; drawn once, whoever asks."""
    scenario = plan.scenario
    requests_per_month = scenario.tokens_per_month / plan.tokens_per_request
    return sample_demand(scenario.traffic, scenario.horizon, scenario.seed, requests_per_month)


def arriving_per_month(demand: Demand, requests: Array) -> Array:
    """Requests a month that arrive on this path: those asked for in expectation. Shape as `requests`."""
    return requests * (demand_rows(demand, "requests").mean(axis=1) @ demand.level.coefficients(requests))


def start_of(plan: Plan) -> pd.Timestamp:
    """Start of the horizon."""
    return pd.Timestamp(plan.scenario.horizon.start_utc)


def fixed_lines(overheads: Overheads, months: Array, peak_gpus: Array) -> dict[str, Array]:
    """Engineers and fixed items. `months` (months,) their lengths, `peak_gpus` (months, n); results (months, n)."""
    lines: dict[str, Array] = {}
    staff = overheads.staff
    if staff.usd_per_person_year > 0 and (staff.base_persons > 0 or staff.gpus_per_person is not None):
        lines["engineers"] = staff.usd_per_month(peak_gpus) * months[:, None]
    for key, usd in overheads.monthly_fixed_usd.items():
        lines[f"fixed: {key}"] = np.broadcast_to(usd * months[:, None], peak_gpus.shape)
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
    mean = float(demand.profile.mean())
    noise_usd = each * (arriving - mean * requests) if not demand.is_smooth else np.zeros(requests.size)
    return Taken(lines, each * mean, noise_usd)


def cost_table(plan: Plan, lines: Mapping[str, Array], overheads: Overheads) -> pd.DataFrame:
    """Lines by bill month, one-off cost in the first. [USD]"""
    horizon = plan.scenario.horizon
    starts = [pd.Timestamp(horizon.month_start_utc(month)) for month in range(horizon.bill_months)]
    with_steps = demand_of(plan).has_steps  # a month without a step costs nothing
    columns = {key: np.zeros(len(starts)) for key in lines}
    for key, usd in lines.items():
        columns[key][with_steps] = usd if usd.size < len(starts) else usd[with_steps]
    table = pd.DataFrame(columns, index=pd.DatetimeIndex(starts, name="month_start"))
    if overheads.one_off_usd:
        table["one_off"] = [overheads.total_one_off_usd] + [0.0] * (horizon.bill_months - 1)
    return table
