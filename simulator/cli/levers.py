"""`breakeven levers`: what each way to cut the bill saves."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simulator.cli.common import check_demand, json_option, output_option, parsed_overrides, progress, set_option


@click.command("levers")
@click.argument("scenario", metavar="SCENARIO")
@set_option
@output_option
@json_option
def command(scenario: str, overrides: tuple[str, ...], output: Path, as_json: bool) -> None:
    """What each way to cut the bill saves, alone and together, at the API and at each fleet, beside what is published.

    SCENARIO is a file, or the name of a bundled one. Its key `levers` holds what is assumed; what it leaves out is
    taken from published figures, and a lever without one is shown as not run. Writes levers.json, levers.csv,
    levers.png and levers.pdf to OUTPUT/<scenario>/.

    \b
    Example:  breakeven levers support-chatbot --set levers.batch.share=0.2
    """
    from simulator.catalogue.lever_facts import lever_facts
    from simulator.catalogue.planning import make_plan
    from simulator.config.lever_documents import plan_with
    from simulator.config.scenarios import check_plan, scenario_document
    from simulator.presentation.files import json_text
    from simulator.presentation.levers_report import levers_content, print_levers, write_levers_report
    from simulator.sweeping.levers import lever_study

    with progress("checking"):
        document = scenario_document(scenario, parsed_overrides(overrides))
        plan = check_plan(document, make_plan, infeasible=False)
        check_demand(document, plan)
    with progress("simulating"):
        study = lever_study(plan, plan_with(document, make_plan), lever_facts(plan.scenario))
    with progress("writing"):
        files = write_levers_report(study, output / Path(scenario).stem)
    if as_json:
        click.echo(json_text(levers_content(study)), nl=False)
    else:
        print_levers(study, files, sys.stdout)
