"""What many paths say together: quantiles with infinity among the values, intervals, and a band over volume."""

from __future__ import annotations

import math

import numpy as np

from simulator.domain.plans import Array

LEVEL = 0.9  # of every interval and band
RESAMPLES = 1000
_STREAM = 0x626F6F74  # 'boot'
_MOST_NUMBERS = 4_000_000  # drawn at once


def quantile(values: Array, share: float) -> float:
    """Quantile of values of which some may be infinite; linear between two finite ones.

    Between a finite value and infinity it is the nearer of the two: infinity stands for "never" and is no amount.
    """
    ordered = np.sort(values)
    place = (ordered.size - 1) * share
    low, part = math.floor(place), place - math.floor(place)
    left, right = float(ordered[low]), float(ordered[min(low + 1, ordered.size - 1)])
    if math.isinf(left) or math.isinf(right):
        return left if part < 0.5 else right
    return left + (right - left) * part


def median_interval(values: Array, seed: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the median by the percentile bootstrap, drawing paths with replacement.

    Notes
    -----
    Efron and Tibshirani (1993), chapter 13. It takes the paths as independent. Sobol numbers lie more evenly, so that
    the median is known better than the interval says, never worse.
    """
    ordered = np.sort(values)
    medians = np.concatenate([_quantiles(ordered[part], 0.5) for part in _resamples(ordered.size, seed)])
    return quantile(medians, (1.0 - level) / 2), quantile(medians, (1.0 + level) / 2)


def half_width_share(median: float, interval: tuple[float, float]) -> float:
    """Half the interval over the median; 0 where all three are infinite, infinite where one is. [1]"""
    ends = (*interval, median)
    if all(math.isinf(end) for end in ends) or interval[0] == interval[1] == median:
        return 0.0
    if any(math.isinf(end) for end in ends) or median <= 0:
        return math.inf
    return 0.5 * (interval[1] - interval[0]) / median


def simultaneous_half_width(cheaper: Array, seed: int, level: float = LEVEL) -> float:
    """Half-width of a band that holds the true probability at all volumes at once. [1]

    Parameters
    ----------
    cheaper : bool array of shape (paths, volumes)
        Whether an option is the cheaper one.
    seed : int
        Of the resampling.
    level : float
        Probability that the band holds all over. [1]

    Returns
    -------
    float

    Notes
    -----
    The `level` quantile, over resamples of the paths, of the greatest distance between a resample's shares and those of
    all paths (bootstrap of the Kolmogorov distance; Bickel and Freedman, 1981), which needs no path to have only one
    crossing. At least 1 - (1 - level)^(1 / paths): so likely may be what none of the paths shows.
    """
    paths = cheaper.shape[0]
    _, where = np.unique(cheaper, axis=1, return_index=True)
    columns = cheaper[:, np.sort(where)].astype(np.float64)
    shares = columns.mean(axis=0)
    distances = []
    for part in _resamples(paths, seed):
        counts = np.zeros((part.shape[0], paths))
        for row, chosen in enumerate(part):
            counts[row] = np.bincount(chosen, minlength=paths)
        distances.append(np.abs(counts @ columns / paths - shares).max(axis=1))
    return max(float(np.quantile(np.concatenate(distances), level)), 1.0 - (1.0 - level) ** (1.0 / paths))


def _resamples(size: int, seed: int) -> list[Array]:
    """Places of the paths of every resample, some resamples at a time. Shapes (resamples, size)."""
    rng = np.random.default_rng([_STREAM, seed])
    at_once = max(1, min(RESAMPLES, _MOST_NUMBERS // size))
    return [rng.integers(0, size, (min(at_once, RESAMPLES - done), size)) for done in range(0, RESAMPLES, at_once)]


def _quantiles(values: Array, share: float) -> Array:
    """`quantile` of every row."""
    place = (values.shape[1] - 1) * share
    low, part = math.floor(place), place - math.floor(place)
    ends = np.partition(values, (low, min(low + 1, values.shape[1] - 1)), axis=1)
    left, right = ends[:, low], ends[:, min(low + 1, values.shape[1] - 1)]
    with np.errstate(invalid="ignore"):
        between = left + (right - left) * part
    nearer = left if part < 0.5 else right
    return np.where(np.isinf(left) | np.isinf(right), nearer, between)
