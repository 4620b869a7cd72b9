"""Cost of two options over one key, and where they cross."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.panels import put_paper
from simulator.presentation.numbers import distinct, key_labels, linear_ticks, log_ticks, number
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, FreeSpace, spread
from simulator.presentation.theme import FAINT, INK, NAME, PAPER
from simulator.solving.key_crossings import KeySolution

PLOT = Box(168.0, 120.0, 1300.0, 770.0)
_SHOWN_FACTOR = 8.0  # below and above the crossings and today's value, of a range that is searched much further
_SHOWN_COST = 3.0  # times the cost at the crossings and today's value: what is dearer leaves the axes
_MOST_LABELS = 6


def key_costs_chart(found: KeySolution, subtitle: str) -> Figure:
    """Monthly cost of baseline and challenger over the values tried, crossings marked.

    Parameters
    ----------
    found : KeySolution
        The answer.
    subtitle : str
        It in words.

    Returns
    -------
    Figure
        A slide. The first axes hold the lines of baseline and challenger, then a marker for each crossing.
    """
    values, costs = _points(found)
    low, high = _shown(found)
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        seen = (values >= low) & (values <= high)
        _scale(axes, found, low, high)
        _cost_scale(axes, found, costs[:, seen])
        looks = [theme.option_style(place) for place in (0, 1)]
        names = (found.baseline, found.challenger)
        for name, usd, look in zip(names, costs, looks, strict=True):
            axes.plot(values, usd, label=name, color=look.colour, linestyle=look.dashes, linewidth=look.width, zorder=3)
        page.label_axes(axes, PLOT, key_labels(found.key), ["Cost [USD per month]"])
        space = FreeSpace(Box(PLOT.left + 6, PLOT.bottom + 6, PLOT.right - 6, PLOT.top - 6))
        for usd in costs:
            drawn = axes.transData.transform(np.column_stack((values[seen], usd[seen])))
            space.cover_line(np.clip(drawn, [PLOT.left, PLOT.bottom], [PLOT.right, PLOT.top]))
        _mark_today(page, axes, space, found)
        _mark_crossings(page, axes, space, found, low, high)
        _name_ends(page, axes, [(name, usd[seen]) for name, usd in zip(names, costs, strict=True)])
        shorter = subtitle.replace(found.key, found.key.rsplit(".", 1)[-1])
        over_key = f"{found.challenger} against {found.baseline} over {found.key}"
        page.heading(found.title, [subtitle, shorter, over_key])
        basis = "at run rate" if found.basis == "run_rate" else "mean month of the horizon, one-off cost included"
        missing = " Gaps: the key can't have the value." if np.isnan(costs).any() else ""
        page.footer(f"Everything else as in the scenario; {basis}. A month is 730 h.{missing}")
    return page.figure


def _points(found: KeySolution) -> tuple[Array, Array]:
    """Values rising, of shape (n,), and both costs at them, (2, n): the grid and the crossings."""
    values = np.concatenate((found.searched.tried, [crossing.value for crossing in found.crossings]))
    baseline = np.concatenate((found.baseline_usd, [crossing.baseline_usd for crossing in found.crossings]))
    challenger = np.concatenate((found.challenger_usd, [crossing.challenger_usd for crossing in found.crossings]))
    order = np.argsort(values, kind="stable")
    return values[order], np.vstack((baseline, challenger))[:, order]


def _shown(found: KeySolution) -> tuple[float, float]:
    """Ends of the axis: what was searched, or a factor around what matters."""
    low, high = found.searched.low, found.searched.high
    marks = [crossing.value for crossing in found.crossings] + ([] if found.today is None else [found.today])
    marks = [mark for mark in marks if mark > 0]
    if found.searched.spacing == "linear" or not marks or low < 0:
        return low, high
    return max(low, min(marks) / _SHOWN_FACTOR), min(high, max(marks) * _SHOWN_FACTOR)


def _scale(axes: Axes, found: KeySolution, low: float, high: float) -> None:
    """The key's axis: as it was searched."""
    if found.searched.spacing != "linear" and low > 0 and high > 20 * low:
        axes.set_xscale("log")
        ticks = log_ticks(low, high)
    elif low < 0 < high and found.searched.spacing == "logarithmic":
        axes.set_xscale("symlog", linthresh=0.1 * min(high, -low, 1.0))
        ticks = [tick for tick in (-1.0, -0.1, 0.0, 0.1, 1.0, 10.0) if low <= tick <= high]
    else:
        ticks = linear_ticks(low, high, 8, whole=found.bounds.is_whole)
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_xticks([], minor=True)


def _cost_scale(axes: Axes, found: KeySolution, costs: Array) -> None:
    """From zero to what is dearest, or a little above the cost at the crossings and at today's value."""
    finite = costs[np.isfinite(costs)]
    most = float(finite.max(initial=0.0)) or 1.0
    marks = [crossing.challenger_usd for crossing in found.crossings]
    if found.today is not None and found.searched.low <= found.today <= found.searched.high:
        place = int(np.abs(found.searched.tried - found.today).argmin())
        marks += [float(usd[place]) for usd in (found.baseline_usd, found.challenger_usd) if np.isfinite(usd[place])]
    top = 1.1 * min(most, _SHOWN_COST * max(marks, default=most) or most)
    axes.set_ylim(0.0, top)
    ticks = linear_ticks(0.0, top)
    axes.set_yticks(ticks, distinct(ticks))
    axes.set_yticks([], minor=True)
    theme.clean_axes(axes)


def _mark_today(page: Page, axes: Axes, space: FreeSpace, found: KeySolution) -> None:
    """A thin upright line at today's value, named at its foot."""
    if found.today is None or not axes.get_xlim()[0] <= found.today <= axes.get_xlim()[1]:
        return
    axes.axvline(found.today, color=FAINT, linewidth=1.2, linestyle=(0.0, (4.0, 3.0)), zorder=2)
    x = float(axes.transData.transform((found.today, axes.get_ylim()[0]))[0])
    space.cover_line(np.array([[x, PLOT.bottom], [x, PLOT.top]]))
    rows = [Row(f"today {number(found.today, 4)}", colour=FAINT)]
    box = space.place(page.block_size(rows), (x + 10, PLOT.bottom + 30))
    if box is not None:
        put_paper(page, box)
        page.block(box.left, box.top, rows)


def _mark_crossings(page: Page, axes: Axes, space: FreeSpace, found: KeySolution, low: float, high: float) -> None:
    """A ring at each crossing; the first few with their value."""
    seen = [crossing for crossing in found.crossings if low <= crossing.value <= high]
    texts = distinct([crossing.value for crossing in seen]) if seen else []
    for place, (text, crossing) in enumerate(zip(texts, seen, strict=True)):
        axes.plot(
            crossing.value, crossing.challenger_usd, marker="o", markersize=11, markerfacecolor=PAPER,
            markeredgecolor=INK, markeredgewidth=2.2, linestyle="none", zorder=5,
        )  # fmt: skip
        x, y = (float(part) for part in axes.transData.transform((crossing.value, crossing.challenger_usd)))
        space.cover_box(Box(x - 8, y - 8, x + 8, y + 8))
        if place >= _MOST_LABELS:
            continue
        cheaper = getattr(found, crossing.becomes_cheaper)
        words = f"{cheaper} cheaper from {text}" if found.bounds.is_whole else f"{text}: {cheaper} cheaper above"
        rows = [Row(words, size=NAME, bold=True)]
        box = space.place(page.block_size(rows), (x + 20, y + 40))
        if box is not None:
            put_paper(page, box)
            page.block(box.left, box.top, rows)


def _name_ends(page: Page, axes: Axes, lines: list[tuple[str, Array]]) -> None:
    """Each line named at its right end."""
    ends = []
    for place, (name, usd) in enumerate(lines):
        finite = usd[np.isfinite(usd)]
        if finite.size:
            text = page.cut(name, RIGHT - PLOT.right - 40, NAME)
            ends.append((float(finite[-1]), [Row(text, size=NAME, option=theme.option_style(place))]))
    ends.sort(key=lambda end: -end[0])
    heights = [page.block_size(rows)[1] + 4 for _, rows in ends]
    top = axes.get_ylim()[1]
    wanted = [
        float(axes.transData.transform((axes.get_xlim()[1], min(usd, top)))[1]) + rows[0].height * 0.41
        for usd, rows in ends
    ]
    for (_, rows), top in zip(ends, spread(wanted, heights, PLOT.bottom, PLOT.top), strict=True):
        page.block(PLOT.right + 16, top, rows)
