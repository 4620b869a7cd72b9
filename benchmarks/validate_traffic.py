"""Whether fitted demand has the statistics of the recording it was fitted to; writes its part of docs/validation.md.

    python benchmarks/validate_traffic.py --traces FOLDER            # prints the tables; about three minutes
    python benchmarks/validate_traffic.py --traces FOLDER --write    # and puts them into docs/validation.md

The recordings are not part of the project. FOLDER holds per-step sums of published traces, CSV files with the columns
offset_s,requests,input_tokens,output_tokens, blank where unknown, under the names of TRACES:

- Azure LLM inference trace 2024 (github.com/Azure/AzurePublicDataset, CC-BY 4.0; J. Stojkovic et al., DynamoLLM, HPCA
  2025): requests counted per minute UTC, code service on Friday 10 May 2024, conversation service on Monday 13 May.
- ServeGen (github.com/alibaba/ServeGen, Apache-2.0; Y. Xiang et al. 2025): requests per ten minutes of single clients
  (rate x 600 s in data/language/<model>/chunk-<client>-trace.csv), 14 days; of all 162 clients of m-large, days 0 to 6;
  of all 73 clients of deepseek-r1, one day. Steps in which all clients of a model together are under half of their
  running median of six hours, and their neighbours, are blank: gaps of the collection.
- Numenta Anomaly Benchmark (github.com/numenta/NAB, MIT): mentions of a company on Twitter every five minutes; no
  requests of language models, but demand full of spikes.

One procedure fits all; nothing is set by trace. The model is run at the recording's own volume, span and calendar, and
is unknown where the recording is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from page_tables import PAGE, markdown, replaced

from simulator.domain.recordings import Recording
from simulator.domain.traffic import Traffic
from simulator.simulation.runs import drawn_requests
from simulator.traces.fitting import Fit, fit_recording
from simulator.traces.goodness import Likeness, compare, error_of_the_top
from simulator.traces.reading import read_recording

RUNS = 60
MOST_OVER_OTHER_WEEK = 1.5  # error on the week that was not fitted, over that on the one that was
COURSE_KEYS = ("requests_per_month", "timezone", "hourly_weights", "weekday_hours", "weekend_hours", "events", "counts")


@dataclass(frozen=True)
class Trace:
    """A recording: name of its file, how it is called on the page, and the error it is to be met with at most."""

    file: str
    label: str
    target: float | None = None


TRACES = (
    Trace("azure2024_code_1min.csv", "Azure 2024, code, Friday", 0.02),
    Trace("azure2024_conv_1min.csv", "Azure 2024, conversation, Monday", 0.02),
    Trace("servegen_m-small_client5_10min.csv", "ServeGen m-small 5, consumer", 0.02),
    Trace("servegen_m-small_client8_10min.csv", "ServeGen m-small 8, API", 0.06),
    Trace("servegen_m-mid_client93_10min.csv", "ServeGen m-mid 93, office", 0.16),
    Trace("servegen_m-mid_client55_10min.csv", "ServeGen m-mid 55, office, at its limit", 0.12),
    Trace("servegen_m-mid_client15_10min.csv", "ServeGen m-mid 15, nightly batch", 0.03),
    Trace("servegen_m-mid_client71_10min.csv", "ServeGen m-mid 71, consumer"),
    Trace("servegen_m-large_total_week1_10min.csv", "ServeGen m-large, 162 clients"),
    Trace("servegen_deepseek-r1_total_1day_10min.csv", "ServeGen deepseek-r1, 73 clients"),
    Trace("nab_twitter_goog_5min.csv", "NAB Twitter mentions"),
)


@dataclass(frozen=True)
class Held:
    """A recording held against its model and two baselines."""

    trace: Trace
    fit: Fit
    model: tuple[Likeness, ...]
    diurnal: tuple[Likeness, ...]
    constant: tuple[Likeness, ...]


def held(trace: Trace, recording: Recording) -> Held:
    """Fit a recording and hold it against runs of the model, of its course alone, and of a constant rate."""
    fit = fit_recording(recording)
    section = fit.traffic()
    course = {key: value for key, value in section.items() if key in COURSE_KEYS}
    constant = {key: section[key] for key in ("requests_per_month", "timezone", "counts")}
    return Held(trace, fit, *(fit.goodness(_runs(fit, keys)) for keys in (section, course, constant)))


def _runs(fit: Fit, section: dict[str, object], later_days: int = 0) -> np.ndarray:
    return drawn_requests(
        Traffic.model_validate(section),
        start=fit.start + timedelta(days=later_days),
        steps=fit.recording.steps,
        step_s=fit.recording.step_s,
        runs=RUNS,
    )


def errors_table(everything: Iterable[Held]) -> pd.DataFrame:
    """Error of peaks and 99th percentiles of the model and of the baselines."""
    table = {}
    for one in everything:
        errors = [error_of_the_top(rows) for rows in (one.model, one.diurnal, one.constant)]
        target = one.trace.target
        table[one.trace.label] = {
            "days": f"{one.fit.recording.duration_s / 86_400:.3g}",
            "step": f"{one.fit.recording.step_s / 60:g} min",
            "model": f"{100 * errors[0]:.1f}",
            "diurnal Poisson": f"{100 * errors[1]:.1f}",
            "constant Poisson": f"{100 * errors[2]:.1f}",
            "to reach": "" if target is None else f"{100 * target:g}" + ("" if errors[0] <= target else ": missed"),
            "fitted": _fitted(one.fit),
        }
    return pd.DataFrame(table).T


def _fitted(fit: Fit) -> str:
    """What the fit is made of, in a few words."""
    memories = [
        name.replace("_", " ") for name, sd in zip(fit.noise.names, fit.noise.relative_sds, strict=True) if sd > 0
    ]
    words = [fit.course.kind.replace("_", " ")]
    if memories:
        words.append("noise of " + ", ".join(memories))
    if fit.spikes is not None:
        words.append(f"{fit.spikes.per_week:.2g} spikes a week")
    if fit.jobs:
        words.append(f"{len(fit.jobs)} jobs" if len(fit.jobs) > 1 else "1 job")
    if fit.cap_to_mean is not None:
        words.append(f"cap {fit.cap_to_mean:.3g}")
    return "; ".join(words)


def statistics_table(everything: Iterable[Held]) -> pd.DataFrame:
    """Every statistic: real, model, and the band of the model's runs."""
    table = {}
    for one in everything:
        for row in one.model:
            inside = row.model_low <= row.real <= row.model_high
            table[(one.trace.label, row.name)] = {
                "statistic": row.name,
                "real": f"{row.real:.3g}",
                "model": f"{row.model:.3g}",
                "5 to 95 %": f"{row.model_low:.3g} to {row.model_high:.3g}" + ("" if inside else " (outside)"),
            }
    frame = pd.DataFrame(table).T
    labels = [label for label, _ in frame.index]
    frame.index = [label if place == 0 or labels[place - 1] != label else "" for place, label in enumerate(labels)]
    return frame


def weeks_table(recordings: dict[str, Recording]) -> pd.DataFrame:
    """Fitted on one week of a client, held against the other one."""
    table, inside, outside = {}, [], []
    for label, recording in recordings.items():
        half = recording.steps // 2
        days = round(half * recording.step_s / 86_400)
        known = fit_recording(recording).requests
        for name, own, other, later in (("first", slice(0, half), slice(half, None), days),
                                        ("second", slice(half, None), slice(0, half), -days)):  # fmt: skip
            fit = fit_recording(_part(recording, own))
            section = fit.traffic()
            seen = error_of_the_top(fit.goodness(_runs(fit, section)))
            unseen = error_of_the_top(compare(known[other], _runs(fit, section, later), recording.step_s))
            inside.append(seen)
            outside.append(unseen)
            table[f"{label}, {name} week"] = _errors(seen, unseen)
    table["all, root mean square"] = _errors(
        *(float(np.sqrt(np.mean(np.square(errors)))) for errors in (inside, outside))
    )
    return pd.DataFrame(table).T


def _errors(seen: float, unseen: float) -> dict[str, str]:
    return {
        "on that week": f"{100 * seen:.1f}",
        "on the other week": f"{100 * unseen:.1f}",
        "ratio": f"{unseen / seen:.1f}" + ("" if unseen <= MOST_OVER_OTHER_WEEK * seen else ": over 1.5"),
    }


def _part(recording: Recording, steps: slice) -> Recording:
    return replace(
        recording,
        requests=recording.requests[steps],
        input_tokens=recording.input_tokens[steps],
        output_tokens=recording.output_tokens[steps],
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--traces", type=Path, required=True, help="folder of the recordings")
    arguments.add_argument("--write", action="store_true", help="put the tables into docs/validation.md")
    given = arguments.parse_args()
    recordings = {trace: read_recording(given.traces / trace.file) for trace in TRACES}
    everything = [held(trace, recording) for trace, recording in recordings.items()]
    clients = {trace.label: one for trace, one in recordings.items() if one.steps == 2016}
    text = PAGE.read_text(encoding="utf-8")
    for name, table, first in (
        ("traffic", errors_table(everything), "recording"),
        ("traffic weeks", weeks_table(clients), "fitted on"),
        ("traffic statistics", statistics_table(everything), "recording"),
    ):
        print(f"\n{name}\n{markdown(table, first)}")
        text = replaced(text, name, markdown(table, first))
    if given.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
