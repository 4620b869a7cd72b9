"""Curves of the day and the week, and plans: pure functions of time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.courses import Diurnal, Piecewise
from simulator.domain.units import SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64


def diurnal_weights(diurnal: Diurnal, local_hours: Array) -> Array:
    """Course of the day with mean one over 24 hours.

    Parameters
    ----------
    diurnal : Diurnal
        Hour of the peak and peak over mean.
    local_hours : array of shape (n,)
        Hours after local midnight. [h]

    Returns
    -------
    array of shape (n,)
        Demand over the mean of the day. [1]

    Notes
    -----
    Up to twice the mean a cosine, 1 + (p - 1) cos(x). Above, where a cosine would turn negative, the bell
    exp(k cos x) / I0(k) (von Mises; mean one because I0 is the mean of exp(k cos x)), with k such that its peak is p.
    """
    angle = (local_hours - diurnal.peak_hour) * (2.0 * np.pi / 24.0)
    if diurnal.peak_to_mean <= 2.0:
        return 1.0 + (diurnal.peak_to_mean - 1.0) * np.cos(angle)
    from scipy.optimize import brentq  # only sharp days need it
    from scipy.special import i0e

    sharpness = brentq(lambda k: 1.0 / i0e(k) - diurnal.peak_to_mean, 1e-6, 1e4)
    return np.exp(sharpness * (np.cos(angle) - 1.0)) / i0e(sharpness)


def hourly_curve(weights: tuple[float, ...], hours_of_week: Array) -> Array:
    """Hourly weights (24 of a day or 168 of a week from Monday), joined linearly between the middles of the hours.

    `hours_of_week` has shape (n,), hours after Monday 00:00 local time; the result has the same shape. [1]
    """
    size = len(weights)
    middles = np.arange(-1, size + 1) + 0.5
    wrapped = np.concatenate(([weights[-1]], weights, [weights[0]]))
    return np.interp(hours_of_week % size, middles, wrapped)


def piecewise_means(plan: Piecewise, size: int, base_s: float) -> Array:
    """Mean level of a plan over each of `size` steps of `base_s` seconds: the exact integral, whatever the kinks.

    After its last point the plan holds the last level, or starts anew where it has a period. Shape (size,).
    """
    times = np.array([point.seconds for point in plan.points])
    levels = np.array([point.level for point in plan.points])
    edges = np.arange(size + 1) * base_s
    end = edges[-1]
    period_s = None if plan.repeat_every_hours is None else plan.repeat_every_hours * SECONDS_PER_HOUR
    if period_s is not None:
        end = period_s
    if end > times[-1]:
        times, levels = np.append(times, end), np.append(levels, levels[-1])
    lengths = np.diff(times)
    slope = np.diff(levels) / lengths if plan.interpolation == "linear" else np.zeros(lengths.size)
    area = np.concatenate(([0.0], np.cumsum(lengths * (levels[:-1] + 0.5 * slope * lengths))))

    def integral(moments: Array) -> Array:
        piece = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, max(lengths.size - 1, 0))
        inside = moments - times[piece]
        return area[piece] + inside * (levels[piece] + 0.5 * slope[piece] * inside)

    if period_s is None:
        cumulative = integral(edges)
    else:
        turns = np.floor(edges / period_s + 1e-12)
        cumulative = turns * area[-1] + integral(np.maximum(edges - turns * period_s, 0.0))
    return np.diff(cumulative) / base_s
