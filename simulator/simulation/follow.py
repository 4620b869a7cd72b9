"""From what a policy wants to the replicas that are ready and billed: limits, windows of past wishes, starts and stops.

Three ways of following, each one compiled function that the kernel calls once a step for all lanes:

- `follow_wishes`: the highest limited wish of the stabilisation window, its rise limited to so many starts;
- `follow_recommendations`: as Kubernetes does, see `docs/policies.md`: recommendations held by two windows, the change
  limited by rules (`simulator.simulation.rules_of_change`); then the limits;
- `look_ahead`: wishes one cold start ahead, for a fleet that knows its demand.

Stops taking the youngest first make the fleet a stack, so the replicas ready at a step are the least number committed
during the last cold start: a sliding minimum, like the stabilisation window is a sliding maximum, and so is the number
that a least time of running holds up. All are kept by the two-pass block method (van Herk 1992; Gil and Werman 1993):
suffix extremes of the block before, a running extreme of this one; three operations a step whatever the window. Before
the first step every arrival equals the first step's, so windows start full of that decision.
"""

from __future__ import annotations

import numpy as np
from numba import types

from simulator.simulation.compiled import compiled_when_called, part_of_compiled
from simulator.simulation.rules_of_change import LIMIT_CHANGE

# Compiled in: a number must be written in every file that counts on it, see `compiled`; a test compares them.
LANES = 64

_VECTOR = types.Array(types.float64, 1, "C")
_COUNTS = types.Array(types.int64, 1, "C")

# Places in `numbers`: the limits, the part of a step by which the cold start exceeds whole ones, bounds of what the
# policy steers by itself and its spare. The rules of change follow, see `rules_of_change`.
DIVISIBLE, SPARE, MINIMUM, INCREMENT, MAXIMUM, MAX_STARTS, COLD_FRACTION, LOWEST, HIGHEST, OWN_SPARE = range(10)
OWN_NUMBERS = 10

# Places in `counts`; six of them are those of the rules of change.
EVALUATION_STEPS, BILLED_FROM_READY, SYNC_STEPS = range(3)
# Windows in `windows`: where they begin, their length in steps (0: there is none), and the place in them.
WISHES, STARTS, RISES, HELD, HISTORY = 9, 12, 15, 18, 21
COUNTS_SIZE = 24

# Where the vectors of all lanes start in the working memory `state`; the first ones are the kernel's too.
WANTED, REPLICAS, READY, CAPACITY, BILLED = LANES, 2 * LANES, 3 * LANES, 4 * LANES, 5 * LANES
_COMMITTED, _BEFORE, _AHEAD, TARGET = 24 * LANES, 25 * LANES, 26 * LANES, 27 * LANES
_WISH, _START, _RISE, _HOLD = 28 * LANES, 29 * LANES, 30 * LANES, 31 * LANES
OWN_ROWS_END = 32 * LANES

# (limit_change, numbers, counts, windows, step, arriving load, state)
FOLLOW = types.void(
    types.FunctionType(LIMIT_CHANGE), _VECTOR, _COUNTS, _VECTOR, types.int64, _VECTOR, _VECTOR
)  # fmt: skip


@part_of_compiled
def _greater(one, other):  # type: ignore[no-untyped-def]
    """The greater of two numbers, for a result that is stored where one of them was read.

    Plus zero, because a bare maximum stored there is compiled to a masked store, which takes many times as long as a
    whole one on some processors.
    """
    return (one if one > other else other) + 0.0


@part_of_compiled
def _round_and_limit(state, at, numbers):  # type: ignore[no-untyped-def]
    """Whole replicas, plus spare, at least the minimum, up to a multiple of the increment, at most the maximum."""
    spare, minimum, maximum = numbers[SPARE], numbers[MINIMUM], numbers[MAXIMUM]
    increment = numbers[INCREMENT]
    per_increment = 1.0 / increment
    if numbers[DIVISIBLE] != 0.0:
        for lane in range(LANES):
            number = state[at + lane] + spare
            number = number if number > minimum else minimum
            state[at + lane] = number if number < maximum else maximum
    elif increment == 1.0:
        for lane in range(LANES):
            number = np.ceil(state[at + lane] - 1e-9) + spare
            number = number if number > minimum else minimum
            state[at + lane] = number if number < maximum else maximum
    else:
        for lane in range(LANES):
            number = np.ceil(state[at + lane] - 1e-9) + spare
            number = number if number > minimum else minimum
            number = np.ceil(number * per_increment - 1e-9) * increment
            state[at + lane] = number if number < maximum else maximum


@part_of_compiled
def _rows_of(windows, counts, window):  # type: ignore[no-untyped-def]
    """The two rows of a window at its place."""
    first = counts[window] + counts[window + 2] * LANES
    return windows[first : first + 2 * LANES]


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
def _next_place(state, running, windows, counts, window):  # type: ignore[no-untyped-def]
    """Go to the next place in a window. At the end of a block its rows become suffix maxima, and a new one starts.

    The last row of a window is behind every block and stays below every number.
    """
    first, steps = counts[window], counts[window + 1]
    counts[window + 2] += 1
    if counts[window + 2] < steps:
        return
    counts[window + 2] = 0
    for back in range(steps - 2, -1, -1):
        rows = windows[first + back * LANES : first + (back + 2) * LANES]
        for lane in range(LANES):
            rows[lane] = _greater(rows[lane], rows[LANES + lane])
    for lane in range(LANES):
        state[running + lane] = -np.inf


@part_of_compiled
def _fill(state, running, windows, counts, window, at, sign):  # type: ignore[no-untyped-def]
    """Fill a window with the numbers of a row, their negatives, or (sign 0) with nothing."""
    first, steps = counts[window], counts[window + 1]
    counts[window + 2] = 0
    for place in range(steps):
        rows = windows[first + place * LANES : first + (place + 1) * LANES]
        for lane in range(LANES):
            rows[lane] = sign * state[at + lane] if sign != 0.0 else -np.inf
    last = windows[first + steps * LANES : first + (steps + 1) * LANES]
    for lane in range(LANES):
        last[lane] = state[running + lane] = -np.inf


@part_of_compiled
def _begin(numbers, counts, windows, state, sign):  # type: ignore[no-untyped-def]
    """Before the start: what is wanted then has been ordered long ago and is ready.

    The window of cold starts holds negative numbers for a policy that reacts, so that its maximum is minus the least
    number committed.
    """
    _round_and_limit(state, WANTED, numbers)
    for lane in range(LANES):
        number = state[WANTED + lane]
        state[_COMMITTED + lane] = number
        state[REPLICAS + lane] = number
        state[READY + lane] = number
        state[_AHEAD + lane] = number
        state[_BEFORE + lane] = number
    _fill(state, _WISH, windows, counts, WISHES, WANTED, 1.0)
    _fill(state, _START, windows, counts, STARTS, WANTED, sign)
    if counts[HELD + 1] > 0:
        _fill(state, _HOLD, windows, counts, HELD, WANTED, 0.0)


@part_of_compiled
def _allowed_starts(numbers, counts, step):  # type: ignore[no-untyped-def]
    if numbers[MAX_STARTS] <= 0.0:
        return np.inf
    return numbers[MAX_STARTS] if step % counts[EVALUATION_STEPS] == 0 else 0.0


@part_of_compiled
def _hold_up(windows, counts, state):  # type: ignore[no-untyped-def]
    """Keep what was started within the least time of running, and all that was there before it; changes the target."""
    rows = _rows_of(windows, counts, HELD)
    for lane in range(LANES):
        before, target = state[_COMMITTED + lane], state[TARGET + lane]
        held = _slide(state, _HOLD, rows, lane, target if target > before else -np.inf)
        state[TARGET + lane] = _greater(target, held)
    _next_place(state, _HOLD, windows, counts, HELD)


@part_of_compiled
def _commit(state, lane, now, start_rows, cold_fraction):  # type: ignore[no-untyped-def]
    """Order up to `now` replicas in a lane; ready is the least number of the last cold start."""
    ready = -_slide(state, _START, start_rows, lane, -now)
    # Replicas ready before this step serve all of it, the newest serve what is left of it.
    before = state[_BEFORE + lane]
    whole = before if before < now else now
    state[_BEFORE + lane] = ready
    state[_COMMITTED + lane] = now
    state[BILLED + lane] = now
    state[CAPACITY + lane] = ready + cold_fraction * (whole - ready)


@part_of_compiled
def _commit_targets(numbers, counts, windows, state):  # type: ignore[no-untyped-def]
    start_rows = _rows_of(windows, counts, STARTS)
    for lane in range(LANES):
        _commit(state, lane, state[TARGET + lane], start_rows, numbers[COLD_FRACTION])


@part_of_compiled
def _bill(counts, state):  # type: ignore[no-untyped-def]
    if counts[BILLED_FROM_READY] != 0:
        for lane in range(LANES):
            state[BILLED + lane] = state[CAPACITY + lane]


@compiled_when_called(FOLLOW)
def follow_wishes(limit_change, numbers, counts, windows, step, now, state):  # type: ignore[no-untyped-def]
    """Commit to the highest wish of the window, at most so many starts; see `FOLLOW`. A step below 0: begin."""
    if step < 0:
        _begin(numbers, counts, windows, state, -1.0)
        return
    _round_and_limit(state, WANTED, numbers)
    allowed = _allowed_starts(numbers, counts, step)
    wish_rows = _rows_of(windows, counts, WISHES)
    for lane in range(LANES):
        highest = _slide(state, _WISH, wish_rows, lane, state[WANTED + lane])
        most = state[_COMMITTED + lane] + allowed
        state[TARGET + lane] = highest if highest < most else most
    if counts[HELD + 1] > 0:
        _hold_up(windows, counts, state)
    _commit_targets(numbers, counts, windows, state)
    _next_place(state, _WISH, windows, counts, WISHES)
    _next_place(state, _START, windows, counts, STARTS)
    _bill(counts, state)


@compiled_when_called(FOLLOW)
def look_ahead(limit_change, numbers, counts, windows, step, now, state):  # type: ignore[no-untyped-def]
    """Commit to the wishes one cold start ahead; the capacity wanted now is what arrives. A step below 0: begin."""
    if step < 0:
        _begin(numbers, counts, windows, state, 1.0)
        return
    _round_and_limit(state, WANTED, numbers)
    share = numbers[COLD_FRACTION] if numbers[COLD_FRACTION] > 0.0 else 1.0
    wish_rows, start_rows = _rows_of(windows, counts, WISHES), _rows_of(windows, counts, STARTS)
    for lane in range(LANES):
        # The second window is fed one step late, so that it ends one earlier.
        later = _slide(state, _WISH, wish_rows, lane, state[WANTED + lane])
        earlier = _slide(state, _START, start_rows, lane, state[_AHEAD + lane])
        state[_AHEAD + lane] = state[WANTED + lane]
        # Up to the newest order of this step, what comes one step earlier is billed; then what comes next too.
        state[BILLED + lane] = earlier + share * (later - earlier)
        state[CAPACITY + lane] = now[lane]
    _round_and_limit(state, CAPACITY, numbers)
    _next_place(state, _WISH, windows, counts, WISHES)
    _next_place(state, _START, windows, counts, STARTS)
    _bill(counts, state)


@part_of_compiled
def _begin_recommending(numbers, counts, windows, state):  # type: ignore[no-untyped-def]
    """Before the start the recommendation was the one for the first step's arrivals, for ever."""
    lowest, highest, spare = numbers[LOWEST], numbers[HIGHEST], numbers[OWN_SPARE]
    for lane in range(LANES):
        number = state[WANTED + lane] if numbers[DIVISIBLE] != 0.0 else np.ceil(state[WANTED + lane] - 1e-9)
        number = min(max(number, lowest), highest)
        if state[WANTED + lane] < 0.0:
            number = 0.0
        state[TARGET + lane] = number
        state[WANTED + lane] = number + (spare if number > 0.0 else 0.0)
    _begin(numbers, counts, windows, state, -1.0)
    for lane in range(LANES):
        state[REPLICAS + lane] = state[TARGET + lane]
    _fill(state, _WISH, windows, counts, WISHES, TARGET, 1.0)
    _fill(state, _RISE, windows, counts, RISES, TARGET, -1.0)
    first, steps = counts[HISTORY], counts[HISTORY + 1]
    for place in range(steps):
        for lane in range(LANES):
            windows[first + place * LANES + lane] = state[TARGET + lane]


@part_of_compiled
def _stabilise(numbers, counts, windows, step, state):  # type: ignore[no-untyped-def]
    """Record what is recommended; the target is the number now, held between the extremes of the two windows.

    Nothing is recommended between two looks, to a fleet at zero, or where the fleet goes to zero.
    """
    divisible, is_due = numbers[DIVISIBLE] != 0.0, step % counts[SYNC_STEPS] == 0
    if not divisible:
        for lane in range(LANES):
            state[WANTED + lane] = np.ceil(state[WANTED + lane] - 1e-9)
    fall_rows, rise_rows = _rows_of(windows, counts, WISHES), _rows_of(windows, counts, RISES)
    for lane in range(LANES):
        wanted, number = state[WANTED + lane], state[REPLICAS + lane]
        is_judged = is_due & (number > 0.0) & (wanted >= 0.0)
        highest = _slide(state, _WISH, fall_rows, lane, wanted if is_judged else -np.inf)
        lowest = -_slide(state, _RISE, rise_rows, lane, -wanted if is_judged else -np.inf)
        target = number if number > lowest else lowest
        target = target if target < highest else highest
        state[TARGET + lane] = target if is_judged else number
    _next_place(state, _WISH, windows, counts, WISHES)
    _next_place(state, _RISE, windows, counts, RISES)


@part_of_compiled
def _steer(numbers, counts, windows, step, state):  # type: ignore[no-untyped-def]
    """The policy's own number: the target within its bounds, or at once to zero and from it; with the spare, wanted."""
    lowest, highest, spare = numbers[LOWEST], numbers[HIGHEST], numbers[OWN_SPARE]
    for lane in range(LANES):
        wanted, number, target = state[WANTED + lane], state[REPLICAS + lane], state[TARGET + lane]
        target = target if target > lowest else lowest
        target = target if target < highest else highest
        target = lowest if number == 0.0 else target
        target = 0.0 if wanted < 0.0 else target
        state[REPLICAS + lane] = target
        state[WANTED + lane] = target + (spare if target > 0.0 else 0.0)
    if counts[HISTORY + 1] > 0:
        first = counts[HISTORY] + step % counts[HISTORY + 1] * LANES
        now = windows[first : first + LANES]
        for lane in range(LANES):
            now[lane] = state[REPLICAS + lane]


@part_of_compiled
def _look_who_is_ready(windows, counts, state):  # type: ignore[no-untyped-def]
    """Replicas that will be ready in the next step if nothing is ordered or stopped."""
    rows = _rows_of(windows, counts, STARTS)
    for lane in range(LANES):
        running, before, committed = state[_START + lane], rows[LANES + lane], state[_COMMITTED + lane]
        least = -(running if running > before else before)
        state[READY + lane] = least if least < committed else committed


@compiled_when_called(FOLLOW)
def follow_recommendations(limit_change, numbers, counts, windows, step, now, state):  # type: ignore[no-untyped-def]
    """Commit to recommendations in Kubernetes' way; below 0 wanted: to zero at once. A step below 0: begin."""
    if step < 0:
        _begin_recommending(numbers, counts, windows, state)
        return
    _stabilise(numbers, counts, windows, step, state)
    limit_change(numbers, counts, windows, step, state)
    _steer(numbers, counts, windows, step, state)
    _round_and_limit(state, WANTED, numbers)
    allowed = _allowed_starts(numbers, counts, step)
    for lane in range(LANES):
        wanted, most = state[WANTED + lane], state[_COMMITTED + lane] + allowed
        state[TARGET + lane] = wanted if wanted < most else most
    if counts[HELD + 1] > 0:
        _hold_up(windows, counts, state)
    _commit_targets(numbers, counts, windows, state)
    _next_place(state, _START, windows, counts, STARTS)
    _look_who_is_ready(windows, counts, state)
    _bill(counts, state)
