"""What a demand is like, in numbers: how high it peaks, how it bunches, how noisy it is, how day and week go.

The same numbers for a recording and for a draw of a model, so that one can be held against the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain import traffic_moments as moments
from simulator.domain.local_hours import HOURS_PER_WEEK, hours_of_week
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

Array = NDArray[Any]  # of float64

SECONDS_PER_WEEK = HOURS_PER_WEEK * SECONDS_PER_HOUR
WINDOWS_S = tuple(minutes * SECONDS_PER_MINUTE for minutes in (1, 5, 10, 60))
LAGS_S = (5 * SECONDS_PER_MINUTE, SECONDS_PER_HOUR, SECONDS_PER_DAY, SECONDS_PER_WEEK)
LEAST_WINDOWS = 10  # of which a peak or a variance is told
LEAST_WINDOWS_OF_P99 = 100
_WEEKDAYS, _WEEKEND = slice(0, 5), slice(5, 7)


@dataclass(frozen=True)
class WindowStatistics:
    """Requests counted in disjoint windows from the start. None: unknown."""

    window_s: float
    peak_to_mean: float | None = None
    p99_to_mean: float | None = None  # the load of the 99th of a hundred windows
    dispersion: float | None = None  # variance over mean of the counts
    needs: str = ""  # what the recording lacks where something is None


@dataclass(frozen=True)
class Autocorrelation:
    """Memory of the demand over a lag. None: unknown."""

    lag_s: float
    requests: float | None = None  # of the counts
    noise: float | None = None  # of the logarithm of the counts over their season
    needs: str = ""
    noise_needs: str = ""


@dataclass(frozen=True)
class DemandStatistics:
    """Statistics of requests in equal steps. None is what the recording is too short to tell; `needs` says what for.

    `load_duration` has shape (101,): the load over the mean reached during 0, 1, ..., 100 % of the steps.
    """

    step_s: float
    steps: int
    unknown_steps: int
    mean_requests_per_day: float
    windows: tuple[WindowStatistics, ...]
    load_duration: tuple[float, ...]
    empty_share: float  # of the known steps, those without a request
    noise_relative_sd: float | None  # beyond counting noise, at the step
    autocorrelations: tuple[Autocorrelation, ...]
    day_peak_to_trough: float | None  # of the mean day, by local hour; infinite where an hour is always empty
    weekend_to_weekday: float | None
    mean_input_tokens: float | None  # of a request
    mean_output_tokens: float | None
    input_drift_relative_sd: float | None  # of the mean length of an hour's requests, over time
    output_drift_relative_sd: float | None
    needs: Mapping[str, str] = field(default_factory=dict)  # by the name of a field that is None

    @property
    def mean_requests_per_s(self) -> float:
        """Mean rate. [requests/s]"""
        return self.mean_requests_per_day / SECONDS_PER_DAY


def demand_statistics(
    requests: Array,
    step_s: float,
    *,
    start: datetime | None = None,
    timezone: str = "UTC",
    input_tokens: Array | None = None,
    output_tokens: Array | None = None,
    counting: bool = True,
) -> DemandStatistics:
    """Statistics of a demand in equal steps.

    Parameters
    ----------
    requests : array of shape (steps,)
        Requests in each step; NaN is unknown.
    step_s : float
        Length of a step. [s]
    start : datetime, optional
        Start of the first step, with its offset. Without it hours of the day are counted from the first step, and
        weekends are unknown.
    timezone : str
        IANA time zone of the hours and weekdays.
    input_tokens, output_tokens : arrays of shape (steps,), optional
        Tokens of the requests of each step; NaN is unknown.
    counting : bool
        Whether the requests are whole ones at random; False where they are expected values, without counting noise.

    Raises
    ------
    ValueError
        If no step is known, or none holds a request.

    Notes
    -----
    Each part is defined in `traffic_moments`. The season against which noise is told is the mean by local hour of the
    week where there are three weeks, else of weekday and weekend where both are seen, else of the day.
    """
    requests, step_s = np.asarray(requests, dtype=np.float64), float(step_s)
    known = requests[np.isfinite(requests)]
    if not known.size or not known.sum() > 0:
        raise ValueError("requests hold no known step above 0")
    needs: dict[str, str] = {}
    clock = _clock(start, timezone, requests.size, step_s)
    season = _season(requests, clock, step_s, dated=start is not None)
    noise = None if season is None else moments.noise_relative_sd(requests, season, counting=counting)
    if noise is None:
        needs["noise_relative_sd"] = _season_needs(step_s)
    return DemandStatistics(
        step_s=step_s,
        steps=requests.size,
        unknown_steps=requests.size - known.size,
        mean_requests_per_day=float(known.mean()) * SECONDS_PER_DAY / step_s,
        windows=tuple(window_statistics(requests, step_s, window_s) for window_s in WINDOWS_S),
        load_duration=tuple(moments.load_duration(requests).tolist()),
        empty_share=float((known == 0).mean()),
        noise_relative_sd=noise,
        autocorrelations=tuple(_autocorrelation(requests, season, step_s, lag_s) for lag_s in LAGS_S),
        day_peak_to_trough=_day_peak_to_trough(requests, clock, step_s, needs),
        weekend_to_weekday=_weekend_to_weekday(requests, clock, step_s, start, needs),
        mean_input_tokens=_mean_length("mean_input_tokens", requests, input_tokens, needs),
        mean_output_tokens=_mean_length("mean_output_tokens", requests, output_tokens, needs),
        input_drift_relative_sd=_drift("input_drift_relative_sd", requests, input_tokens, step_s, needs),
        output_drift_relative_sd=_drift("output_drift_relative_sd", requests, output_tokens, step_s, needs),
        needs=needs,
    )


def window_statistics(requests: Array, step_s: float, window_s: float) -> WindowStatistics:
    """Peak, 99th percentile and dispersion of the requests of disjoint windows, over the mean of all known steps.

    `requests` has shape (steps,), NaN where unknown. A window that is not of whole steps tells nothing.
    """
    per_window = round(window_s / step_s)
    if per_window < 1 or abs(per_window * step_s - window_s) > 1e-6 * window_s:
        return WindowStatistics(window_s, needs=_fitting_steps(step_s, window_s))
    counts = moments.known_windows(requests, per_window)
    if counts.size < LEAST_WINDOWS or not counts.mean() > 0:
        return WindowStatistics(window_s, needs=duration_words(LEAST_WINDOWS * window_s))
    mean = float(np.nanmean(requests)) * per_window
    enough = counts.size >= LEAST_WINDOWS_OF_P99
    return WindowStatistics(
        window_s,
        peak_to_mean=float(counts.max()) / mean,
        p99_to_mean=float(np.quantile(counts, 0.99)) / mean if enough else None,
        dispersion=moments.dispersion(counts),
        needs="" if enough else duration_words(LEAST_WINDOWS_OF_P99 * window_s),
    )


def duration_words(seconds: float) -> str:
    """A length of time in its greatest fitting unit, rounded up from an hour on.

    Examples
    --------
    >>> duration_words(600.0), duration_words(36_000.0), duration_words(360_000.0), duration_words(1_209_600.0)
    ('10 min', '10 h', '5 days', '2 weeks')
    """
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds:g} s"
    if seconds < SECONDS_PER_HOUR:
        return f"{seconds / SECONDS_PER_MINUTE:g} min"
    if seconds <= SECONDS_PER_DAY:
        return f"{math.ceil(seconds / SECONDS_PER_HOUR)} h"
    if seconds % SECONDS_PER_WEEK == 0:
        weeks = round(seconds / SECONDS_PER_WEEK)
        return "a week" if weeks == 1 else f"{weeks} weeks"
    return f"{math.ceil(seconds / SECONDS_PER_DAY)} days"


def _fitting_steps(step_s: float, window_s: float) -> str:
    wanted = "at most" if step_s > window_s else "a whole part of"
    return f"steps of {wanted} {duration_words(window_s)}"


def _clock(start: datetime | None, timezone: str, steps: int, step_s: float) -> Array:
    """Hours of the week at every step; without a start counted from the first step. Shape (steps,)."""
    if start is not None:
        return hours_of_week(start, timezone, steps, step_s)
    hours: Array = (np.arange(steps) + 0.5) * (step_s / SECONDS_PER_HOUR) % HOURS_PER_WEEK
    return hours


def _season(requests: Array, clock: Array, step_s: float, *, dated: bool) -> Array | None:
    """What the hour makes expect at every step, shape (steps,); None for less than two days or steps above an hour."""
    duration_s = requests.size * step_s
    if duration_s < 2 * SECONDS_PER_DAY or step_s > SECONDS_PER_HOUR:
        return None
    if duration_s >= 3 * SECONDS_PER_WEEK:
        by_hour = moments.hourly_means(requests, clock)
        if np.isfinite(by_hour).all():
            return moments.season_at(by_hour, clock)
    kinds = [moments.means_of_days(requests, clock, days) for days in (_WEEKDAYS, _WEEKEND)]
    if dated and all(np.isfinite(kind).all() for kind in kinds):
        return moments.season_at(np.concatenate([*[kinds[0]] * 5, *[kinds[1]] * 2]), clock)
    return moments.season_at(moments.means_of_days(requests, clock, slice(0, 7)), clock)


def _autocorrelation(requests: Array, season: Array | None, step_s: float, lag_s: float) -> Autocorrelation:
    lag_steps = round(lag_s / step_s)
    if lag_steps < 1 or abs(lag_steps * step_s - lag_s) > 1e-6 * lag_s:
        needs = _fitting_steps(step_s, lag_s)
        return Autocorrelation(lag_s, needs=needs, noise_needs=needs)
    if requests.size < 2 * lag_steps:
        needs = duration_words(2 * lag_s)
        return Autocorrelation(lag_s, needs=needs, noise_needs=needs)
    noise = None
    if season is not None:
        noise = moments.autocorrelation(moments.deseasonalised_log(requests, season), lag_steps)
    return Autocorrelation(
        lag_s,
        requests=moments.autocorrelation(requests, lag_steps),
        noise=noise,
        needs="a load that varies",
        noise_needs=_season_needs(step_s) if season is None else "a load that varies",
    )


def _season_needs(step_s: float) -> str:
    return "2 days" if step_s <= SECONDS_PER_HOUR else _fitting_steps(step_s, SECONDS_PER_HOUR)


def _day_peak_to_trough(requests: Array, clock: Array, step_s: float, needs: dict[str, str]) -> float | None:
    day = moments.means_of_days(requests, clock, slice(0, 7))
    if not np.isfinite(day).all():
        coarse = step_s > SECONDS_PER_HOUR
        needs["day_peak_to_trough"] = _fitting_steps(step_s, SECONDS_PER_HOUR) if coarse else "a day"
        return None
    return float(day.max() / day.min()) if day.min() > 0 else math.inf


def _weekend_to_weekday(
    requests: Array, clock: Array, step_s: float, start: datetime | None, needs: dict[str, str]
) -> float | None:
    weekdays, weekend = (moments.means_of_days(requests, clock, days) for days in (_WEEKDAYS, _WEEKEND))
    complete = bool(np.isfinite(weekdays).all() and np.isfinite(weekend).all() and weekdays.sum() > 0)
    if start is None:
        needs["weekend_to_weekday"] = "the date of its start"
    elif step_s > SECONDS_PER_HOUR:
        needs["weekend_to_weekday"] = _fitting_steps(step_s, SECONDS_PER_HOUR)
    elif requests.size * step_s < SECONDS_PER_WEEK or not complete:
        needs["weekend_to_weekday"] = "a week"
    else:
        return float(weekend.sum() / weekdays.sum())
    return None


def _mean_length(name: str, requests: Array, tokens: Array | None, needs: dict[str, str]) -> float | None:
    """Mean tokens of a request, over the steps in which both are known."""
    if tokens is not None:
        known = np.isfinite(requests + tokens)
        if requests[known].sum() > 0:
            return float(tokens[known].sum() / requests[known].sum())
    needs[name] = "token counts"
    return None


def _drift(name: str, requests: Array, tokens: Array | None, step_s: float, needs: dict[str, str]) -> float | None:
    if tokens is None or not np.isfinite(requests + tokens).any():
        needs[name] = "token counts"
        return None
    enough = np.isfinite(requests + tokens).sum() * step_s >= SECONDS_PER_DAY
    drift = moments.length_drift(requests, tokens, step_s) if enough else None
    if drift is None:
        needs[name] = "a day in steps of at most 30 min"
    return drift
