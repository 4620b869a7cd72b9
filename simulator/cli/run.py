"""`breakeven run`: the main job."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simulator.cli.common import checked_plans, distinct_names, json_option, output_option, progress, set_option


@click.command("run")
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
@set_option
@output_option
@click.option("--full-timeline", is_flag=True, help="Every step in timeline.csv, not hourly means and maxima.")
@json_option
def command(
    scenarios: tuple[str, ...], overrides: tuple[str, ...], output: Path, full_timeline: bool, as_json: bool
) -> None:
    """Simulate scenarios, find their break-even, write report and charts.

    SCENARIO is a file, or the name of a bundled one (`breakeven list scenarios`). Writes summary.json, curve.csv,
    timeline.csv, crossover.png, crossover.pdf, timeline.png and bill.png to OUTPUT/<scenario>/; mix.csv, mix.png
    and mix.pdf too where the base of a fleet is found.

    \b
    Example:  breakeven run support-chatbot --set traffic.requests_per_day=1e6
    """
    with progress("checking"):
        plans = checked_plans(scenarios, overrides)
        distinct_names([name for name, _, _ in plans])

    from simulator.presentation.files import json_text
    from simulator.presentation.report import write_run_report
    from simulator.presentation.summary import summary
    from simulator.presentation.tables import print_study
    from simulator.simulation.ledger import simulate_option
    from simulator.solving.study import solve

    contents = []
    for name, _, plan in plans:
        with progress(f"{name}: simulating and solving"):
            study = solve(plan)
            ledgers = {option: simulate_option(study.plan, option, study.tokens_per_month) for option in study.options}
            content = summary(study, ledgers)
        with progress(f"{name}: writing"):
            files = write_run_report(study, ledgers, content, output / name, full_timeline=full_timeline)
        contents.append(content)
        if not as_json:
            print_study(study, ledgers, files, sys.stdout, overrides)
    if as_json:
        click.echo(json_text(contents[0] if len(contents) == 1 else contents), nl=False)
