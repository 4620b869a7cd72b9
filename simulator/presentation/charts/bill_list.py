"""Lines of a bill that found no room in its bar, listed under it with a patch of their colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.patches import Rectangle

from simulator.presentation.numbers import whole_usd
from simulator.presentation.page import Page
from simulator.presentation.theme import HEIGHT, PAPER, RULE, WIDTH

_PATCH, _GAP = 11.0, 20.0  # pixels: of the colour before an item, and between two items
_UNIT = " USD"


@dataclass(frozen=True)
class Listed:
    """A line to list; a discount has no colour, it is hatched."""

    label: str
    usd: float
    colour: str | None

    def text(self, unit: str) -> str:
        """Label and amount, with the unit or without it."""
        amount = whole_usd(abs(self.usd)).removesuffix(_UNIT)
        return f"{self.label} {'-' if self.usd < 0 else ''}{amount}{unit}"


def list_lines(page: Page, lines: Sequence[Listed], left: float, top: float, width: float) -> None:
    """Write lines side by side from their upper left corner; where room is short, the smallest together."""
    shown, unit = _that_fit(page, lines, width)
    for line in shown:
        text = page.cut(line.text(unit), width - _PATCH - 6)
        _patch(page, left, top - 16.5, line.colour)
        page.write(left + _PATCH + 6, top, text, at="top")
        left += _PATCH + 6 + page.text_width(text) + _GAP


def _that_fit(page: Page, lines: Sequence[Listed], width: float) -> tuple[list[Listed], str]:
    """As many lines as there is room for, and whether with their unit."""
    for kept in range(len(lines), 0, -1):
        shown = _with_rest(lines, kept)
        for unit in (_UNIT, ""):
            widths = [page.text_width(line.text(unit)) + _PATCH + 6 + _GAP for line in shown]
            if sum(widths) - _GAP <= width:
                return shown, unit
    return _with_rest(lines, 1)[:1], ""


def _with_rest(lines: Sequence[Listed], kept: int) -> list[Listed]:
    """So many lines in their order, discounts first and then the greatest; the others in two sums, by their sign."""
    ranked = sorted(lines, key=lambda line: (line.usd > 0, -abs(line.usd)))
    rest = ranked[kept:]
    sums = []
    for name, colour, some in (
        ("others", RULE, [line for line in rest if line.usd > 0]),
        ("other discounts", None, [line for line in rest if line.usd < 0]),
    ):
        if some:
            sums.append(Listed(f"{len(some)} {name}", sum(line.usd for line in some), colour))
    return [*(line for line in lines if line not in rest), *sums]


def _patch(page: Page, left: float, bottom: float, colour: str | None) -> None:
    patch = Rectangle(
        (left / WIDTH, bottom / HEIGHT),
        _PATCH / WIDTH,
        _PATCH / HEIGHT,
        transform=page.figure.transFigure,
        facecolor=PAPER if colour is None else colour,
        edgecolor=RULE if colour is None else "none",
        linewidth=0.8 if colour is None else 0.0,
        hatch="//////" if colour is None else None,
    )
    page.figure.add_artist(patch)
