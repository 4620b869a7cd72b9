"""Waits of the steps in which the queue has settled: the formula as it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.simulation import sampled_queue
from simulator.simulation.queue_steps import QueueSteps
from simulator.simulation.wait_tally import Tally

_NODES = 1_500_000  # places of waits in all steps together


def add_settled(queue: QueueSteps, tally: Tally, target: float, patience: float) -> None:
    """Count the waits of settled steps: the formula's law, at places spread evenly over the requests that wait."""
    arrivals, prefill = queue.steps[sampled_queue.ARRIVALS], queue.steps[sampled_queue.PREFILL]
    chosen = np.flatnonzero(~tally.sampled & (arrivals > 0.0))
    if not chosen.size:
        return
    nodes = int(np.clip(_NODES // chosen.size, 4, 20_000))
    quantiles = _GammaQuantiles.of(queue.scv_of_waiting[chosen])
    chunk = max(1, 400_000 // nodes)
    for start in range(0, chosen.size, chunk):
        steps = chosen[start : start + chunk]
        weight, p_wait = arrivals[steps], queue.p_wait[steps]
        # Each step shifts the places by the golden section of their distance, so that together they leave no gaps.
        shift = (np.arange(start, start + steps.size) * 0.6180339887498949) % 1.0
        longer = (np.arange(nodes) + np.maximum(shift[:, None], 1e-3)) / nodes
        excess = quantiles.at(queue.scv_of_waiting[steps], -np.log(longer))
        waits = np.minimum(queue.wait_of_waiting[steps][:, None] * excess, patience)
        first_tokens = waits + prefill[steps][:, None]
        weights = np.repeat((weight * p_wait / nodes)[:, None], nodes, axis=1)
        none = weight * (1.0 - p_wait)
        tally.add(sampled_queue.WAITS, waits, weights)
        tally.add(sampled_queue.WAITS, np.zeros(steps.size), none)
        tally.add(sampled_queue.FIRST_TOKENS, first_tokens, weights)
        tally.add(sampled_queue.FIRST_TOKENS, prefill[steps], none)
        cut = waits.max(axis=1) >= patience
        tally.mean_wait[steps] = p_wait * np.where(cut, waits.mean(axis=1), queue.wait_of_waiting[steps])
        totals = tally.totals
        totals[sampled_queue.ANSWERED] += weight.sum()
        totals[sampled_queue.WAIT] += (weight * tally.mean_wait[steps]).sum()
        totals[sampled_queue.FIRST_TOKEN] += (weight * (tally.mean_wait[steps] + prefill[steps])).sum()
        late = (weights * (first_tokens > target)).sum() + (none * (prefill[steps] > target)).sum()
        totals[sampled_queue.LATE] += late


@dataclass(frozen=True)
class _GammaQuantiles:
    """Gamma-distributed times of mean 1 where an exponential one of the same rank is `exponential`, from a table."""

    scv: Array  # the grid
    exponential: Array
    table: Array

    @classmethod
    def of(cls, scv: Array) -> _GammaQuantiles:
        from scipy.special import gammainccinv

        exponential = np.linspace(0.0, 24.0, 481)
        low, high = float(scv.min()), float(scv.max())
        grid = np.linspace(low, high, 33) if high > low else np.array([low, low + 1e-9])
        shape = 1.0 / grid[:, None]
        return cls(grid, exponential, gammainccinv(shape, np.exp(-exponential)) / shape)

    def at(self, scv: Array, exponential: Array) -> Array:
        """Times of shape (steps, nodes) for variations of shape (steps,)."""
        row = (scv - self.scv[0]) / (self.scv[1] - self.scv[0])
        i = np.clip(row.astype(np.int64), 0, self.scv.size - 2)
        part = (row - i)[:, None]
        column = np.minimum(exponential, self.exponential[-1]) / (self.exponential[1] - self.exponential[0])
        j = np.clip(column.astype(np.int64), 0, self.exponential.size - 2)
        right = column - j
        i = i[:, None]
        upper = self.table[i, j] * (1 - right) + self.table[i, j + 1] * right
        lower = self.table[i + 1, j] * (1 - right) + self.table[i + 1, j + 1] * right
        return np.asarray(upper * (1 - part) + lower * part)
