"""Buy a language-model API per token, or run an open model on GPUs of our own, and from which volume on?

>>> import simulator as sim
>>> study = sim.break_even("minimal")  # doctest: +SKIP

The functions are loaded when first used, so that `import simulator` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "break_even",
    "cost_curve",
    "estimate_throughput",
    "load_scenario",
    "read_benchmark_file",
    "simulate",
]

if TYPE_CHECKING:
    from simulator.catalogue.asking import estimate_throughput
    from simulator.catalogue.benchmark_files import read_benchmark_file
    from simulator.interface import break_even, cost_curve, load_scenario, simulate


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'simulator' has no attribute '{name}'")
    if name in ("estimate_throughput", "read_benchmark_file"):  # needs nothing of what simulates
        from simulator.catalogue import asking, benchmark_files

        return getattr(asking if name == "estimate_throughput" else benchmark_files, name)
    from simulator import interface

    return getattr(interface, name)
