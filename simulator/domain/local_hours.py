"""The clock on the wall at every step: hours of the week in a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64

HOURS_PER_WEEK = 7 * HOURS_PER_DAY


def hours_of_week(start: datetime, timezone: str, steps: int, step_s: float) -> Array:
    """Hours after Monday 00:00 local time at the middle of every step, from 0 to 168. Shape (steps,).

    Parameters
    ----------
    start : datetime
        Start of the first step, with its offset.
    timezone : str
        IANA name.
    steps : int
        Number of steps.
    step_s : float
        Length of a step. [s]

    Raises
    ------
    ValueError
        If `start` carries no offset.

    Notes
    -----
    The offset from UTC is looked up every hour from the start: a change of the clock off the hour comes late by less.
    """
    if start.tzinfo is None:
        raise ValueError(f"start is {start.isoformat()}, must carry its offset from UTC")
    begin = start.astimezone(UTC)
    zone = ZoneInfo(timezone)
    middles_h = (np.arange(steps) + 0.5) * (step_s / SECONDS_PER_HOUR)
    marks = [begin + timedelta(hours=hour) for hour in range(int(steps * step_s // SECONDS_PER_HOUR) + 1)]
    offsets = [mark.astimezone(zone).utcoffset() or timedelta() for mark in marks]
    offsets_h = np.array([offset.total_seconds() for offset in offsets]) / SECONDS_PER_HOUR
    into_day_h = (begin - begin.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() / SECONDS_PER_HOUR
    first_h = begin.weekday() * HOURS_PER_DAY + into_day_h
    hours: Array = (first_h + middles_h + offsets_h[middles_h.astype(np.int64)]) % HOURS_PER_WEEK
    return hours
