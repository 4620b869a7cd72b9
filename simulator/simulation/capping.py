"""A rate that clients never exceed because they run at a limit of their own, and what it takes to keep the mean."""

from __future__ import annotations

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import Noise, Spikes
from simulator.domain.shape import Shape
from simulator.domain.units import SECONDS_PER_DAY
from simulator.simulation.bursts import spike_level
from simulator.simulation.noise import LEAST_LEVEL, falling_variance, noise_law

_MOMENTS = 2_048  # of the plan that stand for all
_NODES = 32  # of the noise's law
_BURSTS = 24  # levels of all spikes together, equally likely
_FIXED_DRAW_S = 400 * SECONDS_PER_DAY  # that those levels are taken from


def cap(rows: Array, shape: Shape, plan: Array, relative: Array, base_s: float) -> None:
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
    base_s : float
        Length of a step. A step longer than a minute is capped as a whole. [s]
    """
    most = shape.cap_to_mean
    if most is None:
        return
    scale = _scale(shape, plan, float(relative[1]) if relative.size > 1 else 0.0, base_s, most)
    rate = np.maximum(relative @ rows, 1e-300)
    rows *= np.minimum(scale, most / rate)


def _scale(shape: Shape, plan: Array, relative: float, base_s: float, most: float) -> float:
    """The factor a with mean(E[min(a X, cap)]) = 1, X the rate without a cap: by quadrature over noise and spikes."""
    from scipy.optimize import brentq

    moments = plan[np.linspace(0, plan.size - 1, min(_MOMENTS, plan.size)).astype(np.int64)]
    moments = moments * (plan.mean() / moments.mean())
    rates = moments * _noise_factors(shape.noise, moments, relative, base_s)
    if shape.spikes is not None:
        rates = _with_spikes(shape.spikes, rates, base_s)
    if rates.max() <= most:
        return 1.0
    if np.minimum(1e6 * rates, most).mean() < 1.0:
        raise ValueError(f"traffic.cap_to_mean: is {most:g}, too low for a mean of 1: some hours have no demand at all")
    return float(brentq(lambda a: np.minimum(a * rates, most).mean() - 1.0, 0.5, 1e6, xtol=1e-10))


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


def _with_spikes(spikes: Spikes, rates: Array, base_s: float) -> Array:
    """Rates with each of several equally likely levels of the spikes: means of the ranks of a long fixed draw."""
    steps = max(round(_FIXED_DRAW_S / base_s) // _BURSTS, 1) * _BURSTS
    levels = np.sort(spike_level(spikes, steps, base_s, np.random.default_rng(0)))
    levels = levels * (spikes.mean_excess / max(float(levels.mean()), 1e-300))
    bursts = levels.reshape(_BURSTS, -1).mean(axis=1)
    if spikes.heights_over == "level":
        return np.multiply.outer(1.0 + bursts, rates) / (1.0 + spikes.mean_excess)
    return np.add.outer(bursts, rates) / (1.0 + spikes.mean_excess)
