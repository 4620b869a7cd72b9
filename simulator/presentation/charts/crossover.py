"""Cost of every option over volume, where they cross, and where the scenario stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.numbers import distinct, linear_ticks, log_ticks, minor_log_ticks, usd, volume
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, FreeSpace, spread
from simulator.presentation.theme import BODY, FAINT, INK, MOST_OPTIONS, NAME, PAPER, RULE, SMALL, OptionStyle
from simulator.presentation.wording import answers, crossing_texts, verdict
from simulator.solving.study import INFEASIBLE, Pair, Study

PLOT = Box(168.0, 132.0, 1196.0, 690.0)
COLUMN = Box(1234.0, 92.0, RIGHT, 700.0)  # of the labels at the line ends
LOG_FROM_RATIO = 10.0**1.5  # costs that span more than this are drawn on a logarithmic axis
BAND_TEXT = "between the two it depends on where in the stair you are"


@dataclass(frozen=True)
class _Line:
    """One option as it is drawn. Arrays of shape (n,)."""

    name: str
    look: OptionStyle
    tokens_per_month: Array
    usd_per_month: Array

    def usd_at(self, tokens_per_month: float) -> float:
        """Cost on the line, straight between two points."""
        return float(np.interp(tokens_per_month, self.tokens_per_month, self.usd_per_month))

    def steepness_at(self, tokens_per_month: float) -> float:
        """Rise between the two points around a volume, over their sum: small where the line is no riser there."""
        place = int(
            np.clip(np.searchsorted(self.tokens_per_month, tokens_per_month), 1, max(1, self.usd_per_month.size - 1))
        )
        low, high = self.usd_per_month[place - 1], self.usd_per_month[min(place, self.usd_per_month.size - 1)]
        return float(abs(high - low) / (abs(high) + abs(low))) if high or low else 0.0

    @property
    def is_staircase(self) -> bool:
        """Whether every change stands alone between two flat parts."""
        changes = np.diff(self.usd_per_month) != 0
        return bool(changes.any() and not np.any(changes[1:] & changes[:-1]))


def crossover_chart(study: Study, curve: pd.DataFrame, *, detail: pd.DataFrame | None = None) -> Figure:
    """Monthly cost of every option over volume, at run rate.

    Parameters
    ----------
    study : Study
        The answer: crossings, and the options at the scenario's own volume.
    curve : DataFrame
        Columns `tokens_per_month`, `requests_per_day`, `option`, `line`, `usd_per_month`; only the line `total` is drawn.
        Its volumes are the range of the axis.
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
        _requests_axis(page, axes, curve)
        space = FreeSpace(Box(PLOT.left + 6, PLOT.bottom + 6, PLOT.right - 6, PLOT.top - 6))
        for drawn, line in zip(axes.lines, lines, strict=True):
            space.cover_line(axes.transData.transform(_as_drawn(line, drawn.get_drawstyle() == "steps-post")))
        _own_volume(page, axes, space, study, lines)
        _crossings(page, axes, space, study, lines)
        _line_ends(page, axes, study, lines)
        page.heading(study.title, answers(study))
        page.footer(_footer(study, lines))
    return page.figure


def _lines(study: Study, curve: pd.DataFrame, detail: pd.DataFrame | None) -> list[_Line]:
    table = curve if detail is None else pd.concat([curve, detail], ignore_index=True)
    totals = table[(table["line"] == "total") & (table["tokens_per_month"] > 0)]
    lines = []
    for place, name in enumerate(list(study.options)[:MOST_OPTIONS]):
        rows = totals[totals["option"] == name].drop_duplicates("tokens_per_month").sort_values("tokens_per_month")
        if len(rows):
            tokens = rows["tokens_per_month"].to_numpy(dtype=np.float64)
            lines.append(
                _Line(name, theme.option_style(place), tokens, rows["usd_per_month"].to_numpy(dtype=np.float64))
            )
    if not lines:
        raise ValueError("curve holds no line 'total' of a compared option at a volume above 0")
    return lines


def _scale(axes: Axes, lines: list[_Line]) -> None:
    tokens = np.concatenate([line.tokens_per_month for line in lines])
    low, high = float(tokens.min()), float(tokens.max())
    if low == high:
        low, high = low / 2, high * 2
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = log_ticks(low, high)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(FixedLocator(minor_log_ticks(low, high)))
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_xticks([], minor=True)
    axes.set_xlabel("Volume [tokens per month]", labelpad=8)
    _cost_scale(axes, np.concatenate([line.usd_per_month for line in lines]))
    axes.set_ylabel("Cost [USD per month]")
    axes.yaxis.set_label_coords(58 - PLOT.left, PLOT.height / 2, transform=None)
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


def _requests_axis(page: Page, axes: Axes, curve: pd.DataFrame) -> None:
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


def _as_drawn(line: _Line, steps: bool) -> Array:
    if not steps:
        return np.column_stack([line.tokens_per_month, line.usd_per_month])
    tokens = np.repeat(line.tokens_per_month, 2)[1:]
    return np.column_stack([tokens, np.repeat(line.usd_per_month, 2)[:-1]])


def _own_volume(page: Page, axes: Axes, space: FreeSpace, study: Study, lines: list[_Line]) -> None:
    """A vertical line at the scenario's volume, and a small table of what every option costs there."""
    own = study.tokens_per_month
    low, high = axes.get_xlim()
    title = f"you are here: {volume(own)}"
    if low <= own <= high:
        axes.axvline(own, color=INK, linewidth=1.3, linestyle=(0.0, (1.5, 2.0)), zorder=2)
        for line in lines:
            _mark(axes, own, study.options[line.name].usd_per_month, line.look, size=10.0)
        x = float(axes.transData.transform((own, 1.0))[0])
        space.cover_line(np.array([[x, PLOT.bottom], [x, PLOT.top]]), margin=5.0)
    else:
        title += ", left of this chart" if own < low else ", right of this chart"
        x = PLOT.left if own < low else PLOT.right
    ordered = sorted(lines, key=lambda line: -study.options[line.name].usd_per_month)
    costs = distinct([study.options[line.name].usd_per_month for line in ordered], usd)
    rows = [Row(title, size=BODY, bold=True)]
    for line, cost in zip(ordered, costs, strict=True):
        rows.append(Row(page.cut(line.name, 230.0), right=cost, option=line.look))
    found = space.place(page.block_size(rows), (x, PLOT.top - 8), weights=(1.0, 0.12))
    if found is not None:
        page.block(found.left, found.top, rows)


def _crossings(page: Page, axes: Axes, space: FreeSpace, study: Study, lines: list[_Line]) -> None:
    """Marks at every crossing, labels at the first and the settled one, a band where the first challenger wavers."""
    by_name = {line.name: line for line in lines}
    if study.baseline not in by_name:
        return
    low, high = axes.get_xlim()
    shown = [(pair, by_name[name]) for name, pair in study.pairs.items() if name in by_name]
    labels: list[tuple[tuple[float, float], str, str]] = []
    for pair, line in shown:
        texts = crossing_texts(pair)
        for crossing in pair.crossings:
            at = crossing.tokens_per_month
            if not low <= at <= high:
                continue
            on = min((by_name[study.baseline], line), key=lambda one: one.steepness_at(at))  # a jump lies on the other
            labelled = at in texts
            cost = on.usd_at(at)
            axes.plot(
                [at], [cost], marker="o", linestyle="none", markersize=11 if labelled else 5.5, zorder=5,
                markerfacecolor=PAPER, markeredgecolor=line.look.colour, markeredgewidth=2.4 if labelled else 1.6,
            )  # fmt: skip
            x, y = axes.transData.transform((at, cost))
            space.cover_box(Box(x - 8, y - 8, x + 8, y + 8))
            if labelled:
                name = f"{page.cut(line.name, 200.0, BODY, bold=True)} " if len(study.pairs) > 1 else ""
                labels.append(((x, y), name + texts[at], line.look.colour))
    band = _band(axes, shown[0][0]) if shown else None
    for (x, y), text, colour in labels:
        rows = [Row(text, size=BODY, bold=True)]
        found = space.place(page.block_size(rows), (x, y), leader=True)
        if found is not None:
            page.block(found.left, found.top, rows)
            _leader(page, space, (x, y), found, colour)
    if band is not None:
        _band_label(page, space, band)


def _band(axes: Axes, pair: Pair) -> tuple[float, float] | None:
    """Shade from the first crossing to the settled one, where there are more between them; its ends in pixels."""
    if pair.first is None or pair.settled is None or not pair.first < pair.settled:
        return None
    low, high = axes.get_xlim()
    left, right = max(pair.first, low), min(pair.settled, high)
    if left >= right:
        return None
    axes.axvspan(left, right, color="#0072b2", alpha=0.09, linewidth=0, zorder=0.5)
    ends = axes.transData.transform([(left, 1.0), (right, 1.0)])[:, 0]
    return float(ends[0]), float(ends[1])


def _band_label(page: Page, space: FreeSpace, band: tuple[float, float]) -> None:
    middle = 0.5 * (band[0] + band[1])
    narrow = page.wrapped(BAND_TEXT, band[1] - band[0] - 16, 4)
    for texts, between in ((narrow, band), (page.wrapped(BAND_TEXT, 330.0, 2), None)):
        if " ".join(texts) != BAND_TEXT:
            continue
        rows = [Row(text, colour=FAINT) for text in texts]
        found = space.place(page.block_size(rows), (middle, PLOT.bottom), between=between)
        if found is not None:
            page.block(found.left, found.top, rows)
            edge = min(max(middle, found.left), band[1]) if found.left > middle else max(min(middle, found.right), band[0])
            _leader(page, space, (edge, 0.5 * (found.bottom + found.top)), found, RULE)
            return


def _leader(page: Page, space: FreeSpace, anchor: tuple[float, float], box: Box, colour: str) -> None:
    """A thin line from a mark to its label, where they are not side by side."""
    x = min(max(anchor[0], box.left), box.right)
    y = min(max(anchor[1], box.bottom), box.top)
    length = float(np.hypot(x - anchor[0], y - anchor[1]))
    if length > 26:
        part = 9 / length
        start = (anchor[0] + (x - anchor[0]) * part, anchor[1] + (y - anchor[1]) * part)
        page.rule([start, (x, y)], colour, 1.0)
        space.cover_line(np.array([start, (x, y)]), margin=3.0)


def _mark(axes: Axes, x: float, y: float, look: OptionStyle, size: float) -> None:
    axes.plot(
        [x], [y], marker=look.marker, linestyle="none", markersize=size, zorder=6, clip_on=False,
        markerfacecolor=look.colour, markeredgecolor=PAPER, markeredgewidth=1.0,
    )  # fmt: skip


def _line_ends(page: Page, axes: Axes, study: Study, lines: list[_Line]) -> None:
    """Every option named at the end of its line, with when it pays; below them the options that can't be had."""
    ends = {line.name: float(axes.transData.transform((1.0, line.usd_per_month[-1]))[1]) for line in lines}
    ordered = sorted(lines, key=lambda line: -ends[line.name])
    missing = [pair for pair in study.pairs.values() if pair.reason == INFEASIBLE][: max(0, MOST_OPTIONS - len(lines))]
    for most_lines in (3, 2, 1, 0):
        blocks = [_end_rows(page, study, line, most_lines) for line in ordered]
        absent = [_absent_rows(page, pair, max(1, most_lines)) for pair in missing]
        heights = [page.block_size(rows)[1] + 10 for rows in blocks]
        absent_height = sum(page.block_size(rows)[1] + 10 for rows in absent)
        if sum(heights) + absent_height <= COLUMN.height:
            break
    tops = spread([ends[line.name] for line in ordered], heights, COLUMN.bottom + absent_height, COLUMN.top)
    for line, rows, top in zip(ordered, blocks, tops, strict=True):
        page.block(COLUMN.left, top - 5, rows)
        _mark(axes, line.tokens_per_month[-1], line.usd_per_month[-1], line.look, size=8.0)
        middle = top - 5 - rows[0].height * 0.41
        page.rule([(PLOT.right + 7, ends[line.name]), (COLUMN.left - 6, middle)], line.look.colour, 1.2)
    bottom = COLUMN.bottom + absent_height
    for rows in absent:
        page.block(COLUMN.left, bottom - 5, rows)
        bottom -= page.block_size(rows)[1] + 10


def _end_rows(page: Page, study: Study, line: _Line, most_lines: int) -> list[Row]:
    rows = [Row(page.cut(line.name, COLUMN.width, NAME, bold=True), size=NAME, bold=True)]
    label = study.options[line.name].label
    if most_lines == 3 and label != line.name:
        rows.append(Row(page.cut(label, COLUMN.width), colour=FAINT))
    said = "the baseline" if line.name == study.baseline else verdict(study.pairs[line.name])
    if most_lines:
        rows += [Row(text) for text in page.wrapped(said, COLUMN.width, most_lines)]
    return rows


def _absent_rows(page: Page, pair: Pair, most_lines: int) -> list[Row]:
    rows = [
        Row(page.cut(f"{pair.challenger} (no line)", COLUMN.width, NAME, bold=True), size=NAME, bold=True, colour=FAINT)
    ]
    return rows + [Row(text) for text in page.wrapped(verdict(pair), COLUMN.width, most_lines + 1)]


def _footer(study: Study, lines: list[_Line]) -> str:
    start = study.plan.scenario.horizon.start.isoformat()
    text = f"Run rate: constant volume, prices of {start}, no growth, no one-off cost. A month is 730 h."
    left_out = [name for name in study.options if name not in {line.name for line in lines}]
    left_out += [pair.challenger for pair in study.pairs.values() if pair.reason == INFEASIBLE][
        max(0, MOST_OPTIONS - len(lines)) :
    ]
    return text + (f" Not drawn: {', '.join(left_out)}." if left_out else "")
