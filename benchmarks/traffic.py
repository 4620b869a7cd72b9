"""Demand: how fast it is drawn and served, and whether its mean volume is what was asked for.

python benchmarks/traffic.py            # times; about a minute
python benchmarks/traffic.py --means    # and the mean volume of every preset over 200 seeds; about two minutes more
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from one_fleet import fleet, seconds_in_kernel

import simulator as sim
from simulator.config.presets import bundled_presets
from simulator.domain.plans import WorkShares
from simulator.domain.scenario import Horizon, Scenario
from simulator.domain.traffic import Traffic
from simulator.domain.units import DAYS_PER_MONTH
from simulator.simulation.demand import forget_draws, sample_demand
from simulator.simulation.fleet import serve
from simulator.simulation.lanes import work_rows

REQUESTS_PER_DAY = 2_000_000
SEEDS = 200
WITHIN = 0.005
LANES = 64
MINUTES = Horizon(step_s=60.0)
PLAN = replace(fleet(), work=WorkShares(0.3, 0.6))
OPTIONS = {
    "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
    "other": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
}
EVERYTHING = {
    "preset": "steady-api",
    "timezone": "Europe/Berlin",
    "requests_per_day": REQUESTS_PER_DAY,
    "jobs": {
        "nightly": {
            "share": 0.1, "start_hour": 1.5, "duration_hours": 3, "volume_relative_sd": 0.12, "start_sd_s": 180,
            "plateau_relative_sd": 0.06,
        }
    },
    "events": {
        "launch": {"kind": "launch", "after_days": 40, "factor": 3},
        "days_off": {"kind": "holidays", "country": "DE", "factor": 0.6},
    },
    "growth": {"kind": "logistic", "per_month": 0.1, "ceiling_to_start": 3},
}  # fmt: skip


def scenario(traffic: dict[str, object]) -> Scenario:
    """A scenario around a traffic section, read as a user's file is."""
    return sim.load_scenario({"title": "benchmark", "traffic": traffic, "options": OPTIONS})


def traffic_of(preset: str) -> Traffic:
    """The demand of a preset at the volume of the benchmark."""
    return scenario({"preset": preset, "requests_per_day": REQUESTS_PER_DAY}).traffic


def median_s(call: Callable[[], object], runs: int, before: Callable[[], object] = lambda: None) -> float:
    """Median time of a call after one to warm up, with `before` done before each, untimed. [s]"""
    taken = []
    for _ in range(runs + 1):
        before()
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def speeds(runs: int) -> bool:
    """Print the times beside those asked for; whether all are reached."""
    everything = scenario(EVERYTHING)
    volume = REQUESTS_PER_DAY * DAYS_PER_MONTH
    reached = True

    def tell(what: str, value: float, limit: float, unit: str) -> None:
        nonlocal reached
        reached &= value <= limit
        print(f"{what:<72} {value:8.3f} {unit}, at most {limit:g}: {'reached' if value <= limit else 'MISSED'}")

    for what, step_s, limit in (("one-minute", 60.0, 0.35), ("hourly", 3600.0, 0.02)):
        horizon = Horizon(step_s=step_s)

        def draw(horizon: Horizon = horizon) -> object:
            return sample_demand(everything.traffic, horizon, 1).path(volume, everything.mix)

        tell(f"a year in {what} steps, all parts on, tokens included", median_s(draw, runs, forget_draws), limit, "s")
        again = median_s(lambda horizon=horizon: sample_demand(everything.traffic, horizon, 1), runs)
        print(f"{'  drawn again':<72} {again * 1e3:8.3f} ms")

    for traffic, what in ((everything.traffic, "all parts on"), (traffic_of("chat-consumer"), "preset chat-consumer")):
        for least, most in ((volume / 10, volume * 10), (volume / 1000, volume)):
            volumes = np.geomspace(least, most, LANES)

            def serve_anew(volumes: np.ndarray = volumes, traffic: Traffic = traffic) -> object:
                return serve(PLAN, sample_demand(traffic, MINUTES, 1), volumes)

            def forget() -> None:
                forget_draws()
                work_rows.cache_clear()

            cells = MINUTES.steps * LANES
            whole = 1e9 * median_s(serve_anew, max(runs // 2, 1), forget) / cells
            span = f"{least / DAYS_PER_MONTH:,.0f} to {most / DAYS_PER_MONTH:,.0f} requests a day"
            tell(f"drawn and served, {LANES} lanes, {what}, {span}", whole, 15.0, "ns per step and lane")
            _, inside = seconds_in_kernel(serve_anew)
            print(f"{'  of it in the kernel':<72} {1e9 * inside / cells:8.3f} ns per step and lane")
    return reached


def means() -> bool:
    """Print each preset's mean volume over many seeds beside what was asked; whether all are within the limit."""
    horizon, within = Horizon(step_s=3600.0), True
    for preset in bundled_presets():
        traffic = traffic_of(preset)
        ratios = []
        for seed in range(SEEDS):
            forget_draws()
            demand = sample_demand(traffic, horizon, seed)
            coefficients = demand.level.coefficients(np.array([REQUESTS_PER_DAY * DAYS_PER_MONTH]))
            ratios.append(float(demand.level.rows.mean(axis=1) @ coefficients[:, 0]))
        off, error = statistics.mean(ratios) - 1.0, statistics.stdev(ratios) / SEEDS**0.5
        good = abs(off) <= max(WITHIN, 2 * error)
        within &= good
        print(
            f"{preset:<20} {off:+.3%} +- {error:.3%} (sd of a year {error * SEEDS**0.5:.2%}): {'ok' if good else 'OFF'}"
        )
    return within


def main() -> int:
    """Measure, print, and tell by the exit status whether every figure is reached."""
    parser = argparse.ArgumentParser(description="Speed and mean volume of the demand.")
    parser.add_argument("--runs", type=int, default=7, help="Runs after one to warm up.")
    parser.add_argument("--means", action="store_true", help="The presets' mean volumes too.")
    arguments = parser.parse_args()
    reached = speeds(arguments.runs)
    if arguments.means:
        reached &= means()
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
