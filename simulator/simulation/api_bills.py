"""Bills of an API for the drawn demand: over volumes at run rate, and by month at one volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import API_LINES, ApiPlan, Array
from simulator.domain.workload import Mix
from simulator.simulation.demand import Demand, DemandPath
from simulator.simulation.lanes import demand_rows
from simulator.simulation.results import Lines


@dataclass(frozen=True)
class ApiBill:
    """Monthly bill of an API at n volumes at run rate: by line, and what of it is proportional to the volume."""

    lines: Lines
    linear_usd_per_request: float
    noise_usd: Array  # what noise adds on this path, beside that

    @property
    def usd(self) -> Array:
        """All lines together. Shape (n,)."""
        return np.sum(list(self.lines.values()), axis=0)


def api_bill(option: ApiPlan, demand: Demand, requests: Array) -> ApiBill:
    """Bill of an API at each of n volumes [requests per month], at run rate."""
    per_step = option.usd_per_request_between(demand.edges_s, run_rate=True)
    coefficients = requests * demand.level.coefficients(requests)
    lines: dict[str, Array] = {}
    linear = 0.0
    noise_usd = np.zeros(requests.size)
    for place, key in enumerate(API_LINES):
        if per_step[:, place].any():
            usd_per_row = demand_rows(demand, _billed_by(key)) @ per_step[:, place] / demand.steps
            lines[key] = usd_per_row @ coefficients
            linear += float(usd_per_row[0])
            noise_usd += usd_per_row[1:] @ coefficients[1:]
    return ApiBill(lines or {"input": np.zeros(requests.size)}, linear, noise_usd)


def api_lines(
    option: ApiPlan, demand: Demand, mix: Mix, requests_per_month: float
) -> tuple[dict[str, Array], DemandPath]:
    """Bill of an API by line and month [USD], each of shape (months,), and the demand that it is for."""
    path = demand.path(requests_per_month, mix)
    prices = option.usd_per_request_between(demand.edges_s)
    billed = {
        "input": path.input_tokens / mix.input_tokens if mix.input_tokens > 0 else path.requests,
        "output": path.output_tokens / mix.output_tokens if mix.output_tokens > 0 else path.requests,
    }
    lines = {
        key: demand.by_month(billed[_billed_by(key)] * prices[:, place])
        for place, key in enumerate(API_LINES)
        if prices[:, place].any()
    }
    return lines, path


def bill_over_work(bill_usd: Array, work_usd: Array) -> Array:
    """An API's bill of the drawn tokens over its mean price times the fleet's work, of all that arrives on this path.

    What a fleet leaves is known as work. With this factor a fleet that leaves everything costs what the API does.
    """
    return np.where(work_usd > 0, bill_usd / np.maximum(work_usd, 1e-300), 1.0)


def _billed_by(line: str) -> str:
    """Whose tokens a line of an API's bill counts: those of the answers, or of the prompts."""
    return "output" if line == "output" else "input"
