"""Break-even volume over calendar time, beside the path of the demand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.cumulative import month_axis
from simulator.presentation.numbers import distinct, log_ticks
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, spread
from simulator.presentation.theme import NAME, PAPER
from simulator.solving.calendar_volumes import VolumesOverTime
from simulator.solving.horizon import OverTime

PLOT = Box(168.0, 148.0, 1300.0, 760.0)
_SETTLED, _DEMAND = theme.option_style(1), theme.option_style(0)


def calendar_volume_chart(title: str, subtitles: Sequence[str], path: OverTime, volumes: VolumesOverTime) -> Figure:
    """Settled break-even volume at the prices of each month, and the demand of that month.

    Parameters
    ----------
    title, subtitles : str and sequence of str
        Of the scenario, and the answer in words, from the fullest to the shortest.
    path : OverTime
        The pair over the horizon, for its months.
    volumes : VolumesOverTime
        What is drawn.

    Returns
    -------
    Figure
        A slide whose axes hold the break-even volume, then the demand. A month without a settled volume is a gap.
    """
    settled = np.where(volumes.settled > 0, volumes.settled, np.nan)
    demand = volumes.demand_tokens_per_month
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        lines = (("break-even", settled, _SETTLED), ("demand", demand, _DEMAND))
        for name, tokens, look in lines:
            axes.plot(
                volumes.months, tokens, label=name, color=look.colour, linestyle=look.dashes, linewidth=look.width,
                marker=look.marker, markersize=6, markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3, clip_on=False,
            )  # fmt: skip
        month_axis(axes, path)
        _volume_axis(axes, np.concatenate([settled, demand]))
        axes.set_xlabel("Months after the start", labelpad=5)
        axes.set_ylabel("Volume [tokens per month]")
        axes.yaxis.set_label_coords((60.0 - PLOT.left) / PLOT.width, 0.5)
        ends = [(float(tokens[np.isfinite(tokens)][-1]), name, look) for name, tokens, look in lines if _any(tokens)]
        _name_ends(page, axes, ends)
        page.heading(title, subtitles)
        page.footer("Break-even at run rate, at the prices of the first day of each bill month. A month is 730 h.")
    return page.figure


def _any(tokens: Array) -> bool:
    return bool(np.isfinite(tokens).any())


def _volume_axis(axes: Axes, tokens: Array) -> None:
    finite = tokens[np.isfinite(tokens) & (tokens > 0)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1e8, 1e10)
    reach = max((high / low) ** 0.08, 1.3)
    axes.set_yscale("log")
    axes.set_ylim(low / reach, high * reach)
    ticks = log_ticks(low / reach, high * reach)
    axes.set_yticks(ticks, distinct(ticks))
    axes.set_yticks([], minor=True)
    theme.clean_axes(axes)


def _name_ends(page: Page, axes: Axes, ends: list[tuple[float, str, theme.OptionStyle]]) -> None:
    ends.sort(key=lambda end: -end[0])
    rows = [[Row(page.cut(name, RIGHT - PLOT.right - 40, NAME), size=NAME, option=look)] for _, name, look in ends]
    heights = [page.block_size(row)[1] + 4 for row in rows]
    right = axes.get_xlim()[1]
    wanted = [
        float(axes.transData.transform((right, tokens))[1]) + row[0].height * 0.41
        for (tokens, _, _), row in zip(ends, rows, strict=True)
    ]
    for row, top in zip(rows, spread(wanted, heights, PLOT.bottom, PLOT.top), strict=True):
        page.block(PLOT.right + 16, top, row)
