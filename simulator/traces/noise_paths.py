"""Draws of Gaussian noise with a memory, as the means of steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_MINUTE

Array = NDArray[Any]  # of float64


def mean_of_step(memory_s: float, step_s: float) -> tuple[float, float, Array, float]:
    """How the mean of a step follows from a noise of unit variance that is drawn minute by minute.

    Returns
    -------
    kept, carried : float
        What is left of the state after a step, and its weight in the step's mean.
    covariance : array of shape (2, 2)
        Of what is new in the step's mean and in the state at its end.
    variance : float
        Of the step's mean. [1]
    """
    base_s = min(step_s, SECONDS_PER_MINUTE)
    count = max(1, round(step_s / base_s))
    kept = math.exp(-base_s / memory_s) if memory_s > 0 else 0.0
    powers = kept ** np.arange(count + 1) if kept > 0 else np.eye(1, count + 1)[0]
    carried = powers[1:].sum() / count
    new = math.sqrt(1.0 - kept**2)
    in_mean = new * np.cumsum(powers[:-1])[::-1] / count
    in_state = new * powers[:-1][::-1]
    covariance = np.array([[in_mean @ in_mean, in_mean @ in_state], [in_mean @ in_state, in_state @ in_state]])
    return float(powers[-1]), float(carried), covariance, float(carried**2 + in_mean @ in_mean)


def unit_paths(memory_s: float, step_s: float, paths: int, steps: int, rng: np.random.Generator) -> Array:
    """Gaussian noise with that memory and unit variance at one minute, as means of steps. Shape (paths, steps)."""
    from scipy.signal import lfilter

    kept, carried, covariance, variance = mean_of_step(memory_s, step_s)
    if memory_s <= 0:
        return rng.standard_normal((paths, steps)) * math.sqrt(variance)
    root = np.linalg.cholesky(covariance + 1e-15 * np.eye(2))
    first, second = rng.standard_normal((paths, steps)), rng.standard_normal((paths, steps))
    start = rng.standard_normal((paths, 1))
    innovation = root[1, 0] * first + root[1, 1] * second
    state, _ = lfilter([1.0], [1.0, -kept], innovation, axis=1, zi=kept * start)
    before = np.concatenate((start, state[:, :-1]), axis=1)
    return np.asarray(carried * before + root[0, 0] * first)
