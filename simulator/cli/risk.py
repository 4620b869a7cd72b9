"""`breakeven risk`: the answer where inputs are uncertain."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simulator.cli.common import checked_plans, json_option, output_option, progress, set_option


@click.command("risk")
@click.argument("scenario", metavar="SCENARIO")
@set_option
@click.option("--paths", type=click.IntRange(min=2), help="Exactly so many paths; left out: until medians are known.")
@click.option(
    "--precision", type=click.FloatRange(0, 1, min_open=True), help="Half-width of the medians' 90 % interval. [1]"
)
@click.option("--sobol", "sobol_paths", type=click.IntRange(min=0), default=0, help="Paths for shares of the variance.")
@output_option
@json_option
def command(
    scenario: str,
    overrides: tuple[str, ...],
    paths: int | None,
    precision: float | None,
    sobol_paths: int,
    output: Path,
    as_json: bool,
) -> None:
    """Break-even where inputs are uncertain: bands, probabilities, regret, and which input matters.

    A distribution may stand in place of any number of SCENARIO, e.g. {p10: 1.8, p50: 2.2, p90: 3.5}. Writes risk.json,
    bands.csv, probability.csv, fan.csv, paths.csv, choice.csv, tornado.csv, flips.csv and charts to OUTPUT/<scenario>/.
    --sobol takes a power of 2; it is run for every input and two times more.

    \b
    Example:  breakeven risk h100-vs-haiku-uncertain
    """
    if sobol_paths & (sobol_paths - 1):
        raise click.BadParameter(f"is {sobol_paths}, must be a power of 2, or 0", param_hint="'--sobol'")
    with progress("checking"):
        [(name, _, plan)] = checked_plans((scenario,), overrides)

    from simulator.catalogue.planning import make_plan
    from simulator.presentation.files import json_text
    from simulator.presentation.risk_content import risk_content
    from simulator.presentation.risk_report import print_risk, write_risk_report
    from simulator.solving.sensitivity import sensitivity_of
    from simulator.solving.uncertainty import solve_uncertain

    def report(varying: str, done: int, paths: int) -> None:
        if sys.stderr.isatty() and done % 16 == 0:
            click.echo(f"\r\033[K{varying}: {done} of {paths} paths", nl=False, err=True)

    study = solve_uncertain(plan.scenario, make_plan, paths=paths, precision_share=precision, progress=report)
    sensitivities = {}
    if study.uncertainty.inputs:
        for challenger in plan.scenario.challengers:
            with progress(f"{challenger}: one input at a time"):
                sensitivities[challenger] = sensitivity_of(
                    plan.scenario, make_plan, challenger, sobol_paths=sobol_paths
                )
    content = risk_content(study, sensitivities)
    with progress("writing"):
        files = write_risk_report(study, sensitivities, content, output / name)
    if as_json:
        click.echo(json_text(content), nl=False)
    else:
        print_risk(study, sensitivities, files, sys.stdout)
