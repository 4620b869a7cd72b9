"""The parts of a recorded demand, found one after the other: jobs, course, spikes, noise, ceiling."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Recording
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.traces.cap_fit import fit_cap
from simulator.traces.job_fit import JobFit, fit_jobs
from simulator.traces.local_clock import LocalClock, local_clock, with_kinds_of_days
from simulator.traces.noise_fit import NoiseFit, fit_noise, no_noise
from simulator.traces.season_fit import LEAST_WEIGHT, Course, course_of, fit_weights, typical_of_the_hour
from simulator.traces.spike_calibration import calibrated
from simulator.traces.spike_fit import SpikeLaw, find_excursions, fit_spikes
from simulator.traces.taylor import ASSUMED_TAYLOR_EXPONENT

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

UNSURE_OF_HIDDEN = 0.5  # assumed: relative error of what spikes that are not found add to an hour
NOTHING_BESIDE = 0.02  # of the mean: where other steps have less, they have no course
LEAST_OUTSIDE_SPIKES = 0.3  # of the known steps: where bursts cover more, they are the course


@dataclass(frozen=True, eq=False)
class Parts:
    """What a recording was taken apart into. `weights` (weights,) are requests in a step."""

    clock: LocalClock
    course: Course
    weights: Array
    noise: NoiseFit
    spikes: SpikeLaw | None
    jobs: tuple[JobFit, ...]
    cap_to_mean: float | None
    requests_per_month: float


def parts_of_demand(recording: Recording, timezone: str, start: datetime | None) -> Parts:
    """Take a recording apart. Jobs come first: they are no noise, and their hours tell nothing of the course."""
    requests, step_s = recording.requests, recording.step_s
    clock = local_clock(recording, timezone, start)
    jobs, left, covered = fit_jobs(clock, requests, step_s)
    known = np.isfinite(requests) & ~covered
    if jobs and _typical(left, known) < NOTHING_BESIDE * float(np.nanmean(requests)):
        course = course_of(clock, math.inf)
        weights, noise, spikes = np.full(1, max(float(np.nanmean(left)), 1e-9)), no_noise(1), None
    else:
        clock = with_kinds_of_days(clock, left, step_s)
        course = course_of(clock, step_s)
        weights, noise, spikes = _around_spikes(clock, course, left, known, step_s)
    level = course.at_steps(weights)
    capped = not jobs and course.kind not in ("level", "days_of_week")
    return Parts(
        clock=clock,
        course=course,
        weights=weights,
        noise=noise,
        spikes=spikes,
        jobs=jobs,
        cap_to_mean=fit_cap(clock, requests, level, known, noise, step_s) if capped else None,
        requests_per_month=_volume(requests, level, left, step_s),
    )


def _typical(requests: Array, known: Mask) -> float:
    """Requests of a typical step beside the jobs: the median, or the mean where that is less."""
    return min(float(np.median(requests[known])), float(requests[known].mean())) if known.any() else 0.0


def _little_is_left(requests: Array, used: Mask, known: Mask) -> bool:
    """Whether bursts are most of the time, or all of the demand: then they are its course."""
    if used.sum() < LEAST_OUTSIDE_SPIKES * known.sum():
        return True
    return bool(requests[used].mean() < NOTHING_BESIDE * requests[known].mean())


def _around_spikes(
    clock: LocalClock, course: Course, requests: Array, known: Mask, step_s: float
) -> tuple[Array, NoiseFit, SpikeLaw | None]:
    """Weights of the course, noise and spikes: spikes are found above a first course, which is then fitted without."""
    typical = typical_of_the_hour(clock, requests, step_s)
    first = np.minimum(requests, 2.0 * typical + 5.0 * math.sqrt(max(float(requests[known].mean()), 1.0)))
    weights, _ = fit_weights(course, first, known)
    for _ in range(2):
        found = find_excursions(requests, course.at_steps(weights), known, step_s, ASSUMED_TAYLOR_EXPONENT)
        used = known & ~found.inside
        bursts_only = _little_is_left(requests, used, known)
        used = known if bursts_only else used
        weights, projection = fit_weights(course, requests, used)
    noise = fit_noise(requests, course.at_steps(weights), projection, used, step_s)
    law = None if bursts_only else fit_spikes(found, known, step_s)
    if law is not None:
        level = course.at_steps(weights)
        law, overlooked = calibrated(law, found, level, known, noise, step_s)
        if overlooked is not None:
            hidden = projection.coefficients(overlooked / level)
            weights = np.maximum(weights - hidden.mean(axis=0), LEAST_WEIGHT * course.mean(weights))
            less = fit_noise(requests, level, projection, used, step_s, np.log1p(overlooked / level))
            noise = _less_hidden(noise, less, hidden)
    return weights, noise, law


def _less_hidden(before: NoiseFit, noise: NoiseFit, hidden: Array) -> NoiseFit:
    """The noise without what spikes hide in it, its errors widened by how unsure that is.

    `before` took spikes that were not found for noise; `hidden` (paths, weights) is what they add to the course.
    """
    rng = np.random.default_rng(0)
    of_weights = np.hypot(hidden.std(axis=0), UNSURE_OF_HIDDEN * hidden.mean(axis=0))
    of_variances = UNSURE_OF_HIDDEN * (before.variances - noise.variances)
    return replace(
        noise,
        weight_errors=noise.weight_errors + of_weights * rng.standard_normal(noise.weight_errors.shape),
        resampled=noise.resampled + of_variances * rng.standard_normal(noise.resampled.shape),
    )


def _volume(requests: Array, level: Array, left: Array, step_s: float) -> float:
    """Mean requests in a month of 730 h, the hours of gaps at their usual level."""
    known = np.isfinite(requests)
    in_gaps = level.mean() / level[known].mean()
    beside = float((requests - left)[known].mean())
    return (float(left[known].mean()) * in_gaps + beside) * SECONDS_PER_MONTH / step_s
