"""Break-even volume over two keys."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simulator.presentation import theme
from simulator.presentation.numbers import distinct, key_labels, log_ticks, number, volume
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import DPI, NAME, PAPER, RULE, SMALL

PLOT = Box(LEFT + 170, 130.0, RIGHT - 250.0, 740.0)
BAR = Box(RIGHT - 200.0, 250.0, RIGHT - 170.0, 700.0)
# Light to dark, so that it reads in grey; the least volume, where an own fleet pays soonest, is the lightest.
_COLOURS = LinearSegmentedColormap.from_list("volumes", ["#fdf3d8", "#f3c567", "#e08a3c", "#a8503f", "#4d2346"])
_HATCHES = {
    "never": ("#e2e2e2", "///"),
    "infeasible": ("#c4c4c4", "xx"),
    "always": ("#f7f7f7", ".."),
    "not settled": ("#d3d3d3", "\\\\\\"),
}
_OTHER_HATCH = ("#ececec", "--")
_WORDS = {
    "baseline_always_cheaper": "never",
    "challenger_always_cheaper": "always",
    "not_settled_in_range": "not settled",
}
_NUMBERS = ("", "settled", "ok", "none", "nan")


def heatmap_chart(values: pd.DataFrame, row_key: str, column_key: str, title: str, status: pd.DataFrame) -> Figure:
    """Volume from which a challenger pays for good, over two keys.

    Parameters
    ----------
    values : DataFrame
        Settled break-even volume; index: values of the row key, columns: values of the column key. [tokens per month]
    row_key, column_key : str
        Dotted keys.
    title : str
        Headline.
    status : DataFrame of str
        Of the same shape: `never`, `infeasible`, `always` or another word (or reason of a pair) where there is no
        volume to show, empty or `settled` where there is.

    Returns
    -------
    Figure
        A slide. The first axes hold the cells, the first row at the bottom; cells without a volume are hatched grey.

    Raises
    ------
    ValueError
        If there are no cells, or the two tables differ in shape.
    """
    if values.size == 0 or values.shape != status.shape:
        raise ValueError(f"values have shape {values.shape}, status {status.shape}; must be the same and not empty")
    volumes = values.to_numpy(dtype=np.float64, na_value=np.nan)
    words = [[cell_word(text, volumes[i, j]) for j, text in enumerate(row)] for i, row in enumerate(status.to_numpy())]
    shown = np.where(np.array(words) == "", volumes, np.nan)
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        mesh = _cells(axes, shown, words)
        _label_cells(page, axes, mesh, shown, words)
        _category_axes(page, axes, values.columns, values.index)
        page.label_axes(axes, PLOT, key_labels(column_key), key_labels(row_key))
        if np.isfinite(shown).any():
            _colour_bar(page, mesh)
        _hatch_key(page, words)
        page.heading(title, ["Volume from which the challenger pays for good, at run rate; lighter is sooner"])
        page.footer("Hatched: there is no such volume. A month is 730 h.")
    return page.figure


def cell_word(status: object, tokens_per_month: float) -> str:
    """The word of a cell that has no volume; empty where it has one."""
    text = "" if status is None or (isinstance(status, float) and np.isnan(status)) else str(status)
    if text.lower() in _NUMBERS:
        if np.isfinite(tokens_per_month) and tokens_per_month > 0:
            return ""
        return "always" if tokens_per_month == 0 else "never"
    return _WORDS.get(text, text.replace("_", " "))


def _cells(axes: Axes, shown: np.ndarray, words: list[list[str]]) -> QuadMesh:
    rows, columns = shown.shape
    finite = shown[np.isfinite(shown)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 10.0)
    if high < 1.02 * low:
        low, high = low / 2, high * 2
    mesh = axes.pcolormesh(
        np.arange(columns + 1),
        np.arange(rows + 1),
        np.ma.masked_invalid(shown),
        cmap=_COLOURS,
        norm=LogNorm(low, high),
    )
    for row, texts in enumerate(words):
        column = 0
        for word, run in groupby(texts):
            width = len(list(run))
            if word:
                colour, hatch = _HATCHES.get(word, _OTHER_HATCH)
                patch = Rectangle((column, row), width, 1, facecolor=colour, edgecolor=RULE, hatch=hatch, linewidth=0)
                axes.add_patch(patch)
            column += width
    if max(rows, columns) <= 40:
        axes.vlines(np.arange(columns + 1), 0, rows, color=PAPER, linewidth=1.6)
        axes.hlines(np.arange(rows + 1), 0, columns, color=PAPER, linewidth=1.6)
    axes.set_xlim(0, columns)
    axes.set_ylim(0, rows)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return mesh


def _label_cells(page: Page, axes: Axes, mesh: QuadMesh, shown: np.ndarray, words: list[list[str]]) -> None:
    """Write volume or word in every cell, if there is room in all of them."""
    rows, columns = shown.shape
    width, height = PLOT.width / columns - 10, PLOT.height / rows - 6
    numbers = {(i, j): volume(shown[i, j]) for i in range(rows) for j in range(columns) if not words[i][j]}
    texts = {(i, j): numbers.get((i, j)) or words[i][j] for i in range(rows) for j in range(columns)}
    longest = max(page.text_width(text) for text in set(texts.values()))
    if longest > width or height < SMALL * DPI / 72 * 1.2:
        return
    for (row, column), text in texts.items():
        apart = words[row][column]
        colour = _HATCHES.get(apart, _OTHER_HATCH)[0] if apart else to_hex(tuple(mesh.to_rgba(shown[row, column])))
        axes.text(
            column + 0.5, row + 0.5, text, ha="center", va="center", color=theme.ink_on(colour),
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 2.0} if apart else None,
        )  # fmt: skip


def _category_axes(page: Page, axes: Axes, columns: Iterable[object], rows: Iterable[object]) -> None:
    """A tick at the middle of every cell, or of every so many where the texts would touch."""
    across, up = value_texts(columns), [page.cut(text, 130.0) for text in value_texts(rows)]
    step = PLOT.width / len(across)
    across = [page.cut(text, max(step, 120.0) - 8) for text in across]
    every = int(np.ceil((max(page.text_width(text) for text in across) + 8) / step))
    places = list(range(0, len(across), every))
    axes.set_xticks([place + 0.5 for place in places], [across[place] for place in places])
    every = int(np.ceil(SMALL * DPI / 72 * 1.4 / (PLOT.height / len(up))))
    places = list(range(0, len(up), every))
    axes.set_yticks([place + 0.5 for place in places], [up[place] for place in places])
    axes.tick_params(length=0)


def value_texts(values: Iterable[object]) -> list[str]:
    """Values of a key as texts: numbers readable, words as they are."""
    listed = list(values)
    if all(
        isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) for value in listed
    ):
        return distinct([float(value) for value in listed], number)  # type: ignore[arg-type]
    return [str(value) for value in listed]


def _colour_bar(page: Page, mesh: QuadMesh) -> None:
    bar = page.axes(BAR)
    page.figure.colorbar(mesh, cax=bar)
    ticks = log_ticks(*bar.get_ylim())
    bar.set_yticks(ticks, distinct(ticks))
    bar.set_yticks([], minor=True)
    bar.tick_params(length=0, pad=8)
    for spine in bar.spines.values():
        spine.set_visible(False)
    page.write(BAR.left, BAR.top + 36, "Volume", size=NAME)
    page.write(BAR.left, BAR.top + 12, "[tokens per month]")


def _hatch_key(page: Page, words: list[list[str]]) -> None:
    top = BAR.bottom - 40
    for word in sorted({word for row in words for word in row if word}):
        colour, hatch = _HATCHES.get(word, _OTHER_HATCH)
        patch = Rectangle(
            (BAR.left / theme.WIDTH, (top - 22) / theme.HEIGHT), 34 / theme.WIDTH, 22 / theme.HEIGHT,
            transform=page.figure.transFigure, facecolor=colour, edgecolor=RULE, hatch=hatch, linewidth=0.6,
        )  # fmt: skip
        page.figure.add_artist(patch)
        page.write(BAR.left + 46, top - 11, page.cut(word, RIGHT - BAR.left - 46), at="center")
        top -= 36
