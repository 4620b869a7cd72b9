"""Whether a recording runs against a ceiling: its peaks pile up below what its own noise would reach."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_MINUTE
from simulator.traces.local_clock import LocalClock
from simulator.traces.noise_fit import NoiseFit
from simulator.traces.noise_paths import unit_paths

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

NEAR = 0.95  # of the highest step: days that come so near it run against it
LEAST_DAYS_NEAR = 3
LEAST_SHARE_NEAR = 0.2  # of the days: of many days, the highest few are near each other by chance
LEAST_RUNS_ABOVE = 0.98  # of runs without a ceiling that would go above the highest step
LEAST_CAP = 1.05  # over the mean: lower, all of the demand is noise around its ceiling
JUST_BELOW = 0.02  # of the highest step, and two standard deviations of its count: where steps pile up
LEAST_PILE = 1.8  # times the steps that noise alone puts there in 98 of 100 runs; in 260 free demands at most 1.6 times
MOST_GAP = 0.5  # of the gap that noise alone leaves between the highest days
HIGH_DAYS = 0.8  # quantile of the days' highest steps that is held against the highest of all
_RUNS = 200
_SEED = 7


def fit_cap(
    clock: LocalClock, requests: Array, level: Array, known: Mask, noise: NoiseFit, step_s: float
) -> float | None:
    """The ceiling over the mean; None where peaks are as high as noise makes them.

    A ceiling is believed where the highest steps of several days lie within 5 % of each other although noise as fitted
    would take 98 of 100 runs of the model above the highest of them; and where steps pile up: many more just below the
    highest than in 98 of 100 runs, and days whose highest steps differ by at most half of what they do in one.
    """
    highest = float(requests[known].max())
    days_near = np.unique(clock.day_of_step[known & (requests >= NEAR * highest)]).size
    if days_near < max(LEAST_DAYS_NEAR, LEAST_SHARE_NEAR * clock.days):
        return None
    rates = _rates_of_runs(level, noise, step_s)[:, known]
    if (rates.max(axis=1) > highest).mean() < LEAST_RUNS_ABOVE:
        return None
    if noise.counted:
        rates = np.random.default_rng(_SEED).poisson(rates).astype(np.float64)
    if not _piles_up(requests[known], rates, clock.day_of_step[known]):
        return None
    cap = highest / float(requests[np.isfinite(requests)].mean())
    return cap if cap > LEAST_CAP else None


def _rates_of_runs(level: Array, noise: NoiseFit, step_s: float) -> Array:
    """Expected requests in each step of runs of the course with its noise, without a ceiling. Shape (runs, steps)."""
    rng = np.random.default_rng(_SEED)
    log_noise = np.zeros((_RUNS, level.size))
    rates = np.maximum(level * (SECONDS_PER_MINUTE / step_s) / noise.reference_requests_per_minute, 1e-3)
    for memory_s, falls, variance in zip(noise.memories_s, noise.falls, noise.variances, strict=True):
        if variance > 0:
            relative = rates ** (noise.taylor_exponent / 2.0 - 1.0) if falls else np.ones(level.size)
            sd = math.sqrt(variance) * relative
            log_noise += sd * unit_paths(memory_s, step_s, _RUNS, level.size, rng) - 0.5 * sd**2
    return np.asarray(level * np.exp(log_noise))


def _piles_up(requests: Array, runs: Array, day_of_step: NDArray[np.int64]) -> bool:
    """Whether steps pile up below the highest far more than in runs (runs, steps), and the days' highest are alike."""
    near, gap = _below_the_highest(requests[None, :], day_of_step)
    near_of_runs, gap_of_runs = _below_the_highest(runs, day_of_step)
    often = near[0] >= LEAST_PILE * np.quantile(near_of_runs, LEAST_RUNS_ABOVE)
    return bool(often and gap[0] <= MOST_GAP * np.median(gap_of_runs))


def _below_the_highest(runs: Array, day_of_step: NDArray[np.int64]) -> tuple[Array, Array]:
    """Steps just below the highest one, and how far the day at `HIGH_DAYS` stays behind (log). Two arrays (runs,)."""
    begins = np.flatnonzero(np.diff(day_of_step, prepend=-1))
    of_days = np.maximum.reduceat(runs, begins, axis=1)
    highest = np.maximum(of_days.max(axis=1), 1.0)
    least = highest * (1.0 - JUST_BELOW) - 2.0 * np.sqrt(highest)
    near = (runs >= least[:, None]).sum(axis=1)
    return near, np.log(highest / np.maximum(np.quantile(of_days, HIGH_DAYS, axis=1), 1e-9))
