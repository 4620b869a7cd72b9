"""Laws and draws of the noise: mean-one lognormals with memory, and the noise that falls with the load."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import Noise, NoisePart
from simulator.domain.units import SECONDS_PER_MINUTE
from simulator.simulation import recursions
from simulator.simulation.streams import stream

LEAST_LEVEL = 0.02  # of the mean; at less, noise that falls with the load is that of this level

Law = tuple[float, float, float, float]  # variance, persistence, moving average, sd of the innovation


def lognormal_law(relative_sd: float, memory_s: float, base_s: float) -> Law:
    """Law of the noise's logarithm at a base step: variance, persistence, moving average, sd of the innovation.

    Up to 60 s the logarithm is a first-order autoregression. A longer step is the mean over its minutes: a first-order
    autoregression seen through a window, which is autoregressive with one moving-average term; variance and first
    autocovariance of the window's mean are exact sums over the lognormal's autocovariance exp(s^2 r^k) - 1.
    """
    log_variance = math.log1p(relative_sd**2)
    if round(base_s / SECONDS_PER_MINUTE) <= 1:
        if memory_s == 0:  # without memory, the mean over a minute of shorter steps is what has this deviation
            log_variance = math.log1p(relative_sd**2 * max(SECONDS_PER_MINUTE / base_s, 1.0))
        return _within_a_minute(log_variance, memory_s, base_s)
    now, following, persistence = _window(lambda r: np.expm1(log_variance * r), memory_s, base_s)
    variance = math.log1p(now)
    return (variance, *_one_moving_average(math.log1p(following) / variance, persistence))


def normal_law(sd: float, memory_s: float, base_s: float) -> Law:
    """The same law of a normal noise, whose mean over the minutes of a longer step is normal as well."""
    if round(base_s / SECONDS_PER_MINUTE) <= 1:
        variance = sd**2 * (max(SECONDS_PER_MINUTE / base_s, 1.0) if memory_s == 0 else 1.0)
        return _within_a_minute(variance, memory_s, base_s)
    now, following, persistence = _window(lambda r: sd**2 * r, memory_s, base_s)
    return (now, *_one_moving_average(following / now, persistence))


def noise_law(noise: Noise | NoisePart, base_s: float) -> Law:
    """Law of one noise's logarithm at a base step, see `lognormal_law`."""
    return lognormal_law(noise.relative_sd or 0.0, noise.correlation_time_s, base_s)


def _within_a_minute(variance: float, memory_s: float, base_s: float) -> Law:
    persistence = math.exp(-base_s / memory_s) if memory_s > 0 else 0.0
    return variance, persistence, 0.0, math.sqrt(1 - persistence**2)


def _window(autocovariance: Callable[[Array], Array], memory_s: float, base_s: float) -> tuple[float, float, float]:
    """Variance and first autocovariance of the means over windows of whole minutes, and their persistence."""
    minutes = round(base_s / SECONDS_PER_MINUTE)
    persistence = math.exp(-base_s / memory_s) if memory_s > 0 else 0.0
    per_minute = math.exp(-base_s / minutes / memory_s) if memory_s > 0 else 0.0
    lags = np.arange(-(minutes - 1), minutes)
    counts = minutes - np.abs(lags)
    now = float(counts @ autocovariance(per_minute ** np.abs(lags))) / minutes**2
    following = float(counts @ autocovariance(per_minute ** (lags + minutes))) / minutes**2
    return now, following, persistence


def _one_moving_average(correlation: float, persistence: float) -> tuple[float, float, float]:
    """Persistence f, moving average t and innovation of a process with this first autocorrelation.

    correlation = (1 + f t)(f + t) / (1 + 2 f t + t^2), solved for the t of modulus below one.
    """
    excess = correlation - persistence
    moving_average = 0.0
    if abs(excess) > 1e-12:
        half = (1 + persistence**2 - 2 * persistence * correlation) / (2 * excess)
        root = math.sqrt(max(half * half - 1.0, 0.0))
        moving_average = half - root if half > 0 else half + root
    gain = 1 + 2 * persistence * moving_average + moving_average**2
    return persistence, moving_average, math.sqrt((1 - persistence**2) / gain)


def draw(law: Law, size: int, generator: np.random.Generator) -> Array:
    """A stationary normal process of variance one with the memory of a law. Shape (size,)."""
    _, persistence, moving_average, innovation_sd = law
    values = generator.standard_normal(size + 1)
    if persistence or moving_average:
        recursions.autoregress(values, persistence, moving_average, innovation_sd)
    return values[:size]


def lognormal(relative_sd: float, memory_s: float, size: int, base_s: float, generator: np.random.Generator) -> Array:
    """Mean-one lognormal noise. Shape (size,)."""
    law = lognormal_law(relative_sd, memory_s, base_s)
    return np.exp(math.sqrt(law[0]) * draw(law, size, generator) - 0.5 * law[0])


def steady_noise(noise: Noise, size: int, base_s: float, seed: int, blended: str) -> Array:
    """Product of the noises that are the same at every load; mean one. Shape (size,).

    Over longer steps than a minute each has its own mean over them, and the product is that of the means: exact but for
    what fast noises have in common within a step, a few percent of the variance for two whose memory is minutes.
    """
    if noise.relative_sd is not None:
        return lognormal(
            noise.relative_sd, noise.correlation_time_s, size, base_s, stream(seed, "noise", blended=blended)
        )
    logarithm = np.zeros(size)
    for name, part in noise.parts.items():
        if not part.falls_with_load:
            law = noise_law(part, base_s)
            logarithm += math.sqrt(law[0]) * draw(law, size, stream(seed, "noise", name, blended)) - 0.5 * law[0]
    return np.exp(logarithm)


def falling_sd(noise: Noise) -> float:
    """Standard deviation of the logarithm, at one minute and the reference load, of what falls with the load. [1]"""
    return math.sqrt(sum(math.log1p(part.relative_sd**2) for part in noise.falling_parts))


def falling_variance(noise: Noise, base_s: float) -> float:
    """Variance of what falls with the load over a base step, at the reference load; a number squared. [1]"""
    sds = ((math.sqrt(math.log1p(part.relative_sd**2)), part.correlation_time_s) for part in noise.falling_parts)
    return sum(normal_law(sd, memory_s, base_s)[0] for sd, memory_s in sds)


def falling_noise(noise: Noise, size: int, base_s: float, seed: int, blended: str) -> tuple[Array, Array, float]:
    """Mean of z, and of z^2 - 1, over every step, where z is the normal process behind the noise that falls.

    Returns
    -------
    normal, square : arrays of shape (size,)
        z is the sum of the parts, each with its memory, over `falling_sd`: of variance one at a minute. Over longer
        steps its mean varies less, and the mean of z^2 - 1 by twice the mean of the squared autocorrelations; the same
        number makes both.
    sd : float
        Standard deviation of the first: above one where a step is shorter than the minute that parts without memory
        are given for.
    """
    total = falling_sd(noise)
    process = np.zeros(size)
    variance = 0.0
    squares = {}
    for name, part in noise.parts.items():
        if part.falls_with_load:
            sd = math.sqrt(math.log1p(part.relative_sd**2)) / total
            law = normal_law(sd, part.correlation_time_s, base_s)
            process += math.sqrt(law[0]) * draw(law, size, stream(seed, "noise", name, blended))
            variance += law[0]
            squares[name] = (max(law[0], sd**2), part.correlation_time_s)
    minutes = max(round(base_s / SECONDS_PER_MINUTE), 1)
    lags = np.arange(-(minutes - 1), minutes)
    correlation = np.zeros(lags.size)
    for part_variance, memory_s in squares.values():
        per_minute = math.exp(-base_s / minutes / memory_s) if memory_s > 0 else 0.0
        correlation += part_variance * per_minute ** np.abs(lags)
    square_sd = math.sqrt(float((minutes - np.abs(lags)) @ correlation**2) / minutes**2)
    return process, (process**2 / variance - 1.0) * square_sd, math.sqrt(variance)
