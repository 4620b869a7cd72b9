"""Paths of uncertain inputs: how fast they are solved, and whether the intervals hold what they say.

python benchmarks/uncertainty.py               # speed: 256 paths, 64 volumes, a year of hours; half a minute
python benchmarks/uncertainty.py --coverage    # and coverage, 200 times 128 paths, two ways to draw; ten minutes

Coverage is that of reference case K1, whose median is known in closed form: lognormal throughput on divisible GPUs. The
90 % bootstrap interval of the median should hold it in about 90 of 100 repetitions, and so should the band of the
probability over volume hold all of its curve; the 5 % to 95 % range of the paths about 90 % of fresh draws.
"""

from __future__ import annotations

import argparse
import math
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "solving"))

from uncertain_scenarios import reference_k1  # type: ignore[import-not-found]  # the tests' own

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.domain.path_draws import independent_sequences, path_shares, path_values
from simulator.solving.path_statistics import median_interval, quantile, simultaneous_half_width
from simulator.solving.paths import MOST_VOLUMES, PathSolver

YEAR = {"horizon": {"months": 12, "step_s": 3600}}
GUESSES = {
    "options.fleet.rental.usd_per_gpu_hour": {"p10": 2.0, "p50": 2.5, "p90": 3.5},
    "options.fleet.throughput": {"total_tokens_per_s": {"lognormal": {"median": 5000, "log_sigma": 0.3}}},
    "options.fleet.engineers.base_persons": {"triangular": {"low": 0.2, "mode": 0.5, "high": 1.0}},
}
PATHS = 256
K1_MEDIAN = 8000.0 / (0.9e-6 - 2.5 / 3600 / 1800.0)
K1_VOLUMES = np.geomspace(1e10, 6e10, 128)  # where P(cheaper) goes from 0 to nearly 1
FRESH = 100_000
REPETITIONS, PATHS_OF_COVERAGE = 200, 128
LIMIT_S, LIMIT_GROWTH_MB = 5.0, 32.0
INTERVAL_HOLDS, RANGE_HOLDS, BAND_HOLDS = (0.85, 0.95), (0.87, 0.93), (0.85, 1.0)


def speed() -> bool:
    """Two options, 64 volumes a path and all of its crossings: time, and memory as paths are added."""
    scenario = sim.load_scenario("minimal", {**YEAR, **GUESSES})
    solver = PathSolver(scenario, make_plan, np.geomspace(1e8, 1e12, MOST_VOLUMES))
    keys = list(scenario.uncertainty.inputs)
    values = path_values(scenario.uncertainty, path_shares(scenario.uncertainty, 1, 4 * PATHS))
    draws = [dict(zip(keys, row, strict=True)) for row in values.tolist()]
    solver.solve_all(draws[:4])
    seconds, greatest_mb = [], []
    for first, last in ((0, PATHS), (PATHS, 2 * PATHS), (2 * PATHS, 4 * PATHS)):
        start, cpu = time.perf_counter(), time.process_time()
        answers = solver.solve_all(draws[first:last])
        took, used = time.perf_counter() - start, time.process_time() - cpu
        crossed = sum(math.isfinite(answer.settled("fleet")) for answer in answers)
        seconds.append(took * PATHS / (last - first))
        greatest_mb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(
            f"{last - first:5d} paths x {MOST_VOLUMES + 2} volumes x 8,760 steps x 2 options, {crossed} crossings: "
            f"{took:.2f} s ({used:.2f} s of one processor), at most {greatest_mb[-1]:.0f} MB so far"
        )
    reached = min(seconds) <= LIMIT_S and greatest_mb[-1] - greatest_mb[0] <= LIMIT_GROWTH_MB
    print(f"256 paths in at most {LIMIT_S:g} s, memory that does not grow: {'reached' if reached else 'MISSED'}")
    return reached


def coverage(repetitions: int, paths: int) -> bool:
    """Coverage of the interval of the median, of the band of the probability, and of the range of the paths."""
    rng = np.random.default_rng(0)
    throughput = 1800.0 * np.exp(0.35 * rng.standard_normal(FRESH))
    margin = 0.9e-6 - 2.5 / 3600 / throughput
    fresh = np.where(margin > 0, 8000.0 / np.maximum(margin, 1e-300), np.inf)
    true_p = (fresh[:, None] <= K1_VOLUMES).mean(axis=0)
    reached = True
    for draws in ("independent", "sobol"):
        held, band_held, widths, within = 0, 0, [], []
        scenario = sim.load_scenario(reference_k1(draws=draws))
        solver = PathSolver(scenario, make_plan)
        key = next(iter(scenario.uncertainty.inputs))
        for seed in range(repetitions):
            values = path_values(scenario.uncertainty, path_shares(scenario.uncertainty, seed, paths))
            answers = solver.solve_all([{key: value} for value in values[:, 0].tolist()])
            settled = np.array([answer.settled("fleet") for answer in answers])
            sequences = independent_sequences(scenario.uncertainty, paths)
            low, high = median_interval(settled, seed, sequences)
            held += low <= K1_MEDIAN <= high
            widths.append((high - low) / 2 / K1_MEDIAN)
            cheaper = settled[:, None] <= K1_VOLUMES
            distance = np.abs(cheaper.mean(axis=0) - true_p).max()
            band_held += distance <= simultaneous_half_width(cheaper, seed, sequences)
            within.append(float(np.mean((fresh >= quantile(settled, 0.05)) & (fresh <= quantile(settled, 0.95)))))
        shares = {
            "the median's interval holds it in": (held / repetitions, INTERVAL_HOLDS),
            "the band over volume holds the curve in": (band_held / repetitions, BAND_HOLDS),
            "the range of the paths holds, of fresh draws,": (statistics.mean(within), RANGE_HOLDS),
        }
        reached &= all(low <= share <= high for share, (low, high) in shares.values())
        said = ", ".join(f"{what} {share:.1%}" for what, (share, _) in shares.items())
        print(f"{draws}: {repetitions} times {paths} paths: {said}; half-width {statistics.median(widths):.2%}")
    print("reached" if reached else "MISSED")
    return reached


def main() -> int:
    """Print the figures; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--coverage", action="store_true", help="coverage of the intervals too")
    arguments = parser.parse_args()
    reached = speed()
    if arguments.coverage:
        reached &= coverage(REPETITIONS, PATHS_OF_COVERAGE)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
