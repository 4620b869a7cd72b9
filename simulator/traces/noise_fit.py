"""The noise of a recording: deviations of parts with fixed memories, from how its variance falls with scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.traces.least_squares import non_negative, weighted_median, whitening
from simulator.traces.noise_paths import mean_of_step, unit_paths
from simulator.traces.noise_scales import block_differences, block_scales
from simulator.traces.season_fit import Projection
from simulator.traces.taylor import ASSUMED_TAYLOR_EXPONENT, taylor_exponent

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

# Memories that are tried, by the name of the part; a fixed set, as neighbours can hardly be told apart. [s]
MEMORIES_S = {
    "minute": 0.0,
    "minutes_5": 5 * SECONDS_PER_MINUTE,
    "minutes_20": 20 * SECONDS_PER_MINUTE,
    "minutes_90": 90 * SECONDS_PER_MINUTE,
    "hours_6": 6 * SECONDS_PER_HOUR,
    "day_1": SECONDS_PER_DAY,
    "days_3": 3 * SECONDS_PER_DAY,
}
FALLING_UP_TO_S = 20 * SECONDS_PER_MINUTE
FARTHEST_SDS = 2.5  # beyond, a deviation counts as one of so many; set over all recordings of docs/validation.md
_SEED = 20_240_510  # the fit is a function of the recording alone
_MOST_PATHS, _LEAST_PATHS, _MOST_DRAWN = 120, 12, 4e6  # of drawn noise, and of its steps
LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, eq=False)
class NoiseFit:
    """Variances of the logarithm at one minute, by part, with what resampled noise says of their error.

    `variances`, `memories_s` and `falls` have shape (parts,); `resampled` (paths, parts) are the same estimates on
    noise drawn from the fit, `weight_errors` (paths, weights) what that noise does to the weights of the course.
    """

    names: tuple[str, ...]
    memories_s: Array
    falls: Mask
    variances: Array
    resampled: Array
    weight_errors: Array
    reference_requests_per_minute: float
    taylor_exponent: float
    taylor_sd: float | None  # None: assumed
    counted: bool  # whether steps scatter at least about as much as whole requests at random do

    @property
    def relative_sds(self) -> Array:
        """Standard deviation over the mean, by part: that of a lognormal. Shape (parts,)."""
        return np.sqrt(np.expm1(self.variances))


def fit_noise(
    requests: Array,
    level: Array,
    projection: Projection,
    known: Mask,
    step_s: float,
    hidden: Array | None = None,
) -> NoiseFit:
    """Variances of the parts of the noise around a course.

    Parameters
    ----------
    requests, level : array of shape (steps,)
        Requests in each step, and the course of their expectation.
    projection : Projection
        What fitting that course took out of the noise.
    known : array of shape (steps,)
        Steps to use: neither unknown nor in a spike.
    hidden : array of shape (n, steps), optional
        Draws of the logarithm of what spikes that were not found add to the course.

    Raises
    ------
    ValueError
        If hardly any two steps side by side are known.

    Notes
    -----
    Observed: the logarithm of requests over course, its half mean squared differences of neighbouring blocks of 1, 2,
    4, ... steps. Expected: a sum of variance x that of a part of unit variance, plus that of counting (Poisson,
    1 / mean) and of what hides; all by drawing paths and taking the same course and gaps out of them, so that what the
    course absorbs is accounted for. Variances: weighted least squares, none below zero. Errors: the same estimate on
    paths drawn from the fit (parametric bootstrap).
    """
    known = known & (level > 0)
    residual = np.log((np.where(known, requests, 0.0) + 0.5) / (np.maximum(level, 1e-9) + 0.5))
    middle = weighted_median(residual[known], level[known])
    scatter = 1.4826 * weighted_median(np.abs(residual[known] - middle), level[known] ** 2)
    exponent, exponent_sd = taylor_exponent(np.where(known, residual, 0.0), level, known, step_s)
    # Lone troughs and nights of almost no demand say nothing of the noise that sizes a fleet.
    residual = np.clip(residual - middle, -FARTHEST_SDS * scatter, FARTHEST_SDS * scatter)
    residual = np.where(known, residual, 0.0)

    reference = float(level[known].mean() * SECONDS_PER_MINUTE / step_s)
    seen = _Seen(projection, known, level, step_s)
    parts = seen.parts()
    falls = np.array([memory_s <= FALLING_UP_TO_S for memory_s in parts.values()], dtype=bool)
    falling = falling_factor(level * (SECONDS_PER_MINUTE / step_s), reference, exponent)
    observed = block_differences(residual[None, :], known, level, seen.scales)[0]
    usable = np.isfinite(observed)
    if not usable.any():
        raise ValueError("requests: are known in too few steps side by side to tell noise from the course of the day")

    def drawn(name: str, seed: int) -> Array:
        unit = seen.unit(name, seed)
        return unit * falling if parts[name] <= FALLING_UP_TO_S else unit

    values = observed[usable]
    counting = seen.statistics(seen.counted(0)).mean(axis=0)[usable]
    if hidden is not None:
        counting = counting + seen.statistics(hidden).mean(axis=0)[usable]
    units = np.zeros((values.size, len(parts)))
    for place, name in enumerate(parts):
        units[:, place] = seen.statistics(drawn(name, 0)).mean(axis=0)[usable]

    def solved(statistics: Array, root: Array) -> Array:
        found = non_negative(root @ units, root @ (statistics - counting))
        return np.where(found < LEAST_VARIANCE, 0.0, found)

    def resampled_noise(seed: int) -> Array:
        noise = seen.counted(seed)
        if hidden is not None:
            noise = noise + (hidden - hidden.mean(axis=0))[np.arange(seen.paths) % hidden.shape[0]]
        for variance, name in zip(variances, parts, strict=True):
            if variance > 0:
                noise = noise + math.sqrt(variance) * drawn(name, seed)
        return noise

    # The statistics' own errors, which weigh them, are those of noise like the one found: found in two rounds.
    variances = solved(values, np.diag(1.0 / np.maximum(values, 1e-12)))
    for seed in (1, 2):
        samples = seen.statistics(resampled_noise(seed))[:, usable]
        variances = solved(values, whitening(samples))
    noise = resampled_noise(3)
    samples = seen.statistics(noise)[:, usable]
    root = whitening(samples)
    return NoiseFit(
        names=tuple(parts),
        memories_s=np.array(list(parts.values())),
        falls=falls,
        variances=variances,
        resampled=np.array([solved(sample, root) for sample in samples]),
        weight_errors=seen.inner.coefficients(noise),
        reference_requests_per_minute=reference,
        taylor_exponent=exponent,
        taylor_sd=exponent_sd,
        counted=bool(values[0] > 0.5 * counting[0]),
    )


class _Seen:
    """What a recording shows of a noise: its statistics by scale, after the course has taken its part."""

    def __init__(self, projection: Projection, known: Mask, level: Array, step_s: float) -> None:
        self.inner = Projection(projection.course, projection.known & known, projection.level, projection.inverse)
        self.known, self.level, self.step_s = known, level, step_s
        self.scales = block_scales(level.size)
        self.paths = int(np.clip(_MOST_DRAWN / level.size, _LEAST_PATHS, _MOST_PATHS))

    def parts(self) -> dict[str, float]:
        """Memories that steps of this length and a recording of this span can tell, by name."""
        least_s = 0.0 if self.step_s <= 2 * SECONDS_PER_MINUTE else 0.5 * self.step_s
        most_s = self.level.size * self.step_s / 5
        within = {name: memory_s for name, memory_s in MEMORIES_S.items() if least_s <= memory_s <= most_s}
        rng = np.random.default_rng(_SEED)
        return {name: memory_s for name, memory_s in within.items() if self._survives(memory_s, rng)}

    def _survives(self, memory_s: float, rng: np.random.Generator) -> bool:
        """Whether the course leaves at least half of the variance of a noise; else it has taken it for its own."""
        unit = unit_paths(memory_s, self.step_s, 16, self.known.size, rng)
        left = self.inner.residual(unit)[:, self.known].var(axis=1).mean()
        return bool(left >= 0.5 * mean_of_step(memory_s, self.step_s)[3])

    def statistics(self, noise: Array) -> Array:
        """Block differences of what the course leaves of a noise of shape (paths, steps). Shape (paths, scales)."""
        return block_differences(self.inner.residual(noise), self.known, self.level, self.scales)

    def unit(self, name: str, seed: int) -> Array:
        """Draws of a part with unit variance. Shape (paths, steps)."""
        rng = np.random.default_rng([_SEED, seed, *name.encode()])
        return unit_paths(MEMORIES_S[name], self.step_s, self.paths, self.level.size, rng)

    def counted(self, seed: int) -> Array:
        """Draws of what counting whole requests adds, over the course. Shape (paths, steps)."""
        normals = np.random.default_rng([_SEED, seed]).standard_normal((self.paths, self.level.size))
        return np.asarray(normals / np.sqrt(np.maximum(self.level, 0.5)))


def falling_factor(rates_per_minute: Array, reference: float, exponent: float) -> Array:
    """Relative noise at given loads over that at the reference, by Taylor's law. Shape as the loads."""
    return np.asarray(np.maximum(rates_per_minute / reference, 1e-3) ** (exponent / 2.0 - 1.0))


def no_noise(weights: int) -> NoiseFit:
    """No noise at all, where there is no course beside jobs."""
    none = np.zeros(0)
    return NoiseFit(
        names=(),
        memories_s=none,
        falls=none > 0,
        variances=none,
        resampled=np.zeros((1, 0)),
        weight_errors=np.zeros((1, weights)),
        reference_requests_per_minute=1.0,
        taylor_exponent=ASSUMED_TAYLOR_EXPONENT,
        taylor_sd=None,
        counted=True,
    )
