"""The same fleet written as events in SimPy: the same totals, how many times slower.

    python benchmarks/simpy_process.py

Measured in November 2026 on a virtual machine with two cores of a server processor (x86-64 with AVX2), shared with
other work; Python 3.11, numpy 2.4, numba 0.68, SimPy 4.1; 4 volumes over a week of one-minute steps:

    SimPy          17 to 23 µs per step and volume (one process a start: large fleets cost more), 2.7 µs at its fastest
    fleet.serve    3.6 to 4.6 ns (64 volumes); SimPy takes 4,000 to 6,300 times as long, 650 to 790 at its fastest
    kernel alone   3.2 to 3.7 ns; SimPy takes 4,900 to 7,200 times as long, 800 to 910 at its fastest
    totals         differ by 4e-14, relative

An implementation of its own, from the description of a step and not from the compiled loop: every step is a timeout,
every replica an object with its own cold start and bill, the queue a line of dated parcels of work. The totals to
compare are work served, work gone as overflow, and hours of replicas billed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass

import simpy
from one_fleet import (
    COLD_START_S,
    MAX_WAIT_S,
    MINIMUM_REPLICAS,
    SECONDS_PER_REQUEST,
    STABILISATION_S,
    STEP_S,
    TARGET_SHARE,
    demand,
    fleet,
    seconds_in_kernel,
    volumes,
)

from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MONTH
from simulator.simulation.fleet import serve

LIMIT_RATIO = 500.0
LIMIT_DIFFERENCE = 1e-9
Events = Generator[simpy.Event, None, None]


@dataclass
class Replica:
    """One running copy of the model, billed from its order."""

    ordered_at_s: float
    ready: bool = False


@dataclass
class Parcel:
    """Work that arrived in one step."""

    complete_at_s: float
    seconds: float


class Fleet:
    """A fleet as a process; `served`, `overflow` [replica-seconds] and `billed_s` [replica-seconds] add up."""

    def __init__(self, environment: simpy.Environment, first_work: float) -> None:
        self.environment = environment
        self.served = self.overflow = self.billed_s = 0.0
        self.queue: deque[Parcel] = deque()
        remembered = round(STABILISATION_S / STEP_S) + 1
        self.wishes = deque([self.wish(first_work)] * remembered, maxlen=remembered)
        self.ready = self.wish(first_work)
        self.stack = [Replica(0.0, ready=True) for _ in range(self.ready)]  # the youngest on top

    @staticmethod
    def wish(work: float) -> int:
        """Replicas at which the work arriving in a step is the target share of what they can do."""
        return max(MINIMUM_REPLICAS, math.ceil(work / (STEP_S * TARGET_SHARE) - 1e-9))

    def start(self) -> None:
        """Order a replica."""
        replica = Replica(self.environment.now)
        self.stack.append(replica)
        self.environment.process(self.warm_up(replica))

    def warm_up(self, replica: Replica) -> Events:
        """Make a replica ready when its cold start is over, unless it has been stopped meanwhile."""
        yield self.environment.timeout(COLD_START_S)
        if replica.ordered_at_s >= 0.0:
            replica.ready = True
            self.ready += 1

    def stop(self) -> None:
        """Stop the youngest replica and pay for it."""
        replica = self.stack.pop()
        self.ready -= replica.ready
        self.billed_s += self.environment.now - replica.ordered_at_s
        replica.ordered_at_s = -1.0

    def run(self, work_by_step: Iterable[float]) -> Events:
        """Live through the steps, at the start of each; replicas that become ready then already are."""
        for work in work_by_step:
            end_s = self.environment.now + STEP_S
            self.queue.append(Parcel(end_s, work))
            self.wishes.append(self.wish(work))
            committed = max(self.wishes)
            while len(self.stack) < committed:
                self.start()
            while len(self.stack) > committed:
                self.stop()
            self.serve(self.ready * STEP_S)
            self.let_go(end_s)
            yield self.environment.timeout(STEP_S)
        while self.stack:
            self.stop()

    def serve(self, capacity: float) -> None:
        """Do so much work, first in first out."""
        while self.queue and capacity > 0.0:
            done = min(self.queue[0].seconds, capacity)
            capacity -= done
            self.served += done
            self.queue[0].seconds -= done
            if self.queue[0].seconds <= 0.0:
                self.queue.popleft()

    def let_go(self, now_s: float) -> None:
        """Send away what arrived before the last `MAX_WAIT_S`. Parcels go whole: the wait is a multiple of the step."""
        while self.queue and now_s - self.queue[0].complete_at_s >= MAX_WAIT_S:
            self.overflow += self.queue.popleft().seconds


def simulate(work_by_step: list[float]) -> tuple[float, float, float]:
    """Requests served, requests gone as overflow and replica-hours billed, by events."""
    environment = simpy.Environment()
    lived = Fleet(environment, work_by_step[0])
    environment.process(lived.run(work_by_step))
    environment.run()
    return (
        lived.served / SECONDS_PER_REQUEST,
        lived.overflow / SECONDS_PER_REQUEST,
        lived.billed_s / SECONDS_PER_HOUR,
    )


def main() -> int:
    """Run both on the same demand, print, and tell by the exit status whether totals agree and the ratio is reached."""
    parser = argparse.ArgumentParser(
        description="The same fleet as SimPy events: totals and time against the kernel's."
    )
    parser.add_argument("--days", type=float, default=7.0, help="Horizon in days of 1,440 steps.")
    parser.add_argument("--volumes", type=int, default=4, help="How many of the 64 volumes SimPy simulates.")
    parser.add_argument("--runs", type=int, default=9, help="Runs of the kernel after one to warm up.")
    arguments = parser.parse_args()
    plan, sampled, every = fleet(), demand(arguments.days), volumes()
    ours = serve(plan, sampled, every)
    timed = [seconds_in_kernel(lambda: serve(plan, sampled, every)) for _ in range(arguments.runs)]
    whole_ns, inside_ns = (
        1e9 * statistics.median(seconds) / (sampled.steps * every.size) for seconds in zip(*timed, strict=True)
    )

    worst, simpy_ns = 0.0, []
    chosen = [round(k * (every.size - 1) / max(1, arguments.volumes - 1)) for k in range(arguments.volumes)]
    for lane in chosen:
        work_per_mean = every[lane] * SECONDS_PER_REQUEST * STEP_S / SECONDS_PER_MONTH
        work_by_step = (sampled.profile * work_per_mean).tolist()
        start = time.perf_counter()
        totals = simulate(work_by_step)
        simpy_ns.append(1e9 * (time.perf_counter() - start) / sampled.steps)
        expected = (ours.served_requests, ours.overflow_requests, ours.billed_replica_hours)
        ends = [float(total[:, lane].sum()) for total in expected]
        worst = max(worst, *itertools.starmap(_difference, zip(totals, ends, strict=True)))
        print(
            f"{every[lane]:>12,.0f} requests a month: served {totals[0]:,.1f}, overflow {totals[1]:,.1f}, "
            f"{totals[2]:,.1f} replica-hours; SimPy {simpy_ns[-1]:,.0f} ns a step"
        )
    mean_ns, least_ns = statistics.mean(simpy_ns), min(simpy_ns)
    print(f"SimPy, per step and volume: {mean_ns:,.0f} ns, {least_ns:,.0f} ns at its fastest ({sampled.steps:,} steps)")
    for name, ours_ns in (("kernel alone", inside_ns), ("fleet.serve", whole_ns)):
        ratios = f"SimPy takes {mean_ns / ours_ns:,.0f} times as long, {least_ns / ours_ns:,.0f} at its fastest"
        print(f"{name:<12} {ours_ns:.2f} ns ({every.size} volumes); {ratios}")
    print(f"greatest relative difference of a total: {worst:.1e}")
    if worst > LIMIT_DIFFERENCE:
        print(f"totals differ by more than {LIMIT_DIFFERENCE:g}")
        return 1
    if least_ns / whole_ns < LIMIT_RATIO:
        print(f"less than {LIMIT_RATIO:g} times faster")
        return 1
    return 0


def _difference(one: float, other: float) -> float:
    """Difference over the greater of the two; 0 where both are 0."""
    greater = max(abs(one), abs(other))
    return abs(one - other) / greater if greater > 0.0 else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
