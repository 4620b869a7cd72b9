"""How the noise of a recording falls with its load: the exponent of Taylor's law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import SECONDS_PER_MINUTE

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

ASSUMED_TAYLOR_EXPONENT = 1.4  # assumed where a recording cannot tell: that of the Azure 2024 traces, minute by minute
LONGEST_STEP_S = 2 * SECONDS_PER_MINUTE  # longer ones mix it with noise that does not fall
LEAST_RANGE = 3.0  # of the load between its lowest and its highest tenth
LARGEST_SD = 0.2
LEAST_OVER_COUNTING = 0.3  # variance beyond that of counting, over it: less is hidden by the logarithm of few requests
_LEAST_STEPS = 500


def taylor_exponent(residual: Array, level: Array, known: Mask, step_s: float) -> tuple[float, float | None]:
    """Exponent of Taylor's law and its standard error; the assumed one and None where the recording cannot tell.

    The variance of the differences of neighbouring steps, less that of counting, in tenths of the steps by load: the
    slope of its logarithm over that of the load is the exponent less 2. Steps longer than two minutes mix it with noise
    that does not fall.
    """
    if step_s > LONGEST_STEP_S:
        return ASSUMED_TAYLOR_EXPONENT, None
    both = known[1:] & known[:-1]
    load = 0.5 * (level[1:] + level[:-1])[both]
    squares = 0.5 * np.diff(residual)[both] ** 2
    if load.size < _LEAST_STEPS or np.quantile(load, 0.9) < LEAST_RANGE * np.quantile(load, 0.1):
        return ASSUMED_TAYLOR_EXPONENT, None
    tenth = np.searchsorted(np.quantile(load, np.arange(0.1, 0.95, 0.1)), load)
    if np.bincount(tenth, minlength=10).min() < _LEAST_STEPS / 20:
        return ASSUMED_TAYLOR_EXPONENT, None  # many steps of the same load
    loads, excess, errors = np.zeros(10), np.zeros(10), np.zeros(10)
    for number in range(10):
        chosen = tenth == number
        loads[number] = np.log(load[chosen]).mean()
        variance = squares[chosen].mean()
        excess[number] = variance - (1.0 / load[chosen]).mean()
        errors[number] = variance * math.sqrt(3.0 / chosen.sum())  # of squares of Gaussian differences that overlap
    told = (excess >= 2.0 * errors) & (excess >= LEAST_OVER_COUNTING / np.exp(loads))
    if not told.all():
        return ASSUMED_TAYLOR_EXPONENT, None
    precision = (excess / errors) ** 2
    centred = loads - np.average(loads, weights=precision)
    slope = float((precision * centred * np.log(excess)).sum() / (precision * centred**2).sum())
    misfit = np.log(excess) - np.average(np.log(excess), weights=precision) - slope * centred
    inflation = max(1.0, float((precision * misfit**2).sum()) / 8.0)
    sd = math.sqrt(inflation / float((precision * centred**2).sum()))
    if sd > LARGEST_SD:
        return ASSUMED_TAYLOR_EXPONENT, None
    return float(np.clip(2.0 + slope, 1.0, 2.0)), sd
