"""What a sweep prints and writes: its table, in full and in short, and its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd

from simulator.domain.sweep import Sweep
from simulator.presentation.charts.base_sweep import is_size_of_a_base
from simulator.presentation.console import print_rows
from simulator.presentation.files import check_parquet, csv_text, write_in_one_piece
from simulator.presentation.key_values import value_texts
from simulator.presentation.numbers import volume, whole_usd
from simulator.presentation.report import write_figure
from simulator.presentation.sweep_pictures import sweep_figures
from simulator.presentation.sweep_wording import sweep_sentences
from simulator.sweeping.points import BASELINE, FAULT, RESULT_COLUMNS

MOST_PRINTED = 60
FORMATS = ("png", "pdf", "svg")
_MOST_MESSAGES = 5
_ROWS_AT_ONCE = 50_000  # turned into text


def write_sweep_report(rows: pd.DataFrame, sweep: Sweep, folder: Path, *, parquet: bool = False) -> list[Path]:
    """Write the table of a sweep, and the pictures that its axes call for.

    Parameters
    ----------
    rows : DataFrame
        Tidy, one row a point and option.
    sweep : Sweep
        What was tried.
    folder : Path
        Made if it is not there.
    parquet : bool
        Whether the table is written as Parquet too.

    Returns
    -------
    list of Path
        The files, in the order written: the table, then every picture as PNG, PDF and SVG.

    Raises
    ------
    OSError
        If the folder can't be made or written to.
    ValueError
        If Parquet is asked for and PyArrow is not installed.
    """
    written = write_sweep_tables(rows, folder, parquet=parquet)
    for stem, figure in sweep_figures(rows, sweep).items():
        written += [write_figure(folder / f"{stem}.{ending}", figure) for ending in FORMATS]
    return written


def write_sweep_tables(rows: pd.DataFrame, folder: Path, *, parquet: bool) -> list[Path]:
    """Write `sweep.csv`, and `sweep.parquet` where asked for: a row a point and option.

    Raises
    ------
    OSError
        If the folder can't be made or written to.
    ValueError
        If Parquet is asked for and PyArrow is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_in_one_piece(folder / "sweep.csv", lambda path: _write_csv(rows, path))]
    if parquet:
        written.append(write_in_one_piece(folder / "sweep.parquet", lambda path: _write_parquet(rows, path)))
    return written


def _write_csv(rows: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for first in range(0, max(len(rows), 1), _ROWS_AT_ONCE):
            text = csv_text([rows.iloc[first : first + _ROWS_AT_ONCE]])
            file.write(text if first == 0 else text.partition("\n")[2])


def _write_parquet(rows: pd.DataFrame, path: Path) -> None:
    plain = rows.copy(deep=False)
    for name in rows.select_dtypes(include=object).columns:  # mappings, lists and a mixture of texts and numbers
        plain[name] = rows[name].map(str)
    check_parquet()
    plain.to_parquet(path, index=False, engine="pyarrow")


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain mappings, null where there is nothing."""
    plain = rows.astype(object)
    listed = plain.where(plain.notna(), None).to_dict(orient="records")
    counts = {name for name, kind in RESULT_COLUMNS.items() if kind == "integer"}
    return [
        {str(name): int(value) if name in counts and value is not None else value for name, value in row.items()}
        for row in listed
    ]


def print_sweep(rows: pd.DataFrame, sweep: Sweep, stream: IO[str]) -> None:
    """Print the most important columns of challengers and of points with a fault, what faults say, and the outcome."""
    columns, shown, more = shown_rows(rows, sweep)
    print_rows(sweep.title, columns, shown, stream)
    if more:
        stream.write(f"... and {more:,} more in sweep.csv\n")
    stream.writelines(f"! {message}\n" for message in messages(rows))
    stream.write("\n")
    stream.writelines(f"{sentence}\n" for sentence in sweep_sentences(rows, sweep))


def shown_rows(rows: pd.DataFrame, sweep: Sweep) -> tuple[list[str], Iterator[tuple[Any, ...]], int]:
    """Columns and rows to be printed, and how many rows are left out: of challengers, and of points with a fault."""
    volumes = ["first_tokens_per_month", "settled_tokens_per_month"]
    costs = ["usd_per_month"] if any(is_size_of_a_base(axis.column) for axis in sweep.axes) else []
    columns = [*sweep.columns, "option", "status", *volumes, *costs]
    chosen = rows[rows["role"] != BASELINE]
    shown = chosen.head(MOST_PRINTED).reindex(columns=columns).astype(object)
    shown = shown.where(shown.notna(), None)
    for name in sweep.columns:
        shown[name] = value_texts(shown[name])
    for name in volumes:
        shown[name] = ["" if amount is None else volume(amount) for amount in shown[name]]
    for name in costs:
        shown[name] = ["" if amount is None else whole_usd(amount) for amount in shown[name]]
    return columns, shown.itertuples(index=False), max(0, len(chosen) - MOST_PRINTED)


def messages(rows: pd.DataFrame) -> list[str]:
    """What points say that can't be had, the most frequent first, with how many say so."""
    of_faults = rows.loc[(rows["status"] == FAULT) | rows["message"].notna(), "message"]
    counts = of_faults.dropna().astype(str).value_counts(sort=True)
    told = [f"{text} ({count:,} points)" if count > 1 else str(text) for text, count in counts.items()]
    more = len(told) - _MOST_MESSAGES
    return told if more <= 0 else [*told[:_MOST_MESSAGES], f"and {more:,} more messages, in sweep.csv"]
