"""The compiled part of waiting under a load that changes: many draws of one queue, followed from step to step.

Lengths are in requests ahead of the places (negative: places free), times in steps.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from simulator.simulation.compiled import compiled_when_called, part_of_compiled

_VECTOR = types.Array(types.float64, 1, "C")
_MATRIX = types.Array(types.float64, 2, "C")
_FLAGS = types.Array(types.boolean, 1, "C")
_NUMBER = types.float64

# Rows of `steps`: arrivals [requests], drift and standard deviation of the queue over the step, the floor it is held
# at, the mean of what lies above the floor once settled, the most it may be at the end of the step, prefill [steps].
ARRIVALS, DRIFT, SD, FLOOR, SCALE, CEILING, PREFILL = range(7)
STEP_ROWS = 7
# Places in `totals`, sums over requests: answered, wait, time to the first token [steps], late.
ANSWERED, WAIT, FIRST_TOKEN, LATE = range(4)
# Histograms by the logarithm of the time: requests, and their times added up, of the waits and of the first tokens.
BINS = 12_000
BIN_WIDTH = 0.004
LEAST_LOG = -30.0
WAITS, WAIT_SUMS, FIRST_TOKENS, FIRST_TOKEN_SUMS = range(4)
HISTOGRAM_ROWS = 4


@compiled_when_called(types.void(_VECTOR, _VECTOR, _FLAGS))
def mark_settled(relaxation, scale, settled):  # type: ignore[no-untyped-def]
    """Mark the steps in which the queue has had time to settle; `relaxation` in steps, infinite at full load.

    The settled length is followed as slowly as the queue forgets; where both agree to 2 % it has come to rest.
    """
    followed = scale[0] if scale.size else 0.0
    for step in range(scale.size):
        if math.isinf(relaxation[step]):
            settled[step] = False
            followed = max(followed, scale[step])
        else:
            followed += (scale[step] - followed) * -math.expm1(-1.0 / max(relaxation[step], 1e-9))
            settled[step] = abs(followed - scale[step]) <= 0.02 * scale[step] or relaxation[step] < 0.2


@part_of_compiled
def _wait_of(capacity, position, length):  # type: ignore[no-untyped-def]
    """Steps until as many requests have been taken as were ahead at `position`.

    After the horizon the last capacity goes on, or the mean one where that is zero. `capacity[step]` is what could be
    served by the start of the step; its last place ends the horizon.
    """
    last = capacity.size - 1
    step = min(int(position), last - 1)
    wanted = capacity[step] + (position - step) * (capacity[step + 1] - capacity[step]) + length
    if capacity[step + 1] < wanted:
        if capacity[last] < wanted:
            rate = capacity[last] - capacity[last - 1]
            if rate <= 0.0:
                rate = capacity[last] / last
            return last - position + (wanted - capacity[last]) / rate
        low, high = step + 1, step + 2
        while high < last and capacity[high] < wanted:
            low, high = high, min(high + 2 * (high - step), last)
        while high - low > 1:
            middle = (low + high) // 2
            if capacity[middle] < wanted:
                low = middle
            else:
                high = middle
        step = low
    rate = capacity[step + 1] - capacity[step]
    return max(step + ((wanted - capacity[step]) / rate if rate > 0.0 else 0.0) - position, 0.0)


@part_of_compiled
def _bin_of(time):  # type: ignore[no-untyped-def]
    """Place of a time in a histogram: 0 holds what does not wait."""
    if time <= 0.0:
        return 0
    return min(max(int((math.log(time) - LEAST_LOG) / BIN_WIDTH), 1), BINS - 1)


_FOLLOW = types.int64(
    types.int64, types.int64, types.int64, _MATRIX, _VECTOR, _FLAGS, _NUMBER, _NUMBER, _MATRIX, _MATRIX, _VECTOR,
    _FLAGS, _MATRIX, _VECTOR, _VECTOR, _VECTOR,
)  # fmt: skip


@compiled_when_called(_FOLLOW)
def follow(  # type: ignore[no-untyped-def]
    first, end, at_rest, steps, capacity, settled, patience, target, normals, exponentials,
    lengths, sampled, histograms, totals, mean_wait, blocked,
):  # fmt: skip
    """Follow `lengths` from step `first` to `end`, count waits in all steps but settled ones; 1: at rest at the end.

    In a step the length moves as a Brownian motion held at the floor, drawn without error from a normal and an
    exponential: the second gives the least value on the way between the ends. Where requests leave, it is held at the
    ceiling as well, which is not exact within a step that meets both. A settled step is not followed once the
    queue is at rest; its length is drawn from the settled law, for the step after it.
    """
    size = lengths.size
    before = np.empty(size)
    touched = np.empty(size)
    for step in range(first, end):
        drift, sd, floor, scale = steps[DRIFT, step], steps[SD, step], steps[FLOOR, step], steps[SCALE, step]
        noise, chance = normals[step - first], exponentials[step - first]
        if settled[step] and at_rest == 1:
            for draw in range(size):
                lengths[draw] = floor + scale * chance[draw]
            continue
        sampled[step] = True
        ceiling = steps[CEILING, step]
        above = cut = 0.0
        for draw in range(size):
            start = lengths[draw]
            move = drift + sd * noise[draw]
            lowest = 0.5 * (move - math.sqrt(move * move + 2.0 * sd * sd * chance[draw]))
            lift = max(floor - start - lowest, 0.0)
            reached = start + move + lift
            if ceiling < math.inf:
                # The greatest value has the same law; who falls far seldom rises far, and so ranks are reversed.
                other = -math.log(-math.expm1(-max(chance[draw], 1e-12)))
                highest = 0.5 * (move + math.sqrt(move * move + 2.0 * sd * sd * other))
                drop = max(start + highest - ceiling, reached - ceiling, 0.0)
                cut += drop
                lift += drop
                reached = max(reached - drop, floor)
            before[draw], touched[draw] = start, lift
            lengths[draw] = reached
            above += lengths[draw] - floor
        at_rest = 1 if settled[step] and above <= 1.5 * scale * size else 0
        blocked[step] = min(cut / size, steps[ARRIVALS, step])
        weight = (steps[ARRIVALS, step] - blocked[step]) / size
        if weight <= 0.0:
            continue
        prefill, waits = steps[PREFILL, step], 0.0
        for draw in range(size):
            # A draw that never touched floor or ceiling moves about straight between the ends of the step; of one that
            # did only the ends are known, and one of them stands for it.
            part = (draw + 0.5) / size if touched[draw] <= 0.0 else float((draw + step) % 2)
            length = before[draw] + part * (lengths[draw] - before[draw])
            wait = min(_wait_of(capacity, step + part, length), patience) if length > 0.0 else 0.0
            waits += wait
            first_token = wait + prefill
            place = _bin_of(wait)
            histograms[WAITS, place] += weight
            histograms[WAIT_SUMS, place] += weight * wait
            place = _bin_of(first_token)
            histograms[FIRST_TOKENS, place] += weight
            histograms[FIRST_TOKEN_SUMS, place] += weight * first_token
            if first_token > target:
                totals[LATE] += weight
        mean_wait[step] = waits / size
        totals[ANSWERED] += weight * size
        totals[WAIT] += weight * waits
        totals[FIRST_TOKEN] += weight * (waits + prefill * size)
    return at_rest
