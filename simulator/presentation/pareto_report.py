"""The files of a comparison of GPUs, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from simulator.catalogue.ranking import Ranking
from simulator.presentation.charts.pareto import pareto_chart, pareto_table
from simulator.presentation.files import write_in_one_piece, write_tables
from simulator.presentation.theme import save_figure


def write_pareto_report(ranking: Ranking, folder: Path) -> list[Path]:
    """Write what the Pareto chart draws as `pareto.csv`, and the chart as PNG and PDF; no chart without a rate.

    Raises `OSError` if the folder can't be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = pareto_table(ranking)
    written = [write_tables(folder / "pareto.csv", [table])]
    if len(table):
        figure = pareto_chart(ranking, table)
        written += [_write_figure(folder / name, figure) for name in ("pareto.png", "pareto.pdf")]
    return written


def _write_figure(path: Path, figure: Figure) -> Path:
    return write_in_one_piece(path, lambda temporary: save_figure(figure, temporary))
