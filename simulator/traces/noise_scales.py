"""How the noise of a recording falls with scale: differences of neighbouring blocks, from steps to days."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]

LOAD_POWER = 2.0  # of a block in the mean: deviations count in requests


def block_scales(steps: int) -> NDArray[np.int64]:
    """Lengths of the blocks that are compared, in steps: doubling, while six of them fit."""
    return 2 ** np.arange(max(1, int(math.log2(max(steps // 6, 1))) + 1))


def block_differences(paths: Array, known: Mask, level: Array, scales: NDArray[np.int64]) -> Array:
    """Half the mean squared difference of neighbouring blocks (the Allan variance), by length of block.

    A block's value is the relative deviation of its volume: its steps weigh by their level. Blocks overlap; one counts
    where at least half of its steps are known, by a power of its level: what sizes a fleet is the noise at high load.
    Shape (paths, scales); NaN where none counts.
    """
    counted = np.concatenate(([0], np.cumsum(known)))
    weight = np.where(known, level, 0.0)
    loads = np.concatenate(([0.0], np.cumsum(weight)))
    summed = np.zeros((paths.shape[0], paths.shape[1] + 1))
    np.cumsum(np.where(known, paths, 0.0) * weight, axis=1, out=summed[:, 1:])
    result = np.full((paths.shape[0], scales.size), np.nan)
    for number, scale in enumerate(scales):
        starts = np.arange(0, paths.shape[1] - 2 * scale + 1, max(1, scale // 4))
        left = counted[starts + scale] - counted[starts]
        right = counted[starts + 2 * scale] - counted[starts + scale]
        starts = starts[(2 * left >= scale) & (2 * right >= scale)]
        if starts.size:
            middle, end = starts + scale, starts + 2 * scale
            before, after = loads[middle] - loads[starts], loads[end] - loads[middle]
            difference = (summed[:, end] - summed[:, middle]) / after - (summed[:, middle] - summed[:, starts]) / before
            weights = ((before + after) / (counted[end] - counted[starts])) ** LOAD_POWER
            result[:, number] = 0.5 * difference**2 @ (weights / weights.sum())
    return result
