"""What the panels of a slide about a demand have in common: titles, scales, texts beside the lines, time axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.numbers import distinct, linear_ticks
from simulator.presentation.page import Page, Row
from simulator.presentation.placing import Box, FreeSpace
from simulator.presentation.theme import FAINT, PAPER, SMALL

MEAN_DASHES = (0.0, (4.0, 3.0))
USED = "#d9d9d9"
_MOST_PEAK, _SHOWN_PEAK = 2.5, 1.9  # over the load of 1 % of the time: beyond the first the axis ends at the second
_STRETCH, _MOST_STRETCHES = 1.25, 4


def panel(page: Page, box: Box, title: str, x_label: str) -> Axes:
    """Axes with a bold title above their upper left corner, which names and measures what goes up."""
    axes = page.axes(box)
    page.write(box.left, box.top + 15.0, page.cut(title, box.width, bold=True), bold=True)
    axes.set_xlabel(x_label, labelpad=7, fontsize=SMALL)
    return axes


def scale_up(axes: Axes, top: float, most: int = 5) -> None:
    """The upright axis from zero to a little above a number."""
    axes.set_ylim(0.0, 1.08 * top)
    ticks = linear_ticks(0.0, 1.08 * top, most)
    axes.set_yticks(ticks, distinct(ticks))
    theme.clean_axes(axes)


def scale_to_curve(axes: Axes, curve: Array) -> bool:
    """The upright axis of a load-duration curve; whether it holds the peak, or ends below one far above the rest."""
    peak, usual = float(curve[0]), float(curve[1])
    holds = peak <= _MOST_PEAK * usual
    scale_up(axes, peak if holds else _SHOWN_PEAK * usual)
    return holds


def share_axis(axes: Axes) -> None:
    """The level axis from 0 to 100 % of the time."""
    axes.set_xlim(0.0, 100.0)
    axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100"])


def say_unknown(axes: Axes, needs: str) -> None:
    """Say in empty axes what it would take to fill them."""
    theme.clean_axes(axes, grid="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("")
    axes.text(0.5, 0.5, f"unknown\n(needs {needs})", transform=axes.transAxes, ha="center", va="center", color=FAINT)


def write_beside(
    page: Page, axes: Axes, box: Box, lines: Sequence[Array], rows: list[Row], anchor: tuple[float, float]
) -> None:
    """Write rows of text where no line is, nearest to a corner; without such a place the axis ends higher up."""
    for _ in range(_MOST_STRETCHES):
        found = free_space(axes, box, lines).place(page.block_size(rows), anchor)
        if found is not None:
            put_paper(page, found)
            page.block(found.left, found.top, rows)
            return
        scale_up(axes, _STRETCH * axes.get_ylim()[1])


def free_space(axes: Axes, box: Box, lines: Sequence[Array]) -> FreeSpace:
    """The space of a panel beside its lines, each given by points of shape (n, 2) in units of the axes."""
    space = FreeSpace(Box(box.left + 8, box.bottom + 8, box.right, box.top - 4))
    for line in lines:
        pixels = axes.transData.transform(line)
        space.cover_line(np.clip(pixels, [box.left, box.bottom], [box.right, box.top]), margin=10.0)
    return space


def put_paper(page: Page, box: Box, alpha: float = 0.88) -> None:
    """A sheet of paper under a text, so that hatching and grid do not strike it out; `alpha` is how much it hides."""
    corner = ((box.left - 4) / theme.WIDTH, (box.bottom - 2) / theme.HEIGHT)
    width, height = (box.width + 8) / theme.WIDTH, (box.height + 4) / theme.HEIGHT
    sheet = Rectangle(
        corner, width, height, transform=page.figure.transFigure, facecolor=PAPER, linewidth=0, alpha=alpha, zorder=1
    )
    page.figure.add_artist(sheet)
