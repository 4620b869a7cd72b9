"""The Python interface; `import simulator` hands its functions on."""

from simulator.catalogue.planning import make_plan
from simulator.interface.decisions import over_time, sensitivity, solve, switching, uncertainty, volumes_over_time
from simulator.interface.scenarios import (
    best_mix,
    break_even,
    cost_curve,
    draw_demand,
    latency,
    load_scenario,
    service,
    simulate,
)
from simulator.interface.several import compare, levers, sweep

__all__ = [
    "best_mix",
    "break_even",
    "compare",
    "cost_curve",
    "draw_demand",
    "latency",
    "levers",
    "load_scenario",
    "make_plan",
    "over_time",
    "sensitivity",
    "service",
    "simulate",
    "solve",
    "sweep",
    "switching",
    "uncertainty",
    "volumes_over_time",
]
