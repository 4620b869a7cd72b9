"""A demand fitted to a recording: its course, noise, spikes, jobs, ceiling and lengths, each with a 90 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Recording
from simulator.domain.traffic import Traffic
from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_MONTH
from simulator.traces.goodness import Likeness, compare
from simulator.traces.job_fit import JobFit
from simulator.traces.length_fit import LengthFit, fit_lengths
from simulator.traces.local_clock import LocalClock, local_clock, with_days_of
from simulator.traces.longer_steps import in_longer_steps
from simulator.traces.noise_fit import NoiseFit
from simulator.traces.parameters import RESAMPLED, Parameter, parameters_of
from simulator.traces.parts_of_demand import Parts, parts_of_demand
from simulator.traces.season_fit import Course, course_of, days_recorded, typical_of_the_hour
from simulator.traces.spike_fit import SpikeLaw
from simulator.traces.unknowns import unknowns_of

Array = NDArray[Any]  # of float64

LEAST_STEPS = 20
LEAST_REQUESTS = 50
OUTAGE_OF_REQUESTS = 30.0  # a step without a request where so many are usual is a gap in the recording, or an outage
MOST_OUTAGE_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Fit:
    """A demand fitted to a recording. `weights` has the shape of the course, `requests` (steps,); NaN is unknown."""

    recording: Recording
    clock: LocalClock
    step_s: float  # of the steps that were fitted: longer than the recording's where those hold few requests
    requests: Array  # those of the recording without outages
    outage_steps: int
    requests_per_month: float
    course: Course
    weights: Array  # mean one over a week
    weight_intervals: Array  # (weights, 2)
    weight_errors_of_the_mean: Array  # of all weights together, on resampled noise, over their mean; (paths,)
    noise: NoiseFit
    spikes: SpikeLaw | None
    jobs: tuple[JobFit, ...]
    cap_to_mean: float | None
    lengths: dict[str, LengthFit]  # of input and output, where they are known

    @property
    def start(self) -> datetime:
        """Local time of the first step, assumed where nothing tells it."""
        return self.clock.start

    @property
    def start_moment(self) -> datetime | None:
        """Start of the first step with its offset; None where nothing tells it."""
        return self.start.replace(tzinfo=ZoneInfo(self.clock.timezone)) if self.clock.start_known else None

    @cached_property
    def expected_requests(self) -> Array:
        """Requests that course and jobs make expect in each step. Shape (steps,)."""
        step_s = self.recording.step_s
        shape = self.course.at_steps(self.weights)
        shape = shape / shape.mean() * (1.0 - sum(job.share for job in self.jobs))
        hour = self.clock.hours % HOURS_PER_DAY
        for job in self.jobs:
            running = (hour - job.start_hour) % HOURS_PER_DAY < job.duration_hours
            weekend = self.clock.weekend_like[self.clock.day_of_step]
            days = {"every_day": 7.0, "weekdays": 5.0, "weekends": 2.0}[job.days]
            if job.days != "every_day":
                running &= weekend == (job.days == "weekends")
            shape = shape + running * (job.share * HOURS_PER_DAY / job.duration_hours * 7.0 / days)
        return np.asarray(shape * (self.requests_per_month * step_s / SECONDS_PER_MONTH))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every number of the fit, with its interval or the reason why it has none."""
        if self.course.kind != "days_of_week":
            return parameters_of(self)
        volume, *others = parameters_of(replace(self, course=replace(self.course, kind="level")))
        return volume, *self._day_weights(), *others

    def _day_weights(self) -> tuple[Parameter, ...]:
        return tuple(
            Parameter(f"weekly.day_weights[{day}]", float(weight), float(low), float(high), RESAMPLED)
            for day, (weight, (low, high)) in enumerate(zip(self.weights, self.weight_intervals, strict=True))
        )

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """What so short or so coarse a recording cannot tell, in sentences."""
        return unknowns_of(self)

    def traffic(self) -> dict[str, Any]:
        """The `traffic:` section, as a mapping that `Traffic` accepts."""
        from simulator.traces.traffic_of_fit import traffic_of

        section = traffic_of(self)
        Traffic.model_validate(section)
        return section

    def yaml(self) -> str:
        """The `traffic:` section as commented YAML."""
        from simulator.traces.traffic_of_fit import yaml_of

        return yaml_of(self)

    def goodness(self, runs: Array) -> tuple[Likeness, ...]:
        """Statistics of the recording against runs of the model, of shape (runs, steps), in requests a step."""
        return compare(self.requests, runs, self.recording.step_s)


def fit_recording(recording: Recording, *, timezone: str = "UTC", start: datetime | None = None) -> Fit:
    """Fit a demand to a recording.

    Parameters
    ----------
    recording : Recording
        Requests in equal steps; NaN where unknown.
    timezone : str
        IANA time zone whose clock the day and the week follow.
    start : datetime, optional
        Moment of the first step, where the recording tells offsets only: local time, or with its offset. Left out, the
        first step is taken for a midnight, and weekends are found in the numbers.

    Raises
    ------
    ValueError
        If fewer than 20 steps are known, or they hold fewer than 50 requests.

    Notes
    -----
    Jobs first; then the course, by least squares on hours, around spikes that are found above it; then the noise that
    is left. See the modules of the parts for how each is found.
    """
    requests = np.asarray(recording.requests, dtype=np.float64).copy()
    if np.isfinite(requests).sum() < LEAST_STEPS:
        count = int(np.isfinite(requests).sum())
        raise ValueError(f"requests: are known in {count} steps, must be in at least {LEAST_STEPS}")
    if np.nansum(requests) < LEAST_REQUESTS:
        raise ValueError(f"requests: are {np.nansum(requests):g} in all, must be at least {LEAST_REQUESTS}")
    clock = local_clock(recording, timezone, start)
    outage = _outages(clock, requests, recording.step_s)
    requests[outage] = np.nan
    coarse = in_longer_steps(_to_whole_days(replace(recording, requests=requests)))
    parts = parts_of_demand(coarse, timezone, start)
    clock = with_days_of(clock, parts.clock)
    level = parts.course.kind == "level"
    weights, intervals, errors = _over_the_mean(parts)
    return Fit(
        recording=recording,
        clock=clock,
        step_s=coarse.step_s,
        requests=requests,
        outage_steps=int(outage.sum()),
        requests_per_month=parts.requests_per_month,
        course=course_of(clock, math.inf if level else recording.step_s),
        weights=weights,
        weight_intervals=intervals,
        weight_errors_of_the_mean=errors,
        noise=parts.noise,
        spikes=parts.spikes,
        jobs=parts.jobs,
        cap_to_mean=parts.cap_to_mean,
        lengths=fit_lengths(recording),
    )


def _to_whole_days(recording: Recording) -> Recording:
    """A recording that ends some minutes before a day is full, with these as unknown: else its last hour were lost."""
    missing_s = days_recorded(recording.duration_s) * SECONDS_PER_DAY - recording.duration_s
    missing = round(missing_s / recording.step_s)
    if missing <= 0:
        return recording
    unknown = np.full(missing, np.nan)
    return replace(
        recording,
        requests=np.append(recording.requests, unknown),
        input_tokens=np.append(recording.input_tokens, unknown),
        output_tokens=np.append(recording.output_tokens, unknown),
    )


def _over_the_mean(parts: Parts) -> tuple[Array, Array, Array]:
    """Weights of mean one, their 90 % intervals (weights, 2), and the relative errors of the mean itself (paths,)."""
    errors, shares = parts.noise.weight_errors, parts.course.occurrence / parts.course.occurrence.sum()
    scale = parts.course.mean(parts.weights)
    weights = parts.weights / scale
    of_the_mean = errors @ shares
    spread = 1.645 * (errors - np.multiply.outer(of_the_mean, weights)).std(axis=0) / scale
    intervals = np.stack((np.maximum(weights - spread, 0.0), weights + spread), axis=1)
    return weights, intervals, of_the_mean / scale


def _outages(clock: LocalClock, requests: Array, step_s: float) -> NDArray[np.bool_]:
    """Steps without a request where many are usual at that time of day."""
    typical = typical_of_the_hour(clock, requests, step_s)
    silent = (requests == 0) & (typical >= OUTAGE_OF_REQUESTS)
    if silent.sum() > MOST_OUTAGE_SHARE * np.isfinite(requests).sum():
        return np.zeros(requests.size, dtype=bool)  # so much silence is demand
    beside = np.convolve(silent, [1, 1, 1], mode="same") > 0  # an outage begins and ends within a step
    return silent | (beside & (requests < 0.2 * typical))
