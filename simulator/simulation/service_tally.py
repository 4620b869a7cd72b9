"""Waits of single requests, tallied inside the step loop from a table over replicas and load.

The loop serves a fluid, which waits only over full load. What chance adds below it is looked up: the table holds the
mean wait and the share of late requests by ready replicas and by the share of them that is at work, see
`simulator.simulation.service_table`. To it comes the fluid's backlog, whose waits add up to its queue over time
(J. D. C. Little, "A proof for the queuing formula L = lambda W", Operations Research 9, 1961).

Looking up costs as much as the rest of a step. Over long horizons it is done in one step of so many, the backlog is
counted in all of them.

Places of the table lie close together where waits change fast: one for every replica of a small fleet, fewer and fewer
of a large one, and by the load as 1 / (free + `NEAR_FULL`), which takes one division.
"""

from __future__ import annotations

from numba import types

from simulator.simulation.compiled import compiled, part_of_compiled

# Compiled in: what other files count on too is written there as well, see `compiled`; a test compares them.
LANES = 64

_VECTOR = types.Array(types.float64, 1, "C")
_INPUT = types.Array(types.float64, 1, "C", readonly=True)

# Rows of the table: one a replica up to the first bend, then one for so many.
BENDS = 128.0, 2_048.0, 32_768.0
SPACINGS = 16.0, 256.0
ROWS = 370  # one more than the last that a fleet falls in
# Columns: `COLUMN_SCALE x NEAR_FULL / (free + NEAR_FULL)`, from all free to nothing free.
NEAR_FULL = 0.1
COLUMN_SCALE = 154.0
FIRST_COLUMN = 14.0  # COLUMN_SCALE x NEAR_FULL / (1 + NEAR_FULL)
COLUMNS = 142  # one more than the last that a load falls in
VALUES = 2  # of a place: mean wait in steps, share late

# Places in `numbers`: backlog over capacity from which all that arrives is late [steps], one step of how many is looked
# up in the table, how many steps it stands for, and the longest wait, backlog included [steps].
LATE_BACKLOG, STRIDE, WEIGHT, LONGEST = range(4)
NUMBERS = 4

# Rows of the kernel's `state`.
CAPACITY, QUEUE, SERVED, OVERFLOW = 4 * LANES, 6 * LANES, 7 * LANES, 8 * LANES
WAITED, LATE = 20 * LANES, 21 * LANES

# (numbers, table, step, arriving load, state)
TALLY_SERVICE = types.void(_INPUT, _INPUT, types.int64, _VECTOR, _VECTOR)


@part_of_compiled
def is_looked_up(step, stride):  # type: ignore[no-untyped-def]
    """Whether a step is one of those looked up: one of every so many, at another hour of the day each time round."""
    return (step + step // stride) % stride == 0


@compiled(TALLY_SERVICE)
def tally_service(numbers, table, step, now, state):  # type: ignore[no-untyped-def]
    """Add the waits and the late ones of this step's arrivals to the sums in `state`, after the step was served.

    Late ones are those that stay; what leaves as overflow waited as long as it may.

    Parameters
    ----------
    numbers : float64 array of shape (NUMBERS,)
        See the names of its places above.
    table : float64 array of shape (ROWS * COLUMNS * VALUES,)
        Mean wait [steps] and share late, by replicas, load and value.
    step : int
        Number of the step.
    now : float64 array of shape (LANES,)
        Load that arrives.
    state : float64 array
        Of the kernel.
    """
    late_backlog = numbers[LATE_BACKLOG]
    for lane in range(LANES):
        queue = state[QUEUE + lane]
        state[WAITED + lane] += queue
        staying = now[lane] - state[OVERFLOW + lane]  # what leaves is counted by itself
        state[LATE + lane] += staying if queue > late_backlog * state[CAPACITY + lane] else 0.0
    if not is_looked_up(step, int(numbers[STRIDE])):
        return
    weight, longest = numbers[WEIGHT], numbers[LONGEST]
    for lane in range(LANES):
        capacity = state[CAPACITY + lane]
        small = capacity if capacity < BENDS[0] else BENDS[0]
        middle = capacity if capacity < BENDS[1] else BENDS[1]
        large = capacity if capacity < BENDS[2] else BENDS[2]
        row = small
        row += (middle - BENDS[0] if middle > BENDS[0] else 0.0) * (1.0 / SPACINGS[0])
        row += (large - BENDS[1] if large > BENDS[1] else 0.0) * (1.0 / SPACINGS[1])
        column = (COLUMN_SCALE * NEAR_FULL) * capacity / ((1.0 + NEAR_FULL) * capacity - state[SERVED + lane] + 1e-300)
        column -= FIRST_COLUMN
        column = column if column > 0.0 else 0.0
        upper, left = int(row), int(column)
        down, right = row - upper, column - left
        at = (upper * COLUMNS + left) * VALUES
        below = at + COLUMNS * VALUES
        wait = table[at] + right * (table[at + 2] - table[at])
        late = table[at + 1] + right * (table[at + 3] - table[at + 1])
        wait_below = table[below] + right * (table[below + 2] - table[below])
        late_below = table[below + 1] + right * (table[below + 3] - table[below + 1])
        staying = now[lane] - state[OVERFLOW + lane]
        counted = weight * (staying if staying > 0.0 else 0.0)
        queue = state[QUEUE + lane]
        wait += down * (wait_below - wait)
        room = longest - queue / (capacity + 1e-300)
        room = room if room > 0.0 else 0.0
        state[WAITED + lane] += counted * (wait if wait < room else room)
        is_late = queue > late_backlog * capacity
        state[LATE + lane] += 0.0 if is_late else counted * (late + down * (late_below - late))
