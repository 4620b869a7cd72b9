"""When the steps of a recording are on the local clock, and which days have the hours of a weekend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Recording
from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64
Whole = NDArray[np.int64]

ASSUMED_MONDAY = date(2024, 1, 1)  # stands for the week of a recording that tells no date
DISTINCT_KINDS = 5.0  # gap of the two kinds of day over the scatter within; the best cut of one kind is mostly below 4
LEAST_DAYS = 7
LONGEST_STEP_S = 4 * SECONDS_PER_HOUR  # that still shows the hours of a day
_FRIDAY = 4


@dataclass(frozen=True, eq=False)
class LocalClock:
    """Local time of every step. Arrays over steps have shape (steps,); over days (days,), from the first local day."""

    timezone: str
    start: datetime  # local, of the first step
    start_known: bool
    weekdays_known: bool
    hours: Array  # local hours after the first local midnight, at the middle of the step
    day_of_step: Whole
    weekend_like: NDArray[np.bool_]  # by day: has the hours of Saturday and Sunday
    holidays: tuple[date, ...] = ()  # days from Monday to Friday that are weekend-like

    @property
    def days(self) -> int:
        """Number of local days, the first and the last perhaps in part."""
        return int(self.weekend_like.size)

    @property
    def weekdays(self) -> Whole:
        """Day of the week of every day; Monday is 0. Shape (days,)."""
        return (self.start.weekday() + np.arange(self.days)) % 7


def local_clock(recording: Recording, timezone: str, start: datetime | None) -> LocalClock:
    """Local clock of a recording; without a date, from a midnight of an assumed week.

    `start` is the moment of the first step where the recording tells offsets only: local time, or with its offset.
    """
    zone = ZoneInfo(timezone)
    given = recording.start_utc if recording.start_utc is not None else start
    if given is None:
        first = datetime.combine(ASSUMED_MONDAY, time.min)
        hours = (np.arange(recording.steps) + 0.5) * (recording.step_s / SECONDS_PER_HOUR)
    else:
        moment = given if given.tzinfo is not None else given.replace(tzinfo=UTC if given is not start else zone)
        first = moment.astimezone(zone).replace(tzinfo=None)
        hours = _local_hours(moment, zone, recording.steps, recording.step_s)
    day_of_step = np.floor(hours / HOURS_PER_DAY).astype(np.int64)
    days = int(day_of_step[-1]) + 1
    known = given is not None
    weekends = (first.weekday() + np.arange(days)) % 7 > _FRIDAY
    return LocalClock(timezone, first, known, known, hours, day_of_step, weekends)


def _local_hours(moment: datetime, zone: ZoneInfo, steps: int, step_s: float) -> Array:
    """Hours after the first local midnight at the middle of every step, with the changes of the clock in between."""
    utc = moment.astimezone(UTC)
    seconds = (np.arange(steps) + 0.5) * step_s
    marks_s = np.arange(0.0, steps * step_s + SECONDS_PER_HOUR, SECONDS_PER_HOUR)
    offsets = [(utc + timedelta(seconds=float(mark))).astimezone(zone).utcoffset() for mark in marks_s]
    offsets_s = np.array([0.0 if offset is None else offset.total_seconds() for offset in offsets])
    first = utc.astimezone(zone)
    midnight_s = (first.replace(tzinfo=None) - datetime.combine(first.date(), time.min)).total_seconds()
    shift_s = offsets_s[np.searchsorted(marks_s, seconds, side="right") - 1] - offsets_s[0]
    return (midnight_s + seconds + shift_s) / SECONDS_PER_HOUR


def with_kinds_of_days(clock: LocalClock, requests: Array, step_s: float) -> LocalClock:
    """The clock with weekends and holidays found in the numbers, where there is at least a week of them.

    Where the weekdays are known, days from Monday to Friday that run like the weekend are holidays. Where they are not,
    days are cut in two kinds and the week is turned until Saturdays and Sundays fit the rarer kind best.
    """
    if clock.days < LEAST_DAYS or step_s > LONGEST_STEP_S:
        return clock
    profiles = _profiles_of_days(clock, requests, step_s)
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(profiles).all(axis=1))
    if usable.sum() < LEAST_DAYS - 1:
        return clock
    if clock.weekdays_known:
        return _with_holidays(clock, profiles, usable)
    kinds = _two_kinds(profiles, usable)
    return clock if kinds is None else _with_turned_week(clock, kinds, usable)


def _profiles_of_days(clock: LocalClock, requests: Array, step_s: float) -> Array:
    """Mean of four hours each, every day, on a scale where noise is even; NaN where unknown. Shape (days, 6)."""
    block = clock.day_of_step * 6 + np.floor(clock.hours % HOURS_PER_DAY / 4.0).astype(np.int64)
    known = np.isfinite(requests)
    sums = np.bincount(block[known], requests[known], clock.days * 6)
    counts = np.bincount(block[known], minlength=clock.days * 6)
    enough = counts * step_s >= 0.25 * 4.0 * SECONDS_PER_HOUR
    means = np.where(enough, sums / np.maximum(counts, 1), np.nan).reshape(clock.days, 6)
    scale = max(float(np.nanmean(requests)), 1e-9)
    filled = np.where(np.isfinite(means), means, median_over_days(means))
    filled[np.isfinite(means).sum(axis=1) < 4] = np.nan
    return np.sqrt(filled / scale)


def with_days_of(clock: LocalClock, other: LocalClock) -> LocalClock:
    """A clock of the same recording in other steps, with the kinds of day that were found on the other."""
    days = clock.days
    weekend_like = np.resize(other.weekend_like, days) if other.days < days else other.weekend_like[:days]
    return replace(
        clock,
        start=other.start,
        weekdays_known=other.weekdays_known,
        weekend_like=weekend_like,
        holidays=other.holidays,
    )


def median_over_days(days: Array) -> Array:
    """Median over days at each time of day, of a table (days, times); where none is known, what lies between."""
    known = np.isfinite(days).any(axis=0)
    if not known.any():
        return np.full(days.shape[1], np.nan)
    medians = np.nanmedian(days[:, known], axis=0)
    return np.interp(np.arange(days.shape[1]), np.flatnonzero(known), medians, period=days.shape[1])


def _gap(scores: Array, upper: NDArray[np.bool_]) -> float:
    """Distance of two groups of numbers over the scatter within them. [1]"""
    inner = np.concatenate((scores[upper] - scores[upper].mean(), scores[~upper] - scores[~upper].mean()))
    scatter = np.sqrt((inner**2).sum() / max(scores.size - 2, 1))
    return float(abs(scores[upper].mean() - scores[~upper].mean()) / max(scatter, 1e-9))


def _two_kinds(profiles: Array, usable: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The rarer of two kinds of day, by the best cut along the main direction of their differences; None: one kind."""
    centred = profiles[usable] - profiles[usable].mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    scores = centred @ direction
    cuts = np.sort(scores)[1:]
    gaps = [_gap(scores, scores >= cut) if 1 < (scores >= cut).sum() < scores.size - 1 else 0.0 for cut in cuts]
    best = int(np.argmax(gaps))
    if gaps[best] < DISTINCT_KINDS:
        return None
    upper = scores >= cuts[best]
    kinds = np.zeros(usable.size, dtype=bool)
    kinds[usable] = upper if upper.sum() <= (~upper).sum() else ~upper
    return kinds


def _with_turned_week(clock: LocalClock, rarer: NDArray[np.bool_], usable: NDArray[np.bool_]) -> LocalClock:
    days = np.arange(clock.days)
    # A weekday that runs like a weekend is a holiday; a weekend that runs like a weekday is harder to believe.
    misfits = [
        float((rarer & ~weekend & usable).sum() + 2.0 * (~rarer & weekend & usable).sum())
        for weekend in ((first + days) % 7 > _FRIDAY for first in range(7))
    ]
    first = int(np.argmin(misfits))
    if misfits[first] > 0.15 * clock.days:
        return clock
    start = clock.start + timedelta(days=first)
    weekend = (first + days) % 7 > _FRIDAY
    holidays = rarer & ~weekend & usable
    return _marked(replace(clock, start=start, weekdays_known=True), weekend, holidays)


def _with_holidays(clock: LocalClock, profiles: Array, usable: NDArray[np.bool_]) -> LocalClock:
    weekend = clock.weekdays > _FRIDAY
    if (weekend & usable).sum() < 2 or (~weekend & usable).sum() < 3:
        return _marked(clock, weekend, np.zeros(clock.days, dtype=bool))
    typical = np.median(profiles[~weekend & usable], axis=0)
    direction = np.median(profiles[weekend & usable], axis=0) - typical
    scores = (profiles - typical) @ direction / max(direction @ direction, 1e-12)  # 0: weekday, 1: weekend
    like = ~weekend & usable & (scores > 0.6)
    settled = usable & ~like
    distinct = _gap(scores[settled], weekend[settled]) >= DISTINCT_KINDS
    few = like.sum() <= 0.2 * (~weekend & usable).sum()
    return _marked(clock, weekend, like if distinct and few else np.zeros(clock.days, dtype=bool))


def _marked(clock: LocalClock, weekend: NDArray[np.bool_], holiday: NDArray[np.bool_]) -> LocalClock:
    dates = tuple((clock.start + timedelta(days=int(day))).date() for day in np.flatnonzero(holiday))
    return replace(clock, weekend_like=weekend | holiday, holidays=dates)
