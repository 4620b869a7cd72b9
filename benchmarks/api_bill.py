"""The API bill: how long a year takes once everything is loaded, and what of it is looking up prices.

python benchmarks/api_bill.py           # a few seconds
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.simulation.api_bills import api_bill, api_lines
from simulator.simulation.shared_costs import demand_of

BILL_LIMIT_S = 0.050
RUNS = 15
PREFIX = {"tokens": 5_000, "lifetime_s": 300.0, "prefixes": 40}
SCENARIO = {
    "title": "four classes, three models",
    "traffic": {"preset": "enterprise-workday", "requests_per_day": 200_000},
    "workload": {
        "chat": {"share": 0.5, "input_tokens": {"mean": 6_000, "p90": 9_000}, "output_tokens": 300, "prefix": PREFIX},
        "long": {"share": 0.1, "input_tokens": {"mean": 150_000, "p90": 300_000}, "output_tokens": 900},
        "agent": {
            "share": 0.2, "input_tokens": 8_000, "output_tokens": 400, "calls_per_request": 12, "prefix": PREFIX,
        },
        "nightly": {"share": 0.2, "input_tokens": 3_000, "output_tokens": 200, "batch_share": 1.0},
    },
    "options": {
        "small": {
            "kind": "api", "model": "deepseek-v4-flash", "provider": "deepseek",  # prices by the hour
            "terms": {"price_decline": {"share_per_year": 0.3}},
        },
        "middle": {"kind": "api", "model": "gemini-2.5-pro"},  # a long-context tier
        "large": {
            "kind": "api", "model": "claude-sonnet-4-6",
            "terms": {"volume_discount": {"kind": "all_units", "tiers": [{"from_usd": 5_000, "discount_share": 0.2}]}},
        },
        "routed": {
            "kind": "routed",
            "router": {"usd_per_request": 0.0001},
            "routes": {
                "small": {"share": 0.6, "escalation_share": 0.1, "escalates_to": "middle"},
                "middle": {"share": 0.3, "escalation_share": 0.1, "escalates_to": "large"},
                "large": {"share": 0.1},
            },
        },
    },
    "comparison": {"baseline": "large", "challengers": ["routed"]},
}  # fmt: skip


def median_s(call: Callable[[], object]) -> float:
    """Median time of a call after one to warm up. [s]"""
    taken = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def main() -> int:
    """Print the times beside what is asked for."""
    scenario = sim.load_scenario(SCENARIO)
    plan = make_plan(scenario)
    option, mix, requests = plan.options["routed"], scenario.mix, scenario.requests_per_month
    demand = demand_of(plan)
    path = demand.path(requests, mix)
    volumes = np.geomspace(0.01, 100.0, 64) * requests
    bill_s = median_s(lambda: api_lines(option, demand, mix, path, requests))
    with_path_s = median_s(lambda: api_lines(option, demand, mix, demand.path(requests, mix), requests))
    curve_s = median_s(lambda: api_bill(option, demand, mix, volumes))
    plan_s = median_s(lambda: make_plan(scenario))
    bills = float(sum(usd.sum() for usd in api_lines(option, demand, mix, path, requests).values()))
    years = demand.steps * demand.step_s / SECONDS_PER_MONTH / 12
    print(f"{demand.steps:,} steps, {years:g} year, 4 classes, 3 models: {bills:,.0f} USD")
    print(f"bill of the year by month and line:           {1e3 * bill_s:6.1f} ms (at most {1e3 * BILL_LIMIT_S:.0f})")
    print(f"the same with the demand drawn in tokens:     {1e3 * with_path_s:6.1f} ms")
    print(f"bills at 64 volumes at run rate:              {1e3 * curve_s:6.1f} ms")
    print(f"every price of the year looked up and applied: {1e3 * plan_s:5.1f} ms")
    reached = bill_s <= BILL_LIMIT_S
    print("reached" if reached else "MISSED")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
