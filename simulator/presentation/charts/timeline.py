"""Two weeks of demand, replicas, utilization and queue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.presentation import theme
from simulator.presentation.numbers import distinct, linear_ticks, number, percent, volume
from simulator.presentation.over_time_wording import marks_of
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import INK, SMALL, OptionStyle
from simulator.simulation.results import Ledger

SHOWN_DAYS = 14.0
MOST_POINTS = 2_000
MOST_FLEETS = 2
_MOST_TOLD = 3  # changes after the days that are drawn
_MARK_ROWS, _MARK_PITCH = 3, 22.0  # of what is written above the panels
_PANELS = ("Demand [tokens/s]", "Replicas [number]", "Utilization of ready replicas [%]", "Queue [tokens]")
_TOP, _BOTTOM, _GAP = 728.0, 112.0, 52.0  # of the panels, and the space between two of them
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TICK_SECONDS = (
    *(minutes * SECONDS_PER_MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * SECONDS_PER_HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * SECONDS_PER_DAY for days in (1, 2)),
)


@dataclass(frozen=True)
class Window:
    """What is drawn of a ledger: its first days, at most some thousand points. Arrays of shape (points,).

    Every point is the mean of some steps, but the queue their maximum; utilization is missing (NaN) where no replica is
    ready.
    """

    days: Array  # start of each point, since the start of the ledger
    demand_tokens_per_s: Array
    ready_replicas: Array
    billed_replicas: Array
    utilization_share: Array
    queued_tokens: Array
    waiting_tokens: Array | None = None  # of requests that can wait; None: there are none

    @property
    def most_queued_tokens(self) -> float:
        """The greatest queue, of either kind."""
        waiting = 0.0 if self.waiting_tokens is None else float(self.waiting_tokens.max())
        return max(float(self.queued_tokens.max()), waiting)


def timeline_chart(
    ledgers: Sequence[Ledger], *, days: float = SHOWN_DAYS, options: Sequence[str] | None = None
) -> Figure:
    """Demand, ready and billed replicas, utilization and queue of self-hosted options over the first days.

    Parameters
    ----------
    ledgers : sequence of Ledger
        Options simulated at one volume; the first two with a fleet are drawn.
    days : float
        How much of the horizon, from its start.
    options : sequence of str, optional
        Options in the order of the comparison, so that a fleet has the colour it has in other charts; left out: the
        fleets come right after the baseline.

    Returns
    -------
    Figure
        A slide of four panels, in the order demand, replicas, utilization, queue.

    Raises
    ------
    ValueError
        If no ledger has a fleet.
    """
    fleets = [ledger for ledger in ledgers if ledger.has_fleet][:MOST_FLEETS]
    if not fleets:
        raise ValueError(f"ledgers hold no fleet: {', '.join(ledger.option for ledger in ledgers) or 'there are none'}")
    with theme.style():
        page = Page()
        height = (_TOP - _BOTTOM - 3 * _GAP) / 4
        tops = [_TOP - place * (height + _GAP) for place in range(4)]
        panels = [page.axes(Box(LEFT + 96, top - height, RIGHT - 32, top)) for top in tops]
        windows = [window(ledger, days) for ledger in fleets]
        looks = [theme.option_style(place) for place in _places([ledger.option for ledger in fleets], options)]
        _demand(panels[0], windows[0])
        for shown, look in zip(windows, looks, strict=True):
            _fleet(panels[1:], shown, look)
        _scales(panels, windows)
        first = fleets[0]
        length_s = min(days * SECONDS_PER_DAY, first.arriving_tokens.size * first.step_s)
        _time_axes(panels, first.start, length_s)
        _marks(page, panels, fleets, length_s)
        _key(page, [ledger.option for ledger in fleets], looks, tops[1])
        page.heading(first.title, _subtitles(fleets, windows, length_s))
        page.footer(_footer(ledgers, fleets, windows[0], length_s))
    return page.figure


def _places(fleets: Sequence[str], options: Sequence[str] | None) -> list[int]:
    """Places of fleets in the comparison; the baseline's is 0."""
    order = list(options) if options is not None else []
    return [order.index(name) if name in order else place + 1 for place, name in enumerate(fleets)]


def window(ledger: Ledger, days: float = SHOWN_DAYS) -> Window:
    """The first days of a ledger, averaged over whole groups of steps to at most `MOST_POINTS` points."""
    steps = min(ledger.arriving_tokens.size, max(1, round(days * SECONDS_PER_DAY / ledger.step_s)))
    group = math.ceil(steps / MOST_POINTS)
    starts = np.arange(0, steps, group)
    counts = np.diff(np.append(starts, steps))

    def mean(values: Array) -> Array:
        return np.asarray(np.add.reduceat(values[:steps], starts) / counts, dtype=np.float64)

    def greatest(values: Array) -> Array:
        return np.asarray(np.maximum.reduceat(values[:steps], starts), dtype=np.float64)

    ready = mean(ledger.ready_replicas)
    capacity = mean(ledger.ready_replicas * (ledger.replica_tokens_per_s * ledger.step_s))
    with np.errstate(divide="ignore", invalid="ignore"):
        utilization = np.where(capacity > 0, mean(ledger.used_tokens) / capacity, np.nan)
    return Window(
        days=starts * (ledger.step_s / SECONDS_PER_DAY),
        demand_tokens_per_s=mean(ledger.arriving_tokens) / ledger.step_s,
        ready_replicas=ready,
        billed_replicas=mean(ledger.billed_replicas),
        utilization_share=utilization,
        queued_tokens=greatest(ledger.queued_tokens),
        waiting_tokens=None if ledger.deferred is None else greatest(ledger.deferred.waiting_tokens),
    )


def _demand(axes: Axes, shown: Window) -> None:
    axes.fill_between(shown.days, shown.demand_tokens_per_s, step="post", color="#d9d9d9", linewidth=0)
    axes.plot(shown.days, shown.demand_tokens_per_s, color=INK, linewidth=1.2, drawstyle="steps-post", label="demand")


def _fleet(panels: Sequence[Axes], shown: Window, look: OptionStyle) -> None:
    replicas, utilization, queue = panels
    replicas.fill_between(
        shown.days, shown.ready_replicas, shown.billed_replicas, step="post", color=look.colour, alpha=0.35, linewidth=0
    )
    replicas.plot(
        shown.days,
        shown.billed_replicas,
        color=look.colour,
        alpha=0.55,
        linewidth=0.9,
        drawstyle="steps-post",
        label="billed",
    )
    replicas.plot(
        shown.days, shown.ready_replicas, color=look.colour, linewidth=2.0, drawstyle="steps-post", label="ready"
    )
    utilization.plot(
        shown.days, 100.0 * shown.utilization_share, color=look.colour, linewidth=1.3, drawstyle="steps-post"
    )
    queue.plot(shown.days, shown.queued_tokens, color=look.colour, linewidth=1.3, drawstyle="steps-post")
    if shown.waiting_tokens is not None:
        queue.plot(shown.days, shown.waiting_tokens, color=look.colour, linewidth=1.1, linestyle=(0.0, (4.0, 1.6)))


def _scales(panels: Sequence[Axes], windows: Sequence[Window]) -> None:
    most = [
        max(float(shown.demand_tokens_per_s.max()) for shown in windows),
        max(float(np.maximum(shown.billed_replicas, shown.ready_replicas).max()) for shown in windows),
        100.0,
        max(shown.most_queued_tokens for shown in windows),
    ]
    names = list(_PANELS)
    if any(shown.waiting_tokens is not None for shown in windows):
        names[-1] = f"{names[-1]}, dashed: of requests that can wait"
    for axes, label, top in zip(panels, names, most, strict=True):
        axes.set_ylim(0.0, 1.08 * top if top > 0 else 1.0)
        ticks = linear_ticks(0.0, top, 5 if axes is panels[1] else 4, whole=axes is panels[1]) if top > 0 else [0.0]
        axes.set_yticks(ticks, distinct(ticks))
        axes.set_ylabel(label, rotation=0, ha="left", va="bottom", fontsize=SMALL, fontweight="bold")
        axes.yaxis.set_label_coords(0.0, 1.05)
        theme.clean_axes(axes)
        if top <= 0:
            axes.text(0.01, 0.5, "none at any time", transform=axes.transAxes, va="center", color=theme.FAINT)


def _time_axes(panels: Sequence[Axes], start: pd.Timestamp, length_s: float) -> None:
    ticks, labels = time_ticks(start, length_s)
    for axes in panels:
        axes.set_xlim(0.0, length_s / SECONDS_PER_DAY)
        axes.set_xticks(ticks, labels if axes is panels[-1] else [""] * len(ticks))
    panels[-1].set_xlabel("Date [UTC]", labelpad=6)


def time_ticks(start: pd.Timestamp, length_s: float, most: int = 8) -> tuple[list[float], list[str]]:
    """Ticks on round times, in days since the start, and their texts; the first of a day carries the date."""
    step_s = next((step for step in _TICK_SECONDS if length_s / step <= most), None)
    if step_s is None:
        step_s = SECONDS_PER_DAY * math.ceil(length_s / SECONDS_PER_DAY / most)
    midnight = start.normalize()
    offset_s = (start - midnight).total_seconds()
    places = np.arange(math.ceil(offset_s / step_s) * step_s, offset_s + length_s * (1 + 1e-9), step_s)
    times = [midnight + pd.Timedelta(seconds=float(place)) for place in places]
    labels = []
    for place, time in enumerate(times):
        date = f"{time.day} {_MONTHS[time.month - 1]}"
        if step_s >= SECONDS_PER_DAY:
            labels.append(f"{_WEEKDAYS[time.weekday()]} {date}")
        elif place == 0 or time.date() != times[place - 1].date():
            labels.append(f"{date} {time:%H:%M}")
        else:
            labels.append(f"{time:%H:%M}")
    return [float((place - offset_s) / SECONDS_PER_DAY) for place in places], labels


def _marks(page: Page, panels: Sequence[Axes], fleets: Sequence[Ledger], length_s: float) -> None:
    """A thin line through all panels where hardware or rent changes, and above them what does, where there is room."""
    step_s = fleets[0].step_s
    left, right, top = LEFT + 96, RIGHT - 32.0, _TOP + 7.0
    taken = [(0, left, left + page.text_width(_PANELS[0], bold=True) + 24)]
    for mark in marks_of(fleets):
        if mark.step * step_s >= length_s:
            break
        for axes in panels:
            axes.axvline(mark.step * step_s / SECONDS_PER_DAY, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        x = left + (right - left) * mark.step * step_s / length_s
        width = page.text_width(mark.text)
        begin = x if x + width <= right else max(right - width, left)
        free = [
            row
            for row in range(_MARK_ROWS)
            if not any(row == of and begin < end and begin + width > start for of, start, end in taken)
        ]
        if free and width <= right - left:
            page.write(begin, top + _MARK_PITCH * free[0], mark.text)
            taken.append((free[0], begin, begin + width + 12))


def _key(page: Page, names: Sequence[str], looks: Sequence[OptionStyle], top: float) -> None:
    """Names of the fleets with a piece of their line, at the right above the panel of the replicas."""
    right, y = RIGHT - 32.0, top + 14.0
    entries = [(page.cut(name, 260.0), look.colour, 3.0) for name, look in zip(names, looks, strict=True)]
    entries.append(("thin: those starting as well, as billed", INK, 0.9))
    for text, colour, width in reversed(entries):
        length = page.text_width(text)
        page.write(right - length, y, text)
        page.rule([(right - length - 44, y + 7), (right - length - 10, y + 7)], colour, width)
        right -= length + 70


def _subtitles(fleets: Sequence[Ledger], windows: Sequence[Window], length_s: float) -> list[str]:
    days = length_s / SECONDS_PER_DAY
    span = f"first {number(days)} days" if days > 1 else f"first {number(length_s / SECONDS_PER_HOUR)} hours"
    head = f"The {span} at {volume(fleets[0].tokens_per_month)} tokens a month"
    full, short = [], []
    for ledger, shown in zip(fleets, windows, strict=True):
        ready = shown.ready_replicas
        used = ready > 0
        mean = float((shown.utilization_share[used] * ready[used]).sum() / ready.sum()) if ready.any() else 0.0
        steps = round(length_s / ledger.step_s)
        arrived = float(ledger.arriving_tokens[:steps].sum())
        left = float((ledger.overflow_tokens + ledger.rejected_tokens)[:steps].sum())
        share = percent(left / arrived) if arrived > 0 else "0 %"
        where = "rejected" if ledger.rejected_tokens.any() else "to the API"
        most = number(float(ledger.ready_replicas[:steps].max()))
        short.append(f"{ledger.option}: at most {most} ready, {percent(mean)} used")
        full.append(f"{short[-1]}, {share} {where}")
    return [f"{head}. {'; '.join(full)}", f"{head}. {'; '.join(short)}", head]


def _footer(ledgers: Sequence[Ledger], fleets: Sequence[Ledger], shown: Window, length_s: float) -> str:
    step_s = fleets[0].step_s
    width_s = step_s if shown.days.size < 2 else float(shown.days[1] - shown.days[0]) * SECONDS_PER_DAY
    text = f"Steps of {number(step_s)} s."
    if width_s > 1.5 * step_s:
        text = f"Steps of {number(step_s)} s, drawn as means of {number(width_s)} s; the queue as their maximum."
    fleet_names = {ledger.option for ledger in fleets}
    left_out = [ledger.option for ledger in ledgers if ledger.option not in fleet_names and ledger.has_fleet]
    text += f" Not drawn: {', '.join(left_out)}." if left_out else ""
    return text + _later(fleets, length_s)


def _later(fleets: Sequence[Ledger], length_s: float) -> str:
    """What changes after the days that are drawn; where it is much, how often the rent does."""
    step_s = fleets[0].step_s
    later = [mark for mark in marks_of(fleets) if mark.step * step_s >= length_s]
    hardware = [mark for mark in later if mark.of_hardware]
    told = later if len(later) <= _MOST_TOLD else hardware[:_MOST_TOLD]
    texts = [f"{fleets[0].start + pd.Timedelta(seconds=mark.step * step_s):%Y-%m-%d} {mark.text}" for mark in told]
    if len(told) < len(later):
        texts.append(f"{len(later) - len(told)} other changes")
    return f" Later: {', '.join(texts)}." if texts else ""
