"""Moments of a series of counts in equal steps, some of them unknown: the parts of a demand's statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.seasons import hourly_curve
from simulator.domain.units import SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64

_ROUNDING = 1e-12  # of a relative variance
SHARES_OF_TIME = np.linspace(0.0, 1.0, 101)  # of a load-duration curve


def known_windows(requests: Array, per_window: int) -> Array:
    """Sums over whole disjoint windows from the start; a window with an unknown step in it is left out.

    `requests` has shape (steps,), NaN where unknown; the result shape (windows,), as many as are known.
    """
    windows = requests.size // per_window
    sums = requests[: windows * per_window].reshape(windows, per_window).sum(axis=1)
    return sums[np.isfinite(sums)]


def dispersion(counts: Array) -> float:
    """Index of dispersion: variance over mean of counts. One for a Poisson process of constant rate. [1]

    D. R. Cox and P. A. W. Lewis, The Statistical Analysis of Series of Events, 1966, section 4.5.
    """
    return float(counts.var(ddof=1) / counts.mean())


def load_duration(requests: Array) -> Array:
    """Load-duration curve: the load over the mean that is reached during so large a share of the time. Shape (101,).

    The first value is the peak, the one in the middle what half of the steps reach, the last the least load. Loads
    that occurred, nothing interpolated; unknown steps are left out.
    """
    known = np.sort(requests[np.isfinite(requests)])[::-1]
    places = np.clip(np.ceil(SHARES_OF_TIME * known.size - 1e-9).astype(np.int64) - 1, 0, known.size - 1)
    curve: Array = known[places] / known.mean()
    return curve


def idle_share(requests: Array, capacity_to_mean: float) -> float:
    """Share of a capacity of so many times the mean load that stands idle over the known steps. [1]

    What exceeds the capacity is lost; the queue that could carry it over is left out.
    """
    load = requests[np.isfinite(requests)]
    capacity = capacity_to_mean * load.mean()
    return 1.0 - float(np.minimum(load, capacity).mean() / capacity)


def autocorrelation(values: Array, lag_steps: int) -> float | None:
    """Autocorrelation at a lag, over the pairs of which both are known; None where nothing varies.

    Mean product of the deviations over their mean square (Box and Jenkins, Time Series Analysis, 1970, section 2.1,
    who divide by the number of values; with unknown ones the number of pairs is the fair divisor).
    """
    deviations = values - np.nanmean(values)
    variance = float(np.nanmean(deviations**2))
    products = deviations[: deviations.size - lag_steps] * deviations[lag_steps:]
    if not variance > 0 or not np.isfinite(products).any():
        return None
    return float(np.nanmean(products)) / variance


def hourly_means(requests: Array, hours: Array) -> Array:
    """Mean count of the known steps in each hour of the week; NaN where none is known. Shape (7, 24).

    `requests` and `hours` have shape (steps,); `hours` are hours after Monday 00:00, from 0 to 168.
    """
    sums, counts = _hourly_sums(requests, hours)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def means_of_days(requests: Array, hours: Array, days: slice) -> Array:
    """Mean count by hour over some days of the week, Monday being 0; NaN where none is known. Shape (24,)."""
    sums, counts = (table[days].sum(axis=0) for table in _hourly_sums(requests, hours))
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _hourly_sums(requests: Array, hours: Array) -> tuple[Array, Array]:
    """Sum and number of the known steps in each hour of the week; two arrays of shape (7, 24)."""
    known = np.isfinite(requests)
    place = hours[known].astype(np.int64)
    sums = np.bincount(place, requests[known], minlength=168).reshape(7, 24)
    return sums, np.bincount(place, minlength=168).reshape(7, 24).astype(np.float64)


def season_at(weights: Array, hours: Array) -> Array:
    """Hourly means (24 of a day or 168 of a week), joined linearly between the middles of the hours. Shape (steps,)."""
    return hourly_curve(tuple(weights.ravel()), hours)


def noise_relative_sd(requests: Array, season: Array, *, counting: bool = True) -> float | None:
    """Standard deviation of the rate over its season, what counting alone would do taken away. [1]

    Parameters
    ----------
    requests, season : arrays of shape (steps,)
        Counts (NaN: unknown) and what the hour of the week makes expect.
    counting : bool
        Whether the counts are whole requests at random; False where they are expected values.

    Notes
    -----
    A Poisson count of mean s f, with a random factor f of mean one and variance v, has variance s + v s^2 (D. R. Cox,
    Journal of the Royal Statistical Society B 17, 1955, the doubly stochastic Poisson process). So the moment estimator
    is v = sum((n - s)^2 - s) / sum(s^2), which weighs steps by what they tell. For small v this is the variance of
    log(n / s) less 1/s; unlike that it bears empty steps. Zero where counting explains all there is. As the season is
    of the same counts, what varies no faster than the recording repeats is missing: with two days about a third of it.
    """
    known = np.isfinite(requests) & np.isfinite(season)
    counts, expected = requests[known], season[known]
    squares = float(expected @ expected)
    if not squares > 0:
        return None
    excess = float(((counts - expected) ** 2).sum()) - (float(expected.sum()) if counting else 0.0)
    return float(np.sqrt(max(excess, 0.0) / squares))


def deseasonalised_log(requests: Array, season: Array) -> Array:
    """Logarithm of the count over its season; NaN where either is unknown or nothing is expected. Shape (steps,).

    Half a request is added to every count, so that empty steps have a logarithm and the bias of few requests is small
    (J. B. S. Haldane, Annals of Human Genetics 20, 1956).
    """
    expected = np.where(season > 0, season, np.nan)
    logarithm: Array = np.log((requests + 0.5) / expected)
    return logarithm


def length_drift(requests: Array, tokens: Array, step_s: float) -> float | None:
    """Standard deviation over time of the mean length of an hour's requests, over their mean. [1]

    Every other step of an hour goes to one half, the rest to the other. Which requests happened to come differs between
    the halves, what drifts is common to them: their covariance is the variance of the drift alone. None with fewer than
    two hours known, or steps of more than half an hour.
    """
    per_hour = round(SECONDS_PER_HOUR / step_s)
    hours = requests.size // per_hour if per_hour >= 2 else 0
    known = np.where(np.isfinite(requests + tokens), 1.0, 0.0)
    halves = []
    for values in (np.nan_to_num(requests) * known, np.nan_to_num(tokens) * known):
        table = values[: hours * per_hour].reshape(hours, per_hour)
        halves.append((table[:, 0::2].sum(axis=1), table[:, 1::2].sum(axis=1)))
    (count_a, count_b), (tokens_a, tokens_b) = halves
    used = (count_a > 0) & (count_b > 0)
    if used.sum() < 2:
        return None
    weights = (count_a + count_b)[used]
    lengths_a, lengths_b = tokens_a[used] / count_a[used], tokens_b[used] / count_b[used]
    mean_a, mean_b = np.average(lengths_a, weights=weights), np.average(lengths_b, weights=weights)
    covariance = float(np.average((lengths_a - mean_a) * (lengths_b - mean_b), weights=weights))
    if not mean_a * mean_b > 0:
        return None
    variance = covariance / float(mean_a * mean_b)
    return float(np.sqrt(variance)) if variance > _ROUNDING else 0.0
