"""Time of the compiled step loop: a curve of 64 volumes over a year in one-minute steps, on one core.

    python benchmarks/kernel.py

Measured in November 2026 on a virtual machine with two cores of a server processor (x86-64 with AVX2), shared with
other work; Python 3.11, numpy 2.4, numba 0.68. Least of the runs, since the medians are those of a machine that others
keep busy:

    target_utilization     kernel alone   3.8 ns per step and volume
    paid by the hour       kernel alone   5.0 ns
    the dearest, with spot kernel alone  12.7 ns
    the same, with waits   kernel alone  14.2 ns
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

from one_fleet import STEP_S, demand, fleet, seconds_in_kernel, volumes

from simulator.domain.autoscaling import ChangeRule, Fall, QueueDepth, Rise
from simulator.domain.plans import FleetPlan, SpotTerms
from simulator.domain.serving_times import ServingTimes
from simulator.simulation.fleet import serve
from simulator.simulation.service_table import NOT_TALLIED, ServiceTerms, service_terms

LIMITS_NS = {
    "target_utilization": 5.0,
    "paid by the hour": 7.0,
    "the dearest, with spot": 15.0,
    "the same, with waits": 15.0,
}


def plans() -> dict[str, FleetPlan]:
    """The fleet that the figures are about, the same paid by the hour, and the one whose every step costs most.

    That one scales by its queue, with windows and two rules in both directions, holds replicas for a least time, has a
    base and the rest on spot. The last is the same with the waits of its requests, of 32 slots a replica.
    """
    rules = (ChangeRule(share=0.1, period_s=60.0), ChangeRule(replicas=1, period_s=300.0))
    policy = QueueDepth(
        kind="queue_depth",
        requests_per_replica=1.0,
        up=Rise(stabilisation_s=60.0, rules=rules),
        down=Fall(stabilisation_s=300.0, rules=rules),
    )
    spot = SpotTerms(share=0.7, interruptions_per_replica_hour=0.05, notice_s=120.0, wait_s=300.0)
    dearest = replace(fleet(), autoscaling=policy, minimum_up_s=600.0, base_replicas=2.0, spot=spot)
    slots = ServingTimes(slots_per_replica=32.0, service_s=64.0, first_token_s=(0.2, 1.0))
    by_the_hour = replace(fleet(), billing_period_s=3600.0)
    return dict(zip(LIMITS_NS, (fleet(), by_the_hour, dearest, replace(dearest, serving=slots)), strict=True))


def terms(plan: FleetPlan, steps: int) -> ServiceTerms:
    """What the loop needs to tally waits, where slots are known."""
    return NOT_TALLIED if plan.serving is None else service_terms(plan, STEP_S, steps, 2.0, load_stays=False)


def measure(days: float, runs: int) -> tuple[dict[str, tuple[list[float], list[float]]], int]:
    """Seconds in the loop and in the whole of `serve` by fleet, a number a run, in turn, after one to warm up.

    Also steps times volumes.
    """
    sampled, wanted, seconds = demand(days), volumes(), {}
    for name, plan in plans().items():
        service = terms(plan, sampled.steps)
        seconds_in_kernel(lambda plan=plan, service=service: serve(plan, sampled, wanted, service=service))
        seconds[name] = ([], [])
    for _ in range(runs):
        for name, plan in plans().items():
            service = terms(plan, sampled.steps)
            whole, inside = seconds_in_kernel(
                lambda plan=plan, service=service: serve(plan, sampled, wanted, service=service)
            )
            seconds[name][0].append(inside)
            seconds[name][1].append(whole)
    return seconds, sampled.steps * wanted.size


def main() -> int:
    """Measure, print, and tell by the exit status whether the figures are reached."""
    parser = argparse.ArgumentParser(description="Time of the compiled step loop, per step and volume.")
    parser.add_argument("--days", type=float, default=365.0, help="Horizon in days of 1,440 steps.")
    parser.add_argument("--runs", type=int, default=15, help="Runs after one to warm up.")
    arguments = parser.parse_args()
    measured, cells = measure(arguments.days, arguments.runs)
    all_reached = True
    for name, of_fleet in measured.items():
        for what, seconds in zip(("kernel alone", "fleet.serve"), of_fleet, strict=True):
            median, least = (1e9 * value / cells for value in (statistics.median(seconds), min(seconds)))
            print(f"{name:<23} {what:<12} median {median:5.2f} ns, least {least:5.2f} ns per step and volume")
        reached = 1e9 * statistics.median(of_fleet[0]) / cells <= LIMITS_NS[name]
        print(f"{name:<23} {cells:,} cells; at most {LIMITS_NS[name]:g} ns: {'reached' if reached else 'MISSED'}")
        all_reached = all_reached and reached
    return 0 if all_reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
