"""Rules of change: so many replicas, or so large a share of them, in a period; see `docs/policies.md`."""

from __future__ import annotations

import numpy as np
from numba import types

from simulator.simulation.compiled import compiled, part_of_compiled

# Compiled in: what other files count on too is written there as well, see `compiled`; a test compares them.
LANES = 64

_VECTOR = types.Array(types.float64, 1, "C")
_COUNTS = types.Array(types.int64, 1, "C")

# Places in `numbers`: whether replicas are divisible, and the rules, first those upwards.
DIVISIBLE, RULES = 0, 10
# Numbers of a rule: whether it is a share of the replicas, how many or what share, steps to look back (0: shorter than
# a step), and of those shorter, how many looks last as long.
RULE_IS_SHARE, RULE_AMOUNT, RULE_STEPS, RULE_SPAN = range(4)
RULE_SIZE = 4
MOST_RULES = 4  # in one direction
DOWN_RULES = RULES + MOST_RULES * RULE_SIZE
NUMBERS_SIZE = RULES + 2 * MOST_RULES * RULE_SIZE

# Places in `counts`: of each direction how rules are selected, how many there are, and how many looks a step holds; and
# where the replicas of the last steps begin in `windows`, and how many steps there are.
UP, DOWN = 3, 6
SELECT_MOST, SELECT_LEAST, SELECT_NONE = range(3)
HISTORY = 21

# Rows of `state`: replicas now and wanted, and what is worked out here.
REPLICAS, TARGET = 2 * LANES, 27 * LANES
_LIMIT, _BEST, _REACHES = 32 * LANES, 33 * LANES, 34 * LANES
STATE_ROWS = 34 + MOST_RULES

# (numbers, counts, windows, step, state)
LIMIT_CHANGE = types.void(_VECTOR, _COUNTS, _VECTOR, types.int64, _VECTOR)


@part_of_compiled
def _reach(numbers, counts, windows, step, state, sign, rule, nth, part):  # type: ignore[no-untyped-def]
    """What a rule allows at a part of the step, into a row of its own; signed so that more change is more."""
    amount, is_share = numbers[rule + RULE_AMOUNT], numbers[rule + RULE_IS_SHARE] != 0.0
    factor, added = (sign * (1.0 + sign * amount), 0.0) if is_share else (sign, amount)
    reach = state[_REACHES + nth * LANES : _REACHES + (nth + 1) * LANES]
    if numbers[rule + RULE_STEPS] > 0.0:
        if part > 0:
            return  # as at the first part
        first = counts[HISTORY] + (step - int(numbers[rule + RULE_STEPS])) % counts[HISTORY + 1] * LANES
        then = windows[first : first + LANES]
        for lane in range(LANES):
            reach[lane] = then[lane] * factor + added
    elif part % int(numbers[rule + RULE_SPAN]) == 0:
        for lane in range(LANES):
            reach[lane] = state[_LIMIT + lane] * factor + added
    else:
        return
    if is_share and numbers[DIVISIBLE] == 0.0:
        for lane in range(LANES):
            reach[lane] = np.ceil(reach[lane] - 1e-9)


@part_of_compiled
def _select(state, rules, takes_most):  # type: ignore[no-untyped-def]
    """The reach that allows most, or least, into the row of the first rule's."""
    if rules == 1:
        for lane in range(LANES):
            state[_BEST + lane] = state[_REACHES + lane]
        return
    first, second = state[_REACHES : _REACHES + LANES], state[_REACHES + LANES : _REACHES + 2 * LANES]
    if takes_most:
        for lane in range(LANES):
            state[_BEST + lane] = first[lane] if first[lane] > second[lane] else second[lane]
    else:
        for lane in range(LANES):
            state[_BEST + lane] = first[lane] if first[lane] < second[lane] else second[lane]
    for nth in range(2, rules):
        other = state[_REACHES + nth * LANES : _REACHES + (nth + 1) * LANES]
        for lane in range(LANES):
            best = state[_BEST + lane]
            state[_BEST + lane] = other[lane] if (other[lane] > best) == takes_most else best


@part_of_compiled
def _limit_direction(numbers, counts, windows, step, state, direction, sign, first_rule):  # type: ignore[no-untyped-def]
    """Hold the target to what the rules of a direction allow from the number there is.

    Rules of periods shorter than a step compound within it, a part of the step for each look, as long as some lane
    wants more.
    """
    beyond = 0
    for lane in range(LANES):
        number = state[REPLICAS + lane]
        state[_LIMIT + lane] = number
        beyond += 1 if sign * (state[TARGET + lane] - number) > 0.0 else 0
    if beyond == 0:
        return
    takes_most, rules = counts[direction] == SELECT_MOST, counts[direction + 1]
    parts = counts[direction + 2] if counts[direction] != SELECT_NONE else 0
    for part in range(parts):
        for nth in range(rules):
            _reach(numbers, counts, windows, step, state, sign, first_rule + nth * RULE_SIZE, nth, part)
        _select(state, rules, takes_most)
        beyond = 0
        for lane in range(LANES):
            limit, best = sign * state[_LIMIT + lane], state[_BEST + lane]
            limit = limit if limit > best else best
            state[_LIMIT + lane] = sign * limit
            beyond += 1 if sign * state[TARGET + lane] > limit else 0
        if beyond == 0:
            return
    for lane in range(LANES):
        target, limit = sign * state[TARGET + lane], sign * state[_LIMIT + lane]
        state[TARGET + lane] = sign * (target if target < limit else limit)


@compiled(LIMIT_CHANGE)
def limit_change(numbers, counts, windows, step, state):  # type: ignore[no-untyped-def]
    """Hold the target of every lane to what the rules of its direction allow; see `LIMIT_CHANGE`."""
    _limit_direction(numbers, counts, windows, step, state, UP, 1.0, RULES)
    _limit_direction(numbers, counts, windows, step, state, DOWN, -1.0, DOWN_RULES)
