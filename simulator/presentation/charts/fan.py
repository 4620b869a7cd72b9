"""Cost of every option over volume with the bands of what is not known, and the band of the crossing below."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.numbers import distinct, log_ticks, percent, volume
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, spread
from simulator.presentation.risk_wording import own_volume_label, risk_answer
from simulator.presentation.theme import FAINT, INK, MOST_OPTIONS, NAME, PAPER, RULE, SMALL, OptionStyle
from simulator.solving.uncertainty import BOTH, INPUTS, TRAFFIC, UncertaintyStudy

PLOT_LEFT, PLOT_RIGHT, TOP = 168.0, 1310.0, 750.0
_STRIP = 34.0  # height of a row of the crossing's bands
_VARYING = (TRAFFIC, INPUTS, BOTH)
_WORDS = {TRAFFIC: "traffic", INPUTS: "inputs", BOTH: "both"}
_REACH = 3.0  # of the axis beyond the crossing's band and the own volume


def fan_chart(study: UncertaintyStudy) -> Figure:
    """Median cost of every option over volume, within which 80 % and 90 % of the paths lie, and where they cross.

    Parameters
    ----------
    study : UncertaintyStudy
        The answer.

    Returns
    -------
    Figure
        A slide. The first axes hold the median of every option in the order of the options; the second a row for every
        challenger and what varies: bars from p05 to p95 and from p10 to p90 of the settled crossing, its median a dot.
    """
    with theme.style():
        page = Page()
        rows = _strips(study)
        bottom = 122.0 + _STRIP * len(rows) + (26.0 if rows else 0.0)
        plot = Box(PLOT_LEFT, bottom, PLOT_RIGHT, TOP)
        axes = page.axes(plot)
        styles = {name: theme.option_style(place) for place, name in enumerate(list(study.at_medians.options))}
        shown = _shown_curves(study)
        _scale(axes, study, shown)
        for name, table in shown.items():
            _draw_fan(axes, table, styles[name], name)
        own = study.at_medians.tokens_per_month
        axes.axvline(own, color=RULE, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        axes.text(
            own, 0.985, f"{own_volume_label(study)} " if _at_right(axes, own) else f" {own_volume_label(study)}",
            transform=axes.get_xaxis_transform(), va="top", ha="right" if _at_right(axes, own) else "left",
            color=FAINT, size=theme.SMALL,
        )  # fmt: skip
        _name_ends(page, axes, shown, styles, plot)
        if rows:
            strips = page.axes(Box(PLOT_LEFT, 122.0, PLOT_RIGHT, 122.0 + _STRIP * len(rows)))
            _draw_strips(page, strips, axes, rows)
            axes.set_xticklabels([])
            strips.set_xlabel("Volume [tokens per month]", labelpad=9)
        else:
            axes.set_xlabel("Volume [tokens per month]", labelpad=9)
        axes.set_ylabel("Cost [USD per month]")
        axes.yaxis.set_label_coords((48.0 + 12 - PLOT_LEFT) / plot.width, 0.5)
        page.heading(study.at_medians.title, risk_answer(study))
        page.footer(
            "Dark bands and bars: 80 % of the paths; light: 90 %. Bars: where they cross for good. Dots: medians."
        )
    return page.figure


def _shown_curves(study: UncertaintyStudy) -> dict[str, pd.DataFrame]:
    """Rows of every option, of the widest cause that there is."""
    shown: dict[str, pd.DataFrame] = {}
    for name in list(study.at_medians.options)[:MOST_OPTIONS]:
        for varying in (BOTH, INPUTS, TRAFFIC):
            rows = study.curves[(study.curves["option"] == name) & (study.curves["varying"] == varying)]
            if len(rows):
                shown[name] = rows
                break
    if not shown:
        raise ValueError("no option could be had on any path: there is nothing to draw")
    return shown


def _scale(axes: Axes, study: UncertaintyStudy, shown: dict[str, pd.DataFrame]) -> None:
    volumes = next(iter(shown.values()))["tokens_per_month"].to_numpy(dtype=np.float64)
    places = [study.at_medians.tokens_per_month]
    for pair in study.pairs.values():
        ends = pair.bands[["p05", "p95"]].to_numpy(dtype=np.float64).ravel()
        places += [float(end) for end in ends if 0 < end < math.inf]
    low = max(float(volumes[0]), min(places) / _REACH)
    high = min(float(volumes[-1]), max(places) * _REACH)
    axes.set_xscale("log")
    axes.set_xlim(low, max(high, low * 4.0))
    inside = (volumes >= axes.get_xlim()[0]) & (volumes <= axes.get_xlim()[1])
    costs = np.concatenate([table[["p05", "p95"]].to_numpy()[inside].ravel() for table in shown.values()])
    positive = costs[costs > 0]
    least, most = (float(positive.min()), float(positive.max())) if positive.size else (1.0, 10.0)
    axes.set_yscale("log")
    axes.set_ylim(least / 1.3, most * 1.3)
    ticks = log_ticks(least / 1.3, most * 1.3)
    axes.set_yticks(ticks, distinct(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    _volume_ticks(axes)
    theme.clean_axes(axes)


def _volume_ticks(axes: Axes) -> None:
    ticks = log_ticks(*axes.get_xlim())
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_xticks([], minor=True)


def _draw_fan(axes: Axes, table: pd.DataFrame, look: OptionStyle, name: str) -> None:
    volumes = table["tokens_per_month"].to_numpy()
    for low, high, alpha in (("p05", "p95", 0.14), ("p10", "p90", 0.2)):
        axes.fill_between(volumes, table[low], table[high], color=look.colour, alpha=alpha, linewidth=0, zorder=2)
    axes.plot(
        volumes, table["p50"], color=look.colour, linestyle=look.dashes, linewidth=look.width, label=name, zorder=4
    )


def _at_right(axes: Axes, own: float) -> bool:
    low, high = np.log(axes.get_xlim())
    return bool((math.log(own) - low) / (high - low) > 0.85)


def _name_ends(
    page: Page, axes: Axes, shown: dict[str, pd.DataFrame], styles: dict[str, OptionStyle], plot: Box
) -> None:
    """Options named at the right ends of their medians."""
    last = axes.get_xlim()[1]
    ends: list[tuple[float, str]] = []
    for name, table in shown.items():
        usd = float(np.interp(math.log(last), np.log(table["tokens_per_month"]), table["p50"]))
        ends.append((usd, name))
    ends.sort(reverse=True)
    width = RIGHT - plot.right - 40
    blocks = [
        [Row(page.cut(name if usd > 0 else f"{name} (0 USD)", width, NAME), size=NAME, option=styles[name])]
        for usd, name in ends
    ]
    heights = [page.block_size(block)[1] + 4 for block in blocks]
    wanted = [
        float(axes.transData.transform((last, max(usd, 1e-300)))[1]) + block[0].height * 0.41
        for (usd, _), block in zip(ends, blocks, strict=True)
    ]
    for block, upper in zip(blocks, spread(wanted, heights, plot.bottom, plot.top), strict=True):
        page.block(plot.right + 16, upper, block)


def _strips(study: UncertaintyStudy) -> list[tuple[str, pd.Series, OptionStyle]]:
    """A row for every challenger and what varies: its words, its band and its look."""
    names = list(study.at_medians.options)
    several = len(study.pairs) > 1
    rows = []
    for name, pair in list(study.pairs.items())[: MOST_OPTIONS - 1]:
        look = theme.option_style(names.index(name)) if name in names else theme.option_style(1)
        widest = list(pair.bands["varying"])[-1]
        for varying in _VARYING:
            found = pair.bands[(pair.bands["varying"] == varying) & (pair.bands["quantity"] == "settled")]
            if len(found) and (not several or varying == widest):
                rows.append((name if several else _WORDS[varying], found.iloc[0], look))
    return rows


def _draw_strips(page: Page, strips: Axes, axes: Axes, rows: list[tuple[str, pd.Series, OptionStyle]]) -> None:
    strips.set_xscale("log")
    strips.set_xlim(axes.get_xlim())
    strips.set_ylim(len(rows) - 0.5, -0.5)
    strips.set_yticks([])
    _volume_ticks(strips)
    theme.clean_axes(strips, grid="x")
    strips.spines["left"].set_visible(False)
    low, high = strips.get_xlim()
    for place, (text, band, look) in enumerate(rows):
        for left, right, width, alpha in (("p05", "p95", 7.0, 0.35), ("p10", "p90", 13.0, 0.7)):
            ends: Array = np.clip([band[left], band[right]], low, high)
            if band[left] < math.inf:
                strips.plot(
                    ends, [place, place], color=look.colour, alpha=alpha, linewidth=width, solid_capstyle="butt"
                )
        if band["p50"] < math.inf:
            strips.plot([band["p50"]], [place], "o", color=PAPER, markeredgecolor=INK, markersize=7, zorder=5)
        y = 122.0 + _STRIP * (len(rows) - place - 0.5)
        median = volume(band["p50"]) if band["p50"] < math.inf else "never"
        never = f", {percent(band['never_share'])} never" if 0 < band["never_share"] < 1 else ""
        width = RIGHT - PLOT_RIGHT - 10
        name = page.cut(text, width - page.text_width(f": {median}"))
        told = page.first_that_fits([f"{name}: {median}{never}", f"{name}: {median}"], width, SMALL)
        page.write(PLOT_RIGHT + 16, y, told, at="center")
