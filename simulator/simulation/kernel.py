"""The one hot loop: a fleet served step by step, for many lanes (candidate volumes) side by side.

Units inside the loop: *load* in replicas (replica-seconds of work per second), *work* in replica-steps (what one
replica does in one step). A lane is one volume; what arrives in each is told by the function `arrive`, some steps at
a time, and kept in a ring for as long as the policy, the wait and a look ahead need it.

The order inside a step is written here and nowhere else:

1. replicas whose cold start is over become ready (within the step: they serve the rest of it);
2. requests arrive;
3. the policy decides from the arrivals as they were `reaction_s` ago, and from the queue before this step's arrivals;
   the wish is rounded up, limited (spare, minimum, increment, maximum), held to the highest of the stabilisation
   window, and its rise limited to so many starts per evaluation;
4. starts are ordered; stops take effect, the youngest starting replicas first, then ready ones;
5. ready replicas serve queue and arrivals, first in first out;
6. work that waited longer than `max_wait_s` leaves as overflow.

Stops taking the youngest first make the fleet a stack, so the replicas ready at a step are the least number committed
during the last cold start: a sliding minimum, like the stabilisation window is a sliding maximum. Both are kept by the
two-pass block method (van Herk 1992; Gil and Werman 1993): suffix extremes of the block before, a running extreme of
this one; three operations a step whatever the window. Before the first step every arrival equals the first step's, so
both windows start full of that decision, and the queue starts empty.

The loops over lanes are short and plain so that they become vector instructions. Two things beside their form decide
how fast those are: the rows of `state` begin on cache lines, and `_greater` stores whole vectors.
"""

from __future__ import annotations

import numpy as np
from numba import types

from simulator.simulation.arrivals import ARRIVE
from simulator.simulation.compiled import compiled, part_of_compiled
from simulator.simulation.policies import DECIDE

# Lanes are always padded to this many. A constant lets the compiler see that the rows of `state` never overlap, so that
# the long loops below become vector instructions.
LANES = 64
# Steps whose arrivals are asked for at once.
BLOCK = 16

_VECTOR = types.Array(types.float64, 1, "C")
_INPUT = types.Array(types.float64, 1, "C", readonly=True)
_INPUT_MATRIX = types.Array(types.float64, 2, "C", readonly=True)
_MATRIX = types.Array(types.float64, 2, "C")
_COUNTS = types.Array(types.int64, 1, "C")

# Places in `limits`.
DIVISIBLE, SPARE, MINIMUM, INCREMENT, MAXIMUM, MAX_STARTS = range(6)
# Places in `timing`. Patience is in whole steps and a part of one, which is given by itself; -1: no limit.
EVALUATION_STEPS, ANTICIPATES, BILLED_FROM_READY, REACTION_STEPS, PATIENCE_STEPS = range(5)
# Rows of the monthly sums.
BILLED, ARRIVED, SERVED, OVERFLOW, PEAK_BILLED = range(5)
SUM_ROWS = 5
# Rows of the record of single steps, `record[row, step]` of lane 0.
RECORD_ARRIVED, RECORD_READY, RECORD_BILLED, RECORD_SERVED, RECORD_OVERFLOW, RECORD_QUEUE = range(6)
RECORD_ROWS = 6

# Where the vectors of all lanes start in the working memory `state`.
_SEEN, _WANTED, _COMMITTED, _QUEUE, _SERVED, _OVERFLOW, _SUMS = (
    0, LANES, 2 * LANES, 3 * LANES, 4 * LANES, 5 * LANES, 6 * LANES,
)  # fmt: skip
_WISH, _START, _CAPACITY, _BILLED, _BEFORE, _AHEAD, _RECENT = (
    11 * LANES, 12 * LANES, 13 * LANES, 14 * LANES, 15 * LANES, 16 * LANES, 17 * LANES,
)  # fmt: skip
_SUM_BILLED, _SUM_ARRIVED, _SUM_SERVED, _SUM_OVERFLOW, _PEAK_BILLED = (
    _SUMS, _SUMS + LANES, _SUMS + 2 * LANES, _SUMS + 3 * LANES, _SUMS + 4 * LANES,
)  # fmt: skip
_CACHE_LINE = 8  # numbers
STATE_SIZE = 18 * LANES + _CACHE_LINE

RUN = types.void(
    types.FunctionType(ARRIVE),  # arrive
    _INPUT_MATRIX,  # rows
    _MATRIX,  # coefficients
    _VECTOR,  # volumes
    _INPUT,  # counted_below
    _INPUT_MATRIX,  # base_rows
    _INPUT_MATRIX,  # base_draws
    _VECTOR,  # numbers
    _INPUT_MATRIX,  # thresholds
    _COUNTS,  # month_ends
    types.FunctionType(DECIDE),  # decide
    _VECTOR,  # parameters
    _VECTOR,  # memory
    _VECTOR,  # limits
    _COUNTS,  # timing
    types.float64,  # cold_fraction
    types.float64,  # patience_fraction
    _MATRIX,  # ring
    _MATRIX,  # wish_blocks
    _MATRIX,  # start_blocks
    _VECTOR,  # state
    _VECTOR,  # sums (filled)
    _VECTOR,  # queue (filled)
    _MATRIX,  # record (filled; no columns: nothing is recorded)
)


@part_of_compiled
def _greater(one, other):  # type: ignore[no-untyped-def]
    """The greater of two numbers, for a result that is stored where one of them was read.

    Plus zero, because a bare maximum stored there is compiled to a masked store, which takes many times as long as a
    whole one on some processors.
    """
    return (one if one > other else other) + 0.0


@part_of_compiled
def _round_and_limit(wanted, limits):  # type: ignore[no-untyped-def]
    """Whole replicas, plus spare, at least the minimum, up to a multiple of the increment, at most the maximum."""
    spare, minimum, maximum = limits[SPARE], limits[MINIMUM], limits[MAXIMUM]
    increment = limits[INCREMENT]
    per_increment = 1.0 / increment
    if limits[DIVISIBLE] != 0.0:
        for lane in range(LANES):
            number = wanted[lane] + spare
            number = number if number > minimum else minimum
            wanted[lane] = number if number < maximum else maximum
    elif increment == 1.0:
        for lane in range(LANES):
            number = np.ceil(wanted[lane] - 1e-9) + spare
            number = number if number > minimum else minimum
            wanted[lane] = number if number < maximum else maximum
    else:
        for lane in range(LANES):
            number = np.ceil(wanted[lane] - 1e-9) + spare
            number = number if number > minimum else minimum
            number = np.ceil(number * per_increment - 1e-9) * increment
            wanted[lane] = number if number < maximum else maximum


@part_of_compiled
def _slide(state, running, rows, lane, number):  # type: ignore[no-untyped-def]
    """Put a number into the window of a lane; returns the maximum of the window.

    `state[running]` on is the maximum of this block; `rows` are the two rows of the window at this place: one takes the
    number, the one behind it holds the suffix maxima of the block before.
    """
    greatest = _greater(state[running + lane], number)
    state[running + lane] = greatest
    rows[lane] = number
    before = rows[LANES + lane]
    return greatest if greatest > before else before


@part_of_compiled
def _next_place(state, running, blocks, place):  # type: ignore[no-untyped-def]
    """The next place in a window. At the end of a block its rows become suffix maxima, and a new one starts.

    The last row of `blocks` is behind every block and stays below every number.
    """
    window = blocks.size // LANES - 1
    if place + 1 < window:
        return place + 1
    for back in range(window - 2, -1, -1):
        rows = blocks[back * LANES : (back + 2) * LANES]
        for lane in range(LANES):
            rows[lane] = _greater(rows[lane], rows[LANES + lane])
    for lane in range(LANES):
        state[running + lane] = -np.inf
    return 0


@part_of_compiled
def _follow_wishes(state, wish_rows, start_rows, allowed, cold_fraction):  # type: ignore[no-untyped-def]
    """Commit to the highest wish of the window, at most `allowed` starts; ready is the least of the last cold start."""
    for lane in range(LANES):
        highest, most = _slide(state, _WISH, wish_rows, lane, state[_WANTED + lane]), state[_COMMITTED + lane] + allowed
        now = highest if highest < most else most
        ready = -_slide(state, _START, start_rows, lane, -now)
        # Replicas ready before this step serve all of it, the newest serve what is left of it.
        before = state[_BEFORE + lane]
        whole = before if before < now else now
        state[_BEFORE + lane] = ready
        state[_COMMITTED + lane] = now
        state[_BILLED + lane] = now
        state[_CAPACITY + lane] = ready + cold_fraction * (whole - ready)


@part_of_compiled
def _look_ahead(state, wish_rows, start_rows, now, cold_fraction):  # type: ignore[no-untyped-def]
    """Commit to the wishes one cold start ahead; the capacity wanted now is what arrives, before it is rounded."""
    share = cold_fraction if cold_fraction > 0.0 else 1.0
    for lane in range(LANES):
        # The second window is fed one step late, so that it ends one earlier.
        later = _slide(state, _WISH, wish_rows, lane, state[_WANTED + lane])
        earlier = _slide(state, _START, start_rows, lane, state[_AHEAD + lane])
        state[_AHEAD + lane] = state[_WANTED + lane]
        state[_COMMITTED + lane] = later
        # Up to the newest order of this step, what comes one step earlier is billed; then what comes next too.
        state[_BILLED + lane] = earlier + share * (later - earlier)
        state[_CAPACITY + lane] = now[lane]


@part_of_compiled
def _slide_recent(state, now, gone):  # type: ignore[no-untyped-def]
    """Keep what arrived in the last whole steps that requests may wait."""
    for lane in range(LANES):
        state[_RECENT + lane] += now[lane] - gone[lane]


@part_of_compiled
def _serve_step(state, now, oldest, patience_fraction, unlimited):  # type: ignore[no-untyped-def]
    """Serve queue and arrivals with what is ready, let go of what waited too long, and add the step to the sums.

    At the end of a step there may wait what arrived in the last whole steps of patience, and a part of the one before.
    """
    for lane in range(LANES):
        arriving, capacity, paid = now[lane], state[_CAPACITY + lane], state[_BILLED + lane]
        waiting = state[_QUEUE + lane] + arriving
        served = waiting if waiting < capacity else capacity
        left = waiting - served
        most = state[_RECENT + lane] + patience_fraction * oldest[lane]
        most = most if most > 0.0 else 0.0
        most += unlimited
        kept = left if left < most else most
        state[_QUEUE + lane] = kept
        state[_SERVED + lane] = served
        state[_OVERFLOW + lane] = left - kept
        state[_SUM_BILLED + lane] += paid
        state[_SUM_ARRIVED + lane] += arriving
        state[_SUM_SERVED + lane] += served
        state[_SUM_OVERFLOW + lane] += left - kept
        state[_PEAK_BILLED + lane] = _greater(paid, state[_PEAK_BILLED + lane])


@compiled(RUN)
def run_lanes(  # type: ignore[no-untyped-def]
    arrive, rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, month_ends, decide,
    parameters, memory, limits, timing, cold_fraction, patience_fraction, ring, wish_blocks, start_blocks, state, sums,
    queue, record,
):  # fmt: skip
    """Serve the arrivals with one fleet a lane; fills `sums`, `queue` and `record`.

    Parameters
    ----------
    arrive, rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds :
        What arrives in every lane and step, see `simulator.simulation.arrivals`.
    month_ends : int64 array of shape (months,)
        First step after each bill month.
    decide, parameters, memory :
        Policy, its numbers, and one number a lane.
    limits, timing : arrays of shape (6,) and (5,)
        See the names of their places above.
    cold_fraction, patience_fraction : float
        Parts of a step by which the cold start exceeds whole steps, and the longest wait `timing[PATIENCE_STEPS]`.
    ring : float64 array of shape (back + ahead + BLOCK, LANES)
        Memory of arrivals: those of the steps that the policy or the wait looks back on, or ahead to, and of a block
        of steps that is filled at once.
    wish_blocks, start_blocks : float64 arrays of shape (window + 1, LANES)
        Memory of the two sliding windows.
    state : float64 array of shape (STATE_SIZE,)
        Working memory, used from its first cache line on.
    sums : float64 array of shape (months * SUM_ROWS * LANES,)
        Filled: replica-steps billed, work arrived, served and gone as overflow, peak of billed replicas.
    queue : float64 array of shape (LANES,)
        Filled: work left in the queue at the end.
    record : float64 array of shape (RECORD_ROWS, steps or 0)
        Filled for lane 0 where it has columns.
    """
    steps = rows.shape[0]
    recording = record.shape[1] == steps
    max_starts = limits[MAX_STARTS]
    anticipates = timing[ANTICIPATES] != 0
    reaction, patience = timing[REACTION_STEPS], timing[PATIENCE_STEPS]
    unlimited = 1e290 if patience < 0 else 0.0
    patience = max(patience, 0)
    state = state[-(np.int64(state.ctypes.data) // 8) % _CACHE_LINE :]
    wish_memory, start_memory = wish_blocks.reshape(wish_blocks.size), start_blocks.reshape(start_blocks.size)
    seen, wanted = state[_SEEN : _SEEN + LANES], state[_WANTED : _WANTED + LANES]
    queued, committed = state[_QUEUE : _QUEUE + LANES], state[_COMMITTED : _COMMITTED + LANES]
    capacities = state[_CAPACITY : _CAPACITY + LANES]

    # Before the start: the first step's arrivals for ever, decided on, ordered and ready. The window of cold starts
    # holds negative numbers for a policy that reacts, so that its maximum is minus the least number committed.
    sign = 1.0 if anticipates else -1.0
    wish_window = wish_blocks.shape[0] - 1
    places = ring.shape[0]
    arrive(rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, 0, 1, ring)
    for lane in range(LANES):
        seen[lane] = ring[0, lane]
        ring[:, lane] = seen[lane]
        state[_RECENT + lane] = patience * seen[lane]
        state[_QUEUE + lane] = 0.0
        state[_COMMITTED + lane] = 0.0
    decide(parameters, memory, 0, seen, queued, committed, wanted)
    _round_and_limit(wanted, limits)
    for lane in range(LANES):
        number = state[_WANTED + lane]
        state[_COMMITTED + lane] = number
        state[_AHEAD + lane] = number
        state[_BEFORE + lane] = number
        wish_blocks[:-1, lane] = number
        start_blocks[:-1, lane] = sign * number
        wish_blocks[-1, lane] = state[_WISH + lane] = -np.inf
        start_blocks[-1, lane] = state[_START + lane] = -np.inf
    wish_place = 0
    start_place = 0
    # A policy that looks ahead has ordered by now what the first steps need.
    look = max(-reaction, 0)
    arrive(rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, 0, look, ring)
    for ahead in range(wish_window - 1 if anticipates else 0):
        decide(parameters, memory, 0, ring[ahead % places], queued, committed, wanted)
        _round_and_limit(wanted, limits)
        wish_rows = wish_memory[wish_place * LANES : (wish_place + 2) * LANES]
        start_rows = start_memory[start_place * LANES : (start_place + 2) * LANES]
        _look_ahead(state, wish_rows, start_rows, ring[0], cold_fraction)
        wish_place = _next_place(state, _WISH, wish_memory, wish_place)
        start_place = _next_place(state, _START, start_memory, start_place)

    step = 0
    for month in range(month_ends.size):
        for place in range(SUM_ROWS * LANES):
            state[_SUMS + place] = 0.0
        while step < month_ends[month]:
            if step % BLOCK == 0:
                arrive(
                    rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds,
                    step + look, BLOCK, ring,
                )  # fmt: skip
            now, oldest = ring[step % places], ring[(step - patience) % places]
            if patience > 0:
                _slide_recent(state, now, oldest)
            decide(parameters, memory, step, ring[(step - reaction) % places], queued, committed, wanted)
            _round_and_limit(wanted, limits)

            wish_rows = wish_memory[wish_place * LANES : (wish_place + 2) * LANES]
            start_rows = start_memory[start_place * LANES : (start_place + 2) * LANES]
            if anticipates:
                _look_ahead(state, wish_rows, start_rows, now, cold_fraction)
                _round_and_limit(capacities, limits)
            else:
                allowed = np.inf
                if max_starts > 0.0:
                    allowed = max_starts if step % timing[EVALUATION_STEPS] == 0 else 0.0
                _follow_wishes(state, wish_rows, start_rows, allowed, cold_fraction)
            wish_place = _next_place(state, _WISH, wish_memory, wish_place)
            start_place = _next_place(state, _START, start_memory, start_place)
            if timing[BILLED_FROM_READY] != 0:
                for lane in range(LANES):
                    state[_BILLED + lane] = state[_CAPACITY + lane]
            _serve_step(state, now, oldest, patience_fraction, unlimited)
            if recording:
                record[RECORD_ARRIVED, step] = now[0]
                record[RECORD_READY, step] = state[_CAPACITY]
                record[RECORD_BILLED, step] = state[_BILLED]
                record[RECORD_SERVED, step] = state[_SERVED]
                record[RECORD_OVERFLOW, step] = state[_OVERFLOW]
                record[RECORD_QUEUE, step] = state[_QUEUE]
            step += 1
        for place in range(SUM_ROWS * LANES):
            sums[month * SUM_ROWS * LANES + place] = state[_SUMS + place]
    for lane in range(LANES):
        queue[lane] = state[_QUEUE + lane]
