"""What a point of a sweep takes, against a break-even that is solved alone.

    python benchmarks/sweep.py

A point is `h100-vs-haiku` over a year in hourly steps, every crossing found. Processor time of the median point; alone
is a point with all code loaded but no demand drawn and no run kept. Seconds follow the load on the machine, the ratios
less.

Measured in November 2026 on a virtual machine with two cores of a server processor (x86-64 with AVX2), shared with
other work: a point takes 15 ms over the volume, 19 to 23 ms over prices, rent and people, 35 ms over the shape of the
day, whose runs no two points share.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from simulator.catalogue.planning import make_plan
from simulator.config.overrides import override_document
from simulator.config.scenarios import check_plan, scenario_document
from simulator.domain.plans import Plan
from simulator.simulation.demand import forget_draws
from simulator.simulation.kept_runs import kept_runs
from simulator.sweeping.points import FAULT, point_rows

SCENARIO, HORIZON = "h100-vs-haiku", {"horizon": {"months": 12, "step_s": 3600}}
Point = dict[str, Any]
SWEEPS: dict[str, Callable[[float], Point]] = {
    "API price": lambda share: {
        "options.haiku.prices.input_usd_per_mtok": 0.5 + 2.0 * share,
        "options.haiku.prices.output_usd_per_mtok": 2.5 + 10.0 * share,
    },
    "people": lambda share: {"options.llama-h100.engineers.base_persons": 0.1 + 2.0 * share},
    "GPU rent": lambda share: {"options.llama-h100.rental.usd_per_gpu_hour": 1.5 + 6.5 * share},
    "volume": lambda share: {"traffic.tokens_per_month": 1e9 * 50.0**share},
    "peak over mean": lambda share: {"traffic.diurnal.peak_to_mean": 1.2 + share},
}
# Of a point over one that is solved alone.
LIMITS = {"API price": 0.85, "people": 0.85, "GPU rent": 0.85, "volume": 0.6, "peak over mean": 1.3}


def cpu_s(point: Point, plan_for: Callable[[Any], Plan]) -> float:
    """Processor time of a point. [s]"""
    start = time.process_time()
    rows = point_rows(point, plan_for)
    took = time.process_time() - start
    if rows[0]["status"] == FAULT:
        raise RuntimeError(f"{point} can't be had: {rows[0]['message']}")
    return took


def points_of(sweep: str, count: int, seed: int) -> list[Point]:
    """Points drawn evenly, so that none is beside the one before."""
    return [SWEEPS[sweep](share) for share in np.random.default_rng(seed).random(count).tolist()]


def cost_per_point(count: int) -> bool:
    """A line a sweep: milliseconds of a point alone and among others, and their ratio."""
    document = scenario_document(SCENARIO, HORIZON)
    plan_for = partial(_plan, document)
    reached = True
    print(f"{'sweep over':16}{'alone':>10}{'a point':>10}{'ratio':>8}{'limit':>8}")
    for sweep, limit in LIMITS.items():
        alone = []
        for point in points_of(sweep, 10, seed=1):
            kept_runs.forget()
            forget_draws()
            alone.append(cpu_s(point, plan_for))
        kept_runs.forget()
        among = [cpu_s(point, plan_for) for point in points_of(sweep, count, seed=2)][count // 2 :]
        first, later = statistics.median(alone), statistics.median(among)
        reached &= later <= limit * first
        print(f"{sweep:16}{1e3 * first:7.1f} ms{1e3 * later:7.1f} ms{later / first:8.2f}{limit:8.2f}")
    return reached


def _plan(document: Any, overrides: Any) -> Plan:
    return check_plan(override_document(document, overrides), make_plan, infeasible=False)


def main() -> int:
    """Print, and tell by the exit status whether all ratios are reached."""
    parser = argparse.ArgumentParser(description="Cost of a point of a sweep.")
    parser.add_argument("--points", type=int, default=200, help="Points of each sweep; the second half is counted.")
    arguments = parser.parse_args()
    return 0 if cost_per_point(arguments.points) else 1


if __name__ == "__main__":
    sys.exit(main())
