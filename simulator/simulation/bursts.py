"""Draws of spikes and of scheduled jobs. Their moments and heights do not depend on the step."""

from __future__ import annotations

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import PLATEAU_MEMORY_S, Job, Spikes
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.simulation import recursions
from simulator.simulation.calendar import Steps, local_midnights_s
from simulator.simulation.noise import lognormal
from simulator.simulation.streams import stream

_FIRST_WEEKEND_DAY = 5  # Saturday, Monday being 0


def spike_level(spikes: Spikes, size: int, base_s: float, generator: np.random.Generator) -> Array:
    """Height of all spikes together that have arrived and decayed, mean over each step. Shape (size,).

    Its expectation is `Spikes.mean_excess`: spikes from long before the start are drawn too.
    """
    decay_s = spikes.half_life_s / np.log(2.0)
    before_s, log_sd = spikes.memory_s, spikes.half_life_log_sd
    count = generator.poisson(spikes.per_s * (size * base_s + before_s))
    at_s = generator.uniform(-before_s, size * base_s, count)
    heights = _heights(spikes, generator.random(count))
    if log_sd:
        decays_s = decay_s * np.exp(log_sd * generator.standard_normal(count))
        level = np.zeros(size)
        recursions.add_spikes(level, at_s / base_s, heights, decays_s / base_s)
        return level
    return _of_one_half_life(at_s, heights, decay_s, size, base_s)


def _heights(spikes: Spikes, uniform: Array) -> Array:
    """Pareto heights, cut at the greatest where there is one."""
    cut = 0.0
    if spikes.greatest_height_to_mean is not None:
        cut = (spikes.least_height / spikes.greatest_height_to_mean) ** spikes.tail_index
    return spikes.least_height * (1.0 - uniform * (1.0 - cut)) ** (-1.0 / spikes.tail_index)


def _of_one_half_life(at_s: Array, heights: Array, decay_s: float, size: int, base_s: float) -> Array:
    old = at_s < 0
    carried = np.zeros(size + 1)
    carried[0] = float(heights[old] @ np.exp(at_s[old] / decay_s))
    step = np.minimum((at_s[~old] / base_s).astype(np.int64), size - 1)
    left_s = (step + 1) * base_s - at_s[~old]
    carried += np.bincount(step + 1, weights=heights[~old] * np.exp(-left_s / decay_s), minlength=size + 1)
    within = -np.expm1(-left_s / decay_s) * decay_s / base_s
    level = carried[:size].copy()
    recursions.decay(level, float(np.exp(-base_s / decay_s)), float(-np.expm1(-base_s / decay_s) * decay_s / base_s))
    level += np.bincount(step, weights=heights[~old] * within, minlength=size)
    return level


def job_profile(job: Job, name: str, steps: Steps, timezone: str, seed: int, blended: str) -> Array:
    """Demand of a job over the mean of the whole demand, at every step. Shape (size,).

    The volume of a day is `share` of the mean, over the days that have the job: where the horizon holds none of them
    the profile is zero.
    """
    midnights, weekdays = local_midnights_s(timezone, steps)
    begins, _ = local_midnights_s(timezone, steps, job.start_hour)
    generator = stream(seed, "jobs", name, blended)
    volumes = _mean_one(job.volume_relative_sd, generator.standard_normal(midnights.size))
    late_s = job.start_sd_s * generator.standard_normal(midnights.size)
    length_s = job.duration_hours * SECONDS_PER_HOUR
    runs = np.ones(midnights.size, dtype=bool)
    if job.days != "every_day":
        runs = (weekdays >= _FIRST_WEEKEND_DAY) == (job.days == "weekends")
    planned_s = np.diff(np.clip(np.stack([begins, begins + length_s]), 0.0, steps.duration_s), axis=0)[0]
    total_s = float(planned_s[runs].sum())
    profile = np.zeros(steps.size)
    if total_s <= 0:
        return profile
    height = job.share * steps.duration_s / total_s
    for begin_s, volume in zip((begins + late_s)[runs], volumes[runs], strict=True):
        _add_plateau(profile, begin_s, begin_s + length_s, height * volume, steps.base_s)
    if job.plateau_relative_sd:
        profile *= lognormal(
            job.plateau_relative_sd, PLATEAU_MEMORY_S, steps.size, steps.base_s,
            stream(seed, "jobs", f"{name}/plateau", blended),
        )  # fmt: skip
    return profile


def _mean_one(relative_sd: float, normals: Array) -> Array:
    variance = np.log1p(relative_sd**2)
    return np.exp(np.sqrt(variance) * normals - 0.5 * variance)


def _add_plateau(profile: Array, begin_s: float, end_s: float, height: float, base_s: float) -> None:
    first, last = max(int(begin_s // base_s), 0), min(int(-(-end_s // base_s)), profile.size)
    if last > first:
        edges = np.arange(first, last + 1) * base_s
        profile[first:last] += height * np.diff(np.clip(edges, begin_s, end_s)) / base_s
