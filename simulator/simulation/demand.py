"""The sampled demand: drawn once, with mean one over the horizon, and scaled to any volume."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, SECONDS_PER_MONTH
from simulator.domain.workload import Mix
from simulator.simulation import arrivals
from simulator.simulation.calendar import Steps as Timeline
from simulator.simulation.lengths import LengthDraws, drawn_lengths
from simulator.simulation.levels import Level, drawn_level
from simulator.simulation.streams import stream

Steps = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class DemandPath:
    """The demand at one volume. Arrays of shape (steps,), amounts in each step."""

    start_utc: datetime
    step_s: float
    expected_requests: Array  # before counting noise
    requests: Array
    input_tokens: Array
    output_tokens: Array
    spike_share: float  # of the volume, in expectation
    job_share: float


@dataclass(frozen=True, eq=False)
class Demand:
    """Arrivals over the mean, step by step, with the calendar the bills need.

    A step is the mean over `parts` base steps. `level` holds what is drawn for each of those, `month_ends` (months,) is
    the first step after each bill month, `months` (months,) their lengths in months of 730 h (in whole steps), `growth`
    (months,) the factor on each. Of a part of a horizon, `first_step` is its first step and `until_step` the one after
    its last; bill months are then what of each lies in it, maybe nothing.
    """

    horizon: Horizon
    parts: int
    level: Level
    lengths: LengthDraws
    count_normals: Array | None  # one a base step; None: what is expected arrives
    month_ends: Steps
    months: Array
    growth: Array
    first_step: int = 0
    until_step: int | None = None  # None: the end of the horizon

    @property
    def step_s(self) -> float:
        """Length of a step. [s]"""
        return self.horizon.step_s

    @property
    def steps(self) -> int:
        """Number of steps."""
        return (self.horizon.steps if self.until_step is None else self.until_step) - self.first_step

    @property
    def start_utc(self) -> datetime:
        """Start of the first step."""
        return self.horizon.start_utc + timedelta(seconds=self.first_step * self.step_s)

    def between(self, first_step: int, until_step: int) -> Demand:
        """The part of the demand from a step on, up to another; steps count from the start of this demand.

        Raises
        ------
        ValueError
            If it would have no step, or steps that this demand has not.
        """
        if not 0 <= first_step < until_step <= self.steps:
            raise ValueError(f"steps {first_step} to {until_step} are not in a demand of {self.steps} steps")
        if (first_step, until_step) == (0, self.steps):
            return self
        base = slice(first_step * self.parts, until_step * self.parts)
        rows = np.ascontiguousarray(self.level.rows[:, base])
        rows.setflags(write=False)
        month_ends = np.clip(self.month_ends - first_step, 0, until_step - first_step)
        return dataclasses.replace(
            self,
            level=dataclasses.replace(self.level, rows=rows),
            lengths=self.lengths.between(base),
            count_normals=None if self.count_normals is None else self.count_normals[base],
            month_ends=month_ends,
            months=np.diff(month_ends, prepend=0) * (self.step_s / SECONDS_PER_MONTH),
            first_step=self.first_step + first_step,
            until_step=self.first_step + until_step,
        )

    @property
    def is_smooth(self) -> bool:
        """Whether arrivals are the profile times the volume, at every volume."""
        return self.count_normals is None and self.level.rows.shape[0] == 1

    @property
    def is_plain(self) -> bool:
        """Whether every request is alike and arrivals are proportional to the volume."""
        return self.is_smooth and not self.lengths.vary

    @cached_property
    def profile(self) -> Array:
        """What is proportional to the volume: arrivals over the mean, in expectation one. Shape (steps,)."""
        return self.by_step(self.level.rows[0])

    @cached_property
    def profile_mean(self) -> float:
        """Mean of the profile over the steps, on this path. [1]"""
        return float(self.profile.mean())

    def by_step(self, per_base_step: Array) -> Array:
        """Mean over each step of a number per base step. Shape (steps,)."""
        if self.parts == 1:
            return per_base_step
        mean: Array = per_base_step.reshape(self.steps, self.parts).mean(axis=1)
        mean.setflags(write=False)
        return mean

    @property
    def has_steps(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Bill months that hold a step: a long step may leave a short last month without one. Shape (months,)."""
        return self.months > 0

    @property
    def bill_ends(self) -> Steps:
        """First step after each bill month that holds one."""
        return self.month_ends[self.has_steps]

    @property
    def edges_s(self) -> Array:
        """Moments between the steps, after the start of the horizon; shape (steps + 1,). [s]"""
        return np.arange(self.first_step, self.first_step + self.steps + 1) * self.step_s

    @property
    def growth_by_step(self) -> Array:
        """Growth of each step's month. Shape (steps,)."""
        return self.spread(self.growth)

    def spread(self, per_month: Array) -> Array:
        """What holds in each bill month, at every step of it. Shape (steps,)."""
        return np.repeat(per_month, np.diff(self.month_ends, prepend=0))

    def by_month(self, per_step: Array) -> Array:
        """Sum over each bill month of a number per step. Shape (months,)."""
        sums = np.zeros(self.months.size)
        sums[self.has_steps] = self.sums_until(per_step, self.bill_ends)
        return sums

    def sums_until(self, per_step: Array, block_ends: Steps) -> Array:
        """Sum over blocks of steps, each up to its end, of a number per step. Shape (blocks,)."""
        return np.add.reduceat(per_step, np.concatenate(([0], block_ends[:-1])))

    @property
    def requests_per_base_step(self) -> float:
        """Requests in a mean base step for each request a month. [1]"""
        return self.step_s / self.parts / SECONDS_PER_MONTH

    def path(self, requests_per_month: float, mix: Mix) -> DemandPath:
        """The demand at one volume of month 0, grown, in requests and tokens.

        Parameters
        ----------
        requests_per_month : float
            Mean demand of month 0. [requests per month of 730 h]
        mix : Mix
            Mean request.
        """
        means, requests = self._requests(requests_per_month)
        expected = self._sums(means)
        del means  # a year of minutes in every array: those that are no longer needed go
        counted = self.count_normals is not None
        return DemandPath(
            start_utc=self.start_utc,
            step_s=self.step_s,
            expected_requests=expected,
            requests=self._sums(requests),
            input_tokens=self._sums(self.lengths.input.tokens(requests, mix.input_tokens, counted)),
            output_tokens=self._sums(self.lengths.output.tokens(requests, mix.output_tokens, counted)),
            spike_share=self.level.spike_share,
            job_share=self.level.job_share,
        )

    def _requests(self, requests_per_month: float) -> tuple[Array, Array]:
        """Requests of each base step, grown: expected, and counted. Shapes (steps x parts,)."""
        grown = requests_per_month * np.repeat(self.growth_by_step, self.parts)
        means = self.level.rates(grown)
        grown *= self.requests_per_base_step
        np.maximum(np.multiply(means, grown, out=means), 0.0, out=means)
        if self.count_normals is None:
            return means, means
        grown *= self.level.rows[0]
        requests = np.empty(means.size)
        arrivals.count(means, grown, self.count_normals, arrivals.count_thresholds(), requests)
        return means, requests

    def _sums(self, per_base_step: Array) -> Array:
        return per_base_step.reshape(self.steps, self.parts).sum(axis=1)


_DRAWN: dict[tuple[str, Horizon, int, float], Demand] = {}
_MOST_KEPT = 16
_LOCK = Lock()  # threads that ask for one demand share what the first of them draws


def sample_demand(traffic: Traffic, horizon: Horizon, seed: int, requests_per_month: float | None = None) -> Demand:
    """Draw the demand of a scenario. The same arguments give the same numbers, bit for bit, and are drawn once.

    Steps shorter than an hour are means over a base of 60 s (or the step, if shorter) with curves taken at its middle;
    whole hours are means over a base of an hour, and other longer steps are their own base: there noise is drawn with
    its variance and memory aggregated in closed form.

    Parameters
    ----------
    traffic, horizon, seed :
        Of the scenario.
    requests_per_month : float, optional
        The scenario's own volume, at which a cap holds; left out: as the traffic gives it, at 1,000 tokens a request.

    Raises
    ------
    ValueError
        If the shape is zero at every step of the horizon.
    """
    capped = any(shape.cap_to_mean is not None for _, shape in traffic.shapes.values())
    volume = 0.0
    if capped:
        volume = requests_per_month if requests_per_month is not None else traffic.requests_per_month_at(1000.0)
    key = (traffic.fingerprint, horizon, seed, volume)
    with _LOCK:
        if key not in _DRAWN:
            drawn = _draw(traffic, horizon, seed, volume)
            if len(_DRAWN) >= _MOST_KEPT:
                _DRAWN.pop(next(iter(_DRAWN)))
            _DRAWN[key] = drawn
        return _DRAWN[key]


def forget_draws() -> None:
    """Forget what has been drawn, so that it is drawn anew."""
    with _LOCK:
        _DRAWN.clear()


def base_of(step_s: float) -> int:
    """Number of base steps in a step."""
    if step_s < SECONDS_PER_HOUR:
        return max(1, int(np.ceil(step_s / SECONDS_PER_MINUTE - 1e-9)))
    hours = step_s / SECONDS_PER_HOUR
    return round(hours) if abs(hours - round(hours)) < 1e-9 else 1


def _draw(traffic: Traffic, horizon: Horizon, seed: int, requests_per_month: float) -> Demand:
    parts = base_of(horizon.step_s)
    timeline = Timeline(horizon.start_utc, horizon.steps * parts, horizon.step_s / parts)
    months = horizon.bill_months
    ends_s = np.minimum(np.arange(1, months + 1) * SECONDS_PER_MONTH, horizon.duration_s)
    month_ends = np.round(ends_s / horizon.step_s).astype(np.int64)
    month_ends[-1] = horizon.steps
    normals = None
    if traffic.counts == "poisson":
        normals = stream(seed, "counts").standard_normal(timeline.size)
        np.clip(normals, -arrivals.MOST_DRAW, arrivals.MOST_DRAW, out=normals)
    return Demand(
        horizon=horizon,
        parts=parts,
        level=drawn_level(traffic, timeline, seed, requests_per_month),
        lengths=drawn_lengths(traffic, timeline, seed),
        count_normals=normals,
        month_ends=month_ends,
        months=np.diff(month_ends, prepend=0) * (horizon.step_s / SECONDS_PER_MONTH),
        growth=traffic.growth_law.factors(np.arange(months, dtype=np.float64)),
    )
