"""`breakeven cost`: what the same requests cost at every API model."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from simulator.cli.common import json_option

# Arguments of the library that are called otherwise here.
_OPTIONS = {"input_tokens": "--input", "output_tokens": "--output", "reasoning_tokens": "--reasoning"}
_MOST_SHOWN = 25
_SERVICE_TIERS = ("standard", "flex", "priority", "fast")


@click.command("cost")
@click.option("--requests-per-day", type=float, required=True, help="Requests of a day.")
@click.option("--input", "--input-tokens", "input_tokens", type=float, required=True, help="Input of a request.")
@click.option("--output", "--output-tokens", "output_tokens", type=float, required=True, help="Output of a request.")
@click.option(
    "--reasoning", "reasoning_tokens", type=float, help="Tokens of reasoning before it, billed as output.  [default: 0]"
)
@click.option("--cached-share", type=float, help="Share of the input read from the prompt cache.  [default: 0]")
@click.option("--batch-share", type=float, help="Share of the requests sent as batch.  [default: 0]")
@click.option("--days-per-month", type=float, help="Days of a month.  [default: 730 / 24]")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of the prices.  [default: 2026-12-01]")
@click.option("--hour", type=float, help="Hour (UTC) of peak-hour prices.  [default: the mean of the day]")
@click.option(
    "--service-tier",
    type=click.Choice(_SERVICE_TIERS),
    default="standard",
    show_default=True,
    help="Prices to take where a model has them.",
)
@click.option("--provider", "providers", multiple=True, help="Only of this provider; any number of times.")
@click.option("--model", "models", multiple=True, help="Only this model, by id or alias; any number of times.")
@click.option("--host-of", help="Only ids that contain this name, e.g. llama-3.3-70b, whoever sells them.")
@click.option("--top", type=click.IntRange(min=1), help=f"Models to show.  [default: {_MOST_SHOWN}]")
@click.option("--all", "every", is_flag=True, help="Show all models.")
@click.option(
    "-o", "--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="File for a CSV of all ranked models."
)
@json_option
def command(
    day: datetime | None,
    hour: float | None,
    service_tier: str,
    providers: tuple[str, ...],
    models: tuple[str, ...],
    host_of: str | None,
    top: int | None,
    every: bool,
    file: Path | None,
    as_json: bool,
    **given: float | None,
) -> None:
    """Rank API models by what the same requests cost: USD a day, a month and per 1,000 requests, cheapest first.

    Price alone: nothing about quality, speed or rate limits. Long inputs are billed at their long-context tier.

    \b
    Example:  breakeven cost --requests-per-day 1000 --input 500 --output 300
              breakeven cost --requests-per-day 1000 --input 500 --output 300 --model gpt-4o --model claude-haiku-4-5
              breakeven cost --requests-per-day 1000 --input 500 --output 300 --host-of llama-3.3-70b
    """
    if top is not None and every:
        raise click.UsageError("--top does not go with --all; give one of them")
    from simulator.catalogue.cost_ranking import RequestsToPrice, ranked_costs
    from simulator.domain.defaults import DEFAULT_START
    from simulator.presentation.cost_table import cost_content, cost_csv, print_costs
    from simulator.presentation.files import json_text, write_text

    try:
        ranking = ranked_costs(
            RequestsToPrice(**{key: value for key, value in given.items() if value is not None}),
            on=DEFAULT_START if day is None else day.date(),
            hour=hour,
            service_tier=service_tier,
            providers=providers,
            models=models,
            host_of=host_of,
        )
    except ValueError as error:
        raise ValueError(_in_options(str(error), given)) from None
    if file is not None:
        write_text(file, cost_csv(ranking))
    # What other tools read has nothing below it.
    notes = sys.stdout if sys.stdout.isatty() and not as_json else sys.stderr
    if as_json:
        click.echo(json_text(cost_content(ranking)), nl=False)
    else:
        print_costs(ranking, sys.stdout, notes, top=None if every else top or _MOST_SHOWN)
    if file is not None:
        click.echo(f"Written to {file}", file=notes)


def _in_options(message: str, given: dict[str, Any]) -> str:
    """A message of the library, which begins with its argument, with the option instead."""
    argument, _, rest = message.partition(" is ")
    known = argument in given or argument in ("on", "hour", "provider", "model", "host_of")
    return f"{_OPTIONS.get(argument, '--' + argument.replace('_', '-'))}: is {rest}" if known and rest else message
