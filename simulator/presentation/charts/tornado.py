"""One uncertain input at a time: what each does to the difference in cost, and to the break-even."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simulator.presentation import theme
from simulator.presentation.numbers import distinct, linear_ticks, number, volume
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.sensitivity_wording import names_of_key, tornado_sentences
from simulator.presentation.theme import BODY, FAINT, INK, NAME
from simulator.solving.sensitivity import Sensitivity

PLOT = Box(560.0, 122.0, 1190.0, 700.0)
MOST_INPUTS = 14
_LOW, _HIGH = "#56b4e9", "#d55e00"


def tornado_chart(sensitivity: Sensitivity, title: str) -> Figure:
    """Bars from each input's p10 to its p90, all others at their medians, the strongest input at the top.

    Parameters
    ----------
    sensitivity : Sensitivity
        Of one challenger.
    title : str
        Headline.

    Returns
    -------
    Figure
        A slide. The first axes hold two bars an input: from the difference at the medians to the one at p10, and to
        the one at p90 [USD per month].
    """
    table = sensitivity.tornado.iloc[:MOST_INPUTS]
    with theme.style():
        page = Page()
        bottom = max(PLOT.bottom, PLOT.top - 76.0 * len(table) - 20)
        plot = Box(PLOT.left, bottom, PLOT.right, PLOT.top)
        axes = page.axes(plot)
        middle = sensitivity.difference_usd_per_month
        _bars(page, axes, table, middle, plot)
        _columns(page, table, plot)
        axes.set_xlabel(
            page.cut(f"{sensitivity.challenger} minus {sensitivity.baseline} [USD per month]", plot.width + 150, NAME),
            labelpad=9,
        )
        page.heading(title, tornado_sentences(sensitivity))
        page.footer(
            "One input at a time at its p10 and p90, the others at their medians; at the own volume, run rate. "
            + (f"{len(sensitivity.tornado) - len(table)} weaker inputs are in tornado.csv."
               if len(sensitivity.tornado) > len(table) else "")
        )  # fmt: skip
    return page.figure


def _bars(page: Page, axes: Axes, table: pd.DataFrame, middle: float, plot: Box) -> None:
    values = np.append(table[["difference_at_p10", "difference_at_p90"]].to_numpy(dtype=np.float64).ravel(), middle)
    finite = np.append(values[np.isfinite(values)], 0.0)
    low, high = float(finite.min()), float(finite.max())
    reach = 0.06 * (high - low) or 1.0
    axes.set_xlim(low - reach, high + reach)
    axes.set_ylim(len(table) - 0.5, -0.5)
    ticks = linear_ticks(low - reach, high + reach, 6)
    axes.set_xticks(ticks, distinct(ticks))
    theme.clean_axes(axes, grid="x")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    start = middle if math.isfinite(middle) else 0.0
    for column, colour in (("difference_at_p10", _LOW), ("difference_at_p90", _HIGH)):
        ends = table[column].fillna(start).to_numpy(dtype=np.float64)
        label = "at its p10" if column.endswith("p10") else "at its p90"
        axes.barh(range(len(table)), ends - start, left=start, height=0.5, color=colour, label=label, zorder=3)
    axes.axvline(start, color=INK, linewidth=1.4, zorder=4)
    axes.axvline(0.0, color=FAINT, linewidth=1.4, linestyle=(0, (4, 2)), zorder=4)
    for place, row in enumerate(table.itertuples()):
        y = plot.top - plot.height * (place + 0.5) / len(table)
        width = PLOT.left - LEFT - 24
        name = page.first_that_fits(names_of_key(str(row.key)), width, BODY)
        page.write(LEFT, y + 9, name, size=BODY, at="center")
        values_text = f"{number(row.p10)} to {number(row.p90)}, median {number(row.p50)}"  # type: ignore[arg-type]
        page.write(LEFT, y - 13, page.cut(values_text, width), colour=FAINT, at="center")
    for place, (text, colour) in enumerate((("input at its p10", _LOW), ("at its p90", _HIGH))):
        x = plot.left + 212.0 * place
        axes.figure.add_artist(_patch(x, plot.top + 22, colour))
        page.write(x + 26, plot.top + 28, text, at="center")
    page.write(plot.right, plot.top + 28, "dashed: costs are equal", colour=FAINT, align="right", at="center")


def _patch(x: float, y: float, colour: str) -> Rectangle:
    return Rectangle((x / theme.WIDTH, y / theme.HEIGHT), 18 / theme.WIDTH, 12 / theme.HEIGHT, color=colour)


def _columns(page: Page, table: pd.DataFrame, plot: Box) -> None:
    """Settled break-even at both ends of each input, at the right."""
    left = PLOT.right + 40
    page.write(left, plot.top + 28, "Break-even for good", bold=True, at="center")
    for place, row in enumerate(table.itertuples()):
        y = plot.top - plot.height * (place + 0.5) / len(table)
        ends = " to ".join(dict.fromkeys(_volume(end) for end in (row.settled_at_p10, row.settled_at_p90)))  # type: ignore[arg-type]
        page.write(left, y, page.cut(ends, RIGHT - left, BODY), size=BODY, at="center")


def _volume(tokens_per_month: float) -> str:
    if math.isinf(tokens_per_month):
        return "never"
    return "always" if tokens_per_month == 0 else volume(tokens_per_month)
