"""The numbers of a fit, each with a 90 % interval and how it was found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.domain.units import SECONDS_PER_DAY
from simulator.traces.spike_fit import FEW

if TYPE_CHECKING:
    from simulator.traces.fitting import Fit

RESAMPLED = "resampled noise"  # parametric bootstrap: the estimate on noise drawn from the fit
DAYS = "scatter between days"
REDRAWN = "redrawn demand"  # indirect inference: the same search in demand drawn from the fit
ASYMPTOTIC = "asymptotic"


@dataclass(frozen=True)
class Parameter:
    """A number of a fit. Without an interval it was assumed, and `method` says from where."""

    key: str  # of the `traffic` section, dotted
    value: float
    low: float | None
    high: float | None
    method: str

    @property
    def assumed(self) -> bool:
        """Whether the recording does not tell it."""
        return self.low is None


def parameters_of(fit: Fit) -> tuple[Parameter, ...]:
    """All numbers of a fit, in the order of the `traffic` section."""
    return (*_volume(fit), *_course(fit), *_noise(fit), *_spikes(fit), *_jobs(fit), *_cap(fit), *_lengths(fit))


def _volume(fit: Fit) -> list[Parameter]:
    # The mean is as sure as the weights together, and as the spikes that happened to fall into it.
    share = 1.645 * math.hypot(float(np.asarray(fit.weight_errors_of_the_mean).std()), _error_of_spikes(fit))
    value = fit.requests_per_month
    return [Parameter("requests_per_month", value, value * max(1 - share, 0.0), value * (1 + share), RESAMPLED)]


def _error_of_spikes(fit: Fit) -> float:
    """Standard deviation of the recording's mean that comes from the number and size of its spikes. [1]"""
    law = fit.spikes
    if law is None:
        return 0.0
    # Of the sum of n sizes: sqrt(n E[size^2]) over n E[size].
    size = law.mean_of_powers(2) / law.mean_of_powers(1) ** 2 * math.exp(law.half_life_log_sd**2)
    expected = law.per_week * fit.recording.duration_s / (7 * SECONDS_PER_DAY)
    return law.mean_excess / (1.0 + law.mean_excess) * math.sqrt(size / max(expected, 1.0))


def _course(fit: Fit) -> list[Parameter]:
    if fit.course.kind == "level":
        return []
    keys = weight_keys(fit.course.kind)
    return [
        Parameter(key, float(weight), float(low), float(high), RESAMPLED)
        for key, weight, (low, high) in zip(keys, fit.weights, fit.weight_intervals, strict=True)
    ]


def weight_keys(kind: str) -> list[str]:
    """Keys of the weights of a course, in their order."""
    if kind == "weekdays_and_weekends":
        return [f"{key}[{hour}]" for key in ("weekday_hours", "weekend_hours") for hour in range(24)]
    return [f"hourly_weights[{hour}]" for hour in range(168 if kind == "week" else 24)]


def _noise(fit: Fit) -> list[Parameter]:
    noise = fit.noise
    spreads = 1.645 * noise.resampled.std(axis=0)
    found = []
    for name, variance, spread in zip(noise.names, noise.variances, spreads, strict=True):
        if variance <= 0:
            continue
        low, high = (math.sqrt(math.expm1(max(value, 0.0))) for value in (variance - spread, variance + spread))
        key = f"noise.parts.{name}.relative_sd"
        found.append(Parameter(key, math.sqrt(math.expm1(variance)), low, high, RESAMPLED))
    if found and noise.taylor_sd is None:
        method = "assumed: that of the Azure 2024 traces"
        found.append(Parameter("noise.taylor_exponent", noise.taylor_exponent, None, None, method))
    elif found and noise.taylor_sd is not None:
        ends = (noise.taylor_exponent - 1.645 * noise.taylor_sd, noise.taylor_exponent + 1.645 * noise.taylor_sd)
        found.append(Parameter("noise.taylor_exponent", noise.taylor_exponent, *ends, "slope of variance over load"))
    return found


def _spikes(fit: Fit) -> list[Parameter]:
    law = fit.spikes
    if law is None:
        return []
    pooled = f"assumed, with fewer than {FEW} spikes: pooled over clients of ServeGen"
    redrawn = REDRAWN if law.greatest_interval is not None else None
    rows = (
        ("per_week", law.per_week, law.per_week_interval, redrawn or "exact Poisson"),
        ("least_height_to_mean", law.least, None, "assumed: the least that is told from noise"),
        (
            "greatest_height_to_mean",
            law.greatest,
            law.greatest_interval,
            redrawn or "assumed: the greatest seen and 1/n more",
        ),
        ("tail_index", law.tail_index, law.tail_interval, (redrawn or "chi-square") if law.tail_interval else pooled),
        ("half_life_s", law.half_life_s, law.half_life_interval_s, redrawn or ASYMPTOTIC),
        (
            "half_life_log_sd",
            law.half_life_log_sd,
            law.log_sd_interval,
            (redrawn or "chi-square") if law.log_sd_interval else pooled,
        ),
    )
    found = []
    for name, value, interval, method in rows:
        low, high = interval if interval is not None else (None, None)
        found.append(Parameter(f"spikes.{name}", value, low, high, method))
    return found


def _jobs(fit: Fit) -> list[Parameter]:
    found = []
    for name, job in zip(job_names(len(fit.jobs)), fit.jobs, strict=True):
        key, count = f"jobs.{name}", job.day_count
        relative = 1.645 / math.sqrt(2 * max(count - 1, 1))
        for field, value, error, method in (
            ("share", job.share, 1.645 * job.share_sd, DAYS),
            ("start_hour", job.start_hour, 1.645 * job.start_error_hours, DAYS),
            ("duration_hours", job.duration_hours, 1.645 * job.duration_error_hours, DAYS),
            ("volume_relative_sd", job.volume_relative_sd, relative * job.volume_relative_sd, ASYMPTOTIC),
            ("start_sd_s", job.start_sd_s, max(relative * job.start_sd_s, fit.step_s / 4), ASYMPTOTIC),
            ("plateau_relative_sd", job.plateau_relative_sd, relative * job.plateau_relative_sd, ASYMPTOTIC),
        ):
            found.append(Parameter(f"{key}.{field}", value, max(value - error, 0.0), value + error, method))
    return found


def job_names(count: int) -> list[str]:
    """Names of the jobs, largest first."""
    return [f"job_{number}" for number in range(1, count + 1)]


def _cap(fit: Fit) -> list[Parameter]:
    if fit.cap_to_mean is None:
        return []
    low = 0.95 * fit.cap_to_mean
    return [Parameter("cap_to_mean", fit.cap_to_mean, low, fit.cap_to_mean, "peaks of several days within 5 %")]


def _lengths(fit: Fit) -> list[Parameter]:
    found = []
    for name, length in fit.lengths.items():
        key = f"token_lengths.{name}"
        if length.log_sd is not None and length.log_sd_error is not None:
            low, high = max(length.log_sd - length.log_sd_error, 0.0), length.log_sd + length.log_sd_error
            found.append(Parameter(f"{key}.log_sd", length.log_sd, low, high, ASYMPTOTIC))
        if length.drift_relative_sd is not None and length.drift_error is not None:
            low = max(length.drift_relative_sd - length.drift_error, 0.0)
            high = length.drift_relative_sd + length.drift_error
            found.append(Parameter(f"{key}.drift_relative_sd", length.drift_relative_sd, low, high, ASYMPTOTIC))
    return found
