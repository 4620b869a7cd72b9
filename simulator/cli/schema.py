"""`breakeven schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import click


@click.command("schema")
@click.option("--markdown", is_flag=True, help="Every key as a page for people instead.")
def command(markdown: bool) -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check YAML.

    \b
    Example:  breakeven schema > scenario.schema.json
    and as first line of a scenario:
              # yaml-language-server: $schema=./scenario.schema.json
    """
    from simulator.config.reference import reference_markdown
    from simulator.config.schema import schema_text

    click.echo(reference_markdown() if markdown else schema_text(), nl=False)
