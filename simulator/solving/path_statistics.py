"""What many paths say together: quantiles with infinity among the values, intervals, and a band over volume."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import ndtri, stdtrit

from simulator.domain.plans import Array

LEVEL = 0.9  # of every interval and band
RESAMPLES = 1000
_STREAM = 0x626F6F74  # 'boot'
_MOST_NUMBERS = 4_000_000  # looked at at once


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


def median_interval(
    values: Array, seed: int, sequences: int | None = None, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of the median by the bootstrap, drawing independent sequences of paths with replacement.

    Parameters
    ----------
    values : array of shape (paths,)
        Infinite: never.
    seed : int
        Of the resampling.
    sequences : int, optional
        Of the paths, which belong to them in turn; left out: every path is independent of the others.
    level : float
        Probability that the interval holds the median. [1]

    Returns
    -------
    (low, high)
        In the unit of the values, and not beyond the least and the greatest of them.

    Notes
    -----
    Independent paths: percentiles of the resampled medians (Efron and Tibshirani, 1993, chapter 13). Few sequences of
    Sobol numbers have too few medians for that; the standard error of the bootstrap with Student's t for so many
    sequences covers as it should (L'Ecuyer, Nakayama, Owen and Tuffin, 2023, "Confidence Intervals for Randomized
    Quasi-Monte Carlo Estimators", Winter Simulation Conference). Where an end is infinite, the percentiles stand.
    """
    count = values.size if sequences is None else sequences
    order = np.argsort(values)
    ordered, of_sequence = values[order], order % count
    medians = np.concatenate([_medians(ordered, part[:, of_sequence]) for part in _resamples(count, seed, values.size)])
    low, high = quantile(medians, (1.0 - level) / 2), quantile(medians, (1.0 + level) / 2)
    if count == values.size or math.isinf(low) or math.isinf(high):
        return low, high
    reach = _student(level, count) * float(medians[np.isfinite(medians)].std(ddof=1))
    median = quantile(values, 0.5)
    return max(median - reach, float(ordered[0])), min(median + reach, float(ordered[-1]))


def half_width_share(median: float, interval: tuple[float, float]) -> float:
    """Half the interval over the median; 0 where all three are infinite, infinite where one is. [1]"""
    ends = (*interval, median)
    if all(math.isinf(end) for end in ends) or interval[0] == interval[1] == median:
        return 0.0
    if any(math.isinf(end) for end in ends) or median <= 0:
        return math.inf
    return 0.5 * (interval[1] - interval[0]) / median


def simultaneous_half_width(cheaper: Array, seed: int, sequences: int | None = None, level: float = LEVEL) -> float:
    """Half-width of a band that holds the true probability at all volumes at once. [1]

    Parameters
    ----------
    cheaper : bool array of shape (paths, volumes)
        Whether an option is the cheaper one.
    seed : int
        Of the resampling.
    sequences : int, optional
        As in `median_interval`.
    level : float
        Probability that the band holds all over. [1]

    Returns
    -------
    float

    Notes
    -----
    The `level` quantile, over resamples of the sequences, of the greatest distance between a resample's shares and
    those of all paths (bootstrap of the Kolmogorov distance; Bickel and Freedman, 1981), which needs no path to have
    only one crossing; wider by Student's t over the normal quantile, as few sequences show too little of their own
    spread (Hesterberg, 2015, "What Teachers Should Know About the Bootstrap"). At least 1 - (1 - level)^(1 / paths): so
    likely may be what none of the paths shows.
    """
    paths = cheaper.shape[0]
    count = paths if sequences is None else sequences
    _, where = np.unique(cheaper, axis=1, return_index=True)
    columns = cheaper[:, np.sort(where)].astype(np.float64)
    shares = columns.mean(axis=0)
    sizes = np.bincount(np.arange(paths) % count, minlength=count)
    sums = columns if count == paths else np.stack([columns[place::count].sum(axis=0) for place in range(count)])
    distances = np.concatenate(
        [np.abs(part @ sums / (part @ sizes)[:, None] - shares).max(axis=1) for part in _resamples(count, seed, paths)]
    )
    few = _student(level, count) / float(ndtri((1.0 + level) / 2))
    return max(few * float(np.quantile(distances, level)), 1.0 - (1.0 - level) ** (1.0 / paths))


def _student(level: float, count: int) -> float:
    """Student's t of so many sequences, times what the bootstrap's standard error lacks: it divides by their count."""
    return float(stdtrit(count - 1, (1.0 + level) / 2)) * math.sqrt(count / (count - 1))


def _resamples(count: int, seed: int, paths: int) -> Iterator[Array]:
    """How often each sequence is in every resample, some resamples at a time. Shapes (resamples, count)."""
    rng = np.random.default_rng([_STREAM, seed])
    at_once = max(1, min(RESAMPLES, _MOST_NUMBERS // paths))
    for done in range(0, RESAMPLES, at_once):
        chosen = rng.integers(0, count, (min(at_once, RESAMPLES - done), count))
        yield np.stack([np.bincount(row, minlength=count) for row in chosen])


def _medians(ordered: Array, times: Array) -> Array:
    """`quantile` at one half of values in their order, each there so many times; every row of `times`."""
    passed = np.cumsum(times, axis=1)
    total = passed[:, -1:]
    left = ordered[(2 * passed >= total).argmax(axis=1)]
    right = ordered[(2 * passed > total).argmax(axis=1)]
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(right), right, 0.5 * (left + right))
