"""The sampled demand: a profile of mean one over the horizon, drawn once and scaled with the volume."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from simulator.domain.plans import Array
from simulator.domain.scenario import Horizon
from simulator.domain.seasons import diurnal_weights, hourly_curve, piecewise_means
from simulator.domain.traffic import Noise, Spikes, Traffic
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, SECONDS_PER_MONTH
from simulator.simulation import recursions

# Every random part has a stream of its own, so that switching one off leaves the others as they were.
_STREAMS = {"noise": 1, "spikes": 2}
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


Steps = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Demand:
    """Arrivals over the mean, step by step, with the calendar the bills need.

    `profile` has shape (steps,) and mean 1 in expectation; `month_ends` (months,) is the first step after each bill
    month, `months` (months,) their lengths in months of 730 h (in whole steps), `growth` (months,) the factor on each.
    """

    horizon: Horizon
    profile: Array
    month_ends: Steps
    months: Array
    growth: Array

    @property
    def step_s(self) -> float:
        """Length of a step. [s]"""
        return self.horizon.step_s

    @property
    def steps(self) -> int:
        """Number of steps."""
        return int(self.profile.size)

    @property
    def has_steps(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Bill months that hold a step: a long step may leave a short last month without one. Shape (months,)."""
        return self.months > 0

    @property
    def bill_ends(self) -> Steps:
        """First step after each bill month that holds one."""
        return self.month_ends[self.has_steps]

    @property
    def edges_s(self) -> Array:
        """Moments between the steps, from the start to the end; shape (steps + 1,). [s]"""
        return np.arange(self.steps + 1) * self.step_s

    def by_month(self, per_step: Array) -> Array:
        """Sum over each bill month of a number per step. Shape (months,)."""
        sums = np.zeros(self.months.size)
        sums[self.has_steps] = self.sums_until(per_step, self.bill_ends)
        return sums

    def sums_until(self, per_step: Array, block_ends: Steps) -> Array:
        """Sum over blocks of steps, each up to its end, of a number per step. Shape (blocks,)."""
        return np.add.reduceat(per_step, np.concatenate(([0], block_ends[:-1])))

    def grown_profile(self) -> Array:
        """The profile with the growth of each month on it. Shape (steps,)."""
        lengths = np.diff(self.month_ends, prepend=0)
        return self.profile * np.repeat(self.growth, lengths)


@lru_cache(maxsize=16)
def sample_demand(traffic: Traffic, horizon: Horizon, seed: int) -> Demand:
    """Draw the demand of a scenario. The same arguments give the same numbers, bit for bit.

    Steps shorter than an hour are means over a base of 60 s (or the step, if shorter) with curves taken at its middle;
    steps of an hour and more are drawn at the step, with the noise's variance and memory aggregated in closed form.

    Raises
    ------
    ValueError
        If the shape is zero at every step of the horizon.
    """
    steps, step_s = horizon.steps, horizon.step_s
    parts = 1 if step_s >= SECONDS_PER_HOUR else max(1, int(np.ceil(step_s / SECONDS_PER_MINUTE - 1e-9)))
    base_s = step_s / parts
    shape = _season(traffic, horizon, steps * parts, base_s)
    mean = shape.mean()
    if not mean > 0:
        raise ValueError("traffic: is 0 at every step of the horizon, must be above 0 at one at least")
    profile = shape / mean
    if traffic.noise is not None:
        profile *= _noise(traffic.noise, profile.size, base_s, _stream(seed, "noise"))
    if traffic.spikes is not None:
        profile *= _spikes(traffic.spikes, profile.size, base_s, _stream(seed, "spikes"))
    if parts > 1:
        profile = profile.reshape(steps, parts).mean(axis=1)
    return _with_calendar(traffic, horizon, profile)


def _with_calendar(traffic: Traffic, horizon: Horizon, profile: Array) -> Demand:
    """Add the bill months and their growth."""
    months = horizon.bill_months
    ends_s = np.minimum(np.arange(1, months + 1) * SECONDS_PER_MONTH, horizon.duration_s)
    month_ends = np.round(ends_s / horizon.step_s).astype(np.int64)
    month_ends[-1] = profile.size
    profile.setflags(write=False)
    return Demand(
        horizon=horizon,
        profile=profile,
        month_ends=month_ends,
        months=np.diff(month_ends, prepend=0) * (horizon.step_s / SECONDS_PER_MONTH),
        growth=(1.0 + traffic.growth_per_month) ** np.arange(months),
    )


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(_STREAMS[name],))))


def _season(traffic: Traffic, horizon: Horizon, size: int, base_s: float) -> Array:
    """Product of the parts that are not random, at every base step. Shape (size,)."""
    shape = np.ones(size)
    if traffic.piecewise is not None:
        shape *= piecewise_means(traffic.piecewise, size, base_s)
    if traffic.diurnal is None and traffic.weekly is None and traffic.hourly_weights is None:
        return shape
    local_s = _local_seconds(traffic.timezone, horizon, size, base_s)
    if traffic.diurnal is not None:
        shape *= diurnal_weights(traffic.diurnal, local_s % SECONDS_PER_DAY / SECONDS_PER_HOUR)
    days = np.floor_divide(local_s, SECONDS_PER_DAY).astype(np.int64)
    weekday = (days + _EPOCH_WEEKDAY) % 7
    if traffic.weekly is not None:
        shape *= np.asarray(traffic.weekly.weights)[weekday]
    if traffic.hourly_weights is not None:
        hour_of_week = weekday * 24 + local_s % SECONDS_PER_DAY / SECONDS_PER_HOUR
        shape *= hourly_curve(traffic.hourly_weights, hour_of_week)
    return shape


def _local_seconds(timezone: str, horizon: Horizon, size: int, base_s: float) -> Array:
    """Middle of every base step on the clock on the wall, in seconds since 1970-01-01 00:00 there. Shape (size,)."""
    start_s = horizon.start_utc.timestamp()
    middle_s = start_s + (np.arange(size) + 0.5) * base_s
    if timezone == "UTC":
        return middle_s
    # Zones change their offset on quarter hours; one look-up a quarter hour is enough.
    quarter_s = 15 * SECONDS_PER_MINUTE
    quarters = np.arange(int(np.ceil(size * base_s / quarter_s)) + 1)
    moments = pd.to_datetime(start_s + quarters * quarter_s, unit="s", utc=True).tz_convert(timezone)
    wall = moments.tz_localize(None).to_numpy(dtype="datetime64[s]").astype(np.float64)
    offset_s = wall - (start_s + quarters * quarter_s)
    return middle_s + offset_s[((middle_s - start_s) / quarter_s).astype(np.int64)]


def _noise(noise: Noise, size: int, base_s: float, generator: np.random.Generator) -> Array:
    """Mean-one lognormal noise with the memory asked for. Shape (size,)."""
    variance, persistence, moving_average, innovation_sd = noise_law(noise, base_s)
    values = generator.standard_normal(size + 1)
    recursions.autoregress(values, persistence, moving_average, innovation_sd)
    return np.exp(np.sqrt(variance) * values[:size] - 0.5 * variance)


def noise_law(noise: Noise, base_s: float) -> tuple[float, float, float, float]:
    """Law of the noise's logarithm at a base step: variance, persistence, moving average, sd of the innovation.

    Up to 60 s the logarithm is a first-order autoregression. A longer step is the mean over its minutes: a first-order
    autoregression seen through a window, which is autoregressive with one moving-average term; variance and first
    autocovariance of the window's mean are exact sums over the lognormal's autocovariance exp(s^2 r^k) - 1.
    """
    log_variance = float(np.log1p(noise.relative_sd**2))
    memory_s = noise.correlation_time_s
    persistence = float(np.exp(-base_s / memory_s)) if memory_s > 0 else 0.0
    minutes = round(base_s / SECONDS_PER_MINUTE)
    if minutes <= 1:
        return log_variance, persistence, 0.0, float(np.sqrt(1 - persistence**2))
    per_minute = float(np.exp(-base_s / minutes / memory_s)) if memory_s > 0 else 0.0
    lags = np.arange(-(minutes - 1), minutes)
    counts = minutes - np.abs(lags)
    now = float(counts @ np.expm1(log_variance * per_minute ** np.abs(lags))) / minutes**2
    following = float(counts @ np.expm1(log_variance * per_minute ** (lags + minutes))) / minutes**2
    variance = float(np.log1p(now))
    correlation = float(np.log1p(following)) / variance
    # correlation = (1 + f t)(f + t) / (1 + 2 f t + t^2), solved for the moving average t of modulus below one.
    excess = correlation - persistence
    moving_average = 0.0
    if abs(excess) > 1e-12:
        half = (1 + persistence**2 - 2 * persistence * correlation) / (2 * excess)
        root = float(np.sqrt(max(half * half - 1.0, 0.0)))
        moving_average = half - root if half > 0 else half + root
    gain = 1 + 2 * persistence * moving_average + moving_average**2
    return variance, persistence, moving_average, float(np.sqrt((1 - persistence**2) / gain))


def _spikes(spikes: Spikes, size: int, base_s: float, generator: np.random.Generator) -> Array:
    """Factor of mean one: one plus the spikes that have arrived and decayed, over its expectation. Shape (size,)."""
    decay_s = spikes.half_life_s / np.log(2.0)
    before_s = 40.0 * decay_s  # spikes older than that have vanished
    rate_per_s = spikes.per_month / SECONDS_PER_MONTH
    count = generator.poisson(rate_per_s * (size * base_s + before_s))
    at_s = generator.uniform(-before_s, size * base_s, count)
    scale = spikes.height_to_mean * (spikes.tail_index - 1.0) / spikes.tail_index
    heights = scale * (1.0 - generator.random(count)) ** (-1.0 / spikes.tail_index)
    mean_over_step = float(-np.expm1(-base_s / decay_s) * decay_s / base_s)

    old = at_s < 0
    carried = np.zeros(size + 1)
    carried[0] = float(heights[old] @ np.exp(at_s[old] / decay_s))
    step = np.minimum((at_s[~old] / base_s).astype(np.int64), size - 1)
    left_s = (step + 1) * base_s - at_s[~old]
    carried += np.bincount(step + 1, weights=heights[~old] * np.exp(-left_s / decay_s), minlength=size + 1)
    within = -np.expm1(-left_s / decay_s) * decay_s / base_s
    level = carried[:size].copy()
    recursions.decay(level, float(np.exp(-base_s / decay_s)), mean_over_step)
    level += np.bincount(step, weights=heights[~old] * within, minlength=size)
    return (1.0 + level) / (1.0 + rate_per_s * spikes.height_to_mean * decay_s)
