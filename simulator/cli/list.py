"""`breakeven list`: what there is."""

from __future__ import annotations

import sys

import click

KINDS = ("gpus", "models", "rentals", "prices", "scenarios", "sweeps", "traffic", "policies", "throughput")


@click.command("list")
@click.argument("kind", metavar="|".join(KINDS), type=click.Choice(KINDS))
@click.argument("only", metavar="[MODEL]", required=False)
@click.option("--provider", help="Only of this provider (rentals, prices).")
@click.option("--gpu", help="Only of this GPU (rentals, throughput).")
@click.option("--model", help="Only of this model, or one of its shape (throughput).")
def command(kind: str, only: str | None, provider: str | None, gpu: str | None, model: str | None) -> None:
    """List what the catalogue or the package holds; a table on a terminal, tab-separated elsewhere.

    `traffic` lists the presets of demand, with the peak of their week over its mean and Saturday over a weekday.
    `throughput` counts the measurements of every model shape on every GPU; with MODEL or --gpu it lists them.

    \b
    Example:  breakeven list rentals --gpu h100-sxm
              breakeven list throughput llama-3.1-8b --gpu l40s
              breakeven list prices --provider anthropic
    """
    from simulator.presentation import listings
    from simulator.presentation.console import print_rows

    if only is not None and model is not None:
        raise click.UsageError(f"MODEL is '{only}' and --model is '{model}'; give one of them")
    narrowed = {"provider": provider, "gpu": gpu, "model": model or only}
    title, columns, rows = listings.listing(kind, {key: value for key, value in narrowed.items() if value is not None})
    print_rows(title, columns, rows, sys.stdout, implied=listings.IMPLIED.get(kind, ()))
