"""Lengths of single requests, counted as they pass: exact up to 131,072 tokens, to 0.02 % beyond."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Lengths

Array = NDArray[Any]  # of float64

_EXACT = 1 << 17  # tokens; longer ones are counted in bins of equal ratio
_BINS_PER_OCTAVE = 4_096
_OCTAVES = 36  # up to 2^53, where a float stops being a whole number
_SHARES = np.linspace(0.0, 1.0, 101)


class LengthCounts:
    """How many requests had which length. What comes out does not depend on how the rows were split."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(_EXACT, dtype=np.int64)
        self.longest = 0.0
        self.total_tokens = 0.0

    def add(self, tokens: Array) -> None:
        """Count lengths, in tokens; NaN is not known and not counted. Shape (requests,)."""
        known = tokens[np.isfinite(tokens)]
        if not known.size:
            return
        self.longest = max(self.longest, float(known.max()))
        self.total_tokens += float(known.sum())
        places = np.rint(known).astype(np.int64)
        long = places >= _EXACT
        if long.any():
            if self.counts.size == _EXACT:
                self.counts = np.concatenate((self.counts, np.zeros(_OCTAVES * _BINS_PER_OCTAVE, dtype=np.int64)))
            octaves = np.log2(known[long] / _EXACT)
            places[long] = _EXACT + np.clip(octaves * _BINS_PER_OCTAVE, 0, _OCTAVES * _BINS_PER_OCTAVE - 1).astype(int)
        seen = np.bincount(places)
        self.counts[: seen.size] += seen

    def lengths(self) -> Lengths | None:
        """Number, mean, normal law of the logarithm and quantiles of what was counted; None where nothing was."""
        return lengths_of(self._values(), self.counts, total=self.total_tokens, longest=self.longest)

    def _values(self) -> Array:
        """The length that each count stands for; the middle of its bin, where it has one."""
        bins = np.arange(self.counts.size - _EXACT)
        return np.concatenate((np.arange(float(_EXACT)), _EXACT * 2.0 ** ((bins + 0.5) / _BINS_PER_OCTAVE)))


def lengths_of(
    values: Array, weights: Array, *, total: float | None = None, longest: float | None = None
) -> Lengths | None:
    """Lengths of a weighted list of values in rising order.

    Parameters
    ----------
    values, weights : array of shape (n,)
        Lengths in tokens, and how many requests (or which share of them) have each.
    total, longest : float, optional
        Sum and greatest of the lengths where they are known better than from the values. [tokens]

    Notes
    -----
    A quantile is the least length that at least the share of requests does not exceed: one that was seen, not a point
    between two.
    """
    weight = float(weights.sum())
    if weight <= 0.0:
        return None
    seen = weights > 0
    values, weights = values[seen], weights[seen]
    cumulative = np.cumsum(weights)
    places = np.searchsorted(cumulative, _SHARES * cumulative[-1] * (1.0 - 1e-12))
    quantiles = values[np.minimum(places, values.size - 1)]
    if longest is not None:
        quantiles = np.minimum(quantiles, longest)
        quantiles[-1] = longest
    some = values > 0
    logs, their = np.log(values[some]), weights[some]
    log_mean = float((logs * their).sum() / their.sum()) if their.size else 0.0
    log_variance = float((np.square(logs - log_mean) * their).sum() / their.sum()) if their.size else 0.0
    mean = (float((values * weights).sum()) if total is None else total) / weight
    return Lengths(round(weight), mean, log_mean, math.sqrt(log_variance), tuple(quantiles.tolist()))


class PairMoments:
    """Moments of the logarithms of the two lengths of a request, where both are above zero."""

    def __init__(self) -> None:
        self.count = 0
        self.centre: tuple[float, float] | None = None  # of the first rows: keeps the sums small
        self.sums = np.zeros(5)

    def add(self, inputs: Array, outputs: Array) -> None:
        """Add requests by their lengths, in tokens. Arrays of shape (requests,)."""
        both = (inputs > 0.0) & (outputs > 0.0)
        if not both.any():
            return
        first, second = np.log(inputs[both]), np.log(outputs[both])
        if self.centre is None:
            self.centre = float(first[0]), float(second[0])
        first, second = first - self.centre[0], second - self.centre[1]
        self.count += first.size
        self.sums += [first.sum(), second.sum(), (first * first).sum(), (second * second).sum(), (first * second).sum()]

    def correlation(self) -> float | None:
        """Of the logarithms; None where there are fewer than three requests, or one length never varies."""
        if self.count < 3:
            return None
        one, two, one_squared, two_squared, product = self.sums / self.count
        spread = (one_squared - one * one) * (two_squared - two * two)
        if spread <= 1e-18 * max(one_squared * two_squared, 1e-12):
            return None
        return float(np.clip((product - one * two) / math.sqrt(spread), -1.0, 1.0))
