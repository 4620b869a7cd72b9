"""`breakeven sweep`: break-even over a grid."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from simulator.cli.common import check_demand, json_option, output_option, parsed_overrides, progress, set_option


@click.command("sweep")
@click.argument("sweep_file", metavar="SWEEP")
@set_option
@output_option
@json_option
def command(sweep_file: str, overrides: tuple[str, ...], output: Path, as_json: bool) -> None:
    """Break-even at every point of a grid over a scenario: sweep.csv, and a line chart or a heat map.

    SWEEP is a file with `title`, `base` (a scenario) and `grid` (values by dotted key), or the name of a bundled one.
    A point that can't be had is a row that says why, not the end of the sweep.

    \b
    Example:  breakeven sweep gpu-rent
    """
    from simulator.catalogue.planning import make_plan
    from simulator.config.overrides import override_document
    from simulator.config.scenarios import check_plan, scenario_document
    from simulator.config.sweeps import load_sweep
    from simulator.domain.plans import Plan
    from simulator.presentation.charts.base_sweep import is_size_of_a_base
    from simulator.presentation.console import print_rows
    from simulator.presentation.files import json_text
    from simulator.presentation.numbers import volume, whole_usd
    from simulator.presentation.report import write_sweep_report
    from simulator.sweeping.grid import FAULT, sweep_rows

    sweep, base = load_sweep(sweep_file)
    document = scenario_document(base, parsed_overrides(overrides))
    # A fault of the base itself is the user's, not a point's.
    check_demand(document, check_plan(document, make_plan, infeasible=False))

    def plan_for(point: Mapping[str, Any]) -> Plan:
        return check_plan(override_document(document, point), make_plan, infeasible=False)

    points = sweep.points()

    def report(done: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{done} of {len(points)} points", nl=False, err=True)

    rows = sweep_rows(points, plan_for, report)
    faulty = rows[rows["status"] == FAULT]
    if len(faulty) == len(rows):
        raise ValueError(f"no point of the sweep can be had; the first says:\n{faulty['message'].iloc[0]}")
    with progress("writing"):
        files = write_sweep_report(rows, sweep, output / Path(sweep_file).stem)
    if as_json:
        click.echo(json_text(rows.astype(object).where(rows.notna(), None).to_dict(orient="records")), nl=False)
        return
    volumes = ["first_tokens_per_month", "settled_tokens_per_month"]
    costs = ["challenger_usd_per_month"] if any(map(is_size_of_a_base, sweep.grid)) else []
    columns = [*sweep.grid, "challenger", "status", *volumes, *costs]
    shown = rows.reindex(columns=columns).astype(object).where(lambda table: table.notna(), None)
    for name in volumes:
        shown[name] = ["" if amount is None else volume(amount) for amount in shown[name]]
    for name in costs:
        shown[name] = ["" if amount is None else whole_usd(amount) for amount in shown[name]]
    print_rows(sweep.title, columns, shown.itertuples(index=False), sys.stdout)
    for message in dict.fromkeys(rows["message"].dropna()):
        click.echo(f"! {message}")
    click.echo(f"\nWritten to {files[0].parent}: {', '.join(path.name for path in files)}")
