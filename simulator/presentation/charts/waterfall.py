"""How one bill becomes another, line by line: a waterfall of the options whose cost differs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simulator.presentation import theme
from simulator.presentation.charts.bill import cost_line_label
from simulator.presentation.compare_wording import (
    UNIT_WORDS,
    WITH,
    bill_name,
    break_even_sentence,
    heading,
    money,
    signed_money,
    volumes_of,
)
from simulator.presentation.numbers import distinct, linear_ticks
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import BODY, FAINT, HEIGHT, INK, NAME, PAPER, RULE, SMALL, WIDTH
from simulator.solving.comparison import PER_MONTH, BillChange, Comparison
from simulator.solving.differences import OVER_HORIZON, PER_MTOK

MOST_BLOCKS = 2
LINES_ALONE, LINES_OF_TWO = 7, 3  # drawn one by one; the rest are joined
_PLOT_LEFT, _PLOT_RIGHT = 372.0, 1190.0
_TOP, _BOTTOM = 760.0, 74.0
_HEAD, _FOOT = 44.0, 40.0  # of a block: its name above, the ticks below [pixels]
_WIDEST, _ROOMY = 76.0, 38.0  # rows: no higher; high enough for one more block
_THICK = 0.62  # of a bar over its row
_LEAST_PART = 0.01  # of the greatest step: smaller ones are joined
_ZOOM_SHARE = 0.2  # the axis starts at 0 where steps span at least this share of the bill
_TOTAL, _MORE, _LESS = "#4a4a4a", "#d55e00", "#56b4e9"  # dark, middle and light in grey; signs say it as well
_UNITS = {
    PER_MONTH: "Cost [USD per month, run rate]",
    PER_MTOK: "Cost [USD per million tokens, run rate]",
    OVER_HORIZON: "Cost over the horizon [USD]",
}


@dataclass(frozen=True)
class Bar:
    """One row: a whole bill, or a step from where the row above ends."""

    label: str
    start: float
    end: float
    is_total: bool = False
    detail: str = ""

    @property
    def difference(self) -> float:
        """Length of a step, with its sign."""
        return self.end - self.start


@dataclass(frozen=True)
class Block:
    """Rows with axes of their own; `limits` are the ends of the axis, left out: such that the steps can be seen."""

    name: str
    unit: str
    bars: Sequence[Bar]
    limits: tuple[float, float] = (math.nan, math.nan)

    def __post_init__(self) -> None:
        if math.isnan(self.limits[0]):
            object.__setattr__(self, "limits", _ends(self.bars))


def waterfall_chart(comparison: Comparison) -> Figure:
    """Waterfalls of at most two options, those whose bills differ most.

    Parameters
    ----------
    comparison : Comparison
        With at least one bill that differs.

    Returns
    -------
    Figure
        A slide. Each option has axes of its own: the first bar is its bill in the first run, the last in the other
        one, between them the steps, the volume first, then the lines by size. Small lines are joined as "others".
    """
    changed = sorted((bill for bill in comparison.bills if bill.is_changed), key=lambda bill: -abs(bill.difference))
    shown = changed[:MOST_BLOCKS]
    most_lines = LINES_ALONE if len(shown) == 1 else LINES_OF_TWO
    blocks = [Block(bill_name(bill), bill.unit, bars_of(comparison, bill, most_lines)) for bill in shown]
    blocks = _on_one_scale(blocks)
    gap = _gap_block(comparison)
    if gap is not None and _pitch([*blocks, gap]) >= _ROOMY:
        blocks.append(gap)
    with theme.style():
        page = Page()
        pitch, top = _pitch(blocks), _TOP
        for place, block in enumerate(blocks):
            box = Box(_PLOT_LEFT, top - _HEAD - pitch * len(block.bars), _PLOT_RIGHT, top - _HEAD)
            _draw(page, block, box)
            if place == 0:
                _legend(page, box.top + 20)
            top = box.bottom - _FOOT
        page.heading(heading(comparison), _answers(shown))
        page.write(LEFT, 42, page.cut(break_even_sentence(comparison), RIGHT - LEFT), at="baseline")
        page.footer(_note(comparison, changed[MOST_BLOCKS:], any(block.limits[0] > 0 for block in blocks)))
    return page.figure


def _pitch(blocks: Sequence[Block]) -> float:
    """Height of a row. [pixels]"""
    room = _TOP - _BOTTOM - len(blocks) * (_HEAD + _FOOT)
    return min(_WIDEST, room / sum(len(block.bars) for block in blocks))


def _on_one_scale(blocks: Sequence[Block]) -> list[Block]:
    """Axes of the same length where all start at 0, so that amounts can be compared between options."""
    if any(block.limits[0] != 0 for block in blocks):
        return list(blocks)
    most = max(block.limits[1] for block in blocks)
    return [replace(block, limits=(0.0, most)) for block in blocks]


def _gap_block(comparison: Comparison) -> Block | None:
    """What the bills of both options of the pair do to their difference."""
    gap = comparison.gap
    if gap is None or not (gap.baseline.is_changed or gap.challenger.is_changed):
        return None
    at, ours, theirs = gap.before, gap.challenger, gap.baseline
    bars = [Bar(comparison.a.name, 0.0, at, is_total=True)]
    for bill, difference in ((ours, ours.difference), (theirs, -theirs.difference)):
        before, after = money([bill.before, bill.after])
        bars.append(Bar(f"bill of {bill.other}", at, at + difference, detail=f"{before} to {after}"))
        at += difference
    bars.append(Bar(comparison.b.name, 0.0, gap.after, is_total=True))
    return Block(f"{ours.other} minus {theirs.other}", ours.unit, bars)


def bars_of(comparison: Comparison, bill: BillChange, most_lines: int) -> list[Bar]:
    """The rows of a waterfall from the first bill to the other; small lines are joined as "others"."""
    a, b = comparison.a.name, comparison.b.name
    bars = [Bar(a, 0.0, bill.before, is_total=True)]
    at = bill.before
    if bill.volume_step is not None:
        volumes = volumes_of([comparison.a, comparison.b])
        bars.append(Bar("volume alone", at, at + bill.volume_step, detail=f"{volumes[0]} to {volumes[1]} tokens"))
        at += bill.volume_step
    moving = [step for step in bill.steps if step.difference != 0.0]
    least = _LEAST_PART * max((abs(step.difference) for step in moving), default=0.0)
    alone = [step for step in moving[:most_lines] if abs(step.difference) >= least]
    if len(moving) == len(alone) + 1:
        alone = moving  # no "others" of one line
    for step in alone:
        before, after = money([step.before, step.after])
        bars.append(Bar(cost_line_label(step.line), at, at + step.difference, detail=f"{before} to {after}"))
        at += step.difference
    if len(alone) < len(moving):
        rest = moving[len(alone) :]
        count = f"{len(rest)} line{'s' if len(rest) > 1 else ''}"
        bars.append(Bar("others", at, at + math.fsum(step.difference for step in rest), detail=count))
    bars.append(Bar(b, 0.0, bill.after, is_total=True))
    return bars


def _ends(bars: Sequence[Bar]) -> tuple[float, float]:
    """Left and right end of the axis: from 0 where the steps can be seen, else around them."""
    reached = [end for bar in bars for end in ((bar.end,) if bar.is_total else (bar.start, bar.end))]
    low, high = min(reached), max(reached)
    if low <= 0 or high - low >= _ZOOM_SHARE * high:
        reach = 0.04 * (high - min(low, 0.0)) or 1.0
        return (low - reach if low < 0 else 0.0), (high + reach if high > 0 else 0.0)
    reach = high - low
    return low - 0.6 * reach, high + 0.15 * reach


def _draw(page: Page, block: Block, box: Box) -> None:
    """Bars from row to row with their texts, and name and unit above."""
    axes, (left, right) = page.axes(box), block.limits
    axes.set_xlim(left, right)
    axes.set_ylim(len(block.bars) - 0.5, -0.5)
    ticks = linear_ticks(left, right, 7)
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_yticks([])
    theme.clean_axes(axes, grid="x")
    axes.spines["left"].set_visible(False)
    axes.set_label(block.name)
    pitch = box.height / len(block.bars)
    for row, bar in enumerate(block.bars):
        start, y = (left if bar.is_total and left > 0 else bar.start), box.top - pitch * (row + 0.5)
        axes.barh(row, bar.end - start, left=start, height=_THICK, color=_colour(bar), linewidth=0, zorder=3)
        if row + 1 < len(block.bars):
            axes.vlines(bar.end, row, row + 1, color=RULE, linewidth=1.2, zorder=2)
        _texts(page, bar, y)
        if bar.is_total and left > 0:
            _cut_mark(page, box, y, _THICK * pitch)
    if left <= 0:
        axes.axvline(0.0, color=INK, linewidth=1.2, zorder=4)
    name = page.cut(block.name, 520.0, NAME, bold=True)
    page.write(LEFT, box.top + 20, name, size=NAME, bold=True, at="center")
    unit = max(box.left, LEFT + page.text_width(name, NAME, bold=True) + 18)
    page.write(unit, box.top + 20, _UNITS[block.unit], colour=FAINT, at="center")


def _colour(bar: Bar) -> str:
    return _TOTAL if bar.is_total else (_MORE if bar.difference > 0 else _LESS)


def _texts(page: Page, bar: Bar, y: float) -> None:
    """Name at the left, amount at the right; how a line goes from before to after beside it."""
    width = _PLOT_LEFT - LEFT - 18
    label = bar.label
    if label.startswith(WITH) and page.text_width(label, BODY, bold=True) > width:
        label = "with these keys"  # that the heading names
    page.write(LEFT, y, page.cut(label, width, BODY, bold=bar.is_total), size=BODY, bold=bar.is_total, at="center")
    amount = money([bar.end])[0] if bar.is_total else signed_money(bar.difference)
    page.write(_PLOT_RIGHT + 128, y, amount, size=BODY, bold=True, align="right", at="center")
    if bar.detail:
        room = RIGHT - _PLOT_RIGHT - 150
        page.write(_PLOT_RIGHT + 150, y, page.cut(bar.detail, room), size=SMALL, colour=FAINT, at="center")


def _cut_mark(page: Page, box: Box, y: float, height: float) -> None:
    """Two white strokes through a bar whose axis does not start at 0."""
    for shift in (26.0, 36.0):
        x = box.left + shift
        page.rule([(x - 4, y - height / 2 - 3), (x + 4, y + height / 2 + 3)], PAPER, 3.2)


def _legend(page: Page, y: float) -> None:
    """What the colours say, at the right of the first block's name."""
    x = _PLOT_RIGHT + 20
    for text, colour in (("more", _MORE), ("less", _LESS)):
        patch = Rectangle((x / WIDTH, (y - 6) / HEIGHT), 18 / WIDTH, 12 / HEIGHT, color=colour)
        page.figure.add_artist(patch)
        page.write(x + 26, y, text, at="center")
        x += 110


def _answers(shown: Sequence[BillChange]) -> list[str]:
    """What the slide says in one line, from the fullest wording to the shortest."""
    parts = []
    for bill in shown:
        change, before, after = money([abs(bill.difference), bill.before, bill.after])
        more = "more" if bill.difference > 0 else "less"
        parts.append(
            (f"{bill_name(bill)} costs {change} {UNIT_WORDS[bill.unit]} {more}", f", {after} in place of {before}")
        )
    return ["; ".join(map("".join, parts)), "; ".join(first for first, _ in parts), parts[0][0]]


def _note(comparison: Comparison, left: Sequence[BillChange], is_cut: bool) -> str:
    volumes = volumes_of([comparison.a, comparison.b])
    unit = comparison.unit
    if len(set(volumes)) == 1:
        said = [f"At {volumes[0]} tokens a month in both."]
    else:
        said = [f"At {volumes[0]} tokens a month, and at {volumes[1]}."]
    if unit == OVER_HORIZON:
        said.append(f"With growth, dated prices and one-off cost, over {comparison.b.horizon_months:g} months.")
    else:
        said.append("Run rate: no growth, prices of the first day, no one-off cost.")
    if is_cut:
        said.append("The axis does not start at 0.")
    if left:
        said.append(f"{len(left)} more option{'s differ' if len(left) > 1 else ' differs'}: compare.csv.")
    return " ".join(said)
