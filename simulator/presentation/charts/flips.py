"""What would turn the choice: a table of the inputs, the value at which each does, and how likely that is."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from simulator.presentation import theme
from simulator.presentation.numbers import number, percent
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.sensitivity_wording import flip_sentence, names_of_key
from simulator.presentation.theme import BODY, FAINT, INK, NAME, RULE
from simulator.solving.sensitivity import Sensitivity

MOST_ROWS = 16
_COLUMNS = ((LEFT, "input", "left"), (820.0, "today", "right"), (1000.0, "turns at", "right"),
            (1150.0, "change", "right"), (1300.0, "so likely", "right"), (1330.0, "then cheaper", "left"))  # fmt: skip
_TOP = 748.0
_HEIGHT, _LEAST_PITCH, _MOST_PITCH = 640.0, 37.0, 54.0  # of all rows, and of one


def flip_chart(sensitivity: Sensitivity, title: str) -> Figure:
    """The table of turns, the likeliest first.

    Parameters
    ----------
    sensitivity : Sensitivity
        Of one challenger.
    title : str
        Headline.

    Returns
    -------
    Figure
        A slide with one row an input.
    """
    table = sensitivity.flips.iloc[:MOST_ROWS]
    with theme.style():
        page = Page()
        for x, text, align in _COLUMNS:
            page.write(x, _TOP, text, size=NAME, bold=True, align=align, at="center")  # type: ignore[arg-type]
        page.rule([(LEFT, _TOP - 20), (RIGHT, _TOP - 20)], RULE)
        pitch = min(max(_HEIGHT / (len(table) + 1), _LEAST_PITCH), _MOST_PITCH)
        for place, (_, row) in enumerate(table.iterrows()):
            y = _TOP - pitch * (place + 1) - 4
            for (x, _, align), text in zip(_COLUMNS, _cells(page, row), strict=True):
                colour = INK if math.isfinite(row["flips_at"]) else FAINT
                page.write(x, y, text, size=BODY, colour=colour, align=align, at="center")  # type: ignore[arg-type]
        page.heading(title, [flip_sentence(sensitivity)])
        left_out = len(sensitivity.flips) - len(table)
        page.footer(
            "One input at a time, the others at their medians; at the scenario's own volume. Looked for from p1 to p99."
            + (f" {left_out} more inputs are in flips.csv." if left_out else "")
        )
    return page.figure


def _cells(page: Page, row: pd.Series) -> list[str]:
    name = page.first_that_fits(names_of_key(str(row["key"])), 640.0, BODY)
    if not math.isfinite(row["flips_at"]):
        return [name, number(row["today"]), "nowhere", "", "", ""]
    change = row["change_share"]
    sign = "+" if change > 0 else "-"
    return [
        name,
        number(row["today"]),
        number(row["flips_at"]),
        f"{sign}{percent(abs(change))}" if math.isfinite(change) else "",
        percent(row["p_beyond"]),
        page.cut(str(row["becomes_cheaper"]), RIGHT - 1330.0, BODY),
    ]
