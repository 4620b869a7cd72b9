"""Keys of a sweep by their effect on the cost difference and on the break-even, the strongest at the top."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts.panels import put_paper
from simulator.presentation.key_values import value_texts
from simulator.presentation.numbers import distinct, linear_ticks, log_ticks, usd, volume
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import BODY, FAINT, INK
from simulator.sweeping.effects import Effect

COST = Box(470.0, 130.0, 960.0, 690.0)
VOLUME = Box(1040.0, 130.0, RIGHT - 6, 690.0)
MOST_KEYS = 8
_COLOUR, _ZONE = theme.option_style(1).colour, "#e9e9e9"
_EDGE = 0.2  # of the width of the numbers: the zone of what no number reaches
_CLEAR = 0.08  # of the width of the numbers: no tick so near to the name of a zone
_SAME_SHARE = 1e-6
_LEAST_USD = 0.005  # below half a cent there is but rounding
_RAISED = 0.2  # of a row: the bar above its middle, so that its text has room below


@dataclass(frozen=True)
class RankedKey:
    """One key: its names, and what it does to the cost difference and to the settled break-even.

    Attributes
    ----------
    labels : sequence of str
        From the fullest to the shortest.
    cost : Effect
        On challenger minus baseline at the own volume. [USD per month]
    settled : Effect
        On the settled break-even; 0 is always, infinity none. [tokens per month]
    """

    labels: Sequence[str]
    cost: Effect
    settled: Effect

    @property
    def moves(self) -> bool:
        """Whether it moves the cost difference by more than rounding."""
        return self.cost.reach > _LEAST_USD


def ranking_chart(
    keys: Sequence[RankedKey], challenger: str, baseline: str, title: str, subtitle: str, footer: str
) -> Figure:
    """How far each key of a sweep moves the outcome.

    Parameters
    ----------
    keys : sequence of RankedKey
        The strongest first; more than eight are cut off.
    challenger, baseline : str
        Names.
    title, subtitle, footer : str
        What the slide says.

    Returns
    -------
    Figure
        A slide. The first axes hold a bar a key from the least to the greatest median cost difference; the second the
        same of the settled break-even volume, with what never breaks even at the right edge.

    Raises
    ------
    ValueError
        If there are no keys.
    """
    if not keys:
        raise ValueError("there are no keys to rank, must be at least one")
    shown = keys[:MOST_KEYS]
    with theme.style():
        page = Page()
        bottom = max(COST.bottom, COST.top - 120.0 * len(shown) - 20)
        boxes = [Box(box.left, bottom, box.right, box.top) for box in (COST, VOLUME)]
        cost, volumes = (page.axes(box) for box in boxes)
        for axes in (cost, volumes):
            axes.set_ylim(len(shown) - 0.5, -0.5)
        _cost_axis(cost, [key.cost for key in shown])
        _volume_axis(volumes, [key.settled for key in shown])
        pitch = boxes[0].height / len(shown)
        for place, key in enumerate(shown):
            middle = boxes[0].top - pitch * (place + 0.5)
            name = page.first_that_fits(key.labels, COST.left - LEFT - 24, BODY)
            page.write(LEFT, middle + _RAISED * pitch, name, size=BODY, at="center")
            _say_reach(page, boxes[0], middle, key.cost, _usd_text)
            _say_reach(page, boxes[1], middle, key.settled, _volume_text)
        _bars(cost, [key.cost for key in shown])
        _bars(volumes, [key.settled for key in shown])
        page.write(COST.left, COST.top + 22, page.cut(f"{challenger} minus {baseline}", COST.width, BODY, bold=True),
                   size=BODY, bold=True)  # fmt: skip
        page.write(VOLUME.left, VOLUME.top + 22, "Break-even for good", size=BODY, bold=True)
        cost.set_xlabel("Cost difference [USD per month]", labelpad=9)
        volumes.set_xlabel("Volume [tokens per month]", labelpad=9)
        page.heading(title, [subtitle])
        page.footer(footer)
    return page.figure


def _bars(axes: Axes, effects: Sequence[Effect]) -> None:
    """A bar a key between its two medians; those without a number end at the edge of the axis."""
    left, right = axes.get_xlim()
    lows = np.clip([effect.low for effect in effects], left, right)
    highs = np.clip([effect.high for effect in effects], left, right)
    axes.barh(np.arange(len(effects)) - _RAISED, highs - lows, left=lows, height=0.3, color=_COLOUR, zorder=3)
    alike = np.flatnonzero(highs == lows)
    axes.plot(
        lows[alike], alike - _RAISED, marker="|", markersize=16, color=_COLOUR, markeredgewidth=3, linestyle="none"
    )


def _cost_axis(axes: Axes, effects: Sequence[Effect]) -> None:
    """From the least to the greatest cost difference and the line where costs are equal."""
    ends = _ends(effects)
    finite = np.append(ends[np.isfinite(ends)], 0.0)
    low, high = float(finite.min()), float(finite.max())
    reach = 0.05 * (high - low) or 1.0
    low, high = low - reach, high + reach
    beyond = high + (_EDGE * (high - low) if np.isposinf(ends).any() else 0.0)
    axes.set_xlim(low, beyond)
    ticks = linear_ticks(low, high - _CLEAR * (high - low) if beyond > high else high, 4)
    axes.set_xticks(ticks, distinct(ticks))
    _clean(axes)
    axes.axvline(0.0, color=INK, linewidth=1.4, linestyle=(0, (4, 2)), zorder=4)
    if beyond > high:
        _edge(axes, high, beyond, "none")


def _volume_axis(axes: Axes, effects: Sequence[Effect]) -> None:
    """From the least to the greatest volume, with an edge for always and one for never."""
    ends = _ends(effects)
    finite = ends[np.isfinite(ends) & (ends > 0)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1e8, 1e10)
    reach = max((high / low) ** 0.06, 1.1)
    low, high = low / reach, high * reach
    edge = (high / low) ** _EDGE
    least, most = low / (edge if (ends == 0).any() else 1.0), high * (edge if np.isposinf(ends).any() else 1.0)
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    clear = (high / low) ** _CLEAR
    within = low * (clear if least < low else 1.0), high / (clear if most > high else 1.0)
    ticks = log_ticks(*within, 4) if finite.size else []
    axes.set_xticks(ticks, distinct(ticks) if ticks else [])
    axes.set_xticks([], minor=True)
    _clean(axes)
    if least < low:
        _edge(axes, least, low, "always")
    if most > high:
        _edge(axes, high, most, "never")


def _ends(effects: Sequence[Effect]) -> Array:
    return np.array([end for effect in effects for end in (effect.low, effect.high) if not math.isnan(end)])


def _clean(axes: Axes) -> None:
    theme.clean_axes(axes, grid="x")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _edge(axes: Axes, start: float, end: float, word: str) -> None:
    """A grey zone that stands for what no number reaches, named at the height of the ticks."""
    axes.axvspan(start, end, facecolor=_ZONE, edgecolor="none", zorder=0)
    middle = math.sqrt(start * end) if axes.get_xscale() == "log" else (start + end) / 2
    axes.annotate(
        word, (middle, 0.0), xycoords=("data", "axes fraction"), xytext=(0, -7), textcoords="offset points",
        ha="center", va="top",
    )  # fmt: skip


def _say_reach(page: Page, box: Box, middle: float, effect: Effect, text: Callable[[float], str]) -> None:
    """Below a bar: its two medians, and the values of the key that they belong to."""
    if math.isnan(effect.low):
        said = "no point of the sweep has one"
    elif math.isclose(effect.low, effect.high, rel_tol=_SAME_SHARE):
        said = f"{text(effect.low)} at every value"
    else:
        said = _both_ends(page, box.width, effect, text)
    said = page.cut(said, box.width)
    top = middle - 8.0
    put_paper(page, Box(box.left + 3, top - 24, box.left + page.text_width(said), top - 2), alpha=1.0)
    page.write(box.left, top, said, colour=FAINT, at="top")


def _both_ends(page: Page, width: float, effect: Effect, text: Callable[[float], str]) -> str:
    """Both medians with the values they belong to; where there is little room, the values are cut."""
    low, high = text(effect.low), text(effect.high)
    low_at, high_at = value_texts([effect.low_at, effect.high_at])
    room = width - page.text_width(f"{low} at , {high} at ")
    low_at = page.cut(low_at, max(room / 2, room - page.text_width(high_at)))
    high_at = page.cut(high_at, room - page.text_width(low_at))
    return f"{low} at {low_at}, {high} at {high_at}"


def _usd_text(amount_usd: float) -> str:
    if math.isinf(amount_usd):
        return "can't be had"
    return "0 USD" if abs(amount_usd) < _LEAST_USD else usd(amount_usd)


def _volume_text(tokens_per_month: float) -> str:
    if math.isinf(tokens_per_month):
        return "never"
    return "always" if tokens_per_month == 0 else volume(tokens_per_month)
