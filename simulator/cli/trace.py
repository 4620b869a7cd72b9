"""`breakeven trace`: what a recorded demand is like, and which scenario draws its like."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from simulator.cli.common import json_option, progress
from simulator.cli.trace_fit import Moment

# Command -> one line of help and the module that holds it, imported only when it is called.
_COMMANDS = {
    "inspect": ("Read a recording and print what it is like.", "simulator.cli.trace", "inspect"),
    "fit": ("Fit a traffic section to a recording, and hold one against the other.", "simulator.cli.trace_fit", "fit"),
}


class _Commands(click.Group):
    """Subcommands by name, loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        _, module, attribute = _COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (help_text, _, _) in _COMMANDS.items()])


@click.command("trace", cls=_Commands)
def command() -> None:
    """Recorded demand: what it is like, and a scenario that draws its like.

    \b
    Try:  breakeven trace inspect requests.csv
    """


@click.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--time-column", help="Column of the time, in a table of your own.  [default: recognised by its name]")
@click.option("--input-column", help="Column of the input tokens.")
@click.option("--output-column", help="Column of the output tokens.")
@click.option("--requests-column", help="Column of the number of requests, where a row is a step and not a request.")
@click.option(
    "--timezone", default="UTC", show_default=True, help="IANA time zone of times without an offset, and of the hours."
)
@click.option(
    "--step-s",
    type=float,
    default=60.0,
    show_default=True,
    help="Step in which single requests are counted; files of sums keep their own.",
)
@click.option(
    "--start",
    type=Moment(),
    help="Moment of the first step, where the file tells offsets only; local, or with an offset.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="Folder for traffic.png, traffic.pdf and traffic.csv; the recording gets a folder of its own in it.",
)  # fmt: skip
@json_option
def inspect(
    file: Path,
    time_column: str | None,
    input_column: str | None,
    output_column: str | None,
    requests_column: str | None,
    timezone: str,
    step_s: float,
    start: datetime | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Read a recording of requests and print what it is like: format, span, gaps, peaks, noise, memory, lengths.

    FILE is a log, an export or a public trace in a known format (CSV, JSON, Parquet, gzip), or a table whose columns
    you name. What a recording is too short to tell is said to be unknown. Nothing is written without --output.

    \b
    Example:  breakeven trace inspect requests.csv --timezone Europe/Paris --output reports
    """
    from simulator.traces.reading import Columns, read_recording

    named = (time_column, input_column, output_column, requests_column)
    try:
        with progress(f"reading {file.name}"):
            columns = None if named == (None,) * len(named) else Columns(*named)
            recording = read_recording(file, columns=columns, step_s=step_s, timezone=timezone)
    except ValueError as error:
        raise ValueError(_in_options(str(error))) from None
    if start is not None:
        if recording.start_utc is not None:
            raise ValueError(f"--start: must not be given for {file.name}, which tells its own times")
        moment = start if start.tzinfo is not None else start.replace(tzinfo=ZoneInfo(timezone))
        recording = replace(recording, start_utc=moment.astimezone(UTC))

    from simulator.presentation.files import json_text
    from simulator.presentation.traffic_card import lengths_lines, print_recorded_traffic
    from simulator.presentation.traffic_content import lengths_content, recording_content
    from simulator.presentation.traffic_shown import recorded_traffic, tells_lengths_only

    if tells_lengths_only(recording):
        if output is not None:
            raise ValueError(f"{file}: tells lengths only, there is no demand to draw; leave --output out")
        click.echo(json_text(lengths_content(recording)).rstrip() if as_json else "\n".join(lengths_lines(recording)))
        return
    try:
        shown = recorded_traffic(recording, timezone)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if as_json:
        click.echo(json_text(recording_content(recording, shown)), nl=False)
    else:
        print_recorded_traffic(recording, shown, sys.stdout)
    if output is not None:
        from simulator.presentation.traffic_report import write_recorded_traffic

        with progress(f"{file.name}: drawing"):
            files = write_recorded_traffic(recording, shown, output / file.name.removesuffix(".gz").rsplit(".", 1)[0])
        if not as_json:
            click.echo(f"\nWritten to {files[0].parent}: {', '.join(path.name for path in files)}")


def _in_options(message: str) -> str:
    """A message of the library, which begins with its argument, with the option instead."""
    options = {"step_s: ": "--step-s: ", "timezone: ": "--timezone: "}
    for argument, option in options.items():
        if message.startswith(argument):
            return option + message.removeprefix(argument)
    return message
