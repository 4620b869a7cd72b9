"""The level axis of time on the local clock: names of days, or hours; time since the start where that is unknown."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
from matplotlib.axes import Axes

from simulator.domain.traffic_statistics import SECONDS_PER_WEEK
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.presentation.charts.timeline import time_ticks
from simulator.presentation.numbers import distinct, linear_ticks
from simulator.presentation.page import Page
from simulator.presentation.theme import INK, SMALL

_DAYS_NAMED = 2.0  # from that length on days are named, below it hours
_SPANS = (("Days", 24.0), ("Hours", 1.0), ("Minutes", 1.0 / 60))
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def first_monday(start: datetime | None, timezone: str, steps: int, step_s: float) -> int:
    """First step of the first whole week from a local Monday on; 0 where there is none, or the start is unknown."""
    if start is None:
        return 0
    local = pd.Timestamp(start).tz_convert(timezone)
    midnight = local.normalize()
    days = -local.weekday() % 7 if local == midnight else 7 - local.weekday()
    monday = (midnight.tz_localize(None) + pd.Timedelta(days=days)).tz_localize(timezone)
    after_s = (monday - local).total_seconds()
    return math.ceil(after_s / step_s - 1e-9) if after_s + SECONDS_PER_WEEK <= steps * step_s else 0


def local_time_axis(
    page: Page, axes: Axes, start: datetime | None, timezone: str, length_h: float, *, after_h: float = 0.0
) -> None:
    """Ticks, names and label of an axis in hours after `start`; where that is unknown, its left end is at `after_h`."""
    axes.set_xlim(0.0, length_h)
    if start is None:
        unit, hours = next((name, hours) for name, hours in _SPANS if length_h > 2 * hours or name == "Minutes")
        ticks = linear_ticks(after_h / hours, (after_h + length_h) / hours, 8, whole=True)
        axes.set_xticks([tick * hours - after_h for tick in ticks], distinct(ticks))
        axes.set_xlabel(f"{unit} since the start of the recording", labelpad=6, fontsize=SMALL)
        return
    local = pd.Timestamp(start).tz_convert(timezone)
    date = f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    if length_h > 24 * _DAYS_NAMED:
        _name_days(page, axes, local, length_h)
    else:
        days, labels = time_ticks(local.tz_localize(None), length_h * SECONDS_PER_HOUR)
        axes.set_xticks([24.0 * day for day in days], [label[-len("00:00") :] for label in labels])
    axes.set_xlabel(f"Local time from {date} on [{timezone}]", labelpad=6, fontsize=SMALL)


def _name_days(page: Page, axes: Axes, start: pd.Timestamp, length_h: float) -> None:
    """Lines at local midnights, and between two of them the name of the day, as full as fits."""
    end = start + pd.Timedelta(hours=length_h)
    days = pd.date_range(start.tz_localize(None).normalize(), end.tz_localize(None) + pd.Timedelta(days=1), freq="D")
    midnights = [
        (day.tz_localize(start.tz, ambiguous=True, nonexistent="shift_forward") - start).total_seconds()
        / SECONDS_PER_HOUR
        for day in days
    ]
    pixels_per_hour = axes.bbox.width / length_h
    widths = [max(map(page.text_width, texts)) + 10 for texts in zip(*map(_day_texts, days), strict=True)]
    form = next((place for place, width in enumerate(widths) if width <= 24 * pixels_per_hour), len(widths) - 1)
    axes.set_xticks([hour for hour in midnights if 0 <= hour <= length_h])
    axes.tick_params(axis="x", which="major", labelbottom=False)
    middles, names = [], []
    for day, begin, finish in zip(days, midnights, midnights[1:], strict=False):
        left, right = max(begin, 0.0), min(finish, length_h)
        if (right - left) * pixels_per_hour >= widths[form]:
            middles.append((left + right) / 2)
            names.append(_day_texts(day)[form])
    axes.set_xticks(middles, names, minor=True)
    axes.tick_params(axis="x", which="minor", length=0, pad=7, labelsize=SMALL, labelcolor=INK)


def _day_texts(day: pd.Timestamp) -> tuple[str, str, str]:
    """A day from the fullest wording to the shortest."""
    name = _WEEKDAYS[day.weekday()]
    return f"{name} {day.day} {_MONTHS[day.month - 1]}", f"{name} {day.day}", name
