"""The regular course of a recording: weights of hours, joined linearly between the middles of the hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR
from simulator.traces.local_clock import LocalClock

Array = NDArray[Any]  # of float64
Whole = NDArray[np.int64]

DAYS_FOR_WEEKDAYS = 7
DAYS_FOR_EVERY_HOUR_OF_THE_WEEK = 21
DAYS_FOR_DAYS_OF_THE_WEEK = 14  # in sums of whole days
LONGEST_STEP_S = 6 * SECONDS_PER_HOUR  # that still shows a course of the day
NEARLY_S = 900.0  # a recording so near whole days counts as whole: its first and last requests are not at midnight
LEAST_WEIGHT = 1e-4  # of the mean: an hour without a request is not proof of an hour that never has one


@dataclass(frozen=True, eq=False)
class Course:
    """Which weights every step reads. `first`, `second` (steps,) index the weights, `share` is that of the second."""

    kind: str  # level, day, weekdays_and_weekends, week, days_of_week
    first: Whole
    second: Whole
    share: Array
    occurrence: Array  # how often every weight occurs in a week, (weights,)

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(self.occurrence.size)

    def at_steps(self, weights: Array) -> Array:
        """The curve at every step. Shape (steps,)."""
        return (1.0 - self.share) * weights[self.first] + self.share * weights[self.second]

    def mean(self, weights: Array) -> float:
        """Mean of weights over a week. [1]"""
        return float((weights * self.occurrence).sum() / self.occurrence.sum())


def days_recorded(duration_s: float) -> float:
    """Days of a recording, whole where less than 15 minutes are missing or too many. [days]"""
    whole = round(duration_s / SECONDS_PER_DAY)
    near = whole > 0 and abs(duration_s - whole * SECONDS_PER_DAY) <= NEARLY_S
    return float(whole) if near else duration_s / SECONDS_PER_DAY


def course_of(clock: LocalClock, step_s: float) -> Course:
    """Course that a recording of this length can tell: one level, a day, two kinds of day, or a week of hours.

    Sums of whole days tell seven days of the week instead, from two weeks on; steps without end, one level.
    """
    steps = clock.hours.size
    days = 0.0 if math.isinf(step_s) else days_recorded(steps * step_s)
    of_days = abs(step_s - SECONDS_PER_DAY) <= NEARLY_S and clock.weekdays_known
    if of_days and days >= DAYS_FOR_DAYS_OF_THE_WEEK - 1e-9:
        weekday = clock.weekdays[clock.day_of_step]
        return Course("days_of_week", weekday, weekday, np.zeros(steps), np.ones(7))
    if days < 1.0 - 1e-9 or step_s > LONGEST_STEP_S:
        zeros = np.zeros(steps, dtype=np.int64)
        return Course("level", zeros, zeros, np.zeros(steps), np.ones(1))
    centred = clock.hours - 0.5
    hour = np.floor(centred).astype(np.int64)  # the hour whose middle lies before
    share = centred - hour
    if days < DAYS_FOR_WEEKDAYS - 1e-9 or not clock.weekdays_known:
        return Course("day", hour % 24, (hour + 1) % 24, share, np.ones(24))
    if days >= DAYS_FOR_EVERY_HOUR_OF_THE_WEEK - 1e-9:
        first = _hours_of_the_week(clock, hour)
        return Course("week", first, _hours_of_the_week(clock, hour + 1), share, np.ones(168))
    return Course(
        "weekdays_and_weekends",
        _hours_of_two_days(clock, hour),
        _hours_of_two_days(clock, hour + 1),
        share,
        np.repeat([5.0, 2.0], 24),
    )


def _hours_of_the_week(clock: LocalClock, hour: Whole) -> Whole:
    day = np.clip(hour // 24, 0, clock.days - 1)
    weekday = np.where(clock.weekend_like & (clock.weekdays < 5), 6, clock.weekdays)  # holidays run like Sundays
    return weekday[day] * 24 + hour % 24


def _hours_of_two_days(clock: LocalClock, hour: Whole) -> Whole:
    day = np.clip(hour // 24, 0, clock.days - 1)
    return clock.weekend_like[day] * 24 + hour % 24


@dataclass(frozen=True, eq=False)
class Projection:
    """Least squares of relative deviations on the weights: what fitting the course takes out of the noise."""

    course: Course
    known: NDArray[np.bool_]
    level: Array  # the fitted curve, (steps,)
    inverse: Array  # of the normal matrix, (weights, weights)

    def coefficients(self, relative: Array) -> Array:
        """Weights that fit relative deviations of shape (paths, steps) best. Shape (paths, weights)."""
        weighted = np.where(self.known, relative / self.level, 0.0)
        first, second, share = self.course.first, self.course.second, self.course.share
        sums = np.zeros((relative.shape[0], self.course.size))
        for path, values in enumerate(weighted):
            sums[path] = np.bincount(first, values * (1.0 - share), self.course.size)
            sums[path] += np.bincount(second, values * share, self.course.size)
        return np.asarray(sums @ self.inverse)

    def residual(self, relative: Array) -> Array:
        """Relative deviations less their fit. Shape (paths, steps)."""
        fitted = self.coefficients(relative)
        first, second, share = self.course.first, self.course.second, self.course.share
        curve = fitted[:, first] * (1.0 - share) + fitted[:, second] * share
        return np.asarray(relative - curve / self.level)


def _normal_matrix(course: Course, precision: Array) -> Array:
    size = course.size
    matrix = np.zeros(size * size)
    pairs = (
        (course.first, course.first, (1.0 - course.share) ** 2),
        (course.first, course.second, (1.0 - course.share) * course.share),
        (course.second, course.first, (1.0 - course.share) * course.share),
        (course.second, course.second, course.share**2),
    )
    for row, column, product in pairs:
        matrix += np.bincount(row * size + column, product * precision, size * size)
    return matrix.reshape(size, size)


def _likeness_of_neighbours(course: Course) -> Array:
    """Penalty on the differences of following hours, within each kind of day. Shape (weights, weights)."""
    size = course.size
    if size == 1:
        return np.zeros((1, 1))
    cycle = 24 if course.kind == "weekdays_and_weekends" else size
    following = np.arange(size) // cycle * cycle + (np.arange(size) + 1) % cycle
    differences = np.eye(size)[following] - np.eye(size)
    return np.asarray(differences.T @ differences)


def fit_weights(course: Course, values: Array, known: NDArray[np.bool_], rounds: int = 6) -> tuple[Array, Projection]:
    """Weights that fit the values with errors in proportion to the curve; NaN and steps not `known` are left out.

    Returns
    -------
    weights : array of shape (weights,)
        On the scale of the values; none below `LEAST_WEIGHT` of their mean.
    projection : Projection
        The same least squares, for relative deviations.

    Notes
    -----
    Iterated weighted least squares: precision 1 / curve^2. A slight preference for neighbours alike gives hours
    without a known step what lies between those beside them.
    """
    used = known & np.isfinite(values)
    filled = np.where(used, values, 0.0)
    mean = max(float(filled.sum() / max(used.sum(), 1)), 1e-9)
    weights = np.full(course.size, mean)
    ridge = _likeness_of_neighbours(course) * (1e-6 * max(used.sum(), 1) / mean**2)
    for _ in range(rounds):
        level = np.maximum(course.at_steps(weights), 0.02 * mean)
        precision = np.where(used, 1.0 / level**2, 0.0)
        matrix = _normal_matrix(course, precision) + ridge
        target = np.bincount(course.first, (1.0 - course.share) * precision * filled, course.size)
        target += np.bincount(course.second, course.share * precision * filled, course.size)
        weights = np.maximum(np.linalg.solve(matrix, target), LEAST_WEIGHT * mean)
    level = np.maximum(course.at_steps(weights), 0.02 * mean)
    precision = np.where(used, 1.0 / level**2, 0.0)
    inverse = np.linalg.inv(_normal_matrix(course, precision) + ridge)
    return weights, Projection(course, used, level, inverse)


def times_of_day(clock: LocalClock, length_s: float) -> Whole:
    """Time of day, in slots of `length_s`, and kind of day of every step, as one number. Shape (steps,)."""
    per_day = max(1, round(SECONDS_PER_DAY / length_s))
    slot = np.floor(clock.hours % HOURS_PER_DAY / HOURS_PER_DAY * per_day).astype(np.int64) % per_day
    return np.asarray(clock.weekend_like[clock.day_of_step] * per_day + slot)


def typical_of_the_hour(clock: LocalClock, values: Array, step_s: float) -> Array:
    """Median over days of like kind at the same time of day: a first curve that spikes and gaps do not move.

    Shape (steps,); NaN where no like day is known.
    """
    kind = times_of_day(clock, max(step_s, SECONDS_PER_HOUR / 2))
    typical = np.full(values.size, np.nan)
    for number in np.unique(kind):
        chosen = kind == number
        known = chosen & np.isfinite(values)
        if known.any():
            typical[chosen] = np.median(values[known])
    return typical
