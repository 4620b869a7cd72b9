"""A recording in longer steps: of a minute at least, and with enough requests in each to tell noise from counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulator.domain.recordings import Recording
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE

LEAST_REQUESTS = 20.0  # in a mean step: with fewer, counting hides what else there is


def in_longer_steps(recording: Recording) -> Recording:
    """The recording, its steps added up to parts of an hour that hold enough requests; as it is where they do.

    A step that is known in part counts in proportion where half of it or more is known. A part at the end is left out.
    """
    factor = _factor(recording)
    if factor == 1:
        return recording
    count = recording.steps // factor
    blocks = recording.requests[: count * factor].reshape(count, factor)
    known = np.isfinite(blocks).sum(axis=1)
    sums = np.nansum(blocks, axis=1) * factor / np.maximum(known, 1)
    unknown = np.full(count, np.nan)
    return replace(
        recording,
        step_s=recording.step_s * factor,
        requests=np.where(2 * known >= factor, sums, np.nan),
        input_tokens=unknown,
        output_tokens=unknown,
    )


def _factor(recording: Recording) -> int:
    per_step = float(np.nanmean(recording.requests))
    per_hour = SECONDS_PER_HOUR / recording.step_s
    factors = [
        factor
        for factor in range(1, int(per_hour + 1e-9) + 1)
        if abs(per_hour / factor - round(per_hour / factor)) < 1e-9 and recording.steps // factor >= 24
    ]
    enough = [
        factor
        for factor in factors
        if per_step * factor >= LEAST_REQUESTS and factor * recording.step_s >= SECONDS_PER_MINUTE - 1e-9
    ]
    return enough[0] if enough else max(factors, default=1)
