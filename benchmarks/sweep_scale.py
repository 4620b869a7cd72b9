"""A sweep of ten thousand scenarios: how fast on one worker and on two, what the store takes, and how much memory.

    python benchmarks/sweep_scale.py               # 100, 1,000 and 10,000 points, one worker and two; ten minutes
    python benchmarks/sweep_scale.py --points 1000

A point is `h100-vs-haiku` over a year in hourly steps with its full break-even, at a rent, a number of engineers and a
volume drawn by Sobol. Each run has a process of its own and a new store. Points per second count from the first point
handed out to the last row kept, without the start of the workers; memory is the greatest sum over all processes of the
run (proportional set size: what they share counts once).

Measured in November 2026 on a virtual machine with two cores of a server processor (x86-64 with AVX2): 23.2 points/s on
one worker, 41.8 on two (1.80 times); the store takes 0.2 % of the time; 417 MB with one worker, 803 MB in the three
processes of two. A point takes 43 ms of 1,000 points as of 10,000, 33 to 43 ms of 100 (the machine varies by as much).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SIZES = (100, 1_000, 10_000)
LIMIT_TWO_WORKERS, LIMIT_STORE_SHARE, LIMIT_MB, LIMIT_FLAT = 1.7, 0.05, 600.0, 0.10
SAMPLE = {
    "options.llama-h100.rental.usd_per_gpu_hour": {"uniform": {"low": 1.5, "high": 8.0}},
    "options.llama-h100.engineers.base_persons": {"uniform": {"low": 0.1, "high": 2.0}},
    "traffic.tokens_per_month": {"lognormal": {"median": 5e9, "log_sigma": 1.0}},
}


def sweep_of(points: int) -> dict[str, Any]:
    return {
        "title": "Many scenarios",
        "base": "h100-vs-haiku",
        "set": {"horizon": {"months": 12, "step_s": 3600}},
        "sample": {"points": points, "keys": SAMPLE},
    }


def one_run(points: int, jobs: int) -> dict[str, float]:
    """A sweep in this process, with what it took."""
    from simulator.catalogue.digest import results_digest
    from simulator.catalogue.planning import make_plan
    from simulator.config.sweeps import load_sweep
    from simulator.sweeping.points import point_rows
    from simulator.sweeping.pools import local_pool
    from simulator.sweeping.run import SweepJob, run_sweep
    from simulator.sweeping.store import Store

    sweep, base = load_sweep(sweep_of(points), make_plan)
    job = SweepJob(sweep, base, "many", results_digest(), "benchmark")
    in_store = [0.0]

    def timed(method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                in_store[0] += time.perf_counter() - start

        return call

    for name in ("begin", "enter", "known", "add"):
        setattr(Store, name, timed(getattr(Store, name)))
    if jobs == 1:
        point_rows(sweep.point(0).overrides, base.plan_for)  # what is loaded once is no point's
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.writing(Path(folder) / "sweeps.sqlite") as store,
        local_pool(jobs) as pool,
    ):
        if jobs > 1:
            for warmed in [pool.executor.submit(_warm, base, sweep.point(place)) for place in range(2 * jobs)]:
                warmed.result()
        start = time.perf_counter()
        progress = run_sweep(job, store, pool, results_digest)
        took = time.perf_counter() - start
    if (progress.solved, progress.faults) != (points, 0):
        raise RuntimeError(f"{progress} of {points} points")
    return {"seconds": took, "in_store": in_store[0]}


def _warm(base: Any, point: Any) -> None:
    from simulator.sweeping.points import point_rows

    point_rows(point.overrides, base.plan_for)


def measured(points: int, jobs: int) -> dict[str, float]:
    """A run in a process of its own, with the memory of all of its processes."""
    command = [sys.executable, __file__, "--one", str(points), str(jobs)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            peak[0] = max(peak[0], memory_mb(run.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = run.communicate()
    done.set()
    watcher.join()
    if run.returncode != 0:
        raise SystemExit(run.returncode)
    return {**json.loads(output), "mb": peak[0]}


def memory_mb(group: int) -> float:
    """Proportional set size of a process and of all that it started; 0 where the system does not tell."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                total += next(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        except (OSError, StopIteration):
            continue
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=SIZES[-1], help="of the greatest sweep")
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one_run(*arguments.one)))
        return 0
    sizes = [size for size in SIZES if size < arguments.points] + [arguments.points]
    # A machine is faster at some times than at others: the small sweeps are measured before and after the great one.
    runs = [(size, measured(size, 1)) for size in (*sizes, *sizes[:-1])]
    for size, run in runs:
        print(
            f"{size:,} points, one worker: {1e3 * run['seconds'] / size:.2f} ms a point, {run['mb']:.0f} MB", flush=True
        )
    one, two = runs[len(sizes) - 1][1], measured(sizes[-1], 2)
    speedup, share = one["seconds"] / two["seconds"], one["in_store"] / one["seconds"]
    rates = [sizes[-1] / run["seconds"] for run in (one, two)]
    per_point = {size: statistics.fmean(run["seconds"] / size for of, run in runs if of == size) for size in sizes}
    grows = max(per_point[sizes[-1]] / of_size - 1 for of_size in per_point.values())
    figures = (
        (f"{rates[0]:.1f} and {rates[1]:.1f} points/s on one and two workers: {speedup:.2f} times", "at least",
         LIMIT_TWO_WORKERS, speedup >= LIMIT_TWO_WORKERS),
        (f"store: {share:.1%} of the time", "at most", LIMIT_STORE_SHARE, share <= LIMIT_STORE_SHARE),
        (f"memory: {one['mb']:.0f} MB with one worker, {two['mb']:.0f} MB with two", "at most", LIMIT_MB,
         one["mb"] <= LIMIT_MB),
        (f"a point of the greatest sweep over one of a smaller: {grows:+.1%} at most", "at most", LIMIT_FLAT,
         grows <= LIMIT_FLAT),
    )  # fmt: skip
    for text, bound, limit, is_reached in figures:
        print(f"{text} ({bound} {limit:g}): {'reached' if is_reached else 'MISSED'}")
    return 0 if all(is_reached for *_, is_reached in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
