"""Replay of a recording: looped with its hours and weekdays kept, or stretched over the horizon."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.recordings import Recording
from simulator.domain.shape import Shape
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.simulation.calendar import Steps, local_seconds

_EPOCH = datetime(1970, 1, 1)
SHORT_OF_WHOLE_S = 15 * SECONDS_PER_MINUTE
_WEEK_S = 7 * SECONDS_PER_DAY
_MONDAY_S = 4 * SECONDS_PER_DAY  # 1970-01-05, the first Monday after the epoch


def replayed(shape: Shape, timeline: Steps) -> Array:
    """Requests of the recording at every step of the horizon, any unit; what is unknown is as its hour usually is."""
    recording = _recording(shape)
    begins_s, length_s, period_s = _places_in_recording(shape, recording, timeline)
    size = max(round(period_s / recording.step_s), 1)
    missing = max(size - recording.steps, 0)  # a log of a day may end some minutes before it is over
    known = filled(np.append(recording.requests, np.full(missing, np.nan)), recording.step_s)
    return _means(known[:size], recording.step_s, begins_s, length_s)


def looped_s(recording: Recording) -> tuple[float, float]:
    """Part of a recording that a loop repeats, and what it is a multiple of: weeks, days, or 0 where it is shorter. [s]

    A recording that ends up to SHORT_OF_WHOLE_S before a whole number of them counts as whole.
    """
    for whole_s in (_WEEK_S, SECONDS_PER_DAY):
        turns = (recording.duration_s + SHORT_OF_WHOLE_S) // whole_s
        if turns >= 1:
            return turns * whole_s, whole_s
    return recording.duration_s, 0.0


def replayed_lengths(traffic: Traffic, timeline: Steps) -> tuple[Array | None, Array | None]:
    """Mean lengths of prompts and answers over those of the whole recording; None where it does not know them."""
    if traffic.kind != "trace" or traffic.recorded is None:
        return None, None
    recording = traffic.recorded
    requests = replayed(traffic, timeline)
    drifts: list[Array | None] = []
    for tokens in (recording.input_tokens, recording.output_tokens):
        if not np.isfinite(tokens).any() or np.nansum(tokens) <= 0:
            drifts.append(None)
            continue
        replay = traffic.model_copy(update={"recorded": _of_tokens(recording, tokens)})
        per_request = np.divide(replayed(replay, timeline), requests, out=np.zeros(requests.size), where=requests > 0)
        mean = float((per_request * requests).sum() / requests.sum())
        drifts.append(np.where(requests > 0, per_request / mean, 1.0))
    return drifts[0], drifts[1]


def _of_tokens(recording: Recording, tokens: Array) -> Recording:
    """The recording with tokens in place of the requests; where only those are unknown, at the mean length."""
    both = np.isfinite(tokens) & np.isfinite(recording.requests)
    mean = float(tokens[both].sum() / max(recording.requests[both].sum(), 1e-300))
    amounts = np.where(np.isfinite(tokens), tokens, recording.requests * mean)
    return Recording(
        source=recording.source, layout=recording.layout, step_s=recording.step_s, start_utc=recording.start_utc,
        requests=amounts, input_tokens=tokens, output_tokens=tokens,
    )  # fmt: skip


def _recording(shape: Shape) -> Recording:
    if shape.recorded is None:
        raise ValueError(f"traffic.file: '{shape.file}' has not been read; load the scenario from its file")
    return shape.recorded


def filled(values: Array, step_s: float) -> Array:
    """The values with unknown ones put at the mean of the same time of other days, else at the mean of all."""
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    result = values.copy()
    per_day = max(round(SECONDS_PER_DAY / step_s), 1)
    place = np.arange(values.size) % per_day
    sums = np.bincount(place, weights=np.where(missing, 0.0, values), minlength=per_day)
    counts = np.bincount(place, weights=~missing, minlength=per_day)
    usual = np.where(counts > 0, sums / np.maximum(counts, 1), np.nanmean(values))
    result[missing] = usual[place[missing]]
    return result


def _places_in_recording(shape: Shape, recording: Recording, timeline: Steps) -> tuple[Array, float, float]:
    """Where in the recording the horizon's steps begin, how much of it each is, and after how much it repeats. [s]"""
    since_s = np.arange(timeline.size) * timeline.base_s
    recorded_s = recording.duration_s
    if shape.repeat == "stretch":
        per_s = recorded_s / timeline.duration_s
        return since_s * per_s, timeline.base_s * per_s, recorded_s
    period_s, whole_s = looped_s(recording)
    if not whole_s:
        return since_s, timeline.base_s, period_s
    # By the clock on the wall, so that hours are kept through changes of summer time too.
    local_s = local_seconds(shape.timezone, timeline) - timeline.base_s / 2
    start_s = local_s[0] - _MONDAY_S - shape.shift_hours * SECONDS_PER_HOUR
    first_s = (start_s - _recorded_start_s(shape, recording)) % whole_s
    return first_s + (local_s - local_s[0]), timeline.base_s, period_s


def _recorded_start_s(shape: Shape, recording: Recording) -> float:
    """Start of the recording on the clock on the wall, in seconds after a Monday; a Monday's midnight where unknown."""
    if shape.recorded_from is not None:
        return (shape.recorded_from.replace(tzinfo=None) - _EPOCH).total_seconds() - _MONDAY_S
    if recording.start_utc is None:
        return 0.0
    return float(local_seconds(shape.timezone, Steps(recording.start_utc, 1, 0.0))[0]) - _MONDAY_S


def _means(values: Array, step_s: float, begins_s: Array, length_s: float) -> Array:
    """Mean rate over a length of time from each moment on, of a record constant within its steps that repeats."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    period_s = values.size * step_s

    def until(moments_s: Array) -> Array:
        turns = np.floor(moments_s / period_s + 1e-12)
        inside = np.maximum(moments_s - turns * period_s, 0.0) / step_s
        return turns * total[-1] + np.interp(inside, np.arange(values.size + 1), total)

    return np.maximum(until(begins_s + length_s) - until(begins_s), 0.0)
