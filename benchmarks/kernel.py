"""Time of the compiled step loop: a curve of 64 volumes over a year in one-minute steps, on one core.

    python benchmarks/kernel.py

Measured in November 2026 on a virtual machine with two cores of a server processor (x86-64 with AVX2), shared with
other work; Python 3.11, numpy 2.4, numba 0.68:

    kernel alone   2.7 ns per step and volume (medians of 25 runs, twice), 2.6 ns at its fastest
    fleet.serve    3.4 ns per step and volume, 0.11 s for the whole curve
"""

from __future__ import annotations

import argparse
import statistics

from one_fleet import demand, fleet, seconds_in_kernel, volumes

from simulator.simulation.fleet import serve

LIMIT_NS = 5.0


def measure(days: float, runs: int) -> tuple[list[float], list[float], int]:
    """Seconds in the loop and in the whole of `serve`, a number a run after one to warm up; and steps times volumes."""
    plan, sampled, wanted = fleet(), demand(days), volumes()
    seconds_in_kernel(lambda: serve(plan, sampled, wanted))
    whole, inside = zip(*(seconds_in_kernel(lambda: serve(plan, sampled, wanted)) for _ in range(runs)), strict=True)
    return list(inside), list(whole), sampled.steps * wanted.size


def main() -> int:
    """Measure, print, and tell by the exit status whether the figure is reached."""
    parser = argparse.ArgumentParser(description="Time of the compiled step loop, per step and volume.")
    parser.add_argument("--days", type=float, default=365.0, help="Horizon in days of 1,440 steps.")
    parser.add_argument("--runs", type=int, default=15, help="Runs after one to warm up.")
    arguments = parser.parse_args()
    inside, whole, cells = measure(arguments.days, arguments.runs)
    for name, seconds in (("kernel alone", inside), ("fleet.serve", whole)):
        median, least = (1e9 * value / cells for value in (statistics.median(seconds), min(seconds)))
        took = statistics.median(seconds)
        print(f"{name:<12}  median {median:.2f} ns, least {least:.2f} ns per step and volume; {took:.3f} s in all")
    reached = 1e9 * statistics.median(inside) / cells <= LIMIT_NS
    print(f"{cells:,} steps times volumes; at most {LIMIT_NS:g} ns: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
