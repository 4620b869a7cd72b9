"""Buy a language-model API per token, or run an open model on GPUs of our own, and from which volume on?

>>> import simulator as sim
>>> study = sim.break_even("minimal")  # doctest: +SKIP

The functions are loaded when first used, so that `import simulator` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "best_mix",
    "break_even",
    "compare",
    "cost_curve",
    "draw_demand",
    "estimate_throughput",
    "fit_recording",
    "latency",
    "levers",
    "load_scenario",
    "over_time",
    "read_benchmark_file",
    "read_recording",
    "sensitivity",
    "service",
    "simulate",
    "solve",
    "sweep",
    "switching",
    "uncertainty",
    "volumes_over_time",
]

# What needs nothing of what simulates.
_ELSEWHERE = {
    "estimate_throughput": "simulator.catalogue.asking",
    "read_benchmark_file": "simulator.catalogue.benchmark_files",
    "read_recording": "simulator.traces.reading",
    "fit_recording": "simulator.traces.fitting",
}

if TYPE_CHECKING:
    from simulator.catalogue.asking import estimate_throughput
    from simulator.catalogue.benchmark_files import read_benchmark_file
    from simulator.interface import (
        best_mix,
        break_even,
        compare,
        cost_curve,
        draw_demand,
        latency,
        levers,
        load_scenario,
        over_time,
        sensitivity,
        service,
        simulate,
        solve,
        sweep,
        switching,
        uncertainty,
        volumes_over_time,
    )
    from simulator.traces.fitting import fit_recording
    from simulator.traces.reading import read_recording


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'simulator' has no attribute '{name}'")
    from importlib import import_module

    module = _ELSEWHERE.get(name, "simulator.interface")
    return getattr(import_module(module), name)
