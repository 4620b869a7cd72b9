"""Statistics of recorded and generated requests that decide how many replicas they need, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

Array = NDArray[Any]  # of float64

WINDOWS_MINUTES = (5, 60)  # beside the step itself
BAND = (0.05, 0.95)
_ORDER = ("peak/mean", "p99/mean", "index of dispersion", "noise from step to step", "autocorrelation")


@dataclass(frozen=True)
class Likeness:
    """One statistic of the recording, and its mean and 5 to 95 % band over runs of the model."""

    name: str
    real: float
    model: float
    model_low: float
    model_high: float

    @property
    def relative_error(self) -> float:
        """Model over real, less one; 0 where the recording has none. [1]"""
        return self.model / self.real - 1.0 if self.real > 0 else 0.0

    @property
    def inside(self) -> bool:
        """Whether the recording is within the band of the model's runs."""
        return self.model_low <= self.real <= self.model_high

    @property
    def is_of_the_top(self) -> bool:
        """Whether it is a peak or a 99th percentile, which sizes a fleet."""
        return self.name.startswith(("peak", "p99"))


def window_lengths(step_s: float, steps: int) -> dict[str, int]:
    """Windows that are judged, by their name, in steps: the step, 5 minutes and an hour where they are longer."""
    minutes = step_s / SECONDS_PER_MINUTE
    windows = {f"{minutes:g} min": 1}
    for length in WINDOWS_MINUTES:
        count = round(length / minutes)
        if count > 1 and abs(count * minutes - length) < 1e-9 and steps >= 4 * count:
            windows[f"{length} min"] = count
    return windows


def statistics(runs: Array, step_s: float) -> dict[str, Array]:
    """Statistics of requests per step, each over the run's own mean.

    Parameters
    ----------
    runs : array of shape (runs, steps)
        Requests in each step; NaN where unknown.
    step_s : float
        Length of a step. [s]

    Returns
    -------
    dict of name to array of shape (runs,)
        Peak and 99th percentile over the mean, by window, where windows do not overlap and count where at least half of
        their steps are known; variance over mean of a step's requests [requests]; root mean square of the differences
        of the logarithms of following steps, over sqrt 2; correlation of steps a step, an hour and a day apart.
    """
    means = np.maximum(np.nanmean(runs, axis=1), 1e-300)
    found: dict[str, Array] = {}
    for name, count in window_lengths(step_s, runs.shape[1]).items():
        values = _window_means(runs, count) / means[:, None]
        if np.isfinite(values).any(axis=1).all():
            found[f"peak/mean, {name}"] = np.nanmax(values, axis=1)
            found[f"p99/mean, {name}"] = np.nanquantile(values, 0.99, axis=1)
    found["index of dispersion"] = np.nanvar(runs, axis=1) / means
    differences = np.diff(np.log(np.maximum(runs, 0.5)), axis=1)
    if np.isfinite(differences).any(axis=1).all():
        found["noise from step to step"] = np.sqrt(0.5 * np.nanmean(differences**2, axis=1))
    for name, lag_s in (("1 step", step_s), ("1 h", SECONDS_PER_HOUR), ("1 day", SECONDS_PER_DAY)):
        lag = round(lag_s / step_s)
        named = lag > 1 or name == "1 step"
        if lag >= 1 and named and runs.shape[1] >= 2 * lag and _pairs(runs, lag).any(axis=1).all():
            found[f"autocorrelation, {name}"] = _autocorrelation(runs, lag)
    return dict(sorted(found.items(), key=lambda item: _ORDER.index(item[0].split(",")[0])))


def _pairs(runs: Array, lag: int) -> NDArray[np.bool_]:
    """Whether a step and the one `lag` later are both known. Shape (runs, steps - lag)."""
    return np.asarray(np.isfinite(runs[:, lag:]) & np.isfinite(runs[:, :-lag]))


def _window_means(runs: Array, count: int) -> Array:
    whole = runs.shape[1] // count * count
    blocks = runs[:, :whole].reshape(runs.shape[0], -1, count)
    known = np.isfinite(blocks)
    sums = np.where(known, blocks, 0.0).sum(axis=2)
    number = known.sum(axis=2)
    return np.where(2 * number >= count, sums / np.maximum(number, 1), np.nan)


def _autocorrelation(runs: Array, lag: int) -> Array:
    """Correlation of the steps of each run with those `lag` later, over the pairs that are known. Shape (runs,)."""
    later, earlier = runs[:, lag:], runs[:, :-lag]
    both = _pairs(runs, lag)
    later, earlier = np.where(both, later, np.nan), np.where(both, earlier, np.nan)
    later = later - np.nanmean(later, axis=1, keepdims=True)
    earlier = earlier - np.nanmean(earlier, axis=1, keepdims=True)
    scale = np.sqrt(np.nanmean(later**2, axis=1) * np.nanmean(earlier**2, axis=1))
    return np.asarray(np.nanmean(later * earlier, axis=1) / np.maximum(scale, 1e-300))


def compare(requests: Array, runs: Array, step_s: float) -> tuple[Likeness, ...]:
    """Statistics of a recording against those of runs of a model, with the recording's gaps in them too.

    `requests` has shape (steps,), `runs` (runs, steps).
    """
    masked = np.where(np.isfinite(requests), runs, np.nan)
    real, model = statistics(requests[None, :], step_s), statistics(masked, step_s)
    rows = []
    for name, value in real.items():
        low, high = np.quantile(model[name], BAND)
        rows.append(Likeness(name, float(value[0]), float(model[name].mean()), float(low), float(high)))
    return tuple(rows)


def error_of_the_top(rows: tuple[Likeness, ...]) -> float:
    """Root mean square relative error of peaks and 99th percentiles over all windows. [1]"""
    return float(np.sqrt(np.mean([row.relative_error**2 for row in rows if row.is_of_the_top])))
