"""A demand laid out for the kernel: its rows for one kind of work, and their coefficients in every lane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.domain.plans import Array, FleetPlan, WorkShares
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.simulation import arrivals
from simulator.simulation.demand import Demand

_LEAST_LINEAR_PER_VARIANCE = 32.0  # mean of a minute from which noise is linear in rows, for each 1 + variance


@dataclass(frozen=True, eq=False)
class WorkRows:
    """Rows of a demand in the work that a fleet has with it, each over the mean.

    `rows` has shape (steps, n), the level's rows and, where requests are counted, their counting noise. `base_rows`
    (n - 1, steps x parts) and `base_draws` (3, steps x parts) serve the volumes below `counted_below` (steps,), where
    it is not normal [requests per month].
    """

    rows: Array
    base_rows: Array
    base_draws: Array
    counted_below: Array
    least_linear: float
    length_variance: float


@lru_cache(maxsize=8)
def work_rows(demand: Demand, work: WorkShares) -> WorkRows:
    """Rows of a demand for fleets whose work follows the lengths of requests by these shares."""
    weight, length_normals, length_variance = _work_of_lengths(demand, work)
    rows = [demand.by_step(row if weight is None else row * weight) for row in demand.level.rows]
    steps = demand.steps
    if demand.count_normals is None:
        return WorkRows(_columns(rows), np.zeros((1, 1)), np.zeros((3, 1)), np.zeros(steps), 0.0, 0.0)
    level = demand.level.rows[0]
    noise = demand.count_normals + np.sqrt(length_variance) * length_normals
    counting = np.sqrt(level) * noise
    rows.append(demand.by_step(counting if weight is None else counting * weight))
    least = max(arrivals.LEAST_LINEAR_MEAN, _LEAST_LINEAR_PER_VARIANCE * (1.0 + length_variance))
    lowest = _lowest_rate(demand, least).reshape(steps, demand.parts).min(axis=1)
    return WorkRows(
        rows=_columns(rows),
        base_rows=demand.level.rows,
        base_draws=_stacked(demand.count_normals, weight, length_normals),
        counted_below=least / (lowest * demand.requests_per_base_step),
        least_linear=least,
        length_variance=length_variance,
    )


def _stacked(count_normals: Array, weight: Array | None, length_normals: Array | float) -> Array:
    """Numbers for count, weight and length of each base step. Shape (3, steps x parts)."""
    draws = np.empty((3, count_normals.size))
    draws[0], draws[1], draws[2] = count_normals, 1.0 if weight is None else weight, length_normals
    return draws


def _lowest_rate(demand: Demand, least: float) -> Array:
    """Rate over the volume of each base step at about the volume where its mean is `least`; infinite where it is 0.

    The mean is the level times the noise that falls with the load, which is that of the volume at which the level alone
    gives `least`.
    """
    level = demand.level.rows[0]
    with np.errstate(divide="ignore"):
        volumes = least / (level * demand.requests_per_base_step)
    rates = demand.level.rates(np.minimum(volumes, 1e200))
    return np.where(level > 0, np.minimum(rates, level), np.inf)


def _work_of_lengths(demand: Demand, work: WorkShares) -> tuple[Array | None, Array | float, float]:
    """Work of a request over the mean one at each base step, and what the scatter of its lengths adds.

    The work is a sum of a constant share, one that follows the prompt and one that follows the answer; so the scatter
    of a request's work is the sum of theirs, independent of each other.
    """
    weight: Array | None = None
    normals: Array | float = 0.0
    variance = 0.0
    for share, one in ((work.input, demand.lengths.input), (work.output, demand.lengths.output)):
        if share > 0 and one.drift is not None:
            weight = (1.0 if weight is None else weight) + share * (one.drift - 1.0)
        if share > 0 and one.normals is not None:
            sd = share * np.sqrt(one.relative_variance)
            normals = normals + sd * one.normals
            variance += sd * sd
    return weight, (normals / np.sqrt(variance) if variance > 0 else 0.0), float(variance)


def _columns(rows: list[Array]) -> Array:
    return np.ascontiguousarray(np.stack(rows, axis=1))


@dataclass(frozen=True, eq=False)
class LaneArrivals:
    """What the kernel needs to know of the arrivals of at most `arrivals.LANES` volumes, in rising order."""

    rows: Array
    coefficients: Array
    volumes: Array
    counted_below: Array
    base_rows: Array
    base_draws: Array
    numbers: Array
    thresholds: Array

    @property
    def arguments(self) -> tuple[Array, ...]:
        """Arguments of `arrivals.arrive` before the step."""
        return (
            self.rows, self.coefficients, self.volumes, self.counted_below, self.base_rows, self.base_draws,
            self.numbers, self.thresholds,
        )  # fmt: skip

    def greatest(self) -> Array:
        """Greatest arrivals of each lane in any step. Shape (LANES,). [replicas]"""
        if self.rows.shape[1] == 1:
            result: Array = self.coefficients[0] * self.rows.max()
            return result
        result = np.zeros(arrivals.LANES)
        arrivals.greatest(*self.arguments, result)
        return result


def lane_arrivals(plan: FleetPlan, demand: Demand, requests_per_month: Array, *, grown: bool) -> LaneArrivals:
    """Arrivals of volumes in rising order; `grown`: with the growth of each month, for one volume only."""
    work = work_rows(demand, plan.work)
    size = requests_per_month.size
    volumes = np.full(arrivals.LANES, np.inf)  # lanes that nobody asked for are never counted
    volumes[:size] = requests_per_month
    coefficients = np.zeros((work.rows.shape[1], arrivals.LANES))
    load = requests_per_month * (plan.seconds_per_request / SECONDS_PER_MONTH)
    coefficients[:, :size] = load * _relative(demand, work, requests_per_month)
    rows, base_rows, counted_below = work.rows, work.base_rows, work.counted_below
    counted = demand.count_normals is not None
    if grown and np.any(demand.growth != 1.0):
        rows, base_rows, counted_below = _grown(demand, work, float(requests_per_month[0]))
    numbers = np.array(
        [
            demand.parts,
            demand.step_s / demand.parts / plan.seconds_per_request,
            plan.seconds_per_request / demand.step_s,
            work.least_linear,
            work.length_variance,
        ]
    )
    thresholds = arrivals.count_thresholds() if counted else np.zeros((1, 1))
    return LaneArrivals(
        rows, coefficients, volumes, counted_below, base_rows, work.base_draws, numbers, thresholds
    )  # fmt: skip


def _relative(demand: Demand, work: WorkRows, requests_per_month: Array) -> Array:
    """What each row is multiplied with, over the load, at n volumes. Shape (rows, n)."""
    volumes = np.maximum(requests_per_month, 1e-200)
    of_level = demand.level.coefficients(volumes)
    if work.rows.shape[1] == of_level.shape[0]:
        return of_level
    return np.vstack([of_level, (volumes * demand.requests_per_base_step) ** -0.5])


def _grown(demand: Demand, work: WorkRows, requests_per_month: float) -> tuple[Array, Array, Array]:
    """Rows, rows by minute and bounds with the growth of each month on them, for the coefficients of one volume."""
    volumes = requests_per_month * demand.growth
    now = _relative(demand, work, np.array([requests_per_month]))
    factors = (demand.growth * _relative(demand, work, volumes) / now).T
    month = np.repeat(np.arange(demand.months.size), np.diff(demand.month_ends, prepend=0))
    rows = work.rows * factors[month]
    if demand.count_normals is None:
        return rows, work.base_rows, work.counted_below
    by_minute = np.repeat(month, demand.parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        counted_below = np.nan_to_num(work.counted_below / demand.growth[month], nan=0.0)
    return rows, np.ascontiguousarray(work.base_rows * factors[by_minute, :-1].T), counted_below


@lru_cache(maxsize=12)
def demand_rows(demand: Demand, of: str) -> Array:
    """Rows of the level, by step: of requests, or of their `input` or `output` tokens over the mean request's.

    Shape (rows, steps).
    """
    drift = None if of == "requests" else getattr(demand.lengths, of).drift
    by_step = np.stack([demand.by_step(row if drift is None else row * drift) for row in demand.level.rows])
    by_step.setflags(write=False)
    return by_step


@lru_cache(maxsize=12)
def mean_rows(demand: Demand, of: str) -> Array:
    """Means of `demand_rows` over the steps. Shape (rows,)."""
    means: Array = demand_rows(demand, of).mean(axis=1)
    means.setflags(write=False)
    return means
