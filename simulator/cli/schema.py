"""`breakeven schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check YAML.

    \b
    Example:  breakeven schema > scenario.schema.json
    and as first line of a scenario:
              # yaml-language-server: $schema=./scenario.schema.json
    """
    from simulator.config.schema import schema_text

    click.echo(schema_text(), nl=False)
