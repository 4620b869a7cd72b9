"""Break-even volume over two keys, and over a third in small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_hex
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts import cells
from simulator.presentation.charts.cells import KEY_LEFT, KEY_PITCH, LOOKS, CellAxes, Look
from simulator.presentation.numbers import distinct, log_ticks, volume
from simulator.presentation.page import Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import NAME

# Light to dark, so that it reads in grey; the least volume, where an own fleet pays soonest, is the lightest.
_COLOURS = LinearSegmentedColormap.from_list("volumes", ["#fdf3d8", "#f3c567", "#e08a3c", "#a8503f", "#4d2346"])
_BAR_TOP = 690.0
_LEAST_SPAN = 2.0  # of the volumes that the scale of colours takes


@dataclass(frozen=True, eq=False)
class VolumePanel:
    """One map: settled break-even volumes, and what stands where there is none.

    Attributes
    ----------
    titles : tuple of str
        Value of the third key, from the fullest text to the shortest; empty where there is no such key.
    volumes : array of shape (rows, columns)
        The first row at the bottom. [tokens per month]
    words : array of str of shape (rows, columns)
        As `never` or `infeasible`; empty where the volume counts.
    """

    titles: tuple[str, ...]
    volumes: Array
    words: Array


def heatmap_chart(panels: Sequence[VolumePanel], names: CellAxes, title: str, subtitle: str, footer: str) -> Figure:
    """Volume from which a challenger pays for good, over two keys.

    Parameters
    ----------
    panels : sequence of VolumePanel
        One, or one a value of a third key.
    names : CellAxes
        Of the two keys.
    title, subtitle, footer : str
        What the slide says.

    Returns
    -------
    Figure
        A slide. The first axes hold the cells of the panels, on one scale of colours; cells without a volume are grey
        and hatched by their word.

    Raises
    ------
    ValueError
        If there are no panels, or too many, or one is not of the shape of the keys.
    """
    shape = len(names.rows), len(names.columns)
    for panel in panels:
        if panel.volumes.shape != shape or panel.words.shape != shape:
            raise ValueError(
                f"a panel has volumes of shape {panel.volumes.shape} and words of {panel.words.shape}, must be {shape}"
            )
    boxes = cells.panel_boxes(len(panels))
    shown = [np.where(panel.words == "", panel.volumes, np.nan) for panel in panels]
    norm = _norm(np.concatenate([one.ravel() for one in shown]))
    with theme.style():
        page = Page()
        all_axes = cells.frame_panels(page, boxes, [panel.titles for panel in panels], names)
        meshes = [
            _cells(axes, boxes[0], volumes, words, norm)
            for axes, volumes, words in zip(all_axes, shown, _words(panels), strict=True)
        ]
        _label_cells(page, list(zip(all_axes, meshes, shown, _words(panels), strict=True)), boxes[0])
        words = cells.words_used(_words(panels))
        key_top = 160.0 + KEY_PITCH * len(words)
        if any(np.isfinite(one).any() for one in shown):
            _colour_bar(page, meshes[0], Box(KEY_LEFT, key_top + 30, KEY_LEFT + 30, _BAR_TOP))
        cells.key_rows(page, key_top, [(word, cells.look_of(word)) for word in words])
        page.heading(title, [subtitle])
        page.footer(footer)
    return page.figure


def _words(panels: Sequence[VolumePanel]) -> list[Array]:
    return [panel.words for panel in panels]


def _norm(volumes: Array) -> LogNorm:
    finite = volumes[np.isfinite(volumes)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 10.0)
    if high < _LEAST_SPAN * low:  # volumes that are nearly the same are to look nearly the same
        middle = (low * high) ** 0.5
        low, high = middle / _LEAST_SPAN**0.5, middle * _LEAST_SPAN**0.5
    return LogNorm(low, high)


def _cells(axes: Axes, box: Box, shown: Array, words: Array, norm: LogNorm) -> QuadMesh:
    rows, columns = shown.shape
    mesh = axes.pcolormesh(
        np.arange(columns + 1), np.arange(rows + 1), np.ma.masked_invalid(shown), cmap=_COLOURS, norm=norm
    )
    cells.fill_cells(axes, words, LOOKS)
    cells.rule_cells(axes, box, words)
    return mesh


def _label_cells(page: Page, panels: Sequence[tuple[Axes, QuadMesh, Array, Array]], box: Box) -> None:
    """Write volumes in their cells if there is room for all of them, and words where there is for these."""
    shape = panels[0][2].shape
    all_numbers = [
        {place: volume(float(shown[place])) for place in map(tuple, np.argwhere(np.isfinite(shown)).tolist())}
        for _, _, shown, _ in panels
    ]
    with_numbers = cells.fits(page, box, shape, (text for numbers in all_numbers for text in numbers.values()))
    with_words = cells.fits(page, box, shape, cells.words_used([words for *_, words in panels]))
    for (axes, mesh, shown, words), numbers in zip(panels, all_numbers, strict=True):
        if with_numbers:
            for (row, column), text in numbers.items():
                look = Look(to_hex(tuple(mesh.to_rgba(shown[row, column]))))
                cells.label_cell(axes, row, column, text, look)
        if with_words:
            for row, column in np.argwhere(words != "").tolist():
                cells.label_cell(axes, row, column, words[row, column], cells.look_of(words[row, column]))


def _colour_bar(page: Page, mesh: QuadMesh, box: Box) -> None:
    bar = page.axes(box)
    page.figure.colorbar(mesh, cax=bar)
    ticks = log_ticks(*bar.get_ylim())
    bar.set_yticks(ticks, distinct(ticks))
    bar.set_yticks([], minor=True)
    bar.tick_params(length=0, pad=8)
    for spine in bar.spines.values():
        spine.set_visible(False)
    page.write(box.left, box.top + 36, "Volume", size=NAME)
    page.write(box.left, box.top + 12, "[tokens per month]")
