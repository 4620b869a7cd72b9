"""Lengths of a recording's requests: the law of single ones, and the slow drift of their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Lengths, Recording
from simulator.domain.units import SECONDS_PER_HOUR

Array = NDArray[Any]  # of float64

DRIFT_S = 10 * SECONDS_PER_HOUR  # assumed: about what the hours of the Azure 2024 traces show
LEAST_HOURS = 12


@dataclass(frozen=True)
class LengthFit:
    """Mean length and its spread; None where the recording does not tell."""

    mean_tokens: float
    log_sd: float | None
    log_sd_error: float | None  # half a 90 % interval
    drift_relative_sd: float | None
    drift_error: float | None  # half a 90 % interval


def fit_lengths(recording: Recording) -> dict[str, LengthFit]:
    """Lengths of input and output, for those of the two that are known.

    Notes
    -----
    Drift: the standard deviation of the mean length over blocks of an hour, weighed by requests, less what so many
    requests of random length make of it. Intervals are asymptotic: sd / sqrt(2 n).
    """
    found = {}
    for name, tokens, lengths in (
        ("input", recording.input_tokens, recording.input_lengths),
        ("output", recording.output_tokens, recording.output_lengths),
    ):
        fitted = _fit(recording.requests, tokens, lengths, recording.step_s)
        if fitted is not None:
            found[name] = fitted
    return found


def _fit(requests: Array, tokens: Array, lengths: Lengths | None, step_s: float) -> LengthFit | None:
    both = np.isfinite(requests) & np.isfinite(tokens)
    total = float(requests[both].sum())
    if total <= 0 and lengths is None:
        return None
    mean = float(tokens[both].sum()) / total if total > 0 else 0.0
    if lengths is not None and mean <= 0:
        mean = lengths.mean
    if mean <= 0:
        return None
    log_sd = lengths.log_sd if lengths is not None else None
    error = 1.645 * lengths.log_sd / math.sqrt(2 * max(lengths.count, 1)) if lengths is not None else None
    drift, drift_error = _drift(np.where(both, requests, 0.0), np.where(both, tokens, 0.0), log_sd, step_s)
    return LengthFit(mean, log_sd, error, drift, drift_error)


def _drift(requests: Array, tokens: Array, log_sd: float | None, step_s: float) -> tuple[float | None, float | None]:
    steps = max(1, round(SECONDS_PER_HOUR / step_s))
    hours = requests.size // steps
    counts = requests[: hours * steps].reshape(hours, steps).sum(axis=1)
    sums = tokens[: hours * steps].reshape(hours, steps).sum(axis=1)
    used = counts >= 20
    if used.sum() < LEAST_HOURS:
        return None, None
    means = sums[used] / counts[used]
    middle = float(np.average(means, weights=counts[used]))
    variance = float(np.average((means / middle - 1.0) ** 2, weights=counts[used]))
    chance = math.expm1((log_sd or 0.0) ** 2) * float(used.sum() / counts[used].sum())
    sd = math.sqrt(max(variance - chance, 0.0))
    return sd, 1.645 * sd / math.sqrt(2 * max(int(used.sum()) * SECONDS_PER_HOUR / (2 * DRIFT_S), 1.0))
