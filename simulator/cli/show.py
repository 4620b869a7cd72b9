"""`breakeven show`: one thing with its sources."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from simulator.cli.common import json_option


@click.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--on", "day", metavar="YYYY-MM-DD", help="Day whose prices to show; left out: the default start.")
@click.option("--provider", help="Provider of an API model; left out: found by the model.")
@json_option
def command(identifier: str, day: str | None, provider: str | None, as_json: bool) -> None:
    """Show a GPU, an open model, a rental provider, a measured point, a bundled scenario, a traffic preset, or an API
    model's price card: prices by tier and hour, what the prompt cache repays, their history and source.

    --json goes with API models.

    \b
    Example:  breakeven show h100-sxm
              breakeven show chat-consumer
              breakeven show claude-haiku-4-5 --on 2026-06-01
              breakeven show dall-e-3
    """
    from simulator.domain.defaults import DEFAULT_START
    from simulator.presentation.cards import card_text, price_content
    from simulator.presentation.files import json_text

    try:
        on = datetime.combine(DEFAULT_START, datetime.min.time(), UTC) if day is None else _midnight(day)
    except ValueError:
        raise click.BadParameter(f"is '{day}', must be a date such as 2026-06-01", param_hint="--on") from None
    if as_json:
        click.echo(json_text(price_content(identifier, provider=provider, on=on)), nl=False)
        return
    click.echo(card_text(identifier, provider=provider, on=on))


def _midnight(day: str) -> datetime:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
