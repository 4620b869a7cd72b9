"""Settled break-even of every point over the strongest key, the other keys whatever they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.line import framed
from simulator.presentation.page import Page, Row
from simulator.presentation.theme import NAME

MOST_DOTS = 2_000
_DOTS, _MEDIAN = theme.option_style(1), theme.option_style(3)


def scatter_chart(
    places: Array,
    settled: Array,
    words: Sequence[str],
    medians: tuple[Array, Array],
    texts: Sequence[str],
    labels: Sequence[str],
    title: str,
    subtitle: str,
    footer: str,
) -> Figure:
    """A dot a point, and the median of the points at each value of the key.

    Parameters
    ----------
    places : array of shape (n,)
        Value of the key at each point, or, where there are texts, which of these.
    settled : array of shape (n,)
        NaN where there is none. [tokens per month]
    words : sequence of n str
        As `never` where there is no volume, empty where there is.
    medians : two arrays of shape (classes,)
        Where they stand among the places, and median volumes there, infinite where half of the points have none.
    texts : sequence of str
        Values that are no numbers; empty where they are.
    labels : sequence of str
        Names of the key, from the fullest to the shortest.
    title, subtitle, footer : str
        What the slide says.

    Returns
    -------
    Figure
        A slide. The first axes hold the dots, and the line of the medians; above them rows of marks for what has no
        volume.
    """
    with theme.style():
        page = Page()
        axes, plot = framed(page, places, settled, words, texts)
        axes.plot(
            places, settled, label="points", linestyle="none", marker="o", markersize=5, color=_DOTS.colour,
            markeredgewidth=0, alpha=0.55 if len(places) < 500 else 0.3,
        )  # fmt: skip
        _draw_medians(page, axes, medians, plot.right)
        page.label_axes(axes, plot, labels, ["Break-even for good [tokens per month]"])
        page.heading(title, [subtitle])
        page.footer(footer)
    return page.figure


def _draw_medians(page: Page, axes: Axes, medians: tuple[Array, Array], right: float) -> None:
    """The line of the medians, named at its right end; broken where the median point has no volume."""
    at, volumes = medians
    shown = np.where(np.isfinite(volumes) & (volumes > 0), volumes, np.nan)
    axes.plot(
        at, shown, label="median", color=_MEDIAN.colour, linestyle=_MEDIAN.dashes, linewidth=_MEDIAN.width,
        marker=_MEDIAN.marker, markersize=8, markeredgecolor=theme.PAPER, markeredgewidth=0.8, zorder=4,
    )  # fmt: skip
    finite = shown[np.isfinite(shown)]
    if finite.size:
        y = float(axes.transData.transform((axes.get_xlim()[1], finite[-1]))[1])
        row = Row("median point", size=NAME, option=_MEDIAN)
        page.block(right + 16, y + row.height * 0.41, [row])
