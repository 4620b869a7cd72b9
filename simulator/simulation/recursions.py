"""Compiled first-order recursions of the demand: noise with memory, and decaying spikes."""

from __future__ import annotations

import math

import numpy as np
from numba import types

from simulator.simulation.compiled import compiled_when_called

_VECTOR = types.Array(types.float64, 1, "C")


@compiled_when_called(types.void(_VECTOR, types.float64, types.float64, types.float64))
def autoregress(values, persistence, moving_average, innovation_sd):  # type: ignore[no-untyped-def]
    """Turn n + 1 independent standard normals into n values of a stationary process of variance one, in place.

    x[t] = persistence x[t-1] + e[t] + moving_average e[t-1], sd(e) = innovation_sd; started in its stationary law:
    x[0] holds its shock e[0], and the last normal stands for the past that makes up its variance. The last place of the
    array is left over.
    """
    last = values.size - 1
    previous_shock = innovation_sd * values[0]
    value = previous_shock + math.sqrt(max(0.0, 1.0 - innovation_sd * innovation_sd)) * values[last]
    for step in range(last):
        shock = innovation_sd * values[step + 1] if step + 1 < last else 0.0
        values[step] = value
        value = persistence * value + shock + moving_average * previous_shock
        previous_shock = shock


@compiled_when_called(types.void(_VECTOR, types.float64, types.float64))
def decay(levels, keep, mean_over_step):  # type: ignore[no-untyped-def]
    """Turn what is added at the start of each step into the mean level over the step, in place.

    The level falls to `keep` of itself over a step, and its mean over the step is `mean_over_step` of it at the start.
    """
    level = 0.0
    for step in range(levels.size):
        level += levels[step]
        levels[step] = level * mean_over_step
        level *= keep


@compiled_when_called(types.void(_VECTOR, _VECTOR, _VECTOR, _VECTOR))
def add_spikes(level, at_steps, heights, decay_steps):  # type: ignore[no-untyped-def]
    """Add to `level` the mean over every step of spikes that decay each at its own pace.

    `at_steps` are their moments in steps after the start (negative: before it), `decay_steps` the times in which they
    fall to 1/e. A spike is followed until a millionth of a millionth of it is left.
    """
    for spike in range(heights.size):
        decay = decay_steps[spike]
        at = at_steps[spike]
        step = np.int64(max(math.floor(at), 0))
        left = heights[spike]
        if at < 0.0:
            left *= math.exp(at / decay)
            at = 0.0
        least = heights[spike] * 1e-12
        keep = math.exp(-1.0 / decay)
        if step < level.size:
            inside = step + 1.0 - at
            kept = math.exp(-inside / decay)
            level[step] += left * decay * (1.0 - kept)
            left *= kept
            step += 1
        while step < level.size and left > least:
            level[step] += left * decay * (1.0 - keep)
            left *= keep
            step += 1
