"""Compiled decisions of the autoscaling policies: replicas wanted in each lane, before rounding and limits.

Every policy fills `wanted` for all lanes at once; loads are in replicas (replica-seconds of work per second).
Rounding up, spare, minimum, increment and maximum are the kernel's, so that no policy can forget one.
"""

from __future__ import annotations

from numba import types

from simulator.simulation.compiled import compiled

_VECTOR = types.Array(types.float64, 1, "C")

# parameters, memory (one number a lane), step, arriving load, queued work, replicas now, wanted (filled)
DECIDE = types.void(_VECTOR, _VECTOR, types.int64, _VECTOR, _VECTOR, _VECTOR, _VECTOR)


@compiled(DECIDE)
def decide_fixed(parameters, memory, step, arriving_load, queued_work, replicas, wanted):  # type: ignore[no-untyped-def]
    """The count kept in `memory`, whatever happens."""
    for lane in range(wanted.size):
        wanted[lane] = memory[lane]


@compiled(DECIDE)
def decide_target_utilization(parameters, memory, step, arriving_load, queued_work, replicas, wanted):  # type: ignore[no-untyped-def]
    """Replicas at which the arriving load is `parameters[0]` of capacity. The queue is not looked at."""
    per_target_share = 1.0 / parameters[0]
    for lane in range(wanted.size):
        wanted[lane] = arriving_load[lane] * per_target_share


@compiled(DECIDE)
def decide_perfect_foresight(parameters, memory, step, arriving_load, queued_work, replicas, wanted):  # type: ignore[no-untyped-def]
    """Replicas that the arriving load fills to the brim; the kernel shows it the load one cold start ahead."""
    for lane in range(wanted.size):
        wanted[lane] = arriving_load[lane]
