"""Which option is the cheapest at the scenario's own volume, over two keys, and over a third in small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.charts import cells
from simulator.presentation.charts.cells import KEY_PITCH, CellAxes, Look
from simulator.presentation.page import Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import INK, NAME, PAPER

CLOSE_SHARE = 0.05  # an advantage below it is within what prices move in a quarter, and drawn paler
_WIDEST = "100 %"
_PALER = 0.38  # strength of a close cell over that of a clear one
_HATCHES = ("", "///", "..", "\\\\\\", "xx", "--")
_STRENGTHS = (0.3, 0.72, 0.78, 0.78, 0.72, 0.72)  # of the option's colour on paper: labels stay readable


Looks = dict[str, Look]


@dataclass(frozen=True, eq=False)
class DecisionPanel:
    """One map: the cheapest option of every cell.

    Attributes
    ----------
    titles : tuple of str
        Value of the third key, from the fullest text to the shortest; empty where there is no such key.
    options : array of str of shape (rows, columns)
        Name of the cheapest, the first row at the bottom; empty where there is none.
    advantage_shares : array of shape (rows, columns)
        What it saves against the next best option, over the cost of that one; NaN where there is no other. [1]
    words : array of str of shape (rows, columns)
        As `fault`, where there is no cheapest option; empty where there is one.
    """

    titles: tuple[str, ...]
    options: Array
    advantage_shares: Array
    words: Array

    @property
    def is_close(self) -> Array:
        """Where the winner is cheaper by little. Array of bool of shape (rows, columns)."""
        return (self.advantage_shares < CLOSE_SHARE) & (self.options != "")


def decision_map_chart(
    panels: Sequence[DecisionPanel], options: Sequence[str], names: CellAxes, title: str, subtitle: str, footer: str
) -> Figure:
    """Which option wins where.

    Parameters
    ----------
    panels : sequence of DecisionPanel
        One, or one a value of a third key.
    options : sequence of str
        All that are compared, the baseline first: an option's place gives its colour, as in every chart.
    names : CellAxes
        Of the two keys.
    title, subtitle, footer : str
        What the slide says.

    Returns
    -------
    Figure
        A slide. The first axes hold the cells of the panels, filled by option in colour and hatching, paler where the
        winner is cheaper by less than `CLOSE_SHARE`; a line runs where the winner changes.
    """
    boxes = cells.panel_boxes(len(panels))
    clear, pale = _looks(options, 1.0), _looks(options, _PALER)
    with theme.style():
        page = Page()
        all_axes = cells.frame_panels(page, boxes, [panel.titles for panel in panels], names)
        for axes, panel in zip(all_axes, panels, strict=True):
            cells.fill_cells(axes, np.where(panel.is_close, "", panel.options), clear)
            cells.fill_cells(axes, np.where(panel.is_close, panel.options, ""), pale)
            cells.fill_cells(axes, panel.words, cells.LOOKS)
            cells.rule_cells(axes, boxes[0], panel.words)
            _border_lines(axes, panel.options)
        _label_cells(page, list(zip(all_axes, panels, strict=True)), boxes[0], clear, pale)
        _key(page, panels, clear, pale)
        with_shares = cells.fits(page, boxes[0], panels[0].options.shape, [_WIDEST])
        page.heading(title, [f"{subtitle}, and by how much against the next best" if with_shares else subtitle])
        page.footer(footer)
    return page.figure


def _looks(options: Sequence[str], share: float) -> dict[str, Look]:
    """How cells of each option are filled, at a share of its strength."""
    looks: dict[str, Look] = {}
    for place, name in enumerate(options):
        colour, kind = theme.option_style(place).colour, place % theme.MOST_OPTIONS
        strength = share * _STRENGTHS[kind]
        looks[name] = Look(_on_paper(colour, strength), _HATCHES[kind], _on_paper(colour, min(1.0, strength + 0.28)))
    return looks


def _on_paper(colour: str, strength: float) -> str:
    """A colour thinned on white paper."""
    ink, paper = np.array(to_rgb(colour)), np.array(to_rgb(PAPER))
    return to_hex(tuple((strength * ink + (1.0 - strength) * paper).tolist()))


def _border_lines(axes: Axes, options: Array) -> None:
    """A dark line between neighbours with different winners."""
    is_won = options != ""
    beside = np.argwhere((options[:, 1:] != options[:, :-1]) & is_won[:, 1:] & is_won[:, :-1])
    above = np.argwhere((options[1:] != options[:-1]) & is_won[1:] & is_won[:-1])
    upright = [((column + 1, row), (column + 1, row + 1)) for row, column in beside.tolist()]
    level = [((column, row + 1), (column + 1, row + 1)) for row, column in above.tolist()]
    axes.add_collection(LineCollection(upright + level, colors=INK, linewidths=2.6, capstyle="projecting", zorder=3))


def _label_cells(page: Page, panels: Sequence[tuple[Axes, DecisionPanel]], box: Box, clear: Looks, pale: Looks) -> None:
    """By how much the winner is cheaper, if there is room in all cells, and words where there is for these."""
    shape = panels[0][1].options.shape
    with_shares = cells.fits(page, box, shape, [_WIDEST])
    with_words = cells.fits(page, box, shape, cells.words_used([panel.words for _, panel in panels]))
    for axes, panel in panels:
        if with_shares:
            for row, column in np.argwhere((panel.options != "") & np.isfinite(panel.advantage_shares)).tolist():
                looks = pale if panel.is_close[row, column] else clear
                text = _share_text(float(panel.advantage_shares[row, column]))
                cells.label_cell(axes, row, column, text, looks[panel.options[row, column]])
        if with_words:
            for row, column in np.argwhere(panel.words != "").tolist():
                cells.label_cell(axes, row, column, panel.words[row, column], cells.look_of(panel.words[row, column]))


def _share_text(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 or share == 0 else "<1 %"


def _key(page: Page, panels: Sequence[DecisionPanel], clear: Looks, pale: Looks) -> None:
    """Options that win anywhere, the paler look, the words, and the options that win nowhere."""
    used = set(cells.words_used([panel.options for panel in panels]))
    winners = [name for name in clear if name in used]
    close = set(cells.words_used([np.where(panel.is_close, panel.options, "") for panel in panels]))
    page.write(cells.KEY_LEFT, cells.PLOT.top + 14, "Cheapest option", size=NAME)
    top = cells.key_rows(page, cells.PLOT.top - 14, [(name, clear[name]) for name in winners])
    pales = [pale[name] for name in winners if name in close]
    if pales:
        top = cells.key_rows(page, top, [(f"by under {100 * CLOSE_SHARE:.0f} %", pales[-1])])
    words = cells.words_used([panel.words for panel in panels])
    top = cells.key_rows(page, top - (KEY_PITCH / 2 if words else 0), [(word, cells.look_of(word)) for word in words])
    losers = [name for name in clear if name not in used]
    if losers:
        cells.write_note(page, top - 8, f"Nowhere the cheapest: {', '.join(losers)}")
