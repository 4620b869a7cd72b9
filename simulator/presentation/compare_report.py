"""`breakeven compare` as plain content, files and tables in the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simulator import __version__
from simulator.domain.compared import ComparedRun, Value
from simulator.presentation.charts.bill import cost_line_label
from simulator.presentation.charts.waterfall import waterfall_chart
from simulator.presentation.compare_wording import (
    RESULT_NAMES,
    bill_name,
    gap_sentence,
    heading,
    input_cells,
    money,
    result_cells,
    sentence,
    signed_money,
)
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.files import json_text, without_infinity, write_tables, write_text
from simulator.presentation.report import write_figure
from simulator.solving.comparison import (
    BillChange,
    Comparison,
    GapChange,
)
from simulator.solving.differences import Difference, differing_figures, differing_inputs, differing_results

_LONGEST_NAME = 80
_LONGEST_CELL = 60


def compare_content(comparison: Comparison) -> dict[str, Any]:
    """The answer as plain numbers and words; null stands for what is not given."""
    content = {
        "breakeven_version": __version__,
        "sentence": sentence(comparison),
        "a": _run_content(comparison.a),
        "b": _run_content(comparison.b),
        "held": [{"a": one, "b": other} for one, other in comparison.held],
        "inputs": [_row(row) for row in comparison.inputs],
        "figures": [_row(row) for row in comparison.figures],
        "results": [_row(row) for row in comparison.results],
        "bills": [_bill_content(bill) for bill in comparison.bills],
        "gap": None if comparison.gap is None else _gap_content(comparison.gap),
        "warnings": list(comparison.warnings),
    }
    return {key: without_infinity(value) for key, value in content.items()}


def _run_content(run: ComparedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "title": run.title,
        "breakeven_version": run.version,
        "finished_run": run.is_finished,
        "tokens_per_month": run.tokens_per_month,
        "horizon_months": run.horizon_months,
        "baseline": run.baseline,
        "cheapest": run.cheapest,
    }


def _row(row: Difference) -> dict[str, Any]:
    content: dict[str, Any] = {"option": row.option or None, "key": row.key, "unit": row.unit or None}
    return content | {"a": row.of_runs[0], "b": row.of_runs[1]}


def _bill_content(bill: BillChange) -> dict[str, Any]:
    return {
        "option": bill.option,
        "other": bill.other,
        "unit": bill.unit,
        "a": bill.before,
        "b": bill.after,
        "difference": bill.difference,
        "volume": bill.volume_step,
        "at_equal_volume": bill.at_equal_volume,
        "lines": [
            {"line": step.line, "a": step.before, "b": step.after, "difference": step.difference} for step in bill.steps
        ],
    }


def _gap_content(gap: GapChange) -> dict[str, Any]:
    return {
        "baseline": gap.baseline.option,
        "challenger": gap.challenger.option,
        "unit": gap.challenger.unit,
        "a": gap.before,
        "b": gap.after,
        "difference": gap.difference,
        "volume": gap.volume_step,
        "of_baseline": -gap.baseline.at_equal_volume,
        "of_challenger": gap.challenger.at_equal_volume,
    }


def compare_table(comparison: Comparison) -> pd.DataFrame:
    """Everything that differs, a row each; lines of a bill are at equal volume, and add up to its total."""
    rows: list[dict[str, object]] = []

    def add(part: str, option: str, key: str, unit: str, a: Value, b: Value, difference: float | None = None) -> None:
        if difference is None and _is_amount(a) and _is_amount(b):
            difference = float(b) - float(a)  # type: ignore[arg-type]
        rows.append(
            {"part": part, "option": option or None, "key": key, "unit": unit or None, "a": a, "b": b,
             "difference": difference}
        )  # fmt: skip

    for part, found in (
        ("input", comparison.inputs),
        ("figure", comparison.figures),
        ("result", comparison.results),
    ):
        for row in found:
            add(part, row.option, row.key, row.unit, row.of_runs[0], row.of_runs[1])
    for bill in comparison.bills:
        _add_bill(add, "bill", bill, 1.0)
    gap = comparison.gap
    if gap is not None:
        add("gap", gap.challenger.option, "total", gap.challenger.unit, gap.before, gap.after, gap.difference)
        for sign, bill in ((-1.0, gap.baseline), (1.0, gap.challenger)):
            _add_bill(add, "gap", bill, sign, total=False)
    return pd.DataFrame(rows, columns=["part", "option", "key", "unit", "a", "b", "difference"])


def _add_bill(add: Any, part: str, bill: BillChange, sign: float, *, total: bool = True) -> None:
    if total:
        add(part, bill.option, "total", bill.unit, bill.before, bill.after, bill.difference)
    if bill.volume_step is not None:
        at_volume = bill.before + bill.volume_step
        add(part, bill.option, "volume", bill.unit, sign * bill.before, sign * at_volume, sign * bill.volume_step)
    for step in bill.steps:
        add(part, bill.option, step.line, bill.unit, sign * step.before, sign * step.after, sign * step.difference)


def _is_amount(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare_folder(comparison: Comparison) -> str:
    """Name of the folder: `a-vs-b`, without letters that a folder can't bear."""
    names = [re.sub(r"[^\w.+-]+", "-", run.name).strip("-.")[:_LONGEST_NAME] for run in (comparison.a, comparison.b)]
    return "-vs-".join(names)


def write_compare_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.json, compare.csv and the waterfall; raises `OSError` if the folder can't be made or written to.

    No waterfall where no bill differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        write_text(folder / "compare.json", json_text(compare_content(comparison))),
        write_tables(folder / "compare.csv", [compare_table(comparison)]),
    ]
    if any(bill.is_changed for bill in comparison.bills):
        chart = waterfall_chart(comparison)
        written += [write_figure(folder / f"waterfall.{ending}", chart) for ending in ("png", "pdf")]
    return written


def print_comparisons(comparisons: Sequence[Comparison], files: Sequence[Sequence[Path]], stream: IO[str]) -> None:
    """Print what differs: sentences, tables of inputs and of results with a column a run, and bills line by line."""
    console = console_for(stream)
    runs = [comparisons[0].a, *(one.b for one in comparisons)]
    held = [one.held for one in comparisons]
    for comparison in comparisons:
        console.print(f"\n[bold]{escape(heading(comparison))}[/bold]\n")
        if comparison.a.title != comparison.b.title:
            for run in (comparison.b, comparison.a):
                console.print(f"[dim]{escape(run.name)}: {escape(run.title)}[/dim]")
        console.print(escape(sentence(comparison)))
    console.print()
    _print_inputs(console, runs, [*differing_inputs(runs, held)], "Inputs that differ")
    _print_inputs(console, runs, [*differing_figures(runs, held)], "Figures of the catalogue that differ")
    _print_results(console, runs, [*differing_results(runs, held)])
    for comparison in comparisons:
        for bill in comparison.bills:
            if bill.is_changed:
                console.print(_bill_table(comparison, bill))
        if comparison.gap is not None and any(bill.is_changed for bill in comparison.bills):
            console.print(escape(f"{gap_sentence(comparison)}."))
    for text in dict.fromkeys(text for comparison in comparisons for text in comparison.warnings):
        console.print(f"[yellow]![/yellow] {escape(text)}")
    for written in files:
        console.print(f"\nWritten to {escape(str(written[0].parent))}: {', '.join(path.name for path in written)}")


def _columns(table: Table, runs: Sequence[ComparedRun], *first: str) -> None:
    for name in first:
        table.add_column(name, overflow="fold", no_wrap=name != "figure")
    for run in runs:
        table.add_column(escape(run.name), justify="right", overflow="fold")


def _print_inputs(console: Console, runs: Sequence[ComparedRun], rows: list[Difference], title: str) -> None:
    if not rows:
        return
    table = plain_table(title)
    _columns(table, runs, "key" if not rows[0].option else "figure")
    for row in rows:
        key = f"{row.option}: {row.key}" if row.option else row.key
        table.add_row(escape(key), *(escape(_cut(text)) for text in input_cells(row.of_runs)))
    console.print(table)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 3]}..."


def _print_results(console: Console, runs: Sequence[ComparedRun], rows: list[Difference]) -> None:
    if not rows:
        console.print("No result differs.")
        return
    table = plain_table("Results that differ (at the own volume, run rate)")
    _columns(table, runs, "option", "result")
    last = ""
    for row in rows:
        shown = "" if row.option == last else row.option
        last = row.option
        table.add_row(escape(shown), RESULT_NAMES.get(row.key, row.key), *(escape(_cut(c)) for c in result_cells(row)))
    console.print(table)


def _bill_table(comparison: Comparison, bill: BillChange) -> Table:
    table = plain_table(f"What makes the difference for {bill_name(bill)} [{bill.unit}]")
    table.add_column("line")
    for name in (comparison.a.name, comparison.b.name, "difference"):
        table.add_column(escape(name), justify="right", overflow="fold")
    if bill.volume_step is not None:
        at_volume = bill.before + bill.volume_step
        table.add_row("volume alone", *money([bill.before, at_volume]), signed_money(bill.volume_step))
    for step in bill.steps:
        table.add_row(
            escape(cost_line_label(step.line)), *money([step.before, step.after]), signed_money(step.difference)
        )
    table.add_row("total", *money([bill.before, bill.after]), signed_money(bill.difference))
    return table
