"""What solving for a key found: in words, as plain numbers, as a table, and the files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
from rich.markup import escape

from simulator import __version__
from simulator.presentation.charts.key_costs import key_costs_chart
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.files import json_text, without_infinity, write_tables, write_text
from simulator.presentation.numbers import distinct, key_unit, number, usd
from simulator.presentation.report import write_figure
from simulator.solving.key_crossings import KeyCrossing, KeySolution

BASIS_WORDS = {"run_rate": "at run rate", "horizon": "mean month of the horizon, one-off cost included"}


def key_sentence(found: KeySolution) -> str:
    """Where both options cost the same, or why nowhere."""
    both = f"{found.challenger} and {found.baseline}"
    basis = BASIS_WORDS[found.basis]
    if not found.crossings:
        return f"{both} cost the same at no value of {found.key}, {basis}: {found.cause}."
    nearest = found.nearest
    assert nearest is not None
    at = distinct([crossing.value for crossing in found.crossings])[found.crossings.index(nearest)]
    if nearest.kind == "jump":
        if nearest.value != nearest.value_below:
            at = f"{nearest.value_below:,.0f} to {nearest.value:,.0f}"
        return f"{both} change places at {found.key} = {at}{_more(found)}, without ever costing the same, {basis}."
    return f"{both} cost the same at {found.key} = {at}{_more(found)}, {basis}."


def _more(found: KeySolution) -> str:
    said = [] if found.today is None else [f"today {number(found.today, 4)}"]
    if len(found.crossings) > 1:
        said.append(f"the nearest of {len(found.crossings)}")
    return f" ({', '.join(said)})" if said else ""


def key_content(found: KeySolution) -> dict[str, Any]:
    """The answer as plain numbers; JSON without NaN or infinity (null stands for them)."""
    levelised = found.levelised
    content = {
        "breakeven_version": __version__,
        "title": found.title,
        "sentence": key_sentence(found),
        "key": found.key,
        "unit": key_unit(found.key),
        "baseline": found.baseline,
        "challenger": found.challenger,
        "basis": found.basis,
        "tokens_per_month": found.tokens_per_month,
        "today": found.today,
        "bounds": {"low": found.bounds.low, "high": found.bounds.high, "in_words": found.bounds.in_words},
        "searched": {
            "low": found.searched.low,
            "high": found.searched.high,
            "values": int(found.searched.tried.size),
            "spacing": found.searched.spacing,
        },
        "crossings": [_crossing(found, crossing) for crossing in found.crossings],
        "reason": found.reason,
        "cause": found.cause,
        "levelised": {
            "challenger_usd_per_mtok": levelised.challenger_usd_per_mtok,
            "baseline_usd_per_mtok": levelised.baseline_usd_per_mtok,
            "equal_api_price_usd_per_mtok": levelised.equal_price_usd_per_mtok,
            "equal_api_price_factor": levelised.equal_price_factor,
        },
        "warnings": list(found.warnings),
    }
    return {key: without_infinity(value) for key, value in content.items()}


def _crossing(found: KeySolution, crossing: KeyCrossing) -> dict[str, Any]:
    return {
        "value": crossing.value,
        "value_below": crossing.value_below,
        "becomes_cheaper_above": getattr(found, crossing.becomes_cheaper),
        "kind": crossing.kind,
        "baseline_usd_per_month": crossing.baseline_usd,
        "challenger_usd_per_month": crossing.challenger_usd,
        "distance": None if found.today is None else crossing.value - found.today,
        "distance_share": found.distance(crossing),
    }


def key_table(found: KeySolution) -> pd.DataFrame:
    """Costs at every value tried and at every crossing, by value; `crossing` says which of them it is."""
    rows = [
        {found.key: value, "baseline_usd_per_month": theirs, "challenger_usd_per_month": ours, "crossing": ""}
        for value, theirs, ours in zip(found.searched.tried, found.baseline_usd, found.challenger_usd, strict=True)
    ]
    rows += [
        {
            found.key: crossing.value,
            "baseline_usd_per_month": crossing.baseline_usd,
            "challenger_usd_per_month": crossing.challenger_usd,
            "crossing": f"{getattr(found, crossing.becomes_cheaper)} cheaper above ({crossing.kind})",
        }
        for crossing in found.crossings
    ]
    return pd.DataFrame(rows).sort_values(found.key, kind="stable", ignore_index=True)


def write_key_report(found: KeySolution, folder: Path) -> list[Path]:
    """Write solve.json, solve.csv and the chart; raises `OSError` if the folder can't be made or written to."""
    folder.mkdir(parents=True, exist_ok=True)
    chart = key_costs_chart(found, key_sentence(found))
    return [
        write_text(folder / "solve.json", json_text(key_content(found))),
        write_tables(folder / "solve.csv", [key_table(found)]),
        write_figure(folder / "solve.png", chart),
        write_figure(folder / "solve.pdf", chart),
    ]


def print_key(found: KeySolution, files: Sequence[Path], stream: IO[str]) -> None:
    """Print the answer: a sentence, every crossing, the price of a token, what to mind."""
    console = console_for(stream)
    console.print(f"\n[bold]{escape(found.title)}[/bold]\n")
    console.print(escape(key_sentence(found)))
    console.print()
    if found.crossings:
        console.print(_table(found))
    for text in levelised_lines(found):
        console.print(escape(text))
    for text in found.warnings:
        console.print(f"[yellow]![/yellow] {escape(text)}")
    console.print(f"[dim]- {escape(searched_words(found))}[/dim]")
    if files:
        console.print(f"\nWritten to {escape(str(files[0].parent))}: {', '.join(path.name for path in files)}")


def _table(found: KeySolution) -> Any:
    unit = key_unit(found.key)
    table = plain_table(f"{found.key}{f' [{unit}]' if unit else ''}")
    for name in ("value", "today", "distance", "cheaper above", "USD a month there", "kind"):
        table.add_column(name, justify="left" if name in ("cheaper above", "kind") else "right")
    texts = distinct([crossing.value for crossing in found.crossings])
    for text, crossing in zip(texts, found.crossings, strict=True):
        share = found.distance(crossing)
        between = found.bounds.is_whole and crossing.value != crossing.value_below
        table.add_row(
            f"{crossing.value_below:,.0f} to {crossing.value:,.0f}" if between else text,
            "" if found.today is None else number(found.today, 4),
            "" if share is None else f"{share:+.1%}",
            escape(getattr(found, crossing.becomes_cheaper)),
            f"{crossing.challenger_usd:,.0f}",
            crossing.kind,
        )
    return table


def levelised_lines(found: KeySolution) -> list[str]:
    """What a token costs, and the API's price at which both options cost the same."""
    levelised = found.levelised
    if not math.isfinite(levelised.challenger_usd_per_mtok):
        return []
    ours, theirs = distinct([levelised.challenger_usd_per_mtok, levelised.baseline_usd_per_mtok], usd)
    lines = [f"Per million tokens at run rate: {found.challenger} {ours}, {found.baseline} {theirs}."]
    factor, price = levelised.equal_price_factor, levelised.equal_price_usd_per_mtok
    if factor is not None and price is not None:
        lines.append(f"Equal at an API price of {usd(price)} per million tokens, {number(factor)} times today's.")
    return lines


def searched_words(found: KeySolution) -> str:
    """Where was searched, and how finely."""
    searched = found.searched
    spacing = {"linear": "evenly spaced", "logarithmic": "by equal factors", "whole": "of whole numbers"}
    return (
        f"searched from {number(searched.low, 4)} to {number(searched.high, 4)} at {searched.tried.size} values, "
        f"{spacing[searched.spacing]}; two crossings between neighbours are both missed"
    )
