"""Recordings drawn in the tests from laws written out here, by plain numpy: not by the generator, not by the fit."""

from datetime import UTC, datetime

import numpy as np

from simulator.domain.recordings import Recording

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)


def recording(requests, step_s=600.0, start=MONDAY, **more):
    """A recording of these requests per step; tokens unknown unless given."""
    requests = np.asarray(requests, dtype=float)
    unknown = np.full(requests.size, np.nan)
    values = {"input_tokens": unknown, "output_tokens": unknown} | more
    return Recording("drawn.csv", "drawn", step_s, start, requests, **values)


def hours_of(steps, step_s=600.0):
    """Hours after the first midnight at the middle of each step."""
    return (np.arange(steps) + 0.5) * step_s / 3600.0


def office_hours(steps, step_s=600.0, weekend=0.3):
    """A day with a bell around 14:00, weekends lower, from a Monday; mean about one."""
    hours = hours_of(steps, step_s)
    day = 0.3 + 1.6 * np.exp(-0.5 * ((hours % 24 - 14) / 3.0) ** 2)
    return day * np.where(hours // 24 % 7 >= 5, weekend, 1.0)


def memory_noise(rng, steps, sd, memory_s, step_s=600.0):
    """A mean-one lognormal whose logarithm is a first-order autoregression from minute to minute, as means of steps."""
    minutes = round(step_s / 60)
    kept = np.exp(-60.0 / memory_s)
    normals = rng.standard_normal(steps * minutes) * np.sqrt(1 - kept**2)
    path = np.empty(normals.size)
    state = rng.standard_normal()
    for place, normal in enumerate(normals):
        state = kept * state + normal
        path[place] = state
    variance = np.log1p(sd**2)
    return np.exp(np.sqrt(variance) * path - variance / 2).reshape(steps, minutes).mean(axis=1)


def decaying_spikes(rng, steps, at, heights, half_lives_s, step_s=600.0, parts=20):
    """Sum of spikes that begin at the given steps and decay exponentially, as means of steps."""
    fine = np.zeros(steps * parts)
    seconds = np.arange(fine.size) * step_s / parts
    for moment, height, half_life_s in zip(at, heights, half_lives_s, strict=True):
        since = seconds - moment * step_s
        fine += np.where(since >= 0, height * 0.5 ** (np.maximum(since, 0) / half_life_s), 0.0)
    return fine.reshape(steps, parts).mean(axis=1)
