"""The upper panel of a demand's slide: a week of requests on the local clock."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.traffic_statistics import SECONDS_PER_WEEK, duration_words
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.presentation import theme
from simulator.presentation.charts.local_time import first_monday, local_time_axis
from simulator.presentation.charts.panels import MEAN_DASHES
from simulator.presentation.numbers import distinct, linear_ticks
from simulator.presentation.page import Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import FAINT, INK
from simulator.presentation.traffic_shown import TrafficShown

WEEK_PLOT = Box(104.0, 506.0, 1552.0, 744.0)
BAND = "#9ec5e3"
_MOST_POINTS = 340
_UNITS = ((1.0, 1.0, "s"), (1.0 / 60, SECONDS_PER_MINUTE, "min"), (0.0, SECONDS_PER_HOUR, "h"))


@dataclass(frozen=True)
class Week:
    """What is drawn of the time: at most some hundred points. Arrays of shape (points,), rates in requests/s."""

    first_step: int
    steps: int
    group: int  # steps of a point
    hours: Array  # start of each point, since the first step drawn
    mean: Array  # of what is expected, where it is known, else of the requests
    least: Array  # of the single steps
    most: Array


def week_of(shown: TrafficShown) -> Week:
    """The first week from a Monday on that is whole, local time; else the first seven days, or all there is."""
    first = first_monday(shown.start, shown.timezone, shown.requests.size, shown.step_s)
    wanted = round(SECONDS_PER_WEEK / shown.step_s)
    steps = min(shown.requests.size - first, wanted)
    group = max(1, math.ceil(steps / _MOST_POINTS))
    points = math.ceil(steps / group)

    def table(values: Array) -> Array:
        padded = np.full(points * group, np.nan)
        padded[:steps] = values[first : first + steps] / shown.step_s
        return padded.reshape(points, group)

    requests = table(shown.requests)
    level = requests if shown.expected_requests is None else table(shown.expected_requests)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a point of which nothing is known stays unknown
        mean, least, most = np.nanmean(level, axis=1), np.nanmin(requests, axis=1), np.nanmax(requests, axis=1)
    hours = np.arange(points) * (group * shown.step_s / SECONDS_PER_HOUR)
    return Week(first, steps, group, hours, mean, least, most)


def draw_week(page: Page, shown: TrafficShown) -> None:
    """The level as a line, single steps as a band from the least to the most of them, the mean as dashes."""
    week = week_of(shown)
    mean_per_s = shown.statistics.mean_requests_per_s
    per, unit = rate_unit(mean_per_s)
    axes = page.axes(WEEK_PLOT)
    page.write(WEEK_PLOT.left, WEEK_PLOT.top + 15.0, f"Requests [1/{unit}]", bold=True)
    ends = np.append(week.hours, week.steps * shown.step_s / SECONDS_PER_HOUR)
    mean, least, most = (per * np.append(values, values[-1]) for values in (week.mean, week.least, week.most))
    if week.group > 1:
        axes.fill_between(ends, least, most, step="post", color=BAND, linewidth=0, zorder=2)
    axes.plot(ends, mean, color=INK, linewidth=1.9, drawstyle="steps-post", zorder=3)
    axes.axhline(per * mean_per_s, color=FAINT, linewidth=1.4, linestyle=MEAN_DASHES, zorder=2.5)
    top = per * float(np.nanmax(week.most))
    axes.set_ylim(0.0, 1.06 * top)
    ticks = linear_ticks(0.0, 1.06 * top, 5)
    axes.set_yticks(ticks, distinct(ticks))
    theme.clean_axes(axes)
    start = None if shown.start is None else shown.start + timedelta(seconds=week.first_step * shown.step_s)
    local_time_axis(page, axes, start, shown.timezone, week.steps * shown.step_s / SECONDS_PER_HOUR)
    _key(page, shown, week)


def rate_unit(mean_per_s: float) -> tuple[float, str]:
    """Seconds of the unit of time in which a mean rate is a handy number, and its name."""
    return next((seconds, name) for least, seconds, name in _UNITS if mean_per_s >= least)


def _key(page: Page, shown: TrafficShown, week: Week) -> None:
    """What line, band and dashes are, at the right above the panel."""
    point = duration_words(week.group * shown.step_s)
    single = duration_words(shown.step_s)
    entries: list[tuple[str, str, float, object]] = [("mean of the whole time", FAINT, 1.4, MEAN_DASHES)]
    if week.group > 1:
        entries.append((f"single counts of {single}, least to most", BAND, 11.0, "solid"))
    level = "expected" if shown.expected_requests is not None else "mean"
    entries.append((f"{level}, by {point}", INK, 1.9, "solid"))
    right, y = WEEK_PLOT.right, WEEK_PLOT.top + 15.0
    for text, colour, width, dashes in entries:
        length = page.text_width(text)
        page.write(right - length, y, text)
        page.rule([(right - length - 46, y + 6), (right - length - 18, y + 6)], colour, width, dashes)
        right -= length + 80
