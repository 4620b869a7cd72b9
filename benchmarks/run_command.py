"""Whole-process times and peak memory of the command line, against the imports it cannot do without.

    python benchmarks/run_command.py support-chatbot

Measured in November 2026 on a virtual machine with two cores of a server processor (x86-64 with AVX2), shared with
other work; Python 3.11, numpy 2.4, numba 0.68; medians of 9 alternating pairs:

    breakeven run support-chatbot    2.3 times the imports (4.0 s against 1.7 s)
    breakeven run consumer-launch    2.6 times
    breakeven run assistant-70b      2.7 times
    breakeven --help                 0.06 to 0.10 s
    peak memory of run               304 to 331 MB

The seconds follow the load on the machine; the ratio much less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_RATIO = 3.0
LIMIT_HELP_S = 0.25
LIMIT_MEGABYTES = 400.0
COMMAND = [sys.executable, "-m", "simulator.cli.main"]
IMPORTS = [sys.executable, "-c", "import numpy, scipy.optimize, pandas, matplotlib.pyplot, numba, pydantic"]


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory [10⁶ bytes] of a process from start to end.

    Raises
    ------
    RuntimeError
        If it fails, with what it wrote to stderr.
    """
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors.read().decode().strip()}")
    kibibytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return seconds, kibibytes * 1024 / 1e6


def main() -> int:
    """Alternate both commands, print, and tell by the exit status whether all figures are reached."""
    parser = argparse.ArgumentParser(description="Whole-process times and memory of the command line.")
    parser.add_argument("scenario", nargs="?", default="support-chatbot", help="Bundled scenario or file.")
    parser.add_argument("--runs", type=int, default=9, help="Pairs of runs, after one of each to warm up.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = [*COMMAND, "run", arguments.scenario, "--output", folder]
        timed(run), timed(IMPORTS)
        pairs = [(timed(run), timed(IMPORTS)) for _ in range(arguments.runs)]
        written = sorted(path.name for path in Path(folder).rglob("*") if path.is_file())
    help_s = statistics.median(timed([*COMMAND, "--help"])[0] for _ in range(arguments.runs))
    run_s, imports_s = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(ours[0] / imports[0] for ours, imports in pairs)
    megabytes = max(ours[1] for ours, _ in pairs)

    print(f"run {arguments.scenario}: {run_s:.2f} s; the imports alone: {imports_s:.2f} s")
    print(f"files written: {', '.join(written)}")
    reached = [
        _verdict("run over imports, median of pairs", ratio, LIMIT_RATIO, ""),
        _verdict("--help", help_s, LIMIT_HELP_S, " s"),
        _verdict("peak memory of run", megabytes, LIMIT_MEGABYTES, " MB"),
    ]
    return 0 if all(reached) else 1


def _verdict(what: str, value: float, limit: float, unit: str) -> bool:
    """Print a figure beside its limit; whether it keeps it."""
    print(f"{what}: {value:.3g}{unit}, at most {limit:g}{unit}: {'reached' if value <= limit else 'MISSED'}")
    return value <= limit


if __name__ == "__main__":
    raise SystemExit(main())
