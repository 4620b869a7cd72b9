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
from simulator.simulation.compiled import compiled, part_of_compiled

LANES = 64  # as in the kernel, which this serves

MOST_COUNTED = 30.0  # greatest mean of a minute whose requests are counted one by one
LEAST_NORMAL = 36.0  # least mean whose count is a normal number
LEAST_NORMAL_DRAW = -4.4  # where the normal law would be below the Poisson law's quantile at a smaller mean
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

    `whole` are those that arrive at the mean, or at the greatest that is counted.
    """
    if mean < MOST_COUNTED:
        return float(whole)
    normal = max(normal, LEAST_NORMAL_DRAW)
    if mean < LEAST_NORMAL:
        high = LEAST_NORMAL + math.sqrt(LEAST_NORMAL) * normal
        return whole + (high - whole) * (mean - MOST_COUNTED) / (LEAST_NORMAL - MOST_COUNTED)
    return mean + math.sqrt(mean) * normal


@part_of_compiled
def _towards(counted, linear, mean, least_linear):  # type: ignore[no-untyped-def]
    """The way from what is counted to the sum of rows, over the doubling of the mean before `least_linear`."""
    share = min(max(2.0 * mean / least_linear - 1.0, 0.0), 1.0)
    return counted + share * (max(linear, 0.0) - counted)


@part_of_compiled
def _mean_length(requests, normal, variance):  # type: ignore[no-untyped-def]
    """Mean length of so many requests over the expected one: of mean one and variance v = `variance / requests`.

    A lognormal to its second order, 1 + s z + s^2 (z^2 - 1)/2 with s^2 + s^4/2 = v, which is never negative while s is
    at most one; a lognormal beyond.
    """
    spread = variance / max(requests, 1.0)
    if spread <= 1.5:
        square = math.sqrt(1.0 + 2.0 * spread) - 1.0
        return 1.0 + math.sqrt(square) * normal + 0.5 * square * (normal * normal - 1.0)
    log_variance = math.log1p(spread)
    return math.exp(math.sqrt(log_variance) * normal - 0.5 * log_variance)


@part_of_compiled
def _count_lanes(  # type: ignore[no-untyped-def]
    coefficients, lanes, base_rows, base_draws, numbers, thresholds, step, means, out,
):  # fmt: skip
    """Arrivals of the first `lanes` lanes in a step, minute by minute; volumes rise from lane to lane.

    `means` is working memory of a number a lane.
    """
    for lane in range(lanes):
        out[lane] = 0.0
    parts = int(numbers[PARTS])
    per_load, length_variance = numbers[REQUESTS_PER_LOAD], numbers[LENGTH_VARIANCE]
    counting = base_rows.shape[1]  # its row of coefficients: of the root of the level
    for base in range(step * parts, (step + 1) * parts):
        normal, weight, length = base_draws[base, 0], base_draws[base, 1], base_draws[base, 2]
        level = base_rows[base, 0] * per_load
        for lane in range(lanes):
            means[lane] = coefficients[0, lane] * level
        for row in range(1, base_rows.shape[1]):
            value = base_rows[base, row] * per_load
            for lane in range(lanes):
                means[lane] += coefficients[row, lane] * value
        counted = 0
        while counted < lanes and means[counted] < numbers[LEAST_LINEAR]:
            counted += 1
        root = math.sqrt(base_rows[base, 0]) * per_load * (normal + math.sqrt(length_variance) * length)
        for lane in range(counted, lanes):
            amount = means[lane] + coefficients[counting, lane] * root
            out[lane] += weight * (amount if amount > 0.0 else 0.0)
        place = _place_of(normal, thresholds)
        least = _threshold(place, thresholds, 0)
        whole = 0
        for lane in range(counted):
            mean = means[lane]
            if mean >= least:
                if mean < LEAST_NORMAL:
                    whole = _whole_requests(min(mean, MOST_COUNTED), place, thresholds, whole)
                requests = _requests(mean, normal, whole)
                if length_variance > 0.0:
                    requests *= _mean_length(requests, length, length_variance)
                linear = mean + coefficients[counting, lane] * root
                out[lane] += weight * _towards(requests, linear, mean, numbers[LEAST_LINEAR])
    for lane in range(lanes):
        out[lane] *= numbers[LOAD_PER_REQUEST]


@part_of_compiled
def _fill(  # type: ignore[no-untyped-def]
    rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, step, means, out,
):  # fmt: skip
    """Fill `out`, see `arrive`; `means` is working memory of a number a lane."""
    for lane in range(LANES):
        out[lane] = coefficients[0, lane] * rows[step, 0]
    for row in range(1, rows.shape[1]):
        value = rows[step, row]
        for lane in range(LANES):
            out[lane] += coefficients[row, lane] * value
    if rows.shape[1] > 1:
        for lane in range(LANES):
            out[lane] = out[lane] if out[lane] > 0.0 else 0.0
    lanes = 0
    while lanes < LANES and volumes[lanes] < counted_below[step]:
        lanes += 1
    if lanes > 0:
        _count_lanes(coefficients, lanes, base_rows, base_draws, numbers, thresholds, step, means, out)


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
    base_rows, base_draws : float64 arrays of shape (steps x parts, m) and (steps x parts, 3)
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
    means = np.empty(LANES)
    for step in range(first, first + count):
        inside = min(step, rows.shape[0] - 1)
        out = ring[step % ring.shape[0]]
        _fill(
            rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, inside, means, out
        )


@compiled(
    types.void(_INPUT_MATRIX, _MATRIX, _VECTOR, _INPUT, _INPUT_MATRIX, _INPUT_MATRIX, _VECTOR, _INPUT_MATRIX, _VECTOR)
)
def greatest(  # type: ignore[no-untyped-def]
    rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, out,
):  # fmt: skip
    """Fill `out` with the greatest arrivals of every lane in any step; the other arguments are those of `arrive`."""
    now, means = np.zeros(LANES), np.empty(LANES)
    out[:] = 0.0
    for step in range(rows.shape[0]):
        _fill(rows, coefficients, volumes, counted_below, base_rows, base_draws, numbers, thresholds, step, means, now)
        for lane in range(LANES):
            out[lane] = out[lane] if out[lane] > now[lane] else now[lane]


@compiled(types.void(_VECTOR, _VECTOR, _VECTOR, _INPUT_MATRIX, _VECTOR))
def count(means, expected, normals, thresholds, out):  # type: ignore[no-untyped-def]
    """Requests of every minute from its mean, that without noise, and a standard normal number; fills `out`."""
    for place in range(means.size):
        mean, normal = max(means[place], 0.0), min(max(normals[place], -MOST_DRAW), MOST_DRAW)
        whole = 0
        if mean < LEAST_NORMAL:
            whole = _whole_requests(min(mean, MOST_COUNTED), _place_of(normal, thresholds), thresholds, 0)
        linear = mean + math.sqrt(expected[place]) * normal
        out[place] = _towards(_requests(mean, normal, whole), linear, mean, LEAST_LINEAR_MEAN)
