"""Files and words of `breakeven risk`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
from rich.markup import escape

from simulator.presentation.charts.fan import fan_chart
from simulator.presentation.charts.flips import flip_chart
from simulator.presentation.charts.probability import probability_chart
from simulator.presentation.charts.tornado import tornado_chart
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.files import json_text, write_tables, write_text
from simulator.presentation.numbers import number, percent, volume
from simulator.presentation.report import write_figure
from simulator.presentation.risk_content import sentences, warnings
from simulator.presentation.risk_wording import cause_words
from simulator.solving.sensitivity import Sensitivity
from simulator.solving.uncertainty import UncertaintyStudy


def write_risk_report(
    study: UncertaintyStudy, sensitivities: Mapping[str, Sensitivity], content: Mapping[str, Any], folder: Path
) -> list[Path]:
    """Write the answer over paths: JSON, tables, charts.

    Raises `OSError` if the folder can't be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_pair = study.pairs.items()
    written = [
        write_text(folder / "risk.json", json_text(content)),
        write_tables(folder / "bands.csv", [_of(name, pair.bands) for name, pair in by_pair]),
        write_tables(folder / "probability.csv", [_of(name, pair.probability) for name, pair in by_pair]),
        write_tables(folder / "fan.csv", [study.curves]),
        write_tables(folder / "paths.csv", [study.paths.reset_index()]),
        write_tables(folder / "choice.csv", [study.decision]),
    ]
    figures = {"probability": probability_chart(study)}
    if len(study.curves):
        figures = {"fan": fan_chart(study), **figures}
    for table in ("tornado", "flips", "indices"):
        tables = [
            _of(name, getattr(one, table)) for name, one in sensitivities.items() if getattr(one, table) is not None
        ]
        if tables:
            written.append(write_tables(folder / f"{table}.csv", tables))
    for name, one in sensitivities.items():
        suffix = "" if len(sensitivities) == 1 else f"-{name}"
        figures[f"tornado{suffix}"] = tornado_chart(one, study.at_medians.title)
        figures[f"flips{suffix}"] = flip_chart(one, study.at_medians.title)
    for stem, figure in figures.items():
        written += [write_figure(folder / f"{stem}.png", figure), write_figure(folder / f"{stem}.pdf", figure)]
    return written


def _of(challenger: str, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(challenger=challenger)[["challenger", *table.columns]]


def print_risk(
    study: UncertaintyStudy, sensitivities: Mapping[str, Sensitivity], files: Sequence[Path], stream: IO[str]
) -> None:
    """Print the answer over paths."""
    console = console_for(stream)
    console.print(f"\n[bold]{escape(study.at_medians.title)}[/bold]\n")
    for text in sentences(study, sensitivities):
        console.print(escape(text))
    console.print()
    table = plain_table("Break-even [tokens a month], by what varies")
    for column in ("challenger", "varies", "crossing", "p05", "p10", "median", "p90", "p95", "never"):
        table.add_column(column, justify="left" if column in ("challenger", "varies", "crossing") else "right")
    for name, pair in study.pairs.items():
        for row in pair.bands.to_dict(orient="records"):
            quantiles = [_volume(row[column]) for column in ("p05", "p10", "p50", "p90", "p95")]
            quantity = "for good" if row["quantity"] == "settled" else "first"
            table.add_row(escape(name), cause_words(row["varying"]), quantity, *quantiles, percent(row["never_share"]))
    tables = [table, _choices(study), *(_inputs(name, one) for name, one in sensitivities.items())]
    for one_table in tables:
        console.print(one_table)
        console.print()
    for text in warnings(study):
        console.print(f"[yellow]![/yellow] {escape(text)}")
    if files:
        console.print(f"\nWritten to {escape(str(files[0].parent))}: {', '.join(path.name for path in files)}")


def _choices(study: UncertaintyStudy) -> Any:
    table = plain_table("Choices at the own volume, on average over the paths")
    for column in ("option", "USD a month", "regret, USD a month", "cheapest", "can't be had"):
        table.add_column(column, justify="left" if column == "option" else "right")
    for row in study.decision.to_dict(orient="records"):
        money = [
            "" if pd.isna(row[key]) else f"{row[key]:,.0f}"
            for key in ("expected_usd_per_month", "expected_regret_usd_per_month")
        ]
        table.add_row(escape(row["option"]), *money, percent(row["p_cheapest"]), percent(row["infeasible_share"]))
    return table


def _inputs(name: str, one: Sensitivity) -> Any:
    table = plain_table(f"Inputs one at a time: {name} minus {one.baseline} at the own volume [USD a month]")
    columns = ["input", "p10", "p90", "at p10", "at p90", "turns at", "so likely"]
    indices = None if one.indices is None else one.indices.set_index("key")
    if indices is not None:
        columns += ["variance alone", "with others"]
    for column in columns:
        table.add_column(column, justify="left" if column == "input" else "right", overflow="fold")
    flips = one.flips.set_index("key")
    for row in one.tornado.to_dict(orient="records"):
        flip = flips.loc[row["key"]]
        turns = ["nowhere", ""] if pd.isna(flip["flips_at"]) else [number(flip["flips_at"]), percent(flip["p_beyond"])]
        cells = [number(row["p10"]), number(row["p90"])]
        cells += ["" if pd.isna(row[key]) else f"{row[key]:,.0f}" for key in ("difference_at_p10", "difference_at_p90")]
        cells += turns
        if indices is not None:
            cells += [f"{indices.loc[row['key'], key]:.0%}" for key in ("first_order", "total")]
        table.add_row(escape(str(row["key"])), *cells)
    return table


def _volume(tokens_per_month: float) -> str:
    if tokens_per_month == float("inf"):
        return "never"
    return "always" if tokens_per_month == 0 else volume(tokens_per_month)
