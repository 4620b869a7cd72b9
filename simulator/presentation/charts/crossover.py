"""Cost of every option over volume, where they cross, and where the scenario stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.crossover_labels import (
    PLOT,
    OptionLine,
    mark_crossings,
    mark_own_volume,
    name_line_ends,
)
from simulator.presentation.numbers import distinct, linear_ticks, log_ticks
from simulator.presentation.page import Page
from simulator.presentation.placing import Box, FreeSpace
from simulator.presentation.theme import MOST_OPTIONS
from simulator.presentation.wording import answers, run_rate_note
from simulator.solving.study import INFEASIBLE, Study

LOG_FROM_RATIO = 10.0**1.5  # costs that span more than this are drawn on a logarithmic axis


def crossover_chart(study: Study, curve: pd.DataFrame, *, detail: pd.DataFrame | None = None) -> Figure:
    """Monthly cost of every option over volume, at run rate.

    Parameters
    ----------
    study : Study
        The answer: crossings, and the options at the scenario's own volume.
    curve : DataFrame
        Columns `tokens_per_month`, `requests_per_day`, `option`, `line`, `usd_per_month`; of the lines only `total` is
        drawn.
    detail : DataFrame, optional
        More rows of the same kind, e.g. just below and at every jump, so that risers of a staircase stand upright.

    Returns
    -------
    Figure
        A slide. The first axes hold the lines, in the order of the options.

    Raises
    ------
    ValueError
        If the curve holds no total of any option at a volume above 0.
    """
    with theme.style():
        page = Page()
        lines = _lines(study, curve, detail)
        axes = page.axes(PLOT)
        _scale(axes, lines)
        page.label_axes(axes, PLOT, ["Volume [tokens per month]"], ["Cost [USD per month]"])
        for line in lines:
            steps = {"drawstyle": "steps-post"} if line.is_staircase else {}
            axes.plot(
                line.tokens_per_month,
                line.usd_per_month,
                color=line.look.colour,
                linestyle=line.look.dashes,
                linewidth=line.look.width,
                label=line.name,
                solid_joinstyle="miter",
                zorder=4 if line.name == study.baseline else 3,
                **steps,  # type: ignore[arg-type]
            )
        _requests_axis(axes, curve)
        space = FreeSpace(Box(PLOT.left + 6, PLOT.bottom + 6, PLOT.right - 6, PLOT.top - 6))
        for line in lines:
            space.cover_line(axes.transData.transform(line.corners))
        mark_own_volume(page, axes, space, study, lines)
        mark_crossings(page, axes, space, study, lines)
        name_line_ends(page, axes, study, lines)
        page.heading(study.title, answers(study))
        page.footer(run_rate_note(study, _not_drawn(study, lines)))
    return page.figure


def _lines(study: Study, curve: pd.DataFrame, detail: pd.DataFrame | None) -> list[OptionLine]:
    table = curve if detail is None else pd.concat([curve, detail], ignore_index=True)
    totals = table[(table["line"] == "total") & (table["tokens_per_month"] > 0)]
    lines = []
    for place, name in enumerate(list(study.options)[:MOST_OPTIONS]):
        rows = totals[totals["option"] == name].drop_duplicates("tokens_per_month").sort_values("tokens_per_month")
        if len(rows):
            tokens = rows["tokens_per_month"].to_numpy(dtype=np.float64)
            lines.append(
                OptionLine(name, theme.option_style(place), tokens, rows["usd_per_month"].to_numpy(dtype=np.float64))
            )
    if not lines:
        raise ValueError("curve holds no line 'total' of a compared option at a volume above 0")
    return lines


def _scale(axes: Axes, lines: list[OptionLine]) -> None:
    tokens = np.concatenate([line.tokens_per_month for line in lines])
    low, high = float(tokens.min()), float(tokens.max())
    if low == high:
        low, high = low / 2, high * 2
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = log_ticks(low, high)
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_xticks([], minor=True)
    _cost_scale(axes, np.concatenate([line.usd_per_month for line in lines]))
    theme.clean_axes(axes)


def _cost_scale(axes: Axes, costs: Array) -> None:
    """Logarithmic where costs span much, with a zero at its foot where there are zeros; else linear from zero."""
    positive = costs[costs > 0]
    most = float(positive.max()) if positive.size else 1.0
    least = float(positive.min()) if positive.size else 1.0
    if most <= LOG_FROM_RATIO * least:
        axes.set_ylim(0.0, most * 1.1)
        ticks = linear_ticks(0.0, most * 1.1)
    elif positive.size == costs.size:
        axes.set_yscale("log")
        axes.set_ylim(least / 1.4, most * 1.4)
        ticks = log_ticks(least / 1.4, most * 1.4)
    else:
        threshold = 10.0 ** np.floor(np.log10(least))
        axes.set_yscale("symlog", linthresh=threshold, linscale=0.6)
        axes.set_ylim(-0.15 * threshold, most * 1.4)
        ticks = [0.0, *log_ticks(threshold, most * 1.4)]
    axes.set_yticks(ticks, distinct(ticks))
    axes.yaxis.set_minor_locator(NullLocator())


def _requests_axis(axes: Axes, curve: pd.DataFrame) -> None:
    some = curve[curve["tokens_per_month"] > 0].iloc[0]
    per_token = float(some["requests_per_day"] / some["tokens_per_month"])
    low, high = (end * per_token for end in axes.get_xlim())
    top = axes.twiny()
    top.set_xscale("log")
    top.set_xlim(low, high)
    ticks = log_ticks(low, high)
    top.set_xticks(ticks, distinct(ticks))
    top.set_xticks([], minor=True)
    top.set_xlabel("Volume [requests per day]", labelpad=8)
    top.tick_params(length=5, pad=4)
    top.spines["top"].set_visible(True)


def _not_drawn(study: Study, lines: list[OptionLine]) -> list[str]:
    """Options without a line and without a place in the column."""
    absent = [pair.challenger for pair in study.pairs.values() if pair.reason == INFEASIBLE]
    return [name for name in study.options if name not in {line.name for line in lines}] + absent[
        MOST_OPTIONS - len(lines) :
    ]
