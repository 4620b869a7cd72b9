"""Speed and peak memory of reading a large request log.

    python benchmarks/read_traces.py

Writes CSVs of requests (Azure's columns) to a temporary folder, reads each in a process of its own, and prints rows per
second and peak memory. To reach, for ten million rows on one core: at most 60 s and 500 MB of resident memory. What is
read is compared with what was written. Ends with status 1 where a figure is missed.

Measured in November 2026 on one core of a shared server processor (Python 3.11, pandas 3.1, numpy 2.4): 5 to 10 s and
292 MB with pyarrow installed, 12 s and 285 MB without.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS = 10_000_000
LIMIT_S = 60.0
LIMIT_MEGABYTES = 500.0
READ = """
import json, resource, sys, time
start = time.perf_counter()
from simulator.traces.reading import read_recording
recording = read_recording(sys.argv[1])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({
    "seconds": seconds, "megabytes": peak / 1e6, "rows": recording.rows, "steps": recording.steps,
    "input_mean": recording.input_lengths.mean, "output_mean": recording.output_lengths.mean,
}))
"""


def write_log(path: Path, rows: int, *, seed: int = 1, packed: bool = False) -> tuple[float, float]:
    """A log of requests over a week, lognormal lengths; returns the mean input and output tokens."""
    random = np.random.default_rng(seed)
    totals = np.zeros(2)
    gap_us = 7 * 86_400 * 1e6 / rows
    start = np.datetime64("2024-05-10T00:00:00", "us")
    with gzip.open(path, "wt", compresslevel=1) if packed else path.open("w", encoding="utf-8") as file:
        file.write("TIMESTAMP,ContextTokens,GeneratedTokens\n")
        for done in range(0, rows, 200_000):
            count = min(200_000, rows - done)
            times = start + ((done + np.arange(count)) * gap_us).astype("timedelta64[us]")
            inputs = np.ceil(random.lognormal(6.5, 1.2, count)).astype(int)
            outputs = np.ceil(random.lognormal(5.0, 1.0, count)).astype(int)
            totals += inputs.sum(), outputs.sum()
            texts = np.datetime_as_string(times)
            lines = (
                f"{time.replace('T', ' ')}+00:00,{given},{made}\n"
                for time, given, made in zip(texts.tolist(), inputs.tolist(), outputs.tolist(), strict=True)
            )
            file.writelines(lines)
    return float(totals[0] / rows), float(totals[1] / rows)


def main() -> int:
    """Write, read, print, and tell by the exit status whether all figures are reached."""
    parser = argparse.ArgumentParser(description="Speed and peak memory of reading a large request log.")
    parser.add_argument("--rows", type=int, default=ROWS, help="Rows of the log.")
    parser.add_argument("--gzip", action="store_true", help="Pack the log as well.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        start = time.perf_counter()
        means = write_log(path, arguments.rows, packed=arguments.gzip)
        size_mb = path.stat().st_size / 1e6
        print(f"written: {arguments.rows:,} rows, {size_mb:,.0f} MB, in {time.perf_counter() - start:.0f} s")
        one_core = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
        command = [sys.executable, "-c", READ, str(path)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=one_core).stdout
    read = json.loads(printed)
    print(f"read: {read['rows'] / read['seconds']:,.0f} rows/s; {read['steps']:,} steps")
    same = read["rows"] == arguments.rows and np.allclose((read["input_mean"], read["output_mean"]), means, rtol=1e-12)
    print(f"rows and mean lengths are those written: {same}")
    scale = arguments.rows / ROWS
    reached = [
        _verdict("time", read["seconds"], LIMIT_S * max(scale, 0.1), " s"),
        _verdict("peak memory", read["megabytes"], LIMIT_MEGABYTES, " MB"),
        bool(same),
    ]
    return 0 if all(reached) else 1


def _verdict(what: str, value: float, limit: float, unit: str) -> bool:
    """Print a figure beside its limit; whether it keeps it."""
    print(f"{what}: {value:.3g}{unit}, at most {limit:g}{unit}: {'reached' if value <= limit else 'MISSED'}")
    return value <= limit


if __name__ == "__main__":
    raise SystemExit(main())
