"""Provisioned units against the demand: how many a volume takes, and what they do not carry."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.domain.api_plans import BILLED_BY, BilledPart, ProvisionedUnits
from simulator.domain.plans import Array
from simulator.domain.units import SECONDS_PER_MINUTE
from simulator.domain.workload import Mix
from simulator.simulation.demand import Demand, DemandPath
from simulator.simulation.prefix_hits import prices_by_step


@dataclass(frozen=True, eq=False)
class UnitLoad:
    """Load on the units over time, at the shape that the demand has at the scenario's own volume.

    `loads` (steps,) rise, in weighted tokens per minute for a request a month; `paid` and `paid_per_load` (steps + 1,)
    are sums over the steps below of what their requests would cost per token, and of that over their load; `percentile`
    is the load that the units are sized for.
    """

    units: ProvisionedUnits
    loads: Array
    paid: Array
    paid_per_load: Array
    requests: Array
    requests_per_load: Array
    percentile: float

    def bought(self, requests_per_month: Array) -> Array:
        """Units at each of n volumes. Shape (n,)."""
        return self.units.units(self.percentile * requests_per_month)

    def carried(self, requests_per_month: Array) -> tuple[Array, Array]:
        """Cost per token of what the units carry, and requests that they carry, a month. Shapes (n,)."""
        capacity = self.bought(requests_per_month) * self.units.tokens_per_minute_per_unit
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.searchsorted(self.loads, np.where(requests_per_month > 0, capacity / requests_per_month, np.inf))
        usd = self.paid[below] * requests_per_month + (self.paid_per_load[-1] - self.paid_per_load[below]) * capacity
        requests = (
            self.requests[below] * requests_per_month
            + (self.requests_per_load[-1] - self.requests_per_load[below]) * capacity
        )
        return usd, requests


def billed_amounts(path: DemandPath, mix: Mix) -> dict[str, Array]:
    """What `BILLED_BY` names, in mean requests, for a path of the demand. Shapes (steps,).

    Where the mean request has no tokens of a kind, these go with the requests.
    """
    return {
        "requests": path.requests,
        "input": path.input_tokens / mix.input_tokens if mix.input_tokens > 0 else path.requests,
        "output": path.output_tokens / mix.output_tokens if mix.output_tokens > 0 else path.requests,
    }


@lru_cache(maxsize=16)
def unit_load(part: BilledPart, demand: Demand, mix: Mix, requests_per_month: float) -> UnitLoad:
    """Load of a demand on the provisioned units of a part, without growth."""
    units = part.units
    assert units is not None
    steady = dataclasses.replace(demand, growth=np.ones_like(demand.growth))
    path = steady.path(requests_per_month, mix)
    loads = weighted_tokens_per_minute(units, path.input_tokens, path.output_tokens, mix, demand.step_s)
    loads = loads / requests_per_month
    asked = requests_per_month * demand.months.sum()
    billed = {key: amount / asked for key, amount in billed_amounts(path, mix).items()}
    requests = billed["requests"]
    prices = prices_by_step(part, demand, requests_per_month, run_rate=True)
    usd = np.sum([prices[:, place] * billed[by] for place, by in enumerate(BILLED_BY)], axis=0)
    order = np.argsort(loads, kind="stable")
    ordered = loads[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        over = np.where(ordered > 0, 1.0 / ordered, 0.0)
    return UnitLoad(
        units=units,
        loads=ordered,
        paid=_sums(usd[order]),
        paid_per_load=_sums(usd[order] * over),
        requests=_sums(requests[order]),
        requests_per_load=_sums(requests[order] * over),
        percentile=float(ordered[int(np.ceil(units.percentile_share * ordered.size - 1e-9)) - 1]),
    )


def carried_by_step(
    part: BilledPart, demand: Demand, mix: Mix, path: DemandPath, requests_per_month: float, load: UnitLoad
) -> tuple[Array, Array]:
    """Units bought for each month's growth, shape (months,), and the share of each step that they carry, (steps,)."""
    assert part.units is not None
    bought = load.bought(requests_per_month * demand.growth)
    per_minute = weighted_tokens_per_minute(part.units, path.input_tokens, path.output_tokens, mix, demand.step_s)
    capacity = demand.spread(bought) * part.units.tokens_per_minute_per_unit
    return bought, carried_share(per_minute, capacity)


def weighted_tokens_per_minute(
    units: ProvisionedUnits, input_tokens: Array, output_tokens: Array, mix: Mix, step_s: float
) -> Array:
    """Tokens of steps as units count them, a minute; lengths go with those of the demand. Shape (steps,)."""
    prompts = input_tokens / mix.input_tokens if mix.input_tokens > 0 else np.zeros(input_tokens.size)
    answers = output_tokens / mix.output_tokens if mix.output_tokens > 0 else np.zeros(input_tokens.size)
    weighted: Array = units.weighted_input_per_request * prompts + units.weighted_output_per_request * answers
    return weighted * (SECONDS_PER_MINUTE / step_s)


def carried_share(tokens_per_minute: Array, capacity_per_minute: Array) -> Array:
    """Share of each step's work that units of this capacity carry. Shape (steps,). [1]"""
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Array = np.where(tokens_per_minute > 0, np.minimum(capacity_per_minute / tokens_per_minute, 1.0), 1.0)
    return share


def _sums(values: Array) -> Array:
    return np.concatenate(([0.0], np.cumsum(values)))
