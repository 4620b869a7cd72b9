"""Small least squares with signs, weights and robust scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of float64


def non_negative(matrix: Array, target: Array) -> Array:
    """Least squares with no number below zero. Shape (columns,)."""
    from scipy.optimize import nnls

    if matrix.shape[1] == 0:
        return np.zeros(0)
    sizes = np.maximum(np.linalg.norm(matrix, axis=0), 1e-300)
    try:
        return np.asarray(nnls(matrix / sizes, target)[0] / sizes)
    except RuntimeError:  # goes in circles where columns are nearly alike; there are few enough to try every set
        return _best_set(matrix / sizes, target) / sizes


def _best_set(matrix: Array, target: Array) -> Array:
    """The same by trying every set of columns that are above zero."""
    best, least = np.zeros(matrix.shape[1]), float(target @ target)
    for number in range(1, 2 ** matrix.shape[1]):
        chosen = np.flatnonzero([number >> place & 1 for place in range(matrix.shape[1])])
        found = np.linalg.lstsq(matrix[:, chosen], target, rcond=None)[0]
        miss = target - matrix[:, chosen] @ found
        if found.min() >= 0 and miss @ miss < least:
            best, least = np.zeros(matrix.shape[1]), float(miss @ miss)
            best[chosen] = found
    return best


def whitening(samples: Array) -> Array:
    """Matrix that makes the scatter of samples of shape (n, values) independent from value to value, of unit variance.

    A tenth of the correlations is left out, as the samples are few.
    """
    size = samples.shape[1]
    covariance = np.cov(samples.T).reshape(size, size)
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    correlation = 0.9 * covariance / np.outer(scale, scale) + 0.1 * np.eye(size)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(correlation)) / scale)


def weighted_median(values: Array, weights: Array) -> float:
    """Value below which half of the weight lies."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, 0.5 * cumulated[-1])])
