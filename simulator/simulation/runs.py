"""Many draws of one demand over a given span, to hold a recording against."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.domain.workload import Mix
from simulator.simulation.demand import sample_demand

_MIX = Mix(input_tokens=500.0, output_tokens=500.0)  # only requests are drawn; a volume in tokens is at this request


def drawn_requests(
    traffic: Traffic, *, start: datetime, steps: int, step_s: float, runs: int, first_seed: int = 0
) -> Array:
    """Requests in each step of some draws of a demand, at its own volume.

    Parameters
    ----------
    traffic : Traffic
        The demand.
    start : datetime
        Start of the first step: local time of the traffic's zone, or with its offset.
    steps, step_s :
        Number of steps and their length. [s]
    runs, first_seed : int
        Number of draws, and the seed of the first; the others follow.

    Returns
    -------
    array of shape (runs, steps)
        [requests]

    Notes
    -----
    Horizons begin at a midnight UTC: the steps from there to the start are drawn and left out. A start within a step is
    rounded to the nearest one.
    """
    moment = start if start.tzinfo is not None else start.replace(tzinfo=ZoneInfo(traffic.timezone))
    utc = moment.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    before = round((utc - midnight).total_seconds() / step_s)
    horizon = Horizon(start=midnight.date(), hours=(before + steps) * step_s / SECONDS_PER_HOUR, step_s=step_s)
    volume = traffic.requests_per_month_at(_MIX.total_tokens)
    return np.stack([
        sample_demand(traffic, horizon, first_seed + run, volume).path(volume, _MIX).requests[before : before + steps]
        for run in range(runs)
    ])  # fmt: skip
