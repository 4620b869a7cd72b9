"""`breakeven trace fit`: a traffic section that draws the like of a recording, and how like it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulator.cli.common import progress

if TYPE_CHECKING:
    from simulator.traces.goodness import Likeness

_MOST_RUNS, _LEAST_RUNS, _MOST_STEPS = 60, 12, 1_500_000  # steps of all runs together


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """A date, or a date and time, with an offset or without."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, or a fault of this option."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"is '{value}', must be a date and time such as 2026-03-01T09:00 or 2026-03-01", param, ctx)


@click.command("fit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--time-column", help="Column of the time, in a CSV of your own.  [default: recognised by its name]")
@click.option("--input-column", help="Column of the input tokens.")
@click.option("--output-column", help="Column of the output tokens.")
@click.option("--requests-column", help="Column of the number of requests, where a row is a step and not a request.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA time zone whose clock day and week follow.")
@click.option(
    "--step-s", type=float, default=60.0, show_default=True,
    help="Step in which single requests are counted; files of sums keep their own.",
)  # fmt: skip
@click.option(
    "--start", type=Moment(),
    help="Moment of the first step, where the file tells offsets only: local, or with an offset.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="YAML file for the traffic section; a chart goes beside it, as PNG and PDF.",
)  # fmt: skip
@click.option("--chart/--no-chart", default=True, show_default=True, help="Draw the recording against the model.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def fit(
    file: Path,
    time_column: str | None,
    input_column: str | None,
    output_column: str | None,
    requests_column: str | None,
    timezone: str,
    step_s: float,
    start: datetime | None,
    output: Path,
    chart: bool,
    force: bool,
) -> None:
    """Fit a traffic section to a recording, and hold one against the other.

    FILE is a log, an export or a public trace in a known format (CSV, JSON, Parquet, gzip), or a CSV whose columns you
    name. Found are the
    hours of day and week, noise with its memories, spikes, scheduled jobs, a ceiling and the lengths of requests, each
    with a 90 % interval; what the recording is too short to tell is said. OUTPUT is a section to paste into a scenario.

    \b
    Example:  breakeven trace fit requests.csv --timezone Europe/Paris -o traffic.yaml
    """
    from simulator.traces.reading import Columns, read_recording

    if output.suffix not in (".yaml", ".yml"):
        raise ValueError(f"--output: is '{output}', must end in .yaml")
    files = [output, *([output.with_suffix(end) for end in (".png", ".pdf")] if chart else [])]
    for path in files:
        if path.exists() and not force:
            raise ValueError(f"{path}: exists already; give another --output, or --force to overwrite it")
    named = (time_column, input_column, output_column, requests_column)
    columns = None if named == (None,) * len(named) else Columns(*named)
    try:
        with progress(f"reading {file.name}"):
            recording = read_recording(file, columns=columns, step_s=step_s, timezone=timezone)
    except ValueError as error:
        raise ValueError(_in_options(str(error))) from None

    from simulator.domain.traffic import Traffic
    from simulator.simulation.runs import drawn_requests
    from simulator.traces.fit_card import card_lines
    from simulator.traces.fitting import fit_recording

    try:
        with progress(f"{file.name}: fitting"):
            fitted = fit_recording(recording, timezone=timezone, start=start)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    traffic = Traffic.model_validate(fitted.traffic())
    count = min(max(_MOST_STEPS // recording.steps, _LEAST_RUNS), _MOST_RUNS)
    with progress(f"{file.name}: drawing {count} runs of the model"):
        runs = drawn_requests(traffic, start=fitted.start, steps=recording.steps, step_s=recording.step_s, runs=count)
    rows = fitted.goodness(runs)
    click.echo("\n".join(card_lines(fitted, rows, count)))

    from simulator.presentation.files import write_in_one_piece

    output.parent.mkdir(parents=True, exist_ok=True)
    text = fitted.yaml()
    write_in_one_piece(output, lambda path: path.write_text(text, encoding="utf-8"))
    if chart:
        from simulator.presentation.charts.trace_fit import draw_trace_fit  # charts load slowly: the card comes first
        from simulator.presentation.theme import save_figure

        with progress(f"{file.name}: drawing the chart"):
            figure = draw_trace_fit(
                f"{recording.source}: recorded against fitted demand",
                fitted.requests,
                runs,
                fitted.expected_requests,
                recording.step_s,
                start=fitted.start_moment,
                timezone=timezone,
                statistics=[_in_few_digits(row) for row in rows],
                note=f"{count} runs of the model at the recording's own volume, over its own days.",
            )
            for path in files[1:]:
                write_in_one_piece(path, lambda temporary: save_figure(figure, temporary))
    click.echo(f"\nWritten: {', '.join(str(path) for path in files)}")


def _in_few_digits(row: Likeness) -> tuple[str, float, float, float, float]:
    """A row of the chart's table: an index of dispersion of millions of requests has no room there."""
    large = row.real >= 1e4
    unit = 1e3 if large else 1.0
    name = f"{row.name} / 1,000" if large else row.name
    return name, row.real / unit, row.model / unit, row.model_low / unit, row.model_high / unit


def _in_options(message: str) -> str:
    """A message of the library, which begins with its argument, with the option instead."""
    for argument, option in (("step_s: ", "--step-s: "), ("timezone: ", "--timezone: ")):
        if message.startswith(argument):
            return option + message.removeprefix(argument)
    return message
