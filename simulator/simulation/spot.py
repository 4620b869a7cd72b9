"""The provider takes spot replicas back; what is billed above a base, and on spot, is told apart.

A spot replica that is up is taken back in a step with a chance p; it is out for L steps, of which the last may be a
part, and at risk again when it is back. Where the rate is r in a step, 1 / p = 1 + max(1 / r - (ceil(L) - L), 0), so
that up and out last 1 / r and L on average, and the mean availability is 1 / (1 + r L), whatever the step. Where
nothing is missing, because the notice covers the restart, p = r.

Of n at risk, floor(u + p n) are taken back, with one number u a step, uniform over [0, 1) and the same for all lanes:
p n on average, in whole replicas, never fewer at a larger fleet. Large fleets lose theirs more evenly than so many
independent replicas would, by less than one replica a step.
"""

from __future__ import annotations

import numpy as np
from numba import types

from simulator.simulation.compiled import compiled, part_of_compiled

LANES = 64

_VECTOR = types.Array(types.float64, 1, "C")
_INPUT = types.Array(types.float64, 1, "C", readonly=True)

# Places in `numbers`: share on spot of what is above the base, chance, whole steps out and by how much that exceeds the
# time, the same of what the bill differs by and whether that is more (1) or less (-1); then the base of each lane.
SHARE, CHANCE, OUT_STEPS, OUT_EXCESS, BILL_STEPS, BILL_EXCESS, BILL_SIGN = range(7)
BASE = 7

# Rows of the kernel's `state`.
READY, CAPACITY, BILLED = 3 * LANES, 4 * LANES, 5 * LANES
ABOVE_BASE, SPOT_BILLED, INTERRUPTED = 15 * LANES, 16 * LANES, 17 * LANES
# Rows of the memory: replicas out, what the bill differs by, and what was taken back in each of the last steps.
_OUT, _BILL, _RING = 0, LANES, 2 * LANES
MEMORY_ROWS = 2

# (numbers, draws, step, memory, state)
TAKE_BACK = types.void(_VECTOR, _INPUT, types.int64, _VECTOR, _VECTOR)


@part_of_compiled
def _row(memory, place):  # type: ignore[no-untyped-def]
    """Replicas taken back in one of the last steps."""
    return memory[_RING + place * LANES : _RING + (place + 1) * LANES]


@compiled(TAKE_BACK)
def take_back(numbers, draws, step, memory, state):  # type: ignore[no-untyped-def]
    """Take back replicas of this step: capacity and bill go down in `state`, and the sums above the base up.

    Parameters
    ----------
    numbers : float64 array of shape (BASE + LANES,)
        See the names of their places above.
    draws : float64 array of shape (steps,)
        Uniform over [0, 1).
    memory : float64 array of shape ((MEMORY_ROWS + n) * LANES,)
        Zero before the first step; n is above both numbers of whole steps.
    state : float64 array
        Of the kernel.
    """
    share, chance, draw = numbers[SHARE], numbers[CHANCE], draws[step % draws.size]
    out_steps, bill_steps = int(numbers[OUT_STEPS]), int(numbers[BILL_STEPS])
    out_excess, bill_excess, sign = numbers[OUT_EXCESS], numbers[BILL_EXCESS], numbers[BILL_SIGN]
    places = memory.size // LANES - MEMORY_ROWS
    base = numbers[BASE : BASE + LANES]
    is_out, is_billed = (1.0 if out_steps > 0 else 0.0), (1.0 if bill_steps > 0 else 0.0)
    now = _row(memory, step % places)
    back, last_out = _row(memory, (step - out_steps) % places), _row(memory, (step - out_steps + 1) % places)
    for lane in range(LANES):
        spot = state[CAPACITY + lane] - base[lane]
        spot = share * (spot if spot > 0.0 else 0.0)
        out = memory[_OUT + lane] - is_out * back[lane]
        at_risk = spot - out
        taken = np.floor(draw + chance * (at_risk if at_risk > 0.0 else 0.0))
        now[lane] = taken
        memory[_OUT + lane] = out + is_out * taken
        state[INTERRUPTED + lane] += taken
        missing = memory[_OUT + lane] - out_excess * last_out[lane]
        missing = missing if missing < spot else spot
        state[CAPACITY + lane] -= missing
        ready = state[READY + lane] - missing
        state[READY + lane] = ready if ready > 0.0 else 0.0
    done, last_billed = _row(memory, (step - bill_steps) % places), _row(memory, (step - bill_steps + 1) % places)
    for lane in range(LANES):
        above = state[BILLED + lane] - base[lane]
        above = above if above > 0.0 else 0.0
        differs = memory[_BILL + lane] + is_billed * (now[lane] - done[lane])
        memory[_BILL + lane] = differs
        differs -= bill_excess * last_billed[lane]
        most = share * above
        differs = sign * (differs if differs < most else most)
        state[BILLED + lane] += differs
        state[ABOVE_BASE + lane] += above + differs
        state[SPOT_BILLED + lane] += most + differs
