"""The regular course of a demand over a horizon: seasons on the clock on the wall, plans and dated events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from simulator.domain.events import Dated, Event, Holidays, Launch, Surge
from simulator.domain.plans import Array
from simulator.domain.seasons import diurnal_weights, hourly_curve, piecewise_means
from simulator.domain.shape import Shape
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
MINUTES_PER_DAY = 24 * 60
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
_QUARTER_S = 15 * SECONDS_PER_MINUTE
_VANISHED = 1e-6  # of an event's excess: what is left of it is left out

Whole = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Steps:
    """Equal steps of a horizon that starts at `start_utc`, all of them or those from `begin_s` after the start on."""

    start_utc: datetime
    size: int
    base_s: float
    begin_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length of all steps. [s]"""
        return self.size * self.base_s

    @property
    def end_s(self) -> float:
        """End of the last one, after the start of the horizon. [s]"""
        return self.begin_s + self.duration_s

    def split(self, base_s: float) -> Steps:
        """The same time in steps of `base_s`, which divides these."""
        return Steps(self.start_utc, round(self.duration_s / base_s), base_s, self.begin_s)

    def between(self, first: int, last: int) -> Steps:
        """The steps from `first` to before `last`."""
        return Steps(self.start_utc, last - first, self.base_s, self.begin_s + first * self.base_s)


def course(shape: Shape, steps: Steps) -> Array:
    """Product of the parts that are not random: mean over each step, curves taken at the middles of its minutes.

    Shape (size,); in any unit, as only the proportions count.
    """
    if steps.base_s <= SECONDS_PER_MINUTE or not (has_course(shape) or shape.events):
        return _at_middles(shape, steps)
    if steps.base_s % SECONDS_PER_MINUTE:
        return _at_middles(shape, steps)
    if shape.piecewise is not None or steps.base_s % _QUARTER_S:
        return _by_minutes(shape, steps)
    # Offsets of time zones are whole quarter hours, so quarters of the week are all that a longer step can hold.
    values = np.ones(steps.size)
    if has_course(shape):
        quarters = steps.split(_QUARTER_S)
        by_quarter = _week_by_minutes(shape).reshape(-1, 15).mean(axis=1)
        place = local_seconds(shape.timezone, quarters) // _QUARTER_S
        values = by_quarter[_place_in_week(place, 4 * 24)].reshape(steps.size, -1).mean(axis=1)
    for event in shape.events.values():
        if isinstance(event, Launch):
            _multiply_between(values, _moment_s(event, shape.timezone, steps), np.inf, event.lasting_factor, steps)
    for first, last in _touched(shape, steps):
        values[first:last] = _by_minutes(shape, steps.between(first, last))
    return values


def _by_minutes(shape: Shape, steps: Steps) -> Array:
    return _at_middles(shape, steps.split(SECONDS_PER_MINUTE)).reshape(steps.size, -1).mean(axis=1)


def _touched(shape: Shape, steps: Steps) -> list[tuple[int, int]]:
    """First and last step that dated events change within, disjoint and in the order of time."""
    spans = []
    for event in shape.events.values():
        for first_s, last_s in event_spans(event, shape.timezone, steps):
            first = max(int((first_s - steps.begin_s) // steps.base_s), 0)
            last = min(int(-(-(last_s - steps.begin_s) // steps.base_s)), steps.size)
            if last > first:
                spans.append((first, last))
    disjoint: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if disjoint and first <= disjoint[-1][1]:
            disjoint[-1] = (disjoint[-1][0], max(last, disjoint[-1][1]))
        else:
            disjoint.append((first, last))
    return disjoint


def event_spans(event: Event, timezone: str, steps: Steps) -> list[tuple[float, float]]:
    """Times between which an event's factor changes or is not one, after the start of the horizon. [s]"""
    if isinstance(event, Holidays):
        return _days_off(event, timezone, steps)
    at_s = _moment_s(event, timezone, steps)
    if isinstance(event, Surge):
        return [(at_s, at_s + event.hours * SECONDS_PER_HOUR)]
    return [(at_s, at_s + _decayed_after_s(event))]


def has_course(shape: Shape) -> bool:
    """Whether the shape follows the clock on the wall."""
    return shape.diurnal is not None or shape.weekly is not None or bool(shape.hours_of_week)


def _at_middles(shape: Shape, steps: Steps) -> Array:
    values = np.ones(steps.size)
    if shape.piecewise is not None:
        values *= piecewise_means(shape.piecewise, steps.size, steps.base_s)
    if has_course(shape):
        local_s = local_seconds(shape.timezone, steps)
        days = np.floor_divide(local_s, SECONDS_PER_DAY).astype(np.int64)
        minutes = (days + _EPOCH_WEEKDAY) % 7 * MINUTES_PER_DAY + local_s % SECONDS_PER_DAY / SECONDS_PER_MINUTE
        _as_on_sundays(minutes, shape, steps)
        if steps.base_s == SECONDS_PER_MINUTE:
            values *= _week_by_minutes(shape)[minutes.astype(np.int64)]
        else:
            values *= _course_at(shape, minutes / 60.0)
    for event in shape.events.values():
        _multiply(values, event, shape.timezone, steps)
    return values


def _as_on_sundays(minutes: Array, shape: Shape, steps: Steps) -> None:
    """Move the minutes of the week of days off that have the hours of a Sunday to the Sunday, in place."""
    for event in shape.events.values():
        if isinstance(event, Holidays) and event.course == "weekend":
            for first_s, last_s in _days_off(event, shape.timezone, steps):
                first, last = ((edge - steps.begin_s) / steps.base_s for edge in (first_s, last_s))
                day = slice(max(round(first), 0), max(round(last), 0))
                minutes[day] = 6 * MINUTES_PER_DAY + minutes[day] % MINUTES_PER_DAY


def _place_in_week(place: Array, per_day: int) -> Array:
    """Place in a week from Monday of a number of equal pieces since the epoch."""
    return (place.astype(np.int64) + _EPOCH_WEEKDAY * per_day) % (7 * per_day)


@lru_cache(maxsize=64)
def _week_of(diurnal: object, weekly: object, hours: tuple[float, ...], shift_hours: float) -> Array:
    middles = (np.arange(MINUTES_PER_WEEK) + 0.5) / 60.0
    return _course_of(diurnal, weekly, hours, shift_hours, middles)


def _week_by_minutes(shape: Shape) -> Array:
    """The course at the middle of every minute of the week from Monday. Shape (10080,)."""
    return _week_of(shape.diurnal, shape.weekly, shape.hours_of_week, shape.shift_hours)


def _course_at(shape: Shape, hours_of_week: Array) -> Array:
    return _course_of(shape.diurnal, shape.weekly, shape.hours_of_week, shape.shift_hours, hours_of_week)


def _course_of(diurnal, weekly, hours, shift_hours: float, hours_of_week: Array) -> Array:  # type: ignore[no-untyped-def]
    shifted = (hours_of_week - shift_hours) % 168.0
    values = np.ones(hours_of_week.size)
    if diurnal is not None:
        values *= diurnal_weights(diurnal, shifted % 24.0)
    if weekly is not None:
        values *= np.asarray(weekly.weights)[(shifted // 24.0).astype(np.int64)]
    if hours:
        values *= hourly_curve(hours, shifted)
    return values


def local_seconds(timezone: str, steps: Steps) -> Array:
    """Middle of every step on the clock on the wall, in seconds since 1970-01-01 00:00 there. Shape (size,)."""
    start_s = steps.start_utc.timestamp()
    since_s = steps.begin_s + (np.arange(steps.size) + 0.5) * steps.base_s
    if timezone == "UTC":
        return start_s + since_s
    # Zones change their offset on quarter hours; one look-up a quarter hour is enough.
    first = int(steps.begin_s // _QUARTER_S)
    quarters = int(np.ceil(steps.end_s / _QUARTER_S)) - first + 1
    offset_s = _offsets_s(timezone, start_s + first * _QUARTER_S, quarters)
    return start_s + since_s + offset_s[(since_s / _QUARTER_S).astype(np.int64) - first]


@lru_cache(maxsize=64)
def _offsets_s(timezone: str, start_s: float, quarters: int) -> Array:
    """Offset of a zone from UTC at every quarter hour from a moment on. [s]"""
    moments_s = start_s + np.arange(quarters) * _QUARTER_S
    moments = pd.to_datetime(moments_s, unit="s", utc=True).tz_convert(timezone)
    wall = moments.tz_localize(None).to_numpy(dtype="datetime64[s]").astype(np.float64)
    return wall - moments_s


def seconds_after_start(local: datetime, timezone: str, start_utc: datetime) -> float:
    """Seconds from the start to a moment of local time. [s]"""
    return (local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC) - start_utc).total_seconds()


def local_midnights_s(timezone: str, steps: Steps, hour: float = 0.0) -> tuple[Array, Whole]:
    """Local midnights from the day before the start to the end, in seconds after the start, and their weekdays.

    With an `hour`, that hour of the clock on the wall of the same days.
    """
    # Of whole years, so that parts of one horizon share what has been looked up.
    days = (int(steps.end_s // SECONDS_PER_DAY) // 366 + 1) * 366 + 3
    midnights, weekdays = _hours_of_days(timezone, steps.start_utc, days, 0.0)
    count = int(np.searchsorted(midnights, steps.end_s)) + 1
    moments = midnights if hour == 0 else _hours_of_days(timezone, steps.start_utc, days, hour)[0]
    return moments[:count], weekdays[:count]


@lru_cache(maxsize=32)
def _hours_of_days(timezone: str, start_utc: datetime, days: int, hour: float) -> tuple[Array, Whole]:
    """An hour of the clock on the wall of so many days from the one before the start, and their weekdays."""
    first = (start_utc.astimezone(ZoneInfo(timezone)) - timedelta(days=1)).date()
    midnight = datetime(first.year, first.month, first.day)
    moments = np.array([
        seconds_after_start(midnight + timedelta(days=day, hours=hour), timezone, start_utc) for day in range(days)
    ])  # fmt: skip
    return moments, (first.weekday() + np.arange(days)) % 7


def _multiply(values: Array, event: Event, timezone: str, steps: Steps) -> None:
    """Multiply the steps that an event touches by its mean factor over each, in place."""
    if isinstance(event, Launch):
        _launch(values, event, _moment_s(event, timezone, steps), steps)
        return
    for first_s, last_s in event_spans(event, timezone, steps):
        _multiply_between(values, first_s, last_s, event.factor, steps)


def _moment_s(event: Dated, timezone: str, steps: Steps) -> float:
    if event.at is None:
        return (event.after_days or 0.0) * SECONDS_PER_DAY
    return seconds_after_start(event.at, timezone, steps.start_utc)


def _multiply_between(values: Array, first_s: float, last_s: float, factor: float, steps: Steps) -> None:
    """Multiply by `factor` between two moments; a step partly between by its mean."""
    first_s, last_s = first_s - steps.begin_s, min(last_s - steps.begin_s, steps.duration_s)
    first = max(int(first_s // steps.base_s), 0)
    last = min(int(-(-last_s // steps.base_s)), values.size)
    if last <= first or factor == 1:
        return
    edges = np.arange(first, last + 1) * steps.base_s
    inside = np.diff(np.clip(edges, first_s, last_s)) / steps.base_s
    values[first:last] *= 1.0 + (factor - 1.0) * inside


def _decayed_after_s(event: Launch) -> float:
    """Time after which nothing of a launch's excess is left. [s]"""
    excess = abs(event.factor - event.lasting_factor)
    return float(event.half_life_s * np.log2(max(excess, _VANISHED) / _VANISHED))


def _launch(values: Array, event: Launch, at_s: float, steps: Steps) -> None:
    """From `at_s` on the lasting factor plus an excess that decays; the mean over each step is the exact integral."""
    factor = np.ones(values.size)
    _multiply_between(factor, at_s, np.inf, event.lasting_factor, steps)
    since_s = steps.begin_s - at_s + np.arange(values.size + 1) * steps.base_s
    first = int(np.searchsorted(since_s, 0.0, side="right")) - 1
    last = int(np.searchsorted(since_s, _decayed_after_s(event)))
    first = max(first, 0)
    if first < values.size and last > first:
        decay_s = event.half_life_s / np.log(2.0)
        left = np.exp(-np.maximum(since_s[first : last + 1], 0.0) / decay_s)
        excess = (event.factor - event.lasting_factor) * -np.diff(left) * decay_s / steps.base_s
        factor[first : first + excess.size] += excess
    values *= factor


def _days_off(event: Holidays, timezone: str, steps: Steps) -> list[tuple[float, float]]:
    """Local days off, each from midnight to midnight in seconds after the start."""
    midnights, _ = local_midnights_s(timezone, steps)
    first = (steps.start_utc.astimezone(ZoneInfo(timezone)) - timedelta(days=1)).date()
    days = [first + timedelta(days=number) for number in range(midnights.size)]
    off = set(event.dates) or _public_holidays(event.country or "", event.subdivision, days[0].year, days[-1].year)
    ends = np.append(midnights[1:], midnights[-1] + SECONDS_PER_DAY)
    return [(begin, end) for day, begin, end in zip(days, midnights, ends, strict=True) if day in off]


@lru_cache(maxsize=8)
def _public_holidays(country: str, subdivision: str | None, first_year: int, last_year: int) -> frozenset[date]:
    import holidays  # hundreds of calendars: loaded where one is asked for only

    years = range(first_year, last_year + 1)
    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=years))
