"""Arrivals of every lane in a step: the demand scaled to each volume, from one set of draws.

A demand is a sum of *rows*, numbers per step, each with a coefficient that depends on the volume alone: the expected
rate (proportional to the volume), the noise that falls with the load (two rows, smaller powers of the volume), and the
counting noise (its root). So every volume costs a few multiplications a step, and arrivals rise with the volume.

Where a minute's mean is small, counting noise is not normal. There arrivals are the sum over the minutes of the step of
whole requests, each the quantile of the Poisson law at the minute's one stored number: as many as there are thresholds
below the mean, where the n-th threshold is the mean from which n requests arrive (a gamma quantile). Between a mean of
30 and of 36 the count goes over, in a straight line, into the normal approximation, and that over the next doubling of
the mean into the sum of rows, so that requests keep their mean and rise with the volume all the way.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numba import types

from simulator.domain.plans import Array
from simulator.simulation.compiled import compiled, compiled_when_called, part_of_compiled

LANES = 64  # as in the kernel, which this serves

MOST_COUNTED = 30.0  # greatest mean of a minute whose requests are counted one by one
LEAST_NORMAL = 36.0  # least mean whose count is a normal number
LEAST_NORMAL_DRAW = -4.4  # where the normal law would be below the Poisson law's quantile at a smaller mean
MOST_SPREAD = 1.5  # variance of a mean length up to which its second order is never negative
MOST_DRAW = 6.0  # numbers farther out, two in a thousand million, count as this
LEAST_LINEAR_MEAN = 72.0  # least mean at which it is a sum of rows
_Z_STEP = 1.0 / 32.0
_Z_END = 7.0

_INPUT = types.Array(types.float64, 1, "C", readonly=True)
_INPUT_MATRIX = types.Array(types.float64, 2, "C", readonly=True)
_VECTOR = types.Array(types.float64, 1, "C")
_MATRIX = types.Array(types.float64, 2, "C")

# Places in `numbers`.
PARTS, REQUESTS_PER_LOAD, LOAD_PER_REQUEST, LEAST_LINEAR, LENGTH_VARIANCE = range(5)

# (rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, first, count, ring)
ARRIVE = types.void(
    _INPUT_MATRIX, _MATRIX, _VECTOR, _INPUT, _INPUT_MATRIX, _INPUT_MATRIX, _VECTOR, _INPUT_MATRIX, types.int64,
    types.int64, _MATRIX,
)  # fmt: skip


@lru_cache(maxsize=1)
def count_thresholds() -> Array:
    """Means from which n requests arrive, at a grid of standard normal numbers. Shape (grid, n).

    P(N >= n) at a mean m is the gamma law's P(Gamma(n) <= m); at the number z, whose probability from below is u, it
    must exceed 1 - u, so the threshold is the gamma quantile of 1 - u.
    """
    from scipy.special import gammaincinv, ndtr

    grid = np.arange(-_Z_END, _Z_END + _Z_STEP / 2, _Z_STEP)
    most = int(MOST_COUNTED + _Z_END * math.sqrt(MOST_COUNTED) + 12)
    return np.ascontiguousarray(gammaincinv(np.arange(1, most + 1)[None, :], ndtr(-grid)[:, None]))


@part_of_compiled
def _place_of(normal, thresholds):  # type: ignore[no-untyped-def]
    """Place of a standard normal number in the grid of thresholds, whole and broken."""
    return min(max((normal + _Z_END) / _Z_STEP, 0.0), thresholds.shape[0] - 1.000001)


@part_of_compiled
def _threshold(place, thresholds, number):  # type: ignore[no-untyped-def]
    """Mean from which one more than `number` requests arrive."""
    row = int(place)
    weight = place - row
    return (1.0 - weight) * thresholds[row, number] + weight * thresholds[row + 1, number]


@part_of_compiled
def _whole_requests(mean, place, thresholds, already):  # type: ignore[no-untyped-def]
    """Quantile of the Poisson law at a place of the grid; `already` are known to arrive, at a lower mean."""
    number = already
    while number < thresholds.shape[1] and _threshold(place, thresholds, number) <= mean:
        number += 1
    return number


@part_of_compiled
def _requests(mean, normal, whole):  # type: ignore[no-untyped-def]
    """Requests of a minute: whole ones at a small mean, a normal number at a large one, in between a way over.

    `whole` are those that arrive at the mean, or at the greatest that is counted; `normal` is at least
    LEAST_NORMAL_DRAW where the mean is not small.
    """
    if mean < MOST_COUNTED:
        return float(whole)
    normal = max(normal, LEAST_NORMAL_DRAW)
    if mean < LEAST_NORMAL:
        high = LEAST_NORMAL + math.sqrt(LEAST_NORMAL) * normal
        return whole + (high - whole) * (mean - MOST_COUNTED) / (LEAST_NORMAL - MOST_COUNTED)
    return mean + math.sqrt(mean) * normal


# Rows of the working memory, each of a number a lane.
_MEANS, _REQUESTS, _SUMS, MEMORY_ROWS = 0, 1, 2, 3


@part_of_compiled
def _first_from(memory, lanes, bound, near):  # type: ignore[no-untyped-def]
    """The first of the lanes whose mean is at least `bound`, looked for from the one that was it a minute ago."""
    lane = near
    while lane < lanes and memory[_MEANS, lane] < bound:
        lane += 1
    while lane > 0 and memory[_MEANS, lane - 1] >= bound:
        lane -= 1
    return lane


@part_of_compiled
def _add_linear(memory, coefficients, first, last, counting, root, weight):  # type: ignore[no-untyped-def]
    """Add what is a sum of rows, to the lanes from `first` to before `last`."""
    for lane in range(np.uint64(first), np.uint64(last)):
        amount = memory[_MEANS, lane] + coefficients[counting, lane] * root
        memory[_SUMS, lane] += weight * (amount if amount > 0.0 else 0.0)


@part_of_compiled
def _normal_requests(memory, first, last, normal):  # type: ignore[no-untyped-def]
    """Normal counts of lanes whose mean is at least LEAST_NORMAL."""
    normal = max(normal, LEAST_NORMAL_DRAW)
    for lane in range(np.uint64(first), np.uint64(last)):
        mean = memory[_MEANS, lane]
        memory[_REQUESTS, lane] = mean + math.sqrt(mean) * normal


@part_of_compiled
def _add_counted(  # type: ignore[no-untyped-def]
    memory, coefficients, first, last, counting, root, weight, numbers, length,
):  # fmt: skip
    """Add requests times their mean length, on the way to the sum of rows, to the lanes from `first` to before `last`.

    The mean length of n requests has mean one and variance v / n: a lognormal to its second order,
    1 + s z + s^2 (z^2 - 1)/2 with s^2 + s^4/2 = v / n, which is never negative while s is at most one (v / n at most
    MOST_SPREAD, where it is held). The way goes over the doubling of the mean before LEAST_LINEAR.
    """
    variance, per_least = numbers[LENGTH_VARIANCE], 2.0 / numbers[LEAST_LINEAR]
    curved = 0.5 * (length * length - 1.0)
    for lane in range(np.uint64(first), np.uint64(last)):
        mean, requests = memory[_MEANS, lane], memory[_REQUESTS, lane]
        spread = variance / (requests if requests > 1.0 else 1.0)
        square = math.sqrt(1.0 + 2.0 * (spread if spread < MOST_SPREAD else MOST_SPREAD)) - 1.0
        counted = requests * (1.0 + math.sqrt(square) * length + square * curved)
        linear = mean + coefficients[counting, lane] * root
        linear = linear if linear > 0.0 else 0.0
        share = per_least * mean - 1.0
        share = share if share > 0.0 else 0.0
        share = share if share < 1.0 else 1.0
        memory[_SUMS, lane] += weight * (counted + share * (linear - counted))


@part_of_compiled
def _count_lanes(  # type: ignore[no-untyped-def]
    coefficients, lanes, base_rows, base_draws, numbers, thresholds, step, memory,
):  # fmt: skip
    """Requests of the first `lanes` lanes in a step, minute by minute; volumes rise from lane to lane.

    Fills the row of sums in `memory`. There is no view of an array here: making one takes longer than a loop over it.
    """
    for lane in range(LANES):
        memory[_SUMS, lane] = 0.0
    parts = int(numbers[PARTS])
    per_load, length_variance = numbers[REQUESTS_PER_LOAD], numbers[LENGTH_VARIANCE]
    length_sd = math.sqrt(length_variance)
    counting = base_rows.shape[0]  # row of the coefficients of the root of the level
    some, many, linear = 0, 0, 0
    for part in range(parts):
        base = step * parts + part
        normal, weight, length = base_draws[0, base], base_draws[1, base], base_draws[2, base]
        value = base_rows[0, base] * per_load
        for lane in range(LANES):
            memory[_MEANS, lane] = coefficients[0, lane] * value
        for row in range(1, base_rows.shape[0]):
            value = base_rows[row, base] * per_load
            for lane in range(LANES):
                memory[_MEANS, lane] += coefficients[row, lane] * value
        root = math.sqrt(base_rows[0, base]) * per_load * (normal + length_sd * length)
        linear = _first_from(memory, lanes, numbers[LEAST_LINEAR], linear)
        _add_linear(memory, coefficients, linear, lanes, counting, root, weight)
        many = _first_from(memory, linear, LEAST_NORMAL, min(many, linear))
        _normal_requests(memory, many, linear, normal)
        place = _place_of(normal, thresholds)
        some = _first_from(memory, many, _threshold(place, thresholds, 0), min(some, many))
        whole = 0
        for lane in range(some, many):
            mean = memory[_MEANS, lane]
            whole = _whole_requests(min(mean, MOST_COUNTED), place, thresholds, whole)
            memory[_REQUESTS, lane] = _requests(mean, normal, whole)
        _add_counted(memory, coefficients, some, linear, counting, root, weight, numbers, length)


@part_of_compiled
def _fill(  # type: ignore[no-untyped-def]
    rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, step, memory, out, place,
):  # fmt: skip
    """Fill a row of `out`, see `arrive`; `memory` has MEMORY_ROWS rows of a number a lane."""
    value = rows[step, 0]
    for lane in range(LANES):
        out[place, lane] = coefficients[0, lane] * value
    for row in range(1, rows.shape[1]):
        value = rows[step, row]
        for lane in range(LANES):
            out[place, lane] += coefficients[row, lane] * value
    if rows.shape[1] > 1:
        for lane in range(LANES):
            out[place, lane] = out[place, lane] if out[place, lane] > 0.0 else 0.0
    lanes = 0
    while lanes < LANES and volumes[lanes] < counted_below[step]:
        lanes += 1
    if lanes > 0:
        _count_lanes(coefficients, lanes, base_rows, base_draws, numbers, thresholds, step, memory)
        for lane in range(lanes):
            out[place, lane] = memory[_SUMS, lane] * numbers[LOAD_PER_REQUEST]


@compiled(ARRIVE)
def arrive(  # type: ignore[no-untyped-def]
    rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, first, count, ring,
):  # fmt: skip
    """Fill the places of `count` steps in a ring with the arrivals of every lane. [replicas]

    Parameters
    ----------
    rows : float64 array of shape (steps, n)
        Numbers of the step; the first is the expected demand over the mean.
    coefficients : float64 array of shape (n, LANES)
        What each row is multiplied with in each lane. [replicas]
    volumes, counted_below : float64 arrays of shape (LANES,) and (steps,)
        Volumes in rising order, and the volume below which a step's requests are counted minute by minute.
    base_rows, base_draws : float64 arrays of shape (m, steps x parts) and (3, steps x parts)
        Rows without the counting noise by minute; numbers for count, weight and length of each minute.
    numbers : float64 array of shape (5,)
        See the names of their places above.
    thresholds : float64 array of shape (grid, n)
        See `count_thresholds`.
    first, count : int
        Steps; beyond the last one everything stays as it was in it.
    ring : float64 array of shape (places, LANES)
        Filled: step s lies at place s modulo the number of places.
    """
    memory = np.empty((MEMORY_ROWS, LANES))
    places = ring.shape[0]
    for step in range(first, first + count):
        inside = min(step, rows.shape[0] - 1)
        _fill(
            rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, inside, memory,
            ring, step % places,
        )  # fmt: skip


@compiled_when_called(
    types.void(_INPUT_MATRIX, _MATRIX, _VECTOR, _INPUT, _INPUT_MATRIX, _INPUT_MATRIX, _VECTOR, _INPUT_MATRIX, _VECTOR)
)
def greatest(  # type: ignore[no-untyped-def]
    rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, out,
):  # fmt: skip
    """Fill `out` with the greatest arrivals of every lane in any step; the other arguments are those of `arrive`."""
    now, memory = np.zeros((1, LANES)), np.empty((MEMORY_ROWS, LANES))
    out[:] = 0.0
    for step in range(rows.shape[0]):
        _fill(
            rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, step, memory, now, 0
        )  # fmt: skip
        for lane in range(LANES):
            out[lane] = out[lane] if out[lane] > now[0, lane] else now[0, lane]


@compiled_when_called(types.void(_VECTOR, _VECTOR, _VECTOR, _INPUT_MATRIX, _VECTOR))
def count(means, expected, normals, thresholds, out):  # type: ignore[no-untyped-def]
    """Requests of every minute from its mean, that without noise, and a standard normal number; fills `out`."""
    for place in range(means.size):
        mean, normal = max(means[place], 0.0), min(max(normals[place], -MOST_DRAW), MOST_DRAW)
        whole = 0
        if mean < LEAST_NORMAL:
            whole = _whole_requests(min(mean, MOST_COUNTED), _place_of(normal, thresholds), thresholds, 0)
        linear = mean + math.sqrt(expected[place]) * normal
        share = min(max(2.0 * mean / LEAST_LINEAR_MEAN - 1.0, 0.0), 1.0)
        requests = _requests(mean, normal, whole)
        out[place] = requests + share * (max(linear, 0.0) - requests)
