"""Waiting of a queue that is served first in first out, from its cumulative curves."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array


@dataclass(frozen=True)
class QueueReport:
    """How much waited, and how long. Amounts in the unit of the arrivals (a ledger's: tokens)."""

    peak: float
    peak_at_s: float
    cleared_at_s: float | None  # when the queue is first empty after its peak; None: never
    area_s: float  # integral of the queue over time [unit x s]
    delayed: float  # what arrived while there was a queue
    mean_wait_of_delayed_s: float
    max_wait_s: float

    def scaled(self, factor: float) -> QueueReport:
        """The same queue in another unit of amount."""
        return dataclasses.replace(
            self, peak=self.peak * factor, area_s=self.area_s * factor, delayed=self.delayed * factor
        )


def queue_report(arriving: Array, served: Array, overflow: Array, capacity: Array, step_s: float) -> QueueReport:
    """Peak, clearing, delayed amount and waits of a queue.

    Parameters
    ----------
    arriving, served, overflow, capacity : arrays of shape (steps,)
        Amounts in each step, and what could have been served. [any one unit]
    step_s : float
        Length of a step. [s]

    Returns
    -------
    QueueReport
        Mean wait over what arrived while there was a queue; greatest wait of anything.

    Notes
    -----
    Within a step flows are constant, and where the queue empties within one the curves have a kink: service at capacity
    before it, at the pace of the arrivals after it. The wait of what arrives at t is the time until as much has left as
    had arrived by t (first in, first out); the integral of the queue is the sum of all waits (Little 1961), exact here.
    """
    queue_end = np.cumsum(arriving - served - overflow)
    scale = float(arriving.sum()) or 1.0
    queue_end = np.where(np.abs(queue_end) <= 1e-12 * scale, 0.0, np.maximum(queue_end, 0.0))
    queue_start = np.concatenate(([0.0], queue_end[:-1]))
    # A step that starts with a queue and ends without one empties it after this share of the step, at full capacity;
    # what arrives later is served at once.
    empties = (queue_start > 0) & (queue_end <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(empties, np.clip(queue_start / (capacity - arriving), 0.0, 1.0), 0.0)
    share = np.nan_to_num(share, nan=1.0, posinf=1.0)
    waiting_share = np.where(empties, share, np.where((queue_start > 0) | (queue_end > 0), 1.0, 0.0))
    area = np.where(empties, queue_start * share / 2, (queue_start + queue_end) / 2)
    delayed = float((arriving * waiting_share).sum())
    area_s = float(area.sum()) * step_s
    peak_step = int(np.argmax(queue_end))
    peak = float(queue_end[peak_step])
    cleared = np.flatnonzero(empties[peak_step + 1 :])
    cleared_at = None
    if peak > 0 and cleared.size:
        first = peak_step + 1 + int(cleared[0])
        cleared_at = float((first + share[first]) * step_s)
    return QueueReport(
        peak=peak,
        peak_at_s=float((peak_step + 1) * step_s) if peak > 0 else 0.0,
        cleared_at_s=cleared_at,
        area_s=area_s,
        delayed=delayed,
        mean_wait_of_delayed_s=area_s / delayed if delayed > 0 else 0.0,
        max_wait_s=_greatest_wait_s(arriving, served + overflow, empties, share, queue_start, step_s),
    )


def _greatest_wait_s(
    arriving: Array, leaving: Array, empties: Array, share: Array, queue_start: Array, step_s: float
) -> float:
    """Greatest horizontal distance of the cumulative curves of arriving and leaving. [s]"""
    if not np.any(queue_start > 0) and arriving.sum() - leaving.sum() <= 0:
        return 0.0
    ends = np.arange(1, arriving.size + 1, dtype=np.float64)
    arrived, left = np.cumsum(arriving), np.cumsum(leaving)
    kinks = np.flatnonzero(empties)
    # By the kink of a step all that has arrived has left.
    kink_times = kinks + share[kinks]
    kink_amounts = (arrived[kinks] - arriving[kinks]) + arriving[kinks] * share[kinks]
    times = np.concatenate(([0.0], ends, kink_times))
    amounts = np.concatenate(([0.0], left, kink_amounts))
    order = np.lexsort((amounts, times))
    times, amounts = times[order], np.maximum.accumulate(amounts[order])
    arrival_times = np.concatenate(([0.0], ends))
    arrival_amounts = np.concatenate(([0.0], arrived))
    # Piecewise linear curves are farthest apart where one of them bends. What never left is not known to have waited.
    gone = arrival_amounts <= amounts[-1] * (1 + 1e-12)
    leave_at = _inverse(times, amounts, arrival_amounts[gone], last=False)
    waits = leave_at - arrival_times[gone]
    arrive_at = _inverse(arrival_times, arrival_amounts, amounts, last=True)
    behind = times - np.minimum(arrive_at, times)
    return float(max(waits.max(initial=0.0), behind.max(initial=0.0)) * step_s)


def _inverse(times: Array, amounts: Array, wanted: Array, *, last: bool) -> Array:
    """Time at which a never falling curve reaches an amount: the first such time, or the last."""
    side = "right" if last else "left"
    place = np.clip(np.searchsorted(amounts, wanted, side=side), 1, amounts.size - 1)  # type: ignore[call-overload]
    low, high = amounts[place - 1], amounts[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, (wanted - low) / (high - low), 0.0)
    reached = times[place - 1] + np.clip(part, 0.0, 1.0) * (times[place] - times[place - 1])
    return np.where(wanted >= amounts[-1], times[-1], reached) if last else reached
