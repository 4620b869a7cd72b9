"""The one hot loop: a fleet served step by step, for many lanes (candidate volumes) side by side.

Units inside the loop: *load* in replicas (replica-seconds of work per second), *work* in replica-steps (what one
replica does in one step). A lane is one volume; what arrives in each is told by the function `arrive`, some steps at
a time, and kept in a ring for as long as the policy, the wait and a look ahead need it.

The order inside a step is written here and nowhere else:

1. replicas whose cold start is over become ready (within the step: they serve the rest of it);
2. requests arrive;
3. the policy decides from the arrivals as they were `reaction_s` ago, and from the queue before this step's arrivals
   (`decide`, one function a policy, see `simulator.simulation.policies`);
4. what it wants is limited and followed: starts are ordered; stops take effect, the youngest starting replicas first,
   then ready ones (`follow`, see `simulator.simulation.follow`);
5. what is paid is told by site, and to the end of billing periods (`pay`, see `simulator.simulation.paying`);
6. the provider takes spot replicas back (`take_back`, see `simulator.simulation.spot`);
7. ready replicas serve queue and arrivals, first in first out;
8. work that waited longer than `max_wait_s` leaves as overflow;
9. what is left of the capacity serves the work that can wait (`defer`, see `simulator.simulation.deferring`);
10. the waits of single requests are tallied, where that is asked for (`tally_service`, see
   `simulator.simulation.service_tally`).

The queue starts empty. The loops over lanes are short and plain so that they become vector instructions. Two things
beside their form decide how fast those are: the rows of `state` begin on cache lines, and `_greater` stores whole
vectors.
"""

from __future__ import annotations

from numba import types

from simulator.simulation.arrivals import ARRIVE
from simulator.simulation.compiled import compiled, part_of_compiled
from simulator.simulation.deferring import DEFER
from simulator.simulation.follow import FOLLOW
from simulator.simulation.paying import PAY
from simulator.simulation.policies import DECIDE
from simulator.simulation.rules_of_change import LIMIT_CHANGE, STATE_ROWS
from simulator.simulation.service_tally import TALLY_SERVICE
from simulator.simulation.spot import TAKE_BACK

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

# Places in `timing`. Patience is in whole steps and a part of one, which is given by itself; -1: no limit.
REACTION_STEPS, PATIENCE_STEPS, LOOKS_AHEAD, IS_SPLIT, IS_PAID_APART = range(5)
# Rows of the monthly sums.
BILLED, ARRIVED, SERVED, OVERFLOW, PEAK_BILLED, ABOVE_BASE, SPOT_BILLED, INTERRUPTED = range(8)
DEFERRED_SERVED, DEFERRED_LEFT, WAITED, LATE = 8, 9, 10, 11
SUM_ROWS = 12
# Rows of the record of single steps, `record[row, step]` of lane 0.
RECORD_ARRIVED, RECORD_READY, RECORD_BILLED, RECORD_SERVED, RECORD_OVERFLOW, RECORD_QUEUE = range(6)
RECORD_ROWS = 6

# Where the vectors of all lanes start in the working memory `state`; those from 24 on are what following keeps.
_SEEN, _WANTED, _REPLICAS, _READY, _CAPACITY, _BILLED = 0, LANES, 2 * LANES, 3 * LANES, 4 * LANES, 5 * LANES
_QUEUE, _SERVED, _OVERFLOW, _RECENT, _SUMS = 6 * LANES, 7 * LANES, 8 * LANES, 9 * LANES, 10 * LANES
_SUM_BILLED, _SUM_ARRIVED, _SUM_SERVED, _SUM_OVERFLOW, _PEAK_BILLED = (
    _SUMS, _SUMS + LANES, _SUMS + 2 * LANES, _SUMS + 3 * LANES, _SUMS + 4 * LANES,
)  # fmt: skip
STATE_SIZE = STATE_ROWS * LANES

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
    types.FunctionType(FOLLOW),  # follow
    types.FunctionType(LIMIT_CHANGE),  # limit_change
    _VECTOR,  # follow_numbers
    _COUNTS,  # follow_counts
    _VECTOR,  # windows
    types.FunctionType(TAKE_BACK),  # take_back
    _VECTOR,  # spot_numbers
    _INPUT,  # spot_draws
    _VECTOR,  # spot_memory
    types.FunctionType(PAY),  # pay
    _VECTOR,  # pay_numbers
    _COUNTS,  # pay_counts
    _VECTOR,  # pay_memory
    _VECTOR,  # paid (filled)
    _COUNTS,  # timing
    types.float64,  # patience_fraction
    types.FunctionType(DEFER),  # defer
    _VECTOR,  # defer_numbers
    _VECTOR,  # defer_memory (no rows: nothing can wait)
    _MATRIX,  # defer_record (filled)
    _MATRIX,  # ring
    types.FunctionType(TALLY_SERVICE),  # tally_service
    _INPUT,  # service_numbers
    _INPUT,  # service_table (empty: nothing is tallied)
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
    parameters, memory, follow, limit_change, follow_numbers, follow_counts, windows, take_back, spot_numbers,
    spot_draws, spot_memory, pay, pay_numbers, pay_counts, pay_memory, paid, timing, patience_fraction, defer,
    defer_numbers, defer_memory, defer_record, ring, tally_service, service_numbers, service_table, state, sums, queue,
    record,
):  # fmt: skip
    """Serve the arrivals with one fleet a lane; fills `sums`, `queue` and `record`.

    Parameters
    ----------
    arrive, rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds :
        What arrives in every lane and step, see `simulator.simulation.arrivals`.
    month_ends : int64 array of shape (months,)
        First step after each bill month.
    decide, parameters, memory :
        Policy, its numbers, and what it remembers.
    follow, limit_change, follow_numbers, follow_counts, windows :
        Way of following what the policy wants, rules of change for it, its numbers, and the sliding windows.
    take_back, spot_numbers, spot_draws, spot_memory :
        What the provider takes back, a draw a step, and what is gone; called where `timing[IS_SPLIT]` is not 0.
    pay, pay_numbers, pay_counts, pay_memory, paid :
        What is paid beside the replicas wanted, its numbers, memory and sums; called where `timing[IS_PAID_APART]` is
        not 0.
    timing : int64 array of shape (5,)
        See the names of its places above.
    patience_fraction : float
        Part of a step by which the longest wait exceeds `timing[PATIENCE_STEPS]`.
    defer, defer_numbers, defer_memory, defer_record :
        What serves the work that can wait, its numbers, memory and record; called where the memory has rows.
    ring : float64 array of shape (back + ahead + BLOCK, LANES)
        Memory of arrivals: those of the steps that the policy or the wait looks back on, or ahead to, and of a block
        of steps that is filled at once.
    tally_service, service_numbers, service_table :
        Waits of single requests: numbers and table, see `simulator.simulation.service_tally`; called where the table
        is not empty.
    state : float64 array of shape (STATE_SIZE,)
        Working memory; begins on a cache line.
    sums : float64 array of shape (months * SUM_ROWS * LANES,)
        Filled: replica-steps billed, work arrived, served and gone as overflow, peak of billed replicas, replica-steps
        billed above the base and on spot, replicas taken back, work that can wait served and gone at its deadline;
        work times its wait, and work late.
    queue : float64 array of shape (LANES,)
        Filled: work left in the queue at the end.
    record : float64 array of shape (RECORD_ROWS, steps or 0)
        Filled for lane 0 where it has columns.
    """
    steps = rows.shape[0]
    recording = record.shape[1] == steps
    is_split, is_paid_apart = timing[IS_SPLIT] != 0, timing[IS_PAID_APART] != 0
    is_deferring = defer_memory.size > 0
    is_tallied = service_table.size > 0
    reaction, patience = timing[REACTION_STEPS], timing[PATIENCE_STEPS]
    unlimited = 1e290 if patience < 0 else 0.0
    patience = max(patience, 0)
    seen, wanted = state[_SEEN : _SEEN + LANES], state[_WANTED : _WANTED + LANES]
    queued, replicas = state[_QUEUE : _QUEUE + LANES], state[_REPLICAS : _REPLICAS + LANES]
    ready = state[_READY : _READY + LANES]

    # Before the start: the first step's arrivals for ever, decided on by a fleet as large as it likes, ordered, ready.
    places = ring.shape[0]
    arrive(rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, 0, 1, ring)
    for lane in range(LANES):
        seen[lane] = ring[0, lane]
        ring[:, lane] = seen[lane]
        state[_RECENT + lane] = patience * seen[lane]
        state[_QUEUE + lane] = 0.0
        replicas[lane] = 0.0
        ready[lane] = 1e300
    decide(parameters, memory, -1, seen, queued, replicas, ready, wanted)
    follow(limit_change, follow_numbers, follow_counts, windows, -1, seen, state)
    # A policy that looks ahead has ordered by now what the first steps need.
    look = max(-reaction, 0)
    arrive(rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, 0, look, ring)
    for ahead in range(timing[LOOKS_AHEAD]):
        decide(parameters, memory, 0, ring[ahead % places], queued, replicas, ready, wanted)
        follow(limit_change, follow_numbers, follow_counts, windows, 0, ring[0], state)

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
            decide(parameters, memory, step, ring[(step - reaction) % places], queued, replicas, ready, wanted)
            follow(limit_change, follow_numbers, follow_counts, windows, step, now, state)
            if is_paid_apart:
                pay(pay_numbers, pay_counts, step, month, pay_memory, paid, state)
            if is_split:
                take_back(spot_numbers, spot_draws, step, spot_memory, state)
            _serve_step(state, now, oldest, patience_fraction, unlimited)
            if is_deferring:
                defer(defer_numbers, defer_memory, defer_record, ring, step, state)
            if is_tallied:
                tally_service(service_numbers, service_table, step, now, state)
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
