"""Speed of estimates of throughput, against arithmetic of the same size on the same machine.

    python benchmarks/throughput_speed.py

To reach: one estimate at most 0.2 ms warm; 10,000 at once at most 50 ms by the roofline alone and 300 ms anchored; the
catalogue (all GPUs, models and measurements, checked) loaded in at most 0.1 s. Measured in 2026-11 on two shared cores:
0.19 ms, 0.8 ms, 73 ms and 67 ms. Ends with status 1 where a figure is missed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.replicas import ReplicaIds, replica_of
from simulator.domain.roofline import Layout
from simulator.domain.serving_state import Load, state_under

MODEL, GPU = "llama-3.1-8b", "h100-sxm"
MANY = 10_000
LOAD_CATALOGUE = """
import time, yaml, pydantic, numpy
start = time.perf_counter()
from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids
from simulator.catalogue.measurements import all_measurements
from simulator.catalogue.efficiencies import efficiencies
imported = time.perf_counter()
all_measurements(), efficiencies(), [gpu(name) for name in gpu_ids()], [open_model(name) for name in open_model_ids()]
print(imported - start, time.perf_counter() - imported)
"""


def fastest_s(call: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs: what the machine can do when nothing else runs. [s]"""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    random = np.random.default_rng(0)
    inputs, outputs = random.uniform(50.0, 4_000.0, MANY), random.uniform(20.0, 1_000.0, MANY)
    replica = replica_of(ReplicaIds(MODEL, GPU, Layout(), "bf16", "bf16", "vllm"))
    exponentials_s = fastest_s(lambda: np.exp(random.random((MANY, 512))), 5)
    questions: dict[str, tuple[Callable[[], object], int, float]] = {
        "one estimate": (lambda: estimate_throughput(MODEL, GPU, input_tokens=512, output_tokens=256), 2_000, 0.2e-3),
        "one, under a limit of time per token": (
            lambda: estimate_throughput(MODEL, GPU, input_tokens=512, output_tokens=256, tpot_limit_s=0.02),
            500,
            np.inf,
        ),
        "one, at an arrival rate": (
            lambda: estimate_throughput(MODEL, GPU, input_tokens=512, output_tokens=256, arrival_requests_per_s=5.0),
            500,
            np.inf,
        ),
        f"{MANY:,}, roofline alone": (lambda: state_under(replica, Load("saturated", inputs, outputs)), 20, 50e-3),
        f"{MANY:,}, anchored": (
            lambda: estimate_throughput(MODEL, GPU, input_tokens=inputs, output_tokens=outputs),
            10,
            300e-3,
        ),
    }
    start = time.perf_counter()
    estimate_throughput(MODEL, GPU, input_tokens=512, output_tokens=256)
    print(f"{'first estimate of a model and GPU':40} {1e3 * (time.perf_counter() - start):9.3f} ms")
    missed = []
    for name, (call, repeats, limit_s) in questions.items():
        seconds = fastest_s(call, repeats)
        missed += [name] if seconds > limit_s else []
        reached = "" if limit_s == np.inf else f"; to reach {1e3 * limit_s:g} ms: {seconds <= limit_s}"
        ratio = f"{seconds / exponentials_s:8.4f} x {MANY:,} x 512 exponentials"
        print(f"{name:40} {1e3 * seconds:9.3f} ms  {ratio}{reached}")
    printed = [
        subprocess.run([sys.executable, "-c", LOAD_CATALOGUE], capture_output=True, text=True, check=True).stdout
        for _ in range(5)
    ]
    imported_s, loaded_s = min((tuple(map(float, line.split())) for line in printed), key=sum)
    print(f"{'catalogue: modules':40} {1e3 * imported_s:9.3f} ms")
    print(
        f"{'catalogue: all of it loaded and checked':40} {1e3 * loaded_s:9.3f} ms; to reach 100 ms: {loaded_s <= 0.1}"
    )
    sys.exit(1 if missed or loaded_s > 0.1 else 0)


if __name__ == "__main__":
    main()
