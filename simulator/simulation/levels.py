"""The level of a demand: its expected rate at every base step, and the noise on it that falls with the load.

The level of one shape is season x steady noise, with spikes on it, jobs beside it and a cap over it; a blend is a sum
of levels. The noise that falls with the load is a lognormal exp(s z - s^2/2) whose s depends on the volume. It is kept
to the second order, 1 + s z + s^2 (z^2 - 1)/2: mean one exactly, variance s^2 + s^4/2 (the lognormal's up to s^6),
never negative while s is at most one, rising with the volume, and linear in two numbers a step, so that every volume
shares them. s follows Taylor's law along the load of the day too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import Noise
from simulator.domain.shape import Shape
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_MINUTE, SECONDS_PER_MONTH
from simulator.simulation.bursts import job_profile, spike_level
from simulator.simulation.calendar import Steps, course
from simulator.simulation.capping import Plan, cap
from simulator.simulation.noise import LEAST_LEVEL, falling_noise, falling_sd, steady_noise
from simulator.simulation.replay import replayed
from simulator.simulation.streams import stream

MINUTES_PER_MONTH = SECONDS_PER_MONTH / SECONDS_PER_MINUTE
MOST_FALLING_SD = 0.8  # beyond, the noise would no longer rise with the volume at every draw


@dataclass(frozen=True)
class Falling:
    """How the two rows of a noise that falls with the load depend on the volume.

    `exponent` is 1 - taylor_exponent / 2, `reference` the volume at which the rows hold [requests per month], `most`
    the greatest factor on the first of them.
    """

    exponent: float
    reference: float
    most: float

    def factor(self, requests_per_month: Array) -> Array:
        """Relative noise over that at the reference. Shape as the volumes."""
        with np.errstate(divide="ignore"):
            return np.minimum((requests_per_month / self.reference) ** -self.exponent, self.most)


@dataclass(frozen=True)
class Level:
    """Rows of numbers per base step: the expected rate over the mean, then two for each noise that falls.

    `rows` has shape (1 + 2 x falling, size).
    """

    rows: Array
    falling: tuple[Falling, ...]
    spike_share: float
    job_share: float

    def falling_factors(self, requests_per_month: Array) -> list[Array]:
        """Relative noise over that at its reference, of each noise that falls. Shapes as the volumes."""
        return [falling.factor(requests_per_month) for falling in self.falling]

    def rates(self, requests_per_month: Array) -> Array:
        """Rate over the mean of each base step, at the volume of each. Shape (size,)."""
        rates: Array = self.rows[0].copy()
        for place, factor in enumerate(self.falling_factors(requests_per_month)):
            rates += factor * (self.rows[1 + 2 * place] + factor * self.rows[2 + 2 * place])
        return rates

    def coefficients(self, requests_per_month: Array) -> Array:
        """What the rows are multiplied with, over the volume, at n volumes. Shape (rows, n)."""
        result = np.ones((self.rows.shape[0], requests_per_month.size))
        for place, factor in enumerate(self.falling_factors(requests_per_month)):
            result[1 + 2 * place], result[2 + 2 * place] = factor, factor * factor
        return result


def drawn_level(traffic: Traffic, timeline: Steps, seed: int, requests_per_month: float) -> Level:
    """Draw the level of a traffic; of a blend, the sum of its demands by their shares."""
    total = np.zeros(timeline.size)
    rows: list[Array] = [total]
    falling: list[Falling] = []
    spike_share = job_share = 0.0
    for name, (share, shape) in traffic.shapes.items():
        try:
            level = _of_shape(shape, timeline, seed, name, share * requests_per_month)
        except ValueError as error:
            where = f"traffic.blend.{name}" if name else "traffic"
            raise ValueError(str(error).replace("traffic", where, 1)) from None
        if not traffic.blend:
            level.rows.setflags(write=False)
            return level
        total += share * level.rows[0]
        for place, one in enumerate(level.falling):
            # A share of the volume is a smaller load: its noise is larger than at the whole volume.
            more = share**-one.exponent
            falling.append(Falling(one.exponent, one.reference, one.most / more))
            rows += [share * more * level.rows[1 + 2 * place], share * more**2 * level.rows[2 + 2 * place]]
        spike_share += share * level.spike_share
        job_share += share * level.job_share
    stacked = np.stack(rows)
    stacked.setflags(write=False)
    return Level(stacked, tuple(falling), spike_share, job_share)


def _of_shape(shape: Shape, timeline: Steps, seed: int, name: str, requests_per_month: float) -> Level:
    if shape.kind == "trace":
        return Level(_mean_one(replayed(shape, timeline))[None, :], (), 0.0, 0.0)
    size, base_s = timeline.size, timeline.base_s
    season = _mean_one(course(shape, timeline))
    jobs, job_share = _jobs(shape, timeline, seed, name)
    level = season * (1.0 - job_share) if job_share else season.copy()
    if shape.noise is not None and shape.noise.steady_parts:
        level *= steady_noise(shape.noise, size, base_s, seed, name)
    spike_share = 0.0
    if shape.spikes is not None:
        spike_share = shape.spikes.expected_share * (1.0 - job_share)
        bursts = spike_level(shape.spikes, size, base_s, stream(seed, "spikes", blended=name))
        if shape.spikes.heights_over == "level":
            level *= (1.0 + bursts) / (1.0 + shape.spikes.mean_excess)
        else:
            level = (level + (1.0 - job_share) * bursts) / (1.0 + shape.spikes.mean_excess)
    level = sum(jobs, start=level)
    rows: Array = level[None, :]
    falling: tuple[Falling, ...] = ()
    if shape.noise is not None and shape.noise.falling_parts:
        rows, falling = _with_falling_noise(shape.noise, level, timeline, seed, name)
    if shape.cap_to_mean is not None:
        plan = Plan(season * (1.0 - job_share), sum(jobs, start=np.zeros(size)), 1.0 - job_share)
        level_at = Level(rows, falling, spike_share, job_share)
        cap(rows, shape, plan, level_at.coefficients(np.array([requests_per_month]))[:, 0], base_s)
    return Level(rows, falling, spike_share, job_share)


def _jobs(shape: Shape, timeline: Steps, seed: int, name: str) -> tuple[list[Array], float]:
    """Profiles of the jobs that have a day in the horizon, and their share; the others leave theirs to the rest."""
    drawn = [
        (job.share, job_profile(job, key, timeline, shape.timezone, seed, name)) for key, job in shape.jobs.items()
    ]
    profiles = [(share, profile) for share, profile in drawn if profile.any()]
    there = 1.0 - sum(share for share, profile in drawn if not profile.any())
    if there <= 1e-9:
        raise ValueError("traffic.jobs: none has a day in the horizon, and nothing is left beside them")
    return [profile / there for _, profile in profiles], sum(share for share, _ in profiles) / there


def _mean_one(values: Array) -> Array:
    mean = values.mean()
    if not mean > 0:
        raise ValueError("traffic: is 0 at every step of the horizon, must be above 0 at one at least")
    return values / mean


def _with_falling_noise(
    noise: Noise, level: Array, timeline: Steps, seed: int, name: str
) -> tuple[Array, tuple[Falling, ...]]:
    """The level and the two rows of the noise that falls with it, at the reference load."""
    exponent = 1.0 - noise.taylor_exponent / 2.0
    normal, square, normal_sd = falling_noise(noise, timeline.size, timeline.base_s, seed, name)
    sd = falling_sd(noise) * np.maximum(level, LEAST_LEVEL) ** -exponent
    rows = np.stack([level, level * sd * normal, level * sd**2 * (0.5 * square)])
    most = MOST_FALLING_SD / (float(sd.max()) * max(normal_sd, 1.0))
    return rows, (Falling(exponent, noise.reference_requests_per_minute * MINUTES_PER_MONTH, most),)
