"""The files of a demand: a slide and its numbers, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.domain.recordings import Recording
from simulator.presentation.charts.traffic import traffic_chart
from simulator.presentation.files import write_in_one_piece, write_tables
from simulator.presentation.theme import save_figure
from simulator.presentation.traffic_card import draw_words
from simulator.presentation.traffic_shown import ScenarioTraffic, TrafficShown


def write_scenario_traffic(traffic: ScenarioTraffic, folder: Path) -> list[Path]:
    """Write the demand as it arrives, growth included, as `traffic.csv`, and the slide as PNG and PDF.

    Raises `OSError` if the folder can't be made or written to.
    """
    path = traffic.path
    table = _table(path.requests, path.input_tokens, path.output_tokens)
    moments = pd.date_range(path.start_utc, periods=path.requests.size, freq=pd.Timedelta(seconds=path.step_s))
    table.insert(0, "time", moments.strftime(_format(path.step_s)))
    growth = traffic.scenario.traffic.growth_law.factors(np.arange(1, traffic.scenario.horizon.bill_months + 1))
    without = "" if np.all(growth == 1.0) else ", growth left out"
    return _write(table, traffic.shown, f"One draw: {draw_words(traffic)}{without}. A month is 730 h.", folder)


def write_recorded_traffic(recording: Recording, shown: TrafficShown, folder: Path) -> list[Path]:
    """Write a recording in its steps as `traffic.csv`, empty where unknown, and the slide as PNG and PDF.

    Raises `OSError` if the folder can't be made or written to.
    """
    table = _table(recording.requests, recording.input_tokens, recording.output_tokens)
    offsets_s = np.arange(recording.steps) * recording.step_s
    if recording.start_utc is None:
        table.insert(0, "offset_s", offsets_s)
    else:
        moments = pd.Timestamp(recording.start_utc) + pd.to_timedelta(offsets_s, unit="s")
        table.insert(0, "time", moments.strftime(_format(recording.step_s)))
    unknown = shown.statistics.unknown_steps
    note = f"Recording: {recording.layout}." + (f" {unknown:,} steps are unknown and left out." if unknown else "")
    return _write(table, shown, note, folder)


def _table(requests: Array, input_tokens: Array, output_tokens: Array) -> pd.DataFrame:
    return pd.DataFrame({"requests": requests, "input_tokens": input_tokens, "output_tokens": output_tokens})


def _format(step_s: float) -> str:
    return "%Y-%m-%dT%H:%M:%SZ" if step_s % 1 == 0 else "%Y-%m-%dT%H:%M:%S.%fZ"


def _write(table: pd.DataFrame, shown: TrafficShown, note: str, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_tables(folder / "traffic.csv", [table])]
    figure = traffic_chart(shown, note)
    return written + [_write_figure(folder / name, figure) for name in ("traffic.png", "traffic.pdf")]


def _write_figure(path: Path, figure: Figure) -> Path:
    return write_in_one_piece(path, lambda temporary: save_figure(figure, temporary))
