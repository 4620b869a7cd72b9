"""Whether a recording runs against a ceiling: its peaks lie below what its own noise would reach."""

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
_RUNS = 200
_SEED = 7


def fit_cap(
    clock: LocalClock, requests: Array, level: Array, known: Mask, noise: NoiseFit, step_s: float
) -> float | None:
    """The ceiling over the mean; None where peaks are as high as noise makes them.

    A ceiling is believed where the highest steps of several days lie within 5 % of each other, although noise as fitted
    would take 98 of 100 runs of the model above the highest of them.
    """
    highest = float(requests[known].max())
    days_near = np.unique(clock.day_of_step[known & (requests >= NEAR * highest)]).size
    if days_near < max(LEAST_DAYS_NEAR, LEAST_SHARE_NEAR * clock.days):
        return None
    rng = np.random.default_rng(_SEED)
    log_noise = np.zeros((_RUNS, level.size))
    rates = np.maximum(level * (SECONDS_PER_MINUTE / step_s) / noise.reference_requests_per_minute, 1e-3)
    for memory_s, falls, variance in zip(noise.memories_s, noise.falls, noise.variances, strict=True):
        if variance > 0:
            relative = rates ** (noise.taylor_exponent / 2.0 - 1.0) if falls else np.ones(level.size)
            sd = math.sqrt(variance) * relative
            log_noise += sd * unit_paths(memory_s, step_s, _RUNS, level.size, rng) - 0.5 * sd**2
    peaks = (level * np.exp(log_noise))[:, known].max(axis=1)
    if (peaks > highest).mean() < LEAST_RUNS_ABOVE:
        return None
    cap = highest / float(requests[np.isfinite(requests)].mean())
    return cap if cap > LEAST_CAP else None
