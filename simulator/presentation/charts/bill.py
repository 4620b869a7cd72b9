"""What every option costs at the scenario's own volume, line by line, and what discounts take off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.api_plans import API_LINES
from simulator.presentation import theme
from simulator.presentation.charts.bill_list import Listed, list_lines
from simulator.presentation.numbers import distinct, linear_ticks, number, whole_usd
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import DPI, FAINT, INK, MOST_OPTIONS, NAME, PAPER, RULE, SMALL
from simulator.presentation.wording import at_own_volume, counts_requests, run_rate_note
from simulator.solving.study import INFEASIBLE, OptionAtVolume, Study

PLOT = Box(LEFT, 140.0, RIGHT - 210.0, 748.0)  # right of it the totals
_LINE_HEIGHT = SMALL * DPI / 72 * 1.3
_AT_LIST_PRICES = (*API_LINES, "provisioned units", "spill-over")  # what quotas and discounts are taken off
_FEES = ("subscription", "commitment")
_HATCH = "////"
_SEEN_SHARE = 2e-4  # of a bill, below which a line is neither drawn nor listed


@dataclass(frozen=True)
class Bar:
    """The bill of one option as it is drawn: charges side by side, discounts laid over their end. [USD per month]"""

    charges: Mapping[str, float]
    discounts: Mapping[str, float]

    @classmethod
    def of(cls, lines: Mapping[str, float]) -> Bar:
        """The bar of a bill's lines; where there are discounts, what they are taken off comes last.

        What is too little to be seen, or is rounding, is left out.
        """
        least_usd = _SEEN_SHARE * sum(usd for usd in lines.values() if usd > 0)
        lines = {line: usd for line, usd in lines.items() if abs(usd) > least_usd}
        charges = {line: usd for line, usd in lines.items() if usd > 0}
        discounts = {line: usd for line, usd in lines.items() if usd < 0}
        if discounts:
            charges = dict(sorted(charges.items(), key=lambda charge: charge[0] in _AT_LIST_PRICES))
        return cls(charges, discounts)

    @property
    def charged_usd(self) -> float:
        """All charges, before discounts."""
        return sum(self.charges.values())

    @property
    def at_list_prices_usd(self) -> float:
        """What would be paid without the contract that discounts and fees are part of."""
        return sum(usd for line, usd in self.charges.items() if line not in _FEES)

    @property
    def paid_usd(self) -> float:
        """Where the bar ends."""
        return self.charged_usd + sum(self.discounts.values())


def bill_chart(study: Study) -> Figure:
    """Monthly cost of every option at the scenario's own volume, one bar an option, its lines side by side.

    Parameters
    ----------
    study : Study
        The answer, with the options at the scenario's own volume.

    Returns
    -------
    Figure
        A slide. Lines too small to be written in the bar are listed under it, lines of 0 USD are left out. Charges are
        solid; discounts lie over their end, hatched, so that what is solid ends at the total.
    """
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        options = list(study.options.values())[:MOST_OPTIONS]
        bars = [Bar.of(option.lines) for option in options]
        most = max((bar.charged_usd for bar in bars), default=0.0) or 1.0
        axes.set_xlim(0.0, most)
        axes.set_ylim(0.0, PLOT.height)
        ticks = linear_ticks(0.0, most)
        axes.set_xticks(ticks, distinct(ticks))
        axes.set_yticks([])
        axes.set_xlabel("Cost [USD per month]", labelpad=8)
        axes.spines["left"].set_visible(False)
        theme.clean_axes(axes, grid="x")
        lines = list(dict.fromkeys(line for option in study.options.values() for line in option.lines))
        colours = theme.cost_line_colours(lines, list(study.options))
        pitch = min(300.0, PLOT.height / len(options))
        for place, (option, bar) in enumerate(zip(options, bars, strict=True)):
            _option_row(page, axes, option, bar, colours, top=PLOT.height - place * pitch, pitch=pitch)
        page.heading(study.title, _subtitles(study))
        page.footer(run_rate_note(study, list(study.options)[MOST_OPTIONS:]))
        _left_out(page, study)
    return page.figure


def cost_line_label(line: str) -> str:
    """A cost line in plain words: 'cached input', and a fixed item by its own name."""
    return line.removeprefix("fixed: ").replace("_", " ")


def _subtitles(study: Study) -> list[str]:
    best = study.options[study.cheapest]
    cost = whole_usd(best.usd_per_month)
    here = at_own_volume(study)
    both = here if counts_requests(study) else f"{here} ({number(study.requests_per_day)} requests a day)"
    return [
        f"{both} {best.name} costs least: {cost} a month",
        f"{here} {best.name} costs least: {cost} a month",
        f"{here} the least is {cost} a month",
    ]


def _left_out(page: Page, study: Study) -> None:
    """A line above the footer for options that can't be had, and why."""
    causes = [f"{pair.challenger} ({pair.cause})" for pair in study.pairs.values() if pair.reason == INFEASIBLE]
    if causes:
        page.write(LEFT, 42, page.cut(f"Left out: {'; '.join(causes)}", RIGHT - LEFT), colour=FAINT)


def _option_row(
    page: Page, axes: Axes, option: OptionAtVolume, bar: Bar, colours: dict[str, str], *, top: float, pitch: float
) -> None:
    """Name, bar with its lines and total, and the lines that found no room in it."""
    name = page.cut(option.name, 620.0, NAME, bold=True)
    bar_height = min(0.5 * pitch, pitch - 2 * _LINE_HEIGHT - 14)
    bar_top = top - _LINE_HEIGHT - 4
    page.write(PLOT.left, PLOT.bottom + top, name, size=NAME, bold=True, at="top")
    if option.label != option.name:
        start = PLOT.left + page.text_width(name, NAME, bold=True) + 14
        label = page.cut(option.label, RIGHT - start)
        page.write(start, PLOT.bottom + top - 1, label, colour=FAINT, at="top")
    unwritten = _charges(page, axes, bar, colours, (bar_top, bar_height))
    unwritten += _discounts(page, axes, bar, (bar_top, bar_height))
    _total(page, axes, option, bar, (bar_top, bar_height))
    if unwritten:
        list_lines(page, unwritten, PLOT.left, PLOT.bottom + bar_top - bar_height - 4, RIGHT - PLOT.left)


def _charges(page: Page, axes: Axes, bar: Bar, colours: dict[str, str], place: tuple[float, float]) -> list[Listed]:
    """The solid part, each charge at its full amount; what found no room to be written beside the discounts."""
    top, height = place
    left, unwritten = 0.0, []
    for line, usd in bar.charges.items():
        axes.barh(top, usd, height=-height, left=left, align="edge", color=colours[line], linewidth=0, label=line)
        if left > 0:
            axes.vlines(left, top - height, top, color=PAPER, linewidth=1.6)
        seen = min(usd, max(bar.paid_usd - left, 0.0))
        texts = (cost_line_label(line), whole_usd(usd))
        if not _write_inside(page, axes, texts, left, seen, place, theme.ink_on(colours[line])):
            unwritten.append(Listed(cost_line_label(line), usd, colours[line]))
        left += usd
    return unwritten


def _discounts(page: Page, axes: Axes, bar: Bar, place: tuple[float, float]) -> list[Listed]:
    """The hatched part that is not paid, from the end of the charges down to the total; the first one outermost."""
    top, height = place
    right, unwritten = bar.charged_usd, []
    for line, usd in bar.discounts.items():
        left = right + usd
        axes.barh(
            top, -usd, height=-height, left=left, align="edge", facecolor=(1.0, 1.0, 1.0, 0.74), hatch=_HATCH,
            edgecolor=RULE, linewidth=1.0, label=line,
        )  # fmt: skip
        texts = (cost_line_label(line), f"-{whole_usd(-usd)}")
        if not _write_inside(page, axes, texts, left, -usd, place, INK, on_paper=True):
            unwritten.append(Listed(cost_line_label(line), usd, None))
        right = left
    if bar.discounts:
        axes.vlines(bar.paid_usd, top - height, top + 6, color=INK, linewidth=2.4)
    return unwritten


def _total(page: Page, axes: Axes, option: OptionAtVolume, bar: Bar, place: tuple[float, float]) -> None:
    """What is paid, at the end of the bar, and what it would be at list prices."""
    start, middle = _x_pixels(axes, bar.charged_usd) + 12, PLOT.bottom + place[0] - place[1] / 2
    total = whole_usd(option.usd_per_month)
    without = ["at list prices", whole_usd(bar.at_list_prices_usd)] if bar.discounts else []
    beside = start + page.text_width(total, NAME, bold=True) + 12
    if without and page.text_width(" ".join(without)) <= RIGHT - beside:
        page.write(beside, middle, " ".join(without), colour=FAINT, at="center")
    elif without and place[1] >= 3 * _LINE_HEIGHT:
        for row, text in enumerate(without):
            page.write(start, middle - row * _LINE_HEIGHT, page.cut(text, RIGHT - start), colour=FAINT, at="center")
        middle += _LINE_HEIGHT
    page.write(start, middle, total, size=NAME, bold=True, at="center")


def _write_inside(
    page: Page,
    axes: Axes,
    texts: tuple[str, str],
    left: float,
    usd: float,
    place: tuple[float, float],
    ink: str,
    *,
    on_paper: bool = False,
) -> bool:
    """Write a line's name and amount in its part of the bar, in one line or two; False where there is no room."""
    start, end = _x_pixels(axes, left), _x_pixels(axes, left + usd)
    room = end - start - 16
    top, height = place
    rows = next(
        (
            rows
            for rows in ([" ".join(texts)], list(texts))
            if max(page.text_width(text) for text in rows) <= room and len(rows) * _LINE_HEIGHT <= height
        ),
        None,
    )
    if rows is None:
        return False
    upper = PLOT.bottom + top - (height - len(rows) * _LINE_HEIGHT) / 2
    for row, text in enumerate(rows):
        written = page.write(start + 9, upper - (row + 0.5) * _LINE_HEIGHT, text, colour=ink, at="center")
        if on_paper:
            written.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 1.5})
    return True


def _x_pixels(axes: Axes, usd: float) -> float:
    low, high = axes.get_xlim()
    return PLOT.left + PLOT.width * (usd - low) / (high - low)
