"""Whether a fit finds the demand that a recording was drawn from; writes its part of docs/validation.md.

    python benchmarks/fit_round_trip.py             # prints the share inside of the intervals; about five minutes
    python benchmarks/fit_round_trip.py --write     # and puts it into docs/validation.md

Years in steps of ten minutes are drawn from a known demand and fitted. Every parameter of it is inside of its stated
90 % interval or not.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from page_tables import PAGE, markdown, replaced

from simulator.domain.random_parts import Spikes
from simulator.domain.recordings import Recording
from simulator.domain.traffic import Traffic
from simulator.simulation.runs import drawn_requests
from simulator.traces.fitting import Fit, fit_recording
from simulator.traces.spike_fit import SpikeLaw

REPEATS = 20
DAYS = 365
STEP_S = 600.0
START = datetime(2024, 1, 1, tzinfo=UTC)
TO_REACH = 0.85

# Office hours, rounded: a working day with a break at noon, a weekend at a third of it.
_WEEKDAY = (
    0.35, 0.2, 0.16, 0.13, 0.13, 0.13, 0.2, 0.4, 1.0, 2.0, 2.6, 2.4,
    1.2, 1.6, 2.6, 2.8, 2.8, 2.4, 1.6, 1.3, 1.2, 1.1, 0.8, 0.6,
)  # fmt: skip
_SHARE_OF_THE_WEEKEND = 0.33
_PARTS = {
    "minutes_20": (0.08, 1_200.0),
    "minutes_90": (0.14, 5_400.0),
    "hours_6": (0.10, 21_600.0),
    "day_1": (0.07, 86_400.0),
}


def known_demand() -> Traffic:
    """The demand that is drawn: of the kind of the office preset, with spikes more often."""
    weekend = tuple(max(weight * _SHARE_OF_THE_WEEKEND, 0.1) for weight in _WEEKDAY)
    parts = {
        name: {"relative_sd": sd, "correlation_time_s": memory_s, "falls_with_load": memory_s <= 1_200.0}
        for name, (sd, memory_s) in _PARTS.items()
    }
    return Traffic.model_validate({
        "requests_per_month": 5e6,
        "hourly_weights": _WEEKDAY * 5 + weekend * 2,
        "noise": {"reference_requests_per_minute": 1_700.0, "parts": parts},
        "spikes": {
            "per_week": 3.0, "least_height_to_mean": 1.0, "greatest_height_to_mean": 8.0, "tail_index": 1.25,
            "half_life_s": 1_800.0, "half_life_log_sd": 1.0, "heights_over": "mean",
        },
        "counts": "poisson",
    })  # fmt: skip


def drawn_recording(traffic: Traffic, seed: int, days: int = DAYS) -> Recording:
    """A recording of that demand."""
    steps = round(days * 86_400 / STEP_S)
    requests = drawn_requests(traffic, start=START, steps=steps, step_s=STEP_S, runs=1, first_seed=seed)[0]
    unknown = np.full(steps, np.nan)
    return Recording(f"drawn with seed {seed}", "drawn", STEP_S, START, requests, unknown, unknown)


def checks(traffic: Traffic, fit: Fit) -> Iterator[tuple[str, bool]]:
    """Kind of parameter, and whether its interval holds the true value, for every parameter of the demand.

    A noise that falls with the load is compared at the recording's load. The least height of spikes cannot be told from
    noise and is not a parameter here: rates are compared above the higher of the two least heights.
    """
    by_key = {parameter.key: parameter for parameter in fit.parameters}
    yield (
        "volume",
        _inside(traffic.requests_per_month, by_key["requests_per_month"].low, by_key["requests_per_month"].high),
    )
    weights = np.asarray(traffic.hourly_weights)
    for weight, (low, high) in zip(weights / weights.mean(), fit.weight_intervals, strict=True):
        yield "hours of the week", _inside(weight, low, high)
    yield from _noise_checks(traffic, fit)
    if traffic.spikes is not None:
        yield from _spike_checks(traffic.spikes, fit.spikes)


def _noise_checks(traffic: Traffic, fit: Fit) -> Iterator[tuple[str, bool]]:
    noise = fit.noise
    load = noise.reference_requests_per_minute / traffic.noise.reference_requests_per_minute
    for name, part in traffic.noise.parts.items():
        place = noise.names.index(name)
        variance = math.log1p(part.relative_sd**2)
        if part.falls_with_load:
            variance *= load ** (traffic.noise.taylor_exponent - 2.0)
        spread = 1.645 * float(noise.resampled[:, place].std())
        fitted = float(noise.variances[place])
        yield f"noise, {name.replace('_', ' ')}", _inside(variance, fitted - spread, fitted + spread)


def _spike_checks(true: Spikes, law: SpikeLaw | None) -> Iterator[tuple[str, bool]]:
    if law is None or law.tail_interval is None or law.log_sd_interval is None:
        yield from ((f"spikes, {name}", False) for name in ("rate", "tail index", "half-life", "its log sd"))
        return
    floor = max(true.least_height, law.least)
    end = true.greatest_height_to_mean
    rate = true.per_week * _share_above(floor, true.least_height, end, true.tail_index)
    share = _share_above(floor, law.least, law.greatest, law.tail_index)
    yield "spikes, rate", _inside(rate, *(share * bound for bound in law.per_week_interval))
    yield "spikes, tail index", _inside(true.tail_index, *law.tail_interval)
    yield "spikes, half-life", _inside(true.half_life_s, *law.half_life_interval_s)
    yield "spikes, its log sd", _inside(true.half_life_log_sd, *law.log_sd_interval)


def _share_above(height: float, least: float, greatest: float, tail: float) -> float:
    end = (least / greatest) ** tail
    return ((least / height) ** tail - end) / (1.0 - end)


def _inside(value: float, low: float, high: float) -> bool:
    return bool(low <= value <= high)


def shares(found: list[tuple[str, bool]]) -> dict[str, float]:
    """Share inside by kind of parameter, and over all but the hours, and over all."""
    frame = pd.DataFrame(found, columns=["kind", "inside"])
    result = frame.groupby("kind", sort=False)["inside"].mean().to_dict()
    result["all but the hours"] = frame[frame["kind"] != "hours of the week"]["inside"].mean()
    result["all"] = frame["inside"].mean()
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="put the table into docs/validation.md")
    arguments.add_argument("--repeats", type=int, default=REPEATS)
    given = arguments.parse_args()
    traffic, found = known_demand(), []
    for repeat in range(given.repeats):
        one = list(checks(traffic, fit_recording(drawn_recording(traffic, repeat))))
        found += one
        print(f"{repeat + 1} of {given.repeats}: {np.mean([inside for _, inside in one]):.0%} inside", flush=True)
    result = shares(found)
    counts = pd.DataFrame(found, columns=["kind", "inside"])["kind"].value_counts()
    table = pd.DataFrame({
        kind: {"parameters": int(counts.get(kind, 0)) or "", "inside of the 90 % interval": f"{share:.0%}"}
        for kind, share in result.items()
    }).T  # fmt: skip
    table.loc["all", "parameters"] = len(found)
    table.loc["all but the hours", "parameters"] = len(found) - int(counts["hours of the week"])
    print(f"\n{markdown(table, 'parameter')}\nto reach: {TO_REACH:.0%}")
    if given.write:
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), "round trip", markdown(table, "parameter")), "utf-8")


if __name__ == "__main__":
    main()
