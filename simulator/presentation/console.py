"""Tables in the terminal; tab-separated lines where it is no terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import IO, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PLAIN_WIDTH = 110
_LEAST_WIDTH = 20  # of the column that is broken into lines so that the others need not be


def console_for(stream: IO[str]) -> Console:
    """A console: colours and the window's width on a terminal, plain lines of fixed width elsewhere."""
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=stream, highlight=False, no_color=True, width=PLAIN_WIDTH, force_terminal=False)


def print_rows(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    stream: IO[str],
    *,
    implied: Collection[str] = (),
) -> None:
    """Print a listing: a table on a terminal, tab-separated lines elsewhere so that other tools can read them.

    Columns `implied` by the others are left out where the terminal is too narrow for all of them; then only the widest
    of the rest is broken into lines.
    """
    texts = (["" if cell is None else str(cell) for cell in row] for row in rows)
    if not stream.isatty():
        stream.write("\t".join(columns) + "\n")
        stream.writelines("\t".join(row) + "\n" for row in texts)
        return
    console, table, lines = console_for(stream), plain_table(title), list(texts)
    widths = [max(len(text) for text in cells) for cells in zip(columns, *lines, strict=True)]
    crowded = sum(widths) + 2 * len(widths) > console.width
    shown = [place for place, name in enumerate(columns) if not (crowded and name in implied)]
    broken = max(shown[1:] or shown, key=lambda place: widths[place])
    room = console.width - sum(widths[place] + 2 for place in shown if place != broken)
    for place in shown:
        whole = bool(implied) and room >= _LEAST_WIDTH and place != broken
        table.add_column(columns[place], overflow="fold", no_wrap=whole)
    for line in lines:
        table.add_row(*(escape(line[place]) for place in shown))
    console.print(table)


def plain_table(title: str) -> Table:
    """A table without lines, its title at the left."""
    return Table(
        title=escape(title), title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold"
    )
