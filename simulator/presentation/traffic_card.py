"""A demand in numbers, in the terminal: of a scenario at its own volume, or of a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import numpy as np

from simulator.domain.growth import ExponentialGrowth
from simulator.domain.recordings import Recording
from simulator.domain.traffic_statistics import DemandStatistics, duration_words
from simulator.domain.units import DAYS_PER_MONTH, SECONDS_PER_DAY
from simulator.presentation.numbers import number, percent
from simulator.presentation.traffic_shown import (
    LengthsShown,
    ScenarioTraffic,
    TrafficShown,
    recorded_lengths,
    window_word,
)

_LABEL = 25  # width of the first column
QUANTILES = (50, 90, 99)


def print_scenario_traffic(traffic: ScenarioTraffic, stream: IO[str]) -> None:
    """Print the card of a scenario's demand."""
    stream.write("\n".join(scenario_lines(traffic)) + "\n")


def print_recorded_traffic(recording: Recording, shown: TrafficShown, stream: IO[str]) -> None:
    """Print the card of a recording."""
    stream.write("\n".join(recording_lines(recording, shown)) + "\n")


def scenario_lines(traffic: ScenarioTraffic) -> list[str]:
    """The card of a scenario's demand, line by line."""
    shown, scenario = traffic.shown, traffic.scenario
    per_month = traffic.requests_per_month
    tokens_per_month = per_month * scenario.mix.total_tokens
    drawn = (shown.requests, shown.input_tokens + shown.output_tokens)
    return [
        f"{shown.title}: {draw_words(traffic)}",
        "",
        _row("volume", f"{number(per_month / DAYS_PER_MONTH)} requests a day", f"{number(per_month)} a month"),
        _row("", f"{number(tokens_per_month / DAYS_PER_MONTH)} tokens a day", f"{number(tokens_per_month)} a month"),
        *_rate_lines(shown, *(float(amounts.mean()) / shown.step_s for amounts in drawn)),
        *_statistics_lines(shown),
        _row("expected in spikes", _share(traffic.path.spike_share)),
        _row("expected in jobs", _share(traffic.path.job_share)),
        *_length_lines(shown),
        "",
        *(f"- {note}" for note in scenario_notes(traffic)),
    ]


def recording_lines(recording: Recording, shown: TrafficShown) -> list[str]:
    """The card of a recording, line by line."""
    statistics = shown.statistics
    tokens = shown.tokens_per_day
    volume = "volume" if shown.duration_s >= SECONDS_PER_DAY else "volume at this rate"
    return [
        f"{recording.source}: {recording.layout}",
        "",
        _row("span", _span(shown)),
        _row(
            "rows, steps", f"{recording.rows:,} rows", f"{statistics.steps:,} steps of {duration_words(shown.step_s)}"
        ),
        _row("unknown steps", f"{statistics.unknown_steps:,}", _share_of(statistics.unknown_steps, statistics.steps)),
        *(_row(label, _total(values)) for label, values in _totals(recording)),
        _row(volume, f"{number(shown.requests_per_day)} requests a day", f"{number(_a_month(shown))} a month"),
        *([] if tokens is None else [_row("", f"{number(tokens)} tokens a day", f"{_month_of(tokens)} a month")]),
        *_rate_lines(shown, statistics.mean_requests_per_s, None if tokens is None else tokens / SECONDS_PER_DAY),
        *_statistics_lines(shown),
        *_length_lines(shown),
        *_correlation_lines(recording),
        *(["", *(f"- {note}" for note in recording.notes)] if recording.notes else []),
    ]


def lengths_lines(recording: Recording) -> list[str]:
    """The card of a recording that tells lengths only, line by line."""
    return [
        f"{recording.source}: {recording.layout}",
        *_length_table({name: (one, "") for name, one in recorded_lengths(recording).items()}, ""),
        *_correlation_lines(recording),
        *(["", *(f"- {note}" for note in recording.notes)] if recording.notes else []),
    ]


def draw_words(traffic: ScenarioTraffic) -> str:
    """What the statistics of a scenario are measured on."""
    shown, scenario = traffic.shown, traffic.scenario
    days = shown.duration_s / SECONDS_PER_DAY
    span = f"{number(scenario.horizon.in_months)} months" if days > 60 else duration_words(shown.duration_s)
    return f"{span} in steps of {duration_words(shown.step_s)}, seed {scenario.seed}"


def scenario_notes(traffic: ScenarioTraffic) -> list[str]:
    """What a reader of a scenario's statistics should know."""
    shown, given = traffic.shown, traffic.scenario.traffic
    load = window_word(shown.load_window_s)
    notes = [
        f"One draw of the whole horizon. The load is that of the {load}; hours and days are those of {shown.timezone}."
    ]
    growth = given.growth_law
    if not isinstance(growth, ExponentialGrowth) or growth.per_month != 0:
        notes.append("Growth is left out of the statistics, which are at the volume of month 0; traffic.csv has it.")
    replayed = [shape.recorded.step_s for _, shape in given.shapes.values() if shape.recorded is not None]
    if replayed and max(replayed) > shown.step_s:
        notes.append(
            f"Within the {duration_words(max(replayed))} of a recorded step the load is even: shorter peaks are lost."
        )
    if given.counts == "expected":
        notes.append("What is expected arrives, without counting noise; traffic.counts: poisson draws whole requests.")
    if given.token_lengths is None and given.recorded is None:
        notes.append("Requests of a class are all as long as it says; traffic.token_lengths lets them vary.")
    return notes


def known(value: float | None, needs: str, text: Callable[[float], str] = number) -> str:
    """A number in words, or what it would take to know it."""
    return f"unknown (needs {needs})" if value is None else text(value)


def _row(label: str, value: str, remark: str = "") -> str:
    return f"  {label:<{_LABEL}}{value:<26}{remark}".rstrip()


def _rate_lines(shown: TrafficShown, mean_requests_per_s: float, mean_tokens_per_s: float | None) -> list[str]:
    peak = float(np.nanmax(shown.requests)) / shown.step_s
    peak_tokens = shown.peak_tokens_per_s
    return [
        _row("mean rate", *_rates(mean_requests_per_s, mean_tokens_per_s)),
        _row(f"busiest {window_word(shown.step_s)}", *_rates(peak, peak_tokens)),
    ]


def _rates(requests_per_s: float, tokens_per_s: float | None) -> tuple[str, str]:
    tokens = "tokens unknown" if tokens_per_s is None else f"{number(tokens_per_s)} tokens/s"
    return f"{number(requests_per_s)} requests/s", tokens


def _statistics_lines(shown: TrafficShown) -> list[str]:
    statistics = shown.statistics
    needs = statistics.needs
    curve = shown.load_duration
    hour = window_word(shown.load_window_s)
    below = [f"{share} % of it below {number(float(curve[100 - share]))} x" for share in (10, 50, 90)]
    return [
        "",
        *_window_lines(statistics),
        "",
        *_memory_lines(statistics),
        "",
        _row("noise over the season", known(statistics.noise_relative_sd, needs.get("noise_relative_sd", "")),
             "standard deviation over the mean, beyond counting" if statistics.noise_relative_sd is not None else ""),
        _row("mean day, peak to trough", known(statistics.day_peak_to_trough, needs.get("day_peak_to_trough", ""))),
        _row("weekend over weekday", known(statistics.weekend_to_weekday, needs.get("weekend_to_weekday", ""))),
        _row("steps without a request", percent(statistics.empty_share) if statistics.empty_share else "none"),
        _row(f"load by {hour}", ", ".join(below) + " the mean"),
        _row("idle if sized for", f"99 % of the time: {percent(shown.idle_at_p99_share)}",
             f"the busiest {hour}: {percent(shown.idle_at_peak_share)}"),
    ]  # fmt: skip


def _window_lines(statistics: DemandStatistics) -> list[str]:
    windows = statistics.windows
    rows: list[tuple[str, list[float | None]]] = [
        ("peak over mean", [window.peak_to_mean for window in windows]),
        ("p99 over mean", [window.p99_to_mean for window in windows]),
        ("index of dispersion", [window.dispersion for window in windows]),
    ]
    return _table("window", [duration_words(window.window_s) for window in windows], rows,
                  [window.needs for window in windows])  # fmt: skip


def _memory_lines(statistics: DemandStatistics) -> list[str]:
    memory = statistics.autocorrelations
    lags = [duration_words(one.lag_s).replace("a week", "1 week").replace("24 h", "1 day") for one in memory]
    rows: list[tuple[str, list[float | None]]] = [
        ("autocorrelation", [one.requests for one in memory]),
        ("of the noise alone", [one.noise for one in memory]),
    ]
    needs = [one.noise_needs if one.requests is not None else one.needs for one in memory]
    return _table("lag", lags, rows, needs)


def _table(
    label: str, heads: Sequence[str], rows: Sequence[tuple[str, list[float | None]]], needs: Sequence[str]
) -> list[str]:
    """Numbers by column; what some lack is said below the table."""
    width = 10
    lines = [f"  {label:<{_LABEL}}" + "".join(f"{head:>{width}}" for head in heads)]
    for name, values in rows:
        cells = "".join(f"{'unknown' if value is None else _short(value):>{width}}" for value in values)
        lines.append(f"  {name:<{_LABEL}}{cells}")
    lacking: dict[str, list[str]] = {}
    for column, (head, need) in enumerate(zip(heads, needs, strict=True)):
        if any(values[column] is None for _, values in rows):
            lacking.setdefault(need, []).append(head)
    if not lacking:
        return lines
    reasons = "; ".join(f"needs {need} ({', '.join(columns)})" for need, columns in lacking.items())
    return [*lines, f"  {'':<{_LABEL}}  unknown: {reasons}"]


def _short(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}" if abs(value) < 10 else number(value)


def _length_lines(shown: TrafficShown) -> list[str]:
    statistics = shown.statistics
    drifts = {
        "prompts": (statistics.input_drift_relative_sd, "input_drift_relative_sd"),
        "answers": (statistics.output_drift_relative_sd, "output_drift_relative_sd"),
    }
    rows = {}
    for name, one in shown.lengths.items():
        drift, key = drifts[name]
        rows[name] = (one, "none" if drift == 0 else known(drift, statistics.needs.get(key, ""), percent))
    return _length_table(rows, "drift of the mean")


def _length_table(rows: Mapping[str, tuple[LengthsShown, str]], last: str) -> list[str]:
    """Lengths by name with a remark each, below a line of heads of which `last` is that of the remarks."""
    width = 10
    heads = ("mean", *(f"p{share}" for share in QUANTILES))
    lines = ["", f"  {'length [tokens]':<{_LABEL}}{''.join(f'{head:>{width}}' for head in heads)}   {last}".rstrip()]
    for name, (one, remark) in rows.items():
        cells = "".join(f"{cell:>{width}}" for cell in _length_cells(one))
        lines.append(f"  {name:<{_LABEL}}{cells}   {remark}".rstrip())
    return lines


def _length_cells(one: LengthsShown) -> list[str]:
    mean = "unknown" if one.mean is None else number(one.mean)
    quantiles = [number(one.quantiles[share]) if one.quantiles else "unknown" for share in QUANTILES]
    return [mean, *quantiles]


def _correlation_lines(recording: Recording) -> list[str]:
    if recording.length_correlation is None:
        return []
    return [_row("prompt with answer", f"{recording.length_correlation:.2f}", "correlation of the logarithms")]


def _share(share: float) -> str:
    return f"{percent(share)} of the volume" if share > 0 else "none"


def _share_of(part: int, whole: int) -> str:
    return percent(part / whole) if part else ""


def _span(shown: TrafficShown) -> str:
    length = duration_words(shown.duration_s) if shown.duration_s < SECONDS_PER_DAY else (
        f"{number(shown.duration_s / SECONDS_PER_DAY)} day{'' if shown.duration_s == SECONDS_PER_DAY else 's'}"
    )  # fmt: skip
    if shown.start is None:
        return f"{length}, start unknown"
    return f"{length} from {shown.start:%Y-%m-%d %H:%M} UTC"


def _totals(recording: Recording) -> list[tuple[str, Any]]:
    return [
        ("requests in all", recording.requests),
        ("input tokens in all", recording.input_tokens),
        ("output tokens in all", recording.output_tokens),
    ]


def _total(values: Any) -> str:
    return f"{float(np.nansum(values)):,.0f}" if np.isfinite(values).any() else "unknown"


def _a_month(shown: TrafficShown) -> float:
    return shown.requests_per_day * DAYS_PER_MONTH


def _month_of(per_day: float) -> str:
    return number(per_day * DAYS_PER_MONTH)
