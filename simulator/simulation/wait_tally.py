"""Waits counted by requests: histograms fine enough for quantiles, and sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.simulation import sampled_queue

_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Times:
    """Mean and quantiles over requests. [s]"""

    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True)
class Tally:
    """What is counted, filled as the steps go by; times in steps."""

    histograms: Array
    totals: Array
    mean_wait: Array
    blocked: Array
    sampled: Array

    @classmethod
    def empty(cls, steps: int) -> Tally:
        """Nothing counted yet."""
        return cls(
            np.zeros((sampled_queue.HISTOGRAM_ROWS, sampled_queue.BINS)), np.zeros(4), np.zeros(steps), np.zeros(steps),
            np.zeros(steps, dtype=np.bool_),
        )  # fmt: skip

    def add(self, row: int, times: Array, weights: Array) -> None:
        """Count times of any shape with their weights."""
        with np.errstate(divide="ignore"):
            place = (np.log(times) - sampled_queue.LEAST_LOG) / sampled_queue.BIN_WIDTH
        bins = np.where(times > 0.0, np.clip(place, 1, sampled_queue.BINS - 1), 0).astype(np.int64).ravel()
        self.histograms[row] += np.bincount(bins, weights.ravel(), sampled_queue.BINS)
        self.histograms[row + 1] += np.bincount(bins, (weights * times).ravel(), sampled_queue.BINS)

    def times(self, row: int, total: int, step_s: float) -> Times:
        """Mean and quantiles of a row. [s]"""
        answered = float(self.totals[sampled_queue.ANSWERED])
        if answered <= 0.0:
            return Times(0.0, 0.0, 0.0, 0.0)
        shares = np.cumsum(self.histograms[row])
        places = np.searchsorted(shares, np.array(_SHARES) * shares[-1] * (1.0 - 1e-12))
        p50, p95, p99 = self.histograms[row + 1, places] / self.histograms[row, places] * step_s
        return Times(float(self.totals[total]) / answered * step_s, float(p50), float(p95), float(p99))
