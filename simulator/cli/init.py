"""`breakeven init`: a scenario to start from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path), default=Path("scenario.yaml"))
@click.option("--from", "source", default="h100-vs-haiku", show_default=True, help="Bundled scenario to copy.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(path: Path, source: str, force: bool) -> None:
    """Write a scenario to start from, and its schema for the editor beside it.

    \b
    Example:  breakeven init my-service.yaml --from support-chatbot
    """
    from simulator.config.faults import Fault, Faults
    from simulator.config.scenarios import bundled_scenarios
    from simulator.config.schema import schema_text
    from simulator.presentation.files import write_text

    bundled = bundled_scenarios()
    if source not in bundled:
        raise click.BadParameter(f"is '{source}', must be one of {', '.join(bundled)}", param_hint="--from")
    if path.suffix not in (".yaml", ".yml"):
        raise click.BadParameter(f"is '{path}', must end in .yaml", param_hint="FILE")
    if path.is_dir():
        raise Faults([Fault(str(path), None, "", "is a folder, must be a file")])
    if path.exists() and not force:
        raise Faults([Fault(str(path), None, "", "is there already; --force writes over it")])
    write_text(path.parent / "scenario.schema.json", schema_text())
    write_text(path, bundled[source].read_text(encoding="utf-8"))
    click.echo(f"Written {path}. Next: breakeven run {path}")
