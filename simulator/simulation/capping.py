"""A rate that clients never exceed because they run at a limit of their own, and what it takes to keep the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import Noise, Spikes
from simulator.domain.shape import Shape
from simulator.domain.units import SECONDS_PER_DAY
from simulator.simulation.bursts import spike_level
from simulator.simulation.noise import LEAST_LEVEL, falling_variance, noise_law

_MOMENTS = 2_048  # of the plan that stand for all
_NODES = 32  # of the noise's law
# Ranks between which levels of all spikes together are taken as one: finer where they are high.
_BURST_RANKS = np.array([0.0, 0.3, 0.5, 0.65, 0.75, 0.82, 0.88, 0.92, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 1.0])
_FIXED_DRAW_S = 400 * SECONDS_PER_DAY  # that those levels are taken from


@dataclass(frozen=True)
class Plan:
    """The rate without noise and spikes, over the mean: the season and the jobs, arrays of shape (size,)."""

    season: Array
    jobs: Array
    season_share: float  # of the volume

    def at(self, places: Array) -> Plan:
        """The rate at some places, scaled so that each part keeps its share."""
        season, jobs = self.season[places], self.jobs[places]
        season = season * (self.season.mean() / max(float(season.mean()), 1e-300))
        return Plan(season, jobs * (self.jobs.mean() / max(float(jobs.mean()), 1e-300)), self.season_share)


def cap(rows: Array, shape: Shape, plan: Plan, relative: Array, base_s: float) -> None:
    """Hold every step's rate at or below the cap, in place, and scale the rest so that the mean stays.

    Parameters
    ----------
    rows : array of shape (n, size)
        Rows of the level; their sum, each times `relative`, is the rate over the mean at the scenario's own volume,
        at which the cap holds exactly. At another volume the noise below the cap is that volume's.
    shape : Shape
        With a cap.
    plan : Plan
        The rate without noise and spikes.
    relative : array of shape (n,)
        What the rows are multiplied with at the scenario's own volume.
    base_s : float
        Length of a step. A step longer than a minute is capped as a whole. [s]
    """
    most = shape.cap_to_mean
    if most is None:
        return
    scale = _scale(shape, plan, float(relative[1]) if relative.size > 1 else 0.0, base_s, most)
    rate = np.maximum(relative @ rows, 1e-300)
    rows *= np.minimum(scale, most / rate)


def _scale(shape: Shape, plan: Plan, relative: float, base_s: float, most: float) -> float:
    """The factor a with mean(E[min(a X, cap)]) = 1, X the rate without a cap: by quadrature over noise and spikes."""
    from scipy.optimize import brentq

    size = plan.season.size
    some = plan.at(np.linspace(0, size - 1, min(_MOMENTS, size)).astype(np.int64))
    factors = _noise_factors(shape.noise, some.season + some.jobs, relative, base_s)
    rates, weights = (some.season * factors + some.jobs)[None], np.ones(1)
    if shape.spikes is not None:
        levels, weights = _with_spikes(shape.spikes, some, factors, base_s)
        rates = levels + some.jobs
    if rates.max() <= most:
        return 1.0

    def mean(scale: float) -> float:
        return float(weights @ np.minimum(scale * rates, most).mean(axis=(1, 2)))

    if mean(1e6) < 1.0:
        raise ValueError(f"traffic.cap_to_mean: is {most:g}, too low for a mean of 1: some hours have no demand at all")
    return float(brentq(lambda scale: mean(scale) - 1.0, 0.5, 1e6, xtol=1e-10))


def _noise_factors(noise: Noise | None, moments: Array, relative: float, base_s: float) -> Array:
    """Equally likely factors of the noise at each moment, of mean one exactly. Shape (nodes, moments).

    The mean of a lognormal exp(s z - s^2/2) between two quantiles a and b of z is Phi(b - s) - Phi(a - s), over their
    probability.
    """
    from scipy.special import ndtr, ndtri

    if noise is None:
        return np.ones((1, moments.size))
    variance: Array | float = sum(noise_law(part, base_s)[0] for part in noise.steady_parts)
    if relative > 0:
        exponent = 1.0 - noise.taylor_exponent / 2.0
        falling = falling_variance(noise, base_s)
        variance = variance + falling * (relative * np.maximum(moments, LEAST_LEVEL) ** -exponent) ** 2
    sd = np.sqrt(np.broadcast_to(variance, moments.shape))
    edges = ndtri(np.linspace(0.0, 1.0, _NODES + 1))
    return np.diff(ndtr(edges[:, None] - sd), axis=0) * _NODES


def _with_spikes(spikes: Spikes, plan: Plan, factors: Array, base_s: float) -> tuple[Array, Array]:
    """Season, noise and each of several levels of the spikes, means of ranks of a long fixed draw; their probabilities.

    Shapes (levels, nodes, moments) and (levels,).
    """
    rates = plan.season * factors
    levels = np.sort(spike_level(spikes, max(round(_FIXED_DRAW_S / base_s), 1_000), base_s, np.random.default_rng(0)))
    levels *= spikes.mean_excess / max(float(levels.mean()), 1e-300)
    edges = np.round(_BURST_RANKS * levels.size).astype(np.int64)
    counts = np.diff(edges)
    bursts = np.add.reduceat(levels, edges[:-1]) / counts
    outer = np.multiply.outer(1.0 + bursts, rates)
    if spikes.heights_over == "mean":
        outer = np.add.outer(plan.season_share * bursts, rates)
    return outer / (1.0 + spikes.mean_excess), counts / levels.size
