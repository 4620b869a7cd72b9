"""Break-even volume over one key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.heatmap import cell_word, value_texts
from simulator.presentation.numbers import distinct, key_labels, linear_ticks, log_ticks
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, spread
from simulator.presentation.theme import INK, NAME, PAPER

PLOT = Box(168.0, 130.0, 1320.0, 745.0)
STRIP = 38.0  # height of a row of marks for what has no volume
_FIRST = theme.option_style(3)
_SETTLED = theme.option_style(1)
_MARKS = {"never": "x", "infeasible": "+", "always": "^", "not settled": "d"}


def line_chart(
    x: Sequence[object],
    first: Sequence[float | None],
    settled: Sequence[float | None],
    key: str,
    title: str,
    status: Sequence[str | None],
) -> Figure:
    """First and settled break-even volume over the values of one key.

    Parameters
    ----------
    x : sequence of n numbers or texts
        Values of the key.
    first, settled : sequences of n floats
        Volumes; None or NaN where there is none. [tokens per month]
    key : str
        Dotted key.
    title : str
        Headline.
    status : sequence of n str
        `never`, `infeasible`, `always` or another word where there is no settled volume, empty or `settled` where
        there is.

    Returns
    -------
    Figure
        A slide. The first axes hold the lines settled, first; what has no settled volume is marked in rows above them.

    Raises
    ------
    ValueError
        If the sequences are empty or differ in length.
    """
    lengths = {len(x), len(first), len(settled), len(status)}
    if len(lengths) != 1 or not x:
        raise ValueError(
            f"x, first, settled and status have {sorted(lengths)} values; must be as many, and at least one"
        )
    firsts, settles = _volumes(first), _volumes(settled)
    words = [cell_word(text, volume) for text, volume in zip(status, settles, strict=True)]
    settles = np.where(np.array(words) == "", settles, np.nan)
    kinds = sorted({word for word in words if word})
    with theme.style():
        page = Page()
        top = PLOT.top - STRIP * len(kinds) - (14 if kinds else 0)
        plot = Box(PLOT.left, PLOT.bottom, PLOT.right, top)
        axes = page.axes(plot)
        places = _value_axis(page, axes, x)
        _volume_axis(axes, np.concatenate([firsts, settles]))
        order = np.argsort(places, kind="stable")
        _draw(axes, places[order], firsts[order], settles[order])
        for row, word in enumerate(kinds):
            _strip(page, axes, places[[one == word for one in words]], word, top + 14 + STRIP * row)
        _name_lines(page, axes, firsts[order], settles[order], top)
        page.label_axes(axes, plot, key_labels(key), ["Break-even volume [tokens per month]"])
        page.heading(title, ["Volume at which the challenger first pays, and from which it pays for good, at run rate"])
        page.footer(
            "Marks above the lines: there is no such volume. A month is 730 h." if kinds else "A month is 730 h."
        )
    return page.figure


def _volumes(values: Sequence[float | None]) -> Array:
    volumes = np.array([np.nan if value is None else float(value) for value in values])
    return np.where(np.isfinite(volumes) & (volumes > 0), volumes, np.nan)


def _value_axis(page: Page, axes: Axes, x: Sequence[object]) -> Array:
    """Scale and ticks of the key's values; where each stands."""
    numeric = all(
        isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) for value in x
    )
    if not numeric:
        texts = value_texts(x)
        places = np.arange(len(x), dtype=np.float64)
        axes.set_xlim(-0.5, len(x) - 0.5)
        step = PLOT.width / len(x)
        texts = [page.cut(text, max(step, 120.0) - 10) for text in texts]
        every = int(np.ceil((max(page.text_width(text) for text in texts) + 10) / step))
        axes.set_xticks(list(places[::every]), texts[::every])
        return places
    places = np.array([float(value) for value in x])  # type: ignore[arg-type]
    low, high = float(places.min()), float(places.max())
    if low > 0 and high > 10**1.5 * low:
        axes.set_xscale("log")
        reach = (high / low) ** 0.03
        axes.set_xlim(low / reach, high * reach)
        ticks = log_ticks(low / reach, high * reach)
    else:
        reach = 0.03 * (high - low) or abs(high) * 0.5 or 1.0
        axes.set_xlim(low - reach, high + reach)
        ticks = linear_ticks(low - reach, high + reach, 8)
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_xticks([], minor=True)
    return places


def _volume_axis(axes: Axes, volumes: Array) -> None:
    finite = volumes[np.isfinite(volumes)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1e8, 1e10)
    reach = max((high / low) ** 0.08, 1.15)
    axes.set_yscale("log")
    axes.set_ylim(low / reach, high * reach)
    ticks = log_ticks(low / reach, high * reach) if finite.size else []
    axes.set_yticks(ticks, distinct(ticks) if ticks else [])
    axes.set_yticks([], minor=True)
    theme.clean_axes(axes)
    if not finite.size:
        axes.text(0.5, 0.5, "no value has a break-even volume", transform=axes.transAxes, ha="center", size=NAME)


def _draw(axes: Axes, places: Array, firsts: Array, settles: Array) -> None:
    axes.fill_between(places, firsts, settles, color=_SETTLED.colour, alpha=0.1, linewidth=0)
    for volumes, look, label in ((settles, _SETTLED, "for good"), (firsts, _FIRST, "first")):
        axes.plot(
            places, volumes, label=label, zorder=3 if label == "for good" else 4,
            color=look.colour, linestyle=look.dashes, linewidth=look.width,
            marker=look.marker, markersize=7, markeredgecolor=PAPER, markeredgewidth=0.8,
        )  # fmt: skip


def _strip(page: Page, axes: Axes, places: Array, word: str, bottom: float) -> None:
    """A row of marks above the lines, named at its right end."""
    row = page.axes(Box(PLOT.left, bottom, PLOT.right, bottom + STRIP - 6))
    row.set_xscale(axes.get_xscale())
    row.set_xlim(axes.get_xlim())
    row.set_ylim(-1, 1)
    row.set_facecolor("#f1f1f1")
    row.set_yticks([])
    row.set_xticks([])
    row.set_xticks([], minor=True)
    for spine in row.spines.values():
        spine.set_visible(False)
    row.plot(
        places,
        np.zeros(places.size),
        marker=_MARKS.get(word, "o"),
        color=INK,
        linestyle="none",
        markersize=8,
        label=word,
    )
    page.write(PLOT.right + 20, bottom + (STRIP - 6) / 2, page.cut(word, RIGHT - PLOT.right - 20), at="center")


def _name_lines(page: Page, axes: Axes, firsts: Array, settles: Array, top: float) -> None:
    """The lines named at their right ends; one name where they end in one point."""
    named = ((settles, "pays for good", _SETTLED), (firsts, "first pays", _FIRST))
    ends = [
        (float(volumes[np.isfinite(volumes)][-1]), text, look)
        for volumes, text, look in named
        if np.isfinite(volumes).any()
    ]
    if np.array_equal(firsts, settles, equal_nan=True) and ends:
        ends = [(ends[0][0], "first and for good", _SETTLED)]
    ends.sort(key=lambda end: -end[0])
    rows = [[Row(text, size=NAME, option=look)] for _, text, look in ends]
    heights = [page.block_size(row)[1] + 4 for row in rows]
    wanted = [
        float(axes.transData.transform((axes.get_xlim()[1], usd))[1]) + rows[0][0].height * 0.41 for usd, _, _ in ends
    ]
    for row, upper in zip(rows, spread(wanted, heights, PLOT.bottom, top), strict=True):
        page.block(PLOT.right + 16, upper, row)
