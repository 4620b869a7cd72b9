"""What every option costs at the scenario's own volume, line by line."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.presentation import theme
from simulator.presentation.numbers import distinct, linear_ticks, number, whole_usd
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import DPI, FAINT, MOST_OPTIONS, NAME, PAPER, SMALL
from simulator.presentation.wording import run_rate_note
from simulator.solving.study import INFEASIBLE, OptionAtVolume, Study

PLOT = Box(LEFT, 120.0, RIGHT - 210.0, 748.0)  # right of it the totals
_LINE_HEIGHT = SMALL * DPI / 72 * 1.3


def bill_chart(study: Study) -> Figure:
    """Monthly cost of every option at the scenario's own volume, one bar an option, its lines side by side.

    Parameters
    ----------
    study : Study
        The answer, with the options at the scenario's own volume.

    Returns
    -------
    Figure
        A slide. Lines too small to be written in the bar are listed under it, lines of 0 USD are left out.
    """
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        options = list(study.options.values())[:MOST_OPTIONS]
        most = max((option.usd_per_month for option in options), default=0.0) or 1.0
        axes.set_xlim(0.0, most)
        axes.set_ylim(0.0, PLOT.height)
        ticks = linear_ticks(0.0, most)
        axes.set_xticks(ticks, distinct(ticks))
        axes.set_yticks([])
        axes.set_xlabel("Cost [USD per month]", labelpad=8)
        axes.spines["left"].set_visible(False)
        theme.clean_axes(axes, grid="x")
        lines = list(dict.fromkeys(line for option in study.options.values() for line in option.lines))
        colours = theme.cost_line_colours(lines)
        pitch = min(300.0, PLOT.height / len(options))
        for place, option in enumerate(options):
            _option_row(page, axes, option, colours, top=PLOT.height - place * pitch, pitch=pitch)
        page.heading(study.title, _subtitles(study))
        absent = [pair.challenger for pair in study.pairs.values() if pair.reason == INFEASIBLE]
        page.footer(run_rate_note(study, [*list(study.options)[MOST_OPTIONS:], *absent]))
    return page.figure


def cost_line_label(line: str) -> str:
    """A cost line in plain words: 'cached input', and a fixed item by its own name."""
    return line.removeprefix("fixed: ").replace("_", " ")


def _subtitles(study: Study) -> list[str]:
    best = study.options[study.cheapest]
    cost = whole_usd(best.usd_per_month)
    here = f"At {number(study.tokens_per_month)} tokens a month"
    return [
        f"{here} ({number(study.requests_per_day)} requests a day) {best.name} costs least: {cost} a month",
        f"{here} {best.name} costs least: {cost} a month",
        f"{here} the least is {cost} a month",
    ]


def _option_row(
    page: Page, axes: Axes, option: OptionAtVolume, colours: dict[str, str], *, top: float, pitch: float
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
    left, unwritten = 0.0, []
    for line, usd in option.lines.items():
        if usd <= 0:
            continue
        axes.barh(
            bar_top, usd, height=-bar_height, left=left, align="edge", color=colours[line], linewidth=0, label=line
        )
        if left > 0:
            axes.vlines(left, bar_top - bar_height, bar_top, color=PAPER, linewidth=1.6)
        if not _write_inside(page, axes, cost_line_label(line), usd, left, (bar_top, bar_height), colours[line]):
            unwritten.append(f"{cost_line_label(line)} {whole_usd(usd)}")
        left += usd
    end = _x_pixels(axes, left)
    total = whole_usd(option.usd_per_month)
    page.write(end + 12, PLOT.bottom + bar_top - bar_height / 2, total, size=NAME, bold=True, at="center")
    if unwritten:
        listed = page.cut(", ".join(unwritten), RIGHT - PLOT.left)
        page.write(PLOT.left, PLOT.bottom + bar_top - bar_height - 4, listed, at="top")


def _write_inside(
    page: Page, axes: Axes, label: str, usd: float, left: float, bar: tuple[float, float], colour: str
) -> bool:
    """Write a line's name and amount in its part of the bar, in one line or two; False where there is no room."""
    start, end = _x_pixels(axes, left), _x_pixels(axes, left + usd)
    room = end - start - 16
    both = [f"{label} {whole_usd(usd)}"]
    apart = [label, whole_usd(usd)]
    bar_top, bar_height = bar
    texts = next(
        (
            texts
            for texts in (both, apart)
            if max(page.text_width(text) for text in texts) <= room and len(texts) * _LINE_HEIGHT <= bar_height
        ),
        None,
    )
    if texts is None:
        return False
    upper = PLOT.bottom + bar_top - (bar_height - len(texts) * _LINE_HEIGHT) / 2
    for place, text in enumerate(texts):
        page.write(start + 9, upper - (place + 0.5) * _LINE_HEIGHT, text, colour=theme.ink_on(colour), at="center")
    return True


def _x_pixels(axes: Axes, usd: float) -> float:
    low, high = axes.get_xlim()
    return PLOT.left + PLOT.width * (usd - low) / (high - low)
