"""`breakeven solve`: break-even in any key."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simulator.cli.common import check_demand, json_option, output_option, parsed_overrides, progress, set_option


@click.command("solve")
@click.argument("scenario", metavar="SCENARIO")
@click.option(
    "--for", "key", metavar="KEY", required=True, help="Key to solve for, e.g. options.llama.rental.usd_per_gpu_hour."
)
@click.option("--between", nargs=2, type=float, default=None, metavar="LOW HIGH", help="Where to search.")
@click.option("--pair", "challenger", metavar="CHALLENGER", default=None, help="Option to hold against the baseline.")
@click.option("--over-time", is_flag=True, help="Compare the mean month of the horizon instead of the run rate.")
@click.option("--points", type=int, default=64, show_default=True, help="Values tried, at least.")
@set_option
@output_option
@json_option
def command(
    scenario: str,
    key: str,
    between: tuple[float, float] | None,
    challenger: str | None,
    over_time: bool,
    points: int,
    overrides: tuple[str, ...],
    output: Path,
    as_json: bool,
) -> None:
    """Find every value of a key at which challenger and baseline cost the same.

    SCENARIO is a file, or the name of a bundled one. Any numeric key: rent, price, throughput, engineers, utilization
    (autoscaling.target_share), peak to mean, growth. Writes solve.json, solve.csv, solve.png and solve.pdf to
    OUTPUT/<scenario>/.

    \b
    Example:  breakeven solve support-chatbot --for options.llama-a10g.rental.usd_per_gpu_hour
    """
    from simulator.catalogue.listed_values import listed_value
    from simulator.catalogue.planning import make_plan
    from simulator.config.key_bounds import key_bounds, plan_at
    from simulator.config.scenarios import check_plan, scenario_document
    from simulator.presentation.files import json_text
    from simulator.presentation.key_report import key_content, print_key, write_key_report
    from simulator.solving.horizon import challenger_named
    from simulator.solving.key_crossings import solve_key

    with progress("checking"):
        document = scenario_document(scenario, parsed_overrides(overrides))
        plan = check_plan(document, make_plan, infeasible=False)
        check_demand(document, plan)
        name = challenger_named(plan, challenger, "--pair")
        bounds = key_bounds(plan, document, key, listed_value)
    with progress(f"solving for {key}"):
        at = plan_at(document, bounds, make_plan)
        found = solve_key(plan, at, bounds, name, between=between, over_time=over_time, points=points)
    with progress("writing"):
        files = write_key_report(found, output / Path(scenario).stem)
    if as_json:
        click.echo(json_text(key_content(found)), nl=False)
    else:
        print_key(found, files, sys.stdout)
