"""Work that can wait: what of a step's capacity is left after queue and arrivals serves it, first in first out.

The policy does not see it, so it never scales a fleet. Shares of the request classes are constant, so what arrives of
it is a constant ratio of the other work that arrives: where requests are counted, the ratio in expectation. At the end
of a step there may wait what arrived in the last `deadline` steps, as in the kernel for what waits there; the rest
leaves.
"""

from __future__ import annotations

from numba import types

from simulator.simulation.compiled import compiled

LANES = 64  # as in the kernel, which calls this

_VECTOR = types.Array(types.float64, 1, "C")
_MATRIX = types.Array(types.float64, 2, "C")

# Places in `numbers`: work that can wait over the other, whole steps of the deadline and by what part of a step it is
# longer, and what may wait beyond that (where there is no limit, more than there will ever be).
RATIO, DEADLINE_STEPS, DEADLINE_FRACTION, UNLIMITED = range(4)
NUMBERS_SIZE = 4
# Rows of the kernel's `state`: capacity, what of it is used, and the sums of the work that can wait.
CAPACITY, SERVED = 4 * LANES, 7 * LANES
SUM_SERVED, SUM_LEFT = 18 * LANES, 19 * LANES
# Rows of the memory: work that waits, other work that arrived within the whole steps of the deadline, and what of this
# step was served and has left.
QUEUE, _RECENT, _SERVED_NOW, _LEFT_NOW = 0, LANES, 2 * LANES, 3 * LANES
MEMORY_ROWS = 4
# Rows of the record of single steps, of lane 0.
RECORD_SERVED, RECORD_LEFT, RECORD_QUEUE = range(3)
RECORD_ROWS = 3

# (numbers, memory, record, ring of arrivals, step, state)
DEFER = types.void(_VECTOR, _VECTOR, _MATRIX, _MATRIX, types.int64, _VECTOR)


@compiled(DEFER)
def defer(numbers, memory, record, ring, step, state):  # type: ignore[no-untyped-def]
    """Serve in every lane what can wait with what is left of this step's capacity.

    Parameters
    ----------
    numbers : float64 array of shape (NUMBERS_SIZE,)
        See the names of its places above.
    memory : float64 array of shape (MEMORY_ROWS * LANES,)
        Zero before the first step; begins on a cache line.
    record : float64 array of shape (RECORD_ROWS, steps or 0)
        Filled for lane 0 where it has columns.
    ring : float64 array of shape (places, LANES)
        The kernel's, which holds the other work that arrived in the steps of the deadline.
    step : int
        This step.
    state : float64 array
        Of the kernel.
    """
    ratio, fraction, unlimited = numbers[RATIO], numbers[DEADLINE_FRACTION], numbers[UNLIMITED]
    deadline = int(numbers[DEADLINE_STEPS])
    places = ring.shape[0]
    now, oldest = ring[step % places], ring[(step - deadline) % places]
    if deadline > 0:
        if step == 0:
            for lane in range(LANES):
                memory[_RECENT + lane] = deadline * oldest[lane]
        for lane in range(LANES):
            memory[_RECENT + lane] += now[lane] - oldest[lane]
    for lane in range(LANES):
        spare = state[CAPACITY + lane] - state[SERVED + lane]
        spare = spare if spare > 0.0 else 0.0
        waiting = memory[QUEUE + lane] + ratio * now[lane]
        served = waiting if waiting < spare else spare
        left = waiting - served
        most = memory[_RECENT + lane] + fraction * oldest[lane]
        most = ratio * (most if most > 0.0 else 0.0) + unlimited
        kept = left if left < most else most
        memory[QUEUE + lane] = kept
        memory[_SERVED_NOW + lane] = served
        memory[_LEFT_NOW + lane] = left - kept
        state[SUM_SERVED + lane] += served
        state[SUM_LEFT + lane] += left - kept
    if record.shape[1] > 0:
        record[RECORD_SERVED, step] = memory[_SERVED_NOW]
        record[RECORD_LEFT, step] = memory[_LEFT_NOW]
        record[RECORD_QUEUE, step] = memory[QUEUE]
