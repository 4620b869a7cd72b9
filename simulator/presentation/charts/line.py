"""Break-even volume over one key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.key_values import is_number, value_texts
from simulator.presentation.numbers import distinct, linear_ticks, log_ticks
from simulator.presentation.page import RIGHT, Page, Row
from simulator.presentation.placing import Box, spread
from simulator.presentation.theme import INK, NAME, PAPER

PLOT = Box(168.0, 130.0, 1320.0, 745.0)
STRIP = 38.0  # height of a row of marks for what has no volume
_FIRST = theme.option_style(3)
_SETTLED = theme.option_style(1)
_MARKS = {"never": "x", "infeasible": "+", "always": "^", "not settled": "d", "fault": "s"}


def line_chart(
    x: Sequence[object],
    first: Sequence[float | None],
    settled: Sequence[float | None],
    words: Sequence[str],
    labels: Sequence[str],
    title: str,
    subtitle: str,
    footer: str,
) -> Figure:
    """First and settled break-even volume over the values of one key.

    Parameters
    ----------
    x : sequence of n numbers or texts
        Values of the key; mappings and lists are written in short.
    first, settled : sequences of n floats
        Volumes; None or NaN where there is none. [tokens per month]
    words : sequence of n str
        As `never` or `infeasible` where there is no settled volume, empty where there is.
    labels : sequence of str
        Names of the key, from the fullest to the shortest.
    title, subtitle, footer : str
        What the slide says.

    Returns
    -------
    Figure
        A slide. The first axes hold the lines settled, first; what has no settled volume is marked in rows above them.

    Raises
    ------
    ValueError
        If the sequences are empty or differ in length.
    """
    lengths = {len(x), len(first), len(settled), len(words)}
    if len(lengths) != 1 or not x:
        raise ValueError(
            f"x, first, settled and words have {sorted(lengths)} values; must be as many, and at least one"
        )
    firsts, settles = _volumes(first), _volumes(settled)
    settles = np.where(np.array(words) == "", settles, np.nan)
    with theme.style():
        page = Page()
        is_numeric = all(is_number(value) for value in x)
        at = np.array(x, dtype=np.float64) if is_numeric else np.arange(len(x), dtype=np.float64)
        axes, plot = framed(page, at, np.concatenate([firsts, settles]), words, [] if is_numeric else value_texts(x))
        order = np.argsort(at, kind="stable")
        _draw(axes, at[order], firsts[order], settles[order], is_line=is_numeric)
        _name_lines(page, axes, firsts[order], settles[order], plot.top)
        page.label_axes(axes, plot, labels, ["Break-even volume [tokens per month]"])
        page.heading(title, [subtitle])
        page.footer(footer)
    return page.figure


def framed(
    page: Page, places: Array, volumes: Array, words: Sequence[str], texts: Sequence[str] = ()
) -> tuple[Axes, Box]:
    """Axes over the values of a key, with a row of marks above them for each word; and their box.

    Parameters
    ----------
    page : Page
        To draw on.
    places : array of shape (n,)
        Values of the key, or, where there are texts, which of these.
    volumes : array
        What the upright axis must hold. [tokens per month]
    words : sequence of n str
        Empty where there is a volume.
    texts : sequence of str
        Values that are no numbers.
    """
    kinds = sorted({word for word in words if word})
    top = PLOT.top - STRIP * len(kinds) - (14 if kinds else 0)
    plot = Box(PLOT.left, PLOT.bottom, PLOT.right, top)
    axes = page.axes(plot)
    if texts:
        _text_axis(page, axes, texts)
    else:
        _number_axis(axes, places)
    _volume_axis(axes, volumes)
    told = np.array(words)
    for row, word in enumerate(kinds):
        _strip(page, axes, places[told == word], word, top + 14 + STRIP * row)
    return axes, plot


def _volumes(values: Sequence[float | None]) -> Array:
    volumes = np.array([np.nan if value is None else float(value) for value in values])
    return np.where(np.isfinite(volumes) & (volumes > 0), volumes, np.nan)


def _text_axis(page: Page, axes: Axes, texts: Sequence[str]) -> None:
    """A tick a text, or every so many where they would touch."""
    axes.set_xlim(-0.5, len(texts) - 0.5)
    step = PLOT.width / len(texts)
    short = [page.wrapped(text, max(step, 120.0) - 10, 2) for text in texts]
    every = int(np.ceil((max(page.text_width(line) for lines in short for line in lines) + 10) / step))
    axes.set_xticks(range(0, len(short), every), ["\n".join(lines) for lines in short[::every]])


def _number_axis(axes: Axes, places: Array) -> None:
    """Scale and ticks of numbers; logarithmic where they span more than one and a half powers of ten."""
    low, high = float(places.min()), float(places.max())
    if low > 0 and high > 10**1.5 * low:
        axes.set_xscale("log")
        reach = (high / low) ** 0.03
        axes.set_xlim(low / reach, high * reach)
        ticks = log_ticks(low / reach, high * reach)
    else:
        reach = 0.03 * (high - low) or abs(high) * 0.5 or 1.0
        axes.set_xlim(low - reach, high + reach)
        ticks = linear_ticks(low - reach, high + reach, 8)
    axes.set_xticks(ticks, distinct(ticks))
    axes.set_xticks([], minor=True)


def _volume_axis(axes: Axes, volumes: Array) -> None:
    finite = volumes[np.isfinite(volumes)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1e8, 1e10)
    reach = max((high / low) ** 0.08, 1.15)
    axes.set_yscale("log")
    axes.set_ylim(low / reach, high * reach)
    ticks = log_ticks(low / reach, high * reach) if finite.size else []
    axes.set_yticks(ticks, distinct(ticks) if ticks else [])
    axes.set_yticks([], minor=True)
    theme.clean_axes(axes)
    if not finite.size:
        axes.text(
            0.5, 0.5, "no value has a break-even volume", transform=axes.transAxes, ha="center", size=NAME,
            bbox={"facecolor": PAPER, "edgecolor": "none"},
        )  # fmt: skip


def _draw(axes: Axes, places: Array, firsts: Array, settles: Array, *, is_line: bool) -> None:
    """Both lines, or one where they are the same; between texts there is no line."""
    if is_line:
        axes.fill_between(places, firsts, settles, color=_SETTLED.colour, alpha=0.1, linewidth=0)
    lines = [(settles, _SETTLED, "for good")]
    if not np.array_equal(firsts, settles, equal_nan=True):
        lines.append((firsts, _FIRST, "first"))
    for volumes, look, label in lines:
        axes.plot(
            places, volumes, label=label, zorder=3 if label == "for good" else 4,
            color=look.colour, linestyle=look.dashes if is_line else "none", linewidth=look.width,
            marker=look.marker, markersize=7 if is_line else 11,
            markeredgecolor=PAPER, markeredgewidth=0.8,
        )  # fmt: skip


def _strip(page: Page, axes: Axes, places: Array, word: str, bottom: float) -> None:
    """A row of marks above the lines, named at its right end."""
    row = page.axes(Box(PLOT.left, bottom, PLOT.right, bottom + STRIP - 6))
    row.set_xscale(axes.get_xscale())
    row.set_xlim(axes.get_xlim())
    row.set_ylim(-1, 1)
    row.set_facecolor("#f1f1f1")
    row.set_yticks([])
    row.set_xticks([])
    row.set_xticks([], minor=True)
    for spine in row.spines.values():
        spine.set_visible(False)
    row.plot(
        places,
        np.zeros(places.size),
        marker=_MARKS.get(word, "o"),
        color=INK,
        linestyle="none",
        markersize=8,
        label=word,
    )
    page.write(PLOT.right + 20, bottom + (STRIP - 6) / 2, page.cut(word, RIGHT - PLOT.right - 20), at="center")


def _name_lines(page: Page, axes: Axes, firsts: Array, settles: Array, top: float) -> None:
    """The lines named at their right ends; one name where they end in one point."""
    named = ((settles, "pays for good", _SETTLED), (firsts, "first pays", _FIRST))
    ends = [
        (float(volumes[np.isfinite(volumes)][-1]), text, look)
        for volumes, text, look in named
        if np.isfinite(volumes).any()
    ]
    if np.array_equal(firsts, settles, equal_nan=True) and ends:
        ends = [(ends[0][0], "first and for good", _SETTLED)]
    ends.sort(key=lambda end: -end[0])
    rows = [[Row(text, size=NAME, option=look)] for _, text, look in ends]
    heights = [page.block_size(row)[1] + 4 for row in rows]
    wanted = [
        float(axes.transData.transform((axes.get_xlim()[1], usd))[1]) + rows[0][0].height * 0.41 for usd, _, _ in ends
    ]
    for row, upper in zip(rows, spread(wanted, heights, PLOT.bottom, top), strict=True):
        page.block(PLOT.right + 16, upper, row)
