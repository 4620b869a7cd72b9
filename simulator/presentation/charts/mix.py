"""Monthly cost over the base of a fleet: the fleet's part and the API's, their sum, its minimum and both pure ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.mix_wording import counted, mix_note, mix_sentences
from simulator.presentation.numbers import distinct, linear_ticks, number, percent, whole_usd
from simulator.presentation.page import LEFT, RIGHT, Page, Row
from simulator.presentation.placing import Box, FreeSpace
from simulator.presentation.theme import BODY, FAINT, INK, NAME, PAPER, SMALL
from simulator.solving.best_mix import BestMix, below_share

PLOT = Box(168.0, 130.0, 1120.0, 745.0)
COLUMN = Box(1160.0, 130.0, RIGHT, 745.0)  # of the numbers beside it
_MOST_BARS = 60  # more counts are drawn as areas
_SPAN = 1.7  # the chart ends where the cost is so many times the dearer of no base and the cheapest
_LEAST_BESIDE = 4  # counts that are drawn above the cheapest at least
_SWATCH = 15.0  # pixels


@dataclass(frozen=True)
class Part:
    """A part of the cost as it is drawn; colours that differ in grey, the lighter one hatched. Array of shape (n,)."""

    name: str
    usd_per_month: Array
    face: str
    edge: str
    hatch: str


def mix_chart(mix: BestMix, title: str) -> Figure:
    """Cost over the base at the scenario's own volume.

    Parameters
    ----------
    mix : BestMix
        The base that costs least, and what every count comes to.
    title : str
        Headline.

    Returns
    -------
    Figure
        A slide. The first line of the first axes is the sum of the parts; the second marks its minimum. What costs far
        more than either no base or the cheapest lies right of the chart and is told beside it.
    """
    with theme.style():
        page = Page()
        shown = _shown(mix)
        counts, total = mix.counts[shown], mix.usd_per_month[shown]
        axes = page.axes(PLOT)
        _scale(axes, counts, total)
        parts = _parts(mix, shown)
        _draw_parts(axes, counts, parts)
        axes.plot(
            counts, total, color=INK, linewidth=2.2, zorder=4, label="total",
            marker="o" if counts.size <= _MOST_BARS else "", markersize=4.5,
        )  # fmt: skip
        axes.plot(
            [mix.counts[mix.best]], [mix.best_usd_per_month], marker="o", markersize=14, markerfacecolor=INK,
            markeredgecolor=PAPER, markeredgewidth=1.6, linestyle="none", zorder=6, label="cheapest", clip_on=False,
        )  # fmt: skip
        _mark_ends(axes, mix, counts)
        _label_minimum(page, axes, mix, np.column_stack([counts, total]))
        page.label_axes(axes, PLOT, [f"Base of {mix.option} [{mix.what}]", f"[{mix.what}]"], ["Cost [USD per month]"])
        page.heading(title, mix_sentences(mix))
        note = mix_note(mix)
        notes = [f"{note}. A month is 730 h.", note, f"{note.rpartition(')')[0]})"]
        page.footer(page.first_that_fits(notes, RIGHT - LEFT, SMALL))
        _column(page, mix, parts, is_full_shown=mix.full is None or mix.full < counts.size)
    return page.figure


def _shown(mix: BestMix) -> slice:
    """The counts that are drawn: up to pure self-hosting, or to where the cost is far above what matters."""
    last = mix.counts.size - 1 if mix.full is None else mix.full
    limit = _SPAN * max(mix.none_usd_per_month, mix.best_usd_per_month)
    inside = np.flatnonzero(mix.usd_per_month[: last + 1] <= limit)
    return slice(0, min(last, max(int(inside[-1]), mix.best + _LEAST_BESIDE)) + 1)


def _parts(mix: BestMix, shown: slice) -> list[Part]:
    api, fleet = mix.api_usd_per_month[shown], mix.fleet_usd_per_month[shown]
    parts = []
    if mix.what == "reserved replicas":
        base = np.asarray(mix.lines["reserved base"])[shown]
        parts.append(Part("the reserved base", base, "#2a4a7c", PAPER, ""))
        parts.append(Part("the rest of the fleet", fleet - base, "#8fb8de", PAPER, ""))
    else:
        parts.append(Part("the fleet, and who runs it", fleet, "#0072b2", PAPER, ""))
    if np.any(api > 0):
        parts.append(Part(f"the rest by {mix.api}", api, "#f6d3b3", "#d55e00", "////"))
    return parts


def _scale(axes: Axes, counts: Array, total: Array) -> None:
    low, high = float(counts[0]), float(counts[-1])
    step = float(np.min(np.diff(counts))) if counts.size > 1 else 1.0
    axes.set_xlim(low - 0.7 * step, high + 0.7 * step)
    ticks = linear_ticks(low, high, 12, whole=True) if high > low else [low]
    axes.set_xticks(ticks, distinct(ticks))
    top = 1.12 * (float(total.max()) or 1.0)
    axes.set_ylim(0.0, top)
    heights = linear_ticks(0.0, top)
    axes.set_yticks(heights, distinct(heights))
    theme.clean_axes(axes, grid="y")


def _are_bars(counts: Array) -> bool:
    """Whether bars at every count have room."""
    steps = np.diff(counts)
    return steps.size == 0 or float(counts[-1] - counts[0]) <= _MOST_BARS * float(steps.min())


def _draw_parts(axes: Axes, counts: Array, parts: list[Part]) -> None:
    """The parts upon one another: bars, or areas where they would be too thin."""
    bottom = np.zeros(counts.size)
    width = 0.78 * (float(np.min(np.diff(counts))) if counts.size > 1 else 1.0)
    for part in parts:
        look: dict[str, Any] = {
            "facecolor": part.face,
            "edgecolor": part.edge,
            "hatch": part.hatch,
            "linewidth": 0.0,
            "zorder": 2,
        }
        if _are_bars(counts):
            axes.bar(counts, part.usd_per_month, width=width, bottom=bottom, label=part.name, **look)
        else:
            axes.fill_between(counts, bottom, bottom + part.usd_per_month, label=part.name, **look)
        bottom = bottom + part.usd_per_month


def _mark_ends(axes: Axes, mix: BestMix, counts: Array) -> None:
    """Both pure ways, and the baseline as a line across."""
    ends = [(0.0, mix.none_usd_per_month, "s")]
    if mix.full is not None and mix.full < counts.size:
        ends.append((float(mix.counts[mix.full]), float(mix.usd_per_month[mix.full]), "D"))
    for count, cost, marker in ends:
        axes.plot(
            [count], [cost], marker=marker, markersize=11, color=INK, markeredgecolor=PAPER, markeredgewidth=1.2,
            linestyle="none", zorder=5, clip_on=False,
        )  # fmt: skip
    usd = mix.baseline_usd_per_month
    if usd is not None and _tells_baseline(mix) and usd <= axes.get_ylim()[1]:
        axes.axhline(usd, color=PAPER, linewidth=4.0, zorder=3)
        axes.axhline(usd, color=INK, linewidth=1.6, linestyle=(0.0, (5.0, 3.0)), zorder=3)


def _tells_baseline(mix: BestMix) -> bool:
    """Whether the baseline says something that no base does not."""
    usd = mix.baseline_usd_per_month
    return usd is not None and mix.baseline != mix.option and below_share(mix.none_usd_per_month, usd) != 0.0


def _label_minimum(page: Page, axes: Axes, mix: BestMix, line: Array) -> None:
    """Name the cheapest above its mark, off the line."""
    x, y = axes.transData.transform((mix.counts[mix.best], mix.best_usd_per_month))
    space = FreeSpace(Box(PLOT.left + 8, PLOT.bottom + 8, PLOT.right - 4, PLOT.top - 4))
    space.cover_line(axes.transData.transform(line), margin=16.0)
    floor = np.column_stack([line[:, 0], np.zeros(line.shape[0])])
    for share in np.linspace(0.0, 1.0, 40):  # texts stand on paper, not on the bars
        space.cover_line(axes.transData.transform(floor + share * (line - floor)), margin=8.0)
    rows = [Row(f"cheapest: {_best_text(mix)}", size=BODY, bold=True)]
    found = space.place(page.block_size(rows), (x, y + 40.0), leader=True)
    if found is not None:
        page.block(found.left, found.top, rows)
        end = (min(max(x, found.left), found.right), found.bottom - 2)
        if end[1] > y + 16:
            page.rule([(x, y + 12), end], INK, 1.0)


def _column(page: Page, mix: BestMix, parts: list[Part], *, is_full_shown: bool) -> None:
    """What the parts are, and the numbers, beside the chart."""
    top, width = COLUMN.top, COLUMN.width
    for part in reversed(parts):
        _swatch(page, COLUMN.left, top - 20.0, part)
        page.write(COLUMN.left + 26, top - 20.0, page.cut(part.name, width - 26), size=BODY)
        top -= 31.0
    for marker, head, usd, below in _blocks(mix, is_full_shown=is_full_shown):
        top -= 22.0
        if marker == "-":
            page.rule([(COLUMN.left, top - 10), (COLUMN.left + 18, top - 10)], INK, 1.6, (0.0, (3.0, 2.0)))
        elif marker:
            page.marker(COLUMN.left + 8, top - 10, theme.OptionStyle(INK, "solid", marker, 2.0), 9.0)
        for text in page.wrapped(head, width - 26, 2, NAME, bold=True):
            page.write(COLUMN.left + 26, top, text, size=NAME, bold=True, at="top")
            top -= 27.0
        for text in (f"{whole_usd(usd)} a month", *below):
            for line in page.wrapped(text, width - 26, 2):
                page.write(
                    COLUMN.left + 26, top, line, size=SMALL, at="top", colour=INK if text[0].isdigit() else FAINT
                )
                top -= 25.0


def _blocks(mix: BestMix, *, is_full_shown: bool) -> list[tuple[str, str, float, list[str]]]:
    """Marker, name, cost and remarks of the cheapest, of both pure ways, and of the baseline."""
    is_reserved = mix.what == "reserved replicas"
    best = mix.best_usd_per_month
    remarks = [] if is_reserved else [f"{percent(mix.best_api_share)} of the requests by the API"]
    blocks = [("o", f"Cheapest: {_best_text(mix)}", best, remarks)]
    none = "All on demand" if is_reserved else "No base: all by the API"
    if mix.best > 0:
        blocks.append(("s", none, mix.none_usd_per_month, [_below(best, mix.none_usd_per_month)]))
    if mix.best != mix.full and mix.full_count is not None and mix.full_usd_per_month is not None:
        name = f"All reserved: {mix.full_count:,}" if is_reserved else f"No API: {counted(mix, mix.full_count)}"
        where = [] if is_full_shown else ["right of this chart"]
        blocks.append(
            ("D" if is_full_shown else "", name, mix.full_usd_per_month, [_below(best, mix.full_usd_per_month), *where])
        )
    if _tells_baseline(mix) and mix.baseline_usd_per_month is not None:
        usd = mix.baseline_usd_per_month
        blocks.append(("-", f"Baseline: {mix.baseline}", usd, [_below(best, usd)]))
    return blocks


def _best_text(mix: BestMix) -> str:
    """'11 replicas', '62 reserved', or 'none'."""
    if mix.best_count == 0:
        return "no base"
    return f"{mix.best_count:,} reserved" if mix.what == "reserved replicas" else counted(mix, mix.best_count)


def _below(best_usd: float, usd: float) -> str:
    share = below_share(best_usd, usd)
    sign = "-" if share > 0 else "+"
    return f"cheapest: {sign}{whole_usd(abs(usd - best_usd))}, {sign}{number(100 * abs(share))} %"


def _swatch(page: Page, x: float, y: float, part: Part) -> None:
    patch = Rectangle(
        (x / theme.WIDTH, y / theme.HEIGHT), _SWATCH / theme.WIDTH, _SWATCH / theme.HEIGHT,
        transform=page.figure.transFigure, facecolor=part.face, edgecolor=part.edge, hatch=part.hatch, linewidth=0.0,
    )  # fmt: skip
    page.figure.add_artist(patch)
