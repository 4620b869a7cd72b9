"""A demand on one slide: a week of it, its load-duration curve, its peaks by window, the lengths of its requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from simulator.domain.plans import Array
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.presentation import theme
from simulator.presentation.charts.panels import (
    MEAN_DASHES,
    USED,
    free_space,
    panel,
    put_paper,
    say_unknown,
    scale_to_curve,
    scale_up,
    share_axis,
    write_beside,
)
from simulator.presentation.charts.traffic_week import draw_week
from simulator.presentation.numbers import distinct, number, percent
from simulator.presentation.page import Page, Row
from simulator.presentation.placing import Box
from simulator.presentation.theme import FAINT, INK, PAPER, RULE
from simulator.presentation.traffic_shown import SHARES, LengthsShown, TrafficShown, window_word

_BOTTOM, _TOP = 112.0, 398.0
LOAD_PLOT = Box(104.0, _BOTTOM, 534.0, _TOP)
WINDOW_PLOT = Box(636.0, _BOTTOM, 1040.0, _TOP)
LENGTH_PLOT = Box(1142.0, _BOTTOM, 1552.0, _TOP)
_PEAK, _P99 = theme.option_style(0), theme.option_style(1)
LENGTH_LOOKS = {"prompts": theme.option_style(1), "answers": theme.option_style(3)}
# How far the axis of lengths goes on before the shortest and behind the longest, until the names have room.
_LENGTH_ROOM = ((1.6, 1.6), (1.6, 4.0), (4.0, 1.6), (4.0, 4.0), (1.6, 10.0), (10.0, 10.0), (1.6, 30.0))
_TICK_ROOM = 82.0  # pixels from one length to the next
_TICK_MINUTES = (1, 2, 5, 10, 20, 60)


def traffic_chart(shown: TrafficShown, note: str = "") -> Figure:
    """A demand on four panels.

    Parameters
    ----------
    shown : TrafficShown
        Draw or recording with its statistics.
    note : str
        Foot of the slide.

    Returns
    -------
    Figure
        A slide. Its axes are, in this order: the week (rate over time), the load-duration curve (load over mean against
        the share of time), peak and 99th percentile over the mean by window, and the share of requests up to a length.
    """
    with theme.style():
        page = Page()
        draw_week(page, shown)
        _draw_load_duration(page, shown)
        _draw_windows(page, shown)
        _draw_lengths(page, shown.lengths)
        page.heading(shown.title, _subtitles(shown))
        if note:
            page.footer(note)
    return page.figure


def _draw_load_duration(page: Page, shown: TrafficShown) -> None:
    window = window_word(shown.load_window_s)
    axes = panel(page, LOAD_PLOT, f"Load over its mean, by {window} [1]", "Share of the time at this load or more [%]")
    percents, curve = 100.0 * SHARES, shown.load_duration
    capacity = float(curve[1])
    share_axis(axes)
    beyond = not scale_to_curve(axes, curve)
    used = np.minimum(curve, capacity)
    axes.fill_between(percents, used, capacity, facecolor=PAPER, edgecolor=RULE, hatch="//", linewidth=0, zorder=1)
    axes.fill_between(percents, used, color=USED, linewidth=0, zorder=1)
    axes.axhline(1.0, color=FAINT, linewidth=1.4, linestyle=MEAN_DASHES, zorder=2)
    axes.plot(percents, curve, color=INK, linewidth=2.6, zorder=3)
    axes.plot([50.0], [curve[50]], color=_P99.colour, marker="o", markersize=9, markeredgecolor=PAPER, zorder=4)
    rows = [
        Row(f"Half of the time below {number(float(curve[50]))} x"),
        Row(f"Hatched: {percent(shown.idle_at_p99_share)} idle if sized"),
        Row("for 99 % of the time"),
    ]
    if beyond:
        rows.append(Row(f"Busiest {window}: {number(float(curve[0]))} x, off the axis", colour=FAINT))
    write_beside(page, axes, LOAD_PLOT, [np.column_stack([percents, curve])], rows, (LOAD_PLOT.right, LOAD_PLOT.top))


def _draw_windows(page: Page, shown: TrafficShown) -> None:
    axes = panel(page, WINDOW_PLOT, "Busy windows over the mean [1]", "Length of the window [min]")
    minutes = np.array([window.window_s / SECONDS_PER_MINUTE for window in shown.windows])
    peaks = _numbers([window.peak_to_mean for window in shown.windows])
    p99s = _numbers([window.p99_to_mean for window in shown.windows])
    axes.set_xscale("log")
    axes.set_xlim(0.87, 69.0)
    axes.set_xticks(_TICK_MINUTES, [str(minute) for minute in _TICK_MINUTES])
    axes.xaxis.set_minor_locator(NullLocator())
    if not np.isfinite(peaks).any():
        fitting = [window for window in shown.windows if window.window_s >= shown.step_s]
        say_unknown(axes, (fitting or shown.windows)[0].needs)
        return
    scale_up(axes, float(np.nanmax(peaks)))
    lines: list[Array] = []
    rows: list[Row] = []
    # The broader line first: where both are one, the other shows on it.
    named = ((p99s, "99 of 100 stay below", _P99), (peaks, "the busiest one", _PEAK))
    for values, name, look in named:
        known = np.isfinite(values)
        if not known.any():
            continue
        axes.plot(
            minutes[known], values[known], label=name, color=look.colour, linewidth=look.width,
            marker=look.marker, markersize=3.0 + 2.2 * look.width, markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
        lines.append(np.column_stack([minutes[known], values[known]]))
        rows.insert(0, Row(name, option=look))
    write_beside(page, axes, WINDOW_PLOT, lines, rows, (WINDOW_PLOT.right, WINDOW_PLOT.bottom))


def _draw_lengths(page: Page, lengths: Mapping[str, LengthsShown]) -> None:
    axes = panel(page, LENGTH_PLOT, "Requests up to that length [%]", "Length [tokens]")
    drawn = {name: np.maximum(one.quantiles, 1.0) for name, one in lengths.items() if one.quantiles}
    if not drawn:
        say_unknown(axes, "single requests")
        return
    axes.set_ylim(0.0, 104.0)
    axes.set_yticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100"])
    lines = {name: np.column_stack([values, 100.0 * SHARES]) for name, values in drawn.items()}
    blocks = {name: _length_rows(name, lengths[name]) for name in drawn}
    low = min(float(values[1]) for values in drawn.values())
    high = max(float(values[-2]) for values in drawn.values())
    axes.set_xscale("log")
    for before, behind in _LENGTH_ROOM:
        axes.set_xlim(max(low / before, 0.2), high * behind)
        places = _places_of_lengths(page, axes, lines, blocks)
        if len(places) == len(blocks):
            break
    else:
        places = _places_of_lengths(page, axes, lines, blocks, anywhere=True)
    ticks = _spaced_ticks(*axes.get_xlim())
    axes.set_xticks(ticks, distinct(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    theme.clean_axes(axes)
    for name, values in drawn.items():
        look = LENGTH_LOOKS[name]
        axes.plot(values, 100.0 * SHARES, color=look.colour, linestyle=look.dashes, linewidth=look.width, zorder=3)
        axes.plot(
            [values[50]], [50.0], color=look.colour, marker=look.marker, markersize=9, markeredgecolor=PAPER, zorder=4
        )
    for name, place in places.items():
        put_paper(page, place)
        page.block(place.left, place.top, blocks[name])


def _spaced_ticks(low: float, high: float) -> list[float]:
    """Round numbers of a logarithmic axis that are so far apart that their texts have room."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    round_numbers = [float(f"{digit}e{power}") for power in decades for digit in (1, 2, 5)]
    least = (high / low) ** (_TICK_ROOM / LENGTH_PLOT.width)
    ticks: list[float] = []
    for tick in round_numbers:
        if max(low, 1.0) <= tick <= high / least**0.5 and (not ticks or tick >= ticks[-1] * least):
            ticks.append(tick)
    return ticks


def _length_rows(name: str, lengths: LengthsShown) -> list[Row]:
    rows = [Row(name, option=LENGTH_LOOKS[name]), Row(f"median {number(lengths.quantiles[50])}")]
    return rows if lengths.mean is None else [*rows, Row(f"mean {number(lengths.mean)}")]


def _places_of_lengths(
    page: Page, axes: Axes, lines: Mapping[str, Array], blocks: Mapping[str, list[Row]], *, anywhere: bool = False
) -> dict[str, Box]:
    """Where the names of the lines go: the shorter lengths' on their left, the longer ones' on their right."""
    space = free_space(axes, LENGTH_PLOT, list(lines.values()))
    longest = max(lines, key=lambda name: float(lines[name][50, 0]))
    places = {}
    for name, rows in blocks.items():
        x, y = (float(place) for place in axes.transData.transform(lines[name][50]))
        beside = (x, LENGTH_PLOT.right) if name == longest else (LENGTH_PLOT.left, x)
        found = space.place(page.block_size(rows), (x, y), weights=(1.0, 0.4), between=None if anywhere else beside)
        if found is not None:
            places[name] = found
    return places


def _numbers(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values])


def _subtitles(shown: TrafficShown) -> list[str]:
    whole_day = shown.duration_s >= SECONDS_PER_DAY
    seconds, unit = (SECONDS_PER_DAY, "day") if whole_day else (1.0, "second")
    requests = f"{number(shown.requests_per_day / SECONDS_PER_DAY * seconds)} requests"
    tokens = shown.tokens_per_day
    amount = requests if tokens is None else f"{requests} and {number(tokens / SECONDS_PER_DAY * seconds)} tokens"
    volume = f"{amount} a {unit}"
    known = [window for window in shown.windows if window.peak_to_mean is not None]
    peak = ""
    if known:
        window = window_word(known[0].window_s)
        peak = f"; the busiest {window} has {number(known[0].peak_to_mean or math.nan)} x the mean"
    hours = shown.load_window_s == SECONDS_PER_HOUR
    busy = f", the busiest hour {number(float(shown.load_duration[0]))} x" if hours and peak else ""
    return [f"{volume}{peak}{busy}", f"{volume}{peak}", volume]
