"""What maps over two keys have in common: panels, ticks by value, cells that are one colour, the key beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import BODY, DPI, FAINT, NAME, PAPER, RULE, SMALL

PLOT = Box(LEFT + 232.0, 130.0, RIGHT - 250.0, 740.0)
KEY_LEFT, KEY_PITCH = RIGHT - 200.0, 36.0
MOST_PANELS = 12
_ACROSS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3, 10: 4, 11: 4, 12: 4}  # panels side by side, by count
_GAP, _TITLE = 22.0, 46.0  # between panels; above each, for its title
_LEAST_RULED = 15.0  # pixels of a cell from which cells are ruled apart
_LINE = SMALL * DPI / 72  # height of a line of text in pixels


@dataclass(frozen=True)
class Look:
    """How a cell without a number is filled."""

    colour: str
    hatch: str = ""
    hatch_colour: str = RULE


LOOKS: Mapping[str, Look] = {
    "never": Look("#dedede", "///"),
    "always": Look("#f7f7f7", ".."),
    "not settled": Look("#d3d3d3", "\\\\\\"),
    "infeasible": Look("#bdbdbd", "xxx", "#6f6f6f"),
    "fault": Look(PAPER, "++", "#a8a8a8"),
    "not compared": Look("#efefef", "--"),
    "is the baseline": Look("#efefef", "||"),
    "left out": Look(PAPER),
}
"""Greys of what stands where there is no number; white without hatching is a point that was left out."""
_OTHER = Look("#ececec", "oo")


def look_of(word: str) -> Look:
    """The look of a word."""
    return LOOKS.get(word, _OTHER)


@dataclass(frozen=True)
class CellAxes:
    """The two keys of a map: texts of their values, and names from the fullest to the shortest."""

    columns: Sequence[str]
    rows: Sequence[str]
    column_labels: Sequence[str]
    row_labels: Sequence[str]


def panel_boxes(count: int) -> list[Box]:
    """Where so many panels lie, row by row from the top; one fills the slide.

    Raises
    ------
    ValueError
        If there are none, or more than `MOST_PANELS`.
    """
    if not 1 <= count <= MOST_PANELS:
        raise ValueError(f"there are {count} panels, must be 1 to {MOST_PANELS}")
    if count == 1:
        return [PLOT]
    across = _ACROSS[count]
    up = ceil(count / across)
    area = Box(PLOT.left - 20.0, PLOT.bottom, PLOT.right, PLOT.top + 40.0)
    width = (area.width - _GAP * (across - 1)) / across
    height = area.height / up - _TITLE
    return [
        Box(left, top - height, left + width, top)
        for place in range(count)
        for left in [area.left + (place % across) * (width + _GAP)]
        for top in [area.top - _TITLE - (place // across) * (height + _TITLE)]
    ]


def frame_panels(page: Page, boxes: Sequence[Box], titles: Sequence[Sequence[str]], names: CellAxes) -> list[Axes]:
    """Empty axes in the boxes, with ticks at the left and at the foot of the slide only, and the names of the keys."""
    size = len(names.columns), len(names.rows)
    panels = [page.axes(box) for box in boxes]
    for axes, box, title in zip(panels, boxes, titles, strict=True):
        axes.set_xlim(0, size[0])
        axes.set_ylim(0, size[1])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        _ticks_across(page, axes, box, names.columns if _is_lowest(box, boxes) else [])
        _ticks_up(page, axes, box, names.rows if box.left == boxes[0].left else [])
        if title:
            fitting = [text for text in title if page.text_width(text, BODY, bold=True) <= box.width]
            text = fitting[0] if fitting else page.cut(title[-1], box.width, BODY, bold=True)
            page.write(box.left, box.top + 10.0, text, size=BODY, bold=True)
    if len(boxes) == 1:
        page.label_axes(panels[0], boxes[0], names.column_labels, names.row_labels)
    else:
        ticks = [label.get_text() for axes in panels for label in axes.get_xticklabels()]
        _label_all(page, boxes, names, in_two_lines=any("\n" in text for text in ticks))
    return panels


def _is_lowest(box: Box, boxes: Sequence[Box]) -> bool:
    return all(other.left != box.left or other.bottom >= box.bottom for other in boxes)


def _label_all(page: Page, boxes: Sequence[Box], names: CellAxes, *, in_two_lines: bool) -> None:
    """One name below all panels and one at their left."""
    area = Box(boxes[0].left, boxes[-1].bottom, max(box.right for box in boxes), boxes[0].top)
    below = PLOT.bottom - (82.0 if in_two_lines else 62.0)
    across = page.first_that_fits(names.column_labels, area.width, NAME)
    page.write((area.left + area.right) / 2, below, across, size=NAME, align="center")
    page.figure.text(
        (LEFT + 12.0) / theme.WIDTH, (area.bottom + area.top) / 2 / theme.HEIGHT,
        page.first_that_fits(names.row_labels, area.height, NAME),
        fontsize=NAME, rotation=90, ha="center", va="center",
    )  # fmt: skip


def _ticks_across(page: Page, axes: Axes, box: Box, texts: Sequence[str]) -> None:
    """A tick at the middle of every cell, in two lines where one is too short, or of every so many."""
    if not texts:
        axes.set_xticks([])
        return
    step = box.width / len(texts)
    short = [page.wrapped(text, max(step, 120.0) - 10, 2) for text in texts]
    widths = [max(map(page.text_width, lines)) for lines in short]
    every = ceil((max(widths) + 10) / step)
    # A text that reached beyond its panel would touch the one of the next panel.
    places = [place for place in range(0, len(short), every) if _is_within(widths[place], (place + 0.5) * step, box)]
    axes.set_xticks([place + 0.5 for place in places], ["\n".join(short[place]) for place in places])


def _is_within(width: float, middle: float, box: Box) -> bool:
    beyond = _GAP / 2 - 3
    return middle - width / 2 >= -beyond and middle + width / 2 <= box.width + beyond


def _ticks_up(page: Page, axes: Axes, box: Box, texts: Sequence[str]) -> None:
    if not texts:
        axes.set_yticks([])
        return
    width = box.left - LEFT - 40.0
    every = ceil(_LINE * 1.4 / (box.height / len(texts)))
    places = range(0, len(texts), every)
    lines = max(1, min(3, int(box.height / len(texts) / (_LINE * 1.4))))
    short = ["\n".join(page.wrapped(texts[place], width, lines)) for place in places]
    axes.set_yticks([place + 0.5 for place in places], short)


def fill_cells(axes: Axes, words: Array, looks: Mapping[str, Look]) -> None:
    """Fill cells by their words, neighbours in a row that are alike in one piece.

    Parameters
    ----------
    axes : Axes
        One unit a cell.
    words : array of str of shape (rows, columns)
        Empty where the cell is not to be filled.
    looks : mapping
        By word; one that is not there has the look of `look_of`.
    """
    for row, texts in enumerate(words.tolist()):
        column = 0
        for word, run in groupby(texts):
            width = len(list(run))
            if word:
                look = looks.get(word) or look_of(word)
                axes.add_patch(_hatched((column, row), width, 1.0, look))
            column += width


def _hatched(corner: tuple[float, float], width: float, height: float, look: Look) -> Rectangle:
    patch = Rectangle(
        corner, width, height, facecolor=look.colour, edgecolor=look.hatch_colour, hatch=look.hatch or None, linewidth=0
    )  # fmt: skip
    if hasattr(patch, "set_hatchcolor"):  # matplotlib before 3.11 gives hatches the colour of the edge
        patch.set_hatchcolor(look.hatch_colour)
    return patch


def rule_cells(axes: Axes, box: Box, words: Array) -> None:
    """White lines between cells, unless they are so small that little would be left of them."""
    rows, columns = words.shape
    if min(box.width / columns, box.height / rows) >= _LEAST_RULED:
        axes.vlines(np.arange(columns + 1), 0, rows, color=PAPER, linewidth=1.6)
        axes.hlines(np.arange(rows + 1), 0, columns, color=PAPER, linewidth=1.6)


def fits(page: Page, box: Box, shape: tuple[int, int], texts: Iterable[str]) -> bool:
    """Whether all of the texts fit in a cell each."""
    rows, columns = shape
    width, height = box.width / columns - 10, box.height / rows - 6
    return height >= _LINE * 1.2 and all(page.text_width(text) <= width for text in set(texts))


def label_cell(axes: Axes, row: int, column: int, text: str, look: Look) -> None:
    """A text in the middle of a cell, on a sheet of its colour where it is hatched."""
    sheet = {"facecolor": look.colour, "edgecolor": "none", "pad": 2.0} if look.hatch else None
    axes.text(
        column + 0.5, row + 0.5, text, ha="center", va="center", color=theme.ink_on(look.colour), bbox=sheet
    )  # fmt: skip


def key_rows(page: Page, top: float, entries: Sequence[tuple[str, Look]]) -> float:
    """Swatches with their names at the right of the maps, one below the other; where the next one would begin."""
    for name, look in entries:
        corner = KEY_LEFT / theme.WIDTH, (top - 22) / theme.HEIGHT
        swatch = _hatched(corner, 34 / theme.WIDTH, 22 / theme.HEIGHT, look)
        swatch.set_transform(page.figure.transFigure)
        swatch.set_linewidth(0.6)
        page.figure.add_artist(swatch)
        page.write(KEY_LEFT + 46, top - 11, page.cut(name, RIGHT - KEY_LEFT - 46), at="center")
        top -= KEY_PITCH
    return top


def words_used(words: Sequence[Array]) -> list[str]:
    """Words of all panels, each once, in the order of `LOOKS`."""
    used = {word for one in words for word in np.unique(one.astype(str)).tolist() if word}
    return [word for word in LOOKS if word in used] + sorted(used - set(LOOKS))


def write_note(page: Page, top: float, text: str) -> None:
    """A small note below the key."""
    for line in page.wrapped(text, RIGHT - KEY_LEFT, 6):
        page.write(KEY_LEFT, top, line, colour=FAINT, at="top")
        top -= 27.0
