"""`breakeven list`: what there is."""

from __future__ import annotations

import sys

import click

KINDS = ("gpus", "models", "rentals", "prices", "scenarios", "sweeps", "policies", "throughput")


@click.command("list")
@click.argument("kind", metavar="|".join(KINDS), type=click.Choice(KINDS))
@click.option("--provider", help="Only of this provider (rentals, prices).")
@click.option("--gpu", help="Only of this GPU (rentals, throughput).")
@click.option("--model", help="Only of this model (throughput).")
def command(kind: str, provider: str | None, gpu: str | None, model: str | None) -> None:
    """List what the catalogue or the package holds; a table on a terminal, tab-separated elsewhere.

    \b
    Example:  breakeven list rentals --gpu h100-sxm
              breakeven list prices --provider anthropic
    """
    from simulator.presentation import listings
    from simulator.presentation.console import print_rows

    narrowed = {"provider": provider, "gpu": gpu, "model": model}
    title, columns, rows = listings.listing(kind, {key: value for key, value in narrowed.items() if value is not None})
    print_rows(title, columns, rows, sys.stdout)
