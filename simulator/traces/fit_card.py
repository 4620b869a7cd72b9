"""A fit in words and numbers, for the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_MINUTE
from simulator.traces.goodness import Likeness, error_of_the_top
from simulator.traces.parameters import Parameter

if TYPE_CHECKING:
    from simulator.traces.fitting import Fit

_WEIGHTS = re.compile(r"(hourly_weights|weekday_hours|weekend_hours|weekly\.day_weights)\[\d+\]$")
_LABEL = 42
MOST_ERROR = 0.2  # of peaks and 99th percentiles, of a fit that describes its recording


def card_lines(fit: Fit, rows: tuple[Likeness, ...], runs: int) -> list[str]:
    """The fitted numbers with their intervals, what is not known, and the recording against runs of the model."""
    recording = fit.recording
    days = recording.duration_s / SECONDS_PER_DAY
    lines = [
        f"{recording.source}: {recording.layout}, {recording.steps:,} steps of "
        f"{recording.step_s / SECONDS_PER_MINUTE:g} min, {days:.3g} day{'' if days == 1 else 's'}",
        "",
        f"{'Fitted':<{_LABEL}}{'value':>10}   90 % interval",
    ]
    course = [parameter for parameter in fit.parameters if _WEIGHTS.match(parameter.key)]
    lines += [_line(parameter) for parameter in fit.parameters if not _WEIGHTS.match(parameter.key)]
    for key in dict.fromkeys(parameter.key.split("[")[0] for parameter in course):
        weights = [parameter for parameter in course if parameter.key.startswith(f"{key}[")]
        values = [parameter.value for parameter in weights]
        text = f"{len(weights)} weights, {min(values):.2g} to {max(values):.3g}"
        lines.append(f"{key:<{_LABEL}}{text}, +-{100 * _median_spread(weights):.2g} %")
    if fit.clock.holidays:
        lines.append(f"{'events.holidays':<{_LABEL}}{', '.join(str(day) for day in fit.clock.holidays)}")
    lines += ["", "Not known"]
    lines += [f"- {sentence}" for sentence in fit.unknown]
    lines += ["", f"{'Recording against model':<{_LABEL}}{'recorded':>10}{'model':>10}   5 to 95 % of {runs} runs"]
    lines += [
        f"{row.name:<{_LABEL}}{row.real:>10.4g}{row.model:>10.4g}   {row.model_low:.4g} to {row.model_high:.4g}"
        for row in rows
    ]
    return [*lines, "", _verdict(rows)]


def _verdict(rows: tuple[Likeness, ...]) -> str:
    """How far off the model is, and plainly that it is no good description where it is none."""
    error = error_of_the_top(rows)
    text = f"Peaks and 99th percentiles: {100 * error:.2g} % off"
    outside = sum(not row.inside for row in rows)
    if error > MOST_ERROR:
        return f"{text}: this demand is not well described by the fit."
    if 2 * outside > len(rows):
        return f"{text}, {outside} of {len(rows)} rows out of their band: this demand is not well described by the fit."
    return f"{text} (root mean square)."


def _line(parameter: Parameter) -> str:
    value = f"{parameter.key:<{_LABEL}}{parameter.value:>10.4g}   "
    if parameter.low is None or parameter.high is None:
        return value + parameter.method
    return f"{value}{parameter.low:.3g} to {parameter.high:.3g} ({parameter.method})"


def _median_spread(weights: list[Parameter]) -> float:
    """Half the interval over the value, in the middle of several. [1]"""
    spreads = sorted(
        (weight.high - weight.low) / 2 / weight.value
        for weight in weights
        if weight.low is not None and weight.high is not None
    )
    return spreads[len(spreads) // 2] if spreads else 0.0
