"""Tables in the terminal; tab-separated lines where it is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PLAIN_WIDTH = 110


def console_for(stream: IO[str]) -> Console:
    """A console: colours and the window's width on a terminal, plain lines of fixed width elsewhere."""
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=stream, highlight=False, no_color=True, width=PLAIN_WIDTH, force_terminal=False)


def print_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], stream: IO[str]) -> None:
    """Print a listing: a table on a terminal, tab-separated lines elsewhere so that other tools can read them."""
    if not stream.isatty():
        stream.write("\t".join(columns) + "\n")
        for row in rows:
            stream.write("\t".join("" if cell is None else str(cell) for cell in row) + "\n")
        return
    table = plain_table(title)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    console_for(stream).print(table)


def plain_table(title: str) -> Table:
    """A table without lines, its title at the left."""
    return Table(
        title=escape(title), title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold"
    )
