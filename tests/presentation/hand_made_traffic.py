"""Recordings made by hand for cards and charts."""

from datetime import UTC, datetime

import numpy as np

from simulator.domain.recordings import Lengths, Recording

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
MINUTES_PER_DAY = 1_440


def lengths(mean):
    """Lengths from nothing to twice the mean, all alike often."""
    return Lengths(1_000, mean, float(np.log(mean)), 0.5, tuple(np.linspace(1.0, 2.0 * mean, 101)))


def recording(requests, step_s=60.0, **more):
    """A recording of so many requests in each step, of 100 tokens in and 10 out."""
    requests = np.asarray(requests, dtype=float)
    given = {
        "source": "made-by-hand.csv",
        "layout": "aggregated CSV",
        "step_s": step_s,
        "start_utc": MONDAY,
        "requests": requests,
        "input_tokens": 100.0 * requests,
        "output_tokens": 10.0 * requests,
        "rows": requests.size,
    }
    return Recording(**(given | more))


def two_level_week(weeks=1, low=60.0, high=180.0):
    """Minutes of which every first half day has few requests and every second one many."""
    return np.tile(np.r_[np.full(720, low), np.full(720, high)], 7 * weeks)
