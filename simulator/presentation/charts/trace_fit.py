"""A recording against the model fitted to it: over time, by share of the time, by memory, in numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from simulator.domain.plans import Array
from simulator.domain.traffic_moments import autocorrelation, load_duration
from simulator.domain.traffic_statistics import SECONDS_PER_WEEK
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.presentation import theme
from simulator.presentation.charts.local_time import first_monday, local_time_axis
from simulator.presentation.charts.panels import panel, scale_to_curve, share_axis
from simulator.presentation.charts.traffic_week import rate_unit
from simulator.presentation.numbers import distinct, linear_ticks, number
from simulator.presentation.page import Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import FAINT, INK
from simulator.presentation.traffic_shown import SHARES

Row = tuple[str, float, float, float, float]  # name, recorded, mean of the model, 5 % and 95 % of its runs

_LEFT, _RIGHT = 104.0, 1552.0
_TOP_PLOT = (506.0, 744.0)  # bottom and top of what is drawn over time
_BOTTOM_PLOT = (112.0, 398.0)
_GAP = 56.0  # between two weeks
_LOAD, _MEMORY, _TABLE = (104.0, 440.0), (540.0, 876.0), (950.0, 1552.0)  # left and right
_COLUMN_PITCH = 84.0
_ROW_PITCH = 27.0
_MODEL, _BAND = "#d55e00", "#f3c9a8"
_MODEL_DASHES = (0.0, (5.0, 1.6))
_MOST_DAYS = 9.0  # drawn in one piece
_MOST_POINTS = 340
_MOST_RUNS, _LAGS = 40, 60
_LONGEST_LAG_S = 2 * SECONDS_PER_DAY
_QUANTILES = (0.05, 0.95)
_NAMED_LAGS = (
    (SECONDS_PER_MINUTE, "1 min"), (10 * SECONDS_PER_MINUTE, "10 min"), (SECONDS_PER_HOUR, "1 h"),
    (6 * SECONDS_PER_HOUR, "6 h"), (SECONDS_PER_DAY, "1 d"),
)  # fmt: skip


def draw_trace_fit(
    title: str,
    requests: Array,
    runs: Array,
    level: Array,
    step_s: float,
    *,
    start: datetime | None = None,
    timezone: str = "UTC",
    statistics: Sequence[Row] = (),
    subtitle: str = "",
    note: str = "",
) -> Figure:
    """A recording against runs of the model fitted to it.

    Parameters
    ----------
    title, subtitle, note : str
        Headline, second line and foot of the slide.
    requests : array of shape (steps,)
        Recorded requests in each step; NaN is unknown.
    runs : array of shape (runs, steps)
        Requests in each step of some runs of the model, over the same steps. Where the recording is unknown they are
        left out of every comparison.
    level : array of shape (steps,)
        Requests in each step that the fitted course makes expect.
    step_s : float
        Length of a step. [s]
    start : datetime, optional
        Start of the first step, with its offset; None: unknown, and time is counted from the first step.
    timezone : str
        IANA time zone of the axis.
    statistics : sequence of (name, recorded, mean of the model, 5 % of its runs, 95 % of its runs)
        Rows of the table, as many as have room; rows whose recorded value is outside of the band are set in bold.

    Returns
    -------
    Figure
        A slide. Its axes are, in this order: the recording over time with the fitted course and the band of the runs
        (two, the busiest and a typical week, where it is longer than nine days), the load-duration curves, and the
        autocorrelation by lag.

    Raises
    ------
    ValueError
        If the arrays do not have the same steps, or no step is known.
    """
    if runs.ndim != 2 or runs.shape[1] != requests.size or level.shape != requests.shape:
        raise ValueError(
            f"requests, runs and level have shapes {requests.shape}, {runs.shape} and {level.shape}; "
            "must be (steps,), (runs, steps) and (steps,)"
        )
    if not np.isfinite(requests).any():
        raise ValueError("requests hold no known step")
    masked = np.where(np.isfinite(requests), runs, np.nan)
    with theme.style():
        page = Page()
        _draw_over_time(page, requests, runs, level, step_s, start, timezone)
        _draw_load_duration(page, requests, masked)
        _draw_memory(page, requests, masked[:_MOST_RUNS], step_s)
        _write_table(page, statistics)
        page.heading(title, [subtitle] if subtitle else ["Recorded requests against runs of the fitted model"])
        if note:
            page.footer(note)
    return page.figure


def weeks_drawn(requests: Array, step_s: float, start: datetime | None, timezone: str) -> list[tuple[str, int, int]]:
    """Name, first step and end of what is drawn over time: all of it, or the busiest and a typical week.

    Weeks are counted from the first local Monday; the typical one has the median of the weekly means, and is not the
    busiest.
    """
    if requests.size * step_s <= _MOST_DAYS * SECONDS_PER_DAY:
        return [("", 0, requests.size)]
    per_week = round(SECONDS_PER_WEEK / step_s)
    first = first_monday(start, timezone, requests.size, step_s)
    begins = np.arange(first, requests.size - per_week + 1, per_week)
    if begins.size < 2:  # fourteen days hold one whole week from a Monday on, but two from their start
        begins = np.arange(0, requests.size - per_week + 1, per_week)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a week of which nothing is known
        means = np.array([np.nanmean(requests[begin : begin + per_week]) for begin in begins])
    means = np.nan_to_num(means, nan=-1.0)
    busiest = int(np.argmax(means))
    if begins.size == 1:
        return [("", int(begins[0]), int(begins[0]) + per_week)]
    others = [place for place in range(begins.size) if place != busiest]
    typical = min(others, key=lambda place: abs(means[place] - float(np.median(means))))
    named = (("Busiest week", busiest), ("Typical week", typical))
    return [(name, int(begins[place]), int(begins[place]) + per_week) for name, place in named]


def _draw_over_time(
    page: Page, requests: Array, runs: Array, level: Array, step_s: float, start: datetime | None, timezone: str
) -> None:
    weeks = weeks_drawn(requests, step_s, start, timezone)
    width = (_RIGHT - _LEFT - _GAP * (len(weeks) - 1)) / len(weeks)
    per, unit = rate_unit(float(np.nanmean(requests)) / step_s)
    drawn = []
    for place, (name, begin, end) in enumerate(weeks):
        left = _LEFT + place * (width + _GAP)
        axes = page.axes(Box(left, _TOP_PLOT[0], left + width, _TOP_PLOT[1]))
        amounts = (values[..., begin:end] * (per / step_s) for values in (requests, runs, level))
        top = _draw_span(axes, *amounts, step_s=step_s)
        moment = None if start is None else start + timedelta(seconds=begin * step_s)
        hours, after = ((count * step_s) / SECONDS_PER_HOUR for count in (end - begin, begin))
        local_time_axis(page, axes, moment, timezone, hours, after_h=after)
        if name:
            axes.set_xlabel(f"{name}: {axes.get_xlabel()[0].lower()}{axes.get_xlabel()[1:]}")
        drawn.append((axes, top))
    page.write(_LEFT, _TOP_PLOT[1] + 15.0, f"Requests [1/{unit}]", bold=True)
    highest = max(top for _, top in drawn)
    ticks = linear_ticks(0.0, 1.06 * highest, 5)
    for place, (axes, _) in enumerate(drawn):
        axes.set_ylim(0.0, 1.06 * highest)
        axes.set_yticks(ticks, distinct(ticks) if place == 0 else [""] * len(ticks))
        theme.clean_axes(axes)
    _key(page)


def _draw_span(axes: Axes, requests: Array, runs: Array, level: Array, *, step_s: float) -> float:
    """Draw one span, each point the mean of some steps; the highest that is drawn."""
    group = max(1, math.ceil(requests.size / _MOST_POINTS))
    hours = np.arange(0, requests.size, group) * (step_s / SECONDS_PER_HOUR)
    recorded, course = _grouped(requests, group), _grouped(level, group)
    low, high = np.quantile(np.stack([_grouped(run, group) for run in runs]), _QUANTILES, axis=0)
    ends = np.append(hours, requests.size * step_s / SECONDS_PER_HOUR)
    middles = 0.5 * (ends[:-1] + ends[1:])  # a mean over some steps is the course in the middle of them
    low, high, recorded = (np.append(values, values[-1]) for values in (low, high, recorded))
    axes.fill_between(ends, low, high, step="post", color=_BAND, linewidth=0, zorder=2)
    if step_s >= SECONDS_PER_DAY:  # sums of days tell no course of the day
        middles, course, drawn = ends, np.append(course, course[-1]), "steps-post"
    else:
        drawn = "default"
    axes.plot(middles, course, color=_MODEL, linewidth=2.2, linestyle=_MODEL_DASHES, drawstyle=drawn, zorder=3)
    axes.plot(ends, recorded, color=INK, linewidth=1.5, drawstyle="steps-post", zorder=4)
    return float(np.nanmax([np.nanmax(recorded), high.max()]))


def _grouped(values: Array, group: int) -> Array:
    """Means over groups of steps, of those that are known."""
    padded = np.full(math.ceil(values.size / group) * group, np.nan)
    padded[: values.size] = values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a group of which nothing is known stays unknown
        means: Array = np.nanmean(padded.reshape(-1, group), axis=1)
    return means


def _key(page: Page) -> None:
    """What the lines are, at the right above the upper panels."""
    right, y = _RIGHT, _TOP_PLOT[1] + 15.0
    entries: tuple[tuple[str, str, float, object], ...] = (
        ("model, 5 to 95 % of runs", _BAND, 11.0, "solid"),
        ("fitted course", _MODEL, 2.2, _MODEL_DASHES),
        ("recorded", INK, 1.9, "solid"),
    )
    for text, colour, width, dashes in entries:
        length = page.text_width(text)
        page.write(right - length, y, text)
        page.rule([(right - length - 46, y + 6), (right - length - 18, y + 6)], colour, width, dashes)
        right -= length + 80


def _draw_load_duration(page: Page, requests: Array, runs: Array) -> None:
    box = Box(_LOAD[0], _BOTTOM_PLOT[0], _LOAD[1], _BOTTOM_PLOT[1])
    axes = panel(page, box, "Load over its mean [1]", "Share of the time at this load or more [%]")
    curves = np.stack([load_duration(run) for run in runs])
    low, high = np.quantile(curves, _QUANTILES, axis=0)
    recorded = load_duration(requests)
    share_axis(axes)
    scale_to_curve(axes, np.maximum(recorded, np.minimum(high, 2.0 * recorded)))
    _draw_band(axes, 100.0 * SHARES, recorded, curves.mean(axis=0), low, high)


def _draw_memory(page: Page, requests: Array, runs: Array, step_s: float) -> None:
    box = Box(_MEMORY[0], _BOTTOM_PLOT[0], _MEMORY[1], _BOTTOM_PLOT[1])
    axes = panel(page, box, "Autocorrelation [1]", "Lag")
    longest = min(requests.size // 2, round(_LONGEST_LAG_S / step_s))
    lags = np.unique(np.round(np.geomspace(1, max(longest, 2), _LAGS)).astype(np.int64))
    recorded = _correlations(requests, lags)
    model = np.stack([_correlations(run, lags) for run in runs])
    low, high = np.quantile(model, _QUANTILES, axis=0)
    axes.set_xscale("log")
    axes.set_xlim(step_s * 0.9, step_s * float(lags[-1]) * 1.1)
    shown = [(lag_s, name) for lag_s, name in _NAMED_LAGS if step_s <= lag_s <= step_s * float(lags[-1])]
    axes.set_xticks([lag_s for lag_s, _ in shown], [name for _, name in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    least = min(float(np.nanmin(recorded)), float(low.min()), 0.0)
    axes.set_ylim(math.floor(least * 4 - 0.2) / 4 if least < 0 else 0.0, 1.04)
    ticks = linear_ticks(*axes.get_ylim(), 6)
    axes.set_yticks(ticks, distinct(ticks))
    theme.clean_axes(axes)
    axes.axhline(0.0, color=FAINT, linewidth=1.0, zorder=2)
    _draw_band(axes, lags * step_s, recorded, model.mean(axis=0), low, high)


def _correlations(requests: Array, lags: Array) -> Array:
    values = (autocorrelation(requests, int(lag)) for lag in lags)
    return np.array([0.0 if value is None else value for value in values])


def _draw_band(axes: Axes, x: Array, recorded: Array, mean: Array, low: Array, high: Array) -> None:
    axes.fill_between(x, low, high, color=_BAND, linewidth=0, zorder=2)
    axes.plot(x, mean, color=_MODEL, linewidth=2.2, linestyle=_MODEL_DASHES, zorder=3)
    axes.plot(x, recorded, color=INK, linewidth=2.2, zorder=4)


def _write_table(page: Page, statistics: Sequence[Row]) -> None:
    """Recorded values beside the model's, in columns; bold where the recorded one is outside of the band."""
    left, right = _TABLE
    columns = [right - place * _COLUMN_PITCH for place in (3, 2, 1, 0)]  # right ends of the numbers
    top = _BOTTOM_PLOT[1] + 15.0
    page.write(left, top, "Statistic", bold=True)
    for x, head in zip(columns, ("recorded", "model", "5 %", "95 %"), strict=True):
        page.write(x, top, head, bold=True, align="right")
    page.rule([(left, top - 10), (right, top - 10)], theme.RULE, 0.8)
    room = int((_BOTTOM_PLOT[1] - _BOTTOM_PLOT[0] + 20.0) / _ROW_PITCH)
    shown = statistics if len(statistics) <= room else statistics[: room - 1]
    y = top - 6.0
    for name, recorded, mean, low, high in shown:
        y -= _ROW_PITCH
        outside = not low <= recorded <= high
        page.write(left, y, page.cut(name, columns[0] - 84.0 - left))
        for x, value in zip(columns, (recorded, mean, low, high), strict=True):
            page.write(x, y, number(value), bold=outside and value is recorded, align="right")
    if len(shown) < len(statistics):
        page.write(left, y - _ROW_PITCH, f"and {len(statistics) - len(shown)} more", colour=FAINT)
    elif any(not low <= recorded <= high for _, recorded, _, low, high in shown):
        page.write(left, y - _ROW_PITCH, "Bold: recorded outside of 5 to 95 % of the runs", colour=FAINT)
