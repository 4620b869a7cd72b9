"""The law of spikes put right for what is missed: short ones, low ones, ones that noise hides or makes up.

Indirect inference (C. Gourieroux, A. Monfort, E. Renault, J. Appl. Econometrics 8, 1993): demand is drawn from the
fitted course, noise and spikes, the same search is made in it, and the law is moved until the search finds there what
it found in the recording.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_MINUTE
from simulator.traces.noise_fit import NoiseFit
from simulator.traces.noise_paths import unit_paths
from simulator.traces.spike_fit import Excursions, SpikeLaw, counted_heights, find_excursions

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

ENOUGH = 20  # spikes
ROUNDS = 4
_PATHS = 12
_MOST_STEPS = 600_000  # drawn in a round
_SHIFT = 0.15  # of a logarithm, for derivatives
MOST_LOG_SD = 2.0  # as the law allows
_SEED = 1_993


def calibrated(
    law: SpikeLaw, found: Excursions, level: Array, known: Mask, noise: NoiseFit, step_s: float
) -> tuple[SpikeLaw | None, Array | None]:
    """The law with which a search in drawn demand finds what the search in the recording found; None: noise alone does.

    Beside it what spikes of this law add to steps that are not found to be in one, in requests, of shape (paths,
    steps); None where the law is left as it was: with few spikes drawing says nothing more.

    Parameters
    ----------
    law, found :
        The law as if each spike had been seen as it was, and what was found.
    level, known : array of shape (steps,)
        The course and the steps that count.
    noise : NoiseFit
        The noise around the course.

    Notes
    -----
    Moved are the logarithms of rate, tail index, half-life, its log sd and the greatest height, against five statistics
    of what is found: the logarithms of the number, of the mean log height over its floor (inverted), of the middle
    half-life, of the scatter of its logarithm, and of the greatest height. First each by its own, then together along
    the derivatives of all. Each round draws with the same random numbers. Intervals: the scatter of the statistics from
    path to path, through the same derivatives.
    """
    paths = int(np.clip(_MOST_STEPS // level.size, 2, _PATHS))
    draws = [_Draw(level, known, noise, step_s, seed) for seed in range(paths)]
    if not _beyond_noise(law, found, [draw.searched(None) for draw in draws]):
        return None, None
    if law.count < ENOUGH:
        return law, None
    target = _statistics(found, law.least)
    lowest, highest = _bounds(law, step_s)

    def drawn(parameters: Array) -> Array:
        return np.array([_statistics(draw.searched(_law_of(law, parameters)), law.least) for draw in draws])

    def missed(samples: Array) -> Array:
        return np.asarray(np.nan_to_num(target - np.nanmean(samples, axis=0)))

    start = [law.per_week, law.tail_index, law.half_life_s, law.half_life_log_sd, law.greatest]
    parameters = np.clip(np.log(start), lowest, highest)
    for _ in range(ROUNDS):
        samples = drawn(parameters)
        parameters = np.clip(parameters + np.clip(missed(samples), -0.7, 0.7), lowest, highest)
    samples = drawn(parameters)
    base = np.nanmean(samples, axis=0)
    shift = np.where(parameters + _SHIFT <= highest, _SHIFT, -_SHIFT)
    slopes = np.array([np.nanmean(drawn(parameters + move), axis=0) - base for move in np.diag(shift)]).T / shift
    inverse = np.linalg.inv(_well_conditioned(np.nan_to_num(slopes)))
    parameters = np.clip(parameters + np.clip(inverse @ missed(samples), -0.5, 0.5), lowest, highest)
    at_an_end = (parameters <= lowest + 1e-9) | (parameters >= highest - 1e-9)
    if at_an_end[[0, 1, 2]].any():
        return law, None  # no law of this kind is found as the recording's bursts are
    result = _with_intervals(law, parameters, inverse, samples, paths)
    return result, np.array([draw.overlooked(result) for draw in draws])


def _beyond_noise(law: SpikeLaw, found: Excursions, alone: list[Excursions]) -> bool:
    """Whether more bursts, or a higher one, were found than in draws of the noise alone."""
    made_up = [one.heights[counted_heights(one, law.least)] for one in alone]
    number = float(np.mean([heights.size for heights in made_up]))
    highest = max((float(heights.max()) for heights in made_up if heights.size), default=0.0)
    more = law.count > number + 1.645 * math.sqrt(number)
    return more or float(found.heights.max()) > 1.2 * highest


def _bounds(law: SpikeLaw, step_s: float) -> tuple[Array, Array]:
    """Least and greatest logarithms that are tried."""
    week_s = 7 * SECONDS_PER_DAY
    highest = law.greatest / (1.0 + 1.0 / law.count)
    # A half-life far below a step cannot be told from more and lower spikes.
    low = (law.per_week / 4.0, 0.3, min(law.half_life_s, step_s / 2.0), 0.1, highest)
    high = (law.per_week * 4.0, 8.0, week_s, MOST_LOG_SD, 3.0 * highest)
    return np.log(low), np.log(high)


def _well_conditioned(slopes: Array) -> Array:
    """Derivatives of which none is so flat that errors would grow more than tenfold."""
    left, sizes, right = np.linalg.svd(slopes)
    return np.asarray(left @ np.diag(np.maximum(sizes, 0.1)) @ right)


def _with_intervals(law: SpikeLaw, parameters: Array, inverse: Array, samples: Array, paths: int) -> SpikeLaw:
    covariance = np.cov(np.nan_to_num(samples - np.nanmean(samples, axis=0)).T)
    # Paths are few: none of the statistics is surer than that of spikes seen without error.
    least = np.array([1.0, 1.0, law.half_life_log_sd, math.sqrt(0.5), 0.0]) ** 2 / law.count
    missing = np.maximum(least - np.diag(covariance), 0.0)
    spread = inverse @ (covariance + np.diag(missing)) @ inverse.T * (1.0 + 1.0 / paths)
    error = 1.645 * np.sqrt(np.diag(spread))
    low, high = np.exp(parameters - error), np.exp(parameters + error)
    ends = [(float(below), float(above)) for below, above in zip(low, high, strict=True)]
    return replace(
        _law_of(law, parameters),
        per_week_interval=ends[0],
        tail_interval=ends[1],
        half_life_interval_s=ends[2],
        log_sd_interval=ends[3],
        greatest_interval=ends[4],
    )


def _law_of(law: SpikeLaw, parameters: Array) -> SpikeLaw:
    rate, tail, half_life_s, log_sd, greatest = (float(value) for value in np.exp(parameters))
    return replace(
        law, per_week=rate, tail_index=tail, half_life_s=half_life_s, half_life_log_sd=log_sd, greatest=greatest
    )


def _statistics(found: Excursions, least: float) -> Array:
    """Logarithms of number, tail, middle half-life, its scatter and the greatest height found; NaN where too few."""
    counts = counted_heights(found, least)
    number = int(counts.sum())
    if number < 3:
        return np.array([math.log(max(number, 0.5)), math.nan, math.nan, math.nan, math.nan])
    floors = np.maximum(least, found.thresholds_then[counts])
    over = float(np.log(found.heights[counts] / floors).mean())
    logs = np.log(found.half_lives_s[counts])
    scatter = max(float(logs.std(ddof=1)), 0.05)
    highest = float(found.heights[counts].max())
    return np.array([
        math.log(number), -math.log(max(over, 1e-3)), float(logs.mean()), math.log(scatter), math.log(highest)
    ])  # fmt: skip


class _Draw:
    """One drawn demand without spikes, and the random numbers of its spikes."""

    def __init__(self, level: Array, known: Mask, noise: NoiseFit, step_s: float, seed: int) -> None:
        rng = np.random.default_rng([_SEED, seed])
        self.known, self.level, self.step_s, self.seed = known, level, step_s, seed
        self.mean = float(level[known].mean())
        self.exponent = noise.taylor_exponent
        rates = np.maximum(level * (SECONDS_PER_MINUTE / step_s) / noise.reference_requests_per_minute, 1e-3)
        log_noise = np.zeros(level.size)
        for memory_s, falls, variance in zip(noise.memories_s, noise.falls, noise.variances, strict=True):
            if variance > 0:
                sd = math.sqrt(variance) * (rates ** (noise.taylor_exponent / 2.0 - 1.0) if falls else 1.0)
                log_noise += sd * unit_paths(memory_s, step_s, 1, level.size, rng)[0] - 0.5 * np.square(sd)
        self.usual = level * np.exp(log_noise)
        self.counting = rng.standard_normal(level.size)

    def searched(self, law: SpikeLaw | None) -> Excursions:
        """What the search finds with spikes of this law in it."""
        return self._found(self._spikes(law) if law is not None else np.zeros(self.level.size))

    def overlooked(self, law: SpikeLaw) -> Array:
        """Requests of spikes of this law in steps that the search leaves to the course. Shape (steps,)."""
        spikes = self._spikes(law)
        return self.mean * np.where(self._found(spikes).inside, 0.0, spikes)

    def _found(self, spikes: Array) -> Excursions:
        expected = self.usual + self.mean * spikes
        requests = np.maximum(expected + np.sqrt(expected) * self.counting, 0.0)
        return find_excursions(requests, self.level, self.known, self.step_s, self.exponent)

    def _spikes(self, law: SpikeLaw) -> Array:
        """Height of all spikes over the mean level, mean over each step. Shape (steps,)."""
        from scipy.special import ndtri

        rng = np.random.default_rng([_SEED, self.seed, 1])
        weeks = self.level.size * self.step_s / (7 * SECONDS_PER_DAY)
        # One spike after the other: a higher rate adds spikes, and leaves the others as they were.
        mean = law.per_week * weeks
        count = max(round(mean + math.sqrt(mean) * float(rng.standard_normal())), 0)
        numbers = rng.random((count, 3))
        at = numbers[:, 0] * self.level.size
        end = (law.least / law.greatest) ** law.tail_index
        heights = law.least * (1.0 - numbers[:, 1] * (1.0 - end)) ** (-1.0 / law.tail_index)
        decays = law.half_life_s / math.log(2.0) * np.exp(law.half_life_log_sd * ndtri(numbers[:, 2])) / self.step_s
        total = np.zeros(self.level.size)
        for moment, height, decay in zip(at, heights, decays, strict=True):
            first = int(moment)
            length = min(int(12.0 * decay) + 2, self.level.size - first)
            edges = np.maximum(first + np.arange(length + 1) - moment, 0.0)
            total[first : first + length] += height * decay * -np.diff(np.exp(-edges / decay))
        return total
