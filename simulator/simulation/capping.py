"""A rate that clients never exceed because they run at a limit of their own, and what it takes to keep the mean."""

from __future__ import annotations

import math

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import Noise, Spikes
from simulator.domain.shape import Shape
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_MINUTE
from simulator.simulation.bursts import spike_level
from simulator.simulation.noise import falling_sd

_MOMENTS = 2_048  # of the plan that stand for all
_NODES = 24  # of the normal law
_BURSTS = 16  # levels of all spikes together, equally likely


def cap(rows: Array, shape: Shape, plan: Array, relative: Array) -> None:
    """Hold every step's rate at or below the cap, in place, and scale the rest so that the mean stays.

    Parameters
    ----------
    rows : array of shape (n, size)
        Rows of the level; their sum, each times `relative`, is the rate over the mean at the scenario's own volume,
        at which the cap holds exactly. At another volume the noise below the cap is that volume's.
    shape : Shape
        With a cap.
    plan : array of shape (size,)
        The rate without noise and spikes.
    relative : array of shape (n,)
        What the rows are multiplied with at the scenario's own volume.
    """
    most = shape.cap_to_mean
    if most is None:
        return
    scale = _scale(shape, plan, relative, most)
    rate = np.maximum(relative @ rows, 1e-300)
    rows *= np.minimum(scale, most / rate)


def _scale(shape: Shape, plan: Array, relative: Array, most: float) -> float:
    """The factor a with mean(E[min(a X, cap)]) = 1, X the rate without a cap: by quadrature over noise and spikes."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    moments = plan[np.linspace(0, plan.size - 1, min(_MOMENTS, plan.size)).astype(np.int64)]
    moments = moments * (plan.mean() / moments.mean())
    log_sd = _log_sd(shape.noise, relative)
    normals = ndtri((np.arange(_NODES) + 0.5) / _NODES) if log_sd > 0 else np.zeros(1)
    factors = np.exp(log_sd * normals)
    factors /= factors.mean()
    rates = np.multiply.outer(factors, moments)
    if shape.spikes is not None:
        rates = _with_spikes(shape.spikes, rates)
    if rates.max() <= most:
        return 1.0
    if np.minimum(1e6 * rates, most).mean() < 1.0:
        raise ValueError(f"traffic.cap_to_mean: is {most:g}, too low for a mean of 1: some hours have no demand at all")
    return float(brentq(lambda a: np.minimum(a * rates, most).mean() - 1.0, 0.5, 1e6, xtol=1e-10))


def _log_sd(noise: Noise | None, relative: Array) -> float:
    if noise is None:
        return 0.0
    variance = sum(math.log1p(part.relative_sd**2) for part in noise.steady_parts)
    if relative.size > 1:
        variance += (float(relative[1]) * falling_sd(noise)) ** 2
    return math.sqrt(variance)


def _with_spikes(spikes: Spikes, rates: Array) -> Array:
    """Rates with each of several equally likely levels of the spikes: means of the ranks of a long fixed draw."""
    step_s = 10 * SECONDS_PER_MINUTE
    levels = np.sort(spike_level(spikes, round(400 * SECONDS_PER_DAY / step_s), step_s, np.random.default_rng(0)))
    levels = levels * (spikes.mean_excess / max(float(levels.mean()), 1e-300))
    bursts = levels.reshape(_BURSTS, -1).mean(axis=1)
    if spikes.heights_over == "level":
        return np.multiply.outer(1.0 + bursts, rates) / (1.0 + spikes.mean_excess)
    return np.add.outer(bursts, rates) / (1.0 + spikes.mean_excess)
