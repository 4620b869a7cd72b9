"""Money spent on two options over the horizon, when an outlay is paid back, and the cost of switching too soon or
late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.panels import put_paper
from simulator.presentation.numbers import distinct, linear_ticks
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, FreeSpace, spread
from simulator.presentation.theme import INK, NAME, PAPER
from simulator.solving.horizon import Cash, OverTime
from simulator.solving.switching import Switching

SPENT = Box(168.0, 422.0, 1300.0, 738.0)
REGRET = Box(168.0, 148.0, 1300.0, 318.0)
_STEPS_OF_MONTHS = (1, 2, 3, 6, 12, 24)
_MOST_TICKS = 8
_REGRET_COLOUR = theme.option_style(3).colour


def cumulative_chart(title: str, path: OverTime, switch: Switching, sentences: Sequence[str]) -> Figure:
    """Cash spent so far on baseline and challenger, paybacks marked, above the regret of each month of a switch.

    Parameters
    ----------
    title : str
        Of the scenario.
    path, switch : OverTime and Switching
        The pair.
    sentences : sequence of str
        The answer in words; as many of them as fit stand below the title.

    Returns
    -------
    Figure
        A slide of two axes. The first holds the lines of baseline and challenger, then a marker for each change; the
        second the regret by month.
    """
    with theme.style():
        page = Page()
        axes = page.axes(SPENT)
        lines = [_spent(cash, path.ends_months) for cash in (path.baseline_cash, path.challenger_cash)]
        names = (path.baseline, path.challenger)
        for place, (name, (months, usd)) in enumerate(zip(names, lines, strict=True)):
            look = theme.option_style(place)
            axes.plot(months, usd, label=name, color=look.colour, linestyle=look.dashes, linewidth=look.width, zorder=3)
        _scales(axes, path, np.concatenate([usd for _, usd in lines]))
        page.write(SPENT.left, SPENT.top + 15, "Spent so far, hardware at its price [USD]", bold=True)
        _mark_changes(page, axes, path, lines)
        _name_ends(page, axes, [(name, float(usd[-1])) for name, (_, usd) in zip(names, lines, strict=True)])
        _regret(page, path, switch)
        page.heading(title, [" ".join(sentences[:count]) for count in range(len(sentences), 0, -1)])
        discounted = " Regret is discounted to the start." if switch.is_discounted else ""
        page.footer(f"Bill months of 730 h from {path.month_starts[0]:%Y-%m-%d}.{discounted}")
    return page.figure


def _spent(cash: Cash, ends: Array) -> tuple[Array, Array]:
    """Corners of the sum of all cash: times, and what was spent until then."""
    starts = np.concatenate(([0.0], ends[:-1]))
    times = np.column_stack((starts, starts, ends)).ravel()
    steps = np.column_stack((np.zeros(ends.size), cash.at_starts_usd, cash.through_usd)).ravel()
    return times, np.cumsum(steps)


def _scales(axes: Axes, path: OverTime, spent: Array) -> None:
    month_axis(axes, path)
    top = 1.08 * float(spent.max(initial=0.0)) or 1.0
    axes.set_ylim(min(0.0, float(spent.min(initial=0.0))), top)
    ticks = linear_ticks(axes.get_ylim()[0], top, 6)
    axes.set_yticks(ticks, distinct(ticks))
    theme.clean_axes(axes)


def month_axis(axes: Axes, path: OverTime) -> None:
    """Months since the start, with the day on which each bill month begins below."""
    end = float(path.ends_months[-1])
    axes.set_xlim(0.0, end)
    step = next((step for step in _STEPS_OF_MONTHS if end / step <= _MOST_TICKS), _STEPS_OF_MONTHS[-1])
    ticks = range(0, path.ends_months.size, step)
    starts = [path.month_starts[tick] for tick in ticks]
    texts = [f"{tick}\n{start.day} {start:%b %Y}" for tick, start in zip(ticks, starts, strict=True)]
    axes.set_xticks(ticks, texts)
    axes.set_xticks([], minor=True)


def _mark_changes(page: Page, axes: Axes, path: OverTime, lines: Sequence[tuple[Array, Array]]) -> None:
    """A ring where both sums are equal, with its month."""
    space = FreeSpace(Box(SPENT.left + 6, SPENT.bottom + 6, SPENT.right - 6, SPENT.top - 6))
    for months, usd in lines:
        space.cover_line(axes.transData.transform(np.column_stack((months, usd))))
    months, usd = lines[0]
    for change in path.changes:
        spent = float(np.interp(change.months, months, usd))
        axes.plot(
            change.months, spent, marker="o", markersize=11, markerfacecolor=PAPER,
            markeredgecolor=INK, markeredgewidth=2.2, linestyle="none", zorder=5,
        )  # fmt: skip
        x, y = (float(part) for part in axes.transData.transform((change.months, spent)))
        space.cover_box(Box(x - 8, y - 8, x + 8, y + 8))
        word = "paid back" if change.into == "ahead" else "undone"
        rows = [Row(f"{word}: month {change.whole_months}", size=NAME, bold=True)]
        box = space.place(page.block_size(rows), (x - 60, y + 40))
        if box is not None:
            put_paper(page, box)
            page.block(box.left, box.top, rows)


def _name_ends(page: Page, axes: Axes, ends: list[tuple[str, float]]) -> None:
    rows = [
        (usd, [Row(page.cut(name, RIGHT - SPENT.right - 40, NAME), size=NAME, option=theme.option_style(place))])
        for place, (name, usd) in enumerate(ends)
    ]
    rows.sort(key=lambda row: -row[0])
    heights = [page.block_size(row)[1] + 4 for _, row in rows]
    right = axes.get_xlim()[1]
    wanted = [float(axes.transData.transform((right, usd))[1]) + row[0].height * 0.41 for usd, row in rows]
    for (_, row), top in zip(rows, spread(wanted, heights, SPENT.bottom, SPENT.top), strict=True):
        page.block(SPENT.right + 16, top, row)


def _regret(page: Page, path: OverTime, switch: Switching) -> None:
    """What a switch at the start of each month costs more than the best one."""
    axes = page.axes(REGRET)
    months = np.arange(path.ends_months.size, dtype=np.float64)
    regret = switch.regret_usd
    axes.plot(
        months, regret[:-1], color=_REGRET_COLOUR, linewidth=2.4, marker="o", markersize=5, zorder=3, clip_on=False
    )
    month_axis(axes, path)
    axes.axhline(float(regret[-1]), color=INK, linewidth=1.2, linestyle=(0.0, (4.0, 3.0)), zorder=2)
    top = 1.12 * float(regret.max(initial=0.0)) or 1.0
    axes.set_ylim(0.0, top)
    ticks = linear_ticks(0.0, top, 4)
    axes.set_yticks(ticks, distinct(ticks))
    theme.clean_axes(axes)
    axes.set_xlabel("Months after the start", labelpad=5)
    page.write(
        REGRET.left, REGRET.top + 15, "Regret: cost of switching in this month more than in the best [USD]", bold=True
    )
    y = float(axes.transData.transform((0.0, float(regret[-1])))[1])
    page.write(REGRET.right + 16, y, "never to switch", at="center")
