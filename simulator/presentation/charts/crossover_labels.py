"""What is written into the crossover chart: the scenario's own volume, the crossings, the names at the line ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from simulator.domain.plans import Array
from simulator.presentation.numbers import distinct, usd
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, FreeSpace, spread
from simulator.presentation.theme import BODY, FAINT, INK, MOST_OPTIONS, NAME, PAPER, RULE, OptionStyle
from simulator.presentation.wording import crossing_texts, verdict, volume_words
from simulator.solving.study import INFEASIBLE, Pair, Study

PLOT = Box(168.0, 132.0, 1196.0, 690.0)
COLUMN = Box(1234.0, 92.0, RIGHT, 700.0)  # of the labels at the line ends
BAND_TEXT = "between the two it depends on where in the stair you are"


@dataclass(frozen=True)
class OptionLine:
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

    @property
    def corners(self) -> Array:
        """Points of the line as it is drawn, with the corners of its steps. Shape (points, 2)."""
        if not self.is_staircase:
            return np.column_stack([self.tokens_per_month, self.usd_per_month])
        tokens, costs = np.repeat(self.tokens_per_month, 2)[1:], np.repeat(self.usd_per_month, 2)[:-1]
        return np.column_stack([tokens, costs])


def mark_own_volume(page: Page, axes: Axes, space: FreeSpace, study: Study, lines: list[OptionLine]) -> None:
    """A vertical line at the scenario's volume, and a small table of what every option costs there."""
    own = study.tokens_per_month
    low, high = axes.get_xlim()
    title = f"you are here: {volume_words(study)(own, 3)}"
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


def mark_crossings(page: Page, axes: Axes, space: FreeSpace, study: Study, lines: list[OptionLine]) -> None:
    """Marks at every crossing, labels at the first and the settled one, a band where the first challenger wavers."""
    by_name = {line.name: line for line in lines}
    if study.baseline not in by_name:
        return
    low, high = axes.get_xlim()
    shown = [(pair, by_name[name]) for name, pair in study.pairs.items() if name in by_name]
    labels: list[tuple[tuple[float, float], str, str]] = []
    for pair, line in shown:
        texts = crossing_texts(pair, volume_words(study))
        inside = [crossing.tokens_per_month for crossing in pair.crossings if low <= crossing.tokens_per_month <= high]
        costs = [_crossing_usd(by_name[study.baseline], line, at) for at in inside]
        others = [place for place, at in enumerate(inside) if at not in texts]
        _rings(axes, line, [inside[place] for place in others], [costs[place] for place in others], size=5.0, width=1.5)
        for at, cost in zip(inside, costs, strict=True):
            x, y = axes.transData.transform((at, cost))
            space.cover_box(Box(x - 8, y - 8, x + 8, y + 8))
            if at in texts:
                _rings(axes, line, [at], [cost], size=11.0, width=2.4)
                name = f"{page.cut(line.name, 200.0, BODY, bold=True)} " if len(study.pairs) > 1 else ""
                labels.append(((x, y), name + texts[at], line.look.colour))
    band = _band(axes, *shown[0]) if shown else None
    for (x, y), text, colour in sorted(labels, key=lambda label: -label[0][1]):
        rows = [Row(text, size=BODY, bold=True)]
        found = space.place(page.block_size(rows), (x, y), leader=True)
        if found is not None:
            page.block(found.left, found.top, rows)
            _leader(page, space, (x, y), found, colour)
    if band is not None:
        _band_label(page, space, band)


def _crossing_usd(baseline: OptionLine, challenger: OptionLine, tokens_per_month: float) -> float:
    """Cost at a crossing, read from the line that does not jump there."""
    return min((baseline, challenger), key=lambda line: line.steepness_at(tokens_per_month)).usd_at(tokens_per_month)


def _rings(
    axes: Axes, line: OptionLine, tokens_per_month: list[float], usd: list[float], size: float, width: float
) -> None:
    axes.plot(
        tokens_per_month, usd, marker="o", linestyle="none", markersize=size, zorder=5,
        markerfacecolor=PAPER, markeredgecolor=line.look.colour, markeredgewidth=width,
    )  # fmt: skip


def _band(axes: Axes, pair: Pair, line: OptionLine) -> tuple[float, float] | None:
    """Shade from the first crossing to the settled one, where there are more between them; its ends in pixels."""
    if pair.first is None or pair.settled is None or not pair.first < pair.settled:
        return None
    low, high = axes.get_xlim()
    left, right = max(pair.first, low), min(pair.settled, high)
    if left >= right:
        return None
    axes.axvspan(left, right, color=line.look.colour, alpha=0.09, linewidth=0, zorder=0.5)
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
            edge = (
                min(max(middle, found.left), band[1]) if found.left > middle else max(min(middle, found.right), band[0])
            )
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


def name_line_ends(page: Page, axes: Axes, study: Study, lines: list[OptionLine]) -> None:
    """Every option named at the end of its line, with when it pays; below them the options that can't be had."""
    ends = {line.name: float(axes.transData.transform((1.0, line.usd_per_month[-1]))[1]) for line in lines}
    ordered = sorted(lines, key=lambda line: -ends[line.name])
    missing = [pair for pair in study.pairs.values() if pair.reason == INFEASIBLE][: MOST_OPTIONS - len(lines)]
    for most_lines in (5, 3, 2, 1, 0):
        blocks = [_end_rows(page, study, line, most_lines) for line in ordered]
        absent = [_absent_rows(page, pair, max(1, most_lines)) for pair in missing]
        heights = [page.block_size(rows)[1] + 10 for rows in blocks]
        absent_height = sum(page.block_size(rows)[1] + 10 for rows in absent)
        if sum(heights) + absent_height <= COLUMN.height * (0.8 if most_lines >= 3 else 1.0):
            break
    wanted = [ends[line.name] + _first_middle(rows) for line, rows in zip(ordered, blocks, strict=True)]
    tops = spread(wanted, heights, COLUMN.bottom + absent_height, COLUMN.top)
    for line, rows, top in zip(ordered, blocks, tops, strict=True):
        page.block(COLUMN.left, top - 5, rows)
        end = (COLUMN.left - 2, top - _first_middle(rows))
        page.rule([(PLOT.right + 3, ends[line.name]), end], line.look.colour, 1.2)
    bottom = COLUMN.bottom + absent_height
    for rows in absent:
        page.block(COLUMN.left, bottom - 5, rows)
        bottom -= page.block_size(rows)[1] + 10


def _first_middle(rows: list[Row]) -> float:
    """From the upper edge of a block in the column to the middle of its first row. [pixels]"""
    return 5 + rows[0].height * 0.41


def _end_rows(page: Page, study: Study, line: OptionLine, most_lines: int) -> list[Row]:
    rows = [Row(page.cut(line.name, COLUMN.width - 20, NAME, bold=True), size=NAME, bold=True, option=line.look)]
    label = study.options[line.name].label
    if most_lines >= 3 and label != line.name:
        rows.append(Row(page.cut(label, COLUMN.width), colour=FAINT))
    said = "the baseline" if line.name == study.baseline else verdict(study.pairs[line.name], volume_words(study))
    if most_lines:
        rows += [Row(text) for text in page.wrapped(said, COLUMN.width, most_lines)]
    return rows


def _absent_rows(page: Page, pair: Pair, most_lines: int) -> list[Row]:
    rows = [
        Row(page.cut(f"{pair.challenger} (no line)", COLUMN.width, NAME, bold=True), size=NAME, bold=True, colour=FAINT)
    ]
    return rows + [Row(text) for text in page.wrapped(verdict(pair), COLUMN.width, most_lines + 1)]
