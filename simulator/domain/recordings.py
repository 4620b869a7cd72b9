"""Recorded demand: requests and tokens in equal steps, and the lengths of single requests. Unknown is not zero."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of float64


@dataclass(frozen=True)
class Lengths:
    """Lengths of single requests, in tokens: how many were seen, their mean, and the normal law of their logarithm.

    `quantiles` has shape (101,): the length that a share of 0, 0.01, ..., 1 of the requests does not exceed. `log_mean`
    and `log_sd` are of those above zero.
    """

    count: int  # 0: published shares, not requests that were seen
    mean: float
    log_mean: float
    log_sd: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Recording:
    """Demand as it was recorded, in steps of `step_s` seconds. Arrays have shape (steps,); NaN is unknown, not zero.

    Two recordings of the same numbers are equal, so that what is drawn from them is drawn once.
    """

    source: str  # name of the file
    layout: str  # the recognised format, in words
    step_s: float
    start_utc: datetime | None  # None: the file tells offsets only
    requests: Array
    input_tokens: Array
    output_tokens: Array
    input_lengths: Lengths | None = None
    output_lengths: Lengths | None = None
    length_correlation: float | None = None  # of the logarithms of a request's two lengths
    rows: int = 0
    notes: tuple[str, ...] = ()  # what a reader should know: failed requests left out, zones assumed, ...

    @property
    def steps(self) -> int:
        """Number of steps."""
        return int(self.requests.size)

    @property
    def duration_s(self) -> float:
        """Length of the recording. [s]"""
        return self.steps * self.step_s

    @property
    def mean_requests_per_s(self) -> float:
        """Mean over the steps that are known; NaN where none is. [requests/s]"""
        known = self.requests[np.isfinite(self.requests)]
        return float(known.mean()) / self.step_s if known.size else float("nan")

    @property
    def known_share(self) -> float:
        """Share of the steps whose requests are known. [1]"""
        return float(np.isfinite(self.requests).mean()) if self.steps else 0.0

    def resampled(self, step_s: float) -> Recording:
        """The same demand in longer steps: sums, unknown where a part is. The end that fills no step is dropped.

        Raises
        ------
        ValueError
            If `step_s` is no whole number of the recording's steps, or longer than the recording.
        """
        per_step = round(step_s / self.step_s)
        if per_step < 1 or abs(per_step * self.step_s - step_s) > 1e-9 * step_s:
            raise ValueError(f"step_s is {step_s:g}, must be a whole number of steps of {self.step_s:g} s")
        steps = self.steps // per_step
        if steps == 0:
            raise ValueError(f"step_s is {step_s:g}, must be at most the {self.duration_s:g} s of the recording")
        sums = (
            values[: steps * per_step].reshape(steps, per_step).sum(axis=1)
            for values in (self.requests, self.input_tokens, self.output_tokens)
        )
        requests, input_tokens, output_tokens = sums
        return replace(self, step_s=step_s, requests=requests, input_tokens=input_tokens, output_tokens=output_tokens)

    @cached_property
    def digest(self) -> str:
        """Fingerprint of the numbers and of when they start."""
        text = hashlib.sha256(f"{self.step_s} {self.start_utc}".encode())
        for values in (self.requests, self.input_tokens, self.output_tokens):
            text.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        return text.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recording) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)
