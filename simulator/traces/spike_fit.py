"""Spikes of a recording: excursions above what its noise explains, and the law of their heights and half-lives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

LEAST_HEIGHT = 0.5  # over the mean; smaller bursts are left to the noise
NOISE_SDS = 5.0  # an excursion above so many standard deviations is none of the noise
USUAL_OVER_S = 12 * SECONDS_PER_HOUR  # the usual level is the median over so long
DECAYS_LEFT_OUT = 3.0  # after a burst fell to a third of what is told from noise: then 2 % of it are left
LEAST_USUAL = 0.8  # of the course: what comes back from a trough is no burst
FEW = 5  # with fewer spikes the shape of their law is taken from others
# Pooled over 34 regular clients of ServeGen (Xiang et al. 2025), 463 client-days: Pareto exponent 1.24; half-life with
# a median of 20 minutes and a 90th percentile of 120, so a log sd of ln(6) / 1.28 = 1.4.
POOLED_TAIL_INDEX = 1.25
POOLED_HALF_LIFE_LOG_SD = 1.4
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Excursions:
    """Bursts found. Arrays of shape (spikes,), heights and thresholds over the mean level; masks of shape (steps,)."""

    heights: Array
    half_lives_s: Array
    thresholds_then: Array
    thresholds: Array  # least height that is told from noise, at every step, (steps,)
    inside: Mask


@dataclass(frozen=True)
class SpikeLaw:
    """Law of the spikes, with 90 % intervals where it was fitted and None where it was taken from others."""

    count: int
    weeks: float
    per_week: float
    per_week_interval: tuple[float, float]
    least: float
    greatest: float
    tail_index: float
    tail_interval: tuple[float, float] | None
    half_life_s: float
    half_life_interval_s: tuple[float, float]
    half_life_log_sd: float
    log_sd_interval: tuple[float, float] | None
    greatest_interval: tuple[float, float] | None = None

    def mean_of_powers(self, power: int) -> float:
        """Mean of the heights, or of their squares: of a Pareto law cut at its ends, the textbook integral."""
        low, high, tail = self.least, self.greatest, self.tail_index
        weight = tail * low**tail / (1.0 - (low / high) ** tail)
        if abs(tail - power) < 1e-6:
            return weight * math.log(high / low)
        return weight / (tail - power) * (low ** (power - tail) - high ** (power - tail))

    @property
    def mean_excess(self) -> float:
        """Mean of all spikes together over the level without them. [1]"""
        decay_s = self.half_life_s / math.log(2.0) * math.exp(0.5 * self.half_life_log_sd**2)
        return self.per_week / (7 * SECONDS_PER_DAY) * self.mean_of_powers(1) * decay_s


def find_excursions(requests: Array, level: Array, known: Mask, step_s: float, exponent: float) -> Excursions:
    """Bursts above the usual level of the hour.

    Parameters
    ----------
    requests, level : array of shape (steps,)
        Requests of each step and their regular course.
    known : array of shape (steps,)
        Steps that count.
    exponent : float
        Of Taylor's law, by which the scatter is larger at small loads.

    Notes
    -----
    The usual: course times the running median of requests over course. The scatter: the median absolute deviation from
    it. A burst is a run of steps a third of the threshold above the usual with a peak above the threshold; it decays
    as exp(-t/T), so a share exp(-step/T) of its area comes after its first step, and its height is area / T.
    """
    from scipy.ndimage import median_filter

    mean = float(level[known].mean())
    ratio = np.where(known, requests / np.maximum(level, 1e-9 * mean), 1.0)
    width = max(13, 2 * round(USUAL_OVER_S / step_s / 2) + 1)
    usual = median_filter(ratio, size=min(width, 2 * (ratio.size // 4) + 1), mode="nearest")
    usual = np.maximum(usual, LEAST_USUAL)
    falling = np.maximum(level / mean, 0.02) ** (exponent / 2.0 - 1.0)
    relative = (ratio / usual - 1.0) / falling
    scatter = 1.4826 * float(np.median(np.abs(relative[known])))
    counting = np.sqrt(1.0 / np.maximum(level, 1.0))
    sd = np.maximum(scatter * falling, counting) * usual * level / mean
    excess = np.where(known, (ratio - usual) * level / mean, 0.0)
    thresholds = np.maximum(LEAST_HEIGHT, NOISE_SDS * sd)
    runs = _runs(excess > thresholds / 3.0)
    inside = np.zeros(requests.size, dtype=bool)
    heights, half_lives, then = [], [], []
    for begin, end in runs:
        peak = begin + int(np.argmax(excess[begin:end] / thresholds[begin:end]))
        if excess[peak] <= thresholds[peak]:
            continue
        area = float(excess[begin:end].sum())
        after = min(max(1.0 - float(excess[peak]) / area, math.exp(-2.0)), 1.0 - 1e-6)
        decay_s = -step_s / math.log(after)
        tail_steps = min(DECAYS_LEFT_OUT * decay_s, SECONDS_PER_DAY) / step_s
        inside[max(begin - 1, 0) : end + 1 + math.ceil(tail_steps)] = True
        heights.append(area * step_s / decay_s)
        half_lives.append(decay_s * math.log(2.0))
        then.append(float(thresholds[peak]))
    return Excursions(np.array(heights), np.array(half_lives), np.array(then), thresholds, inside)


def _runs(marked: Mask) -> list[tuple[int, int]]:
    """Begin and end of every run of marked steps; a gap of one step does not part two."""
    closed = marked.copy()
    closed[1:-1] |= marked[:-2] & marked[2:]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], closed.astype(np.int8), [0]))))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def fit_spikes(found: Excursions, known: Mask, step_s: float) -> SpikeLaw | None:
    """Law of the bursts found, as if each had been seen as it was; None where there is none.

    Notes
    -----
    Heights: a Pareto law cut at its ends, by maximum likelihood given the threshold at the time of each; where the
    threshold is higher than the least height, the rate makes up for spikes that cannot be told from noise there.
    Intervals: exact Poisson for the rate, chi-square for the exponent and the spread, asymptotic for the half-life.
    """
    least = _least(found, known)
    counts = counted_heights(found, least)
    heights, half_lives = found.heights[counts], found.half_lives_s[counts]
    count = int(heights.size)
    if count == 0:
        return None
    greatest = max(float(heights.max()) * (1.0 + 1.0 / count), 1.2 * least)
    floors = np.maximum(least, found.thresholds_then[counts])
    few = count < FEW
    tail = POOLED_TAIL_INDEX if few else _tail_index(heights, floors, greatest)
    logs = np.log(half_lives)
    log_sd = POOLED_HALF_LIFE_LOG_SD if few else float(logs.std(ddof=1))
    weeks = _weeks_seen(found, known, step_s, least, greatest, tail)
    return _law(count, weeks, least, greatest, tail, float(np.exp(logs.mean())), log_sd)


def _least(found: Excursions, known: Mask) -> float:
    """Least height of the law: above most thresholds, and above the lowest tenth of the heights, which noise blurs."""
    told = float(np.quantile(found.thresholds[known], 0.25))
    if found.heights.size < FEW:
        return told
    return max(told, float(np.quantile(found.heights, 0.1)))


def counted_heights(found: Excursions, least: float) -> Mask:
    """Which bursts found are of the law: above its least height and the threshold of their time."""
    return np.asarray(found.heights >= np.maximum(least, found.thresholds_then) * 0.999)


def _weeks_seen(found: Excursions, known: Mask, step_s: float, least: float, greatest: float, tail: float) -> float:
    """Weeks in which a spike of this law would have been seen."""
    seen = _share_above(np.maximum(found.thresholds[known], least), least, greatest, tail)
    return max(float(seen.sum()), 0.05 * float(known.sum())) * step_s / (7 * SECONDS_PER_DAY)


def _law(
    count: int, weeks: float, least: float, greatest: float, tail: float, half_life_s: float, log_sd: float
) -> SpikeLaw:
    from scipy.stats import chi2

    low, high = _INTERVAL
    fitted = count >= FEW
    ends = (float(chi2.ppf(low, 2 * count)) / 2.0, float(chi2.ppf(high, 2 * (count + 1))) / 2.0)
    around = (float(chi2.ppf(low, 2 * count)) / (2 * count), float(chi2.ppf(high, 2 * count)) / (2 * count))
    degrees = max(count - 1, 1)
    spread = (math.sqrt(degrees / float(chi2.ppf(high, degrees))), math.sqrt(degrees / float(chi2.ppf(low, degrees))))
    error = math.exp(1.645 * log_sd / math.sqrt(count))
    return SpikeLaw(
        count=count,
        weeks=weeks,
        per_week=count / weeks,
        per_week_interval=(ends[0] / weeks, ends[1] / weeks),
        least=least,
        greatest=greatest,
        tail_index=tail,
        tail_interval=(tail * around[0], tail * around[1]) if fitted else None,
        half_life_s=half_life_s,
        half_life_interval_s=(half_life_s / error, half_life_s * error),
        half_life_log_sd=log_sd,
        log_sd_interval=(log_sd * spread[0], log_sd * spread[1]) if fitted else None,
    )


def _share_above(heights: Array, least: float, greatest: float, tail: float) -> Array:
    """Share of the spikes above given heights. Shape as `heights`."""
    end = (least / greatest) ** tail
    return np.asarray(np.clip(((least / np.minimum(heights, greatest)) ** tail - end) / (1.0 - end), 0.0, 1.0))


def _tail_index(heights: Array, floors: Array, greatest: float) -> float:
    """Exponent of a Pareto law cut at `greatest`, each height seen above its own floor, by maximum likelihood."""
    from scipy.optimize import minimize_scalar

    def minus_log_likelihood(log_tail: float) -> float:
        tail = math.exp(log_tail)
        inside = -np.expm1(-tail * np.log(greatest / floors))
        return float(-(log_tail - tail * np.log(heights / floors) - np.log(heights) - np.log(inside)).sum())

    found = minimize_scalar(minus_log_likelihood, bounds=(math.log(0.3), math.log(10.0)), method="bounded")
    return float(math.exp(found.x))
