"""A sweep over the size of a base: what it costs at the scenario's own volume, and below it the break-even volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.panels import panel
from simulator.presentation.key_values import value_texts
from simulator.presentation.numbers import distinct, key_labels, linear_ticks, log_ticks, whole_usd
from simulator.presentation.page import Page, Row
from simulator.presentation.placing import Box, spread
from simulator.presentation.theme import INK, NAME, PAPER, OptionStyle

COST = Box(124.0, 390.0, 1320.0, 715.0)
VOLUME = Box(124.0, 130.0, 1320.0, 310.0)
SIZES = ("autoscaling.count", "owned.nodes", "reserved.replicas")  # keys of the size of a base

Line = tuple[Array, str, OptionStyle]


def is_size_of_a_base(key: str) -> bool:
    """Whether a dotted key is the size of a base, so that the cost over it has a minimum worth seeing."""
    return key.endswith(SIZES)


def base_sweep_chart(rows: pd.DataFrame, key: str, title: str) -> Figure:
    """Cost at the scenario's own volume over the size of a base, and the break-even volumes.

    Parameters
    ----------
    rows : DataFrame
        Tidy rows of one challenger; points without a cost leave a gap.
    key : str
        Dotted key of the size; a column of the rows.
    title : str
        Headline.

    Returns
    -------
    Figure
        A slide. The first axes hold the cost of the challenger, of the baseline, and the mark of the least; the second
        the volumes from which the challenger pays for good, and first.
    """
    with theme.style():
        page = Page()
        places, ticks, texts = _places(rows[key].tolist())
        ours, theirs = _column(rows, "usd_per_month"), _column(rows, "baseline_usd_per_month")
        look, other = theme.option_style(1), theme.option_style(0)
        names = [_name(rows, "option"), _name(rows, "baseline")]
        cost = panel(page, COST, "Cost at the scenario's own volume [USD per month]", "")
        _draw(cost, places, [(ours, names[0], look), (theirs, names[1], other)])
        top = 1.12 * float(np.nanmax(np.concatenate([ours, theirs, [0.0]])) or 1.0)
        cost.set_ylim(0.0, top)
        heights = linear_ticks(0.0, top)
        cost.set_yticks(heights, distinct(heights))
        _name_ends(page, cost, COST, [(ours, names[0], look), (theirs, names[1], other)])
        subtitle = _mark_least(cost, places, ours, rows[key].tolist(), key)
        volume = panel(page, VOLUME, "Break-even volume [tokens per month]", "")
        first, settled = _column(rows, "first_tokens_per_month"), _column(rows, "settled_tokens_per_month")
        volumes = _as_one(
            [(settled, "pays for good", theme.option_style(1)), (first, "first pays", theme.option_style(3))]
        )
        _draw(volume, places, volumes)
        _volume_axis(volume, np.concatenate([first, settled]))
        _name_ends(page, volume, VOLUME, volumes)
        for axes in (cost, volume):
            reach = max(0.5, 0.02 * float(np.ptp(places)))
            axes.set_xlim(places.min() - reach, places.max() + reach)
            axes.set_xticks(ticks, texts if axes is volume else [])
            theme.clean_axes(axes)
        volume.set_xlabel(page.first_that_fits(key_labels(key), VOLUME.width, NAME), labelpad=9)
        page.heading(title, [subtitle])
        page.footer("Run rate. A month is 730 h.")
    return page.figure


def _column(rows: pd.DataFrame, name: str) -> Array:
    """A column as numbers; what is missing, or 0 where it is a volume, is not a number."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    values = pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def _name(rows: pd.DataFrame, column: str) -> str:
    return str(rows[column].dropna().iloc[0])


def _places(values: Sequence[object]) -> tuple[Array, list[float], list[str]]:
    """Where each size stands, and ticks; the words among them, as `auto`, stand right of the numbers."""
    texts = value_texts(values)
    numbers = [float(value) if isinstance(value, int | float | np.number) else np.nan for value in values]
    places = np.array(numbers)
    words = np.flatnonzero(np.isnan(places))
    greatest = float(np.nanmax(places)) if words.size < places.size else -1.0
    apart = max(1.0, 0.08 * (greatest - float(np.nanmin(places)))) if words.size < places.size else 1.0
    places[words] = greatest + apart * np.arange(1, words.size + 1)
    given = np.setdiff1d(np.arange(places.size), words)
    ticks = linear_ticks(float(places[given].min()), float(greatest), 14, whole=True) if given.size > 1 else []
    ticks = ticks or list(places[given])
    return places, [*ticks, *places[words]], [*distinct(ticks), *(texts[place] for place in words)]


def _draw(axes: Axes, places: Array, lines: Sequence[Line]) -> None:
    order = np.argsort(places, kind="stable")
    for values, label, look in lines:
        axes.plot(
            places[order], values[order], label=label, color=look.colour, linestyle=look.dashes, linewidth=look.width,
            marker=look.marker, markersize=6.5, markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3,
        )  # fmt: skip


def _mark_least(axes: Axes, places: Array, usd: Array, values: Sequence[object], key: str) -> str:
    """A ring around the least cost, and what it says."""
    if not np.isfinite(usd).any():
        return "No point of the sweep has a cost"
    best = int(np.nanargmin(usd))
    axes.plot(
        [places[best]], [usd[best]], marker="o", markersize=15, markerfacecolor="none", markeredgecolor=INK,
        markeredgewidth=2.6, linestyle="none", zorder=5, label="least",
    )  # fmt: skip
    return f"Cheapest at {key.rsplit('.', 1)[-1]} {values[best]}: {whole_usd(float(usd[best]))} a month"


def _volume_axis(axes: Axes, volumes: Array) -> None:
    finite = volumes[np.isfinite(volumes)]
    if not finite.size:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no size has a break-even volume", transform=axes.transAxes, ha="center", size=NAME)
        return
    low, high = float(finite.min()) / 1.2, float(finite.max()) * 1.2
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = log_ticks(low, high, 5)
    axes.set_yticks(ticks, distinct(ticks))
    axes.set_yticks([], minor=True)


def _as_one(lines: list[Line]) -> list[Line]:
    """The two lines of volumes, or one name where they are one line."""
    if np.array_equal(lines[0][0], lines[1][0], equal_nan=True):
        return [(lines[0][0], "first and for good", lines[0][2])]
    return lines


def _name_ends(page: Page, axes: Axes, box: Box, lines: Sequence[Line]) -> None:
    """The lines named at their right ends."""
    drawn = [(values[np.isfinite(values)], text, look) for values, text, look in lines]
    ends = sorted(((float(values[-1]), text, look) for values, text, look in drawn if values.size), key=lambda e: -e[0])
    rows = [[Row(page.cut(text, 220.0, NAME), size=NAME, option=look)] for _, text, look in ends]
    heights = [page.block_size(row)[1] + 4 for row in rows]
    wanted = [float(axes.transData.transform((0.0, end[0]))[1]) + 14.0 for end in ends]
    for row, upper in zip(rows, spread(wanted, heights, box.bottom, box.top + 14), strict=True):
        page.block(box.right + 16, upper, row)
